"""Pages on which a round begins and ends: whom to ask, other terms, closing, giving up."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit
from marketplace.matching.errors import CannotRank
from marketplace.matching.forms import ReasonForm
from marketplace.matching.forms_care import OpenForm, TermsForm, terms_values
from marketplace.matching.models import Requirement, RequirementRoute, UnmetReason
from marketplace.matching.packs_care import identifiers, may_show
from marketplace.matching.repository.care import InvitationRepository
from marketplace.matching.routes.care.pages import base_context, find, page, read_id, version_of_form
from marketplace.matching.service.care import AwardService, RankedProviders, RequirementService
from marketplace.matching.words_care import ROUTE_HINTS, ROUTE_LABELS, UNMET_LABELS
from marketplace.people import PeopleRepository

CHANGES: dict[str, dict[str, str]] = {
    "withdraw": {
        "title": "Withdraw this requirement",
        "text": "The care is not wanted any more. Providers who were asked are told. This cannot be undone.",
        "button": "Withdraw requirement",
    },
    "refuse": {
        "title": "Take none of the offers",
        "text": "The offers end, and the need is logged as not met. Then you can ask again on other terms.",
        "button": "Take none of the offers",
    },
}
"""Changes that ask for a reason, by the last part of their address."""


class RoundController(Controller):
    """Rounds of asking."""

    @get("/requirements/{requirement_id:str}/providers", permission=Permission.REQUIREMENTS_READ)
    async def providers(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show who could deliver, why in this order, and who was left out and why."""
        requirement = await find(db, principal, requirement_id)
        return await _providers(db, principal, requirement, {"route": requirement.route.value}, {})

    @post("/requirements/{requirement_id:str}/open", permission=Permission.REQUIREMENTS_WRITE)
    async def open(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask providers."""
        requirement = await find(db, principal, requirement_id)
        service = RequirementService(db)

        async def action() -> str:
            ranked = await service.ranked(principal, requirement)
            form = OpenForm.read(data, [line.id for line in ranked.lines])
            opened = await service.open(principal, requirement.id, form)
            if opened.status == "open":
                flash(request, "Providers are asked. The clock runs")
            else:
                flash(request, "Nobody can be asked, so the need is logged as not met", kind="information")
            return f"/requirements/{requirement.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _providers(db, principal, requirement, data, error.fields)

    @post("/requirements/{requirement_id:str}/close", permission=Permission.REQUIREMENTS_WRITE)
    async def close(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End the round before its time, once everybody has answered."""
        wanted = read_id(requirement_id)

        async def action() -> str:
            await RequirementService(db).close_early(principal, wanted, version_of_form(data))
            flash(request, "The time for offers has ended")
            return f"/requirements/{wanted}"

        return await submit(request, db, principal.actor, data, action)

    @get("/requirements/{requirement_id:str}/terms", permission=Permission.REQUIREMENTS_READ)
    async def terms(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show what may change before providers are asked again."""
        requirement = await find(db, principal, requirement_id)
        return await _terms(db, principal, requirement, terms_values(requirement), {})

    @post("/requirements/{requirement_id:str}/terms", permission=Permission.REQUIREMENTS_READ)
    async def change_terms(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Widen, share, raise or move the days. The service knows who may raise how far."""
        requirement = await find(db, principal, requirement_id)

        async def action() -> str:
            form = TermsForm.read(data, min(today(clock_of(db)), requirement.starts_on))
            changed = await RequirementService(db).change_terms(principal, requirement.id, form)
            if changed.status == "closed":
                await AwardService(db).rescore(changed)
            flash(request, "The terms are changed. Ask providers when you are ready")
            return f"/requirements/{requirement.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _terms(db, principal, requirement, data, error.fields)

    @get("/requirements/{requirement_id:str}/change/{change:str}", permission=Permission.REQUIREMENTS_WRITE)
    async def ask_reason(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        change: FromPath[str],
    ) -> Template:
        """Ask why it is withdrawn, or why no offer is taken."""
        requirement = await find(db, principal, requirement_id)
        return await _reason(db, principal, requirement, change, {"version": str(requirement.version)}, {})

    @post("/requirements/{requirement_id:str}/change/{change:str}", permission=Permission.REQUIREMENTS_WRITE)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        change: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Withdraw it, or take none of the offers."""
        requirement = await find(db, principal, requirement_id)
        if change not in CHANGES:
            raise NotFound

        async def action() -> str:
            reason, version = ReasonForm.read(data).reason, version_of_form(data)
            if change == "withdraw":
                await RequirementService(db).withdraw(principal, requirement.id, version, reason)
                flash(request, "The requirement is withdrawn")
            else:
                unmet = _unmet_reason(data)
                await RequirementService(db).refuse_all(principal, requirement.id, version, unmet, reason)
                flash(request, "No offer is taken. The need is logged as not met")
            return f"/requirements/{requirement.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _reason(db, principal, requirement, change, data, error.fields)

    @post("/requirements/{requirement_id:str}/unmet", permission=Permission.REQUIREMENTS_WRITE)
    async def explain(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Correct why the need was not met."""
        wanted = (await find(db, principal, requirement_id)).id

        async def action() -> str:
            await RequirementService(db).explain_unmet(principal, wanted, _unmet_reason(data))
            flash(request, "The reason is changed")
            return f"/requirements/{wanted}"

        return await submit(request, db, principal.actor, data, action)


def _unmet_reason(data: FormData) -> UnmetReason:
    form = FormReader(data)
    reason = form.choice("unmet_reason", "why the need was not met", UnmetReason)
    form.done()
    return reason or UnmetReason.NO_OFFERS


async def _providers(
    db: AsyncSession, principal: Principal, requirement: Requirement, values: FormData, errors: dict[str, str]
) -> Template:
    person = await PeopleRepository(db).find(principal.council_id, requirement.person_id)
    ranked: RankedProviders | None = None
    why_not = ""
    try:
        ranked = await RequirementService(db).ranked(principal, requirement, person)
    except CannotRank as error:
        why_not = error.detail
    asked = await InvitationRepository(db).of_requirement(principal.council_id, requirement.id)
    declined = {row[1].id: row[0].decline_reason for row in asked if row[0].declined_at}
    groups: dict[str, list[Any]] = {}
    for item in ranked.left_out if ranked else ():
        groups.setdefault(item.rule, []).append(item)
    context = {
        **await base_context(db, principal, requirement),
        "ranked": ranked,
        "groups": groups,
        "why_not": why_not,
        "declined": declined,
        "may_open": may_show(identifiers(requirement, person), is_checked=requirement.checked_text),
        "can_open": requirement.status in ("draft", "no_offers", "closed"),
        "routes": [(route.value, ROUTE_LABELS[route], ROUTE_HINTS[route]) for route in RequirementRoute],
        "options": [(str(line.id), f"{line.rank}. {line.name}") for line in ranked.lines] if ranked else [],
        "clock_hours": ranked.answer_hours if ranked else 0,
    }
    return page("providers", context, values=values, errors=errors)


async def _terms(
    db: AsyncSession, principal: Principal, requirement: Requirement, values: FormData, errors: dict[str, str]
) -> Template:
    settings = await settings_of(db, principal.council_id, today(clock_of(db)))
    context = {
        **await base_context(db, principal, requirement),
        "limit_pence": requirement.agreed_ceiling_pence + int(settings["matching.raise_limit_pence"]),
        "may_raise": principal.may(Permission.CEILING_RAISE),
    }
    return page("terms", context, values=values, errors=errors)


async def _reason(
    db: AsyncSession,
    principal: Principal,
    requirement: Requirement,
    change: str,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    words = CHANGES.get(change)
    if words is None:
        raise NotFound
    context = {
        **await base_context(db, principal, requirement),
        **words,
        "change": change,
        "reasons": [(item.value, label) for item, label in UNMET_LABELS.items()],
    }
    return page("reason", context, values=values, errors=errors)
