"""Rows of changes that one side asks for and the other answers: a provider never moves a visit by itself."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.bookings.states import ProposalStatus
from marketplace.core.database import Base, WithId, choice


class ChangeScope(StrEnum):
    """How much of a weekly visit a change is about."""

    ONE = "one"
    FOLLOWING = "following"
    """From the week of one visit on."""
    ALL = "all"
    """Every visit that has not begun."""


class VisitProposal(Base, WithId):
    """A change of visits that the provider asks for. Nothing changes until the person says yes."""

    __tablename__ = "visit_proposals"
    __table_args__ = (
        CheckConstraint("(scope = 'one') = (booking_id IS NOT NULL)", name="one_visit"),
        CheckConstraint("(scope = 'one') = (pattern_id IS NULL)", name="one_pattern"),
        CheckConstraint("(status = 'asked') = (answered_at IS NULL)", name="answer"),
        Index("ix_visit_proposals_agreement", "agreement_id", "asked_at"),
        Index("uq_visit_proposals_open_visit", "booking_id", unique=True, postgresql_where=text("status = 'asked'")),
        Index("uq_visit_proposals_open_pattern", "pattern_id", unique=True, postgresql_where=text("status = 'asked'")),
        Index("ix_visit_proposals_open", "answer_by", postgresql_where=text("status = 'asked'")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("support_agreements.id"))
    scope: Mapped[ChangeScope] = mapped_column(choice(ChangeScope))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    pattern_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit_patterns.id"))
    from_on: Mapped[date]
    """The visit's day, or the first day from which the weekly visit changes."""
    wanted: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """What is asked for: "visit_on" or "weekday", "starts_local", "minutes", "every_weeks": ISO texts, numbers."""
    before_pence: Mapped[int] = mapped_column(BigInteger)
    after_pence: Mapped[int] = mapped_column(BigInteger)
    """What the visit, or a usual week, costs before and after, as both sides were shown."""
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    status: Mapped[ProposalStatus] = mapped_column(choice(ProposalStatus))
    answer_by: Mapped[datetime]
    """After this it lapses: the visit would begin, or the change would count."""
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
