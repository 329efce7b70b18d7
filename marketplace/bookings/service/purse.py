"""What is left of a direct payment once every promise is kept."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.council_settings import setting_by_day
from marketplace.bookings.repository import BookingRepository, BudgetRepository
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose
from marketplace.people.income import direct_weekly, expected_income
from marketplace.people.models import Budget

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
    return (await purses_of(db, council_id, [person_id], on=on, locked=locked)).get(person_id)


async def purses_of(
    db: AsyncSession, council_id: UUID, person_ids: Sequence[UUID], *, on: date | None = None, locked: bool = False
) -> dict[UUID, Purse]:
    """Return people's purses with the same five questions for one and for many; who has none is left out.

    A budget that goes on where the one of the day ends belongs to the purse: its money comes from its own first day on.
    Money is expected only from the day on from which it was arranged who holds it: before, the council pays it in by
    hand, and nobody can say when.
    Locked, nobody else spends from them until the transaction ends.
    """
    now = today(clock_of(db))
    budgets = BudgetRepository(db)
    rows = await budgets.direct_payments(council_id, person_ids, on or now)
    chains = {person_id: chain for person_id, found in rows.items() if (chain := _chain(found, on or now))}
    if not chains:
        return {}
    # The lock comes first: promises are counted when nobody else can add one.
    balances = await LedgerService(db).balances(council_id, Purpose.DIRECT_PAYMENT, sorted(chains), locked=locked)
    promises = await BookingRepository(db).promises_of(council_id, sorted(chains))
    every_weeks = await setting_by_day(db, council_id, "payments.pay_every_weeks")
    arranged = await budgets.arranged_from(council_id, sorted(chains))
    found: dict[UUID, Purse] = {}
    for person_id, chain in chains.items():
        mine = promises.get(person_id, [])
        last = max((day for day, _ in mine), default=now)
        found[person_id] = Purse(
            balance_pence=balances.get(person_id, 0),
            promises=tuple(mine),
            income=tuple(
                (day, pence)
                for day, pence in expected_income(chain, now, max(last, now + AHEAD), every_weeks)
                if person_id in arranged and day >= arranged[person_id]
            ),
            weekly_pence=direct_weekly(chain[0]),
            budget_ends_on=chain[-1].ends_on,
            today=now,
        )
    return found


def _chain(budgets: Sequence[Budget], on: date) -> list[Budget]:
    """Return the budget of a day and those that follow it without a gap; empty when none runs on the day.

    What was paid once, such as for equipment, stands beside a budget that is paid by the week and never replaces it.
    """
    by_the_week = {row.kind for row in budgets if direct_weekly(row)}
    budgets = [row for row in budgets if not by_the_week or row.kind in by_the_week]
    running = [row for row in budgets if row.starts_on <= on and (row.ends_on is None or row.ends_on > on)]
    if not running:
        return []
    chain = [max(running, key=lambda row: row.starts_on)]
    for row in sorted(budgets, key=lambda one: one.starts_on):
        ends_on = chain[-1].ends_on
        if row.starts_on > chain[-1].starts_on and (ends_on is None or row.starts_on <= ends_on):
            chain.append(row)
    return chain
