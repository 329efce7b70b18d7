"""Rows of the ground floor: outbox, idempotency keys, life-cycle steps, scheduled runs."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice
from marketplace.core.ids import new_id


class OutboxMessage(Base):
    """A fact that happened, written in the same transaction as what it tells of."""

    __tablename__ = "outbox_messages"
    __table_args__ = (Index("ix_outbox_messages_waiting", "number", postgresql_where=text("relayed_at IS NULL")),)

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    council_id: Mapped[UUID | None]
    event: Mapped[str] = mapped_column(Text)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    relayed_at: Mapped[datetime | None]


class OutboxDelivery(Base):
    """What became of a message at one of its listeners: handled, or visibly parked."""

    __tablename__ = "outbox_deliveries"
    __table_args__ = (
        Index(
            "ix_outbox_deliveries_open",
            "enqueued_at",
            postgresql_where=text("handled_at IS NULL AND parked_at IS NULL"),
        ),
        Index("ix_outbox_deliveries_parked", "parked_at", postgresql_where=text("parked_at IS NOT NULL")),
    )

    message_id: Mapped[UUID] = mapped_column(ForeignKey("outbox_messages.id", ondelete="CASCADE"), primary_key=True)
    task: Mapped[str] = mapped_column(Text, primary_key=True)
    enqueued_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    handled_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


class IdempotencyKey(Base, WithId):
    """A form or API call that may arrive twice, and what the first one answered."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("actor", "key"), Index("ix_idempotency_keys_created_at", "created_at"))

    actor: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(Text)
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class Step(Base, WithId):
    """One step of a row's life cycle: from, to, when, who, why."""

    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_subject", "subject_kind", "subject_id", "at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    by_user_id: Mapped[UUID | None]
    why: Mapped[str] = mapped_column(Text, default="")


class ScheduledRun(Base):
    """When a scheduled job last ran."""

    __tablename__ = "scheduled_runs"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)


class PostcodeRow(Base):
    """A live postcode of Great Britain (ONS Postcode Directory), written with its space: "PR1 2HE"."""

    __tablename__ = "postcodes"

    postcode: Mapped[str] = mapped_column(Text, primary_key=True)
    lat: Mapped[float]
    lon: Mapped[float]
    lad_code: Mapped[str] = mapped_column(Text)


class Place(Base, WithId):
    """A town or city by name, for people who type one instead of a postcode."""

    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("name_key", "lat", "lon"), Index("ix_places_name_key", "name_key"))

    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    lat: Mapped[float]
    lon: Mapped[float]
    source: Mapped[str] = mapped_column(Text)


class ScanState(StrEnum):
    """What a virus scanner said about a file."""

    CLEAN = "clean"
    """Looked at by the scanner, or no scanner is set up and the file passed our own checks."""
    WAITING = "waiting"
    """The scanner did not answer; nobody may open the file until it does."""
    INFECTED = "infected"
    """Its content was thrown away."""


class StoredFile(Base, WithId):
    """A file that somebody gave, as we keep it: checked, cleaned, without what the camera wrote into it.

    Who may open it is for the package that links to it to say; the row by itself gives no right.
    """

    __tablename__ = "stored_files"
    __table_args__ = (
        CheckConstraint("size > 0", name="size"),
        Index("ix_stored_files_waiting", "stored_at", postgresql_where=text("scan = 'waiting'")),
    )

    name: Mapped[str] = mapped_column(Text)
    """As the sender called it, without its path and without characters that no file name should have."""
    media_type: Mapped[str] = mapped_column(Text)
    """By its content, never by its name."""
    size: Mapped[int]
    """Bytes as kept."""
    sha256: Mapped[bytes]
    """Of the bytes as kept."""
    pages: Mapped[int | None]
    changes: Mapped[list[str]] = mapped_column(default=list)
    """What was taken out when it was cleaned, in plain words."""
    scan: Mapped[ScanState] = mapped_column(choice(ScanState))
    scanned_at: Mapped[datetime | None]
    stored_by_user_id: Mapped[UUID | None]
    stored_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    """When its content was deleted; the row stays as a record of what was there."""


class FileContent(Base):
    """The bytes of a stored file, apart from its row so that lists never read them."""

    __tablename__ = "file_contents"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes]
