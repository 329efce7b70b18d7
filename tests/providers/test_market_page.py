"""The results page: wishes in words (P1), facets, cards with the weekly cost, refreshes in place."""

import re
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketplace.accounts import Role
from marketplace.accounts.words import Gender
from marketplace.core.database import clock_of, scope_to
from marketplace.providers.events import ListingChanged
from marketplace.providers.models import (
    CapacityKind,
    DayKind,
    ListingCategory,
    ListingHours,
    ListingRate,
    OrganisationKind,
    PriceUnit,
    ServiceLine,
    WorkerKind,
)
from marketplace.providers.repository.market_facts import MarketFacts
from marketplace.providers.service.workers import AbsenceForm, WorkerService
from tests.browser import Browser, events
from tests.factories import (
    make_accreditation,
    make_budget,
    make_council,
    make_listing,
    make_member,
    make_organisation,
    make_person_member,
    make_worker,
)
from tests.factories_bookings import make_booking, make_scene
from tests.factories_market import make_location, make_postcode, open_index, searching

P1 = "someone+to+help+me+get+to+football%2C+PR1+postcode%2C+Saturday%2C+female%2C+Polish"


@pytest.fixture
def search(tmp_path: Path) -> Any:
    """An embedded index in a folder of its own."""
    return open_index(tmp_path)


@pytest.fixture
async def market(db: Any) -> dict[str, Any]:
    """Two assistants (one fits every wish of P1), a football club on Saturdays and a registered agency, in Preston."""
    council = await make_council(
        db, short_name="Ribbleshire", contact_phone="0300 123 0000", district_codes=["E07000123"]
    )
    service = await make_organisation(db, name="Kestrel Support", kind=OrganisationKind.SOLE_PA)
    await make_accreditation(db, service, council, ServiceLine.PERSONAL_ASSISTANCE)
    other = await make_worker(db, service, kind=WorkerKind.PA, gender=Gender.MALE)
    await make_listing(
        db,
        service,
        worker_id=other.id,
        title="Weekday football company",
        summary="Help with going to football.",
        interests=["football"],
        languages=["English"],
    )
    worker = await make_worker(
        db,
        service,
        kind=WorkerKind.PA,
        gender=Gender.FEMALE,
        hours=[(5, time(9), time(17)), (2, time(18), time(21))],
    )
    pa = await make_listing(
        db,
        service,
        worker_id=worker.id,
        title="Match day help",
        summary="Someone to get you to football.",
        interests=["football"],
        languages=["English", "Polish"],
        price_pence=1_840,
        usual_tenths=20,
    )
    club = await make_listing(
        db,
        await make_organisation(db, name="Deepdale Supporters", kind=OrganisationKind.COMMUNITY),
        category=ListingCategory.COMMUNITY,
        title="Walking football",
        summary="Football at a walk, on Saturdays.",
        price_pence=0,
        price_unit=PriceUnit.FREE,
        capacity_kind=CapacityKind.PLACES,
        capacity_free=6,
        capacity_said_at=clock_of(db).now(),
        feedback_count=12,
        feedback_stars=55,
    )
    db.add(ListingHours(listing_id=club.id, weekday=5, starts_local=time(10), ends_local=time(12)))
    agency = await make_location(db, name="Ribble Home Care", rated_on=date(2026, 5, 1))
    await make_postcode(db)
    await db.flush()
    return {"council": council.id, "pa": pa.id, "club": club.id, "agency": agency.location_id, "worker": worker.id}


# P1 and other sentences


