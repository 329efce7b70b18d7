"""What can be applied for: the rounds of all councils, and what each of them takes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import local
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.providers.models import Application, Criterion, CriterionKind, Lot, Organisation, Round
from marketplace.providers.repository.applications import ApplicationRepository, RoundFacts
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.applications.opened import minutes_needed
from marketplace.providers.service.applications.papers import Needed, needed
from marketplace.providers.service.frameworks.rounds import RoundState, round_state
from marketplace.providers.service.reach import reach_every_council
from marketplace.providers.service.registration import is_registered


class LotOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as somebody sees it who thinks about applying."""

    lot: Lot
    questions: int
    minutes: int
    needed: list[Needed]
    is_barred: bool
    """It needs a registration with the Care Quality Commission that the organisation does not have."""


class RoundOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A round as somebody sees it who thinks about applying."""

    facts: RoundFacts
    state: RoundState
    lots: list[LotOffer]
    eligibility: list[Criterion]
    organisation: Organisation
    existing: Application | None


class OfferService:
    """Reads rounds as somebody sees them who thinks about applying."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.applications = ApplicationRepository(db)
        self.frameworks = FrameworkRepository(db)

    async def own(
        self, principal: Principal
    ) -> tuple[Sequence[tuple[Application, RoundFacts]], Sequence[RoundFacts], dict[UUID, list[str]]]:
        """Return the organisation's applications, the rounds that are to come or open, and the lots by application."""
        principal.require(Permission.APPLICATIONS_OWN)
        await reach_every_council(self.db)
        rows = await self.applications.of_organisation(principal.need_organisation())
        rounds = await self.applications.rounds(self.clock.now())
        return rows, rounds, await self.applications.lot_names(row.id for row, _ in rows)

    async def offer(self, principal: Principal, round_id: UUID) -> RoundOffer:
        """Return what a round asks of those who apply.

        Raises:
            NotFound: There is no such round.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        facts = await self.applications.round(round_id)
        if facts is None:
            raise NotFound
        criteria = await self.frameworks.criteria(facts.round.version_id)
        evidence = await EvidenceRepository(self.db).of_organisation(organisation_id)
        lots = await self.frameworks.lots(facts.round.version_id)
        registered = any(lot.needs_registration for lot in lots) and await is_registered(self.db, organisation_id)
        now = self.clock.now()
        offers = []
        for lot in lots:
            asked = [row for row in criteria if row.lot_id in (None, lot.id)]
            papers = needed([lot], asked, evidence, local(now).date(), facts.round.starts_on)
            offers.append(
                LotOffer(
                    lot=lot,
                    questions=sum(row.kind is not CriterionKind.EVIDENCE for row in asked),
                    minutes=minutes_needed(asked, sum(not paper.is_enough for paper in papers)),
                    needed=papers,
                    is_barred=lot.needs_registration and not registered,
                )
            )
        return RoundOffer(
            facts=facts,
            state=round_state(facts.round, now),
            lots=offers,
            eligibility=[row for row in criteria if row.kind is CriterionKind.ELIGIBILITY and row.lot_id is None],
            organisation=await OrganisationRepository(self.db).find(organisation_id),
            existing=await self.applications.in_round(organisation_id, round_id),
        )


def next_round(rounds: Sequence[Round], now: datetime) -> Round | None:
    """Return the round to apply in next: one that is open before one that is to come."""
    return min(rounds, key=lambda row: (round_state(row, now) != "open", row.opens_at), default=None)
