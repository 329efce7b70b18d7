"""Who is told of budgets, charges, challenges and carers, and in which words."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.people import tasks_budgets
from marketplace.people.budgets import BudgetService
from marketplace.people.carers import CarerForm, CarerService
from marketplace.people.challenges import ChallengeService
from marketplace.people.charges import ChargeForm, ChargeService
from marketplace.people.charges_rules import Means
from marketplace.people.words_assessments import CARER_QUESTIONS
from tests.factories import make_member, make_person_member

assert tasks_budgets


async def told(db: AsyncSession) -> list[str]:
    """Run the waiting tasks of people; subjects of what was written, oldest first."""
    await db.flush()
    for delivery in await outbox.relay(db):
        if delivery.task.startswith("people."):
            await deliver(delivery)
    await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []
    return list(await db.scalars(text("SELECT subject FROM messages ORDER BY id")))


async def test_everybody_concerned_is_told_in_plain_words(db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER)
    worker = await make_member(db, Role.SOCIAL_WORKER, manager.council)
    finance = await make_member(db, Role.FINANCE, manager.council)
    person, member = await make_person_member(db, manager.council)
    budget = await BudgetService(db).set_indicative(worker.principal, person.id, 11_538, reason="By hand.")
    challenge = await ChallengeService(db).ask(member.principal, budget.id, "Nights were left out.")
    heavy = {question["key"]: question["answers"][-1]["key"] for question in CARER_QUESTIONS}
    await CarerService(db).record_own(member.principal, CarerForm(answers=heavy, in_my_words=""))
    form = ChargeForm(
        starts_on=date(2027, 4, 1),
        means=Means(capital_pence=0, income_weekly_pence=25_000, protected_weekly_pence=22_870),
        is_light_touch=False,
        pays_all=False,
        reason="",
    )
    await ChargeService(db).decide(finance.principal, person.id, form)
    first = await told(db)
    assert sorted(first) == [
        f"A carer needs a closer look: {person.reference}",
        f"Somebody challenges their budget: {person.reference}",
        "The first estimate of your budget",
        "What you pay for your support",
    ]
    bodies = " ".join(await db.scalars(text("SELECT body FROM messages")))
    assert "£115.38" in bodies
    assert "You pay £21.30 a week at most" in bodies
    assert "Nights" not in bodies
    await ChallengeService(db).answer(
        manager.principal, challenge.id, answer="Nights are in it.", weekly_pence=None, version=challenge.version
    )
    await BudgetService(db).make_final(manager.principal, person.id, 11_538, [], "", date(2027, 3, 3))
    later = (await told(db))[4:]
    assert sorted(later) == ["Our answer about your budget", "Your budget is agreed"]
