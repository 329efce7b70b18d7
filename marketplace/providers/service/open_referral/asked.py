"""What a reader of the feed asks for: the parameters of the standard, read strictly."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.ids import parse_id
from marketplace.providers.models import ListingCategory
from marketplace.providers.repository.open_data import ServiceFilter
from marketplace.providers.service.open_referral.parts import RFC_5545_DAYS
from marketplace.providers.service.open_referral.taxonomies import BY_ID, TERMS
from marketplace.providers.service.words import WEEKDAYS

PER_PAGE: Final = 50
MOST_PER_PAGE: Final = 100
MOST_MINIMAL: Final = 10_000
"""Ids on a page when nothing but ids is asked for."""
LAST_PAGE: Final = 1_000_000
LONGEST_SEARCH: Final = 200
MOST_WORDS: Final = 10


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the feed."""

    which: ServiceFilter = ServiceFilter()
    page: int = 1
    per_page: int = PER_PAGE
    is_full: bool = False
    is_minimal: bool = False
    postcode: str = ""
    """As typed; its point is found by the service."""
    proximity_metres: float | None = None


class Reader:
    """Reads parameters, collecting what is wrong with them."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        """Return a parameter, the last one where it came twice, "" where it is missing."""
        value = self.given.get(name, "")
        if isinstance(value, list):
            value = value[-1] if value else ""
        return str(value).strip()

    def whole(self, name: str, default: int, most: int) -> int:
        """Read a whole number from 1."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= most:
            self.errors[name] = f"{name} must be a whole number from 1 to {most}"
            return default
        return int(text)

    def number(self, name: str) -> float | None:
        """Read a number of 0 or more."""
        text = self.text(name)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 10_000_000:
            self.errors[name] = f"{name} must be a number of 0 or more"
            return None
        return value

    def flag(self, name: str) -> bool:
        """Read true or false."""
        text = self.text(name).lower()
        if text not in ("", "true", "false", "1", "0"):
            self.errors[name] = f"{name} must be true or false"
        return text in ("true", "1")

    def time(self, name: str) -> time | None:
        """Read a time of day, such as 09:00."""
        text = self.text(name)
        if not text:
            return None
        try:
            return time.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            self.errors[name] = f"{name} must be a time, such as 09:00"
            return None

    def instant(self, name: str) -> datetime | None:
        """Read an instant or a day (ISO 8601); without an offset it is UTC."""
        text = self.text(name)
        if not text:
            return None
        try:
            # A plus sign that was not escaped arrives as a space.
            found = datetime.fromisoformat(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        except ValueError:
            self.errors[name] = f"{name} must be a date and time, such as 2027-03-01T00:00:00Z"
            return None

    def id(self, name: str) -> UUID | None:
        """Read an id."""
        text = self.text(name)
        found = parse_id(text) if text else None
        if text and found is None:
            self.errors[name] = f"{name} must be an id"
        return found

    def weekday(self, name: str) -> int | None:
        """Read a day of the week: MO or Monday."""
        text = self.text(name)
        if not text:
            return None
        names = {**{code: day for day, code in enumerate(RFC_5545_DAYS)}}
        names |= {word.upper(): day for day, word in enumerate(WEEKDAYS)}
        if text.upper() not in names:
            self.errors[name] = f"{name} must be a day of the week, such as MO"
        return names.get(text.upper())


def read_asked(given: Mapping[str, Any], *, has_place: bool = False) -> Asked:
    """Read the parameters of a list of services.

    Ages are read and checked but limit nothing: no service of ours names an age, so each is for every age.

    Raises:
        InvalidInput: With every message, by parameter.
    """
    reader = Reader(given)
    is_minimal = reader.flag("minimal")
    which = _which(reader, has_place=has_place)
    asked = Asked(
        which=which,
        page=reader.whole("page", 1, LAST_PAGE),
        per_page=reader.whole(
            "per_page", MOST_MINIMAL if is_minimal else PER_PAGE, MOST_MINIMAL if is_minimal else MOST_PER_PAGE
        ),
        is_full=reader.flag("full"),
        is_minimal=is_minimal,
        postcode=reader.text("postcode")[:60] if has_place else "",
        proximity_metres=reader.number("proximity") if has_place else None,
    )
    reader.number("minimum_age")
    reader.number("maximum_age")
    if asked.proximity_metres is not None and not asked.postcode:
        reader.errors["proximity"] = "proximity needs a postcode"
    if reader.errors:
        raise InvalidInput(reader.errors)
    return asked


def read_paging(given: Mapping[str, Any], *, per_page: int = MOST_PER_PAGE) -> tuple[int, int]:
    """Read the page and its size for lists that fit into memory.

    Raises:
        InvalidInput: With every message, by parameter.
    """
    reader = Reader(given)
    found = reader.whole("page", 1, LAST_PAGE), reader.whole("per_page", per_page, MOST_PER_PAGE)
    if reader.errors:
        raise InvalidInput(reader.errors)
    return found


def _which(reader: Reader, *, has_place: bool) -> ServiceFilter:
    search = reader.text("search") or reader.text("text")
    if len(search) > LONGEST_SEARCH:
        reader.errors["search"] = f"search must be {LONGEST_SEARCH} characters or fewer"
    term_id, taxonomy_id = reader.id("taxonomy_term_id"), reader.id("taxonomy_id")
    category: ListingCategory | None = None
    codes: tuple[str, str] | None = None
    is_nothing = False
    if taxonomy_id is not None:
        taxonomy = BY_ID.get(taxonomy_id)
        is_nothing = taxonomy is None
        # Every service has a kind of support, so that taxonomy limits nothing.
        if taxonomy is not None and taxonomy.name != "categories":
            codes = (taxonomy.name, "")
    if term_id is not None:
        term = TERMS.get(term_id)
        is_nothing = is_nothing or term is None
        if term is not None and term.taxonomy == "categories":
            category = ListingCategory(term.code)
        elif term is not None:
            codes = (term.taxonomy, term.code)
    return ServiceFilter(
        words=tuple(search.split()[:MOST_WORDS]),
        category=category,
        codes=codes,
        is_nothing=is_nothing,
        weekday=reader.weekday("day"),
        opens_from=reader.time("start_time"),
        closes_by=reader.time("end_time"),
        modified_from=reader.instant("modified_after"),
        organisation_id=reader.id("organization_id"),
        has_place=has_place,
    )
