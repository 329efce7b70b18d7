"""What is said about a budget where it is not set: on a plan's page, and beside what was agreed."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.formats import pounds, uk_date
from marketplace.people.models import Budget, BudgetKind, RasVersion
from marketplace.people.ras.engine import a_week
from marketplace.people.repository_budgets import PersonalBudgetRepository


async def budget_note(db: AsyncSession, council_id: UUID, person_id: UUID, copied_weekly_pence: int) -> str | None:
    """Say that the indicative budget is no longer what a plan was begun with; None when it still is.

    Args:
        db: The reader's transaction.
        council_id: Whose person.
        person_id: Who the plan is for.
        copied_weekly_pence: What the plan's referral was made with.

    Returns:
        Words for the plan's page, to the person and the planner alike.
    """
    budget = await PersonalBudgetRepository(db).indicative(council_id, person_id, BudgetKind.SUPPORT)
    if budget is None or budget.weekly_pence == copied_weekly_pence:
        return None
    fell = budget.weekly_pence < copied_weekly_pence
    change = pounds(abs(budget.weekly_pence - copied_weekly_pence))
    return (
        f"The estimate of the budget was worked out again on {uk_date(budget.created_at)}. It is now "
        f"{pounds(budget.weekly_pence)} a week: {change} {'less' if fell else 'more'} than when this plan was begun "
        f"({pounds(copied_weekly_pence)}). Nothing that is written here is lost."
    )


def points_weekly(budget: Budget, version: RasVersion | None) -> int | None:
    """Return what a budget's points alone come to for a week, pence; None where no points stand behind it."""
    return None if budget.annual_pence is None or version is None else int(a_week(budget.annual_pence, version.weeks))
