"""One visit more: its price, then the question to the provider. The person's side alone."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Side
from marketplace.bookings.routes.patterns.shared import VisitPages
from marketplace.bookings.routes.visit_forms import extra_form
from marketplace.bookings.service.planning.one_offs import NotFreeThen, OneOffs
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit


class AgreementExtra(VisitPages):
    """The person's side: one visit more."""

    path = "/agreements/{agreement_id:str}"
    side = Side.PERSON
    base = "/agreements"

    @get("/visits/extra", permission=Permission.BOOKINGS_REQUEST)
    async def extra_page(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask for one visit more."""
        agreement = await self._agreement(db, principal, agreement_id)
        return self._form("bookings/visits/extra.html", agreement, {"minutes": "60"}, {})

    @post("/visits/extra", permission=Permission.BOOKINGS_REQUEST, status_code=200)
    async def extra(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show the price of one visit more, then ask the provider for it."""
        agreement = await self._agreement(db, principal, agreement_id)
        try:
            form = extra_form(data)
            if data.get("action") != "save":
                cost = await OneOffs(db).price(agreement, form)
                is_free = await OneOffs(db).is_free(agreement, form)
                return self._form(
                    "bookings/visits/extra.html", agreement, data, {}, cost_pence=cost, is_taken=not is_free
                )
            anyway = FormReader(data).ticked("anyway")

            async def act() -> str:
                visit = await OneOffs(db).request(principal, agreement.id, form, anyway=anyway)
                flash(request, f"We asked for the visit. It costs {pounds(visit.cost_pence)}")
                return self._home(agreement.id)

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except NotFreeThen as error:
            cost = await OneOffs(db).price(agreement, form)
            return self._form(
                "bookings/visits/extra.html", agreement, data, error.fields, cost_pence=cost, is_taken=True
            )
        except InvalidInput as error:
            return self._form("bookings/visits/extra.html", agreement, data, error.fields)
