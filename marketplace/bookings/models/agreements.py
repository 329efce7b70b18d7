"""Rows of agreements: what a person and who supports them agreed, the weekly pattern, pauses, calendar feeds."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.bookings.models.employment import Relation
from marketplace.bookings.schemas import Funding
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.models import DayKind, PriceUnit


class Side(StrEnum):
    """Who of the two does something in an agreement."""

    PERSON = "person"
    PROVIDER = "provider"


class SupportAgreement(Base, WithId):
    """An agreement between a person and an organisation or personal assistant. Its terms have versions."""

    __tablename__ = "support_agreements"
    __table_args__ = (
        UniqueConstraint("council_id", "reference"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        Index("ix_support_agreements_person", "council_id", "person_id", "status"),
        Index("ix_support_agreements_organisation", "organisation_id", "status"),
        Index("ix_support_agreements_running", "council_id", postgresql_where=text("status = 'agreed'")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    reference: Mapped[str] = mapped_column(Text)
    """What both sides quote, such as "SA-00012"; unique in the council."""
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """The one person it is with: a personal assistant. Nobody else comes in their place unless the person asks."""
    funding: Mapped[Funding] = mapped_column(choice(Funding))
    relation: Mapped[Relation | None] = mapped_column(choice(Relation), info=PERSONAL)
    """How the person and their assistant are related, as the person says; None for a company, or not asked yet."""
    lives_with: Mapped[bool | None] = mapped_column(info=PERSONAL)
    """Whether the two live in one home."""
    status: Mapped[AgreementStatus] = mapped_column(choice(AgreementStatus))
    written_by: Mapped[Side] = mapped_column(choice(Side))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """The first day without it: half-open."""
    end_reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    notice_by: Mapped[Side | None] = mapped_column(choice(Side, "notice_by"))
    notice_at: Mapped[datetime | None]
    end_before_death_on: Mapped[date | None]
    """What `ends_on` was before a death ended the agreement, should the death have been recorded by mistake."""
    planned_until: Mapped[date | None]
    """Visits of the pattern are written up to this day (half-open)."""
    not_planned_why: Mapped[str] = mapped_column(Text, default="")
    """Code of what keeps visits from being planned: "no_money", "not_accredited", "not_allowed" (regulation 3),
    "budget_ended"; "" when nothing."""
    created_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class PayBasis(StrEnum):
    """What a visit is paid by (domain.md 4.6)."""

    PLANNED = "planned"
    ACTUAL = "actual"
    CAPPED = "capped"
    """Actual minutes, at most those planned."""


class AgreementTerms(Base, WithId):
    """One version of an agreement's terms; never changed once it is offered.

    Those that count on a day are the agreed ones with the latest `starts_on` up to it.
    """

    __tablename__ = "agreement_terms"
    __table_args__ = (
        UniqueConstraint("agreement_id", "number"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("notice_days BETWEEN 0 AND 365", name="notice"),
        CheckConstraint("free_cancel_hours BETWEEN 0 AND 720", name="free_cancel"),
        CheckConstraint(
            "late_cancel_percent BETWEEN 0 AND 100 AND retainer_percent BETWEEN 0 AND 100", name="percentages"
        ),
        CheckConstraint("second_worker_percent BETWEEN 0 AND 100", name="second_worker"),
        CheckConstraint(
            "status <> 'agreed' OR (person_signed_at IS NOT NULL AND provider_signed_at IS NOT NULL)",
            name="both_signed",
        ),
        Index("ix_agreement_terms_open", "answer_by", postgresql_where=text("status = 'offered'")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("support_agreements.id"))
    number: Mapped[int]
    status: Mapped[TermsStatus] = mapped_column(choice(TermsStatus))
    offered_by: Mapped[Side] = mapped_column(choice(Side))
    starts_on: Mapped[date]
    """First day these terms count."""
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why they change, in the words of who offers them."""
    price_unit: Mapped[PriceUnit] = mapped_column(choice(PriceUnit))
    notice_days: Mapped[int]
    free_cancel_hours: Mapped[int]
    late_cancel_percent: Mapped[int]
    """Part of the price owed for a visit that is called off later than that."""
    retainer_percent: Mapped[int]
    """Part of the price owed for visits in a pause, to keep the place."""
    retainer_days: Mapped[int]
    """For how many days of a pause it is owed; 0: never."""
    pay_basis: Mapped[PayBasis] = mapped_column(choice(PayBasis))
    tolerance_minutes: Mapped[int]
    """Actual lengths this near to the plan are paid as planned."""
    second_worker_percent: Mapped[int]
    """Price of the second worker of a double-up, in per cent of the first."""
    words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What else was agreed, in their own words."""
    answer_by: Mapped[date | None]
    """Last day on which the other side may agree; the day before `starts_on` at the latest for a change."""
    weekly_before_pence: Mapped[int | None] = mapped_column(BigInteger)
    weekly_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What a usual week costs under the terms before and under these, as shown when they were offered."""
    working: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """The fair-price working that both sides were shown (see `service.fair_price`)."""
    sha256: Mapped[str] = mapped_column(Text, default="")
    """Over everything that was signed: terms, rates and pattern."""
    person_signed_at: Mapped[datetime | None]
    person_signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    person_signature: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    provider_signed_at: Mapped[datetime | None]
    provider_signed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    provider_signature: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    created_at: Mapped[datetime]


