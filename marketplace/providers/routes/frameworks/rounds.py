"""Rounds: a new one, next year's, changes, a later closing, cancelling."""

from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import ChangedMeanwhile, RoundMoved
from marketplace.providers.models import Framework, Round
from marketplace.providers.repository.engagement import EngagementRepository, QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.routes.frameworks.common import SOMEBODY_SAVED, form_page, row_id
from marketplace.providers.service.frameworks.round_forms import (
    LATE_LABELS,
    ExtendForm,
    RoundForm,
    next_year,
    values_of,
)
from marketplace.providers.service.frameworks.round_writing import RoundService
from marketplace.providers.service.frameworks.versions import VersionService
from marketplace.providers.service.frameworks.views import round_view

PATH = "/accreditation/rounds"


class NewRoundController(Controller):
    """New rounds of a framework."""

    path = "/accreditation/frameworks/{framework_id:str}/rounds"

    @get("/new", permission=Permission.FRAMEWORKS_EDIT)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework_id: FromPath[str],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form of a new round; after another one with its dates a year on."""
        framework = await VersionService(db).framework(principal, row_id(framework_id))
        context = await _context(db, framework, None)
        versions = context["versions"]
        if not versions:
            raise RoundMoved("Publish a version of the specification first.")
        values: dict[str, str] = {
            "version_id": versions[0][0],
            "late_rule": "refuse",
            "opens_time": "09:00",
            "questions_until_time": "17:00",
            "closes_time": "12:00",
        }
        if after:
            earlier = await RoundService(db).find(principal, row_id(after))
            if earlier.framework_id != framework.id:
                raise NotFound
            values = next_year(earlier, row_id(versions[0][0]))
            context["earlier"] = earlier
        return form_page("round_form", context, values, {})

    @post("/", permission=Permission.FRAMEWORKS_EDIT)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a round."""
        framework = await VersionService(db).framework(principal, row_id(framework_id))
        context = await _context(db, framework, None)
        try:
            form = RoundForm.read(data, [one for one, _ in context["versions"]], clock_of(db).now())
        except InvalidInput as error:
            return form_page("round_form", context, data, error.fields)

        async def act() -> str:
            row = await RoundService(db).add(principal, framework.id, form)
            return f"{PATH}/{row.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Round added. Those who wait for it are told when it opens")
        return answer


