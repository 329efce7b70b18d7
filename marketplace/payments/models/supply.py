"""Rows between a council and its suppliers: self-billing agreements, VAT, uploaded files, questions, late interest."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.payments.states import BatchStatus, InterestStatus, PaymentQueryStatus, SelfBillingStatus
from marketplace.providers.models import ServiceLine, VatCategory


class SelfBillingAgreement(Base, WithId):
    """A supplier lets the council make out its invoices, for a time and one VAT number (domain.md 4.5, V10)."""

    __tablename__ = "self_billing_agreements"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="period"),
        CheckConstraint("(status = 'offered') = (signed_at IS NULL)", name="signed"),
        Index("ix_self_billing_agreements_organisation", "organisation_id", "council_id", "starts_on"),
        Index(
            "uq_self_billing_agreements_open",
            "council_id",
            "organisation_id",
            unique=True,
            postgresql_where=text("status = 'offered'"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[SelfBillingStatus] = mapped_column(choice(SelfBillingStatus))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """First day on which it no longer counts."""
    vat_number: Mapped[str] = mapped_column(Text, default="")
    """The supplier's when it signed; another one needs a new agreement. Empty: not registered."""
    offered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    offered_at: Mapped[datetime]
    signed_name: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    signed_at: Mapped[datetime | None]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str] = mapped_column(Text, default="")


class VatTreatment(Base, WithId):
    """How VAT applies to a supplier's service, from a day on: stated by the supplier, looked at by finance."""

    __tablename__ = "vat_treatments"
    __table_args__ = (
        Index(
            "uq_vat_treatments_first",
            "council_id",
            "organisation_id",
            "service_line",
            "starts_on",
            unique=True,
            postgresql_where=text("corrects_id IS NULL"),
        ),
        UniqueConstraint("corrects_id"),
        CheckConstraint("rate BETWEEN 0 AND 10000", name="rate"),
        CheckConstraint("corrected_at IS NULL OR agreed_at IS NOT NULL", name="corrected"),
        CheckConstraint("agreed_by_user_id IS NULL OR agreed_by_user_id <> stated_by_user_id", name="other_hand"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    """The council that looked at it."""
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    category: Mapped[VatCategory] = mapped_column(choice(VatCategory))
    rate: Mapped[int] = mapped_column(default=0)
    """Hundredths of a per cent: 2000 is 20 %."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """What the document says, such as "Exempt: welfare services by a charity (VAT Act 1994, schedule 9, group 7)"."""
    evidence: Mapped[str] = mapped_column(Text, default="")
    """What finance saw."""
    starts_on: Mapped[date]
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("vat_treatments.id"))
    """The wrong statement from the same day that it takes the place of; None for a first one."""
    corrected_at: Mapped[datetime | None]
    """When finance agreed to another in its place: it stays on record and counts no longer."""
    stated_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    stated_at: Mapped[datetime]
    agreed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    agreed_at: Mapped[datetime | None]


class InvoiceBatch(Base, WithId):
    """A file of visits that a supplier sent in: read, checked line by line, then sent on or dropped."""

    __tablename__ = "invoice_batches"
    __table_args__ = (
        CheckConstraint("clean_count + held_count + unread_count = row_count", name="counts"),
        Index("ix_invoice_batches_organisation", "organisation_id", "uploaded_at", "id"),
        Index(
            "uq_invoice_batches_file",
            "council_id",
            "organisation_id",
            "sha256",
            unique=True,
            postgresql_where=text("status = 'sent'"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[BatchStatus] = mapped_column(choice(BatchStatus))
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    row_count: Mapped[int]
    clean_count: Mapped[int]
    held_count: Mapped[int]
    unread_count: Mapped[int]
    """Rows that cannot become a line at all: they are listed in `problems` and go back to the supplier."""
    problems: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    """`{"row": int, "code": str, "words": str}`, at most the first 200."""
    uploaded_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    uploaded_at: Mapped[datetime]


class QueryKind(StrEnum):
    """What a supplier asks about payments (ContrOCC's list, domain.md 3.15)."""

    ACTUALS = "actuals"
    """Visits that differ from what was planned."""
    DEATH = "death"
    """The person has died."""
    INSTALMENTS = "instalments"
    PAYMENT = "payment"
    """Where is the money."""
    REMITTANCE = "remittance"
    """What a payment was for."""
    PRICE = "price"
    """The price went up."""
    SUSPENDED = "suspended"
    """Why a payment is held."""
    OTHER = "other"


class PaymentQuery(Base, WithId):
    """A supplier's question about money, and the council's answer."""

    __tablename__ = "payment_queries"
    __table_args__ = (
        Index("ix_payment_queries_council", "council_id", "status", "asked_at", "id"),
        Index("ix_payment_queries_organisation", "organisation_id", "asked_at", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[QueryKind] = mapped_column(choice(QueryKind))
    status: Mapped[PaymentQueryStatus] = mapped_column(choice(PaymentQueryStatus))
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))
    line_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoice_lines.id"))
    question: Mapped[str] = mapped_column(Text)
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    answer_by: Mapped[date]
    chased_at: Mapped[datetime | None]
    chase_count: Mapped[int] = mapped_column(default=0)
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]


class LateInterest(Base, WithId):
    """Interest and compensation on a debt paid late (domain.md 4.6): business debts only."""

    __tablename__ = "late_interests"
    __table_args__ = (
        UniqueConstraint("payable_id"),
        CheckConstraint("until_on > from_on", name="period"),
        CheckConstraint("decided_by_user_id IS NULL OR decided_by_user_id <> claimed_by_user_id", name="other_hand"),
        Index("ix_late_interests_council", "council_id", "status", "id"),
        Index("ix_late_interests_organisation_id", "organisation_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    payable_id: Mapped[UUID] = mapped_column(ForeignKey("payables.id"))
    status: Mapped[InterestStatus] = mapped_column(choice(InterestStatus))
    debt_pence: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date]
    """First day late."""
    until_on: Mapped[date]
    """Day of payment."""
    rate: Mapped[int]
    """Hundredths of a per cent a year: base rate of the half-year and 8 points."""
    interest_pence: Mapped[int] = mapped_column(BigInteger)
    fixed_pence: Mapped[int] = mapped_column(BigInteger)
    """£40, £70 or £100 by the size of the debt."""
    claimed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    claimed_at: Mapped[datetime]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")


class OnwardPayment(Base, WithId):
    """What a lead body owes its partner out of the council's money: the 30 days flow down (domain.md 4.6)."""

    __tablename__ = "onward_payments"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount"),
        UniqueConstraint("organisation_id", "partner_name", "reference"),
        Index("ix_onward_payments_council", "council_id", "due_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    """The lead body."""
    partner_name: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    """The partner's invoice number."""
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    due_on: Mapped[date]
    paid_on: Mapped[date | None]
    recorded_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime]
