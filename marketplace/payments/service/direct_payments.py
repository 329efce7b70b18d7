"""Direct-payment accounts: paying in, and the statement that the person and finance both see."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from uuid import UUID

import msgspec
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_month
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.ledger import LedgerRepository, Purpose
from marketplace.ledger.models import LedgerEntry
from marketplace.payments.models import MoneyMovement, MovementKind
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import ENTRY, MoneyRepository
from marketplace.payments.service.account.movements import LABELS, MovementService

MONTHS_IN_CHART = 6
MOST_LINES = 2_000
LARGEST_PAYMENT_PENCE = 10_000_000


class FundingSource(StrEnum):
    """What is paid in by hand."""

    COUNCIL = "council"
    CONTRIBUTION = "contribution"
    """The person's own share of the budget."""
    ONE_OFF = "one_off"
    """Money for one thing, outside the budget."""


KINDS = {
    FundingSource.COUNCIL: MovementKind.COUNCIL_SHARE,
    FundingSource.CONTRIBUTION: MovementKind.CONTRIBUTION,
    FundingSource.ONE_OFF: MovementKind.ONE_OFF,
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
    owed_opening_pence: int = 0
    owed_lines: list[StatementLine] = msgspec.field(default_factory=list)
    """Visits that the person approved and pays themselves, and what they paid of them."""
    owed_closing_pence: int = 0

    @property
    def has_owed(self) -> bool:
        """Whether the person pays visits themselves, so that the second table says something."""
        return bool(self.owed_lines or self.owed_opening_pence)

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
            reason: Shown on the statement, such as "Four weeks from 1 March".
            source: The council, the person's own contribution, or a one-off payment.

        Returns:
            Id of the movement.

        Raises:
            NotFound: No person of this council with a direct payment.
            ValueError: No money at all.
        """
        movement = await MovementService(self.db).pay_in(principal, person_id, KINDS[source], amount_pence, reason)
        return movement.id

    async def statement(self, council_id: UUID, person_id: UUID, month: date) -> Statement:
        """Return a month of a person's account with the balance after each line."""
        first = month.replace(day=1)
        ledger = LedgerRepository(self.db)
        found: dict[Purpose, tuple[int, Sequence[Row[LedgerEntry, int]]]] = {}
        for purpose, account in (await self.accounts.books(council_id, person_id)).items():
            opening = await ledger.sum_before(account, first)
            rows = await ledger.statement(account, first, next_month(first), limit=MOST_LINES)
            found[purpose] = (opening, rows)
        sources = {entry.source_id for _, rows in found.values() for entry, _ in rows if entry.kind == ENTRY}
        movements = await MoneyRepository(self.db).by_ids(sources) if sources else {}
        opening, lines, closing = _month(*found.get(Purpose.DIRECT_PAYMENT, (0, ())), movements)
        owed_opening, owed_lines, owed_closing = _month(*found.get(Purpose.PERSON_OWES, (0, ())), movements)
        return Statement(
            month=first,
            opening_pence=opening,
            lines=lines,
            closing_pence=closing,
            owed_opening_pence=owed_opening,
            owed_lines=owed_lines,
            owed_closing_pence=owed_closing,
        )

    async def spending(self, council_id: UUID, person_id: UUID) -> list[tuple[date, int]]:
        """Return what was spent in each of the last six months, oldest first, as (first day, pence)."""
        months = [today(self.clock).replace(day=1)]
        while len(months) < MONTHS_IN_CHART:
            months.append(previous_month(months[-1]))
        spent = await self.accounts.spent_by_month(council_id, person_id, months[-1])
        return [(month, spent.get(month, 0)) for month in reversed(months)]


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def previous_month(day: date) -> date:
    """Return the first day of the month before a day's."""
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)


def _month(
    opening: int, rows: Sequence[Row[LedgerEntry, int]], movements: Mapping[UUID, MoneyMovement]
) -> tuple[int, list[StatementLine], int]:
    """Write a month's entries with the balance after each."""
    balance, lines = opening, []
    for entry, change in rows:
        balance += int(change)
        movement = movements.get(entry.source_id)
        words = movement_words(movement) if movement else entry.memo or entry.kind
        lines.append(StatementLine(entry.effective_on, words, int(change), balance))
    return opening, lines, balance


def movement_words(movement: MoneyMovement) -> str:
    """Write what a movement was, for a statement: "Paid to Asda: Lunch at the club"."""
    words = LABELS[movement.kind]
    if movement.payee:
        words = f"{'Money back from' if movement.is_in else 'Paid to'} {movement.payee}"
    return f"{words}: {movement.what}" if movement.what else words


def statement_csv(statement: Statement) -> str:
    """Write a statement for a spreadsheet: RFC 4180, amounts in pounds, no cell that could run as a formula."""
    month = statement.month.isoformat()
    rows: list[list[Cell]] = [
        ["Date", "What", "In or out", "Balance"],
        [month, "Balance at the start", "", pounds_cell(statement.opening_pence)],
        *_cells(statement.lines),
        [month, "Balance at the end", "", pounds_cell(statement.closing_pence)],
    ]
    if statement.has_owed:
        rows += [
            ["Date", "Visits you pay yourself", "Approved or paid", "Still to pay"],
            [month, "Still to pay at the start", "", pounds_cell(statement.owed_opening_pence)],
            *_cells(statement.owed_lines),
            [month, "Still to pay at the end", "", pounds_cell(statement.owed_closing_pence)],
        ]
    return csv_text(rows)


def _cells(lines: list[StatementLine]) -> list[list[Cell]]:
    return [
        [line.on.isoformat(), line.words, pounds_cell(line.change_pence), pounds_cell(line.balance_pence)]
        for line in lines
    ]
