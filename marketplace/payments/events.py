"""Facts that payments publishes."""

from uuid import UUID

from marketplace.core.events import Event


class SelfBillIssued(Event, frozen=True, kw_only=True):
    """A bill was made out for an organisation."""

    invoice_id: UUID
    organisation_id: UUID


class SelfBillHeld(Event, frozen=True, kw_only=True):
    """A bill will not be paid until a question is answered. The supplier is told without delay (domain.md 4.6)."""

    invoice_id: UUID
    organisation_id: UUID


class PaymentRunReleased(Event, frozen=True, kw_only=True):
    """A run left for the bank: payees get their remittance advice."""

    run_id: UUID


class BankDetailsEntered(Event, frozen=True, kw_only=True):
    """An organisation gave bank details; they wait for their check."""

    organisation_id: UUID
    bank_account_id: UUID


class BankDetailsChecked(Event, frozen=True, kw_only=True):
    """A second person accepted or refused bank details."""

    organisation_id: UUID
    bank_account_id: UUID
    is_accepted: bool
    reason: str = ""
