"""Caps and an even spread between organisations against trying everything."""

from collections import Counter
from itertools import product
from random import Random

import msgspec
import pytest

from marketplace.matching.engine import Candidate, CandidateTable, Case, Weights
from marketplace.matching.engine.waiting.caps import price_of_caps
from marketplace.matching.engine.waiting.outcome import Options, Proposal
from marketplace.matching.engine.waiting.propose import propose
from marketplace.matching.engine.waiting.verify import verify
from tests.matching.engine.makers import for_all, make_candidate, make_case, seeds
from tests.matching.engine.waiting_oracle import town, week_options

Spots = tuple[tuple[str, str, int, int] | None, ...]


def run(cases: list[Case], candidates: list[Candidate], **options: int) -> Proposal:
    table = CandidateTable.from_candidates(candidates)
    proposal = propose(cases, table, Weights(), salt="", options=Options(**options))
    verify(proposal, cases, table, Weights())
    return proposal


def busy_town(seed: int) -> tuple[list[Case], list[Candidate]]:
    """Five cases and three candidates of two organisations, with a few places each."""
    rng = Random(seed)
    candidates = [
        make_candidate(
            f"worker-{number}",
            organisation_id=("org-a", "org-b", "org-a")[number],
            x_metres=353_000 + rng.randrange(-9_000, 9_000),
            free_places_by_week=(rng.randrange(4), rng.randrange(2)),
        )
        for number in range(3)
    ]
    cases = [
        make_case(
            id=f"case-{number}",
            x_metres=353_000 + rng.randrange(-20_000, 20_000),
            urgency_tier=rng.randrange(2),
            window_days=14,
        )
        for number in range(4)
    ]
    return cases, candidates


def every_assignment(cases: list[Case], candidates: list[Candidate]) -> list[Spots]:
    room = {(c.id, c.places_from_week + k): p for c in candidates for k, p in enumerate(c.free_places_by_week)}
    choices = [
        [None]
        + [
            (candidate.organisation_id, candidate.id, week, total)
            for candidate in candidates
            for week, (_, total) in week_options(case, candidate, Weights()).items()
        ]
        for case in cases
    ]
    found = []
    for spots in product(*choices):
        used = Counter((spot[1], spot[2]) for spot in spots if spot)
        if all(count <= room[node] for node, count in used.items()):
            found.append(spots)
    return found


def placed(cases: list[Case], spots: Spots) -> tuple[int, ...]:
    return tuple(
        sum(spot is not None and case.urgency_tier == tier for case, spot in zip(cases, spots, strict=True))
        for tier in (0, 1)
    )


@for_all(seeds, runs=12)
def test_soft_caps_come_after_placing_and_before_the_score(seed: int) -> None:
    cases, candidates = busy_town(seed)
    everything = every_assignment(cases, candidates)
    most = max(placed(cases, spots) for spots in everything)
    cap = max(1, sum(most) * 40 // 100)

    def key(spots: Spots) -> tuple[object, ...]:
        loads = Counter(spot[0] for spot in spots if spot)
        over = sum(max(0, load - cap) for load in loads.values())
        return placed(cases, spots), -over, sum(spot[3] for spot in spots if spot)

    best = max(map(key, everything))
    proposal = run(cases, candidates, share_cap_percent=40)
    measures = proposal.measures
    counts = tuple(measures.placed_by_tier.get(tier, 0) for tier in (0, 1))
    assert (counts, -proposal.over_cap, measures.total_score) == best


@for_all(seeds, runs=12)
def test_an_even_spread_is_paid_for_in_points_and_never_in_placements(seed: int) -> None:
    cases, candidates = busy_town(seed)
    room = Counter[str]()
    for candidate in candidates:
        room[candidate.organisation_id] += sum(candidate.free_places_by_week)

    def cost(spots: Spots) -> int:
        loads = Counter(spot[0] for spot in spots if spot)
        return sum(30 * (unit * 10 // room[who]) for who, n in loads.items() for unit in range(n))

    best = max(
        (placed(cases, spots), sum(spot[3] for spot in spots if spot) - cost(spots))
        for spots in every_assignment(cases, candidates)
    )
    proposal = run(cases, candidates, fairness_points=30)
    measures = proposal.measures
    counts = tuple(measures.placed_by_tier.get(tier, 0) for tier in (0, 1))
    assert (counts, measures.total_score - proposal.fairness_cost) == best


def test_neither_k_nor_the_order_of_rows_changes_the_answer() -> None:
    cases, candidates = town(11, 50, 14)
    wanted = run(cases, candidates, share_cap_percent=30, fairness_points=7, k=400)
    for k in (1, 4):
        assert run(cases[::-1], candidates[::-1], share_cap_percent=30, fairness_points=7, k=k).placements == (
            wanted.placements
        )


def test_the_curve_tells_what_each_cap_costs() -> None:
    cases, candidates = town(4, 60, 14)
    table = CandidateTable.from_candidates(candidates)
    free = run(cases, candidates)
    curve = price_of_caps(cases, table, Weights(), (100, 40, 25, 10), soft=True)
    assert (curve[0].placements_lost, curve[0].score_lost, curve[0].over_cap) == (0, 0, 0)
    assert [price.placements_lost for price in curve] == sorted(price.placements_lost for price in curve)
    for price in curve:
        soft = run(cases, candidates, share_cap_percent=price.cap_percent)
        assert soft.measures.placed_by_tier == free.measures.placed_by_tier
        assert price.over_cap == soft.over_cap
        assert price.soft_score_lost == free.measures.total_score - soft.measures.total_score


def test_points_for_a_placement_above_the_cap_may_be_set() -> None:
    cases = [make_case(id=str(number)) for number in range(4)]
    near = make_candidate("near", organisation_id="org-a")
    far = make_candidate("far", organisation_id="org-b", x_metres=353_000 + 8_000)
    loads = []
    for points in (0, 49, 51, None):
        options = Options(share_cap_percent=50, over_cap_points=points)
        proposal = propose(cases, CandidateTable.from_candidates([near, far]), Weights(), salt="", options=options)
        loads.append(sum(item.organisation_id == "org-a" for item in proposal.placements))
    assert loads == [4, 4, 2, 2]  # A distance of 8 km costs 50 points.


@pytest.mark.parametrize("wrong", [{"share_cap_percent": 0}, {"fairness_points": -1}, {"k": 0}, {"weeks": 0}])
def test_options_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        msgspec.structs.replace(Options(), **wrong)
