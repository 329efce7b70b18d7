"""Rows of paying organisations: tariffs, accruals, self-bills, bank accounts, payment runs."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.payments.states import InvoiceStatus, RunStatus


class TariffEvent(StrEnum):
    """What earns a tariff."""

    PLAN_COMPLETED = "plan_completed"
    REVIEW_HELD = "review_held"
    MONEY_MANAGEMENT_MONTH = "money_management_month"


class Tariff(Base, WithId):
    """A council's dated price for a service it pays by event.

    `bands` is a list of `{"up_to_minutes": int | null, "pence": int}` in rising order, the last without an upper end:
    the first band whose limit is not passed by the recorded visit time gives the fee.
    """

    __tablename__ = "tariffs"
    __table_args__ = (
        UniqueConstraint("council_id", "event", "starts_on"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    event: Mapped[TariffEvent] = mapped_column(choice(TariffEvent))
    name: Mapped[str] = mapped_column(Text)
    bands: Mapped[list[dict[str, Any]]]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(Text, default="")
    set_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]


class AccrualKind(StrEnum):
    """What was earned."""

    PLAN = "plan"
    VISIT = "visit"


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
    earned_on: Mapped[date]
    created_at: Mapped[datetime]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))


class InvoiceKind(StrEnum):
    """Which document."""

    SELF_BILL = "self_bill"


class NumberSeries(Base):
    """The last number given out of a council's document series: numbers have no gaps."""

    __tablename__ = "number_series"

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"), primary_key=True)
    series: Mapped[str] = mapped_column(Text, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class Invoice(Base, WithId):
    """A bill the council makes out for the supplier, for a period."""

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("council_id", "number"),
        CheckConstraint("total_pence > 0", name="total"),
        CheckConstraint("period_ends_on > period_starts_on", name="period"),
        Index("ix_invoices_council_status", "council_id", "status", "due_on", "id"),
        Index("ix_invoices_organisation", "organisation_id", "issued_on", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[InvoiceKind] = mapped_column(choice(InvoiceKind))
    number: Mapped[str] = mapped_column(Text)
    status: Mapped[InvoiceStatus] = mapped_column(choice(InvoiceStatus))
    period_starts_on: Mapped[date]
    period_ends_on: Mapped[date]
    issued_on: Mapped[date]
    due_on: Mapped[date]
    """30 days after issue (domain.md 4.6)."""
    total_pence: Mapped[int] = mapped_column(BigInteger)
    hold_reason: Mapped[str] = mapped_column(Text, default="")
    approved_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class InvoiceLine(Base, WithId):
    """One line of a bill: one accrual."""

    __tablename__ = "invoice_lines"
    __table_args__ = (UniqueConstraint("invoice_id", "position"), UniqueConstraint("accrual_id"))

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    accrual_id: Mapped[UUID] = mapped_column(ForeignKey("accruals.id"))
    position: Mapped[int]
    description: Mapped[str] = mapped_column(Text)
    amount_pence: Mapped[int] = mapped_column(BigInteger)


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
    checked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    live_from: Mapped[date | None]
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
    cancel_reason: Mapped[str] = mapped_column(Text, default="")


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


class PaymentRunInvoice(Base):
    """Which bills a run's line pays. A bill is in one run at a time."""

    __tablename__ = "payment_run_invoices"
    __table_args__ = (Index("ix_payment_run_invoices_invoice_id", "invoice_id"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("payment_runs.id"), primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("payment_run_lines.id"))
    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
