"""Pages about weeks and free hours: who could take one requirement, and all requirements that wait, together."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.matching.errors import CannotRank
from marketplace.matching.forms_hours import hours_text
from marketplace.matching.packs_care import identifiers, may_show
from marketplace.matching.routes.care.pages import base_context, find, page
from marketplace.matching.service.care.fit import Fit, FitService
from marketplace.matching.service.care.together import MOST_TOGETHER, TogetherService
from marketplace.matching.states import RequirementStatus
from marketplace.people import PeopleRepository

ASKABLE = (RequirementStatus.DRAFT, RequirementStatus.NO_OFFERS, RequirementStatus.CLOSED)
"""States in which providers can be asked, or asked anew."""


class FitController(Controller):
    """Weeks of care against the free hours of providers. Nothing is asked or awarded by looking."""

    @get("/requirements/{requirement_id:str}/fit", permission=Permission.REQUIREMENTS_READ)
    async def fit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show who can take the whole week, the best ways to share it, and what would help."""
        row = await find(db, principal, requirement_id)
        person = await PeopleRepository(db).find(principal.council_id, row.person_id)
        found: Fit | None = None
        why_not = ""
        try:
            found = await FitService(db).of(principal, row)
        except CannotRank as error:
            why_not = error.detail
        context = {
            **await base_context(db, principal, row),
            "fit": found,
            "why_not": why_not,
            "can_open": row.status in ASKABLE,
            "may_open": may_show(identifiers(row, person), is_checked=row.checked_text),
            "terms_path": f"/requirements/{row.id}/{'edit' if row.status is RequirementStatus.DRAFT else 'terms'}",
        }
        return page("fit", context)


class TogetherController(Controller):
    """All requirements that wait, planned together."""

    @get("/requirements/plan", permission=Permission.REQUIREMENTS_READ)
    async def plan(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        work: Annotated[str, QueryParameter(name="work", max_length=3)] = "",
    ) -> Template:
        """Say what would be worked out, and with `work=yes` work it out. It is kept nowhere."""
        service = TogetherService(db)
        plan = await service.plan(principal) if work == "yes" else None
        context = {
            "plan": plan,
            "waiting": plan.waiting if plan else await service.count(principal),
            "most": MOST_TOGETHER,
            "hours": hours_text,
        }
        return page("plan", context)
