"""A question to the market as an address carries it: words, place, distance, what is ticked, order and page."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from marketplace.accounts.words import GENDER_LABELS, LANGUAGES, NEEDS, Gender
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.places import METRES_PER_MILE
from marketplace.providers.directory import Rating
from marketplace.providers.models import CATEGORY_LABELS
from marketplace.providers.service.times import PARTS, WEEKDAYS
from marketplace.providers.service.weekly import read_tenths
from marketplace.providers.service.words import RUN_BY_LABELS
from search.documents import NO_PRICE_BAND, NOT_RATED, PRICE_BANDS, TOP_PRICE_BAND

PER_PAGE: Final = 20
MOST_PER_PAGE: Final = 100
LAST_PAGE: Final = 500
LONGEST_WORDS: Final = 200
LONGEST_PLACE: Final = 60

ANY_DISTANCE: Final = "any"
DEFAULT_MILES: Final = 10
"""Where a place is given and no distance: without a limit a care home at the other end of the country would count."""

RADIUS_CHOICES: Final[tuple[tuple[str, str], ...]] = (
    ("1", "1 mile"),
    ("3", "3 miles"),
    ("5", "5 miles"),
    ("10", "10 miles"),
    ("15", "15 miles"),
    ("25", "25 miles"),
    ("50", "50 miles"),
    (ANY_DISTANCE, "Any distance"),
)

SORT_CHOICES: Final[tuple[tuple[str, str], ...]] = (
    ("relevance", "Best match"),
    ("distance", "Nearest first"),
    ("price", "Lowest price first"),
)

PRICE_LABELS: Final[dict[str, str]] = {
    "free": "Free",
    "under-10-pounds": "Under £10",
    "10-to-20-pounds": "£10 to £20",
    "20-to-30-pounds": "£20 to £30",
    "30-to-50-pounds": "£30 to £50",
    "50-to-100-pounds": "£50 to £100",
    TOP_PRICE_BAND: "£100 or more",
    NO_PRICE_BAND: "Price on request",
}
assert {name for _, name in PRICE_BANDS} <= set(PRICE_LABELS)  # noqa: S101 - the labels follow the index's bands

FACET_LABELS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "category": ("Kind of support", {category.value: label for category, label in CATEGORY_LABELS.items()}),
    "suits": ("Who it is for", {label: label for label in NEEDS.values()}),
    "days": ("Day", {day: day for day in WEEKDAYS}),
    "times": ("Time of day", dict(PARTS)),
    "price_band": ("Price", PRICE_LABELS),
    "has_free_capacity": ("Room", {"true": "Has room now"}),
    "languages": ("Languages", {language: language for language in LANGUAGES}),
    "gender": (
        "Man or woman",
        {GENDER_LABELS[gender]: GENDER_LABELS[gender] for gender in Gender if gender is not Gender.NOT_SAID},
    ),
    "rating": (
        "Regulator’s rating",
        {**{rating.value: rating.value for rating in Rating}, NOT_RATED: "Not rated"},
    ),
    "run_by": ("Who runs it", RUN_BY_LABELS),
}
"""What can be ticked: facet, its heading, its values in the order shown and their words."""

COUNCILS_HEADING: Final = "Accredited by"
MOST_COUNCILS: Final = 10

ALL_KINDS: Final = "all"


class MarketQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody looks for."""

    words: str = ""
    place: str = ""
    """As typed: a postcode, the first half of one, or a town."""
    miles: float | None = None
    """How far; None for any distance, and for the default where `is_far_as_usual`."""
    is_far_as_usual: bool = True
    """Nobody chose a distance."""
    chosen: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Ticked values by facet."""
    is_literal: bool = False
    """Words are words only: no kind, place, day or language is read from them."""
    amount: str = ""
    """Hours or times a week that the searcher needs, as typed: "2", "2.5"."""
    sort: str = "relevance"
    page: int = 1
    per_page: int = PER_PAGE

    @property
    def amount_tenths(self) -> int | None:
        """The amount in tenths, None when none was given."""
        return read_tenths(self.amount) if self.amount else None

    @property
    def radius_choice(self) -> str:
        """The distance as the page's list has it."""
        if self.is_far_as_usual:
            return str(DEFAULT_MILES)
        return f"{self.miles:g}" if self.miles is not None else ANY_DISTANCE

    @property
    def limit_miles(self) -> float | None:
        """Miles that limit the search once there is a place."""
        return float(DEFAULT_MILES) if self.is_far_as_usual else self.miles

    @property
    def radius_metres(self) -> int | None:
        """The same in metres."""
        return round(self.limit_miles * METRES_PER_MILE) if self.limit_miles is not None else None

    def address(self, *, path: str = "/market", without: tuple[str, str] | None = None, **changes: Any) -> str:
        """Write the address of this question with some changes: `miles="25"`, `page=2`, `q="…"`, `postcode="…"`.

        `without` takes one ticked value out. The page goes back to the first unless it is named.
        """
        values = self.parameters(without=without, **changes)
        return f"{path}?{urlencode(values)}" if values else path

    def parameters(self, *, without: tuple[str, str] | None = None, **changes: Any) -> list[tuple[str, str]]:
        """Write the question as the parameters of an address."""
        values: list[tuple[str, str]] = []
        plain = {
            "q": self.words,
            "postcode": self.place,
            "radius_miles": "" if self.is_far_as_usual else self.radius_choice,
            "amount": self.amount,
            "sort": "" if self.sort == "relevance" else self.sort,
            "kinds": ALL_KINDS if self.is_literal else "",
            "page": "",
            **{name: str(value) for name, value in changes.items()},
        }
        values += [(name, value) for name, value in plain.items() if value]
        for name, ticked in self.chosen.items():
            values += [(name, value) for value in ticked if (name, value) != without]
        return values


