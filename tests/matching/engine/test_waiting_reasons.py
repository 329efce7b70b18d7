"""Reasons are true: each is held against the facts it speaks of."""

from typing import Any

import msgspec
import pytest

from marketplace.matching.engine import Candidate, CandidateTable, Case, Rule, Weights, rank
from marketplace.matching.engine.solve.certificate import NotProven
from marketplace.matching.engine.waiting.explain import Explainer, UnplacedCode
from marketplace.matching.engine.waiting.outcome import Options, Pin, Proposal, Veto
from marketplace.matching.engine.waiting.propose import propose
from marketplace.matching.engine.waiting.verify import verify
from tests.matching.engine import oracle
from tests.matching.engine.makers import EAST, START, accreditation, for_all, make_candidate, make_case, seeds
from tests.matching.engine.waiting_oracle import town


def explained(cases: list[Case], candidates: list[Candidate], **more: Any) -> tuple[Proposal, Explainer]:
    table = CandidateTable.from_candidates(candidates)
    proposal = propose(cases, table, Weights(), salt="", **more)
    return proposal, Explainer(proposal, cases, table, Weights(), vetoes=more.get("vetoes", ()))


def test_full_planners_are_told_with_the_nearest_who_is_not() -> None:
    near = make_candidate("near", free_places_by_week=(1, 0, 0, 0, 0, 3))
    far = make_candidate("far", x_metres=EAST + 50_000)
    proposal, explainer = explained([make_case(id="a"), make_case(id="b")], [near, far])
    (left,) = proposal.unplaced
    reason = explainer.unplaced(left)
    assert reason.code is UnplacedCode.ALL_FULL
    assert reason.text == (
        "No suitable accredited planner within 31 miles has capacity before 31 March 2027; the nearest with capacity "
        "is 31 miles away, outside the area it covers. 1 planner fits, but with no place left. The first free place is "
        "on 5 April 2027, less than a mile away."
    )
    assert (reason.eligible, reason.would_help) == (1, {Rule.WITHIN_AREA: 1})
    assert reason.nearest_free is not None
    assert reason.nearest_free.candidate_id == "far"


def test_a_case_that_nobody_may_take_is_told_which_rule_opens_most() -> None:
    women = [make_candidate(f"w{number}", gender="female") for number in range(3)]
    case = make_case(required_gender="male", x_metres=EAST + 3_000)
    proposal, explainer = explained([case], [*women, make_candidate("far", gender="male", x_metres=EAST + 60_000)])
    reason = explainer.unplaced(proposal.unplaced[0])
    assert reason.code is UnplacedCode.NOBODY_ELIGIBLE
    assert reason.text.startswith(
        "Nobody meets every rule. 3 planners would be possible without the request for the worker's gender; the "
        "nearest is 2 miles away."
    )
    assert reason.would_help == {Rule.WORKER_GENDER: 3, Rule.WITHIN_AREA: 1}


def test_reasons_tell_of_vetoes_planned_weeks_and_an_empty_table() -> None:
    veto = Veto(case_id="case-1", candidate_id="ana")
    _, explainer = explained([make_case()], [make_candidate()], vetoes=[veto])
    assert explainer.unplaced("case-1").text.startswith("Everybody who fits was ruled out by a person.")
    late = make_candidate(free_places_by_week=(0, 4))
    _, explainer = explained([make_case()], [late], options=Options(weeks=1))
    assert explainer.unplaced("case-1").code is UnplacedCode.LATER_THAN_PLANNED
    _, explainer = explained([make_case()], [])
    assert explainer.unplaced("case-1").text == "There is no planner to choose from."
    _, explainer = explained([make_case(places_needed=2)], [make_candidate()])
    assert explainer.unplaced("case-1").code is UnplacedCode.ONE_BY_ONE


@for_all(seeds, runs=12)
def test_every_reason_for_the_unplaced_is_true(seed: int) -> None:
    cases, candidates = town(seed, 40, 12, places=1)
    proposal, explainer = explained(cases, candidates)
    left = {(c.id, c.places_from_week + k): p for c in candidates for k, p in enumerate(c.free_places_by_week)}
    for item in proposal.placements:
        left[item.candidate_id, item.week] -= 1
    by_id = {case.id: case for case in cases}
    remaining = [
        msgspec.structs.replace(
            candidate,
            free_places_by_week=tuple(
                left[candidate.id, candidate.places_from_week + week]
                for week in range(len(candidate.free_places_by_week))
            ),
        )
        for candidate in candidates
    ]
    for case_id in proposal.unplaced:
        case, reason = by_id[case_id], explainer.unplaced(case_id)
        broken = {candidate.id: oracle.broken_rules(case, candidate) for candidate in candidates}
        now = {candidate.id: oracle.broken_rules(case, candidate) for candidate in remaining}
        assert reason.eligible == sum(not rules for rules in broken.values())
        assert reason.code is (UnplacedCode.ALL_FULL if reason.eligible else UnplacedCode.NOBODY_ELIGIBLE)
        assert all(now.values())  # Nobody who fits has a place left.
        for rule, miss in reason.nearest_miss.items():
            assert broken[miss.id] == {rule}
        metres = {candidate.id: oracle.road_metres(case, candidate) for candidate in candidates}
        outside = [metres[who] for who, rules in now.items() if rules == {Rule.WITHIN_AREA}]
        assert (reason.nearest_free.metres if reason.nearest_free else None) == min(outside, default=None)
        if reason.first_free is not None:
            assert reason.first_free.day is not None
            assert reason.first_free.day > case.last_day or broken[reason.first_free.candidate_id]


