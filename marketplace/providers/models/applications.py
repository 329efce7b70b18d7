"""Rows of applications: answers, scores, decisions, appeals, agreements (C1, C2, V5)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.states import AgreementStatus, AppealStatus, ApplicationStatus, EvaluationStatus


class Application(Base, WithId):
    """An organisation's application in a round, for one lot or several."""

    __tablename__ = "applications"
    __table_args__ = (
        UniqueConstraint("round_id", "organisation_id"),
        UniqueConstraint("council_id", "reference"),
        Index("ix_applications_council_status", "council_id", "status", "submitted_at"),
        Index("ix_applications_organisation_id", "organisation_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    round_id: Mapped[UUID] = mapped_column(ForeignKey("rounds.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    reference: Mapped[str] = mapped_column(Text)
    """What people say on the telephone: "A-2027-0014"."""
    status: Mapped[ApplicationStatus] = mapped_column(choice(ApplicationStatus))
    earlier_id: Mapped[UUID | None] = mapped_column(ForeignKey("applications.id"))
    """The application whose answers were carried over."""
    late_reason: Mapped[str] = mapped_column(Text, default="")
    is_late: Mapped[bool] = mapped_column(default=False)
    submitted: Mapped[dict[str, Any] | None]
    """Every question and answer as they stood when it was sent in; what evaluators read."""
    submitted_hash: Mapped[bytes | None]
    """SHA-256 over `submitted` as canonical JSON."""
    submitted_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    submitted_at: Mapped[datetime | None]
    moderated_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    moderated_at: Mapped[datetime | None]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    feedback: Mapped[str] = mapped_column(Text, default="")
    """What the council says to the applicant about the whole."""
    reminded_at: Mapped[datetime | None]
    """When its people were told that the round closes soon and it is still a draft."""
    created_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class LotOutcome(StrEnum):
    """What the council decided about one lot of an application."""

    AWARDED = "awarded"
    REFUSED = "refused"


class ApplicationLot(Base, WithId):
    """A lot that an application is for, with what was decided."""

    __tablename__ = "application_lots"
    __table_args__ = (
        UniqueConstraint("application_id", "lot_id"),
        Index("ix_application_lots_council_id", "council_id"),
        Index("ix_application_lots_lot_id", "lot_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lots.id"))
    outcome: Mapped[LotOutcome | None] = mapped_column(choice(LotOutcome))
    score_percent: Mapped[int | None]
    """Weighted moderated score, rounded half up once."""
    reason: Mapped[str] = mapped_column(Text, default="")


class ApplicationAnswer(Base, WithId):
    """The answer to one criterion. Unanswered ones have no row."""

    __tablename__ = "application_answers"
    __table_args__ = (
        UniqueConstraint("application_id", "criterion_id"),
        Index("ix_application_answers_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    criterion_id: Mapped[UUID] = mapped_column(ForeignKey("criteria.id"))
    choice: Mapped[str] = mapped_column(Text, default="")
    """"yes" or "no" where the criterion asks for that."""
    words: Mapped[str] = mapped_column(Text, default="")
    carried_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("application_answers.id"))
    """The answer of an earlier round that it began as."""
    confirmed_at: Mapped[datetime | None]
    """When somebody said that it holds now; a carried answer counts only then."""
    updated_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ApplicationFile(Base):
    """A file that belongs to an answer."""

    __tablename__ = "application_files"
    __table_args__ = (
        Index("ix_application_files_answer_id", "answer_id"),
        Index("ix_application_files_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"), primary_key=True)
    answer_id: Mapped[UUID] = mapped_column(ForeignKey("application_answers.id"))


class Evaluation(Base, WithId):
    """One evaluator's part in an application: their interests, then their scores, unseen by the other evaluator."""

    __tablename__ = "evaluations"
    __table_args__ = (
        UniqueConstraint("application_id", "evaluator_user_id"),
        Index("ix_evaluations_council_id", "council_id", "evaluator_user_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    evaluator_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    status: Mapped[EvaluationStatus] = mapped_column(choice(EvaluationStatus))
    interest: Mapped[str] = mapped_column(Text, default="")
    """What the evaluator declared; empty where they declared that there is nothing."""
    declared_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    assigned_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    assigned_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class EvaluationScore(Base, WithId):
    """What one evaluator gives an answer, from 0 (nothing) to 5 (all of it, with proof)."""

    __tablename__ = "evaluation_scores"
    __table_args__ = (
        UniqueConstraint("evaluation_id", "criterion_id"),
        CheckConstraint("score BETWEEN 0 AND 5", name="score"),
        Index("ix_evaluation_scores_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey("evaluations.id"))
    criterion_id: Mapped[UUID] = mapped_column(ForeignKey("criteria.id"))
    score: Mapped[int]
    comment: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]


class ModeratedScore(Base, WithId):
    """What the evaluators agreed on, with the words the applicant gets."""

    __tablename__ = "moderated_scores"
    __table_args__ = (
        UniqueConstraint("application_id", "criterion_id"),
        CheckConstraint("score BETWEEN 0 AND 5", name="score"),
        Index("ix_moderated_scores_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    criterion_id: Mapped[UUID] = mapped_column(ForeignKey("criteria.id"))
    score: Mapped[int]
    feedback: Mapped[str] = mapped_column(Text)
    moderated_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime]


class Appeal(Base, WithId):
    """An applicant says that a decision was wrong; somebody who had no part in it looks again (V5)."""

    __tablename__ = "appeals"
    __table_args__ = (
        UniqueConstraint("application_id"),
        Index("ix_appeals_council_id", "council_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    status: Mapped[AppealStatus] = mapped_column(choice(AppealStatus))
    grounds: Mapped[str] = mapped_column(Text)
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    decision: Mapped[str] = mapped_column(Text, default="")
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Agreement(Base, WithId):
    """What both sides sign after an award. An accreditation counts from its first day, once both have signed (C2)."""

    __tablename__ = "agreements"
    __table_args__ = (
        UniqueConstraint("council_id", "reference", "number"),
        CheckConstraint("ends_on > starts_on", name="period"),
        Index("ix_agreements_council_status", "council_id", "status"),
        Index("ix_agreements_organisation_id", "organisation_id"),
        Index("ix_agreements_application_id", "application_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    application_id: Mapped[UUID | None] = mapped_column(ForeignKey("applications.id"))
    lot_ids: Mapped[dict[str, Any]]
    """`{"lots": [id, …]}`: what it covers."""
    reference: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(default=1)
    """Version of the agreement; a new one replaces the one before from its first day."""
    status: Mapped[AgreementStatus] = mapped_column(choice(AgreementStatus))
    terms: Mapped[str] = mapped_column(Text)
    """The whole text as it was signed."""
    terms_hash: Mapped[bytes]
    """SHA-256 over the terms, shown to both as its first 12 hexadecimal digits."""
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """First day on which it no longer counts."""
    sign_by: Mapped[date | None]
    """Last day for the organisation's signature."""
    reminded_at: Mapped[datetime | None]
    """When the organisation was reminded to sign."""
    provider_signed_name: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    provider_signed_role: Mapped[str] = mapped_column(Text, default="")
    provider_signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    provider_signed_at: Mapped[datetime | None]
    council_signed_name: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    council_signed_role: Mapped[str] = mapped_column(Text, default="")
    council_signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    council_signed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
