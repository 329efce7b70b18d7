"""Rows of the workforce: training, and the register of personal assistants a council approves (R11, R24, R25)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.states import PaApprovalStatus


class WorkerTraining(Base, WithId):
    """A course that a worker has done (R11)."""

    __tablename__ = "worker_training"
    __table_args__ = (
        CheckConstraint("expires_on IS NULL OR expires_on > done_on", name="period"),
        Index("ix_worker_training_worker_id", "worker_id", "course"),
    )

    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    course: Mapped[str] = mapped_column(Text)
    """Key of the course list, such as "person_centred"; "other" with a title."""
    title: Mapped[str] = mapped_column(Text, default="")
    given_by: Mapped[str] = mapped_column(Text, default="")
    """Who taught it."""
    done_on: Mapped[date]
    expires_on: Mapped[date | None]
    """First day on which it no longer counts."""
    recorded_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class PaApproval(Base, WithId):
    """A council's approval of a personal assistant, for a year at a time (R24, domain.md 4.3)."""

    __tablename__ = "pa_approvals"
    __table_args__ = (
        CheckConstraint("approved_until IS NULL OR approved_until > approved_from", name="period"),
        Index("ix_pa_approvals_council_id", "council_id", "status"),
        Index("ix_pa_approvals_worker_id", "worker_id"),
        Index(
            "ix_pa_approvals_open",
            "council_id",
            "worker_id",
            unique=True,
            postgresql_where=text("status IN ('draft', 'applied')"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    status: Mapped[PaApprovalStatus] = mapped_column(choice(PaApprovalStatus))
    route: Mapped[str] = mapped_column(Text)
    """"six_months" of trading, or the "starter" route with closer support; empty until it was chosen."""
    trading_since: Mapped[date | None]
    conduct_version: Mapped[str] = mapped_column(Text)
    """Which code of conduct was agreed to."""
    conduct_agreed_at: Mapped[datetime | None]
    accreditation_id: Mapped[UUID | None] = mapped_column(ForeignKey("accreditations.id"))
    """The accreditation for personal assistance that the approval gave."""
    approved_from: Mapped[date | None]
    approved_until: Mapped[date | None]
    """First day on which it no longer counts: a year after it began."""
    reason: Mapped[str] = mapped_column(Text, default="")
    renews_id: Mapped[UUID | None] = mapped_column(ForeignKey("pa_approvals.id"))
    changes: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """What is different since the last year, in the assistant's words; for the council alone."""
    reminded_days: Mapped[int | None]
    started_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    """None while it is being filled in."""
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class PaReference(Base, WithId):
    """Somebody who speaks for a personal assistant. Seen by the council alone."""

    __tablename__ = "pa_references"
    __table_args__ = (
        Index("ix_pa_references_approval_id", "approval_id"),
        Index("ix_pa_references_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    approval_id: Mapped[UUID] = mapped_column(ForeignKey("pa_approvals.id"))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    knows_as: Mapped[str] = mapped_column(Text, info=PERSONAL)
    """How they know the assistant: "employed her for two years"."""
    contact: Mapped[str] = mapped_column(Text, info=PERSONAL)
    outcome: Mapped[str] = mapped_column(Text, default="")
    """"good", "concerns" or "no_answer"; empty while nobody asked."""
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    taken_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    taken_at: Mapped[datetime | None]
