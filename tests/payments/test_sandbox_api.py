import contextlib
import json
import lzma

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.payments.sandbox import DEFAULT_API_KEY, SandboxConfig, SandboxRefused, create_sandbox
from marketplace.payments.sandbox.config import config_from_environment
from marketplace.payments.sandbox.errors import ApiError
from marketplace.payments.sandbox.forms import read_form
from tests.payments.sandbox_world import PAYS, PUBLIC_URL, World, open_world
from tests.payments.specimens import specimen

pytestmark = [
    pytest.mark.anyio,
    # The SDK hands its encoded body to httpx under the older name.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

SESSION_FORM = {
    "mode": "payment",
    "success_url": "http://market.example/done",
    "line_items[0][price_data][currency]": "gbp",
    "line_items[0][price_data][unit_amount]": "1000",
    "line_items[0][price_data][product_data][name]": "Visit",
    "line_items[0][quantity]": "2",
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world():
    async with open_world() as world:
        yield world


def error_of(answer):
    return answer.status_code, answer.json()["error"].get("code"), answer.json()["error"].get("param")


async def test_a_call_needs_the_sandboxs_own_key(world):
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer sk_test_other"}, {"Authorization": "Basic !"}):
        answer = await world.api.get("/v1/customers", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert (await world.api.get("/v1/customers", auth=(DEFAULT_API_KEY, ""))).status_code == 200


async def test_a_refused_key_is_not_repeated_in_the_answer(world):
    key = "sk_live_0123456789abcdefghij"
    answer = await world.api.get("/v1/customers", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert key not in answer.text


async def test_an_unknown_address_or_method_is_answered_like_stripe(world):
    for call in (world.api.get("/v1/payouts"), world.api.delete("/v1/customers"), world.api.get("/v1/charges/ch_0/x")):
        answer = await call
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].startswith("Unrecognized request URL (")
    assert error_of(await world.api.get("/v1/charges/ch_unknown")) == (404, "resource_missing", "id")


async def test_answers_carry_a_request_id_and_the_version(world):
    answer = await world.api.get("/v1/customers", headers={"Stripe-Version": "2026-10-28.endive"})
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == "2026-10-28.endive"


async def test_a_session_adds_its_lines_up(world):
    session = (await world.api.post("/v1/checkout/sessions", data=SESSION_FORM)).json()
    assert session["amount_total"] == 2_000
    assert session["url"] == f"{PUBLIC_URL}/pay/{session['id']}"
    assert session["expires_at"] - session["created"] == 24 * 60 * 60


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"mode": ""}, "parameter_missing", "mode"),
        ({"mode": "subscription"}, None, "mode"),
        ({"success_url": "/done"}, "url_invalid", "success_url"),
        ({"line_items[0][quantity]": "two"}, "parameter_invalid_integer", "line_items[0][quantity]"),
        ({"line_items[0][price_data][unit_amount]": "-1"}, "parameter_invalid_integer", "line_items[0]"),
        ({"line_items[0][price_data][unit_amount]": "10"}, "amount_too_small", "line_items"),
        ({"line_items[0][price_data][unit_amount]": "99999999"}, "amount_too_large", "line_items"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_intent_data[colour]": "red"}, "parameter_unknown", "colour"),
        ({"payment_intent_data[application_fee_amount]": "10"}, None, "payment_intent_data"),
        ({"customer": "cus_unknown"}, "resource_missing", "id"),
        ({"metadata[" + "k" * 41 + "]": "v"}, None, "metadata"),
        ({"expires_at": "1"}, None, "expires_at"),
        ({"expires_at": "99999999999"}, None, "expires_at"),
    ],
)
async def test_a_wrong_session_is_refused_and_nothing_is_made(world, changes, code, param):
    answer = await world.api.post("/v1/checkout/sessions", data=SESSION_FORM | changes)
    assert answer.status_code in {400, 404}
    assert error_of(answer)[1:] == (code, param)
    assert (await world.api.get("/v1/checkout/sessions")).json()["data"] == []


