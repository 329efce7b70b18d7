"""Loops of the weekly-hours solver: one evaluation of the relaxation, and ruin-and-recreate moves.

Plain functions on arrays without calls to others, so that `engine.compiled` can compile each as it stands and small
instances can run them uncompiled. Random numbers come in as an array: the same moves on every machine.
"""

from math import log

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.solve.instance import Int32s, Int64s

TOUCHED = 512
"""Cases that one move touches at most: 4 candidates with up to 12 removed and 8 added each, and the first."""


def relax(
    start: Int64s,
    weight: Int64s,
    first: Int64s,
    resource: NDArray[np.int32],
    amount: NDArray[np.integer],
    price: NDArray[np.float64],
    load: NDArray[np.float64],
    reduced: NDArray[np.float64],
) -> float:
    """Evaluate the relaxation at `price`: fill `load` and `reduced`, return the sum of the best reduced weights."""
    load[:] = 0.0
    total = 0.0
    for case in range(len(start) - 1):
        best = 0.0
        chosen = -1
        for pair in range(start[case], start[case + 1]):
            value = float(weight[pair])
            for k in range(first[pair], first[pair + 1]):
                value -= price[resource[k]] * amount[k]
            reduced[pair] = value
            if value > best:
                best = value
                chosen = pair
        if chosen >= 0:
            total += best
            for k in range(first[chosen], first[chosen + 1]):
                load[resource[k]] += amount[k]
    return total


