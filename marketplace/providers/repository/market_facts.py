"""Questions about many offers at once: the cards of a page of results, and what the index holds beside the listing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Row,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.clock import instant
from marketplace.core.models import PostcodeRow
from marketplace.core.places import Postcode
from marketplace.providers.models import (
    Accreditation,
    DayKind,
    Listing,
    ListingHours,
    ListingRate,
    Organisation,
    PriceUnit,
    RegulatorLocation,
    Worker,
    WorkerHours,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.market import on_the_market, on_the_register

ROOM_AHEAD_DAYS = 14
"""How far ahead a worker's free time counts as room."""
STALE_ROOM_DAYS = 60

_FREE_MINUTES = text(
    """
    SELECT w.id,
        (SELECT coalesce(sum(extract(epoch FROM h.ends_local - h.starts_local)), 0)
            FROM generate_series(0, :days - 1) AS n
            JOIN worker_hours h ON h.worker_id = w.id
                AND h.weekday = extract(isodow FROM CAST(:day AS date) + n) - 1
            WHERE NOT EXISTS (
                SELECT 1 FROM worker_absences a
                WHERE a.worker_id = w.id
                    AND a.starts_on <= CAST(:day AS date) + n AND a.ends_on > CAST(:day AS date) + n
            ))
        - (SELECT coalesce(sum(extract(epoch FROM least(b.ends_at, :until_at) - greatest(b.starts_at, :from_at))), 0)
            FROM worker_busy(w.id, :from_at, :until_at) AS b) AS seconds
    FROM unnest(CAST(:ids AS uuid[])) AS w(id)
    """
)


class PlaceFound(NamedTuple):
    """A postcode on the map, and the council of this installation that it lies in."""

    lat: float
    lon: float
    lad_code: str
    council_id: UUID | None
    council_name: str


def general_rate(day: date) -> ColumnElement[int]:
    """Column: a listing's price on a day without regard to the day's kind, its dated rate or else its own price."""
    dated = (
        select(ListingRate.price_pence)
        .where(
            ListingRate.listing_id == Listing.id,
            ListingRate.day_kind == DayKind.ANY,
            ListingRate.starts_on <= day,
            or_(ListingRate.ends_on.is_(None), ListingRate.ends_on > day),
        )
        .order_by(ListingRate.starts_on.desc())
        .limit(1)
        .correlate(Listing)
        .scalar_subquery()
    )
    return func.coalesce(dated, Listing.price_pence)


def _hours(model: type[WorkerHours] | type[ListingHours], mine: ColumnElement[bool]) -> Any:
    """Column: weekly hours as texts, "5 09:00:00 12:00:00" is Saturday morning."""
    line = func.concat_ws(" ", model.weekday, model.starts_local, model.ends_local)
    return select(func.array_agg(line)).where(mine).correlate(Listing).scalar_subquery()


# Written once: putting these together costs more than what PostgreSQL does with them.
@lru_cache(maxsize=1)
def _listing_cards() -> Select[*tuple[Any, ...]]:
    """Write the question for the cards of offers: parameters `ids` and `day`."""
    day: Any = bindparam("day", type_=Date)
    accredited = (
        select(func.array_agg(func.distinct(Council.short_name)))
        .join(Accreditation, Accreditation.council_id == Council.id)
        .where(Accreditation.organisation_id == Listing.organisation_id, live_on(day))
        .correlate(Listing)
        .scalar_subquery()
    )
    return (
        select(
            Listing.id,
            Listing.title,
            Listing.summary,
            Listing.category,
            case((Listing.price_unit == PriceUnit.FREE, 0), else_=general_rate(day)).label("price_pence"),
            Listing.price_unit,
            Listing.usual_tenths,
            Listing.capacity_kind,
            Listing.capacity_free,
            Listing.capacity_said_at,
            Listing.feedback_count,
            Listing.feedback_stars,
            Listing.worker_id,
            Listing.regulator_location_id,
            Organisation.name.label("provider"),
            Organisation.is_example,
            RegulatorLocation.rating_overall,
            RegulatorLocation.rated_on,
            RegulatorLocation.inspected_on,
            accredited.label("accredited_by"),
            case(
                (Listing.worker_id.is_(None), _hours(ListingHours, ListingHours.listing_id == Listing.id)),
                else_=_hours(WorkerHours, WorkerHours.worker_id == Listing.worker_id),
            ).label("hours"),
        )
        .join(Organisation, Organisation.id == Listing.organisation_id)
        .outerjoin(Worker, Worker.id == Listing.worker_id)
        .outerjoin(RegulatorLocation, RegulatorLocation.location_id == Listing.regulator_location_id)
        .where(Listing.id == any_(bindparam("ids", type_=ARRAY(Uuid))), on_the_market(day))
    )


