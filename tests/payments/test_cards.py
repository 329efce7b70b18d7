"""A card payment from the request to the refund: the real SDK against the sandbox, signed webhooks in any order."""

import json
from datetime import datetime, timedelta
from itertools import permutations
from urllib.parse import urlsplit

import pytest
import structlog

from marketplace.bookings import Booking, BookingStatus, tasks  # noqa: F401 - its listeners are told
from marketplace.core import outbox
from marketplace.core.clock import LONDON
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.payments import tasks_cards
from marketplace.payments.checks_cards import CHECKS
from marketplace.payments.models import CardPayment
from marketplace.payments.service.cards import open_cards, use_gateway
from marketplace.payments.states import CardStatus
from tests.browser import count, events
from tests.factories_bookings import make_booking, make_scene
from tests.payments.card_world import HOST, at_the_card_page, hold, open_site, run_tasks, stand

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def test_a_card_payment_from_request_to_approval(site, db, clock):
    scene, person, payment_id, url = await at_the_card_page(site, db)
    assert await stand(db, payment_id) == (CardStatus.OPEN, BookingStatus.AWAITING_PAYMENT, 0, 0)
    assert await events(db) == []
    assert (await person.get(f"/payments/cards/{payment_id}/go", expect=303)).location == url
    stopped = await person.open(f"/payments/cards/{payment_id}/stopped")
    assert "Nothing was taken" in stopped.words

    paid = await site.stripe.pay(url)
    assert paid.status_code == 303
    back = urlsplit(paid.headers["location"])
    waiting = await person.open(back.path)
    assert "We are waiting for your payment" in waiting.title
    assert 'http-equiv="refresh"' in waiting.text
    assert (await stand(db, payment_id))[0] is CardStatus.OPEN, "coming back proves nothing"

    for event in site.stripe.events():
        await site.hook(event)
    assert await count(db, "stripe_events") == 4
    assert await count(db, "stripe_events", "handled_at IS NULL") == 1
    assert await count(db, "stripe_events", "body::text LIKE '%Pat Payer%'") == 0
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.REQUESTED, 1_600, 0)
    assert "Payment received" in (await person.open(back.path)).title
    assert await count(db, "messages", "template = 'booking_requested'") == 1
    provider = await site.signed_in(scene.provider)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    await provider.post(f"/provider/bookings/{booking_id}/accept")
    clock.move_to(datetime(2027, 3, 5, 11, tzinfo=LONDON))
    person = await site.signed_in(scene.member)
    await person.post(f"/bookings/{booking_id}/approve")
    await run_tasks(db)
    money = await person.open("/money")
    assert "£16.00" in money.words
    await hold(db)


async def test_a_declined_card_leaves_the_time_held_and_another_card_may_follow(site, db):
    _, _, payment_id, url = await at_the_card_page(site, db)
    assert (await site.stripe.pay(url, "4000 0000 0000 0002")).status_code == 402
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.OPEN, BookingStatus.AWAITING_PAYMENT, 0, 0)
    await site.stripe.pay(url)
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    assert (await stand(db, payment_id))[:2] == (CardStatus.PAID, BookingStatus.REQUESTED)


async def test_a_decline_gives_the_money_back_when_stripe_says_so(site, db):
    scene, person, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    provider = await site.signed_in(scene.provider)
    await provider.post(f"/provider/bookings/{booking_id}/decline", {"reason": "Full"})
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.REFUNDING, BookingStatus.DECLINED, 1_600, 0)
    assert site.stripe.money() == [(1_600, 1_600)]
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.REFUNDED, BookingStatus.DECLINED, 0, 1_600)
    assert "goes back to your card" in (await person.open(f"/payments/cards/{payment_id}/done")).words
    await hold(db)


