"""What a new version of a plan costs against the one before it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from marketplace.core.formats import pounds
from marketplace.plans.states import PlanStatus

WAS_IN_PLACE = (PlanStatus.SIGNED_OFF, PlanStatus.SUPERSEDED)


class VersionCost(NamedTuple):
    """A version and what it costs the budget, pence a week."""

    number: int
    status: PlanStatus
    submitted_at: datetime | None
    weekly_pence: int


class CostChange(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions, the later one against the one that was in place before it."""

    before: VersionCost
    after: VersionCost

    @property
    def more_pence(self) -> int:
        """How much more the later one costs, pence a week; below 0 for less."""
        return self.after.weekly_pence - self.before.weekly_pence

    @property
    def words(self) -> str:
        """Say it: "£52.00 a week, £10.00 more than version 1 (£42.00)"."""
        before = f"version {self.before.number} ({pounds(self.before.weekly_pence)})"
        more = self.more_pence
        if not more:
            return f"{pounds(self.after.weekly_pence)} a week, the same as version {self.before.number}"
        change = f"{pounds(abs(more))} {'more' if more > 0 else 'less'}"
        return f"{pounds(self.after.weekly_pence)} a week, {change} than {before}"


def change_of(versions: Sequence[VersionCost], number: int) -> CostChange | None:
    """Compare a version with the one that was in place before it; None for the first."""
    after = next((one for one in versions if one.number == number), None)
    before = [one for one in versions if one.number < number and one.status in WAS_IN_PLACE]
    if after is None or not before:
        return None
    return CostChange(before=max(before, key=lambda one: one.number), after=after)
