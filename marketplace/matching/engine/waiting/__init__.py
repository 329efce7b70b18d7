"""The assignment of a whole waiting list: proposed, proved, explained. It knows no table, no database and no clock.

A tour, in the order things happen:

- `columns`: many cases as arrays; `eligible` and `points`: rules and score for blocks of them; `pairs`: all pairs.
- `weeks`: a candidate in a week is a place, a pair that starts then an arc.
- `problem`: one list with what people have settled (pins, vetoes); `propose`: the optimum and its proof.
- `stepped`, `organisations`, `caps`: soft caps and an even spread, and what a cap would cost.
- `verify`: the proof checked again from the inputs; `explain`: why, why not, and what one more place would bring.
- `baselines`: today's practices by the same `measures`; `repropose`: after late news; `shards`: a list in parts.
- `outcome`: what goes in and comes out, ready to be stored; `runs`: inputs as bytes, and their fingerprint.

A proposal is for a named person to decide on, case by case or as a whole; nothing here decides.
"""

from marketplace.matching.engine.waiting.baselines import Baseline, Practice, baseline, baselines
from marketplace.matching.engine.waiting.caps import CapPrice, price_of_caps
from marketplace.matching.engine.waiting.explain import (
    Explainer,
    Near,
    PlaceGain,
    Standing,
    Unplaced,
    UnplacedCode,
    WhyNot,
    unplaced_counts,
)
from marketplace.matching.engine.waiting.outcome import (
    Cancelled,
    Measures,
    Node,
    Options,
    Pin,
    Placement,
    Proof,
    Proposal,
    Round,
    Spread,
    Veto,
    WaitingError,
)
from marketplace.matching.engine.waiting.propose import Progress, propose
from marketplace.matching.engine.waiting.repropose import Affected, Move, Reproposal, repropose
from marketplace.matching.engine.waiting.runs import RunInputs, dump_run_inputs, load_run_inputs, run_inputs
from marketplace.matching.engine.waiting.shards import (
    Loss,
    Merged,
    Shard,
    ShardResult,
    ShardSummary,
    merge,
    solve_shard,
    split,
    split_by_area,
    split_by_council,
)
from marketplace.matching.engine.waiting.verify import verify

__all__ = [
    "Affected",
    "Baseline",
    "Cancelled",
    "CapPrice",
    "Explainer",
    "Loss",
    "Measures",
    "Merged",
    "Move",
    "Near",
    "Node",
    "Options",
    "Pin",
    "PlaceGain",
    "Placement",
    "Practice",
    "Progress",
    "Proof",
    "Proposal",
    "Reproposal",
    "Round",
    "RunInputs",
    "Shard",
    "ShardResult",
    "ShardSummary",
    "Spread",
    "Standing",
    "Unplaced",
    "UnplacedCode",
    "Veto",
    "WaitingError",
    "WhyNot",
    "baseline",
    "baselines",
    "dump_run_inputs",
    "load_run_inputs",
    "merge",
    "price_of_caps",
    "propose",
    "repropose",
    "run_inputs",
    "solve_shard",
    "split",
    "split_by_area",
    "split_by_council",
    "unplaced_counts",
    "verify",
]
