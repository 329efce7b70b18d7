"""The proposal for a whole list against trying everything, and what holds for any list."""

from random import Random

import msgspec
import pytest
from hypothesis import strategies as st

from marketplace.matching.engine import Candidate, CandidateTable, Case, Weights, check
from marketplace.matching.engine.waiting.outcome import Cancelled, Options, Pin, Proposal, Veto, WaitingError
from marketplace.matching.engine.waiting.propose import propose
from tests.matching.engine.makers import for_all, make_candidate, make_case, salts, seeds, weights
from tests.matching.engine.waiting_oracle import best, tiny_list, town, week_options


def run(cases: list[Case], candidates: list[Candidate], told: Weights | None = None, **more: object) -> Proposal:
    settings = {"salt": ""} | more
    return propose(cases, CandidateTable.from_candidates(candidates), told or Weights(), **settings)  # type: ignore[arg-type]


def spots(proposal: Proposal) -> dict[str, tuple[str, int]]:
    return {item.case_id: (item.candidate_id, item.week) for item in proposal.placements}


def worth(proposal: Proposal) -> tuple[int, ...]:
    measures = proposal.measures
    return *(measures.placed_by_tier[tier] for tier in sorted(measures.placed_by_tier)), measures.total_score


@for_all(seeds, weights, salts, st.integers(1, 3), runs=80)
def test_a_tiny_list_gets_the_one_best_assignment(seed: int, told: Weights, salt: str, k: int) -> None:
    cases, candidates = tiny_list(seed)
    wanted, key = best(cases, candidates, told, salt)
    proposal = run(cases, candidates, told, salt=salt, options=Options(k=k))
    assert (spots(proposal), worth(proposal)) == (wanted, key[:-1])
    by_id = {candidate.id: candidate for candidate in candidates}
    for case in cases:
        if item := proposal.by_case.get(case.id):
            options = week_options(case, by_id[item.candidate_id], told, candidates)
            assert options[item.week] == (item.first_day, item.total)
    assert sorted(proposal.unplaced) == sorted({case.id for case in cases} - wanted.keys())


@for_all(seeds, st.booleans(), runs=8)
def test_neither_k_nor_the_order_of_rows_changes_the_answer(seed: int, crowded: bool) -> None:
    cases, candidates = town(seed, 60, 16, places=1 if crowded else 3)
    wanted = run(cases, candidates, salt="a", options=Options(k=400))
    rng = Random(seed)
    for k in (1, 3, 30):
        rng.shuffle(cases)
        rng.shuffle(candidates)
        proposal = run(cases, candidates, salt="a", options=Options(k=k))
        assert proposal.placements == wanted.placements
        assert proposal.fingerprint == wanted.fingerprint
        assert proposal.nodes == wanted.nodes


@for_all(seeds, runs=15)
def test_no_place_is_used_twice_and_every_pair_is_eligible(seed: int) -> None:
    cases, candidates = town(seed, 60, 14)
    table = CandidateTable.from_candidates(candidates)
    proposal = run(cases, candidates)
    used: dict[tuple[str, int], int] = {}
    by_id = {case.id: case for case in cases}
    for item in proposal.placements:
        used[item.candidate_id, item.week] = used.get((item.candidate_id, item.week), 0) + 1
        case, row = by_id[item.case_id], table.row_of[item.candidate_id]
        assert check(case, table).failed[row] == 0
        assert case.start_day <= item.first_day <= case.last_day
    for (candidate_id, week), count in used.items():
        assert count <= table.candidates[table.row_of[candidate_id]].free_places(week)


@for_all(seeds, runs=15)
def test_a_further_place_never_lowers_the_optimum_and_adds_its_price(seed: int) -> None:
    cases, candidates = town(seed, 40, 10, places=1)
    before = run(cases, candidates)
    dear = [node for node in before.nodes if node.price]
    for node in dear[:2]:
        candidate = next(item for item in candidates if item.id == node.candidate_id)
        places = list(candidate.free_places_by_week)
        places[node.week - candidate.places_from_week] += 1
        wider = msgspec.structs.replace(candidate, free_places_by_week=tuple(places))
        after = run([*cases], [wider if item is candidate else item for item in candidates])
        gain = after.measures.total_score - before.measures.total_score
        tiers = sorted(before.proof.levels)
        more = sum(
            (after.measures.placed_by_tier[tier] - before.measures.placed_by_tier[tier]) * before.proof.levels[tier]
            for tier in tiers
        )
        extra = after.measures.placed - before.measures.placed
        assert node.price == more * before.proof.step + gain - extra * before.proof.low
        assert worth(after) > worth(before)


@for_all(seeds, runs=25)
def test_pins_and_vetoes_are_kept_and_the_rest_is_best_around_them(seed: int) -> None:
    cases, candidates = tiny_list(seed, most_cases=3)
    free = spots(run(cases, candidates))
    for case_id, (candidate_id, week) in free.items():
        vetoed = spots(run(cases, candidates, vetoes=[Veto(case_id=case_id, candidate_id=candidate_id)]))
        assert vetoed == best(cases, candidates, Weights(), "", {(case_id, candidate_id)})[0]
        for other in candidates:
            case = next(case for case in cases if case.id == case_id)
            for pinned_week in week_options(case, other, Weights()):
                pin = Pin(case_id=case_id, candidate_id=other.id, week=pinned_week)
                proposal = run(cases, candidates, pins=[pin])
                assert spots(proposal)[case_id] == (other.id, pinned_week)
                if (other.id, pinned_week) == (candidate_id, week):
                    assert spots(proposal) == free


