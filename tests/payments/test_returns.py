"""Payments that come back, credits that are set off, and what the bank confirms (C8)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments import tasks, tasks_runs  # noqa: F401 - registers the tasks
from marketplace.payments.checks_runs import CHECKS
from marketplace.payments.errors import NotProcessedYet, NotTaken, RehearsalOnly, ReturnedBefore
from marketplace.payments.models import PaymentRun, PaymentRunLine
from marketplace.payments.returned_files import ReturnedRow, read_returned
from marketplace.payments.schemas import FileFormat, RunForm, RunWarning
from marketplace.payments.service.proposals import ProposalService
from marketplace.payments.service.returns import ReturnsService
from marketplace.payments.service.run_submission import RunSubmissionService
from marketplace.payments.service.runs import PaymentRunService
from tests.browser import Browser, count, events
from tests.factories import make_member
from tests.factories_payment_runs import PROCESSED, another_payee, confirmed, make_credit, submitted
from tests.factories_payments import PAY_ON, balance, handled, make_money, payables_of, reload
from tests.payments.bacs_reader import read_bacs18

UNTIL = date(2027, 5, 1)
BACK_ON = {"returned_on-day": "9", "returned_on-month": "3", "returned_on-year": "2027", "code": "B"}
TUESDAY = datetime(2027, 3, 9, 9, tzinfo=UTC)
CSV = b"Returned credits\r\nDate,Amount,Reference,Account number,Code\r\n"


def row(pence: int, **given: Any) -> ReturnedRow:
    values = {"reference": "SB-000001", "account_ends": "0008", "code": "B", "returned_on": date(2027, 3, 9)}
    return ReturnedRow(amount_pence=pence, **{**values, **given})


async def broken(db: AsyncSession) -> list[str]:
    """What is wrong with runs."""
    await db.flush()
    return [fact.detail for fact in [await check(db) for check in CHECKS] if not fact.ok]


async def line_of(db: AsyncSession, run: PaymentRun) -> PaymentRunLine:
    return (await db.scalars(select(PaymentRunLine).where(PaymentRunLine.run_id == run.id))).one()


async def test_what_the_bank_confirms_is_paid_and_what_comes_back_is_owed_again(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    run = await confirmed(db, money, await money.released(db, bill), clock)
    assert await count(db, "payables", "status = 'paid' AND paid_on = '2027-03-08'") == 1
    assert await count(db, "invoices", "status = 'paid'") == 1
    assert await broken(db) == []
    clock.move_to(TUESDAY)
    line = await line_of(db, run)
    path, run_path, owner = f"/returned-payments/of/{line.id}", f"/payment-runs/{run.id}", money.organisation.id
    finance, provider = await browser.signed_in(money.finance), await browser.signed_in(money.provider)
    assert path in (await finance.open(run_path)).links()
    assert "SB-000001" in (await finance.open(path)).words
    assert set((await finance.post(path, {}, expect=422)).errors()) == {"returned_on", "code"}
    early = {**BACK_ON, "returned_on-day": "1"}
    assert set((await finance.post(path, early, expect=422)).errors()) == {"returned_on"}
    assert (await finance.post(path, BACK_ON)).location == run_path
    await finance.post(path, BACK_ON, expect=409)
    page = await finance.open(run_path)
    assert "1 payment, £75.00" in page.words
    assert "Came back 9 Mar 2027" in page.words
    await reload(db)
    assert await count(db, "payables", "status = 'open' AND paid_on IS NULL") == 1
    assert await count(db, "invoices", "status = 'approved'") == 1
    assert await balance(db, money.council.id, Purpose.PAYABLE, owner) == 7_500
    assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 0
    assert await broken(db) == []
    assert "Account closed" in (await finance.open("/returned-payments")).words
    assert (await provider.open("/earnings")).text.count(">SB-000001</a>") == 1
    page = await provider.open("/earnings/payments")
    assert "Came back" in page.words
    assert "still owes you" in (await provider.open(page.link("^/earnings/payments/"))).words
    await reload(db)
    [payment] = (await ProposalService(db).propose(money.finance.principal, UNTIL)).payments
    assert [item.code for item in payment.warnings] == [RunWarning.RETURNED, RunWarning.NEW_PAYEE]
    again = await PaymentRunService(db).make(
        money.finance.principal, RunForm(date(2027, 3, 12), tuple(item.id for item in payment.bills))
    )
    await PaymentRunService(db).release(money.checker.principal, again.id)
    assert await balance(db, money.council.id, Purpose.PAYABLE, owner) == 0
    assert (await provider.open("/earnings")).text.count(">SB-000001</a>") == 1
    assert await broken(db) == []


async def test_payee_and_finance_hear_of_it_once(db: AsyncSession, maker: SessionMaker, clock: FixedClock) -> None:
    money = await make_money(db)
    await money.released(db)
    clock.move_to(TUESDAY)
    await ReturnsService(db).enter(money.finance.principal, row(7_500))
    await db.flush()
    for item in await outbox.relay(db):
        if item.task == "payments.tell_returned":
            await handled(db, item)
            await handled(db, item)
    told = "template = 'payment_returned' AND body LIKE '%account closed%' AND body LIKE '%••••0008%'"
    assert await count(db, "messages", f"{told} AND body LIKE '%SB-000001%'") == 1
    assert await count(db, "messages", "template = 'payment_returned_finance'") == 1


@pytest.mark.parametrize(
    "item",
    [
        row(7_501),
        row(7_500, reference="SB-000099"),
        row(7_500, reference="", account_ends="9999"),
        row(7_500, reference="OTHER COUNCIL 77", account_ends=""),
    ],
)
async def test_an_item_of_an_unknown_payee_opens_nothing_and_waits_for_somebody(
    browser: Browser, db: AsyncSession, clock: FixedClock, item: ReturnedRow
) -> None:
    money = await make_money(db)
    await money.released(db)
    clock.move_to(TUESDAY)
    finance = await browser.signed_in(money.finance)
    form = {**BACK_ON, "amount": f"{item.amount_pence / 100:.2f}"}
    form |= {"reference": item.reference, "account_ends": item.account_ends}
    path = (await finance.post("/returned-payments", form)).location
    assert "No single payment fits" in (await finance.open(path)).words
    assert "1 returned payment to look into" in (await finance.open("/payment-runs")).words
    assert await count(db, "payables", "status = 'sent'") == await count(db, "returned_items", "line_id IS NULL") == 1
    assert "PaymentReturned" not in await events(db)
    await finance.post("/returned-payments", form, expect=409)
    assert set((await finance.post(path, {}, expect=422)).errors()) == {"line", "note"}
    await finance.post(path, {"line": "none", "note": "It belongs to another council"})
    await finance.post(path, {"line": "none", "note": "It belongs to another council"}, expect=409)
    assert "It belongs to another council" in (await finance.open("/returned-payments")).words
    assert await broken(db) == []


async def test_two_payments_that_fit_are_told_apart_by_a_person(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    for _ in range(2):
        await money.released(db)
    clock.move_to(TUESDAY)
    item = await ReturnsService(db).enter(money.finance.principal, row(7_500, reference=""))
    path, finance = f"/returned-payments/{item.id}", await browser.signed_in(money.finance)
    page = await finance.open(path)
    assert "PR-000001" in page.words
    assert "PR-000002" in page.words
    line_id = str((await db.scalars(select(PaymentRunLine.id).order_by(PaymentRunLine.id))).all()[1])
    await finance.post(path, {"line": line_id, "note": "The bank named the run"})
    assert await count(db, "payables", "status = 'open'") == 1
    assert await count(db, "payment_run_lines", f"id = '{line_id}' AND returned_on IS NOT NULL") == 1
    assert await broken(db) == []


async def test_a_banks_list_is_read_once_and_its_bad_rows_are_named(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    await money.released(db)
    clock.move_to(TUESDAY)
    finance = await browser.signed_in(money.finance)
    rows = b'09/03/2027,75.00,SB-000001,20041538290008,B\r\n09/03/2027,"1,075.00",XX,,5\r\nnever,1.00,X,,0\r\n'
    files = {"file": ("returned.csv", CSV + rows, "text/csv")}
    await finance.open("/returned-payments/file")
    page = await finance.post("/returned-payments/file", files=files, expect=200)
    assert "1 payment found and owed again, 1 to look into, 0 known before" in page.words
    assert "Line 5: the date is not a day up to today" in page.words
    page = await finance.post("/returned-payments/file", files=files, expect=200)
    assert "0 payments found and owed again, 0 to look into, 2 known before" in page.words
    assert await count(db, "returned_items") == 2
    assert await count(db, "payables", "status = 'open'") == 1
    none = await finance.post("/returned-payments/file", files={"file": ("x.csv", b"Name\r\nx\r\n")}, expect=422)
    assert set(none.errors()) == {"file"}
    assert set((await finance.post("/returned-payments/file", {}, expect=422)).errors()) == {"file"}


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"Date;Amount\n9/3/2027;1\n", CSV])
def test_what_is_no_list_of_returned_payments_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_returned(content, date(2027, 3, 9))
    assert set(refused.value.fields) == {"file"}


def test_lists_of_other_shapes_are_read() -> None:
    heading, cells = "Value;Our reference;Return date;Reason code", "£75.00;SB-000001;2027-03-09;refer to payer"
    [item] = read_returned(f"{heading}\n{cells}\n".encode("cp1252"), date(2027, 3, 9)).rows
    assert (item.amount_pence, item.reference, item.code, item.note) == (7_500, "SB-000001", "X", "refer to payer")


async def test_credits_are_set_off_and_wait_while_they_are_more_than_the_bills(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 10_000)
    credit = await make_credit(db, money, bill, 10_000)
    [owed] = await payables_of(db, bill)
    [payment] = (await ProposalService(db).propose(money.finance.principal, UNTIL)).payments
    assert (payment.total_pence, payment.is_left_out) == (0, True)
    for form, words in (
        (RunForm(PAY_ON, (owed,)), "take back as much"),
        (RunForm(PAY_ON, due_until=UNTIL), "Nothing that is due"),
    ):
        with pytest.raises(InvalidInput, match=words):
            async with db.begin_nested():
                await PaymentRunService(db).make(money.finance.principal, form)
        await reload(db)
    more = await money.bill(db, 2_550)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/payment-runs/new?due_until-day=1&due_until-month=5&due_until-year=2027")
    assert "Credit note SC-000001, −£100.00" in page.words
    await reload(db)
    run = await PaymentRunService(db).make(
        money.finance.principal, RunForm(PAY_ON, (owed, *await payables_of(db, more)))
    )
    line = await line_of(db, run)
    assert (line.amount_pence, line.reference, run.total_pence) == (2_550, "PR-000001", 2_550)
    assert [item["code"] for item in line.warnings] == ["new_payee", "set_off"]
    await PaymentRunService(db).release(money.checker.principal, run.id)
    assert await balance(db, money.council.id, Purpose.PAYABLE, money.organisation.id) == 0
    assert await count(db, "payables", "status = 'sent'") == 3
    assert await broken(db) == []
    clock.move_to(TUESDAY)
    await ReturnsService(db).enter(money.finance.principal, row(2_550, reference="PR-000001"))
    await db.refresh(credit)
    assert credit.status == "open"
    assert await balance(db, money.council.id, Purpose.PAYABLE, money.organisation.id) == 2_550
    assert await broken(db) == []


async def test_a_run_of_everything_due_leaves_out_whom_it_cannot_or_shall_not_pay(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db, name="Alpha")
    doubtful = await another_payee(db, money, 1, name="Beta")
    credited = await another_payee(db, money, 2, name="Gamma")
    late = await another_payee(db, money, 3, name="Delta")
    for payee, pence in ((money, 100), (doubtful, 200), (credited, 300), (late, 400)):
        bill = await payee.bill(db, pence)
        if payee is credited:
            await make_credit(db, payee, bill, 300)
    form = RunForm(PAY_ON, due_until=UNTIL, without=frozenset({doubtful.organisation.id}))
    run = await PaymentRunService(db).make(money.finance.principal, form)
    assert (run.total_pence, run.line_count) == (500, 2)
    assert await count(db, "payables", "status = 'open'") == 3
    assert await broken(db) == []


async def test_a_rehearsal_goes_through_everything_and_moves_nothing(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    [owed] = await payables_of(db, await money.bill(db))
    finance = await browser.signed_in(money.finance)
    checker = await browser.signed_in(money.checker, confirmed=True)
    form = {"pay_on-day": "8", "pay_on-month": "3", "pay_on-year": "2027", "bills": str(owed), "is_rehearsal": "yes"}
    path = (await finance.post("/payment-runs", form)).location
    assert "moves no money" in (await finance.open(path)).words
    assert await count(db, "payables", "status = 'open'") == await count(db, "invoices", "status = 'approved'") == 1
    await finance.open(f"{path}/bacs18")
    for ending in ("bacs18", "csv"):
        answer = await finance.post(f"{path}/{ending}", expect=200)
        assert answer.response.content.startswith(b"REHEARSAL - NOT FOR THE BANK")
        assert "-rehearsal." in answer.response.headers["content-disposition"]
    content = answer.response.content
    assert b"75.00" in content
    await checker.post(f"{path}/release", expect=409)
    await finance.post(f"{path}/submit", {"reference": "x"}, expect=409)
    await reload(db)
    assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 0
    assert await broken(db) == []
    real = (await finance.post("/payment-runs", {**form, "is_rehearsal": ""})).location
    await finance.post(f"{path}/cancel", {"reason": "Done"})
    await checker.post(f"{real}/release")
    assert "(rehearsal)" in (await finance.open("/payment-runs")).words
    assert await broken(db) == []


async def test_a_rehearsal_file_is_refused_where_a_real_one_is_read(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    form = RunForm(PAY_ON, await payables_of(db, await money.bill(db)), is_rehearsal=True)
    run = await PaymentRunService(db).make(money.finance.principal, form)
    content = await PaymentRunService(db).file_bytes(run.id, FileFormat.BACS)
    assert read_bacs18(content.split(b"\r\n", 1)[1]).credits[0].amount_pence == 7_500
    with pytest.raises(RehearsalOnly):
        await PaymentRunService(db).release(money.checker.principal, run.id)


async def test_a_run_is_given_to_the_bank_and_confirmed_in_that_order(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    run = await money.released(db)
    path, finance = f"/payment-runs/{run.id}", await browser.signed_in(money.finance)
    service = RunSubmissionService(db)
    with pytest.raises(NotTaken):
        async with db.begin_nested():
            await service.submit(money.finance.principal, run.id, "x")
    await reload(db)
    with pytest.raises(StepRefused):
        await service.confirm(money.finance.principal, run.id, 7_500)
    await reload(db)
    await finance.post(f"{path}/bacs18", expect=200)
    assert set((await finance.post(f"{path}/submit", {}, expect=422)).errors()) == {"reference"}
    await finance.post(f"{path}/submit", {"reference": "BANK-7"})
    await finance.post(f"{path}/submit", {"reference": "BANK-7"}, expect=409)
    assert "reference BANK-7" in (await finance.open(path)).words
    await reload(db)
    with pytest.raises(NotProcessedYet, match="Friday 5 March 2027"):
        async with db.begin_nested():
            await service.confirm(money.finance.principal, run.id, 7_500)
    await reload(db)
    clock.move_to(PROCESSED)
    finance = await browser.signed_in(money.finance)
    page = await finance.open(path)
    assert "Has the bank processed it?" in page.words
    page = await finance.post(f"{path}/confirm", {"total": "74.99"}, expect=422)
    assert "Call the bank" in page.errors()["total"]
    assert await count(db, "payables", "status = 'sent'") == 1
    await finance.post(f"{path}/confirm", {"total": "75.00"})
    assert (
        await count(db, "payables", "status = 'paid'") == await count(db, "payment_runs", "status = 'confirmed'") == 1
    )
    assert "Paid" in (await finance.open(path)).words
    assert await broken(db) == []


async def test_what_came_back_before_the_report_stays_owed(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    other = await another_payee(db, money)
    run = await money.released(db, await money.bill(db, 100), await other.bill(db, 200))
    await submitted(db, money, run)
    clock.move_to(PROCESSED)
    await ReturnsService(db).enter(money.finance.principal, row(100, returned_on=PROCESSED.date()))
    await RunSubmissionService(db).confirm(money.finance.principal, run.id, 300)
    assert await count(db, "payables", "status = 'open' AND amount_pence = 100") == 1
    assert await count(db, "payables", "status = 'paid' AND amount_pence = 200") == 1
    assert await broken(db) == []


async def test_returned_payments_stay_in_their_council(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    money, other = await make_money(db), await make_money(db)
    run = await money.released(db)
    line = await line_of(db, run)
    clock.move_to(TUESDAY)
    unknown = await ReturnsService(db).enter(money.finance.principal, row(1))
    unknown_id, own = unknown.id, f"/earnings/payments/{line.id}"
    paths = (f"/returned-payments/of/{line.id}", f"/returned-payments/{unknown_id}")
    stranger, provider = await browser.signed_in(other.finance), await browser.signed_in(other.provider)
    reader = await browser.signed_in(await make_member(db, Role.MANAGER, money.council))
    for path, form in zip(paths, (BACK_ON, {"line": "none", "note": "x"}), strict=True):
        await stranger.get(path, expect=404)
        await stranger.post(path, form, expect=404)
        await reader.get(path, expect=403)
        await reader.post(path, form, expect=403)
    await reader.open("/returned-payments")
    await provider.get(own, expect=404)
    await provider.get(f"{own}/csv", expect=404)
    await reload(db)
    with pytest.raises(NotFound):
        await ReturnsService(db).settle(money.finance.principal, unknown_id, new_id(), "x")
    assert await count(db, "payables", "status = 'sent'") == 1


async def test_a_payment_comes_back_once_however_it_is_entered(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    run = await money.released(db)
    line = await line_of(db, run)
    clock.move_to(TUESDAY)
    service = ReturnsService(db)
    await service.enter(money.finance.principal, row(7_500), line.id)
    for again in (line.id, None):
        with pytest.raises(ReturnedBefore):
            await service.enter(money.finance.principal, row(7_500), again)
    assert await count(db, "ledger_entries", "kind = 'payment-returned'") == 1


async def test_a_payee_sees_and_downloads_what_a_payment_is_for(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 10_000)
    await make_credit(db, money, bill, 2_500)
    await money.released(db, bill)
    provider = await browser.signed_in(money.provider)
    page = await provider.open("/earnings/payments")
    assert "On its way" in page.words
    path = page.link("^/earnings/payments/")
    page = await provider.open(path)
    assert "Payment of £75.00" in page.heading
    assert "SC-000001 (credit note, taken off)" in page.words
    table = (await provider.get(f"{path}/csv")).response.content.decode()
    assert ",SB-000001,,100.00," in table
    assert ",SC-000001,,-25.00," in table
