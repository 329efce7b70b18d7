"""Refunds of card payments: whole, part, above the limit, turned down, by hand, and never more than was taken."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.permissions import Role
from marketplace.bookings import BookingStatus
from marketplace.core.database import scope_to
from marketplace.core.errors import broken_constraint
from marketplace.core.ids import new_id
from marketplace.payments import tasks_cards
from marketplace.payments.models import CardPayment, CardRefund
from marketplace.payments.service.cards import use_gateway
from marketplace.payments.states import CardStatus, RefundStatus
from tests.browser import count, events
from tests.factories_bookings import make_scene
from tests.payments.card_world import balance, hold, open_site, paid, run_tasks, staff, stand

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

REFUND_FAILS = "4000 0000 0000 5126"
REFUND_WAITS = "4000 0000 0000 7726"


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def refunds(db, payment_id):
    await scope_to(db, "every")
    rows = await db.scalars(
        select(CardRefund)
        .where(CardRefund.payment_id == payment_id)
        .order_by(CardRefund.id)
        .execution_options(populate_existing=True)
    )
    return [(row.status, row.amount_pence) for row in rows]


async def limit(db, council, pence):
    await scope_to(db, "every")
    await db.execute(
        text(
            "INSERT INTO council_settings (id, council_id, key, value, starts_on, source, set_at) VALUES "
            "(gen_random_uuid(), :council, 'payments.refund_limit_pence', CAST(:value AS jsonb), '2027-01-01', '', "
            "now())"
        ),
        {"council": council.id, "value": f'{{"value": {pence}}}'},
    )


async def test_a_payee_gives_a_part_back_and_the_visit_stays(site, db):
    scene, _, payment_id, _ = await paid(site, db)
    provider = await site.signed_in(scene.provider)
    listed = await provider.open("/refunds")
    assert "£16.00" in listed.words
    page = await provider.open(f"/refunds/payments/{payment_id}")
    assert scene.person.name not in page.text
    form = {"amount": "5.00", "reason": "Half an hour too short"}
    await provider.post(f"/refunds/payments/{payment_id}", form)
    await run_tasks(db)
    assert site.stripe.money() == [(1_600, 500)]
    assert await refunds(db, payment_id) == [(RefundStatus.ASKED, 500)], "money moves when Stripe's event says so"
    await site.tell("refund.created", "charge.refunded")
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.REQUESTED, 1_100, 500)
    assert await refunds(db, payment_id) == [(RefundStatus.DONE, 500)]
    for amount, words in (("11.01", "1p to £11.00"), ("0", "£0.01 or more"), ("x", "must be an amount")):
        refused = await provider.post(
            f"/refunds/payments/{payment_id}", {"amount": amount, "reason": "More"}, expect=422
        )
        assert words in refused.errors()["amount"]
    await provider.post(f"/refunds/payments/{payment_id}", {"amount": "11", "reason": "The rest"})
    await run_tasks(db)
    await site.tell("refund.created", "charge.refunded")
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.REFUNDED, BookingStatus.CANCELLED, 0, 1_600)
    await provider.post(f"/refunds/payments/{payment_id}", {"amount": "1", "reason": "Again"}, expect=409)
    await hold(db)


async def test_a_double_click_gives_back_once(site, db):
    scene, _, payment_id, _ = await paid(site, db)
    provider = await site.signed_in(scene.provider)
    form = {"amount": "5.00", "reason": "Too short", "form_id": "one-page"}
    await provider.post(f"/refunds/payments/{payment_id}", form)
    await provider.post(f"/refunds/payments/{payment_id}", form)
    assert await refunds(db, payment_id) == [(RefundStatus.ASKED, 500)]


async def test_above_the_limit_a_second_person_agrees_and_parts_count_together(site, db):
    scene, _, payment_id, _ = await paid(site, db)
    await limit(db, scene.council, 1_000)
    finance = await site.signed_in(await staff(db, Role.FINANCE, scene.council))
    checker = await staff(db, Role.FINANCE_CHECKER, scene.council)
    await finance.post(f"/refunds/payments/{payment_id}", {"amount": "6", "reason": "Too short"})
    page = await finance.post(f"/refunds/payments/{payment_id}", {"amount": "6", "reason": "And again"})
    assert await refunds(db, payment_id) == [(RefundStatus.ASKED, 600), (RefundStatus.WAITING, 600)]
    await run_tasks(db)
    assert site.stripe.money() == [(1_600, 600)], "what waits has not left"
    receipt = f"/payments/cards/{payment_id}/done"
    assert "£6.00 of it goes back" in (await (await site.signed_in(scene.member)).open(receipt)).words
    await finance.post(page.location, {"amount": "4.01", "reason": "Too much"}, expect=422)
    assert await count(db, "messages", "template = 'card_refund_waits'") == 1
    waiting = (await db.scalars(select(CardRefund.id).where(CardRefund.status == RefundStatus.WAITING))).one()
    await finance.get(f"/refunds-to-agree/{waiting}", expect=403)
    second = await site.signed_in(checker)
    assert "£6.00" in (await second.open("/refunds-to-agree")).words
    await second.open(f"/refunds-to-agree/{waiting}")
    wrong = await second.post(f"/refunds-to-agree/{waiting}", {"answer": "refuse", "reason": ""}, expect=422)
    assert wrong.errors()
    await second.post(f"/refunds-to-agree/{waiting}", {"answer": "agree"})
    await second.post(f"/refunds-to-agree/{waiting}", {"answer": "agree"}, expect=409)
    assert "£12.00 of it goes back" in (await (await site.signed_in(scene.member)).open(receipt)).words
    await run_tasks(db)
    await site.tell("refund.created")
    await run_tasks(db)
    assert await refunds(db, payment_id) == [(RefundStatus.DONE, 600), (RefundStatus.DONE, 600)]
    assert await count(db, "audit_entries", "action = 'payments.agree_card_refund'") == 1
    await hold(db)


async def test_two_people_of_one_payee_share_the_limit(site, db):
    scene, _, payment_id, _ = await paid(site, db)
    await limit(db, scene.council, 1_000)
    for name, status in (("One", RefundStatus.ASKED), ("Two", RefundStatus.WAITING)):
        member = await staff(db, Role.FINANCE, scene.council)
        finance = await site.signed_in(member)
        await finance.post(f"/refunds/payments/{payment_id}", {"amount": "7", "reason": name})
        assert (await refunds(db, payment_id))[-1] == (status, 700)
    await hold(db)


async def test_who_asked_cannot_agree_and_a_no_frees_the_sum(site, db):
    scene, _, payment_id, _ = await paid(site, db)
    await limit(db, scene.council, 100)
    finance = await staff(db, Role.FINANCE, scene.council)
    await (await site.signed_in(finance)).post(
        f"/refunds/payments/{payment_id}", {"amount": "16", "reason": "All of it"}
    )
    waiting = (await db.scalars(select(CardRefund))).one()
    waiting_id = waiting.id
    both = await staff(db, Role.FINANCE_CHECKER, scene.council)
    await db.execute(
        text("UPDATE card_refunds SET asked_by_user_id = :user"), {"user": both.user.id}
    )  # The same person in both roles.
    checker = await site.signed_in(both)
    assert "another person must agree" in (await checker.open(f"/refunds-to-agree/{waiting_id}")).words
    await checker.post(f"/refunds-to-agree/{waiting_id}", {"answer": "agree"}, expect=403)
    await checker.post(f"/refunds-to-agree/{waiting_id}", {"answer": "refuse", "reason": "The visit took place"})
    assert await refunds(db, payment_id) == [(RefundStatus.REFUSED, 1_600)]
    await (await site.signed_in(finance)).post(f"/refunds/payments/{payment_id}", {"amount": "1", "reason": "A part"})
    await hold(db)


async def test_other_payees_and_other_councils_find_nothing(site, db):
    _, person, payment_id, _ = await paid(site, db)
    other = await make_scene(db)
    stranger = await site.signed_in(other.provider)
    await stranger.get(f"/refunds/payments/{payment_id}", expect=404)
    await stranger.post(f"/refunds/payments/{payment_id}", {"amount": "1", "reason": "x"}, expect=404)
    abroad = await site.signed_in(await staff(db, Role.FINANCE, other.council))
    await abroad.get(f"/refunds/payments/{payment_id}", expect=404)
    assert (await abroad.open("/refunds")).words.count("£16.00") == 0
    await person.get("/refunds", expect=403)


async def test_a_refund_that_the_bank_turns_down_brings_the_money_back(site, db):
    scene, _, payment_id, _ = await paid(site, db, REFUND_FAILS)
    provider = await site.signed_in(scene.provider)
    await provider.post(f"/refunds/payments/{payment_id}", {"amount": "5", "reason": "Too short"})
    await run_tasks(db)
    told = {one["type"]: one for one in site.stripe.events() if one["type"].startswith("refund.")}
    await site.hook(told["refund.created"])
    await run_tasks(db)
    assert (await stand(db, payment_id))[2:] == (1_100, 500)
    await site.hook(told["refund.failed"])
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.REQUESTED, 1_600, 0)
    assert await refunds(db, payment_id) == [(RefundStatus.FAILED, 500)]
    assert await count(db, "messages", "template = 'card_refund_failed'") > 0
    await provider.post(f"/refunds/payments/{payment_id}", {"amount": "16", "reason": "Try once more"})
    await hold(db)


@pytest.mark.parametrize("order", [*permutations(range(3)), (2, 2, 0, 1, 0)])
async def test_a_failed_refund_ends_the_same_in_every_order(site, db, order):
    _, _, payment_id, intent = await paid(site, db, REFUND_FAILS)
    payment = await db.get_one(CardPayment, payment_id)
    await site.stripe.gateway.refund(
        refund_id=new_id(),
        payment_intent_id=intent,
        amount_pence=1_600,
        reason="duplicate",
        connected_account=payment.stripe_account_id,
    )
    kinds = ("refund.created", "refund.failed", "charge.refunded")
    told = [site.stripe.events(kind)[0] for kind in kinds]
    for number in order:
        await site.hook(told[number])
        await run_tasks(db)
    received, held = await balance(db, payment_id)
    assert (received, held) == (1_600, 0)
    assert (await stand(db, payment_id))[0] is CardStatus.PAID
    await hold(db)


async def test_a_refund_that_waits_at_stripe_is_done_when_stripe_says_so(site, db, clock):
    scene, _, payment_id, _ = await paid(site, db, REFUND_WAITS)
    await (await site.signed_in(scene.provider)).post(
        f"/refunds/payments/{payment_id}", {"amount": "5", "reason": "Too short"}
    )
    await run_tasks(db)
    await site.tell("refund.created", "charge.refunded")
    await run_tasks(db)
    assert await refunds(db, payment_id) == [(RefundStatus.ASKED, 500)]
    for _ in range(3):
        await tasks_cards.sweep_cards()
    refund = next(iter(site.stripe.app.state.sandbox.store.each("refund")))
    await site.stripe.order("refunds", refund=refund.id, action="finish")
    await tasks_cards.sweep_cards()
    assert await refunds(db, payment_id) == [(RefundStatus.DONE, 500)]
    assert site.stripe.money() == [(1_600, 500)]
    await hold(db)


async def test_money_given_back_by_hand_comes_before_what_waits_here(site, db):
    scene, _, payment_id, intent = await paid(site, db)
    await limit(db, scene.council, 100)
    finance = await site.signed_in(await staff(db, Role.FINANCE, scene.council))
    await finance.post(f"/refunds/payments/{payment_id}", {"amount": "10", "reason": "Most of it"})
    payment = await db.get_one(CardPayment, payment_id)
    await site.stripe.gateway.refund(
        refund_id="by-hand",
        payment_intent_id=intent,
        amount_pence=1_200,
        reason="duplicate",
        connected_account=payment.stripe_account_id,
    )
    await site.tell("refund.created")
    await run_tasks(db)
    assert await refunds(db, payment_id) == [(RefundStatus.REFUSED, 1_000), (RefundStatus.DONE, 1_200)]
    await hold(db)


@pytest.mark.parametrize("stored", [False, True])
async def test_a_refund_is_made_once_whatever_stripe_answers(site, db, clock, stored):
    """An answer lost after the work, and a breakdown that Stripe repeats under its key, both end in one refund."""
    scene, _, payment_id, _ = await paid(site, db)
    stage = "before" if stored else "after"
    fault = {"action": "fail", "path": "/v1/refunds", "stage": stage, "count": 3, "stored": stored}
    await site.stripe.order("faults", calls=[fault])
    await (await site.signed_in(scene.provider)).post(
        f"/refunds/payments/{payment_id}", {"amount": "5", "reason": "Too short"}
    )
    for delivery in await tasks_cards_relay(db):
        with pytest.raises(Exception, match="HTTP 500"):
            await delivery()
    await site.stripe.api.delete("/sandbox/faults")
    for hours in (0, 0, 2, 0):
        clock.advance(timedelta(hours=hours))
        await tasks_cards.sweep_cards()
    assert await refunds(db, payment_id) == [(RefundStatus.DONE, 500)]
    assert site.stripe.money() == [(1_600, 500)]
    assert len(list(site.stripe.app.state.sandbox.store.each("refund"))) == 1
    await hold(db)


async def tasks_cards_relay(db):
    """The refund messages that wait, as calls to make."""
    from marketplace.core import outbox
    from marketplace.payments.card_events import CardRefundAsked

    found = []
    for delivery in await outbox.relay(db):
        if delivery.task == "payments.send_card_refund":
            body = (
                await db.execute(
                    text("SELECT council_id, body FROM outbox_messages WHERE id = :id"), {"id": delivery.message_id}
                )
            ).one()
            event = CardRefundAsked(
                council_id=body.council_id,
                card_payment_id=body.body["card_payment_id"],
                card_refund_id=body.body["card_refund_id"],
            )
            found.append(lambda event=event: tasks_cards.send_card_refund(new_id(), event))
    await scope_to(db, "every")
    return found


async def test_stripe_refusing_for_good_is_a_failed_refund_that_people_see(site, db):
    scene, _, payment_id, intent = await paid(site, db)
    await site.stripe.order("disputes", payment_intent=intent, action="open")
    await (await site.signed_in(scene.provider)).post(
        f"/refunds/payments/{payment_id}", {"amount": "5", "reason": "Too short"}
    )
    await run_tasks(db)
    assert await refunds(db, payment_id) == [(RefundStatus.FAILED, 500)]
    assert (await stand(db, payment_id))[0] is CardStatus.DISPUTED, "asking for the refund showed the dispute, too"
    await hold(db)


async def test_the_database_refuses_more_than_was_taken(site, db):
    _, _, payment_id, _ = await paid(site, db)
    council_id = (await db.get_one(CardPayment, payment_id)).council_id
    row = (
        "INSERT INTO card_refunds (id, council_id, payment_id, amount_pence, status, reason, asked_at, failed_why, "
        "version) VALUES (gen_random_uuid(), :council, :payment, :pence, :status, '', now(), '', 1)"
    )
    facts = {"council": council_id, "payment": payment_id}
    await db.execute(text(row), facts | {"pence": 1_000, "status": "asked"})
    await db.execute(text(row), facts | {"pence": 1_600, "status": "refused"})
    with pytest.raises(IntegrityError) as caught:
        async with db.begin_nested():
            await db.execute(text(row), facts | {"pence": 601, "status": "waiting"})
    assert broken_constraint(caught.value) == "refunds_within_captured"
    with pytest.raises(IntegrityError):
        async with db.begin_nested():
            await db.execute(text("UPDATE card_refunds SET status = 'asked'"))
    await db.execute(text(row), facts | {"pence": 600, "status": "waiting"})


async def test_old_messages_without_a_refund_still_send_it(site, db):
    from marketplace.payments.card_events import CardRefundAsked

    scene, _, payment_id, _ = await paid(site, db)
    use_gateway(None)
    await (await site.signed_in(scene.provider)).post(
        f"/refunds/payments/{payment_id}", {"amount": "5", "reason": "Too short"}
    )
    use_gateway(site.stripe.gateway)
    payment = await db.get_one(CardPayment, payment_id)
    event = CardRefundAsked(council_id=payment.council_id, card_payment_id=payment.id)
    await tasks_cards.send_card_refund(new_id(), event)
    await tasks_cards.send_card_refund(new_id(), event)
    await scope_to(db, "every")
    assert site.stripe.money() == [(1_600, 500)]
    assert "CardRefundAsked" in await events(db)
