"""Rows of waiting-list runs: what was asked, what the engine proposed, and what a person made of it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice
from marketplace.matching.states import ProposalStatus, RunStatus


class AssignmentRun(Base, WithId):
    """One proposal for the waiting list of a council or a part of it."""

    __tablename__ = "assignment_runs"
    __table_args__ = (
        UniqueConstraint("council_id", "reference"),
        CheckConstraint("progress_done >= 0 AND progress_total >= 0", name="progress"),
        Index("ix_assignment_runs_council_id", "council_id", "asked_at", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    reference: Mapped[str] = mapped_column(Text)
    """Such as "M-2027-00004"."""
    status: Mapped[RunStatus] = mapped_column(choice(RunStatus))
    scope: Mapped[dict[str, Any]]
    """What it covers: district codes and urgencies (empty is all), and the options of the engine."""
    salt: Mapped[str] = mapped_column(Text)
    """Published with the run: decides between equals (matching.md 3.3)."""
    replaces_run_id: Mapped[UUID | None] = mapped_column(ForeignKey("assignment_runs.id"))
    """The run whose pins and vetoes this one solves again."""
    weight_set_id: Mapped[UUID | None] = mapped_column(ForeignKey("weight_sets.id"))
    """None: the engine's own weights."""
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    """Last sign of life of the worker that has it; another takes a run over that shows none for long."""
    tries: Mapped[int] = mapped_column(default=0)
    """How often a worker began it."""
    stage: Mapped[str] = mapped_column(Text, default="")
    """What it is doing, in plain words."""
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int] = mapped_column(default=0)
    cancel_asked_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(Text, default="")
    cases: Mapped[int] = mapped_column(default=0)
    placed: Mapped[int] = mapped_column(default=0)
    is_optimal: Mapped[bool] = mapped_column(default=False)
    """Proven by a certificate that does not trust the solver."""
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Placed, waiting, miles, fit and spread of the proposal and of today's practices; bound, gap, seconds."""
    inputs_fingerprint: Mapped[str] = mapped_column(Text, default="")
    result_fingerprint: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class AssignmentRunFile(Base, WithId):
    """The stored inputs of a run and its certificate, packed: with them it can be repeated for ever."""

    __tablename__ = "assignment_run_files"
    __table_args__ = (UniqueConstraint("run_id"), Index("ix_assignment_run_files_council_id", "council_id"))

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey("assignment_runs.id"))
    inputs: Mapped[bytes] = mapped_column(LargeBinary)
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)


class Proposal(Base, WithId):
    """What a run proposes for one referral, and what a named person decided (UK GDPR 22A-22D)."""

    __tablename__ = "proposals"
    __table_args__ = (
        UniqueConstraint("run_id", "referral_id"),
        Index("ix_proposals_referral_id", "referral_id"),
        Index("ix_proposals_council_id", "council_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey("assignment_runs.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    status: Mapped[ProposalStatus] = mapped_column(choice(ProposalStatus))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """None: nobody can take the referral; `detail` says why."""
    start_on: Mapped[date | None]
    score: Mapped[int | None]
    own_rank: Mapped[int | None]
    """Where the planner stands in the referral's own ranking, 1 is first."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Points by part, reasons, metres; or the reason why nobody can take it, with its code."""
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.id"))
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(Text, default="")
    """Why it was not followed, or what stood in the way of the offer."""


class RuleKind(StrEnum):
    """What a broker fixes before solving again."""

    PIN = "pin"
    VETO = "veto"


class AssignmentRule(Base, WithId):
    """A pin (this planner) or a veto (not this planner) for one referral of a run; both apply when it is run again."""

    __tablename__ = "assignment_rules"
    __table_args__ = (
        UniqueConstraint("run_id", "referral_id", "worker_id"),
        Index("ix_assignment_rules_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey("assignment_runs.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    kind: Mapped[RuleKind] = mapped_column(choice(RuleKind))
    why: Mapped[str] = mapped_column(Text)
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
