"""What follows from events of plans: the plan itself, and telling those concerned."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.settings import site_address
from marketplace.matching.events import OfferAccepted
from marketplace.messaging import MessagingService
from marketplace.plans.events import PlanInPlace, PlanReadyToAgree, PlanReturned, PlanSignedOff, PlanSubmitted
from marketplace.plans.models import PlannedBy
from marketplace.plans.repository import PlanRepository
from marketplace.plans.service import PlanService


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
    """Tell who writes a plan that it came back: the planner, or the person."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_planner_returned", message_id):
            return
        context = await _context(db, event.council_id, event.plan_id)
        if event.worker_id is not None:
            await MessagingService(db).tell(event.council_id, "plan_returned", context, worker_id=event.worker_id)
            return
        plan = await PlanRepository(db).find(event.council_id, event.plan_id)
        context["link"] = f"{site_address()}/my-plan/write"
        await MessagingService(db).tell(event.council_id, "own_plan_returned", context, person_id=plan.person_id)


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
            context["has_planner"] = True
            messages = MessagingService(db)
            await messages.tell(event.council_id, "plan_signed_off", context, person_id=event.person_id)
            await messages.tell(event.council_id, "plan_signed_off_planner", context, worker_id=event.worker_id)


@task("plans.tell_own_plan_in_place", on=PlanInPlace)
async def tell_own_plan_in_place(message_id: UUID, event: PlanInPlace) -> None:
    """Tell a person that the plan that they wrote is in place; with a planner's plan `tell_signed_off` does."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_own_plan_in_place", message_id):
            return
        plan = await PlanRepository(db).find(event.council_id, event.plan_id)
        if plan.planned_by is PlannedBy.PERSON:
            context = {**await _context(db, event.council_id, event.plan_id), "completed_on": event.in_place_on}
            context["has_planner"] = False
            await MessagingService(db).tell(event.council_id, "plan_signed_off", context, person_id=event.person_id)


async def _context(db: AsyncSession, council_id: UUID, plan_id: UUID) -> dict[str, Any]:
    return {"reference": await PlanRepository(db).reference(council_id, plan_id)}
