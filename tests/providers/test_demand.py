"""What was not found is counted by place, kind and time, and nothing about who looked is kept."""

from typing import Any

import pytest
from sqlalchemy import text

from marketplace.core.database import scope_to
from marketplace.providers.service.demand import DemandService, Looked, known_words
from tests.browser import Browser, count
from tests.factories import make_council
from tests.factories_market import make_postcode


@pytest.fixture
async def council(db: Any) -> Any:
    """A council that serves Preston, where a postcode is known."""
    await make_postcode(db)
    return await make_council(db, slug="ribble", name="Ribble Council", district_codes=["E07000123"])


async def _rows(db: Any) -> list[Any]:
    await scope_to(db, "every")
    return list(await db.execute(text("SELECT * FROM unmet_needs ORDER BY id")))


def test_only_words_of_the_market_are_kept() -> None:
    assert known_words("carer for my mum Doreen Ashworth, 12 Mill Lane, dementia") == "carer dementia"
    assert known_words("doreen.ashworth@example.org 07700 900123") == ""
    assert known_words("polish speaking football saturday") == "football polish saturday"


async def test_one_press_counts_what_was_wanted_where_and_when(browser: Browser, db: Any, council: Any) -> None:
    form = {
        "q": "football with Doreen", "postcode": "pr1 2he", "category": "personal_assistant",
        "days": "Saturday", "times": ["afternoon", "evening"], "form_id": "a" * 32,
    }  # fmt: skip
    for _ in range(2):
        page = await browser.post("/unmet-need", form, expect=303)
        assert page.location == "/unmet-need/thanks/ribble"
    thanks = await browser.open("/unmet-need/thanks/ribble")
    assert "Ribble Council" in thanks.words
    (row,) = await _rows(db)
    assert (row.wanted, row.outward, row.lad_code, row.days, row.times_of_day, row.times) == (
        "football", "PR1", "E07000123", "5", "afternoon evening", 1,
    )  # fmt: skip
    assert "Doreen" not in str(row)


async def test_the_same_wish_of_another_person_is_counted_on_the_same_row(
    browser: Browser, db: Any, council: Any
) -> None:
    for number in range(3):
        form = {"q": "cleaner", "postcode": "PR1 2HE", "form_id": f"{number:032}"}
        await browser.post("/unmet-need", form, expect=303)
    (row,) = await _rows(db)
    assert (row.wanted, row.times, row.source) == ("cleaner", 3, "said")


async def test_a_place_that_no_council_here_serves_is_not_counted(browser: Browser, db: Any, council: Any) -> None:
    for place in ("", "Atlantis", "BT1 1AA", "EH1 1YZ", "\x00"):
        page = await browser.post("/unmet-need", {"q": "cleaner", "postcode": place}, expect=303)
        assert page.location == "/unmet-need/thanks/elsewhere"
    await browser.open("/unmet-need/thanks/elsewhere")
    await browser.open("/unmet-need/thanks/nobody", expect=404)
    await scope_to(db, "every")
    assert await count(db, "unmet_needs") == 0


async def test_another_site_cannot_press_it(browser: Browser, db: Any, council: Any) -> None:
    form = {"q": "cleaner", "postcode": "PR1 2HE"}
    await browser.post("/unmet-need", form, headers={"sec-fetch-site": "cross-site"}, expect=403)
    assert await _rows(db) == []


async def test_a_search_with_next_to_nothing_counts_by_the_councils_measure(db: Any, council: Any) -> None:
    looked = Looked(words="karaoke dementia", place="PR1 2HE", lat=53.7593, lon=-2.6993, lad_code="E07000123")
    await DemandService(db).note_few(looked, 3)
    assert await _rows(db) == []
    await DemandService(db).note_few(looked, 2)
    (row,) = await _rows(db)
    assert (row.source, row.wanted) == ("few_results", "dementia")


async def test_a_town_counts_for_the_district_of_its_middle(db: Any, council: Any) -> None:
    assert await DemandService(db).say(Looked(words="gardener", place="Preston", lat=53.7593, lon=-2.6993)) is not None
    (row,) = await _rows(db)
    assert (row.outward, row.lad_code) == ("", "E07000123")


async def test_a_search_page_with_few_results_counts_once_and_a_refresh_of_a_part_does_not(
    browser: Browser, db: Any, council: Any
) -> None:
    page = await browser.open("/market?q=karaoke+dementia&postcode=PR1+2HE&days=Saturday")
    assert "Nothing found" in page.words
    await browser.get(
        "/market?q=dementia&postcode=PR1+2HE", headers={"hx-request": "true", "hx-target": "market-results"}
    )
    (row,) = await _rows(db)
    assert (row.source, row.wanted, row.outward, row.days, row.times) == ("few_results", "dementia", "PR1", "5", 1)