async def test_an_idempotency_key_replays_the_answer_and_guards_its_parameters(world):
    headers = {"Idempotency-Key": "row-1"}
    first = await world.api.post("/v1/customers", data={"name": "A"}, headers=headers)
    again = await world.api.post("/v1/customers", data={"name": "A"}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    for path, data in (("/v1/customers", {"name": "B"}), ("/v1/accounts", {"name": "A"})):
        other = await world.api.post(path, data=data, headers=headers)
        assert other.status_code == 400
        assert other.json()["error"]["type"] == "idempotency_error"
    assert len((await world.api.get("/v1/customers")).json()["data"]) == 1


async def test_an_idempotency_key_is_forgotten_after_a_day_and_never_keeps_a_wrong_request(world):
    headers = {"Idempotency-Key": "row-1"}
    assert (await world.api.post("/v1/customers", data={"email": "x"}, headers=headers)).status_code == 400
    first = await world.api.post("/v1/customers", data={"name": "A"}, headers=headers)
    world.clock.move(hours=24, seconds=1)
    later = await world.api.post("/v1/customers", data={"name": "B"}, headers=headers)
    assert later.json()["id"] != first.json()["id"]


async def test_a_key_belongs_to_one_account(world):
    data = {"metadata[sandbox_onboarded]": "yes"}
    account = (await world.api.post("/v1/accounts", data=data)).json()["id"]
    headers = {"Idempotency-Key": "row-1"}
    ours = await world.api.post("/v1/customers", headers=headers)
    theirs = await world.api.post("/v1/customers", headers=headers | {"Stripe-Account": account})
    assert ours.json()["id"] != theirs.json()["id"]


async def test_a_refusal_by_the_state_of_an_object_is_replayed(world):
    paid = await world.paid()
    headers = {"Idempotency-Key": "refund-1"}
    data = {"payment_intent": paid.payment_intent_id, "amount": "4501"}
    refused = await world.api.post("/v1/refunds", data=data, headers=headers)
    assert refused.json()["error"]["message"] == (
        "Refund amount (£45.01) is greater than unrefunded amount on charge (£45.00)"
    )
    again = await world.api.post("/v1/refunds", data=data, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == refused.json()


@pytest.mark.parametrize("amount", ["0", "-5", "1.5", "", "9" * 30])
async def test_an_amount_that_is_none_is_not_refunded(world, amount):
    paid = await world.paid()
    answer = await world.api.post("/v1/refunds", data={"payment_intent": paid.payment_intent_id, "amount": amount})
    assert error_of(answer) == (400, "parameter_invalid_integer", "amount")
    assert await world.charged() == 4_500


async def test_the_balance_shows_fee_and_refund(world):
    paid = await world.paid()
    await world.api.post("/v1/refunds", data={"payment_intent": paid.payment_intent_id, "amount": "500"})
    refund, charge = (await world.api.get("/v1/balance_transactions")).json()["data"]
    assert (charge["type"], charge["amount"], charge["fee"], charge["net"]) == ("charge", 4_500, 88, 4_412)
    assert (refund["type"], refund["amount"], refund["fee"], refund["net"]) == ("refund", -500, 0, -500)
    listed = (await world.api.get("/v1/balance_transactions", params={"source": charge["source"]})).json()["data"]
    assert listed == [charge]


async def test_the_platforms_share_is_taken_from_a_direct_charge(world):
    account = (await world.api.post("/v1/accounts", data={"metadata[sandbox_onboarded]": "yes"})).json()["id"]
    headers = {"Stripe-Account": account}
    form = SESSION_FORM | {"payment_intent_data[application_fee_amount]": "100"}
    session = (await world.api.post("/v1/checkout/sessions", data=form, headers=headers)).json()
    card = {"email": "a@example.com", "name": "A", "number": PAYS, "expiry": "12/34", "cvc": "123"}
    await world.api.post(f"/pay/{session['id']}", data=card)
    (line,) = (await world.api.get("/v1/balance_transactions", headers=headers)).json()["data"]
    assert (line["fee"], line["net"]) == (150, 1_850)
    assert {each["type"] for each in line["fee_details"]} == {"stripe_fee", "application_fee"}


async def test_ids_are_expanded_on_request(world):
    paid = await world.paid()
    path = f"/v1/checkout/sessions/{paid.id}"
    params = {"expand[]": "payment_intent.latest_charge.balance_transaction"}
    session = (await world.api.get(path, params=params)).json()
    assert session["payment_intent"]["latest_charge"]["balance_transaction"]["net"] == 4_412
    listed = (await world.api.get("/v1/charges", params={"expand[]": "data.balance_transaction"})).json()
    assert listed["data"][0]["balance_transaction"]["net"] == 4_412
    assert error_of(await world.api.get(path, params={"expand[]": "colour"})) == (400, None, "expand")
    assert (await world.api.get(path)).json()["payment_intent"] == paid.payment_intent_id


async def test_lists_are_paged_newest_first(world):
    made = []
    for _ in range(5):
        made.append((await world.api.post("/v1/customers")).json()["id"])
        world.clock.move(seconds=1)
    first = (await world.api.get("/v1/customers", params={"limit": 2})).json()
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (made[:2:-1], True)
    rest = (await world.api.get("/v1/customers", params={"limit": 3, "starting_after": made[3]})).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (made[2::-1], False)
    since = int(world.clock.now.timestamp()) - 2
    recent = (await world.api.get("/v1/customers", params={"created[gte]": since})).json()
    assert [each["id"] for each in recent["data"]] == made[:2:-1]
    for params in ({"limit": 0}, {"limit": 101}, {"colour": "red"}, {"created[gte]": "soon"}):
        assert (await world.api.get("/v1/customers", params=params)).status_code == 400


async def test_objects_of_one_account_are_invisible_to_another(world):
    account = (await world.api.post("/v1/accounts", data={"metadata[sandbox_onboarded]": "yes"})).json()["id"]
    theirs = {"Stripe-Account": account}
    customer = (await world.api.post("/v1/customers", headers=theirs)).json()["id"]
    assert (await world.api.get(f"/v1/customers/{customer}")).status_code == 404
    assert (await world.api.post(f"/v1/customers/{customer}", data={"name": "X"})).status_code == 404
    assert (await world.api.get("/v1/customers")).json()["data"] == []
    assert (await world.api.get(f"/v1/customers/{customer}", headers=theirs)).json()["name"] is None
    assert (await world.api.get("/v1/account", headers=theirs)).json()["id"] == account


async def test_metadata_is_merged_and_emptied(world):
    paid = await world.paid()
    path = f"/v1/payment_intents/{paid.payment_intent_id}"
    data = {"metadata[booking_id]": "", "metadata[run]": "7", "description": "Changed"}
    intent = (await world.api.post(path, data=data)).json()
    assert intent["metadata"] == {"payment_attempt_id": "attempt-1", "run": "7"}
    assert (await world.api.get(path)).json()["description"] == "Changed"


async def test_faults_need_the_key_and_this_machine(world):
    assert (await world.api.get("/sandbox/faults", headers={"Authorization": ""})).status_code == 401
    outside = httpx.ASGITransport(world.app, client=("192.0.2.7", 1))
    headers = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
    async with httpx.AsyncClient(transport=outside, base_url="http://x", headers=headers) as stranger:
        for call in (stranger.get, stranger.post, stranger.delete):
            assert (await call("/sandbox/faults")).status_code == 403
    for plan in ({"calls": [{"action": "explode"}]}, {"deliveries": [{"action": "drop", "count": 0}]}, []):
        assert (await world.api.post("/sandbox/faults", json=plan)).status_code == 400
    await world.faults(calls=[{"action": "fail"}])
    assert len((await world.api.get("/sandbox/faults")).json()["calls"]) == 1
    await world.api.delete("/sandbox/faults")
    assert (await world.api.get("/v1/customers")).status_code == 200


async def test_a_fault_hits_only_its_path(world):
    await world.faults(calls=[{"action": "fail", "path": "/v1/refunds"}])
    assert (await world.api.get("/v1/customers")).status_code == 200
    assert (await world.api.get("/v1/refunds")).status_code == 500
    assert (await world.api.get("/v1/refunds")).status_code == 200


async def test_everything_survives_a_restart(tmp_path):
    file = tmp_path / "sandbox.db"
    async with open_world(state_file=file) as world:
        await world.faults(deliveries=[{"action": "delay", "seconds": 60, "kind": "checkout.session.completed"}])
        paid = await world.paid()
        unpaid = await world.checkout(attempt_id="attempt-2")
        assert len(await world.receiver.until(3)) == 3
    assert file.stat().st_mode & 0o077 == 0
    async with open_world(state_file=file) as world:
        assert await world.receiver.until(1) == ["checkout.session.completed"]
        assert (await world.gateway.get_checkout(paid.id, None)).payment_status == "paid"
        assert (await world.checkout(attempt_id="attempt-2")).id == unpaid.id
        assert (await world.type_card(unpaid, PAYS)).status_code == 303
        assert await world.charged() == 9_000


async def test_no_card_number_is_kept(tmp_path):
    async with open_world(state_file=tmp_path / "sandbox.db") as world:
        await world.type_card(await world.checkout(), "4000002500003155")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"payer@example.com" in content
    assert b"4000002500003155" not in content


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "sk_live_abc"},
        {"api_key": "rk_live_abc"},
        {"api_key": "something"},
        {"public_base_url": "sandbox"},
        {"webhook_url": "file:///etc/passwd"},
        {"webhook_secret": ""},
    ],
)
def test_an_unsafe_configuration_is_refused(changes):
    with pytest.raises(SandboxRefused):
        World(**changes)


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "SANDBOX_API_KEY", "ANYTHING"])
@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc", " sk_live_abc\n"])
def test_a_live_key_anywhere_in_the_environment_stops_the_sandbox(name, key):
    with pytest.raises(SandboxRefused) as refused:
        config_from_environment({name: key}, host="127.0.0.1", port=1)
    assert key.strip() not in str(refused.value)


