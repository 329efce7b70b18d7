"""Telling people who acts for them, and ending it when its time is over."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.accounts.models import Representation
from marketplace.accounts.permissions import Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import uk_date
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.sending import send_secret
from marketplace.people import tasks_budgets as tasks_budgets
from marketplace.people import tasks_front_door as tasks_front_door
from marketplace.people.events import RepresentationMoved, ScopesChanged
from marketplace.people.models import Person
from marketplace.people.repository_representatives import RepresentationRepository
from marketplace.people.representatives import KINDS, SCOPES, RepresentativeService

OVER = {
    RepresentationStatus.DECLINED.value: "said no",
    RepresentationStatus.REFUSED.value: "may not act for you: the council did not accept the papers",
    RepresentationStatus.REVOKED.value: "no longer acts for you: you ended it",
    RepresentationStatus.ENDED.value: "no longer acts for you",
}


@task("people.ask_representative", on=RepresentationMoved)
async def ask_representative(message_id: UUID, event: RepresentationMoved) -> None:
    """Send the link to who is asked. Calls out, so it claims nothing: a message that is sent is left alone."""
    if event.status != RepresentationStatus.INVITED.value:
        return
    settings = delivery.settings()
    async with transaction(session_maker(), [event.council_id]) as db:
        row = await db.get_one(Representation, event.representation_id)
        if row.status is not RepresentationStatus.INVITED or row.invitation_ends_at is None:
            return
        person = await db.get_one(Person, row.person_id)
        names = await AccountRepository(db).names({row.asked_by_user_id})
        context = {
            "name": row.name,
            "person": person.name,
            "asked_by": names.get(row.asked_by_user_id, ""),
            "until": uk_date(row.invitation_ends_at.date()),
        }
        secret = RepresentativeService(db, settings.secret_key).secret(row)
        to_address = row.email
    link = f"{settings.public_url}/act-for/{secret}"
    await send_secret(row.id, event.council_id, to_address, "representative_asked", context, {"link": link})


@task("people.tell_representation", on=RepresentationMoved)
async def tell_representation(message_id: UUID, event: RepresentationMoved) -> None:
    """Tell the person, who acts, and the council where papers wait."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_representation", message_id):
            return
        row = await db.get_one(Representation, event.representation_id)
        if row.status.value != event.status:
            return  # It has gone on since; that step is told.
        context = await _context(db, row)
        messaging, council_id = MessagingService(db), event.council_id
        if row.status is RepresentationStatus.TO_CHECK and (row.evidence_note or row.file_id):
            for role in (Role.SOCIAL_WORKER, Role.MANAGER):
                await messaging.tell(council_id, "representation_to_check", context, role=role)
        if row.status is RepresentationStatus.LIVE:
            await messaging.tell(council_id, "representation_live", context, person_id=row.person_id, role=Role.PERSON)
            if row.user_id is not None:
                await messaging.tell(council_id, "representation_live_representative", context, user_id=row.user_id)
            row.told_on = today(clock_of(db))
        if event.status in OVER:
            words = {**context, "what": OVER[event.status], "reason": row.reason}
            await messaging.tell(council_id, "representation_over", words, person_id=row.person_id, role=Role.PERSON)


@task("people.tell_scopes", on=ScopesChanged)
async def tell_scopes(message_id: UUID, event: ScopesChanged) -> None:
    """Tell who acts what they may do now."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_scopes", message_id):
            return
        row = await db.get_one(Representation, event.representation_id)
        if row.user_id is not None and row.status is RepresentationStatus.LIVE:
            context = await _context(db, row)
            await MessagingService(db).tell(
                event.council_id, "representation_live_representative", context, user_id=row.user_id
            )


@every(timedelta(hours=1), "people.end_representations")
async def end_representations() -> None:
    """End what is over, each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        clock = clock_of(db)
        found = await RepresentationRepository(db).past(today(clock), clock.now())
    attempts = Attempts()
    for council_id, row_id in found:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await RepresentativeService(db).end_past(row_id)
    attempts.done()


async def _context(db: AsyncSession, row: Representation) -> dict[str, Any]:
    person = await db.get_one(Person, row.person_id)
    return {
        "name": row.name,
        "person": person.name,
        "kind": KINDS[row.kind],
        "scopes": [SCOPES[Scope(scope)] for scope in row.scopes],
        "until": uk_date(row.ends_on - timedelta(days=1)) if row.ends_on else "",
        "link": f"{delivery.settings().public_url}/representatives",
    }
