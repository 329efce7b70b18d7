"""A provider with an agreement asks for a review of the plan of somebody whom it supports."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.routes import agreement_pages as pages
from marketplace.bookings.routes.provider_agreements import PREFIX
from marketplace.bookings.service.review_asks import ReviewAskService
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit, typed
from marketplace.plans.models import AskedBy
from marketplace.plans.review_forms import AskForm
from marketplace.plans.routes.sharing import ASKED, ask_page


class ClientReviewController(Controller):
    """Reviews that providers ask for."""

    path = PREFIX

    @get("/{agreement_id:str}/ask-review", permission=Permission.BOOKINGS_ANSWER)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask why a review is needed now."""
        person = await ReviewAskService(db).person(principal, pages.wanted_id(agreement_id))
        return ask_page(person, f"{PREFIX}/{agreement_id}", {}, {})

    @post("/{agreement_id:str}/ask-review", permission=Permission.BOOKINGS_ANSWER)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask for it."""
        person = await ReviewAskService(db).person(principal, pages.wanted_id(agreement_id))
        back = f"{PREFIX}/{agreement_id}"

        async def act() -> str:
            form = AskForm.read(data, AskedBy.PROVIDER)
            await ReviewAskService(db).ask(principal, pages.wanted_id(agreement_id), form)
            flash(request, ASKED)
            return back

        try:
            # In a savepoint: the page that shows a refusal must not commit what was written before it.
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return ask_page(person, back, dict(typed(data)), error.fields)
