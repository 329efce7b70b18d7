"""Rows of messaging: what was said to whom, by which channel."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    TEXT = "text"
    LETTER = "letter"
    CALL = "call"
    """Somebody of the council rings and reads it out; it stands on their list until then."""


class MessageStatus(StrEnum):
    """Where a message is."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Message(Base, WithId):
    """One message to one reader."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_council_created", "council_id", "created_at"),
        Index(
            "ix_messages_by_hand",
            "council_id",
            "is_urgent",
            "created_at",
            "id",
            postgresql_where=text("status = 'queued' AND channel IN ('letter', 'call')"),
        ),
        Index("ix_messages_held", "not_before", postgresql_where=text("not_before IS NOT NULL")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    """Whom it concerns, where it went to a person by their own wishes."""
    format: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Key of `accounts.words.COMMUNICATION_NEEDS` it was made for: "large_print"; "" for plain."""
    channel: Mapped[Channel] = mapped_column(choice(Channel))
    to_address: Mapped[str] = mapped_column(Text, info=PERSONAL)
    template: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, info=PERSONAL)
    short_words: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What a text says, which is nothing personal. The body is kept for when no carrier takes texts."""
    is_urgent: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    not_before: Mapped[datetime | None]
    """Held until then, for its reader's quiet hours."""
    status: Mapped[MessageStatus] = mapped_column(choice(MessageStatus), default=MessageStatus.QUEUED)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    done_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Who posted the letter, or rang and read it out."""


class ContactPreference(Base, WithId):
    """How a person wants to be told things (Accessible Information Standard). No row: e-mail, plain."""

    __tablename__ = "contact_preferences"
    __table_args__ = (
        UniqueConstraint("council_id", "person_id"),
        CheckConstraint("quiet_from_hour BETWEEN 0 AND 23 AND quiet_until_hour BETWEEN 0 AND 23", name="quiet"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    channel: Mapped[Channel] = mapped_column(choice(Channel))
    urgent_channel: Mapped[Channel] = mapped_column(choice(Channel, "urgent_channel"))
    """For what can't wait, such as a worker who does not come."""
    format: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    phone: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    address: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Where letters go, lines and postcode."""
    quiet_from_hour: Mapped[int] = mapped_column(default=21)
    quiet_until_hour: Mapped[int] = mapped_column(default=8)
    """Texts that can wait are not sent between these hours (London)."""
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Thread(Base, WithId):
    """What a person and an organisation write about one thing, such as an agreement."""

    __tablename__ = "threads"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id"),
        Index("ix_threads_person", "council_id", "person_id", "updated_at"),
        Index("ix_threads_organisation", "organisation_id", "updated_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """The one worker who sees it, where it is with a personal assistant."""
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    person_read_at: Mapped[datetime | None]
    provider_read_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ThreadMessage(Base, WithId):
    """One thing that one side wrote. Never changed."""

    __tablename__ = "thread_messages"
    __table_args__ = (
        Index("ix_thread_messages_thread", "thread_id", "written_at", "id"),
        Index("ix_thread_messages_reported", "council_id", postgresql_where=text("reported_because <> ''")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.id"))
    is_providers: Mapped[bool]
    written_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    acting_for: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Name of the person, where somebody wrote for them."""
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    written_at: Mapped[datetime]
    reported_because: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why the other side reported it to the council; a broker may then read the thread."""
    reported_at: Mapped[datetime | None]
    report_settled_at: Mapped[datetime | None]


class ThreadFile(Base):
    """A file that came with a message."""

    __tablename__ = "thread_files"
    __table_args__ = (Index("ix_thread_files_message", "message_id"),)

    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"), primary_key=True)
    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("thread_messages.id"))
