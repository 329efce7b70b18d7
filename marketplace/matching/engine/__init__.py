"""The matching engine: arrays in, arrays and plain reasons out. It knows no table, no database and no clock.

A tour, in the order things happen:

- `model`: `Case`, `Candidate`, `Weights`; `grid` turns degrees into metres.
- `candidates`: `CandidateTable`, all candidates as columns (`bitsets` holds their sets); `store` keeps a table for each
  council and follows changes.
- `standing`: how far, how soon, accredited for what; `rules`: who may be offered the case, with `refusals` in words;
  `score`: whole points per part; `ties`: the order among equals.
- `rank`: the shortlist with `reasons`, and who was left out by which rule; `words` writes figures for people.
- `whatif`: what would make somebody first; `lifted`: what would let somebody in; both ask the `field` of a case.
- `inputs`: the stored form of the inputs and their fingerprint, in the one way that `canonical` writes them.

A batch over many cases takes its pairs from `check` (eligible rows) and `score` (their totals).
"""

from marketplace.matching.engine.candidates import CandidateTable
from marketplace.matching.engine.grid import grid_metres
from marketplace.matching.engine.inputs import Inputs, dump_inputs, fingerprint, load_inputs
from marketplace.matching.engine.lifted import Lifted, possible_with_one_change, what_if_lifted
from marketplace.matching.engine.model import (
    BANDS,
    ENGINE,
    WEEK_BANDS,
    WEEKDAYS,
    Accreditation,
    Candidate,
    Case,
    ConflictKind,
    Part,
    Weights,
    band_of,
    monday_of,
    week_of,
)
from marketplace.matching.engine.rank import (
    DEFAULT_WEIGHTS,
    LeftOut,
    Points,
    RankedCandidate,
    Ranking,
    left_out_by,
    rank,
    why_first,
    why_left_out,
)
from marketplace.matching.engine.reasons import Mark, marks
from marketplace.matching.engine.refusals import explain
from marketplace.matching.engine.rules import Checked, Facts, Rule, check, later_rules
from marketplace.matching.engine.score import Scored, score
from marketplace.matching.engine.store import CandidateSource, CandidateStore, Reading, Snapshot, Stamps
from marketplace.matching.engine.whatif import Change, ChangeKind, WhatIf, what_would_make_first

__all__ = [
    "BANDS",
    "DEFAULT_WEIGHTS",
    "ENGINE",
    "WEEKDAYS",
    "WEEK_BANDS",
    "Accreditation",
    "Candidate",
    "CandidateSource",
    "CandidateStore",
    "CandidateTable",
    "Case",
    "Change",
    "ChangeKind",
    "Checked",
    "ConflictKind",
    "Facts",
    "Inputs",
    "LeftOut",
    "Lifted",
    "Mark",
    "Part",
    "Points",
    "RankedCandidate",
    "Ranking",
    "Reading",
    "Rule",
    "Scored",
    "Snapshot",
    "Stamps",
    "Weights",
    "WhatIf",
    "band_of",
    "check",
    "dump_inputs",
    "explain",
    "fingerprint",
    "grid_metres",
    "later_rules",
    "left_out_by",
    "load_inputs",
    "marks",
    "monday_of",
    "possible_with_one_change",
    "rank",
    "score",
    "week_of",
    "what_if_lifted",
    "what_would_make_first",
    "why_first",
    "why_left_out",
]
