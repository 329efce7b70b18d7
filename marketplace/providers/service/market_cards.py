"""The cards of the results page: what each says, from the hit and the row that PostgreSQL holds of it."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

import msgspec
from markupsafe import Markup, escape

from marketplace.core.formats import uk_date
from marketplace.providers.models import CATEGORY_LABELS, ListingCategory, PriceUnit, RegulatorLocation
from marketplace.providers.service.register import NOT_BOOKED_HERE, category_of, summary_of
from marketplace.providers.service.times import Hours, fitting_days, joined, short_times
from marketplace.providers.service.weekly import Purse, weekly_cost
from marketplace.providers.service.words import (
    KIND_OF,
    REGULATED,
    away,
    price_parts,
    room_said,
    room_said_words,
    stars_words,
    time_left_words,
)
from search import Hit

_MARK: Final = Markup("<mark>{}</mark>")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the results."""

    id: str
    url: str
    name: str
    provider: str
    category: str
    category_label: str
    kind: str
    summary: str
    amount: str
    unit: str
    price_pence: int | None
    price_unit: str | None
    weekly_pence: int | None
    """Whole pence in a usual week; None for one payment and for a price on request."""
    weekly: str
    """The same in words: "£36.80 a week for 2 hours"."""
    own_share: str
    """What of it the person pays, in words."""
    distance_metres: int | None
    away: str
    rating: str
    """"Good", dated, or "Not rated"; "" where the regulator does not rate at all."""
    accredited_by: tuple[str, ...]
    feedback: str
    """"4.6 of 5 from 12 people", "" without any."""
    has_room: bool | None
    """None: nobody said."""
    room: str
    times: str
    why: str
    note: str
    is_example: bool
    shown_name: str
    """The name for the page, the words that were found marked."""
    shown_summary: str


