"""What a payment run could pay, and what to look at before it does."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import pounds, uk_date
from marketplace.payments.models import BankAccount, Invoice
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.schemas import MOST_BILLS, ProposedBill, ProposedPayment, RunProposal
from marketplace.payments.service.bank_details import masked

RECENT_CHANGE = timedelta(days=30)
USUAL_TIMES = 3
"""A payment above this many times the mean of earlier ones is unusually large."""


class ProposalService:
    """Answers what is due."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = PaymentRunRepository(db)
        self.accounts = BankAccountRepository(db)

    async def propose(self, principal: Principal, due_until: date) -> RunProposal:
        """Return the approved bills due on or before a day, by organisation, with warnings.

        An organisation without live bank details is named but left out.
        """
        principal.require(Permission.RUNS_MAKE)
        found = await self.runs.payable(principal.council_id, due_until, MOST_BILLS + 1)
        payments = await self._payments(principal.council_id, found[:MOST_BILLS])
        return RunProposal(payments, len(found) > MOST_BILLS)

    async def _payments(self, council_id: UUID, rows: Sequence[Row[Invoice, str]]) -> list[ProposedPayment]:
        day = today(self.clock)
        groups = [
            (organisation_id, list(group))
            for organisation_id, group in groupby(rows, lambda row: row[0].organisation_id)
        ]
        ids = [organisation_id for organisation_id, _ in groups]
        live = await self.accounts.live_of(ids, day)
        accredited = await self.runs.accredited(council_id, ids, day)
        usual = await self.runs.usual_pence(council_id, ids)
        large_pence: int = await setting(self.db, council_id, "payments.large_payment_pence", day)
        payments = []
        for organisation_id, group in groups:
            total_pence = sum(bill.total_pence for bill, _ in group)
            accounts = live.get(organisation_id, [])
            warnings = _account_warnings(accounts, day)
            if organisation_id not in accredited:
                warnings.append("Not accredited today. Check that the work was done while it was.")
            mean = usual.get(organisation_id)
            if mean is not None and total_pence > USUAL_TIMES * mean:
                warnings.append(f"Much more than usual: earlier payments were {pounds(mean)} on average.")
            elif total_pence > large_pence:
                warnings.append(f"Unusually large: more than {pounds(large_pence)}.")
            payments.append(
                ProposedPayment(
                    organisation_id,
                    group[0][1],
                    [ProposedBill(bill.id, bill.number or "", bill.due_on, bill.total_pence) for bill, _ in group],
                    total_pence,
                    masked(accounts[0]) if accounts else "",
                    warnings,
                )
            )
        return payments


def _account_warnings(accounts: Sequence[BankAccount], day: date) -> list[str]:
    """Warn of bank details that changed lately: the usual way in of payment fraud."""
    changed_on = accounts[0].live_from if len(accounts) > 1 else None
    if changed_on is None or changed_on <= day - RECENT_CHANGE:
        return []
    return [f"Bank details changed on {uk_date(changed_on)}. Call the organisation on a number you know."]
