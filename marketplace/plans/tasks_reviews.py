"""What follows from events of reviews, and the daily look at them: nobody's review is forgotten (L15-L18)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.events import Event
from marketplace.core.formats import uk_day
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService
from marketplace.people.events import DeathUndone, PersonDied
from marketplace.plans.events import (
    ReviewAsked,
    ReviewBooked,
    ReviewHandedOn,
    ReviewHeld,
    ReviewQuestioned,
    ReviewSettled,
)
from marketplace.plans.models import Review, ReviewOutcome
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.service import PlanService
from marketplace.plans.service.review_watch import ReviewWatchService
from marketplace.plans.states import ReviewStatus
from marketplace.plans.words import OUTCOME_LABELS, REVIEW_LABELS

BATCH = 200
"""Reviews looked at in one transaction."""


@task("plans.tell_review_booked", on=ReviewBooked)
async def tell_review_booked(message_id: UUID, event: ReviewBooked) -> None:
    """Tell the person when they meet, and those they asked to come; a date that has moved on since is left out."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_review_booked", message_id):
            return
        reviews = ReviewRepository(db)
        review = await reviews.one(reviews.of(event.council_id).where(Review.id == event.review_id), locked=True)
        if review.status is not ReviewStatus.BOOKED or review.booked_on != event.booked_on:
            return
        context = _meeting(review)
        messages = MessagingService(db)
        await messages.tell(event.council_id, "review_booked", context, person_id=event.person_id)
        await tell_guests(db, review)


@task("plans.tell_review_held", on=ReviewHeld)
async def tell_review_held(message_id: UUID, event: ReviewHeld) -> None:
    """Ask the person to read the record and sign it."""
    await _tell_person(message_id, "plans.tell_review_held", event, event.review_id, event.person_id, "review_to_sign")


@task("plans.tell_review_questioned", on=ReviewQuestioned)
async def tell_review_questioned(message_id: UUID, event: ReviewQuestioned) -> None:
    """Tell the facilitator that the person does not find the record right."""
    await _tell_holder(message_id, "plans.tell_review_questioned", event, event.review_id, "review_questioned")


@task("plans.tell_review_asked", on=ReviewAsked)
async def tell_review_asked(message_id: UUID, event: ReviewAsked) -> None:
    """Tell whom a review falls to that somebody asked for it."""
    await _tell_holder(message_id, "plans.tell_review_asked", event, event.review_id, "review_asked")


@task("plans.tell_review_handed_on", on=ReviewHandedOn)
async def tell_review_handed_on(message_id: UUID, event: ReviewHandedOn) -> None:
    """Tell who holds a review from now on."""
    await _tell_holder(message_id, "plans.tell_review_handed_on", event, event.review_id, "review_handed_on")


@task("plans.tell_review_settled", on=ReviewSettled)
async def tell_review_settled(message_id: UUID, event: ReviewSettled) -> None:
    """Tell the person what follows from a review, and the council where a new assessment is asked for."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_review_settled", message_id):
            return
        review = await ReviewRepository(db).find(event.council_id, event.review_id)
        outcome = ReviewOutcome(event.outcome) if event.outcome else ReviewOutcome.GO_ON
        context = {**await _context(db, review), "outcome": OUTCOME_LABELS[outcome], "changes_from": event.changes_from}
        messages = MessagingService(db)
        await messages.tell(event.council_id, "review_settled", context, person_id=event.person_id)
        if outcome is ReviewOutcome.REASSESS:
            for role in (Role.SOCIAL_WORKER, Role.MANAGER):
                await messages.tell(event.council_id, "review_reassess", context, role=role)


@task("plans.start_changed_version", on=ReviewSettled)
async def start_changed_version(message_id: UUID, event: ReviewSettled) -> None:
    """Start the version that a review agreed on, where none is on its way."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if event.outcome == ReviewOutcome.CHANGE_PLAN and await first_time(
            db, "plans.start_changed_version", message_id
        ):
            await PlanService(db).change_after_review(event.council_id, event.plan_id, event.changes_from)


@task("plans.stop_reviews_for_death", on=PersonDied)
async def stop_for_death(message_id: UUID, event: PersonDied) -> None:
    """Cancel the reviews to come of somebody who has died."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.stop_reviews_for_death", message_id):
            await ReviewWatchService(db).stop_for_death(event.council_id, event.person_id)


@task("plans.undo_reviews_for_death", on=DeathUndone)
async def undo_death(message_id: UUID, event: DeathUndone) -> None:
    """Set the reviews again that a death recorded by mistake had cancelled."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.undo_reviews_for_death", message_id):
            await ReviewWatchService(db).undo_death(event.council_id, event.person_id)


