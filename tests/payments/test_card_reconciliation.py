"""The ledger beside Stripe: each kind of difference listed, explained by people or gone by itself, nothing absorbed."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.core.database import scope_to, session_maker
from marketplace.payments import tasks_cards
from marketplace.payments.models import CardPayment, CardReconciliation, ReconciliationDifference
from marketplace.payments.service.card_reconciliation import GONE, reconcile_days
from tests.browser import count
from tests.factories import make_council
from tests.payments.card_world import at_the_card_page, hold, open_site, paid, run_tasks, staff

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

DAY = date(2027, 3, 3)


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def night(db, clock, days=1):
    """Let the night's comparison run."""
    clock.advance(timedelta(days=days))
    await reconcile_days(session_maker())
    await scope_to(db, "every")


async def open_ones(db):
    rows = await db.scalars(
        select(ReconciliationDifference)
        .where(ReconciliationDifference.settled_at.is_(None))
        .order_by(ReconciliationDifference.kind)
        .execution_options(populate_existing=True)
    )
    return [(row.kind, row.ledger_pence, row.stripe_pence) for row in rows]


async def days(db):
    rows = await db.scalars(
        select(CardReconciliation).order_by(CardReconciliation.on_day).execution_options(populate_existing=True)
    )
    return {row.on_day: row for row in rows}


async def test_a_day_that_agrees_says_so_with_sums_and_fees(site, db, clock):
    scene, _, payment_id, _ = await paid(site, db)
    await night(db, clock)
    day = (await days(db))[DAY]
    assert (day.ledger_pence, day.stripe_pence, day.fee_pence, day.matched) == (1_600, 1_600, 44, 1)
    assert await open_ones(db) == []
    payment = await db.get_one(CardPayment, payment_id, populate_existing=True)
    assert payment.fee_pence == 44
    assert payment.stripe_charge_id.startswith("ch_")
    lines = await count(db, "stripe_balance_lines")
    assert await reconcile_days(session_maker()) == 0, "a day that was compared is done"
    await scope_to(db, "every")
    assert await count(db, "stripe_balance_lines") == lines
    finance = await site.signed_in(await staff(db, Role.FINANCE, scene.council))
    assert "nothing to explain" in (await finance.open("/card-reconciliation")).words


async def test_refunds_and_disputes_agree_too(site, db, clock):
    _, _, payment_id, intent = await paid(site, db)
    payment = await db.get_one(CardPayment, payment_id)
    await site.stripe.gateway.refund(
        refund_id="by-hand",
        payment_intent_id=intent,
        amount_pence=600,
        reason="duplicate",
        connected_account=payment.stripe_account_id,
    )
    await site.stripe.order("disputes", payment_intent=intent, action="open", amount=1_000)
    await site.tell("refund.created", "charge.dispute.created")
    await run_tasks(db)
    await night(db, clock)
    assert await open_ones(db) == []
    assert (await days(db))[DAY].ledger_pence == (await days(db))[DAY].stripe_pence == 0
    await hold(db)


async def test_money_that_stripe_has_and_no_event_told_is_listed_and_then_gone(site, db, clock):
    _, _, payment_id, url = await at_the_card_page(site, db)
    await site.stripe.pay(url)
    await night(db, clock)
    assert await open_ones(db) == [("missing_in_ledger", 0, 1_600)]
    await tasks_cards.sweep_cards()
    await scope_to(db, "every")
    await night(db, clock)
    assert await open_ones(db) == []
    assert await count(db, "reconciliation_differences", f"settled_why = '{GONE}'") == 1
    payment = await db.get_one(CardPayment, payment_id, populate_existing=True)
    assert payment.fee_pence == 44
    await hold(db)


async def test_a_refund_that_no_event_told_is_listed_made_up_for_and_gone(site, db, clock):
    _, _, payment_id, intent = await paid(site, db)
    payment = await db.get_one(CardPayment, payment_id)
    await site.stripe.gateway.refund(
        refund_id="by-hand",
        payment_intent_id=intent,
        amount_pence=500,
        reason="duplicate",
        connected_account=payment.stripe_account_id,
    )
    await night(db, clock)
    assert await open_ones(db) == [("refund_amount", 0, 500)]
    assert (await db.get_one(CardPayment, payment_id, populate_existing=True)).refunded_pence == 500
    await night(db, clock)
    assert await open_ones(db) == []
    await hold(db)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("amount_pence = amount_pence + 1", ("amount", 1_600, 1_601)),
        ("amount_pence = amount_pence - 1", ("amount", 1_600, 1_599)),
        ("amount_pence = -amount_pence", ("amount", 1_600, -1_600)),
        ("currency = 'eur'", ("amount", 1_600, 1_600)),
        ("kind = 'adjustment'", ("dispute", 0, -1_600)),
        ("kind = 'refund'", ("refund_amount", 0, -1_600)),
        ("kind = 'payout'", ("missing_at_stripe", 1_600, 0)),
        ("payment_intent_id = 'pi_of_another'", ("missing_at_stripe", 1_600, 0)),
    ],
)
async def test_hostile_lines_are_each_named(site, db, clock, change, expected):
    await paid(site, db)
    await night(db, clock)
    await db.execute(text(f"UPDATE stripe_balance_lines SET {change}"))
    await db.execute(text("UPDATE card_reconciliations SET unread_why = 'again'"))
    await reconcile_days(session_maker())
    await scope_to(db, "every")
    assert expected in await open_ones(db)


