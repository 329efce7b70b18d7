"""Which areas count as rural where a price list pays more for them (B18)."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.web import FormData, typed
from marketplace.payments.routes.shared import take
from marketplace.payments.service.rural_areas import RuralAreaService, RuralForm


class RuralAreaController(Controller):
    """The council's rural areas, by postcode."""

    path = "/tariffs/rural-areas"

    @get("/", permission=Permission.TARIFFS_READ)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the areas, and the form that changes them."""
        return await _page(db, principal, None, {})

    @post("/", permission=Permission.TARIFFS_SET)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change the areas from a day on."""

        async def action() -> str:
            form = RuralForm.read(data)
            await RuralAreaService(db).change(principal, form)
            flash(request, f"The rural areas count from {uk_date(form.starts_on)}")
            return "/tariffs/rural-areas"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, typed(data), error.fields)


async def _page(db: AsyncSession, principal: Principal, values: FormData | None, errors: dict[str, str]) -> Template:
    found = await RuralAreaService(db).found(principal)
    if values is None:
        values = {name: " ".join(outwards) for name, outwards in found.areas.items()}
    context = {
        "areas": found.areas,
        "since": found.since,
        "next_on": found.next_on,
        "may_set": principal.may(Permission.TARIFFS_SET),
        "values": values,
        "errors": errors,
    }
    return Template("payments/rural_areas.html", context=context, status_code=422 if errors else 200)
