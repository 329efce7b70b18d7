"""Rows of the delimited layouts to facts: one function a layout, all of the same shape."""

from collections.abc import Callable, Iterator

from marketplace.core.textfiles import Row
from marketplace.providers.directory import names
from marketplace.providers.directory.cells import MAX_NAME, Cells
from marketplace.providers.directory.records import (
    Item,
    Layout,
    NoteKind,
    Ratings,
    RegisterLocation,
    RegisterProvider,
    RegisterStatus,
)

SOCIAL_CARE_CATEGORIES = frozenset({"residential social care", "community based adult social care services"})
NOT_SOCIAL_CARE = "Not adult social care."
NOT_SOCIAL_CARE_PROVIDER = "A provider without a social care activity."
_LOCATION_URL = "https://www.cqc.org.uk/location/"
_PROVIDER_URL = "https://www.cqc.org.uk/provider/"


def location_url(location_id: str) -> str:
    """Give the address of the location's page at the regulator."""
    return _LOCATION_URL + location_id


def provider_url(provider_id: str) -> str:
    """Give the address of the provider's page at the regulator."""
    return _PROVIDER_URL + provider_id


class Reading:
    """The row at hand: `cells[field]` by our name for the column, "" where the table has no such column."""

    __slots__ = ("clean", "number", "place", "values")

    def __init__(self, row: Row, place: dict[str, int]) -> None:
        """Take one row of a table with the given column places."""
        self.values = row.cells
        self.place = place
        self.number = row.number
        self.clean = Cells(row.number)

    def __getitem__(self, field: str) -> str:
        """Give the raw cell."""
        index = self.place.get(field)
        return "" if index is None else self.values[index]

    def identified(self) -> tuple[str, str] | None:
        """Read location id and name; None (and a note) when the row has to be refused for want of them."""
        raw = self["location_id"].strip()
        location_id = self.clean.register_id("location_id", raw)
        if location_id is None:
            self.clean.notes.clear()
            self.clean.note(NoteKind.REFUSED, None, "The row has no valid location id.", raw)
            return None
        self.clean.location_id = location_id
        name = self.clean.text("name", self["name"], MAX_NAME)
        if name is None:
            self.clean.note(NoteKind.REFUSED, None, "The row has no name.", location_id)
            return None
        return location_id, name

    def ratings(self, published: str, *, us_order: bool = False) -> Ratings:
        """Read the six rating columns; `published` is the cell with their date."""
        clean = self.clean
        ratings = Ratings(
            overall=clean.rating("rating_overall", self["rating_overall"]),
            safe=clean.rating("rating_safe", self["rating_safe"]),
            effective=clean.rating("rating_effective", self["rating_effective"]),
            caring=clean.rating("rating_caring", self["rating_caring"]),
            responsive=clean.rating("rating_responsive", self["rating_responsive"]),
            well_led=clean.rating("rating_well_led", self["rating_well_led"]),
            published_on=clean.day("rating_date", published, us_order=us_order),
        )
        if ratings.overall is None and ratings.published_on is not None:
            # A date without a rating is the date of something else (a report on one question, a registration).
            ratings = Ratings(
                None, ratings.safe, ratings.effective, ratings.caring, ratings.responsive, ratings.well_led, None
            )
        return ratings


