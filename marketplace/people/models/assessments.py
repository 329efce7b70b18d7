"""Rows of assessments: of needs, in one or two stages, and of what somebody can pay (domain.md 4.1, 4.7)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.people.states import AssessmentStatus


class AssessmentKind(StrEnum):
    """What is assessed."""

    ADULT = "adult"
    CARER_STAGE_1 = "carer_stage_1"
    """By the carer or an organisation; may trigger stage 2 (R14)."""
    CARER_STAGE_2 = "carer_stage_2"
    EQUIPMENT = "equipment"
    """Simplified, where minor aids are the only need (R15)."""


class Assessment(Base, WithId):
    """What somebody needs and what would change: told once, used everywhere (B3)."""

    __tablename__ = "assessments"
    __table_args__ = (
        Index("ix_assessments_person_id", "person_id", "completed_at"),
        Index("ix_assessments_council", "council_id", "status", "created_at", "id"),
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("previous_weekly_pence >= 0", name="previous"),
        CheckConstraint("status = 'draft' OR (completed_at IS NOT NULL AND is_eligible IS NOT NULL)", name="completed"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    """The adult, or the carer whose own needs these are."""
    cares_for_person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[AssessmentKind] = mapped_column(choice(AssessmentKind))
    status: Mapped[AssessmentStatus] = mapped_column(choice(AssessmentStatus))
    ras_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("ras_versions.id"))
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict, info=PERSONAL)
    """Key of the chosen answer by the key of the domain."""
    points: Mapped[int | None]
    is_eligible: Mapped[bool | None]
    rationale: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why this was decided (B26)."""
    in_my_words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    agreed_outcomes: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What should change, as agreed at the end (D3), one a line."""
    previous_weekly_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What support cost before, a week; None: there was none."""
    has_substantial_difficulty: Mapped[bool] = mapped_column(default=False)
    """In being involved: then somebody supports the person, an advocate where there is nobody (Care Act s.67)."""
    supported_by: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    assessed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    held_on: Mapped[date | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class MetBy(StrEnum):
    """Who meets a need (Care Act s.25)."""

    COUNCIL = "council"
    INFORMAL = "informal"
    """Family, friends, a carer willing and able."""
    COMMUNITY = "community"
    NOT_ELIGIBLE = "not_eligible"
    """Advice only."""


class AssessedNeed(Base, WithId):
    """One need that was found, whether it is eligible, and who meets it."""

    __tablename__ = "assessed_needs"
    __table_args__ = (UniqueConstraint("assessment_id", "position"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessments.id"))
    position: Mapped[int]
    outcome: Mapped[str] = mapped_column(Text)
    """Key of `people.words_assessments.CARE_ACT_OUTCOMES`."""
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    is_eligible: Mapped[bool]
    met_by: Mapped[MetBy] = mapped_column(choice(MetBy))
    how: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)


class FinancialAssessment(Base, WithId):
    """What somebody can pay towards their support; decided by the council, never delegated (domain.md 4.1)."""

    __tablename__ = "financial_assessments"
    __table_args__ = (
        UniqueConstraint("person_id", "starts_on"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        CheckConstraint(
            "capital_pence >= 0 AND income_weekly_pence >= 0 AND disregarded_weekly_pence >= 0 "
            "AND expenses_weekly_pence >= 0 AND protected_weekly_pence >= 0 AND tariff_income_weekly_pence >= 0 "
            "AND contribution_weekly_pence >= 0",
            name="amounts",
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    capital_pence: Mapped[int] = mapped_column(BigInteger)
    income_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    disregarded_weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Income that does not count."""
    expenses_weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Disability-related expenses."""
    protected_weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """What must be left to live on: the minimum income guarantee, from the current circular."""
    tariff_income_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    """£1 a week for each £250 between the capital limits."""
    contribution_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    """The most the person pays a week; capped by what the support costs where it is applied."""
    is_full_cost: Mapped[bool]
    """Capital above the upper limit: the person pays all of it."""
    is_light_touch: Mapped[bool] = mapped_column(default=False)
    """Without papers, because the outcome is plain or the person chose not to say."""
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    decided_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