def test_more_pins_than_places_are_refused_in_a_sentence() -> None:
    ana = make_candidate(free_places_by_week=(1,))
    cases = [make_case(id="a"), make_case(id="b")]
    pins = [Pin(case_id="a", candidate_id="ana"), Pin(case_id="b", candidate_id="ana")]
    with pytest.raises(WaitingError, match="2 cases are pinned to ana, who has 1 free places"):
        run(cases, [ana], pins=pins)
    in_one_week = [msgspec.structs.replace(pin, week=ana.places_from_week) for pin in pins]
    roomy = make_candidate(free_places_by_week=(1, 1))
    assert len(run(cases, [roomy], pins=pins).placements) == 2
    with pytest.raises(WaitingError, match="Not enough free places in the weeks of the pinned cases"):
        run(cases, [roomy], pins=in_one_week)


def test_a_pin_that_breaks_a_rule_needs_an_override_and_a_place() -> None:
    case = make_case()
    far = make_candidate("ben", x_metres=400_000, radius_metres=5_000)
    pin = Pin(case_id=case.id, candidate_id="ben")
    with pytest.raises(WaitingError, match=r"cannot be pinned to ben: About .* miles away"):
        run([case], [make_candidate(), far], pins=[pin])
    proposal = run([case], [make_candidate(), far], pins=[msgspec.structs.replace(pin, override=True)])
    assert [(item.candidate_id, item.pinned) for item in proposal.placements] == [("ben", True)]
    full = msgspec.structs.replace(far, free_places_by_week=(0, 0))
    with pytest.raises(WaitingError, match="no free place"):
        run([case], [full], pins=[msgspec.structs.replace(pin, override=True)])


def test_an_override_may_reach_behind_the_window() -> None:
    case = make_case(window_days=3)
    late = make_candidate(free_places_by_week=(0, 0, 2))
    pin = Pin(case_id=case.id, candidate_id="ana", override=True)
    proposal = run([case, make_case(id="other", window_days=3)], [late], pins=[pin])
    assert [(item.case_id, item.week - late.places_from_week) for item in proposal.placements] == [("case-1", 2)]


@pytest.mark.parametrize(
    ("pins", "vetoes", "says"),
    [
        ([Pin(case_id="x", candidate_id="ana")], [], "not on this list"),
        ([Pin(case_id="case-1", candidate_id="x")], [], "Nobody has the id x"),
        ([Pin(case_id="case-1", candidate_id="ana")] * 2, [], "pinned twice"),
        ([Pin(case_id="case-1", candidate_id="ana")], [Veto(case_id="case-1", candidate_id="ana")], "ruled out"),
    ],
)
def test_pins_and_vetoes_that_make_no_sense_are_refused(pins: list[Pin], vetoes: list[Veto], says: str) -> None:
    with pytest.raises(WaitingError, match=says):
        run([make_case()], [make_candidate()], pins=pins, vetoes=vetoes)


def test_a_run_over_one_week_keeps_to_it() -> None:
    cases = [make_case(id=str(number)) for number in range(3)]
    ana = make_candidate(free_places_by_week=(1, 1, 1))
    assert {item.week for item in run(cases, [ana]).placements} == {ana.places_from_week + k for k in range(3)}
    assert [item.week for item in run(cases, [ana], options=Options(weeks=1)).placements] == [ana.places_from_week]


def test_places_of_all_weeks_together_are_not_exceeded() -> None:
    cases = [make_case(id=str(number)) for number in range(4)]
    house = make_candidate(places_left=2)
    assert len(run(cases, [house]).placements) == 2


def test_a_case_of_several_places_or_hours_is_left_to_its_own_shortlist() -> None:
    couple, hours = make_case(id="couple", places_needed=2), make_case(id="hours", needed_quarters=(4,) + (0,) * 34)
    proposal = run([couple, hours, make_case()], [make_candidate()])
    assert [item.case_id for item in proposal.placements] == ["case-1"]
    assert proposal.unplaced == ("couple", "hours")
    with pytest.raises(WaitingError, match="takes more than one place"):
        run([couple], [make_candidate()], pins=[Pin(case_id="couple", candidate_id="ana")])


def test_nothing_in_gives_nothing_out() -> None:
    for cases, candidates in (([], []), ([], [make_candidate()]), ([make_case()], [])):
        proposal = run(cases, candidates)
        assert (proposal.placements, len(proposal.unplaced), proposal.status) == ((), len(cases), "optimal")


def test_a_run_tells_how_far_it_is_and_stops_when_asked() -> None:
    told: list[float] = []
    cases, candidates = town(5, 30, 10)
    run(cases, candidates, progress=lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(Cancelled):
        run(cases, candidates, cancelled=lambda: True)


def test_a_proposal_survives_the_way_through_json() -> None:
    cases, candidates = town(5, 30, 10)
    proposal = run(cases, candidates)
    assert msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal) == proposal
