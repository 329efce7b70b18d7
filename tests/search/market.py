"""Listings that the search tests look for."""

from typing import Any

from search import ListingDocument, ListingQuery, SearchBackend

PRESTON = (53.7632, -2.7031)
LANCASTER = (54.0466, -2.8007)
"""About 32 km from Preston."""
DONCASTER = (53.5228, -1.1285)
"""About 107 km from Preston."""

PRESTON_DISTRICT = "E07000123"
LANCASTER_DISTRICT = "E07000121"


def make_listing(listing_id: str, **fields: Any) -> ListingDocument:
    """Make a listing that comes anywhere unless told otherwise."""
    return ListingDocument(id=listing_id, **({"name": f"Listing {listing_id}"} | fields))


def at(place: tuple[float, float], **fields: Any) -> dict[str, Any]:
    """Fields of a listing with its base at a place."""
    return {"lat": place[0], "lon": place[1], **fields}


def north_of(place: tuple[float, float], metres: float) -> tuple[float, float]:
    """Point so many metres north."""
    return place[0] + metres / 111_195.08, place[1]


MARKET = [
    make_listing(
        "homecare-ribble",
        name="Ribble Home Care",
        provider="Ribble Care Ltd",
        category="home-care",
        kind="regulated",
        summary="Care workers who visit at home for washing, dressing and meals.",
        suits=["older people", "dementia"],
        languages=["English", "Polish"],
        rating="Good",
        price_pence=24_50,
        price_unit="hour",
        town="Preston",
        postcode_area="PR1",
        has_free_capacity=True,
        councils=["lancashire"],
        **at(PRESTON, radius_metres=16_000),
    ),
    make_listing(
        "homecare-lune",
        name="Lune Valley Carers",
        provider="Lune Valley",
        category="home-care",
        kind="regulated",
        summary="Support workers day and night.",
        suits=["older people"],
        languages=["English"],
        rating="Outstanding",
        price_pence=27_00,
        price_unit="hour",
        town="Lancaster",
        postcode_area="LA1",
        councils=["lancashire"],
        **at(LANCASTER, radius_metres=40_000),
    ),
    make_listing(
        "pa-ania",
        name="Ania",
        category="personal-assistant",
        kind="pa",
        summary="Personal assistant, moving and handling trained. I like football and swimming.",
        interests=["football", "swimming"],
        languages=["English", "Polish"],
        gender="female",
        price_pence=16_00,
        price_unit="hour",
        town="Preston",
        postcode_area="PR2",
        has_free_capacity=True,
        **at(north_of(PRESTON, 3_000), radius_metres=8_000),
    ),
    make_listing(
        "taxi-dale",
        name="Dale Accessible Transport",
        category="transport",
        kind="community",
        summary="Wheelchair accessible taxi and minibus.",
        price_pence=0,
        price_unit="trip",
        town="Preston",
        districts=[PRESTON_DISTRICT],
        **at(north_of(PRESTON, 6_000)),
    ),
    make_listing(
        "hoists-direct",
        name="Hoists Direct",
        provider="Equipment Direct",
        category="equipment",
        kind="equipment",
        summary="Ceiling and mobile hoists, slings and grab rails delivered anywhere.",
        keywords=["hoist", "sling"],
        price_pence=899_00,
        price_unit="item",
        town="Doncaster",
        nationwide=True,
        **at(DONCASTER),
    ),
    make_listing(
        "choir-lune",
        name="Memory Lane Choir",
        category="arts",
        kind="community",
        summary="Singing for people with dementia and the people who care for them. Café afterwards.",
        suits=["dementia", "carers"],
        price_pence=3_00,
        price_unit="session",
        town="Lancaster",
        **at(LANCASTER, radius_metres=10_000),
    ),
    make_listing(
        "physio-online",
        name="Stronger Physiotherapy",
        category="physiotherapy",
        kind="regulated",
        summary="Physiotherapy and falls prevention by video.",
        body="Exercises for balance, chosen with O'Brien's method.",
        rating="not rated",
        nationwide=True,
    ),
]


def ids(backend: SearchBackend, **query: object) -> list[str]:
    return [hit.id for hit in backend.search(ListingQuery(**query)).hits]  # type: ignore[arg-type]


def place(point: tuple[float, float]) -> dict[str, object]:
    return {"lat": point[0], "lon": point[1]}
