"""The compiled searches of `arrivals`: the shortest chain of moves that takes a case in, or fills a place.

Tables (rows are cases, candidates or pairs; columns are named below):

- `cases[case]`: its pairs are `START` up to `END`, most points first; `PAIR` is the one it holds or -1;
  `AT` is that candidate, `NOWHERE`, or `GONE` for a case that left; `NEXT` and `BEFORE` link the cases of a candidate.
- `seats[candidate]`: `CAPACITY`, `USED`, the first case it holds (`HEAD`), the last block of its pairs (`COLUMN`).
- `price[candidate]`, `gain[case]`, `lift[case]` (worth of its tier); `pairs[pair]`: its `CANDIDATE` and its `POINTS`
  (score less the least there is); `owner[pair]`. The worth of a pair is the lift of its case plus its points.
- `spare[case]`: no pair of the case but the one it holds costs it less than this; what costs more than a search may go
  need not be looked at. It is a lower bound, made exact whenever the pairs are looked at.
- `blocks[block]`: `SIZE` pairs of one candidate, and its block before (`LINK`); `block_rows[block]` holds their cases,
  numbers and points, so that a candidate's pairs lie side by side.
- `distance[candidate]` (`FAR` between two calls) and `work` (`HEAP`, `PLACE` in it, `VIA` pair, `TOUCHED`) are scratch.
- `moved[0]` and `moved[1]` receive the cases that moved and the pairs they held before.

At rest: gain + price >= worth for every pair, equal for those held; no price where there is room; no gain without a
place. That proves the assignment the best (see `solve.certificate`).
"""

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.compiled import compiled

START, END, PAIR, AT, NEXT, BEFORE = 0, 1, 2, 3, 4, 5
NOWHERE, GONE = -1, -2
CAPACITY, USED, HEAD, COLUMN = 0, 1, 2, 3
CANDIDATE, POINTS = 0, 1
SIZE, LINK = 0, 1
BLOCK = 64
HEAP, PLACE, VIA, TOUCHED = 0, 1, 2, 3
FAR = 2**62

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


@compiled
def _raise(work: Int32s, distance: Int64s, item: int, at: int) -> None:
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
def seat(cases: Int32s, seats: Int64s, pairs: Int32s, case: int, pair: int) -> None:
    """Put a case without a place on a pair of its own."""
    j = pairs[pair, CANDIDATE]
    head = seats[j, HEAD]
    cases[case, PAIR], cases[case, AT] = pair, j
    cases[case, NEXT], cases[case, BEFORE] = head, -1
    if head >= 0:
        cases[head, BEFORE] = case
    seats[j, HEAD] = case
    seats[j, USED] += 1


@compiled
def unseat(cases: Int32s, seats: Int64s, case: int) -> None:
    """Take a case off its place."""
    j, following, before = cases[case, AT], cases[case, NEXT], cases[case, BEFORE]
    if before >= 0:
        cases[before, NEXT] = following
    else:
        seats[j, HEAD] = following
    if following >= 0:
        cases[following, BEFORE] = before
    cases[case, PAIR], cases[case, AT] = -1, NOWHERE
    seats[j, USED] -= 1


@compiled
def enter(
    cases: Int32s,
    seats: Int64s,
    pairs: Int32s,
    owner: Int32s,
    blocks: Int32s,
    block_rows: Int32s,
    used_blocks: int,
    case: int,
) -> int:
    """Make the pairs of a new case known to their candidates.

    Returns:
        How many blocks are in use now.
    """
    for pair in range(cases[case, START], cases[case, END]):
        j = pairs[pair, CANDIDATE]
        owner[pair] = case
        block = seats[j, COLUMN]
        if block < 0 or blocks[block, SIZE] == BLOCK:
            blocks[used_blocks, SIZE], blocks[used_blocks, LINK] = 0, block
            block = used_blocks
            seats[j, COLUMN] = block
            used_blocks += 1
        at = blocks[block, SIZE]
        block_rows[block, 0, at], block_rows[block, 1, at] = case, pair
        block_rows[block, 2, at] = pairs[pair, POINTS]
        blocks[block, SIZE] = at + 1
    return used_blocks


