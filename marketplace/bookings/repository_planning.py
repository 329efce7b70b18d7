"""Questions that planning asks: whole batches at once, never one agreement or visit at a time."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Date, Select, Text, cast, column, func, or_, select, update
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from marketplace.bookings.calendar import Span
from marketplace.bookings.models import (
    AgreementPause,
    AgreementRate,
    AgreementTerms,
    Booking,
    SupportAgreement,
    VisitPattern,
    VisitPlace,
    VisitWorker,
)
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.repository import Repository
from marketplace.people.models import Person
from marketplace.providers.models import Listing, Worker
from marketplace.providers.repository.accreditations import is_accredited


class VisitKey(NamedTuple):
    """A visit of a pattern that is written down already."""

    pattern_id: UUID
    pattern_on: date


class AgreementReader(Repository[SupportAgreement]):
    """Agreements, as planning reads them."""

    model_type = SupportAgreement

    def running(self, council_id: UUID, today: date) -> Select[SupportAgreement]:
        """Start a question about agreements that count today or later."""
        return self.of(council_id).where(
            SupportAgreement.status == AgreementStatus.AGREED,
            or_(SupportAgreement.ends_on.is_(None), SupportAgreement.ends_on > today),
        )

    def every_council(self, councils: Sequence[UUID]) -> Select[SupportAgreement]:
        """Start a question of a provider about the councils it serves."""
        return select(SupportAgreement).where(SupportAgreement.council_id.in_(councils))

    async def open_of(self, council_id: UUID, person_id: UUID) -> Sequence[SupportAgreement]:
        """Return agreements of a person that are not over, drafts among them, locked in the order of their ids."""
        question = self.of(council_id).where(
            SupportAgreement.person_id == person_id,
            SupportAgreement.status.in_((AgreementStatus.DRAFT, AgreementStatus.OFFERED, AgreementStatus.AGREED)),
        )
        locked = question.order_by(SupportAgreement.id).with_for_update()
        return (await self.db.scalars(locked.execution_options(populate_existing=True))).all()

    async def people(self, council_id: UUID, today: date, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Return people with running agreements, by id, from behind one on."""
        question = (
            self.running(council_id, today)
            .with_only_columns(SupportAgreement.person_id)
            .distinct()
            .order_by(SupportAgreement.person_id)
            .limit(limit)
        )
        if after is not None:
            question = question.where(SupportAgreement.person_id > after)
        return (await self.db.scalars(question)).all()

    async def of_people(
        self, council_id: UUID, person_ids: Sequence[UUID], today: date, *, only: UUID | None = None
    ) -> Sequence[SupportAgreement]:
        """Return people's running agreements, or one of them, locked in the order of their ids."""
        question = self.running(council_id, today).where(SupportAgreement.person_id.in_(person_ids))
        if only is not None:
            question = question.where(SupportAgreement.id == only)
        locked = question.order_by(SupportAgreement.id).with_for_update()
        return (await self.db.scalars(locked.execution_options(populate_existing=True))).all()


