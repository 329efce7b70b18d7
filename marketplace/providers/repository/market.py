"""Questions of the market: rows of the listings found, what goes into the index, and a search without the index."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    exists,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.providers.models import (
    CATEGORY_SERVICE,
    Accreditation,
    AccreditationStatus,
    Listing,
    ListingCategory,
    Organisation,
    RegulatorLocation,
    ServiceLine,
    Worker,
    WorkerHours,
)
from marketplace.providers.repository.accreditations import live_on, stands_on
from marketplace.providers.repository.evidence_rules import kept_by_day, lacks_cover, needs_cover

REGISTER_PREFIX = "cqc-"
"""Stands before the location's id in the id of a register entry in the index."""

HOME_CARE_TYPE = "Domiciliary care service"
SUPPORTED_LIVING_TYPES = ("Supported living service", "Extra Care housing services")
REGISTER_HOME_CARE_METRES = 15_000
"""How far a registered home care agency is taken to travel, since the register does not say."""


class ListingRow(NamedTuple):
    """A listing with what its page and its place in the index need."""

    listing: Listing
    organisation: Organisation
    worker: Worker | None
    location: RegulatorLocation | None


@kept_by_day
def organisation_is_live(day: date) -> ColumnElement[bool]:
    """Condition: the organisation may stand on the market.

    One that no council accredits may (a self-funder can still choose it, and community groups need none); one whose
    every word from a council was suspended or removed may not. Evidence that ended does not take it off by itself:
    people who pay for themselves may still choose it, as long as the rule on insurance allows (`service.cover`).
    """
    stopped = exists().where(
        Accreditation.organisation_id == Organisation.id,
        Accreditation.status.in_([AccreditationStatus.SUSPENDED, AccreditationStatus.REMOVED]),
    )
    live = exists().where(Accreditation.organisation_id == Organisation.id, stands_on(day))
    # One that became part of another gets nothing new; its listings went over or were taken off.
    return and_(Organisation.merged_into_id.is_(None), or_(not_(stopped), live))


@kept_by_day
def on_the_market(day: date) -> ColumnElement[bool]:
    """Condition: a listing (joined with its organisation and worker) is shown to everybody."""
    return and_(
        Listing.is_published,
        Listing.hidden_why.is_(None),
        organisation_is_live(day),
        or_(
            Listing.worker_id.is_(None),
            and_(Worker.starts_on <= day, or_(Worker.ends_on.is_(None), Worker.ends_on > day)),
        ),
    )


@kept_by_day
def takes_new_work(day: date) -> ColumnElement[bool]:
    """Condition: a listing (joined with its organisation) may take new visits today, whoever pays for them."""
    return and_(
        organisation_is_live(day),
        not_(and_(needs_cover(), lacks_cover(Listing.organisation_id, day))),
    )


def listing_service() -> ColumnElement[ServiceLine]:
    """Column: the accreditation that council money needs for a listing, as `bookings.policies.service_of` says it."""
    named = [(Listing.category == category, line.value) for category, line in CATEGORY_SERVICE.items() if line]
    return case(*named, else_=ServiceLine.COMMUNITY_SUPPORT.value)


def on_the_register() -> ColumnElement[bool]:
    """Condition: a register entry stands on the market by itself.

    Not when it is closed, dormant or replaced by a newer registration, and not when an organisation's own listing
    stands for it.
    """
    listed = exists().where(
        Listing.regulator_location_id == RegulatorLocation.location_id,
        Listing.is_published,
        Listing.hidden_why.is_(None),
    )
    return and_(
        RegulatorLocation.is_registered,
        RegulatorLocation.superseded_by.is_(None),
        not_(RegulatorLocation.is_dormant),
        not_(listed),
    )


def register_category() -> Any:
    """Column: the category of a register entry, as `service.register.category_of` says it."""
    types = type_coerce(RegulatorLocation.service_types, postgresql.ARRAY(Text))
    return case(
        (RegulatorLocation.is_care_home, ListingCategory.CARE_HOME.value),
        (types.contains([HOME_CARE_TYPE]), ListingCategory.HOME_CARE.value),
        (types.overlap(list(SUPPORTED_LIVING_TYPES)), ListingCategory.SUPPORTED_LIVING.value),
        else_=ListingCategory.OTHER_REGULATED.value,
    )


