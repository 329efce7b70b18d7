"""Rows of frameworks: what a council accredits for, by which rules, in which rounds (D7, D8, B19, C1)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.models.organisations import ServiceLine
from marketplace.providers.states import FrameworkVersionStatus


class Framework(Base, WithId):
    """A council's standing offer to accredit organisations: "Independent support planning and money management"."""

    __tablename__ = "frameworks"
    __table_args__ = (UniqueConstraint("council_id", "slug"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text, default="")
    created_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """No further rounds; what was accredited runs on."""


class FrameworkVersion(Base, WithId):
    """One version of a framework's specification with its lots and criteria. Once published it never changes."""

    __tablename__ = "framework_versions"
    __table_args__ = (
        UniqueConstraint("framework_id", "number"),
        Index("ix_framework_versions_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    framework_id: Mapped[UUID] = mapped_column(ForeignKey("frameworks.id"))
    number: Mapped[int]
    status: Mapped[FrameworkVersionStatus] = mapped_column(choice(FrameworkVersionStatus))
    specification: Mapped[str] = mapped_column(Text, default="")
    """What is wanted, in paragraphs; lines that start with "## " are headings, with "- " items of a list."""
    changes: Mapped[str] = mapped_column(Text, default="")
    """What is new against the version before, for people who applied then."""
    agreement_terms: Mapped[str] = mapped_column(Text, default="")
    """The terms both sides sign, in the same form as the specification."""
    content_hash: Mapped[bytes | None]
    """SHA-256 over specification, terms, lots and criteria, from the moment it is published."""
    published_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Lot(Base, WithId):
    """A part of a framework that organisations apply for: "1b Home care"."""

    __tablename__ = "lots"
    __table_args__ = (
        UniqueConstraint("version_id", "code"),
        CheckConstraint("agreement_months BETWEEN 1 AND 120", name="months"),
        CheckConstraint("pass_percent BETWEEN 0 AND 100", name="pass"),
        Index("ix_lots_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("framework_versions.id"))
    code: Mapped[str] = mapped_column(Text)
    """Short and the same in every version: "1b"."""
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    """What an accreditation for this lot counts for in matching and bookings."""
    district_codes: Mapped[list[str]] = mapped_column(default=list)
    """ONS codes of the districts it is for; empty is the whole council."""
    evidence: Mapped[list[str]] = mapped_column(default=list)
    """`EvidenceKind` values that must be in date on every day the accreditation is to count."""
    needs_registration: Mapped[bool] = mapped_column(default=False)
    """Only for organisations registered with the Care Quality Commission."""
    trusts_other_councils: Mapped[bool] = mapped_column(default=True)
    """Evidence that another council countersigned counts, too."""
    agreement_months: Mapped[int] = mapped_column(default=36)
    pass_percent: Mapped[int] = mapped_column(default=60)
    """Weighted score that must be reached."""
    position: Mapped[int] = mapped_column(default=0)


class CriterionKind(StrEnum):
    """What sort of answer a criterion wants."""

    ELIGIBILITY = "eligibility"
    """Yes or no; the wrong answer ends the application with its reason."""
    DECLARATION = "declaration"
    """A statement to agree to or to explain; carried over from an earlier round."""
    SCORED = "scored"
    """A text that two evaluators score, each for themselves."""
    EVIDENCE = "evidence"
    """A piece of evidence of a kind, given once in the organisation's evidence."""


class Criterion(Base, WithId):
    """One thing an application is asked. `lot_id` is None where it is asked of everybody."""

    __tablename__ = "criteria"
    __table_args__ = (
        UniqueConstraint("version_id", "key"),
        CheckConstraint("weight_percent BETWEEN 0 AND 100", name="weight"),
        CheckConstraint("pass_score BETWEEN 0 AND 5", name="pass_score"),
        Index("ix_criteria_council_id", "council_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("framework_versions.id"))
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey("lots.id"))
    key: Mapped[str] = mapped_column(Text)
    """The same in every version as long as it asks the same thing: answers are carried over by it."""
    kind: Mapped[CriterionKind] = mapped_column(choice(CriterionKind))
    title: Mapped[str] = mapped_column(Text)
    question: Mapped[str] = mapped_column(Text)
    help: Mapped[str] = mapped_column(Text, default="")
    """What a good answer holds, in plain words."""
    wanted_answer: Mapped[str] = mapped_column(Text, default="")
    """"yes" or "no" for eligibility and declarations: the answer that needs no explanation."""
    evidence_kind: Mapped[str] = mapped_column(Text, default="")
    longest_words: Mapped[int] = mapped_column(default=500)
    weight_percent: Mapped[int] = mapped_column(default=0)
    """Share of the score; those that concern a lot add up to 100."""
    pass_score: Mapped[int] = mapped_column(default=0)
    """Of 0 to 5; less than this fails whatever the total is."""
    position: Mapped[int] = mapped_column(default=0)


class LateRule(StrEnum):
    """What happens to an application that comes after the closing time."""

    REFUSE = "refuse"
    ACCEPT_WITH_REASON = "accept_with_reason"
    """Until `late_until`, with a reason that the council accepts or not."""


class Round(Base, WithId):
    """A time in which organisations apply under one version. Whether it is open follows from the clock."""

    __tablename__ = "rounds"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="period"),
        CheckConstraint("late_until IS NULL OR late_until > closes_at", name="late"),
        Index("ix_rounds_council_id", "council_id", "closes_at"),
        Index("ix_rounds_framework_id", "framework_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    framework_id: Mapped[UUID] = mapped_column(ForeignKey("frameworks.id"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("framework_versions.id"))
    name: Mapped[str] = mapped_column(Text)
    opens_at: Mapped[datetime]
    questions_until: Mapped[datetime]
    """Questions asked up to here are answered in public."""
    closes_at: Mapped[datetime]
    late_rule: Mapped[LateRule] = mapped_column(choice(LateRule))
    late_until: Mapped[datetime | None]
    decides_on: Mapped[date]
    """The day by which applicants hear."""
    starts_on: Mapped[date]
    """First day of the agreements that come of it."""
    reopens_on: Mapped[date | None]
    """When the next round is expected (yearly reopening)."""
    cancelled_at: Mapped[datetime | None]
    cancelled_because: Mapped[str] = mapped_column(Text, default="")
    told_open_at: Mapped[datetime | None]
    """When organisations that wait for it were told that it is open."""
    told_closing_at: Mapped[datetime | None]
    created_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class FrameworkQuestion(Base, WithId):
    """What an organisation asked about a round. The answer is for everybody, without who asked."""

    __tablename__ = "framework_questions"
    __table_args__ = (Index("ix_framework_questions_round_id", "round_id", "asked_at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    round_id: Mapped[UUID] = mapped_column(ForeignKey("rounds.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    asked_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    question: Mapped[str] = mapped_column(Text)
    published_question: Mapped[str] = mapped_column(Text, default="")
    """As everybody reads it: the council takes out what would give the asker away."""
    answer: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime]
    answered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime | None]


class EngagementKind(StrEnum):
    """What took place."""

    MARKET_EVENT = "market_event"
    CONSULTATION = "consultation"
    SOFT_MARKET_TEST = "soft_market_test"
    CO_PRODUCTION = "co_production"
    """A specification written with people who use services (D7)."""
    INTEREST = "interest"
    """An organisation says that it would apply for a lot, or offers an idea (D7, R30)."""


class EngagementEntry(Base, WithId):
    """One entry of the engagement log: events, consultations, expressions of interest (D7, R29)."""

    __tablename__ = "engagement_entries"
    __table_args__ = (
        CheckConstraint("people >= 0 AND organisations >= 0", name="counts"),
        Index("ix_engagement_entries_council", "council_id", "held_on", "id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    framework_id: Mapped[UUID | None] = mapped_column(ForeignKey("frameworks.id"))
    kind: Mapped[EngagementKind] = mapped_column(choice(EngagementKind))
    held_on: Mapped[date]
    title: Mapped[str] = mapped_column(Text)
    said: Mapped[str] = mapped_column(Text, default="")
    """What people and organisations said."""
    done: Mapped[str] = mapped_column(Text, default="")
    """What the council did with it."""
    people: Mapped[int] = mapped_column(default=0)
    """How many people who use services or care for somebody took part."""
    organisations: Mapped[int] = mapped_column(default=0)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """Who expressed an interest; for the council alone."""
    lot_codes: Mapped[list[str]] = mapped_column(default=list)
    is_public: Mapped[bool] = mapped_column(default=False)
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class NominationCall(Base, WithId):
    """A council looks for people to become planners and says how many and by what it chooses (R10)."""

    __tablename__ = "nomination_calls"
    __table_args__ = (
        CheckConstraint("places BETWEEN 1 AND 1000", name="places"),
        Index("ix_nomination_calls_council_id", "council_id", "closes_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    title: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    chosen_by: Mapped[str] = mapped_column(Text)
    """What counts: "widest range of people, and able to deliver quickly"."""
    places: Mapped[int]
    closes_on: Mapped[date]
    """Last day for a nomination."""
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Why more were selected than there are places."""
    created_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]


class NominationStatus(StrEnum):
    """What became of a nomination."""

    NOMINATED = "nominated"
    SELECTED = "selected"
    NOT_SELECTED = "not_selected"
    WITHDRAWN = "withdrawn"


class Nomination(Base, WithId):
    """A worker whom an organisation, or the council for its own staff, puts forward as a planner (R10)."""

    __tablename__ = "nominations"
    __table_args__ = (
        UniqueConstraint("call_id", "worker_id"),
        Index("ix_nominations_council_id", "council_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    call_id: Mapped[UUID] = mapped_column(ForeignKey("nomination_calls.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    status: Mapped[NominationStatus] = mapped_column(choice(NominationStatus))
    statement: Mapped[str] = mapped_column(Text, info=PERSONAL)
    reason: Mapped[str] = mapped_column(Text, default="")
    nominated_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    nominated_at: Mapped[datetime]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
