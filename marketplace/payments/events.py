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


class PaymentRunRejected(Event, frozen=True, kw_only=True):
    """The bank took none of a run: what it would have paid is owed again."""

    run_id: UUID


class PaymentRunConfirmed(Event, frozen=True, kw_only=True):
    """The bank has processed a run: what it pays is paid, apart from what came back."""

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


class InvoiceReceived(Event, frozen=True, kw_only=True):
    """A supplier sent an invoice or credit note in: finance is told, the supplier gets its receipt."""

    invoice_id: UUID
    organisation_id: UUID
    held_lines: int


class LinesHeld(Event, frozen=True, kw_only=True):
    """Lines of a bill are held: the supplier is told which and why without delay (domain.md 4.6)."""

    invoice_id: UUID
    organisation_id: UUID
    line_ids: tuple[UUID, ...]


class LineHoldEnded(Event, frozen=True, kw_only=True):
    """A held line is paid after all, or refused for good."""

    invoice_id: UUID
    organisation_id: UUID
    line_id: UUID
    is_paid: bool


class InvoiceRefused(Event, frozen=True, kw_only=True):
    """An invoice is not valid: the supplier is told why."""

    invoice_id: UUID
    organisation_id: UUID


class VatCorrected(Event, frozen=True, kw_only=True):
    """A wrong VAT treatment stands on a supplier's own invoices: only its own credit notes put them right."""

    treatment_id: UUID
    organisation_id: UUID


class CreditNoteIssued(Event, frozen=True, kw_only=True):
    """A bill was taken back, whole or in part."""

    invoice_id: UUID
    credits_id: UUID
    organisation_id: UUID


class SelfBillingOffered(Event, frozen=True, kw_only=True):
    """A supplier is asked to sign a self-billing agreement: there is none, it ends, or the VAT number changed."""

    agreement_id: UUID
    organisation_id: UUID
    why: str


class TariffClaimAsked(Event, frozen=True, kw_only=True):
    """A supplier claims a tariff for something the platform cannot see."""

    claim_id: UUID
    organisation_id: UUID


class TariffClaimDecided(Event, frozen=True, kw_only=True):
    """A claim was agreed or refused; an agreed one earns."""

    claim_id: UUID
    organisation_id: UUID
    is_agreed: bool


class WorkEarned(Event, frozen=True, kw_only=True):
    """A stage of a plan, a review or a month of money management has earned; its organisation is told.

    Nobody hears of visits and complete plans this way: those messages come from where they are approved.
    """

    accrual_id: UUID
    organisation_id: UUID


class LinesFreed(Event, frozen=True, kw_only=True):
    """Lines of a supplier's invoice that were taken back may stand on another one; the supplier is told."""

    invoice_id: UUID
    organisation_id: UUID
    line_count: int
    amount_pence: int
    """What was earned and may be invoiced again, with VAT."""


class TariffBookPublished(Event, frozen=True, kw_only=True):
    """A book of tariffs counts from a day on; what waited for a rule is tried again."""

    book_id: UUID


class PaymentReturned(Event, frozen=True, kw_only=True):
    """The bank sent a payment back: what it paid is owed again, the payee is told."""

    run_id: UUID
    line_id: UUID
    organisation_id: UUID
    code: str


class PaymentQueryAsked(Event, frozen=True, kw_only=True):
    """A supplier asks, or chases an answer."""

    query_id: UUID
    organisation_id: UUID
    is_chase: bool


class PaymentQueryAnswered(Event, frozen=True, kw_only=True):
    """Finance answered a supplier's question."""

    query_id: UUID
    organisation_id: UUID


class LateInterestDecided(Event, frozen=True, kw_only=True):
    """Interest for paying late was agreed or refused."""

    late_interest_id: UUID
    organisation_id: UUID
    is_agreed: bool