@pytest.mark.parametrize("hours_before", [25, 23])
async def test_cancelling_in_time_gives_back_and_late_does_not(site, db, clock, hours_before):
    scene, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    payment = await db.get_one(CardPayment, payment_id)
    booking_id = payment.booking_id
    await (await site.signed_in(scene.provider)).post(f"/provider/bookings/{booking_id}/accept")
    clock.move_to(datetime(2027, 3, 5, 10, tzinfo=LONDON) - timedelta(hours=hours_before))
    await (await site.signed_in(scene.member)).post(f"/bookings/{booking_id}/cancel", {"reason": ""})
    await run_tasks(db)
    for event in site.stripe.events("charge.refunded"):
        await site.hook(event)
    await run_tasks(db)
    expected = (
        (CardStatus.REFUNDED, BookingStatus.CANCELLED, 0, 1_600)
        if hours_before == 25
        else (CardStatus.PAID, BookingStatus.CANCELLED, 1_600, 0)
    )
    assert await stand(db, payment_id) == expected
    await hold(db)


async def prepared(site, db):
    """Events of a payment that was taken and given back by hand, and one that wrongly says it expired."""
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    completed = site.stripe.events("checkout.session.completed")[0]
    account = completed["account"]
    await site.stripe.gateway.refund(
        refund_id="by-hand",
        payment_intent_id=completed["data"]["object"]["payment_intent"],
        amount_pence=1_600,
        reason="duplicate",
        connected_account=account,
    )
    refunded = site.stripe.events("charge.refunded")[0]
    expired = json.loads(json.dumps(completed)) | {"id": "evt_expired", "type": "checkout.session.expired"}
    expired["data"]["object"] |= {"status": "expired", "payment_status": "unpaid"}
    return payment_id, {"c": completed, "r": refunded, "x": expired}


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("crx")])
@pytest.mark.parametrize("at_once", [True, False])
async def test_every_order_of_events_ends_the_same(site, db, order, at_once):
    payment_id, named = await prepared(site, db)
    for name in order + order[0] + order[::-1]:
        await site.hook(named[name])
        if not at_once:
            await run_tasks(db)
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.REFUNDED, BookingStatus.CANCELLED, 0, 1_600)
    assert await count(db, "stripe_events") == 3
    assert await count(db, "ledger_entries", "kind = 'card-payment'") == 1
    assert await count(db, "ledger_entries", "kind = 'card-refund'") == 1
    await hold(db)


@pytest.mark.parametrize("order", ["cx", "xc"])
async def test_an_event_that_says_expired_never_beats_a_payment(site, db, order):
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    completed = site.stripe.events("checkout.session.completed")[0]
    expired = json.loads(json.dumps(completed)) | {"id": "evt_expired", "type": "checkout.session.expired"}
    for name in order:
        await site.hook({"c": completed, "x": expired}[name])
        await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.REQUESTED, 1_600, 0)


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("cab")])
async def test_partial_refunds_made_at_stripe_add_up_in_any_order(site, db, order):
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    named = {"c": site.stripe.events("checkout.session.completed")[0]}
    facts = {"payment_intent_id": named["c"]["data"]["object"]["payment_intent"], "reason": "duplicate"}
    for name, pence in (("a", 500), ("b", 1_100)):
        await site.stripe.gateway.refund(
            refund_id=f"by-hand-{name}", amount_pence=pence, connected_account=named["c"]["account"], **facts
        )
        named[name] = site.stripe.events("refund.created")[-1]
    for name in order:
        await site.hook(named[name])
        await run_tasks(db)
        await hold(db)
    # An event about a payment whose id at Stripe is not known yet waits for the sweep, which asks Stripe.
    site.stripe.clock.advance(timedelta(minutes=2))
    await tasks_cards.sweep_cards()
    await scope_to(db, "every")
    status, _, received, refunded = await stand(db, payment_id)
    assert (status, received, refunded) == (CardStatus.REFUNDED, 0, 1_600)
    assert await count(db, "ledger_entries", "kind = 'card-refund'") == 2
    await hold(db)


