"""Rows of employment: a person who takes on a personal assistant, the duties that brings, and timesheets."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.bookings.states import EmploymentStatus, ExceptionStatus
from marketplace.core.database import Base, WithId, choice


class WorkStatus(StrEnum):
    """What somebody is in law; a matter of fact, which the status test records (domain.md 4.3)."""

    EMPLOYED = "employed"
    SELF_EMPLOYED = "self_employed"


class Relation(StrEnum):
    """How a personal assistant and the person are related (regulation 3 of the Direct Payments Regulations 2014)."""

    NONE = "none"
    PARTNER = "partner"
    """Spouse, civil partner, or somebody who lives with the person as if they were."""
    CLOSE_RELATIVE = "close_relative"
    """Parent, parent-in-law, son or daughter, their partners, step-relatives, brother, sister, aunt, uncle or
    grandparent, or the partner of one of them."""
    OTHER_RELATIVE = "other_relative"
    """A cousin, for example."""


class HolidayMethod(StrEnum):
    """How holiday is worked out."""

    WEEKS = "weeks"
    """5.6 weeks a year."""
    ACCRUED = "accrued"
    """12.07 % of the hours of each pay period: irregular hours or part of the year."""
    ROLLED_UP = "rolled_up"
    """The same, paid with the wage and shown apart."""


class PayEvery(StrEnum):
    """How often wages are paid."""

    WEEK = "week"
    FOUR_WEEKS = "four_weeks"
    MONTH = "month"


class Employment(Base, WithId):
    """A person and a personal assistant whom they take on directly."""

    __tablename__ = "employments"
    __table_args__ = (
        CheckConstraint("wage_pence >= 0", name="wage"),
        CheckConstraint("weekly_minutes BETWEEN 0 AND 10080", name="weekly_minutes"),
        CheckConstraint("days_a_week BETWEEN 1 AND 7 AND sick_days BETWEEN 0 AND 260", name="days"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
        Index("ix_employments_person", "council_id", "person_id"),
        Index("ix_employments_worker", "worker_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """The personal assistant on the platform; None for somebody who is not on it."""
    agreement_id: Mapped[UUID | None] = mapped_column(ForeignKey("support_agreements.id"))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    born_on: Mapped[date | None] = mapped_column(info=PERSONAL)
    """For the wage that the law asks for; None counts as 21 or older."""
    status: Mapped[EmploymentStatus] = mapped_column(choice(EmploymentStatus))
    work_status: Mapped[WorkStatus] = mapped_column(choice(WorkStatus))
    relation: Mapped[Relation] = mapped_column(choice(Relation), info=PERSONAL)
    lives_with: Mapped[bool] = mapped_column(info=PERSONAL)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    weekly_minutes: Mapped[int]
    wage_pence: Mapped[int] = mapped_column(BigInteger)
    """For an hour."""
    weeks_a_year: Mapped[int] = mapped_column(default=52)
    days_a_week: Mapped[int] = mapped_column(default=5)
    """Days on which they usually work, for sick pay."""
    sick_days: Mapped[int] = mapped_column(default=5)
    """Days of sickness in a year that the cost reckons with."""
    pay_every: Mapped[PayEvery] = mapped_column(choice(PayEvery))
    holiday_method: Mapped[HolidayMethod] = mapped_column(choice(HolidayMethod))
    claims_allowance: Mapped[bool]
    """Whether the person claims the Employment Allowance; once per employer."""
    other_wages_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Yearly wages of other assistants, for the allowance that they share."""
    insurance_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    payroll_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    training_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    recruitment_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    """Costs of a year, beside the wage."""
    payroll_by: Mapped[str] = mapped_column(Text, default="")
    """Who runs the payroll: a bureau's name, or "me"."""
    created_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class FamilyException(Base, WithId):
    """A person asks that a relative who lives with them may be paid; somebody of the council decides, with a reason."""

    __tablename__ = "family_exceptions"
    __table_args__ = (
        CheckConstraint("decided_by_user_id IS NULL OR decided_by_user_id <> asked_by_user_id", name="other_decider"),
        Index("ix_family_exceptions_employment", "employment_id"),
        Index("ix_family_exceptions_open", "council_id", "asked_at", postgresql_where=text("status = 'asked'")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    employment_id: Mapped[UUID] = mapped_column(ForeignKey("employments.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    status: Mapped[ExceptionStatus] = mapped_column(choice(ExceptionStatus))
    is_for_care: Mapped[bool]
    """Necessary for care; else for administration and management of the payment."""
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    review_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class DutyStatus(StrEnum):
    """Where one duty of an employer stands."""

    TO_DO = "to_do"
    STARTED = "started"
    DONE = "done"
    NOT_NEEDED = "not_needed"
    LAPSED = "lapsed"


class EmployerDuty(Base, WithId):
    """One thing the law, or good sense, asks of somebody who takes on a personal assistant (domain.md 4.4)."""

    __tablename__ = "employer_duties"
    __table_args__ = (
        UniqueConstraint("employment_id", "key"),
        Index("ix_employer_duties_expires", "expires_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    employment_id: Mapped[UUID] = mapped_column(ForeignKey("employments.id"))
    key: Mapped[str] = mapped_column(Text)
    """Key of `service.employment.duties.DUTIES`."""
    status: Mapped[DutyStatus] = mapped_column(choice(DutyStatus))
    due_on: Mapped[date | None]
    done_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    helper: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Who helps with it."""
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"))
    reminded_on: Mapped[date | None]
    escalated_on: Mapped[date | None]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class TimesheetStatus(StrEnum):
    """Whether hours went to the payroll."""

    OPEN = "open"
    SENT = "sent"


class Timesheet(Base, WithId):
    """The hours of a pay period, as they go to a payroll bureau. Once sent, later changes go onto the next one."""

    __tablename__ = "timesheets"
    __table_args__ = (
        UniqueConstraint("employment_id", "starts_on"),
        CheckConstraint("ends_on > starts_on", name="period"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    employment_id: Mapped[UUID] = mapped_column(ForeignKey("employments.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """Half-open."""
    status: Mapped[TimesheetStatus] = mapped_column(choice(TimesheetStatus))
    minutes: Mapped[int] = mapped_column(default=0)
    gross_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    sent_at: Mapped[datetime | None]
    sent_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[str] = mapped_column(Text, default="")
    """Of `document` in UTF-8, in hexadecimal digits; "" until it is sent."""
    document: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """The table as it was sent, to the byte."""


class TimesheetLine(Base, WithId):
    """Hours of one visit or one day on a timesheet. A visit is on one timesheet only.

    The trigger `sent_stays` (migration 0011) refuses any change of a timesheet that was sent.
    """

    __tablename__ = "timesheet_lines"
    __table_args__ = (
        UniqueConstraint("booking_id"),
        CheckConstraint("minutes <> 0 OR amount_pence <> 0", name="minutes"),
        CheckConstraint("booking_id IS NULL OR corrects_id IS NULL", name="correction"),
        Index("ix_timesheet_lines_timesheet", "timesheet_id", "worked_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    timesheet_id: Mapped[UUID] = mapped_column(ForeignKey("timesheets.id"))
    booking_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id"))
    """None for a day that was entered by hand, and for a correction."""
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("timesheet_lines.id"))
    """The line of an earlier timesheet that this one puts right."""
    worked_on: Mapped[date]
    minutes: Mapped[int]
    """Less than nothing for a correction of an earlier period."""
    rate_pence: Mapped[int] = mapped_column(BigInteger)
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