async def test_a_sentence_mixes_assistants_groups_and_home_care_with_what_was_wished_first(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open(f"/market?q={P1}")
    assert "We took “PR1” as the place, “Saturday” as the day, “Female” as who helps and “Polish”" in page.words
    order = [page.words.index(title) for title in ("Match day help", "Weekday football company")]
    assert order == sorted(order)
    for words in (
        "Walking football",
        "Ribble Home Care",
        "free on Saturday",
        "on Saturday",
        "£36.80 a week for 2 hours",
        "£0 a week",
        "Price on request: ask for the weekly cost",
        "Accredited by Ribbleshire",
        "Regulator’s rating: Good, 1 May 2026",
        "under 1 mile away",
    ):
        assert words in page.words, words
    assert not page.response.headers.get_list("set-cookie")
    only = await reader.open(page.link(r"gender=Female"))
    assert "Match day help" in only.words
    assert "Weekday football company" not in only.words
    literal = await reader.open(page.link(r"kinds=all"))
    assert "We took" not in literal.words


async def test_a_town_or_postcode_in_the_words_is_the_place_unless_one_is_given(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    assert "near Preston" in (await reader.open("/market?q=football+preston")).words
    assert "near PR1 2HE" in (await reader.open("/market?q=football+pr12he")).words
    page = await reader.open("/market?q=football+preston&postcode=PR1+2HE")
    assert "as the place" not in page.words
    assert "enter your postcode" in (await reader.open("/market?q=football+near+me")).words
    words = await reader.open("/market?q=football+B12")
    assert "as the place" not in words.words


async def test_a_northern_ireland_postcode_in_the_words_is_answered_kindly(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    assert "This service covers England" in (await reader.open("/market?q=carer+BT1+5GS")).words


async def test_pages_of_wishes_show_every_result_once(
    browser: Browser, maker: Any, settings: Any, search: Any, db: Any
) -> None:
    organisation = await make_organisation(db)
    for number in range(30):
        languages = ["English", "Polish"] if number % 10 == 0 else ["English"]
        await make_listing(db, organisation, title=f"Befriending {number:02}", languages=languages)
    reader = await searching(browser, maker, settings, search)
    first = (await reader.open("/market?q=befriending+polish")).words
    second = (await reader.open("/market?q=befriending+polish&page=2")).words
    found = [f"Befriending {number:02}" for number in range(30)]
    assert all((title in first) != (title in second) for title in found)
    assert all(f"Befriending {number:02}" in first for number in (0, 10, 20))


# Facets


async def test_days_and_times_together_are_one_slot(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?days=Saturday&times=evening")
    assert "Match day help" not in page.words
    page = await reader.open("/market?days=Saturday&times=morning")
    assert "Match day help" in page.words
    assert "Walking football" in page.words
    assert "On Saturday" in page.words or "on Saturday" in page.words
    assert "Weekday football company" not in page.words


async def test_room_who_runs_it_and_my_councils_word_are_facets(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?postcode=PR1+2HE")
    for words in (
        "Has room now (3)",
        "Community group or charity (1)",
        "One person working for themselves (2)",
        "Company or care agency (1)",
        "Ribbleshire (2)",
        "Saturday (2)",
    ):
        assert words in page.words, words
    mine = await reader.open(f"/market?councils={market['council']}")
    assert "2 results" in mine.words
    assert "Accredited by Ribbleshire" in mine.words
    unknown = await reader.open("/market?councils=01890000-0000-7000-8000-000000000000")
    assert "Nothing found" in unknown.words
    await reader.get("/market?councils=nonsense", expect=422)
    several = await reader.open("/market?days=Saturday&run_by=community")
    assert "1 result" in several.words
    assert several.link(r"^/market$")


# Cards


async def test_a_card_says_room_feedback_times_and_offers_to_save_and_compare(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=walking+football&postcode=PR1+2HE")
    for words in ("6 places free, said today", "4.6 out of 5 from 12 visits", "Saturday, 10am to midday", "You pay £0"):
        assert words in page.words, words
    assert page.link(rf"^/shortlists/add\?found={market['club']}$")
    assert page.link(r"^/saved-searches/new\?q=walking")
    assert f'name="ids" value="{market["club"]}" form="compare"' in page.text
    assert 'action="/unmet-need" method="post"' in page.text
    assert "choice-records" not in page.text
    assert page.text.count('class="cm-result"') == page.text.count('class="cm-result__own"')


async def test_the_amount_needed_changes_the_weekly_cost(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=match+day&amount=3.5")
    assert "£64.40 a week for 3.5 hours" in page.words
    assert "You pay all of it, or less if your council pays part" in page.words
    wrong = await reader.get("/market?amount=lots", expect=422)
    wrong.check()
    assert "amount" in wrong.errors()


async def test_a_direct_payment_says_what_the_person_pays_themselves(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, db: Any
) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    await make_budget(db, person, weekly_pence=3_000, own_weekly_pence=500)
    visitor = await searching(browser, maker, settings, search)
    await scope_to(db, "every")
    reader = await visitor.signed_in(member)
    page = await reader.open("/market?q=match+day")
    assert "Your direct payment is £30.00 a week, of which you pay in £5.00" in page.words
    assert "Your direct payment covers £30.00: you pay £6.80 yourself" in page.words


async def test_a_broker_may_keep_the_list_as_evidence(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, db: Any
) -> None:
    member = await make_member(db, Role.BROKER, await make_council(db))
    visitor = await searching(browser, maker, settings, search)
    await scope_to(db, "every")
    reader = await visitor.signed_in(member)
    page = await reader.open("/market?q=football&days=Saturday")
    assert page.link(r"^/choice-records/new\?q=football&days=Saturday$")


async def test_a_dated_rate_is_the_price_of_the_day(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, db: Any
) -> None:
    day = clock_of(db).now().date()
    for price, start, kind in (
        (2_000, day - timedelta(days=30), DayKind.ANY),
        (2_500, day, DayKind.ANY),
        (9_900, day, DayKind.SUNDAY),
        (3_000, day + timedelta(days=1), DayKind.ANY),
    ):
        db.add(ListingRate(listing_id=market["pa"], day_kind=kind, price_pence=price, starts_on=start))
    await db.flush()
    reader = await searching(browser, maker, settings, search)
    page = await reader.open("/market?q=match+day&price_band=20-to-30-pounds")
    assert "£25.00 an hour" in page.words
    assert "£50.00 a week for 2 hours" in page.words


async def test_a_workers_room_is_their_hours_less_days_away_and_visits(db: Any) -> None:
    scene = await make_scene(db)
    day = clock_of(db).now().date()
    facts = MarketFacts(db)
    whole = (await facts.free_minutes([scene.worker.id], day))[scene.worker.id]
    assert whole == 10 * 8 * 60
    booking = await make_booking(db, scene)
    minutes = int((booking.ends_at - booking.starts_at).total_seconds() // 60)
    assert (await facts.free_minutes([scene.worker.id], day))[scene.worker.id] == whole - minutes


async def test_days_away_bring_the_workers_listings_into_the_index_anew(db: Any) -> None:
    scene = await make_scene(db)
    day = clock_of(db).now().date()
    before = (await events(db)).count(ListingChanged.__name__)
    form = AbsenceForm(day, day + timedelta(days=14))

    await WorkerService(db).add_absence(scene.provider.principal, None, form)
    await db.flush()
    assert (await events(db)).count(ListingChanged.__name__) == before + 1
    assert (await MarketFacts(db).free_minutes([scene.worker.id], day))[scene.worker.id] == 0


# Refreshes in place, suggestions


async def test_the_market_describes_itself_without_what_was_searched_for(
    browser: Browser, market: dict[str, Any]
) -> None:
    page = await browser.open("/market")
    assert '<link rel="canonical" href="http://testserver/market">' in page.text
    assert '<meta property="og:title" content="Find care and support">' in page.text
    assert 'content="noindex"' not in page.text
    page = await browser.open("/market?q=dementia&postcode=PR1+2HE&days=Saturday")
    assert '<link rel="canonical" href="http://testserver/market">' in page.text
    assert 'content="noindex"' in page.text
    described = "".join(re.findall(r"<(?:meta|link)[^>]+>", page.text))
    assert not re.search("dementia|PR1|Saturday", described)


async def test_htmx_gets_the_results_and_the_filters_beside_them(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    headers = {"hx-request": "true", "hx-target": "market-results"}
    part = await reader.get("/market?q=football&postcode=&sort=relevance", headers=headers)
    assert "<html" not in part.text
    assert part.text.lstrip().startswith('<div id="market-results"')
    assert 'id="market-facets" hx-swap-oob="true"' in part.text
    assert 'id="radius_miles" name="radius_miles" hx-swap-oob="true"' in part.text
    assert 'data-announce="3 results"' in part.text
    assert part.response.headers["hx-push-url"] == "/market?q=football"
    assert "HX-Request" in part.response.headers["vary"]
    whole = await reader.open("/market?q=football")
    assert "hx-swap-oob" not in whole.text
    wrong = await reader.get("/market?radius_miles=7", headers=headers, expect=422)
    assert "Select a distance from the list" in wrong.text


async def test_suggestions_are_bounded_options_that_any_cache_may_keep(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    page = await reader.get("/market/suggestions?q=foot")
    assert "football" in page.text.lower()
    assert page.response.headers["cache-control"].startswith("public")
    assert 'value="Home care"' in (await reader.get("/market/suggestions?q=ho")).text
    assert 'value="football Preston"' in (await reader.get("/market/suggestions?q=football+pres")).text
    for typed in ("", "f", "x" * 300, "%E2%80%AE", "%F0%9F%98%80%F0%9F%98%80", "%22%3Cb%3E"):
        assert (await reader.get(f"/market/suggestions?q={typed}")).text.count("<option") <= 8
    places = await reader.get("/market/places")
    assert 'value="Preston"' in places.text
    assert reader.queries == 0


async def test_suggestions_work_without_an_index(browser: Browser) -> None:
    assert 'value="Gardening and home help"' in (await browser.get("/market/suggestions?q=gard")).text


async def test_the_number_of_queries_does_not_grow_with_the_results(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any, db: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    await reader.open("/market?q=befriending&postcode=PR1+2HE")
    for _ in range(20):
        organisation = await make_organisation(db, kind=OrganisationKind.SOLE_PA)
        worker = await make_worker(db, organisation, kind=WorkerKind.PA)
        await make_listing(db, organisation, worker_id=worker.id, title="Befriending at home")
    one = await searching(browser, maker, settings, search)
    page = await one.open("/market?q=befriending&postcode=PR1+2HE")
    assert page.text.count('class="cm-result"') == 20
    assert one.queries <= 6


async def test_the_interface_takes_the_new_filters_and_tells_room_and_weekly_cost(
    browser: Browser, maker: Any, settings: Any, search: Any, market: Any
) -> None:
    reader = await searching(browser, maker, settings, search)
    path = "/api/v1/listings?q=football&days=Saturday&times=morning&has_free_capacity=true&run_by=individual&amount=2.5"
    answer = (await reader.get(path)).json()
    assert answer["total"] == 1
    first = answer["results"][0]
    assert (first["kind"], first["weekly_pence"], first["has_room"]) == ("pa", 4_600, True)
    assert first["accredited_by"] == ["Ribbleshire"]
    assert answer["facets"]["run_by"]
    described = (await reader.get("/schema/openapi.json")).json()["paths"]["/api/v1/listings"]["get"]["parameters"]
    assert {"days", "times", "run_by", "councils", "amount"} <= {one["name"] for one in described}
    assert all(one["description"] for one in described)
