"""Instances for tests, and the best answer by trying everything."""

import json
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from marketplace.matching.engine.solve import FORMAT, Instance, read_instance

Document = dict[str, Any]
Value = tuple[tuple[int, ...], int, int]
"""Placed by tier, most urgent first; total score; less the total of tie costs. Larger is better."""


def document(
    cases: list[tuple[str, int]],
    candidates: list[tuple[Any, ...]],
    pairs: list[tuple[str, str, int, list[int]]],
    **more: Any,
) -> Document:
    """An input in the form of lists: cases (id, tier), candidates (id, capacity, group), pairs."""
    return {
        "format": FORMAT,
        "cases": [{"id": id_, "tier": tier} for id_, tier in cases],
        "candidates": [dict(zip(("id", "capacity", "group"), row, strict=False)) for row in candidates],
        "pairs": [
            {"case": case, "candidate": candidate, "score": score, "uses": uses}
            for case, candidate, score, uses in pairs
        ],
        **more,
    }


def compact(listed: Document) -> Document:
    """The same input with parallel arrays."""
    cases = {case["id"]: at for at, case in enumerate(listed["cases"])}
    candidates = {candidate["id"]: at for at, candidate in enumerate(listed["candidates"])}
    return listed | {
        "pairs": {
            "case": [cases[pair["case"]] for pair in listed["pairs"]],
            "candidate": [candidates[pair["candidate"]] for pair in listed["pairs"]],
            "score": [pair["score"] for pair in listed["pairs"]],
            "uses": [pair["uses"] for pair in listed["pairs"]],
        }
    }


def instance(listed: Document) -> Instance:
    """Read an input."""
    return read_instance(json.dumps(listed).encode())


def shuffled(listed: Document, seed: int) -> Document:
    """The same input with its rows in another order."""
    rng = np.random.default_rng(seed)
    return listed | {
        name: [listed[name][at] for at in rng.permutation(len(listed[name]))]
        for name in ("cases", "candidates", "pairs")
    }


@st.composite
def small_documents(draw: st.DrawFn, *, groups: bool = False) -> Document:
    """Inputs small enough to try everything; ties, several tiers, negative scores and odd capacities are common."""
    case_count, candidate_count = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    tiers = [draw(st.sampled_from([0, 1, 1, 7])) for _ in range(case_count)]
    kind = draw(st.sampled_from(["slots", "zero or one", "same amount", "roomy second"]))
    names = [f"p{at}" for at in range(candidate_count)]
    group = [draw(st.sampled_from([None, "a", "b"])) if groups else None for _ in names]
    capacity = {}
    for name in names:
        slots = draw(st.integers(0, 3))
        capacity[name] = {"same amount": [3 * slots + draw(st.integers(0, 2))], "roomy second": [slots, 99]}.get(
            kind, [slots]
        )
    pairs = []
    for case in range(case_count):
        for name in names:
            if not draw(st.booleans()):
                continue
            uses = {
                "slots": [1],
                "zero or one": [draw(st.integers(0, 1))],
                "same amount": [3],
                "roomy second": [1, draw(st.integers(0, 20))],
            }[kind]
            pairs.append((f"c{case}", name, draw(st.integers(-3, 3)), uses))
    caps = {name: draw(st.integers(0, 3)) for name in ("a", "b") if name in group}
    return document(
        [(f"c{at}", tier) for at, tier in enumerate(tiers)],
        [(name, capacity[name], group[at]) for at, name in enumerate(names)],
        pairs,
        **({"group_caps": caps} if groups else {}),
    )


def value(problem: Instance, assignment: list[int], salt: str = "") -> Value | None:
    """What an assignment is worth in the order of the goal, or None if it is not possible."""
    left = problem.capacity.copy()
    in_groups = dict(problem.group_caps)
    at = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(problem.pair_case, problem.pair_candidate, strict=True))}
    ties = problem.tie_costs(salt)
    placed = dict.fromkeys(sorted(set(problem.tiers.tolist())), 0)
    score = tie = 0
    for case, candidate in enumerate(assignment):
        if candidate < 0:
            continue
        if (case, candidate) not in at:
            return None
        pair = at[case, candidate]
        left[candidate] -= problem.uses[pair]
        group = problem.groups[candidate]
        if group in in_groups:
            in_groups[group] -= 1
        placed[int(problem.tiers[case])] += 1
        score += int(problem.score[pair])
        tie += int(ties[pair])
    if (left < 0).any() or any(cap < 0 for cap in in_groups.values()):
        return None
    return tuple(placed.values()), score, -tie


def possible(problem: Instance) -> list[tuple[Value, list[int]]]:
    """All possible assignments with their values."""
    choices = [
        [-1, *problem.pair_candidate[problem.pair_case == case].tolist()] for case in range(len(problem.case_ids))
    ]
    found = []
    for assignment in product(*choices):
        worth = value(problem, list(assignment))
        if worth is not None:
            found.append((worth, list(assignment)))
    return found
