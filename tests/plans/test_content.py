"""What a plan must say, what it costs against the budget, and its mix of support."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import InvalidInput
from marketplace.plans.content import (
    LONGEST_TEXT,
    MIX,
    WHY_OVER,
    ItemContent,
    PlanContent,
    budget_words,
    checklist,
    gaps,
    glance,
    mix,
    read,
    split_money,
    values_of,
    without_row,
)
from marketplace.plans.models import HelpKind
from tests.factories_plans import full_content

BUDGET = 11_538


def test_a_complete_plan_lacks_nothing() -> None:
    assert gaps(full_content(), BUDGET) == {}
    assert all(check.is_done for check in checklist(full_content(), BUDGET))


def test_an_empty_plan_is_told_everything_at_once_in_the_order_of_the_form() -> None:
    assert gaps(PlanContent(), BUDGET) == {
        "about_me": "Write about the person",
        "outcome-1": "Add at least one outcome",
        "risks": "Write what the risks are and what will be done",
        "money_held": "Write how the money will be held",
        "information_given": "Write what information and advice you gave",
        "visit_hours": "Enter the time you spent with the person",
    }


def test_an_outcome_must_say_what_will_happen_and_who_helps() -> None:
    content = full_content(items=(ItemContent(row=3, outcome="Swim"), ItemContent(row=5, what="A lift")))
    assert gaps(content, BUDGET) == {
        "what-3": "Write what will happen for outcome 3",
        "helped_by-3": "Select who helps with outcome 3",
        "outcome-5": "Write what the person wants in outcome 5",
        "helped_by-5": "Select who helps with outcome 5",
    }


@pytest.mark.parametrize(("cost", "missing"), [(11_537, False), (11_538, False), (11_539, True)])
def test_a_plan_over_the_budget_must_say_why(cost: int, missing: bool) -> None:
    item = ItemContent(row=1, outcome="o", what="w", helped_by=HelpKind.PA, weekly_pence=cost)
    assert ("why_over" in gaps(full_content(items=(item,)), BUDGET)) is missing
    assert gaps(full_content(items=(item,), why_over="Two people are needed"), BUDGET) == {}


def test_the_gap_to_the_budget_is_said_in_words() -> None:
    assert budget_words(13_000, 11_538) == "That is £14.62 a week more than the budget."
    assert budget_words(10_000, 11_538) == "That leaves £15.38 a week."
    assert budget_words(11_538, 11_538) == "That is exactly the budget."


def test_the_two_parts_about_money_are_stored_as_one_text() -> None:
    content = full_content(money_held="Direct payment", why_over="Two people are needed")
    assert content.money == f"Direct payment\n\n{WHY_OVER} Two people are needed"
    assert split_money(content.money) == ("Direct payment", "Two people are needed")
    assert split_money("Direct payment") == ("Direct payment", "")


def test_a_draft_is_wrong_only_where_a_hard_limit_is_passed() -> None:
    assert read({}) == PlanContent()
    with pytest.raises(InvalidInput) as refused:
        read(
            {
                "about_me": "x" * (LONGEST_TEXT + 1),
                "weekly-2": "lots",
                "helped_by-2": "robots",
                "visit_minutes": "60",
                "risks": "nul \x00",
            }
        )
    assert set(refused.value.fields) == {"about_me", "weekly-2", "helped_by-2", "visit_minutes", "risks"}


def test_an_empty_row_is_no_outcome_and_a_removed_one_is_gone() -> None:
    content = read({"outcome-1": " ", "outcome-2": "Swim", "outcome-7": "Sing", "weekly-7": "£1,000.50"})
    assert [(item.row, item.outcome, item.weekly_pence) for item in content.items] == [
        (2, "Swim", 0),
        (7, "Sing", 100_050),
    ]
    assert [item.outcome for item in without_row(content, 2).items] == ["Sing"]


texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40).map(str.strip)


@given(
    st.builds(
        PlanContent,
        about_me=texts,
        visit_minutes=st.integers(0, 5_000),
        items=st.lists(
            st.builds(
                ItemContent,
                row=st.just(1),
                outcome=texts.filter(bool),
                helped_by=st.none() | st.sampled_from(HelpKind),
                weekly_pence=st.integers(0, 1_000_000),
            ),
            max_size=20,
        ).map(tuple),
    )
)
def test_what_the_form_shows_is_read_back_as_it_was(content: PlanContent) -> None:
    again = glance(values_of(content))
    assert [(i.helped_by, i.weekly_pence) for i in again.items] == [
        (i.helped_by, i.weekly_pence) for i in content.items
    ]
    assert again.visit_minutes == content.visit_minutes
    assert again.weekly_pence == content.weekly_pence


@given(st.lists(st.sampled_from(HelpKind), max_size=20))
def test_every_outcome_is_counted_once_in_a_mix_of_at_most_six_parts(kinds: list[HelpKind]) -> None:
    parts = mix(ItemContent(row=1, helped_by=kind) for kind in kinds)
    assert sum(count for _, count, _ in parts) == len(kinds)
    assert len(parts) <= 6
    assert {kind for _, chosen in MIX for kind in chosen} == set(HelpKind)
