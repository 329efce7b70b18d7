"""Work of the day itself: watching visits, telling who has to know, and asking people who said nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.bookings.events import BookingNotHeld, VisitAlertRaised, WorkerConfirmed, WorkerFellOut
from marketplace.bookings.models import AlertKind, Booking
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.alerts import WATCHED, AlertService
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.claims import asked_pence
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, Message
from marketplace.messaging.service import write

AHEAD = timedelta(days=8)
BATCH = 200
SOON = timedelta(hours=24)
"""How near a visit is when news about it cannot wait."""


@every(timedelta(minutes=2), "bookings.watch_visits")
async def watch_visits() -> None:
    """Raise alerts for visits that are late, missed, or near without anybody; each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        now = clock_of(db).now()
        councils = await DayRepository(db).councils_with_visits(now - WATCHED, now + AHEAD)
    attempts = Attempts()
    for council_id in councils:
        due: list[tuple[UUID, AlertKind]] = []
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                due = await AlertService(db).due(council_id)
        for booking_id, kind in due:
            with attempts.one():
                async with transaction(session_maker(), [council_id]) as db:
                    await AlertService(db).raise_for(booking_id, kind)
    attempts.done()


@every(timedelta(minutes=15), "bookings.mind_silence")
async def mind_silence() -> None:
    """Remind people of visits to approve, or do what their own rule says; each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        waiting = await DayRepository(db).silent(clock_of(db).now(), BATCH)
    attempts = Attempts()
    for council_id, booking_id in waiting:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                if await ApprovalService(db).mind_silence(booking_id) == "reminded":
                    booking, context = await _context(db, council_id, booking_id)
                    await MessagingService(db).tell(council_id, "visit_reminder", context, person_id=booking.person_id)
    attempts.done()


@task("bookings.tell_alert", on=VisitAlertRaised)
async def tell_alert(message_id: UUID, event: VisitAlertRaised) -> None:
    """Tell the person, those they chose and the provider; the council, too, when nobody came."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_alert", message_id):
            return
        kind = AlertKind(event.kind)
        # Who falls out is told with its own words, by the event that says so.
        if kind is AlertKind.WORKER_CANCELLED:
            return
        booking, context = await _context(db, event.council_id, event.booking_id)
        # The message may have waited: an alarm about a visit that has begun since would frighten for nothing.
        if kind is not AlertKind.NO_WORKER and booking.actual_starts_at is not None:
            return
        if kind is AlertKind.NO_WORKER and booking.status is not BookingStatus.PLANNED:
            return
        name = f"visit_{kind}"
        messages = MessagingService(db)
        await messages.tell(event.council_id, name, context, person_id=event.person_id, urgent=True)
        await _tell_contacts(db, booking, name, context)
        words = {**context, "link": f"{delivery.settings().public_url}/alerts"}
        await messages.tell(event.council_id, f"{name}_provider", words, organisation_id=event.organisation_id)
        if kind is AlertKind.MISSED:
            await messages.tell(event.council_id, "visit_missed_council", words, role=Role.BROKER)


