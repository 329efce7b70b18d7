"""Pages of what people are paid beyond their points: who has it, and deciding whether it ends or goes on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.budget_words import points_weekly
from marketplace.people.models import Protection
from marketplace.people.protections import Decision, ProtectionService
from marketplace.people.ras.repository import RasRepository
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_budgets import PersonalBudgetRepository, ProtectionRepository
from marketplace.people.views import note_view

PAGE = 50


class ProtectionController(Controller):
    """What is protected, for the council."""

    path = "/ras/protections"

    @get(permission=Permission.PROTECTIONS_DECIDE)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str | None, QueryParameter(name="after", max_length=36)] = None,
    ) -> Template:
        """List what runs, by the day it is looked at again."""
        rows = await ProtectionRepository(db).page(principal.council_id, parse_id(after or ""), PAGE + 1)
        context = {
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            "on": today(clock_of(db)),
        }
        return Template("people/ras/protections.html", context=context)

    @get("/{protection_id:str}", permission=Permission.PROTECTIONS_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], protection_id: FromPath[str]
    ) -> Template:
        """Show what is protected for somebody, and ask what becomes of it."""
        row = await _row(db, principal, protection_id)
        await note_view(db, principal, row.person_id, "budget")
        return await _page(db, principal, row, {"version": row.version}, {})

    @post("/{protection_id:str}/prolong", permission=Permission.PROTECTIONS_DECIDE)
    async def prolong(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        protection_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Let it go on."""
        step, done = ProtectionService(db).prolong, "It goes on, and the person is told"
        return await _decide(request, db, principal, protection_id, data, step, done)

    @post("/{protection_id:str}/end", permission=Permission.PROTECTIONS_DECIDE)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        protection_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """End it."""
        return await _decide(
            request, db, principal, protection_id, data, ProtectionService(db).end, "It ends, and the person is told"
        )


ROUTES = [ProtectionController]


async def _decide(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    protection_id: str,
    data: FormData,
    step: Callable[[Principal, UUID, Decision], Awaitable[Protection]],
    done: str,
) -> Template | Redirect:
    row = await _row(db, principal, protection_id)
    wanted, address = row.id, f"/ras/protections/{row.id}"
    ends = step.__name__ == "end"

    async def action() -> str:
        form = FormReader(data)
        # Two forms stand on one page: the second has a field of its own for the day and the reason.
        day = form.day("end_day" if ends else "day", "the first day without it" if ends else "the day")
        reason = form.text("end_reason" if ends else "reason", "why", longest=1_000)
        version = form.number("version", "the version", least=0, most=1_000_000_000)
        form.done()
        decision = Decision(day=day or today(clock_of(db)), reason=reason, version=version or 0)
        try:
            await step(principal, wanted, decision)
        except InvalidInput as error:
            names = {"day": "end_day", "reason": "end_reason"} if ends else {}
            raise InvalidInput({names.get(key, key): words for key, words in error.fields.items()}) from error
        flash(request, done)
        return address

    try:
        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, action)
    except InvalidInput as error:
        return await _page(db, principal, await _row(db, principal, protection_id), data, error.fields)


async def _row(db: AsyncSession, principal: Principal, text: str) -> Protection:
    wanted = parse_id(text)
    if wanted is None:
        raise NotFound
    return await ProtectionRepository(db).find(principal.council_id, wanted)


async def _page(
    db: AsyncSession, principal: Principal, row: Protection, values: Mapping[str, Any], errors: dict[str, str]
) -> Template:
    budget = await PersonalBudgetRepository(db).find(principal.council_id, row.budget_id)
    version = await RasRepository(db).find(principal.council_id, row.ras_version_id)
    context = {
        "row": row,
        "person": await PeopleRepository(db).find(principal.council_id, row.person_id),
        "budget": budget,
        "points_weekly": points_weekly(budget, version) or 0,
        "on": today(clock_of(db)),
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/ras/protection.html", context=context, status_code=422 if errors else 200)
