"""The list of plans, and a plan's page: the form for its planner, the text for everybody else."""

import re
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, StaleForm
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.people.budget_words import budget_note
from marketplace.people.views import note_view
from marketplace.plans import policies
from marketplace.plans.content import MOST_ITEMS, glance, help_options, read, values_of, without_row
from marketplace.plans.errors import PlanChanged, PlanNotEditable
from marketplace.plans.repository import PlanDetail, PlanRepository
from marketplace.plans.routes.agreeing_context import ask_context
from marketplace.plans.routes.common import (
    PAGE,
    attempt,
    history,
    id_of,
    key_of,
    may_cost,
    plan_context,
    reviews_of,
    support_context,
    typed,
)
from marketplace.plans.schemas import ReasonForm, Scope
from marketplace.plans.sections import BY_KEY, ROWS
from marketplace.plans.service import PlanService
from marketplace.plans.states import PlanStatus
from marketplace.plans.words import PLAN_COLOURS, PLAN_LABELS

LISTS: dict[str, tuple[str, tuple[PlanStatus, ...]]] = {
    "open": (
        "All open plans",
        tuple(status for status in PlanStatus if status not in (PlanStatus.SIGNED_OFF, PlanStatus.SUPERSEDED)),
    ),
    **{
        status.value: (label, (status,)) for status, label in PLAN_LABELS.items() if status is not PlanStatus.SUPERSEDED
    },
}
"""Lists of plans by the name in the address: title and states."""

_REMOVE = re.compile(r"^remove-(\d{1,2})$")


