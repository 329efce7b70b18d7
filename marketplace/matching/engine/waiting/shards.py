"""A large list in parts, each a job of its own: split, solve, put together, and a second pass for the unplaced.

Every shard takes its own cases and its own candidates, so no place can be used twice. What that loses against the
optimum of the whole is measured when asked for. Never shard below the council: districts lose twenty times as much
(matching.md 8).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Candidate, Case
from marketplace.matching.engine.waiting.columns import CaseColumns
from marketplace.matching.engine.waiting.measures import measured
from marketplace.matching.engine.waiting.outcome import Measures, Options, Placement, Proposal
from marketplace.matching.engine.waiting.propose import Progress, propose
from marketplace.matching.engine.waiting.runs import RunInputs

_SQUARE_METRES: Final = 4_000
_FAR_METRES: Final = 60_000  # For who goes any distance.

_Cells = NDArray[np.float64]
_Demand = dict[str, _Cells]


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a run: everything a job needs to solve it."""

    key: str
    inputs: RunInputs


class ShardResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a job gives back."""

    key: str
    proposal: Proposal


class ShardSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line about a shard."""

    key: str
    cases: int
    candidates: int
    placed: int
    seconds: float


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What the shards cost against the proven optimum of the whole list."""

    placements: int
    placements_by_tier: dict[int, int]
    score: int
    score_percent: float


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The shards put together.

    Attributes:
        second_pass: Placements that the second pass added.
        loss: Against the optimum of the whole; None when that was not worked out.
        loss_before_second_pass: The same for the shards alone.
    """

    placements: tuple[Placement, ...]
    unplaced: tuple[str, ...]
    measures: Measures
    shards: tuple[ShardSummary, ...]
    second_pass: int
    loss: Loss | None = None
    loss_before_second_pass: Loss | None = None


def split_by_council(inputs: RunInputs) -> tuple[Shard, ...]:
    """A shard for each council of the cases.

    A candidate accredited for several councils goes to the one with most cases close by that it may take: each case
    within its radius counts, the nearer the more.
    """
    asked: dict[str, _Demand] = {}
    for (council, service), members in _by_council_and_service(inputs.cases).items():
        asked.setdefault(council, {})[service] = members
    home = {candidate.id: _home(candidate, asked) for candidate in inputs.candidates}
    return split(inputs, lambda case: case.council, lambda candidate: home[candidate.id])


def _by_council_and_service(cases: Sequence[Case]) -> dict[tuple[str, str], _Cells]:
    """Cases counted by square of the grid: `(x_metres, y_metres, count)` of each square's middle."""
    counted: dict[tuple[str, str], Counter[tuple[int, int]]] = {}
    for case in cases:
        square = case.x_metres // _SQUARE_METRES, case.y_metres // _SQUARE_METRES
        counted.setdefault((case.council, case.service), Counter())[square] += 1
    return {
        key: np.array([[(x + 0.5) * _SQUARE_METRES, (y + 0.5) * _SQUARE_METRES, n] for (x, y), n in squares.items()])
        for key, squares in counted.items()
    }


def _home(candidate: Candidate, asked: Mapping[str, _Demand]) -> str | None:
    """The council that asks most of a candidate; the first by name among equals."""
    pull: dict[str, float] = {}
    for council, service in sorted({(item.council, item.service) for item in candidate.accreditations}):
        cells = asked.get(council, {}).get(service)
        if cells is None:
            continue
        reach = candidate.radius_metres or _FAR_METRES
        metres = np.hypot(cells[:, 0] - candidate.x_metres, cells[:, 1] - candidate.y_metres)
        near = np.maximum(0.0, 1.0 - metres / reach)
        pull[council] = pull.get(council, 0.0) + float(near @ cells[:, 2])
    return max(sorted(pull), key=lambda council: pull[council]) if pull else None


def split_by_area(inputs: RunInputs, side_metres: int) -> tuple[Shard, ...]:
    """A shard for each square of the National Grid, for districts and for trials."""

    def square(at: Case | Candidate) -> str:
        return f"{at.x_metres // side_metres}-{at.y_metres // side_metres}"

    return split(inputs, square, square)


