"""Direct-payment accounts: paying in, and the statement that the person and finance both see."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_month
from marketplace.core.ids import new_id
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.ledger import LedgerRepository, LedgerService, Purpose, credit, debit
from marketplace.payments.repository.direct_payments import DirectPaymentRepository

MONTHS_IN_CHART = 6
MOST_LINES = 2_000
LARGEST_PAYMENT_PENCE = 10_000_000


class FundingSource(StrEnum):
    """Whose money is paid in."""

    COUNCIL = "council"
    CONTRIBUTION = "contribution"
    """The person's own share of the budget."""


KINDS = {
    FundingSource.COUNCIL: ("direct-payment-funding", Purpose.DIRECT_PAYMENT_SPEND, "Paid in by the council"),
    FundingSource.CONTRIBUTION: ("direct-payment-contribution", Purpose.CONTRIBUTIONS, "Own contribution paid in"),
}


class StatementLine(msgspec.Struct, frozen=True):
    """One entry with what the account held after it."""

    on: date
    words: str
    change_pence: int
    balance_pence: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A month of an account."""

    month: date
    opening_pence: int
    lines: list[StatementLine]
    closing_pence: int

    @property
    def name(self) -> str:
        """The month in words."""
        return uk_month(self.month)


class DirectPaymentService:
    """The verbs of direct-payment accounts."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.accounts = DirectPaymentRepository(db)

    async def fund(
        self,
        principal: Principal,
        person_id: UUID,
        amount_pence: int,
        reason: str,
        source: FundingSource = FundingSource.COUNCIL,
    ) -> UUID:
        """Note that money was paid into a person's direct payment. The council's bank moves it; we keep the book.

        Args:
            principal: Finance of the person's council.
            person_id: Whose account.
            amount_pence: 1 or more.
            reason: Kept in the audit log, such as "Four weeks from 1 March".
            source: The council, or the person's own contribution.

        Returns:
            Id of the ledger entry.

        Raises:
            NotFound: No person of this council with a direct payment.
            ValueError: No money at all.
        """
        principal.require(Permission.BUDGETS_SET)
        if amount_pence < 1:
            raise ValueError("Money paid in is a penny or more")
        person = await self.accounts.person(principal.council_id, person_id)
        if person is None or not await self.accounts.has_account(principal.council_id, person_id, today(self.clock)):
            raise NotFound
        kind, purpose, words = KINDS[source]
        entry_id = await LedgerService(self.db).post(
            principal.council_id,
            kind,
            new_id(),
            [debit(purpose, amount_pence), credit(Purpose.DIRECT_PAYMENT, amount_pence, person_id)],
            memo=words,
        )
        if entry_id is None:
            raise RuntimeError("A fresh id cannot have been posted before")
        audit.record(
            self.db,
            principal,
            "payments.fund_direct_payment",
            council_id=principal.council_id,
            subject_kind="person",
            subject_id=person_id,
            after={"amount_pence": amount_pence, "source": source, "entry_id": entry_id},
            why=reason,
        )
        return entry_id

    async def statement(self, council_id: UUID, person_id: UUID, month: date) -> Statement:
        """Return a month of a person's account with the balance after each line."""
        first, until = month.replace(day=1), next_month(month)
        ledger = LedgerRepository(self.db)
        account = await ledger.find_account(council_id, Purpose.DIRECT_PAYMENT, person_id)
        if account is None:
            return Statement(month=first, opening_pence=0, lines=[], closing_pence=0)
        balance = opening = await ledger.sum_before(account, first)
        lines = []
        for entry, change in await ledger.statement(account, first, until, limit=MOST_LINES):
            balance += int(change)
            lines.append(StatementLine(entry.effective_on, entry.memo or entry.kind, int(change), balance))
        return Statement(month=first, opening_pence=opening, lines=lines, closing_pence=balance)

    async def spending(self, council_id: UUID, person_id: UUID) -> list[tuple[date, int]]:
        """Return what was spent in each of the last six months, oldest first, as (first day, pence)."""
        months = [today(self.clock).replace(day=1)]
        while len(months) < MONTHS_IN_CHART:
            months.append(previous_month(months[-1]))
        account = await LedgerRepository(self.db).find_account(council_id, Purpose.DIRECT_PAYMENT, person_id)
        spent = await self.accounts.spent_by_month(account.id, months[-1]) if account else {}
        return [(month, spent.get(month, 0)) for month in reversed(months)]


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def previous_month(day: date) -> date:
    """Return the first day of the month before a day's."""
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)


def statement_csv(statement: Statement) -> str:
    """Write a statement for a spreadsheet: RFC 4180, amounts in pounds, no cell that could run as a formula."""
    month = statement.month.isoformat()
    lines: list[list[Cell]] = [
        [line.on.isoformat(), line.words, pounds_cell(line.change_pence), pounds_cell(line.balance_pence)]
        for line in statement.lines
    ]
    return csv_text(
        [
            ["Date", "What", "In or out", "Balance"],
            [month, "Balance at the start", "", pounds_cell(statement.opening_pence)],
            *lines,
            [month, "Balance at the end", "", pounds_cell(statement.closing_pence)],
        ]
    )
