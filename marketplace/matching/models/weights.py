"""Rows of weights: what counts how much, signed off by the council, dated and published."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice
from marketplace.matching.states import WeightStatus


class WeightPurpose(StrEnum):
    """What is ranked by the weights."""

    PLANNING = "planning"
    """Planners for a referral, one by one and over the waiting list."""
    CARE = "care"
    """Providers for hours of care."""
    OFFERS = "offers"
    """Offers that providers made for an anonymised requirement (K5)."""


class WeightSet(Base, WithId):
    """One version of a council's weights for a purpose. A published version never changes (trigger)."""

    __tablename__ = "weight_sets"
    __table_args__ = (
        UniqueConstraint("council_id", "purpose", "number"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("status = 'draft' OR starts_on IS NOT NULL", name="published"),
        Index("ix_weight_sets_council_id", "council_id", "purpose", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    purpose: Mapped[WeightPurpose] = mapped_column(choice(WeightPurpose))
    number: Mapped[int]
    """1 is the council's first version for the purpose."""
    status: Mapped[WeightStatus] = mapped_column(choice(WeightStatus))
    values: Mapped[dict[str, Any]]
    """Points by part, and reaches: the fields of the engine's `Weights` without its version."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it is as it is, published with it."""
    starts_on: Mapped[date | None]
    """First day on which it counts, until a newer version's first day. None while it is a draft."""
    drafted_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    drafted_at: Mapped[datetime]
    published_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
