"""Rows of accounts: councils, users, memberships, sessions, settings, audit."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.permissions import RepresentativeKind, Role
from marketplace.accounts.permissions import Scope as Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.database import Base, WithId, choice
from marketplace.core.ids import new_id

PERSONAL = {"personal": True}
"""Marks columns that hold facts about a person, so that export and erasure find them."""


class Council(Base, WithId):
    """A council that uses the installation."""

    __tablename__ = "councils"

    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    short_name: Mapped[str] = mapped_column(Text)
    lead_body: Mapped[str] = mapped_column(Text, default="")
    """The body that runs brokerage for the council, where it is not the council itself."""
    district_codes: Mapped[list[str]] = mapped_column(default=list)
    """ONS codes of the districts it serves."""
    theme: Mapped[str] = mapped_column(Text, default="teal")
    contact_phone: Mapped[str] = mapped_column(Text, default="")
    contact_email: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class CouncilSetting(Base, WithId):
    """A dated setting of a council: the newest row on or before a day counts on that day."""

    __tablename__ = "council_settings"
    __table_args__ = (UniqueConstraint("council_id", "key", "starts_on"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    key: Mapped[str] = mapped_column(Text)
    value: Mapped[dict[str, Any]]
    """`{"value": …}`: the setting may be a number, a text or a structure."""
    starts_on: Mapped[date]
    source: Mapped[str] = mapped_column(Text, default="")
    set_by_user_id: Mapped[UUID | None]
    set_at: Mapped[datetime]


class User(Base, WithId):
    """Somebody who can sign in."""

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(Text, unique=True, info=PERSONAL)
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    password_set_at: Mapped[datetime | None]


class Membership(Base, WithId):
    """A role somebody holds in a council, and for whom."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint(
            "user_id", "council_id", "role", "person_id", "organisation_id", postgresql_nulls_not_distinct=True
        ),
        Index("ix_memberships_council_id", "council_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    role: Mapped[Role] = mapped_column(choice(Role))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"), index=True)
    acting_for_name: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Name of the person a representative acts for, as the grant has it; shown in the banner."""
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]


class Representation(Base, WithId):
    """Somebody who may act for a person: for what, until when, on what evidence. Its membership is the key."""

    __tablename__ = "representations"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        CheckConstraint("checked_by_user_id IS NULL OR checked_by_user_id <> asked_by_user_id", name="other_checker"),
        Index("ix_representations_person", "council_id", "person_id", "status"),
        Index("ix_representations_user", "user_id"),
        Index("ix_representations_ending", "ends_on", postgresql_where=text("status = 'live'")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """None until the invited person has answered."""
    membership_id: Mapped[UUID | None] = mapped_column(ForeignKey("memberships.id"), unique=True)
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    email: Mapped[str] = mapped_column(Text, info=PERSONAL)
    relationship: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """In the person's words: "my sister"."""
    kind: Mapped[RepresentativeKind] = mapped_column(choice(RepresentativeKind))
    scopes: Mapped[list[str]] = mapped_column(default=list)
    """Members of `Scope`."""
    status: Mapped[RepresentationStatus] = mapped_column(choice(RepresentationStatus))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    evidence_note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Number of the order or the registered power."""
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"))
    invitation_hash: Mapped[bytes | None] = mapped_column(unique=True)
    invitation_ends_at: Mapped[datetime | None]
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    checked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    checked_at: Mapped[datetime | None]
    ended_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why it was refused or ended."""
    told_on: Mapped[date | None]
    """When the person was last told that somebody acts for them."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class LawRate(Base, WithId):
    """A figure of the law from a day on, for everybody: wages, National Insurance, pension, sick pay."""

    __tablename__ = "law_rates"
    __table_args__ = (UniqueConstraint("key", "starts_on"),)

    key: Mapped[str] = mapped_column(Text)
    value: Mapped[int] = mapped_column(BigInteger)
    unit: Mapped[str] = mapped_column(Text)
    """One of "pence", "pence_a_year", "pence_a_week", "basis_points" (hundredths of a per cent), "weeks_tenths"."""
    starts_on: Mapped[date]
    source: Mapped[str] = mapped_column(Text)


class SessionRow(Base, WithId):
    """A signed-in browser. The cookie holds a secret of which only the hash is stored."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_expires_at", "expires_at"), Index("ix_sessions_user_id", "user_id"))

    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    membership_id: Mapped[UUID] = mapped_column(ForeignKey("memberships.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """When the password was last given again, before something that moves money."""


class PasswordReset(Base, WithId):
    """A link to choose a new password: single use, short-lived, stored as a hash."""

    __tablename__ = "password_resets"

    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AttemptKind(StrEnum):
    """What was tried."""

    SIGN_IN = "sign_in"
    RESET = "reset"


class Attempt(Base, WithId):
    """A failed sign-in or a reset request, for limits. Keys are hashes of an address or an e-mail."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_lookup", "kind", "key_hash", "at"),)

    kind: Mapped[AttemptKind] = mapped_column(choice(AttemptKind))
    key_hash: Mapped[bytes]
    at: Mapped[datetime]


class AuditEntry(Base):
    """Who changed what, before and after, and why. Never edited, never deleted."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_council_number", "council_id", "number"),
        Index("ix_audit_entries_subject", "subject_kind", "subject_id"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    at: Mapped[datetime]
    user_id: Mapped[UUID | None]
    role: Mapped[str | None] = mapped_column(Text)
    on_behalf_of: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(Text)
    """`package.verb_object`, such as `bookings.accept`."""
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    before: Mapped[dict[str, Any] | None] = mapped_column(info=PERSONAL)
    after: Mapped[dict[str, Any] | None] = mapped_column(info=PERSONAL)
    why: Mapped[str] = mapped_column(Text, default="")


class AuditSeal(Base):
    """The hash chain over a council's audit entries: each seal covers its entry and the seal before it."""

    __tablename__ = "audit_seals"
    __table_args__ = (UniqueConstraint("entry_number"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_number: Mapped[int] = mapped_column(BigInteger, ForeignKey("audit_entries.number"))
    hash: Mapped[bytes]
