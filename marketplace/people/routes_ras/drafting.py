"""Working on a draft: money, people, slice and weeks, and the domains with their answers."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, typed
from marketplace.people.models import RasVersion
from marketplace.people.ras.forms import (
    MOST_ANSWERS,
    DomainForm,
    SettingsForm,
    domain_values,
    read_version,
    settings_values,
)
from marketplace.people.ras.service import RasService
from marketplace.people.routes_ras.shared import WORDS, draft_of, take, version_of


class RasDraftController(Controller):
    """What a draft says."""

    path = "/ras"

    @get("/{version_id:str}/settings", permission=Permission.RAS_DRAFT)
    async def settings(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Show money, people, slice and weeks, ready to change."""
        row = await draft_of(db, principal, version_id)
        return _settings_page(row, settings_values(row), {})

    @post("/{version_id:str}/settings", permission=Permission.RAS_DRAFT)
    async def change_settings(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep the settings of a draft."""
        row = await version_of(db, principal, version_id)

        async def action() -> str:
            await RasService(db).change_settings(principal, row.id, SettingsForm.read(data))
            flash(request, "Settings saved")
            return f"/ras/{row.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return _settings_page(await version_of(db, principal, version_id), data, error.fields)

    @get("/{version_id:str}/domains/{key:str}", permission=Permission.RAS_DRAFT)
    async def domain(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        key: FromPath[str],
    ) -> Template:
        """Show one domain with its answers, or an empty form."""
        row = await draft_of(db, principal, version_id)
        return _domain_page(row, key, domain_values(row.domains, key, row.version), {})

    @post("/{version_id:str}/domains/{key:str}", permission=Permission.RAS_DRAFT)
    async def put_domain(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep a domain of a draft, or take it out."""
        row = await version_of(db, principal, version_id)

        async def action() -> str:
            if "remove" in data:
                form = FormReader(data)
                version = read_version(form)
                form.done()
                await RasService(db).remove_domain(principal, row.id, key, version)
                flash(request, "The domain is taken out")
            else:
                await RasService(db).put_domain(principal, row.id, key, DomainForm.read(data))
                flash(request, "The domain is saved")
            return f"/ras/{row.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return _domain_page(await version_of(db, principal, version_id), key, data, error.fields)


def _settings_page(row: RasVersion, values: FormData, errors: dict[str, str]) -> Template:
    context = {"row": row, "values": typed(values), "errors": errors, **WORDS}
    return Template("people/ras/settings.html", context=context, status_code=422 if errors else 200)


def _domain_page(row: RasVersion, key: str, values: FormData, errors: dict[str, str]) -> Template:
    if key != "new" and all(one["key"] != key for one in row.domains):
        raise NotFound
    context = {
        "row": row,
        "key": key,
        "rows": range(1, MOST_ANSWERS + 1),
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/ras/domain.html", context=context, status_code=422 if errors else 200)
