"""Rows of paying organisations: accruals, bills and their lines, bank accounts, payables, payment runs."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.payments.states import HoldReason, InvoiceStatus, LineStatus, PayableStatus, RunStatus
from marketplace.providers.models import ServiceLine, VatCategory


class AccrualKind(StrEnum):
    """What was earned."""

    PLAN = "plan"
    """A plan version passed and signed off: source is the version."""
    PLAN_STAGE = "plan_stage"
    """A stage of a plan that the tariff pays on its own: source is `stage_source(version, stage)`."""
    VISIT = "visit"
    REVIEW = "review"
    """A review held and signed: source is the review."""
    MONEY_MANAGEMENT = "money_management"
    """A month of money management: source is `month_source(money management, month)`."""
    CLAIM = "claim"
    """Something only people can see, agreed by the council: source is the `TariffClaim`."""
    BLOCK = "block"
    """A month of a block contract: source is `month_source(block contract, month)`."""
    INTEREST = "interest"
    """Interest and compensation for paying late: source is the `LateInterest`."""


class Accrual(Base, WithId):
    """Money an organisation has earned: one row for one event, ever."""

    __tablename__ = "accruals"
    __table_args__ = (
        UniqueConstraint("kind", "source_id"),
        CheckConstraint("amount_pence > 0", name="amount"),
        Index(
            "ix_accruals_unbilled", "council_id", "organisation_id", "earned_on", postgresql_where="invoice_id IS NULL"
        ),
        Index("ix_accruals_organisation", "organisation_id", "earned_on", "id"),
        Index("ix_accruals_invoice_id", "invoice_id"),
        Index("ix_accruals_person_id", "person_id", "kind", "earned_on"),
        Index("ix_accruals_council_earned", "council_id", "earned_on", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[AccrualKind] = mapped_column(choice(AccrualKind))
    source_id: Mapped[UUID]
    """The plan version or the booking."""
    tariff_id: Mapped[UUID | None] = mapped_column(ForeignKey("tariffs.id"))
    description: Mapped[str] = mapped_column(Text)
    """What stands on the self-bill: a reference, never a person's name."""
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    """With VAT where the supplier charges it."""
    working: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    """How the amount came about: `{"words": str, "pence": int}` in order; they add up to it. Empty for visits."""
    minutes: Mapped[int | None]
    """Time recorded for it or visited, minutes: cost truth (L22) and the wage check (domain.md 4.8)."""
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    service_line: Mapped[ServiceLine | None] = mapped_column(choice(ServiceLine))
    """What it was for: decides VAT and the cost code."""
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("budget_teams.id"))
    """Whose budget bears it (D17); None where the council keeps no teams."""
    earned_on: Mapped[date]
    created_at: Mapped[datetime]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))


class InvoiceKind(StrEnum):
    """Which document."""

    SELF_BILL = "self_bill"
    """The council makes it out under a self-billing agreement, or as a statement where VAT has no part."""
    SELF_BILL_CREDIT = "self_bill_credit"
    """Takes a self-bill back, whole or in part."""
    PROVIDER_INVOICE = "provider_invoice"
    """The supplier's own invoice."""
    CREDIT_NOTE = "credit_note"
    """The supplier's own credit note."""


CREDITS = frozenset({InvoiceKind.SELF_BILL_CREDIT, InvoiceKind.CREDIT_NOTE})
"""Kinds that take money back. Their amounts are positive like all others."""
SELF_BILLED = frozenset({InvoiceKind.SELF_BILL, InvoiceKind.SELF_BILL_CREDIT})


