"""The market without an index: PostgreSQL answers, and means the same."""

from collections.abc import AsyncIterator, Callable
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import event, text

from marketplace.accounts.words import Gender
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    DayKind,
    ListingCategory,
    ListingHours,
    ListingRate,
    OrganisationKind,
    PriceUnit,
    ServiceLine,
    SynonymGroup,
    WorkerKind,
)
from marketplace.providers.models.words import LISTING_WORDS, ORGANISATION_WORDS, REGISTER_WORDS
from marketplace.providers.repository.market_plain import PlainRepository
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_plain import PlainSearch
from marketplace.providers.service.market_query import MarketQuery
from search import Answer, AsyncSearch, IndexUnavailable, ListingQuery
from tests.browser import Browser
from tests.factories import PRESTON, make_accreditation, make_council, make_listing, make_organisation, make_worker
from tests.factories_market import make_location, make_postcode, with_search

Ask = Callable[..., Any]
MOST_STATEMENTS = 10
LANCASTER = (54.0466, -2.8007)


@pytest.fixture
async def offers(db: Any) -> dict[str, str]:
    """Offers of several kinds around Preston, one in Lancaster, one by telephone, and two entries of the register."""
    council = await make_council(db)
    agency = await make_organisation(db, name="Kestrel Support", kind=OrganisationKind.HOME_CARE)
    club = await make_organisation(db, name="Ashton O'Brien’s Café", kind=OrganisationKind.COMMUNITY)
    await make_accreditation(db, agency, council, ServiceLine.PERSONAL_ASSISTANCE)
    worker = await make_worker(
        db, agency, kind=WorkerKind.PA, gender=Gender.FEMALE, lat=53.75934, lon=-2.69931, bio="Match days."
    )
    rows = {
        "pa": await make_listing(
            db, agency, worker_id=worker.id, title="Company on match days", summary="Someone to see football with.",
            interests=["football"], languages=["English", "Polish"], suits=["learning"], price_pence=1_840,
            lat=53.75934, lon=-2.69931,
        ),
        "choir": await make_listing(
            db, club, title="Thursday choir", summary="Singing for people with dementia.", suits=["dementia"],
            category=ListingCategory.COMMUNITY, price_pence=0, price_unit=PriceUnit.FREE, radius_metres=None,
        ),
        "hoist": await make_listing(
            db, agency, title="Hire of hoists and slings", summary="Delivered to your home.",
            category=ListingCategory.EQUIPMENT, price_pence=4_500, price_unit=PriceUnit.WEEK,
        ),
        "lancaster": await make_listing(
            db, club, title="Lancaster swimmers", summary="Quiet lengths.", category=ListingCategory.COMMUNITY,
            lat=LANCASTER[0], lon=LANCASTER[1], town="Lancaster", radius_metres=5_000, price_pence=300,
        ),
        "line": await make_listing(
            db, club, title="Listening line", summary="A voice at night.", category=ListingCategory.ADVICE,
            lat=None, lon=None, radius_metres=None, is_nationwide=True, price_pence=0, price_unit=PriceUnit.FREE,
        ),
    }  # fmt: skip
    db.add(ListingHours(listing_id=rows["choir"].id, weekday=3, starts_local=time(10), ends_local=time(12)))
    db.add(ListingRate(listing_id=rows["hoist"].id, day_kind=DayKind.ANY, price_pence=900, starts_on=date(2026, 1, 1)))
    home = await make_location(db, name="Ribble Home Care")
    beeches = await make_location(
        db, name="The Beeches", is_care_home=True, service_types=["Care home service with nursing"],
        specialisms=["Learning disabilities"], rating_overall="Outstanding",
    )  # fmt: skip
    await db.flush()
    return {name: str(row.id) for name, row in rows.items()} | {
        "home": f"cqc-{home.location_id}", "beeches": f"cqc-{beeches.location_id}", "council": str(council.id),
    }  # fmt: skip


