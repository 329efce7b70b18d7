"""Telling people about bookings, and closing requests that nobody answered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.bookings.events import (
    BookingAccepted,
    BookingApproved,
    BookingCalledOff,
    BookingCancelled,
    BookingClaimed,
    BookingDeclined,
    BookingDisputed,
    BookingEvent,
    BookingFunded,
    BookingRequested,
)
from marketplace.bookings.models import Booking, CallOffReason, Funding
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.service import BookingService
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import plural
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.providers.events import AccreditationChanged, CoverChanged, StandingChanged
from marketplace.providers.models import Organisation
from marketplace.providers.repository.evidence import EvidenceRepository

CLOSE_BATCH = 100


@task("bookings.tell_requested", on=BookingRequested)
async def tell_requested(message_id: UUID, event: BookingRequested) -> None:
    """Ask the provider for an answer. No name and no address before they accept."""
    await _tell(message_id, "bookings.tell_requested", event, "booking_requested", to_provider=True)


@task("bookings.tell_funded", on=BookingFunded)
async def tell_funded(message_id: UUID, event: BookingFunded) -> None:
    """Tell the provider that a visit of an agreement is paid for by card and planned."""
    await _tell(message_id, "bookings.tell_funded", event, "booking_funded", to_provider=True)


@task("bookings.tell_accepted", on=BookingAccepted)
async def tell_accepted(message_id: UUID, event: BookingAccepted) -> None:
    """Tell the person that the visit is agreed."""
    await _tell(message_id, "bookings.tell_accepted", event, "booking_accepted", to_person=True)


@task("bookings.tell_declined", on=BookingDeclined)
async def tell_declined(message_id: UUID, event: BookingDeclined) -> None:
    """Tell the person that the provider said no."""
    await _tell(message_id, "bookings.tell_declined", event, "booking_declined", to_person=True)


@task("bookings.tell_cancelled", on=BookingCancelled)
async def tell_cancelled(message_id: UUID, event: BookingCancelled) -> None:
    """Tell both sides that the visit will not take place, unless words of its own say so (P9)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        booking = await BookingRepository(db).locked(event.booking_id)
        is_told = booking is not None and (
            booking.call_off_reason is CallOffReason.WORKER_AWAY or booking.status is BookingStatus.NO_SHOW
        )
    if not is_told:
        await _tell(message_id, "bookings.tell_cancelled", event, "booking_cancelled", to_person=True, to_provider=True)


@task("bookings.tell_called_off", on=BookingCalledOff)
async def tell_called_off(message_id: UUID, event: BookingCalledOff) -> None:
    """Tell the provider that the person does not want the visit, though it is owed."""
    await _tell(message_id, "bookings.tell_called_off", event, "booking_called_off", to_provider=True)


@task("bookings.tell_claimed", on=BookingClaimed)
async def tell_claimed(message_id: UUID, event: BookingClaimed) -> None:
    """Ask the person to approve the visit."""
    await _tell(message_id, "bookings.tell_claimed", event, "booking_claimed", to_person=True)


@task("bookings.tell_approved", on=BookingApproved)
async def tell_approved(message_id: UUID, event: BookingApproved) -> None:
    """Tell the provider that the person confirmed the visit."""
    await _tell(message_id, "bookings.tell_approved", event, "booking_approved", to_provider=True)


@task("bookings.tell_disputed", on=BookingDisputed)
async def tell_disputed(message_id: UUID, event: BookingDisputed) -> None:
    """Tell the provider and the council's brokers that something was wrong."""
    name = "bookings.tell_disputed"
    await _tell(message_id, name, event, "booking_disputed", to_provider=True, to_brokers=True)


@every(timedelta(minutes=5), "bookings.close_unanswered")
async def close_unanswered() -> None:
    """Cancel requests that nobody answered before their start, each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        waiting = await BookingRepository(db).unanswered(clock_of(db).now(), CLOSE_BATCH)
    attempts = Attempts()
    for council_id, booking_id in waiting:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await BookingService(db).close_unanswered(booking_id)
    attempts.done()


@task("bookings.close_unaccredited", on=AccreditationChanged)
async def close_unaccredited(message_id: UUID, event: AccreditationChanged) -> None:
    """Close requests that an organisation may not take on any more, after a decision of the council."""
    await _close_stopped(event.organisation_id, event.council_id)


@task("bookings.close_standing", on=StandingChanged)
async def close_standing(message_id: UUID, event: StandingChanged) -> None:
    """Close requests that an organisation may not take on any more, after evidence or a registration ended."""
    await _close_stopped(event.organisation_id, event.council_id)


@task("bookings.close_uncovered", on=CoverChanged)
async def close_uncovered(message_id: UUID, event: CoverChanged) -> None:
    """Close requests that nobody has answered when an organisation's listings leave the market."""
    if event.is_hidden:
        await _close_stopped(event.organisation_id, None)


