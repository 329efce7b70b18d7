"""Measure the assignment of a whole waiting list: seconds, proof, value against today's practices, shards, caps.

    python -m benchmarks.waiting_bench                 # 10,000 cases, 2,000 planners, one week
    python -m benchmarks.waiting_bench --large         # 100,000 cases, 20,000 planners: run it alone

The county is seeded (`benchmarks.county`), so two runs solve the same list. Prints a line of JSON for each figure;
those with a target have the ratio to it: below 1 is better for seconds, megabytes and losses, above 1 for value. Times
of the processor (`cpu`) are there for busy machines.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.county import County, county
from marketplace.matching.engine.waiting import (
    Explainer,
    Options,
    Proposal,
    baselines,
    dump_run_inputs,
    load_run_inputs,
    merge,
    price_of_caps,
    propose,
    repropose,
    run_inputs,
    solve_shard,
    split_by_area,
    split_by_council,
    verify,
)

TARGETS = {
    "propose seconds": 4.0, "propose large seconds": 90.0, "peak megabytes large": 2_500.0,
    "score over rotation": 1.4, "score over nearest": 1.25, "score over best-first": 1.05,
}  # fmt: skip
"""Issue figures for 10,000 cases and 2,000 planners, and for ten times as many."""

CAPS = (40, 35, 30, 25, 20)
DISTRICT_METRES = 18_000


def report(figure: str, value: float, **more: object) -> None:
    """Print a figure with its target, where it has one."""
    line: dict[str, object] = {"figure": figure, "value": round(value, 4)}
    if (target := TARGETS.get(figure)) is not None:
        line |= {"target": target, "ratio": round(value / target, 3)}
    sys.stdout.write(json.dumps(line | more) + "\n")
    sys.stdout.flush()


@contextmanager
def measured(figure: str, **more: object) -> Iterator[dict[str, object]]:
    """Report the seconds of a block, with whatever the block adds."""
    told: dict[str, object] = dict(more)
    began, used = time.perf_counter(), time.process_time()
    yield told
    report(figure, time.perf_counter() - began, cpu=round(time.process_time() - used, 2), **told)


def about(proposal: Proposal) -> dict[str, object]:
    """What a proposal says about itself."""
    return {
        "status": proposal.status,
        "placed": proposal.measures.placed,
        "placed_by_tier": proposal.measures.placed_by_tier,
        "score": proposal.measures.total_score,
        "bound": proposal.bound,
        "eligible_pairs": proposal.eligible_pairs,
        "rounds": [(item.arcs, item.added) for item in proposal.rounds],
        "stages": proposal.seconds,
    }


def propose_and_prove(made: County, figure: str) -> Proposal:
    """One run with its proof, and the check of the proof."""
    with measured(figure) as told:
        proposal = propose(made.cases, made.table, made.weights, salt="bench")
        told.update(about(proposal))
    with measured("check of the proof seconds"):
        verify(proposal, made.cases, made.table, made.weights)
    return proposal


def value(made: County, proposal: Proposal, load: float) -> None:
    """The optimum against today's practices, by the same ruler."""
    best = proposal.measures
    for item in baselines(made.cases, made.table, made.weights):
        theirs = item.measures
        worse = [tier for tier in (0, 1) if best.placed_by_tier[tier] < theirs.placed_by_tier[tier]]
        figure = f"score over {item.practice}" if load > 1 else f"score over {item.practice}, slack"
        report(
            figure,
            best.total_score / theirs.total_score,
            more_placed=best.placed - theirs.placed,
            more_urgent={tier: best.placed_by_tier[tier] - theirs.placed_by_tier[tier] for tier in (0, 1)},
            never_fewer_urgent=not worse,
            miles=(best.mean_miles, theirs.mean_miles),
            needs_met_percent=(best.needs_met_percent, theirs.needs_met_percent),
            largest_share_percent=(best.spread.largest_share_percent, theirs.spread.largest_share_percent),
        )


