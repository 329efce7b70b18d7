"""Rows of what a council pays for by event: the tariff book, claims, money management, contributions in kind."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice
from marketplace.payments.states import BookStatus, ClaimStatus


class TariffEvent(StrEnum):
    """What earns a tariff."""

    PLAN_COMPLETED = "plan_completed"
    REVIEW_HELD = "review_held"
    MONEY_MANAGEMENT_MONTH = "money_management_month"
    PLAN_IMPLEMENTED = "plan_implemented"
    """Help to put the plan into practice is done: peers found, bills set up, assistants recruited (D11)."""
    REPLAN = "replan"
    """A signed-off plan was made anew because life changed, outside a review."""
    ABANDONED = "abandoned"
    """Work that ended before a plan was complete."""
    DECEASED = "deceased"
    """The person died while the plan was being made."""
    GRANT = "grant"
    """A sum agreed for something else, such as start-up or training (B18)."""


class TariffBook(Base, WithId):
    """One version of a council's prices for a framework, from a day to a day (half-open). Published ones stay as is."""

    __tablename__ = "tariff_books"
    __table_args__ = (
        UniqueConstraint("council_id", "framework_id", "number", postgresql_nulls_not_distinct=True),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published"),
        Index("ix_tariff_books_council", "council_id", "status", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    framework_id: Mapped[UUID | None] = mapped_column(ForeignKey("frameworks.id"))
    """None: for whoever is accredited without a framework, and where a framework has no book of its own."""
    number: Mapped[int]
    status: Mapped[BookStatus] = mapped_column(choice(BookStatus))
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text, default="")
    """Where it was decided."""
    starts_on: Mapped[date]
    """Counts for what is completed on or after this day (C3)."""
    ends_on: Mapped[date | None]
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    published_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Tariff(Base, WithId):
    """A rule of a book: what one kind of event earns.

    `bands` is a list of `{"up_to_minutes": int | null, "pence": int}` in rising order, the last without an upper end:
    the first band whose limit is not passed by the recorded visit time gives the fee.
    `stages` is a list of `{"at": "submitted" | "signed_off" | "implemented", "percent": int}` that add up to 100;
    empty: the whole fee at once. `uplifts` is a list of `{"if": "complex" | "rural" | "very_rural", "percent": int}`.
    """

    __tablename__ = "tariffs"
    __table_args__ = (
        UniqueConstraint("book_id", "event"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        CheckConstraint("once_months BETWEEN 1 AND 60", name="once"),
        Index("ix_tariffs_council", "council_id", "event", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    book_id: Mapped[UUID] = mapped_column(ForeignKey("tariff_books.id"))
    event: Mapped[TariffEvent] = mapped_column(choice(TariffEvent))
    name: Mapped[str] = mapped_column(Text)
    bands: Mapped[list[dict[str, Any]]]
    stages: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    uplifts: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"))
    once_months: Mapped[int | None]
    """At most once for a person in so many months; None: for every event."""
    vat_on_top: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether suppliers who charge VAT get it on top of the fee; else the fee holds it."""
    starts_on: Mapped[date]
    """The book's first day, kept here for the question "which rule on that day"."""
    ends_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(Text, default="")
    set_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]


class TariffClaim(Base, WithId):
    """A supplier says that something happened which the platform cannot see; the council agrees or not."""

    __tablename__ = "tariff_claims"
    __table_args__ = (
        CheckConstraint("minutes >= 0", name="minutes"),
        CheckConstraint("amount_pence > 0", name="amount"),
        CheckConstraint("decided_by_user_id IS NULL OR decided_by_user_id <> asked_by_user_id", name="other_decider"),
        Index("ix_tariff_claims_council", "council_id", "status", "asked_at", "id"),
        Index("ix_tariff_claims_organisation", "organisation_id", "asked_at", "id"),
        Index(
            "uq_tariff_claims_plan_event",
            "plan_id",
            "event",
            "happened_on",
            unique=True,
            postgresql_where=text("status <> 'refused'"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plans.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    event: Mapped[TariffEvent] = mapped_column(choice(TariffEvent))
    happened_on: Mapped[date]
    minutes: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    amount_pence: Mapped[int | None] = mapped_column(BigInteger)
    """Of grants, as agreed; else the book says it."""
    status: Mapped[ClaimStatus] = mapped_column(choice(ClaimStatus))
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")


class MoneyManagement(Base, WithId):
    """An organisation manages a person's direct payment for them, month by month (D12)."""

    __tablename__ = "money_managements"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        Index("ix_money_managements_council", "council_id", "starts_on"),
        Index("ix_money_managements_organisation_id", "organisation_id"),
        Index("uq_money_managements_open", "person_id", unique=True, postgresql_where=text("ends_on IS NULL")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    arranged_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    arranged_at: Mapped[datetime]
    end_reason: Mapped[str] = mapped_column(Text, default="")


class ContributionKind(StrEnum):
    """What is given instead of, or beside, money."""

    MATCH_FUNDING = "match_funding"
    SPACE = "space"
    STAFF_TIME = "staff_time"
    EQUIPMENT = "equipment"
    JOINT_BID = "joint_bid"


class ResourceContribution(Base, WithId):
    """Something given to support planning that no bill shows (B18): reported at its value, never paid."""

    __tablename__ = "resource_contributions"
    __table_args__ = (
        CheckConstraint("value_pence > 0", name="value"),
        CheckConstraint("ends_on > starts_on", name="period"),
        Index("ix_resource_contributions_council", "council_id", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """Who gives it; None: the council."""
    kind: Mapped[ContributionKind] = mapped_column(choice(ContributionKind))
    what: Mapped[str] = mapped_column(Text)
    value_pence: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    recorded_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime]
