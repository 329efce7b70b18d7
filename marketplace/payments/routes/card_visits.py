"""Paying several approved visits at once by card."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData
from marketplace.payments.errors import NoCards, VisitsChanged
from marketplace.payments.routes.shared import take, texts
from marketplace.payments.service.cards import CardService, Desk, PayableVisit


class PayVisitsController(Controller):
    """Approved visits that a card pays for."""

    path = "/money/pay"

    @get("/", permission=Permission.MONEY_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what is to be paid, provider by provider."""
        return await _page(db, principal, {})

    @post("/", permission=Permission.MONEY_OWN)
    async def pay(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Open one payment for the chosen visits, once, and lead on to the card page."""

        async def action() -> str:
            chosen = {found for one in texts(data, "visits") if (found := parse_id(one)) is not None}
            payment = await CardService(db).pay_visits(principal, chosen, _shown_pence(data, chosen))
            return f"/payments/cards/{payment.id}/go"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, error.fields)
        except (VisitsChanged, NoCards) as error:
            return await _page(db, principal, {"visits": error.detail or error.title}, status=409)


ROUTES = [PayVisitsController]


def _shown_pence(data: FormData, chosen: Collection[UUID]) -> int | None:
    """Return what the page said that the chosen visits cost together; None when it does not say it of each."""
    shown = [one for visit in chosen for one in texts(data, f"pence-{visit}")[:1]]
    is_whole = len(shown) == len(chosen)
    if not is_whole or not all(one.isascii() and one.isdecimal() and len(one) <= 9 for one in shown):
        return None
    return sum(map(int, shown))


async def _page(
    db: AsyncSession, principal: Principal, errors: dict[str, str], *, status: int | None = None
) -> Template:
    visits = await CardService(db).payable(principal)
    groups: dict[UUID, list[PayableVisit]] = {}
    for one in visits:
        groups.setdefault(one.booking.organisation_id, []).append(one)
    desk = Desk()
    context = {
        "groups": [
            {
                "id": organisation_id,
                "name": rows[0].organisation_name,
                "rows": rows,
                "pence": sum(row.pence for row in rows),
                "takes_cards": await desk.takes_cards(db, organisation_id),
            }
            for organisation_id, rows in groups.items()
        ],
        "errors": errors,
    }
    return Template("payments/cards/pay.html", context=context, status_code=status or (422 if errors else 200))
