"""An organisation that held a fund sees the months in which it did, and no other."""

from datetime import date

import pytest

from marketplace.payments.routes.money_funds import _month_in
from marketplace.people.models import DirectPaymentArrangement


@pytest.mark.parametrize(
    ("ends_on", "asked", "shown"),
    [
        (date(2027, 3, 1), date(2027, 3, 1), date(2027, 2, 1)),
        (date(2027, 3, 2), date(2027, 4, 1), date(2027, 3, 1)),
        (None, date(2027, 4, 1), date(2027, 4, 1)),
        (None, date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_months_outside_the_holding_are_not_shown(ends_on: date | None, asked: date, shown: date) -> None:
    arrangement = DirectPaymentArrangement(starts_on=date(2027, 1, 15), ends_on=ends_on)
    assert _month_in(arrangement, asked) == shown
