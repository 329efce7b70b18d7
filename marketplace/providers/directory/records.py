"""What the regulator publishes about a location, as plain facts; nothing here is guessed or made up.

None, and an empty list, mean that the source did not say: a location without a rating is "not rated", which
is no rating of zero, and one without service types is of unknown kind.
"""

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec


class Layout(StrEnum):
    """The known layouts of the regulator's directory; the value is what `--format` takes."""

    JOINED = "joined"
    """The 47-column table joined from several published snapshots."""
    DOWNLOAD = "download"
    """The register's own search download, 18 columns, all kinds of service."""
    FILTERS = "filters"
    """The "directory with filters", 45 columns, US dates."""
    RATINGS = "ratings"
    """The "directory with ratings", a row for each location, population group and key question."""
    API = "api"
    """Location or provider records of the syndication API, one JSON object a line."""


class Rating(StrEnum):
    """Words that the regulator publishes as a rating, kept as words; only the first four are an order of quality."""

    OUTSTANDING = "Outstanding"
    GOOD = "Good"
    REQUIRES_IMPROVEMENT = "Requires improvement"
    INADEQUATE = "Inadequate"
    INSPECTED_NOT_RATED = "Inspected but not rated"
    INSUFFICIENT_EVIDENCE = "Insufficient evidence to rate"
    NO_PUBLISHED_RATING = "No published rating"


class RegisterStatus(StrEnum):
    """Whether the location may operate now."""

    REGISTERED = "registered"
    CLOSED = "closed"


QUESTIONS: Final = ("safe", "effective", "caring", "responsive", "well_led")
"""The five key questions, by our names, in the regulator's order."""


class Ratings(msgspec.Struct, frozen=True):
    """The overall rating and the five key questions; None is "not rated"."""

    overall: Rating | str | None = None
    """A word that we do not know stays the word that the source gave."""
    safe: Rating | str | None = None
    effective: Rating | str | None = None
    caring: Rating | str | None = None
    responsive: Rating | str | None = None
    well_led: Rating | str | None = None
    published_on: date | None = None
    """Day of the report that the overall rating comes from; None where the source gives a rating without a date."""
    dates: dict[str, date] = {}
    """Day of the report of each key question, where the source gives it."""
    groups: dict[str, dict[str, dict[str, str]]] = {}
    """Ratings of parts of the location, by the name of the service or population group:
    `groups["Older people"]["safe"] == {"rating": "Good", "published_on": "2024-03-27"}`. They are never the
    location's own."""
    spoken_of: frozenset[str] | None = None
    """The questions ("overall" among them) that the source speaks of, so that the others stay as they are known; None
    where it speaks of all six."""

    def words(self) -> dict[str, str | None]:
        """Give the rating of each key question that the source speaks of; None is "not rated"."""
        asked = QUESTIONS if self.spoken_of is None else [name for name in QUESTIONS if name in self.spoken_of]
        return {name: getattr(self, name) for name in asked}


class RegisterLocation(msgspec.Struct, frozen=True, kw_only=True):
    """One location of the register: the place that care is run from."""

    location_id: str
    row_number: int
    """Row of the file, the first after the heading is 1."""
    name: str
    also_known_as: str | None = None
    provider_id: str | None = None
    provider_name: str | None = None
    brand_name: str | None = None
    company_number: str | None = None
    """Companies House number of the provider, eight characters."""
    is_care_home: bool | None = None
    service_types: tuple[str, ...] = ()
    """Register wording, sorted; see `names.SERVICE_TYPES`."""
    specialisms: tuple[str, ...] = ()
    """API wording, sorted; see `names.SPECIALISMS`."""
    beds: int | None = None
    """Beds of a care home; None elsewhere."""
    address1: str | None = None
    address2: str | None = None
    town: str | None = None
    county: str | None = None
    postcode: str | None = None
    local_authority: str | None = None
    """Council with social services duties, as the regulator names it today."""
    lad_code: str | None = None
    """ONS code of the district."""
    region: str | None = None
    lat: float | None = None
    lon: float | None = None
    phone: str | None = None
    website: str | None = None
    ratings: Ratings | None = None
    """None where the source does not speak about ratings at all, which is other than "not rated"."""
    registered_on: date | None = None
    last_inspection_on: date | None = None
    status: RegisterStatus | None = None
    """None where the source does not say; what it lists is then taken for registered unless known as closed."""
    closed_on: date | None = None
    is_dormant: bool | None = None
    """Registered, but the provider has told the regulator that no care is given at present."""
    succeeded_by: str | None = None
    """Location that the register names as the successor, where it says so."""
    as_of: str | None = None
    """When the facts were true, an ISO day or month ("2026-02"); None where the source does not say."""
    source_layout: Layout
    url: str
    may_create: bool = True
    """False where the source does not tell adult social care from other care: then only a known location is updated."""


class RegisterProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One registered provider: the organisation or person that runs locations."""

    provider_id: str
    row_number: int
    name: str
    also_known_as: str | None = None
    brand_name: str | None = None
    company_number: str | None = None
    charity_number: str | None = None
    ownership: str | None = None
    """"Organisation", "Individual", "Partnership" or "NHS Body"."""
    address1: str | None = None
    address2: str | None = None
    town: str | None = None
    county: str | None = None
    postcode: str | None = None
    local_authority: str | None = None
    region: str | None = None
    phone: str | None = None
    website: str | None = None
    registered_on: date | None = None
    status: RegisterStatus = RegisterStatus.REGISTERED
    closed_on: date | None = None
    source_layout: Layout
    url: str


class NoteKind(StrEnum):
    """What became of the row or the field."""

    CORRECTED = "corrected"
    """Taken, after a change that the note describes."""
    REFUSED = "refused"
    """Not taken: the whole row when the note has no field, else that field alone."""
    SKIPPED = "skipped"
    """Not taken, and nothing is wrong with it: another kind of service, a repeated row."""
    KEPT = "kept"
    """Taken as it is, although we do not know it."""


class RowNote(msgspec.Struct, frozen=True):
    """One line of the row-level report."""

    row_number: int
    location_id: str | None
    field: str | None
    kind: NoteKind
    message: str
    value: str
    """What the file said, cut at 200 characters."""


Item = RegisterLocation | RegisterProvider | RowNote
