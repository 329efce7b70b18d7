"""Rows of listings: the offer, its dated rates and hours, its drafts, versions, figures and published feedback."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.models.organisations import ServiceLine
from marketplace.providers.models.words import LISTING_WORDS
from marketplace.providers.states import DraftStatus


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


BOOKABLE_UNITS: Final = frozenset({PriceUnit.FREE, PriceUnit.HOUR, PriceUnit.VISIT, PriceUnit.SESSION})
"""Prices that say what one visit costs; a week, a plan or a purchase is agreed with the provider."""


class VatCategory(StrEnum):
    """How VAT applies to an offering; data for each provider and offering, never guessed (domain.md 4.5)."""

    NOT_REGISTERED = "not_registered"
    EXEMPT_WELFARE = "exempt_welfare"
    EXEMPT_OTHER = "exempt_other"
    REDUCED = "reduced"
    STANDARD = "standard"
    ZERO = "zero"
    OUTSIDE_SCOPE = "outside_scope"


VAT_LABELS: dict[VatCategory, str] = {
    VatCategory.NOT_REGISTERED: "Not registered for VAT",
    VatCategory.EXEMPT_WELFARE: "Exempt: welfare services",
    VatCategory.EXEMPT_OTHER: "Exempt for another reason",
    VatCategory.REDUCED: "Reduced rate",
    VatCategory.STANDARD: "Standard rate, included in the price",
    VatCategory.ZERO: "Zero rate, such as aids for disabled people",
    VatCategory.OUTSIDE_SCOPE: "Outside the scope of VAT",
}


class CapacityKind(StrEnum):
    """What is counted when a provider says how much room there is."""

    NOT_SAID = "not_said"
    HOURS = "hours"
    """Hours a week."""
    PLACES = "places"
    PLANS = "plans"
    """Plans a week."""


class HiddenWhy(StrEnum):
    """Why a published listing is off the market for now."""

    STALE = "stale"
    """Nobody has confirmed it for too long."""
    EVIDENCE = "evidence"
    """Insurance that it needs has ended (V4)."""
    COUNCIL = "council"
    """A council took it off, with a reason."""
    REGISTER = "register"
    """Regulated care whose registration is no longer there."""


class RegulatedBasis(StrEnum):
    """By what right help with washing, dressing and the like is offered (domain.md 4.3)."""

    NOT_REGULATED = "not_regulated"
    REGISTERED = "registered"
    DIRECTLY_ENGAGED = "directly_engaged"
    """An individual whom the person employs or engages and directs."""


CONCESSIONS: dict[str, str] = {
    "carer_free": "A carer or PA comes in free",
    "reduced_membership": "Reduced membership",
    "low_income": "Cheaper on a low income",
    "first_free": "First time free",
    "students": "Cheaper for students and young people",
    "older": "Cheaper for older people",
    "disability": "Cheaper for disabled people",
    "travel_help": "Help with getting there",
}
"""What may cost less, and for whom (R17)."""


def _is_no_individual(context: Any) -> bool:
    return context.get_current_parameters().get("worker_id") is None


class Listing(Base, WithId):
    """An offer on the market."""

    __tablename__ = "listings"
    __table_args__ = (
        CheckConstraint("price_pence >= 0", name="price"),
        CheckConstraint("capacity_free >= 0", name="capacity"),
        CheckConstraint("usual_tenths > 0", name="usual"),
        CheckConstraint("session_places BETWEEN 1 AND 500", name="session_places"),
        Index("ix_listings_organisation_id", "organisation_id"),
        Index("ix_listings_worker_id", "worker_id"),
        Index("ix_listings_words", text(LISTING_WORDS), postgresql_using="gin"),
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
    session_places: Mapped[int | None]
    """How many people one session of an activity takes; None where a visit is booked with a worker."""
    is_published: Mapped[bool] = mapped_column(default=True)
    """The provider wants it on the market; `hidden_why` may keep it off all the same."""
    hidden_why: Mapped[HiddenWhy | None] = mapped_column(choice(HiddenWhy))
    hidden_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What the council says where it took the listing off."""
    vat_category: Mapped[VatCategory] = mapped_column(
        choice(VatCategory), default=VatCategory.NOT_REGISTERED, server_default="not_registered"
    )
    vat_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    concessions: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    """Codes of `CONCESSIONS`."""
    concession_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    access_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    """How people get in and round: step-free, toilets, parking, quiet room."""
    usual_tenths: Mapped[int | None]
    """What people usually take in a week, in tenths of the price's unit: 25 is two and a half hours."""
    capacity_kind: Mapped[CapacityKind] = mapped_column(
        choice(CapacityKind), default=CapacityKind.NOT_SAID, server_default="not_said"
    )
    capacity_free: Mapped[int | None]
    """Room there is now, in whole units of `capacity_kind`; None is not said."""
    capacity_said_at: Mapped[datetime | None]
    regulated_basis: Mapped[RegulatedBasis] = mapped_column(
        choice(RegulatedBasis), default=RegulatedBasis.NOT_REGULATED, server_default="not_regulated"
    )
    is_open_data: Mapped[bool] = mapped_column(default=_is_no_individual, server_default=text("true"))
    """Part of the open data feed; for an individual only with their consent, so a worker's own starts without."""
    confirmed_at: Mapped[datetime | None]
    """When the provider last said that all of this is right; None counts as `updated_at`."""
    reminded_at: Mapped[datetime | None]
    """When we last asked for that."""
    checked_by_council_id: Mapped[UUID | None] = mapped_column(ForeignKey("councils.id"))
    checked_at: Mapped[datetime | None]
    feedback_count: Mapped[int] = mapped_column(default=0, server_default="0")
    feedback_stars: Mapped[int] = mapped_column(default=0, server_default="0")
    """Sum of the stars of all published feedback."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name

    @property
    def is_bookable(self) -> bool:
        """Whether a visit can be booked from it."""
        return self.takes_bookings and self.price_unit in BOOKABLE_UNITS


class DayKind(StrEnum):
    """The days a rate is for. The most special one counts: bank holiday, then Saturday or Sunday, then any day."""

    ANY = "any"
    WEEKDAY = "weekday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    BANK_HOLIDAY = "bank_holiday"


class ListingRate(Base, WithId):
    """A price in the listing's unit for some days. `Listing.price_pence` counts where none fits a day."""

    __tablename__ = "listing_rates"
    __table_args__ = (
        UniqueConstraint("listing_id", "day_kind", "starts_on"),
        CheckConstraint("price_pence >= 0", name="price"),
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="period"),
    )

    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"))
    day_kind: Mapped[DayKind] = mapped_column(choice(DayKind))
    price_pence: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]