class AgreementRate(Base, WithId):
    """A price of a version of terms, for some days. Copied from the listing when offered, then their own."""

    __tablename__ = "agreement_rates"
    __table_args__ = (
        UniqueConstraint("terms_id", "day_kind", "is_sleep_in"),
        CheckConstraint("price_pence >= 0", name="price"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    terms_id: Mapped[UUID] = mapped_column(ForeignKey("agreement_terms.id", ondelete="CASCADE"))
    day_kind: Mapped[DayKind] = mapped_column(choice(DayKind))
    is_sleep_in: Mapped[bool] = mapped_column(default=False)
    """A fixed price for a night, whatever the unit."""
    price_pence: Mapped[int] = mapped_column(BigInteger)


class VisitPattern(Base, WithId):
    """A visit that repeats: a weekday, a time, a length. Changing it from a day ends this row and begins another."""

    __tablename__ = "visit_patterns"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("minutes BETWEEN 15 AND 1440", name="minutes"),
        CheckConstraint("every_weeks IN (1, 2, 3, 4)", name="every"),
        CheckConstraint("workers_needed BETWEEN 0 AND 2", name="workers"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="period"),
        Index("ix_visit_patterns_agreement", "agreement_id", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("support_agreements.id"))
    weekday: Mapped[int]
    """0 is Monday."""
    starts_local: Mapped[time]
    minutes: Mapped[int]
    """May run over midnight."""
    every_weeks: Mapped[int]
    anchor_on: Mapped[date]
    """Monday of a week in which it takes place; the others follow every `every_weeks`."""
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """Half-open; equal to `starts_on` for a row that never counted."""
    workers_needed: Mapped[int] = mapped_column(default=1)
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """Who usually comes."""
    second_worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    is_sleep_in: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What is done on this visit."""
    concession: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The concession under which a place at an activity was agreed; its price stands in the terms."""
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit_patterns.id"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class PauseKind(StrEnum):
    """Why visits pause."""

    HOSPITAL = "hospital"
    HOLIDAY = "holiday"
    OTHER = "other"


class AgreementPause(Base, WithId):
    """Days on which the visits of an agreement do not take place."""

    __tablename__ = "agreement_pauses"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        Index("ix_agreement_pauses_agreement", "agreement_id", "starts_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("support_agreements.id"))
    kind: Mapped[PauseKind] = mapped_column(choice(PauseKind))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """First day with visits again; None while nobody knows."""
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    made_by: Mapped[Side] = mapped_column(choice(Side))
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class CalendarFeed(Base, WithId):
    """A secret address under which a calendar program reads somebody's visits. The secret is stored as a hash."""

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        CheckConstraint("(person_id IS NULL) <> (worker_id IS NULL)", name="one_owner"),
        Index("ix_calendar_feeds_user", "user_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    """Who asked for it: it ends with their role."""
    membership_id: Mapped[UUID] = mapped_column(ForeignKey("memberships.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    secret_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    last_read_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
