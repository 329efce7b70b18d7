"""Rows of the one page profile and its tools, and of who looked at a record (L2, D2)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.accounts.permissions import Role
from marketplace.core.database import Base, WithId, choice


class ProfileTool(StrEnum):
    """A way to think about one's life, each with short entries of its own (D2)."""

    APPRECIATED = "appreciated"
    """What people appreciate about me."""
    IMPORTANT = "important"
    """What is important to me."""
    SUPPORT = "support"
    """How to support me well."""
    GOOD_DAYS = "good_days"
    BAD_DAYS = "bad_days"
    ROUTINES = "routines"
    WEEK = "week"
    """My typical week: entries with a day and a part of the day."""
    PEOPLE = "people"
    """People in my life: entries with a circle, 1 closest to 4 paid help."""
    COMMUNITY = "community"
    """Places and groups I belong to or would like to."""
    WISHES = "wishes"


class PartOfDay(StrEnum):
    """When in a day."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


class ProfileEntry(Base, WithId):
    """One thing that somebody says about their life."""

    __tablename__ = "profile_entries"
    __table_args__ = (
        Index("ix_profile_entries_person_id", "person_id", "tool", "position"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("circle BETWEEN 1 AND 4", name="circle"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    tool: Mapped[ProfileTool] = mapped_column(choice(ProfileTool))
    position: Mapped[int]
    """Place within the tool, from 1; gaps are allowed."""
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    relation: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Of a person in one's life: "sister", "neighbour"."""
    weekday: Mapped[int | None]
    """0 is Monday."""
    part_of_day: Mapped[PartOfDay | None] = mapped_column(choice(PartOfDay))
    circle: Mapped[int | None]
    symbol: Mapped[str] = mapped_column(Text, default="")
    """Name of a picture of the site's own set, such as "music"; empty: none."""
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"))
    """A picture of the person's own."""
    is_private: Mapped[bool] = mapped_column(default=False)
    """Kept to oneself: never part of what is shared."""
    added_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class RecordView(Base, WithId):
    """Somebody looked at a person's record on a day: the person sees who (D14, V14)."""

    __tablename__ = "record_views"
    __table_args__ = (
        UniqueConstraint("person_id", "user_id", "what", "viewed_on"),
        Index("ix_record_views_person_id", "person_id", "last_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    role: Mapped[Role] = mapped_column(choice(Role))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    what: Mapped[str] = mapped_column(Text)
    """Key of `people.words.VIEWED`: "record", "profile", "plan", "assessment" …"""
    viewed_on: Mapped[date]
    times: Mapped[int] = mapped_column(default=1)
    last_at: Mapped[datetime]
