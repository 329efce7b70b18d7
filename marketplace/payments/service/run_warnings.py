"""What to look at before payments leave: the marks of fraud and of mistakes."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.core.formats import pounds, uk_date
from marketplace.core.settings import modulus_folder
from marketplace.payments.models import BankAccount
from marketplace.payments.modulus import failures, tables_of
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.schemas import RunWarning, Warned

RECENT_CHANGE = timedelta(days=30)
RETURNED_LATELY = timedelta(days=365)
USUAL_TIMES = 3
"""A payment above this many times the mean of earlier ones is unusually large."""
USUAL_FROM = 3
"""How many earlier payments make a mean worth comparing with."""


class Payee(msgspec.Struct, frozen=True):
    """One payment as a run would make it."""

    total_pence: int
    set_off_pence: int
    """What credit notes take off it, 0 or more."""
    accounts: Sequence[BankAccount]
    """Details that have gone live, the one that counts first."""


async def warnings_of(
    db: AsyncSession, council_id: UUID, day: date, payees: Mapping[UUID, Payee]
) -> dict[UUID, list[Warned]]:
    """Return the warnings of each payment by organisation: `warnings[organisation_id]`.

    Args:
        db: The transaction.
        council_id: Who pays.
        day: Today.
        payees: What would be paid, by organisation.
    """
    runs, accounts = PaymentRunRepository(db), BankAccountRepository(db)
    ids = list(payees)
    accredited = await runs.accredited(council_id, ids, day)
    before = await runs.paid_before(council_id, ids)
    returned = await runs.returned_to(council_id, ids, day - RETURNED_LATELY)
    in_use = [(owner, payee.accounts[0]) for owner, payee in payees.items() if payee.accounts]
    shared = await accounts.shared([account.id for _, account in in_use], day)
    pairs = [(account.sort_code, account.account_number) for _, account in in_use]
    failing = {in_use[place][1].id for place in failures(pairs, tables_of(modulus_folder()))}
    large_pence: int = await setting(db, council_id, "payments.large_payment_pence", day)
    found: dict[UUID, list[Warned]] = {}
    for owner, payee in payees.items():
        warnings = _of_account(payee.accounts, day, shared, failing)
        times, mean = before.get(owner, (0, 0))
        if payee.accounts and owner in returned:
            on, *account = returned[owner]
            if account == [payee.accounts[0].sort_code, payee.accounts[0].account_number]:
                warnings.append(Warned(RunWarning.RETURNED, f"A payment to this account came back on {uk_date(on)}."))
        if owner not in accredited:
            words = "Not accredited today. Check that the work was done while it was."
            warnings.append(Warned(RunWarning.NOT_ACCREDITED, words))
        if not times:
            warnings.append(Warned(RunWarning.NEW_PAYEE, "First payment to this organisation."))
        if times >= USUAL_FROM and payee.total_pence > USUAL_TIMES * mean:
            words = f"Much more than usual: earlier payments were {pounds(mean)} on average."
            warnings.append(Warned(RunWarning.UNUSUAL, words))
        elif payee.total_pence > large_pence:
            warnings.append(Warned(RunWarning.LARGE, f"Unusually large: more than {pounds(large_pence)}."))
        if payee.set_off_pence:
            words = f"Credit notes of {pounds(payee.set_off_pence)} are taken off."
            warnings.append(Warned(RunWarning.SET_OFF, words))
        found[owner] = warnings
    return found


def _of_account(accounts: Sequence[BankAccount], day: date, shared: set[UUID], failing: set[UUID]) -> list[Warned]:
    """Warn of bank details that changed lately, the usual way in of payment fraud, and of doubtful ones."""
    if not accounts:
        return []
    found, account = [], accounts[0]
    changed_on = account.live_from if len(accounts) > 1 else None
    if changed_on is not None and changed_on > day - RECENT_CHANGE:
        words = f"Bank details changed on {uk_date(changed_on)}. Call the organisation on a number you know."
        found.append(Warned(RunWarning.DETAILS_CHANGED, words))
    if account.id in shared:
        words = "Another organisation is paid into the same account. Find out why before you pay."
        found.append(Warned(RunWarning.SHARED_ACCOUNT, words))
    if account.id in failing:
        found.append(Warned(RunWarning.MODULUS, "The account number does not fit the sort code."))
    return found
