"""The sandbox's control page and orders: faults, disputes, refunds that fail, restricted accounts."""

import pytest
import stripe

from marketplace.payments.stripe_gateway import GatewayUnavailable
from tests.payments.sandbox_world import open_world, visible_text


@pytest.fixture
async def world(monkeypatch):
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)
    async with open_world() as made:
        yield made


async def press(world, button, object_id="", **headers):
    return await world.api.post("/sandbox", data={"do": button, "id": object_id}, headers=headers)


async def test_the_page_orders_faults_and_forgets_them(world):
    page = visible_text((await world.api.get("/sandbox")).text)
    assert "Next 3 events come twice" in page
    for _ in range(2):
        assert (await press(world, "broken")).status_code == 200
    with pytest.raises(GatewayUnavailable):
        await world.checkout()
    said = visible_text((await press(world, "forget")).text)
    assert "Nothing goes wrong any more" in said
    await world.checkout()


@pytest.mark.parametrize("button", ["slow", "silent", "unheard", "broken", "busy", "late", "twice", "turned", "lost"])
async def test_every_fault_of_the_page_is_queued(world, button):
    await press(world, button)
    faults = (await world.api.get("/sandbox/faults")).json()
    assert len(faults["calls"]) + len(faults["deliveries"]) == 1


async def test_other_sites_cannot_press_its_buttons(world):
    answer = await press(world, "broken", **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert (await world.api.get("/sandbox/faults")).json() == {"calls": [], "deliveries": []}


async def test_a_payment_is_disputed_answered_and_decided(world):
    await world.paid()
    charge = (await world.api.get("/v1/charges")).json()["data"][0]
    assert "Dispute it" in visible_text((await world.api.get("/sandbox")).text)
    for button in ("dispute", "answer", "won", "lost", "nothing"):
        await press(world, button, charge["id"])
    dispute = (await world.api.get("/v1/disputes")).json()["data"][0]
    assert (dispute["status"], dispute["amount"]) == ("won", 4_500)
    lines = (await world.api.get("/v1/balance_transactions", params={"type": "adjustment"})).json()["data"]
    assert sorted(line["amount"] for line in lines) == [-4_500, 4_500]
    kinds = await world.receiver.until(9)
    assert [kind for kind in kinds if "dispute" in kind] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


async def test_a_refund_is_turned_down_from_the_page(world):
    paid = await world.paid()
    await world.api.post("/v1/refunds", data={"payment_intent": paid.payment_intent_id, "amount": "500"})
    charge = (await world.api.get("/v1/charges")).json()["data"][0]
    await press(world, "fail-refund", charge["id"])
    refund = (await world.api.get("/v1/refunds")).json()["data"][0]
    assert (refund["status"], refund["failure_reason"]) == ("failed", "expired_or_canceled_card")
    assert (await world.api.get("/v1/charges")).json()["data"][0]["amount_refunded"] == 0
    lines = (await world.api.get("/v1/balance_transactions")).json()["data"]
    assert sum(line["amount"] for line in lines) == 4_500


async def test_an_account_is_restricted_and_opened_again(world):
    account = (await world.api.post("/v1/accounts", data={"type": "express", "country": "GB"})).json()["id"]
    await press(world, "open", account)
    assert (await world.gateway.get_payee(account)).can_charge
    await press(world, "restrict", account)
    payee = await world.gateway.get_payee(account)
    assert (payee.can_charge, payee.disabled_why) == (False, "requirements.past_due")
    assert "external_account" in payee.asked_for


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("disputes", {"payment_intent": "pi_x", "action": "open"}, 404),
        ("disputes", {"payment_intent": "pi_x", "action": "explode"}, 400),
        ("refunds", {"refund": "re_x", "action": "fail"}, 404),
        ("accounts", {"account": "acct_x", "action": "restrict"}, 404),
        ("accounts", {}, 400),
    ],
)
async def test_orders_that_make_no_sense_are_refused(world, path, body, status):
    assert (await world.api.post(f"/sandbox/{path}", json=body)).status_code == status


async def test_orders_need_the_sandboxs_key(world):
    answer = await world.api.post("/sandbox/disputes", json={}, headers={"Authorization": "Bearer sk_test_x"})
    assert answer.status_code == 401


async def test_a_disputed_charge_is_not_refunded(world):
    paid = await world.paid()
    await world.api.post("/sandbox/disputes", json={"payment_intent": paid.payment_intent_id, "action": "open"})
    answer = await world.api.post("/v1/refunds", data={"payment_intent": paid.payment_intent_id})
    assert answer.json()["error"]["code"] == "charge_disputed"
