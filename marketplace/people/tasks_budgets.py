"""Telling people of budgets, charges and answers, and the council of challenges and carers who ask."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.formats import pounds, uk_date
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.people.events import BudgetChallenged, BudgetSet, CarerAsked, ChargeDecided, ProtectionChanged
from marketplace.people.models import (
    Budget,
    BudgetChallenge,
    BudgetStatus,
    ChallengeStatus,
    FinancialAssessment,
    Person,
    Protection,
)
from marketplace.people.repository_budgets import PersonalBudgetRepository
from marketplace.people.words_assessments import ROUTES_WORDS


@task("people.tell_budget", on=BudgetSet)
async def tell_budget(message_id: UUID, event: BudgetSet) -> None:
    """Tell the person that their budget is new."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_budget", message_id):
            return
        budget = await db.get_one(Budget, event.budget_id)
        if budget.status is BudgetStatus.ENDED:
            return  # Another one took its place meanwhile; that one is told.
        context = {
            "is_final": budget.status is BudgetStatus.FINAL,
            "weekly": pounds(budget.weekly_pence) if budget.weekly_pence else "",
            "once": pounds(budget.one_off_pence) if budget.one_off_pence else "",
            "own": pounds(budget.own_weekly_pence) if budget.own_weekly_pence else "",
            "starts_on": uk_date(budget.starts_on),
            "link": f"{delivery.settings().public_url}/my-budget",
        }
        await MessagingService(db).tell(
            event.council_id, "budget_set", context, person_id=event.person_id, role=Role.PERSON
        )


@task("people.tell_challenge", on=BudgetChallenged)
async def tell_challenge(message_id: UUID, event: BudgetChallenged) -> None:
    """Tell team managers that somebody challenges a budget, and the person what the answer is."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_challenge", message_id):
            return
        row = await db.get_one(BudgetChallenge, event.challenge_id)
        if row.status.value != event.status or row.status is ChallengeStatus.WITHDRAWN:
            return
        public_url = delivery.settings().public_url
        messaging = MessagingService(db)
        if row.status is ChallengeStatus.OPEN:
            person = await db.get_one(Person, row.person_id)
            context = {
                "reference": person.reference,
                "answer_by": uk_date(row.answer_by),
                "link": f"{public_url}/budget-challenges/{row.id}",
            }
            await messaging.tell(event.council_id, "budget_challenged", context, role=Role.MANAGER)
            return
        answered = {
            "has_changed": row.status is ChallengeStatus.CHANGED,
            "parts": await _held(db, row),
            "link": f"{public_url}/my-budget",
        }
        await messaging.tell(
            event.council_id, "budget_challenge_answered", answered, person_id=event.person_id, role=Role.PERSON
        )


@task("people.tell_protection", on=ProtectionChanged)
async def tell_protection(message_id: UUID, event: ProtectionChanged) -> None:
    """Tell the person that what is protected ends, or goes on, and why."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_protection", message_id):
            return
        row = await db.get_one(Protection, event.protection_id)
        context = {
            "ends_on": uk_date(row.ended_on) if row.ended_on else "",
            "review_on": uk_date(row.review_on),
            "reason": row.change_reason,
            "link": f"{delivery.settings().public_url}/my-budget",
        }
        await MessagingService(db).tell(
            event.council_id, "protection_changed", context, person_id=event.person_id, role=Role.PERSON
        )


async def _held(db: AsyncSession, row: BudgetChallenge) -> list[str]:
    """Say how an agreed budget is held in parts after an answer that changed it; none where it is one sum."""
    budgets = PersonalBudgetRepository(db)
    if row.status is not ChallengeStatus.CHANGED:
        return []
    asked = await budgets.find(row.council_id, row.budget_id)
    follower = await budgets.of_answer(row, asked.kind)
    parts = await budgets.parts(row.council_id, [follower.id]) if follower is not None else []
    return [f"{pounds(part.weekly_pence)} a week, {ROUTES_WORDS[part.route].lower()}" for part in parts]


@task("people.tell_charge", on=ChargeDecided)
async def tell_charge(message_id: UUID, event: ChargeDecided) -> None:
    """Tell the person what they pay, and from when."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_charge", message_id):
            return
        row = await db.get_one(FinancialAssessment, event.financial_assessment_id)
        context = {
            "pays_all": row.is_full_cost,
            "most": pounds(row.contribution_weekly_pence) if row.contribution_weekly_pence else "",
            "starts_on": uk_date(row.starts_on),
            "link": f"{delivery.settings().public_url}/my-budget",
        }
        await MessagingService(db).tell(
            event.council_id, "charge_decided", context, person_id=event.person_id, role=Role.PERSON
        )


@task("people.tell_carer_asked", on=CarerAsked)
async def tell_carer_asked(message_id: UUID, event: CarerAsked) -> None:
    """Tell social workers of a carer for whom the council should look closer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_carer_asked", message_id) or not event.goes_on:
            return
        person = await db.get_one(Person, event.person_id)
        context = {
            "reference": person.reference,
            "link": f"{delivery.settings().public_url}/people/{person.id}/assessments",
        }
        await MessagingService(db).tell(event.council_id, "carer_asked", context, role=Role.SOCIAL_WORKER)