def read_query(data: Mapping[str, Any], *, for_page: bool = True) -> MarketQuery:
    """Read a question from the parameters of an address.

    Args:
        data: Parameters; one that came several times is a list.
        for_page: Whether distances are those of the page's list; the API takes any from 0.1 to 500 miles.

    Raises:
        InvalidInput: By parameter; nothing is silently put right.
    """
    form = FormReader(data)
    words = form.text("q", "what you are looking for", required=False, longest=LONGEST_WORDS)
    place = form.text("postcode", "the postcode or town", required=False, longest=LONGEST_PLACE)
    radius = form.raw("radius_miles")
    miles: float | None = None
    if radius and radius != ANY_DISTANCE:
        if for_page:
            chosen = form.option("radius_miles", "a distance", [value for value, _ in RADIUS_CHOICES])
            miles = float(chosen) if chosen else None
        else:
            miles = _miles(form, radius)
    chosen_values = {
        name: form.options(name, heading[:1].lower() + heading[1:], list(labels))
        for name, (heading, labels) in FACET_LABELS.items()
    }
    chosen_values["councils"] = _councils(form)
    amount = form.raw("amount")
    if amount and read_tenths(amount) is None:
        form.wrong("amount", "Hours or times a week must be a number from 0.1 to 168, like 2 or 2.5")
    sort = form.option("sort", "an order", [value for value, _ in SORT_CHOICES], required=False)
    page = form.number("page", "the page", least=1, most=LAST_PAGE, required=False)
    per_page = PER_PAGE
    if not for_page and form.raw("per_page"):
        per_page = form.number("per_page", "results on a page", least=1, most=MOST_PER_PAGE)
    form.done()
    return MarketQuery(
        words=words,
        place=place,
        miles=miles,
        is_far_as_usual=not radius,
        chosen={name: values for name, values in chosen_values.items() if values},
        amount=amount,
        sort=sort or "relevance",
        page=page,
        per_page=per_page,
        is_literal=not for_page or form.raw("kinds") == ALL_KINDS,
    )


def lenient_query(data: Mapping[str, Any]) -> MarketQuery:
    """Read what can be read, to show a refused question again with the rest kept."""
    kept = dict(data)
    for _ in range(len(kept) + 1):
        try:
            return read_query(kept)
        except InvalidInput as error:
            for name in error.fields:
                kept.pop(name, None)
    return MarketQuery()


def _councils(form: FormReader) -> list[str]:
    """Read ids of councils; which of them exist is for the index to know."""
    given = form.data.get("councils", [])
    texts = [str(item) for item in (given if isinstance(given, list) else [given]) if str(item)]
    found = list(dict.fromkeys(str(one) for text in texts[: MOST_COUNCILS + 1] if (one := parse_id(text)) is not None))
    if len(found) != len(set(texts)) or len(found) > MOST_COUNCILS:
        form.wrong("councils", "Select a council from the list")
        return []
    return found


def _miles(form: FormReader, text: str) -> float | None:
    try:
        miles = float(text) if len(text) <= 12 and text.isascii() else 0.0
    except ValueError:
        miles = 0.0
    if not 0.1 <= miles <= 500:
        form.wrong("radius_miles", "The distance must be between 0.1 and 500 miles")
        return None
    return miles