@pytest.fixture
def ask(db: Any, offers: dict[str, str]) -> Ask:
    """Ask, and name the offers found."""
    names = {offer: name for name, offer in offers.items()}

    async def ask_for(text: str = "", **given: Any) -> list[str]:
        answer = await PlainSearch(db).answer(ListingQuery(text=text, **given), today(clock_of(db)))
        assert answer.total >= len(answer.hits)
        return [names[hit.id] for hit in answer.hits]

    return ask_for


async def whole(db: Any, **given: Any) -> Answer:
    """The whole answer."""
    return await PlainSearch(db).answer(ListingQuery(**given), today(clock_of(db)))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("football", "pa"),
        ("FOOTBALL ", "pa"),
        ("soccer ", "pa"),
        ("hoist", "hoist"),
        ("moving and handling", "hoist"),
        ("choirs ", "choir"),
        ("sing ", "choir"),
        ("cho", "choir"),
        ("alzheimers", "choir"),
        ("polish ", "pa"),
        ("swimmer ", "lancaster"),
        ("kestrel", "pa"),
        ("obriens cafe", "choir"),
        ("O’Brien's café", "choir"),
        ("thursday", "choir"),
        ("nursing home", "beeches"),
        ("domiciliary care", "home"),
        ("beeches", "beeches"),
        ("equipment", "hoist"),
        ("futball ", "pa"),
        ("hoits ", "hoist"),
        ("lancastr ", "lancaster"),
        ("looking for a choir please", "choir"),
    ],
)
async def test_words_are_understood_as_the_index_does(ask: Ask, offers: Any, text: str, first: str) -> None:
    found = await ask(text)
    assert first in found[:3], found


async def test_every_word_must_be_found_else_some_of_them(db: Any, offers: dict[str, str]) -> None:
    both = await whole(db, text="football polish ")
    assert [hit.id for hit in both.hits] == [offers["pa"]]
    assert not both.is_relaxed
    some = await whole(db, text="football juggling ")
    assert offers["pa"] in [hit.id for hit in some.hits]
    assert some.is_relaxed
    none = await whole(db, text="zzzqqqxxx ")
    assert (none.total, none.hits, none.suggestion) == (0, [], None)


async def test_a_misspelt_word_is_answered_and_the_right_one_offered(db: Any, offers: dict[str, str]) -> None:
    answer = await whole(db, text="footbal polish")
    assert answer.suggestion is None or answer.suggestion == "football polish"
    answer = await whole(db, text="fotball ")
    assert answer.suggestion == "football"
    assert [hit.id for hit in answer.hits] == [offers["pa"]]
    assert answer.hits[0].matched == ["football"]


async def test_a_councils_own_words_count(db: Any, ask: Ask) -> None:
    assert await ask("kickabout ") == []
    council = await make_council(db)
    db.add(SynonymGroup(council_id=council.id, phrases=["kickabout", "football"], updated_at=clock_of(db).now()))
    await db.flush()
    assert await ask("kickabout ") == ["pa"]


