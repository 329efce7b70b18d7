"""What would make somebody first: each answer is tried out, and one step less is not enough."""

from typing import Any

import msgspec
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from marketplace.matching.engine import (
    Candidate,
    CandidateTable,
    Case,
    ChangeKind,
    Weights,
    rank,
    week_of,
    what_would_make_first,
)
from tests.matching.engine import makers
from tests.matching.engine.makers import EAST, EVERY_PART, START, accreditation, for_all, make_candidate, make_case

METRES_PER_TENTH_MILE = 160.9344


def changed(
    case: Case, candidate: Candidate, kind: ChangeKind, amount: int, code: str | None, codes: tuple[str, ...] = ()
) -> Candidate:
    """The candidate after a change; distances must lie on the case's parallel, by a road factor of 1."""
    facts: dict[str, Any]
    match kind:
        case ChangeKind.EARLIER:
            start = candidate.first_day(case.start_day)
            assert start is not None
            week = week_of(start - amount)
            places = [max(int(w == week), candidate.free_places(w)) for w in range(week, week_of(start) + 1)]
            facts = {
                "first_free_day": start - amount,
                "places_from_week": week,
                "free_places_by_week": (*places, *[1] * 8),
            }
        case ChangeKind.NEARER:
            facts = {"x_metres": round(candidate.x_metres - amount * METRES_PER_TENTH_MILE)}
        case ChangeKind.CHEAPER:
            facts = {"tariff_pence": (candidate.tariff_pence or 0) - amount}
        case ChangeKind.LANGUAGE:
            facts = {"languages": candidate.languages | {code}}
        case ChangeKind.SPECIALISM:
            facts = {"specialisms": candidate.specialisms | {code}}
        case ChangeKind.INTERESTS:
            facts = {"interests": candidate.interests | set(codes[:amount])}
        case ChangeKind.LAWFUL_PRICE:
            facts = {"tariff_pence": amount}
    return msgspec.structs.replace(candidate, **facts)


def leads(case: Case, table: CandidateTable, candidate: Candidate, weights: Weights, salt: str) -> bool:
    others = [other for other in table.candidates if other.id != candidate.id]
    return (
        rank(case, CandidateTable.from_candidates([*others, candidate]), weights, salt=salt).entries[0].id
        == candidate.id
    )


@for_all(
    makers.candidate_lists.map(
        lambda several: [
            msgspec.structs.replace(
                candidate,
                x_metres=EAST + abs(candidate.x_metres - EAST),
                y_metres=makers.NORTH,
                radius_metres=None,
                accreditations=(makers.accreditation(),),
            )
            for candidate in several
        ]
    ),
    makers.salts,
    st.sampled_from((Weights(), EVERY_PART, makers.LATER_PARTS_TOO)),
    st.data(),
)
def test_every_change_named_makes_the_candidate_first_and_a_smaller_step_does_not(candidates, salt, weights, data):
    case = make_case(
        needs=frozenset({"dementia", "autism"}),
        interests=frozenset({"choir", "chess", "walking"}),
        wished_languages=frozenset({"pl"}),
        budget_pence=50_000,
        legal_cost_pence=data.draw(st.sampled_from((None, 12_000))),
        urgency_tier=data.draw(st.sampled_from((0, 1, 2))),
        window_days=28,
    )
    table = CandidateTable.from_candidates(candidates)
    entries = rank(case, table, weights, salt=salt).entries
    assume(len(entries) > 1)
    entry = data.draw(st.sampled_from(entries[1:]))
    candidate = table.candidates[table.row_of[entry.id]]

    answer = what_would_make_first(case, table, entry.id, weights, salt=salt)

    assert answer.rank == entry.rank
    assert answer.gap == entries[0].total - entry.total
    assert [change.gain for change in answer.changes] == sorted(change.gain for change in answer.changes)
    for change in answer.changes:
        after = changed(case, candidate, change.kind, change.amount, change.code, change.codes)
        assert leads(case, table, after, weights, salt)
        step = {ChangeKind.CHEAPER: 100, ChangeKind.LAWFUL_PRICE: 60_000}.get(change.kind, 1)
        if change.amount > step:
            less = changed(case, candidate, change.kind, change.amount - step, None, change.codes)
            assert not leads(case, table, less, weights, salt)


