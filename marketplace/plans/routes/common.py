"""What the pages of plans share: ids and keys of addresses, the parts of a plan's page, forms that may be refused."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from litestar.connection import Request
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.accounts.words import NEEDS
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, NotFound
from marketplace.core.formats import uk_datetime
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.plans.content import PlanContent, budget_words, checklist, mix, mix_words
from marketplace.plans.costs import CostChange, change_of
from marketplace.plans.models import HELP_LABELS, Plan
from marketplace.plans.repository import PlanDetail, PlanRepository, ReviewRepository
from marketplace.plans.repository.agreeing import CostRepository
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.states import PlanStatus
from marketplace.plans.words import PLAN_COLOURS, PLAN_LABELS, REVIEW_LABELS, STEP_TITLES, review_state

PAGE = 25
"""Rows of a list on one page."""


def id_of(text: str) -> UUID:
    """Read the id in an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def key_of(text: str | None) -> tuple[date, UUID] | None:
    """Read where a list goes on: the day and id of the last row before, `2027-05-01_<id>`.

    Raises:
        BadRequest: It is not such a key.
    """
    if not text:
        return None
    day_text, _, id_text = text.partition("_")
    day, row_id = parse_day(day_text), parse_id(id_text)
    if day is None or row_id is None:
        raise BadRequest
    return day, row_id


async def attempt(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    data: FormData,
    action: Callable[[], Awaitable[str]],
) -> Redirect:
    """Take a form once, in a savepoint: a refused one leaves nothing, its one-time id included.

    Without the savepoint the page that shows the refusal would commit what was written before it.
    """
    async with db.begin_nested():
        return await submit(request, db, principal.actor, data, action)


def support_context(content: PlanContent, budget_pence: int) -> dict[str, Any]:
    """Context of the checklist, the running total and the mix of support, from what is typed or stored."""
    parts = mix(content.items)
    return {
        "checks": checklist(content, budget_pence),
        "weekly_pence": content.weekly_pence,
        "budget_pence": budget_pence,
        "budget_words": budget_words(content.weekly_pence, budget_pence),
        "is_over": content.weekly_pence > budget_pence,
        "mix_parts": parts,
        "mix_words": mix_words(parts),
    }


async def may_cost(db: AsyncSession, plan: Plan) -> int:
    """Return what a plan may cost now, pence a week: what its sign-off is held against, and 0 where no sum is known.

    Not the sum on the referral: that is a copy of the day it was made, and the budget may have changed since.
    """
    budget, _ = await ApprovalService(db).budget_of(plan)
    return budget


async def plan_context(db: AsyncSession, detail: PlanDetail, budget_pence: int | None = None) -> dict[str, Any]:
    """Context that every page of a plan needs; `budget_pence` where what it may cost was read already."""
    content = detail.content
    return {
        "plan": detail.plan,
        "version": detail.version,
        "person": detail.person,
        "referral": detail.referral,
        "planner_name": detail.planner_name,
        "organisation_name": detail.organisation_name,
        "content": content,
        "help_labels": HELP_LABELS,
        "needs": [NEEDS.get(code, code) for code in detail.referral.needs],
        "state": (PLAN_COLOURS[detail.version.status], PLAN_LABELS[detail.version.status]),
        **support_context(content, await may_cost(db, detail.plan) if budget_pence is None else budget_pence),
    }


async def history(db: AsyncSession, plan_id: UUID) -> list[dict[str, Any]]:
    """Return the events of a plan's timeline, newest first."""
    steps = await PlanRepository(db).timeline(plan_id)
    names = await AccountRepository(db).names({step.by_user_id for step, _ in steps if step.by_user_id})
    several = any(number > 1 for _, number in steps)
    return [
        {
            "title": STEP_TITLES.get(step.to_status, step.to_status) + (f" (version {number})" if several else ""),
            "when": uk_datetime(step.at),
            "at": step.at.isoformat(),
            "by": names.get(step.by_user_id, "") if step.by_user_id else "",
            "text": step.why,
        }
        for step, number in steps
    ]


async def reviews_of(db: AsyncSession, plan_id: UUID) -> list[dict[str, Any]]:
    """Return the reviews of a plan with their state in words."""
    day = today(clock_of(db))
    return [
        {
            "id": review.id,
            "name": REVIEW_LABELS[review.kind],
            "due_on": review.due_on,
            "state": review_state(review, day),
        }
        for review in await ReviewRepository(db).of_plan(plan_id)
    ]


async def cost_change(
    db: AsyncSession, plan_id: UUID, is_changed: bool, shown: Collection[PlanStatus] | None = None
) -> CostChange | None:
    """Return what the newest version of a plan costs against the one before, where a review changed it.

    Args:
        db: The database.
        plan_id: The plan.
        is_changed: Whether the review changes the plan; else nothing is asked.
        shown: States in which the reader sees a version; None: all that were submitted.
    """
    if not is_changed:
        return None
    versions = await CostRepository(db).of_versions(plan_id)
    seen = [one for one in versions if (one.submitted_at is not None if shown is None else one.status in shown)]
    return change_of(versions, seen[-1].number) if seen else None


def typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed, to show it again: the last one of a field that came twice, no tokens."""
    return {
        name: value[-1] if isinstance(value, list) and value else value
        for name, value in data.items()
        if name not in {"csrf_token", "form_id", "action", "version"}
    }
