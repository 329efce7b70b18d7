"""Rows of somebody moving to another council: the move, and the case that reaches the new council (Care Act s.37)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId


class CouncilMove(Base, WithId):
    """Somebody moves away: the day, where to, and what they decided. Kept by the council they leave."""

    __tablename__ = "council_moves"
    __table_args__ = (
        CheckConstraint("(to_council_id IS NULL) = (to_name <> '')", name="destination"),
        CheckConstraint("to_council_id <> council_id", name="another"),
        CheckConstraint("consent IN ('asked', 'yes', 'no')", name="consent"),
        CheckConstraint("support IN ('', 'ends', 'goes_on')", name="support"),
        CheckConstraint("(consent = 'asked') = (answered_at IS NULL)", name="answer"),
        Index("uq_council_moves_open", "person_id", unique=True, postgresql_where=text("cancelled_at IS NULL")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    moves_on: Mapped[date]
    """First day in the new place."""
    to_council_id: Mapped[UUID | None] = mapped_column(ForeignKey("councils.id"))
    """None: the new council is not on the platform."""
    to_name: Mapped[str] = mapped_column(Text, default="")
    """Its name then."""
    consent: Mapped[str] = mapped_column(Text, default="asked")
    """Whether the person lets the record be passed on: "asked", "yes" or "no"."""
    consent_words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """How staff learned it, where the person did not answer online."""
    shared: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    """What is passed on: keys of `moving_words.SHARED`."""
    support: Mapped[str] = mapped_column(Text, default="")
    """What becomes of the support that runs: "ends" before the day, or "goes_on"."""
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    recorded_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    day_told_at: Mapped[datetime | None]
    """When the day had come and those here were told."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class IncomingCase(Base, WithId):
    """What another council passed on of somebody who moves here: a copy, to read only, by the person's consent."""

    __tablename__ = "incoming_cases"
    __table_args__ = (Index("ix_incoming_cases_council", "council_id", "moves_on", "id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    """The new council."""
    move_id: Mapped[UUID] = mapped_column(unique=True)
    """The move in the books of the council that is left; its rows are not readable here."""
    from_name: Mapped[str] = mapped_column(Text)
    moves_on: Mapped[date]
    extract: Mapped[dict[str, Any]] = mapped_column(JSONB, info=PERSONAL)
    """The copy; empty once the consent was taken back."""
    received_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    """The person's record here, once somebody started."""
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("front_door_contacts.id"))
    started_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime | None]
    day_told_at: Mapped[datetime | None]
    """When the day had come and the new council was told that it is responsible."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