class CardMaker(msgspec.Struct, frozen=True, kw_only=True):
    """What all cards of a page share."""

    now: datetime
    day: date
    has_question: bool
    """Whether there is anything to explain: words or a place."""
    has_place: bool
    days: Sequence[str] = ()
    """Days chosen or read from the words."""
    times: Sequence[str] = ()
    wanted_tenths: int | None = None
    purse: Purse | None = None

    def listing(self, row: Any, hit: Hit, free_minutes: dict[UUID, int]) -> Result:
        """Make the card of an offer, from a row of `MarketFacts.cards`."""
        category: ListingCategory = row.category
        unit: PriceUnit = row.price_unit
        price: int | None = 0 if unit is PriceUnit.FREE else (row.price_pence or None)
        amount, unit_words = price_parts(price, unit)
        weekly = weekly_cost(
            price,
            unit,
            category,
            self.day,
            listing_tenths=row.usual_tenths,
            wanted_tenths=self.wanted_tenths,
            purse=self.purse,
        )
        hours = read_hours(row.hours)
        has_room, room = self._room(row, free_minutes)
        kind = KIND_OF[category]
        is_rated = kind == REGULATED or row.regulator_location_id is not None
        return Result(
            id=hit.id,
            url=f"/market/{hit.id}",
            name=row.title,
            provider=row.provider,
            category=category.value,
            category_label=CATEGORY_LABELS[category],
            kind=kind,
            summary=row.summary,
            amount=amount,
            unit=unit_words,
            price_pence=price,
            price_unit=unit.value,
            weekly_pence=weekly.pence,
            weekly=weekly.total,
            own_share=weekly.own,
            distance_metres=hit.distance_metres,
            away=away(hit.distance_metres),
            rating=rating_words(row if row.rating_overall is not None else None) if is_rated else "",
            accredited_by=tuple(sorted(row.accredited_by or ())),
            feedback=stars_words(row.feedback_count, row.feedback_stars),
            has_room=has_room,
            room=room,
            times=short_times(hours),
            why=self._why(hit, hours, "free" if row.worker_id is not None and has_room else "on"),
            note="",
            is_example=row.is_example,
            shown_name=marked("name", row.title, hit),
            shown_summary=marked("summary", row.summary, hit),
        )

    def register(self, row: Any, hit: Hit) -> Result:
        """Make the card of a register entry, from a row of `MarketFacts.register_cards`."""
        category = category_of(row)
        amount, unit = price_parts(None, None)
        weekly = weekly_cost(None, None, category, self.day)
        summary = summary_of(row)
        return Result(
            id=hit.id,
            url=f"/market/register/{row.location_id}",
            name=row.name,
            provider=row.provider_name if row.provider_name != row.name else "",
            category=category.value,
            category_label=CATEGORY_LABELS[category],
            kind=KIND_OF[category],
            summary=summary,
            amount=amount,
            unit=unit,
            price_pence=None,
            price_unit=None,
            weekly_pence=None,
            weekly=weekly.total,
            own_share=weekly.own,
            distance_metres=hit.distance_metres,
            away=away(hit.distance_metres),
            rating=rating_words(row),
            accredited_by=(),
            feedback="",
            has_room=None,
            room="",
            times="",
            why=self._why(hit, (), "on"),
            note=NOT_BOOKED_HERE,
            is_example=row.is_example,
            shown_name=marked("name", row.name, hit),
            shown_summary=marked("summary", summary, hit),
        )

    def _room(self, row: Any, free_minutes: dict[UUID, int]) -> tuple[bool | None, str]:
        said = room_said(row.capacity_kind, row.capacity_free, row.capacity_said_at, self.now)
        if said is not None:
            return said > 0, room_said_words(row.capacity_kind, said, row.capacity_said_at, self.now)
        if row.worker_id in free_minutes:
            minutes = free_minutes[row.worker_id]
            return minutes > 0, time_left_words(minutes)
        return None, ""

    def _why(self, hit: Hit, hours: Sequence[Hours], free: str) -> str:
        """Say why a listing was found: "Matches: football; 1.2 miles away; free on Saturday"."""
        if not self.has_question and not self.days:
            return ""
        words = ", ".join(dict.fromkeys(hit.matched))
        days = fitting_days(hours, self.days, self.times) if self.days and hours else []
        on = f"{'free on' if free == 'free' else 'on'} {joined(days)}" if days else ""
        parts = [f"Matches: {words}" if words else "", away(hit.distance_metres) if self.has_place else "", on]
        text = "; ".join(part for part in parts if part)
        return text[:1].upper() + text[1:]


def marked(field: str, text: str, hit: Hit) -> str:
    """Mark the words of a text that answered the question.

    The places come from the index: where the text has changed since, it is shown without marks.

    Returns:
        Safe HTML with `mark` elements, or the plain text.
    """
    excerpts = getattr(hit, "highlights", ())
    if not excerpts:
        return text
    excerpt = next((one for one in excerpts if one.field == field), None)
    if excerpt is None or not excerpt.marks or not text.startswith(excerpt.text):
        return text
    parts: list[Markup] = []
    last = 0
    for start, end in excerpt.marks:
        parts += [escape(text[last:start]), _MARK.format(text[start:end])]
        last = end
    return Markup("").join([*parts, escape(text[last:])])


def needs_time_left(row: Any, now: datetime) -> bool:
    """Whether a card must say how much time a worker has left, because nobody said lately how much room there is."""
    return row.worker_id is not None and (
        room_said(row.capacity_kind, row.capacity_free, row.capacity_said_at, now) is None
    )


def read_hours(lines: Sequence[str] | None) -> list[Hours]:
    """Read weekly hours as `MarketFacts.cards` gives them, in order of the week."""
    found = []
    for line in lines or ():
        weekday, starts, ends = line.split(" ")
        found.append(Hours(int(weekday), time.fromisoformat(starts), time.fromisoformat(ends)))
    return sorted(found)


def rating_words(location: RegulatorLocation | Any | None) -> str:
    """Write the regulator's rating with its date: "Good, 3 March 2025" or "Not rated"."""
    if location is None or not location.rating_overall:
        return "Not rated"
    dated = location.rated_on or location.inspected_on
    return f"{location.rating_overall}, {uk_date(dated)}" if dated else str(location.rating_overall)