class ListingHours(Base, WithId):
    """When an offer without one worker of its own takes place: wall-clock hours on a weekday (0 is Monday)."""

    __tablename__ = "listing_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("ends_local > starts_local", name="order"),
        Index("ix_listing_hours_listing_id", "listing_id"),
    )

    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"))
    weekday: Mapped[int]
    starts_local: Mapped[time]
    ends_local: Mapped[time]


class ListingDraft(Base, WithId):
    """A listing being written, or changes to one; becomes a listing when it is published."""

    __tablename__ = "listing_drafts"
    __table_args__ = (
        Index("ix_listing_drafts_organisation_id", "organisation_id", "status"),
        Index("ix_listing_drafts_council_status", "council_id", "status", "updated_at"),
        Index(
            "uq_listing_drafts_live",
            "listing_id",
            unique=True,
            postgresql_where=text("status IN ('open', 'submitted', 'returned')"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    """The council that checks it."""
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.id"))
    """The listing it changes, or has become."""
    status: Mapped[DraftStatus] = mapped_column(choice(DraftStatus))
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Answers by step as the forms take them; a step that is missing is not answered yet."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """What the council said when it sent it back."""
    created_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    decided_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ListingVersion(Base, WithId):
    """What a listing said from a moment on, and who changed it. Only ever added."""

    __tablename__ = "listing_versions"
    __table_args__ = (UniqueConstraint("listing_id", "number"),)

    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]]
    """All public fields, rates and hours, as JSON values."""
    changed: Mapped[list[str]] = mapped_column(default=list)
    """Names of the fields that differ from the version before."""
    changed_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """None: the platform itself."""
    changed_at: Mapped[datetime]


class ListingDay(Base):
    """Figures of a listing on a day: counts only, nothing about who looked."""

    __tablename__ = "listing_days"
    __table_args__ = (CheckConstraint("views >= 0 AND questions >= 0 AND bookings >= 0 AND saves >= 0", name="counts"),)

    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    views: Mapped[int] = mapped_column(default=0)
    questions: Mapped[int] = mapped_column(default=0)
    bookings: Mapped[int] = mapped_column(default=0)
    saves: Mapped[int] = mapped_column(default=0)


class ListingFeedback(Base):
    """Published feedback on a listing: a copy for its public page, written by `quality`, which owns feedback."""

    __tablename__ = "listing_feedback"
    __table_args__ = (
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        Index("ix_listing_feedback_listing_id", "listing_id", "published_at"),
    )

    feedback_id: Mapped[UUID] = mapped_column(primary_key=True)
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"))
    stars: Mapped[int]
    words: Mapped[str] = mapped_column(Text, default="")
    signed: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """How the writer wants to be named, such as "Margaret" or "Daughter of a person"."""
    visit_month: Mapped[date]
    """First day of the month of the visit."""
    reply: Mapped[str] = mapped_column(Text, default="")
    replied_at: Mapped[datetime | None]
    published_at: Mapped[datetime]
