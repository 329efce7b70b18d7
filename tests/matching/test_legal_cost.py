"""The least lawful price of a week: worked out by hand, and what holds for every week (V8)."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.matching.care.legal_cost import CostRules, legal_cost
from marketplace.matching.care.week import weekly_price
from marketplace.matching.forms_care import VisitLine
from tests.factories_care import week

RULES = CostRules(wage_pence=1_271, employer_percent=31, travel_minutes=12)


def test_a_week_of_half_hours_is_worked_out_line_by_line() -> None:
    cost = legal_cost(week(), RULES)
    # 7 x 30 minutes at £12.71; 7 x 12 minutes of travel; 31% on both.
    assert [line.pence for line in cost.lines] == [4_449, 1_779, 1_931]
    assert cost.total_pence == 8_159
    assert cost.minutes == 210
    assert weekly_price(cost.least_rate_pence, week()) >= 8_159 > weekly_price(cost.least_rate_pence - 1, week())


def test_short_and_night_visits_stand_on_lines_of_their_own() -> None:
    visits = [*week(0, minutes=15), *week(1, start=time(23), minutes=60), *week(2, minutes=60)]
    cost = legal_cost(visits, RULES)
    assert [line.label for line in cost.lines] == [
        "Time with the person",
        "Visits shorter than 30 minutes",
        "Night visits, awake",
        "Paid travel and waiting",
        "Employer’s costs",
    ]


def test_two_workers_are_paid_twice_and_travel_twice() -> None:
    one, two = legal_cost(week(0), RULES), legal_cost(week(0, workers=2), RULES)
    assert two.minutes == 2 * one.minutes
    assert two.lines[-2].how.startswith("2 calls")


def test_half_a_penny_is_rounded_up() -> None:
    cost = legal_cost(week(0, minutes=15), CostRules(wage_pence=1_002, employer_percent=0, travel_minutes=0))
    assert cost.lines[0].pence == 251  # 250.5


def test_a_week_without_visits_has_no_price() -> None:
    with pytest.raises(ValueError, match="at least one visit"):
        legal_cost([], RULES)


visit = st.builds(
    VisitLine,
    weekday=st.integers(0, 6),
    starts_local=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    minutes=st.integers(1, 96).map(lambda quarters: quarters * 15),
    workers=st.integers(1, 3),
)
rules = st.builds(
    CostRules,
    wage_pence=st.integers(1, 5_000),
    employer_percent=st.integers(0, 100),
    travel_minutes=st.integers(0, 60),
)


@given(st.lists(visit, min_size=1, max_size=20), rules)
def test_lines_add_up_and_the_least_rate_is_the_least(visits: list[VisitLine], given_rules: CostRules) -> None:
    cost = legal_cost(visits, given_rules)
    assert sum(line.pence for line in cost.lines) == cost.total_pence
    assert weekly_price(cost.least_rate_pence, visits) >= cost.total_pence
    assert cost.least_rate_pence == 0 or weekly_price(cost.least_rate_pence - 1, visits) < cost.total_pence


@given(st.lists(visit, min_size=1, max_size=20), rules)
def test_a_visit_more_never_costs_less(visits: list[VisitLine], given_rules: CostRules) -> None:
    assert legal_cost([*visits, visits[0]], given_rules).total_pence >= legal_cost(visits, given_rules).total_pence
