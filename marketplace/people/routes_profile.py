"""The pages of the profile's tools: each a list of short entries that one adds to, changes, moves and takes away."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.forms import CHOOSE_AGAIN, UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.models import ProfileEntry, ProfileTool
from marketplace.people.profile import (
    MOST_ENTRIES,
    PICTURE,
    ProfileService,
    free_text,
    in_order,
    look_at_picture,
    sees_private,
)
from marketplace.people.profile_forms import LONGEST_WORDS, EntryForm, entry_values
from marketplace.people.profile_view import circle_context, week_rows
from marketplace.people.profile_words import CIRCLES, PARTS, SYMBOLS, TOOLS, WEEKDAYS, tool_of, tool_path
from marketplace.people.repository import PeopleRepository

OWN_ORDER = frozenset({ProfileTool.WEEK, ProfileTool.PEOPLE})
"""Tools whose entries stand in an order of their own, so that nobody moves them."""


class ProfileToolController(Controller):
    """The tools of one's own profile."""

    path = "/profile/tools/{tool:str}"

    @get("/", permission=Permission.PROFILE_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], tool: FromPath[str]
    ) -> Template:
        """Show what stands in a tool, with a form for one more thing."""
        return await _tool_page(db, principal, _tool(tool), {}, {})

    @post("/", permission=Permission.PROFILE_OWN, **UPLOAD)
    async def add(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], tool: FromPath[str]
    ) -> Redirect | Template:
        """Add one thing. A picture is looked at before the transaction begins."""
        wanted = _tool(tool)
        form = await FileForm.read(request)
        entry, picture, errors = await _read(form, wanted)
        async with transaction(session_maker(), principal.councils) as db:
            if entry is None:
                return await _tool_page(db, principal, wanted, form.values, errors)
            given = entry

            async def act() -> str:
                await ProfileService(db).add(principal, wanted, given, picture)
                flash(request, "Added")
                return f"/profile/tools/{tool_path(wanted)}"

            return await submit(request, db, principal.actor, form.content, act)

    @get("/{entry_id:str}", permission=Permission.PROFILE_OWN)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tool: FromPath[str],
        entry_id: FromPath[str],
    ) -> Template:
        """Show one thing, ready to change."""
        entry = await _entry(db, principal, tool, entry_id)
        return _entry_page(principal, entry, entry_values(entry), {})

    @post("/{entry_id:str}", permission=Permission.PROFILE_OWN, **UPLOAD)
    async def change(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        tool: FromPath[str],
        entry_id: FromPath[str],
    ) -> Redirect | Template:
        """Change one thing."""
        form = await FileForm.read(request)
        async with transaction(session_maker(), principal.councils) as db:
            entry = await _entry(db, principal, tool, entry_id)
        read, picture, errors = await _read(form, entry.tool)
        async with transaction(session_maker(), principal.councils) as db:
            if read is None:
                return _entry_page(principal, await _entry(db, principal, tool, entry_id), form.values, errors)
            given = read

            async def act() -> str:
                await ProfileService(db).change(principal, entry.id, given, picture)
                flash(request, "Saved")
                return f"/profile/tools/{tool_path(entry.tool)}"

            return await submit(request, db, principal.actor, form.content, act)

    @post("/{entry_id:str}/remove", permission=Permission.PROFILE_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tool: FromPath[str],
        entry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take one thing away."""
        wanted = _id(entry_id)
        back = f"/profile/tools/{tool_path(_tool(tool))}"

        async def act() -> str:
            version = FormReader(data).number("version", "the version", least=0, most=1_000_000_000, required=False)
            await ProfileService(db).remove(principal, wanted, version)
            flash(request, "Taken away")
            return back

        return await submit(request, db, principal.actor, data, act)

    @post("/{entry_id:str}/up", permission=Permission.PROFILE_OWN)
    async def move_up(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tool: FromPath[str],
        entry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Move one thing up by one place."""
        wanted = _id(entry_id)
        back = f"/profile/tools/{tool_path(_tool(tool))}"

        async def act() -> str:
            await ProfileService(db).move(principal, wanted, up=True)
            flash(request, "Moved up")
            return back

        return await submit(request, db, principal.actor, data, act)


HANDLERS = [ProfileToolController]


async def _read(form: FileForm, tool: ProfileTool) -> tuple[EntryForm | None, CheckedFile | None, dict[str, str]]:
    """Read an entry and its picture; None with every message where something is wrong."""
    errors: dict[str, str] = {}
    entry, picture = None, None
    try:
        entry = EntryForm.read(form.values, tool)
    except InvalidInput as error:
        errors.update(error.fields)
    try:
        picture = await look_at_picture(form)
    except InvalidInput as error:
        errors.update(error.fields)
    if errors and picture is not None:
        errors[PICTURE] = CHOOSE_AGAIN
    return (None if errors else entry), picture, errors


async def _entry(db: AsyncSession, principal: Principal, tool: str, entry_id: str) -> ProfileEntry:
    wanted = _tool(tool)
    entry = await ProfileService(db).entry(principal, _id(entry_id))
    if entry.tool is not wanted:
        raise NotFound
    return entry


async def _tool_page(
    db: AsyncSession, principal: Principal, tool: ProfileTool, values: FormData, errors: dict[str, str]
) -> Template:
    person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
    entries = in_order(await ProfileService(db).own(principal, tool), tool)
    order = list(TOOLS)
    following = order[order.index(tool) + 1 :]
    context = {
        **_choices(principal, tool),
        "text": free_text(person, tool),
        "entries": entries,
        "is_full": len(entries) >= MOST_ENTRIES,
        "can_move": tool not in OWN_ORDER,
        "circles": circle_context(entries) if tool is ProfileTool.PEOPLE and entries else None,
        "week": week_rows(entries) if tool is ProfileTool.WEEK and entries else None,
        "next_tool": (TOOLS[following[0]].title, f"/profile/tools/{tool_path(following[0])}") if following else None,
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/profile/tool.html", context=context, status_code=422 if errors else 200)


def _entry_page(principal: Principal, entry: ProfileEntry, values: FormData, errors: dict[str, str]) -> Template:
    context = {**_choices(principal, entry.tool), "entry": entry, "values": typed(values), "errors": errors}
    return Template("people/profile/entry.html", context=context, status_code=422 if errors else 200)


def _choices(principal: Principal, tool: ProfileTool) -> dict[str, Any]:
    return {
        "tool": tool,
        "path": tool_path(tool),
        "words": TOOLS[tool],
        "days": [(str(number), name) for number, name in enumerate(WEEKDAYS)],
        "parts": [(part.value, label) for part, label in PARTS.items()],
        "ring_choices": [(str(number), label) for number, label in CIRCLES.items()],
        "symbols": SYMBOLS,
        "longest": LONGEST_WORDS,
        "may_keep_private": sees_private(principal),
    }


def _tool(text: str) -> ProfileTool:
    found = tool_of(text)
    if found is None:
        raise NotFound
    return found


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
