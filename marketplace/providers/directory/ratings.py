"""The directory with ratings: one row for each location, population group and key question.

Rows of a location are gathered before it is yielded, so this layout is held in memory in a compact form:
about half a kilobyte for each location, 25 MB for the whole of England.
"""

from collections.abc import Iterator
from datetime import date

from marketplace.core.textfiles import BadRow, Row
from marketplace.providers.directory import names
from marketplace.providers.directory.cells import MAX_NAME, Cells
from marketplace.providers.directory.records import (
    Item,
    Layout,
    NoteKind,
    Rating,
    Ratings,
    RegisterLocation,
    RowNote,
)
from marketplace.providers.directory.rows import (
    NOT_SOCIAL_CARE,
    SOCIAL_CARE_CATEGORIES,
    Reading,
    location_url,
)

_DOMAINS = {
    "overall": "overall",
    "safe": "safe",
    "effective": "effective",
    "caring": "caring",
    "responsive": "responsive",
    "well-led": "well_led",
    "well led": "well_led",
}


class _Gathered:
    """What the rows of one location said so far."""

    __slots__ = ("care_home", "category", "groups", "ratings", "reading")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.care_home = reading["care_home"].strip().lower()
        self.category = names.key_of(reading["primary_category"])
        self.groups: set[str] = set()
        self.ratings: dict[str, tuple[date | None, Rating | None]] = {}


def gather_ratings(rows: Iterator[Row | BadRow], place: dict[str, int]) -> Iterator[Item]:
    """Yield notes as rows come and every location once, after the last row."""
    gathered: dict[str, _Gathered] = {}
    for row in rows:
        if isinstance(row, BadRow):
            yield RowNote(row.number, None, None, NoteKind.REFUSED, row.message, row.text)
            continue
        reading = Reading(row, place)
        identity = reading.identified()
        if identity is None:
            yield from reading.clean.notes
            continue
        held = gathered.get(identity[0])
        if held is None:
            held = gathered[identity[0]] = _Gathered(reading)
        _add(held, reading)
        yield from reading.clean.notes
        reading.clean.notes.clear()
    for location_id, held in gathered.items():
        yield from _location(location_id, held)


def _add(held: _Gathered, reading: Reading) -> None:
    group = names.key_of(reading["group"]) or "overall"
    held.groups.add(group)
    if group != "overall":
        # Ratings of a population group ("People with long term conditions") are not those of the location.
        return
    domain = _DOMAINS.get(names.key_of(reading["domain"]))
    if domain is None:
        reading.clean.refuse("domain", "This is not a key question.", reading["domain"])
        return
    rating = reading.clean.rating("rating", reading["rating"])
    published_on = reading.clean.day("published_on", reading["published_on"], us_order=True)
    known = held.ratings.get(domain)
    if known is None or (published_on or date.min) > (known[0] or date.min):
        held.ratings[domain] = published_on, rating


def _location(location_id: str, held: _Gathered) -> Iterator[Item]:
    reading, clean = held.reading, Cells(held.reading.number, location_id)
    is_social_care = _is_social_care(held)
    if is_social_care is False:
        clean.note(NoteKind.SKIPPED, None, NOT_SOCIAL_CARE, held.category or ", ".join(sorted(held.groups)))
        yield from clean.notes
        return
    found = {domain: rating for domain, (_, rating) in held.ratings.items()}
    overall = held.ratings.get("overall")
    location = RegisterLocation(
        location_id=location_id,
        row_number=reading.number,
        name=clean.text("name", reading["name"], MAX_NAME) or location_id,
        provider_id=clean.register_id("provider_id", reading["provider_id"]),
        provider_name=clean.text("provider_name", reading["provider_name"], MAX_NAME),
        brand_name=clean.text("brand_name", reading["brand_name"], MAX_NAME),
        is_care_home={"y": True, "n": False}.get(held.care_home[:1]),
        address1=clean.text("address1", reading["address1"]),
        address2=clean.text("address2", reading["address2"]),
        town=clean.text("town", reading["town"]),
        postcode=clean.postcode(reading["postcode"]),
        local_authority=clean.council(reading["local_authority"]),
        region=clean.region(reading["region"]),
        ratings=Ratings(**found, published_on=overall[0] if overall and overall[1] else None),
        source_layout=Layout.RATINGS,
        url=location_url(location_id),
        may_create=is_social_care is True,
    )
    yield from clean.notes
    yield location


def _is_social_care(held: _Gathered) -> bool | None:
    """None where the table cannot tell: no category, not a care home, and no population groups either."""
    if held.category:
        return held.category in SOCIAL_CARE_CATEGORIES
    location_type = names.key_of(held.reading["location_type"])
    if location_type:
        return location_type == "social care org"
    if held.care_home.startswith("y"):
        return True
    # Only doctors, hospitals and other health services are rated by population group.
    return False if held.groups - {"overall"} else None