def read_joined(reading: Reading) -> Iterator[Item]:
    """One row of the joined table."""
    clean = reading.clean
    identity = reading.identified()
    if identity is None:
        yield from clean.notes
        return
    location_id, name = identity
    status = reading["status"].strip().lower()
    if status not in ("registered", "closed", "deregistered"):
        clean.note(NoteKind.REFUSED, None, "The status is neither registered nor closed.", reading["status"])
        yield from clean.notes
        return
    service_types = clean.service_types(names.split_list(reading["service_types"], "|"))
    lat, lon = clean.coordinates(reading["lat"], reading["lon"])
    is_home = _yes_or_no(reading["care_home"])
    is_home = names.is_care_home(service_types) if is_home is None else is_home
    location = RegisterLocation(
        location_id=location_id,
        row_number=reading.number,
        name=name,
        also_known_as=clean.text("also_known_as", reading["also_known_as"], MAX_NAME),
        provider_id=clean.register_id("provider_id", reading["provider_id"]),
        provider_name=clean.text("provider_name", reading["provider_name"], MAX_NAME),
        brand_name=_brand(clean, reading["brand_name"]),
        company_number=clean.company_number(reading["companies_house_number"]),
        is_care_home=is_home,
        service_types=service_types,
        specialisms=clean.specialisms(names.split_list(reading["specialisms"], "|")),
        beds=_beds(clean, reading["beds"], is_home),
        address1=clean.text("address1", reading["address1"]),
        address2=clean.text("address2", reading["address2"]),
        town=clean.text("town", reading["town"]),
        county=clean.text("county", reading["county"]),
        postcode=clean.postcode(reading["postcode"]),
        local_authority=clean.council(reading["local_authority"]),
        lad_code=clean.text("lad_code", reading["lad_code"], 9),
        region=clean.region(reading["region"]),
        lat=lat,
        lon=lon,
        phone=clean.phone(reading["phone"]),
        website=clean.website(reading["website"]),
        ratings=reading.ratings(reading["rating_date"]),
        last_inspection_on=clean.day("last_inspection_on", reading["last_inspection_date"]),
        status=RegisterStatus.REGISTERED if status == "registered" else RegisterStatus.CLOSED,
        as_of=clean.as_of(reading["as_of"]),
        source_layout=Layout.JOINED,
        url=location_url(location_id),
    )
    yield from clean.notes
    yield location


def read_download(reading: Reading) -> Iterator[Item]:
    """One row of the search download: a location, or a provider where the location id is empty."""
    clean = reading.clean
    if not reading["location_id"].strip() and reading["provider_id"].strip():
        yield from _download_provider(reading)
        return
    identity = reading.identified()
    if identity is None:
        yield from clean.notes
        return
    location_id, name = identity
    service_types = clean.service_types(names.split_list(reading["service_types"], ","))
    if not names.is_social_care(service_types):
        yield from _skipped(clean, NOT_SOCIAL_CARE, reading["service_types"])
        return
    location = RegisterLocation(
        location_id=location_id,
        row_number=reading.number,
        name=name,
        also_known_as=clean.text("also_known_as", reading["also_known_as"], MAX_NAME),
        provider_id=clean.register_id("provider_id", reading["provider_id"]),
        provider_name=clean.text("provider_name", reading["provider_name"], MAX_NAME),
        is_care_home=names.is_care_home(service_types),
        service_types=service_types,
        specialisms=clean.specialisms(names.split_list(reading["specialisms"], ",")),
        address1=clean.text("address1", reading["address1"]),
        address2=clean.text("address2", reading["address2"]),
        town=clean.text("town", reading["town"]),
        county=clean.text("county", reading["county"]),
        postcode=clean.postcode(reading["postcode"]),
        local_authority=clean.council(reading["local_authority"]),
        region=clean.region(reading["region"]),
        phone=clean.phone(reading["phone"]),
        website=clean.website(reading["website"]),
        # The download lists what is registered on the day; closed locations are not in it.
        status=RegisterStatus.REGISTERED,
        source_layout=Layout.DOWNLOAD,
        url=location_url(location_id),
    )
    yield from clean.notes
    yield location


def _download_provider(reading: Reading) -> Iterator[Item]:
    clean = reading.clean
    provider_id = clean.register_id("provider_id", reading["provider_id"])
    name = clean.text("name", reading["name"], MAX_NAME)
    if provider_id is None or name is None:
        yield from clean.notes
        clean.notes.clear()
        clean.note(NoteKind.REFUSED, None, "The row has neither a location nor a provider.", reading["name"])
        yield from clean.notes
        return
    activities = {names.key_of(activity) for activity in names.split_list(reading["specialisms"], ",")}
    if not activities & names.SOCIAL_CARE_ACTIVITIES:
        clean.location_id = provider_id
        yield from _skipped(clean, NOT_SOCIAL_CARE_PROVIDER, reading["specialisms"])
        return
    ownership = reading["service_types"].strip()
    provider = RegisterProvider(
        provider_id=provider_id,
        row_number=reading.number,
        name=name,
        also_known_as=clean.text("also_known_as", reading["also_known_as"], MAX_NAME),
        ownership=ownership if ownership in names.OWNERSHIPS else None,
        address1=clean.text("address1", reading["address1"]),
        address2=clean.text("address2", reading["address2"]),
        town=clean.text("town", reading["town"]),
        county=clean.text("county", reading["county"]),
        postcode=clean.postcode(reading["postcode"]),
        local_authority=clean.council(reading["local_authority"]),
        region=clean.region(reading["region"]),
        phone=clean.phone(reading["phone"]),
        website=clean.website(reading["website"]),
        source_layout=Layout.DOWNLOAD,
        url=provider_url(provider_id),
    )
    yield from clean.notes
    yield provider


