"""Measure the ranking of one case: answer times with reasons and counts, what a changed candidate costs, and memory.

    python -m benchmarks.rank_bench --sizes 2000:1 20000:10 200000:20 --questions 300

A size is candidates and counties side by side; `200000:1` crowds them all into one county. Every question is another
case. "day" questions start on the same Monday, as most do; "any day" questions start on one of 28 days, so that next to
nothing an earlier question worked out is of use. An answer is the top ten with every part in words, and for every rule
the exact number it leaves out, alone and with others, with the nearest of them.

Prints a line of JSON for each figure; those with a target have the ratio to it (below 1 is better). `cpu` is the time
of the processor, for busy machines, and `copies` the time in units of one copy of 400 MB in NumPy on this machine.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec
import numpy as np

from benchmarks.county import START_DAY, County, county
from marketplace.matching.engine import (
    Candidate,
    CandidateStore,
    CandidateTable,
    Case,
    Reading,
    Stamps,
    possible_with_one_change,
    rank,
    what_would_make_first,
)

TARGETS = {"2000 day p99": 2.0, "20000 day p99": 3.0, "20000 any day p99": 3.0, "200000 day p99": 20.0}
TARGETS["200000 any day p99"] = 20.0
"""Milliseconds."""

TOP = 10
_KEY = ("benchmark", "support-planning")
_COPY_MEGABYTES = 400


def report(figure: str, value: float, **more: float) -> None:
    """Print one figure as a line of JSON."""
    line: dict[str, object] = {"figure": figure, "value": round(value, 3), **more}
    if (target := TARGETS.get(figure.removesuffix(" ms"))) is not None:
        line |= {"target": target, "ratio": round(value / target, 3)}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def copy_milliseconds() -> float:
    """Time of one copy of 400 MB, from the best of ten copies of a tenth of it."""
    source = np.ones(_COPY_MEGABYTES * 1_000_000 // 8 // 10)
    target = np.empty_like(source)
    took = []
    for _ in range(10):
        began = time.perf_counter()
        np.copyto(target, source)
        took.append(time.perf_counter() - began)
    return min(took) * 10 * 1000


def timed(ask: Callable[[Case], object], cases: Sequence[Case]) -> tuple[list[float], list[float]]:
    """Milliseconds of each question: on the wall and of the processor."""
    wall, cpu = [], []
    for case in cases:
        began, used = time.perf_counter(), time.process_time()
        ask(case)
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return wall, cpu


def report_times(figure: str, times: tuple[list[float], list[float]], copy: float) -> None:
    """Print p50 and p99."""
    wall, cpu = (statistics.quantiles(each, n=100) for each in times)
    for name, at in (("p50", 49), ("p99", 98)):
        report(f"{figure} {name} ms", wall[at], cpu=round(cpu[at], 3), copies=round(wall[at] / copy, 4))


def on_any_day(cases: Sequence[Case]) -> Iterator[Case]:
    """The cases with start days drawn from four weeks."""
    days = np.random.default_rng(5).integers(0, 28, len(cases)).tolist()
    return (msgspec.structs.replace(case, start_day=START_DAY + day) for case, day in zip(cases, days, strict=True))


def questions(name: str, made: County, table: CandidateTable, copy: float) -> None:
    """Measure rankings and what-ifs."""
    eligible = []

    def answer(case: Case) -> None:
        eligible.append(rank(case, table, made.weights, limit=TOP, left_out_limit=0, salt="bench").eligible)

    answer(made.cases[0])
    report_times(f"{name} day", timed(answer, made.cases), copy)
    report(f"{name} eligible median", statistics.median(eligible))
    report_times(f"{name} any day", timed(answer, list(on_any_day(made.cases))), copy)
    few = made.cases[: min(40, len(made.cases))]
    second = {
        case.id: entries[1].id
        for case in few
        if len(entries := rank(case, table, made.weights, limit=2, left_out_limit=0).entries) > 1
    }
    asked = [case for case in few if case.id in second]
    report_times(
        f"{name} what would make the second first",
        timed(lambda case: what_would_make_first(case, table, second[case.id], made.weights), asked),
        copy,
    )
    report_times(
        f"{name} possible with one change",
        timed(lambda case: possible_with_one_change(case, table, made.weights), few),
        copy,
    )


class _Source:
    """Candidates at hand, each with a number that grows when they change."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = {candidate.id: candidate for candidate in candidates}
        self._stamps = dict.fromkeys(self._candidates, 0)

    def change(self, newer: Sequence[Candidate]) -> None:
        for candidate in newer:
            self._candidates[candidate.id] = candidate
            self._stamps[candidate.id] += 1

    async def stamps(self) -> Stamps:
        return Stamps(of=dict(self._stamps))

    async def read(self, ids: Collection[str] | None) -> Reading:
        return Reading(candidates=[self._candidates[id] for id in (self._candidates if ids is None else ids)])


def changes(name: str, made: County) -> None:
    """Measure what it costs that candidates change, and the memory."""
    store, source = CandidateStore(most_candidates=len(made.candidates)), _Source(made.candidates)
    began, used = time.perf_counter(), time.process_time()
    loop = asyncio.new_event_loop()
    snapshot = loop.run_until_complete(store.fresh(_KEY, source))
    report(f"{name} load ms", (time.perf_counter() - began) * 1000, cpu=round((time.process_time() - used) * 1000, 1))
    columns = snapshot.table.nbytes() / len(made.candidates)
    report(f"{name} bytes per candidate", store.memory().bytes_per_candidate, columns=round(columns, 1))
    turns = 0
    for size in (1, 100):
        wall, cpu = [], []
        for turn in range(5):
            turns += 1
            chosen = made.candidates[turn * size : (turn + 1) * size]
            source.change([msgspec.structs.replace(candidate, open_cases=50 + turns) for candidate in chosen])
            began, used = time.perf_counter(), time.process_time()
            loop.run_until_complete(store.fresh(_KEY, source))
            cpu.append((time.process_time() - used) * 1000)
            wall.append((time.perf_counter() - began) * 1000)
        report(f"{name} table after {size} changes ms", statistics.median(wall), cpu=round(statistics.median(cpu), 3))
    loop.close()
    table = snapshot.table
    table.fingerprint()
    changed = table.changed([msgspec.structs.replace(made.candidates[0], open_cases=49)])
    began, used = time.perf_counter(), time.process_time()
    changed.fingerprint()
    took, cpu_took = (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000
    report(f"{name} fingerprint after a change ms", took, cpu=round(cpu_took, 3))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["2000:1", "20000:10", "200000:20"])
    parser.add_argument("--questions", type=int, default=300)
    options = parser.parse_args()
    copy = copy_milliseconds()
    report("copy of 400 MB ms", copy)
    for size in options.sizes:
        candidates, counties = (int(number) for number in size.split(":"))
        made = county(options.questions, candidates, seed=1, counties=counties)
        name = f"{candidates}" if counties * 10_000 >= candidates else f"{candidates} in {counties}"
        table = made.table
        table.fingerprint()  # A table is fingerprinted once, then for each change.
        questions(name, made, table, copy)
        changes(name, made)


if __name__ == "__main__":
    main()
