"""Rows of who takes part in a plan: helpers of the person, organisations it is shared with (P3, D14, V14)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice


class HelperKind(StrEnum):
    """Who helps somebody with their plan (T15)."""

    FAMILY = "family"
    PEER = "peer"
    PLANNER = "planner"
    OTHER = "other"


class PlanHelper(Base, WithId):
    """Somebody the person asked to help with parts of their plan, for a time, by a link of their own."""

    __tablename__ = "plan_helpers"
    __table_args__ = (
        Index("ix_plan_helpers_plan_id", "plan_id"),
        CheckConstraint("expires_at > invited_at", name="period"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    kind: Mapped[HelperKind] = mapped_column(choice(HelperKind))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    sections: Mapped[list[str]]
    """Keys of `plans.sections.SECTIONS`: the only ones they see and write."""
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the link's secret; the secret itself is never kept."""
    invited_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    invited_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    first_seen_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class PlanShare(Base, WithId):
    """Sections of a plan that an organisation may read, from a day until a day, given by the person (D14)."""

    __tablename__ = "plan_shares"
    __table_args__ = (
        Index("ix_plan_shares_person_id", "person_id"),
        Index("ix_plan_shares_organisation_id", "organisation_id", "ends_on"),
        CheckConstraint("ends_on > starts_on", name="period"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    sections: Mapped[list[str]]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """First day on which it may not be read any more."""
    given_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    given_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    end_reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Empty: the person took it back; else why it ended by itself, such as the end of the provider's role."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
