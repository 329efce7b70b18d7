"""Questions about standing: the register by day, what a decision would affect, holds, actions, and what has changed."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, column, func, or_, select, table, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import User
from marketplace.core.errors import NotFound
from marketplace.providers.models import (
    CATEGORY_SERVICE,
    Accreditation,
    AccreditationAction,
    AccreditationHold,
    AccreditationStatus,
    HoldCause,
    Listing,
    Lot,
    Organisation,
    ServiceLine,
    Worker,
    WorkerKind,
)
from marketplace.providers.repository.accreditations import in_period, is_held, live_on
from marketplace.providers.repository.evidence_rules import end_of

PAGE = 50
LONGEST_EXPORT = 10_000

# Offers belong to `matching` and bookings to `bookings`, which stand above this package. Only counts of them are
# wanted here, for what a decision affects, so the tables are named without their classes; row-level security limits
# them to the reader's council.
_OFFERS = table("offers", column("id"), column("council_id"), column("organisation_id"), column("status"))
_BOOKINGS = table(
    "bookings",
    column("council_id"),
    column("organisation_id"),
    column("listing_id"),
    column("person_id"),
    column("status"),
    column("starts_at"),
    column("ends_at"),
)


class Effects(NamedTuple):
    """What rests on an accreditation now."""

    planners: int
    open_offers: int
    coming_visits: int
    """Agreed visits that are not over. They go on."""
    requests: int
    """Requests for visits that nobody has answered."""
    people: int
    """People with such visits or requests."""


class RegisterRow(NamedTuple):
    """A line of the register of a day."""

    accreditation: Accreditation
    organisation_name: str
    lot_code: str | None
    lot_name: str | None
    counts: bool


class Accredited(NamedTuple):
    """Who was accredited for what on a day."""

    organisation_id: UUID
    organisation_name: str
    service_line: ServiceLine
    lot_id: UUID | None
    since: date
    until: date
    """First day on which its period no longer covers it, as known today."""


class StandingRepository:
    """Reads accreditations with all that decides about them."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    # The register

    async def accredited_on(self, council_id: UUID, day: date) -> list[Accredited]:
        """Return who is or was accredited by a council for what on a day, past or to come, by name.

        Of a day gone by it is what counted then: later suspensions, removals and refusals change nothing.
        """
        rows = await self.db.execute(
            select(
                Organisation.id,
                Organisation.name,
                Accreditation.service_line,
                Accreditation.lot_id,
                Accreditation.live_from,
                func.least(Accreditation.live_until, Accreditation.removed_on),
            )
            .join(Organisation, Organisation.id == Accreditation.organisation_id)
            .where(Accreditation.council_id == council_id, live_on(day))
            .order_by(Organisation.name, Accreditation.service_line, Accreditation.id)
        )
        return [Accredited(*row) for row in rows]

    async def register(
        self,
        council_id: UUID,
        day: date,
        *,
        service: ServiceLine | None = None,
        lot_code: str = "",
        after: tuple[str, UUID] | None = None,
        limit: int = PAGE + 1,
    ) -> list[RegisterRow]:
        """Return a council's accreditations whose period covers a day, by name, whether or not they counted."""
        question = self._register(council_id, day, service, lot_code).order_by(Organisation.name, Accreditation.id)
        if after is not None:
            question = question.where(tuple_(Organisation.name, Accreditation.id) > after)
        return [RegisterRow(*row) for row in await self.db.execute(question.limit(limit))]

    async def register_counts(
        self, council_id: UUID, day: date, service: ServiceLine | None, lot_code: str
    ) -> tuple[int, int]:
        """Return how many lines the register of a day has, and how many of them count."""
        lines = self._register(council_id, day, service, lot_code).subquery()
        row = (
            await self.db.execute(select(func.count(), func.count(case((lines.c.counts, 1)))).select_from(lines))
        ).one()
        return int(row[0]), int(row[1])

    def _register(
        self, council_id: UUID, day: date, service: ServiceLine | None, lot_code: str
    ) -> Select[Accreditation, str, str, str, bool]:
        question = (
            select(Accreditation, Organisation.name, Lot.code, Lot.name.label("lot_name"), live_on(day).label("counts"))
            .join(Organisation, Organisation.id == Accreditation.organisation_id)
            .outerjoin(Lot, Lot.id == Accreditation.lot_id)
            .where(Accreditation.council_id == council_id, in_period(day))
        )
        if service is not None:
            question = question.where(Accreditation.service_line == service)
        if lot_code:
            question = question.where(Lot.code == lot_code)
        return question

    async def lot_codes(self, council_id: UUID) -> list[tuple[str, str]]:
        """Return code and name of the lots that a council has accredited for, by code."""
        rows = await self.db.execute(
            select(Lot.code, func.max(Lot.name))
            .join(Accreditation, Accreditation.lot_id == Lot.id)
            .where(Accreditation.council_id == council_id)
            .group_by(Lot.code)
            .order_by(Lot.code)
        )
        return [(row[0], row[1]) for row in rows]

    async def lots(self, lot_ids: Iterable[UUID | None]) -> dict[UUID, Lot]:
        """Return lots by id."""
        wanted = {one for one in lot_ids if one is not None}
        if not wanted:
            return {}
        return {row.id: row for row in await self.db.scalars(select(Lot).where(Lot.id.in_(wanted)))}

    async def counting(self, rows: Iterable[UUID], day: date) -> set[UUID]:
        """Return those of some accreditations that count on a day."""
        wanted = list(rows)
        return set(await self.db.scalars(select(Accreditation.id).where(Accreditation.id.in_(wanted), live_on(day))))

    # One accreditation

    async def of_organisation(self, organisation_id: UUID) -> Sequence[Accreditation]:
        """Return an organisation's accreditations by all councils, the newest period first."""
        return (
            await self.db.scalars(
                select(Accreditation)
                .where(Accreditation.organisation_id == organisation_id)
                .order_by(Accreditation.live_until.desc(), Accreditation.id)
                .limit(100)
            )
        ).all()

    async def open_hold(self, accreditation_id: UUID, cause: HoldCause) -> AccreditationHold | None:
        """Return the hold of a cause that lasts, or is to begin."""
        return (
            await self.db.scalars(
                select(AccreditationHold).where(
                    AccreditationHold.accreditation_id == accreditation_id,
                    AccreditationHold.cause == cause,
                    AccreditationHold.ends_on.is_(None),
                )
            )
        ).first()

    async def actions(self, accreditation_ids: Iterable[UUID]) -> dict[UUID, list[tuple[AccreditationAction, str]]]:
        """Return decisions with the name of who took them, by accreditation, the newest first."""
        found: dict[UUID, list[tuple[AccreditationAction, str]]] = {}
        rows = await self.db.execute(
            select(AccreditationAction, User.name)
            .outerjoin(User, User.id == AccreditationAction.made_by_user_id)
            .where(AccreditationAction.accreditation_id.in_(list(accreditation_ids)))
            .order_by(AccreditationAction.made_at.desc(), AccreditationAction.id.desc())
            .limit(500)
        )
        for action, name in rows:
            found.setdefault(action.accreditation_id, []).append((action, name or ""))
        return found

    async def last_action(self, accreditation_id: UUID) -> tuple[AccreditationAction, str] | None:
        """Return the newest decision and who took it."""
        return next(iter((await self.actions([accreditation_id])).get(accreditation_id, [])), None)

    async def action(
        self, action_id: UUID, *, council_id: UUID | None = None, organisation_id: UUID | None = None
    ) -> AccreditationAction:
        """Return a decision of a council, or about an organisation, locked.

        Raises:
            NotFound: There is none for this reader.
        """
        if council_id is None and organisation_id is None:
            raise NotFound
        question = select(AccreditationAction).where(AccreditationAction.id == action_id)
        if council_id is not None:
            question = question.where(AccreditationAction.council_id == council_id)
        if organisation_id is not None:
            question = question.where(AccreditationAction.organisation_id == organisation_id)
        question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def replies_waiting(self, council_id: UUID) -> Sequence[tuple[AccreditationAction, str]]:
        """Return decisions whose reply nobody has answered, with the organisation's name, the oldest reply first."""
        rows = await self.db.execute(
            select(AccreditationAction, Organisation.name)
            .join(Organisation, Organisation.id == AccreditationAction.organisation_id)
            .where(
                AccreditationAction.council_id == council_id,
                AccreditationAction.replied_at.is_not(None),
                AccreditationAction.answered_at.is_(None),
            )
            .order_by(AccreditationAction.replied_at)
            .limit(50)
        )
        return [(row[0], row[1]) for row in rows]

    async def effects(
        self, council_id: UUID, organisation_id: UUID, service: ServiceLine | None, now: datetime, day: date
    ) -> Effects:
        """Count what rests on an organisation's accreditation by a council, for one service or for all."""
        offers = and_(
            _OFFERS.c.organisation_id == organisation_id,
            _OFFERS.c.council_id == council_id,
            _OFFERS.c.status == "offered",
        )
        planners = and_(
            Worker.organisation_id == organisation_id,
            Worker.kind == WorkerKind.PLANNER,
            Worker.starts_on <= day,
            or_(Worker.ends_on.is_(None), Worker.ends_on > day),
        )
        visits = (
            select(_BOOKINGS.c.status, _BOOKINGS.c.person_id)
            .join(Listing, Listing.id == _BOOKINGS.c.listing_id)
            .where(
                _BOOKINGS.c.organisation_id == organisation_id,
                _BOOKINGS.c.council_id == council_id,
                _BOOKINGS.c.status.in_(["requested", "accepted"]),
                _BOOKINGS.c.ends_at > now,
                of_service(service),
            )
            .subquery()
        )
        is_agreed = visits.c.status == "accepted"
        counted = (
            await self.db.execute(
                select(
                    func.count(case((is_agreed, 1))),
                    func.count(case((~is_agreed, 1))),
                    func.count(func.distinct(visits.c.person_id)),
                )
            )
        ).one()
        plans = service in (None, ServiceLine.SUPPORT_PLANNING)
        found = (
            await self.db.execute(
                select(
                    select(func.count()).select_from(Worker).where(planners).scalar_subquery(),
                    select(func.count()).select_from(_OFFERS).where(offers).scalar_subquery(),
                )
            )
        ).one()
        return Effects(
            planners=int(found[0]) if plans else 0,
            open_offers=int(found[1]) if plans else 0,
            coming_visits=int(counted[0]),
            requests=int(counted[1]),
            people=int(counted[2]),
        )

    # The calendar

    async def turned(self, day: date, organisation_id: UUID | None) -> Sequence[tuple[Accreditation, bool]]:
        """Return accreditations for which it is not yet known that they count today, or do not; locked, by id."""
        counts = live_on(day)
        question = (
            select(Accreditation, counts)
            .where(Accreditation.told_counts.is_distinct_from(counts))
            .order_by(Accreditation.id)
            .limit(500)
            .with_for_update(of=Accreditation, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if organisation_id is not None:
            question = question.where(Accreditation.organisation_id == organisation_id)
        return [(row[0], bool(row[1])) for row in await self.db.execute(question)]

    async def due(self, day: date) -> Sequence[tuple[Accreditation, bool]]:
        """Return accreditations whose planned removal or suspension begins, locked; with whether it is a removal."""
        is_over = Accreditation.removed_on <= day
        question = (
            select(Accreditation, func.coalesce(is_over, False))
            .where(
                or_(
                    and_(Accreditation.status != AccreditationStatus.REMOVED, is_over),
                    and_(Accreditation.status == AccreditationStatus.LIVE, is_suspended(day)),
                )
            )
            .order_by(Accreditation.id)
            .limit(500)
            .with_for_update(of=Accreditation, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return [(row[0], bool(row[1])) for row in await self.db.execute(question)]

    async def registered_only(self, day: date, organisation_id: UUID | None = None) -> Sequence[Accreditation]:
        """Return accreditations with days to come that need an entry in the regulator's register, locked, by id."""
        question = (
            select(Accreditation)
            .where(
                Accreditation.needs_registration,
                Accreditation.status != AccreditationStatus.REMOVED,
                Accreditation.live_until > day,
            )
            .order_by(Accreditation.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if organisation_id is not None:
            question = question.where(Accreditation.organisation_id == organisation_id)
        return (await self.db.scalars(question)).all()


def is_suspended(day: date) -> ColumnElement[bool]:
    """Condition: a suspension holds the accreditation on a day, as known by its end."""
    return is_held(day, day, end_of(day), HoldCause.SUSPENSION)


def of_service(service: ServiceLine | None) -> ColumnElement[bool]:
    """Condition: a listing is paid for under an accreditation for a service; None for any."""
    if service is None:
        return Listing.id.is_not(None)
    named = [category for category, line in CATEGORY_SERVICE.items() if line is service]
    if service is not ServiceLine.COMMUNITY_SUPPORT:
        return Listing.category.in_(named)
    others = [category for category, line in CATEGORY_SERVICE.items() if line not in (None, service)]
    return Listing.category.not_in(others)
