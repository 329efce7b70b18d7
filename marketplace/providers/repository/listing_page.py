"""Questions of the page of one listing, and of others that need the same facts for many listings at once."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import (
    Evidence,
    Listing,
    ListingHours,
    ListingRate,
    Organisation,
    RegulatorLocation,
    Worker,
)
from marketplace.providers.repository.evidence_rules import counts_on
from marketplace.providers.repository.market import ListingRow, on_the_market

_METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of the earth's mean radius."""


class ListingPageRepository:
    """Reads what stands around a listing. All of it is public, so nothing here is limited to a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def rates(self, listing_ids: Iterable[UUID], day: date) -> dict[UUID, list[ListingRate]]:
        """Return the dated rates that are in force on a day or come later, by listing, oldest first."""
        found: dict[UUID, list[ListingRate]] = {}
        rows = await self.db.scalars(
            select(ListingRate)
            .where(
                ListingRate.listing_id.in_(list(listing_ids)),
                or_(ListingRate.ends_on.is_(None), ListingRate.ends_on > day),
            )
            .order_by(ListingRate.starts_on, ListingRate.id)
        )
        for row in rows:
            found.setdefault(row.listing_id, []).append(row)
        return found

    async def hours(self, listing_ids: Iterable[UUID]) -> dict[UUID, list[ListingHours]]:
        """Return weekly hours by listing, in order of the week."""
        found: dict[UUID, list[ListingHours]] = {}
        rows = await self.db.scalars(
            select(ListingHours)
            .where(ListingHours.listing_id.in_(list(listing_ids)))
            .order_by(ListingHours.weekday, ListingHours.starts_local)
        )
        for row in rows:
            found.setdefault(row.listing_id, []).append(row)
        return found

    async def seen_evidence(self, organisation_id: UUID, worker_id: UUID | None, day: date) -> Sequence[Evidence]:
        """Return evidence that counts on a day: a council saw it, did not refuse it, and it has not ended.

        Of workers, only that of the one worker whose own listing it is.
        """
        whose: ColumnElement[bool] = Evidence.worker_id.is_(None)
        if worker_id is not None:
            whose = or_(whose, Evidence.worker_id == worker_id)
        return (
            await self.db.scalars(
                select(Evidence)
                .where(
                    Evidence.organisation_id == organisation_id,
                    whose,
                    counts_on(day),
                )
                .order_by(Evidence.kind, Evidence.expires_on.desc().nulls_first(), Evidence.id)
            )
        ).all()

    async def off_the_market(self, listing_id: UUID) -> ListingRow | None:
        """Return a listing whatever its state, for the page that says that it is gone."""
        row = (
            await self.db.execute(
                select(Listing, Organisation, Worker, RegulatorLocation)
                .join(Organisation, Organisation.id == Listing.organisation_id)
                .outerjoin(Worker, Worker.id == Listing.worker_id)
                .outerjoin(RegulatorLocation, RegulatorLocation.location_id == Listing.regulator_location_id)
                .where(Listing.id == listing_id)
            )
        ).first()
        return ListingRow(*row) if row is not None else None

    async def authorities(self, district_codes: Iterable[str]) -> dict[str, str]:
        """Return the register's name of the council area by district code."""
        rows = await self.db.execute(
            select(RegulatorLocation.lad_code, func.min(RegulatorLocation.local_authority))
            .where(RegulatorLocation.lad_code.in_(list(district_codes)), RegulatorLocation.local_authority != "")
            .group_by(RegulatorLocation.lad_code)
        )
        return {str(code): str(name) for code, name in rows}

    async def nearest(
        self,
        point: tuple[float, float] | None,
        categories: Sequence[str],
        *,
        day: date,
        without: UUID | None,
        limit: int,
    ) -> list[tuple[UUID, float | None]]:
        """Find listings of some kinds near a point without the index: id and metres, nearest first.

        Those that do not come to the point are left out; what has no place (by telephone) comes last.
        """
        question: Select[*tuple[Any, ...]] = (
            select(Listing.id)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .where(Listing.category.in_(categories), on_the_market(day))
        )
        if without is not None:
            question = question.where(Listing.id != without)
        if point is None:
            rows = await self.db.execute(question.order_by(Listing.id).limit(limit))
            return [(row[0], None) for row in rows]
        lat, lon = point
        # A worker's base is rounded here as everywhere, so that no distance tells more than the map does.
        here = Listing.worker_id.is_not(None)
        their_lat = case((here, func.round(Listing.lat * 100) / 100), else_=Listing.lat)
        their_lon = case((here, func.round(Listing.lon * 100) / 100), else_=Listing.lon)
        north = their_lat - lat
        east = (their_lon - lon) * func.cos(func.radians(lat))
        distance = _METRES_PER_DEGREE * func.sqrt(north * north + east * east)
        reach = case((Listing.is_nationwide, None), else_=Listing.radius_metres)
        rows = await self.db.execute(
            question.add_columns(distance)
            .where(or_(distance.is_(None), reach.is_(None), distance <= reach))
            .order_by(distance.asc().nulls_last(), Listing.id)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in rows]
