"""What a listing says: its public facts as values, as JSON for versions, and in words for people."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any, Final

import msgspec

from marketplace.accounts.words import INTERESTS, NEEDS
from marketplace.core.formats import duration, miles, pounds, uk_date, uk_time
from marketplace.core.places.districts import DISTRICT_NAMES
from marketplace.providers.models import (
    CATEGORY_LABELS,
    CONCESSIONS,
    VAT_LABELS,
    DayKind,
    Listing,
    ListingCategory,
    ListingHours,
    ListingRate,
    PriceUnit,
    RegulatedBasis,
    VatCategory,
)
from marketplace.providers.service.rates import DAY_KIND_LABELS
from marketplace.providers.service.words import WEEKDAYS, price_words

BASIS_LABELS: Final[dict[RegulatedBasis, str]] = {
    RegulatedBasis.NOT_REGULATED: "No help with washing, dressing, eating, the toilet or medicine",
    RegulatedBasis.REGISTERED: "Registered with the Care Quality Commission",
    RegulatedBasis.DIRECTLY_ENGAGED: "Personal care by an individual whom the person hires and directs",
}
UNIT_PLURALS: Final[dict[PriceUnit, str]] = {
    PriceUnit.HOUR: "hours",
    PriceUnit.VISIT: "visits",
    PriceUnit.SESSION: "sessions",
}
"""Units of which people take some number a week."""

Content = Mapping[str, Any]
"""Facts as JSON values, by name."""


class RateFact(msgspec.Struct, frozen=True, order=True):
    """A price for some days."""

    day_kind: DayKind
    starts_on: date
    ends_on: date | None
    price_pence: int


class HourFact(msgspec.Struct, frozen=True, order=True):
    """Opening hours on a weekday (0 is Monday), wall clock."""

    weekday: int
    starts_local: time
    ends_local: time


class ListingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All public facts of a listing. Fields that a listing has as columns have the same names there."""

    category: ListingCategory
    title: str
    summary: str
    body: str = ""
    price_pence: int
    price_unit: PriceUnit
    usual_tenths: int | None = None
    vat_category: VatCategory = VatCategory.NOT_REGISTERED
    vat_reason: str = ""
    takes_bookings: bool = True
    least_minutes: int = 30
    session_places: int | None = None
    suits: list[str] = []
    languages: list[str] = []
    interests: list[str] = []
    access_note: str = ""
    concessions: list[str] = []
    concession_note: str = ""
    town: str = ""
    postcode_area: str = ""
    lat: float | None = None
    lon: float | None = None
    radius_metres: int | None = None
    is_nationwide: bool = False
    district_codes: list[str] = []
    regulated_basis: RegulatedBasis = RegulatedBasis.NOT_REGULATED
    regulator_location_id: str | None = None
    is_open_data: bool = True
    rates: list[RateFact] = []
    hours: list[HourFact] = []

    def columns(self) -> dict[str, Any]:
        """Return what the listing's own row holds."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if name not in ("rates", "hours")}

    def content(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


def facts_of(listing: Listing, rates: Sequence[ListingRate], hours: Sequence[ListingHours]) -> ListingFacts:
    """Read the facts of a listing as it stands."""
    own = {name: getattr(listing, name) for name in ListingFacts.__struct_fields__ if name not in ("rates", "hours")}
    return ListingFacts(
        **own,
        rates=sorted(RateFact(row.day_kind, row.starts_on, row.ends_on, row.price_pence) for row in rates),
        hours=sorted(HourFact(row.weekday, row.starts_local, row.ends_local) for row in hours),
    )


def changed_fields(before: Content, after: Content) -> list[str]:
    """Return the names of the facts that differ, in the order of the facts."""
    return [name for name in ListingFacts.__struct_fields__ if before.get(name) != after.get(name)]


# In words


def _list(names: Mapping[str, str], codes: Sequence[str]) -> str:
    return ", ".join(names.get(code, code) for code in codes)


def _price(content: Content) -> str:
    words = price_words(content.get("price_pence"), PriceUnit(content["price_unit"]))
    usual = content.get("usual_tenths")
    if usual:
        amount = f"{usual / 10:g}"
        words += f". Usually {amount} {UNIT_PLURALS.get(PriceUnit(content['price_unit']), 'times')} a week"
    return words


def _rates(content: Content) -> str:
    return "; ".join(
        f"{DAY_KIND_LABELS[rate.day_kind]}: {pounds(rate.price_pence)} from {uk_date(rate.starts_on)}"
        + (f" until {uk_date(rate.ends_on)}" if rate.ends_on else "")
        for rate in msgspec.convert(content.get("rates") or [], list[RateFact])
    )


def hours_text(content: Content) -> str:
    """Write weekly hours in one line: "Monday 9am to 5pm; Tuesday …"."""
    hours = msgspec.convert(content.get("hours") or [], list[HourFact])
    days: dict[int, list[str]] = {}
    for hour in hours:
        days.setdefault(hour.weekday, []).append(f"{uk_time(hour.starts_local)} to {uk_time(hour.ends_local)}")
    return "; ".join(f"{WEEKDAYS[day]} {', '.join(times)}" for day, times in sorted(days.items()))


def area_text(content: Content) -> str:
    """Write where something is offered."""
    if content.get("is_nationwide"):
        return "Anywhere, by phone, online or post"
    base = ", ".join(part for part in (content.get("town"), content.get("postcode_area")) if part)
    radius = content.get("radius_metres")
    if radius:
        return f"Within {miles(radius)} of {base or 'the base'}"
    districts = content.get("district_codes") or []
    if districts:
        return ", ".join(DISTRICT_NAMES.get(code, code) for code in districts)
    return f"At their own place: {base}" if base else "At their own place"


def _vat(content: Content) -> str:
    label = VAT_LABELS[VatCategory(content.get("vat_category") or "not_registered")]
    reason = content.get("vat_reason")
    return f"{label}. {reason}" if reason else label


def _bookings(content: Content) -> str:
    if not content.get("takes_bookings"):
        return "Not here"
    return f"Yes, from {duration(content.get('least_minutes') or 30)}"


READINGS: Final[tuple[tuple[str, str, Callable[[Content], str], str], ...]] = (
    ("kind", "Kind of offer", lambda c: CATEGORY_LABELS[ListingCategory(c["category"])], "category"),
    ("what", "Title", lambda c: str(c.get("title") or ""), "title"),
    ("what", "In short", lambda c: str(c.get("summary") or ""), "summary"),
    ("what", "Details", lambda c: str(c.get("body") or ""), "body"),
    ("suits", "For whom", lambda c: _list(NEEDS, c.get("suits") or []) or "Anybody", "suits"),
    ("suits", "Languages", lambda c: ", ".join(c.get("languages") or []), "languages"),
    ("suits", "Interests", lambda c: _list(INTERESTS, c.get("interests") or []), "interests"),
    ("suits", "Getting in and round", lambda c: str(c.get("access_note") or ""), "access_note"),
    (
        "care",
        "Personal care",
        lambda c: BASIS_LABELS[RegulatedBasis(c.get("regulated_basis") or "not_regulated")],
        "regulated_basis",
    ),
    ("care", "Entry in the register", lambda c: str(c.get("regulator_location_id") or ""), "regulator_location_id"),
    ("price", "Price", _price, "price_pence price_unit usual_tenths"),
    ("price", "VAT", _vat, "vat_category vat_reason"),
    ("price", "Takes bookings", _bookings, "takes_bookings least_minutes"),
    ("rates", "Other rates", _rates, "rates"),
    (
        "concessions",
        "What may cost less",
        lambda c: ". ".join(
            part for part in (_list(CONCESSIONS, c.get("concessions") or []), c.get("concession_note")) if part
        ),
        "concessions concession_note",
    ),
    ("area", "Where", area_text, "town postcode_area lat lon radius_metres is_nationwide district_codes"),
    ("hours", "When", hours_text, "hours"),
    (
        "hours",
        "Places in a session",
        lambda c: f"{c['session_places']}, booked as places" if c.get("session_places") else "",
        "session_places",
    ),
    (
        "share",
        "Part of the open data",
        lambda c: "Yes" if c.get("is_open_data", True) else "No",
        "is_open_data",
    ),
)
"""How facts are read out: step of the builder, label, words, and the names of the facts that the row stands for."""


def fact_rows(content: Content) -> list[tuple[str, str, str]]:
    """Write the facts as (step, label, words); a row without words is left out."""
    rows = [(step, label, read(content)) for step, label, read, _ in READINGS]
    return [row for row in rows if row[2]]


def differences(before: Content, after: Content) -> list[tuple[str, str, str]]:
    """Write what differs as (label, before, after), in words."""
    changed = set(changed_fields(before, after))
    return [
        (label, read(before) or "Nothing", read(after) or "Nothing")
        for _, label, read, names in READINGS
        if changed.intersection(names.split())
    ]