def test_why_not_my_favourite_is_told_without_naming_anybody() -> None:
    near = make_candidate("near", free_places_by_week=(1,))
    far = make_candidate("far", x_metres=EAST + 16_000, free_places_by_week=(1,))
    stuck = make_case(id="stuck", excluded_worker_ids=frozenset({"far"}))
    free = make_case(id="free")
    proposal, explainer = explained([stuck, free], [near, far])
    assert {item.case_id: item.candidate_id for item in proposal.placements} == {"stuck": "near", "free": "far"}
    why = explainer.why_not("free", "near")
    assert why.text == "Kept for somebody else, so that the list as a whole is at its best"
    assert why.wanted is not None
    assert why.given is not None
    assert (why.wanted.rank, why.given.rank, why.given.lost) == (1, 2, 100)
    assert explainer.why_not("free", "far").text == "It is the proposed one"
    assert explainer.why_not("stuck", "far").rules == (Rule.NOT_EXCLUDED,)


def test_a_wish_that_would_cost_the_list_points_is_told_with_the_points() -> None:
    near = make_candidate("near", free_places_by_week=(1,))
    far = make_candidate("far", x_metres=EAST + 16_000, free_places_by_week=(1,))
    needy, other = make_case(id="needy"), make_case(id="other", x_metres=EAST + 12_000)
    proposal, explainer = explained([needy, other], [near, far])
    assert {item.case_id: item.candidate_id for item in proposal.placements} == {"needy": "near", "other": "far"}
    why = explainer.why_not("needy", "far")
    assert why.text == "Kept for somebody with fewer options: the list as a whole would lose at least 100 points"


def test_places_that_went_to_more_urgent_people_are_told_as_that() -> None:
    ana = make_candidate("ana", free_places_by_week=(1,))
    urgent, other = make_case(id="urgent", urgency_tier=0), make_case(id="other")
    _, explainer = explained([urgent, other], [ana])
    assert explainer.why_not("other", "ana").text == "Its places went to people whose need is more urgent"


@for_all(seeds, runs=10)
def test_the_points_a_wish_would_cost_are_a_true_lower_bound(seed: int) -> None:
    cases, candidates = town(seed, 14, 6, places=1)
    proposal, explainer = explained(cases, candidates)
    table = CandidateTable.from_candidates(candidates)
    for item in proposal.placements[:4]:
        case = next(case for case in cases if case.id == item.case_id)
        for entry in rank(case, table, Weights()).entries[:3]:
            why = explainer.why_not(case.id, entry.id)
            assert why.wanted is not None
            assert (why.wanted.rank, why.wanted.total) == (entry.rank, entry.total)
            pinned = propose(cases, table, Weights(), salt="", pins=[Pin(case_id=case.id, candidate_id=entry.id)])
            before, after = proposal.measures, pinned.measures
            assert why.placements is not None
            assert why.points is not None
            if why.placements == 0 and before.placed_by_tier == after.placed_by_tier:
                assert before.total_score - after.total_score >= why.points
            if why.placements:
                assert after.placed_by_tier != before.placed_by_tier


@for_all(seeds, runs=10)
def test_what_one_more_place_would_bring_is_exact(seed: int) -> None:
    cases, candidates = town(seed, 30, 8, places=1)
    proposal, explainer = explained(cases, candidates)
    for gain in explainer.place_gains(3):
        candidate = next(item for item in candidates if item.id == gain.candidate_id)
        places = list(candidate.free_places_by_week)
        places[gain.week - candidate.places_from_week] += 1
        wider = msgspec.structs.replace(candidate, free_places_by_week=tuple(places))
        after, _ = explained(cases, [wider if item is candidate else item for item in candidates])
        assert len(after.placements) - len(proposal.placements) == gain.placements
        assert after.measures.total_score - proposal.measures.total_score == gain.points


@for_all(seeds, runs=8)
def test_the_proof_is_checked_without_the_run_and_refuses_what_is_worse(seed: int) -> None:
    cases, candidates = town(seed, 25, 8)
    table = CandidateTable.from_candidates(candidates)
    for options in (Options(), Options(share_cap_percent=30, fairness_points=9)):
        proposal = propose(cases, table, Weights(), salt="s", options=options)
        verify(proposal, cases, table, Weights())
        with pytest.raises(NotProven, match="other inputs"):
            verify(proposal, cases[1:], table, Weights())
        if not proposal.placements:
            continue
        fewer = msgspec.structs.replace(proposal, placements=proposal.placements[1:])
        dearer = msgspec.structs.replace(
            proposal,
            placements=(
                msgspec.structs.replace(proposal.placements[0], total=proposal.placements[0].total + 1),
                *proposal.placements[1:],
            ),
        )
        for wrong in (fewer, dearer):
            with pytest.raises(NotProven):
                verify(wrong, cases, table, Weights())


def test_an_accreditation_that_ends_closes_the_later_weeks_alone() -> None:
    ends = make_candidate(
        accreditations=(accreditation(until_day=START + 7),), free_places_by_week=(1, 1, 1), first_free_day=START
    )
    proposal, _ = explained([make_case(id=str(number)) for number in range(4)], [ends])
    assert [item.first_day - START for item in proposal.placements] == [0, 5]