def shards(made: County, proposal: Proposal) -> None:
    """What parts lose against the whole."""
    inputs = run_inputs(made.cases, made.candidates, made.weights, salt="bench")
    with measured("stored inputs seconds") as told:
        stored = dump_run_inputs(inputs)
        told.update(megabytes=round(len(stored) / 1e6, 2), same=load_run_inputs(stored) == inputs)
    for name, parts in (
        ("council", split_by_council(inputs)),
        ("district", split_by_area(inputs, DISTRICT_METRES)),
    ):
        merged = merge(inputs, parts, [solve_shard(part) for part in parts], optimum=proposal)
        first, both = merged.loss_before_second_pass, merged.loss
        if first is None or both is None:
            raise RuntimeError("the loss was asked for and is not there")
        report(
            f"shard loss by {name} per cent of score",
            both.score_percent,
            shards=len(parts),
            placements_lost=both.placements,
            before_second_pass={"placements": first.placements, "score_percent": first.score_percent},
            largest_shard_seconds=max(line.seconds for line in merged.shards),
        )


def questions(made: County, proposal: Proposal) -> None:
    """Reasons for the unplaced, and why not the favourite."""
    explainer = Explainer(proposal, made.cases, made.table, made.weights)
    asked = proposal.unplaced[:200]
    began = time.perf_counter()
    for case_id in asked:
        explainer.unplaced(case_id)
    if asked:
        report("reason for an unplaced case ms", (time.perf_counter() - began) / len(asked) * 1000, asked=len(asked))


def news(made: County, proposal: Proposal) -> None:
    """A planner with five placements falls ill."""
    lost = max(proposal.placements, key=lambda item: (item.total, item.case_id)).candidate_id
    table = made.table.changed((), [lost])
    with measured("news seconds") as told:
        again = repropose(proposal, made.cases, table, made.weights)
        fresh = propose(made.cases, table, made.weights, salt="bench")
        before = {item.case_id: (item.candidate_id, item.week) for item in proposal.placements}
        after = {item.case_id: (item.candidate_id, item.week) for item in fresh.placements}
        told.update(
            affected=len(again.affected),
            moves=len(again.moves),
            moves_of_a_fresh_run=sum(before.get(case.id) != after.get(case.id) for case in made.cases),
            runs=2,
        )


def caps(made: County) -> None:
    """The price of caps on organisations' shares."""
    with measured("caps seconds") as told:
        curve = price_of_caps(made.cases, made.table, made.weights, CAPS)
        told["curve"] = [
            {
                "cap_percent": point.cap_percent,
                "score_lost_percent": point.score_lost_percent,
                "placements_lost": point.placements_lost,
            }
            for point in curve
        ]


def large(cases: int, planners: int) -> None:
    """Ten counties side by side in one run."""
    made = county(cases, planners, 1, 1.2, counties=10, window_days=7)
    _ = made.table
    report("county built, peak megabytes", _peak_megabytes())
    with measured("propose large seconds") as told:
        proposal = propose(made.cases, made.table, made.weights, salt="bench")
        told.update(about(proposal))
    report("peak megabytes large", _peak_megabytes())


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--planners", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--large", action="store_true", help="100,000 cases and 20,000 planners instead")
    told = parser.parse_args()
    if told.large:
        large(told.cases * 10, told.planners * 10)
        return
    for load in (1.2, 0.9):
        made = county(told.cases, told.planners, told.seed, load, window_days=7)
        _ = made.table
        proposal = propose_and_prove(made, "propose seconds" if load > 1 else "propose, slack, seconds")
        value(made, proposal, load)
        if load > 1:
            questions(made, proposal)
            shards(made, proposal)
            news(made, proposal)
            caps(made)
    weeks = county(told.cases, told.planners, told.seed, 3.0, window_days=28)
    with measured("propose over four weeks seconds") as told_of_weeks:
        proposal = propose(weeks.cases, weeks.table, weeks.weights, salt="bench", options=Options(k=20))
        told_of_weeks.update(about(proposal))


if __name__ == "__main__":
    main()
