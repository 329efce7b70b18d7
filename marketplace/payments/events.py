"""Facts that payments publishes."""

from datetime import date
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


class HoldingSet(Event, frozen=True, kw_only=True):
    """Finance arranged who holds a person's direct payment from a day on."""

    person_id: UUID
    organisation_id: UUID | None
    holding: str
    starts_on: date


class MoneyAuditAsked(Event, frozen=True, kw_only=True):
    """A person is asked about some payments of their direct payment."""

    person_id: UUID
    audit_id: UUID
    items: int
    answer_by: date


class MoneyAuditAnswered(Event, frozen=True, kw_only=True):
    """Every question of a check was answered."""

    person_id: UUID
    audit_id: UUID


class MoneyAuditClosed(Event, frozen=True, kw_only=True):
    """A check of a direct payment has its outcome."""

    person_id: UUID
    audit_id: UUID
    reclaim_pence: int


class MoneyAskAnswered(Event, frozen=True, kw_only=True):
    """The council answered a request for more money."""

    person_id: UUID
    ask_id: UUID
    is_agreed: bool
