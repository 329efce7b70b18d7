"""What goes into the index, what is asked of it and what comes back."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from search.errors import UnknownFilter
from search.words import clean

Point = tuple[float, float]
"""Latitude and longitude, WGS 84 degrees."""

NOT_RATED: Final = "not rated"

FACETS: Final = (
    "category", "kind", "rating", "languages", "suits", "gender", "price_band", "has_free_capacity",
    "days", "times", "run_by", "councils",
)  # fmt: skip
"""Counted with every answer."""

COUNTED: Final = (*FACETS, "distance")
"""Names in `Answer.facets`. Distances are no filter of their own: the question's radius is."""

DISTANCE_MILES: Final = (1, 3, 5, 10, 25)
METRES_PER_MILE: Final = 1609.344

FILTERS: Final = (*FACETS, "slots", "interests", "town", "postcode_area", "price_unit", "provider")
"""Names that `ListingQuery.filters` may use."""

SORTS: Final = ("relevance", "distance", "price")
MAX_PER_PAGE: Final = 200

SHOWN_CHARACTERS: Final = 600
"""So much of a summary is kept for excerpts."""

PRICE_BANDS: Final[tuple[tuple[int, str], ...]] = (
    (1, "free"),
    (10_00, "under-10-pounds"),
    (20_00, "10-to-20-pounds"),
    (30_00, "20-to-30-pounds"),
    (50_00, "30-to-50-pounds"),
    (100_00, "50-to-100-pounds"),
)
"""Upper limit in pence (exclusive) and name of each band, lowest first."""
TOP_PRICE_BAND: Final = "100-pounds-or-more"
NO_PRICE_BAND: Final = "price-not-stated"


class ListingDocument(msgspec.Struct, kw_only=True, gc=False):
    """One listing as people find it. Money and payment never take part in its rank."""

    id: str
    name: str
    provider: str = ""
    category: str = ""
    kind: str = ""
    """`regulated`, `community`, `pa`, `equipment`, …"""
    summary: str = ""
    body: str = ""
    keywords: list[str] = msgspec.field(default_factory=list)
    suits: list[str] = msgspec.field(default_factory=list)
    """Needs and groups of people that the service suits."""
    languages: list[str] = msgspec.field(default_factory=list)
    interests: list[str] = msgspec.field(default_factory=list)
    gender: str | None = None
    town: str = ""
    postcode_area: str = ""
    """Outward code, like `PR1`."""
    lat: float | None = None
    lon: float | None = None
    radius_metres: int | None = None
    """How far from its base the service goes; None leaves it to `districts`, or to anywhere when there are none."""
    nationwide: bool = False
    districts: list[str] = msgspec.field(default_factory=list)
    """Codes of the districts that the service covers in full."""
    price_pence: int | None = None
    price_unit: str = ""
    rating: str = NOT_RATED
    """The regulator's word. A missing rating is a word of its own, never a number and never a low place."""
    councils: list[str] = msgspec.field(default_factory=list)
    """Ids of the councils that accredit the listing."""
    has_free_capacity: bool = False
    days: list[str] = msgspec.field(default_factory=list)
    """Days on which it takes place: `Monday` …"""
    times: list[str] = msgspec.field(default_factory=list)
    """Parts of the day: `morning`, `afternoon`, `evening`, `night`."""
    slots: list[str] = msgspec.field(default_factory=list)
    """Day and part of the day together, such as `Saturday-morning`."""
    run_by: str = ""
    """Who runs it, such as `community`, `council`, `individual`."""
    updated_at: str = ""

    @property
    def price_band(self) -> str:
        """Name of the band of the price, whatever its unit."""
        return price_band(self.price_pence)

    @property
    def point(self) -> Point | None:
        """The base of the listing, None when it is not known or not on the earth."""
        return as_point(self.lat, self.lon)

    @property
    def is_anywhere(self) -> bool:
        """Whether no place rules the listing out."""
        return self.nationwide or (self.radius_metres is None and not self.districts)


class ListingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One question.

    A listing is found when every word of `text` is found in it (or, when no listing has them all, some of them), when
    it passes each filter (values of one filter are alternatives), and when it comes to the place:

    * it is nationwide, or covers the searcher's district, or the searcher's point lies within its own radius, or it
      names no area at all; a listing that names only districts is let through when the searcher's is not known;
    * and, when `radius_metres` is given, its base lies within that distance of the point. A listing without a base (a
      telephone or online service) has no distance and stays.
    """

    text: str = ""
    lat: float | None = None
    lon: float | None = None
    radius_metres: int | None = None
    categories: list[str] = msgspec.field(default_factory=list)
    filters: dict[str, list[str]] = msgspec.field(default_factory=dict)
    district: str | None = None
    sort: str = "relevance"
    page: int = 1
    per_page: int = 20

    @property
    def point(self) -> Point | None:
        """The searcher's point, None when it is not given or not on the earth."""
        return as_point(self.lat, self.lon)

    @property
    def offset(self) -> int:
        """Number of hits before the page."""
        return (max(self.page, 1) - 1) * self.limit

    @property
    def limit(self) -> int:
        """Hits on a page, 0 to 200."""
        return min(max(self.per_page, 0), MAX_PER_PAGE)

    def chosen(self) -> dict[str, list[str]]:
        """Values by filter, `categories` among them, empty filters left out."""
        chosen = {name: list(values) for name, values in self.filters.items() if values}
        if self.categories:
            chosen["category"] = list(dict.fromkeys([*chosen.get("category", []), *self.categories]))
        return chosen


class Excerpt(msgspec.Struct, frozen=True):
    """A short text of a listing with the matched words marked. Plain text: whoever shows it escapes it."""

    field: str
    """`name` or `summary`."""
    text: str
    marks: list[tuple[int, int]]
    """Start and end of each matched word in `text`, in characters, in order, never overlapping."""


class Hit(msgspec.Struct, kw_only=True):
    """One listing found."""

    id: str
    score: float
    """Comparable within one answer only."""
    distance_metres: int | None
    matched: list[str]
    """Words of the listing that answered the words asked for, in the order asked."""
    highlights: list[Excerpt] = msgspec.field(default_factory=list)
    """Where those words stand in the name and the summary; a text without any of them is left out."""


class Answer(msgspec.Struct, kw_only=True):
    """What a question found."""

    total: int
    hits: list[Hit]
    facets: dict[str, dict[str, int]]
    """`facets[name][value]`: listings with that value. A facet ignores its own filter, so that values can be added.

    `facets["distance"]` has the listings within 1, 3, 5, 10 and 25 miles of the point, whatever the question's radius;
    a listing without a base is in none of them. Without a point it is empty.
    """
    suggestion: str | None
    """The text with unknown words replaced by near ones that the index knows."""
    took_ms: float
    is_relaxed: bool = False
    """No listing has all the words; these have some of them."""
    is_counted: bool = True
    """Whether `total` and `facets` are whole; else there are at least `total`."""


def check_query(query: ListingQuery) -> None:
    """Refuse filters and orders that do not exist.

    Raises:
        UnknownFilter: Names the first one.
    """
    for name in query.filters:
        if name not in FILTERS:
            raise UnknownFilter(f"There is no filter {name!r}.")
    if query.sort not in SORTS:
        raise UnknownFilter(f"There is no order {query.sort!r}.")


def as_point(lat: float | None, lon: float | None) -> Point | None:
    """Pair two coordinates in degrees; None when one is missing or out of range (a NaN is)."""
    if lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return float(lat), float(lon)


def price_band(price_pence: int | None) -> str:
    """Name the band of a price in pence."""
    if price_pence is None:
        return NO_PRICE_BAND
    return next((name for limit, name in PRICE_BANDS if price_pence < limit), TOP_PRICE_BAND)


def cleaned(document: ListingDocument) -> ListingDocument:
    """Drop what UTF-8 cannot carry from every text of a listing."""
    try:
        msgspec.json.encode(document)
    except UnicodeEncodeError:
        fields: dict[str, Any] = {
            name: [clean(item) for item in value]
            if isinstance(value, list)
            else clean(value)
            if isinstance(value, str)
            else value
            for name, value in msgspec.structs.asdict(document).items()
        }
        return ListingDocument(**fields)
    return document


def values_listed(document: ListingDocument) -> tuple[Sequence[str], ...]:
    """Values of a listing by filter, in the order of `FILTERS`; empty ones and repetitions may be among them."""
    return (
        (document.category,),
        (document.kind,),
        (document.rating or NOT_RATED,),
        document.languages,
        document.suits,
        (document.gender or "",),
        (document.price_band,),
        ("true" if document.has_free_capacity else "false",),
        document.days,
        document.times,
        (document.run_by,),
        document.councils,
        document.slots,
        document.interests,
        (document.town,),
        (document.postcode_area,),
        (document.price_unit,),
        (document.provider,),
    )


def filter_values(document: ListingDocument) -> dict[str, list[str]]:
    """Values of a listing by filter name, without repetitions and empty ones; a filter without any is missing."""
    listed = zip(FILTERS, values_listed(document), strict=True)
    return {name: list(dict.fromkeys(filter(None, values))) for name, values in listed if any(values)}
