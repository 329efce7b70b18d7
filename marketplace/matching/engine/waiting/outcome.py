"""What a run over a waiting list is told and what it answers, in a form that can be stored and read again.

Ids, whole numbers and days only. A proposal is for a named person to decide on; nothing here decides.
"""

from typing import Final

import msgspec

FORMAT: Final = "marketplace-waiting/1"
"""Version of the rules of a run; part of every fingerprint."""


class WaitingError(ValueError):
    """The run cannot be made as asked; the message says why in a sentence a broker can act on."""


class Cancelled(Exception):
    """The run was stopped from outside; nothing came of it."""


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """A named person's decision that a case goes to a candidate, in a given week or any within the window.

    `override` lets the pair break rules; a place must still be free.
    """

    case_id: str
    candidate_id: str
    week: int | None = None
    override: bool = False


class Veto(msgspec.Struct, frozen=True, kw_only=True):
    """A named person's decision that this pair must not be proposed."""

    case_id: str
    candidate_id: str


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run is made.

    Attributes:
        k: Candidates per case to start from. It changes the seconds, never the answer.
        weeks: Plan only this many weeks from the first start asked for; None for every window in full.
        share_cap_percent: Share of all placements that an organisation should not exceed. Placing people comes first,
            then the cap, then the score: nobody stays unplaced for it.
        over_cap_points: Points that a placement above the cap costs; None puts the cap before any score.
        fairness_points: Points that a placement costs for each full tenth of its organisation's places in use.
    """

    k: int = 30
    weeks: int | None = None
    share_cap_percent: int | None = None
    over_cap_points: int | None = None
    fairness_points: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 10_000:
            raise ValueError("k must be from 1 to 10,000")
        if self.weeks is not None and self.weeks < 1:
            raise ValueError("weeks must be at least 1")
        if self.share_cap_percent is not None and not 1 <= self.share_cap_percent <= 100:
            raise ValueError("share_cap_percent must be from 1 to 100")
        if not (0 <= self.fairness_points <= 1_000 and 0 <= (self.over_cap_points or 0) <= 100_000):
            raise ValueError("fairness_points must be from 0 to 1,000 and over_cap_points from 0 to 100,000")

    @property
    def is_stepped(self) -> bool:
        """Whether an organisation's places have rising costs."""
        return self.share_cap_percent is not None or self.fairness_points > 0


PLAIN: Final = Options()


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed pair. `total` is that of the one-case ranking for a start on `first_day`."""

    case_id: str
    candidate_id: str
    organisation_id: str
    tier: int
    week: int
    first_day: int
    metres: int
    total: int
    pinned: bool = False


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate's free places in a week: how many there are, how many the run uses, and their price.

    `price` is exactly what one more place there would add to the run's worth (see `Proof`): the lowest prices that
    prove an optimum are its gains by one place.
    """

    candidate_id: str
    week: int
    places: int
    used: int
    price: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that prove the optimum without the solver; `verify` checks them against the inputs.

    A pair is worth `level * step + total - low`, where the level counts tiers from the least urgent (1) up and pinned
    cases have one of their own above all. For no eligible pair may gain of the case + price of the place be less.
    """

    step: int
    low: int
    high: int
    scale: int  # Totals were multiplied by this, so that smaller wishes could be added below the points.
    levels: dict[int, int]  # Tier to level.
    pinned_level: int
    gains: dict[str, int]  # By case, where not 0.
    organisation_prices: dict[str, int] = {}  # Part of a place's price that is its organisation's (steps and caps).


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One solution: on how many arcs, and how many pairs the scan of the full list then added."""

    arcs: int
    added: int
    solve_seconds: float
    scan_seconds: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How work is spread over organisations.

    Utilisation is placements over free places; the Gini coefficient is 0 where all have as much, 100 where one has all.
    """

    organisations: int
    largest_share_percent: float
    gini_percent: float
    lowest_tenth_utilisation_percent: float
    highest_tenth_utilisation_percent: float


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that any way of placing is compared by."""

    cases: int
    placed: int
    placed_by_tier: dict[int, int]
    waiting_by_tier: dict[int, int]
    total_score: int
    mean_score: float
    mean_miles: float
    mean_days: float  # From the start asked for.
    needs_met_percent: float  # Of the needs named in placed cases.
    spread: Spread


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The proposed placements of a whole list, with their proof.

    Attributes:
        placements: In the order of case ids.
        unplaced: Ids of the others, in order; `explain.unplaced_reason` says why.
        bound: No assignment that places as many of each tier has a larger total score.
        eligible_pairs: Pairs that break no rule; all of them took part in the proof.
        over_cap: Placements above the share cap, where there is one.
        fairness_cost: Points that `options.fairness_points` takes off in the objective (not off `total_score`).
        changed: With a re-solve: cases whose placement differs from the proposal before.
    """

    format: str
    fingerprint: str
    weights_version: str
    salt: str
    options: Options
    status: str  # "optimal"
    placements: tuple[Placement, ...]
    unplaced: tuple[str, ...]
    measures: Measures
    bound: int
    eligible_pairs: int
    nodes: tuple[Node, ...]
    proof: Proof
    rounds: tuple[Round, ...]
    seconds: dict[str, float]
    over_cap: int = 0
    fairness_cost: int = 0
    changed: tuple[str, ...] = ()

    @property
    def by_case(self) -> dict[str, Placement]:
        """Placements by case id."""
        return {placement.case_id: placement for placement in self.placements}
