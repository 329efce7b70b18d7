"""The list again after late news: a planner ill, a place gone, an accreditation lapsed.

The optimum for the new facts is found and proved as ever. Among all optima the one that keeps most of the tentative
placements is taken: keeping one counts less than any point, so nobody's place gets worse for the sake of rest.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Case, Weights
from marketplace.matching.engine.rank import why_left_out
from marketplace.matching.engine.waiting.outcome import Pin, Placement, Proposal, Veto
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.propose import Progress, Run, solve_problem
from marketplace.matching.engine.waiting.runs import fingerprint
from marketplace.matching.engine.words import count_text


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """A tentative placement that the news breaks, or one of several of which the news breaks some."""

    case_id: str
    candidate_id: str
    text: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose proposal differs from the one before; None stands for no place."""

    case_id: str
    before: Placement | None
    after: Placement | None


class Reproposal(msgspec.Struct, frozen=True, kw_only=True):
    """The new proposal, whom the news touched, and everything that changed."""

    proposal: Proposal
    affected: tuple[Affected, ...]
    moves: tuple[Move, ...]


def repropose(
    before: Proposal,
    cases: Sequence[Case],
    table: CandidateTable,
    weights: Weights,
    *,
    pins: Iterable[Pin] = (),
    vetoes: Iterable[Veto] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Reproposal:
    """Propose again with the facts of today, keeping what can be kept at no cost.

    Args:
        before: The proposal so far; its salt and options are used again.
        cases: The list as it is now: cases may have come and gone.
        table: The candidates as they are now.
        weights: The council's weights.
        pins: Settled placements; offers that were accepted belong here.
        vetoes: Pairs ruled out.
        progress: As in `propose`.
        cancelled: As in `propose`.

    Raises:
        WaitingError: As in `propose`: a pin may have become impossible.
        Cancelled: As in `propose`.
    """
    run = Run(progress, cancelled)
    pins, vetoes = tuple(pins), tuple(vetoes)
    with run.stage("pairs"):
        problem = Problem(
            cases,
            table,
            weights,
            before.options,
            pins=pins,
            vetoes=vetoes,
            progress=lambda share: run.tell(0.4 * share, "finding candidates"),
        )
    affected = tuple(_affected(before, problem))
    kept = {item.case_id: (item.candidate_id, item.week) for item in before.placements}
    inputs = fingerprint(cases, table, weights, before.salt, before.options, pins, vetoes)
    proposal = solve_problem(problem, run, before.salt, inputs, kept)
    moves = tuple(_moves(before, proposal, problem))
    proposal = msgspec.structs.replace(proposal, changed=tuple(move.case_id for move in moves))
    return Reproposal(proposal=proposal, affected=affected, moves=moves)


def _affected(before: Proposal, problem: Problem) -> Iterable[Affected]:
    """Placements that cannot all stay: the pair breaks a rule now, or its week has fewer places than it is to hold."""
    table, nodes, columns = problem.table, problem.nodes, problem.columns
    load: dict[tuple[str, int], int] = {}
    for item in before.placements:
        if item.case_id in columns.index_of:
            load[item.candidate_id, item.week] = load.get((item.candidate_id, item.week), 0) + 1
    for item in before.placements:
        index, row = columns.index_of.get(item.case_id), table.row_of.get(item.candidate_id)
        if index is None:
            continue
        text = None
        if row is None:
            text = "No longer among the candidates"
        else:
            lies = problem.pairs.of_case(index)
            pairs = lies.start + np.flatnonzero(problem.pairs.row[lies] == row)
            at = item.week - nodes.first_week
            node = int(nodes.at[at, row]) if 0 <= at < len(nodes.at) else -1
            places = int(nodes.places[node]) if node >= 0 else 0
            if not len(pairs):
                left_out = why_left_out(columns.cases[index], table, item.candidate_id)
                text = "; ".join(left_out.reasons) if left_out else "Settled otherwise by a person"
            elif places < load[item.candidate_id, item.week]:
                asked = load[item.candidate_id, item.week]
                text = f"{count_text(places, 'place')} left in the week for {count_text(asked, 'placement')}"
            elif not any((arcs.node == node).any() for arcs in problem.calendar.arcs(pairs)):
                text = "Cannot start in that week any more"
        if text is not None:
            yield Affected(case_id=item.case_id, candidate_id=item.candidate_id, text=text)


def _moves(before: Proposal, after: Proposal, problem: Problem) -> Iterable[Move]:
    old, new = before.by_case, after.by_case
    for case in problem.columns.cases:
        was, is_now = old.get(case.id), new.get(case.id)
        if _spot(was) != _spot(is_now):
            yield Move(case_id=case.id, before=was, after=is_now)


def _spot(placement: Placement | None) -> tuple[str, int] | None:
    return None if placement is None else (placement.candidate_id, placement.week)
