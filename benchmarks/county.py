"""A seeded county with clustered towns: cases, planners and weights for every benchmark of the matching engine.

    from benchmarks.county import county
    made = county(cases=10_000, planners=2_000, seed=1, load=1.2)

The shape: 70 by 55 km, 14 towns by Zipf's law, a fifth of the people in the country between them, 8 services, three
councils, a few large organisations and many small ones, radii of 8 to 40 km. Of the cases 12 % ask for a worker's
gender, 4 % need a language, 5 % meet a conflict of interest, 3 % exclude an organisation and 5 % name a planner.

Two calls with equal arguments give equal counties. Nothing here is about a real person or a real place.
"""

from functools import cached_property
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine import Accreditation, Candidate, CandidateTable, Case, Weights, monday_of, week_of

WIDTH_METRES, HEIGHT_METRES = 70_000, 55_000
TOWNS, COUNCILS, WEEKS = 14, 3, 6
SERVICES: Final = (
    "support-planning", "advocacy", "home-care", "respite", "day-support", "reablement", "night-care", "transport",
)  # fmt: skip
NEEDS: Final = (
    "dementia", "learning", "autism", "physical", "mental-health", "sight", "hearing", "brain-injury", "stroke",
    "long-term", "substance", "carer",
)  # fmt: skip
INTERESTS: Final = (
    "football", "gardening", "choir", "chess", "walking", "knitting", "fishing", "films", "cooking", "painting",
    "history", "dogs", "cricket", "dance", "trains", "reading", "cycling", "radio", "bingo", "swimming",
)  # fmt: skip
LANGUAGES: Final = ("ur", "pl", "gu", "pa", "bn", "ro", "bsl", "ar")
START_DAY: Final = monday_of(week_of(739_680))
"""Monday on which every case can start."""

_SERVICE_SHARES = np.array([0.40, 0.14, 0.12, 0.10, 0.08, 0.07, 0.05, 0.04])
_RADII_METRES = np.array([8_000, 12_000, 16_000, 20_000, 25_000, 30_000, 40_000])
_RADIUS_SHARES = np.array([0.10, 0.16, 0.20, 0.20, 0.16, 0.12, 0.06])
_EAST, _NORTH = 330_000, 400_000
_ACCREDITED_FROM = START_DAY - 300


