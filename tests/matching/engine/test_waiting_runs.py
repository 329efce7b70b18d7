"""Today's practices, news after a proposal, shards, and inputs that are stored."""

from collections import Counter
from random import Random

import msgspec
import pytest

from marketplace.matching.engine import Candidate, CandidateTable, Case, Weights
from marketplace.matching.engine.waiting.baselines import Practice, baselines
from marketplace.matching.engine.waiting.outcome import Options, Pin, Placement, Veto
from marketplace.matching.engine.waiting.propose import propose
from marketplace.matching.engine.waiting.repropose import repropose
from marketplace.matching.engine.waiting.runs import dump_run_inputs, load_run_inputs, run_inputs
from marketplace.matching.engine.waiting.shards import (
    Shard,
    ShardResult,
    merge,
    solve_shard,
    split,
    split_by_area,
    split_by_council,
)
from marketplace.matching.engine.waiting.verify import verify
from tests.matching.engine.makers import EAST, for_all, make_candidate, make_case, seeds
from tests.matching.engine.waiting_oracle import town, week_options


def assert_possible(
    placements: tuple[Placement, ...], cases: list[Case], candidates: list[Candidate], told: Weights
) -> None:
    used = Counter((item.candidate_id, item.week) for item in placements)
    by_id, case_of = {candidate.id: candidate for candidate in candidates}, {case.id: case for case in cases}
    assert all(count <= by_id[who].free_places(week) for (who, week), count in used.items())
    for item in placements:
        options = week_options(case_of[item.case_id], by_id[item.candidate_id], told)
        assert options[item.week] == (item.first_day, item.total)


@for_all(seeds, runs=10)
def test_practices_keep_the_rules_and_never_beat_the_optimum(seed: int) -> None:
    cases, candidates = town(seed, 40, 10)
    table = CandidateTable.from_candidates(candidates)
    best = propose(cases, table, Weights(), salt="").measures
    for made in baselines(cases, table, Weights()):
        assert_possible(made.placements, cases, candidates, Weights())
        tiers = sorted(best.placed_by_tier)
        ours = [best.placed_by_tier[tier] for tier in tiers] + [best.total_score]
        theirs = [made.measures.placed_by_tier[tier] for tier in tiers] + [made.measures.total_score]
        assert ours >= theirs


def test_each_practice_does_what_it_says() -> None:
    near = make_candidate("b-near", free_places_by_week=(1,))
    good = make_candidate("c-good", x_metres=EAST + 5_000, specialisms=frozenset({"autism"}), free_places_by_week=(1,))
    plain = make_candidate("a-plain", x_metres=EAST + 9_000, free_places_by_week=(1,))
    cases = [make_case(id="late"), make_case(id="urgent", urgency_tier=0)]
    cases = [msgspec.structs.replace(case, needs=frozenset({"autism"})) for case in cases]
    table = CandidateTable.from_candidates([near, good, plain])
    chosen = {
        made.practice: [item.candidate_id for item in sorted(made.placements, key=lambda item: item.tier)]
        for made in baselines(cases, table, Weights())
    }
    assert chosen == {
        Practice.ROTATION: ["a-plain", "b-near"],
        Practice.NEAREST: ["b-near", "c-good"],
        Practice.BEST_FIRST: ["c-good", "b-near"],
    }


@for_all(seeds, runs=8)
def test_news_changes_no_more_than_it_must_and_the_optimum_is_the_new_one(seed: int) -> None:
    cases, candidates = town(seed, 30, 9)
    table = CandidateTable.from_candidates(candidates)
    before = propose(cases, table, Weights(), salt="s")
    if not before.placements:
        return
    lost = before.placements[Random(seed).randrange(len(before.placements))].candidate_id
    table.remove(lost)
    again = repropose(before, cases, table, Weights())
    plain = propose(cases, table, Weights(), salt="s")
    verify(again.proposal, cases, table, Weights())
    assert again.proposal.measures.placed_by_tier == plain.measures.placed_by_tier
    assert again.proposal.measures.total_score == plain.measures.total_score
    assert {item.case_id for item in again.affected} == {
        item.case_id for item in before.placements if item.candidate_id == lost
    }
    old = {item.case_id: (item.candidate_id, item.week) for item in before.placements}
    changed = sum(
        old.get(case.id) != ((item.candidate_id, item.week) if (item := plain.by_case.get(case.id)) else None)
        for case in cases
    )
    assert len(again.moves) <= changed
    assert {item.case_id for item in again.affected} <= set(again.proposal.changed) | set(again.proposal.unplaced)


def test_without_news_nothing_moves_even_where_equals_abound() -> None:
    twins = [make_candidate(f"twin-{number}", free_places_by_week=(2, 2)) for number in range(5)]
    cases = [make_case(id=f"case-{number}") for number in range(7)]
    before = propose(cases, CandidateTable.from_candidates(twins), Weights(), salt="one")
    other_ties = msgspec.structs.replace(before, salt="two")
    again = repropose(other_ties, cases, CandidateTable.from_candidates(twins), Weights())
    assert (again.affected, again.moves) == ((), ())
    fresh = propose(cases, CandidateTable.from_candidates(twins), Weights(), salt="two")
    assert fresh.placements != before.placements


