"""Rows of bookings: a visit on a day, with a worker, at a price."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.bookings.schemas import Funding as Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import Base, WithId, choice


class Booking(Base, WithId):
    """One visit. The exclusion constraint `ex_bookings_worker_time` (migration) keeps a worker's visits apart."""

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("minutes BETWEEN 15 AND 1440", name="minutes"),
        CheckConstraint("cost_pence >= 0 AND rate_pence >= 0", name="money"),
        Index("ix_bookings_person", "person_id", "starts_at", "id"),
        Index("ix_bookings_organisation", "organisation_id", "starts_at", "id"),
        Index("ix_bookings_worker", "worker_id", "starts_at"),
        Index("ix_bookings_council_status", "council_id", "status", "starts_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
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
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What the person tells the worker."""
    reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why it was declined, cancelled or disputed."""
    requested_at: Mapped[datetime]
    requested_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
