"""From draft to published by two roles: proposed, published, sent back, given up."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.people.models import RasVersion
from marketplace.people.ras.forms import PublishForm, read_version
from marketplace.people.ras.service import RasService
from marketplace.people.routes_ras.page import version_page
from marketplace.people.routes_ras.shared import take, version_of


class RasPublishingController(Controller):
    """Steps of a version."""

    path = "/ras"

    @post("/{version_id:str}/propose", permission=Permission.RAS_DRAFT)
    async def propose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Hand a draft to the other role."""
        row = await version_of(db, principal, version_id)

        async def action() -> str:
            form = FormReader(data)
            version = read_version(form)
            form.done()
            await RasService(db).propose(principal, row.id, version)
            flash(request, "Proposed. Finance is told, and decides whether to publish it")
            return f"/ras/{row.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await version_page(
                db, principal, await version_of(db, principal, version_id), errors=error.fields, values=data
            )

    @post("/{version_id:str}/publish", permission=Permission.RAS_PUBLISH)
    async def publish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Publish a proposal from a day on."""
        row = await version_of(db, principal, version_id)

        async def action() -> str:
            await RasService(db).publish(principal, row.id, PublishForm.read(data))
            flash(request, "Published. This version never changes")
            return f"/ras/{row.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await version_page(
                db, principal, await version_of(db, principal, version_id), errors=error.fields, values=data
            )

    @post("/{version_id:str}/send-back", permission=Permission.RAS_READ)
    async def send_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Make a proposal a draft again."""
        return await _with_reason(request, db, principal, version_id, data, RasService(db).send_back, "A draft again")

    @post("/{version_id:str}/withdraw", permission=Permission.RAS_DRAFT)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Give a version up."""
        return await _with_reason(request, db, principal, version_id, data, RasService(db).withdraw, "Given up")


async def _with_reason(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    version_id: str,
    data: FormData,
    step: Callable[[Principal, UUID, str, int], Awaitable[RasVersion]],
    done: str,
) -> Template | Redirect:
    row = await version_of(db, principal, version_id)

    async def action() -> str:
        form = FormReader(data)
        reason = form.text("reason", "the reason", longest=1_000)
        version = read_version(form)
        form.done()
        await step(principal, row.id, reason, version)
        flash(request, done)
        return f"/ras/{row.id}"

    try:
        return await take(request, db, principal, data, action)
    except InvalidInput as error:
        return await version_page(
            db, principal, await version_of(db, principal, version_id), errors=error.fields, values=data
        )
