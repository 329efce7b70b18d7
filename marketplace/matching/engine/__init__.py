"""The matching engine: arrays in, arrays and plain reasons out. It knows no table, no database and no clock.

A tour, in the order things happen:

- `model`: `Case`, `Candidate`, `Weights`; `grid` turns degrees into metres.
- `candidates`: `CandidateTable`, all candidates as columns (`bitsets` holds their sets).
- `rules`: who may be offered the case; `score`: whole points per part; `ties`: the order among equals.
- `rank`: the shortlist with `reasons`, and who was left out by which rule; `words` writes figures for people.
- `whatif`: what would make somebody first; `inputs`: the stored form of the inputs and their fingerprint.

A batch over many cases takes its pairs from `check` (eligible rows) and `score` (their totals).
"""

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.grid import grid_metres
from marketplace.matching.engine.inputs import Inputs, dump_inputs, fingerprint, load_inputs
from marketplace.matching.engine.model import (
    ENGINE,
    Accreditation,
    Candidate,
    Case,
    Part,
    Weights,
    monday_of,
    week_of,
)
from marketplace.matching.engine.rank import (
    DEFAULT_WEIGHTS,
    LeftOut,
    Points,
    RankedCandidate,
    Ranking,
    rank,
    why_first,
    why_left_out,
)
from marketplace.matching.engine.refusals import explain
from marketplace.matching.engine.rules import Checked, Facts, Rule, check
from marketplace.matching.engine.score import Scored, score
from marketplace.matching.engine.whatif import Change, ChangeKind, WhatIf, what_would_make_first

__all__ = [
    "DEFAULT_WEIGHTS",
    "ENGINE",
    "Accreditation",
    "Candidate",
    "CandidateTable",
    "Case",
    "Change",
    "ChangeKind",
    "Checked",
    "Facts",
    "Inputs",
    "LeftOut",
    "Part",
    "Points",
    "RankedCandidate",
    "Ranking",
    "Rule",
    "Scored",
    "Weights",
    "WhatIf",
    "check",
    "dump_inputs",
    "explain",
    "fingerprint",
    "grid_metres",
    "load_inputs",
    "monday_of",
    "rank",
    "score",
    "week_of",
    "what_would_make_first",
    "why_first",
    "why_left_out",
]
