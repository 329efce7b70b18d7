"""The fair-price guard: what visits cost at least, to the penny, and what is said about a price."""

from datetime import date, time
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings.service.fair_price import (
    Delivery,
    FairVisit,
    PriceRules,
    Verdict,
    fair_price,
    lawful_on_cost,
)
from marketplace.bookings.service.fair_price_rules import delivery_of, fair_price_on
from marketplace.matching.care.legal_cost import CostRules, legal_cost
from marketplace.providers.models import OrganisationKind
from tests.factories import make_council
from tests.factories_law import make_book

ON = date(2026, 4, 6)
RULES = PriceRules(travel_minutes=12, on_cost_percent=31, running_percent=15)
BOOK = make_book(ON)


class Week(NamedTuple):
    """A visit as matching knows it."""

    weekday: int
    starts_local: time
    minutes: int
    workers: int


def company(*visits, rules=RULES, on=ON):
    return fair_price(BOOK, on, visits, rules=rules)


def test_a_half_hour_by_a_company_is_worked_out_line_by_line():
    # 30 min at £12.71 = 6.355; 12 min of travel = 2.542; 31% of 6.36 + 2.54 = 2.759.
    found = company(FairVisit(minutes=30, price_pence=1_500))
    assert [line.pence for line in found.lines] == [636, 254, 276]
    assert found.least_pence == 1_166
    assert found.thin_pence == 1_341
    assert found.verdict is Verdict.FINE
    assert "£15.00 is fine" in found.words[0]


@pytest.mark.parametrize(
    ("price", "verdict"),
    [
        (1_165, Verdict.IMPOSSIBLE),
        (1_166, Verdict.THIN),
        (1_340, Verdict.THIN),
        (1_341, Verdict.FINE),
    ],
)
def test_the_edges_of_the_verdict(price, verdict):
    assert company(FairVisit(minutes=30, price_pence=price)).verdict is verdict


def test_a_double_up_counts_both_workers_and_both_journeys():
    # 60 worker minutes = 12.71; 24 min of travel = 5.084; 31% of 17.79 = 5.515.
    found = company(FairVisit(minutes=30, workers=2, price_pence=1_500))
    assert [line.pence for line in found.lines] == [1_271, 508, 551]
    assert found.verdict is Verdict.IMPOSSIBLE
    assert found.missing_pence == 2_330 - 1_500
    assert "£8.30 is missing" in found.words[0]


def test_a_short_visit_that_others_pay_for_is_said():
    found = company(
        FairVisit(minutes=15, price_pence=600, label="Monday lunch"),
        FairVisit(minutes=120, price_pence=6_000, count=3),
    )
    assert [one.verdict for one in found.visits] == [Verdict.IMPOSSIBLE, Verdict.FINE]
    assert found.verdict is Verdict.FINE
    assert found.is_flagged
    assert "One kind of visit does not pay for the time by itself" in found.words[1]


def test_the_wage_is_that_of_the_day():
    visit = FairVisit(minutes=60, price_pence=1_240)
    assert fair_price(BOOK, date(2026, 3, 31), [visit], delivery=Delivery.EMPLOYED, rules=RULES).least_pence == 1_221
    found = fair_price(BOOK, date(2026, 4, 1), [visit], delivery=Delivery.EMPLOYED, rules=RULES)
    assert (found.least_pence, found.verdict) == (1_271, Verdict.IMPOSSIBLE)
    assert "below the legal minimum wage" in found.words[0]


def test_an_employed_assistant_under_21_has_the_wage_of_their_age():
    visit = FairVisit(minutes=60, price_pence=1_085)
    found = fair_price(BOOK, ON, [visit], delivery=Delivery.EMPLOYED, rules=RULES, born_on=date(2006, 1, 1))
    assert (found.least_pence, found.verdict) == (1_085, Verdict.FINE)


