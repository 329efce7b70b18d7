import asyncio
import json
import logging
from datetime import timedelta

import pytest
import stripe

from marketplace.payments.sandbox.webhooks import sign
from marketplace.payments.stripe_gateway import EventRefused, GatewayRefused, GatewayUnavailable, StripeGateway
from tests.payments.sandbox_world import (
    ASKS,
    CANCEL_URL,
    DECLINED,
    NO_FUNDS,
    PAYS,
    PUBLIC_URL,
    SECRET,
    SUCCESS_URL,
    open_world,
)

pytestmark = [
    pytest.mark.anyio,
    # The SDK hands its encoded body to httpx under the older name.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world():
    async with open_world() as world:
        yield world


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)


async def connected(world, *, onboarded=True):
    data = {"type": "express", "country": "GB", "email": "payee@example.org"}
    if onboarded:
        data["metadata[sandbox_onboarded]"] = "yes"
    return (await world.api.post("/v1/accounts", data=data)).json()["id"]


async def refund(world, payment_intent_id, amount_pence, *, refund_id="r-1", account=None):
    return await world.gateway.refund(
        refund_id=refund_id,
        payment_intent_id=payment_intent_id,
        amount_pence=amount_pence,
        reason="requested_by_customer",
        connected_account=account,
    )


async def test_a_payment_goes_from_the_session_to_a_verified_event(world):
    session = await world.checkout()
    assert (session.status, session.payment_status, session.amount_pence) == ("open", "unpaid", 4_500)
    assert session.payment_intent_id is None
    assert session.url == f"{PUBLIC_URL}/pay/{session.id}"

    answer = await world.type_card(session, PAYS)
    assert answer.status_code == 303
    assert answer.headers["location"] == SUCCESS_URL.replace("{CHECKOUT_SESSION_ID}", session.id)

    assert await world.receiver.until(4) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    event = world.event(3)
    assert event.kind == "checkout.session.completed"
    assert event.account is None
    assert event.created_at == world.clock.now
    assert not event.is_live
    assert event.object["id"] == session.id
    assert event.object["payment_status"] == "paid"
    assert event.object["client_reference_id"] == "attempt-1"
    assert event.object["metadata"] == {"booking_id": "b-1", "payment_attempt_id": "attempt-1"}
    assert world.event(2).object["metadata"] == {"booking_id": "b-1", "payment_attempt_id": "attempt-1"}

    after = await world.gateway.get_checkout(session.id, None)
    assert (after.status, after.payment_status, after.url) == ("complete", "paid", None)
    assert after.payment_intent_id == world.event(2).object["id"]
    assert await world.charged() == 4_500


@pytest.mark.parametrize(
    ("number", "message", "decline_code"),
    [
        (DECLINED, "Your card was declined. Nothing was charged. Use another card.", "generic_decline"),
        (NO_FUNDS, "Your card has insufficient funds. Nothing was charged. Use another card.", "insufficient_funds"),
    ],
)
async def test_a_declined_card_charges_nothing_and_another_card_may_follow(world, number, message, decline_code):
    session = await world.checkout()
    page = await world.type_card(session, number)
    assert page.status_code == 402
    assert message in page.text
    assert await world.receiver.until(3) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert world.event(2).object["last_payment_error"]["decline_code"] == decline_code
    assert (await world.gateway.get_checkout(session.id, None)).status == "open"
    assert await world.charged() == 0

    assert (await world.type_card(session, PAYS)).status_code == 303
    after = await world.gateway.get_checkout(session.id, None)
    assert after.payment_intent_id == world.event(2).object["id"]
    assert await world.charged() == 4_500


async def test_a_card_that_asks_is_paid_after_the_second_confirmation(world):
    session = await world.checkout()
    answer = await world.type_card(session, ASKS)
    assert answer.headers["location"] == f"/pay/{session.id}/confirm"
    page = await world.api.get(answer.headers["location"])
    assert "Confirm your payment of £45.00" in page.text
    assert await world.charged() == 0
    assert (await world.gateway.get_checkout(session.id, None)).payment_status == "unpaid"

    answer = await world.api.post(f"/pay/{session.id}/confirm", data={"answer": "confirm"})
    assert answer.headers["location"].startswith("http://market.example/payments/done")
    assert "payment_intent.requires_action" in await world.receiver.until(5)
    assert await world.charged() == 4_500
    again = await world.api.post(f"/pay/{session.id}/confirm", data={"answer": "confirm"})
    assert "This payment has been made" in again.text
    assert await world.charged() == 4_500


