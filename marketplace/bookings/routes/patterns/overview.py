"""What is planned for an agreement: weekly visits, those to come, what is asked, pauses."""

from datetime import timedelta
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Booking, Side, SupportAgreement
from marketplace.bookings.repository_visits import ProposalReader, VisitReader
from marketplace.bookings.routes.patterns.shared import PAUSE_LABELS, VisitPages
from marketplace.bookings.service.planning.patterns import DAY
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.planning.words import NOT_PLANNED_WORDS, pattern_words, proposal_words
from marketplace.bookings.states import AgreementStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of

SHOWN = 30


class OverviewPages(VisitPages):
    """What both sides see."""

    async def _overview(self, db: AsyncSession, principal: Principal, text: str) -> Template:
        agreement = await self._agreement(db, principal, text)
        service, now = Proposals(db), clock_of(db).now()
        visits, first = VisitReader(db), today(clock_of(db))
        patterns = await service.rows.patterns([agreement.id], first, first + timedelta(weeks=104))
        by_id = {row.id: row for row in patterns}
        rows = await visits.rows(
            visits.to_come(agreement.council_id, agreement.id, now, also_called_off=True), SHOWN + 1
        )
        asked = await ProposalReader(db).every(ProposalReader(db).open(agreement.council_id, agreement.id))
        ones = {row.booking.id: row.booking for row in rows}
        proposals = [
            (
                row,
                proposal_words(
                    row,
                    await _visit(db, agreement, row.booking_id, ones),
                    by_id.get(row.pattern_id) if row.pattern_id else None,
                ),
            )
            for row in asked
        ]
        pauses = (await service.rows.pauses([agreement.id], first)).get(agreement.id, [])
        gone = await visits.taken_away([agreement.council_id], first, SHOWN, agreement_id=agreement.id)
        context = {
            "agreement": agreement,
            "base": self.base,
            "home": self._home(agreement.id),
            "is_person": self.side is Side.PERSON,
            "is_running": agreement.status is AgreementStatus.AGREED,
            "patterns": [(row, pattern_words(row), row.ends_on - DAY if row.ends_on else None) for row in patterns],
            "rows": rows[:SHOWN],
            "has_more": len(rows) > SHOWN,
            "proposals": proposals,
            "pauses": pauses,
            "pause_labels": dict(PAUSE_LABELS),
            "gone": gone,
            "today": first,
            "not_planned": NOT_PLANNED_WORDS.get(agreement.not_planned_why, ""),
        }
        return Template("bookings/visits/overview.html", context=context)


async def _visit(
    db: AsyncSession, agreement: SupportAgreement, visit_id: UUID | None, known: dict[UUID, Booking]
) -> Booking | None:
    if visit_id is None or visit_id in known:
        return known.get(visit_id) if visit_id else None
    return await VisitReader(db).maybe(VisitReader(db).of(agreement.council_id).where(Booking.id == visit_id))


class AgreementOverview(OverviewPages):
    """The person's side: what is planned."""

    path = "/agreements/{agreement_id:str}"
    side = Side.PERSON
    base = "/agreements"

    @get("/visits", permission=Permission.BOOKINGS_OWN)
    async def overview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show weekly visits, those to come, pauses and changes that the provider asks for."""
        return await self._overview(db, principal, agreement_id)


class ClientOverview(OverviewPages):
    """The provider's side: what is planned."""

    path = "/provider/clients/{agreement_id:str}"
    side = Side.PROVIDER
    base = "/provider/clients"

    @get("/visits", permission=Permission.BOOKINGS_ANSWER)
    async def overview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show weekly visits, those to come, pauses and what was asked."""
        return await self._overview(db, principal, agreement_id)
