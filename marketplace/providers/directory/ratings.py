"""The directory with ratings: one row for each location, population group and key question.

The rows of a location need not stand together, so all rows go through a sorted spool and come out by location;
memory is bounded by the spool's run and by the rows of one location. The file speaks of ratings alone: it says
nothing about who is registered, and what it leaves out stays as it is known.
"""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from marketplace.core.textfiles import BadRow, Row
from marketplace.providers.directory import names
from marketplace.providers.directory.cells import MAX_NAME, Cells, has_day_first
from marketplace.providers.directory.records import (
    QUESTIONS,
    Item,
    Layout,
    NoteKind,
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
from marketplace.providers.directory.spool import RowSpool, SpooledRow

_DOMAINS: Final = {
    "overall": "overall",
    "safe": "safe",
    "effective": "effective",
    "caring": "caring",
    "responsive": "responsive",
    "well-led": "well_led",
    "well led": "well_led",
}
_OWN_GROUP: Final = "overall"
"""The group whose ratings are the location's own; a row without a group is one of these."""

MAX_GROUPS: Final = 40
"""Service and population groups of one location; the regulator has some ten kinds."""

MAX_DAY_FIRST_SHARE: Final = 0.25
MANY_DAY_FIRST: Final = 20
"""With more impossible months than these the file has the day first, and none of its dates can be told."""

REPEATS: Final = "Another row says the same of this question, and stands."
NEWER: Final = "Another row of this question has a newer date, and stands."
FIRST: Final = "Another row of this question comes first and is no older, so it stands."

_FIELDS: Final = (
    "location_id", "name", "group", "domain", "rating", "published_on", "postcode", "provider_id", "provider_name",
    "care_home", "address1", "address2", "town", "local_authority", "region", "primary_category", "location_type",
    "brand_name",
)  # fmt: skip
_PLACE: Final = {field: index for index, field in enumerate(_FIELDS)}

_SAME: Final = {"name": "name", "provider_id": "provider", "postcode": "postcode"}
"""What every row of a location should say alike."""


class _Said(NamedTuple):
    """What one row says about one question of one group."""

    row_number: int
    rating: str | None
    published_on: date | None

    @property
    def day(self) -> date:
        return self.published_on or date.min

    @property
    def words(self) -> str:
        return f"{self.rating or 'not rated'}, {self.published_on or 'no date'}"


class _DateOrder:
    """Counts how the file writes its dates: one that says month/day/year and means day/month/year shows itself."""

    def __init__(self) -> None:
        self.possible = 0
        self.impossible = 0

    def see(self, cell: str) -> None:
        """Look at one date."""
        if cell.strip():
            if has_day_first(cell):
                self.impossible += 1
            else:
                self.possible += 1

    @property
    def is_trusted(self) -> bool:
        """Whether a date below the 13th can be taken for what it says."""
        read = self.possible + self.impossible
        return self.impossible <= max(MANY_DAY_FIRST, MAX_DAY_FIRST_SHARE * read)

    def notes(self) -> Iterator[RowNote]:
        """Warn once when the dates of the whole file are left out."""
        if not self.is_trusted:
            yield RowNote(
                0, None, "published_on", NoteKind.REFUSED,
                "No date of this file was taken: too many of them have no such month, so the day seems to stand first.",
                f"{self.impossible} of {self.possible + self.impossible}",
            )  # fmt: skip


def gather_ratings(rows: Iterator[Row | BadRow], place: dict[str, int]) -> Iterator[Item]:
    """Yield notes about damaged rows as they come, and after the last row every location once, sorted by id."""
    order = _DateOrder()
    with RowSpool() as spool:
        for row in rows:
            if isinstance(row, BadRow):
                yield RowNote(row.number, None, None, NoteKind.REFUSED, row.message, row.text)
                continue
            reading = Reading(row, place)
            identity = reading.identified()
            if identity is None:
                yield from reading.clean.notes
                continue
            order.see(reading["published_on"])
            spool.add(identity[0], row.number, [reading[field] for field in _FIELDS])
        yield from order.notes()
        for location_id, found in groupby(spool, key=lambda row: row[0]):
            yield from _location(location_id, found, order)


def _location(location_id: str, rows: Iterator[SpooledRow], order: _DateOrder) -> Iterator[Item]:
    """Put the rows of one location together; facts other than ratings come from its first row."""
    reading: Reading | None = None
    said: dict[str, dict[str, _Said]] = {}
    differing: set[str] = set()
    for _, number, cells in rows:
        row = Reading(Row(number, number, cells), _PLACE)
        row.clean.location_id = location_id
        if reading is None:
            reading = row
        else:
            for field, title in _SAME.items():
                if field not in differing and names.key_of(row[field]) != names.key_of(reading[field]):
                    differing.add(field)
                    row.clean.refuse(
                        field, f"Rows of this location differ; the {title} of its first row stands.", row[field].strip()
                    )
        _add(said, row, order)
        yield from row.clean.notes
    if reading is None:
        return
    yield from _put_together(location_id, reading, said)


def _add(said: dict[str, dict[str, _Said]], row: Reading, order: _DateOrder) -> None:
    """Note what a row says; where two rows disagree, the newer report stands."""
    clean = row.clean
    group = clean.text("group", row["group"], MAX_NAME) or _OWN_GROUP
    if names.key_of(group) == _OWN_GROUP:
        group = _OWN_GROUP
    domain = _DOMAINS.get(names.key_of(row["domain"]))
    if domain is None:
        clean.refuse("domain", "This is not a key question.", row["domain"])
        return
    if group not in said and len(said) > MAX_GROUPS:
        clean.refuse("group", f"More than {MAX_GROUPS} groups of one location are not kept.", group)
        return
    published_on = clean.day("published_on", row["published_on"], us_order=True) if order.is_trusted else None
    new = _Said(clean.row_number, clean.any_rating("rating", row["rating"]), published_on)
    questions = said.setdefault(group, {})
    old = questions.get(domain)
    if old is None:
        questions[domain] = new
        return
    kept, left = (new, old) if new.day > old.day else (old, new)
    questions[domain] = kept
    message = REPEATS if kept.rating == left.rating else NEWER if kept.day > left.day else FIRST
    value = f"{left.words} (row {kept.row_number}: {kept.words})"
    # By the row that is left out, which can be the one above.
    clean.notes.append(RowNote(left.row_number, clean.location_id, "rating", NoteKind.SKIPPED, message, value))


def _put_together(location_id: str, reading: Reading, said: dict[str, dict[str, _Said]]) -> Iterator[Item]:
    clean = Cells(reading.number, location_id)
    is_social_care = _is_social_care(reading, said)
    if is_social_care is False:
        value = reading["primary_category"].strip() or reading["location_type"].strip()
        clean.note(NoteKind.SKIPPED, None, NOT_SOCIAL_CARE, value)
        yield from clean.notes
        return
    location = RegisterLocation(
        location_id=location_id,
        row_number=reading.number,
        name=clean.text("name", reading["name"], MAX_NAME) or location_id,
        provider_id=clean.register_id("provider_id", reading["provider_id"]),
        provider_name=clean.text("provider_name", reading["provider_name"], MAX_NAME),
        brand_name=clean.text("brand_name", reading["brand_name"], MAX_NAME),
        is_care_home={"y": True, "n": False}.get(reading["care_home"].strip().lower()[:1]),
        address1=clean.text("address1", reading["address1"]),
        address2=clean.text("address2", reading["address2"]),
        town=clean.text("town", reading["town"]),
        postcode=clean.postcode(reading["postcode"]),
        local_authority=clean.council(reading["local_authority"]),
        region=clean.region(reading["region"]),
        ratings=_ratings(said),
        source_layout=Layout.RATINGS,
        url=location_url(location_id),
        may_create=is_social_care is True,
    )
    yield from clean.notes
    yield location


def _ratings(said: dict[str, dict[str, _Said]]) -> Ratings:
    own = said.get(_OWN_GROUP, {})
    overall = own.get("overall")
    return Ratings(
        overall=overall.rating if overall else None,
        **{name: own[name].rating for name in QUESTIONS if name in own},
        published_on=overall.published_on if overall and overall.rating else None,
        dates={name: day for name in QUESTIONS if name in own and own[name].rating and (day := own[name].published_on)},
        groups={
            group: {domain: _as_words(row) for domain, row in questions.items() if row.rating}
            for group, questions in said.items()
            if group != _OWN_GROUP and any(row.rating for row in questions.values())
        },
        spoken_of=frozenset(own),
    )


def _as_words(said: _Said) -> dict[str, str]:
    words = {"rating": said.rating or ""}
    if said.published_on:
        words["published_on"] = said.published_on.isoformat()
    return words


def _is_social_care(reading: Reading, said: dict[str, dict[str, _Said]]) -> bool | None:
    """None where the table cannot tell: then it only updates a location that is known from elsewhere.

    Doctors and hospitals are rated by population group, but a care service may have a group as well, so a group shows
    nothing by itself.
    """
    category = names.key_of(reading["primary_category"])
    if category:
        return category in SOCIAL_CARE_CATEGORIES
    location_type = names.key_of(reading["location_type"])
    if location_type:
        return location_type == "social care org"
    if reading["care_home"].strip().lower().startswith("y"):
        return True
    return None
