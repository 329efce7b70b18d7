"""What follows from events of plans: the plan itself, and telling those concerned. And the daily look at reviews."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.matching.events import OfferAccepted
from marketplace.messaging import MessagingService
from marketplace.plans.events import PlanReadyToAgree, PlanReturned, PlanSignedOff, PlanSubmitted
from marketplace.plans.models import Review
from marketplace.plans.repository import PlanRepository, ReviewRepository
from marketplace.plans.service import PlanService
from marketplace.plans.words import REVIEW_LABELS

BATCH = 200
"""Reviews looked at in one transaction."""


@task("plans.start_plan", on=OfferAccepted)
async def start_plan(message_id: UUID, event: OfferAccepted) -> None:
    """Start the plan of a referral that a planner took."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.start_plan", message_id):
            await PlanService(db).ensure((event.council_id,), event.referral_id, None)


@task("plans.tell_checkers", on=PlanSubmitted)
async def tell_checkers(message_id: UUID, event: PlanSubmitted) -> None:
    """Tell the quality checkers that a plan waits for them."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_checkers", message_id):
            context = await _context(db, event.council_id, event.plan_id)
            await MessagingService(db).tell(event.council_id, "plan_submitted", context, role=Role.QUALITY_CHECKER)


@task("plans.tell_planner_returned", on=PlanReturned)
async def tell_planner_returned(message_id: UUID, event: PlanReturned) -> None:
    """Tell the planner that a plan came back."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_planner_returned", message_id):
            context = await _context(db, event.council_id, event.plan_id)
            await MessagingService(db).tell(event.council_id, "plan_returned", context, worker_id=event.worker_id)


@task("plans.tell_person_ready", on=PlanReadyToAgree)
async def tell_person_ready(message_id: UUID, event: PlanReadyToAgree) -> None:
    """Tell the person, and who acts for them, that their plan waits for their answer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_person_ready", message_id):
            context = await _context(db, event.council_id, event.plan_id)
            await MessagingService(db).tell(event.council_id, "plan_ready_to_agree", context, person_id=event.person_id)


@task("plans.tell_signed_off", on=PlanSignedOff)
async def tell_signed_off(message_id: UUID, event: PlanSignedOff) -> None:
    """Tell the person and the planner that the plan is in place."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_signed_off", message_id):
            context = {**await _context(db, event.council_id, event.plan_id), "completed_on": event.completed_on}
            messages = MessagingService(db)
            await messages.tell(event.council_id, "plan_signed_off", context, person_id=event.person_id)
            await messages.tell(event.council_id, "plan_signed_off_planner", context, worker_id=event.worker_id)


@every(timedelta(days=1), "plans.remind_reviews")
async def remind_reviews() -> None:
    """Remind facilitators of reviews without a date, and tell them of those that are overdue; each once (L16).

    The audit row written with each message is also what keeps a second run, or one after a crash, from repeating it.
    """
    await _tell_facilitators("plans.remind_review", "review_due", lambda reviews: reviews.to_remind)
    await _tell_facilitators("plans.flag_overdue_review", "review_overdue", lambda reviews: reviews.to_flag)


Question = Callable[[date, str, int], Awaitable[Sequence[Row[Review, str]]]]


async def _tell_facilitators(mark: str, template: str, question: Callable[[ReviewRepository], Question]) -> None:
    """Tell the facilitators of all reviews that a question finds, in batches."""
    while True:
        async with transaction(session_maker(), "every") as db:
            found = await question(ReviewRepository(db))(today(clock_of(db)), mark, BATCH)
            for review, reference in found:
                await _tell_facilitator(db, review, reference, mark, template)
        if len(found) < BATCH:
            return


async def _tell_facilitator(db: AsyncSession, review: Review, reference: str, mark: str, template: str) -> None:
    context = {
        "reference": reference,
        "review": REVIEW_LABELS[review.kind].lower(),
        "due_on": review.due_on,
        "window_ends_on": review.window_ends_on,
    }
    await MessagingService(db).tell(review.council_id, template, context, worker_id=review.facilitator_id)
    audit.record(db, None, mark, council_id=review.council_id, subject_kind="review", subject_id=review.id)


async def _context(db: AsyncSession, council_id: UUID, plan_id: UUID) -> dict[str, Any]:
    return {"reference": await PlanRepository(db).reference(council_id, plan_id)}
