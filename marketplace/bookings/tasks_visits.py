"""Planning visits, what follows from agreements and deaths, and telling both sides about changes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.accounts.repository import AccountRepository
from marketplace.bookings.events import (
    AgreementAnswered,
    AgreementEnding,
    AgreementEvent,
    AgreementPaused,
    AgreementResumed,
    PatternChanged,
    VisitChangeAnswered,
    VisitChangeAsked,
    VisitMoved,
    VisitsNotPlanned,
    VisitsStopped,
)
from marketplace.bookings.models import Booking, CalledOffBy, CallOffReason, Side, VisitProposal
from marketplace.bookings.repository_planning import AgreementReader, PlanningRepository
from marketplace.bookings.repository_visits import ProposalReader, VisitReader
from marketplace.bookings.service.estate import EstateService
from marketplace.bookings.service.planning.death import restore_after_mistake, stop_for_death
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.plan import NO_MONEY, Planned, Planner
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.planning.repricing import Repricing
from marketplace.bookings.service.planning.words import proposal_words
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import plural
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.people.events import DeathUndone, PersonDied
from marketplace.providers.models import Organisation

PEOPLE_A_BATCH = 50
"""People planned in one transaction: few enough that nobody waits long for a lock, enough that questions are few."""
CLOSE_BATCH = 100


@every(timedelta(hours=3), "bookings.plan_visits")
async def plan_visits() -> None:
    """Write the visits of all councils' weekly patterns some weeks ahead."""
    async with transaction(session_maker(), "every") as db:
        councils = [row.id for row in await AccountRepository(db).councils()]
    attempts = Attempts()
    for council_id in councils:
        with attempts.one():
            await plan_council(council_id)
    attempts.done()


async def plan_council(council_id: UUID) -> Planned:
    """Plan a council, each batch of people in its own transaction: one that fails leaves the others.

    A batch that fails is done again person by person, so that nobody goes without visits for somebody else's trouble.
    """
    total, after, attempts = Planned(stopped={}), None, Attempts()
    while True:
        async with transaction(session_maker(), [council_id]) as db:
            reader, on = AgreementReader(db), today(clock_of(db))
            people = await reader.people(council_id, on, after=after, limit=PEOPLE_A_BATCH)
        if not people:
            break
        try:
            async with transaction(session_maker(), [council_id]) as db:
                total.add(await Planner(db).plan(council_id, people))
        except Exception:
            for person_id in people:
                with attempts.one():
                    async with transaction(session_maker(), [council_id]) as db:
                        total.add(await Planner(db).plan(council_id, [person_id]))
        after = people[-1]
    attempts.done()
    return total


@every(timedelta(hours=1), "bookings.lapse_changes")
async def lapse_changes() -> None:
    """Close changes that nobody answered in time, each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        overdue = await ProposalReader(db).overdue(clock_of(db).now(), CLOSE_BATCH)
    attempts = Attempts()
    for council_id, proposal_id in overdue:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await Proposals(db).lapse(council_id, proposal_id)
    attempts.done()


@task("bookings.plan_agreed", on=AgreementAnswered)
async def plan_agreed(message_id: UUID, event: AgreementAnswered) -> None:
    """Price what is written by new terms, and plan. Claims nothing: doing it twice changes nothing."""
    if event.outcome != TermsStatus.AGREED.value:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        agreement = await AgreementReader(db).find(event.council_id, event.agreement_id, locked=True)
        if agreement.status is AgreementStatus.AGREED:
            await Repricing(db).reprice(agreement, today(clock_of(db)))
            await Planner(db).plan(event.council_id, [event.person_id], only=event.agreement_id)


@task("bookings.stop_ending", on=AgreementEnding)
async def stop_ending(message_id: UUID, event: AgreementEnding) -> None:
    """Take away the visits after an agreement's last day; both sides are told which."""
    async with transaction(session_maker(), [event.council_id]) as db:
        agreement = await AgreementReader(db).find(event.council_id, event.agreement_id, locked=True)
        await Pauses(db).stop_all(
            agreement,
            event.ends_on,
            by=CalledOffBy(event.by_side),
            reason=CallOffReason.AGREEMENT_ENDED,
            words="The agreement ends.",
        )


@task("bookings.stop_for_death", on=PersonDied)
async def stop_dead(message_id: UUID, event: PersonDied) -> None:
    """Stop what is to come for somebody who died. Claims nothing: doing it twice changes nothing."""
    async with transaction(session_maker(), [event.council_id]) as db:
        await stop_for_death(db, event.council_id, event.person_id, event.died_on)


