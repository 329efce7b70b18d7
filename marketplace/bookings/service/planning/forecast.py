"""What a direct payment can still promise while many visits are planned one after the other."""

from bisect import bisect_left, bisect_right
from datetime import date

from marketplace.bookings.service.purse import Purse


class Forecast:
    """A purse that remembers what was promised meanwhile. Answers as `Purse.free_on` would with those promises."""

    def __init__(self, purse: Purse) -> None:
        moves: dict[date, int] = {purse.today: purse.balance_pence}
        for day, pence in purse.income:
            moves[day] = moves.get(day, 0) + pence
        for day, pence in purse.promises:
            # A promise for a day gone by is still to be paid: it counts from now on.
            on = max(day, purse.today)
            moves[on] = moves.get(on, 0) - pence
        self._days = sorted(moves)
        self._left: list[int] = []
        total = 0
        for day in self._days:
            total += moves[day]
            self._left.append(total)
        self.ends_on = purse.budget_ends_on

    def free_on(self, day: date) -> int:
        """Return what may still be promised for a day, in pence, so that no later day falls short."""
        first = max(0, bisect_right(self._days, day) - 1)
        return max(0, min(self._left[first:]))

    def promise(self, day: date, pence: int) -> None:
        """Set an amount aside from a day on."""
        place = bisect_left(self._days, day)
        if place == len(self._days) or self._days[place] != day:
            self._left.insert(place, self._left[place - 1] if place else 0)
            self._days.insert(place, day)
        for later in range(place, len(self._left)):
            self._left[later] -= pence
