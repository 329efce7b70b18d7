"""Ties among best answers: the least total of `tie_costs`, found by walking through all best answers.

Prices say what each choice loses against the bound; an answer as good as the best may lose no more than the bound lies
above it, which leaves few branches where the bound is tight. Where they are too many the walk gives up, and the answer
of the solver stands: it follows the canonical order of rows, so it is the same for the same instance all the same.
"""

from marketplace.matching.engine.solve.hours_problem import Problem
from marketplace.matching.engine.solve.hours_relax import FRACTION_BITS, Relaxation
from marketplace.matching.engine.solve.instance import Int64s

MOST_CASES = 200
MOST_STEPS = 60_000
"""A tenth of a second or so in plain Python."""


def least_ties(
    problem: Problem, weight: Int64s, relaxation: Relaxation, chosen: Int64s, tie_cost: Int64s
) -> tuple[Int64s, bool]:
    """Among answers of the same total `weight` as `chosen`, the one with the least total tie cost.

    `weight` must make every answer with the same total as good as `chosen`.

    Returns:
        The pairs chosen, and whether the walk went through all of them.
    """
    if problem.cases > MOST_CASES:
        return chosen, False
    target = int(weight[chosen[chosen >= 0]].sum())
    losses = (relaxation.reduced * (1 << FRACTION_BITS)).round().astype(int).tolist()
    options: list[tuple[int, list[tuple[int, int, int, int]]]] = []
    spare = -(target << FRACTION_BITS)
    ticks = (relaxation.price * (1 << FRACTION_BITS)).round().astype(int)
    spare += int(ticks @ problem.room.astype(int))
    for case in range(problem.cases):
        pairs = range(int(problem.start[case]), int(problem.start[case + 1]))
        if not pairs:
            continue
        best = max(0, *(losses[pair] for pair in pairs)) if len(pairs) > 1 else max(0, losses[pairs[0]])
        spare += best
        ways = [(int(tie_cost[pair]), best - losses[pair], int(weight[pair]), pair) for pair in pairs]
        ways.append((0, best, 0, -1))
        options.append((case, ways))
    options = [(case, sorted(way for way in ways if way[1] <= spare)) for case, ways in options]
    options.sort(key=lambda entry: (len(entry[1]), entry[0]))
    depth = len(options)
    least, most = [0] * (depth + 1), [0] * (depth + 1)
    for at in range(depth - 1, -1, -1):
        ways = options[at][1]
        least[at] = least[at + 1] + min((way[0] for way in ways), default=0)
        most[at] = most[at + 1] + max((way[2] for way in ways), default=0)
    takes = [
        list(zip(problem.resource[a:b].tolist(), problem.amount[a:b].tolist(), strict=True))
        for a, b in zip(problem.first[:-1].tolist(), problem.first[1:].tolist(), strict=True)
    ]
    room = problem.room.tolist()
    best_cost = int(tie_cost[chosen[chosen >= 0]].sum())
    best_answer: list[int] | None = None
    picked = [-1] * depth
    steps = 0

    def walk(at: int, cost: int, total: int, lost: int) -> None:
        nonlocal steps, best_cost, best_answer
        steps += 1
        if steps > MOST_STEPS:
            return
        if at == depth:
            if total == target and cost < best_cost:
                best_cost, best_answer = cost, picked.copy()
            return
        if cost + least[at] >= best_cost or total + most[at] < target:
            return
        for tie, loss, value, pair in options[at][1]:
            if lost + loss > spare:
                continue
            if pair >= 0:
                if any(amount > room[resource] for resource, amount in takes[pair]):
                    continue
                for resource, amount in takes[pair]:
                    room[resource] -= amount
            picked[at] = pair
            walk(at + 1, cost + tie, total + value, lost + loss)
            if pair >= 0:
                for resource, amount in takes[pair]:
                    room[resource] += amount

    walk(0, 0, 0, 0)
    if steps > MOST_STEPS:
        return chosen, False
    if best_answer is not None:
        chosen = chosen.copy()
        for (case, _), pair in zip(options, best_answer, strict=True):
            chosen[case] = pair
    return chosen, True
