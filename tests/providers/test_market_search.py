"""Searching the market without an account, with the index and without it."""

from pathlib import Path
from typing import Any

import pytest

from marketplace.accounts.words import Gender
from marketplace.core.database import scope_to
from marketplace.providers.models import ListingCategory, PriceUnit, RegulatorLocation, ServiceLine, WorkerKind
from tests.browser import Browser, count, events
from tests.factories import (
    make_accreditation,
    make_council,
    make_listing,
    make_organisation,
    make_worker,
)
from tests.factories_market import make_location, make_postcode, open_index, searching, with_search

LONDON = (51.507, -0.128)


@pytest.fixture
def search(tmp_path: Path) -> Any:
    """An embedded index in a folder of its own."""
    return open_index(tmp_path)


@pytest.fixture
async def market(db: Any) -> dict[str, Any]:
    """A football-loving assistant, a free club and a registered agency in Preston; an assistant in London."""
    council = await make_council(db, short_name="Ribbleshire", contact_phone="0300 123 0000")
    service = await make_organisation(db, name="Kestrel Support", is_example=True)
    await make_accreditation(db, service, council, ServiceLine.PERSONAL_ASSISTANCE)
    worker = await make_worker(
        db,
        service,
        kind=WorkerKind.PA,
        gender=Gender.FEMALE,
        lat=53.75934,
        lon=-2.69931,
        bio="Match days a speciality.",
    )
    pa = await make_listing(
        db,
        service,
        worker_id=worker.id,
        title="Company on match days",
        summary="Someone to go to football with.",
        interests=["football"],
        languages=["English", "Polish"],
        suits=["learning"],
        price_pence=1_840,
        lat=53.75934,
        lon=-2.69931,
    )
    club = await make_listing(
        db,
        await make_organisation(db, name="Winckley Green Gym"),
        category=ListingCategory.GARDENING,
        title="Green gym",
        summary="Gardening together on Tuesdays.",
        price_pence=0,
        price_unit=PriceUnit.FREE,
        radius_metres=None,
    )
    await make_listing(
        db, await make_organisation(db), title="Football friends of London", town="London", lat=LONDON[0], lon=LONDON[1]
    )
    agency = await make_location(db, name="Ribble Home Care", rated_on=None)
    await make_postcode(db)
    return {
        "club": club,
        "pa_id": pa.id,
        "club_id": club.id,
        "agency_id": agency.location_id,
        "worker_name": worker.name,
        "council_name": council.name,
    }


