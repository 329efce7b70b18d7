"""What every verb of a visit does the same way: move it, note it, name it in events."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.bookings.models import Booking
from marketplace.bookings.states import BOOKING, BookingStatus


def move(
    db: AsyncSession, principal: Principal | None, booking: Booking, to: BookingStatus, action: str, reason: str = ""
) -> None:
    """Take one step of a locked visit and write it into the audit log.

    Raises:
        StepRefused: The life cycle has no such step.
    """
    before = booking.status
    # The reason itself is personal: it stands on the booking, which a person's export and erasure find.
    BOOKING.move(db, booking, to, by=principal.user_id if principal else None)
    if reason:
        booking.reason = reason
    note(db, principal, booking, action, before={"status": before}, after={"status": to}, why=reason)


def note(
    db: AsyncSession,
    principal: Principal | None,
    booking: Booking,
    action: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    why: str = "",
) -> None:
    """Write what was done to a visit into the audit log."""
    audit.record(
        db,
        principal,
        action,
        council_id=booking.council_id,
        subject_kind="booking",
        subject_id=booking.id,
        before=before or {},
        after=after or {},
        why=why,
    )


def ids_of(booking: Booking) -> dict[str, Any]:
    """Return what every event of a visit carries."""
    return {
        "council_id": booking.council_id,
        "booking_id": booking.id,
        "person_id": booking.person_id,
        "organisation_id": booking.organisation_id,
        "worker_id": booking.worker_id,
    }
