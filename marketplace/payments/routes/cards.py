"""Card payments: on to the hosted page, back again, and Stripe's events."""

from typing import Any
from uuid import UUID

import structlog
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import clock_of, session_maker
from marketplace.core.errors import BadRequest, NotFound, Unavailable
from marketplace.core.ids import parse_id
from marketplace.payments.models import CardPayment
from marketplace.payments.repository.card_money import CardMoneyRepository
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.service import card_calls
from marketplace.payments.service.cards import HOLD, START_WITHIN, gateway
from marketplace.payments.states import CardStatus
from marketplace.payments.stripe_gateway import EventRefused, StripeGateway

log = structlog.get_logger(__name__)

LARGEST_EVENT = 500_000


class CardController(Controller):
    """A person's way through a card payment."""

    path = "/payments/cards"

    @get("/for/{booking_id:str}", permission=Permission.BOOKINGS_REQUEST)
    async def of_booking(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking_id: FromPath[str],
    ) -> Redirect:
        """Lead from a booking to its payment."""
        cards = CardRepository(db)
        question = cards.of_person(principal.council_id, principal.need_person())
        payment = await cards.one(
            question.where(CardPayment.booking_id == _id(booking_id)).order_by(CardPayment.id.desc())
        )
        return Redirect(f"/payments/cards/{payment.id}/go", status_code=303)

    @get("/{payment_id:str}/go", permission=Permission.BOOKINGS_REQUEST)
    async def go(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        payment_id: FromPath[str],
    ) -> Redirect:
        """Send the browser to the hosted card page. No transaction of the request stays open while Stripe answers."""
        wanted = _id(payment_id)
        address = await card_calls.card_page(
            session_maker(), principal, wanted, _gateway(request), request.app.state.settings.public_url
        )
        return Redirect(address or f"/payments/cards/{wanted}/done", status_code=303)

    @get("/{payment_id:str}/done", permission=Permission.BOOKINGS_OWN)
    async def done(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        payment_id: FromPath[str],
    ) -> Template:
        """Say where the payment stands. Coming back from the card page proves nothing: Stripe's event does."""
        payment = await _payment(db, principal, payment_id)
        agreed = await CardMoneyRepository(db).agreed_pence(payment.id)
        context = {"payment": payment, "state": _state(payment, agreed), "promised_pence": agreed}
        return Template("payments/cards/done.html", context=context)

    @get("/{payment_id:str}/stopped", permission=Permission.BOOKINGS_OWN)
    async def stopped(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        payment_id: FromPath[str],
    ) -> Template | Redirect:
        """Say that nothing was paid and how to go on."""
        payment = await _payment(db, principal, payment_id)
        if payment.status not in {CardStatus.CREATED, CardStatus.OPEN}:
            return Redirect(f"/payments/cards/{payment.id}/done", status_code=303)
        may_go = payment.status is CardStatus.OPEN or clock_of(db).now() < payment.created_at + START_WITHIN
        context = {"payment": payment, "held_until": payment.created_at + HOLD, "may_go": may_go}
        return Template("payments/cards/stopped.html", context=context)


@post("/webhooks/stripe", permission=None, csrf=False, status_code=200)
async def take_stripe_event(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Verify an event of Stripe, store it once and say so. What it asks for is done in a task."""
    stripe = _gateway(request)
    if stripe is None:
        raise Unavailable
    body = await request.body()
    if len(body) > LARGEST_EVENT:
        raise BadRequest
    try:
        event = stripe.parse_event(body, request.headers.get("stripe-signature", ""), request.app.state.clock.now())
    except EventRefused as error:
        # The sender's address is all there is to say: nothing of a forged body can be believed.
        log.warning(
            "stripe-event-refused",
            cause=error.code,
            bytes=len(body),
            from_address=request.client.host if request.client else "unknown",
        )
        problem = {"type": "/problems/event-refused", "title": "This event was not signed by Stripe", "status": 400}
        return Response(problem, status_code=400, media_type="application/problem+json")
    is_new = await card_calls.take_event(session_maker(), event, is_live=stripe.is_live)
    return Response({"received": True, "new": is_new}, status_code=200)


ROUTES = [CardController, take_stripe_event]


def _gateway(request: Request[Any, Any, Any]) -> StripeGateway | None:
    found: StripeGateway | None = request.app.state.get("cards")
    return found or gateway()


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _payment(db: AsyncSession, principal: Principal, payment_id: str) -> CardPayment:
    cards = CardRepository(db)
    question = cards.of_person(principal.council_id, principal.need_person())
    return await cards.one(question.where(CardPayment.id == _id(payment_id)))


def _state(payment: CardPayment, promised_pence: int) -> str:
    """Which of five things the page says."""
    if payment.status in {CardStatus.CREATED, CardStatus.OPEN}:
        return "waiting"
    if payment.status in {CardStatus.DISPUTED, CardStatus.LOST}:
        return "disputed"
    if payment.paid_at is None:
        return "over"
    return "given_back" if promised_pence == payment.amount_pence else "paid"