@every(timedelta(days=1), "plans.watch_reviews")
async def watch_reviews() -> None:
    """Set and end the reviews of direct payments, and free those whose facilitator left."""
    for verb in (
        ReviewWatchService.set_direct_payment_reviews,
        ReviewWatchService.end_direct_payment_reviews,
        ReviewWatchService.free_reviews,
    ):
        found = BATCH
        while found == BATCH:
            async with transaction(session_maker(), "every") as db:
                found = await verb(ReviewWatchService(db), BATCH)


@every(timedelta(days=1), "plans.remind_reviews")
async def remind_reviews() -> None:
    """Remind facilitators of reviews without a date, tell them of those that are overdue, and both sides of signatures
    that are missing; each once (L16).

    The audit row written with each message is also what keeps a second run, or one after a crash, from repeating it.
    """
    await _remind("plans.remind_review", "review_due", lambda reviews: reviews.to_remind)
    await _remind("plans.flag_overdue_review", "review_overdue", lambda reviews: reviews.to_flag)
    await _remind("plans.remind_signatures", "review_unsigned", lambda reviews: reviews.to_sign)


Question = Callable[[date, str, int], Awaitable[Sequence[Row[Review, str]]]]


async def _remind(mark: str, template: str, question: Callable[[ReviewRepository], Question]) -> None:
    """Tell those who hold the reviews that a question finds, in batches."""
    while True:
        async with transaction(session_maker(), "every") as db:
            found = await question(ReviewRepository(db))(today(clock_of(db)), mark, BATCH)
            for review, reference in found:
                await tell_holder(db, review, template, _named(review, reference))
                if template == "review_unsigned" and review.person_signed_at is None:
                    context = _named(review, reference)
                    await MessagingService(db).tell(
                        review.council_id, "review_to_sign", context, person_id=review.person_id
                    )
                audit.record(db, None, mark, council_id=review.council_id, subject_kind="review", subject_id=review.id)
        if len(found) < BATCH:
            return


async def tell_holder(db: AsyncSession, review: Review, template: str, context: dict[str, Any]) -> None:
    """Tell who holds a review: the planner, somebody of the council, or its managers while nobody does."""
    messages = MessagingService(db)
    if review.facilitator_id is not None:
        await messages.tell(review.council_id, template, context, worker_id=review.facilitator_id)
    elif review.facilitator_user_id is not None:
        await messages.tell(review.council_id, template, context, user_id=review.facilitator_user_id)
    else:
        await messages.tell(review.council_id, template, context, role=Role.MANAGER)


async def tell_guests(db: AsyncSession, review: Review) -> None:
    """Write to those the person asked to come, each once for a date. The review is locked."""
    if review.booked_on is None:
        return
    person = await ReviewRepository(db).person_name(review)
    for guest in await ReviewRepository(db).invites(review.id):
        if guest.email and guest.told_on != review.booked_on:
            await MessagingService(db).write_to(
                review.council_id,
                "review_guest",
                {**_meeting(review), "person": person},
                address=guest.email,
                reader_name=guest.name,
            )
            guest.told_on = review.booked_on


async def _tell_person(
    message_id: UUID, name: str, event: Event, review_id: UUID, person_id: UUID, template: str
) -> None:
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, name, message_id):
            review = await ReviewRepository(db).find(event.council_id, review_id)
            await MessagingService(db).tell(event.council_id, template, await _context(db, review), person_id=person_id)


async def _tell_holder(message_id: UUID, name: str, event: Event, review_id: UUID, template: str) -> None:
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, name, message_id):
            review = await ReviewRepository(db).find(event.council_id, review_id)
            await tell_holder(db, review, template, await _context(db, review))


async def _context(db: AsyncSession, review: Review) -> dict[str, Any]:
    return _named(review, await ReviewRepository(db).reference(review))


def _named(review: Review, reference: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "review": REVIEW_LABELS[review.kind].lower(),
        "due_on": review.due_on,
        "window_ends_on": review.window_ends_on,
        "is_held_by_nobody": review.facilitator_id is None and review.facilitator_user_id is None,
    }


def _meeting(review: Review) -> dict[str, Any]:
    return {
        "meets_on": uk_day(review.booked_on) if review.booked_on else "",
        "at_time": review.booked_at_time,
        "place": review.place,
    }
