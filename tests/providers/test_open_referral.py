"""The Open Referral UK feed: what it says, what it keeps to itself, how it is filtered, paged and kept."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.ids import new_id
from marketplace.providers.models import (
    CapacityKind,
    DayKind,
    HiddenWhy,
    ListingCategory,
    OrganisationKind,
    PriceUnit,
    ServiceLine,
    WorkerKind,
)
from marketplace.providers.service.open_referral.documents import without_empty
from marketplace.providers.service.open_referral.ids import place_id, stable_id
from marketplace.providers.service.open_referral.taxonomies import TAXONOMIES
from tests.browser import Browser
from tests.factories import make_accreditation, make_council, make_listing, make_organisation, make_worker
from tests.factories_market import make_location, make_postcode
from tests.factories_open import make_hours, make_rate


async def read(browser: Browser, path: str, *, expect: int = 200) -> Any:
    """Ask the feed as a program does."""
    page = await browser.get(f"/open-referral{path}", expect=expect, headers={"accept": "application/json"})
    assert page.response.headers["access-control-allow-origin"] == "*"
    return page.json()


async def names(browser: Browser, question: str, at: str = "/services") -> list[str]:
    """Names of the services that a question finds."""
    found = (await read(browser, f"{at}?{question}"))["contents"]
    return [item.get("service", item)["name"] for item in found]


@pytest.fixture
async def club(db: Any) -> Any:
    """A club with everything the feed can carry; returns its id."""
    council = await make_council(db, name="Ribbleshire County Council", contact_email="care@ribbleshire.example")
    organisation = await make_organisation(
        db, name="Winckley Green Gym", kind=OrganisationKind.COMMUNITY, summary="Gardening together.",
        phone="01772 000111", email="hello@green.example", website="https://green.example", charity_number="1234567",
        address_line="3 Example Yard",
    )  # fmt: skip
    await make_accreditation(db, organisation, council, ServiceLine.COMMUNITY_SUPPORT)
    listing = await make_listing(
        db, organisation, category=ListingCategory.COMMUNITY, title="Green gym", body="Every week.", price_pence=850,
        price_unit=PriceUnit.SESSION, suits=["older"], interests=["gardening"], languages=["English", "Polish"],
        concessions=["carer_free"], concession_note="Half price in August.", access_note="Step-free.",
        district_codes=["E07000123"], capacity_kind=CapacityKind.PLACES, capacity_free=0,
        checked_at=datetime(2027, 2, 1, 12, tzinfo=UTC), checked_by_council_id=council.id,
    )  # fmt: skip
    await make_rate(db, listing, DayKind.SATURDAY, 1_000, ends_on=date(2027, 7, 1))
    await make_hours(
        db, listing, (5, time(10), time(12)), (1, time(10), time(12)), (2, time(18), time(20, 30))
    )  # fmt: skip
    return listing.id


async def test_the_root_names_the_standard(browser: Browser) -> None:
    for path in ("", "/"):
        about = await read(browser, path)
        assert about["version"] == "HSDS-UK-3.0"
        assert about["profile"].startswith("https://")
        assert about["openapi_url"].endswith("openapi.json")


async def test_a_service_carries_prices_times_areas_terms_and_who_checked_it(browser: Browser, club: UUID) -> None:
    service = await read(browser, f"/services/{club}")
    assert {name: service[name] for name in ("id", "name", "status", "url", "email", "assured_date")} == {
        "id": str(club), "name": "Green gym", "status": "active", "url": f"http://testserver/market/{club}",
        "email": "hello@green.example", "assured_date": "2027-02-01",
    }  # fmt: skip
    assert service["description"] == "Friendly support with daily life.\n\nEvery week."
    assert service["assurer_email"] == "care@ribbleshire.example"
    assert service["alert"] == "No room now"
    assert service["last_modified"] == "2027-03-03T10:00:00.000Z"
    assert service["accreditations"] == (
        "Accredited by Ribbleshire County Council for community support since 1 January 2027."
    )
    rules = [(rule["freq"], rule["byday"], rule["opens_at"], rule["closes_at"]) for rule in service["schedules"]]
    assert rules == [("WEEKLY", "TU,SA", "10:00", "12:00"), ("WEEKLY", "WE", "18:00", "20:30")]
    costs = [(cost["option"], cost.get("amount"), cost.get("valid_to")) for cost in service["cost_options"]]
    assert costs == [
        ("General price", 8.5, None), ("Saturday", 10.0, "2027-06-30"), ("A carer or PA comes in free", None, None),
        ("Half price in August.", None, None),
    ]  # fmt: skip
    areas = service["service_areas"]
    assert [area["name"] for area in areas] == ["Preston", "Up to 12.4 miles from Preston"]
    assert areas[0]["uri"].endswith("/E07000123")
    assert areas[1]["extent_type"] == "geojson"
    assert [(word["name"], word["code"]) for word in service["languages"]] == [("English", "en"), ("Polish", "pl")]
    terms = [(link["link_type"], link["taxonomy_term"]["name"]) for link in service["attributes"]]
    assert terms == [
        ("service type", "Community groups and activities"), ("eligibility", "Older people"),
        ("interest", "Gardening"), ("concession", "A carer or PA comes in free"),
    ]  # fmt: skip
    assert service["contacts"][0]["phones"][0]["number"] == "01772 000111"
    organisation = service["organization"]
    assert organisation["website"] == "https://green.example"
    assert organisation["organization_identifiers"][0]["identifier"] == "1234567"
    place = service["service_at_locations"][0]["location"]
    assert place["addresses"][0]["address_1"] == "3 Example Yard"
    assert place["accessibility"][0]["description"] == "Step-free."


async def test_lists_leave_out_what_is_many_and_full_ones_do_not(browser: Browser, club: UUID) -> None:
    short = (await read(browser, "/services"))["contents"][0]
    assert set(short) == {
        "id", "organization_id", "name", "description", "url", "email", "status", "accreditations", "assured_date",
        "assurer_email", "alert", "last_modified", "organization",
    }  # fmt: skip
    assert "organization_identifiers" not in short["organization"]
    full = (await read(browser, "/services?full=true"))["contents"][0]
    assert full == await read(browser, f"/services/{club}")
    small = (await read(browser, "/services?minimal=true"))["contents"]
    assert small == [{"id": str(club), "modified_date": "2027-03-03T10:00:00.000Z"}]


async def test_ids_are_the_same_on_every_reading_and_lead_to_their_pages(browser: Browser, club: UUID) -> None:
    first, second = [await read(browser, f"/services/{club}") for _ in range(2)]
    assert first == second
    link = first["service_at_locations"][0]
    at_place = await read(browser, f"/service_at_locations/{link['id']}")
    assert at_place["location"] == link["location"]
    assert at_place["service"]["id"] == str(club)
    term = first["attributes"][0]["taxonomy_term"]
    assert await read(browser, f"/taxonomy_terms/{term['id']}") == term
    taxonomy = await read(browser, f"/taxonomies/{term['taxonomy_id']}")
    assert term in taxonomy["taxonomy_terms"]
    listed = (await read(browser, "/taxonomies"))["contents"]
    assert [item["name"] for item in listed] == ["Kinds of support", "Who it suits", "Interests", "Concessions"]
    assert "taxonomy_terms" not in listed[0]


def test_made_ids_are_whole_uuids_and_turn_back() -> None:
    made = stable_id("schedule", "a", "b")
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    assert made == stable_id("schedule", "a", "b") != stable_id("schedule", "ab", "")
    service = new_id()
    assert place_id(place_id(service)) == service != place_id(service)
    assert place_id(service).version == 7


async def test_an_offer_of_one_person_is_in_the_feed_only_with_consent(browser: Browser, db: Any) -> None:
    organisation = await make_organisation(
        db, name="Kestrel, personal assistant", kind=OrganisationKind.SOLE_PA, phone="07700 900123",
        email="kestrel@home.example", website="https://kestrel.example", address_line="12 Secret Lane",
    )  # fmt: skip
    worker = await make_worker(
        db, organisation, kind=WorkerKind.PA, name="Dana Kestrel", bio="Lives by the park.", lat=53.75934, lon=-2.69931
    )
    listing = await make_listing(
        db, organisation, worker_id=worker.id, title="Company", lat=53.75934, lon=-2.69931, access_note="My own flat"
    )
    listing_id = listing.id
    assert listing.is_open_data is False
    assert await names(browser, "") == []
    await read(browser, f"/services/{listing_id}", expect=404)
    await db.refresh(listing)
    listing.is_open_data = True
    await db.flush()
    page = await browser.get(f"/open-referral/services/{listing_id}")
    service = page.json()
    for secret in ("07700", "home.example", "kestrel.example", "Secret", "PR1 2HE", "Dana", "park", "53.759", "flat"):
        assert secret not in page.text, secret
    assert service["organization"]["name"] == "Kestrel, personal assistant"
    assert service["schedules"][0]["byday"] == "MO,TU,WE,TH,FR"
    assert not {"contacts", "email", "service_at_locations"} & set(service)
    assert await names(browser, "", "/service_at_locations") == []
    await read(browser, f"/service_at_locations/{place_id(listing_id)}", expect=404)


@pytest.mark.parametrize("state", [{"is_published": False}, {"hidden_why": HiddenWhy.STALE}, {"is_open_data": False}])
async def test_what_is_off_the_market_or_not_open_is_not_in_the_feed(
    browser: Browser, db: Any, state: dict[str, Any]
) -> None:
    listing = await make_listing(db, await make_organisation(db), **state)
    listing_id = listing.id
    assert (await read(browser, "/services"))["empty"] is True
    await read(browser, f"/services/{listing_id}", expect=404)


async def test_the_register_is_left_to_the_regulator(browser: Browser, db: Any) -> None:
    await make_location(db)
    assert await names(browser, "") == []


async def test_pages_follow_the_standard(browser: Browser, db: Any) -> None:
    organisation = await make_organisation(db)
    made = [(await make_listing(db, organisation, title=f"Offer {number}")).title for number in range(5)]
    pages = [await read(browser, f"/services?per_page=2&page={number}") for number in (1, 2, 3, 4)]
    heads = [
        (page["page_number"], page["size"], page["first_page"], page["last_page"], page["empty"]) for page in pages
    ]
    assert heads == [
        (1, 2, True, False, False), (2, 2, False, False, False), (3, 1, False, True, False), (4, 0, False, True, True),
    ]  # fmt: skip
    assert {(page["total_items"], page["total_pages"]) for page in pages} == {(5, 3)}
    assert [item["name"] for page in pages for item in page["contents"]] == made
    nothing = await read(browser, "/services?search=zzz")
    assert (nothing["total_items"], nothing["total_pages"], nothing["first_page"], nothing["last_page"]) == (
        0, 0, True, True,
    )  # fmt: skip


async def test_filters_of_the_standard(browser: Browser, db: Any, club: UUID) -> None:
    other = await make_organisation(db, name="Befrienders")
    await make_listing(
        db, other, title="Phone calls 100%", is_nationwide=True, suits=["carer"],
        updated_at=datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    term = {name: {code: t.id for code, t in taxonomy.terms.items()} for name, taxonomy in TAXONOMIES.items()}
    both, gym, calls = ["Green gym", "Phone calls 100%"], ["Green gym"], ["Phone calls 100%"]
    other_id = other.id
    for question, found in {
        "search=GARDENING+gym": [], "search=green": gym, "search=befrienders+phone": calls, "search=100%25": calls,
        "search=_": [],
        f"taxonomy_term_id={term['categories']['community']}": gym,
        f"taxonomy_term_id={term['needs']['carer']}": calls,
        f"taxonomy_term_id={uuid4()}": [],
        f"taxonomy_id={TAXONOMIES['categories'].id}": both,
        f"taxonomy_id={TAXONOMIES['concessions'].id}": gym,
        f"taxonomy_id={uuid4()}": [],
        f"organization_id={other_id}": calls,
        "modified_after=2027-02-01": gym, "modified_after=2027-03-03T10:00:00Z": gym,
        "modified_after=2027-03-03T10:00:01%2B00:00": [],
        "day=SA": gym, "day=saturday": gym, "day=MO": [], "start_time=17:00": gym, "start_time=19:00": [],
        "end_time=12:00:00": gym, "day=TU&start_time=17:00": [],
        "minimum_age=18&maximum_age=65": both,
    }.items():  # fmt: skip
        assert await names(browser, question) == found, question


async def test_places_near_a_postcode(browser: Browser, db: Any, club: UUID) -> None:
    await make_postcode(db)
    await make_postcode(db, "PR2 1AA", lat=53.80, lon=-2.6993, lad_code="E07000123")
    await make_postcode(db, "LA1 1AA", lat=54.05, lon=-2.80, lad_code="E07000121")
    at = "/service_at_locations"
    assert await names(browser, "postcode=PR2+1AA", at) == ["Green gym"]
    assert await names(browser, "postcode=PR2+1AA&proximity=1000", at) == []
    assert await names(browser, "postcode=PR1+2HE&proximity=1000", at) == ["Green gym"]
    assert await names(browser, "postcode=LA1+1AA", at) == []


@pytest.mark.parametrize(
    "question",
    [
        "page=0", "page=-1", "page=x", "page=99999999999", "per_page=101", "per_page=0", "per_page=%D9%A3",
        "full=perhaps", "modified_after=yesterday", "taxonomy_id=x", "organization_id=%27", "day=someday",
        "start_time=25:00", "minimum_age=-1", "maximum_age=nan", f"search={'a' * 201}",
    ],
)  # fmt: skip
async def test_parameters_that_make_no_sense_are_named(browser: Browser, question: str) -> None:
    problem = await read(browser, f"/services?{question}", expect=422)
    assert [error["field"] for error in problem["errors"]] == [question.partition("=")[0]]


@pytest.mark.parametrize("question", ["postcode=ZZ99+9ZZ", "postcode=x", "proximity=100", "proximity=far"])
async def test_places_that_nobody_knows_are_named(browser: Browser, question: str) -> None:
    await read(browser, f"/service_at_locations?{question}", expect=422)


@pytest.mark.parametrize("kind", ["services", "service_at_locations", "taxonomies", "taxonomy_terms"])
async def test_what_is_not_there_is_a_problem_in_json(browser: Browser, kind: str) -> None:
    for item in (uuid4(), "x", "%27", "a" * 300, UUID(int=0), UUID(int=2**128 - 1)):
        problem = await read(browser, f"/{kind}/{item}", expect=404)
        assert problem["status"] == 404


async def test_a_page_asks_as_many_questions_for_one_service_as_for_many(browser: Browser, db: Any) -> None:
    async def add(count: int) -> None:
        for _ in range(count):
            organisation = await make_organisation(db)
            await make_accreditation(db, organisation, await make_council(db), ServiceLine.COMMUNITY_SUPPORT)
            worker = await make_worker(db, organisation)
            for more in ({"worker_id": worker.id, "is_open_data": True}, {"district_codes": ["E09000001"]}):
                listing = await make_listing(db, organisation, **more)
                await make_rate(db, listing, DayKind.SUNDAY, 2_000)

    for path in ("/services?full=true", "/service_at_locations?full=true", "/services"):
        await add(1)
        await read(browser, path)
        few = browser.queries
        await add(3)
        await read(browser, path)
        assert browser.queries == few, path
        assert few <= 12


async def test_answers_are_kept_and_told_apart(browser: Browser, db: Any, club: UUID) -> None:
    first = (await browser.get("/open-referral/services")).response
    mark = first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=300"
    assert first.headers["last-modified"] == "Wed, 03 Mar 2027 10:00:00 GMT"
    assert "set-cookie" not in first.headers
    for known in (mark, f'"other", W/{mark}', "*"):
        again = await browser.get("/open-referral/services", expect=304, headers={"if-none-match": known})
        assert again.text == ""
        assert again.response.headers["etag"] == mark
    await make_listing(db, await make_organisation(db))
    changed = await browser.get("/open-referral/services", headers={"if-none-match": mark})
    assert changed.response.headers["etag"] != mark


async def test_other_sites_may_ask_first_and_with_head(browser: Browser) -> None:
    for path in ("/open-referral/", "/open-referral/services", f"/open-referral/services/{uuid4()}"):
        answer = await browser.client.request("OPTIONS", path, headers={"origin": "https://other.example"})
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    head = await browser.client.request("HEAD", "/open-referral/services")
    assert (head.status_code, head.text) == (200, "")
    refused = await browser.client.request("POST", "/open-referral/services")
    assert refused.status_code in (403, 405)


def test_nothing_empty_is_written() -> None:
    document = {"a": None, "b": "", "c": [], "d": 0, "e": False, "f": [{"g": None, "h": "x"}], "i": {"j": ""}}
    assert without_empty(document) == {"d": 0, "e": False, "f": [{"h": "x"}], "i": {}}
