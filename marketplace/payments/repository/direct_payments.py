"""Questions about direct payments: who has one, what is in it."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine, Purpose, Side
from marketplace.people.models import Budget, BudgetStatus, FundingRoute, Person


class Holder(NamedTuple):
    """A person with a direct payment."""

    person: Person
    weekly_pence: int
    balance_pence: int


class DirectPaymentRepository:
    """People with a direct payment."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def holders(self, council_id: UUID, on: date, *, after: Person | None, limit: int) -> list[Holder]:
        """Return people whose direct payment runs on a day, by name, from behind a person on."""
        newest = (
            select(func.coalesce(Budget.direct_weekly_pence, Budget.weekly_pence))
            .where(Budget.person_id == Person.id, _runs(on))
            .order_by(Budget.starts_on.desc())
            .limit(1)
            .correlate(Person)
            .scalar_subquery()
        )
        question = (
            select(Person, newest, func.coalesce(LedgerAccount.balance_pence, 0))
            .outerjoin(
                LedgerAccount,
                and_(
                    LedgerAccount.council_id == Person.council_id,
                    LedgerAccount.purpose == Purpose.DIRECT_PAYMENT,
                    LedgerAccount.owner_id == Person.id,
                ),
            )
            .where(Person.council_id == council_id, exists().where(Budget.person_id == Person.id, _runs(on)))
        )
        place = tuple_(Person.family_name, Person.id)
        if after is not None:
            question = question.where(place > tuple_(after.family_name, after.id))
        rows = await self.db.execute(question.order_by(Person.family_name, Person.id).limit(limit))
        return [Holder(person, int(weekly or 0), int(balance)) for person, weekly, balance in rows]

    async def person(self, council_id: UUID, person_id: UUID) -> Person | None:
        """Return a council's person."""
        found: Person | None = await self.db.scalar(
            select(Person).where(Person.council_id == council_id, Person.id == person_id)
        )
        return found

    async def has_account(self, council_id: UUID, person_id: UUID, on: date) -> bool:
        """Whether a person has a direct payment on a day, or had one that left an account."""
        budget = exists().where(Budget.council_id == council_id, Budget.person_id == person_id, _runs(on))
        account = exists().where(
            LedgerAccount.council_id == council_id,
            LedgerAccount.purpose == Purpose.DIRECT_PAYMENT,
            LedgerAccount.owner_id == person_id,
        )
        return bool(await self.db.scalar(select(or_(budget, account))))

    async def budgets(self, council_id: UUID, person_id: UUID) -> Sequence[Budget]:
        """Return a person's agreed direct payments, the newest first."""
        question = select(Budget).where(
            Budget.council_id == council_id,
            Budget.person_id == person_id,
            Budget.status == BudgetStatus.FINAL,
            Budget.route == FundingRoute.DIRECT_PAYMENT,
        )
        return (await self.db.scalars(question.order_by(Budget.starts_on.desc()))).all()

    async def books(self, council_id: UUID, person_id: UUID) -> dict[Purpose, LedgerAccount]:
        """Return what a person's direct payment is kept in: the payment itself, and what they owe for visits."""
        question = select(LedgerAccount).where(
            LedgerAccount.council_id == council_id,
            LedgerAccount.purpose.in_((Purpose.DIRECT_PAYMENT, Purpose.PERSON_OWES)),
            LedgerAccount.owner_id == person_id,
        )
        rows = await self.db.scalars(question.execution_options(populate_existing=True))
        return {row.purpose: row for row in rows}

    async def spent_by_month(self, council_id: UUID, person_id: UUID, from_day: date) -> dict[date, int]:
        """Return what left a direct payment, by the first day of the month: `spent[2027-03-01]` in pence."""
        month = func.date_trunc("month", LedgerEntry.effective_on)
        rows = await self.db.execute(
            select(month, func.sum(LedgerLine.amount_pence))
            .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
            .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
            .where(
                LedgerAccount.council_id == council_id,
                LedgerAccount.purpose == Purpose.DIRECT_PAYMENT,
                LedgerAccount.owner_id == person_id,
                LedgerLine.side == Side.DEBIT,
                LedgerEntry.effective_on >= from_day,
            )
            .group_by(month)
        )
        return {moment.date(): int(total) for moment, total in rows}


def _runs(on: date) -> ColumnElement[bool]:
    return and_(
        Budget.status == BudgetStatus.FINAL,
        Budget.route == FundingRoute.DIRECT_PAYMENT,
        Budget.starts_on <= on,
        or_(Budget.ends_on.is_(None), Budget.ends_on > on),
    )
