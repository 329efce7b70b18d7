"""Pages on which offers are compared: marks, points, what the person says, the award."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.words import INTERESTS, SKILLS
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.matching.care.scoring import PART_HOW, PART_LABELS
from marketplace.matching.care.week import visit_words
from marketplace.matching.forms import LONGEST_REASON
from marketplace.matching.forms_offers import AwardForm, HeardForm, read_marks
from marketplace.matching.models import HeardHow, Requirement
from marketplace.matching.routes.care.pages import base_context, find, page, version_of_form
from marketplace.matching.service.care import AwardService, Comparison
from marketplace.matching.states import RequirementStatus
from marketplace.matching.words_care import HEARD_LABELS


class ComparisonController(Controller):
    """Offers for one requirement, once the clock has ended."""

    @get("/requirements/{requirement_id:str}/offers", permission=Permission.REQUIREMENTS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show the offers: without prices until every one has its mark, then with points."""
        requirement = await find(db, principal, requirement_id)
        return await _compare(db, principal, requirement, {}, {})

    @post("/requirements/{requirement_id:str}/marks", permission=Permission.REQUIREMENTS_WRITE)
    async def mark(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Give every offer its mark for outcomes."""
        requirement = await find(db, principal, requirement_id)

        async def action() -> str:
            made = await AwardService(db).compare(requirement)
            marks = read_marks(data, [item.offer.id for item in made.offers])
            await AwardService(db).mark(principal, requirement.id, version_of_form(data), marks)
            flash(request, "The marks are kept. Now you see prices and points")
            return f"/requirements/{requirement.id}/offers"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _compare(db, principal, requirement, data, error.fields)

    @post("/requirements/{requirement_id:str}/low-price", permission=Permission.REQUIREMENTS_WRITE)
    async def accept_price(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Accept the reason for a price below the least lawful one."""
        requirement = await find(db, principal, requirement_id)
        offer_id = parse_id(str(data.get("offer_id") or ""))
        if offer_id is None:
            raise NotFound

        async def action() -> str:
            form = FormReader(data)
            why = form.text(f"why-{offer_id}", "why you accept the price", longest=LONGEST_REASON)
            form.done()
            await AwardService(db).accept_price(principal, requirement.id, version_of_form(data), offer_id, why)
            flash(request, "The reason is accepted, and the points are worked out again")
            return f"/requirements/{requirement.id}/offers"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _compare(db, principal, requirement, data, error.fields)

    @get("/requirements/{requirement_id:str}/heard", permission=Permission.REQUIREMENTS_WRITE)
    async def ask_heard(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Ask what the person said about the offers."""
        requirement = await find(db, principal, requirement_id)
        return await _heard(db, principal, requirement, {}, {})

    @post("/requirements/{requirement_id:str}/heard", permission=Permission.REQUIREMENTS_WRITE)
    async def hear(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record what the person said."""
        requirement = await find(db, principal, requirement_id)

        async def action() -> str:
            made = await AwardService(db).compare(requirement)
            form = HeardForm.read(data, [item.offer.organisation_id for item in made.offers])
            await AwardService(db).hear(principal, requirement.id, version_of_form(data), form)
            flash(request, "What the person said is recorded")
            return f"/requirements/{requirement.id}/offers"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _heard(db, principal, requirement, data, error.fields)

    @post("/requirements/{requirement_id:str}/award", permission=Permission.REQUIREMENTS_WRITE)
    async def award(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Award one offer, or several that share the week."""
        requirement = await find(db, principal, requirement_id)

        async def action() -> str:
            made = await AwardService(db).compare(requirement)
            form = AwardForm.read(data, [item.offer.id for item in made.offers])
            await AwardService(db).award(principal, requirement.id, form)
            flash(request, "The care is awarded. The provider and the person are told")
            return f"/requirements/{requirement.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _compare(db, principal, requirement, data, error.fields)


async def _compare(
    db: AsyncSession, principal: Principal, requirement: Requirement, values: FormData, errors: dict[str, str]
) -> Template:
    if requirement.status not in (RequirementStatus.CLOSED, RequirementStatus.AWARDED):
        raise NotFound  # Offers are sealed while the clock runs.
    made = await AwardService(db).compare(requirement)
    context = {
        **await base_context(db, principal, requirement),
        "made": made,
        "lines": [_line(made, item) for item in made.offers],
        "weights": [(PART_LABELS[code], getattr(made.weights, code), PART_HOW[code]) for code in PART_LABELS],
        "heard_how": HEARD_LABELS[made.heard.how] if made.heard else "",
        "many": requirement.split_agreed and requirement.most_providers > 1,
        "options": [(str(item.offer.id), f"{item.rank}. {item.name}") for item in made.offers if item not in made.kept],
    }
    return page("offers", context, values=values, errors=errors)


def _line(made: Comparison, item: Any) -> dict[str, Any]:
    offer = item.offer
    return {
        "item": item,
        "offer": offer,
        "skills": ", ".join(SKILLS.get(code, code) for code in offer.worker_skills),
        "interests": ", ".join(INTERESTS.get(code, code) for code in offer.worker_interests),
        "visits": [] if item.is_whole else [visit_words(visit) for visit in made.visits if visit.id in item.visit_ids],
        "score": offer.scores.get("score"),
        "accepted": offer.scores.get("accepted", ""),
        "above_ceiling": offer.weekly_pence > item.ceiling_pence,
    }


async def _heard(
    db: AsyncSession, principal: Principal, requirement: Requirement, values: FormData, errors: dict[str, str]
) -> Template:
    made = await AwardService(db).compare(requirement)
    if not made.is_marked or requirement.status is not RequirementStatus.CLOSED:
        raise NotFound
    context = {
        **await base_context(db, principal, requirement),
        "ways": [(way.value, HEARD_LABELS[way]) for way in HeardHow],
        "providers": [
            ("", "No choice: they were heard all the same"),
            *((str(item.offer.organisation_id), item.name) for item in made.offers),
        ],
    }
    return page("heard", context, values=values, errors=errors)