def test_an_earlier_free_date_is_named_when_it_is_the_smallest_change():
    table = CandidateTable.from_candidates(
        [make_candidate("ana", first_free_day=START + 3), make_candidate("ben", first_free_day=START + 13)]
    )

    answer = what_would_make_first(make_case(), table, "ben")

    assert answer.smallest is not None
    assert (answer.smallest.kind, answer.rank, answer.gap) == (ChangeKind.EARLIER, 2, 22)
    assert answer.text in (
        "Would be first with a free Saturday 10 days earlier",
        "Would be first with a free Friday 11 days earlier",
    )


def test_a_language_and_miles_are_offered_as_ways_to_be_first():
    case = make_case(wished_languages=frozenset({"pl"}))
    table = CandidateTable.from_candidates(
        [make_candidate("ana", languages=frozenset({"pl"})), make_candidate("ben", x_metres=EAST + 8_000)]
    )
    near = CandidateTable.from_candidates(
        [make_candidate("ana", x_metres=EAST + 2_000), make_candidate("ben", x_metres=EAST + 8_000)]
    )

    # 60 points behind for the language and 50 for the distance: neither alone closes the gap.
    assert what_would_make_first(case, table, "ben").text == "No single change would make it first"
    # Without the language on the other side, either would do.
    by_kind = {change.kind: change.text for change in what_would_make_first(case, near, "ben").changes}
    assert by_kind[ChangeKind.LANGUAGE] == "if it spoke Polish"
    assert by_kind[ChangeKind.NEARER].endswith("miles nearer")


def test_shared_interests_and_the_lawful_price_are_ways_to_be_first():
    case = make_case(interests=frozenset({"choir", "chess", "walking"}), budget_pence=3_000, legal_cost_pence=1_500)
    table = CandidateTable.from_candidates(
        [
            make_candidate("ana", interests=frozenset({"choir"}), tariff_pence=2_000),
            # Below the lawful cost it has no points for its price; at that cost it would have 30, and ana has 20.
            make_candidate("ben", interests=frozenset({"choir"}), tariff_pence=1_000),
        ]
    )

    of_ben = {change.kind: change.text for change in what_would_make_first(case, table, "ben").changes}

    assert of_ben == {
        ChangeKind.LAWFUL_PRICE: "if it charged the lawful £15",
        ChangeKind.INTERESTS: "if it shared chess",
    }


def test_no_earlier_date_is_offered_on_which_the_accreditation_is_not_live():
    # Live on the day asked for and from Monday 15 March on: the days between would not do.
    gap = (accreditation(until_day=START + 2), accreditation(from_day=START + 12))
    table = CandidateTable.from_candidates(
        [
            make_candidate("ana", first_free_day=START + 6),
            make_candidate("ben", first_free_day=START + 14, accreditations=gap),
            make_candidate("cai", first_free_day=START + 14),
        ]
    )

    of_ben = {change.kind: change.amount for change in what_would_make_first(make_case(), table, "ben").changes}
    of_cai = {change.kind: change.amount for change in what_would_make_first(make_case(), table, "cai").changes}

    assert of_ben == {ChangeKind.EARLIER: 13}
    assert of_cai[ChangeKind.EARLIER] in (8, 9)


def test_an_earlier_date_in_a_fuller_week_is_weighed_with_the_places_of_that_week():
    weights = Weights(spare_capacity=100)
    ben = make_candidate("ben", first_free_day=START + 7, free_places_by_week=(1, 5, 5))
    ana = make_candidate("ana", x_metres=EAST + 320, free_places_by_week=(5, 5, 5))
    table = CandidateTable.from_candidates([ana, ben])
    fuller = what_would_make_first(make_case(), table, "ben", weights)
    table.replace(msgspec.structs.replace(ben, free_places_by_week=(5, 5, 5)))

    # A week earlier brings 15 points for waiting and costs 80 for the places: no way to the top.
    assert fuller.changes == ()
    evenly = what_would_make_first(make_case(), table, "ben", weights)
    assert evenly.gap == fuller.gap == 13
    assert [(change.kind, change.amount) for change in evenly.changes] == [(ChangeKind.EARLIER, 7)]


def test_the_first_needs_no_change_and_one_who_is_left_out_has_no_place_to_improve():
    table = CandidateTable.from_candidates([make_candidate("ana"), make_candidate("ben", accreditations=())])

    assert what_would_make_first(make_case(), table, "ana").text == "Is first already"
    with pytest.raises(ValueError, match="not on the shortlist"):
        what_would_make_first(make_case(), table, "ben")
    with pytest.raises(ValueError, match="not on the shortlist"):
        what_would_make_first(make_case(), table, "stranger")