async def test_a_failed_confirmation_charges_nothing(world):
    session = await world.checkout()
    await world.type_card(session, ASKS)
    page = await world.api.post(f"/pay/{session.id}/confirm", data={"answer": "refuse"})
    assert page.status_code == 402
    await world.receiver.until(4)
    failed = world.event(3)
    assert failed.kind == "payment_intent.payment_failed"
    assert failed.object["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert await world.charged() == 0


async def test_refunds_add_up_to_the_payment_and_no_further(world):
    paid = await world.paid()
    first = await refund(world, paid.payment_intent_id, 2_000)
    assert (first.status, first.amount_pence) == ("succeeded", 2_000)
    with pytest.raises(GatewayRefused) as refused:
        await refund(world, paid.payment_intent_id, 2_501, refund_id="r-2")
    assert (refused.value.param, refused.value.http_status) == ("amount", 400)
    assert await world.charged() == 2_500

    await refund(world, paid.payment_intent_id, 2_500, refund_id="r-3")
    with pytest.raises(GatewayRefused) as refused:
        await refund(world, paid.payment_intent_id, 1, refund_id="r-4")
    assert refused.value.code == "charge_already_refunded"
    kinds = await world.receiver.until(8)
    assert kinds[4:] == ["refund.created", "charge.refunded"] * 2
    assert world.event(6).object["metadata"] == {"refund_id": "r-3"}
    assert world.event(7).object["amount_refunded"] == 4_500
    assert await world.charged() == 0


async def test_an_unpaid_payment_cannot_be_refunded(world):
    session = await world.checkout()
    await world.type_card(session, DECLINED)
    intent_id = (await world.gateway.get_checkout(session.id, None)).payment_intent_id
    with pytest.raises(GatewayRefused):
        await refund(world, intent_id, 100)


async def test_the_same_row_twice_opens_one_session_and_refunds_once(world):
    first, second = await world.checkout(), await world.checkout()
    assert first.id == second.id
    with pytest.raises(GatewayRefused) as refused:
        await world.checkout(amount_pence=4_501)
    assert refused.value.code == "idempotency_error"

    paid = await world.paid()
    refunds = [await refund(world, paid.payment_intent_id, 1_000) for _ in range(3)]
    assert len({each.id for each in refunds}) == 1
    assert await world.charged() == 3_500


async def test_a_connected_account_is_charged_directly_and_seen_by_nobody_else(world):
    account, other = await connected(world), await connected(world)
    paid = await world.paid(connected_account=account)
    assert (await world.gateway.get_checkout(paid.id, account)).payment_status == "paid"
    for stranger in (None, other):
        with pytest.raises(GatewayRefused) as refused:
            await world.gateway.get_checkout(paid.id, stranger)
        assert refused.value.code == "resource_missing"
        with pytest.raises(GatewayRefused):
            await refund(world, paid.payment_intent_id, 100, account=stranger)
    await world.receiver.until(4)
    assert {world.event(number).account for number in range(4)} == {account}
    assert await world.charged(account) == 4_500
    assert await world.charged() == await world.charged(other) == 0
    assert (await refund(world, paid.payment_intent_id, 100, account=account)).status == "succeeded"


async def test_an_account_that_is_not_set_up_takes_no_payment(world):
    with pytest.raises(GatewayRefused) as refused:
        await world.checkout(connected_account=await connected(world, onboarded=False))
    assert refused.value.code == "account_invalid"
    with pytest.raises(GatewayRefused) as refused:
        await world.checkout(connected_account="acct_1unknown", attempt_id="attempt-2")
    assert refused.value.http_status == 403


async def test_an_expired_session_takes_no_payment(world):
    session = await world.checkout(expires_at=world.clock.now + timedelta(minutes=31))
    world.clock.move(minutes=32)
    page = await world.type_card(session, PAYS)
    assert page.status_code == 410
    assert "This payment page has expired" in page.text
    after = await world.gateway.get_checkout(session.id, None)
    assert (after.status, after.url) == ("expired", None)
    assert await world.receiver.until(1) == ["checkout.session.expired"]
    assert world.event(0).object["id"] == session.id
    assert await world.charged() == 0


async def test_a_session_can_be_closed_early_but_not_once_paid(world):
    session = await world.checkout()
    await world.type_card(session, DECLINED)
    assert (await world.gateway.expire_checkout(session.id, None)).status == "expired"
    assert (await world.type_card(session, PAYS)).status_code == 410
    assert (await world.receiver.until(5))[-2:] == ["payment_intent.canceled", "checkout.session.expired"]
    paid = await world.paid(attempt_id="attempt-2")
    with pytest.raises(GatewayRefused):
        await world.gateway.expire_checkout(paid.id, None)


async def test_a_wrong_request_is_refused_by_name(world):
    for changes, param in (
        ({"amount_pence": 29}, "line_items"),
        ({"expires_at": world.clock.now + timedelta(minutes=29)}, "expires_at"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"customer_email": "nobody"}, "customer_email"),
    ):
        with pytest.raises(GatewayRefused) as refused:
            await world.checkout(**changes)
        assert refused.value.param == param


