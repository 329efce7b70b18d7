"""The compiled searches of `arrivals`: the shortest chain of moves that takes a case in, or fills a place.

Tables (rows are cases, candidates or pairs; columns are named below):

- `cases[case]`: its pairs are `START` up to `END`, sorted by worth, largest first; `PAIR` is the one it holds or -1;
  `NEXT` and `BEFORE` link the cases of one candidate. `START` is -1 for a case that left.
- `seats[candidate]`: `CAPACITY`, `USED`, `PRICE`, the first case it holds (`HEAD`), the first of its pairs (`COLUMN`).
- `gain[case]`; `candidate[pair]`, `owner[pair]`, `link[pair]` (next pair of the same candidate), `worth[pair]`.
- `distance[candidate]` and `work` (`HEAP`, `PLACE` in it, `VIA` pair, `TOUCHED`) are scratch space; `PLACE` is -1
  between two calls.
- `moved[0]` and `moved[1]` receive the cases that moved and the pairs they held before.

At rest: gain + price >= worth for every pair, equal for those held; no price where there is room; no gain without a
place. That proves the assignment the best (see `solve.certificate`).
"""

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.compiled import compiled

START, END, PAIR, NEXT, BEFORE = 0, 1, 2, 3, 4
CAPACITY, USED, PRICE, HEAD, COLUMN = 0, 1, 2, 3, 4
HEAP, PLACE, VIA, TOUCHED = 0, 1, 2, 3
_SETTLED = -2

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


@compiled
def _lift(work: Int32s, distance: Int64s, item: int, at: int) -> None:
    """Move an item towards the top of the heap until its parent is no farther."""
    while at > 0:
        parent = (at - 1) >> 1
        above = work[HEAP, parent]
        if distance[above] <= distance[item]:
            break
        work[HEAP, at] = above
        work[PLACE, above] = at
        at = parent
    work[HEAP, at] = item
    work[PLACE, item] = at


@compiled
def _pop(work: Int32s, distance: Int64s, size: int) -> int:
    """Take the nearest item off a heap of this size."""
    top: int = work[HEAP, 0]
    work[PLACE, top] = _SETTLED
    last = work[HEAP, size - 1]
    size -= 1
    if size == 0:
        return top
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and distance[work[HEAP, child + 1]] < distance[work[HEAP, child]]:
            child += 1
        below = work[HEAP, child]
        if distance[below] >= distance[last]:
            break
        work[HEAP, at] = below
        work[PLACE, below] = at
        at = child
    work[HEAP, at] = last
    work[PLACE, last] = at
    return top


@compiled
def seat(cases: Int32s, seats: Int64s, candidate: Int32s, case: int, pair: int) -> None:
    """Put a case without a place on a pair of its own."""
    j = candidate[pair]
    head = seats[j, HEAD]
    cases[case, PAIR] = pair
    cases[case, NEXT] = head
    cases[case, BEFORE] = -1
    if head >= 0:
        cases[head, BEFORE] = case
    seats[j, HEAD] = case
    seats[j, USED] += 1


@compiled
def unseat(cases: Int32s, seats: Int64s, candidate: Int32s, case: int) -> None:
    """Take a case off its place."""
    j = candidate[cases[case, PAIR]]
    following, before = cases[case, NEXT], cases[case, BEFORE]
    if before >= 0:
        cases[before, NEXT] = following
    else:
        seats[j, HEAD] = following
    if following >= 0:
        cases[following, BEFORE] = before
    cases[case, PAIR] = -1
    seats[j, USED] -= 1


@compiled
def enter(cases: Int32s, seats: Int64s, candidate: Int32s, owner: Int32s, link: Int32s, case: int) -> None:
    """Make the pairs of a new case known to their candidates."""
    for pair in range(cases[case, START], cases[case, END]):
        j = candidate[pair]
        owner[pair] = case
        link[pair] = seats[j, COLUMN]
        seats[j, COLUMN] = pair