class NumberSeries(Base):
    """The last number given out of a council's document series: numbers have no gaps."""

    __tablename__ = "number_series"

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"), primary_key=True)
    series: Mapped[str] = mapped_column(Text, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class Invoice(Base, WithId):
    """A bill between a council and a supplier, whoever made it out. Amounts are positive, of credit notes too."""

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("council_id", "number"),
        CheckConstraint("total_pence > 0", name="total"),
        CheckConstraint("net_pence + vat_pence = total_pence", name="vat"),
        CheckConstraint("period_ends_on > period_starts_on", name="period"),
        CheckConstraint("(number IS NULL) = (status IN ('draft', 'withdrawn'))", name="numbered"),
        CheckConstraint("(credits_id IS NOT NULL) = (kind IN ('self_bill_credit', 'credit_note'))", name="credits"),
        Index("ix_invoices_council_status", "council_id", "status", "due_on", "id"),
        Index("ix_invoices_organisation", "organisation_id", "issued_on", "id"),
        Index("ix_invoices_credits_id", "credits_id"),
        Index("ix_invoices_batch_id", "batch_id"),
        Index(
            "uq_invoices_supplier_number",
            "council_id",
            "organisation_id",
            text("upper(supplier_number)"),
            unique=True,
            postgresql_where=text("supplier_number <> '' AND status NOT IN ('draft', 'withdrawn', 'refused')"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[InvoiceKind] = mapped_column(choice(InvoiceKind))
    number: Mapped[str | None] = mapped_column(Text)
    """The council's own number, without gaps in its series: SB-, SC-, PI- or CN-000001. None until it is sent in."""
    supplier_number: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What the supplier calls its own invoice; the same one is not taken twice."""
    status: Mapped[InvoiceStatus] = mapped_column(choice(InvoiceStatus))
    period_starts_on: Mapped[date]
    period_ends_on: Mapped[date]
    """First day after the period."""
    issued_on: Mapped[date]
    received_on: Mapped[date]
    """Day from which the 30 days run: the day a valid invoice came in, of self-bills the day of issue."""
    due_on: Mapped[date]
    """30 days after receipt (domain.md 4.6)."""
    net_pence: Mapped[int] = mapped_column(BigInteger)
    vat_pence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    total_pence: Mapped[int] = mapped_column(BigInteger)
    """All lines that were not refused, clean or held, with VAT."""
    buyer_reference: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Order or cost centre that the council's system wants to see (Peppol R003)."""
    parties: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """Names, addresses and numbers of both sides as they were: `{"supplier": {...}, "buyer": {...}}`."""
    credits_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))
    """The bill a credit note takes back."""
    self_billing_agreement_id: Mapped[UUID | None] = mapped_column(ForeignKey("self_billing_agreements.id"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice_batches.id"))
    hold_reason: Mapped[str] = mapped_column(Text, default="")
    """Why the whole bill is held; single lines have their own."""
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Why a credit note was made, or an invoice refused."""
    submitted_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    approved_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class InvoiceLine(Base, WithId):
    """One line of a bill. Each visit and each earning stands on one line that counts, ever."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint("amount_pence >= 0 AND vat_pence >= 0 AND vat_pence <= amount_pence", name="amount"),
        CheckConstraint("(status = 'held') = (reason_code IS NOT NULL)", name="held"),
        Index(
            "uq_invoice_lines_accrual_id",
            "accrual_id",
            unique=True,
            postgresql_where=text("status <> 'refused' AND NOT is_credit AND billed_again_on IS NULL"),
        ),
        Index("ix_invoice_lines_accrual_id", "accrual_id"),
        Index("ix_invoice_lines_booking_id", "booking_id"),
        Index("ix_invoice_lines_credits_line_id", "credits_line_id"),
        Index("ix_invoice_lines_payable_id", "payable_id"),
        Index("ix_invoice_lines_held", "council_id", "held_at", "id", postgresql_where=text("status = 'held'")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    position: Mapped[int]
    status: Mapped[LineStatus] = mapped_column(choice(LineStatus), default=LineStatus.CLEAN, server_default="clean")
    is_credit: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Of a credit note: takes back (part of) `credits_line_id`."""
    accrual_id: Mapped[UUID | None] = mapped_column(ForeignKey("accruals.id"))
    """What it bills; None while nothing that was earned fits it."""
    credits_line_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice_lines.id"))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    service_on: Mapped[date | None]
    description: Mapped[str] = mapped_column(Text)
    """What was supplied: a reference, never a person's name."""
    claimed_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What the supplier asked for, where that may differ from `amount_pence`."""
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    """With VAT."""
    vat_pence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """VAT inside the amount."""
    vat_category: Mapped[VatCategory] = mapped_column(
        choice(VatCategory), default=VatCategory.NOT_REGISTERED, server_default="not_registered"
    )
    vat_rate: Mapped[int] = mapped_column(default=0, server_default="0")
    """Hundredths of a per cent: 2000 is 20 %."""
    vat_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    asked: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """The row of an uploaded file as it came, by column; empty for lines of the platform's own."""
    reason_code: Mapped[HoldReason | None] = mapped_column(choice(HoldReason))
    """Why it is held now; the history is in `line_holds`."""
    held_at: Mapped[datetime | None]
    payable_id: Mapped[UUID | None] = mapped_column(ForeignKey("payables.id"))
    """With what it is paid."""
    billed_again_on: Mapped[date | None]
    """Day on which its earning was freed for another bill, after credit notes had taken all of the line back."""


class LineHold(Base, WithId):
    """A line was held, by whom, why, what the supplier answered and how it ended. Rows are kept for ever."""

    __tablename__ = "line_holds"
    __table_args__ = (
        Index("ix_line_holds_line_id", "line_id", "held_at"),
        Index("uq_line_holds_open", "line_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    line_id: Mapped[UUID] = mapped_column(ForeignKey("invoice_lines.id"))
    reason_code: Mapped[HoldReason] = mapped_column(choice(HoldReason))
    reason: Mapped[str] = mapped_column(Text, default="")
    stops_clock: Mapped[bool]
    """Whether the days of the hold do not count (the supplier's mistake or an open question), or do (the council's)."""
    held_at: Mapped[datetime]
    held_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """None: the check of the file or the bill did."""
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None]
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None]
    ended_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    outcome: Mapped[str] = mapped_column(Text, default="")
    """How it ended, for the supplier to read."""


class BankAccount(Base, WithId):
    """Where an organisation, or a council, is paid. The newest row that is live counts."""

    __tablename__ = "bank_accounts"
    __table_args__ = (
        CheckConstraint("sort_code ~ '^[0-9]{6}$' AND account_number ~ '^[0-9]{8}$'", name="digits"),
        CheckConstraint("checked_by_user_id IS NULL OR checked_by_user_id <> entered_by_user_id", name="other_checker"),
        CheckConstraint("(organisation_id IS NULL) <> (council_id IS NULL)", name="one_owner"),
        Index("ix_bank_accounts_organisation_id", "organisation_id"),
    )

    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    council_id: Mapped[UUID | None] = mapped_column(ForeignKey("councils.id"))
    account_name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    sort_code: Mapped[str] = mapped_column(Text, info=PERSONAL)
    account_number: Mapped[str] = mapped_column(Text, info=PERSONAL)
    service_user_number: Mapped[str] = mapped_column(Text, default="")
    """A council's Bacs service user number."""
    entered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    called_at: Mapped[datetime | None]
    """When finance called back, on a number known from before."""
    called_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    call_number_from: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Where the number that was called stood: the agreement, the register …; never the request itself."""
    call_spoke_to: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    check_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What the modulus check said, or why details were refused."""
    checked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    live_from: Mapped[date | None]
    """First day on which it is paid to, after the cooling-off days."""
    created_at: Mapped[datetime]


class PaymentRun(Base, WithId):
    """Payments that leave together: made by one person, released by another."""

    __tablename__ = "payment_runs"
    __table_args__ = (
        UniqueConstraint("council_id", "number"),
        CheckConstraint("released_by_user_id IS NULL OR released_by_user_id <> made_by_user_id", name="other_releaser"),
        Index("ix_payment_runs_council", "council_id", "made_at", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    number: Mapped[int]
    status: Mapped[RunStatus] = mapped_column(choice(RunStatus))
    is_rehearsal: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Goes through every check and makes a file marked as a rehearsal; moves no money and holds no payable."""
    pay_on: Mapped[date]
    """Day the money arrives (a Bacs processing day's entry day)."""
    total_pence: Mapped[int] = mapped_column(BigInteger)
    line_count: Mapped[int]
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    released_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    released_at: Mapped[datetime | None]
    file_sha256: Mapped[str | None] = mapped_column(Text)
    exported_at: Mapped[datetime | None]
    export_count: Mapped[int] = mapped_column(default=0)
    submitted_at: Mapped[datetime | None]
    """When somebody said that the bank has the file."""
    submitted_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    submission_reference: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What the bank or bureau answered."""
    confirmed_at: Mapped[datetime | None]
    """When the bank's report said that it was processed."""
    confirmed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    cancel_reason: Mapped[str] = mapped_column(Text, default="")
    """Why it pays nothing: it was cancelled, or the bank took none of it."""


class PaymentRunLine(Base, WithId):
    """One payment to one payee, with the bank details as they were when the run was made."""

    __tablename__ = "payment_run_lines"
    __table_args__ = (
        UniqueConstraint("run_id", "position"),
        CheckConstraint("amount_pence > 0", name="amount"),
        Index("ix_payment_run_lines_organisation_id", "organisation_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey("payment_runs.id"))
    position: Mapped[int]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    account_name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    sort_code: Mapped[str] = mapped_column(Text, info=PERSONAL)
    account_number: Mapped[str] = mapped_column(Text, info=PERSONAL)
    reference: Mapped[str] = mapped_column(Text)
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    """What the preview warned of: `{"code": str, "words": str}`; the releaser sees them again."""
    returned_on: Mapped[date | None]
    """When the bank sent it back."""


class Payable(Base, WithId):
    """What a council owes a supplier out of a bill: its clean lines at first, later what was held and agreed.

    A credit note's payable is negative and is set off in the next run. A returned payment opens it again.
    """

    __tablename__ = "payables"
    __table_args__ = (
        CheckConstraint("amount_pence <> 0", name="amount"),
        Index("ix_payables_council_status", "council_id", "status", "due_on", "id"),
        Index("ix_payables_organisation", "organisation_id", "created_at", "id"),
        Index("ix_payables_invoice_id", "invoice_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    status: Mapped[PayableStatus] = mapped_column(choice(PayableStatus))
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    """Day its 30 days run from."""
    due_on: Mapped[date]
    """Receipt and 30 days, later by the days for which its lines' holds stopped the clock."""
    paid_on: Mapped[date | None]
    """Day the payee got the money."""
    created_at: Mapped[datetime]


class PaymentRunInvoice(Base):
    """Which payables a run's line pays. A payable is in one run at a time."""

    __tablename__ = "payment_run_invoices"
    __table_args__ = (
        Index("ix_payment_run_invoices_invoice_id", "invoice_id"),
        Index("ix_payment_run_invoices_payable_id", "payable_id"),
        Index("ix_payment_run_invoices_line_id", "line_id"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("payment_runs.id"), primary_key=True)
    payable_id: Mapped[UUID] = mapped_column(ForeignKey("payables.id"), primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    line_id: Mapped[UUID] = mapped_column(ForeignKey("payment_run_lines.id"))
    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))


class ReturnedItem(Base, WithId):
    """A payment that the bank sent back, matched to its line or not."""

    __tablename__ = "returned_items"
    __table_args__ = (
        UniqueConstraint("line_id"),
        CheckConstraint("amount_pence > 0", name="amount"),
        Index("ix_returned_items_council", "council_id", "returned_on", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    line_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_run_lines.id"))
    """None: no line of any run fits; finance looks into it."""
    returned_on: Mapped[date]
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    reference: Mapped[str] = mapped_column(Text, default="")
    account_ends: Mapped[str] = mapped_column(Text, default="")
    """The last four digits of the account it was sent to."""
    code: Mapped[str] = mapped_column(Text)
    """The bank's reason code (ARUCS): 0 invalid details, 2 beneficiary deceased, 3 account transferred, 5 no account,
    B account closed, C payee unknown …"""
    note: Mapped[str] = mapped_column(Text, default="")
    entered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """When an unmatched item was dealt with."""
    settled_note: Mapped[str] = mapped_column(Text, default="")
