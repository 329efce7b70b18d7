"""What follows from employment: reminders, what the council hears, answers about relatives."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.accounts.law import law_book
from marketplace.bookings.events_employment import (
    DutiesDue,
    DutiesEscalated,
    EmploymentEvent,
    EmploymentStarted,
    FamilyExceptionAsked,
    FamilyExceptionDecided,
)
from marketplace.bookings.models import Employment, FamilyException
from marketplace.bookings.repository_employment import DutyRepository, EmploymentRepository
from marketplace.bookings.service.employment.checklist import views_of
from marketplace.bookings.service.employment.duties import BY_KEY
from marketplace.bookings.service.employment.reminders import ReminderService
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.people.models import Person

BATCH = 200


@every(timedelta(hours=12), "bookings.remind_employers")
async def remind_employers() -> None:
    """Look at the duties of each job, each in its own transaction. Looking twice on a day does nothing more."""
    after: UUID | None = None
    attempts = Attempts()
    while True:
        async with transaction(session_maker(), "every") as db:
            found = await EmploymentRepository(db).ids_live(BATCH, after)
        for council_id, employment_id in found:
            with attempts.one():
                async with transaction(session_maker(), [council_id]) as db:
                    await ReminderService(db).look_at(council_id, employment_id)
        if len(found) < BATCH:
            break
        after = found[-1][1]
    attempts.done()


@task("bookings.tell_duties_due", on=DutiesDue)
async def tell_duties_due(message_id: UUID, event: DutiesDue) -> None:
    """Remind a person of what is due, in one message."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_duties_due", message_id):
            return
        employment = await db.get_one(Employment, event.employment_id)
        rows = (await DutyRepository(db).of_employments([employment.id]))[employment.id]
        book = await law_book(db, today(clock_of(db)))
        items = [
            {
                "title": view.duty.title,
                "until": view.row.expires_on - timedelta(days=1) if view.row.expires_on else view.row.due_on,
                "is_over": view.is_open and view.row.expires_on is not None,
                "otherwise": view.otherwise,
            }
            for view in views_of(rows, employment, book)
            if view.duty.key in event.keys
        ]
        context = {"items": items, "link": f"{delivery.settings().public_url}/employer/{employment.id}"}
        await MessagingService(db).tell(event.council_id, "employer_duties_due", context, person_id=event.person_id)


@task("bookings.tell_duties_escalated", on=DutiesEscalated)
async def tell_duties_escalated(message_id: UUID, event: DutiesEscalated) -> None:
    """Tell the council that an employer needs help."""
    await _tell_council(message_id, "bookings.tell_duties_escalated", event, event.keys)


@task("bookings.tell_employment_started", on=EmploymentStarted)
async def tell_employment_started(message_id: UUID, event: EmploymentStarted) -> None:
    """Tell the council when a job begins before everything that has to be done first is done."""
    if event.open_keys:
        await _tell_council(message_id, "bookings.tell_employment_started", event, event.open_keys)


@task("bookings.tell_exception_asked", on=FamilyExceptionAsked)
async def tell_exception_asked(message_id: UUID, event: FamilyExceptionAsked) -> None:
    """Ask the managers for a decision."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.tell_exception_asked", message_id):
            person = await db.get_one(Person, event.person_id)
            link = f"{delivery.settings().public_url}/family-exceptions/{event.exception_id}"
            context = {"reference": person.reference, "link": link}
            await MessagingService(db).tell(event.council_id, "family_exception_asked", context, role=Role.MANAGER)


@task("bookings.tell_exception_decided", on=FamilyExceptionDecided)
async def tell_exception_decided(message_id: UUID, event: FamilyExceptionDecided) -> None:
    """Tell the person what the council decided, and why."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.tell_exception_decided", message_id):
            row = await db.get_one(FamilyException, event.exception_id)
            context = {
                "is_allowed": event.is_allowed,
                "reason": row.decision_reason,
                "review_on": row.review_on,
                "link": f"{delivery.settings().public_url}/employer/{event.employment_id}",
            }
            messages = MessagingService(db)
            await messages.tell(event.council_id, "family_exception_decided", context, person_id=event.person_id)


async def _tell_council(message_id: UUID, name: str, event: EmploymentEvent, keys: tuple[str, ...]) -> None:
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, name, message_id):
            return
        if not await _told(db, event, keys, Role.BROKER):
            # A council without brokers has social workers who look after direct payments.
            await _told(db, event, keys, Role.SOCIAL_WORKER)


async def _told(db: AsyncSession, event: EmploymentEvent, keys: tuple[str, ...], role: Role) -> int:
    person = await db.get_one(Person, event.person_id)
    context = {
        "reference": person.reference,
        "titles": [BY_KEY[key].title for key in keys if key in BY_KEY],
        "is_start": isinstance(event, EmploymentStarted),
        "link": f"{delivery.settings().public_url}/employer-help",
    }
    return await MessagingService(db).tell(event.council_id, "employer_duties_open", context, role=role)
