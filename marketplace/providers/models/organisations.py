"""Rows of organisations: bodies and sole workers, their accreditation, their evidence, their workers."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.accounts.words import Gender
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.models.words import ORGANISATION_WORDS
from marketplace.providers.states import AccreditationStatus as AccreditationStatus
from marketplace.providers.states import RegulatorLinkStatus


class OrganisationKind(StrEnum):
    """What sort of body it is."""

    THIRD_SECTOR = "third_sector"
    HOME_CARE = "home_care"
    PA_SERVICE = "pa_service"
    SOLE_PA = "sole_pa"
    """A personal assistant who works for people directly."""
    COMMUNITY = "community"
    EQUIPMENT = "equipment"
    COUNCIL = "council"


class ServiceLine(StrEnum):
    """What an organisation may be accredited for."""

    SUPPORT_PLANNING = "support_planning"
    MONEY_MANAGEMENT = "money_management"
    HOME_CARE = "home_care"
    PERSONAL_ASSISTANCE = "personal_assistance"
    COMMUNITY_SUPPORT = "community_support"
    EQUIPMENT = "equipment"


SERVICE_LABELS: dict[ServiceLine, str] = {
    ServiceLine.SUPPORT_PLANNING: "Support planning",
    ServiceLine.MONEY_MANAGEMENT: "Money management",
    ServiceLine.HOME_CARE: "Home care",
    ServiceLine.PERSONAL_ASSISTANCE: "Personal assistance",
    ServiceLine.COMMUNITY_SUPPORT: "Community support",
    ServiceLine.EQUIPMENT: "Equipment and simple aids",
}


class Organisation(Base, WithId):
    """A body or sole worker that offers support. Shared by all councils of the installation."""

    __tablename__ = "organisations"
    __table_args__ = (
        Index("ix_organisations_name", "name"),
        Index("ix_organisations_words", text(ORGANISATION_WORDS), postgresql_using="gin"),
    )

    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[OrganisationKind] = mapped_column(choice(OrganisationKind))
    summary: Mapped[str] = mapped_column(Text, default="")
    charity_number: Mapped[str | None] = mapped_column(Text, unique=True)
    company_number: Mapped[str | None] = mapped_column(Text, unique=True)
    cqc_provider_id: Mapped[str | None] = mapped_column(Text, unique=True)
    vat_number: Mapped[str | None] = mapped_column(Text)
    address_line: Mapped[str] = mapped_column(Text, default="")
    town: Mapped[str] = mapped_column(Text, default="")
    postcode: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="")
    website: Mapped[str] = mapped_column(Text, default="")
    home_council_id: Mapped[UUID | None] = mapped_column(ForeignKey("councils.id"))
    """The council that checks what it publishes: that of its base."""
    safeguarding_name: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Who answers for keeping people safe; for the council, never on a public page."""
    safeguarding_contact: Mapped[str] = mapped_column(Text, default="", server_default="", info=PERSONAL)
    """Their telephone number or e-mail address."""
    is_example: Mapped[bool] = mapped_column(default=False)
    """Made up for the demo; shown as such everywhere."""
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """The organisation that took its place; it gets no new work."""
    created_at: Mapped[datetime]


class Accreditation(Base, WithId):
    """A council's word that an organisation may do a service, from a day to a day (half-open)."""

    __tablename__ = "accreditations"
    __table_args__ = (
        CheckConstraint("live_until > live_from", name="period"),
        CheckConstraint("status <> 'removed' OR removed_on IS NOT NULL", name="removed"),
        Index("ix_accreditations_council_service", "council_id", "service_line", "live_until"),
        Index("ix_accreditations_organisation_id", "organisation_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    status: Mapped[AccreditationStatus] = mapped_column(choice(AccreditationStatus))
    live_from: Mapped[date]
    live_until: Mapped[date]
    """First day on which it no longer counts."""
    removed_on: Mapped[date | None]
    """First day on which it no longer counts because it was removed."""
    removed_at: Mapped[datetime | None]
    """When that was decided: what was agreed before goes on."""
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey("lots.id"))
    """The lot it was awarded for; None where it was recorded by hand."""
    agreement_id: Mapped[UUID | None] = mapped_column(ForeignKey("agreements.id"))
    evidence: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    """`EvidenceKind` values that must count on a day for it to count: the lot's, as it stood when it was awarded."""
    trusts_other_councils: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    """Evidence countersigned by another council is enough."""
    needs_registration: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    told_counts: Mapped[bool | None]
    """Whether it counted when that was last made known; None until it first did. See `service.standing.watch`."""
    reason: Mapped[str] = mapped_column(Text, default="")
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime]


class WorkerKind(StrEnum):
    """What somebody does for an organisation."""

    PLANNER = "planner"
    CARE_WORKER = "care_worker"
    PA = "pa"


