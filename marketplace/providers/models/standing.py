"""Rows of what an organisation may do on a day and why: holds, decisions, countersignatures, the trust passport."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.states import PassportShareStatus


class HoldCause(StrEnum):
    """Why an accreditation does not count for a time."""

    SUSPENSION = "suspension"
    """Somebody at the council decided so."""
    REGISTRATION = "registration"
    """The regulator's register no longer has it, and the lot needs that."""


class AccreditationHold(Base, WithId):
    """Days, half-open, on which an accreditation does not count. Never deleted: history is asked for by day.

    Evidence that is missing needs no hold: whether it counts on a day follows from the evidence itself.
    """

    __tablename__ = "accreditation_holds"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="period"),
        Index("ix_accreditation_holds_accreditation_id", "accreditation_id", "starts_on"),
        Index("ix_accreditation_holds_council_id", "council_id"),
        Index(
            "ix_accreditation_holds_open",
            "accreditation_id",
            "cause",
            unique=True,
            postgresql_where=text("ends_on IS NULL"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    accreditation_id: Mapped[UUID] = mapped_column(ForeignKey("accreditations.id"))
    cause: Mapped[HoldCause] = mapped_column(choice(HoldCause))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """First day on which it counts again; None while it lasts. Equal to `starts_on`: lifted on the same day."""
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ActionKind(StrEnum):
    """What a council did to an accreditation."""

    AWARD = "award"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    EXTEND = "extend"
    REMOVE = "remove"


class AccreditationAction(Base, WithId):
    """A decision about an accreditation, what it would affect as shown before, and the provider's reply (C2)."""

    __tablename__ = "accreditation_actions"
    __table_args__ = (
        Index("ix_accreditation_actions_council_id", "council_id", "made_at"),
        Index("ix_accreditation_actions_accreditation_id", "accreditation_id", "made_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    accreditation_id: Mapped[UUID] = mapped_column(ForeignKey("accreditations.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[ActionKind] = mapped_column(choice(ActionKind))
    starts_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    is_confidential: Mapped[bool] = mapped_column(default=False)
    """The provider is told that it is suspended, not why: a safeguarding enquiry runs."""
    effects: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Counts shown before it was decided: planners, open offers, coming visits, people."""
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    reply_until: Mapped[date | None]
    """Last day for the provider's reply."""
    reply: Mapped[str] = mapped_column(Text, default="")
    replied_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    replied_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    """What the council says to the reply."""
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Countersignature(Base, WithId):
    """A council says that it has looked at a piece of evidence itself (moonshot 7)."""

    __tablename__ = "countersignatures"
    __table_args__ = (
        Index(
            "ix_countersignatures_evidence_council",
            "evidence_id",
            "council_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("ix_countersignatures_council_id", "council_id"),
        Index("ix_countersignatures_evidence", "evidence_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("evidence.id"))
    signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    signed_at: Mapped[datetime]
    withdrawn_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")


class PassportShare(Base, WithId):
    """An organisation lets a council use its evidence, until it takes that back."""

    __tablename__ = "passport_shares"
    __table_args__ = (
        UniqueConstraint("organisation_id", "council_id"),
        Index("ix_passport_shares_council_id", "council_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[PassportShareStatus] = mapped_column(choice(PassportShareStatus))
    shared_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    shared_at: Mapped[datetime]
    revoked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    revoked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Passport(Base, WithId):
    """The public page of an organisation's checks: what it publishes, at an address that cannot be guessed."""

    __tablename__ = "passports"
    __table_args__ = (UniqueConstraint("organisation_id"), UniqueConstraint("token"))

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    token: Mapped[str] = mapped_column(Text)
    """Part of the page's address; changed when the provider wants old links and printed codes to stop working."""
    is_published: Mapped[bool] = mapped_column(default=False)
    shows: Mapped[list[str]] = mapped_column(default=list)
    """`EvidenceKind` values and "accreditations", "registration", "numbers" that the page shows."""
    updated_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class StatusTest(Base, WithId):
    """The result of the employment status check for a directly engaged worker (domain.md 4.3)."""

    __tablename__ = "status_tests"
    __table_args__ = (Index("ix_status_tests_organisation_id", "organisation_id"),)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    outcome: Mapped[str] = mapped_column(Text)
    """"employed", "self_employed" or "unable": what the tool said."""
    reference: Mapped[str] = mapped_column(Text)
    taken_on: Mapped[date]
    given_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    given_at: Mapped[datetime]


class MergeStep(Base, WithId):
    """Two organisations became one, or one copy was found to be another: history stays, new work goes to one."""

    __tablename__ = "organisation_merges"
    __table_args__ = (
        UniqueConstraint("from_organisation_id"),
        CheckConstraint("from_organisation_id <> into_organisation_id", name="two"),
        Index("ix_organisation_merges_council_id", "council_id"),
        Index("ix_organisation_merges_into", "into_organisation_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    """The council that recorded it."""
    from_organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    into_organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    merged_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    moved: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """How many workers, users and listings went over."""
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]


class OrganisationInvitation(Base, WithId):
    """A link by which somebody joins an organisation that is here. Only the hash of its secret is kept."""

    __tablename__ = "organisation_invitations"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        Index("ix_organisation_invitations_organisation_id", "organisation_id"),
        Index("ix_organisation_invitations_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    email: Mapped[str] = mapped_column(Text, info=PERSONAL)
    role: Mapped[str] = mapped_column(Text)
    """`Role` value: provider, planner or pa."""
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    secret_hash: Mapped[bytes]
    invited_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    invited_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class JoinRequestStatus(StrEnum):
    """What became of a request to join an organisation."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class JoinRequest(Base, WithId):
    """Somebody registered an organisation that is here already and asks to be let into it: never a second copy."""

    __tablename__ = "join_requests"
    __table_args__ = (
        Index("ix_join_requests_council_id", "council_id", "status"),
        Index("ix_join_requests_organisation_id", "organisation_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[JoinRequestStatus] = mapped_column(choice(JoinRequestStatus))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    email: Mapped[str] = mapped_column(Text, info=PERSONAL)
    password_hash: Mapped[str] = mapped_column(Text, default="")
    """Chosen at /join; becomes the account's when the request is accepted, and is emptied after a decision."""
    message: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    reason: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    """When those who decide were asked a second time; once."""
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