@task("bookings.tell_fell_out", on=WorkerFellOut)
async def tell_fell_out(message_id: UUID, event: WorkerFellOut) -> None:
    """Tell the person and those they chose at once that somebody can't come, and what they can do (P9)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_fell_out", message_id):
            return
        booking, context = await _context(db, event.council_id, event.booking_id)
        worker = (
            (await DayRepository(db).workers_by_id([event.worker_id])).get(event.worker_id) if event.worker_id else None
        )
        rows = await DayRepository(db).back_ups(booking.council_id, booking.person_id)
        words: dict[str, Any] = {
            **context,
            "worker": worker.name if worker else context["worker"],
            "why": event.why,
            "is_ended": booking.status is BookingStatus.CANCELLED,
            "back_ups": [
                {"name": row[0].name, "phone": row[0].phone} for row in rows if row[0].listing_id != booking.listing_id
            ],
            "link": f"{delivery.settings().public_url}/bookings/{booking.id}"
            + ("/instead" if booking.status is BookingStatus.CANCELLED else ""),
        }
        messages = MessagingService(db)
        await messages.tell(event.council_id, "worker_fell_out", words, person_id=event.person_id, urgent=True)
        await _tell_contacts(db, booking, "worker_fell_out", words)
        words = {**words, "link": f"{delivery.settings().public_url}/provider/bookings/{booking.id}/workers"}
        if booking.status is not BookingStatus.CANCELLED:
            await messages.tell(
                event.council_id, "worker_fell_out_provider", words, organisation_id=event.organisation_id
            )


@task("bookings.tell_substitute", on=WorkerConfirmed)
async def tell_substitute(message_id: UUID, event: WorkerConfirmed) -> None:
    """Tell the person the name when somebody else comes than was said before."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_substitute", message_id) or not event.is_substitute:
            return
        booking, context = await _context(db, event.council_id, event.booking_id)
        if booking.status is not BookingStatus.ACCEPTED:
            return
        # Who opens the door today has to know; a change for next week may wait for the morning.
        is_soon = booking.starts_at - clock_of(db).now() < SOON
        await MessagingService(db).tell(
            event.council_id, "visit_substitute", context, person_id=event.person_id, urgent=is_soon
        )
        await _tell_contacts(db, booking, "visit_substitute", context)


@task("bookings.tell_not_held", on=BookingNotHeld)
async def tell_not_held(message_id: UUID, event: BookingNotHeld) -> None:
    """Tell the provider, and the council's brokers, that nobody came."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_not_held", message_id):
            return
        booking, context = await _context(db, event.council_id, event.booking_id)
        words = {**context, "reason": booking.reason}
        messages = MessagingService(db)
        await messages.tell(event.council_id, "visit_not_held", words, organisation_id=event.organisation_id)
        await messages.tell(event.council_id, "visit_not_held_council", words, role=Role.BROKER)


async def _context(db: AsyncSession, council_id: UUID, booking_id: UUID) -> tuple[Booking, dict[str, Any]]:
    bookings = BookingRepository(db)
    view = await bookings.view(bookings.of(council_id).where(Booking.id == booking_id))
    if view is None:
        raise LookupError(f"Booking {booking_id} is gone")
    crew = (await DayRepository(db).crew([booking_id])).get(booking_id, [])
    names = " and ".join(worker.name for _, worker in crew)
    return view.booking, {
        "organisation": view.organisation.name,
        "worker": names or view.worker_name,
        "listing": view.listing_title,
        "starts_at": view.booking.starts_at,
        "minutes": view.booking.minutes,
        "asked_pence": asked_pence(view.booking),
        "link": f"{delivery.settings().public_url}/bookings/{booking_id}",
    }


async def _tell_contacts(db: AsyncSession, booking: Booking, template: str, context: dict[str, Any]) -> None:
    """Write to those whom the person named; they have no account, so no link that needs one."""
    person = await DayRepository(db).person(booking.person_id)
    for contact in await DayRepository(db).contacts(booking.council_id, booking.person_id):
        words = {**context, "reader_name": contact.name, "link": "", "back_ups": []}
        subject, body = write(template, words)
        body = f"{person.given_name} asked us to tell you this. It is what we told {person.given_name}:\n\n{body}"
        channel, address = (Channel.EMAIL, contact.email) if contact.email else (Channel.TEXT, contact.phone)
        message = Message(
            council_id=booking.council_id,
            user_id=None,
            person_id=booking.person_id,
            channel=channel,
            to_address=address,
            template=template,
            subject=subject,
            body=body,
            created_at=clock_of(db).now(),
        )
        db.add(message)
        await db.flush()
        outbox.publish(db, MessageQueued(council_id=booking.council_id, message_id=message.id))