async def test_facets_are_counted_each_without_its_own_filter(db: Any, offers: dict[str, str]) -> None:
    answer = await whole(db)
    assert answer.total == 7
    assert answer.facets["category"] == {
        "community": 2, "advice": 1, "care_home": 1, "equipment": 1, "home_care": 1, "personal_assistant": 1,
    }  # fmt: skip
    assert answer.facets["kind"] == {"community": 3, "regulated": 2, "equipment": 1, "pa": 1}
    assert answer.facets["price_band"] == {
        "free": 2, "price-not-stated": 2, "10-to-20-pounds": 1, "under-10-pounds": 2,
    } | {}  # fmt: skip
    assert answer.facets["rating"] == {"not rated": 5, "Good": 1, "Outstanding": 1}
    assert answer.facets["languages"]["Polish"] == 1
    assert answer.facets["gender"] == {"Female": 1}
    assert answer.facets["suits"]["Dementia"] == 2
    assert answer.facets["suits"]["Autism"] == 1
    assert answer.facets["councils"] == {offers["council"]: 2}
    assert answer.facets["run_by"] == {"community": 3, "company": 2}
    assert answer.facets["days"]["Thursday"] >= 1
    chosen = await whole(db, filters={"category": ["community"], "price_band": ["free"]})
    assert [hit.id for hit in chosen.hits] == [offers["choir"]]
    assert chosen.facets["category"] == {"community": 1, "advice": 1}
    assert chosen.facets["price_band"] == {"free": 1, "under-10-pounds": 1}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"category": ["equipment", "advice"]}, {"hoist", "line"}),
        ({"kind": ["regulated"]}, {"home", "beeches"}),
        ({"rating": ["Outstanding"]}, {"beeches"}),
        ({"languages": ["Polish"]}, {"pa"}),
        ({"suits": ["Dementia"]}, {"choir", "home"}),
        ({"suits": ["Learning disability"]}, {"pa", "beeches"}),
        ({"gender": ["Female"]}, {"pa"}),
        ({"days": ["Thursday"], "category": ["community"]}, {"choir"}),
        ({"slots": ["Thursday-morning"], "category": ["community"]}, {"choir"}),
        ({"slots": ["Thursday-evening"], "category": ["community"]}, set()),
        ({"times": ["morning"], "category": ["community"]}, {"choir"}),
        ({"times": ["nonsense"]}, set()),
        ({"run_by": ["company"]}, {"pa", "hoist"}),
        ({"price_band": ["under-10-pounds"]}, {"hoist", "lancaster"}),
        ({"languages": ["Klingon"]}, set()),
        ({"days": ["Someday"]}, set()),
    ],
)
async def test_filters_are_honoured(ask: Ask, filters: dict[str, list[str]], names: set[str]) -> None:
    assert set(await ask(filters=filters)) == names


async def test_places_orders_and_pages(db: Any, ask: Ask, offers: dict[str, str]) -> None:
    lat, lon = PRESTON
    near = await ask(lat=lat, lon=lon, radius_metres=8_000)
    assert "lancaster" not in near
    assert near[-1] == "line", "what has no place comes last, and stays"
    assert "lancaster" in await ask(lat=LANCASTER[0], lon=LANCASTER[1], radius_metres=1_000)
    cheap = await ask(sort="price")
    assert set(cheap[:2]) == {"choir", "line"}
    assert cheap[2:5] == ["lancaster", "hoist", "pa"]
    pages = [await ask(sort="price", page=page, per_page=2) for page in (1, 2, 3, 4, 5)]
    assert [name for page in pages for name in page] == cheap
    answer = await whole(db, lat=lat, lon=lon, sort="distance")
    distances = [hit.distance_metres for hit in answer.hits if hit.distance_metres is not None]
    assert distances == sorted(distances)


async def test_the_home_of_one_worker_is_known_to_a_kilometre_only(db: Any, offers: dict[str, str]) -> None:
    answer = await whole(db, text="football", lat=53.76, lon=-2.7)
    assert answer.hits[0].distance_metres == 0


@pytest.fixture
async def statements(db: Any) -> AsyncIterator[list[str]]:
    """Statements that the session sends."""
    sent: list[str] = []
    engine = (await db.connection()).sync_connection.engine

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


async def test_few_statements_answer_any_question(db: Any, offers: Any, statements: list[str]) -> None:
    await whole(db, text="a b c d e f g h i j k futball hoits polsh choirz swimmin beechs " * 3)
    assert len(statements) <= MOST_STATEMENTS
    statements.clear()
    await whole(db, text="football", filters={"category": ["community"], "languages": ["Polish"]})
    assert len(statements) <= 7


