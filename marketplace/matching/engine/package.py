"""A week of care over at most k providers: whose free hours cover most visits, with fewest providers.

One week: visits, each with the quarter hours it takes of the 35 slots and how many workers come at once. Some
providers: free quarter hours by slot (or not said), points from the ranking, and travel that each visit adds for each
worker in the slot where it begins.

Goal, in this order: most visits covered (all their workers); fewest providers; most points, weighted by quarter hours
of care, less 60 for each provider after the first; the least sum of tie keys, so that one input has one answer.

How it is exact: for a given set of providers the slots are independent but for visits that reach over several, so the
week falls into small components, each solved by dynamic programming over the hours left. Sets are enumerated by size,
best bound first, until no bound is better than what was found. Where there are too many sets, or too many states, the
answer is the best that was found, with a bound that holds, and is not called proven.

Source: matching.md 3.4 (at most k providers, minus 60 points an extra provider).
"""

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement
from math import comb
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.matching.engine.ties import tie_key

EXTRA_PROVIDER_POINTS: Final = 60
"""What each provider after the first costs, in points of the whole week."""
MOST_SETS: Final = 250_000
"""Sets of one size that are looked through; beyond that providers are added one by one."""
MOST_LOOKS: Final = 3_000
"""Sets of one size that are worked out exactly."""
MOST_STATES: Final = 4_000
"""States of hours left that are kept in one component; beyond that the best are kept and nothing is proven."""
_TIE_SHIFT = 24

Value = tuple[int, int, int]
"""Visits covered, points times quarter hours, tie keys below zero: more is better, in this order."""
Choice = tuple[tuple[int, ...], ...]
"""By visit of a component: a provider for each worker; empty: not covered."""
_NOTHING: Value = (0, 0, 0)


class PackageVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit of the week."""

    id: str
    uses: tuple[tuple[int, int], ...]
    """`(slot, quarter hours)` of one worker, the slot where the visit begins first; quarters are 1 or more."""
    workers: int = 1
    may_share: bool = False
    """Whether the workers of one visit may come from different providers."""

    @property
    def quarters(self) -> int:
        """Quarter hours of care, every worker counted."""
        return sum(quarters for _, quarters in self.uses) * self.workers


class PackageProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who could take some of the week."""

    id: str
    free: tuple[int, ...] | None
    """Free quarter hours by slot; None: not said, so nothing is known against it."""
    points: int
    travel_quarters: int = 0
    """Added to each visit for each worker."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who does what, with at most so many providers."""

    most_providers: int
    provider_ids: tuple[str, ...]
    """Who takes part, those with the most hours first."""
    who: dict[str, tuple[str, ...]]
    """By visit: a provider for each worker. Visits that nobody takes are left out."""
    missing: tuple[str, ...]
    """Visits that are not covered."""
    quarters: int
    """Quarter hours of care that are covered."""
    points: int
    """Points weighted by hours, less 60 for each provider after the first; half a point is rounded up."""
    bound: int
    """No answer with so many providers covers more visits than this."""
    is_proven: bool
    """Whether no answer is better in the order of the goal."""
    not_said: tuple[str, ...]
    """Who takes part without having said its free hours."""

    @property
    def covered(self) -> int:
        """How many visits are covered."""
        return len(self.who)

    @property
    def is_whole(self) -> bool:
        """Whether the whole week is covered."""
        return not self.missing


class _Found(msgspec.Struct, frozen=True):
    value: Value
    members: tuple[int, ...]
    choices: tuple[Choice, ...]


def plan_packages(
    visits: Sequence[PackageVisit],
    providers: Sequence[PackageProvider],
    *,
    most_providers: int = 3,
    salt: str = "",
) -> tuple[Plan, ...]:
    """Return the best plan for at most 1, at most 2, … at most `most_providers` providers.

    Raises:
        ValueError: No visits, two with one id, two providers with one id, or fewer than one provider asked for.
    """
    if not visits or most_providers < 1:
        raise ValueError("There must be a visit and at least one provider.")
    if len({visit.id for visit in visits}) < len(visits) or len({item.id for item in providers}) < len(providers):
        raise ValueError("Ids must differ.")
    search = _Search(
        sorted(visits, key=lambda visit: visit.id), sorted(providers, key=lambda provider: provider.id), salt
    )
    best = _Found(_NOTHING, (), tuple(((),) * len(part) for part in search.parts))
    is_proven, bound = True, 0
    plans = []
    for size in range(1, most_providers + 1):
        if best.value[0] < len(visits):
            found, size_bound, was_proven = search.of_size(size, best)
            best, is_proven, bound = found or best, is_proven and was_proven, max(bound, size_bound)
        bound = max(bound, best.value[0])
        plans.append(search.plan(best, size, bound, is_proven=is_proven))
    return tuple(plans)


