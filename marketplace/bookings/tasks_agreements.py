"""Telling both sides about agreements; letting offers lapse and agreements end on their days."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.bookings.events import (
    AgreementAnswered,
    AgreementEnded,
    AgreementEnding,
    AgreementEvent,
    AgreementOffered,
)
from marketplace.bookings.models import Side, SupportAgreement
from marketplace.bookings.repository_agreements import SupportAgreementRepository
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.agreements.words import other_side
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery

BATCH: Final = 200
_PATHS: Final = {Side.PERSON: "agreements", Side.PROVIDER: "provider/clients"}


@task("bookings.tell_agreement_offered", on=AgreementOffered)
async def tell_offered(message_id: UUID, event: AgreementOffered) -> None:
    """Ask the other side for an answer. A provider reads no name before both have signed."""
    template = "support_change_offered" if event.is_change else "support_offered"
    reader = other_side(Side(event.by_side))
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.tell_agreement_offered", message_id):
            await _tell(db, event, template, [reader], await _words(db, event, event.terms_id))


@task("bookings.tell_agreement_answered", on=AgreementAnswered)
async def tell_answered(message_id: UUID, event: AgreementAnswered) -> None:
    """Tell the side that did not answer; of an agreement and of what lapsed, both."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_agreement_answered", message_id):
            return
        words = await _words(db, event, event.terms_id)
        sides: list[Side] = [Side(words["offered_by"])]
        if event.outcome in ("agreed", "lapsed"):
            sides = list(Side)
        elif event.outcome == "withdrawn":
            sides = [other_side(sides[0])]
        await _tell(db, event, f"support_{event.outcome}", sides, words)


@task("bookings.tell_agreement_ending", on=AgreementEnding)
async def tell_ending(message_id: UUID, event: AgreementEnding) -> None:
    """Tell both sides the last day."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.tell_agreement_ending", message_id):
            words = await _words(db, event)
            last_on = event.ends_on - timedelta(days=1)
            context = {**words, "last_on": last_on, "by_side": event.by_side}
            await _tell(db, event, "support_ending", list(Side), context)


@task("bookings.tell_agreement_ended", on=AgreementEnded)
async def tell_ended(message_id: UUID, event: AgreementEnded) -> None:
    """Tell both sides that the last day is over."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.tell_agreement_ended", message_id):
            await _tell(db, event, "support_ended", list(Side), await _words(db, event))


@every(timedelta(hours=1), "bookings.lapse_terms")
async def lapse_terms() -> None:
    """Let offers go whose last day to answer went by, each in its own transaction; the terms before go on."""
    async with transaction(session_maker(), "every") as db:
        found = await SupportAgreementRepository(db).lapsed(today(clock_of(db)), BATCH)
    attempts = Attempts()
    for council_id, agreement_id in found:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await SupportAgreementService(db).lapse(agreement_id)
    attempts.done()


@every(timedelta(hours=1), "bookings.end_agreements")
async def end_agreements() -> None:
    """End agreements whose last day is over, each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        found = await SupportAgreementRepository(db).over(today(clock_of(db)), BATCH)
    attempts = Attempts()
    for council_id, agreement_id in found:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await SupportAgreementService(db).end(agreement_id)
    attempts.done()


async def _words(db: AsyncSession, event: AgreementEvent, terms_id: UUID | None = None) -> dict[str, Any]:
    agreements = SupportAgreementRepository(db)
    row = await agreements.row(agreements.of(event.council_id).where(SupportAgreement.id == event.agreement_id))
    if row is None:
        raise LookupError(f"Agreement {event.agreement_id} is gone")
    terms = await agreements.terms([event.agreement_id])
    meant = next((one for one in terms if one.id == terms_id), terms[-1])
    steps = await agreements.steps(row.agreement, [meant.id])
    said = [step.why for step in steps if step.subject_id == meant.id and step.to_status == meant.status]
    return {
        "reference": row.agreement.reference,
        "organisation": row.organisation.name,
        "listing": row.listing.title,
        "starts_on": meant.starts_on,
        "answer_by": meant.answer_by,
        "why": meant.reason,
        "weekly_pence": meant.weekly_pence,
        "weekly_before_pence": meant.weekly_before_pence,
        "reason": said[-1] if said else "",
        "end_reason": row.agreement.end_reason,
        "is_change": meant.number > 1,
        "is_late": bool(meant.answer_by and meant.answer_by < today(clock_of(db))),
        "offered_by": meant.offered_by.value,
        "worker_id": row.agreement.worker_id,
    }


async def _tell_provider(
    messages: MessagingService, event: AgreementEvent, template: str, context: dict[str, Any]
) -> None:
    """Tell who runs the organisation, and the one assistant an agreement is with; no other assistant reads of it."""
    council, organisation = event.council_id, event.organisation_id
    await messages.tell(council, template, context, organisation_id=organisation, role=Role.PROVIDER)
    worker = context["worker_id"]
    if worker is None:
        await messages.tell(council, template, context, organisation_id=organisation, role=Role.PA)
    else:
        await messages.tell(council, template, context, organisation_id=organisation, worker_id=worker)


async def _tell(
    db: AsyncSession, event: AgreementEvent, template: str, sides: list[Side], words: dict[str, Any]
) -> None:
    messages, site = MessagingService(db), delivery.settings().public_url
    for side in sides:
        link = f"{site}/{_PATHS[side]}/{event.agreement_id}"
        context = {**words, "link": link, "is_person": side is Side.PERSON, "side": side.value}
        if side is Side.PERSON:
            await messages.tell(event.council_id, template, context, person_id=event.person_id)
        else:
            await _tell_provider(messages, event, template, context)
