"""Local offers beside a plan: what there is for an outcome, and the prices of the plan as a whole with ways out."""

from typing import Any, NamedTuple
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.web import FormData
from marketplace.plans import policies
from marketplace.plans.models import HELP_LABELS, HelpKind
from marketplace.plans.offers import Band, grouped, verdict, ways_out
from marketplace.plans.repository import PlanDetail, PlanRepository
from marketplace.plans.routes.common import attempt, id_of, may_cost, support_context
from marketplace.plans.service.pricing import SHOWN, ChoiceForm, OfferQuestion, PricingService, question_of
from marketplace.providers.routes.market import search_of
from marketplace.providers.service.weekly import amount_words


class Side(NamedTuple):
    """Whose pages these are: where they lie, where the plan is written, where more is asked for."""

    base: str
    edit_href: str
    ask_href: str
    is_own: bool


def planner_side(plan_id: UUID) -> Side:
    """Return the planner's side of a plan."""
    return Side(f"/plans/{plan_id}", f"/plans/{plan_id}", f"/plans/{plan_id}/ask", is_own=False)


class PlanOfferController(Controller):
    """Local offers for the outcomes of a plan that a planner writes."""

    @get("/plans/{plan_id:str}/outcomes/{position:str}/offers", permission=Permission.PLANS_WRITE)
    async def offers(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        position: FromPath[str],
    ) -> Template:
        """Show local offers for an outcome, what needs no registered care first."""
        detail = await _written(db, principal, plan_id)
        return await offers_page(request, db, detail, place_of(position), planner_side(detail.plan.id))

    @post("/plans/{plan_id:str}/outcomes/{position:str}/offers", permission=Permission.PLANS_WRITE)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        position: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the price of an offer into the outcome."""
        detail = await _written(db, principal, plan_id)
        wanted, side = detail.plan.id, planner_side(detail.plan.id)
        place = place_of(position)
        if all(item.position != place for item in detail.items):
            raise NotFound

        async def take() -> str:
            form = ChoiceForm.read(data)
            service = PricingService(db, search_of(request))
            name = await service.choose(principal, wanted, place, form)
            flash(request, f"Outcome {place} now has the price of {name}")
            return f"{side.base}/prices"

        try:
            return await attempt(request, db, principal, data, take)
        except InvalidInput as error:
            detail = await _written(db, principal, plan_id)
            return await offers_page(request, db, detail, place, side, errors=error.fields)

    @get("/plans/{plan_id:str}/prices", permission=Permission.PLANS_WRITE)
    async def prices(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
    ) -> Template:
        """Show what the plan costs beside what local offers cost, and ways out of a gap."""
        detail = await _written(db, principal, plan_id)
        return await prices_page(request, db, detail, planner_side(detail.plan.id))


async def offers_page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    detail: PlanDetail,
    position: int,
    side: Side,
    *,
    errors: dict[str, str] | None = None,
) -> Template:
    """Draw the offers for an outcome of a plan that the reader may write.

    Raises:
        NotFound: The plan has no such outcome.
    """
    item = next((one for one in detail.items if one.position == position), None)
    if item is None:
        raise NotFound
    asked = {name: request.query_params.get(name, "") for name in ("q", "amount")}
    wrong = dict(errors or {})
    if "q" in request.query_params:
        try:
            question = OfferQuestion.read(asked)
        except InvalidInput as error:
            wrong |= error.fields
            question = OfferQuestion(words=asked["q"].strip()[:200])
    else:
        question = question_of(item)
        asked = {"q": question.words, "amount": f"{question.tenths / 10:g}" if question.tenths else ""}
    found = await PricingService(db, search_of(request)).offers(detail.person.postcode, question)
    context = {
        "side": side,
        "plan": detail.plan,
        "version": detail.version,
        "person": detail.person,
        "item": item,
        "values": asked,
        "errors": wrong,
        "groups": grouped(found, SHOWN),
        "budget_pence": await may_cost(db, detail.plan),
        "others_pence": sum(one.weekly_pence for one in detail.items if one.position != position),
        "has_place": bool(detail.person.postcode),
    }
    return Template("plans/outcome_offers.html", context=context, status_code=422 if wrong else 200)


async def prices_page(request: Request[Any, Any, Any], db: AsyncSession, detail: PlanDetail, side: Side) -> Template:
    """Draw the prices of a plan that the reader may write, and ways out of a gap."""
    service = PricingService(db, search_of(request))
    outcomes = await service.outcomes(detail.items)
    budget = await may_cost(db, detail.plan)
    dearest = max(outcomes, key=lambda one: one.weekly_pence, default=None)
    question = OfferQuestion(words=dearest.outcome[:200], tenths=dearest.tenths) if dearest else OfferQuestion()
    found, bands = await service.around(detail.person.postcode, question)
    offers = {dearest.position: found} if dearest else {}
    rows = [
        {
            "outcome": one,
            "helped_by": HELP_LABELS[one.helped_by] if one.helped_by else "Not chosen yet",
            "amount": amount_words(one.tenths, one.price_unit) if one.tenths and one.price_unit else "",
            "price": pounds(one.unit_price_pence) if one.unit_price_pence else "",
            "near": _near(one.helped_by, bands),
            "verdict": verdict(one, bands.get(one.helped_by) if one.helped_by else None),
        }
        for one in outcomes
    ]
    context = {
        "side": side,
        "plan": detail.plan,
        "person": detail.person,
        "rows": rows,
        "chart_rows": [
            (one.outcome or "Not written yet", one.weekly_pence, pounds(one.weekly_pence)) for one in outcomes
        ],
        "ways": ways_out(outcomes, budget, offers, base=side.base, ask_href=side.ask_href) if budget else [],
        "has_place": bool(detail.person.postcode),
        **support_context(detail.content, budget),
    }
    return Template("plans/prices.html", context=context)


def place_of(text: str) -> int:
    """Read which outcome an address names.

    Raises:
        NotFound: It is no number.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        raise NotFound
    return int(text)


def _near(kind: HelpKind | None, bands: dict[HelpKind, Band | None]) -> str:
    found = bands.get(kind) if kind else None
    return found.words if found else ""


async def _written(db: AsyncSession, principal: Principal, plan_id: str) -> PlanDetail:
    """Return a plan that the planner writes now.

    Raises:
        NotFound: There is none in reach, or it is not theirs to write now.
    """
    detail = await PlanRepository(db).detail(policies.planner_scope(principal), id_of(plan_id))
    if not policies.may_write(principal, detail.plan, detail.version):
        raise NotFound
    return detail