def nobody_for(visits: Sequence[PackageVisit], providers: Sequence[PackageProvider]) -> tuple[str, ...]:
    """Return the visits that nobody could take even if they were the only ones."""
    found = []
    for visit in visits:
        workers = [workers_for(visit, provider) for provider in providers]
        if (sum(workers) if visit.may_share else max(workers, default=0)) < visit.workers:
            found.append(visit.id)
    return tuple(found)


def spare_after(plan: Plan, visits: Sequence[PackageVisit], provider: PackageProvider) -> PackageProvider:
    """Return a provider with what it has left after its visits of a plan."""
    if provider.free is None:
        return provider
    left = list(provider.free)
    for visit in visits:
        for _ in range(plan.who.get(visit.id, ()).count(provider.id)):
            for slot, quarters in _uses(visit, provider):
                left[slot] -= quarters
    return msgspec.structs.replace(provider, free=tuple(left))


def _uses(visit: PackageVisit, provider: PackageProvider) -> tuple[tuple[int, int], ...]:
    (slot, quarters), *others = visit.uses
    return ((slot, quarters + provider.travel_quarters), *others)


def workers_for(visit: PackageVisit, provider: PackageProvider) -> int:
    """Return how many workers of a visit a provider has hours for, if it were the only one."""
    if provider.free is None:
        return visit.workers
    return min(visit.workers, *(provider.free[slot] // quarters for slot, quarters in _uses(visit, provider)))


class _Search:
    """The week in components, and what sets of providers can do in each."""

    def __init__(self, visits: Sequence[PackageVisit], providers: Sequence[PackageProvider], salt: str) -> None:
        self.visits, self.providers = visits, providers
        self.parts = _parts(visits)
        self.ties = [[tie_key(salt, visit.id, provider.id) >> _TIE_SHIFT for provider in providers] for visit in visits]
        self.uses = [[_uses(visit, provider) for provider in providers] for visit in visits]
        self.memo: dict[tuple[int, tuple[int, ...]], tuple[Value, Choice]] = {}
        self.was_cut: set[tuple[int, tuple[int, ...]]] = set()
        """Components and sets for which not every state was kept."""
        self.units = np.array(
            [[self._units(part, index) for part in self.parts] for index in range(len(providers))], np.int64
        ).reshape(len(providers), len(self.parts))
        self.useful = [index for index in range(len(providers)) if self.units[index].any()]
        self.covers = [_cover_by_units([visits[item] for item in part]) for part in self.parts]
        weights = [sum(visits[item].quarters for item in part) for part in self.parts]
        points = np.array([provider.points for provider in providers], np.int64)
        self.worth = np.where(self.units > 0, points[:, None] * np.array(weights, np.int64)[None, :], 0)

    def of_size(self, size: int, best: _Found) -> tuple[_Found | None, int, bool]:
        """Return the best answer with so many providers that covers more visits than `best`, a bound, and its proof.

        None where there is no better one.
        """
        if len(self.useful) < size:
            return None, best.value[0], True
        if comb(len(self.useful), size) > MOST_SETS:
            return self._grow(size, best)
        sets = np.array(list(combinations(self.useful, size)), np.int64)
        covered, worth = self._bounds(sets)
        wanted = np.flatnonzero(covered > best.value[0])
        order = wanted[np.lexsort((wanted, -worth[wanted], -covered[wanted]))]
        found: _Found | None = None
        is_proven = True
        for look, place in enumerate(order):
            bound = (int(covered[place]), int(worth[place]))
            if found is not None and bound < found.value[:2]:
                break
            if look >= MOST_LOOKS:
                return found, int(covered[place]), False
            members = tuple(sets[place].tolist())
            answer = self._answer(members)
            is_proven = is_proven and not self._is_cut(members)
            if answer.value[0] > best.value[0] and (found is None or answer.value > found.value):
                found = answer
        most = max((int(covered[place]) for place in order[:1]), default=best.value[0])
        return found, most if not is_proven else (found or best).value[0], is_proven

    def plan(self, found: _Found, most: int, bound: int, *, is_proven: bool) -> Plan:
        """Write an answer down."""
        who: dict[str, tuple[str, ...]] = {}
        hours: dict[int, int] = {}
        for part, choices in zip(self.parts, found.choices, strict=True):
            for item, workers in zip(part, choices, strict=True):
                visit = self.visits[item]
                if workers:
                    who[visit.id] = tuple(self.providers[index].id for index in workers)
                for index in workers:
                    hours[index] = hours.get(index, 0) + visit.quarters // visit.workers
        total = sum(hours.values())
        points = found.value[1]
        taking = sorted(hours, key=lambda index: (-hours[index], self.providers[index].id))
        mean = (2 * points + total) // (2 * total) if total else 0
        return Plan(
            most_providers=most,
            provider_ids=tuple(self.providers[index].id for index in taking),
            who=who,
            missing=tuple(visit.id for visit in self.visits if visit.id not in who),
            quarters=total,
            points=mean - EXTRA_PROVIDER_POINTS * max(0, len(taking) - 1),
            bound=bound,
            is_proven=is_proven,
            not_said=tuple(self.providers[index].id for index in taking if self.providers[index].free is None),
        )

    def _grow(self, size: int, best: _Found) -> tuple[_Found | None, int, bool]:
        """Add the provider that helps most to the best set so far; the bound takes the best of each component."""
        members = best.members
        while len(members) < size:
            rest = [index for index in self.useful if index not in members]
            answers = [self._answer(tuple(sorted((*members, index)))) for index in rest]
            members = max(answers, key=lambda answer: answer.value).members
        found = self._answer(members)
        most = np.sort(self.units, axis=0)[::-1][:size].sum(axis=0)
        bound = sum(self._cover(place, int(units)) for place, units in enumerate(most))
        is_better = found.value[0] > best.value[0]
        return (found if is_better else None), bound, False

    def _bounds(self, sets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each set bounds on the visits it covers and on its points."""
        covered = np.zeros(len(sets), np.int64)
        worth = np.zeros(len(sets), np.int64)
        for place, table in enumerate(self.covers):
            units = self.units[:, place][sets].sum(axis=1)
            covered += table[np.minimum(units, len(table) - 1)]
            worth += self.worth[:, place][sets].max(axis=1)
        return covered, worth

    def _cover(self, place: int, units: int) -> int:
        table = self.covers[place]
        return int(table[min(units, len(table) - 1)])

    def _answer(self, members: tuple[int, ...]) -> _Found:
        value, choices = _NOTHING, []
        for place in range(len(self.parts)):
            here, choice = self._best(place, members)
            value = _sum(value, here)
            choices.append(choice)
        return _Found(value, members, tuple(choices))

    def _best(self, place: int, members: tuple[int, ...]) -> tuple[Value, Choice]:
        """Return the best for one component by a set of providers."""
        able = tuple(index for index in members if self.units[index, place])
        key = (place, able)
        if key not in self.memo:
            self.memo[key] = self._short_cut(place, able) or self._work_out(key)
        return self.memo[key]

    def _is_cut(self, members: tuple[int, ...]) -> bool:
        if not self.was_cut:
            return False
        return any(
            (place, tuple(index for index in members if self.units[index, place])) in self.was_cut
            for place in range(len(self.parts))
        )

    def _short_cut(self, place: int, able: tuple[int, ...]) -> tuple[Value, Choice] | None:
        """Who alone has the most points and can take all takes all."""
        if len(able) < 2:
            return None
        first, second = sorted(able, key=lambda index: -self.providers[index].points)[:2]
        if self.providers[first].points == self.providers[second].points:
            return None
        alone = self._best(place, (first,))
        return alone if alone[0][0] == len(self.parts[place]) else None

    def _work_out(self, key: tuple[int, tuple[int, ...]]) -> tuple[Value, Choice]:
        place, able = key
        part = self.parts[place]
        slots = sorted({slot for item in part for slot, _ in self.visits[item].uses})
        column = {slot: index for index, slot in enumerate(slots)}
        limited = [index for index in able if self.providers[index].free is not None]
        row = {index: number * len(slots) for number, index in enumerate(limited)}
        start: list[int] = []
        for index in limited:
            free = self.providers[index].free or ()
            start += [free[slot] for slot in slots]
        states: dict[tuple[int, ...], tuple[Value, Choice]] = {tuple(start): (_NOTHING, ())}
        for item in part:
            visit = self.visits[item]
            options: list[tuple[int, ...]] = [(), *((index,) * visit.workers for index in able)]
            if visit.may_share and visit.workers > 1:
                options = [(), *combinations_with_replacement(able, visit.workers)]
            each = visit.quarters // visit.workers
            worths = [
                (
                    1 if option else 0,
                    sum(self.providers[index].points for index in option) * each,
                    -sum(self.ties[item][index] for index in option),
                )
                for option in options
            ]
            following: dict[tuple[int, ...], tuple[Value, Choice]] = {}
            for left, (value, choice) in states.items():
                for option, worth in zip(options, worths, strict=True):
                    now = self._take(left, item, option, row, column)
                    if now is None:
                        continue
                    total = _sum(value, worth)
                    if now not in following or total > following[now][0]:
                        following[now] = (total, (*choice, option))
            if len(following) > MOST_STATES:
                self.was_cut.add(key)
                kept = sorted(following.items(), key=lambda entry: (entry[1][0], entry[0]), reverse=True)
                following = dict(kept[:MOST_STATES])
            states = following
        return max(states.values(), key=lambda entry: entry[0])

    def _take(
        self,
        left: tuple[int, ...],
        item: int,
        option: tuple[int, ...],
        row: dict[int, int],
        column: dict[int, int],
    ) -> tuple[int, ...] | None:
        now: list[int] | None = None
        for index in option:
            if index not in row:
                continue
            if now is None:
                now = list(left)
            for slot, quarters in self.uses[item][index]:
                place = row[index] + column[slot]
                now[place] -= quarters
                if now[place] < 0:
                    return None
        return left if now is None else tuple(now)

    def _units(self, part: Sequence[int], index: int) -> int:
        """Bound how many workers' visits a provider can give in a component: slot by slot, the shortest first."""
        provider = self.providers[index]
        most = sum(workers_for(self.visits[item], provider) for item in part)
        if provider.free is None:
            return most
        for slot in {slot for item in part for slot, _ in self.visits[item].uses}:
            needs = sorted(
                dict(self.uses[item][index]).get(slot, 0)
                for item in part
                for _ in range(workers_for(self.visits[item], provider))
            )
            left, units = provider.free[slot], 0
            for need in needs:
                if need > left:
                    break
                left -= need
                units += 1
            most = min(most, units)
        return most


def _sum(first: Value, second: Value) -> Value:
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _parts(visits: Sequence[PackageVisit]) -> list[list[int]]:
    """Put visits together that share a slot, directly or through others."""
    leader = list(range(len(visits)))

    def find(item: int) -> int:
        while leader[item] != item:
            item = leader[item]
        return item

    first_in: dict[int, int] = {}
    for item, visit in enumerate(visits):
        for slot, _ in visit.uses:
            leader[find(item)] = find(first_in.setdefault(slot, item))
    found: dict[int, list[int]] = {}
    for item in range(len(visits)):
        found.setdefault(find(item), []).append(item)
    return list(found.values())


def _cover_by_units(visits: Sequence[PackageVisit]) -> NDArray[np.int64]:
    """Return how many visits so many workers' visits cover at most: `table[units]`."""
    table = np.zeros(sum(visit.workers for visit in visits) + 1, np.int64)
    total = 0
    for number, workers in enumerate(sorted(visit.workers for visit in visits), start=1):
        total += workers
        table[total:] = number
    return table