@compiled
def take_in(
    cases: Int32s,
    gain: Int64s,
    seats: Int64s,
    candidate: Int32s,
    owner: Int32s,
    worth: Int64s,
    distance: Int64s,
    work: Int32s,
    moved: Int32s,
    case: int,
) -> int:
    """Take in a case that has no place, along the shortest chain of moves; whoever loses least stays without.

    Returns:
        How many cases moved, this one included if it got a place.
    """
    most = 0
    for pair in range(cases[case, START], cases[case, END]):
        most = max(most, worth[pair] - seats[candidate[pair], PRICE])
    gain[case] = most
    # The cheapest end so far: this case stays without a place.
    limit, last_seat, last_case = most, -1, case
    size, touched, settled = 0, 0, -1
    d = np.int64(0)
    while True:
        # Cases that could go elsewhere: first the new one, then those that a settled candidate holds.
        k = case if settled < 0 else seats[settled, HEAD]
        while k >= 0:
            base = d + gain[k]
            if settled >= 0 and base < limit:
                limit, last_seat, last_case = base, settled, k
            for pair in range(cases[k, START], cases[k, END]):
                if base - worth[pair] >= limit:
                    break
                j = candidate[pair]
                there = base - worth[pair] + seats[j, PRICE]
                if there >= limit or work[PLACE, j] == _SETTLED:
                    continue
                if work[PLACE, j] == -1:
                    work[TOUCHED, touched] = j
                    touched += 1
                    size += 1
                    distance[j] = there
                    work[VIA, j] = pair
                    _lift(work, distance, j, size - 1)
                elif there < distance[j]:
                    distance[j] = there
                    work[VIA, j] = pair
                    _lift(work, distance, j, work[PLACE, j])
                else:
                    continue
                if seats[j, USED] < seats[j, CAPACITY]:
                    limit, last_seat, last_case = there, j, -1
            if settled < 0:
                break
            k = cases[k, NEXT]
        if size == 0 or distance[work[HEAP, 0]] >= limit:
            break
        settled = _pop(work, distance, size)
        size -= 1
        d = distance[settled]
    gain[case] -= limit
    for at in range(touched):
        j = work[TOUCHED, at]
        if work[PLACE, j] == _SETTLED and distance[j] < limit:
            rise = limit - distance[j]
            seats[j, PRICE] += rise
            k = seats[j, HEAD]
            while k >= 0:
                gain[k] -= rise
                k = cases[k, NEXT]
        work[PLACE, j] = -1
    count = 0
    if last_case == case:
        return count
    if last_case >= 0:
        moved[0, count], moved[1, count] = last_case, cases[last_case, PAIR]
        count += 1
        unseat(cases, seats, candidate, last_case)
    j = last_seat
    while True:
        pair = work[VIA, j]
        k = owner[pair]
        before = cases[k, PAIR]
        moved[0, count], moved[1, count] = k, before
        count += 1
        if before >= 0:
            j = candidate[before]
            unseat(cases, seats, candidate, k)
        seat(cases, seats, candidate, k, pair)
        if k == case:
            return count


@compiled
def fill(
    cases: Int32s,
    gain: Int64s,
    seats: Int64s,
    candidate: Int32s,
    owner: Int32s,
    link: Int32s,
    worth: Int64s,
    distance: Int64s,
    work: Int32s,
    moved: Int32s,
    hole: int,
) -> int:
    """Fill a free place at a candidate that has a price, along the shortest chain of moves that ends there.

    Returns:
        How many cases moved; 0 if it is best to leave the place free (then its price is gone).
    """
    # The cheapest end so far: the place stays free.
    limit, last_seat, last_pair = seats[hole, PRICE], hole, -1
    work[TOUCHED, 0] = hole
    touched, size = 1, 1
    distance[hole] = 0
    _lift(work, distance, hole, 0)
    while size > 0 and distance[work[HEAP, 0]] < limit:
        settled = _pop(work, distance, size)
        size -= 1
        d = distance[settled]
        if d + seats[settled, PRICE] < limit:
            limit, last_seat, last_pair = d + seats[settled, PRICE], settled, -1
        base = d + seats[settled, PRICE]
        pair = seats[settled, COLUMN]
        while pair >= 0:
            k = owner[pair]
            there = base + gain[k] - worth[pair]
            if there < limit and cases[k, START] >= 0:
                held = cases[k, PAIR]
                if held < 0:
                    limit, last_seat, last_pair = there, settled, pair
                else:
                    j = candidate[held]
                    if work[PLACE, j] == -1:
                        work[TOUCHED, touched] = j
                        touched += 1
                        size += 1
                        distance[j] = there
                        work[VIA, j] = pair
                        _lift(work, distance, j, size - 1)
                    elif work[PLACE, j] >= 0 and there < distance[j]:
                        distance[j] = there
                        work[VIA, j] = pair
                        _lift(work, distance, j, work[PLACE, j])
            pair = link[pair]
    for at in range(touched):
        j = work[TOUCHED, at]
        if work[PLACE, j] == _SETTLED and distance[j] < limit:
            fall = limit - distance[j]
            seats[j, PRICE] -= fall
            k = seats[j, HEAD]
            while k >= 0:
                gain[k] += fall
                k = cases[k, NEXT]
        work[PLACE, j] = -1
    count = 0
    if last_pair >= 0:
        k = owner[last_pair]
        moved[0, count], moved[1, count] = k, -1
        count += 1
        seat(cases, seats, candidate, k, last_pair)
    j = last_seat
    while j != hole:
        pair = work[VIA, j]
        k = owner[pair]
        moved[0, count], moved[1, count] = k, cases[k, PAIR]
        count += 1
        unseat(cases, seats, candidate, k)
        seat(cases, seats, candidate, k, pair)
        j = candidate[pair]
    return count