def test_an_employer_is_told_what_comes_beside_the_wage():
    found = fair_price(BOOK, ON, [FairVisit(minutes=60, price_pence=1_400)], delivery=Delivery.EMPLOYED, rules=RULES)
    assert found.lines[0].pence == found.least_pence == 1_271
    # 28.00% of 1,400 pence: see the test of the share below.
    assert found.beside_pence == 392
    assert any("Employment Allowance" in words for words in found.words)


def test_a_self_employed_assistant_is_never_impossible():
    found = fair_price(BOOK, ON, [FairVisit(minutes=60, price_pence=1_000)], delivery=Delivery.SELF_EMPLOYED)
    # £12.71 and 12.07% of it.
    assert [line.pence for line in found.lines] == [1_271, 153]
    assert found.verdict is Verdict.THIN
    assert "employee in fact" in found.words[0]


def test_a_sleep_in_counts_the_time_awake():
    night = FairVisit(minutes=600, price_pence=6_000, is_sleep_in=True, awake_minutes=60)
    found = company(night)
    assert [line.pence for line in found.lines] == [1_271, 254, 473]
    assert found.verdict is Verdict.FINE
    assert any("woken often" in words for words in found.words)


def test_a_place_at_an_activity_has_nothing_to_check():
    found = company(FairVisit(minutes=120, workers=0, price_pence=500))
    assert (found.least_pence, found.verdict, found.lines) == (0, Verdict.FINE, ())


def test_what_the_law_adds_to_a_full_time_wage():
    # 37.5 h x 52 x £12.71 = £24,784.50. Insurance 15% over £5,000 = 2,967.675; pension 3% over £6,240 = 556.335;
    # 12.07% + 1.1207 x 3,524.01 / 24,784.50 = 28.00%.
    share = lawful_on_cost(BOOK, 1_271)
    assert round(float(share), 6) == round(0.1207 + 1.1207 * 3_524.01 / 24_784.5, 6)


def test_without_a_percentage_of_the_council_the_law_counts():
    found = company(FairVisit(minutes=60, price_pence=3_000), rules=PriceRules(travel_minutes=0))
    assert [line.pence for line in found.lines] == [1_271, 0, 356]
    assert "28%" in found.lines[-1].how


@given(
    st.lists(
        st.tuples(st.integers(30, 600), st.integers(1, 2), st.integers(1, 7)).map(
            lambda row: FairVisit(minutes=row[0], workers=row[1], count=row[2], price_pence=1_000)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_working_adds_up_and_agrees_with_what_matching_says(visits):
    found = company(*visits)
    assert sum(line.pence for line in found.lines) == found.least_pence
    week = [Week(0, time(9), visit.minutes, visit.workers) for visit in visits for _ in range(visit.count)]
    other = legal_cost(week, CostRules(wage_pence=1_271, employer_percent=31, travel_minutes=12))
    assert found.least_pence == other.total_pence


@given(st.integers(1, 1_440), st.integers(1, 2), st.integers(0, 100_000))
def test_more_money_never_makes_a_verdict_worse(minutes, workers, price):
    order = [Verdict.IMPOSSIBLE, Verdict.THIN, Verdict.FINE]
    for delivery in Delivery:
        less, more = (
            fair_price(
                BOOK, ON, [FairVisit(minutes=minutes, workers=workers, price_pence=pence)], delivery=delivery
            ).verdict
            for pence in (price, price + 1)
        )
        assert order.index(less) <= order.index(more)


def test_visits_without_length_or_price_are_refused():
    for wrong in ([], [FairVisit(minutes=0, price_pence=1)], [FairVisit(minutes=30, price_pence=-1)]):
        with pytest.raises(ValueError, match="fair price"):
            fair_price(BOOK, ON, wrong)


async def test_the_settings_of_the_council_count(db):
    council = await make_council(db)
    visit = FairVisit(minutes=30, price_pence=1_500)
    found = await fair_price_on(db, council.id, ON, [visit], delivery=delivery_of(OrganisationKind.HOME_CARE))
    assert found.least_pence == 1_166
    assert delivery_of(OrganisationKind.SOLE_PA) is Delivery.SELF_EMPLOYED
