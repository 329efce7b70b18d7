"""A worker that dies between any two steps: rerun, state and money are as if it had not."""

from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, text

from marketplace.bookings import BookingStatus
from marketplace.core.database import scope_to, session_maker
from marketplace.core.database import transaction as real_transaction
from marketplace.payments.models import CardRefund, StripeEventRow
from marketplace.payments.service import card_calls, card_inbox, card_payees, card_reconciliation
from marketplace.payments.states import CardStatus
from marketplace.payments.stripe_gateway import StripeGateway
from tests.browser import count
from tests.payments.card_world import at_the_card_page, balance, hold, open_site, paid, run_tasks, stand

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

CALLS = ("create_checkout", "get_checkout", "expire_checkout", "refund", "refunds_of", "disputes_of", "attempt_of")
MOST_STEPS = 40


class Killed(BaseException):
    """As `kill -9`: nothing after it runs, and nothing catches it."""


class Steps:
    """Counts the boundaries of steps: each commit (before it and after) and each call to Stripe (before and after).

    At the chosen one the work dies.
    """

    def __init__(self, monkeypatch):
        self.seen, self.dies_at = 0, 0
        for module in (card_calls, card_inbox, card_payees, card_reconciliation):
            monkeypatch.setattr(module, "transaction", self.transaction)
        for name in CALLS:
            monkeypatch.setattr(StripeGateway, name, self.call(getattr(StripeGateway, name)))

    def boundary(self):
        self.seen += 1
        if self.seen == self.dies_at:
            raise Killed

    @asynccontextmanager
    async def transaction(self, *given):
        async with real_transaction(*given) as db:
            yield db
            self.boundary()
        self.boundary()

    def call(self, real):
        async def wrapped(*given, **named):
            self.boundary()
            answer = await real(*given, **named)
            self.boundary()
            return answer

        return wrapped

    async def dies(self, number, work):
        """Run work and die at the number-th boundary. Returns whether it got there."""
        self.seen, self.dies_at = 0, number
        try:
            await work()
        except Killed:
            return True
        finally:
            self.dies_at = 0
        return False


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def every_death(db, steps, work, check):
    """Let the work die at its first boundary, then at its second, and so on; run it to the end; look."""
    number = 1
    while await steps.dies(number, work):
        await scope_to(db, "every")
        await hold(db)
        number += 1
        assert number < MOST_STEPS
    assert number > 1, "no boundary was reached"
    await work()
    await scope_to(db, "every")
    await check()
    await hold(db)


async def waiting(db):
    await scope_to(db, "every")
    events = (await db.scalars(select(StripeEventRow.id).where(StripeEventRow.handled_at.is_(None)))).all()
    refunds = (await db.scalars(select(CardRefund.id).where(CardRefund.status == "asked"))).all()
    return list(events), list(refunds)


@pytest.mark.parametrize("what", ["completed", "expired"])
async def test_an_event_is_handled_once_however_often_its_handler_dies(site, db, clock, monkeypatch, what):
    _, _, payment_id, url = await at_the_card_page(site, db)
    if what == "completed":
        await site.stripe.pay(url)
    else:
        payment = url.rsplit("/", 1)[1]
        account = next(iter(site.stripe.app.state.sandbox.store.each("checkout.session"))).account
        await site.stripe.gateway.expire_checkout(payment, account)
    await site.tell(f"checkout.session.{what}")
    (event_id,), _ = await waiting(db)
    steps = Steps(monkeypatch)

    async def check():
        expected = (
            (CardStatus.PAID, BookingStatus.REQUESTED, 1_600, 0)
            if what == "completed"
            else (CardStatus.EXPIRED, BookingStatus.CANCELLED, 0, 0)
        )
        assert await stand(db, payment_id) == expected
        assert await count(db, "stripe_events", "handled_at IS NULL") == 0

    await every_death(db, steps, lambda: card_calls.handle_event(session_maker(), event_id), check)


async def test_a_refund_leaves_once_however_often_its_sender_dies(site, db, monkeypatch):
    scene, _, payment_id, _ = await paid(site, db)
    await (await site.signed_in(scene.provider)).post(
        f"/refunds/payments/{payment_id}", {"amount": "5", "reason": "Too short"}
    )
    _, (refund_id,) = await waiting(db)
    steps = Steps(monkeypatch)

    async def check():
        assert site.stripe.money() == [(1_600, 500)]
        await site.tell("refund.created", "charge.refunded")
        await run_tasks(db)
        assert await balance(db, payment_id) == (1_100, 0)

    await every_death(db, steps, lambda: card_calls.send_refund(session_maker(), refund_id), check)


async def test_a_dispute_moves_its_money_once_however_often_its_handler_dies(site, db, monkeypatch):
    _, _, payment_id, intent = await paid(site, db)
    await site.stripe.order("disputes", payment_intent=intent, action="open")
    await site.tell("charge.dispute.created")
    (event_id,), _ = await waiting(db)
    steps = Steps(monkeypatch)

    async def check():
        assert await balance(db, payment_id) == (0, 1_600)

    await every_death(db, steps, lambda: card_calls.handle_event(session_maker(), event_id), check)


@pytest.mark.parametrize("is_paid", [False, True])
async def test_closing_a_page_ends_right_however_often_it_dies(site, db, monkeypatch, is_paid):
    _, _, payment_id, url = await at_the_card_page(site, db)
    # The page was opened, and the process died before it wrote that down.
    await db.execute(text("UPDATE card_payments SET status = 'created', stripe_session_id = NULL, checkout_url = ''"))
    if is_paid:
        await site.stripe.pay(url)
    steps = Steps(monkeypatch)

    async def check():
        status = CardStatus.PAID if is_paid else CardStatus.EXPIRED
        assert (await stand(db, payment_id))[0] is status
        assert len(list(site.stripe.app.state.sandbox.store.each("checkout.session"))) == 1

    await every_death(
        db, steps, lambda: card_calls.close_payment(session_maker(), payment_id, site.settings.public_url), check
    )
