"""Rows of messaging: what was said to whom, by which channel."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    TEXT = "text"
    LETTER = "letter"


class MessageStatus(StrEnum):
    """Where a message is."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Message(Base, WithId):
    """One message to one reader."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_council_created", "council_id", "created_at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    channel: Mapped[Channel] = mapped_column(choice(Channel))
    to_address: Mapped[str] = mapped_column(Text, info=PERSONAL)
    template: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, info=PERSONAL)
    status: Mapped[MessageStatus] = mapped_column(choice(MessageStatus), default=MessageStatus.QUEUED)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
