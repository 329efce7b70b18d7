"""Late payments in pages: claims, decisions, the six-monthly figures, partners of lead bodies."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text

from marketplace.core.clock import FixedClock, instant
from marketplace.core.database import scope_to
from marketplace.payments.models import Accrual, AccrualKind, LateInterest, Payable
from marketplace.payments.states import PayableStatus
from tests.browser import Browser, count, events
from tests.factories_payments import Money, make_money


async def paid(db: Any, money: Money, *, due_on: date, paid_on: date, pence: int = 120_000) -> Payable:
    """Something of the organisation's that was paid on a day."""
    bill = await money.bill(db, pence)
    row: Payable = (await db.scalars(select(Payable).where(Payable.invoice_id == bill.id))).one()
    row.due_on, row.status, row.paid_on = due_on, PayableStatus.PAID, paid_on
    row.received_on = date(2027, 1, 5)
    await db.execute(text("UPDATE invoices SET status = 'paid' WHERE id = :id"), {"id": bill.id})
    await db.flush()
    return row


async def test_a_supplier_claims_finance_agrees_and_it_is_earned_once(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    row = await paid(db, money, due_on=date(2027, 1, 31), paid_on=date(2027, 3, 2))
    payable_id = row.id
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    page = await provider.open("/earnings/late")
    # £1,200.00 at 11.75 % for 30 days (1 February to 2 March): £11.59; fixed £70.00.
    assert "£11.59" in page.words
    assert "Claim £81.59" in page.words
    form = {"form_id": "twice"}
    await provider.post(f"/earnings/late/{payable_id}", form)
    await provider.post(f"/earnings/late/{payable_id}", form)
    await provider.post(f"/earnings/late/{payable_id}", {})
    assert await count(db, "late_interests") == 1
    claims = await finance.open("/late-interest")
    assert "£81.59" in claims.words
    claim_id = await db.scalar(select(LateInterest.id))
    await finance.post(f"/late-interest/{claim_id}", {"decision": "agree"})
    await finance.post(f"/late-interest/{claim_id}", {"decision": "agree"})
    await scope_to(db, "every")
    earned = (await db.scalars(select(Accrual).where(Accrual.kind == AccrualKind.INTEREST))).one()
    assert (earned.amount_pence, earned.source_id) == (8_159, claim_id)
    assert earned.description == "Interest for paying late, 1 February 2027 to 2 March 2027"
    assert (await events(db)).count("LateInterestDecided") == 1
    assert "Agreed" in (await provider.open("/earnings/late")).words
    await finance.post(f"/late-interest/{claim_id}", {"decision": "refuse", f"reason-{claim_id}": "No"}, expect=409)


async def test_a_refusal_needs_a_reason(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    row = await paid(db, money, due_on=date(2027, 1, 31), paid_on=date(2027, 3, 2))
    payable_id = row.id
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    await provider.post(f"/earnings/late/{payable_id}", {})
    claim_id = await db.scalar(select(LateInterest.id))
    page = await finance.post(f"/late-interest/{claim_id}", {"decision": "refuse"}, expect=422)
    assert f"reason-{claim_id}" in page.errors()
    await finance.post(f"/late-interest/{claim_id}", {"decision": "refuse", f"reason-{claim_id}": "It was disputed"})
    assert "It was disputed" in (await provider.open("/earnings/late")).words
    assert await count(db, "accruals", "kind = 'interest'") == 0


@pytest.mark.parametrize("day", [date(2027, 1, 31), date(2027, 1, 20)])
async def test_what_was_paid_in_time_owes_nothing(browser: Browser, db: Any, day: date) -> None:
    money = await make_money(db)
    row = await paid(db, money, due_on=date(2027, 1, 31), paid_on=day)
    payable_id = row.id
    provider = await browser.signed_in(money.provider)
    assert "Nothing was paid late" in (await provider.open("/earnings/late")).words
    await provider.post(f"/earnings/late/{payable_id}", {}, expect=409)


async def test_what_is_not_paid_yet_waits(browser: Browser, db: Any, clock: FixedClock) -> None:
    money = await make_money(db)
    await money.bill(db, 50_000)
    payable_id = await db.scalar(select(Payable.id))
    clock.move_to(instant(date(2027, 5, 3), clock.now().time()))
    provider = await browser.signed_in(money.provider)
    page = await provider.open("/earnings/late")
    assert "Once the money has come" in page.words
    await provider.post(f"/earnings/late/{payable_id}", {}, expect=409)


async def test_another_organisation_and_council_see_nothing_of_it(browser: Browser, db: Any) -> None:
    money, other = await make_money(db), await make_money(db)
    row = await paid(db, money, due_on=date(2027, 1, 31), paid_on=date(2027, 3, 2))
    payable_id = row.id
    provider, stranger = await browser.signed_in(money.provider), await browser.signed_in(other.provider)
    finance = await browser.signed_in(other.finance)
    await stranger.post(f"/earnings/late/{payable_id}", {}, expect=404)
    await provider.post(f"/earnings/late/{payable_id}", {})
    claim_id = await db.scalar(select(LateInterest.id))
    await finance.post(f"/late-interest/{claim_id}", {"decision": "agree"}, expect=404)
    assert "£81.20" not in (await finance.open("/late-interest")).words


async def test_the_figures_of_a_half_year(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    await paid(db, money, due_on=date(2027, 2, 4), paid_on=date(2027, 2, 1), pence=10_000)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/payment-compliance")
    assert "100.0%" in page.words
    assert "£100.00" in page.words
    assert "1 October 2026" in page.words
    table = (await finance.get("/payment-compliance/notice.csv")).text
    assert "within_30_days_percent,100.0" in table
    assert "paid_pounds,100.00" in table
    assert "Nothing was due or paid" in (await finance.open("/payment-compliance?period=2026-04-01")).words


async def test_a_released_run_counts_as_paid_on_its_day(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    await money.released(db)
    finance = await browser.signed_in(money.finance)
    table = (await finance.get("/payment-compliance/notice.csv")).text
    assert "payments,1" in table.splitlines()


async def test_partners_are_paid_within_30_days_too(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    wrong = await provider.post("/earnings/partners", {"partner_name": "", "amount": "-1"}, expect=422)
    assert set(wrong.errors()) == {"partner_name", "reference", "amount", "received_on"}
    form = {
        "partner_name": "Peer Link",
        "reference": "PL-9",
        "amount": "120.50",
        "received_on-day": "10",
        "received_on-month": "2",
        "received_on-year": "2027",
    }
    await provider.post("/earnings/partners", form)
    again = await provider.post("/earnings/partners", form, expect=422)
    assert "already" in again.errors()["reference"]
    page = await provider.open("/earnings/partners")
    assert "12 March 2027" in page.words or "12 Mar" in page.words
    onward_id = await db.scalar(text("SELECT id FROM onward_payments"))
    field = f"paid_on-{onward_id}"
    early = {f"{field}-day": "1", f"{field}-month": "2", f"{field}-year": "2027"}
    refused = await provider.post(f"/earnings/partners/{onward_id}/paid", early, expect=422)
    assert "between the invoice and today" in refused.errors()[field]
    await provider.post(f"/earnings/partners/{onward_id}/paid", {**early, f"{field}-day": "28"})
    seen = await finance.open("/payment-compliance")
    assert "Peer Link, PL-9" in seen.words
    assert "£120.50" in seen.words
