"""Pages on which an award is taken back."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.matching.errors_care import AwardOver
from marketplace.matching.forms import ReasonForm
from marketplace.matching.models import Requirement, RequirementAward
from marketplace.matching.repository.care import AwardRepository, CareOfferRepository
from marketplace.matching.routes.care.pages import base_context, find, page, read_id, version_of_form
from marketplace.matching.service.care import TakingBackService
from marketplace.providers.repository.care import CareFacts


class AwardController(Controller):
    """One award of a requirement."""

    path = "/requirements/{requirement_id:str}/awards/{award_id:str}/take-back"

    @get("", permission=Permission.REQUIREMENTS_WRITE)
    async def ask(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        award_id: FromPath[str],
    ) -> Template:
        """Ask why the award is taken back."""
        requirement = await find(db, principal, requirement_id)
        award = await _award(db, requirement, award_id)
        if award.taken_back_at is not None:
            raise AwardOver("Look at the requirement again.")
        return await _page(db, principal, requirement, award, {"version": str(requirement.version)}, {})

    @post("", permission=Permission.REQUIREMENTS_WRITE)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        award_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the award back."""
        requirement = await find(db, principal, requirement_id)
        award = await _award(db, requirement, award_id)

        async def action() -> str:
            why, version = ReasonForm.read(data).reason, version_of_form(data)
            await TakingBackService(db).take_back(principal, requirement.id, version, award.id, why)
            if await CareOfferRepository(db).count_live(requirement.council_id, requirement.id):
                flash(request, "The award is taken back. Compare the offers that stand, or ask again")
                return f"/requirements/{requirement.id}"
            flash(request, "The award is taken back. No other offer stands, so ask again")
            return f"/requirements/{requirement.id}/providers"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, requirement, award, data, error.fields)


async def _award(db: AsyncSession, requirement: Requirement, award_id: str) -> RequirementAward:
    award = await AwardRepository(db).find(requirement.council_id, read_id(award_id))
    if award.requirement_id != requirement.id:
        raise NotFound
    return award


async def _page(
    db: AsyncSession,
    principal: Principal,
    requirement: Requirement,
    award: RequirementAward,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    names = await CareFacts(db).names([award.organisation_id])
    context = {
        **await base_context(db, principal, requirement),
        "award": award,
        "name": names.get(award.organisation_id, "Somebody who has left"),
        "has_started": award.starts_on <= today(clock_of(db)),
    }
    return page("take_back", context, values=values, errors=errors)
