"""Questions of the open data: the services that everybody may copy, page by page and in bounded batches."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, Text, and_, exists, false, func, or_, select, type_coerce
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.providers.models import (
    Listing,
    ListingCategory,
    ListingHours,
    Organisation,
    OrganisationKind,
    RegulatorLocation,
    Worker,
    WorkerHours,
)
from marketplace.providers.repository.market import ListingRow, on_the_market, on_the_register

METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of the earth's mean radius."""

CODES: Final[dict[str, InstrumentedAttribute[list[str]]]] = {
    "needs": Listing.suits,
    "interests": Listing.interests,
    "concessions": Listing.concessions,
}
"""Columns of codes by the name of their taxonomy."""


class ServiceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which public services are asked for; what is not given does not limit."""

    words: tuple[str, ...] = ()
    category: ListingCategory | None = None
    codes: tuple[str, str] | None = None
    """Name of a taxonomy and a code of it; an empty code is any of them."""
    is_nothing: bool = False
    """A term that nobody knows was asked for."""
    weekday: int | None = None
    """0 is Monday."""
    opens_from: time | None = None
    closes_by: time | None = None
    modified_from: datetime | None = None
    organisation_id: UUID | None = None
    has_place: bool = False
    """Only services that are given at, or go out from, a place that may be shown."""
    point: tuple[float, float] | None = None
    district: str | None = None
    within_metres: float | None = None
    """Distance of the place from the point; without it, services that come to the point."""


def is_open_data(day: date) -> ColumnElement[bool]:
    """Condition: a listing (joined with its organisation and worker) is part of the open data on a day."""
    return and_(on_the_market(day), Listing.is_open_data)


def has_shown_place() -> ColumnElement[bool]:
    """Condition: the listing has a place that is nobody's home."""
    return and_(
        Listing.worker_id.is_(None),
        Organisation.kind != OrganisationKind.SOLE_PA,
        Listing.is_nationwide.is_(False),
        or_(Listing.lat.is_not(None), Listing.town != ""),
    )


class OpenDataRepository:
    """Reads public services. Nothing here belongs to a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def count(self, asked: ServiceFilter, day: date) -> int:
        """Count the services asked for."""
        found = await self.db.scalar(self._asked(select(func.count()).select_from(Listing), asked, day))
        return int(found or 0)

    async def page(self, asked: ServiceFilter, day: date, *, offset: int, limit: int) -> list[ListingRow]:
        """Return a page of the services asked for, oldest first."""
        # The ids are found first, so that the rows skipped over are never read in full.
        ids = self._asked(select(Listing.id), asked, day).order_by(Listing.id).offset(offset).limit(limit)
        rows = await self.db.execute(self._rows().where(Listing.id.in_(ids.scalar_subquery())).order_by(Listing.id))
        return [ListingRow(*row) for row in rows]

    async def minimal(self, asked: ServiceFilter, day: date, *, offset: int, limit: int) -> list[tuple[UUID, datetime]]:
        """Return ids and instants of change of the services asked for, oldest first."""
        rows = await self.db.execute(
            self._asked(select(Listing.id, Listing.updated_at), asked, day)
            .order_by(Listing.id)
            .offset(offset)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in rows]

    async def one(self, listing_id: UUID, day: date) -> ListingRow | None:
        """Return one public service."""
        row = (await self.db.execute(self._rows().where(Listing.id == listing_id, is_open_data(day)))).first()
        return ListingRow(*row) if row is not None else None

    async def after(self, listing_id: UUID | None, day: date, limit: int) -> list[ListingRow]:
        """Return the next public services by key, from the first on without one."""
        question = self._rows().where(is_open_data(day)).order_by(Listing.id).limit(limit)
        if listing_id is not None:
            question = question.where(Listing.id > listing_id)
        return [ListingRow(*row) for row in await self.db.execute(question)]

    # For the site map

    async def count_places(self) -> int:
        """Count the entries of the register that stand on the market."""
        found = await self.db.scalar(select(func.count()).select_from(RegulatorLocation).where(on_the_register()))
        return int(found or 0)

    async def places(self, *, offset: int, limit: int) -> Sequence[tuple[str, datetime]]:
        """Return ids and instants of change of register entries."""
        rows = await self.db.execute(
            select(RegulatorLocation.location_id, RegulatorLocation.updated_at)
            .where(on_the_register())
            .order_by(RegulatorLocation.location_id)
            .offset(offset)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in rows]

    # Parts of questions

    def _rows(self) -> Select[*tuple[Any, ...]]:
        question: Select[*tuple[Any, ...]] = (
            select(Listing, Organisation, Worker, RegulatorLocation)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .outerjoin(RegulatorLocation, RegulatorLocation.location_id == Listing.regulator_location_id)
        )
        return question

    def _asked(self, question: Select[*tuple[Any, ...]], asked: ServiceFilter, day: date) -> Select[*tuple[Any, ...]]:
        question = (
            question.join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .where(is_open_data(day))
        )
        if asked.is_nothing:
            question = question.where(false())
        text = func.concat_ws(" ", Listing.title, Listing.summary, Listing.body, Organisation.name, Listing.town)
        for word in asked.words:
            question = question.where(text.icontains(word, autoescape=True))
        if asked.category is not None:
            question = question.where(Listing.category == asked.category)
        if asked.codes is not None:
            name, code = asked.codes
            column = type_coerce(CODES[name], postgresql.ARRAY(Text))
            question = question.where(column.contains([code]) if code else func.cardinality(column) > 0)
        if asked.modified_from is not None:
            question = question.where(Listing.updated_at >= asked.modified_from)
        if asked.organisation_id is not None:
            question = question.where(Listing.organisation_id == asked.organisation_id)
        if asked.has_place:
            question = question.where(has_shown_place())
        if asked.weekday is not None or asked.opens_from is not None or asked.closes_by is not None:
            question = question.where(_takes_place(asked))
        return question.where(_comes_to(asked)) if asked.point is not None else question


def _takes_place(asked: ServiceFilter) -> ColumnElement[bool]:
    """Condition: some hours of the service fit, those of its worker or its own."""
    found = []
    for hours, belongs in (
        (WorkerHours, WorkerHours.worker_id == Listing.worker_id),
        (ListingHours, and_(ListingHours.listing_id == Listing.id, Listing.worker_id.is_(None))),
    ):
        wanted = [belongs]
        if asked.weekday is not None:
            wanted.append(hours.weekday == asked.weekday)
        if asked.opens_from is not None:
            wanted.append(hours.starts_local >= asked.opens_from)
        if asked.closes_by is not None:
            wanted.append(hours.ends_local <= asked.closes_by)
        found.append(exists().where(*wanted))
    return or_(*found)


def _comes_to(asked: ServiceFilter) -> ColumnElement[bool]:
    lat, lon = asked.point or (0.0, 0.0)
    north = Listing.lat - lat
    east = (Listing.lon - lon) * func.cos(func.radians(lat))
    distance = METRES_PER_DEGREE * func.sqrt(north * north + east * east)
    if asked.within_metres is not None:
        return distance <= asked.within_metres
    covers = [Listing.is_nationwide, distance <= Listing.radius_metres]
    if asked.district is not None:
        covers.append(type_coerce(Listing.district_codes, postgresql.ARRAY(Text)).contains([asked.district]))
    return or_(*covers)