def test_a_live_key_in_a_file_stops_the_sandbox(tmp_path):
    file = tmp_path / "key"
    file.write_text("sk_live_abc\n")
    with pytest.raises(SandboxRefused):
        config_from_environment({"STRIPE_SECRET_KEY_FILE": str(file)}, host="127.0.0.1", port=1)


def test_the_environment_configures_the_sandbox(tmp_path):
    config = config_from_environment(
        {
            "SANDBOX_PUBLIC_URL": "https://pay.example/",
            "SANDBOX_WEBHOOK_URL": "http://127.0.0.1:8000/webhooks/stripe",
            "SANDBOX_WEBHOOK_SECRET": "whsec_x",
            "SANDBOX_STATE_FILE": str(tmp_path / "state.db"),
        },
        host="127.0.0.1",
        port=8420,
    )
    assert config == SandboxConfig(
        public_base_url="https://pay.example",
        webhook_url="http://127.0.0.1:8000/webhooks/stripe",
        webhook_secret="whsec_x",
        state_file=tmp_path / "state.db",
    )
    assert config_from_environment({}, host="127.0.0.1", port=8420).public_base_url == "http://127.0.0.1:8420"


@settings(deadline=None)
@given(st.text(alphabet="ab01[]=&%+", max_size=40))
def test_any_form_is_read_or_refused(text):
    with contextlib.suppress(ApiError):
        assert isinstance(read_form(text), dict)