def test_a_dropped_place_and_a_lapsed_accreditation_are_found() -> None:
    ana = make_candidate("ana", free_places_by_week=(2,))
    ben = make_candidate("ben", x_metres=EAST + 4_000, free_places_by_week=(2,))
    cases = [make_case(id=str(number)) for number in range(4)]
    before = propose(cases, CandidateTable.from_candidates([ana, ben]), Weights(), salt="")
    fewer = msgspec.structs.replace(ana, free_places_by_week=(1,))
    lapsed = msgspec.structs.replace(ben, accreditations=())
    again = repropose(before, cases, CandidateTable.from_candidates([fewer, lapsed]), Weights())
    texts = {item.text for item in again.affected}
    assert "1 place left in the week for 2 placements" in texts
    assert any(text.startswith("Not accredited for support planning") for text in texts)
    assert len(again.affected) == 4
    assert len(again.proposal.placements) == 1
    assert again.proposal.placements[0].candidate_id == "ana"
    accepted = Pin(case_id=before.placements[0].case_id, candidate_id=before.placements[0].candidate_id)
    assert accepted.candidate_id in ("ana", "ben")


@for_all(seeds, runs=8)
def test_shards_never_use_a_place_twice_and_the_second_pass_only_adds(seed: int) -> None:
    cases, candidates = town(seed, 40, 12)
    told = run_inputs(cases, candidates, Weights(), salt="s")
    best = propose(cases, told.table(), Weights(), salt="s")
    for shards in (split_by_council(told), split_by_area(told, 6_000)):
        assert sorted(case.id for shard in shards for case in shard.inputs.cases) == sorted(case.id for case in cases)
        results = [solve_shard(shard) for shard in shards]
        first = merge(told, shards, results, second_pass=False, optimum=best)
        both = merge(told, shards, results[::-1], optimum=best)
        assert_possible(both.placements, cases, candidates, Weights())
        assert len(both.placements) == len(first.placements) + both.second_pass
        assert set(first.placements) <= set(both.placements)
        assert both.loss is not None
        assert both.loss.placements >= 0
        assert both.loss_before_second_pass == first.loss
        assert sorted(both.unplaced) == sorted({case.id for case in cases} - {item.case_id for item in both.placements})


def test_one_shard_is_the_whole_and_travels_as_bytes() -> None:
    cases, candidates = town(3, 30, 9)
    told = run_inputs(cases, candidates, Weights(), salt="s")
    (shard,) = split(told, lambda case: "all", lambda candidate: "all")
    sent = msgspec.json.decode(msgspec.json.encode(shard), type=Shard)
    returned = msgspec.json.decode(msgspec.json.encode(solve_shard(sent)), type=ShardResult)
    best = propose(cases, told.table(), Weights(), salt="s")
    merged = merge(told, [shard], [returned], optimum=best)
    assert merged.placements == best.placements
    assert merged.loss is not None
    assert (merged.loss.placements, merged.loss.score) == (0, 0)
    with pytest.raises(ValueError, match="one result for each shard"):
        merge(told, [shard], [])


def test_pins_and_vetoes_go_with_their_shard() -> None:
    cases = [make_case(id="west"), make_case(id="east", x_metres=EAST + 20_000)]
    candidates = [make_candidate("ana"), make_candidate("ben", x_metres=EAST + 20_000)]
    pins = [Pin(case_id="west", candidate_id="ben")]
    told = run_inputs(cases, candidates, Weights(), salt="", pins=pins)
    shards = split_by_area(told, 10_000)
    merged = merge(told, shards, [solve_shard(shard) for shard in shards])
    assert {item.case_id: item.candidate_id for item in merged.placements}["west"] == "ben"


@for_all(seeds, runs=10)
def test_stored_inputs_give_the_same_run_again(seed: int) -> None:
    cases, candidates = town(seed, 12, 6)
    vetoes = [Veto(case_id="case-001", candidate_id=candidates[0].id)]
    told = run_inputs(cases, candidates, Weights(), salt="s", options=Options(k=4), vetoes=vetoes)
    other = run_inputs(cases[::-1], candidates[::-1], Weights(), salt="s", options=Options(k=4), vetoes=vetoes)
    assert dump_run_inputs(told) == dump_run_inputs(other)
    loaded = load_run_inputs(dump_run_inputs(told))
    assert loaded == told
    proposal = propose(cases, CandidateTable.from_candidates(candidates), Weights(), salt="s", vetoes=vetoes)
    again = propose(
        loaded.cases, loaded.table(), loaded.weights, salt=loaded.salt, options=loaded.options, vetoes=loaded.vetoes
    )
    assert again.placements == proposal.placements
    assert again.fingerprint == proposal.fingerprint == loaded.fingerprint()


def test_damaged_or_foreign_inputs_are_refused() -> None:
    told = run_inputs([make_case()], [make_candidate()], Weights(), salt="")
    stored = dump_run_inputs(told)
    for wrong in (b"", stored[:-4], b"no" + stored):
        with pytest.raises(ValueError, match="damaged"):
            load_run_inputs(wrong)
    foreign = dump_run_inputs(msgspec.structs.replace(told, engine="marketplace-rank/0"))
    with pytest.raises(ValueError, match="cannot be run"):
        load_run_inputs(foreign)
