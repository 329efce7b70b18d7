"""The ledger beside Stripe: what each day came to, and every difference until it is explained."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.database import session_maker
from marketplace.core.errors import InvalidInput, Unavailable
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.payments.repository.card_reconciliation import ReconciliationRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service import card_reconciliation
from marketplace.payments.service.card_gateway import gateway

DAYS = 31
SETTLED = 20

KINDS = {
    card_reconciliation.MISSING_AT_STRIPE: "In our ledger, not at Stripe",
    card_reconciliation.MISSING_IN_LEDGER: "At Stripe, not in our ledger",
    card_reconciliation.AMOUNT: "Taken: another sum, or not in pounds",
    card_reconciliation.REFUND_AMOUNT: "Given back: another sum",
    card_reconciliation.DISPUTE: "Held by banks: another sum",
    card_reconciliation.UNKNOWN_ACCOUNT: "Stripe does not show us the payee’s account",
}


class CardReconciliationController(Controller):
    """Daily reconciliation."""

    path = "/card-reconciliation"

    @get("/", permission=Permission.CARDS_RECONCILE)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what is open, what was explained, and the last days."""
        return await _page(db, principal, {}, {}, "")

    @post("/now", permission=Permission.CARDS_RECONCILE)
    async def now(self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]) -> Redirect:
        """Compare yesterday again. Nothing of the request stays open while Stripe answers."""
        if gateway() is None:
            raise Unavailable("Card payments are not switched on here.")
        await card_reconciliation.reconcile_now(session_maker(), principal)
        flash(request, "The ledger was compared with Stripe")
        return Redirect("/card-reconciliation", status_code=303)

    @post("/{difference_id:str}", permission=Permission.CARDS_RECONCILE)
    async def settle(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        difference_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say what a difference was."""
        field = f"why-{difference_id}"

        async def action() -> str:
            row = await ReconciliationRepository(db).find(principal.council_id, row_id(difference_id))
            if row.settled_at is not None:
                raise card_reconciliation.AlreadySettled
            form = FormReader(data)
            why = form.text(field, "what the difference was", longest=500)
            form.done()
            await card_reconciliation.DifferenceService(db).settle(principal, row_id(difference_id), why)
            flash(request, "The difference is explained")
            return "/card-reconciliation"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, data, error.fields, difference_id)


ROUTES = [CardReconciliationController]


async def _page(
    db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str], wrong: str
) -> Template:
    reconciliation = ReconciliationRepository(db)
    settled = await reconciliation.settled_differences(principal.council_id, SETTLED)
    names = await AccountRepository(db).names({one.settled_by_user_id for one in settled if one.settled_by_user_id})
    context = {
        "kinds": KINDS,
        "open": await reconciliation.open_differences(principal.council_id),
        "settled": settled,
        "names": names,
        "days": await reconciliation.days(principal.council_id, DAYS),
        "is_on": gateway() is not None,
        "values": values,
        "errors": errors,
        "wrong": wrong,
    }
    return Template("payments/cards/reconciliation.html", context=context, status_code=422 if errors else 200)
