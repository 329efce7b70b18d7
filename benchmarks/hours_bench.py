"""Measure the solver for several capacities: weekly hours in a county, and the classical recipes.

    python -m benchmarks.hours_bench --parts hours-1000 small CE D
    python -m benchmarks.hours_bench --parts hours-20000

Instances are seeded. Prints a line of JSON for each figure; those with a target have the ratio to it (below 1 is
better). `seconds` passed on the clock, `cpu` in this process and its children, for busy machines. A gap is the one
that the solver proves itself (see `solve.hours`); for type D it is that of the costs.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.hours_county import Rows, classical, weekly_hours
from marketplace.matching.engine.solve import Instance, build
from marketplace.matching.engine.solve.hours import HoursSolution, solve_hours

HOURS = {"hours-1000": (1_000, 100, 30.0, 1.0), "hours-5000": (5_000, 500, 60.0, 0.8),
         "hours-20000": (20_000, 2_000, 120.0, 0.6)}  # fmt: skip
"""Cases, providers, seconds, target for the gap in per cent."""
SMALL = tuple((agents, jobs) for agents in (5, 8, 10) for jobs in {5: (15, 20, 25, 30), 8: (24, 32, 40, 48),
              10: (30, 40, 50, 60)}[agents])  # fmt: skip
LARGE = tuple((agents, jobs) for jobs in (100, 200) for agents in (5, 10, 20))
PARTS = ("hours-1000", "hours-5000", "hours-20000", "small", "CE", "D")


def instance_of(rows: Rows) -> Instance:
    """Rows as an instance."""
    candidates = len(rows.capacity)
    return build(
        [f"c{i:06d}" for i in range(len(rows.tiers))], rows.tiers, [f"p{j:05d}" for j in range(candidates)],
        rows.capacity, [None] * candidates, rows.pair_case, rows.pair_candidate, rows.score, rows.uses,
    )  # fmt: skip


def measured(rows: Rows, seconds: float) -> tuple[HoursSolution, dict[str, float]]:
    """Solve and say how long it took."""
    instance = instance_of(rows)
    begin, cpu = time.perf_counter(), _cpu()
    solution = solve_hours(instance, time_limit=seconds)
    return solution, {"seconds": round(time.perf_counter() - begin, 2), "cpu": round(_cpu() - cpu, 2)}


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def figure(name: str, value: float, target: float | None, **more: object) -> None:
    """Print a line."""
    line: dict[str, object] = {"figure": name, "value": value, "target": target}
    if target is not None:
        line["ratio"] = round(value / target, 3)
    sys.stdout.write(json.dumps(line | more) + "\n")
    sys.stdout.flush()


def hours(part: str, seed: int) -> None:
    """The gap of a county of weekly packages."""
    cases, providers, seconds, target = HOURS[part]
    solution, times = measured(weekly_hours(cases, providers, seed), seconds)
    figure(
        f"weekly hours {cases} x {providers}, gap %", round(100 * solution.gap, 3), target, limit=seconds,
        placed=list(solution.assigned_by_tier.values()), most=list(solution.placed_bounds.values()),
        score=solution.score, score_bound=solution.bound, goal=solution.goal, goal_bound=solution.goal_bound, **times,
    )  # fmt: skip


def small(seed: int) -> None:
    """The sixty small ones: five of each size."""
    proven, slowest, cpu = 0, 0.0, []
    for agents, jobs in SMALL:
        for number in range(5):
            solution, times = measured(classical("small", agents, jobs, seed * 100 + number), 5.0)
            proven += solution.status == "optimal"
            slowest = max(slowest, times["seconds"])
            cpu.append(times["cpu"])
            if solution.status != "optimal":
                figure(
                    f"open: small {agents} x {jobs}, number {number}", solution.bound - solution.score, None, **times
                )
    figure("small classical instances not proven within 5 s, of 60", 60 - proven, 1, slowest=slowest,
           cpu_median=statistics.median(cpu), cpu_largest=max(cpu))  # fmt: skip


def proofs(seed: int) -> None:
    """Types C and E."""
    results: Iterator[tuple[str, HoursSolution, dict[str, float]]] = (
        (f"{kind} {agents} x {jobs}", *measured(classical(kind, agents, jobs, seed), 60.0))
        for kind in "CE"
        for agents, jobs in LARGE
    )
    proven = 0
    for name, solution, times in results:
        proven += solution.status == "optimal"
        figure(name, solution.bound - solution.score, None, status=solution.status, placed=solution.assigned, **times)
    figure("types C and E not proven within 60 s, of 12", 12 - proven, 3)


def gaps(seed: int) -> None:
    """Type D: the gap of the costs."""
    worst = 0.0
    for agents, jobs in LARGE:
        rows = classical("D", agents, jobs, seed)
        solution, times = measured(rows, 30.0)
        largest = int(rows.score.max()) + rows.least_cost
        cost, least = largest * jobs - solution.score, largest * jobs - solution.bound
        gap = 100 * (cost - least) / least if solution.assigned == jobs else 100.0
        worst = max(worst, gap)
        figure(
            f"D {agents} x {jobs}, gap %", round(gap, 3), 1.0, status=solution.status, cost=cost, bound=least, **times
        )
    figure("type D, worst gap %", round(worst, 3), 1.0)


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["hours-1000", "small"])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    classical_parts: dict[str, Callable[[int], None]] = {"small": small, "CE": proofs, "D": gaps}
    for part in given.parts:
        if part in HOURS:
            hours(part, given.seed)
        else:
            classical_parts[part](given.seed)


if __name__ == "__main__":
    main()
