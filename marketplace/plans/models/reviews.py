"""Rows of reviews: when, who comes, what works, what changes, and who signed (L15-L18, T14)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.plans.states import ReviewStatus


class ReviewKind(StrEnum):
    """Which review."""

    WELFARE_CHECK = "welfare_check"
    """The first look, some weeks after the plan is in place (L15)."""
    ANNUAL = "annual"
    DIRECT_PAYMENT = "direct_payment"
    """How the direct payment works: within six months, then at gaps of twelve at most (domain.md 4.2)."""
    UNSCHEDULED = "unscheduled"
    """On request, or because something changed (S11, T14)."""


class Responsible(StrEnum):
    """Whose task a review is (L18: dated configuration)."""

    PLANNER = "planner"
    COUNCIL = "council"


class AskedBy(StrEnum):
    """Who asked for a review out of turn (S11: on reasonable request)."""

    PERSON = "person"
    FAMILY = "family"
    PROVIDER = "provider"
    COUNCIL = "council"
    PLANNER = "planner"


class ReviewOutcome(StrEnum):
    """What follows from a review. None of them cuts a budget: that takes a reassessment (S12)."""

    GO_ON = "go_on"
    CHANGE_PLAN = "change_plan"
    REASSESS = "reassess"
    END = "end"


class Review(Base, WithId):
    """A review of a plan. Separate from any audit of money (T14)."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("plan_id", "kind", "due_on"),
        CheckConstraint("window_starts_on <= due_on AND due_on <= window_ends_on", name="window"),
        CheckConstraint("num_nonnulls(facilitator_id, facilitator_user_id) <= 1", name="one_facilitator"),
        Index("ix_reviews_council_due", "council_id", "status", "due_on", "id"),
        Index("ix_reviews_facilitator_id", "facilitator_id", "status", "due_on"),
        Index("ix_reviews_person_id", "person_id", "due_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[ReviewKind] = mapped_column(choice(ReviewKind))
    status: Mapped[ReviewStatus] = mapped_column(choice(ReviewStatus))
    responsible: Mapped[Responsible] = mapped_column(
        choice(Responsible), default=Responsible.PLANNER, server_default="planner"
    )
    facilitator_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """Worker who facilitates: the same who made the plan, unless an exception is recorded (L16)."""
    facilitator_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Or somebody of the council. Neither: nobody has it yet."""
    facilitator_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Why it is not who facilitated the plan."""
    plan_in_place_on: Mapped[date]
    window_starts_on: Mapped[date]
    due_on: Mapped[date]
    window_ends_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Why an unscheduled one is held."""
    asked_by: Mapped[AskedBy | None] = mapped_column(choice(AskedBy))
    asked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    booked_on: Mapped[date | None]
    booked_at_time: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Local time, "14:30", where one was agreed."""
    place: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    held_on: Mapped[date | None]
    working: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    not_working: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    self_review_at: Mapped[datetime | None]
    """When the person sent their own answers beforehand (T14)."""
    outcome: Mapped[ReviewOutcome | None] = mapped_column(choice(ReviewOutcome))
    changes: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    changes_from: Mapped[date | None]
    person_signed_at: Mapped[datetime | None]
    person_signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    signed_at: Mapped[datetime | None]
    """By the facilitator, for the council."""
    signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class NoteKind(StrEnum):
    """Which list a note of a review stands on."""

    WORKING = "working"
    NOT_WORKING = "not_working"
    WISH = "wish"


class ReviewNote(Base, WithId):
    """A line that somebody wrote for a review: what works, what does not, what they would like."""

    __tablename__ = "review_notes"
    __table_args__ = (Index("ix_review_notes_review_id", "review_id", "id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    review_id: Mapped[UUID] = mapped_column(ForeignKey("reviews.id"))
    kind: Mapped[NoteKind] = mapped_column(choice(NoteKind))
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    by_name: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Who said it, as the page names them: "Me", "My sister"."""
    by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    written_at: Mapped[datetime]


class ReviewInvite(Base, WithId):
    """Somebody whom the person wants at a review (T15)."""

    __tablename__ = "review_invites"
    __table_args__ = (Index("ix_review_invites_review_id", "review_id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    review_id: Mapped[UUID] = mapped_column(ForeignKey("reviews.id"))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    relation: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    told_on: Mapped[date | None]
    """Which date they were last told of."""
    came: Mapped[bool | None]
    created_at: Mapped[datetime]


class Progress(StrEnum):
    """How far an outcome was reached."""

    REACHED = "reached"
    PARTLY = "partly"
    NOT_YET = "not_yet"
    NO_LONGER = "no_longer"
    """The person does not want it any more."""


class OutcomeResult(Base, WithId):
    """How far an outcome of the plan was reached, as a review found (L25)."""

    __tablename__ = "outcome_results"
    __table_args__ = (UniqueConstraint("review_id", "position"), Index("ix_outcome_results_council", "council_id"))

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    review_id: Mapped[UUID] = mapped_column(ForeignKey("reviews.id"))
    position: Mapped[int]
    outcome: Mapped[str] = mapped_column(Text, info=PERSONAL)
    """As the plan says it."""
    progress: Mapped[Progress] = mapped_column(choice(Progress))
    words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
