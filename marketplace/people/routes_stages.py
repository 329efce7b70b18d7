"""The council's page of somebody's stages and times of crisis."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.repository import PeopleRepository
from marketplace.people.stages import StageService, stamp
from marketplace.people.stages_forms import CrisisChange, CrisisForm, StageForm
from marketplace.people.words import STAGES


class StageController(Controller):
    """Stages and crises of one person."""

    path = "/people/{person_id:str}"

    @get("/stages", permission=Permission.CONTACTS_TAKE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show the stages, what was tried, and whether long-term support may be planned."""
        return await _page(db, principal, _id(person_id), {}, {})

    @post("/stages", permission=Permission.CONTACTS_TAKE)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Lead the person into a stage."""

        async def change(wanted: UUID) -> str:
            form = StageForm.read(data, today(clock_of(db)))
            row = await StageService(db).begin(principal, wanted, form)
            return f"Stage {row.stage} has begun"

        return await _change(request, db, principal, person_id, data, change)

    @post("/crisis", permission=Permission.CONTACTS_TAKE)
    async def begin_crisis(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record a crisis."""

        async def change(wanted: UUID) -> str:
            await StageService(db).begin_crisis(principal, wanted, CrisisForm.read(data, today(clock_of(db))))
            return "The crisis is recorded. Nothing long-term is planned until it ends"

        return await _change(request, db, principal, person_id, data, change)

    @post("/crisis/end", permission=Permission.CONTACTS_TAKE)
    async def end_crisis(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record that the crisis is over."""

        async def change(wanted: UUID) -> str:
            await StageService(db).end_crisis(principal, wanted, CrisisChange.read(data, needs_reason=False))
            return "The crisis has ended. Check referrals that waited for it"

        return await _change(request, db, principal, person_id, data, change)

    @post("/crisis/planning", permission=Permission.STAGES_EXCEPT)
    async def allow_planning(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Let planning begin in the crisis."""

        async def change(wanted: UUID) -> str:
            await StageService(db).allow_planning(principal, wanted, CrisisChange.read(data, needs_reason=True))
            return "Long-term planning may begin"

        return await _change(request, db, principal, person_id, data, change)


ROUTES = [StageController]


async def _change(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    person_id: str,
    data: FormData,
    change: Callable[[UUID], Awaitable[str]],
) -> Template | Redirect:
    wanted = _id(person_id)
    await PeopleRepository(db).find(principal.council_id, wanted)

    async def action() -> str:
        flash(request, await change(wanted))
        return f"/people/{wanted}/stages"

    try:
        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, action)
    except InvalidInput as error:
        return await _page(db, principal, wanted, data, error.fields)


async def _page(
    db: AsyncSession, principal: Principal, person_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    found = await StageService(db).read(principal, person_id)
    users = {row.started_by_user_id for row in found.stages} | {row.exception_by_user_id for row in found.stages}
    on = today(clock_of(db))
    defaults = {"started_on-day": str(on.day), "started_on-month": str(on.month), "started_on-year": str(on.year)}
    context = {
        "found": found,
        "names": await AccountRepository(db).names({user for user in users if user is not None}),
        "stage_words": STAGES,
        "stage_stamp": stamp(found.current),
        "crisis_stamp": stamp(found.crisis),
        "choices": [
            (str(number), f"{number}. {words}")
            for number, words in STAGES.items()
            if found.current is None or number != found.current.stage
        ],
        "is_gated": await setting(db, principal.council_id, "people.three_stages", on),
        "values": typed(values) if values else defaults,
        "errors": errors,
    }
    return Template("people/stages.html", context=context, status_code=422 if errors else 200)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