def split(
    inputs: RunInputs, key_of_case: Callable[[Case], str], key_of_candidate: Callable[[Candidate], str | None]
) -> tuple[Shard, ...]:
    """Split a run by keys; candidates without a key of any case are left for the second pass.

    Pins go with their case; a pinned candidate goes with the pin, whatever its key. Where cases of several shards are
    pinned to one candidate, it goes to the first of them, and a job for another says that the pin cannot be kept.
    """
    cases: dict[str, list[Case]] = {}
    for case in inputs.cases:
        cases.setdefault(key_of_case(case), []).append(case)
    key_of = {case.id: key for key, members in cases.items() for case in members}
    pinned = {pin.candidate_id: key_of[pin.case_id] for pin in reversed(inputs.pins) if pin.case_id in key_of}
    candidates: dict[str, list[Candidate]] = {}
    for candidate in inputs.candidates:
        key = pinned.get(candidate.id) or key_of_candidate(candidate)
        if key in cases:
            candidates.setdefault(key, []).append(candidate)
    return tuple(
        Shard(
            key=key,
            inputs=msgspec.structs.replace(
                inputs,
                cases=tuple(members),
                candidates=tuple(candidates.get(key, ())),
                pins=tuple(pin for pin in inputs.pins if key_of.get(pin.case_id) == key),
                vetoes=tuple(veto for veto in inputs.vetoes if key_of.get(veto.case_id) == key),
            ),
        )
        for key, members in sorted(cases.items())
    )


def solve_shard(
    shard: Shard, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
) -> ShardResult:
    """Solve one shard; pure, so a job may run it twice and get the same."""
    inputs = shard.inputs
    proposal = propose(
        inputs.cases,
        inputs.table(),
        inputs.weights,
        salt=inputs.salt,
        options=inputs.options,
        pins=inputs.pins,
        vetoes=inputs.vetoes,
        progress=progress,
        cancelled=cancelled,
    )
    return ShardResult(key=shard.key, proposal=proposal)


def merge(
    inputs: RunInputs,
    shards: Sequence[Shard],
    results: Iterable[ShardResult],
    *,
    second_pass: bool = True,
    optimum: Proposal | None = None,
) -> Merged:
    """Put shards together and place, of those left, whom the candidates of other shards can take.

    Args:
        inputs: The whole run.
        shards: Its parts.
        results: Their results, in any order.
        second_pass: Whether to try the unplaced once more with all places that are left.
        optimum: The proposal for the whole list, to measure the loss against.

    Raises:
        ValueError: A result is missing, or there is one too many.
    """
    proposals = {result.key: result.proposal for result in results}
    if proposals.keys() != {shard.key for shard in shards}:
        raise ValueError("there must be one result for each shard")
    table = inputs.table()
    columns = CaseColumns(inputs.cases, table)
    first = [item for key in sorted(proposals) for item in proposals[key].placements]
    more = _second_pass(inputs, table, first) if second_pass else []
    placements = tuple(sorted([*first, *more], key=lambda item: item.case_id))
    placed = {item.case_id for item in placements}
    measures = measured(columns, table, placements, table.free_places)
    return Merged(
        placements=placements,
        unplaced=tuple(case.id for case in inputs.cases if case.id not in placed),
        measures=measures,
        shards=tuple(_summary(shard, proposals[shard.key]) for shard in shards),
        second_pass=len(more),
        loss=_loss(optimum, placements),
        loss_before_second_pass=_loss(optimum, first),
    )


def _second_pass(inputs: RunInputs, table: CandidateTable, first: Sequence[Placement]) -> list[Placement]:
    left = table.free_places.copy()
    for item in first:
        left[item.week - table.first_week, table.row_of[item.candidate_id]] -= 1
    placed = {item.case_id for item in first}
    waiting = [case for case in inputs.cases if case.id not in placed]
    options = Options(k=inputs.options.k, weeks=inputs.options.weeks)
    vetoes = [veto for veto in inputs.vetoes if veto.case_id not in placed]
    again = propose(waiting, table, inputs.weights, salt=inputs.salt, options=options, vetoes=vetoes, places=left)
    return list(again.placements)


def _summary(shard: Shard, proposal: Proposal) -> ShardSummary:
    return ShardSummary(
        key=shard.key,
        cases=len(shard.inputs.cases),
        candidates=len(shard.inputs.candidates),
        placed=len(proposal.placements),
        seconds=proposal.seconds.get("total", 0.0),
    )


def _loss(optimum: Proposal | None, placements: Sequence[Placement]) -> Loss | None:
    if optimum is None:
        return None
    score = optimum.measures.total_score - sum(item.total for item in placements)
    placed: Mapping[int, int] = Counter(item.tier for item in placements)
    best = optimum.measures.placed_by_tier
    return Loss(
        placements=len(optimum.placements) - len(placements),
        placements_by_tier={tier: count - placed.get(tier, 0) for tier, count in best.items()},
        score=score,
        score_percent=round(100 * score / max(1, optimum.measures.total_score), 3),
    )
