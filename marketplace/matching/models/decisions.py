"""Rows round a decision: what the person said, what they contest, who must not act for whom, and late news."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.matching.states import AlertStatus, ContestStatus


class HeardHow(StrEnum):
    """How a person was heard."""

    ONLINE = "online"
    TELEPHONE = "telephone"
    IN_PERSON = "in_person"
    REPRESENTATIVE = "representative"
    ADVOCATE = "advocate"


class Preference(Base, WithId):
    """What the person, or who speaks for them, said they want: the duty to hear (Procurement Act, Schedule 5, 15-17).

    The newest row of a referral or requirement is the one that counts. A choice is followed; the engine never
    overrides it.
    """

    __tablename__ = "preferences"
    __table_args__ = (
        CheckConstraint("num_nonnulls(referral_id, requirement_id) = 1", name="subject"),
        Index("ix_preferences_referral_id", "referral_id", "heard_at"),
        Index("ix_preferences_requirement_id", "requirement_id", "heard_at"),
        Index("ix_preferences_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referrals.id"))
    requirement_id: Mapped[UUID | None] = mapped_column(ForeignKey("requirements.id"))
    how: Mapped[HeardHow] = mapped_column(choice(HeardHow))
    said: Mapped[str] = mapped_column(Text, info=PERSONAL)
    """In their words."""
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """Whom they chose; neither: no choice, they were heard all the same."""
    heard_at: Mapped[datetime]
    heard_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class Contest(Base, WithId):
    """A person contests who was proposed or chosen, and somebody looks at it again."""

    __tablename__ = "contests"
    __table_args__ = (
        CheckConstraint("num_nonnulls(referral_id, requirement_id) = 1", name="subject"),
        Index("ix_contests_council_id", "council_id", "status", "made_at"),
        Index("ix_contests_person_id", "person_id"),
        Index(
            "uq_contests_open_referral", "referral_id", unique=True, postgresql_where=text("status = 'open'")
        ),
        Index(
            "uq_contests_open_requirement", "requirement_id", unique=True, postgresql_where=text("status = 'open'")
        ),
    )  # fmt: skip

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referrals.id"))
    requirement_id: Mapped[UUID | None] = mapped_column(ForeignKey("requirements.id"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.id"))
    status: Mapped[ContestStatus] = mapped_column(choice(ContestStatus))
    said: Mapped[str] = mapped_column(Text, info=PERSONAL)
    wants: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What should happen instead."""
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    answer_by: Mapped[date]
    answer: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Somebody else than who decided."""
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ConflictKind(StrEnum):
    """Why somebody must not plan or care for a person."""

    SELLS_CARE = "sells_care"
    """Their organisation sells the person's care."""
    FAMILY = "family"
    EVALUATOR = "evaluator"
    """They decide about the person's money or assessment."""
    OTHER = "other"


class Conflict(Base, WithId):
    """A declared conflict of interest between a worker or an organisation and a person, or everybody of a council."""

    __tablename__ = "conflicts"
    __table_args__ = (
        CheckConstraint("num_nonnulls(worker_id, organisation_id) = 1", name="party"),
        Index("ix_conflicts_council_id", "council_id", "person_id"),
        Index("ix_conflicts_worker_id", "worker_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    """None: with everybody of the council (an evaluator of its cases)."""
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[ConflictKind] = mapped_column(choice(ConflictKind))
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    declared_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    declared_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    ended_why: Mapped[str] = mapped_column(Text, default="")


class RematchCause(StrEnum):
    """Late news."""

    CAPACITY = "capacity"
    """The planner's places or hours dropped below what is given to them."""
    ABSENCE = "absence"
    LEFT = "left"
    STANDING = "standing"
    """The organisation may not take new work."""
    HANDED_BACK = "handed_back"
    DECLINED = "declined"


class RematchAlert(Base, WithId):
    """A referral or requirement whose planner or provider may not hold, with the fresh proposal for the broker."""

    __tablename__ = "rematch_alerts"
    __table_args__ = (
        CheckConstraint("num_nonnulls(referral_id, requirement_id) = 1", name="subject"),
        Index("ix_rematch_alerts_council_id", "council_id", "status", "noticed_at"),
        Index(
            "uq_rematch_alerts_open_referral",
            "referral_id", "cause",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index(
            "uq_rematch_alerts_open_requirement",
            "requirement_id", "cause",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
    )  # fmt: skip

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referrals.id"))
    requirement_id: Mapped[UUID | None] = mapped_column(ForeignKey("requirements.id"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.id"))
    cause: Mapped[RematchCause] = mapped_column(choice(RematchCause))
    detail: Mapped[str] = mapped_column(Text, default="")
    """What changed, in plain words, about the planner or provider and not about the person."""
    status: Mapped[AlertStatus] = mapped_column(choice(AlertStatus))
    proposed_worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    proposed_score: Mapped[int | None]
    noticed_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    handled_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    handled_how: Mapped[str] = mapped_column(Text, default="")
