"""Whether everybody is served alike: small groups stay hidden, shares and waits are right, chance is named."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts import Role
from marketplace.accounts.council_settings import set_setting
from marketplace.core.database import clock_of
from marketplace.matching.models import Offer, Shortlist, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.reporting.service.fairness import NOT_SAID, age_band, shuffle_test, wilson
from tests.browser import Browser
from tests.factories import make_council, make_member, make_organisation, make_person
from tests.factories_brokerage import make_broker, make_case, make_planner, make_referral

ON = date(2027, 3, 3)


async def _served(
    db: Any, broker: Any, planner: Any, count: int, *, days: int = 3, placed: int = -1, **who: Any
) -> None:
    """Some referrals of one kind of person; the first `placed` of them have a planner after some days."""
    now = clock_of(db).now()
    for number in range(count):
        person = await make_person(db, broker.council, lat=53.76, lon=-2.7, lad_code="E07000123", **who)
        referral = await make_referral(db, person, broker, received_at=now - timedelta(days=30))
        if placed >= 0 and number >= placed:
            continue
        shortlist = Shortlist(
            council_id=broker.council.id, referral_id=referral.id, made_at=now, made_by_user_id=broker.user.id,
            weights_version="test", inputs={}, ranking={}, fingerprint="",
        )  # fmt: skip
        db.add(shortlist)
        await db.flush()
        db.add(
            Offer(
                council_id=broker.council.id,
                referral_id=referral.id,
                shortlist_id=shortlist.id,
                worker_id=planner.id,
                organisation_id=planner.organisation_id,
                status=OfferStatus.ACCEPTED,
                rank=1,
                score=700,
                decided_by_user_id=broker.user.id,
                offered_at=now - timedelta(days=30),
                answer_by=now,
                answered_at=now - timedelta(days=30 - days),
            )
        )
        referral.status = ReferralStatus.MATCHED
    await db.flush()


@pytest.fixture
async def broker(db: Any) -> Any:
    """A broker of a council with one planner."""
    return await make_broker(db)


@pytest.fixture
async def planner(db: Any, broker: Any) -> Any:
    """A planner near the people."""
    return (await make_planner(db, broker.council, lat=53.76, lon=-2.7))[0]


async def test_shares_waits_and_points_stand_by_group(browser: Browser, db: Any, broker: Any, planner: Any) -> None:
    await _served(db, broker, planner, 10, ethnicity="white", born_on=date(1950, 1, 1))
    await _served(db, broker, planner, 10, placed=5, days=9, ethnicity="asian", born_on=date(1990, 1, 1))
    page = await (await browser.signed_in(broker)).open("/matching/fairness")
    for words in ("100%", "50% (likely 24 to 76)", "3 days", "9 days", "75 to 84", "18 to 64", "Preston", "700"):
        assert words in page.words
    assert "more different than chance makes 99 times in 100" in page.words


async def test_a_small_group_is_held_back_everywhere(browser: Browser, db: Any, broker: Any, planner: Any) -> None:
    await _served(db, broker, planner, 20, ethnicity="white")
    await _served(db, broker, planner, 4, days=29, ethnicity="black")
    signed_in = await browser.signed_in(broker)
    page = await signed_in.open("/matching/fairness")
    assert "fewer than 5" in page.words
    assert "29 days" not in page.words
    file = (await signed_in.get("/matching/fairness/figures.csv?months=12")).text
    line = next(line for line in file.splitlines() if "Black" in line)
    assert line.count("Held back") == 5


async def test_a_held_back_group_cannot_be_found_by_taking_the_others_from_the_whole(
    browser: Browser, db: Any, broker: Any, planner: Any
) -> None:
    await _served(db, broker, planner, 18, ethnicity="white")
    await _served(db, broker, planner, 3, ethnicity="black")
    file = (await (await browser.signed_in(broker)).get("/matching/fairness/figures.csv?months=12")).text
    white = next(line for line in file.splitlines() if "White" in line)
    assert "about 20" in white
    assert "18" not in white.split(",")


async def test_one_person_who_waits_cannot_be_found_in_a_share(
    browser: Browser, db: Any, broker: Any, planner: Any
) -> None:
    await _served(db, broker, planner, 10, placed=9, ethnicity="mixed")
    words = (await (await browser.signed_in(broker)).open("/matching/fairness")).words
    assert "about 90%" in words
    assert "90% (likely" not in words


async def test_another_council_is_not_counted(browser: Browser, db: Any, broker: Any, planner: Any) -> None:
    other = await make_broker(db, await make_council(db))
    await _served(db, other, (await make_planner(db, other.council))[0], 12)
    words = (await (await browser.signed_in(broker)).open("/matching/fairness")).words
    assert "No referral went to the network in this time" in words


async def test_shares_of_the_work_are_marked_over_the_cap(browser: Browser, db: Any, broker: Any, planner: Any) -> None:
    await set_setting(db, None, broker.council.id, "matching.share_cap_percent", 40, starts_on=date(2027, 1, 1))
    second, _ = await make_planner(db, broker.council, organisation=await make_organisation(db, name="Fylde Plans"))
    await _served(db, broker, planner, 8)
    await _served(db, broker, second, 2)
    page = await (await browser.signed_in(broker)).open("/matching/fairness")
    assert page.words.count("Over the cap") == 1
    assert "Fylde Plans" in page.words
    assert "80%" in page.words


async def test_a_period_that_is_not_offered_is_refused(browser: Browser, broker: Any) -> None:
    await (await browser.signed_in(broker)).get("/matching/fairness?months=7", expect=400)


async def test_a_person_may_not_see_it(browser: Browser, db: Any, broker: Any) -> None:
    finance = await make_member(db, Role.FINANCE, broker.council)
    await (await browser.signed_in(finance)).get("/matching/fairness", expect=403)


@pytest.mark.parametrize(
    ("born_on", "band"),
    [
        (date(1962, 3, 3), "65 to 74"),
        (date(1962, 3, 4), "18 to 64"),
        (date(1942, 3, 3), "85 and over"),
        (date(2010, 1, 1), "Under 18"),
        (None, NOT_SAID),
    ],
)
def test_a_birthday_moves_the_band_on_its_day(born_on: date | None, band: str) -> None:
    assert age_band(born_on, ON) == band


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_share(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole + 1e-9
    assert part / whole - 1e-9 <= high <= 1


def test_chance_explains_equal_groups_and_not_far_ones() -> None:
    assert shuffle_test([[1, 2, 3] * 5]) is None
    assert (shuffle_test([[1, 2, 3] * 5, [3, 2, 1] * 5]) or 0) > 0.5
    assert (shuffle_test([[1, 2, 3] * 5, [11, 12, 13] * 5]) or 1) <= 0.01
    assert shuffle_test([[1, 2], [5, 9]]) == shuffle_test([[1, 2], [5, 9]])


async def test_the_first_page_of_matching_says_what_waits(browser: Browser, db: Any, broker: Any) -> None:
    await make_case(db, broker, urgency=Urgency.CRISIS)
    other = await make_broker(db, await make_council(db))
    signed_in, elsewhere = await browser.signed_in(broker), await browser.signed_in(other)
    assert "Nothing waits for your council today" in (await elsewhere.open("/matching")).words
    page = await signed_in.open("/matching")
    assert "1 referral without a planner" in page.words
    assert "Ask for a proposal" in page.words
