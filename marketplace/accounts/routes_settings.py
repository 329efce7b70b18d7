"""What the council decides for itself: the list, and a page for each setting."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.council_settings.service import (
    VALUE,
    CouncilSettingsService,
    FoundSetting,
    SettingChanged,
    SettingForm,
    form_of,
)
from marketplace.accounts.permissions import Permission
from marketplace.accounts.principal import Principal
from marketplace.accounts.repository import AccountRepository
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed

LONGEST_SEARCH = 100
SHOWN = 50
"""Values of one setting on its page, the newest first."""


class CouncilSettingsController(Controller):
    """The settings of the council that somebody works for."""

    path = "/settings"

    @get("/", permission=Permission.SETTINGS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        q: FromQuery[str | None] = None,
    ) -> Template:
        """List the settings with what counts today."""
        words = " ".join((q or "").split())[:LONGEST_SEARCH]
        groups = await CouncilSettingsService(db).overview(principal, words)
        context = {"groups": groups, "values": typed({"q": words}), "count": sum(len(lines) for _, lines in groups)}
        context["may_limits"] = principal.may(Permission.LIMITS_SET)
        return Template("accounts/settings/list.html", context=context)

    @get("/{key:str}", permission=Permission.SETTINGS_READ)
    async def show_one(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], key: FromPath[str]
    ) -> Template:
        """Show a setting: what it does, what it was, and the form that changes it."""
        return await _page(db, principal, key, None, {})

    @post("/{key:str}", permission=Permission.SETTINGS_SET)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a setting from a day on."""
        service = CouncilSettingsService(db)
        form_of(key)

        async def action() -> str:
            form = SettingForm.read(data, key, service.today)
            await service.change(principal, key, form, _text(data, "mark"))
            entry = form_of(key)
            flash(request, f"{entry.name}: {entry.kind.words(form.value)} from {uk_date(form.starts_on)}")
            return f"/settings/{key}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, key, typed(data), error.fields)
        except SettingChanged as error:
            words = f"{error.detail} See what counts now, then save again if it should still change"
            return await _page(db, principal, key, typed(data), {"starts_on": words}, status_code=409)

    @post("/{key:str}/withdraw", permission=Permission.SETTINGS_SET)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take back what is decided for a later day."""
        row_id = parse_id(_text(data, "row"))
        if row_id is None:
            raise NotFound
        wanted: UUID = row_id

        async def action() -> str:
            day = await CouncilSettingsService(db).withdraw(principal, key, wanted, _text(data, "mark"))
            flash(request, f"The change from {uk_date(day)} is taken back")
            return f"/settings/{key}"

        return await submit(request, db, principal.actor, data, action)


async def _page(
    db: AsyncSession,
    principal: Principal,
    key: str,
    values: FormData | None,
    errors: dict[str, str],
    *,
    status_code: int = 422,
) -> Template:
    found = await CouncilSettingsService(db).found(principal, key)
    users = {row.set_by_user_id for row in found.rows[:SHOWN] if row.set_by_user_id}
    context = {
        "found": found,
        "words": found.entry.kind.words(found.value),
        "rows": [
            (row, found.entry.kind.words(row.value["value"]), row.starts_on > found.today) for row in found.rows[:SHOWN]
        ],
        "names": await AccountRepository(db).names(users),
        "fields": found.entry.kind.fields(VALUE, found.entry.name),
        "may_set": principal.may(Permission.SETTINGS_SET),
        "values": _usual(found) if values is None else values,
        "errors": errors,
    }
    return Template("accounts/settings/one.html", context=context, status_code=status_code if errors else 200)


def _usual(found: FoundSetting) -> dict[str, str]:
    """Fill the form with what counts today, from today on."""
    day = found.today
    first = {"starts_on-day": str(day.day), "starts_on-month": str(day.month), "starts_on-year": str(day.year)}
    return {**found.entry.kind.typed(VALUE, found.value), **first}


def _text(data: FormData, name: str) -> str:
    value = data.get(name, "")
    return value if isinstance(value, str) else ""
