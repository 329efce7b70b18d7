"""Rows of care packages: what is required, who is asked, what they offer, what was awarded, what was not met."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.matching.models.referrals import Urgency
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.providers.models import ServiceLine


class RequirementRoute(StrEnum):
    """Who is asked."""

    FIRST = "first"
    """The best placed, alone."""
    SEVERAL = "several"
    """Some, chosen from the ranking."""
    LOT = "lot"
    """Everybody accredited for the service, without who it is about."""


class Requirement(Base, WithId):
    """Hours of care that a person needs, as the market is asked for them."""

    __tablename__ = "requirements"
    __table_args__ = (
        UniqueConstraint("council_id", "reference"),
        CheckConstraint("most_providers BETWEEN 1 AND 5", name="most_providers"),
        CheckConstraint("ceiling_weekly_pence >= 0", name="ceiling"),
        CheckConstraint("radius_metres BETWEEN 0 AND 500000", name="radius"),
        Index("ix_requirements_queue", "council_id", "status", "created_at", "id"),
        Index("ix_requirements_person_id", "person_id"),
        Index("ix_requirements_open", "status", "service_line"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    reference: Mapped[str] = mapped_column(Text)
    """Such as "C-2027-00012"."""
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    status: Mapped[RequirementStatus] = mapped_column(choice(RequirementStatus))
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    lot_code: Mapped[str] = mapped_column(Text, default="")
    """Code of the lot it is asked in; empty: every lot of the service."""
    route: Mapped[RequirementRoute] = mapped_column(choice(RequirementRoute))
    urgency: Mapped[Urgency] = mapped_column(choice(Urgency))
    summary: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What providers read: needs without who. Scanned for identifiers before it is opened (K4)."""
    outcomes: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What should be different, as providers read it."""
    needs: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    required_skills: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    required_gender: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    essential_language: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    interests: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    outward: Mapped[str] = mapped_column(Text, default="")
    """Outward code as providers see it, such as PR1."""
    radius_metres: Mapped[int | None]
    """Asked no further away than this; None: whoever covers the place."""
    chosen_organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    excluded_organisation_ids: Mapped[list[str]] = mapped_column(default=list)
    known_organisation_ids: Mapped[list[str]] = mapped_column(default=list)
    """Who cares for the person already, as the broker knows it: continuity counts when offers are scored (K5)."""
    most_providers: Mapped[int] = mapped_column(default=1)
    """The week may be shared by at most so many; more than 1 with the person's consent only."""
    split_agreed: Mapped[bool] = mapped_column(default=False)
    starts_on: Mapped[date]
    latest_start_on: Mapped[date]
    ceiling_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    """What the council means to pay at most in a week."""
    agreed_ceiling_pence: Mapped[int] = mapped_column(BigInteger)
    """The ceiling as first written, or as somebody agreed who may raise it beyond a broker's limit."""
    plan_version_id: Mapped[UUID | None]
    """The plan it comes from, where it comes from one; plans own the row."""
    opened_at: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]
    round: Mapped[int] = mapped_column(default=0)
    """How often it was opened: widened, split or raised after nobody offered."""
    award_weight_set_id: Mapped[UUID | None] = mapped_column(ForeignKey("weight_sets.id"))
    """The published weights by which its offers are scored, fixed when it opens."""
    ranking: Mapped[dict[str, Any] | None] = mapped_column(deferred=True, info=PERSONAL)
    """The ranking of providers that its last round was opened with, and its inputs: it can be repeated."""
    checked_text: Mapped[bool] = mapped_column(default=False)
    """A broker looked at the warnings of the identifier scan and said that the text names nobody."""
    created_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    closed_reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class RequirementVisit(Base, WithId):
    """A visit of the week: weekday (0 is Monday), wall-clock start, minutes, and how many workers at once."""

    __tablename__ = "requirement_visits"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("minutes BETWEEN 15 AND 1440 AND minutes % 15 = 0", name="minutes"),
        CheckConstraint("workers BETWEEN 1 AND 3", name="workers"),
        UniqueConstraint("requirement_id", "weekday", "starts_local"),
        Index("ix_requirement_visits_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    requirement_id: Mapped[UUID] = mapped_column(ForeignKey("requirements.id"))
    weekday: Mapped[int]
    starts_local: Mapped[time]
    minutes: Mapped[int]
    workers: Mapped[int] = mapped_column(default=1)


class RequirementInvitation(Base, WithId):
    """An organisation that was asked, and with what standing in the ranking."""

    __tablename__ = "requirement_invitations"
    __table_args__ = (
        UniqueConstraint("requirement_id", "organisation_id"),
        Index("ix_requirement_invitations_organisation_id", "organisation_id", "invited_at"),
        Index("ix_requirement_invitations_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    requirement_id: Mapped[UUID] = mapped_column(ForeignKey("requirements.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    round: Mapped[int]
    invited_at: Mapped[datetime]
    rank: Mapped[int | None]
    seen_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    """When it was told, in this round, that the time to answer ends soon."""
    declined_at: Mapped[datetime | None]
    decline_reason: Mapped[str] = mapped_column(Text, default="")


class RequirementOffer(Base, WithId):
    """What an organisation offers for a requirement (V7)."""

    __tablename__ = "requirement_offers"
    __table_args__ = (
        CheckConstraint("rate_pence >= 0", name="rate"),
        Index(
            "uq_requirement_offers_live",
            "requirement_id", "organisation_id",
            unique=True,
            postgresql_where=text("status IN ('draft', 'submitted', 'shortlisted', 'won')"),
        ),
        Index("ix_requirement_offers_organisation_id", "organisation_id", "status"),
        Index("ix_requirement_offers_council_id", "council_id", "status"),
    )  # fmt: skip

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    requirement_id: Mapped[UUID] = mapped_column(ForeignKey("requirements.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[RequirementOfferStatus] = mapped_column(choice(RequirementOfferStatus))
    rate_pence: Mapped[int] = mapped_column(BigInteger)
    """Price for an hour of one worker."""
    weekly_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Price of the week of the visits offered, worked out from the rate."""
    starts_on: Mapped[date]
    valid_until: Mapped[date]
    outcomes_answer: Mapped[str] = mapped_column(Text, default="")
    """How it would reach the outcomes."""
    workers_answer: Mapped[str] = mapped_column(Text, default="")
    """Who would come: skills, languages, interests, without names."""
    worker_interests: Mapped[list[str]] = mapped_column(default=list)
    worker_skills: Mapped[list[str]] = mapped_column(default=list)
    legal_cost: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The working of the least lawful price for this week, pence (V8)."""
    is_below_cost: Mapped[bool] = mapped_column(default=False)
    below_cost_reason: Mapped[str] = mapped_column(Text, default="")
    scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Points by criterion, with how they came about, once the requirement has closed."""
    total: Mapped[int | None]
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class OfferedVisit(Base, WithId):
    """A visit that an offer covers; none of them: all visits of the requirement."""

    __tablename__ = "offered_visits"
    __table_args__ = (
        UniqueConstraint("offer_id", "visit_id"),
        Index("ix_offered_visits_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("requirement_offers.id"))
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("requirement_visits.id"))


class RequirementAward(Base, WithId):
    """A requirement, or some of its visits, awarded to an offer by a named person after the person was heard."""

    __tablename__ = "requirement_awards"
    __table_args__ = (
        UniqueConstraint("offer_id"),
        Index("ix_requirement_awards_requirement_id", "requirement_id"),
        Index("ix_requirement_awards_council_id", "council_id", "awarded_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    requirement_id: Mapped[UUID] = mapped_column(ForeignKey("requirements.id"))
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("requirement_offers.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    preference_id: Mapped[UUID] = mapped_column(ForeignKey("preferences.id"))
    """What the person said before it was awarded."""
    visit_ids: Mapped[list[str]] = mapped_column(default=list)
    rate_pence: Mapped[int] = mapped_column(BigInteger)
    weekly_pence: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    rank: Mapped[int]
    override_reason: Mapped[str] = mapped_column(Text, default="")
    """Why an offer that does not score highest."""
    awarded_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    awarded_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    """None: in force."""
    taken_back_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    taken_back_why: Mapped[str] = mapped_column(Text, default="")


class CareHours(Base, WithId):
    """Quarter hours of care an organisation has free, by weekday and time band, as it said last."""

    __tablename__ = "care_hours"
    __table_args__ = (
        UniqueConstraint("organisation_id", "service_line", "weekday", "band"),
        CheckConstraint("weekday BETWEEN 0 AND 6 AND band BETWEEN 0 AND 4", name="slot"),
        CheckConstraint("free_quarters BETWEEN 0 AND 20000", name="quarters"),
        CheckConstraint("awarded_quarters >= 0", name="awarded"),
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    weekday: Mapped[int]
    """0 is Monday."""
    band: Mapped[int]
    """Index into `matching.bands.BANDS`."""
    free_quarters: Mapped[int]
    """Free when it was said."""
    awarded_quarters: Mapped[int] = mapped_column(default=0, server_default="0")
    """Taken by what any council awarded since then. A copy, kept by a task: another council's awards are not read."""
    said_at: Mapped[datetime]
    said_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    @property
    def left_quarters(self) -> int:
        """What is free now, 0 or more."""
        return max(0, self.free_quarters - self.awarded_quarters)


class UnmetReason(StrEnum):
    """Why a requirement was not met (K6)."""

    NO_OFFERS = "no_offers"
    TOO_FAR = "too_far"
    NO_HOURS = "no_hours"
    NO_SKILL = "no_skill"
    NO_LANGUAGE = "no_language"
    NO_GENDER = "no_gender"
    PRICE = "price"
    PERSON_DECLINED = "person_declined"


class UnmetRequirement(Base, WithId):
    """A need the market did not meet, without who has it: category, area, time and reason (K6, C13)."""

    __tablename__ = "unmet_requirements"
    __table_args__ = (
        UniqueConstraint("requirement_id", "round"),
        Index("ix_unmet_requirements_council_id", "council_id", "logged_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    requirement_id: Mapped[UUID] = mapped_column(ForeignKey("requirements.id"))
    round: Mapped[int]
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    outward: Mapped[str] = mapped_column(Text)
    lad_code: Mapped[str] = mapped_column(Text, default="")
    bands: Mapped[list[str]] = mapped_column(default=list)
    """Slots that were wanted, such as "0-3": Monday, fourth band."""
    quarters: Mapped[int]
    """Quarter hours a week."""
    reason: Mapped[UnmetReason] = mapped_column(choice(UnmetReason))
    logged_at: Mapped[datetime]