async def _close_stopped(organisation_id: UUID, council_id: UUID | None) -> None:
    """Close each request in its own transaction. Claims nothing: one that is closed is not closed again."""
    async with transaction(session_maker(), "every" if council_id is None else [council_id]) as db:
        found = await BookingRepository(db).stopped(today(clock_of(db)), organisation_id, council_id=council_id)
    for council, booking_id in found:
        async with transaction(session_maker(), [council]) as db:
            await BookingService(db).decline_stopped(booking_id)


async def _tell(
    message_id: UUID,
    name: str,
    event: BookingEvent,
    template: str,
    *,
    to_person: bool = False,
    to_provider: bool = False,
    to_brokers: bool = False,
) -> None:
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, name, message_id):
            return
        context = await _context(db, event)
        messages = MessagingService(db)
        if to_person:
            await messages.tell(event.council_id, template, context, person_id=event.person_id)
        # A booking that never got past the card page was never shown to the provider.
        if to_provider and context["was_requested"]:
            words = f"{template}_provider" if to_person else template
            await messages.tell(event.council_id, words, context, organisation_id=event.organisation_id)
        if to_brokers:
            await messages.tell(event.council_id, f"{template}_council", context, role=Role.BROKER)


async def _context(db: AsyncSession, event: BookingEvent) -> dict[str, Any]:
    bookings = BookingRepository(db)
    view = await bookings.view(bookings.of(event.council_id).where(Booking.id == event.booking_id))
    if view is None:
        raise LookupError(f"Booking {event.booking_id} is gone")
    booking = view.booking
    steps = await bookings.steps(booking)
    return {
        "organisation": view.organisation.name,
        "worker": view.worker_name,
        "listing": view.listing_title,
        "starts_at": booking.starts_at,
        "minutes": booking.minutes,
        "cost_pence": booking.cost_pence,
        "is_card": booking.funding is Funding.CARD,
        "is_on_self_bill": isinstance(event, BookingApproved)
        and booking.funding is not Funding.CARD
        and event.accrued_pence != 0,
        "refund_pence": event.refund_pence if isinstance(event, BookingCancelled) else 0,
        "reason": booking.reason,
        "is_said": bool(steps) and steps[-1].by_user_id is not None,
        "was_requested": any(step.to_status in (BookingStatus.REQUESTED, BookingStatus.PLANNED) for step in steps),
    }


@task("bookings.tell_cover_changed", on=CoverChanged)
async def tell_cover_changed(message_id: UUID, event: CoverChanged) -> None:
    """Tell people with agreed visits that these go on, and brokers that an organisation takes no new ones (V4)."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "bookings.tell_cover_changed", message_id):
            return
        clock = clock_of(db)
        organisation = await db.get_one(Organisation, event.organisation_id)
        people = await BookingRepository(db).people_to_come(event.organisation_id, clock.now())
        concerned = await EvidenceRepository(db).councils_concerned(event.organisation_id, today(clock))
        messaging, site = MessagingService(db), delivery.settings().public_url
        context: dict[str, Any] = {"organisation": organisation.name, "why": event.why, "is_hidden": event.is_hidden}
        if event.is_hidden:
            for council_id, person_id in people:
                words = {**context, "link": f"{site}/bookings"}
                await messaging.tell(council_id, "visits_go_on", words, person_id=person_id)
        for council_id in sorted({*concerned, *(row[0] for row in people)}):
            number = sum(row[0] == council_id for row in people)
            words = {
                **context,
                "people": plural(number, "person", "people"),
                "link": f"{site}/organisations/{organisation.id}",
            }
            await messaging.tell(council_id, "provider_off_market", words, role=Role.BROKER)