@lru_cache(maxsize=1)
def _register_cards() -> Select[*tuple[Any, ...]]:
    """Write the question for the cards of register entries: parameter `ids`."""
    return select(
        RegulatorLocation.location_id,
        RegulatorLocation.name,
        RegulatorLocation.provider_name,
        RegulatorLocation.is_care_home,
        RegulatorLocation.service_types,
        RegulatorLocation.specialisms,
        RegulatorLocation.town,
        RegulatorLocation.beds,
        RegulatorLocation.rating_overall,
        RegulatorLocation.rated_on,
        RegulatorLocation.inspected_on,
        RegulatorLocation.is_example,
    ).where(RegulatorLocation.location_id == any_(bindparam("ids", type_=ARRAY(Text))), on_the_register())


@lru_cache(maxsize=1)
def _place() -> Select[*tuple[Any, ...]]:
    """Write the question where a postcode lies: parameter `postcode`."""
    return (
        select(PostcodeRow.lat, PostcodeRow.lon, PostcodeRow.lad_code, Council.id, Council.short_name)
        .outerjoin(Council, PostcodeRow.lad_code == any_(Council.district_codes))
        .where(PostcodeRow.postcode == bindparam("postcode", type_=Text))
        .limit(1)
    )


class MarketFacts:
    """Reads facts about many offers with one question each."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def cards(self, ids: Sequence[UUID], day: date) -> dict[UUID, Row[Any]]:
        """Return what the results page shows of those of some listings that are on the market, by id.

        One question with plain columns: whole rows of four tables would cost several times as much (measured by
        `benchmarks/market_page_bench.py`).
        """
        rows = await self.db.execute(_listing_cards(), {"ids": ids, "day": day})
        return {row.id: row for row in rows}

    async def register_cards(self, ids: Sequence[str]) -> dict[str, Row[Any]]:
        """Return the same of those of some register entries that are on the market, by id."""
        rows = await self.db.execute(_register_cards(), {"ids": ids})
        return {row.location_id: row for row in rows}

    async def hours_of_listings(self, ids: Sequence[UUID]) -> dict[UUID, list[ListingHours]]:
        """Return the weekly hours of offers without a worker of their own."""
        found: dict[UUID, list[ListingHours]] = {}
        rows = await self.db.scalars(
            select(ListingHours)
            .where(ListingHours.listing_id.in_(ids))
            .order_by(ListingHours.weekday, ListingHours.starts_local)
        )
        for row in rows:
            found.setdefault(row.listing_id, []).append(row)
        return found

    async def rates(self, ids: Sequence[UUID], day: date) -> dict[UUID, int]:
        """Return the general rate of each listing on a day, in pence."""
        rows = await self.db.execute(select(Listing.id, general_rate(day)).where(Listing.id.in_(ids)))
        return {row[0]: int(row[1]) for row in rows}

    async def free_minutes(self, worker_ids: Iterable[UUID], day: date) -> dict[UUID, int]:
        """Return the minutes that workers have left in the next 14 days: usual hours less days away less visits.

        Visits count in whole wherever they lie, and over all councils; below nothing is nothing.
        """
        ids = [str(one) for one in worker_ids]
        if not ids:
            return {}
        midnight = datetime.min.time()
        values = {
            "ids": ids,
            "day": day,
            "days": ROOM_AHEAD_DAYS,
            "from_at": instant(day, midnight),
            "until_at": instant(day + timedelta(days=ROOM_AHEAD_DAYS), midnight),
        }
        rows = await self.db.execute(_FREE_MINUTES, values)
        return {row.id: max(int(row.seconds) // 60, 0) for row in rows}

    async def place(self, postcode: Postcode) -> PlaceFound | None:
        """Return where a postcode lies, None when the directory has none."""
        row = (await self.db.execute(_place(), {"postcode": postcode.text})).first()
        return PlaceFound(row[0], row[1], row[2], row[3], row[4] or "") if row is not None else None

    async def council_names(self, ids: Iterable[UUID]) -> dict[str, str]:
        """Return the short names of councils by id as the index writes it."""
        rows = await self.db.execute(select(Council.id, Council.short_name).where(Council.id.in_(list(ids))))
        return {str(row[0]): row[1] for row in rows}

    async def turning(self, day: date) -> list[UUID]:
        """Return listings whose facts change by the date alone.

        A rate that begins or ends, room said too long ago from now on, and every worker's: their time moves on.
        """
        stale_since = instant(day - timedelta(days=STALE_ROOM_DAYS), datetime.min.time())
        turning_rate = (
            select(ListingRate.id)
            .where(ListingRate.listing_id == Listing.id, or_(ListingRate.starts_on == day, ListingRate.ends_on == day))
            .exists()
        )
        rows = await self.db.scalars(
            select(Listing.id)
            .where(
                Listing.is_published,
                or_(
                    Listing.worker_id.is_not(None),
                    turning_rate,
                    Listing.capacity_said_at.between(stale_since - timedelta(days=2), stale_since),
                ),
            )
            .order_by(Listing.id)
        )
        return list(rows)
