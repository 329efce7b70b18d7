"""Offers side by side: the facts of up to four listings or register entries, read in a fixed number of questions."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import NEEDS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import miles, plural, uk_date, uk_time
from marketplace.core.ids import parse_id
from marketplace.providers.models import (
    CATEGORY_LABELS,
    CapacityKind,
    Evidence,
    EvidenceKind,
    Listing,
    ListingHours,
    RegulatorLocation,
    WorkerHours,
)
from marketplace.providers.repository.choosing import ComparingRepository
from marketplace.providers.repository.market import REGISTER_PREFIX, ListingRow, MarketRepository
from marketplace.providers.service.market_cards import rating_words
from marketplace.providers.service.register import NOT_BOOKED_HERE, category_of, suits_of
from marketplace.providers.service.weekly import weekly_cost
from marketplace.providers.service.words import KIND_OF, REGULATED, WEEKDAYS, price_words

MOST_COMPARED: Final = 4
MOST_IDS: Final = 50
"""More in one address is no comparison but a mistake."""

NOT_SAID: Final = "Not said"
ASK: Final = "Ask the provider"

_LOCATION_ID = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)

_CHECKS: Final[dict[EvidenceKind, str]] = {
    EvidenceKind.LIABILITY_INSURANCE: "Public liability insurance",
    EvidenceKind.EMPLOYER_INSURANCE: "Employer’s liability insurance",
    EvidenceKind.DBS: "Criminal record check (DBS) seen",
    EvidenceKind.SAFEGUARDING_TRAINING: "Safeguarding training",
    EvidenceKind.CARE_TRAINING: "Care training",
    EvidenceKind.REFERENCES: "References seen",
    EvidenceKind.RIGHT_TO_WORK: "Right to work seen",
}


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer in words, for a column of the comparison or a line of a shortlist."""

    found_id: str
    name: str
    url: str
    provider: str
    category: str
    price: str
    weekly: str = ASK
    """The cost of a usual week in words, as the market's results give it."""
    when: tuple[str, ...] = ()
    where: str = ""
    suits: str = ""
    languages: str = ""
    accredited: str = ""
    rating: str = ""
    checks: tuple[str, ...] = ()
    feedback: str = ""
    room: str = ""
    ask_href: str = ""
    meeting_href: str = ""
    book_href: str = ""
    note: str = ""
    is_example: bool = False


def read_found_ids(texts: Iterable[str]) -> list[str]:
    """Read ids of results, separated by commas, in one writing and without repetitions.

    Raises:
        InvalidInput: One is neither a listing's id nor one of the register, or there are more than fifty.
    """
    ids: list[str] = []
    for text in [part.strip() for whole in texts for part in whole[:4_000].split(",")]:
        if not text:
            continue
        found = read_found_id(text)
        if found is None:
            raise InvalidInput({"ids": "This address names something that is not an offer. Start again from a search"})
        if found not in ids:
            ids.append(found)
    if len(ids) > MOST_IDS:
        raise InvalidInput({"ids": f"This address names more than {MOST_IDS} offers"})
    return ids


def read_found_id(text: str) -> str | None:
    """Read one id of a result: a listing's id, or `cqc-` and the location's; None when it is neither."""
    if text.startswith(REGISTER_PREFIX):
        return text if _LOCATION_ID.fullmatch(text.removeprefix(REGISTER_PREFIX)) else None
    listing_id = parse_id(text)
    return str(listing_id) if listing_id is not None else None


