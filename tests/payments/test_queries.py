"""Suppliers' questions about money in pages: asked in two clicks, chased, answered, asked on, closed."""

from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock, instant
from marketplace.core.ids import new_id
from marketplace.payments.models import PaymentQuery
from marketplace.payments.working_days import working_days_after
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count, events
from tests.factories import make_accreditation, make_council, make_member
from tests.factories_payments import Money, make_money, reload

NINE = time(9)


async def held_line(db: Any, money: Money, pence: int = 2_000) -> UUID:
    """A line of a bill of the organisation that is held for its price."""
    bill = await money.bill(db, 7_500, pence, approve=False)
    line_id: UUID = await db.scalar(
        text("SELECT id FROM invoice_lines WHERE invoice_id = :bill AND amount_pence = :pence"),
        {"bill": bill.id, "pence": pence},
    )
    await db.execute(
        text("UPDATE invoice_lines SET status = 'held', reason_code = 'price_above', held_at = :at WHERE id = :id"),
        {"at": instant(date(2027, 3, 1), NINE), "id": line_id},
    )
    return line_id


def test_working_days_leave_out_weekends_and_bank_holidays() -> None:
    assert working_days_after(date(2027, 3, 3), 5) == date(2027, 3, 10)
    # Good Friday is 26 March 2027, Easter Monday the 29th.
    assert working_days_after(date(2027, 3, 25), 1) == date(2027, 3, 30)
    assert working_days_after(date(2027, 3, 27), 2) == date(2027, 3, 31)


async def test_a_bill_is_asked_about_in_two_clicks_and_once(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 7_500)
    bill_id = bill.id
    provider = await browser.signed_in(money.provider)
    page = await provider.open(f"/earnings/bills/{bill_id}")
    form = await provider.open(page.link(r"/earnings/queries/new\?bill="))
    assert form.field("kind") == "payment"
    assert "About: Bill SB-000001" in form.words
    sent = {"bill": str(bill_id), "kind": "payment", "question": "When will SB-000001 (£75.00) be paid?"}
    await provider.post("/earnings/queries", {**sent, "form_id": "twice"})
    await provider.post("/earnings/queries", {**sent, "form_id": "twice"})
    assert await count(db, "payment_queries") == 1
    again = await provider.post("/earnings/queries", sent, expect=422)
    assert "asked this already" in again.errors()["question"]
    assert await count(db, "payment_queries") == 1
    assert (await events(db)).count("PaymentQueryAsked") == 1
    listed = await provider.open("/earnings/queries")
    assert "SB-000001" in listed.words
    # Five working days after Wednesday 3 March.
    assert "Answer by 10 Mar 2027" in listed.words


