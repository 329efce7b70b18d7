"""Rows of demand: what was looked for and not found, and the words people use."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice


class UnmetSource(StrEnum):
    """How we know that something was missing."""

    SAID = "said"
    """Somebody pressed "Nothing here suits me"."""
    FEW_RESULTS = "few_results"
    """A search found next to nothing."""


class UnmetNeed(Base, WithId):
    """What was wanted, where and when, counted; nothing about who wanted it (T4, T7, R1).

    Free text is never kept: `wanted` holds only words of the market's own vocabulary.
    """

    __tablename__ = "unmet_needs"
    __table_args__ = (
        CheckConstraint("times > 0", name="times"),
        Index(
            "uq_unmet_needs_same",
            "council_id", "day", "source", "category", "wanted", "outward", "lad_code", "days", "times_of_day",
            unique=True,
        ),
    )  # fmt: skip

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    """The council of the place that was searched."""
    day: Mapped[date]
    source: Mapped[UnmetSource] = mapped_column(choice(UnmetSource))
    category: Mapped[str] = mapped_column(Text, default="")
    """A member of `ListingCategory`, empty where no kind was named."""
    wanted: Mapped[str] = mapped_column(Text, default="")
    """Words the market knows, sorted, with spaces between."""
    outward: Mapped[str] = mapped_column(Text, default="")
    """Outward code of the postcode, such as PR1; empty where only a town or a district is known."""
    lad_code: Mapped[str] = mapped_column(Text, default="")
    days: Mapped[str] = mapped_column(Text, default="")
    """Days of the week asked for, as digits 0 to 6 (Monday is 0)."""
    times_of_day: Mapped[str] = mapped_column(Text, default="")
    """Of "morning afternoon evening night", with spaces."""
    times: Mapped[int] = mapped_column(default=1)


class SynonymGroup(Base, WithId):
    """Words and phrases that mean the same, as a council keeps them, beside the built-in groups."""

    __tablename__ = "synonym_groups"
    __table_args__ = (Index("ix_synonym_groups_council_id", "council_id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    phrases: Mapped[list[str]]
    note: Mapped[str] = mapped_column(Text, default="")
    is_off: Mapped[bool] = mapped_column(default=False)
    updated_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