async def test_events_come_twice_and_reversed_on_demand(world):
    await world.faults(deliveries=[{"action": "reorder", "count": 3}, {"action": "duplicate", "copies": 5}])
    await world.paid()
    kinds = await world.receiver.until(8)
    completed = [number for number, kind in enumerate(kinds) if kind == "checkout.session.completed"]
    assert len(completed) == 5
    assert len({world.event(number).id for number in completed}) == 1
    assert [kind for kind in kinds if kind != "checkout.session.completed"] == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]


async def test_a_refused_event_comes_again_with_a_fresh_signature(world):
    world.receiver.answers = [500, 302]
    await world.faults(
        deliveries=[{"action": "drop", "kind": kind} for kind in ("payment_intent.created", "charge.succeeded")]
    )
    await world.paid()
    kinds = await world.receiver.until(4)
    assert sorted(kinds) == ["checkout.session.completed"] * 2 + ["payment_intent.succeeded"] * 2
    assert len({world.event(number).id for number in range(4)}) == 2


async def test_a_delayed_event_is_late_and_a_dropped_one_is_only_listed(world):
    await world.faults(
        deliveries=[
            {"action": "delay", "seconds": 0.05, "kind": "payment_intent.created"},
            {"action": "drop", "kind": "payment_intent.succeeded"},
        ]
    )
    await world.paid()
    assert await world.receiver.until(3) == ["charge.succeeded", "checkout.session.completed", "payment_intent.created"]
    listed = (await world.api.get("/v1/events", params={"type": "payment_intent.succeeded"})).json()["data"]
    assert len(listed) == 1


async def test_forged_tampered_old_and_future_events_are_refused(world):
    await world.paid()
    await world.receiver.until(4)
    body, signature = world.receiver.taken[3]
    now = int(world.clock.now.timestamp())
    assert world.event(3).kind == "checkout.session.completed"
    for change in (
        {"body": body.replace(b"4500", b"4501")},
        {"body": body + b" "},
        {"body": b"\xff\xfe"},
        {"signature": sign(body, "whsec_of_somebody_else", now)},
        {"signature": ""},
        {"signature": "t=1"},
        {"signature": f"t=now,v1={signature.partition('v1=')[2]}"},
        {"signature": signature.replace("v1=", "v0=")},
        {"signature": signature.replace(f"t={now}", f"t={now + 1}")},
        {"signature": f"t={now},v1=é"},
    ):
        with pytest.raises(EventRefused) as refused:
            world.event(3, **change)
        assert refused.value.code == "signature_invalid"
    for seconds in (301, -301):
        with pytest.raises(EventRefused) as refused:
            world.event(3, now=world.clock.now + timedelta(seconds=seconds))
        assert refused.value.code == "signature_out_of_time"
    for seconds in (300, -300):
        world.event(3, now=world.clock.now + timedelta(seconds=seconds))


async def test_a_signed_body_that_is_no_event_is_refused(world):
    now = int(world.clock.now.timestamp())
    for body in (b"", b"[]", b'{"id": "evt_1"}', json.dumps({"id": 1, "type": None}).encode()):
        with pytest.raises(EventRefused) as refused:
            world.gateway.parse_event(body, sign(body, SECRET, now), world.clock.now)
        assert refused.value.code == "event_malformed"


async def test_a_passing_failure_is_retried_and_charges_once(world):
    await world.faults(calls=[{"action": "fail", "status": 503, "count": 2}])
    session = await world.checkout()
    await world.faults(calls=[{"action": "fail", "status": 500, "stage": "after"}])
    assert (await world.checkout()).id == session.id
    listed = (await world.api.get("/v1/checkout/sessions")).json()["data"]
    assert [each["id"] for each in listed] == [session.id]


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
async def test_a_lasting_failure_may_heal_and_leaves_nothing(world, status):
    await world.faults(calls=[{"action": "fail", "status": status, "count": 3}])
    with pytest.raises(GatewayUnavailable) as unavailable:
        await world.checkout()
    assert unavailable.value.http_status == status
    await world.api.delete("/sandbox/faults")
    assert (await world.api.get("/v1/checkout/sessions")).json()["data"] == []
    assert (await world.checkout()).status == "open"


async def test_a_timeout_after_the_work_does_not_do_it_twice(world):
    paid = await world.paid()
    hasty = world.gateway_with(total_seconds=0.05)
    await world.faults(calls=[{"action": "hang", "seconds": 5, "stage": "after", "path": "/v1/refunds"}])
    arguments = {
        "refund_id": "r-1",
        "payment_intent_id": paid.payment_intent_id,
        "amount_pence": 1_000,
        "reason": "duplicate",
        "connected_account": None,
    }
    with pytest.raises(GatewayUnavailable) as unavailable:
        await hasty.refund(**arguments)
    assert unavailable.value.code == "timeout"
    assert await world.charged() == 3_500
    await world.gateway.refund(**arguments)
    assert await world.charged() == 3_500


