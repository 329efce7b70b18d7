"""A seeded county of weekly care packages and providers, and generalised-assignment instances by the published recipes.

Towns are clustered: few large ones, many small ones, a fifth of the people live between them. A package is a set of
visits on the days of a week in five parts of the day; the travel of a pair is added to each of its visits, so what a
package takes differs from provider to provider. All numbers are whole; one seed gives one instance.

Sources: matching.md 3.4 and 7; Chu and Beasley, Computers & OR 24 (1997), for types A to D; Yagiura, Ibaraki and
Glover, INFORMS Journal on Computing 16 (2004), for type E; Osman, OR Spektrum 17 (1995), for the sixty small ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAYS, BANDS = 7, 5
"""Bands of a day: morning, midday, afternoon, evening, night. Capacity number `day * 5 + band`, in quarter hours."""
TIER_SHARES = (0.08, 0.22, 0.70)
"""Crisis, urgent, standard."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """One instance as parallel arrays, pairs sorted by case, then candidate."""

    tiers: Ints  # per case
    capacity: Ints  # candidates x capacities
    pair_case: Ints
    pair_candidate: Ints
    score: Ints
    uses: Ints  # pairs x capacities
    least_cost: int = 0  # Where scores were made from costs: cost = largest score + least_cost - score.

    def document(self) -> dict[str, object]:
        """The instance in the compact form of marketplace-match/1."""
        return {
            "format": "marketplace-match/1",
            "cases": [{"id": f"c{i:06d}", "tier": int(tier)} for i, tier in enumerate(self.tiers)],
            "candidates": [{"id": f"p{j:05d}", "capacity": row} for j, row in enumerate(self.capacity.tolist())],
            "pairs": {
                "case": self.pair_case.tolist(),
                "candidate": self.pair_candidate.tolist(),
                "score": self.score.tolist(),
                "uses": self.uses.tolist(),
            },
        }


def weekly_hours(cases: int, providers: int, seed: int, most_pairs: int = 20) -> Rows:
    """Draw a county of `cases` packages and `providers`; a package keeps its `most_pairs` best pairs by score.

    Mornings are short, as they are in life: about one package in twenty cannot be placed.
    """
    draw = np.random.default_rng([seed, cases, providers])
    towns = np.column_stack([draw.uniform(4, 66, 14), draw.uniform(4, 51, 14)])
    weight = 1 / np.arange(1, 15)
    homes = _places(draw, towns, weight, cases, rural=0.2)
    bases = _places(draw, towns, weight, providers, rural=0.08)
    tiers = draw.choice(3, size=cases, p=TIER_SHARES).astype(np.int64)
    visits = _packages(draw, cases)
    case_of, provider_of, km = _in_reach(draw, homes, bases)
    size = draw.lognormal(0.0, 0.6, providers)
    needs = draw.integers(0, 5, cases)
    skilled = draw.random((providers, 5)) < 0.35
    interests = draw.random((cases, 12)) < 0.25
    shared = np.minimum(3, interests[case_of].astype(np.int64) @ (draw.random((12,)) < 0.6).astype(np.int64))
    rating = draw.uniform(0.4, 1.0, providers)
    score = (
        np.floor(250 * np.maximum(0, 1 - km / 40))
        + np.where(skilled[provider_of, needs[case_of]], 200, 0)
        + 40 * np.minimum(shared, draw.integers(0, 4, len(km)))
        + np.where(draw.random(len(km)) < 0.03, 150, 0)
        + np.floor(100 * rating[provider_of])
        + draw.integers(0, 61, len(km))
    ).astype(np.int64)
    kept = _best_of_each(case_of, provider_of, score, most_pairs)
    case_of, provider_of, km, score = case_of[kept], provider_of[kept], km[kept], score[kept]
    travel = np.minimum(3, np.floor(km * 1.3 * 1.6 / 15 + 0.35)).astype(np.int64)
    uses = visits[case_of]
    uses = uses + (uses > 0) * travel[:, None]
    wanted = np.zeros(DAYS * BANDS)
    np.add.at(wanted, np.arange(DAYS * BANDS), visits.sum(axis=0) + (visits > 0).sum(axis=0) * 0.45)
    # Evenings and middays have room to spare, mornings do not.
    room = np.tile([1.08, 1.42, 1.55, 1.36, 1.2], DAYS)
    share = size / size.sum()
    noise = np.tile(draw.uniform(0.85, 1.15, (providers, BANDS)), DAYS) * draw.uniform(
        0.96, 1.04, (providers, DAYS * BANDS)
    )
    capacity = np.floor(share[:, None] * wanted[None, :] * room[None, :] * noise + 0.5).astype(np.int64)
    return Rows(tiers, capacity, case_of, provider_of, score, uses)


def _places(
    draw: np.random.Generator, towns: NDArray[np.float64], weight: NDArray[np.float64], count: int, rural: float
) -> NDArray[np.float64]:
    town = draw.choice(len(towns), size=count, p=weight / weight.sum())
    places = towns[town] + draw.normal(0, 2.2, (count, 2))
    lone = draw.random(count) < rural
    places[lone] = np.column_stack([draw.uniform(0, 70, lone.sum()), draw.uniform(0, 55, lone.sum())])
    return places


def _packages(draw: np.random.Generator, cases: int) -> Ints:
    """Quarter hours by day and band: daily care with one to four visits, weekday care, or a few visits a week."""
    likely = np.array([0.9, 0.42, 0.4, 0.62, 0.03])
    used = draw.random((cases, BANDS)) < likely
    used[~used.any(axis=1), 0] = True
    length = np.column_stack([draw.integers(2, 5, cases), draw.integers(2, 4, cases), draw.integers(2, 4, cases),
                              draw.integers(1, 4, cases), draw.integers(8, 33, cases)])  # fmt: skip
    kind = draw.choice(3, size=cases, p=[0.62, 0.2, 0.18])
    days = np.ones((cases, DAYS), dtype=bool)
    days[kind == 1, 5:] = False
    few = np.flatnonzero(kind == 2)
    days[few] = draw.random((len(few), DAYS)) < 0.4
    days[few[~days[few].any(axis=1)], 2] = True
    return (days[:, :, None] * (used * length)[:, None, :]).reshape(cases, DAYS * BANDS).astype(np.int64)


def _in_reach(
    draw: np.random.Generator, homes: NDArray[np.float64], bases: NDArray[np.float64]
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Pairs within the provider's radius whose other rules hold (kind of service, worker, language: one in two)."""
    radius = draw.uniform(5, 24, len(bases))
    cases, providers, distances = [], [], []
    for start in range(0, len(homes), 2_000):
        block = homes[start : start + 2_000]
        km = np.hypot(block[:, None, 0] - bases[None, :, 0], block[:, None, 1] - bases[None, :, 1])
        case, provider = np.nonzero((km <= radius[None, :]) & (draw.random(km.shape) < 0.5))
        cases.append(case + start)
        providers.append(provider)
        distances.append(km[case, provider])
    return (
        np.concatenate(cases).astype(np.int64),
        np.concatenate(providers).astype(np.int64),
        np.concatenate(distances),
    )