async def test_forged_tampered_and_stale_events_are_refused_and_leave_nothing(site, db, clock):
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    event = site.stripe.events("checkout.session.completed")[0]
    with structlog.testing.capture_logs() as logs:
        await site.hook(event, secret="whsec_of_somebody_else", expect=400)
        await site.hook(event, body=json.dumps(event).replace("1600", "1").encode(), expect=400)
        await site.hook(event, at=clock.now() - timedelta(seconds=301), expect=400)
        await site.hook(event, at=clock.now() + timedelta(seconds=301), expect=400)
        await site.get_hook(b"{}", "", 400)
        await site.get_hook(b"\xff\x00", "t=1,v1=zz", 400)
    assert [line["cause"] for line in logs if line["event"] == "stripe-event-refused"][:4] == [
        "signature_invalid",
        "signature_invalid",
        "signature_out_of_time",
        "signature_out_of_time",
    ]
    assert await count(db, "stripe_events") == 0
    assert await events(db) == []
    assert (await stand(db, payment_id))[0] is CardStatus.OPEN
    # The library alone would take six minutes of the future; inside five, both sides of the clock are let in.
    await site.hook(event, at=clock.now() + timedelta(seconds=299))
    await site.hook(event, at=clock.now() - timedelta(seconds=299))
    assert await count(db, "stripe_events") == 1


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"type": "customer.created"}, "not used"),
        ({"account": "acct_of_another"}, "unknown account"),
        ({"livemode": True}, "other mode"),
        ({"data": {"object": {"id": "cs_x", "client_reference_id": "x", "metadata": None}}}, "no payment of ours"),
    ],
)
async def test_events_about_nothing_of_ours_are_stored_and_done_with(site, db, change, outcome):
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    await site.hook(site.stripe.events("checkout.session.completed")[0] | change)
    await run_tasks(db)
    assert await count(db, "stripe_events", f"outcome = '{outcome}' AND handled_at IS NOT NULL") == 1
    assert (await stand(db, payment_id))[0] is CardStatus.OPEN


async def test_a_wrong_amount_moves_nothing_and_the_check_names_it(site, db):
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    event = json.loads(json.dumps(site.stripe.events("checkout.session.completed")[0]))
    event["data"]["object"]["amount_total"] = 1_599
    await site.hook(event)
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.OPEN, BookingStatus.AWAITING_PAYMENT, 0, 0)
    found = [await check(db) for check in CHECKS]
    assert [check.ok for check in found] == [True, True, True, False]
    assert event["id"] in found[3].detail


async def test_cancelling_at_the_card_page_closes_it(site, db):
    _, person, payment_id, url = await at_the_card_page(site, db)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    await person.post(f"/bookings/{booking_id}/cancel", {"reason": ""})
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.EXPIRED, BookingStatus.CANCELLED, 0, 0)
    await site.stripe.pay(url)
    assert site.stripe.money() == []
    assert "Nothing was paid" in (await person.open(f"/payments/cards/{payment_id}/done")).words


async def test_a_payment_that_was_faster_than_the_cancelling_is_given_back(site, db):
    _, person, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    await person.post(f"/bookings/{booking_id}/cancel", {"reason": ""})
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.REFUNDING, BookingStatus.CANCELLED, 1_600, 0)
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.REFUNDED, BookingStatus.CANCELLED, 0, 1_600)
    assert site.stripe.money() == [(1_600, 1_600)]
    await hold(db)


@pytest.mark.parametrize("what", ["paid", "left", "never started"])
async def test_the_sweep_finds_what_no_event_told(site, db, clock, what):
    scene = await make_scene(db, direct_payment=False, cards=await site.stripe.payee())
    person = await site.signed_in(scene.member)
    payment_id = (await person.post("/bookings", scene.form())).location.split("/")[3]
    if what != "never started":
        url = (await person.get(f"/payments/cards/{payment_id}/go", expect=303)).location
    if what == "paid":
        await site.stripe.pay(url)
    clock.advance(timedelta(minutes=61))
    await tasks_cards.sweep_cards()
    await scope_to(db, "every")
    status = CardStatus.PAID if what == "paid" else CardStatus.EXPIRED
    assert (await stand(db, payment_id))[0] is status
    booking = (await stand(db, payment_id))[1]
    assert booking is (BookingStatus.REQUESTED if what == "paid" else BookingStatus.CANCELLED)
    if what != "paid":
        gone = await person.get(f"/payments/cards/{payment_id}/go", expect=303)
        assert gone.location.endswith("/done")
        await person.post("/bookings", scene.form())
    await hold(db)