async def test_a_failure_stored_under_the_key_comes_back_and_asking_finds_nothing_done(world):
    await world.faults(calls=[{"action": "fail", "status": 500, "stored": True}])
    for _ in range(2):
        with pytest.raises(GatewayUnavailable):
            await world.checkout()
    assert (await world.api.get("/v1/checkout/sessions")).json()["data"] == []


async def test_no_connection_may_heal(world):
    async def broken(_scope, _receive, _send):
        raise ConnectionError("reset")

    with pytest.raises(GatewayUnavailable) as unavailable:
        await world.gateway_with(app=broken).get_checkout("cs_test_1", None)
    assert unavailable.value.code == "connection"


async def test_an_answer_that_is_not_stripes_may_heal(world):
    async def babble(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>"})

    with pytest.raises(GatewayUnavailable):
        await world.gateway_with(app=babble).get_checkout("cs_test_1", None)


async def test_neither_keys_nor_addresses_show_in_errors_and_logs(world, caplog):
    key = "sk_test_wrong_but_secret_0123456789"
    wrong = world.gateway_with(key)
    with caplog.at_level(logging.WARNING), pytest.raises(GatewayRefused) as refused:
        await wrong.get_checkout("cs_test_1", None)
    assert refused.value.http_status == 401
    with pytest.raises(GatewayRefused) as told:
        await world.checkout(customer_email="hidden@nowhere")
    texts = f"{refused.value!r} {refused.value} {told.value!r} {wrong!r} {caplog.text} {vars(refused.value)}"
    for secret in (key, key[-4:], "hidden@nowhere", SECRET):
        assert secret not in texts
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("key", ["sk_live_abc123", "rk_live_abc123"])
def test_a_live_key_goes_to_stripe_only(key):
    with pytest.raises(GatewayRefused) as refused:
        StripeGateway(key, "http://127.0.0.1:8420", SECRET)
    assert refused.value.code == "live_key_for_sandbox"
    assert key not in str(refused.value)
    assert StripeGateway(key, None, SECRET).is_live


@pytest.mark.parametrize("key", ["", "pk_test_abc", "whsec_abc", "sk_test_"])
def test_only_a_secret_key_is_taken(key):
    with pytest.raises(GatewayRefused):
        StripeGateway(key, None, SECRET)


@pytest.mark.parametrize("base", ["http://sandbox.example", "ftp://127.0.0.1", "127.0.0.1:8420", "https://"])
def test_a_sandbox_is_on_this_machine_or_behind_https(base):
    with pytest.raises(GatewayRefused):
        StripeGateway("sk_test_abc", base, SECRET)


async def test_two_calls_at_once_with_one_row_make_one_session(world):
    sessions = await asyncio.gather(*(world.checkout() for _ in range(5)))
    assert len({session.id for session in sessions}) == 1
    assert CANCEL_URL in (await world.api.get(f"/pay/{sessions[0].id}")).text


async def test_a_payee_sets_an_account_up_and_is_paid_directly(world):
    payee = await world.gateway.create_payee(payee_id="p-1", email="payee@example.org", metadata={})
    assert not payee.can_charge
    assert (await world.gateway.create_payee(payee_id="p-1", email="payee@example.org", metadata={})).id == payee.id
    url = await world.gateway.onboarding_url(
        payee.id, return_url="http://market.example/back", refresh_url="http://market.example/again"
    )
    path = url.removeprefix(PUBLIC_URL)
    assert "payee@example.org" in (await world.api.get(path)).text
    assert (await world.api.post(path)).headers["location"] == "http://market.example/back"
    assert await world.receiver.until(1) == ["account.updated"]
    assert world.event(0).account == payee.id
    after = await world.gateway.get_payee(payee.id)
    assert (after.can_charge, after.can_pay_out, after.has_submitted) == (True, True, True)
    assert (await world.api.post(path)).headers["location"] == "http://market.example/again"

    paid = await world.paid(connected_account=payee.id)
    settlement = await world.gateway.get_settlement(paid.payment_intent_id, payee.id)
    assert (settlement.amount_pence, settlement.fee_pence, settlement.net_pence) == (4_500, 88, 4_412)


async def test_an_unpaid_payment_has_no_settlement(world):
    session = await world.checkout()
    await world.type_card(session, DECLINED)
    intent_id = (await world.gateway.get_checkout(session.id, None)).payment_intent_id
    assert await world.gateway.get_settlement(intent_id, None) is None
