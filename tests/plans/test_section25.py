"""The validator of Care Act section 25: what is missing, in plain words, with one place to put it right."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.plans.section25 import (
    Finding,
    Links,
    MetBy,
    NeedFact,
    OutcomeFact,
    PaymentFact,
    PlanFacts,
    Point,
    Reader,
    missing,
    sums_up,
    validate,
)
from marketplace.plans.sections import KEYS

STAFF = Links(
    reader=Reader.STAFF,
    section={key: f"/plan#{key}" for key in KEYS},
    assessment="/assessment",
    budget="/budget",
    charges="/charges",
    payment="/payment",
    agreement="/agreement",
)
PERSON = msgspec.structs.replace(STAFF, reader=Reader.PERSON)


def whole(**given: Any) -> PlanFacts:
    """Facts that lack nothing, with every point that can apply."""
    values: dict[str, Any] = {
        "about": "Ada is 81 and misses her garden.",
        "needs": (
            NeedFact(words="Washing", is_eligible=True, met_by=MetBy.COUNCIL, outcomes=(1,)),
            NeedFact(words="Shopping", is_eligible=True, met_by=MetBy.INFORMAL, how="Her niece goes on Fridays"),
            NeedFact(words="A new hobby", is_eligible=False, met_by=MetBy.NOT_ELIGIBLE),
        ),
        "rationale": "Two outcomes cannot be reached without pain.",
        "outcomes": (
            OutcomeFact(outcome="Be washed", what="Help at 8am", who="A PA", weekly_pence=9_000, is_paid_directly=True),
        ),
        "has_substantial_difficulty": True,
        "supported_by": "Her niece",
        "budget_weekly_pence": 8_000,
        "own_weekly_pence": 1_000,
        "why_over": "Mornings take longer in winter.",
        "managed": "A direct payment",
        "is_paid_directly": True,
        "payment": PaymentFact(needs="Washing", amount_pence=32_000, frequency="Every four weeks"),
        "risks": "Falls",
        "information": "The falls clinic",
        "review": "In eight weeks, at home",
        "is_agreed": True,
    }
    return PlanFacts(**{**values, **given})


def test_a_plan_that_says_everything_lacks_nothing() -> None:
    found = validate(whole(), STAFF)
    assert missing(found) == []
    assert [item.point for item in found] == list(Point)
    assert sums_up(found) == "All 17 points are there."


WITHOUT: dict[Point, tuple[dict[str, Any], str]] = {
    Point.ABOUT: ({"about": " \n "}, "/plan#about_me"),
    Point.ELIGIBILITY: ({"rationale": ""}, "/assessment"),
    Point.COUNCIL_MEETS: (
        {"needs": (NeedFact(words="Washing", is_eligible=True, met_by=MetBy.COUNCIL),)},
        "/plan#outcomes",
    ),
    Point.OTHERS_MEET: (
        {"needs": (NeedFact(words="Shopping", is_eligible=True, met_by=MetBy.COMMUNITY),)},
        "/assessment",
    ),
    Point.INVOLVED: ({"supported_by": ""}, "/assessment"),
    Point.BUDGET: ({"budget_weekly_pence": None}, "/budget"),
    Point.SHARES: ({"own_weekly_pence": None}, "/charges"),
    Point.OVER: ({"why_over": ""}, "/plan#money"),
    Point.MANAGED: ({"managed": ""}, "/plan#money"),
    Point.PAID_AMOUNT: ({"payment": PaymentFact(needs="Washing", frequency="Weekly")}, "/payment"),
    Point.RISKS: ({"risks": ""}, "/plan#risks"),
    Point.INFORMATION: ({"information": ""}, "/plan#information_given"),
    Point.REVIEW: ({"review": ""}, "/plan#review"),
    Point.AGREED: ({"is_agreed": False}, "/agreement"),
}


@pytest.mark.parametrize("point", list(WITHOUT))
@pytest.mark.parametrize("links", [STAFF, PERSON])
def test_what_is_taken_away_is_missed_alone_with_its_one_place(point: Point, links: Links) -> None:
    change, href = WITHOUT[point]
    gone = missing(validate(whole(**change), links))
    assert [item.point for item in gone] == [point]
    assert gone[0].href == href
    assert gone[0].message
    assert not gone[0].message.endswith(".")


def test_a_half_written_outcome_is_missed_and_the_direct_payment_has_nothing_to_pay_for() -> None:
    facts = whole(
        outcomes=(OutcomeFact(outcome="Be washed", who="A PA", is_paid_directly=True),),
        payment=PaymentFact(amount_pence=1, frequency="Weekly"),
    )
    assert [item.point for item in missing(validate(facts, STAFF))] == [Point.OUTCOMES, Point.PAID_NEEDS]


def test_without_an_assessment_needs_eligibility_and_how_they_are_met_are_missed() -> None:
    gone = missing(validate(whole(needs=()), STAFF))
    assert [item.point for item in gone] == [Point.NEEDS, Point.ELIGIBILITY, Point.COUNCIL_MEETS]


def test_a_message_names_the_first_need_and_counts_the_others_on_one_line() -> None:
    needs = tuple(NeedFact(words=f"Need {n}\n" + "x" * 200, is_eligible=True) for n in range(3))
    gone = {item.point: item.message for item in missing(validate(whole(needs=needs), STAFF))}
    message = gone[Point.COUNCIL_MEETS]
    assert message.startswith("Say how the council meets “Need 0 xx")
    assert message.endswith("…” and 2 more needs")
    assert "\n" not in message
    assert len(message) < 140


def test_points_that_do_not_apply_are_left_out() -> None:
    facts = whole(
        is_paid_directly=False, payment=None, has_substantial_difficulty=False, why_over="", budget_weekly_pence=9_000
    )
    points = {item.point for item in validate(facts, STAFF)}
    assert points.isdisjoint({Point.PAID_NEEDS, Point.PAID_AMOUNT, Point.INVOLVED, Point.OVER})


_texts = st.sampled_from(["", " ", "words", "\n", "<b>é</b>"])
_needs = st.builds(
    NeedFact,
    words=st.text(max_size=120),
    is_eligible=st.none() | st.booleans(),
    met_by=st.sampled_from(MetBy),
    how=_texts,
    outcomes=st.lists(st.integers(1, 20), max_size=2).map(tuple),
)
_outcomes = st.builds(
    OutcomeFact,
    outcome=_texts,
    what=_texts,
    who=_texts,
    weekly_pence=st.integers(0, 1_000_000),
    is_paid_directly=st.booleans(),
)
_payments = st.none() | st.builds(PaymentFact, needs=_texts, amount_pence=st.integers(0, 10**9), frequency=_texts)
_facts = st.builds(
    PlanFacts,
    about=_texts,
    needs=st.lists(_needs, max_size=4).map(tuple),
    rationale=_texts,
    outcomes=st.lists(_outcomes, max_size=4).map(tuple),
    has_substantial_difficulty=st.booleans(),
    supported_by=_texts,
    budget_weekly_pence=st.none() | st.integers(0, 10**7),
    is_final=st.booleans(),
    own_weekly_pence=st.none() | st.integers(0, 10**7),
    why_over=_texts,
    managed=_texts,
    is_paid_directly=st.booleans(),
    payment=_payments,
    risks=_texts,
    information=_texts,
    review=_texts,
    is_agreed=st.booleans(),
)


def _is_sound(item: Finding) -> bool:
    """There and silent, or missing with one line to say so and one place to go."""
    if item.is_there:
        return not item.message and not item.href
    return bool(item.message.strip()) and "\n" not in item.message and item.href.startswith("/")


@settings(max_examples=300, deadline=None)
@given(facts=_facts, links=st.sampled_from([STAFF, PERSON]))
def test_every_missing_point_has_one_message_and_one_link_whatever_the_facts(facts: PlanFacts, links: Links) -> None:
    found = validate(facts, links)
    points = [item.point for item in found]
    assert points == [point for point in Point if point in points]
    assert len(points) == len(set(points))
    assert all(_is_sound(item) for item in found)
    assert validate(facts, links) == found


@settings(max_examples=200, deadline=None)
@given(facts=_facts)
def test_the_person_and_staff_miss_the_same_points(facts: PlanFacts) -> None:
    assert [(item.point, item.is_there) for item in validate(facts, STAFF)] == [
        (item.point, item.is_there) for item in validate(facts, PERSON)
    ]


_WORDS = ("about", "rationale", "supported_by", "why_over", "managed", "risks", "information", "review")


@settings(max_examples=200, deadline=None)
@given(facts=_facts, field=st.sampled_from(_WORDS))
def test_writing_something_never_makes_another_point_missing(facts: PlanFacts, field: str) -> None:
    before = {item.point for item in missing(validate(facts, STAFF))}
    after = {item.point for item in missing(validate(msgspec.structs.replace(facts, **{field: "words"}), STAFF))}
    assert after <= before
