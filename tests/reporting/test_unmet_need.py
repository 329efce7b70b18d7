"""Commissioners see unmet need; small numbers never leave the system."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts import Role
from marketplace.providers.models import UnmetNeed, UnmetSource
from marketplace.reporting.service.unmet_need import Suppressor
from tests.browser import Browser
from tests.factories import make_council, make_member


async def _wish(db: Any, council: Any, times: int, **given: Any) -> None:
    values = {"day": date(2027, 3, 1), "source": UnmetSource.SAID, "category": "gardening", "outward": "PR1"}
    db.add(UnmetNeed(council_id=council.id, times=times, lad_code="E07000123", **{**values, **given}))
    await db.flush()


@pytest.fixture
async def manager(db: Any) -> Any:
    """A manager whose council has wishes of all sizes."""
    council = await make_council(db)
    await _wish(db, council, 12, wanted="gardener", days="5", times_of_day="morning")
    await _wish(db, council, 3, category="transport", wanted="wheelchair taxi")
    await _wish(db, council, 8, outward="PR2", source=UnmetSource.FEW_RESULTS, wanted="shopping")
    await _wish(db, council, 99, day=date(2026, 1, 1))
    await _wish(db, await make_council(db), 77)
    return await make_member(db, Role.MANAGER, council)


async def test_it_shows_areas_kinds_times_and_holds_small_numbers_back(browser: Browser, manager: Any) -> None:
    words = (await (await browser.signed_in(manager)).open("/unmet-need?weeks=4")).words
    assert "Gardening and home help" in words
    assert "12" in words
    assert "fewer than 5" in words
    assert "about 25" in words
    assert "wheelchair taxi" not in words
    assert "77" not in words
    assert "99" not in words


async def test_the_file_says_the_same(browser: Browser, manager: Any) -> None:
    page = await (await browser.signed_in(manager)).get("/unmet-need/figures.csv?weeks=4")
    assert page.text.splitlines() == [
        "area,kind,times",
        "PR1,Gardening and home help,12",
        "PR1,Transport,fewer than 5",
        "PR2,Gardening and home help,8",
    ]


async def test_one_source_can_be_chosen_and_nonsense_is_refused(browser: Browser, manager: Any) -> None:
    signed_in = await browser.signed_in(manager)
    words = (await signed_in.open("/unmet-need?weeks=4&source=few_results")).words
    assert "PR2" in words
    assert "PR1" not in words
    for question in ("weeks=3", "weeks=x", "source=%00", "weeks=-1"):
        await signed_in.open(f"/unmet-need?{question}", expect=400)


async def test_a_council_with_nothing_missing_sees_why(browser: Browser, db: Any) -> None:
    member = await make_member(db, Role.MANAGER)
    page = await (await browser.signed_in(member)).open("/unmet-need")
    assert "Nothing was missing" in page.words


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(2, 10))
def test_no_count_below_the_least_is_ever_written(parts: list[int], least: int) -> None:
    hold = Suppressor(least)
    for number in parts:
        shown = hold.words(number)
        assert shown.startswith("fewer") if 0 < number < least else shown == f"{number:,}"
    total = hold.total(parts)
    if any(0 < number < least for number in parts):
        assert total.startswith(("about", "fewer"))
    else:
        assert total == hold.words(sum(parts))