class PlanController(Controller):
    """Plans."""

    @get("/plans", permission=Permission.PLANS_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        wanted: Annotated[str | None, QueryParameter(name="state", max_length=40)] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List plans by state: a planner's own, or those of a council."""
        scope = policies.plans_scope(principal)
        shown = wanted or _first_list(principal)
        if shown not in LISTS:
            raise BadRequest
        plans = PlanRepository(db)
        counts = await plans.counts(scope)
        lines = await plans.lines(scope, LISTS[shown][1], after=key_of(after), limit=PAGE + 1)
        last = lines[PAGE - 1] if len(lines) > PAGE else None
        context = {
            "lines": lines[:PAGE],
            "shown": shown,
            "shown_title": LISTS[shown][0],
            "lists": [
                (name, title, sum(counts.get(status, 0) for status in statuses))
                for name, (title, statuses) in LISTS.items()
            ],
            "labels": PLAN_LABELS,
            "colours": PLAN_COLOURS,
            "today": today(clock_of(db)),
            "is_planner": scope.worker_id is not None,
            "may_answer": principal.may(Permission.ASKS_DECIDE),
            "is_open": LISTS[shown][1] != (PlanStatus.SIGNED_OFF,),
            "first_href": f"/plans?state={shown}" if after else "",
            "next_href": f"/plans?state={shown}&after={last.due_on}_{last.plan_id}" if last else "",
        }
        return Template("plans/index.html", context=context)

    @get("/plans/for-referral/{referral_id:str}", permission=Permission.PLANS_READ)
    async def for_referral(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], referral_id: FromPath[str]
    ) -> Redirect:
        """Go to the plan of a referral; its planner need not wait for the worker that makes it."""
        plan_id = await PlanService(db).open_for_referral(principal, id_of(referral_id))
        return Redirect(f"/plans/{plan_id}", status_code=303)

    @get("/plans/{plan_id:str}", permission=Permission.PLANS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        rows: Annotated[int, QueryParameter(name="rows", ge=1, le=MOST_ITEMS)] = 1,
    ) -> Template:
        """Show the form to the planner while it is theirs to write, the plan to everybody else who may read it."""
        detail = await PlanRepository(db).detail(policies.plans_scope(principal), id_of(plan_id))
        if policies.may_write(principal, detail.plan, detail.version):
            return await _form_page(db, detail, values_of(detail.content), rows=rows)
        return await _read_page(db, principal, detail)

    @post("/plans/{plan_id:str}", permission=Permission.PLANS_WRITE)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Save the draft, add or remove an outcome (which saves, too), or submit the plan."""
        wanted, scope = id_of(plan_id), policies.planner_scope(principal)
        try:
            return await attempt(request, db, principal, data, lambda: _write(request, db, principal, wanted, data))
        except InvalidInput as error:
            detail = await PlanRepository(db).detail(scope, wanted)
            return await _form_page(db, detail, typed(data), errors=error.fields)
        except (PlanChanged, StaleForm):
            return await _conflict_page(db, principal, scope, wanted, data)
        except PlanNotEditable:
            detail = await PlanRepository(db).detail(scope, wanted)
            context = {**await plan_context(db, detail), "typed": _typed_texts(data)}
            return Template("plans/conflict.html", context=context, status_code=409)

    @post("/plans/{plan_id:str}/checklist", permission=Permission.PLANS_WRITE)
    async def live_checklist(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Answer what is missing in what is typed so far; nothing is saved."""
        detail = await PlanRepository(db).detail(policies.planner_scope(principal), id_of(plan_id))
        context = {
            **support_context(glance(data), await may_cost(db, detail.plan)),
            "prices_href": f"/plans/{detail.plan.id}/prices",
        }
        return Template("plans/_support.html", context=context)

    @post("/plans/{plan_id:str}/versions", permission=Permission.PLANS_WRITE)
    async def start_version(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Start the next version of a signed plan."""
        wanted = id_of(plan_id)

        async def start() -> str:
            form = ReasonForm.read(data, "why", "why the plan should change")
            await PlanService(db).start_version(principal, wanted, form.why)
            flash(request, "You have started a new version. The signed plan stays in place until this one is signed")
            return f"/plans/{wanted}"

        try:
            return await attempt(request, db, principal, data, start)
        except InvalidInput as error:
            detail = await PlanRepository(db).detail(policies.planner_scope(principal), wanted)
            return await _read_page(db, principal, detail, values=typed(data), errors=error.fields)


async def _write(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, plan_id: UUID, data: FormData
) -> str:
    """Do what the pressed button says; returns where to go."""
    service, content, action = PlanService(db), read(data), str(data.get("action") or "save")
    version = str(data.get("version") or "")
    expected = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0
    if action == "submit":
        await service.submit(principal, plan_id, content, expected)
        flash(request, "Plan sent for its quality check")
        return f"/plans/{plan_id}"
    removed = _REMOVE.match(action)
    if removed:
        content = without_row(content, int(removed.group(1)))
    await service.save(principal, plan_id, content, expected)
    if action == "add" and len(content.items) < MOST_ITEMS:
        rows = len(content.items) + 1
        return f"/plans/{plan_id}?rows={rows}#item-{rows}"
    flash(request, "Outcome removed and draft saved" if removed else "Draft saved")
    return f"/plans/{plan_id}"


async def _form_page(
    db: AsyncSession,
    detail: PlanDetail,
    values: dict[str, Any],
    *,
    rows: int = 1,
    errors: dict[str, str] | None = None,
    conflict: list[tuple[str, str]] | None = None,
) -> Template:
    used = [row for row in range(1, MOST_ITEMS + 1) if any(values.get(f"{name}-{row}") for name in _ITEM_FIELDS)]
    known = await plan_context(db, detail)
    context = {
        **known,
        **support_context(glance(values), known["budget_pence"]),
        "values": values,
        "errors": errors or {},
        "rows": range(1, min(MOST_ITEMS, max(rows, used[-1] if used else 1)) + 1),
        "most_items": MOST_ITEMS,
        "help_options": help_options(),
        "by_key": BY_KEY,
        "sources": {key: row.source for key, row in detail.sections.items() if row.source},
        "conflict": conflict,
        **await ask_context(db, detail.plan),
        "history": await history(db, detail.plan.id),
        "prices_href": f"/plans/{detail.plan.id}/prices",
        "budget_note": await budget_note(
            db, detail.plan.council_id, detail.plan.person_id, detail.referral.indicative_weekly_pence
        ),
    }
    status = 422 if errors else 409 if conflict is not None else 200
    return Template("plans/edit.html", context=context, status_code=status)


async def _read_page(
    db: AsyncSession,
    principal: Principal,
    detail: PlanDetail,
    *,
    values: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
) -> Template:
    plan, version = detail.plan, detail.version
    if policies.may_read_content(principal, plan, version):
        await note_view(db, principal, plan.person_id, "plan")
    context = {
        **await plan_context(db, detail),
        **await ask_context(db, plan),
        "history": await history(db, plan.id),
        "reviews": await reviews_of(db, plan.id),
        "may_ask_review": principal.may(Permission.PLANS_WRITE) or principal.may(Permission.REVIEWS_HOLD),
        "may_read_content": policies.may_read_content(principal, plan, version),
        "may_check": policies.may_check(principal, version),
        "may_sign_off": policies.may_sign_off(principal, version),
        "may_change": policies.is_planner(principal, plan) and version.status is PlanStatus.SIGNED_OFF,
        "is_own_submission": principal.may(Permission.PLANS_CHECK)
        and version.status is PlanStatus.IN_QUALITY_CHECK
        and version.submitted_by_user_id == principal.user_id,
        "values": values or {},
        "errors": errors or {},
    }
    return Template("plans/show.html", context=context, status_code=422 if errors else 200)


async def _conflict_page(
    db: AsyncSession, principal: Principal, scope: Scope, plan_id: UUID, data: FormData
) -> Template:
    """Show what was typed beside what is saved by now; sending it again replaces the saved text."""
    detail = await PlanRepository(db).detail(scope, plan_id)
    if not policies.may_write(principal, detail.plan, detail.version):
        context = {**await plan_context(db, detail), "typed": _typed_texts(data)}
        return Template("plans/conflict.html", context=context, status_code=409)
    mine, saved = typed(data), values_of(detail.content)
    differing = [
        (label, saved.get(name, ""))
        for name, label in _labels(mine, saved)
        if str(mine.get(name) or "").replace("\r\n", "\n").strip() != saved.get(name, "")
    ]
    return await _form_page(db, detail, mine, conflict=differing)


_ITEM_FIELDS = ("outcome", "what", "helped_by", "weekly")
_TEXTS = (
    ("about_me", "About the person"),
    ("good_days", "Good days and bad days"),
    ("risks", "Risks"),
    ("money_held", "How the money is held"),
    ("why_over", "Why the plan costs more than the budget"),
    ("information_given", "Information and advice"),
    *((key, BY_KEY[key].staff_title) for key in ROWS),
    ("visit_hours", "Hours with the person"),
    ("visit_minutes", "Minutes with the person"),
)
_ITEM_LABELS = ("Outcome {}", "What will happen for outcome {}", "Who helps with outcome {}", "Cost of outcome {}")


def _labels(*forms: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of a plan's form, with those outcomes that stand in one of some forms."""
    rows = [row for row in range(1, MOST_ITEMS + 1) if any(form.get(f"outcome-{row}") for form in forms)]
    return [
        *_TEXTS,
        *(
            (f"{name}-{row}", label.format(row))
            for row in rows
            for name, label in zip(_ITEM_FIELDS, _ITEM_LABELS, strict=True)
        ),
    ]


def _typed_texts(data: FormData) -> list[tuple[str, str]]:
    mine = typed(data)
    return [(label, str(mine[name])) for name, label in _labels(mine) if mine.get(name)]


def _first_list(principal: Principal) -> str:
    """Return the list that somebody most likely comes for."""
    if principal.may(Permission.PLANS_CHECK) and not principal.may(Permission.PLANS_SIGN_OFF):
        return PlanStatus.IN_QUALITY_CHECK.value
    return "open"
