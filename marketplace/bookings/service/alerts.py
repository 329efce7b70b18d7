"""What goes wrong with a visit is said once to the person, to those they chose and to the provider."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.bookings.events import VisitAlertRaised
from marketplace.bookings.models import AlertContact, AlertKind, Booking, VisitAlert
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.steps import ids_of
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.ids import new_id

WATCHED = timedelta(hours=24)
"""Visits that began longer ago are no news any more."""
MOST_CONTACTS = 6


async def raise_alert(
    db: AsyncSession, booking: Booking, kind: AlertKind, detail: str = "", *, again: bool = False
) -> bool:
    """Note that something went wrong with a visit, and tell it once. Returns whether it was new.

    With `again`, an alert that was settled is opened and told anew: a second worker may fall out, too.
    """
    now = clock_of(db).now()
    question = insert(VisitAlert).values(
        id=new_id(),
        council_id=booking.council_id,
        booking_id=booking.id,
        kind=kind,
        detail=detail,
        raised_at=now,
    )
    if again:
        question = question.on_conflict_do_update(
            index_elements=["booking_id", "kind"], set_={"detail": detail, "raised_at": now, "settled_at": None}
        )
    else:
        question = question.on_conflict_do_nothing(index_elements=["booking_id", "kind"])
    if await db.scalar(question.returning(VisitAlert.id)) is None:
        return False
    outbox.publish(db, VisitAlertRaised(**ids_of(booking), kind=kind))
    return True


async def settle_alerts(db: AsyncSession, booking: Booking, kinds: Sequence[AlertKind] | None = None) -> None:
    """Close the alerts of a visit, all or those of some kinds."""
    now = clock_of(db).now()
    for alert in await DayRepository(db).open_alerts(booking.id):
        if kinds is None or alert.kind in kinds:
            alert.settled_at = now


class AlertService:
    """Watching visits, and whom a person wants told."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.day = DayRepository(db)

    async def due(self, council_id: UUID, *, only: UUID | None = None) -> list[tuple[UUID, AlertKind]]:
        """Return the visits of a council (or the one) that deserve an alert now, by its own settings."""
        now, on = self.clock.now(), today(self.clock)

        async def minutes(key: str, unit: int = 1) -> timedelta:
            return timedelta(minutes=int(await setting(self.db, council_id, key, on)) * unit)

        ahead = await minutes("bookings.no_worker_hours", 60)
        late, missed = await minutes("bookings.late_minutes"), await minutes("bookings.missed_minutes")
        spans = (
            (AlertKind.NO_WORKER, now, now + ahead),
            (AlertKind.MISSED, now - WATCHED, now - missed),
            (AlertKind.LATE, now - missed, now - late),
        )
        return [
            (booking_id, kind)
            for kind, from_at, until_at in spans
            for booking_id in await self.day.to_alert(council_id, kind, from_at, until_at, only=only)
        ]

    async def raise_for(self, booking_id: UUID, kind: AlertKind) -> bool:
        """Raise an alert that was due, unless the visit has moved on meanwhile."""
        booking = await BookingRepository(self.db).locked(booking_id)
        if booking is None or (booking_id, kind) not in await self.due(booking.council_id, only=booking_id):
            return False
        return await raise_alert(self.db, booking, kind)

    async def contacts(self, principal: Principal) -> Sequence[AlertContact]:
        """Return whom a person wants told."""
        principal.require(Permission.BOOKINGS_OWN)
        return await self.day.contacts(principal.council_id, principal.need_person())

    async def add_contact(self, principal: Principal, *, name: str, email: str, phone: str) -> AlertContact:
        """Add somebody who is told when a visit goes wrong.

        Raises:
            InvalidInput: Neither e-mail nor telephone, or the list is full.
        """
        principal.require(Permission.BOOKINGS_REQUEST)
        if not email and not phone:
            raise InvalidInput({"email": "Enter an email address or a phone number"})
        person_id = principal.need_person()
        await self.day.hold_person(person_id)
        if len(await self.contacts(principal)) >= MOST_CONTACTS:
            raise InvalidInput({"name": f"You can name up to {MOST_CONTACTS} people. Take one off the list first"})
        contact = AlertContact(
            council_id=principal.council_id,
            person_id=person_id,
            name=name,
            email=email,
            phone=phone,
            created_at=self.clock.now(),
        )
        self.db.add(contact)
        await self.db.flush()
        self._note(principal, "bookings.add_alert_contact", contact)
        return contact

    async def remove_contact(self, principal: Principal, contact_id: UUID) -> None:
        """Take somebody off the list.

        Raises:
            NotFound: They are not on it.
        """
        principal.require(Permission.BOOKINGS_REQUEST)
        contact = next((row for row in await self.contacts(principal) if row.id == contact_id), None)
        if contact is None:
            raise NotFound
        self._note(principal, "bookings.remove_alert_contact", contact)
        await self.db.delete(contact)

    def _note(self, principal: Principal, action: str, contact: AlertContact) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=contact.council_id,
            subject_kind="person",
            subject_id=contact.person_id,
            after={"contact_id": contact.id},
        )
