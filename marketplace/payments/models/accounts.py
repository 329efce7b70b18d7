"""Rows of direct-payment accounts: how the money is held, what was paid in and out, receipts, audits."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.payments.states import AskStatus, AuditItemStatus, AuditStatus


class MovementKind(StrEnum):
    """What moved money in or out of a direct payment, other than a visit."""

    COUNCIL_SHARE = "council_share"
    CONTRIBUTION = "contribution"
    ONE_OFF = "one_off"
    PAYMENT = "payment"
    """Paid out by the person, from their own account or card."""
    REFUND = "refund"
    """Came back from a payee."""
    RECLAIM = "reclaim"
    """Taken back by the council, a surplus for example."""
    CORRECTION = "correction"


class Match(StrEnum):
    """Whether bookings prove a payment."""

    MATCHED = "matched"
    PARTLY = "partly"
    UNMATCHED = "unmatched"
    NOT_NEEDED = "not_needed"


class MoneyMovement(Base, WithId):
    """Money in or out of a direct payment that is no visit of its own: one ledger entry each."""

    __tablename__ = "money_movements"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount"),
        UniqueConstraint("reverses_id"),
        Index("ix_money_movements_person", "council_id", "person_id", "happened_on"),
        Index(
            "uq_money_movements_payday",
            "budget_id",
            "happened_on",
            "kind",
            unique=True,
            postgresql_where=text("budget_id IS NOT NULL"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[MovementKind] = mapped_column(choice(MovementKind))
    is_in: Mapped[bool]
    """Into the direct payment."""
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    happened_on: Mapped[date]
    payee: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    what: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    match: Mapped[Match] = mapped_column(choice(Match))
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("money_movements.id"))
    budget_id: Mapped[UUID | None] = mapped_column(ForeignKey("budgets.id"))
    """The budget whose schedule brought it; None for what somebody recorded."""
    recorded_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """None for what the budget's schedule brought."""
    recorded_at: Mapped[datetime]


class MovementVisit(Base, WithId):
    """Which visits a payment paid for, and how much of each. The parts of a visit never exceed what was approved."""

    __tablename__ = "movement_visits"
    __table_args__ = (
        UniqueConstraint("movement_id", "booking_id"),
        CheckConstraint("amount_pence > 0", name="amount"),
        Index("ix_movement_visits_booking", "booking_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    movement_id: Mapped[UUID] = mapped_column(ForeignKey("money_movements.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"))
    amount_pence: Mapped[int] = mapped_column(BigInteger)


class Receipt(Base):
    """A picture or paper that shows what was bought."""

    __tablename__ = "receipts"
    __table_args__ = (
        Index("ix_receipts_person", "person_id"),
        Index("ix_receipts_movement", "movement_id"),
        Index("ix_receipts_booking", "booking_id"),
    )

    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"), primary_key=True)
    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    movement_id: Mapped[UUID | None] = mapped_column(ForeignKey("money_movements.id"))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    added_at: Mapped[datetime]


class DirectPaymentAudit(Base, WithId):
    """A look at a direct payment over a period: only what no booking proves, or what is large, is asked about (C11).

    It is a record of money alone; reviews of outcomes are `plans` rows and never made from it (T14).
    """

    __tablename__ = "direct_payment_audits"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="period"),
        CheckConstraint("surplus_pence >= 0 AND reclaim_pence BETWEEN 0 AND surplus_pence", name="surplus"),
        CheckConstraint("instalments BETWEEN 1 AND 60", name="instalments"),
        Index("ix_direct_payment_audits_council", "council_id", "status", "opened_at"),
        Index("ix_direct_payment_audits_person", "person_id", "opened_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    status: Mapped[AuditStatus] = mapped_column(choice(AuditStatus))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    risk_points: Mapped[int]
    risk_reasons: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    """`{"code", "points", "words"}` each, as shown to the person, too."""
    spent_pence: Mapped[int] = mapped_column(BigInteger)
    proven_pence: Mapped[int] = mapped_column(BigInteger)
    surplus_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """What is above the weeks the council lets people keep."""
    reclaim_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    instalments: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    opened_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime]
    answer_by: Mapped[date | None]
    closed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class AuditItem(Base, WithId):
    """One payment or visit that an audit asks about."""

    __tablename__ = "audit_items"
    __table_args__ = (
        CheckConstraint("(movement_id IS NULL) <> (booking_id IS NULL)", name="one_subject"),
        UniqueConstraint("audit_id", "movement_id"),
        UniqueConstraint("audit_id", "booking_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    audit_id: Mapped[UUID] = mapped_column(ForeignKey("direct_payment_audits.id"))
    movement_id: Mapped[UUID | None] = mapped_column(ForeignKey("money_movements.id"))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    why: Mapped[str] = mapped_column(Text)
    status: Mapped[AuditItemStatus] = mapped_column(choice(AuditItemStatus))
    answer: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class MoneyAsk(Base, WithId):
    """A request for more money in a direct payment, and what the council answered. It moves no money by itself."""

    __tablename__ = "money_asks"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount"),
        Index("ix_money_asks_council", "council_id", "status", "asked_at"),
        Index("ix_money_asks_person", "person_id", "asked_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    status: Mapped[AskStatus] = mapped_column(choice(AskStatus))
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    is_weekly: Mapped[bool]
    """Each week; otherwise once."""
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