async def test_the_sweep_sends_a_refund_that_was_lost_and_reads_one_that_was_not_told(site, db):
    scene, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    for event in site.stripe.events():
        await site.hook(event)
    await run_tasks(db)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    await (await site.signed_in(scene.provider)).post(f"/provider/bookings/{booking_id}/decline", {"reason": "Full"})
    use_gateway(None)
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    use_gateway(site.stripe.gateway)
    assert (await stand(db, payment_id))[0] is CardStatus.REFUNDING
    assert site.stripe.money() == [(1_600, 0)]
    for _ in range(3):
        await tasks_cards.sweep_cards()
        await scope_to(db, "every")
    assert await stand(db, payment_id) == (CardStatus.REFUNDED, BookingStatus.DECLINED, 0, 1_600)
    assert site.stripe.money() == [(1_600, 1_600)]
    await hold(db)


async def test_an_answer_lost_on_its_way_charges_once(site, db):
    scene = await make_scene(db, direct_payment=False, cards=await site.stripe.payee())
    person = await site.signed_in(scene.member)
    go = (await person.post("/bookings", scene.form())).location
    fault = {"action": "fail", "path": "/v1/checkout/sessions", "stage": "after", "count": 9}
    assert (await site.stripe.api.post("/sandbox/faults", json={"calls": [fault]})).status_code == 200
    assert "Nothing was paid" in (await person.get(go, expect=503)).text
    await site.stripe.api.delete("/sandbox/faults")
    assert (await stand(db, go.split("/")[3]))[0] is CardStatus.CREATED
    assert (await person.get(go, expect=303)).location.startswith(HOST)
    assert len(list(site.stripe.app.state.sandbox.store.each("checkout.session"))) == 1


async def test_a_double_clicked_card_request_makes_one_payment(site, db):
    scene = await make_scene(db, direct_payment=False, cards=await site.stripe.payee())
    person = await site.signed_in(scene.member)
    form = scene.form(form_id="the-same-page")
    assert (await person.post("/bookings", form)).location == (await person.post("/bookings", form)).location
    assert await count(db, "card_payments") == await count(db, "bookings") == 1


async def test_a_person_with_a_direct_payment_may_choose_the_card(site, db):
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=100)
    person = await site.signed_in(scene.member)
    page = await person.post("/bookings", scene.form(funding="direct_payment"), expect=422)
    assert "pay for all of this visit by card" in page.words
    check = await person.post("/bookings/new", scene.form(funding="card"), expect=200)
    assert "Continue to payment" in check.words
    assert (await person.post("/bookings", scene.form(funding="card"))).location.endswith("/go")


async def test_other_peoples_payments_are_not_found(site, db):
    _, _, payment_id, _ = await at_the_card_page(site, db)
    other = await make_scene(db)
    stranger = await site.signed_in(other.member)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    for path in (f"{payment_id}/go", f"{payment_id}/done", f"{payment_id}/stopped", f"for/{booking_id}", "x/go"):
        await stranger.get(f"/payments/cards/{path}", expect=404)


async def test_without_keys_no_card_is_offered(db, settings, browser):
    assert open_cards(settings.__class__(data_dir=settings.data_dir, secret_key="s")) is None
    scene = await make_scene(db, direct_payment=False, cards="acct_1")
    await make_booking(db, scene)
    person = await browser.signed_in(scene.member)
    assert "cannot be paid by card here yet" in (await person.open(f"/bookings/new?listing={scene.listing.id}")).words
    await browser._ask("POST", "/webhooks/stripe", 503, content=b"{}")