def anneal(
    start: Int32s,
    candidate: Int32s,
    use: NDArray[np.integer],
    weight: Int64s,
    keys: NDArray[np.float64],
    desk: Int32s,
    asks: Int32s,
    asking: Int32s,
    tight: NDArray[np.integer],
    group: Int32s,
    zone: Int32s,
    mine: int,
    own: Int32s,
    waits: NDArray[np.int8],
    room: NDArray[np.integer],
    places: Int64s,
    place: Int32s,
    members: Int32s,
    slot: Int32s,
    count: Int32s,
    dice: Int64s,
    heat: float,
    most: int,
    moves: int,
) -> int:
    """Make `moves` ruin-and-recreate moves at temperature `heat`; return the change of the total weight.

    A move takes up to `most` cases from each of one to four candidates that some case could go to, adds cases without
    a place that ask for them and now find room, and puts all back, each to its first pair with room: pairs of a case
    come best first.

    Only cases and candidates of one zone are read for their state or changed: several zones may run at once.

    Args:
        keys: Three orders of putting back, largest first: `keys[order, case]`.
        desk: Cases that may go to candidate `j`: `asks[desk[j]:desk[j + 1]]`.
        asking: The pair of each of `asks`.
        use: What pair `e` takes of the resources of its candidate: `use[e]`, beside `room[j]` of that candidate.
        tight: Of each pair the column that runs short most and what the pair takes of it: most pairs are refused by it.
        group: Of each candidate the group with a cap that it belongs to, -1 for none.
        zone: Of each candidate; `mine` is the one that makes the moves.
        own: Cases of that zone, 1 at least.
        waits: Of each case, 1 for those of the zone that have no place; changed.
        room: What is left of each resource; changed, as are the six below.
        places: How many more cases each group may have.
        place: Pair of each case, -1 for none.
        members: Cases of candidate `j`: `members[desk[j]:desk[j] + count[j]]`, `slot[case]` says where each sits.
        dice: Random numbers in [0, 2^30), a power of two of them, read round and round.
    """
    cases = len(own)
    mask = len(dice) - 1
    roll = 0
    gained = 0
    out = np.empty(TOUCHED, np.int32)
    was = np.empty(TOUCHED, np.int32)
    rank = np.empty(TOUCHED, np.float64)
    width = use.shape[1]
    for _ in range(moves):
        # A quarter of the moves start from somebody without a place, the others anywhere.
        roll += 1
        seed = own[dice[roll & mask] % cases]
        roll += 1
        if dice[roll & mask] & 3 == 0:
            for _try in range(24):
                roll += 1
                other = own[dice[roll & mask] % cases]
                if place[other] < 0 and start[other + 1] > start[other]:
                    seed = other
                    break
        degree = start[seed + 1] - start[seed]
        if degree == 0:
            continue
        size = 0
        change = 0
        if place[seed] < 0:
            out[0] = seed
            was[0] = -1
            size = 1
            waits[seed] = 0
        roll += 1
        for turn in range(1 + dice[roll & mask] % min(4, degree)):
            roll += 1
            owner = candidate[start[seed] + dice[roll & mask] % degree]
            if turn == 0 and place[seed] >= 0:
                owner = candidate[place[seed]]
            if zone[owner] != mine:
                continue
            roll += 1
            for _leave in range(min(1 + dice[roll & mask] % most, count[owner])):
                roll += 1
                at = desk[owner] + dice[roll & mask] % count[owner]
                case = members[at]
                pair = place[case]
                for k in range(width):
                    room[owner, k] += use[pair, k]
                if group[owner] >= 0:
                    places[group[owner]] += 1
                count[owner] -= 1
                last = members[desk[owner] + count[owner]]
                members[at] = last
                slot[last] = at
                place[case] = -1
                change -= weight[pair]
                out[size] = case
                was[size] = pair
                size += 1
            length = desk[owner + 1] - desk[owner]
            roll += 1
            at = desk[owner] + dice[roll & mask] % length
            found = 0
            for _look in range(min(length, 256)):
                if waits[asks[at]] == 1:
                    pair = asking[at]
                    short = tight[pair, 1] > room[owner, tight[pair, 0]]
                    if not short:
                        for k in range(width):
                            short |= use[pair, k] > room[owner, k]
                    if not short:
                        out[size] = asks[at]
                        was[size] = -1
                        waits[asks[at]] = 0
                        size += 1
                        found += 1
                        if found == 8:
                            break
                at += 1
                if at == desk[owner + 1]:
                    at = desk[owner]
        roll += 1
        way = dice[roll & mask] % 5
        for i in range(size):
            roll += 1
            if way < 3:
                rank[i] = keys[way, out[i]]
            else:
                rank[i] = float(dice[roll & mask])
        for i in range(1, size):
            case = out[i]
            pair = was[i]
            value = rank[i]
            k = i - 1
            while k >= 0 and rank[k] < value:
                out[k + 1] = out[k]
                was[k + 1] = was[k]
                rank[k + 1] = rank[k]
                k -= 1
            out[k + 1] = case
            was[k + 1] = pair
            rank[k + 1] = value
        for i in range(size):
            case = out[i]
            waits[case] = 1
            for pair in range(start[case], start[case + 1]):
                owner = candidate[pair]
                if zone[owner] != mine or tight[pair, 1] > room[owner, tight[pair, 0]]:
                    continue
                short = group[owner] >= 0 and places[group[owner]] < 1
                for k in range(width):
                    short |= use[pair, k] > room[owner, k]
                if not short:
                    # One in 64 looks away, so that the same ruins are not always rebuilt alike.
                    roll += 1
                    if dice[roll & mask] & 63 == 0:
                        continue
                    for k in range(width):
                        room[owner, k] -= use[pair, k]
                    if group[owner] >= 0:
                        places[group[owner]] -= 1
                    place[case] = pair
                    waits[case] = 0
                    slot[case] = desk[owner] + count[owner]
                    members[slot[case]] = case
                    count[owner] += 1
                    change += weight[pair]
                    break
        roll += 1
        if change >= 0 or change >= heat * log((dice[roll & mask] + 1) / 1073741824.0):
            gained += change
            continue
        for i in range(size):
            case = out[i]
            pair = place[case]
            if pair >= 0:
                owner = candidate[pair]
                for k in range(width):
                    room[owner, k] += use[pair, k]
                if group[owner] >= 0:
                    places[group[owner]] += 1
                count[owner] -= 1
                last = members[desk[owner] + count[owner]]
                members[slot[case]] = last
                slot[last] = slot[case]
                place[case] = -1
                waits[case] = 1
        for i in range(size):
            case = out[i]
            pair = was[i]
            if pair >= 0:
                waits[case] = 0
                owner = candidate[pair]
                for k in range(width):
                    room[owner, k] -= use[pair, k]
                if group[owner] >= 0:
                    places[group[owner]] -= 1
                place[case] = pair
                slot[case] = desk[owner] + count[owner]
                members[slot[case]] = case
                count[owner] += 1
    return gained