@task("bookings.restore_after_mistake", on=DeathUndone)
async def restore_living(message_id: UUID, event: DeathUndone) -> None:
    """Let what a death ended by mistake go on, and tell everybody who was told of the death."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.restore_after_mistake", message_id):
            return
        messages = MessagingService(db)
        for agreement in await restore_after_mistake(db, event.council_id, event.person_id):
            organisation = await db.get_one(Organisation, agreement.organisation_id)
            words = {"organisation": organisation.name, "reference": agreement.reference}
            site = delivery.settings().public_url
            ours = words | {"link": f"{site}/provider/clients/{agreement.id}/visits", "to_provider": True}
            await messages.tell(event.council_id, "death_undone", ours, organisation_id=agreement.organisation_id)
            mine = words | {"link": f"{site}/agreements/{agreement.id}/visits", "to_provider": False}
            await messages.tell(event.council_id, "death_undone", mine, person_id=event.person_id)


@task("bookings.tell_visits_to_settle", on=PersonDied)
async def tell_visits_to_settle(message_id: UUID, event: PersonDied) -> None:
    """Tell finance of delivered visits that nobody can approve any more but the council."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_visits_to_settle", message_id):
            return
        number = len(await EstateService(db).waiting(event.council_id, event.person_id))
        if number:
            link = f"{delivery.settings().public_url}/people/{event.person_id}/visits-to-settle"
            context = {"visits": plural(number, "visit"), "link": link}
            await MessagingService(db).tell(event.council_id, "visits_to_settle", context, role=Role.FINANCE)


@task("bookings.tell_pattern_changed", on=PatternChanged)
async def tell_pattern_changed(message_id: UUID, event: PatternChanged) -> None:
    """Tell the other side that the weekly visits change."""
    is_asked = event.by_side == Side.PROVIDER.value
    async with _once(message_id, "bookings.tell_pattern_changed", event) as db:
        if db is not None:
            context = await _about(db, event) | {"from_on": event.from_on}
            if not is_asked:
                await _tell(db, event, "visits_changed", context, to_provider=True)


@task("bookings.tell_visit_moved", on=VisitMoved)
async def tell_visit_moved(message_id: UUID, event: VisitMoved) -> None:
    """Tell the provider that a visit goes to another time."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.tell_visit_moved", message_id) or event.by_side != Side.PERSON.value:
            return
        visits = VisitReader(db)
        visit = await visits.find(event.council_id, event.booking_id)
        context = {
            "from_at": event.from_at,
            "starts_at": visit.starts_at,
            "has_worker": visit.worker_id is not None,
            "link": f"{delivery.settings().public_url}/provider/bookings/{visit.id}",
        }
        await MessagingService(db).tell(event.council_id, "visit_moved", context, organisation_id=event.organisation_id)


@task("bookings.tell_paused", on=AgreementPaused)
async def tell_paused(message_id: UUID, event: AgreementPaused) -> None:
    """Tell both sides that visits pause."""
    async with _once(message_id, "bookings.tell_paused", event) as db:
        if db is not None:
            context = await _about(db, event) | {"starts_on": event.starts_on, "ends_on": event.ends_on}
            await _tell(db, event, "visits_paused", context, to_person=True, to_provider=True)


@task("bookings.tell_resumed", on=AgreementResumed)
async def tell_resumed(message_id: UUID, event: AgreementResumed) -> None:
    """Tell both sides that visits take place again."""
    async with _once(message_id, "bookings.tell_resumed", event) as db:
        if db is not None:
            context = await _about(db, event) | {"from_on": event.from_on}
            await _tell(db, event, "visits_resumed", context, to_person=True, to_provider=True)


@task("bookings.tell_not_planned", on=VisitsNotPlanned)
async def tell_not_planned(message_id: UUID, event: VisitsNotPlanned) -> None:
    """Tell the person and the council's brokers that visits could not be written, and why."""
    async with _once(message_id, "bookings.tell_not_planned", event) as db:
        if db is not None:
            context = await _about(db, event) | {"from_on": event.from_on, "why": event.why}
            await _tell(db, event, "visits_not_planned", context, to_person=True)
            site = delivery.settings().public_url
            council = context | {"link": f"{site}/visits-to-replace"}
            await MessagingService(db).tell(event.council_id, "visits_not_planned_council", council, role=Role.BROKER)