async def test_a_held_line_gives_the_question_its_reason(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    line_id, council_id = await held_line(db, money), money.council.id
    provider = await browser.signed_in(money.provider)
    form = await provider.open(f"/earnings/queries/new?line={line_id}")
    assert form.field("kind") == "suspended"
    assert "The price is above what was agreed" in (form.field("question") or "")
    await provider.post("/earnings/queries", {"line": str(line_id), "kind": "suspended", "question": "Why?"})
    row = (await db.scalars(select(PaymentQuery))).one()
    assert (row.line_id, row.council_id, row.kind.value) == (line_id, council_id, "suspended")


async def test_a_payment_is_asked_about_with_its_day_and_amount(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    await money.released(db)
    payment_id = await db.scalar(text("SELECT id FROM payment_run_lines"))
    provider = await browser.signed_in(money.provider)
    form = await provider.open(f"/earnings/queries/new?payment={payment_id}")
    assert form.field("question") == "What is our payment of £75.00 on 8 March 2027 for?"
    await provider.post(
        "/earnings/queries", {"payment": str(payment_id), "kind": "remittance", "question": "What for?"}
    )
    row = (await db.scalars(select(PaymentQuery))).one()
    assert row.question.startswith("Payment of £75.00 on 8 March 2027")
    assert row.invoice_id is not None


async def test_missing_answers_are_named_and_what_was_typed_is_kept(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    provider = await browser.signed_in(money.provider)
    page = await provider.post("/earnings/queries", {"kind": "", "question": ""}, expect=422)
    assert set(page.errors()) == {"kind", "question"}
    page = await provider.post("/earnings/queries", {"kind": "weather", "question": "Still here"}, expect=422)
    assert page.field("question") == "Still here"
    page = await provider.post("/earnings/queries", {"kind": "price", "question": "x" * 2_001}, expect=422)
    assert set(page.errors()) == {"question"}
    assert await count(db, "payment_queries") == 0


async def test_finance_answers_the_supplier_asks_on_and_closes(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    await provider.post("/earnings/queries", {"kind": "price", "question": "From 1 April we need £1 more an hour."})
    query_id = await db.scalar(select(PaymentQuery.id))
    waiting = await finance.open("/payment-queries")
    assert "A price went up" in waiting.words
    empty = await finance.post(f"/payment-queries/{query_id}", {"answer": " "}, expect=422)
    assert "answer" in empty.errors()
    form = {"answer": "Send us the letter of your board.", "form_id": "one"}
    await finance.post(f"/payment-queries/{query_id}", form)
    await finance.post(f"/payment-queries/{query_id}", form)
    await finance.post(f"/payment-queries/{query_id}", {"answer": "Send us the letter of your board."})
    await finance.post(f"/payment-queries/{query_id}", {"answer": "Something else"}, expect=409)
    assert (await events(db)).count("PaymentQueryAnswered") == 1
    page = await provider.open(f"/earnings/queries/{query_id}")
    assert "Send us the letter of your board." in page.words
    assert "Fin Maker" not in page.words
    await provider.post(f"/earnings/queries/{query_id}/chase", {}, expect=409)
    wrong = await provider.post(f"/earnings/queries/{query_id}/ask-on", {"more": ""}, expect=422)
    assert "more" in wrong.errors()
    await provider.post(f"/earnings/queries/{query_id}/ask-on", {"more": "We sent it in January."})
    assert "We sent it in January." in (await finance.open(f"/payment-queries/{query_id}")).words
    await finance.post(f"/payment-queries/{query_id}", {"answer": "Found it: agreed."})
    await provider.post(f"/earnings/queries/{query_id}/close", {})
    await provider.post(f"/earnings/queries/{query_id}/close", {})
    assert "Closed" in (await provider.open("/earnings/queries")).words
    assert "No question waits" in (await finance.open("/payment-queries")).words
    assert "Found it" not in (await finance.get("/payment-queries/queries.csv")).text
    assert await count(db, "steps", "subject_kind = 'payment_query'") == 5


async def test_an_answer_is_chased_once_a_day(browser: Browser, db: Any, clock: FixedClock) -> None:
    money = await make_money(db)
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    await provider.post("/earnings/queries", {"kind": "payment", "question": "Where is the money of January?"})
    query_id = await db.scalar(select(PaymentQuery.id))
    await provider.post(f"/earnings/queries/{query_id}/chase", {})
    await provider.post(f"/earnings/queries/{query_id}/chase", {})
    assert await db.scalar(select(PaymentQuery.chase_count)) == 1
    assert (await events(db)).count("PaymentQueryAsked") == 2
    await reload(db)
    clock.move_to(instant(date(2027, 3, 11), NINE))
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    await provider.post(f"/earnings/queries/{query_id}/chase", {})
    assert "Chased 2 times" in (await provider.open("/earnings/queries")).words
    late = await finance.open("/payment-queries")
    assert "Late" in late.words
    assert "Chased" in late.words


async def test_strangers_and_other_councils_reach_nothing(browser: Browser, db: Any) -> None:
    money, other = await make_money(db), await make_money(db)
    bill = await money.bill(db, 7_500)
    bill_id = bill.id
    provider, stranger = await browser.signed_in(money.provider), await browser.signed_in(other.provider)
    elsewhere = await browser.signed_in(other.finance)
    await provider.post("/earnings/queries", {"bill": str(bill_id), "kind": "payment", "question": "When?"})
    query_id = await db.scalar(select(PaymentQuery.id))
    for path in (f"/earnings/queries/{query_id}", f"/earnings/queries/new?bill={bill_id}"):
        await stranger.get(path, expect=404)
    for verb in ("chase", "close"):
        await stranger.post(f"/earnings/queries/{query_id}/{verb}", {}, expect=404)
    await stranger.post(f"/earnings/queries/{query_id}/ask-on", {"more": "Hm"}, expect=404)
    await stranger.post("/earnings/queries", {"bill": str(bill_id), "kind": "payment", "question": "Mine?"}, expect=404)
    await elsewhere.get(f"/payment-queries/{query_id}", expect=404)
    await elsewhere.post(f"/payment-queries/{query_id}", {"answer": "No"}, expect=404)
    assert "No question waits" in (await elsewhere.open("/payment-queries")).words
    for wrong in ("nothing", str(new_id())):
        await provider.get(f"/earnings/queries/{wrong}", expect=404)
        await provider.get(f"/earnings/queries/new?line={wrong}", expect=404)
    assert await count(db, "payment_queries", "status = 'open'") == 1


async def test_only_finance_answers(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    manager = await browser.signed_in(await make_member(db, Role.MANAGER, money.council))
    planner = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, money.council))
    provider = await browser.signed_in(money.provider)
    await provider.post("/earnings/queries", {"kind": "other", "question": "Who signs?"})
    query_id = await db.scalar(select(PaymentQuery.id))
    assert "Send the answer" not in (await manager.open(f"/payment-queries/{query_id}")).words
    await manager.post(f"/payment-queries/{query_id}", {"answer": "Me"}, expect=403)
    await provider.get("/payment-queries", expect=403)
    await planner.get("/payment-queries", expect=403)


async def test_an_organisation_of_two_councils_says_whom_it_asks(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    second = await make_council(db)
    await make_member(db, Role.PROVIDER, second, organisation_id=money.organisation.id)
    await make_accreditation(db, money.organisation, second, ServiceLine.SUPPORT_PLANNING)
    second_id, stranger_id = second.id, (await make_council(db)).id
    provider = await browser.signed_in(money.provider)
    form = await provider.open("/earnings/queries/new")
    assert "Which council?" in form.words
    asked = {"kind": "other", "question": "Who signs?"}
    page = await provider.post("/earnings/queries", asked, expect=422)
    assert set(page.errors()) == {"council"}
    page = await provider.post("/earnings/queries", {**asked, "council": str(stranger_id)}, expect=422)
    assert set(page.errors()) == {"council"}
    await provider.post("/earnings/queries", {**asked, "council": str(second_id)})
    assert await db.scalar(select(PaymentQuery.council_id)) == second_id