@compiled
def take_in(
    cases: Int32s,
    gain: Int64s,
    lift: Int64s,
    spare: Int64s,
    seats: Int64s,
    price: Int64s,
    pairs: Int32s,
    owner: Int32s,
    distance: Int64s,
    work: Int32s,
    moved: Int32s,
    case: int,
) -> int:
    """Take in a case that has no place, along the shortest chain of moves; whoever loses least stays without.

    Returns:
        How many cases moved, this one included if it got a place.
    """
    most = np.int64(0)
    for pair in range(cases[case, START], cases[case, END]):
        most = max(most, lift[case] + pairs[pair, POINTS] - price[pairs[pair, CANDIDATE]])
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
            if settled >= 0 and d + spare[k] >= limit:
                k = cases[k, NEXT]
                continue
            base -= lift[k]
            least = limit
            held = cases[k, PAIR]
            for pair in range(cases[k, START], cases[k, END]):
                there = base - pairs[pair, POINTS]
                if there >= limit:
                    break
                j = pairs[pair, CANDIDATE]
                there += price[j]
                if there >= least and there >= distance[j]:
                    continue
                if pair != held:
                    least = min(least, there)
                # What is settled is nearer than this, so it needs no mark.
                if there >= distance[j] or there >= limit:
                    continue
                if distance[j] == FAR:
                    work[TOUCHED, touched] = j
                    touched += 1
                    work[PLACE, j] = size
                    size += 1
                distance[j] = there
                work[VIA, j] = pair
                _raise(work, distance, j, work[PLACE, j])
                if seats[j, USED] < seats[j, CAPACITY]:
                    limit, last_seat, last_case = there, j, -1
            spare[k] = least - d
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
        rise = limit - distance[j]
        distance[j] = FAR
        if rise > 0:
            price[j] += rise
            k = seats[j, HEAD]
            while k >= 0:
                gain[k] -= rise
                spare[k] = max(0, spare[k] - rise)
                k = cases[k, NEXT]
    count = 0
    if last_case == case:
        return count
    if last_case >= 0:
        moved[0, count], moved[1, count] = last_case, cases[last_case, PAIR]
        count += 1
        unseat(cases, seats, last_case)
    j = last_seat
    while True:
        pair = work[VIA, j]
        k = owner[pair]
        moved[0, count], moved[1, count] = k, cases[k, PAIR]
        count += 1
        j = cases[k, AT]
        if j >= 0:
            unseat(cases, seats, k)
        seat(cases, seats, pairs, k, pair)
        spare[k] = 0
        if k == case:
            return count


@compiled
def fill(
    cases: Int32s,
    gain: Int64s,
    lift: Int64s,
    spare: Int64s,
    seats: Int64s,
    price: Int64s,
    pairs: Int32s,
    owner: Int32s,
    blocks: Int32s,
    block_rows: Int32s,
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
    limit, last_seat, last_pair = price[hole], hole, -1
    work[TOUCHED, 0], work[HEAP, 0], work[PLACE, hole] = hole, hole, 0
    touched, size = 1, 1
    distance[hole] = 0
    while size > 0 and distance[work[HEAP, 0]] < limit:
        settled = _pop(work, distance, size)
        size -= 1
        base = distance[settled] + price[settled]
        if base < limit:
            limit, last_seat, last_pair = base, settled, -1
        block = seats[settled, COLUMN]
        while block >= 0:
            for at in range(blocks[block, SIZE]):
                k = block_rows[block, 0, at]
                there = base + gain[k] - lift[k] - block_rows[block, 2, at]
                if there >= limit:
                    continue
                j = cases[k, AT]
                if j >= 0:
                    if there >= distance[j]:
                        continue
                    if distance[j] == FAR:
                        work[TOUCHED, touched] = j
                        touched += 1
                        work[PLACE, j] = size
                        size += 1
                    distance[j] = there
                    work[VIA, j] = block_rows[block, 1, at]
                    _raise(work, distance, j, work[PLACE, j])
                elif j == NOWHERE:
                    limit, last_seat, last_pair = there, settled, block_rows[block, 1, at]
            block = blocks[block, LINK]
    for at in range(touched):
        j = work[TOUCHED, at]
        fall = limit - distance[j]
        distance[j] = FAR
        if fall > 0:
            price[j] -= fall
            k = seats[j, HEAD]
            while k >= 0:
                gain[k] += fall
                k = cases[k, NEXT]
    for k in range(len(spare)):
        spare[k] = max(0, spare[k] - limit)
    count = 0
    if last_pair >= 0:
        k = owner[last_pair]
        moved[0, count], moved[1, count] = k, -1
        count += 1
        seat(cases, seats, pairs, k, last_pair)
        spare[k] = 0
    j = last_seat
    while j != hole:
        pair = work[VIA, j]
        k = owner[pair]
        moved[0, count], moved[1, count] = k, cases[k, PAIR]
        count += 1
        unseat(cases, seats, k)
        seat(cases, seats, pairs, k, pair)
        spare[k] = 0
        j = pairs[pair, CANDIDATE]
    return count
