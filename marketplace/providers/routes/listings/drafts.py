"""Pages of the listing builder: the task list, a small page for each step, the preview, check and send."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.routes.listings.pages import (
    check_page,
    hints_for,
    preview_of,
    rate_name,
    rates_of,
    step_page,
    tasks_page,
)
from marketplace.providers.service.listings.answers import read_draft
from marketplace.providers.service.listings.drafts import DraftService, OpenDraft
from marketplace.providers.service.listings.forms import read_rate
from marketplace.providers.service.listings.steps import BY_NAME, steps_for


class DraftController(Controller):
    """Drafts of the own organisation."""

    path = "/provider/listings/drafts"

    @get("/{draft_id:str}", permission=Permission.ORGANISATION_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], draft_id: FromPath[str]
    ) -> Template:
        """Show what is done and what is left to do."""
        opened = await DraftService(db).find(principal, _id(draft_id))
        return tasks_page(opened, {})

    @get("/{draft_id:str}/preview", permission=Permission.ORGANISATION_OWN)
    async def preview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], draft_id: FromPath[str]
    ) -> Template:
        """Show the listing as people will see it, as far as it is written."""
        opened = await DraftService(db).find(principal, _id(draft_id))
        try:
            facts, room = await read_draft(db, opened.content, opened.context)
        except InvalidInput as error:
            return tasks_page(opened, error.fields)
        return Template(
            "providers/listings/preview.html", context={"opened": opened, **preview_of(opened, facts.content(), room)}
        )

    @get("/{draft_id:str}/check", permission=Permission.ORGANISATION_OWN)
    async def check(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], draft_id: FromPath[str]
    ) -> Template:
        """Show all answers once more, before they are sent or published."""
        return await check_page(db, await DraftService(db).find(principal, _id(draft_id)))

    @post("/{draft_id:str}/finish", permission=Permission.ORGANISATION_OWN)
    async def finish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Publish, or send to the council."""
        service, found = DraftService(db), _id(draft_id)

        async def act() -> str:
            draft, listing = await service.finish(principal, found, _version(data))
            if listing is not None:
                flash(request, "Your listing is on the market. Search shows it within a minute")
                return f"/provider/listings/{listing.id}"
            flash(request, "Sent to the council. We tell you when they have looked at it")
            return f"/provider/listings/drafts/{draft.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return tasks_page(await service.find(principal, found), error.fields)

    @post("/{draft_id:str}/take-back", permission=Permission.ORGANISATION_OWN)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take it back from the council, to change it."""

        async def act() -> str:
            draft = await DraftService(db).take_back(principal, _id(draft_id))
            return f"/provider/listings/drafts/{draft.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "You have it back. Send it again when you have changed it")
        return answer

    @post("/{draft_id:str}/discard", permission=Permission.ORGANISATION_OWN)
    async def discard(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Throw it away."""

        async def act() -> str:
            await DraftService(db).discard(principal, _id(draft_id))
            return "/provider/listings"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Draft thrown away")
        return answer

    @post("/{draft_id:str}/hints", permission=Permission.ORGANISATION_OWN)
    async def look_at_words(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Say what would make the text easier to read: alone for htmx, else with the whole page. Nothing is saved."""
        opened = await DraftService(db).find(principal, _id(draft_id))
        if "hx-request" in request.headers:
            return Template("providers/listings/_hints.html", context={"hints": hints_for(data), "has_looked": True})
        return step_page(opened, "what", typed(data), {}, has_looked=True)

    @get("/{draft_id:str}/{step:str}", permission=Permission.ORGANISATION_OWN)
    async def ask(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        step: FromPath[str],
    ) -> Template | Redirect:
        """Ask the questions of a step."""
        opened = await DraftService(db).find(principal, _id(draft_id))
        _known(opened, step)
        if not opened.may_change:
            return Redirect(f"/provider/listings/drafts/{opened.draft.id}", status_code=303)
        values = dict(opened.content.get(step) or {})
        if step == "price" and not values:
            values = {"takes_bookings": "yes", "least_minutes": "60"}
        return step_page(opened, step, values, {})

    @post("/{draft_id:str}/{step:str}", permission=Permission.ORGANISATION_OWN)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        step: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the answers of a step and lead on: to the next open one, or back to the list."""
        service, found = DraftService(db), _id(draft_id)
        _known(await service.find(principal, found), step)

        async def act() -> str:
            answers = await _rates(service, principal, found, data) if step == "rates" else data
            draft = await service.answer(principal, found, _version(data), step, answers)
            opened = await service.find(principal, draft.id)
            return _next(opened, step, data)

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return step_page(await service.find(principal, found), step, typed(data), error.fields)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _version(data: FormData) -> int:
    """Read the version that the page showed; 0, which no draft has, for anything else."""
    return FormReader(data).number("version", "the version", least=0, most=1_000_000, required=False)


def _known(opened: OpenDraft, step: str) -> None:
    if step not in BY_NAME or BY_NAME[step] not in steps_for(opened.context, opened.content):
        raise NotFound


def _next(opened: OpenDraft, step: str, data: FormData) -> str:
    """Return the page after a step."""
    base = f"/provider/listings/drafts/{opened.draft.id}"
    if step == "rates" and FormReader(data).raw("action") != "continue":
        return f"{base}/rates"
    if FormReader(data).raw("action") == "later":
        return base
    names = [one.name for one in steps_for(opened.context, opened.content)]
    after = names[names.index(step) + 1 :] if step in names else names
    left = next((name for name in after if opened.content.get(name) is None), None)
    return f"{base}/{left}" if left else base


async def _rates(service: DraftService, principal: Principal, draft_id: UUID, data: FormData) -> FormData:
    """Return the rates with one added or taken away."""
    opened = await service.find(principal, draft_id)
    rates = rates_of(opened)
    action = FormReader(data).raw("action")
    if action == "add":
        rates = sorted([*rates, read_rate(data, rates)])
    elif action.startswith("remove-"):
        rates = [rate for rate in rates if f"remove-{rate_name(rate)}" != action]
    return {"rates": msgspec.to_builtins(rates)}