class RoundController(Controller):
    """One round."""

    path = PATH

    @get("/{round_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], round_id: FromPath[str]
    ) -> Template:
        """Show a round, who hears of it and what can be done."""
        row = await RoundService(db).find(principal, row_id(round_id))
        repository, now = FrameworkRepository(db), clock_of(db).now()
        framework = await repository.framework(row.framework_id)
        version = await repository.version(row.version_id)
        lots = await repository.lots(version.id)
        entries = EngagementRepository(db)
        audience = await entries.audience(row, {lot.service_line for lot in lots}, today(clock_of(db)))
        context = {
            "row": row,
            "view": round_view(row, now),
            "framework": framework,
            "version": version,
            "lots": lots,
            "audience": len(audience),
            "sent": len(await entries.sent(row.id)),
            "waiting": await QuestionRepository(db).waiting(principal.council_id, [row.id]),
            "public_path": f"/frameworks/{principal.council_slug}/{framework.slug}",
        }
        return Template("providers/frameworks/round.html", context=context)

    @get("/{round_id:str}/edit", permission=Permission.FRAMEWORKS_EDIT)
    async def edit(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], round_id: FromPath[str]
    ) -> Template:
        """Show the form of a round that has not opened."""
        row = await RoundService(db).find(principal, row_id(round_id))
        framework = await FrameworkRepository(db).framework(row.framework_id)
        return form_page("round_form", await _context(db, framework, row), values_of(row), {})

    @post("/{round_id:str}/edit", permission=Permission.FRAMEWORKS_EDIT)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a round that has not opened."""
        row = await RoundService(db).find(principal, row_id(round_id), locked=True)
        framework = await FrameworkRepository(db).framework(row.framework_id)
        context = await _context(db, framework, row)
        try:
            form = RoundForm.read(data, [one for one, _ in context["versions"]], clock_of(db).now())
        except InvalidInput as error:
            return form_page("round_form", context, data, error.fields)

        async def act() -> str:
            await RoundService(db).change(principal, row.id, form)
            return f"{PATH}/{row.id}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except ChangedMeanwhile:
            values = {**data, "version": str(row.version)}
            shown = {**context, "saved": round_view(row, clock_of(db).now())}
            return form_page("round_form", shown, values, {"form": SOMEBODY_SAVED}, status=HTTPStatus.CONFLICT)
        flash(request, "Round saved")
        return answer

    @get("/{round_id:str}/extend", permission=Permission.FRAMEWORKS_EDIT)
    async def ask_to_extend(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], round_id: FromPath[str]
    ) -> Template:
        """Show the form for a later closing time."""
        row = await RoundService(db).find(principal, row_id(round_id))
        return await _extend_page(db, row, {**values_of(row), "reason": ""}, {})

    @post("/{round_id:str}/extend", permission=Permission.FRAMEWORKS_EDIT)
    async def extend(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Close later, and tell everybody."""
        row = await RoundService(db).find(principal, row_id(round_id), locked=True)
        try:
            form = ExtendForm.read(data, row)
        except InvalidInput as error:
            return await _extend_page(db, row, data, error.fields)

        async def act() -> str:
            await RoundService(db).extend(principal, row.id, form)
            return f"{PATH}/{row.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "The round closes later. Everybody concerned is told")
        return answer

    @get("/{round_id:str}/cancel", permission=Permission.FRAMEWORKS_EDIT)
    async def ask_to_cancel(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], round_id: FromPath[str]
    ) -> Template:
        """Ask for the reason."""
        row = await RoundService(db).find(principal, row_id(round_id))
        return await _cancel_page(db, row, {}, {})

    @post("/{round_id:str}/cancel", permission=Permission.FRAMEWORKS_EDIT)
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Cancel a round, and tell everybody."""
        row = await RoundService(db).find(principal, row_id(round_id))

        async def act() -> str:
            await RoundService(db).cancel(principal, row.id, data)
            return f"{PATH}/{row.id}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _cancel_page(db, row, data, error.fields)
        flash(request, "Round cancelled. Everybody concerned is told why")
        return answer


async def _context(db: AsyncSession, framework: Framework, row: Round | None) -> dict[str, Any]:
    versions = await RoundService(db).usable_versions(framework)
    return {
        "framework": framework,
        "row": row,
        "earlier": None,
        "saved": None,
        "versions": [(str(version.id), f"Version {version.number}") for version in versions],
        "late_rules": [(rule.value, label) for rule, label in LATE_LABELS.items()],
    }


async def _extend_page(db: AsyncSession, row: Round, values: FormData, errors: dict[str, str]) -> Template:
    view = round_view(row, clock_of(db).now())
    if view["state"] != "open":
        raise RoundMoved("Only an open round can close later: what has closed stays closed for all alike.")
    framework = await FrameworkRepository(db).framework(row.framework_id)
    return form_page("round_extend", {"row": row, "view": view, "framework": framework}, values, errors)


async def _cancel_page(db: AsyncSession, row: Round, values: FormData, errors: dict[str, str]) -> Template:
    view = round_view(row, clock_of(db).now())
    if view["state"] not in ("coming", "open", "late"):
        raise RoundMoved("It has closed or is cancelled already.")
    framework = await FrameworkRepository(db).framework(row.framework_id)
    sent = await EngagementRepository(db).sent(row.id)
    context = {"row": row, "view": view, "framework": framework, "sent": len(sent)}
    return form_page("round_cancel", context, values, errors)
