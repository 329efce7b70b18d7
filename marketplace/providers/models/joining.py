"""Rows of joining: what somebody answers who registers a provider, until they confirm their e-mail address."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId


class Joining(Base, WithId):
    """A registration on its way. Before it is confirmed it belongs to no council and nobody but its browser sees it.

    Once confirmed it keeps only which organisation came of it: such an organisation falls under the rule on insurance
    from its first day (`service.evidence`).
    """

    __tablename__ = "joinings"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        UniqueConstraint("organisation_id"),
        Index("ix_joinings_updated_at", "updated_at"),
    )

    secret_hash: Mapped[bytes | None]
    """Of the secret in the browser's cookie; None once it was sent in, so that the answers are not shown again."""
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict, info=PERSONAL)
    """By field, as the forms take them; empty once confirmed, but for who told it where an officer entered it."""
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    password_hash: Mapped[str] = mapped_column(Text, default="")
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    entered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """The council officer who enters it on a group's behalf."""
    entered_council_id: Mapped[UUID | None] = mapped_column(ForeignKey("councils.id"))
    """That officer's council; None where the group registers itself."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