class County(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a benchmark works on. `table` is built when it is first asked for."""

    cases: tuple[Case, ...]
    candidates: tuple[Candidate, ...]
    weights: Weights
    week_capacity: NDArray[np.int64]
    """Free places of each candidate in the first week; their sum is the cases over the load."""

    @cached_property
    def table(self) -> CandidateTable:
        """The candidates as columns."""
        return CandidateTable.from_candidates(self.candidates)


class _Places(msgspec.Struct, frozen=True):
    """Where people live: metres on the grid, the number of the town (`TOWNS` for the country) and the council."""

    x_metres: NDArray[np.int64]
    y_metres: NDArray[np.int64]
    town: NDArray[np.int64]
    council: NDArray[np.int64]


class _Towns(msgspec.Struct, frozen=True):
    x_metres: NDArray[np.float64]
    y_metres: NDArray[np.float64]
    shares: NDArray[np.float64]
    spread_metres: NDArray[np.float64]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "_Towns":
        shares = 1.0 / np.arange(1, TOWNS + 1)
        x, y = rng.uniform(0.06, 0.94, TOWNS) * WIDTH_METRES, rng.uniform(0.06, 0.94, TOWNS) * HEIGHT_METRES
        return cls(x, y, shares / shares.sum(), 1_200 + 3_800 * np.sqrt(shares))

    def places(self, rng: np.random.Generator, size: int, rural: float, counties: int) -> _Places:
        town = rng.choice(TOWNS, size, p=self.shares)
        in_country = rng.random(size) < rural
        x = np.where(in_country, rng.uniform(0, WIDTH_METRES, size), rng.normal(self.x_metres[town], self._of(town)))
        y = np.where(in_country, rng.uniform(0, HEIGHT_METRES, size), rng.normal(self.y_metres[town], self._of(town)))
        x, y = np.clip(x, 0, WIDTH_METRES).astype(np.int64), np.clip(y, 0, HEIGHT_METRES).astype(np.int64)
        council = np.minimum(COUNCILS - 1, x * COUNCILS // WIDTH_METRES)
        which = rng.integers(0, counties, size)
        # Counties lie in rows of five.
        return _Places(
            _EAST + x + which % 5 * WIDTH_METRES,
            _NORTH + y + which // 5 * HEIGHT_METRES,
            np.where(in_country, TOWNS, town),
            council + which * COUNCILS,
        )

    def _of(self, town: NDArray[np.int64]) -> NDArray[np.float64]:
        spread: NDArray[np.float64] = self.spread_metres[town]
        return spread


def county(
    cases: int, planners: int, seed: int, load: float = 1.2, *, counties: int = 1, window_days: int = 28
) -> County:
    """Draw a county, or several side by side.

    Args:
        cases: Open cases, 0 or more.
        planners: Planners over all counties, 1 or more.
        seed: Equal seeds give equal counties.
        load: Cases for each place that is free in the first week: 1.2 is short, 0.9 slack. A planner has between 1 and
            10 places a week; where that forbids the load, as with one case and many planners, it is not met.
        counties: Counties side by side, each with three councils of its own.
        window_days: Days from `START_DAY` on in which a case must start.
    """
    towns = _Towns.drawn(np.random.default_rng((seed, 0)))
    bodies = _bodies(planners)
    at = towns.places(np.random.default_rng((seed, 1)), planners, 0.12, counties)
    capacity = _capacity(np.random.default_rng((seed, 2)), planners, cases / load)
    services = _services(np.random.default_rng((seed, 3)), planners)
    candidates = _candidates(np.random.default_rng((seed, 4)), at, capacity, services, bodies)
    case_at = towns.places(np.random.default_rng((seed, 5)), cases, 0.20, counties)
    drawn = _cases(np.random.default_rng((seed, 6)), case_at, candidates, at, services, window_days)
    return County(cases=tuple(drawn), candidates=tuple(candidates), weights=Weights(), week_capacity=capacity)


def _bodies(planners: int) -> NDArray[np.float64]:
    """Shares of the organisations: the largest has about two fifths."""
    shares = np.arange(1, max(4, planners // 40) + 1, dtype=np.float64) ** -1.5
    whole: NDArray[np.float64] = shares / float(shares.sum())
    return whole


def _capacity(rng: np.random.Generator, planners: int, places: float) -> NDArray[np.int64]:
    """Places in the first week: a full-time planner has five, part-timers fewer, scaled to the sum asked for."""
    full_time = rng.choice([5, 4, 3, 2, 1], planners, p=[0.62, 0.14, 0.12, 0.08, 0.04]).astype(np.float64)
    wanted = round(min(max(places, planners), 10 * planners))
    scaled = full_time * wanted / full_time.sum()
    capacity: NDArray[np.int64] = np.clip(np.floor(scaled), 1, 10).astype(np.int64)
    order = np.argsort(-(scaled - capacity), kind="stable")
    while (missing := wanted - int(capacity.sum())) != 0:
        step = 1 if missing > 0 else -1
        able = order[(capacity[order] + step >= 1) & (capacity[order] + step <= 10)]
        if step < 0:
            able = able[::-1]
        capacity[able[: abs(missing)]] += step
    return capacity


def _services(rng: np.random.Generator, planners: int) -> NDArray[np.bool_]:
    """`[planner, service]`: one to four services each; the common ones are offered by more."""
    chances = np.array([0.62, 0.42, 0.36, 0.32, 0.28, 0.26, 0.22, 0.20])
    offered: NDArray[np.bool_] = rng.random((planners, len(SERVICES))) < chances
    offered[np.arange(planners), rng.choice(len(SERVICES), planners, p=_SERVICE_SHARES)] = True
    return offered


def _candidates(
    rng: np.random.Generator,
    at: _Places,
    capacity: NDArray[np.int64],
    services: NDArray[np.bool_],
    bodies: NDArray[np.float64],
) -> list[Candidate]:
    size = len(at.town)
    first_council = at.council // COUNCILS * COUNCILS
    beyond = rng.random((size, COUNCILS)) < 0.45
    beyond[np.arange(size), at.council - first_council] = True
    organisation = rng.choice(len(bodies), size, p=bodies)
    parties = [frozenset({f"org-{number}"}) for number in range(len(bodies))]
    gender = rng.choice(3, size, p=[0.70, 0.27, 0.03])
    languages = _Sets(rng, LANGUAGES, size, least=0, most=2, skew=2.6)
    specialisms = _Sets(rng, NEEDS, size, least=1, most=5, skew=1.0)
    interests = _Sets(rng, INTERESTS, size, least=0, most=6, skew=1.0)
    leave = np.where(rng.random(size) < 0.08, rng.integers(1, 21, size), 0)
    weeks = np.vstack([capacity, rng.binomial(capacity, 0.85, (WEEKS - 1, size))]).T
    rated = rng.random(size) < 0.8
    accredited: dict[tuple[bytes, bytes, int], tuple[Accreditation, ...]] = {}
    columns = zip(
        at.x_metres.tolist(),
        at.y_metres.tolist(),
        rng.choice(_RADII_METRES, size, p=_RADIUS_SHARES).tolist(),
        organisation.tolist(),
        gender.tolist(),
        (START_DAY + leave).tolist(),
        weeks.tolist(),
        rng.integers(0, 16, size).tolist(),
        np.where(rated, np.clip(rng.normal(76, 12, size), 0, 100).astype(np.int64), -1).tolist(),
        rng.integers(1, 40, size).tolist(),
        rng.choice([7_500, 8_000, 8_500, 9_000, 9_500, 10_000], size).tolist(),
        services,
        beyond,
        first_council.tolist(),
        strict=True,
    )
    listed = []
    for row, (
        x,
        y,
        radius,
        body,
        sex,
        free,
        places,
        open_cases,
        rating,
        count,
        tariff,
        offered,
        near,
        base,
    ) in enumerate(columns):
        key = (offered.tobytes(), near.tobytes(), base)
        if key not in accredited:
            accredited[key] = tuple(
                Accreditation(service=SERVICES[service], council=f"council-{base + council}", from_day=_ACCREDITED_FROM)
                for council in np.flatnonzero(near).tolist()
                for service in np.flatnonzero(offered).tolist()
            )
        listed.append(
            Candidate(
                id=f"planner-{row:06}",
                organisation_id=f"org-{body}",
                x_metres=x,
                y_metres=y,
                radius_metres=radius,
                accreditations=accredited[key],
                gender=("female", "male", None)[sex],
                languages=languages[row],
                specialisms=specialisms[row],
                interests=interests[row],
                conflicts=parties[body],
                first_free_day=free,
                places_from_week=week_of(START_DAY),
                free_places_by_week=tuple(places),
                week_capacity=places[0],
                open_cases=open_cases,
                rating=rating if rating >= 0 else None,
                rating_count=count if rating >= 0 else 0,
                tariff_pence=tariff,
            )
        )
    return listed


def _cases(
    rng: np.random.Generator,
    at: _Places,
    candidates: list[Candidate],
    planners_at: _Places,
    services: NDArray[np.bool_],
    window_days: int,
) -> list[Case]:
    size = len(at.town)
    service = rng.choice(len(SERVICES), size, p=_SERVICE_SHARES)
    gender = rng.choice(3, size, p=[0.09, 0.03, 0.88])
    essential = np.where(rng.random(size) < 0.04, rng.integers(0, 4, size), -1)
    wished = np.where(rng.random(size) < 0.10, rng.integers(0, len(LANGUAGES), size), -1)
    bodies = [candidate.organisation_id for candidate in candidates]
    conflict = np.where(rng.random(size) < 0.05, rng.integers(0, len(bodies), size), -1)
    excluded = np.where(rng.random(size) < 0.03, rng.integers(0, len(bodies), size), -1)
    chooses, known = rng.random(size) < 0.05, rng.random(size) < 0.10
    needs = _Sets(rng, NEEDS, size, least=1, most=3, skew=1.0)
    interests = _Sets(rng, INTERESTS, size, least=0, most=5, skew=1.0)
    budget = rng.integers(90, 240, size) * 100
    tier = rng.choice(3, size, p=[0.083, 0.25, 0.667])
    draws = rng.random(size)
    drawn = []
    for row in range(size):
        near = -1
        if chooses[row] or known[row]:
            near = _somebody_near(row, at, planners_at, services[:, service[row]], draws[row])
        worker = candidates[near].id if near >= 0 else None
        drawn.append(
            Case(
                id=f"case-{row:06}",
                service=SERVICES[service[row]],
                council=f"council-{at.council[row]}",
                start_day=START_DAY,
                x_metres=int(at.x_metres[row]),
                y_metres=int(at.y_metres[row]),
                window_days=window_days,
                required_gender=("female", "male", None)[gender[row]],
                essential_languages=frozenset({LANGUAGES[essential[row]]}) if essential[row] >= 0 else frozenset(),
                party_ids=frozenset({bodies[conflict[row]]}) if conflict[row] >= 0 else frozenset(),
                excluded_organisation_ids=frozenset({bodies[excluded[row]]}) if excluded[row] >= 0 else frozenset(),
                chosen_worker_id=worker if chooses[row] else None,
                wished_languages=frozenset({LANGUAGES[wished[row]]}) if wished[row] >= 0 else frozenset(),
                needs=needs[row],
                interests=interests[row],
                previous_worker_id=worker if known[row] else None,
                budget_pence=int(budget[row]),
                urgency_tier=int(tier[row]),
            )
        )
    return drawn


def _somebody_near(row: int, at: _Places, planners_at: _Places, offers_it: NDArray[np.bool_], draw: float) -> int:
    """Row of a planner of the same council and service among the 20 nearest; -1 where there is none."""
    able = np.flatnonzero(offers_it & (planners_at.council == at.council[row]))
    if not len(able):
        return -1
    metres = np.hypot(planners_at.x_metres[able] - at.x_metres[row], planners_at.y_metres[able] - at.y_metres[row])
    nearest = able[np.argsort(metres, kind="stable")[:20]]
    return int(nearest[int(draw * len(nearest))])


class _Sets:
    """Random sets of codes, a row each; equal sets are one object, so that 200,000 of them stay small."""

    def __init__(
        self, rng: np.random.Generator, codes: tuple[str, ...], size: int, *, least: int, most: int, skew: float
    ) -> None:
        counts = np.minimum(most, least + ((most - least + 1) * rng.random(size) ** skew).astype(np.int64))
        order = np.argpartition(rng.random((size, len(codes))), most - 1, axis=1)[:, :most]
        taken = np.where(np.arange(most) < counts[:, None], 1 << order, 0).sum(axis=1)
        self._known = {
            int(bits): frozenset(code for bit, code in enumerate(codes) if int(bits) >> bit & 1)
            for bits in np.unique(taken)
        }
        self._bits: list[int] = taken.tolist()

    def __getitem__(self, row: int) -> frozenset[str]:
        return self._known[self._bits[row]]
