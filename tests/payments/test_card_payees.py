"""Payees at Stripe: set-up on the sandbox's page and back, what is still wanted, restricted and cut-off accounts."""

import json
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from marketplace.payments import tasks_cards
from marketplace.payments.models import CardPayee
from marketplace.payments.routes.card_payees import words_of
from tests.browser import count
from tests.factories_bookings import make_scene
from tests.payments.card_world import open_site, paid, run_tasks

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def new_payee(site, db):
    scene = await make_scene(db, direct_payment=False)
    await db.execute(
        text("UPDATE organisations SET email = 'office@payee.example', home_council_id = :c WHERE id = :id"),
        {"c": scene.council.id, "id": scene.organisation.id},
    )
    return scene, await site.signed_in(scene.provider)


async def payee(db, scene):
    return await db.get(CardPayee, scene.organisation.id, populate_existing=True)


async def test_the_set_up_from_the_first_page_to_the_first_payment(site, db):
    scene, provider = await new_payee(site, db)
    first = await provider.open("/provider/cards")
    assert "Set up card payments" in first.words
    sent = await provider.post("/provider/cards/start")
    page = urlsplit(sent.location)
    assert page.path.startswith("/onboard/")
    assert (await payee(db, scene)).can_take_payments is False
    assert "You cannot be paid by card at the moment" in (await provider.open("/provider/cards")).words

    part = await site.stripe.api.post(page.path, data={"answer": "part"})
    assert urlsplit(part.headers["location"]).path == "/provider/cards/back"
    assert (await provider.get("/provider/cards/back", expect=303)).location == "/provider/cards"
    still = await provider.open("/provider/cards")
    assert "a proof of your identity" in still.words

    used_up = await site.stripe.api.get(page.path)
    assert urlsplit(used_up.headers["location"]).path == "/provider/cards/refresh"
    again = await provider.get("/provider/cards/refresh", expect=303)
    assert urlsplit(again.location).path.startswith("/onboard/")
    await site.stripe.api.post(urlsplit(again.location).path, data={"answer": "all"})
    await site.tell("account.updated")
    await run_tasks(db)
    row = await payee(db, scene)
    assert (row.can_take_payments, row.can_be_paid_out, row.is_complete, row.asked_for) == (True, True, True, [])
    assert await count(db, "messages", "template = 'card_payee_open'") == 1
    assert len(list(site.stripe.app.state.sandbox.store.each("account"))) == 2, "the platform's own and one payee"
    account = row.stripe_account_id

    person = await site.signed_in(scene.member)
    assert (await person.post("/bookings", scene.form())).location.endswith("/go")
    charged = await site.stripe.api.get("/v1/checkout/sessions", headers={"Stripe-Account": account})
    assert charged.status_code == 200


async def test_an_answer_lost_while_the_account_is_opened_opens_one_account(site, db):
    scene, provider = await new_payee(site, db)
    fault = {"action": "fail", "path": "/v1/accounts", "stage": "after", "count": 3}
    await site.stripe.order("faults", calls=[fault])
    assert "does not answer" in (await provider.post("/provider/cards/start", expect=503)).text
    assert await payee(db, scene) is None
    await site.stripe.api.delete("/sandbox/faults")
    await provider.post("/provider/cards/start")
    await provider.post("/provider/cards/start")
    assert len(list(site.stripe.app.state.sandbox.store.each("account"))) == 2


async def test_without_an_email_address_the_page_says_what_to_do(site, db):
    scene, provider = await new_payee(site, db)
    await db.execute(text("UPDATE organisations SET email = '' WHERE id = :id"), {"id": scene.organisation.id})
    page = await provider.post("/provider/cards/start", expect=422)
    assert "Add an email address" in page.errors()["start"]


async def test_a_restricted_account_takes_no_new_cards_and_the_payee_is_told(site, db):
    scene, _, _, _ = await paid(site, db)
    account = (await payee(db, scene)).stripe_account_id
    await site.stripe.order("accounts", account=account, action="restrict")
    for event in reversed(site.stripe.events("account.updated")):
        await site.hook(event)
        await site.hook(event)
    await run_tasks(db)
    await tasks_cards.sweep_cards()
    row = await payee(db, scene)
    assert row.can_take_payments is False
    assert "external_account" in row.asked_for
    provider = await site.signed_in(scene.provider)
    page = await provider.open("/provider/cards")
    assert "your bank account" in page.words
    person = await site.signed_in(scene.member)
    refused = await person.post("/bookings", scene.form(starts_local="14:00"), expect=422)
    assert "cannot be paid by card here yet" in refused.words


async def test_old_news_about_an_account_never_beats_what_stripe_says_now(site, db):
    scene, _, _, _ = await paid(site, db)
    account = (await payee(db, scene)).stripe_account_id
    await site.stripe.order("accounts", account=account, action="restrict")
    await site.stripe.order("accounts", account=account, action="open")
    closed, opened = site.stripe.events("account.updated")[-2:]
    for event in (opened, closed):
        await site.hook(event)
        await run_tasks(db)
    await db.execute(text("UPDATE stripe_events SET received_at = received_at - interval '2 minutes'"))
    await tasks_cards.sweep_cards()
    assert (await payee(db, scene)).can_take_payments is True


async def test_an_account_that_took_our_access_away_is_closed_here(site, db):
    scene, _, _, _ = await paid(site, db)
    row = await payee(db, scene)
    strange = "acct_of_nobody_here"
    await db.execute(text("UPDATE card_payees SET stripe_account_id = :a"), {"a": strange})
    event = json.loads(json.dumps(site.stripe.events("checkout.session.completed")[0]))
    event |= {"id": "evt_gone", "type": "account.application.deauthorized", "account": strange}
    event["data"] = {"object": {"id": "ca_1", "object": "application"}}
    await site.hook(event)
    await run_tasks(db)
    await db.execute(text("UPDATE stripe_events SET received_at = received_at - interval '2 minutes'"))
    await tasks_cards.sweep_cards()
    row = await payee(db, scene)
    assert (row.can_take_payments, row.disabled_why) == (False, "access_removed")
    assert "does not show us" in (await (await site.signed_in(scene.provider)).open("/provider/cards")).words


async def test_news_of_an_account_that_is_nobodys_is_noted_and_done_with(site, db):
    await paid(site, db)
    event = json.loads(json.dumps(site.stripe.events("checkout.session.completed")[0]))
    event |= {"id": "evt_stranger", "type": "account.updated", "account": "acct_stranger"}
    await site.hook(event)
    assert await count(db, "stripe_events", "outcome = 'unknown account' AND handled_at IS NOT NULL") == 1


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["external_account"], 1),
        (["individual.verification.document", "individual.dob.day", "individual.dob.month"], 2),
        (["something_new", "something_else"], 1),
        ([], 0),
    ],
)
def test_what_stripe_wants_is_said_once_and_in_plain_words(names, words):
    assert len(words_of(names)) == words
