"""What a payment run could pay, and what to look at before it does."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.payables import PayableRepository
from marketplace.payments.schemas import MOST_BILLS, ProposedBill, ProposedPayment, RunProposal
from marketplace.payments.service.bank_details import masked
from marketplace.payments.service.run_warnings import Payee, warnings_of

MOST_PAYABLES = 100_000
"""What one look at everything due takes in, however few organisations it is owed to."""


class ProposalService:
    """Answers what is due."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.payables = PayableRepository(db)
        self.accounts = BankAccountRepository(db)

    async def propose(self, principal: Principal, due_until: date) -> RunProposal:
        """Return what is owed and due on or before a day, by organisation, set off against credits, with warnings.

        An organisation without live bank details, or whose credits eat up its bills, is named but left out.
        """
        principal.require(Permission.RUNS_MAKE)
        council_id, day = principal.council_id, today(self.clock)
        rows = await self.payables.open_due(council_id, due_until, MOST_PAYABLES)
        payments = await self._payments(council_id, rows)
        most: int = await setting(self.db, council_id, "payments.run_lines", day)
        is_beyond = sum(not payment.is_left_out for payment in payments) > most or len(rows) == MOST_PAYABLES
        return RunProposal(payments, len(rows) > MOST_BILLS, is_beyond)

    async def _payments(self, council_id: UUID, rows: Sequence[Any]) -> list[ProposedPayment]:
        day = today(self.clock)
        groups = {owner: list(group) for owner, group in groupby(rows, lambda row: row.organisation_id)}
        live = await self.accounts.live_of(groups, day)
        payees = {owner: payee_of(group, live.get(owner, [])) for owner, group in groups.items()}
        warnings = await warnings_of(self.db, council_id, day, payees)
        return [
            ProposedPayment(
                owner,
                group[0].organisation,
                [ProposedBill(row.id, row.number, row.due_on, row.amount_pence) for row in group],
                payees[owner].total_pence,
                masked(live[owner][0]) if owner in live else "",
                warnings[owner],
            )
            for owner, group in groups.items()
        ]


def payee_of(rows: Sequence[Any], accounts: Sequence[Any]) -> Payee:
    """Add up what one organisation is owed: its bills less its credits."""
    return Payee(
        sum(row.amount_pence for row in rows), -sum(row.amount_pence for row in rows if row.amount_pence < 0), accounts
    )
