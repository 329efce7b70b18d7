"""The layouts that the regulator's directory comes in, told apart by their headings.

Each layout lists the columns that it must have and those that it may have; a heading is matched without
regard to case, spacing and a byte order mark. Nothing depends on the name of the file.
"""

import msgspec

from marketplace.core.textfiles import Table
from marketplace.providers.directory.errors import WrongLayout
from marketplace.providers.directory.names import key_of
from marketplace.providers.directory.records import Layout


class Columns(msgspec.Struct, frozen=True):
    """What a delimited layout is made of: `needed` and `optional` map our field to the heading."""

    layout: Layout
    title: str
    needed: dict[str, str]
    optional: dict[str, str]


JOINED = Columns(
    Layout.JOINED,
    "the 47-column joined table",
    needed={
        name: name
        for name in (
            "location_id", "name", "provider_id", "provider_name", "care_home", "service_types", "specialisms",
            "postcode", "lat", "lon", "rating_overall", "status", "as_of",
        )
    },
    optional={
        name: name
        for name in (
            "also_known_as", "brand_name", "companies_house_number", "primary_category", "beds", "address1",
            "address2", "town", "county", "local_authority", "region", "phone", "website", "rating_safe",
            "rating_effective", "rating_caring", "rating_responsive", "rating_well_led", "rating_date",
            "last_inspection_date", "lad_code", "cqc_url",
        )
    },
)  # fmt: skip

DOWNLOAD = Columns(
    Layout.DOWNLOAD,
    "the register's search download (18 columns)",
    needed={
        "name": "Name",
        "postcode": "Postcode",
        "provider_id": "CQC Provider ID (for office use only)",
        "location_id": "CQC Location ID (for office use only)",
        "specialisms": "Specialisms/services",
        "service_types": "Service types",
        "provider_name": "Provider name",
    },
    optional={
        "address1": "Address 1",
        "address2": "Address 2",
        "town": "Town/City",
        "county": "County",
        "phone": "Phone number",
        "website": "Website",
        "local_authority": "Local authority",
        "region": "Region",
        "url": "URL",
        "also_known_as": "Also known as",
    },
)

FILTERS = Columns(
    Layout.FILTERS,
    "the directory with filters (45 columns)",
    needed={
        "name": "Location Name",
        "location_id": "Location ID",
        "primary_category": "Primary inspection category",
        "service_types": "Service Types",
        "rating_overall": "Location Latest Overall Rating",
        "specialisms": "Service users supported",
        "provider_name": "Provider Name",
        "provider_id": "Provider ID",
    },
    optional={
        "phone": "Location telephone number",
        "website": "Location Web Address",
        "local_authority": "Location Local Authority",
        "region": "Location ADASS Region",
        "beds": "Care homes beds",
        "registered_on": "Location HSCA start date",
        "closed_on": "Location HSCA end date",
        "dormant": "Dormant",
        "published_on": "Publication Date",
        "rating_safe": "Location safe rating",
        "rating_effective": "Location effective rating",
        "rating_caring": "Location caring rating",
        "rating_responsive": "Location responsive rating",
        "rating_well_led": "Location well-led rating",
        "company_number": "Provider Companies House Number",
        "brand_name": "Brand Name",
        "postcode": "Location Postal Code",
        "address1": "Location Street Address",
        "town": "Location City",
        "county": "Location County",
    },
)

RATINGS = Columns(
    Layout.RATINGS,
    "the directory with ratings (a row for each key question)",
    needed={
        "location_id": "Location ID",
        "name": "Location Name",
        "group": "Service / Population Group",
        "domain": "Domain",
        "rating": "Latest Rating",
        "published_on": "Publication Date",
        "postcode": "Location Post Code",
        "provider_id": "Provider ID",
        "provider_name": "Provider Name",
    },
    optional={
        "care_home": "Care Home?",
        "address1": "Location Street Address",
        "address2": "Location Address Line 2",
        "town": "Location City",
        "local_authority": "Location Local Authority",
        "region": "Location Region",
        "primary_category": "Location Primary Inspection Category",
        "location_type": "Location Type",
        "url": "URL",
        "brand_name": "Brand Name",
    },
)

DELIMITED = (JOINED, DOWNLOAD, FILTERS, RATINGS)
_BY_LAYOUT = {columns.layout: columns for columns in DELIMITED}

API_EXPECTED = "one JSON record a line with locationId, providerId, name and registrationStatus"


class Heading(msgspec.Struct, frozen=True):
    """A heading that fits a layout: `place` maps our field to the position of its column."""

    columns: Columns
    place: dict[str, int]


def find_heading(table: Table, wanted: Layout | None) -> Heading:
    """Find the heading among the first lines of the table and start the table below it.

    Args:
        table: A table nothing was read from yet.
        wanted: The layout that the caller insists on, None for any.

    Raises:
        WrongLayout: No line fits; the message names the nearest layout and what it misses.
    """
    choices = DELIMITED if wanted is None else (_BY_LAYOUT[wanted],)
    nearest: tuple[int, Columns, list[str]] | None = None
    for cells in table.heading_candidates():
        keys = [key_of(cell) for cell in cells]
        for columns in choices:
            missing = [title for title in columns.needed.values() if key_of(title) not in keys]
            if not missing:
                table.start(cells)
                return Heading(columns, _places(columns, keys))
            found = len(columns.needed) - len(missing)
            if nearest is None or found > nearest[0]:
                nearest = found, columns, missing
    if nearest is None or not nearest[0]:
        expected = "; ".join(f"{columns.title}: {', '.join(columns.needed.values())}" for columns in choices)
        raise WrongLayout(f"This is not a layout of the regulator's directory. Expected columns are: {expected}.")
    _, columns, missing = nearest
    raise WrongLayout(
        f"This looks like {columns.title}, but these columns are missing: {', '.join(missing)}. "
        f"Expected columns are: {', '.join(columns.needed.values())}."
    )


def _places(columns: Columns, keys: list[str]) -> dict[str, int]:
    place: dict[str, int] = {}
    for field, title in {**columns.needed, **columns.optional}.items():
        key = key_of(title)
        if keys.count(key) > 1:
            raise WrongLayout(f"The column {title!r} stands {keys.count(key)} times in the heading.")
        if key in keys:
            place[field] = keys.index(key)
    return place