async def test_counts_that_take_too_long_are_left_out_and_the_page_is_answered(
    db: Any, offers: dict[str, str], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(self: PlainRepository, question: Any, least: int) -> Any:
        await self.db.execute(text("SELECT pg_sleep(20)"))

    monkeypatch.setattr(PlainRepository, "counts", slow)
    monkeypatch.setattr("marketplace.providers.service.market_plain.COUNT_MILLISECONDS", 20)
    answer = await PlainSearch(db).answer(ListingQuery(text="football ", per_page=1), today(clock_of(db)))
    assert [hit.id for hit in answer.hits] == [offers["pa"]]
    assert (answer.is_counted, answer.total, answer.facets["category"] if answer.facets else {}) == (False, 2, {})
    page = await browser.open("/market?q=football")
    assert "At least 1 result" in page.words
    assert await db.scalar(text("SELECT current_setting('statement_timeout') <> '20ms'"))


@pytest.mark.parametrize(
    "text",
    [
        "'", "''; DROP TABLE listings --", "a & b | !c <-> d:*", "\\", "%_", "(((", "own will other", "the", "???",
        "😀", "שלום עולם", "مرحبا", "\u202eabc", "x" * 200, "e\u0301", "ﬁsh", "İstanbul", "ß", "12345678", "a1:b2",
    ],
)  # fmt: skip
async def test_any_text_is_answered(db: Any, offers: Any, text: str) -> None:
    answer = await whole(db, text=text)
    assert answer.total >= 0


class Dead:
    """A search server that does not answer."""

    def __init__(self) -> None:
        self.asked = 0

    def search(self, query: ListingQuery) -> Answer:
        """See `SearchBackend.search`."""
        self.asked += 1
        raise IndexUnavailable("The search server does not answer.")

    def suggest(self, prefix: str, limit: int = 8) -> list[str]:
        """See `SearchBackend.suggest`."""
        raise IndexUnavailable("The search server does not answer.")

    def is_healthy(self) -> bool:
        """See `SearchBackend.is_healthy`."""
        return False


async def test_a_dead_search_server_is_asked_once_and_postgresql_answers(db: Any, offers: dict[str, str]) -> None:
    dead: Any = Dead()
    await make_postcode(db)
    for words in ("female polish football", "home care", "football"):
        dead.asked = 0
        results = await MarketService(db, AsyncSearch(dead)).search(MarketQuery(words=words, place="PR1 2HE"))
        assert results.is_plain
        assert results.rows
        assert dead.asked == 1, "two waits for a dead server would add up beyond the limit of a page"


async def test_the_page_and_the_interface_answer_without_a_search_server(
    browser: Browser, maker: Any, settings: Any, offers: dict[str, str]
) -> None:
    dead: Any = Dead()
    reader = with_search(browser, maker, settings, AsyncSearch(dead))
    page = await reader.open("/market?q=soccer")
    assert "Company on match days" in page.words
    answer = (await reader.get("/api/v1/listings?q=hoits&category=equipment")).json()
    assert [row["id"] for row in answer["results"]] == [offers["hoist"]]
    assert answer["suggestion"] == "hoist"


@pytest.mark.parametrize(
    ("table", "words"),
    [("listings", LISTING_WORDS), ("organisations", ORGANISATION_WORDS), ("regulator_locations", REGISTER_WORDS)],
)
async def test_the_words_of_a_table_are_found_by_its_index(db: Any, table: str, words: str) -> None:
    # Of the ways to read a small table, leave the one that such an index offers.
    for other in ("seqscan", "indexscan", "indexonlyscan"):
        await db.execute(text(f"SET LOCAL enable_{other} = off"))
    question = f"EXPLAIN SELECT 1 FROM {table} WHERE {words} @@ to_tsquery('english'::regconfig, 'hoist')"
    plan = (await (await db.connection()).exec_driver_sql(question)).scalars().all()
    assert any(f"ix_{table}_words" in line for line in plan), plan