@task("bookings.tell_change_asked", on=VisitChangeAsked)
async def tell_change_asked(message_id: UUID, event: VisitChangeAsked) -> None:
    """Ask the person whether another time is right for them."""
    async with _once(message_id, "bookings.tell_change_asked", event) as db:
        if db is not None:
            row, words = await _proposal(db, event.council_id, event.proposal_id)
            context = await _about(db, event) | {"words": words, "answer_by": row.answer_by}
            await _tell(db, event, "visit_change_asked", context, to_person=True)


@task("bookings.tell_change_answered", on=VisitChangeAnswered)
async def tell_change_answered(message_id: UUID, event: VisitChangeAnswered) -> None:
    """Tell the provider what the person said; the person, when it was taken back."""
    async with _once(message_id, "bookings.tell_change_answered", event) as db:
        if db is not None:
            row, words = await _proposal(db, event.council_id, event.proposal_id)
            context = await _about(db, event) | {"words": words, "outcome": event.outcome, "answer": row.answer}
            is_taken_back = event.outcome == "withdrawn"
            await _tell(
                db,
                event,
                "visit_change_answered",
                context,
                to_person=is_taken_back,
                to_provider=not is_taken_back,
            )


@task("bookings.tell_stopped", on=VisitsStopped)
async def tell_stopped(message_id: UUID, event: VisitsStopped) -> None:
    """Tell both sides that visits are taken away; in kind words when the person died."""
    async with _once(message_id, "bookings.tell_stopped", event) as db:
        if db is None:
            return
        context = await _about(db, event) | {"from_on": event.from_on, "visits": event.visits}
        messages, site = MessagingService(db), delivery.settings().public_url
        if event.why == CallOffReason.DIED.value:
            # Nothing goes to the account of who died; who acts for them is told.
            await messages.tell(
                event.council_id, "visits_stopped_died_provider", context, organisation_id=event.organisation_id
            )
            await messages.tell(
                event.council_id,
                "visits_stopped_died",
                context,
                person_id=event.person_id,
                role=Role.REPRESENTATIVE,
            )
            return
        if event.why == CallOffReason.NO_MONEY.value:
            await _tell(db, event, "visits_beyond_money", context, to_person=True, to_provider=True)
            council = context | {"link": f"{site}/visits-to-replace", "why": NO_MONEY}
            await messages.tell(event.council_id, "visits_not_planned_council", council, role=Role.BROKER)
            return
        await _tell(db, event, "visits_stopped", context, to_person=True, to_provider=True)
        if event.by_side != Side.PERSON.value:
            council = context | {"link": f"{site}/visits-to-replace"}
            await messages.tell(event.council_id, "visits_stopped_council", council, role=Role.BROKER)


class _Once:
    """A transaction in which a message is handled once: gives its session, or None when it was handled before."""

    def __init__(self, message_id: UUID, name: str, event: AgreementEvent) -> None:
        self.message_id, self.name = message_id, name
        self.opened = transaction(session_maker(), [event.council_id])

    async def __aenter__(self) -> AsyncSession | None:
        db = await self.opened.__aenter__()
        return db if await first_time(db, self.name, self.message_id) else None

    async def __aexit__(self, *error: Any) -> bool | None:
        return await self.opened.__aexit__(*error)


def _once(message_id: UUID, name: str, event: AgreementEvent) -> _Once:
    return _Once(message_id, name, event)


async def _about(db: AsyncSession, event: AgreementEvent) -> dict[str, Any]:
    agreement = await AgreementReader(db).find(event.council_id, event.agreement_id)
    organisation = await db.get_one(Organisation, event.organisation_id)
    return {"organisation": organisation.name, "reference": agreement.reference}


async def _tell(
    db: AsyncSession,
    event: AgreementEvent,
    template: str,
    context: dict[str, Any],
    *,
    to_person: bool = False,
    to_provider: bool = False,
) -> None:
    messages, site = MessagingService(db), delivery.settings().public_url
    if to_person:
        words = context | {"link": f"{site}/agreements/{event.agreement_id}/visits", "to_provider": False}
        await messages.tell(event.council_id, template, words, person_id=event.person_id)
    if to_provider:
        words = context | {"link": f"{site}/provider/clients/{event.agreement_id}/visits", "to_provider": True}
        await messages.tell(event.council_id, template, words, organisation_id=event.organisation_id)


async def _proposal(db: AsyncSession, council_id: UUID, proposal_id: UUID) -> tuple[VisitProposal, str]:
    row = await ProposalReader(db).find(council_id, proposal_id)
    visit: Booking | None = None
    if row.booking_id is not None:
        visit = await VisitReader(db).find(council_id, row.booking_id)
    pattern = await PlanningRepository(db).pattern(council_id, row.pattern_id) if row.pattern_id else None
    return row, proposal_words(row, visit, pattern)
