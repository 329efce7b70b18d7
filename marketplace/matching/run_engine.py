"""What a run over the waiting list tells the engine, and what comes back: the only place that knows the engine's run.

`pack` writes the inputs that are stored with the run; `work_out` answers from these bytes alone, so that a run can be
repeated for ever, in any process and on any machine. Nothing here knows a table.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from marketplace.matching.engine import Candidate, Case, Weights

FORMAT: Final = "marketplace-run/1"
PRACTICES: Final = ("rotation", "nearest", "best_first")
"""Today's ways of handing out work that a proposal is compared with."""
_MOST_STEPS: Final = 1_000

_encoder = msgspec.json.Encoder(order="sorted")


class RunRefused(Exception):
    """The run cannot be made as asked."""


class Progress(msgspec.Struct, frozen=True):
    """How far a run is: what it does, and how much of the whole is done."""

    stage: str
    done: int
    total: int = _MOST_STEPS


class Fixed(msgspec.Struct, frozen=True):
    """A case and a candidate that a named person put together, or kept apart."""

    case_id: str
    candidate_id: str


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a run is made."""

    weeks: int | None = None
    share_cap_percent: int | None = None
    fairness_points: int = 0
    reserve_percent: int = 0
    """Share of the free places of each week that is kept for people in crisis."""


class RunInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run depends on."""

    format: str
    cases: tuple[Case, ...]
    candidates: tuple[Candidate, ...]
    weights: Weights
    salt: str
    options: RunOptions
    arrival: tuple[str, ...]
    """Case ids in the order in which they came: today's ways follow it."""
    pins: tuple[Fixed, ...] = ()
    vetoes: tuple[Fixed, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Points of one part of a line, with the reason."""

    part: str
    points: int
    maximum: int
    reason: str


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed for one case. Without a candidate, `code` and `why` say why nobody can take it."""

    case_id: str
    tier: int
    candidate_id: str | None = None
    first_day: int | None = None
    total: int | None = None
    maximum: int | None = None
    own_rank: int | None = None
    eligible: int = 0
    metres: int | None = None
    is_pinned: bool = False
    parts: tuple[Part, ...] = ()
    code: str = ""
    why: str = ""
    """Why not the first of its own ranking, or why nobody."""


class Practice(msgspec.Struct, frozen=True, kw_only=True):
    """The figures by which a way of handing out a list is judged."""

    placed: int
    placed_by_tier: tuple[int, int, int]
    waiting: int
    mean_metres: int
    needs_met_percent: float
    total: int
    mean_fit: float
    largest_share_percent: float
    organisations: int
    """How many get at least one person."""
    mean_days: float


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says about itself."""

    cases_by_tier: tuple[int, int, int]
    candidates: int
    free_places: int
    held_back: int
    """Places kept for people in crisis."""
    eligible_pairs: int
    bound: int
    total: int
    seconds: float
    cap_cost_points: int | None
    """Points that the cap on one organisation's share costs; None without a cap."""
    over_cap: int
    practices: dict[str, Practice]
    """By name, "proposal" for the run's own."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer of a run."""

    is_optimal: bool
    lines: tuple[RunLine, ...]
    """The most urgent first, then by fit, then by id."""
    figures: RunFigures
    certificate: bytes
    inputs_fingerprint: str
    result_fingerprint: str


Note = Callable[[Progress], None]


def pack(
    cases: Iterable[Case],
    candidates: Iterable[Candidate],
    weights: Weights,
    *,
    salt: str,
    options: RunOptions,
    pins: Sequence[Fixed] = (),
    vetoes: Sequence[Fixed] = (),
) -> bytes:
    """Write the inputs of a run in one canonical, compressed form. Cases come in the order of their arrival.

    That order is kept for the comparison with today's ways; otherwise the order of rows plays no part.
    """
    listed = tuple(cases)
    inputs = RunInputs(
        format=FORMAT,
        cases=tuple(sorted(listed, key=lambda case: case.id)),
        candidates=tuple(sorted(candidates, key=lambda candidate: candidate.id)),
        weights=weights,
        salt=salt,
        options=options,
        arrival=tuple(case.id for case in listed),
        pins=tuple(sorted(pins, key=lambda pin: (pin.case_id, pin.candidate_id))),
        vetoes=tuple(sorted(vetoes, key=lambda veto: (veto.case_id, veto.candidate_id))),
    )
    return zlib.compress(_encoder.encode(inputs), 6)


def unpack(inputs: bytes) -> RunInputs:
    """Read what `pack` wrote.

    Raises:
        RunRefused: Another version wrote it, or it is damaged.
    """
    try:
        found = msgspec.json.decode(zlib.decompress(inputs), type=RunInputs)
    except (zlib.error, msgspec.MsgspecError, ValueError) as error:
        raise RunRefused("The stored inputs cannot be read by this version of the platform.") from error
    if found.format != FORMAT:
        raise RunRefused("The stored inputs were written by another version of the platform.")
    return found


def read_answer(answer: bytes) -> Answer:
    """Read what `work_out` answered."""
    return msgspec.json.decode(answer, type=Answer)


def work_out(inputs: bytes, note: Note) -> bytes:
    """Work a run out. Heavy: it is called in a process of its own.

    Args:
        inputs: What `pack` wrote.
        note: Told how far it is.

    Returns:
        An `Answer`, for `read_answer`.

    Raises:
        RunRefused: It cannot be done as asked; the words are for people.
    """
    from marketplace.matching.run_solving import solve  # Imports the solvers, which web processes never need.

    return msgspec.json.encode(solve(unpack(inputs), note))