class Worker(Base, WithId):
    """Somebody who does the work: a support planner, a care worker, a personal assistant."""

    __tablename__ = "workers"
    __table_args__ = (
        CheckConstraint("fte_percent BETWEEN 0 AND 100", name="fte"),
        CheckConstraint("radius_metres BETWEEN 0 AND 500000", name="radius"),
        Index("ix_workers_organisation_id", "organisation_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[WorkerKind] = mapped_column(choice(WorkerKind))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    gender: Mapped[Gender] = mapped_column(choice(Gender), default=Gender.NOT_SAID, info=PERSONAL)
    languages: Mapped[list[str]] = mapped_column(default=list)
    specialisms: Mapped[list[str]] = mapped_column(default=list)
    skills: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    """Keys of `accounts.words.SKILLS`: what the worker is trained or used to do."""
    interests: Mapped[list[str]] = mapped_column(default=list)
    postcode: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Base; never shown: pages show the town."""
    town: Mapped[str] = mapped_column(Text, default="")
    lat: Mapped[float | None] = mapped_column(info=PERSONAL)
    lon: Mapped[float | None] = mapped_column(info=PERSONAL)
    radius_metres: Mapped[int] = mapped_column(default=25_000)
    fte_percent: Mapped[int] = mapped_column(default=100)
    bio: Mapped[str] = mapped_column(Text, default="")
    photo_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_files.id"), info=PERSONAL)
    """A square picture of them, given with their consent; shown to those who agreed visits with them."""
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class WorkerHours(Base, WithId):
    """When a worker usually works: wall-clock hours on a weekday (0 is Monday)."""

    __tablename__ = "worker_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("ends_local > starts_local", name="order"),
        Index("ix_worker_hours_worker_id", "worker_id"),
    )

    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    weekday: Mapped[int]
    starts_local: Mapped[time]
    ends_local: Mapped[time]


class WorkerAbsence(Base, WithId):
    """Days a worker is away, half-open."""

    __tablename__ = "worker_absences"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="period"),
        Index("ix_worker_absences_worker_id", "worker_id", "ends_on"),
    )

    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)


class EvidenceKind(StrEnum):
    """What a piece of evidence shows."""

    LIABILITY_INSURANCE = "liability_insurance"
    """Public liability."""
    EMPLOYER_INSURANCE = "employer_insurance"
    DBS = "dbs"
    """Level, date and outcome seen; never the certificate."""
    SAFEGUARDING_TRAINING = "safeguarding_training"
    CARE_TRAINING = "care_training"
    REFERENCES = "references"
    RIGHT_TO_WORK = "right_to_work"
    PERSON_CENTRED_TRAINING = "person_centred_training"
    """Training in person-centred practices (D9)."""
    CHARITY_REGISTRATION = "charity_registration"
    COMPANY_REGISTRATION = "company_registration"
    DATA_SECURITY = "data_security"
    """Data Security and Protection Toolkit."""
    SAFEGUARDING_POLICY = "safeguarding_policy"


EVIDENCE_LABELS: dict[EvidenceKind, str] = {
    EvidenceKind.LIABILITY_INSURANCE: "Public liability insurance",
    EvidenceKind.EMPLOYER_INSURANCE: "Employers’ liability insurance",
    EvidenceKind.DBS: "DBS check",
    EvidenceKind.SAFEGUARDING_TRAINING: "Safeguarding training",
    EvidenceKind.CARE_TRAINING: "Care training",
    EvidenceKind.REFERENCES: "References",
    EvidenceKind.RIGHT_TO_WORK: "Right to work",
    EvidenceKind.PERSON_CENTRED_TRAINING: "Training in person-centred practice",
    EvidenceKind.CHARITY_REGISTRATION: "Charity registration",
    EvidenceKind.COMPANY_REGISTRATION: "Company registration",
    EvidenceKind.DATA_SECURITY: "Data Security and Protection Toolkit",
    EvidenceKind.SAFEGUARDING_POLICY: "Safeguarding policy",
}


class Evidence(Base, WithId):
    """A piece of evidence with its dates, given once for all councils.

    It counts on a day when somebody at a council has seen it and it has not ended (domain.md V4).
    """

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint("expires_on IS NULL OR expires_on > issued_on", name="period"),
        Index("ix_evidence_organisation_id", "organisation_id", "kind"),
        Index("ix_evidence_expires_on", "expires_on"),
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    kind: Mapped[EvidenceKind] = mapped_column(choice(EvidenceKind))
    detail: Mapped[str] = mapped_column(Text, default="")
    """Insurer and policy, level of check, course: what a council officer needs to find it again."""
    cover_pence: Mapped[int | None] = mapped_column(BigInteger)
    issued_on: Mapped[date]
    expires_on: Mapped[date | None]
    """First day on which it no longer counts."""
    given_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    given_at: Mapped[datetime]
    seen_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    seen_at: Mapped[datetime | None]
    refused_because: Mapped[str] = mapped_column(Text, default="")
    refused_at: Mapped[datetime | None]
    reminded_days: Mapped[int | None]
    """The last reminder sent, as days left: 30, 14 or 0."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class EvidenceFile(Base):
    """A file that shows a piece of evidence. Never the certificate of a DBS check."""

    __tablename__ = "evidence_files"
    __table_args__ = (Index("ix_evidence_files_evidence_id", "evidence_id"),)

    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_files.id"), primary_key=True)
    evidence_id: Mapped[UUID] = mapped_column(ForeignKey("evidence.id"))


class RegulatorLink(Base, WithId):
    """An organisation's claim to an entry of the register, with what the register said when it was made (V3)."""

    __tablename__ = "regulator_links"
    __table_args__ = (Index("ix_regulator_links_organisation_id", "organisation_id", "status"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    """The council that looks at differences: the organisation's home council."""
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    provider_id: Mapped[str | None] = mapped_column(Text)
    """Id of the provider in the register, as typed or as the location's."""
    location_id: Mapped[str | None] = mapped_column(Text)
    status: Mapped[RegulatorLinkStatus] = mapped_column(choice(RegulatorLinkStatus))
    register_name: Mapped[str] = mapped_column(Text)
    register_status: Mapped[str] = mapped_column(Text)
    """"registered", "closed" or "dormant", on the day it was read."""
    rating: Mapped[str] = mapped_column(Text, default="")
    """Empty is "not rated"."""
    rated_on: Mapped[date | None]
    locations: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """Its locations as `{"location_id", "name", "town", "rating", "rated_on"}`."""
    differences: Mapped[list[str]] = mapped_column(default=list)
    """What does not agree, in plain words."""
    read_at: Mapped[datetime]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
