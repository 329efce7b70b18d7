"""The best assignment of a tiny list by trying everything: from the definitions, over the one-pair oracle."""

import hashlib
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from marketplace.matching.engine import Candidate, Case, Weights
from tests.matching.engine import oracle
from tests.matching.engine.makers import random_candidates, random_case

Key = tuple[Any, ...]
Assignment = dict[str, tuple[str, int]]


def week_options(
    case: Case, candidate: Candidate, weights: Weights, everybody: list[Candidate] | None = None
) -> dict[int, tuple[int, int]]:
    """Weeks in which the pair can start, with the first day and the total; weights of spread ask for everybody."""
    if oracle.broken_rules(case, candidate):
        return {}
    options = {}
    for index, places in enumerate(candidate.free_places_by_week):
        alone = tuple(places if place == index else 0 for place in range(index + 1))
        in_week = msgspec.structs.replace(candidate, free_places_by_week=alone)
        if places and not oracle.broken_rules(case, in_week):
            day = oracle.start_day(case, in_week)
            assert day is not None
            options[candidate.places_from_week + index] = (
                day,
                sum(oracle.points(case, in_week, weights, everybody or [candidate]).values()),
            )
    return options


def tie_cost(salt: str, case_id: str, candidate_id: str, week: int) -> int:
    def hashed(text: str) -> int:
        return int(hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest(), 16)

    def mixed(z: int) -> int:
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z // 2**30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z // 2**27) * 0x94D049BB133111EB % 2**64
        return z ^ z // 2**31

    seed = mixed(mixed(hashed(salt)) ^ hashed(case_id))
    return mixed(seed ^ hashed(candidate_id) ^ mixed(week)) >> 24


def best(
    cases: list[Case],
    candidates: list[Candidate],
    weights: Weights,
    salt: str,
    banned: set[tuple[str, str]] = frozenset(),
) -> tuple[Assignment, Key]:
    """The one best assignment and its key: placed by tier from the most urgent, total, tie cost below zero."""
    tiers = sorted({case.urgency_tier for case in cases})
    room = {(c.id, c.places_from_week + k): p for c in candidates for k, p in enumerate(c.free_places_by_week)}
    choices = [
        [
            (candidate.id, week, total, tie_cost(salt, case.id, candidate.id, week))
            for candidate in candidates
            if (case.id, candidate.id) not in banned
            for week, (_, total) in week_options(case, candidate, weights, candidates).items()
        ]
        for case in cases
    ]

    def tries(index: int) -> Iterator[tuple[Assignment, dict[int, int], int, int]]:
        if index == len(cases):
            yield {}, dict.fromkeys(tiers, 0), 0, 0
            return
        case = cases[index]
        for placed, counts, total, ties in tries(index + 1):
            yield placed, counts, total, ties
            for candidate_id, week, points, tie in choices[index]:
                if sum(spot == (candidate_id, week) for spot in placed.values()) < room[candidate_id, week]:
                    more = counts | {case.urgency_tier: counts[case.urgency_tier] + 1}
                    yield placed | {case.id: (candidate_id, week)}, more, total + points, ties + tie

    def key(found: tuple[Assignment, dict[int, int], int, int]) -> Key:
        return *(found[1][tier] for tier in tiers), found[2], -found[3]

    winner = max(tries(0), key=key)
    return winner[0], key(winner)


def tiny_list(seed: int, most_cases: int = 4, most_candidates: int = 3) -> tuple[list[Case], list[Candidate]]:
    """A list small enough to try everything, with few places, so that cases compete."""
    rng = Random(seed)
    size = rng.randrange(1, most_cases + 1)
    candidates = [
        msgspec.structs.replace(
            candidate, free_places_by_week=tuple(min(places, 1) for places in candidate.free_places_by_week[:4])
        )
        for candidate in random_candidates(seed, rng.randrange(1, most_candidates + 1))
    ]
    cases = [
        msgspec.structs.replace(random_case(seed * 31 + number), id=f"case-{number}", urgency_tier=rng.randrange(3))
        for number in range(size)
    ]
    return cases, candidates


def town(seed: int, cases: int, candidates: int, places: int = 2) -> tuple[list[Case], list[Candidate]]:
    """A list of some size, from the crowded little county of `makers`."""
    rng = Random(seed)
    listed = [
        msgspec.structs.replace(
            candidate,
            free_places_by_week=tuple(min(free, rng.randrange(places + 1)) for free in candidate.free_places_by_week),
        )
        for candidate in random_candidates(seed, candidates)
    ]
    waiting = [
        msgspec.structs.replace(random_case(seed * 977 + number), id=f"case-{number:03}", urgency_tier=rng.randrange(3))
        for number in range(cases)
    ]
    return waiting, listed
