"""Rows of payments by card: payees at Stripe, payments, refunds, disputes, events, reconciliation."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice
from marketplace.payments.states import CardStatus, DisputeStatus, RefundStatus


class CardPayee(Base):
    """An organisation's connected account at Stripe: card money goes straight to it."""

    __tablename__ = "card_payees"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    stripe_account_id: Mapped[str] = mapped_column(Text, unique=True)
    can_take_payments: Mapped[bool]
    can_be_paid_out: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_complete: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether Stripe has all the details that it asked for."""
    asked_for: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    """Details that Stripe still wants, by its names."""
    disabled_why: Mapped[str] = mapped_column(Text, default="", server_default="")
    started_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime]


class CardPurpose(StrEnum):
    """What a card payment is for."""

    BOOKING = "booking"
    """One visit, before it is asked for."""
    TOP_UP = "top_up"
    """The part of a visit that the direct payment does not reach."""
    VISITS = "visits"
    """Approved visits of an agreement, together."""


class CardPayment(Base, WithId):
    """A card payment for one visit, for a part of one, or for several."""

    __tablename__ = "card_payments"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount"),
        CheckConstraint("refunded_pence BETWEEN 0 AND amount_pence", name="refund"),
        CheckConstraint("disputed_pence BETWEEN 0 AND amount_pence", name="dispute"),
        CheckConstraint("return_pence BETWEEN 0 AND amount_pence", name="return"),
        CheckConstraint("(booking_id IS NULL) = (purpose = 'visits')", name="subject"),
        Index("ix_card_payments_booking_id", "booking_id"),
        Index("ix_card_payments_open", "created_at", postgresql_where="status IN ('created', 'open', 'refunding')"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    purpose: Mapped[CardPurpose] = mapped_column(
        choice(CardPurpose), default=CardPurpose.BOOKING, server_default="booking"
    )
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    """The visit; None when it is for several (`card_payment_visits`)."""
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[CardStatus] = mapped_column(choice(CardStatus))
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    refunded_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    disputed_pence: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Taken back by the card holder's bank for now, or for good when the dispute is lost."""
    return_pence: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Goes back to the card as soon as a bank lets go of it: a visit ended while its payment was disputed."""
    fee_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What Stripe kept of it, from the balance transaction."""
    stripe_account_id: Mapped[str] = mapped_column(Text)
    stripe_charge_id: Mapped[str | None] = mapped_column(Text)
    stripe_session_id: Mapped[str | None] = mapped_column(Text, unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(Text, unique=True)
    checkout_url: Mapped[str] = mapped_column(Text, default="")
    refund_id: Mapped[UUID | None]
    """Our id of the refund asked for; its idempotency key at Stripe is made from it."""
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class CardPaymentVisit(Base, WithId):
    """One of several visits that a card payment pays for. A visit is in one open or paid payment only (service)."""

    __tablename__ = "card_payment_visits"
    __table_args__ = (
        UniqueConstraint("payment_id", "booking_id"),
        CheckConstraint("amount_pence > 0", name="amount"),
        Index("ix_card_payment_visits_booking", "booking_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("card_payments.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"))
    amount_pence: Mapped[int] = mapped_column(BigInteger)


class CardRefund(Base, WithId):
    """Money to give back to a card: all of a payment or a part. Above the council's limit a second person agrees."""

    __tablename__ = "card_refunds"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount"),
        CheckConstraint("agreed_by_user_id IS NULL OR agreed_by_user_id <> asked_by_user_id", name="other_approver"),
        Index("ix_card_refunds_payment", "payment_id"),
        Index("ix_card_refunds_open", "council_id", postgresql_where=text("status IN ('waiting', 'asked')")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("card_payments.id"))
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[RefundStatus] = mapped_column(choice(RefundStatus))
    reason: Mapped[str] = mapped_column(Text)
    asked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """None for what the platform's own rules give back."""
    asked_at: Mapped[datetime]
    agreed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    agreed_at: Mapped[datetime | None]
    stripe_refund_id: Mapped[str | None] = mapped_column(Text, unique=True)
    failed_why: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class CardDispute(Base, WithId):
    """A card holder told their bank that a payment was wrong."""

    __tablename__ = "card_disputes"
    __table_args__ = (
        CheckConstraint("withheld_pence BETWEEN 0 AND amount_pence", name="withheld"),
        Index("ix_card_disputes_payment", "payment_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("card_payments.id"))
    stripe_dispute_id: Mapped[str] = mapped_column(Text, unique=True)
    status: Mapped[DisputeStatus] = mapped_column(choice(DisputeStatus))
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    withheld_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """What the bank took back: 0 for a mere question, and once the dispute is won."""
    reason: Mapped[str] = mapped_column(Text, default="")
    answer_by: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class StripeBalanceLine(Base, WithId):
    """A balance transaction of a connected account, as Stripe keeps it: what reconciliation compares with."""

    __tablename__ = "stripe_balance_lines"
    __table_args__ = (
        UniqueConstraint("external_id"),
        Index("ix_stripe_balance_lines_account", "stripe_account_id", "created_at"),
        Index("ix_stripe_balance_lines_intent", "payment_intent_id"),
    )

    stripe_account_id: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    """Stripe's type: charge, refund, adjustment, payout …"""
    source_id: Mapped[str] = mapped_column(Text, default="")
    payment_intent_id: Mapped[str] = mapped_column(Text, default="")
    noted_council_id: Mapped[UUID | None]
    """As our own note in the charge says; None for what we did not start."""
    currency: Mapped[str] = mapped_column(Text)
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    fee_pence: Mapped[int] = mapped_column(BigInteger)
    net_pence: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime]


class CardReconciliation(Base, WithId):
    """What comparing a day's ledger with Stripe came to, for one council."""

    __tablename__ = "card_reconciliations"
    __table_args__ = (UniqueConstraint("council_id", "on_day"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    on_day: Mapped[date]
    ledger_pence: Mapped[int] = mapped_column(BigInteger)
    stripe_pence: Mapped[int] = mapped_column(BigInteger)
    fee_pence: Mapped[int] = mapped_column(BigInteger)
    matched: Mapped[int]
    made_at: Mapped[datetime]
    unread_why: Mapped[str] = mapped_column(Text, default="")
    """Why Stripe could not be read, "" when it could."""


class ReconciliationDifference(Base, WithId):
    """One thing in which ledger and Stripe differ, until somebody says what it was or it goes away by itself."""

    __tablename__ = "reconciliation_differences"
    __table_args__ = (
        UniqueConstraint("council_id", "kind", "subject"),
        Index(
            "ix_reconciliation_differences_open", "council_id", "found_on", postgresql_where=text("settled_at IS NULL")
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    kind: Mapped[str] = mapped_column(Text)
    """One of "missing_at_stripe", "missing_in_ledger", "amount", "refund_amount", "dispute", "unknown_account"."""
    subject: Mapped[str] = mapped_column(Text)
    """Our payment's id, or Stripe's id of what we do not know."""
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("card_payments.id"))
    ledger_pence: Mapped[int] = mapped_column(BigInteger)
    stripe_pence: Mapped[int] = mapped_column(BigInteger)
    found_on: Mapped[date]
    settled_at: Mapped[datetime | None]
    settled_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    settled_why: Mapped[str] = mapped_column(Text, default="")


class StripeEventRow(Base, WithId):
    """An event as Stripe sent it: stored once, handled once."""

    __tablename__ = "stripe_events"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_stripe_events_unhandled", "received_at", postgresql_where="handled_at IS NULL"),
    )

    source: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str] = mapped_column(Text)
    account_id: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Text, default="")