def _best_of_each(case: Ints, provider: Ints, score: Ints, most: int) -> Ints:
    order = np.argsort((case << 40) + ((4_095 - score) << 20) + provider)
    rank = np.arange(len(order)) - np.searchsorted(case, case[order], side="left")
    kept: Ints = np.sort(order[rank < most])
    return kept


def classical(kind: str, agents: int, jobs: int, seed: int) -> Rows:
    """Draw a generalised-assignment instance: type `small` (the sixty of Osman) or `A` to `E`; one tier.

    `small` maximises a profit from 15 to 25; the others minimise a cost, given here as score = largest cost - cost.
    """
    draw = np.random.default_rng([seed, agents, jobs, ord(kind[0])])
    shape = (agents, jobs)
    largest, cost = 0, np.zeros(shape, np.int64)
    if kind == "small":
        takes, worth = draw.integers(5, 26, shape), draw.integers(15, 26, shape)
    else:
        if kind == "E":
            takes = np.floor(1 - 10 * np.log(1 - draw.random(shape))).astype(np.int64)
            cost = np.floor(1000 / takes - 10 * draw.random(shape)).astype(np.int64)
        elif kind == "D":
            takes = draw.integers(1, 101, shape)
            cost = 111 - takes + draw.integers(-10, 11, shape)
        else:
            takes, cost = draw.integers(5, 26, shape), draw.integers(10, 51, shape)
        largest = int(cost.max())
        worth = largest - cost
    if kind in "AB":
        cheapest = np.argmin(largest - worth, axis=0)
        load = np.bincount(cheapest, weights=takes[cheapest, np.arange(jobs)], minlength=agents).max()
        room = np.full(agents, (9 * jobs // agents + 0.4 * load) * (1.0 if kind == "A" else 0.7))
    else:
        room = 0.8 * takes.sum(axis=1) / agents
    return Rows(
        tiers=np.zeros(jobs, dtype=np.int64),
        capacity=np.floor(room).astype(np.int64)[:, None],
        pair_case=np.repeat(np.arange(jobs, dtype=np.int64), agents),
        pair_candidate=np.tile(np.arange(agents, dtype=np.int64), jobs),
        score=worth.T.reshape(-1).astype(np.int64),
        uses=takes.T.reshape(-1, 1).astype(np.int64),
        least_cost=0 if kind == "small" else int(cost.min()),
    )
