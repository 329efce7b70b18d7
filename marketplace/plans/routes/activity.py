"""Pages of the time that goes into a plan."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.plans import policies
from marketplace.plans.models import ACTIVITY_LABELS, Activity
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.activity import ActivityRepository
from marketplace.plans.routes.common import attempt, id_of, typed
from marketplace.plans.service.activity import ActivityService


class ActivityController(Controller):
    """Time by activity: the planner enters it, the council reads it."""

    path = "/plans/{plan_id:str}/time"

    @get("/", permission=Permission.PLANS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show what was recorded; the planner with the form."""
        return await _page(db, principal, id_of(plan_id), {}, {})

    @post("/", permission=Permission.PLANS_WRITE)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note time, or take an entry back."""
        wanted = id_of(plan_id)

        async def action() -> str:
            service = ActivityService(db)
            if data.get("remove"):
                await service.remove(principal, wanted, id_of(str(data["remove"])))
                flash(request, "The entry is taken back")
                return f"/plans/{wanted}/time"
            form = FormReader(data)
            activity = form.choice("activity", "what you did", Activity)
            worked_on = form.day("worked_on", "the day")
            hours = form.number("hours", "the hours", least=0, most=24, required=False)
            minutes = form.number("minutes", "the minutes", least=0, most=59, required=False)
            form.done()
            if activity is None or worked_on is None:  # messages were noted above
                raise InvalidInput({"activity": "Select what you did"})
            await service.record(principal, wanted, activity, hours * 60 + minutes, worked_on)
            flash(request, "The time is recorded")
            return f"/plans/{wanted}/time"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)


async def _page(
    db: AsyncSession, principal: Principal, plan_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    detail = await PlanRepository(db).detail(policies.plans_scope(principal), plan_id)
    activities = ActivityRepository(db)
    totals = await activities.totals(plan_id)
    context = {
        "plan": detail.plan,
        "person": detail.person,
        "rows": await activities.of_plan(plan_id),
        "totals": [(ACTIVITY_LABELS[one], totals[one]) for one in Activity if one in totals],
        "all_minutes": sum(totals.values()),
        "labels": ACTIVITY_LABELS,
        "activities": [(one.value, ACTIVITY_LABELS[one]) for one in Activity],
        "may_record": policies.is_planner(principal, detail.plan),
        "worker_id": principal.worker_id,
        "values": values,
        "errors": errors,
    }
    return Template("plans/time.html", context=context, status_code=422 if errors else 200)
