"""What who acts for somebody sees of that."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import NotFound
from marketplace.core.files.checking import CheckedFile, check_all
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.files.kinds import FileRefused
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit, typed
from marketplace.people.representatives import RepresentativeService
from marketplace.people.routes_representatives.shared import facts_of


class ActingController(Controller):
    """What who acts for somebody sees of that."""

    path = "/acting"

    @get("/", permission=Permission.SIGNED_IN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Say what one may do for whom."""
        return await _acting_page(db, principal, {}, {})

    @post("/papers", permission=Permission.SIGNED_IN, **UPLOAD)
    async def papers(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]
    ) -> Redirect | Template:
        """Hand in the papers. The file is looked at before the transaction begins."""
        async with transaction(session_maker(), principal.councils) as db:
            if (await RepresentativeService(db).mine(principal)).status is not RepresentationStatus.TO_CHECK:
                raise NotFound
        given = await FileForm.read(request)
        form = FormReader(given.values)
        note = form.text("note", "the number of the order or power", longest=200)
        errors, checked = dict(form.errors), list[CheckedFile]()
        try:
            checked = await check_all(given.files.get("file", []), field="file", most=1)
        except FileRefused as error:
            errors |= error.fields
        if not checked and "file" not in errors:
            errors["file"] = "Choose a copy of the order or power"
        async with transaction(session_maker(), principal.councils) as db:
            if errors:
                return await _acting_page(db, principal, given.values, errors)

            async def act() -> str:
                await RepresentativeService(db).give_papers(principal, note, checked)
                return "/acting"

            answer = await submit(request, db, principal.actor, given.content, act)
        flash(request, "Thank you. The council looks at it and tells you")
        return answer

    @post("/stop", permission=Permission.SIGNED_IN)
    async def stop(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Stop acting for the person."""

        async def act() -> str:
            await RepresentativeService(db).give_up(principal)
            flash(request, f"You no longer act for {principal.acting_for}")
            return "/sign-in"

        return await submit(request, db, principal.actor, data, act)


async def _acting_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    row = await RepresentativeService(db).mine(principal)
    context = {
        "row": facts_of(row),
        "person": principal.acting_for,
        "is_to_check": row.status is RepresentationStatus.TO_CHECK,
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/acting.html", context=context, status_code=422 if errors else 200)
