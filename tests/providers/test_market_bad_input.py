"""Whatever is typed into the market is answered or refused in words, with the index and without it."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, count
from tests.factories import make_listing, make_organisation
from tests.factories_market import make_postcode, open_index, searching

WORDS = [
    "q=" + "a" * 10_000,
    "q=" + "%F0%9F%98%80" * 100,
    "q=%F0%9F%98%80",
    "q=%22unclosed+phrase",
    "q=%27%27%3B+DELETE+FROM+listings%3B--",
    "q=AND+OR+NOT+NEAR%2F3",
    "q=football+%26+%21choir+%7C+%3C-%3E+x%3A*",
    "q=title%3Afootball~2+%5E9+%2B-%2A%3F%28%5B%7B",
    "q=%5C%5C%25_",
    "q=%D7%A9%D7%9C%D7%95%D7%9D+%D7%A2%D7%95%D7%9C%D7%9D",
    "q=%D9%85%D8%B1%D8%AD%D8%A8%D8%A7&languages=Arabic",
    "q=%E2%80%AEllabtoof",
    "q=%E2%80%8B%E2%80%8D%EF%BB%BF",
    "q=e%CC%81e%CC%81",
    "q=%EF%AC%81sh",
    "q=the+of+and",
    "q=own+will+because",
    "q=???",
    "q=+++",
    "q=" + "+".join(f"w{n}" for n in range(60)),
    "q=a&q=b&q=c",
    "q[]=x&q=football",
]
OTHERS = [
    "page=-1",
    "page=0",
    "page=1.5",
    "page=%D9%A3",
    "page=9" * 30,
    "per_page=-5",
    "radius_miles=0&postcode=PR1+2HE",
    "radius_miles=-3&postcode=PR1+2HE",
    "radius_miles=1e9&postcode=PR1+2HE",
    "radius_miles=1000000000&postcode=PR1+2HE",
    "radius_miles=nan&postcode=PR1+2HE",
    "radius_miles=inf&postcode=PR1+2HE",
    "category=unknown&category=community",
    "suits=<b>",
    "days=Someday",
    "languages=%00",
    "colour=blue&colour=red",
    "sort=price%3B+DROP",
    "postcode=BT1+5GS",
    "postcode=BT1",
    "postcode=PR1+9ZZ",
    "postcode=ZZ99+9ZZ",
    "postcode=%27%3B--",
    "postcode=%F0%9F%8F%A0",
    "postcode=" + "9" * 3_000,
    "postcode=%E2%80%AEPR1",
]


@pytest.fixture
async def reader(
    request: pytest.FixtureRequest, browser: Browser, db: Any, maker: Any, settings: Any, tmp_path: Path
) -> Browser:
    """A browser of a small market, with an index or without one."""
    await make_postcode(db)
    organisation = await make_organisation(db)
    await make_listing(db, organisation, title="Walking football", summary="Football at a walking pace.")
    await make_listing(db, organisation, title="Thursday choir", languages=["Arabic"])
    if request.param == "index":
        return await searching(browser, maker, settings, open_index(tmp_path))
    return browser


@pytest.mark.parametrize("reader", ["index", "no index"], indirect=True)
@pytest.mark.parametrize("queries", [WORDS, OTHERS], ids=["words", "others"])
async def test_the_page_and_the_interface_never_fail(reader: Browser, queries: list[str]) -> None:
    for query in queries:
        page = await reader.get(f"/market?{query}", expect=None)
        assert page.status in (200, 400, 422), f"{query[:60]}: {page.status}"
        page.check()
        if page.status == 422:
            assert "There is a problem" in page.words, query[:60]
        answer = await reader.get(f"/api/v1/listings?{query}", expect=None)
        assert answer.status in (200, 400, 422), f"api {query[:60]}: {answer.status}"
        kind = answer.response.headers["content-type"]
        assert kind.startswith("application/json" if answer.status == 200 else "application/problem+json"), query[:60]
    assert await count(reader.db, "listings") == 2


@pytest.mark.parametrize("reader", ["index", "no index"], indirect=True)
async def test_a_place_outside_england_or_out_of_use_is_answered_kindly(reader: Browser) -> None:
    page = await reader.open("/market?q=football&postcode=BT1+5GS")
    assert "This service covers England" in page.words
    assert "Walking football" in page.words
    page = await reader.open("/market?q=football&postcode=PR1+9ZZ")
    assert "We do not know PR1 9ZZ" in page.words
    assert "Walking football" in page.words
    answer = (await reader.get("/api/v1/listings?q=football&postcode=BT1%205GS")).json()
    assert "This service covers England" in answer["notice"]


@pytest.mark.parametrize("reader", ["index", "no index"], indirect=True)
@pytest.mark.parametrize("query", ["q=a%00b", "postcode=%00", "category=%00"])
async def test_a_nul_is_refused(reader: Browser, query: str) -> None:
    for path in ("/market", "/api/v1/listings"):
        page = await reader.get(f"{path}?{query}", expect=None)
        assert page.status in (400, 422), query


@pytest.mark.parametrize("reader", ["index", "no index"], indirect=True)
@pytest.mark.parametrize("text", ["football%20%F0%9F%98%80", "%22football%22", "%E2%80%AEfootball", "FOOTBALL%21%21"])
async def test_marks_around_a_word_do_not_hide_it(reader: Browser, text: str) -> None:
    answer = (await reader.get(f"/api/v1/listings?q={text}")).json()
    assert [row["name"] for row in answer["results"]] == ["Walking football"]