def read_filters(reading: Reading) -> Iterator[Item]:
    """One row of the directory with filters."""
    clean = reading.clean
    identity = reading.identified()
    if identity is None:
        yield from clean.notes
        return
    location_id, name = identity
    service_types = clean.service_types(names.split_list(reading["service_types"], ","))
    category = names.key_of(reading["primary_category"])
    if category not in SOCIAL_CARE_CATEGORIES and not names.is_social_care(service_types):
        yield from _skipped(clean, NOT_SOCIAL_CARE, reading["primary_category"] or reading["service_types"])
        return
    is_home = names.is_care_home(service_types)
    registered_on = clean.day("registered_on", reading["registered_on"], us_order=True)
    closed_on = clean.day("closed_on", reading["closed_on"], us_order=True)
    ratings = reading.ratings(reading["published_on"], us_order=True)
    if ratings.published_on is not None and ratings.published_on == registered_on:
        # Some releases fill this column with the day of registration; nothing was rated on that day.
        ratings = Ratings(
            ratings.overall, ratings.safe, ratings.effective, ratings.caring, ratings.responsive, ratings.well_led, None
        )
    location = RegisterLocation(
        location_id=location_id,
        row_number=reading.number,
        name=name,
        provider_id=clean.register_id("provider_id", reading["provider_id"]),
        provider_name=clean.text("provider_name", reading["provider_name"], MAX_NAME),
        brand_name=_brand(clean, reading["brand_name"]),
        company_number=clean.company_number(reading["company_number"]),
        is_care_home=is_home,
        service_types=service_types,
        specialisms=clean.specialisms(names.split_list(reading["specialisms"], ",")),
        beds=_beds(clean, reading["beds"], is_home),
        address1=clean.text("address1", reading["address1"]),
        town=clean.text("town", reading["town"]),
        county=clean.text("county", reading["county"]),
        postcode=clean.postcode(reading["postcode"]),
        local_authority=clean.council(reading["local_authority"]),
        region=clean.region(reading["region"]),
        phone=clean.phone(reading["phone"]),
        website=clean.website(reading["website"]),
        ratings=ratings,
        registered_on=registered_on,
        status=RegisterStatus.CLOSED if closed_on else RegisterStatus.REGISTERED,
        closed_on=closed_on,
        is_dormant=_yes_or_no(reading["dormant"]),
        source_layout=Layout.FILTERS,
        url=location_url(location_id),
    )
    yield from clean.notes
    yield location


RowFunction = Callable[[Reading], Iterator[Item]]
ROW_FUNCTIONS: dict[Layout, RowFunction] = {
    Layout.JOINED: read_joined,
    Layout.DOWNLOAD: read_download,
    Layout.FILTERS: read_filters,
}


def _skipped(clean: Cells, reason: str, value: str) -> Iterator[Item]:
    """One note for a row that is left out; what else is odd about it does not matter."""
    clean.notes.clear()
    clean.note(NoteKind.SKIPPED, None, reason, value)
    yield from clean.notes


def _yes_or_no(text: str) -> bool | None:
    return {"y": True, "yes": True, "n": False, "no": False}.get(text.strip().lower())


def _brand(clean: Cells, text: str) -> str | None:
    """Brands come as "BRAND Voyage" and, in some releases, without the word."""
    name = clean.text("brand_name", text, MAX_NAME)
    return name.removeprefix("BRAND ").strip() or None if name else None


def _beds(clean: Cells, text: object, is_home: bool | None) -> int | None:
    beds = clean.beds(text)
    if beds and is_home is False:
        clean.correct("beds", "Beds of a location that is not a care home were left out.", beds)
        return None
    return beds
