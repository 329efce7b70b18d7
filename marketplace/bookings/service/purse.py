"""What is left of a direct payment once every promise is kept."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.council_settings import setting
from marketplace.bookings.repository import BookingRepository, BudgetRepository
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose
from marketplace.people.income import expected_income

AHEAD = timedelta(weeks=26)
"""How far money to come is looked at; nothing is booked further ahead."""


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """A person's direct payment: pence held, promised and to come, and the budget behind it."""

    balance_pence: int
    promises: tuple[tuple[date, int], ...] = ()
    """What visits will cost: (day, pence), by day."""
    income: tuple[tuple[date, int], ...] = ()
    """What the budget is to bring: (day, pence), by day, after today."""
    weekly_pence: int
    budget_ends_on: date | None
    today: date

    @property
    def promised_pence(self) -> int:
        """Everything that is promised."""
        return sum(pence for _, pence in self.promises)

    @property
    def free_pence(self) -> int:
        """What may be spent today without breaking a promise on any later day; never less than nothing."""
        return self.free_on(self.today)

    def free_on(self, day: date) -> int:
        """Return what may still be promised for a day, so that neither it nor any later day falls short.

        Money that is to come counts from its day on. Never less than nothing.
        """
        days = {day, *(one for one, _ in (*self.promises, *self.income) if one > day)}
        return max(0, min(self._left_on(one) for one in days))

    def next_day_for(self, pence: int) -> tuple[date, int] | None:
        """Return the day on which money to come makes an amount free, and what comes in then; None when no day does."""
        for day, came in self.income:
            if day > self.today and self.free_on(day) >= pence:
                return day, came
        return None

    @property
    def is_short(self) -> bool:
        """Whether a promise is not covered on its day."""
        return any(self._left_on(day) < 0 for day in {self.today, *(day for day, _ in self.promises)})

    def _left_on(self, day: date) -> int:
        came = sum(pence for one, pence in self.income if one <= day)
        return self.balance_pence + came - sum(pence for one, pence in self.promises if one <= day)

    @property
    def weeks(self) -> str:
        """What is free, in weeks of the budget: "3.5 weeks of your budget". Rounded down: no week is promised twice."""
        return weeks_of(self.free_pence, self.weekly_pence)


def weeks_of(pence: int, weekly_pence: int) -> str:
    """Write an amount as weeks of a budget, rounded down to a tenth; "" without a budget."""
    if weekly_pence <= 0:
        return ""
    whole, tenth = divmod(pence * 10 // weekly_pence, 10)
    number = f"{whole:,}.{tenth}" if tenth else f"{whole:,}"
    return f"{number} {'week' if number == '1' else 'weeks'}"


async def purse_of(
    db: AsyncSession, council_id: UUID, person_id: UUID, *, on: date | None = None, locked: bool = False
) -> Purse | None:
    """Return a person's purse, or None when no direct payment runs on the day (today when left out).

    Locked, nobody else spends from it until the transaction ends.
    """
    now = today(clock_of(db))
    budget = await BudgetRepository(db).direct_payment(council_id, person_id, on or now)
    if budget is None:
        return None
    ledger = LedgerService(db)
    read = ledger.locked_balance if locked else ledger.balance
    # The lock comes first: promises are counted when nobody else can add one.
    balance = await read(council_id, Purpose.DIRECT_PAYMENT, person_id)
    promises = await BookingRepository(db).promises(council_id, person_id)
    every_weeks = await setting(db, council_id, "payments.pay_every_weeks", now)
    last = max((day for day, _ in promises), default=now)
    return Purse(
        balance_pence=balance,
        promises=tuple(promises),
        income=tuple(expected_income(budget, now, max(last, now + AHEAD), every_weeks)),
        weekly_pence=budget.weekly_pence,
        budget_ends_on=budget.ends_on,
        today=now,
    )
