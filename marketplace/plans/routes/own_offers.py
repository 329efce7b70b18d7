"""Local offers beside somebody's own plan: the same pages as a planner has, on the person's side (P5, B14)."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.plans.repository import PlanDetail, PlanRepository
from marketplace.plans.routes.common import attempt
from marketplace.plans.routes.offers import Side, offers_page, place_of, prices_page
from marketplace.plans.routes.own import HERE, my_own
from marketplace.plans.service.own import OwnPlanService
from marketplace.plans.service.own_writing import why_closed
from marketplace.plans.service.pricing import ChoiceForm, PricingService
from marketplace.providers.routes.market import search_of

BASE = "/my-plan/offers"
"""Not below the sections: `/my-plan/write/outcomes` is one of them, and an address cannot be both."""
SIDE = Side(BASE, f"{HERE}/outcomes", "/my-plan/ask", is_own=True)


class OwnOfferController(Controller):
    """Local offers for the outcomes of one's own plan."""

    path = BASE

    @get("/outcomes/{position:str}/offers", permission=Permission.PLAN_OWN)
    async def offers(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        position: FromPath[str],
    ) -> Template:
        """Show local offers for an outcome, what needs no registered care first."""
        return await offers_page(request, db, await _open(db, principal), place_of(position), SIDE)

    @post("/outcomes/{position:str}/offers", permission=Permission.PLAN_OWN)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        position: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the price of an offer into the outcome."""
        detail = await _open(db, principal)
        wanted = detail.plan.id
        place = place_of(position)
        if all(item.position != place for item in detail.items):
            raise NotFound

        async def take() -> str:
            form = ChoiceForm.read(data)
            prices = PricingService(db, search_of(request))
            name = await OwnPlanService(db).choose_offer(principal, wanted, place, form, prices)
            flash(request, f"Number {place} now has the price of {name}")
            return f"{BASE}/prices"

        try:
            return await attempt(request, db, principal, data, take)
        except InvalidInput as error:
            return await offers_page(request, db, await _open(db, principal), place, SIDE, errors=error.fields)

    @get("/prices", permission=Permission.PLAN_OWN)
    async def prices(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Show what the plan costs beside what local offers cost, and ways out of a gap."""
        return await prices_page(request, db, await _open(db, principal), SIDE)


async def _open(db: AsyncSession, principal: Principal) -> PlanDetail:
    """Return the person's plan while it is theirs to write.

    Raises:
        NotFound: There is none, or it is not theirs to write now.
    """
    found = await my_own(db, principal)
    if why_closed(found.plan, found.version, found.referral, found.person):
        raise NotFound
    return await PlanRepository(db).detail_of(found.version.id)
