"""How closely to look at a direct payment, and at what. Pure: the person is shown the same reasons and rows."""

from collections.abc import Sequence
from typing import Any

import msgspec

from marketplace.core.formats import plural, pounds
from marketplace.payments.repository.audits import Spend

MOST_POINTS_EACH = 3


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the score is made from."""

    spends: Sequence[Spend]
    threshold_pence: int
    surplus_pence: int = 0
    contribution_short_pence: int = 0
    weekly_own_pence: int = 0
    corrections: int = 0
    old_unpaid: int = 0
    """Visits approved more than four weeks ago and not recorded as paid."""
    was_checked_before: bool = False

    @property
    def spent_pence(self) -> int:
        """All spending: visits, and what payments bought beside visits."""
        return sum(_weight(one) for one in self.spends)

    @property
    def proven_pence(self) -> int:
        """What visits prove."""
        return sum(one.amount_pence for one in self.spends if one.booking_id)

    @property
    def unproven_pence(self) -> int:
        """What nothing but the person's word shows."""
        return self.spent_pence - self.proven_pence


class Reason(msgspec.Struct, frozen=True):
    """One reason to look closer."""

    code: str
    points: int
    words: str

    def as_json(self) -> dict[str, Any]:
        """The form in which an audit keeps it."""
        return {"code": self.code, "points": self.points, "words": self.words}


def reasons_of(facts: Facts) -> list[Reason]:
    """Return why to look closer, with points. Who somebody is never counts: only how the money moved."""
    found = []
    if facts.unproven_pence:
        share = facts.unproven_pence * 100 // facts.spent_pence
        points = 1 if share < 10 else 2 if share < 25 else 3
        words = f"{pounds(facts.unproven_pence)} of {pounds(facts.spent_pence)} is not proven by visits"
        found.append(Reason("unproven", points, words))
    bare = [one for one in facts.spends if one.unproven_pence and not one.receipts]
    if bare:
        words = f"{plural(len(bare), 'payment')} beside visits without a receipt"
        found.append(Reason("no_receipt", min(len(bare), MOST_POINTS_EACH), words))
    large = [one for one in facts.spends if one.amount_pence > facts.threshold_pence]
    if large:
        words = f"{plural(len(large), 'payment')} above {pounds(facts.threshold_pence)}"
        found.append(Reason("large", min(len(large), MOST_POINTS_EACH), words))
    if facts.weekly_own_pence and facts.contribution_short_pence >= 4 * facts.weekly_own_pence:
        words = f"{pounds(facts.contribution_short_pence)} of the own contribution is not paid in yet"
        found.append(Reason("contribution", 2, words))
    if facts.old_unpaid:
        words = f"{plural(facts.old_unpaid, 'approved visit')} not recorded as paid after four weeks"
        found.append(Reason("unpaid", 2, words))
    if facts.surplus_pence:
        found.append(Reason("surplus", 1, f"{pounds(facts.surplus_pence)} is more than people may keep"))
    if facts.corrections >= 3:
        found.append(Reason("corrections", 1, f"{plural(facts.corrections, 'entry', 'entries')} taken back"))
    if facts.spends and not facts.was_checked_before:
        found.append(Reason("first", 1, "This is the first look at this direct payment"))
    return found


def why_ask(spend: Spend, threshold_pence: int) -> str:
    """Say why a payment or visit may be asked about; "" when it needs no paper."""
    if spend.unproven_pence > 0:
        if spend.proven_pence:
            return f"Visits prove {pounds(spend.proven_pence)} of it; {pounds(spend.unproven_pence)} is beside visits"
        return "No visit proves it"
    if spend.amount_pence > threshold_pence:
        return f"It is more than {pounds(threshold_pence)}"
    return ""


def sample(spends: Sequence[Spend], threshold_pence: int, most: int) -> list[tuple[Spend, str]]:
    """Choose what to ask about: only what no visit proves, or what is large; without a receipt and the largest first.

    Args:
        spends: All spending of the period.
        threshold_pence: Larger sums may be asked about even when proven.
        most: How many questions at most.

    Returns:
        (payment or visit, why) each; the same for the same rows, whatever their order.
    """
    asked = [(one, why) for one in spends if (why := why_ask(one, threshold_pence))]
    asked.sort(key=lambda pair: (pair[0].receipts > 0, -pair[0].unproven_pence, -pair[0].amount_pence, pair[0].id))
    return asked[:most]


def _weight(one: Spend) -> int:
    """What a row adds to the spending: the visits of a payment stand in the list themselves."""
    return one.amount_pence if one.booking_id else one.unproven_pence
