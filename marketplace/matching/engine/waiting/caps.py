"""What a cap on organisations' shares would cost: the curve that a council sees before it chooses one.

Source: matching.md 9: with slack a cap is cheap, when places are short it leaves people without one.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.model import Case, Weights
from marketplace.matching.engine.waiting.organisations import cap_places, node_organisations, organisation_steps
from marketplace.matching.engine.waiting.outcome import PLAIN, Options, Pin, Veto
from marketplace.matching.engine.waiting.points import Whole
from marketplace.matching.engine.waiting.problem import Problem
from marketplace.matching.engine.waiting.propose import Progress, Run, Search
from marketplace.matching.engine.waiting.stepped import Solved
from marketplace.matching.engine.waiting.weeks import Arcs


class CapPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a cap on each organisation's share of placements would cost, against no cap.

    The first two hold for a hard cap. `over_cap` and `soft_score_lost` are for a soft one, where nobody stays unplaced
    for it: placements above the cap, and points lost. None where the soft cap was not asked for.
    """

    cap_percent: int
    cap_placements: int
    placements_lost: int
    score_lost: int
    score_lost_percent: float
    organisations_at_cap: int
    over_cap: int | None = None
    soft_score_lost: int | None = None


def price_of_caps(
    cases: Sequence[Case],
    table: CandidateTable,
    weights: Weights,
    percents: Sequence[int],
    *,
    salt: str = "",
    options: Options = PLAIN,
    pins: Iterable[Pin] = (),
    vetoes: Iterable[Veto] = (),
    soft: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[CapPrice, ...]:
    """Work out what each cap would cost; every point of the curve is a proven optimum.

    Args:
        cases, table, weights, salt, pins, vetoes: As in `propose`.
        percents: Caps to price, in per cent of the placements there are without a cap.
        options: Caps and fairness in them are left aside.
        soft: Price the soft cap, too, which takes as long again.
        progress: Told how far the work is.
        cancelled: Asked now and then whether to stop.
    """
    plain = Options(k=options.k, weeks=options.weeks)
    problem = Problem(cases, table, weights, plain, pins=pins, vetoes=vetoes)
    search = Search(problem, Run(None, cancelled), salt, {})
    arcs, best = search.flow(search.first_arcs())
    placed, score, _ = _outcome(problem, arcs, best)
    curve = []
    for number, percent in enumerate(percents):
        if progress is not None:
            progress((number + 1) / (len(percents) + 1), f"pricing a cap of {percent} per cent")
        cap = cap_places(percent, placed)
        groups = int(node_organisations(problem).max(initial=-1)) + 1
        arcs, capped = search.flow(arcs, np.full(groups, cap, np.int64))
        held, kept_score, loads = _outcome(problem, arcs, capped)
        price = CapPrice(
            cap_percent=percent,
            cap_placements=cap,
            placements_lost=placed - held,
            score_lost=score - kept_score,
            score_lost_percent=round(100 * (score - kept_score) / max(1, score), 3),
            organisations_at_cap=int((loads >= cap).sum()),
        )
        if soft:
            steps = organisation_steps(problem, Options(share_cap_percent=percent), placed, 1, search.score_range)
            arcs, softened = search.stepped(arcs, steps)
            _, soft_score, loads = _outcome(problem, arcs, softened)
            above = int(np.maximum(0, loads - cap).sum())
            price = msgspec.structs.replace(price, over_cap=above, soft_score_lost=score - soft_score)
        curve.append(price)
    return tuple(curve)


def _outcome(problem: Problem, arcs: Arcs, solved: Solved) -> tuple[int, int, Whole]:
    """Placements, total score, and placements of each organisation."""
    taken = solved.assignment[arcs.case] == arcs.node
    organisations = node_organisations(problem)
    loads = np.bincount(organisations[arcs.node[taken]], minlength=int(organisations.max(initial=-1)) + 1)
    return int(taken.sum()), int(arcs.total[taken].sum()), loads.astype(np.int64)
