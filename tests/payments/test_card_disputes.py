"""Disputes of card payments: opened, answered, won and lost, with their money, in any order of events."""

from datetime import timedelta
from itertools import permutations

import pytest

from marketplace.accounts.permissions import Role
from marketplace.bookings import BookingStatus
from marketplace.payments import tasks_cards
from marketplace.payments.states import CardStatus
from tests.browser import count
from tests.payments.card_world import at_the_card_page, balance, hold, open_site, paid, run_tasks, staff, stand

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

DISPUTED_CARD = "4000 0000 0000 0259"
DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def test_a_dispute_holds_the_money_and_a_win_brings_it_back(site, db):
    scene, person, payment_id, intent = await paid(site, db)
    await site.stripe.order("disputes", payment_intent=intent, action="open")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    assert await balance(db, payment_id) == (0, 1_600)
    assert (await stand(db, payment_id))[0] is CardStatus.DISPUTED
    assert await count(db, "messages", "template = 'card_dispute_opened'") == 1
    provider = await site.signed_in(scene.provider)
    page = await provider.open("/refunds/disputes")
    assert "Needs an answer" in page.words
    assert "10 March 2027" in page.words
    assert "Your bank holds this payment" in (await person.open(f"/payments/cards/{payment_id}/done")).title
    await provider.post(f"/refunds/payments/{payment_id}", {"amount": "1", "reason": "x"}, expect=409)
    await hold(db)
    await site.stripe.order("disputes", payment_intent=intent, action="answer")
    await site.stripe.order("disputes", payment_intent=intent, action="won")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    assert await balance(db, payment_id) == (1_600, 0)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.REQUESTED, 1_600, 0)
    assert "Won" in (await provider.open("/refunds/disputes")).words
    await hold(db)


async def test_a_lost_dispute_takes_the_money_for_good(site, db):
    scene, _, payment_id, intent = await paid(site, db)
    await site.stripe.order("disputes", payment_intent=intent, action="open", amount=600)
    await site.stripe.order("disputes", payment_intent=intent, action="lost")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    assert await balance(db, payment_id) == (1_000, 0)
    assert (await stand(db, payment_id))[0] is CardStatus.LOST
    finance = await site.signed_in(await staff(db, Role.FINANCE, scene.council))
    assert "£6.00" in (await finance.open(f"/refunds/payments/{payment_id}")).words
    await hold(db)


async def test_a_question_of_the_bank_takes_nothing(site, db):
    _, _, payment_id, intent = await paid(site, db)
    await site.stripe.order("disputes", payment_intent=intent, action="question")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    assert await balance(db, payment_id) == (1_600, 0)
    await site.stripe.order("disputes", payment_intent=intent, action="won")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    assert (await stand(db, payment_id))[0] is CardStatus.PAID
    await hold(db)


@pytest.mark.parametrize("order", list(permutations("pxwc")))
async def test_every_order_of_payment_and_dispute_ends_the_same(site, db, clock, order):
    """p: paid, x: disputed, w: funds withdrawn, c: closed as lost. All 24 orders, each event twice."""
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url, DISPUTED_CARD)
    paid_event = site.stripe.events("checkout.session.completed")[0]
    intent = paid_event["data"]["object"]["payment_intent"]
    await site.stripe.order("disputes", payment_intent=intent, action="lost")
    created, withdrawn = (site.stripe.events(kind)[0] for kind in DISPUTES[:2])
    named = {"p": paid_event, "x": created, "w": withdrawn, "c": site.stripe.events("charge.dispute.closed")[0]}
    for name in (*order, order[0]):
        await site.hook(named[name])
        await run_tasks(db)
    clock.advance(timedelta(minutes=2))
    await tasks_cards.sweep_cards()
    assert await balance(db, payment_id) == (0, 0)
    assert (await stand(db, payment_id))[:2] == (CardStatus.LOST, BookingStatus.REQUESTED)
    assert await count(db, "stripe_events", "handled_at IS NULL") == 0
    assert await count(db, "card_disputes") == 1
    await hold(db)


async def test_a_decision_whose_event_was_lost_is_asked_for_every_day(site, db):
    _, _, payment_id, intent = await paid(site, db)
    await site.stripe.order("disputes", payment_intent=intent, action="open")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    await site.stripe.order("disputes", payment_intent=intent, action="won")
    await tasks_cards.reconcile_cards()
    assert await balance(db, payment_id) == (1_600, 0)
    await hold(db)