def test_nested_forms_become_dicts_and_lists():
    assert read_form("a[b][]=1&a[b][]=2&c[1][x]=y&c[0][x]=z&d=&e=%C3%A9") == {
        "a": {"b": ["1", "2"]},
        "c": [{"x": "z"}, {"x": "y"}],
        "d": "",
        "e": "é",
    }


# Shown only when expanded, or in Stripe's own test accounts.
NOT_ALWAYS_SHOWN = {"charge": {"refunds", "source"}, "payment_intent": {"source"}}


@pytest.mark.shared
async def test_objects_have_the_fields_of_stripes_published_fixtures(world):
    fixtures = json.loads(lzma.decompress(specimen("stripe_fixtures3_2026-07-29.json.xz").read_bytes()))["resources"]
    paid = await world.paid()
    await world.api.post("/v1/refunds", data={"payment_intent": paid.payment_intent_id, "amount": "500"})
    await world.api.post("/sandbox/disputes", json={"payment_intent": paid.payment_intent_id, "action": "open"})
    await world.api.post("/v1/customers")
    account = (await world.api.post("/v1/accounts")).json()
    link_form = {"account": account["id"], "type": "account_onboarding"} | dict.fromkeys(
        ("return_url", "refresh_url"), "http://market.example/"
    )
    ours = {"account": account, "account_link": (await world.api.post("/v1/account_links", data=link_form)).json()}
    for kind, path in (
        ("checkout.session", "checkout/sessions"),
        ("payment_intent", "payment_intents"),
        ("charge", "charges"),
        ("refund", "refunds"),
        ("dispute", "disputes"),
        ("customer", "customers"),
        ("balance_transaction", "balance_transactions"),
        ("event", "events"),
    ):
        ours[kind] = (await world.api.get(f"/v1/{path}")).json()["data"][0]
    for kind, body in ours.items():
        published = fixtures[kind]
        assert set(body) - set(published) == set(), kind
        assert set(published) - set(body) <= NOT_ALWAYS_SHOWN.get(kind, set()), kind
        for name, value in body.items():
            if value is not None and published[name] is not None:
                assert type(value) is type(published[name]), f"{kind}.{name}"
    card = fixtures["charge"]["payment_method_details"]["card"]
    assert set(ours["charge"]["payment_method_details"]["card"]) == set(card)


def test_the_application_can_be_made_without_a_webhook():
    assert create_sandbox(SandboxConfig(public_base_url=PUBLIC_URL))
