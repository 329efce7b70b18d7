"""Rows of people: the person, their personal budget, and how a direct payment is held."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.accounts.words import Gender
from marketplace.core.database import Base, WithId, choice


class FundingRoute(StrEnum):
    """How a budget is held (domain.md 4.2)."""

    DIRECT_PAYMENT = "direct_payment"
    COUNCIL_MANAGED = "council_managed"
    SELF_FUNDED = "self_funded"


class BudgetStatus(StrEnum):
    """Whether a budget is advice or agreed."""

    INDICATIVE = "indicative"
    FINAL = "final"
    ENDED = "ended"


class Person(Base, WithId):
    """Somebody who wants support, with or without a budget."""

    __tablename__ = "people"
    __table_args__ = (Index("ix_people_council_family_name", "council_id", "family_name", "id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    reference: Mapped[str] = mapped_column(Text)
    """Number people quote on the telephone, unique in the council."""
    given_name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    family_name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    born_on: Mapped[date | None] = mapped_column(info=PERSONAL)
    gender: Mapped[Gender] = mapped_column(choice(Gender), default=Gender.NOT_SAID, info=PERSONAL)
    ethnicity: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Group of the 2021 census, such as "asian"; empty: not said. For fairness reports alone, never for matching."""
    address_line: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    town: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    postcode: Mapped[str] = mapped_column(Text, info=PERSONAL)
    lat: Mapped[float | None] = mapped_column(info=PERSONAL)
    lon: Mapped[float | None] = mapped_column(info=PERSONAL)
    lad_code: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    languages: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    interests: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    needs: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    communication_needs: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    """Accessible Information Standard: large print, Easy Read, BSL …"""
    appreciated: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """One page profile: what people appreciate about me."""
    important_to_me: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    how_to_support_me: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    photo_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"))
    died_on: Mapped[date | None] = mapped_column(info=PERSONAL)
    """Nothing is booked from this day on; what was delivered before is still paid."""
    is_example: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name

    @property
    def name(self) -> str:
        """The person's whole name."""
        return f"{self.given_name} {self.family_name}".strip()


class BudgetKind(StrEnum):
    """What a budget is for."""

    SUPPORT = "support"
    CARER = "carer"
    """For somebody who cares for another (R14)."""
    EQUIPMENT = "equipment"
    """Aids and equipment instead of provision, paid once (R15)."""


class Budget(Base, WithId):
    """A person's budget over a period: advice at first (RAS), then what the agreed plan costs (domain.md 4.7)."""

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint(
            "weekly_pence >= 0 AND own_weekly_pence >= 0 AND own_weekly_pence <= weekly_pence", name="amounts"
        ),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        CheckConstraint("one_off_pence >= 0", name="one_off"),
        CheckConstraint("direct_weekly_pence >= 0 AND direct_weekly_pence <= weekly_pence", name="direct"),
        CheckConstraint("pay_every_weeks BETWEEN 1 AND 13", name="rhythm"),
        CheckConstraint("NOT pays_monthly OR pay_every_weeks IS NULL", name="one_rhythm"),
        Index("ix_budgets_person_id", "person_id", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    status: Mapped[BudgetStatus] = mapped_column(choice(BudgetStatus))
    route: Mapped[FundingRoute] = mapped_column(choice(FundingRoute))
    weekly_pence: Mapped[int] = mapped_column(BigInteger)
    """Whole budget for a week, council's share and own contribution together."""
    own_weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    created_at: Mapped[datetime]
    kind: Mapped[BudgetKind] = mapped_column(choice(BudgetKind), default=BudgetKind.SUPPORT, server_default="support")
    one_off_pence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Paid once, beside what is paid by the week."""
    assessment_id: Mapped[UUID | None] = mapped_column(ForeignKey("assessments.id", use_alter=True))
    ras_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("ras_versions.id", use_alter=True))
    financial_assessment_id: Mapped[UUID | None] = mapped_column(ForeignKey("financial_assessments.id", use_alter=True))
    points: Mapped[int | None]
    point_value_pence: Mapped[Decimal | None] = mapped_column(Numeric(14, 4))
    annual_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What the points come to in a year."""
    may_change_on: Mapped[date | None]
    """The day by which an indicative sum becomes final or is worked out again."""
    indicative_id: Mapped[UUID | None] = mapped_column(ForeignKey("budgets.id"))
    """The advice that this final budget answers."""
    variance_reason: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Why the final sum differs from the indicative one."""
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    direct_weekly_pence: Mapped[int | None] = mapped_column(BigInteger)
    """How much of it is paid as a direct payment, where routes are mixed; None: all of it."""
    pay_every_weeks: Mapped[int | None]
    """Weeks between two payments, where other than the council's rhythm."""
    pays_monthly: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Paid on the same day of each month, for the days of that month; no weeks are counted then."""
    paid_to: Mapped[date | None]
    """First day for which the council's share was not paid in yet; None before the first payment of its schedule."""


class BudgetPart(Base, WithId):
    """A part of a budget that takes a route of its own: routes may be mixed (domain.md 4.2)."""

    __tablename__ = "budget_parts"
    __table_args__ = (
        UniqueConstraint("budget_id", "position"),
        CheckConstraint("weekly_pence >= 0", name="amount"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budgets.id"))
    position: Mapped[int]
    route: Mapped[FundingRoute] = mapped_column(choice(FundingRoute))
    weekly_pence: Mapped[int] = mapped_column(BigInteger)
    what_for: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)


class ChallengeStatus(StrEnum):
    """Where a challenge to a budget is."""

    OPEN = "open"
    CHANGED = "changed"
    """The council worked the sum out again."""
    UPHELD = "upheld"
    """The council keeps the sum and said why."""
    WITHDRAWN = "withdrawn"


class BudgetChallenge(Base, WithId):
    """A person who says that a budget is not right (P4)."""

    __tablename__ = "budget_challenges"
    __table_args__ = (
        Index("uq_budget_challenges_open", "budget_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("ix_budget_challenges_council_status", "council_id", "status", "answer_by", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budgets.id"))
    status: Mapped[ChallengeStatus] = mapped_column(choice(ChallengeStatus))
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    answer_by: Mapped[date]
    answer: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Holding(StrEnum):
    """Who holds the money of a direct payment. The platform never does (domain.md 4.2)."""

    COUNCIL_HELD = "council_held"
    """The council pays what the person approved, in its payment runs."""
    OWN_ACCOUNT = "own_account"
    """The person's own bank account; they pay and record it, and bookings prove the spend."""
    PREPAID_CARD = "prepaid_card"
    PROVIDER_MANAGED = "provider_managed"
    """An Individual Service Fund: an organisation holds it for the person."""


class DirectPaymentArrangement(Base, WithId):
    """How a person's direct payment is held from a day on."""

    __tablename__ = "direct_payment_arrangements"
    __table_args__ = (
        UniqueConstraint("person_id", "starts_on"),
        CheckConstraint("(holding = 'provider_managed') = (organisation_id IS NOT NULL)", name="managed_by"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    holding: Mapped[Holding] = mapped_column(choice(Holding))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """Who manages the fund."""
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    set_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]
