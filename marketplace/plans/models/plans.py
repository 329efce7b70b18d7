"""Rows of plans: the plan, its versions, what they hold, and time that went into them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.people.models import FundingRoute
from marketplace.plans.states import PlanStatus


class PlannedBy(StrEnum):
    """Who writes a plan."""

    PLANNER = "planner"
    PERSON = "person"
    """The person, with the help they choose (L10)."""


class Plan(Base, WithId):
    """A person's support plan, over its versions."""

    __tablename__ = "plans"
    __table_args__ = (
        Index("ix_plans_worker_id", "worker_id"),
        Index("ix_plans_person_id", "person_id"),
        Index("ix_plans_council_id", "council_id", "id"),
        CheckConstraint(
            "planned_by = 'person' OR (worker_id IS NOT NULL AND organisation_id IS NOT NULL)", name="planner"
        ),
        CheckConstraint("(worker_id IS NULL) = (organisation_id IS NULL)", name="worker_of"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"), unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    planned_by: Mapped[PlannedBy] = mapped_column(
        choice(PlannedBy), default=PlannedBy.PLANNER, server_default="planner"
    )
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """The planner; None while the person plans without one."""
    created_at: Mapped[datetime]


class PlanVersion(Base, WithId):
    """One version of a plan, from draft to sign-off."""

    __tablename__ = "plan_versions"
    __table_args__ = (
        UniqueConstraint("plan_id", "number"),
        CheckConstraint("visit_minutes >= 0", name="minutes"),
        CheckConstraint(
            "checked_by_user_id IS NULL OR checked_by_user_id <> submitted_by_user_id", name="other_checker"
        ),
        Index("ix_plan_versions_council_status", "council_id", "status", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    number: Mapped[int]
    status: Mapped[PlanStatus] = mapped_column(choice(PlanStatus))
    about_me: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    good_days: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    risks: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    money: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """How the budget will be held and managed."""
    information_given: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Advice on preventing, reducing or delaying needs (Care Act s.25)."""
    visit_minutes: Mapped[int] = mapped_column(default=0)
    """Time spent with the person, minutes: part of the tariff's rule and of cost truth (L22)."""
    checks: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The quality checker's answers by criterion."""
    comments: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why it was returned last."""
    submitted_at: Mapped[datetime | None]
    submitted_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    checked_at: Mapped[datetime | None]
    checked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    agreed_at: Mapped[datetime | None]
    agreed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    signed_off_at: Mapped[datetime | None]
    signed_off_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    passed_on_at: Mapped[datetime | None]
    """When somebody whose limit it is beyond passed it on to who may sign it off (D16)."""
    passed_on_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    passed_on_why: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class HelpKind(StrEnum):
    """Who or what helps with an outcome (B8): the mix a plan shows."""

    MYSELF = "myself"
    FAMILY = "family"
    COMMUNITY = "community"
    VOLUNTARY = "voluntary"
    EQUIPMENT = "equipment"
    SHORT_TERM = "short_term"
    PA = "pa"
    REGULATED = "regulated"


HELP_LABELS: dict[HelpKind, str] = {
    HelpKind.MYSELF: "I do it myself",
    HelpKind.FAMILY: "Family or friends",
    HelpKind.COMMUNITY: "A community group or activity",
    HelpKind.VOLUNTARY: "A charity or voluntary group",
    HelpKind.EQUIPMENT: "Equipment or technology",
    HelpKind.SHORT_TERM: "Short-term support",
    HelpKind.PA: "A personal assistant",
    HelpKind.REGULATED: "Home care or other registered care",
}


class PlanItem(Base, WithId):
    """An outcome and how it will be reached."""

    __tablename__ = "plan_items"
    __table_args__ = (
        UniqueConstraint("plan_version_id", "position"),
        CheckConstraint("weekly_pence >= 0", name="cost"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    position: Mapped[int]
    outcome: Mapped[str] = mapped_column(Text, info=PERSONAL)
    what: Mapped[str] = mapped_column(Text, info=PERSONAL)
    helped_by: Mapped[HelpKind | None] = mapped_column(choice(HelpKind))
    """None only while the plan is being written."""
    weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    need_id: Mapped[UUID | None] = mapped_column(ForeignKey("assessed_needs.id"))
    """The assessed need that it meets."""
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.id"))
    """A real local offer that the price was taken from."""
    unit_price_pence: Mapped[int | None] = mapped_column(BigInteger)
    price_unit: Mapped[str] = mapped_column(Text, default="", server_default="")
    """A member of `PriceUnit`, with `unit_price_pence`."""
    weekly_quantity: Mapped[Decimal | None] = mapped_column(Numeric(8, 2))
    """Units a week: hours, visits, sessions."""
    priced_on: Mapped[date | None]
    route: Mapped[FundingRoute | None] = mapped_column(choice(FundingRoute))
    """How it is paid for, where it costs anything: routes may be mixed."""


class PlanSection(Base, WithId):
    """A part of a version in the person's own words, beside those that are columns of the version."""

    __tablename__ = "plan_sections"
    __table_args__ = (UniqueConstraint("plan_version_id", "key"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    key: Mapped[str] = mapped_column(Text)
    """Key of `plans.sections.SECTIONS`."""
    words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    source: Mapped[str] = mapped_column(Text, default="")
    """Where it was filled from: "profile", "assessment", or empty when typed."""
    edited_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    edited_by_helper_id: Mapped[UUID | None] = mapped_column(ForeignKey("plan_helpers.id", use_alter=True))
    author: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Name of who wrote last, as shown beside the text."""
    edited_at: Mapped[datetime]
    earlier: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=text("'[]'"), info=PERSONAL)
    """Earlier wordings, the newest first: `words`, `author`, `at`, and `clash` where two people wrote at once."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Activity(StrEnum):
    """What a planner's time went into: planning and what is hard to tell from it (L22)."""

    VISITING = "visiting"
    WRITING = "writing"
    BROKERAGE = "brokerage"
    RECRUITMENT = "recruitment"
    CHOOSING = "choosing"
    PEER_LINKS = "peer_links"
    MONEY = "money"
    TRAVEL = "travel"
    SUPERVISION = "supervision"
    OTHER = "other"


ACTIVITY_LABELS: dict[Activity, str] = {
    Activity.VISITING: "Time with the person",
    Activity.WRITING: "Writing the plan",
    Activity.BROKERAGE: "Finding and arranging support",
    Activity.RECRUITMENT: "Finding and taking on an assistant",
    Activity.CHOOSING: "Helping to choose a provider",
    Activity.PEER_LINKS: "Links with peers and groups",
    Activity.MONEY: "Help with money and bills",
    Activity.TRAVEL: "Travel",
    Activity.SUPERVISION: "Supervision and quality",
    Activity.OTHER: "Something else",
}


class ActivityTime(Base, WithId):
    """Time that went into a case, by activity: what planning really costs."""

    __tablename__ = "activity_times"
    __table_args__ = (
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        Index("ix_activity_times_plan_id", "plan_id", "worked_on"),
        Index("ix_activity_times_council", "council_id", "worked_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    activity: Mapped[Activity] = mapped_column(choice(Activity))
    minutes: Mapped[int]
    worked_on: Mapped[date]
    entered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime]
