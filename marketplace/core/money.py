"""Money in whole pence."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Pence = NewType("Pence", int)

LARGEST_PENCE = 99_999_999_999
"""What fits the 11 digits of a Bacs amount: £999,999,999.99."""

_AMOUNT = re.compile(r"^£?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2}))?$", re.ASCII)


def half_up(value: Decimal) -> Pence:
    """Round a non-negative number of pence to whole pence, half a penny up."""
    return Pence(int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP)))


def visit_cost(rate_per_hour: Pence, minutes: int) -> Pence:
    """Price one visit.

    Args:
        rate_per_hour: Agreed rate, pence per hour, 0 or more.
        minutes: Length of the visit, 1 or more.

    Returns:
        Pence, half a penny rounded up. Rounded once per visit, so an invoice line equals the sum of its visits.

    Raises:
        ValueError: A negative rate or a visit of no length.

    Source: the council's framework contract, schedule of rates.
    """
    if rate_per_hour < 0 or minutes < 1:
        raise ValueError("A rate is 0 or more and a visit lasts at least a minute")
    return half_up(Decimal(rate_per_hour) * minutes / 60)


def split(total: Pence, weights: Sequence[int]) -> list[Pence]:
    """Share an amount by weights without losing a penny (largest remainder, earlier share first on a tie).

    Args:
        total: Pence, 0 or more.
        weights: One per share, 0 or more, not all 0.

    Returns:
        Pence per share, in the order of the weights; their sum is `total`.

    Raises:
        ValueError: A negative amount or weight, or no weight at all.
    """
    whole = sum(weights)
    if total < 0 or whole <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("Sharing needs an amount of 0 or more and at least one positive weight")
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_remainder[:left]:
        shares[place] += 1
    return [Pence(share) for share in shares]


def parse_pounds(text: str) -> Pence | None:
    """Read an amount as people type it ("75", "£1,250.50", "12.5"); None when it is not one."""
    match = _AMOUNT.match(text.strip())
    if match is None:
        return None
    pounds, pence = match.group(1).replace(",", ""), (match.group(2) or "").ljust(2, "0")
    return Pence(int(pounds) * 100 + int(pence))
