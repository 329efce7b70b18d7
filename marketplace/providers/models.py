"""Rows of providers: organisations, the regulator's register, accreditation, workers and listings."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.accounts.words import Gender
from marketplace.core.database import Base, WithId, choice


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
    __table_args__ = (Index("ix_organisations_name", "name"),)

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
    is_example: Mapped[bool] = mapped_column(default=False)
    """Made up for the demo; shown as such everywhere."""
    created_at: Mapped[datetime]


class AccreditationStatus(StrEnum):
    """Where an accreditation stands; whether it is live on a day also depends on its dates."""

    LIVE = "live"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class Accreditation(Base, WithId):
    """A council's word that an organisation may do a service, from a day to a day (half-open)."""

    __tablename__ = "accreditations"
    __table_args__ = (
        CheckConstraint("live_until > live_from", name="period"),
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
    interests: Mapped[list[str]] = mapped_column(default=list)
    postcode: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Base; never shown: pages show the town."""
    town: Mapped[str] = mapped_column(Text, default="")
    lat: Mapped[float | None] = mapped_column(info=PERSONAL)
    lon: Mapped[float | None] = mapped_column(info=PERSONAL)
    radius_metres: Mapped[int] = mapped_column(default=25_000)
    fte_percent: Mapped[int] = mapped_column(default=100)
    bio: Mapped[str] = mapped_column(Text, default="")
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    created_at: Mapped[datetime]


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


class ListingCategory(StrEnum):
    """What is offered."""

    HOME_CARE = "home_care"
    PERSONAL_ASSISTANT = "personal_assistant"
    SUPPORT_PLANNING = "support_planning"
    MONEY_MANAGEMENT = "money_management"
    COMMUNITY = "community"
    DAY_OPPORTUNITY = "day_opportunity"
    EQUIPMENT = "equipment"
    TELECARE = "telecare"
    GARDENING = "gardening"
    SHOPPING = "shopping"
    TRANSPORT = "transport"
    ADVICE = "advice"
    CARE_HOME = "care_home"
    SUPPORTED_LIVING = "supported_living"
    OTHER_REGULATED = "other_regulated"


CATEGORY_LABELS: dict[ListingCategory, str] = {
    ListingCategory.HOME_CARE: "Home care",
    ListingCategory.PERSONAL_ASSISTANT: "Personal assistant",
    ListingCategory.SUPPORT_PLANNING: "Support planning",
    ListingCategory.MONEY_MANAGEMENT: "Money management",
    ListingCategory.COMMUNITY: "Community groups and activities",
    ListingCategory.DAY_OPPORTUNITY: "Day opportunities",
    ListingCategory.EQUIPMENT: "Equipment and simple aids",
    ListingCategory.TELECARE: "Telecare",
    ListingCategory.GARDENING: "Gardening and home help",
    ListingCategory.SHOPPING: "Shopping and meals",
    ListingCategory.TRANSPORT: "Transport",
    ListingCategory.ADVICE: "Advice and advocacy",
    ListingCategory.CARE_HOME: "Care home",
    ListingCategory.SUPPORTED_LIVING: "Supported living",
    ListingCategory.OTHER_REGULATED: "Other registered care",
}

CATEGORY_SERVICE: dict[ListingCategory, ServiceLine | None] = {
    ListingCategory.HOME_CARE: ServiceLine.HOME_CARE,
    ListingCategory.PERSONAL_ASSISTANT: ServiceLine.PERSONAL_ASSISTANCE,
    ListingCategory.SUPPORT_PLANNING: ServiceLine.SUPPORT_PLANNING,
    ListingCategory.MONEY_MANAGEMENT: ServiceLine.MONEY_MANAGEMENT,
    ListingCategory.EQUIPMENT: ServiceLine.EQUIPMENT,
    ListingCategory.TELECARE: ServiceLine.EQUIPMENT,
}
"""The accreditation that booking a category with council money needs; categories not named need community support."""


class PriceUnit(StrEnum):
    """What the price buys."""

    FREE = "free"
    HOUR = "hour"
    VISIT = "visit"
    SESSION = "session"
    WEEK = "week"
    PLAN = "plan"
    ONCE = "once"


class Listing(Base, WithId):
    """An offer on the market."""

    __tablename__ = "listings"
    __table_args__ = (
        CheckConstraint("price_pence >= 0", name="price"),
        Index("ix_listings_organisation_id", "organisation_id"),
        Index("ix_listings_worker_id", "worker_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """The one worker this listing is of (a personal assistant's own listing)."""
    regulator_location_id: Mapped[str | None] = mapped_column(ForeignKey("regulator_locations.location_id"))
    category: Mapped[ListingCategory] = mapped_column(choice(ListingCategory))
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    price_pence: Mapped[int] = mapped_column(BigInteger)
    price_unit: Mapped[PriceUnit] = mapped_column(choice(PriceUnit))
    suits: Mapped[list[str]] = mapped_column(default=list)
    languages: Mapped[list[str]] = mapped_column(default=list)
    interests: Mapped[list[str]] = mapped_column(default=list)
    town: Mapped[str] = mapped_column(Text, default="")
    postcode_area: Mapped[str] = mapped_column(Text, default="")
    """Outward code, such as PR1: as exact as a page ever shows."""
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    radius_metres: Mapped[int | None]
    is_nationwide: Mapped[bool] = mapped_column(default=False)
    district_codes: Mapped[list[str]] = mapped_column(default=list)
    takes_bookings: Mapped[bool] = mapped_column(default=True)
    least_minutes: Mapped[int] = mapped_column(default=30)
    is_published: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class RegulatorProvider(Base):
    """A provider as the Care Quality Commission's register names it."""

    __tablename__ = "regulator_providers"

    provider_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    brand_name: Mapped[str] = mapped_column(Text, default="")
    company_number: Mapped[str] = mapped_column(Text, default="")
    is_example: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class RegulatorLocation(Base):
    """A place care is run from, as the register has it. Facts of the regulator only."""

    __tablename__ = "regulator_locations"
    __table_args__ = (
        Index("ix_regulator_locations_provider_id", "provider_id"),
        Index("ix_regulator_locations_name_postcode", "name_key", "postcode"),
        Index("ix_regulator_locations_lad_code", "lad_code"),
        Index(
            "ix_regulator_locations_live",
            "location_id",
            postgresql_where=text("is_registered AND superseded_by IS NULL"),
        ),
    )

    location_id: Mapped[str] = mapped_column(Text, primary_key=True)
    provider_id: Mapped[str | None] = mapped_column(ForeignKey("regulator_providers.provider_id"))
    provider_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The provider as the source named it; some name a provider without its id."""
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    """Name without case, marks and spaces, to find re-registrations of one place."""
    also_known_as: Mapped[str] = mapped_column(Text, default="")
    is_care_home: Mapped[bool]
    service_types: Mapped[list[str]] = mapped_column(default=list)
    specialisms: Mapped[list[str]] = mapped_column(default=list)
    beds: Mapped[int | None]
    address_line: Mapped[str] = mapped_column(Text, default="")
    town: Mapped[str] = mapped_column(Text, default="")
    county: Mapped[str] = mapped_column(Text, default="")
    postcode: Mapped[str] = mapped_column(Text, default="")
    local_authority: Mapped[str] = mapped_column(Text, default="")
    region: Mapped[str] = mapped_column(Text, default="")
    lad_code: Mapped[str] = mapped_column(Text, default="")
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    phone: Mapped[str] = mapped_column(Text, default="")
    website: Mapped[str] = mapped_column(Text, default="")
    rating_overall: Mapped[str] = mapped_column(Text, default="")
    """The register's word; empty is 'not rated', never a number."""
    ratings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The five key questions by name, where published."""
    rated_on: Mapped[date | None]
    inspected_on: Mapped[date | None]
    is_registered: Mapped[bool]
    is_dormant: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Registered, but the provider told the regulator that no care is given at present."""
    registered_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    successor_id: Mapped[str | None] = mapped_column(Text)
    """The successor that the register itself names, whether or not we hold it."""
    superseded_by: Mapped[str | None] = mapped_column(Text)
    """A newer registration of the same place, where there is one."""
    url: Mapped[str] = mapped_column(Text, default="")
    as_of: Mapped[str] = mapped_column(Text, default="")
    is_example: Mapped[bool] = mapped_column(default=False)
    content_hash: Mapped[bytes]
    first_import_id: Mapped[UUID | None] = mapped_column(ForeignKey("directory_imports.id"))
    last_import_id: Mapped[UUID | None] = mapped_column(ForeignKey("directory_imports.id"))
    updated_at: Mapped[datetime]


class DirectoryImport(Base, WithId):
    """One reading of a directory file."""

    __tablename__ = "directory_imports"

    file_name: Mapped[str] = mapped_column(Text)
    layout: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]


class DirectoryImportNote(Base, WithId):
    """What was refused, corrected or skipped, by row."""

    __tablename__ = "directory_import_notes"
    __table_args__ = (Index("ix_directory_import_notes_import_id", "import_id", "row_number"),)

    import_id: Mapped[UUID] = mapped_column(ForeignKey("directory_imports.id", ondelete="CASCADE"))
    row_number: Mapped[int]
    location_id: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    field: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text, default="")
