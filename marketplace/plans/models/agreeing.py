"""Rows of agreeing a plan: asks for more, limits, panel, early starts, showcase, direct payments to be set up."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.accounts.permissions import Role
from marketplace.core.database import Base, WithId, choice
from marketplace.people.models import Holding
from marketplace.plans.states import PanelStatus, SetupStatus


class AskStatus(StrEnum):
    """Where an ask for more is."""

    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PlanAsk(Base, WithId):
    """A person or planner who asks for more than the indicative budget, with the reason (P5)."""

    __tablename__ = "plan_asks"
    __table_args__ = (
        CheckConstraint("asked_weekly_pence > budget_weekly_pence", name="more"),
        Index("uq_plan_asks_open", "plan_version_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("ix_plan_asks_council_status", "council_id", "status", "asked_at", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    status: Mapped[AskStatus] = mapped_column(choice(AskStatus))
    budget_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    asked_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    agreed_weekly_pence: Mapped[int | None] = mapped_column(BigInteger)
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ApprovalLimit(Base, WithId):
    """Up to what weekly cost a role signs plans off by itself, from a day on (D19, D17)."""

    __tablename__ = "approval_limits"
    __table_args__ = (
        UniqueConstraint("council_id", "role", "starts_on"),
        CheckConstraint("weekly_pence >= 0 AND over_budget_pence >= 0", name="amounts"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    role: Mapped[Role] = mapped_column(choice(Role))
    weekly_pence: Mapped[int | None] = mapped_column(BigInteger)
    """None: no limit."""
    over_budget_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """How far beyond the indicative budget, a week, the role may go by itself (D16)."""
    starts_on: Mapped[date]
    set_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]


class PanelCase(Base, WithId):
    """A plan that a council takes to its risk panel."""

    __tablename__ = "panel_cases"
    __table_args__ = (
        Index(
            "uq_panel_cases_open",
            "plan_version_id",
            unique=True,
            postgresql_where=text("status IN ('asked', 'listed')"),
        ),
        Index("ix_panel_cases_council_status", "council_id", "status", "panel_on", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    status: Mapped[PanelStatus] = mapped_column(choice(PanelStatus))
    question: Mapped[str] = mapped_column(Text, info=PERSONAL)
    risks: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    persons_view: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What the person says about the risk: a panel never decides without it."""
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    panel_on: Mapped[date | None]
    members: Mapped[str] = mapped_column(Text, default="")
    is_supported: Mapped[bool | None]
    decision: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class EarlyStart(Base, WithId):
    """A direct payment that starts before the plan is signed off, with the day by which it must be (D4, P6)."""

    __tablename__ = "early_starts"
    __table_args__ = (
        CheckConstraint("sign_off_by > starts_on", name="period"),
        Index("uq_early_starts_open", "person_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_early_starts_council", "council_id", "sign_off_by"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plans.id"))
    starts_on: Mapped[date]
    sign_off_by: Mapped[date]
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    agreed_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    agreed_at: Mapped[datetime]
    extended_reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    extended_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    told: Mapped[list[str]]
    """Which alerts went out, as "14:2027-04-14": days before, and the deadline they were about."""
    ended_at: Mapped[datetime | None]
    ended_how: Mapped[str] = mapped_column(Text, default="")
    """One of "signed", "stopped", "died"."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class PlanShowcase(Base, WithId):
    """A plan shown to others as the plan of a month: anonymous, and only with the person's consent (L14)."""

    __tablename__ = "plan_showcases"
    __table_args__ = (
        Index(
            "uq_plan_showcases_month",
            "council_id",
            "month",
            unique=True,
            postgresql_where=text("published_at IS NOT NULL AND withdrawn_at IS NULL"),
        ),
        CheckConstraint("published_at IS NULL OR consent_given", name="consent"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    plan_version_id: Mapped[UUID] = mapped_column(ForeignKey("plan_versions.id"))
    month: Mapped[date]
    title: Mapped[str] = mapped_column(Text)
    story: Mapped[str] = mapped_column(Text, info=PERSONAL)
    """Rewritten without names, places and days that could tell who it is."""
    why: Mapped[str] = mapped_column(Text, default="")
    """What is good about it."""
    nominated_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    nominated_at: Mapped[datetime]
    consent_given: Mapped[bool | None]
    consent_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    consent_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    published_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ManagedBy(StrEnum):
    """Who manages a direct payment (domain.md 4.2)."""

    SELF = "self"
    NOMINEE = "nominee"
    """Asked by a person with capacity, and agreed."""
    AUTHORISED = "authorised"
    """For a person without capacity (section 32)."""


class Frequency(StrEnum):
    """How often the council pays."""

    WEEKLY = "weekly"
    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    ONCE = "once"


class DirectPaymentSetup(Base, WithId):
    """The way to a direct payment: conditions, who manages it, the terms, how much and how often (P7)."""

    __tablename__ = "direct_payment_setups"
    __table_args__ = (
        Index(
            "uq_direct_payment_setups_open",
            "person_id",
            unique=True,
            postgresql_where=text("status IN ('draft', 'offered', 'agreed')"),
        ),
        # Beside a payment by the week, only a sum that is paid once is set up.
        Index(
            "uq_direct_payment_setups_weekly",
            "person_id",
            unique=True,
            postgresql_where=text("status IN ('draft', 'offered', 'agreed', 'started') AND frequency <> 'once'"),
        ),
        CheckConstraint("amount_pence >= 0 AND weekly_pence >= 0 AND once_pence >= 0", name="amount"),
        CheckConstraint("(holding = 'provider_managed') OR organisation_id IS NULL", name="fund_of"),
        CheckConstraint(
            "holding <> 'provider_managed' OR organisation_id IS NOT NULL OR status IN ('draft', 'refused')",
            name="fund",
        ),
        CheckConstraint("has_capacity OR managed_by = 'authorised'", name="no_capacity"),
        CheckConstraint(
            "managed_by = 'self' OR representation_id IS NOT NULL OR status IN ('draft', 'refused')", name="manager"
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plans.id"))
    status: Mapped[SetupStatus] = mapped_column(choice(SetupStatus))
    has_capacity: Mapped[bool] = mapped_column(default=True)
    managed_by: Mapped[ManagedBy] = mapped_column(choice(ManagedBy))
    representation_id: Mapped[UUID | None] = mapped_column(ForeignKey("representations.id"))
    manager_accepted_at: Mapped[datetime | None]
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict, info=PERSONAL)
    """`{key: {"met": true, "why": "…"}}` by the keys of `plans.direct_payments.CONDITIONS`."""
    holding: Mapped[Holding] = mapped_column(choice(Holding))
    frequency: Mapped[Frequency] = mapped_column(choice(Frequency))
    amount_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """What the council pays each time, the person's own part taken off."""
    weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """How much of the budget goes this way, a week, own part included; the rest the council manages."""
    once_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Paid once, on the first day, beside or instead of what is paid by the week."""
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """Who holds the money for the person (Individual Service Fund)."""
    needs: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Which needs it meets (Care Act s.25)."""
    starts_on: Mapped[date | None]
    terms_version: Mapped[str] = mapped_column(Text, default="")
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    agreed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    agreed_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why it was refused or stopped."""
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ExchangeRun(Base, WithId):
    """One hand-over of data with the council's case system, with what became of each row (L12)."""

    __tablename__ = "exchange_runs"
    __table_args__ = (Index("ix_exchange_runs_council", "council_id", "started_at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    direction: Mapped[str] = mapped_column(Text)
    """Either "in" or "out"."""
    what: Mapped[str] = mapped_column(Text)
    """One of "referrals", "plans", "outcomes"."""
    format: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(Text, default="")
    rows: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[dict[str, Any]]]
    """`[{"row", "column", "problem"}]`, the first thousand."""
    done: Mapped[int] = mapped_column(default=0)
    """Rows that were looked at so far."""
    trouble: Mapped[str] = mapped_column(Text, default="")
    """Why the whole file could not be taken; nothing of it was."""
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    """The file, until all its rows were looked at."""
    started_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