class PlanningRepository:
    """What the planner needs to know, by batch."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def patterns(self, agreement_ids: Sequence[UUID], first: date, until: date) -> Sequence[VisitPattern]:
        """Return patterns that count on a day in [first, until), in order."""
        return (
            await self.db.scalars(
                select(VisitPattern)
                .where(
                    VisitPattern.agreement_id.in_(agreement_ids),
                    VisitPattern.starts_on < until,
                    or_(VisitPattern.ends_on.is_(None), VisitPattern.ends_on > first),
                    or_(VisitPattern.ends_on.is_(None), VisitPattern.ends_on > VisitPattern.starts_on),
                )
                .order_by(VisitPattern.weekday, VisitPattern.starts_local, VisitPattern.id)
            )
        ).all()

    async def pattern(self, council_id: UUID, pattern_id: UUID, *, locked: bool = False) -> VisitPattern | None:
        """Return a weekly visit of a council."""
        question = select(VisitPattern).where(VisitPattern.council_id == council_id, VisitPattern.id == pattern_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: VisitPattern | None = await self.db.scalar(question)
        return found

    async def terms(self, agreement_ids: Sequence[UUID]) -> tuple[Sequence[AgreementTerms], Sequence[AgreementRate]]:
        """Return the agreed terms of agreements, by number, and their rates."""
        rows = (
            await self.db.scalars(
                select(AgreementTerms)
                .where(AgreementTerms.agreement_id.in_(agreement_ids), AgreementTerms.status == TermsStatus.AGREED)
                .order_by(AgreementTerms.number)
            )
        ).all()
        rates = select(AgreementRate).where(AgreementRate.terms_id.in_([row.id for row in rows]))
        return rows, (await self.db.scalars(rates)).all()

    async def pauses(
        self, agreement_ids: Sequence[UUID], first: date | None = None
    ) -> dict[UUID, list[AgreementPause]]:
        """Return pauses by agreement, the earliest first; with a day only those that are not over then."""
        question = select(AgreementPause).where(AgreementPause.agreement_id.in_(agreement_ids))
        if first is not None:
            question = question.where(or_(AgreementPause.ends_on.is_(None), AgreementPause.ends_on > first))
        found: dict[UUID, list[AgreementPause]] = {}
        for row in await self.db.scalars(question.order_by(AgreementPause.starts_on, AgreementPause.id)):
            found.setdefault(row.agreement_id, []).append(row)
        return found

    async def keys(self, pattern_ids: Sequence[UUID], first: date) -> set[VisitKey]:
        """Return which visits of patterns are written down from a day on, in whatever state."""
        rows = await self.db.execute(
            select(Booking.pattern_id, Booking.pattern_on).where(
                Booking.pattern_id.in_(pattern_ids), Booking.pattern_on >= first
            )
        )
        return {VisitKey(row[0], row[1]) for row in rows if row[0] is not None and row[1] is not None}

    async def deaths(self, person_ids: Sequence[UUID]) -> dict[UUID, date]:
        """Return the days on which people died; who lives is left out."""
        rows = await self.db.execute(
            select(Person.id, Person.died_on).where(Person.id.in_(person_ids), Person.died_on.is_not(None))
        )
        return {row[0]: row[1] for row in rows if row[1] is not None}

    async def listings(self, listing_ids: Iterable[UUID]) -> dict[UUID, Listing]:
        """Return listings by id."""
        rows = await self.db.scalars(select(Listing).where(Listing.id.in_(set(listing_ids))))
        return {row.id: row for row in rows}

    async def accredited(
        self, council_id: UUID, wanted: Iterable[tuple[UUID, str, date]], on: date
    ) -> set[tuple[UUID, str, date]]:
        """Return which of some (organisation, service, day) the council pays for, as decided on a day."""
        rows = sorted(set(wanted))
        if not rows:
            return set()
        asked = (
            func.unnest(
                cast([row[0] for row in rows], ARRAY(UuidType())),
                cast([row[1] for row in rows], ARRAY(Text)),
                cast([row[2] for row in rows], ARRAY(Date)),
            )
            .table_valued(column("organisation_id", UuidType()), column("service", Text), column("day", Date))
            .render_derived(name="asked")
        )
        question = select(asked.c.organisation_id, asked.c.service, asked.c.day).where(
            is_accredited(asked.c.organisation_id, council_id, asked.c.service, asked.c.day, on)
        )
        return {(row[0], row[1], row[2]) for row in await self.db.execute(question)}

    async def hold_workers(self, worker_ids: Iterable[UUID]) -> list[Worker]:
        """Hold workers in the order of their ids, so that plans and requests for one of them queue up."""
        rows = await self.db.scalars(
            select(Worker).where(Worker.id.in_(set(worker_ids))).order_by(Worker.id).with_for_update(key_share=True)
        )
        return list(rows)

    async def places(
        self, listing_ids: Iterable[UUID], from_at: datetime, until_at: datetime
    ) -> list[tuple[UUID, int, Span]]:
        """Return places of activities that are taken between two instants, as this council knows them."""
        rows = await self.db.execute(
            select(VisitPlace.listing_id, VisitPlace.place, VisitPlace.starts_at, VisitPlace.ends_at).where(
                VisitPlace.listing_id.in_(set(listing_ids)),
                VisitPlace.is_holding,
                VisitPlace.starts_at < until_at,
                VisitPlace.ends_at > from_at,
            )
        )
        return [(row[0], row[1], Span(row[2], row[3])) for row in rows]

    async def places_of(self, visit_ids: Sequence[UUID]) -> dict[UUID, VisitPlace]:
        """Return which place of an activity each visit holds, by visit."""
        rows = await self.db.scalars(select(VisitPlace).where(VisitPlace.booking_id.in_(visit_ids)))
        return {row.booking_id: row for row in rows}

    async def note_planned(self, agreement: SupportAgreement, until: date, why: str) -> None:
        """Write down how far an agreement is planned. No new version: nothing was agreed anew."""
        if agreement.planned_until == until and agreement.not_planned_why == why:
            return
        await self.db.execute(
            update(SupportAgreement)
            .where(SupportAgreement.id == agreement.id)
            .values(planned_until=until, not_planned_why=why)
            .execution_options(synchronize_session=False)
        )
        set_committed_value(agreement, "planned_until", until)
        set_committed_value(agreement, "not_planned_why", why)

    async def second_workers(self, visit_ids: Sequence[UUID]) -> dict[UUID, VisitWorker]:
        """Return who comes second, by visit."""
        rows = await self.db.scalars(
            select(VisitWorker).where(VisitWorker.booking_id.in_(visit_ids), VisitWorker.position == 2)
        )
        return {row.booking_id: row for row in rows}