async def test_anybody_finds_an_offer_by_misspelt_words_and_postcode(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=footbal&postcode=pr12he")
    assert "Company on match days" in page.words
    assert "Football friends of London" not in page.words
    assert "£18.40 an hour" in page.words
    assert "under 1 mile away" in page.words
    assert "Matches: " in page.words
    assert "Accredited by Ribbleshire" in page.words
    assert "Made up for the demonstration" in page.words
    assert not page.response.headers.get_list("set-cookie")


async def test_a_far_misspelling_is_answered_with_did_you_mean(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=fotball")
    assert "Did you mean football" in page.words or "Company on match days" in page.words


async def test_register_entries_stand_beside_offers_and_do_not_take_bookings(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=home+care&postcode=PR1+2HE")
    assert "Ribble Home Care" in page.words
    assert "Regulator’s rating: Good" in page.words
    assert "Price on request" in page.words
    assert "On the public register. It does not take bookings here." in page.words


async def test_alternatives_stand_beside_regulated_care(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?category=home_care&postcode=PR1+2HE")
    assert "Also near you, free or in the community" in page.words
    assert "Green gym" in page.words
    assert "Free" in page.words
    mixed = await reader.open("/market?postcode=PR1+2HE")
    assert "Also near you" not in mixed.words


async def test_words_that_name_a_kind_are_taken_as_the_kind_and_can_be_taken_as_words(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, db: Any
) -> None:
    await make_location(
        db, name="Beeches Care Home", is_care_home=True, service_types=["Care home service with nursing"]
    )
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=Home++care&postcode=PR1+2HE")
    assert "Ribble Home Care" in page.words
    assert "Beeches Care Home" not in page.words
    every = await reader.open(page.link(r"kinds=all"))
    assert "Beeches Care Home" in every.words


async def test_a_town_and_the_first_half_of_a_postcode_are_places(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    for place in ("Preston", "preston,%20Lancashire", "PR1", "pr1"):
        page = await reader.open(f"/market?q=gardening&postcode={place}")
        assert "Green gym" in page.words, place
    assert "near PR1" in page.words


async def test_an_unknown_postcode_falls_back_to_its_first_half_and_says_so(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=gardening&postcode=PR1+9ZZ")
    assert "We do not know PR1 9ZZ. These results are around PR1." in page.words
    assert "Green gym" in page.words


async def test_an_unknown_place_is_named_and_a_near_town_offered(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?postcode=Prestn")
    assert "We do not know the place “Prestn”" in page.words
    assert page.link(r"postcode=Preston")


@pytest.mark.parametrize("place", ["BT1 5GS", "BT1"])
async def test_northern_ireland_is_told_kindly_where_to_ask(browser: Browser, place: str) -> None:
    page = await browser.open(f"/market?postcode={place}")
    assert "This service covers England" in page.words


async def test_filters_count_live_and_come_off_as_chips(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?languages=Polish&category=personal_assistant")
    assert "1 result" in page.words
    assert "Personal assistant (1)" in page.words
    assert page.link(r"^/market\?category=personal_assistant$")
    assert page.link(r"^/market\?languages=Polish$")
    both = await reader.open("/market?category=personal_assistant&category=gardening")
    assert "3 results" in both.words


async def test_a_worker_is_found_by_the_days_of_the_week(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=football+wednesday")
    assert "Company on match days" in page.words


async def test_nothing_found_offers_ways_out(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=zzzqqqxxx&postcode=PR1+2HE&radius_miles=1")
    assert "Nothing found" in page.words
    assert "Search within 3 miles" in page.words
    assert "0300 123 0000" in page.words


async def test_what_left_the_market_since_the_index_was_made_is_not_shown(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, db: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    market["club"].is_published = False
    await db.flush()
    page = await reader.open("/market?q=green+gym")
    assert "Gardening together" not in page.words


HOSTILE = [
    "q=" + "a" * 10_000,
    "q=%22unclosed",
    "q=AND+OR+NOT+()",
    "q=title:x+-y+%2Bz+~2+%5E3",
    "q=%F0%9F%98%80%F0%9F%91%A9%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7",
    "q=%E2%80%AEabc+%D7%A9%D7%9C%D7%95%D7%9D",
    "q=%25_%5C%27%3B+DROP+TABLE+listings",
    "q=%ED%A0%80",
    "q=%FF%FE",
    "q=%07bell",
    "q=<script>alert(1)</script>",
    "page=-1",
    "page=0",
    "page=99999999999999999999",
    "page=abc",
    "page=500",
    "radius_miles=0",
    "radius_miles=1e9",
    "radius_miles=nan",
    "radius_miles=10&postcode=%27",
    "category=nonsense",
    "category=",
    "sort=password",
    "facet=unknown&colour=blue",
    "languages=Klingon",
    "postcode=" + "x" * 3_000,
    "postcode=%E2%80%AE&q=x",
    "page=2&page=3&q=a&q=b",
]


@pytest.mark.parametrize("with_index", [True, False])
async def test_hostile_questions_are_answered_or_refused_in_words(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, with_index: bool
) -> None:
    reader = await searching(browser, maker, settings, search) if with_index else browser
    for query in HOSTILE:
        page = await reader.get(f"/market?{query}", expect=None)
        assert page.status in (200, 400, 422), f"{query[:60]}: {page.status}"
        try:
            page.check()
        except Exception as error:
            raise AssertionError(f"{query[:60]}: {error!r}") from error
        if page.status == 422:
            assert "There is a problem" in page.words, query[:60]
        answer = await reader.get(f"/api/v1/listings?{query}", expect=None)
        assert answer.status in (200, 400, 422), f"api {query[:60]}: {answer.status}"
        if answer.status != 200:
            assert answer.response.headers["content-type"].startswith("application/problem+json"), query[:60]
    assert (await reader.get("/market?q=a%00b", expect=400)).status == 400
    assert await count(browser.db, "listings") == 3


async def test_a_refused_search_keeps_what_was_typed(browser: Browser) -> None:
    page = await browser.get("/market?q=dementia&radius_miles=7", expect=422)
    page.check()
    assert page.errors()["radius_miles"] == "Select a distance from the list"
    assert page.field("q") == "dementia"


async def test_without_an_index_postgresql_answers_and_a_rebuild_is_asked_for_once(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, clock: Any
) -> None:
    from datetime import timedelta

    clock.advance(timedelta(days=2))
    reader = with_search(browser, maker, settings, search)
    page = await reader.open("/market?q=football&postcode=PR1+2HE")
    assert "Our search is being rebuilt" in page.words
    assert "Company on match days" in page.words
    assert "Football friends of London" not in page.words
    await reader.open("/market?q=green+gym&category=gardening")
    assert await events(browser.db) == ["SearchIndexLost"]
    page = await reader.open("/market?category=home_care&postcode=Preston")
    assert "Ribble Home Care" in page.words
    assert "Also near you" in page.words


async def test_a_damaged_index_answers_from_postgresql(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, tmp_path: Path
) -> None:
    reader = await searching(browser, maker, settings, search)
    for path in (tmp_path / "index").rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    page = await reader.open("/market?q=football")
    assert "Company on match days" in page.words


async def test_reading_needs_no_council_and_leaves_no_trace(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    await scope_to(browser.db, ())
    for path in ("/market?q=football", f"/market/{market['pa_id']}", "/api/v1/listings?q=football"):
        page = await reader.get(path)
        assert not page.response.headers.get_list("set-cookie"), path
        assert "ootball" in page.text
    assert await events(browser.db) == []


async def test_a_page_of_twenty_is_plain_and_numbered(
    browser: Browser, maker: Any, settings: Any, search: Any, db: Any
) -> None:
    organisation = await make_organisation(db)
    for n in range(45):
        await make_listing(db, organisation, title=f"Befriending {n:02}")
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=befriending&page=2")
    assert reader.queries <= 12
    assert page.text.count('class="cm-result"') == 20
    assert "45 results, page 2 of 3" in page.words
    assert page.link(r"page=3")
    last = await reader.open("/market?q=befriending&page=9")
    assert "Go to the first page" in last.words


# The JSON interface


async def test_the_interface_answers_in_the_agreed_shape(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    answer = (await reader.get("/api/v1/listings?q=football&postcode=PR1%202HE&radius_miles=7.5&per_page=5")).json()
    assert {"total", "page", "per_page", "facets", "results"} <= set(answer)
    assert (answer["total"], answer["page"], answer["per_page"]) == (1, 1, 5)
    first = answer["results"][0]
    assert set(first) == {
        "id", "name", "provider", "category", "distance_miles", "price_pence", "price_unit", "url", "kind",
        "weekly_pence", "rating", "accredited_by", "has_room",
    }  # fmt: skip
    assert first["price_pence"] == 1_840
    assert first["distance_miles"] < 1
    assert answer["facets"]["category"] == {"personal_assistant": 1}
    register = (await reader.get("/api/v1/listings?q=ribble+home&category=home_care")).json()["results"][0]
    assert register["id"] == f"cqc-{market['agency_id']}"
    assert register["price_pence"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("radius_miles=0", "radius_miles"),
        ("radius_miles=1e9", "radius_miles"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("page=-1", "page"),
        ("category=unknown", "category"),
        ("q=" + "a" * 201, "q"),
    ],
)
async def test_the_interface_refuses_what_makes_no_sense(browser: Browser, query: str, field: str) -> None:
    answer = await browser.get(f"/api/v1/listings?{query}", expect=422)
    assert answer.response.headers["content-type"].startswith("application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


# Pages of one offer


async def test_a_listing_shows_its_facts_and_never_the_home_of_a_worker(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    page = await browser.open(f"/market/{market['pa_id']}")
    assert page.heading == "Company on match days"
    for words in (
        "£18.40",
        "an hour",
        "Polish",
        "Football",
        market["council_name"],
        "9am to 5pm",
        "Female",
        "Preston (PR1)",
    ):
        assert words in page.words, words
    assert page.link(rf"^/bookings/new\?listing={market['pa_id']}$")
    assert "PR1 2HE" not in page.text
    assert market["worker_name"] not in page.words
    reader = await searching(browser, maker, settings, search)
    document = (await reader.get("/api/v1/listings?q=football&postcode=PR1+2HE")).json()["results"][0]
    # Rounded to about a kilometre: a searcher at the very door is not told "0.0".
    assert document["distance_miles"] >= 0
    assert "53.759" not in page.text


async def test_absent_unpublished_and_hidden_listings_look_the_same(browser: Browser, market: Any, db: Any) -> None:
    market["club"].is_published = False
    await db.flush()
    for path in (str(market["club_id"]), "00000000-0000-7000-8000-000000000000", "x", "%27", "a" * 300):
        await browser.get(f"/market/{path}", expect=404)


async def test_a_register_entry_shows_the_regulators_facts_only(browser: Browser, db: Any) -> None:
    newer = await make_location(db, name="Ribble Care (new)")
    old = await make_location(
        db, name="Ribble Care (old)", is_registered=False, superseded_by=newer.location_id,
        url="https://www.cqc.org.uk/location/1-9", ratings={"safe": "Good", "well_led": "Outstanding"},
    )  # fmt: skip
    old_id, newer_id = old.location_id, newer.location_id
    page = await browser.open(f"/market/register/{old_id}")
    assert "This service is closed" in page.words
    assert page.link(rf"^/market/register/{newer_id}$")
    assert page.link(r"^https://www\.cqc\.org\.uk/")
    assert "as of 1 February 2027" in page.words
    assert "Well-led Outstanding" in page.words
    assert "Ask to book" not in page.words
    await browser.get("/market/register/1-none", expect=404)
    await browser.get("/market/register/" + "9" * 500, expect=404)


async def test_closed_replaced_and_dormant_entries_are_not_searched(
    browser: Browser, maker: Any, settings: Any, search: Any, db: Any
) -> None:
    newer = await make_location(db, name="Calder Care")
    await make_location(db, name="Calder Care closed", is_registered=False)
    await make_location(db, name="Calder Care before", superseded_by=newer.location_id)
    await make_location(db, name="Calder Care asleep", is_dormant=True)
    reader = await searching(browser, maker, settings, search)
    for one in (reader, browser):
        answer = (await one.get("/api/v1/listings?q=calder")).json()
        assert [row["name"] for row in answer["results"]] == ["Calder Care"]


async def test_a_care_home_is_a_place_and_an_agency_travels(db: Any) -> None:
    from marketplace.providers.service.register import register_document

    home: RegulatorLocation = await make_location(
        db, is_care_home=True, service_types=["Care home service with nursing"], beds=20
    )
    assert register_document(home).radius_metres is None
    assert register_document(home).category == "care_home"
    agency = register_document(await make_location(db))
    assert (agency.radius_metres, agency.category, agency.kind) == (15_000, "home_care", "regulated")
    assert agency.suits == ["Dementia", "Older people"]