class ComparingService:
    """Reads offers of the public market by the ids that results have. Needs no council scope."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.market = MarketRepository(db)
        self.facts = ComparingRepository(db)

    async def _accredited_by(self, organisation_ids: set[UUID], day: date) -> dict[UUID, tuple[str, ...]]:
        """Return the short names of the councils that accredit each organisation on a day."""
        live = await self.market.live_accreditations(organisation_ids, day) if organisation_ids else {}
        names = {council.id: council.short_name for council in await self.market.councils()} if live else {}
        return {
            organisation_id: tuple(sorted({names[row.council_id] for row in rows}))
            for organisation_id, rows in live.items()
        }

    async def offers(self, found_ids: Sequence[str]) -> dict[str, Offer]:
        """Return all facts of those that are on the market, by id."""
        day = today(clock_of(self.db))
        listings, locations = await self._rows(found_ids)
        organisation_ids = {row.organisation.id for row in listings.values()}
        worker_ids = [row.worker.id for row in listings.values() if row.worker is not None]
        worker_hours = await self.market.hours(worker_ids) if worker_ids else {}
        hours = await self.facts.listing_hours(listings) if listings else {}
        evidence = await self.facts.evidence_seen(organisation_ids, day) if organisation_ids else {}
        accredited = await self._accredited_by(organisation_ids, day)
        found: dict[str, Offer] = {}
        for listing_id, row in listings.items():
            worker_id = row.worker.id if row.worker is not None else None
            of_day: Sequence[WorkerHours | ListingHours] = hours.get(listing_id, [])
            if worker_id is not None and not of_day:
                of_day = worker_hours.get(worker_id, [])
            seen = [
                item
                for item in evidence.get(row.organisation.id, [])
                if item.worker_id is None or item.worker_id == worker_id
            ]
            full = _listing_facts(row, of_day, seen, accredited.get(row.organisation.id, ()), day)
            found[str(listing_id)] = full
        for location in locations.values():
            found[REGISTER_PREFIX + location.location_id] = _register_facts(location)
        return found

    async def cards(self, found_ids: Sequence[str]) -> dict[str, Offer]:
        """Return the few facts that a line of a list shows (name, provider, price, rating), in two questions."""
        listings, locations = await self._rows(found_ids)
        found = {str(listing_id): _listing_card(row) for listing_id, row in listings.items()}
        for location in locations.values():
            found[REGISTER_PREFIX + location.location_id] = _register_card(location)
        return found

    async def _rows(self, found_ids: Sequence[str]) -> tuple[dict[UUID, ListingRow], dict[str, RegulatorLocation]]:
        own = [listing_id for text in found_ids if (listing_id := parse_id(text)) is not None]
        theirs = [text.removeprefix(REGISTER_PREFIX) for text in found_ids if text.startswith(REGISTER_PREFIX)]
        listings = await self.market.listings(own, today(clock_of(self.db))) if own else {}
        return listings, await self.market.locations(theirs) if theirs else {}


def _listing_card(row: ListingRow) -> Offer:
    listing, organisation, _, location = row
    is_regulated = KIND_OF[listing.category] == REGULATED
    return Offer(
        found_id=str(listing.id),
        name=listing.title,
        url=f"/market/{listing.id}",
        provider=organisation.name,
        category=CATEGORY_LABELS[listing.category],
        price=price_words(listing.price_pence, listing.price_unit),
        rating=rating_words(location) if is_regulated or location is not None else "",
        is_example=organisation.is_example,
    )


def _listing_facts(
    row: ListingRow,
    hours: Sequence[WorkerHours | ListingHours],
    evidence: Sequence[Evidence],
    accredited: tuple[str, ...],
    day: date,
) -> Offer:
    listing = row.listing
    card = _listing_card(row)
    cost = weekly_cost(
        listing.price_pence, listing.price_unit, listing.category, day, listing_tenths=listing.usual_tenths
    )
    return msgspec.structs.replace(
        card,
        weekly=cost.total,
        when=hours_lines(hours) or (ASK,),
        where=_where(listing),
        suits=", ".join(NEEDS.get(code, code) for code in listing.suits) or "Anybody",
        languages=", ".join(listing.languages) or "English",
        accredited=", ".join(accredited) or "No council at the moment",
        rating=card.rating or "This kind of support is not rated by the regulator",
        checks=_checks(evidence) or ("None that a council has seen yet",),
        feedback=feedback_words(listing.feedback_count, listing.feedback_stars),
        room=room_words(listing),
        ask_href=f"/enquiries/new?listing={listing.id}&kind=question",
        meeting_href=f"/enquiries/new?listing={listing.id}&kind=meeting",
        book_href=f"/bookings/new?listing={listing.id}" if listing.takes_bookings else "",
    )


def _register_card(location: RegulatorLocation) -> Offer:
    return Offer(
        found_id=REGISTER_PREFIX + location.location_id,
        name=location.name,
        url=f"/market/register/{location.location_id}",
        provider=location.provider_name if location.provider_name != location.name else "",
        category=CATEGORY_LABELS[category_of(location)],
        price=price_words(None, None),
        rating=rating_words(location),
        is_example=location.is_example,
    )


def _register_facts(location: RegulatorLocation) -> Offer:
    return msgspec.structs.replace(
        _register_card(location),
        when=(ASK,),
        where=location.town or location.postcode.split(" ")[0],
        suits=", ".join(suits_of(location)) or ASK,
        languages=ASK,
        accredited="Not known from the register",
        checks=("Registered with the Care Quality Commission",),
        feedback="None here",
        room=ASK,
        note=NOT_BOOKED_HERE,
    )


def _where(listing: Listing) -> str:
    """Write the area an offer covers. The base of one worker is named by town and half a postcode, never closer."""
    if listing.is_nationwide:
        return "Anywhere in England"
    base = f"{listing.town} ({listing.postcode_area})" if listing.town and listing.postcode_area else ""
    base = base or listing.town or listing.postcode_area
    if listing.radius_metres:
        reach = f"up to {miles(listing.radius_metres)}"
        return f"{base}, {reach}" if base else reach.capitalize()
    return base or ASK


def _checks(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """Write each kind of evidence once, with its last day where it has one."""
    lines: dict[EvidenceKind, str] = {}
    for item in evidence:
        until = f", until {uk_date(item.expires_on - timedelta(days=1))}" if item.expires_on else ""
        lines.setdefault(item.kind, f"{_CHECKS[item.kind]}{until}")
    return tuple(lines.values())


def feedback_words(count: int, stars: int) -> str:
    """Write what visits were rated: "4.5 out of 5, from 12 visits". `stars` is the sum of all."""
    if count < 1:
        return "None yet"
    tenths = (stars * 20 + count) // (2 * count)  # Half a tenth is rounded up.
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest} out of 5, from {plural(count, 'visit')}" if rest else (
        f"{whole} out of 5, from {plural(count, 'visit')}"
    )  # fmt: skip


def room_words(listing: Listing) -> str:
    """Write how much room there is now, with the day it was said."""
    if listing.capacity_kind is CapacityKind.NOT_SAID or listing.capacity_free is None:
        return NOT_SAID
    said = f" (said {uk_date(listing.capacity_said_at)})" if listing.capacity_said_at else ""
    free = listing.capacity_free
    if free == 0:
        return f"Full{said}"
    words = {
        CapacityKind.HOURS: f"{plural(free, 'hour')} a week",
        CapacityKind.PLACES: plural(free, "place"),
        CapacityKind.PLANS: f"{plural(free, 'plan')} a week",
    }[listing.capacity_kind]
    return f"{words}{said}"


def hours_lines(hours: Sequence[WorkerHours | ListingHours]) -> tuple[str, ...]:
    """Write weekly hours shortly, days with the same times together: "Monday to Friday, 9am to 5pm"."""
    times: dict[int, str] = {}
    for row in hours:
        span = f"{uk_time(row.starts_local)} to {uk_time(row.ends_local)}"
        times[row.weekday] = f"{times[row.weekday]} and {span}" if row.weekday in times else span
    lines: list[tuple[int, int, str]] = []
    for weekday in sorted(times):
        if lines and lines[-1][1] == weekday - 1 and lines[-1][2] == times[weekday]:
            lines[-1] = (lines[-1][0], weekday, times[weekday])
        else:
            lines.append((weekday, weekday, times[weekday]))
    return tuple(f"{_days(first, last)}, {span}" for first, last, span in lines)


def _days(first: int, last: int) -> str:
    if first == last:
        return WEEKDAYS[first]
    joint = "and" if last == first + 1 else "to"
    return f"{WEEKDAYS[first]} {joint} {WEEKDAYS[last]}"
