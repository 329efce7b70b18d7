"""What is left of a direct payment once every promise is kept."""

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.repository import BookingRepository, BudgetRepository
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """A person's direct payment: pence held, promised and free, and the budget behind it."""

    balance_pence: int
    promised_pence: int
    weekly_pence: int
    budget_ends_on: date | None

    @property
    def free_pence(self) -> int:
        """What may still be promised; never less than nothing."""
        return max(0, self.balance_pence - self.promised_pence)

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
    budget = await BudgetRepository(db).direct_payment(council_id, person_id, on or today(clock_of(db)))
    if budget is None:
        return None
    ledger = LedgerService(db)
    read = ledger.locked_balance if locked else ledger.balance
    # The lock comes first: promises are counted when nobody else can add one.
    balance = await read(council_id, Purpose.DIRECT_PAYMENT, person_id)
    promised = await BookingRepository(db).committed_pence(council_id, person_id)
    return Purse(
        balance_pence=balance,
        promised_pence=promised,
        weekly_pence=budget.weekly_pence,
        budget_ends_on=budget.ends_on,
    )