async def test_a_person_explains_a_difference_and_it_stays_explained_until_it_changes(site, db, clock):
    scene, _, _, _ = await paid(site, db)
    await night(db, clock)
    await db.execute(text("UPDATE stripe_balance_lines SET amount_pence = 1599"))
    await night(db, clock)
    (row_id,) = (await db.scalars(select(ReconciliationDifference.id))).all()
    finance = await site.signed_in(await staff(db, Role.FINANCE_CHECKER, scene.council))
    page = await finance.open("/card-reconciliation")
    assert "£15.99" in page.words
    refused = await finance.post(f"/card-reconciliation/{row_id}", {f"why-{row_id}": ""}, expect=422)
    assert refused.errors()[f"why-{row_id}"]
    await finance.post(f"/card-reconciliation/{row_id}", {f"why-{row_id}": "Stripe rounded a test payment"})
    await finance.post(f"/card-reconciliation/{row_id}", {f"why-{row_id}": "Again"}, expect=409)
    await night(db, clock)
    assert await open_ones(db) == []
    await db.execute(text("UPDATE stripe_balance_lines SET amount_pence = 1598"))
    await db.execute(text("UPDATE card_payments SET paid_at = paid_at + interval '3 days'"))
    await night(db, clock)
    assert await open_ones(db) == [("amount", 1_600, 1_598)], "another sum is another question"
    stranger = await site.signed_in(await staff(db, Role.FINANCE, await make_council(db)))
    await stranger.post(f"/card-reconciliation/{row_id}", {f"why-{row_id}": "Mine?"}, expect=404)


async def test_stripe_not_answering_settles_nothing_and_is_tried_again(site, db, clock):
    scene, _, _, _ = await paid(site, db)
    fault = {"action": "fail", "path": "/v1/balance_transactions", "count": 9, "status": 503}
    await site.stripe.order("faults", calls=[fault])
    await night(db, clock)
    assert (await days(db))[DAY].unread_why
    assert await open_ones(db) == []
    finance = await site.signed_in(await staff(db, Role.FINANCE, scene.council))
    assert "we try again" in (await finance.open("/card-reconciliation")).words
    await site.stripe.api.delete("/sandbox/faults")
    await finance.post("/card-reconciliation/now")
    await scope_to(db, "every")
    assert ((await days(db))[DAY].unread_why, (await days(db))[DAY].matched) == ("", 1)


async def test_an_account_that_stripe_does_not_show_is_a_difference(site, db, clock):
    await paid(site, db)
    await db.execute(text("UPDATE card_payments SET stripe_account_id = 'acct_gone'"))
    await night(db, clock)
    assert [kind for kind, _, _ in await open_ones(db)] == ["unknown_account"]


async def test_what_moved_a_moment_ago_is_left_for_the_next_comparison(site, db, clock):
    clock.advance(timedelta(hours=13, minutes=55))
    _, _, _, intent = await paid(site, db)
    clock.advance(timedelta(minutes=3))
    payment = (await db.scalars(select(CardPayment))).one()
    await site.stripe.gateway.refund(
        refund_id="on-its-way",
        payment_intent_id=intent,
        amount_pence=500,
        reason="duplicate",
        connected_account=payment.stripe_account_id,
    )
    clock.advance(timedelta(minutes=4))
    await reconcile_days(session_maker())
    await scope_to(db, "every")
    assert await open_ones(db) == []


async def test_another_councils_money_is_not_compared_here(site, db, clock):
    await paid(site, db)
    await paid(site, db)
    await night(db, clock)
    found = await days_by_council(db)
    assert [row.matched for row in found if row.on_day == DAY] == [1, 1]
    assert [row.stripe_pence for row in found if row.on_day == DAY] == [1_600, 1_600]


async def days_by_council(db):
    return (await db.scalars(select(CardReconciliation).order_by(CardReconciliation.council_id))).all()