class MarketRepository:
    """Reads the market. Its rows belong to no council, so nothing here is limited to one."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    # One row or some

    def _listings(self) -> Select[*tuple[Any, ...]]:
        question: Select[*tuple[Any, ...]] = (
            select(Listing, Organisation, Worker, RegulatorLocation)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .outerjoin(RegulatorLocation, RegulatorLocation.location_id == Listing.regulator_location_id)
        )
        return question

    async def listings(self, ids: Iterable[UUID], day: date) -> dict[UUID, ListingRow]:
        """Return those of some listings that are on the market, by id."""
        rows = await self.db.execute(self._listings().where(Listing.id.in_(list(ids)), on_the_market(day)))
        return {row[0].id: ListingRow(*row) for row in rows}

    async def locations(self, ids: Iterable[str]) -> dict[str, RegulatorLocation]:
        """Return those of some register entries that are on the market, by id."""
        rows = await self.db.scalars(
            select(RegulatorLocation).where(RegulatorLocation.location_id.in_(list(ids)), on_the_register())
        )
        return {row.location_id: row for row in rows}

    async def location(self, location_id: str) -> RegulatorLocation | None:
        """Return a register entry, whatever its state."""
        return await self.db.get(RegulatorLocation, location_id)

    async def listing_of_location(self, location_id: str, day: date) -> UUID | None:
        """Return the listing on the market that stands for a register entry, if there is one."""
        found: UUID | None = await self.db.scalar(
            select(Listing.id)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .where(Listing.regulator_location_id == location_id, on_the_market(day))
            .order_by(Listing.id)
            .limit(1)
        )
        return found

    async def hours(self, worker_ids: Iterable[UUID]) -> dict[UUID, list[WorkerHours]]:
        """Return weekly hours by worker, in order of the week."""
        found: dict[UUID, list[WorkerHours]] = {}
        rows = await self.db.scalars(
            select(WorkerHours)
            .where(WorkerHours.worker_id.in_(list(worker_ids)))
            .order_by(WorkerHours.weekday, WorkerHours.starts_local)
        )
        for row in rows:
            found.setdefault(row.worker_id, []).append(row)
        return found

    async def live_accreditations(self, organisation_ids: Iterable[UUID], day: date) -> dict[UUID, list[Accreditation]]:
        """Return the accreditations that count on a day, by organisation."""
        found: dict[UUID, list[Accreditation]] = {}
        rows = await self.db.scalars(
            select(Accreditation)
            .where(Accreditation.organisation_id.in_(list(organisation_ids)), live_on(day))
            .order_by(Accreditation.service_line, Accreditation.live_until)
        )
        for row in rows:
            found.setdefault(row.organisation_id, []).append(row)
        return found

    async def councils(self) -> Sequence[Council]:
        """Return the councils of the installation, by name."""
        return (await self.db.scalars(select(Council).order_by(Council.name))).all()

    # For the index

    async def listing_batches(self, day: date, size: int) -> AsyncGenerator[list[ListingRow], None]:
        """Stream all listings that are on the market."""
        after: UUID | None = None
        while True:
            question = self._listings().where(on_the_market(day)).order_by(Listing.id).limit(size)
            if after is not None:
                question = question.where(Listing.id > after)
            rows = [ListingRow(*row) for row in await self.db.execute(question)]
            if not rows:
                return
            after = rows[-1].listing.id
            yield rows
            self.db.expunge_all()

    async def register_batches(self, size: int) -> AsyncGenerator[Sequence[RegulatorLocation], None]:
        """Stream all register entries that are on the market."""
        after = ""
        while True:
            rows = (
                await self.db.scalars(
                    select(RegulatorLocation)
                    .where(RegulatorLocation.location_id > after, on_the_register())
                    .order_by(RegulatorLocation.location_id)
                    .limit(size)
                )
            ).all()
            if not rows:
                return
            after = rows[-1].location_id
            yield rows
            self.db.expunge_all()

    async def location_ids_of(self, listing_ids: Iterable[UUID]) -> set[str]:
        """Return the register entries that some listings stand for, whether or not they are published."""
        rows = await self.db.scalars(
            select(Listing.regulator_location_id).where(
                Listing.id.in_(list(listing_ids)), Listing.regulator_location_id.is_not(None)
            )
        )
        return {str(row) for row in rows}

    async def listing_ids_of(self, organisation_id: UUID) -> Sequence[UUID]:
        """Return the ids of all listings of an organisation, published or not."""
        return (await self.db.scalars(select(Listing.id).where(Listing.organisation_id == organisation_id))).all()

    async def organisations_turning(self, day: date) -> Sequence[UUID]:
        """Return organisations with an accreditation that begins or ends on a day."""
        return (
            await self.db.scalars(
                select(Accreditation.organisation_id)
                .where(or_(Accreditation.live_from == day, Accreditation.live_until == day))
                .distinct()
            )
        ).all()
