"""Rows of the resource allocation system: versions, the sample behind them, monthly figures (domain.md 4.7)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.people.states import RasStatus


class SliceOrder(StrEnum):
    """Whether the protected slice comes off before the budget is divided by the points (R4, R5 leave it open)."""

    FIRST = "first"
    AFTER = "after"


class WeeksOfYear(StrEnum):
    """How a year's sum becomes a week's."""

    WEEKS_52 = "52"
    DAYS_365 = "7/365"


class RasVersion(Base, WithId):
    """A version of a council's points and their value. Published ones never change: a run repeats to the penny."""

    __tablename__ = "ras_versions"
    __table_args__ = (
        UniqueConstraint("council_id", "number"),
        CheckConstraint("slice_basis_points BETWEEN 0 AND 10000", name="slice"),
        CheckConstraint("budget_pence >= 0 AND people_count >= 0", name="amounts"),
        CheckConstraint(
            "published_by_user_id IS NULL OR published_by_user_id <> proposed_by_user_id", name="other_publisher"
        ),
        CheckConstraint("status <> 'published' OR (starts_on IS NOT NULL AND point_value_pence > 0)", name="published"),
        Index("ix_ras_versions_council", "council_id", "status", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[RasStatus] = mapped_column(choice(RasStatus))
    domains: Mapped[list[dict[str, Any]]]
    """`[{"key", "label", "help", "answers": [{"key", "label", "points"}]}]`, in the order of the assessment."""
    budget_pence: Mapped[int] = mapped_column(BigInteger)
    """What a year's support may cost, before the slice."""
    people_count: Mapped[int]
    """People who use support now."""
    slice_basis_points: Mapped[int] = mapped_column(default=1500)
    """The protected part, hundredths of a per cent (R5: 15 %)."""
    slice_order: Mapped[SliceOrder] = mapped_column(choice(SliceOrder))
    weeks: Mapped[WeeksOfYear] = mapped_column(choice(WeeksOfYear))
    sample_count: Mapped[int] = mapped_column(default=0)
    mean_points: Mapped[Decimal] = mapped_column(Numeric(12, 4), default=Decimal(0))
    total_points: Mapped[Decimal] = mapped_column(Numeric(16, 4), default=Decimal(0))
    allocatable_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    protection_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    point_value_pence: Mapped[Decimal] = mapped_column(Numeric(14, 4), default=Decimal(0))
    """Pence a point a year, kept to four decimals."""
    fingerprint: Mapped[str] = mapped_column(Text, default="")
    """SHA-256 of the sample and all settings, set on publishing."""
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    note: Mapped[str] = mapped_column(Text, default="")
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    proposed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    proposed_at: Mapped[datetime | None]
    published_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class RasCase(Base, WithId):
    """One anonymous case of the sample that a version is calibrated on (R3)."""

    __tablename__ = "ras_cases"
    __table_args__ = (
        UniqueConstraint("ras_version_id", "reference"),
        CheckConstraint("points >= 0 AND previous_annual_pence >= 0", name="amounts"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    ras_version_id: Mapped[UUID] = mapped_column(ForeignKey("ras_versions.id"))
    position: Mapped[int]
    reference: Mapped[str] = mapped_column(Text)
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Key of the answer by the key of the domain, where the file gives answers: their points follow the version."""
    domain_points: Mapped[dict[str, Any]]
    """Points by the key of the domain."""
    points: Mapped[int]
    previous_annual_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What the person's support cost before, a year; None: not in the file."""
    age_band: Mapped[str] = mapped_column(Text, default="")
    care_group: Mapped[str] = mapped_column(Text, default="")
    ethnicity: Mapped[str] = mapped_column(Text, default="")
    gender: Mapped[str] = mapped_column(Text, default="")


class RasMonth(Base, WithId):
    """How a version stood at a month's end (C5, R27)."""

    __tablename__ = "ras_months"
    __table_args__ = (UniqueConstraint("ras_version_id", "month"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    ras_version_id: Mapped[UUID] = mapped_column(ForeignKey("ras_versions.id"))
    month: Mapped[date]
    """First day of the month."""
    people: Mapped[int]
    points: Mapped[int]
    indicative_annual_pence: Mapped[int] = mapped_column(BigInteger)
    """What the points of everybody come to."""
    final_annual_pence: Mapped[int] = mapped_column(BigInteger)
    """Of those whose final budget is agreed."""
    answered_annual_pence: Mapped[int] = mapped_column(BigInteger)
    """What the points gave these same people."""
    protection_annual_pence: Mapped[int] = mapped_column(BigInteger)
    alarms: Mapped[list[str]]
    """Keys of what went beyond its threshold."""
    made_at: Mapped[datetime]


class Protection(Base, WithId):
    """What a person is paid beyond the points so that support they have can go on, until it is looked at (R5)."""

    __tablename__ = "protections"
    __table_args__ = (
        CheckConstraint("annual_pence > 0", name="amount"),
        Index("ix_protections_council_review", "council_id", "review_on"),
        Index("ix_protections_person_id", "person_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budgets.id"), unique=True)
    ras_version_id: Mapped[UUID] = mapped_column(ForeignKey("ras_versions.id"))
    annual_pence: Mapped[int] = mapped_column(BigInteger)
    previous_annual_pence: Mapped[int] = mapped_column(BigInteger)
    review_on: Mapped[date]
    ended_on: Mapped[date | None]
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    agreed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    change_reason: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Why it was ended or goes on for longer, where somebody decided that."""
    changed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
