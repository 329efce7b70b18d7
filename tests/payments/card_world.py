"""A person, a provider and Stripe's sandbox around the site: what tests of card payments share."""

import json
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import stripe
from sqlalchemy import text

from marketplace.bookings import Booking
from marketplace.bookings.checks import CHECKS as BOOKING_CHECKS
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.checks_cards import CHECKS
from marketplace.payments.models import CardPayment
from marketplace.payments.sandbox import SandboxConfig, create_sandbox
from marketplace.payments.sandbox.config import DEFAULT_API_KEY
from marketplace.payments.sandbox.webhooks import sign
from marketplace.payments.service.cards import use_gateway, use_public_url
from marketplace.payments.stripe_gateway import StripeGateway
from tests.browser import Browser, application
from tests.factories import make_member
from tests.factories_bookings import loose, make_scene

SECRET = "whsec_test_of_cards"
HOST = "http://127.0.0.1"


class Stripe:
    """The sandbox on the tests' clock; keeps its events until a test hands them over."""

    def __init__(self, clock):
        self.clock = clock
        self.app = create_sandbox(SandboxConfig(public_base_url=HOST), clock=clock.now)
        self.api = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=HOST,
            headers={"Authorization": f"Bearer {DEFAULT_API_KEY}"},
        )
        client = stripe.HTTPXClient(verify_ssl_certs=False)
        client._client_async = httpx.AsyncClient(transport=httpx.ASGITransport(self.app))
        self.gateway = StripeGateway(DEFAULT_API_KEY, HOST, SECRET, http_client=client, total_seconds=5)

    async def payee(self):
        data = {"type": "express", "country": "GB", "email": "payee@example.org", "metadata[sandbox_onboarded]": "yes"}
        return (await self.api.post("/v1/accounts", data=data)).json()["id"]

    async def pay(self, url, number="4242 4242 4242 4242"):
        fields = {"email": "payer@example.org", "name": "Pat Payer", "number": number, "expiry": "12/34", "cvc": "123"}
        return await self.api.post(urlsplit(url).path, data=fields)

    def events(self, *kinds):
        """Events so far, oldest first, as they are posted."""
        found = [entry.body for entry in self.app.state.sandbox.store.each("event")]
        return [body for body in reversed(found) if not kinds or body["type"] in kinds]

    async def order(self, what, **body):
        """Let something happen to a dispute, a refund or an account."""
        answer = await self.api.post(f"/sandbox/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def money(self):
        charges = [entry.body for entry in self.app.state.sandbox.store.each("charge")]
        return [(one["amount_captured"], one["amount_refunded"]) for one in charges if one["paid"]]


class Site(Browser):
    """A browser that is also Stripe's webhook sender."""

    stripe: Stripe

    async def tell(self, *kinds):
        """Hand over all events so far, of some kinds; those that came before are known already."""
        for event in self.stripe.events(*kinds):
            await self.hook(event)

    async def hook(self, event, *, secret=SECRET, at=None, body=None, expect=200):
        payload = json.dumps(event).encode() if body is None else body
        seconds = int((at or self.stripe.clock.now()).timestamp())
        signature = sign(json.dumps(event).encode(), secret, seconds)
        return await self.get_hook(payload, signature, expect)

    async def get_hook(self, payload, signature, expect):
        headers = {"stripe-signature": signature, "content-type": "application/json"}
        return await self._ask("POST", "/webhooks/stripe", expect, content=payload, headers=headers)


@asynccontextmanager
async def open_site(db, maker, clock, settings, monkeypatch):
    """The site with a sandbox behind it."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)
    world = Stripe(clock)
    use_gateway(world.gateway)
    use_public_url(settings.public_url)
    async with Site(*application(settings, maker, clock, cards=world.gateway), db, settings) as made:
        made.stripe = world
        yield made
    use_gateway(None)
    await world.api.aclose()
    await world.gateway.close()


async def run_tasks(db):
    """Run what waits, and what that makes wait."""
    while deliveries := await outbox.relay(db):
        for delivery in deliveries:
            await deliver(delivery)
        await scope_to(db, "every")
    failed = (await db.execute(text("SELECT task, error FROM outbox_deliveries WHERE error IS NOT NULL"))).all()
    assert failed == []


async def at_the_card_page(site, db):
    """A self-funder who asked for a visit and stands at the card page: (scene, browser, payment, address)."""
    scene = await make_scene(db, direct_payment=False, cards=await site.stripe.payee())
    person = await site.signed_in(scene.member)
    sent = await person.post("/bookings", scene.form())
    assert sent.location.startswith("/payments/cards/")
    gone = await person.get(sent.location, expect=303)
    assert gone.location.startswith(f"{HOST}/pay/")
    return scene, person, sent.location.split("/")[3], gone.location


async def stand(db, payment_id):
    """Where everything stands, in one line."""
    db.expire_all()
    payment = await db.get_one(CardPayment, payment_id)
    booking = await db.get_one(Booking, payment.booking_id)
    ledger = LedgerService(db)
    received = await ledger.balance(payment.council_id, Purpose.CARD_RECEIVED, payment.organisation_id)
    return payment.status, booking.status, received, payment.refunded_pence


async def hold(db):
    for check in (*CHECKS, *BOOKING_CHECKS):
        found = await check(db)
        assert found.ok, found


async def paid(site, db, number="4242 4242 4242 4242"):
    """A self-funder whose card was charged, everything told: (scene, browser, payment, its id at Stripe)."""
    scene, person, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url, number)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    intent = (await db.get_one(CardPayment, payment_id)).stripe_payment_intent_id
    return scene, person, payment_id, intent


async def balance(db, payment_id):
    """What the ledger has of a payment's payee: (theirs, held by banks)."""
    await scope_to(db, "every")
    payment = await db.get_one(CardPayment, payment_id, populate_existing=True)
    names = (Purpose.CARD_RECEIVED, Purpose.CARD_DISPUTED)
    found = {}
    for purpose in names:
        found[purpose] = await db.scalar(
            text(
                "SELECT coalesce(sum(CASE l.side WHEN 'credit' THEN l.amount_pence ELSE -l.amount_pence END), 0) "
                "FROM ledger_lines l JOIN ledger_accounts a ON a.id = l.account_id "
                "WHERE a.owner_id = :owner AND a.purpose = :purpose"
            ),
            {"owner": payment.organisation_id, "purpose": purpose.value},
        )
    return tuple(int(found[name]) for name in names)


async def staff(db, role, council):
    """Somebody with a role in a council, whose rows the browser leaves alone."""
    member = await make_member(db, role, council)
    loose(db, member.user, member.membership)
    return member
