"""Rows of quality: feedback on delivered visits, and contract monitoring."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.quality.states import FeedbackStatus, ReturnStatus


class Feedback(Base, WithId):
    """What a person says of one delivered visit: one for each booking (domain.md 4.9)."""

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        Index("ix_feedback_booking_id", "booking_id", unique=True),
        Index("ix_feedback_council_status", "council_id", "status", "given_at"),
        Index("ix_feedback_organisation", "organisation_id", "given_at"),
        Index("ix_feedback_listing_id", "listing_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    status: Mapped[FeedbackStatus] = mapped_column(choice(FeedbackStatus))
    stars: Mapped[int]
    """1 to 5; 5 is best."""
    words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    signed: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """How the writer wants to be named in public; empty is "A person who had this support"."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it is not published."""
    given_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    given_at: Mapped[datetime]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    reply: Mapped[str] = mapped_column(Text, default="")
    replied_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    replied_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class MonitoringReturn(Base, WithId):
    """What an organisation did for a council in a quarter, filled from what the platform knows (B16)."""

    __tablename__ = "monitoring_returns"
    __table_args__ = (
        CheckConstraint("until_day > from_day", name="period"),
        UniqueConstraint("council_id", "organisation_id", "from_day"),
        Index("ix_monitoring_returns_council_status", "council_id", "status", "from_day"),
        Index("ix_monitoring_returns_organisation_id", "organisation_id", "from_day"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    from_day: Mapped[date]
    until_day: Mapped[date]
    """First day after the period."""
    due_on: Mapped[date]
    status: Mapped[ReturnStatus] = mapped_column(choice(ReturnStatus))
    figures: Mapped[dict[str, Any]]
    """Counted by the platform: numbers by key, in whole units or pence."""
    counted_at: Mapped[datetime]
    corrections: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Where the organisation counts otherwise: `{key: {"value": n, "why": text}}`; the platform's own number stays."""
    good: Mapped[str] = mapped_column(Text, default="")
    """What went well."""
    hard: Mapped[str] = mapped_column(Text, default="")
    """What was hard, and what would help."""
    sent_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    sent_at: Mapped[datetime | None]
    review: Mapped[str] = mapped_column(Text, default="")
    reviewed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reviewed_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
