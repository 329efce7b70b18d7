"""Rows of visits: what takes place on a day, who comes, what it costs, what was recorded and what went wrong."""

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.bookings.schemas import Funding as Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import Base, WithId, choice


class CalledOffBy(StrEnum):
    """Which side called a visit off."""

    PERSON = "person"
    PROVIDER = "provider"
    PLATFORM = "platform"


class CallOffReason(StrEnum):
    """Why a visit does not take place, for counting; words of their own stand in `Booking.reason`."""

    CHANGED_MIND = "changed_mind"
    ILL = "ill"
    HOSPITAL = "hospital"
    HOLIDAY = "holiday"
    APPOINTMENT = "appointment"
    WORKER_AWAY = "worker_away"
    NO_WORKER = "no_worker"
    UNSAFE = "unsafe"
    NOT_PAID = "not_paid"
    NO_MONEY = "no_money"
    NOT_ANSWERED = "not_answered"
    NOT_ACCREDITED = "not_accredited"
    AGREEMENT_ENDED = "agreement_ended"
    CHANGED = "changed"
    """Moved to another time by a change of the weekly pattern."""
    DIED = "died"
    OTHER = "other"


class Booking(Base, WithId):
    """One visit.

    Who is held for it stands in `visit_workers`, kept by the trigger `keep_visit_holds` (migration 0011) from the
    status and the times here; the exclusion constraint there keeps a worker's visits apart. A visit to a group activity
    holds a place (`visit_places`) instead of a worker.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("minutes BETWEEN 15 AND 1440", name="minutes"),
        CheckConstraint("cost_pence >= 0 AND rate_pence >= 0", name="money"),
        CheckConstraint("top_up_pence BETWEEN 0 AND cost_pence", name="top_up"),
        CheckConstraint("approved_pence BETWEEN 0 AND cost_pence", name="approved"),
        CheckConstraint("workers_needed BETWEEN 0 AND 2", name="workers"),
        CheckConstraint("travel_minutes BETWEEN 0 AND 120", name="travel"),
        CheckConstraint("(pattern_id IS NULL) = (pattern_on IS NULL)", name="pattern"),
        UniqueConstraint("pattern_id", "pattern_on"),
        Index("ix_bookings_person", "person_id", "starts_at", "id"),
        Index("ix_bookings_organisation", "organisation_id", "starts_at", "id"),
        Index("ix_bookings_worker", "worker_id", "starts_at"),
        Index("ix_bookings_council_status", "council_id", "status", "starts_at"),
        Index("ix_bookings_agreement", "agreement_id", "starts_at"),
        Index(
            "ix_bookings_block",
            "block_contract_id",
            "visit_on",
            postgresql_where=text("block_contract_id IS NOT NULL"),
        ),
        Index(
            "ix_bookings_waiting_for_person",
            "ask_again_at",
            postgresql_where=text("status IN ('accepted', 'in_progress', 'claimed')"),
        ),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """Who comes, or the first of two; None until the provider says, and always for a place at an activity."""
    agreement_id: Mapped[UUID | None] = mapped_column(ForeignKey("support_agreements.id"))
    pattern_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit_patterns.id"))
    pattern_on: Mapped[date | None]
    """The day the weekly pattern puts it on; `visit_on` is another when this one visit was moved."""
    workers_needed: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """1, or 2 for a double-up; 0 for a place at an activity."""
    travel_minutes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How long the worker is held after the visit, to get to the next."""
    is_sleep_in: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    status: Mapped[BookingStatus] = mapped_column(choice(BookingStatus))
    funding: Mapped[Funding] = mapped_column(choice(Funding))
    visit_on: Mapped[date]
    starts_local: Mapped[time]
    """Wall-clock time in Europe/London: what was promised."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    minutes: Mapped[int]
    rate_pence: Mapped[int] = mapped_column(BigInteger)
    """Price for an hour, or for the visit where the listing is priced so."""
    cost_pence: Mapped[int] = mapped_column(BigInteger)
    top_up_pence: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Part of the cost that the person pays by card because the direct payment does not reach."""
    claimed_minutes: Mapped[int | None]
    claimed_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What the provider asks for after the visit, by the agreement's pay basis; None: the cost as planned."""
    approved_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What the person agreed to pay; None until then."""
    actual_starts_at: Mapped[datetime | None]
    actual_ends_at: Mapped[datetime | None]
    """From the worker's phone page, or as the provider says."""
    concession: Mapped[str] = mapped_column(Text, default="", server_default="")
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What the person tells the worker."""
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why it was declined, cancelled or disputed."""
    called_off_at: Mapped[datetime | None]
    """When it was called off; with status accepted or planned, `cost_pence` is what is owed by the terms."""
    called_off_by: Mapped[CalledOffBy | None] = mapped_column(choice(CalledOffBy))
    call_off_reason: Mapped[CallOffReason | None] = mapped_column(choice(CallOffReason))
    requested_at: Mapped[datetime]
    requested_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    block_contract_id: Mapped[UUID | None]
    """The block contract of `payments` that this approved visit is counted in: hours the council had bought ahead. The
    provider is paid for them by the month, so the visit itself is on no bill."""
    approved_at: Mapped[datetime | None]
    is_approved_by_rule: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Approved after the person's silence, by the rule that the person had set for that."""
    ask_again_at: Mapped[datetime | None]
    """When the person is reminded, or their rule for silence acts; None when nothing more is due."""
    reminders: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class VisitWorker(Base, WithId):
    """One worker held for a visit, with the time that takes. Two visits of a worker never overlap, travel included.

    The database keeps times and `is_holding` equal to the visit (`keep_visit_holds`, `take_visit_times`).
    """

    __tablename__ = "visit_workers"
    __table_args__ = (
        UniqueConstraint("booking_id", "position"),
        CheckConstraint("position BETWEEN 1 AND 2", name="position"),
        CheckConstraint("busy_until >= ends_at", name="busy"),
        Index("ix_visit_workers_worker", "worker_id", "starts_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    position: Mapped[int]
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    busy_until: Mapped[datetime]
    is_holding: Mapped[bool]
    confirmed_at: Mapped[datetime | None]
    """When the provider said that this worker comes."""


class VisitPlace(Base, WithId):
    """One of the limited places of an activity, held by a visit."""

    __tablename__ = "visit_places"
    __table_args__ = (UniqueConstraint("booking_id"), CheckConstraint("place > 0", name="place"))

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    place: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    is_holding: Mapped[bool]


class RecordKind(StrEnum):
    """What a worker records at the door."""

    START = "start"
    FINISH = "finish"


class VisitRecord(Base, WithId):
    """A start or a finish that a worker pressed. Only ever added; a repeated one with the same key changes nothing."""

    __tablename__ = "visit_records"
    __table_args__ = (UniqueConstraint("client_key"), Index("ix_visit_records_booking", "booking_id", "happened_at"))

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    kind: Mapped[RecordKind] = mapped_column(choice(RecordKind))
    happened_at: Mapped[datetime]
    """When the worker pressed, by the phone's clock, which we hold to the plausible."""
    received_at: Mapped[datetime]
    client_key: Mapped[UUID]
    """Made on the page before it is sent, so that sending again is harmless."""
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class AlertKind(StrEnum):
    """What may go wrong with a visit."""

    LATE = "late"
    MISSED = "missed"
    NO_WORKER = "no_worker"
    """It is near and nobody is confirmed."""
    WORKER_CANCELLED = "worker_cancelled"
    SUBSTITUTE = "substitute"


class VisitAlert(Base, WithId):
    """Something that the person and those they chose were told about a visit, once."""

    __tablename__ = "visit_alerts"
    __table_args__ = (
        UniqueConstraint("booking_id", "kind"),
        Index("ix_visit_alerts_open", "council_id", "raised_at", postgresql_where=text("settled_at IS NULL")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id"))
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    detail: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    raised_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class AlertContact(Base, WithId):
    """Somebody the person wants told when a visit is late or missed: a relative or friend, with or without account."""

    __tablename__ = "alert_contacts"
    __table_args__ = (Index("ix_alert_contacts_person", "person_id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    phone: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    created_at: Mapped[datetime]


class BackUp(Base, WithId):
    """Somebody the person would ask when a worker can't come, in the order they chose (P9)."""

    __tablename__ = "back_ups"
    __table_args__ = (
        UniqueConstraint("person_id", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint("position > 0", name="position"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    position: Mapped[int]
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.id"))
    """An offer on the market that can be asked here; None for somebody who is called by telephone."""
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    phone: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)


class SilenceAction(StrEnum):
    """What happens when a person says nothing about a visit, as they themselves chose."""

    ASK = "ask"
    """Nothing is paid; the person is asked again."""
    APPROVE_RECORDED = "approve_recorded"
    """Approve what was recorded at the door and is within the plan."""
    APPROVE = "approve"
    """Approve what the provider claims, up to the plan."""


class ApprovalRule(Base, WithId):
    """A person's own rule for silence. No row: ask and remind, never pay (P10)."""

    __tablename__ = "approval_rules"
    __table_args__ = (
        UniqueConstraint("council_id", "person_id"),
        CheckConstraint("remind_days BETWEEN 1 AND 30 AND act_days BETWEEN 1 AND 60", name="days"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    remind_days: Mapped[int]
    act_days: Mapped[int]
    """Days after the claim on which the action is taken; no earlier than the first reminder."""
    action: Mapped[SilenceAction] = mapped_column(choice(SilenceAction))
    set_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
