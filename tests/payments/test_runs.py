"""Payment runs: two people, one file, one payment (C7, V12)."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.ledger import Purpose
from marketplace.payments import tasks, tasks_runs  # noqa: F401 - registers the tasks
from marketplace.payments.errors import FileDiffers, MakerCannotRelease, NoPayingAccount, NotReleased, TooLateToRelease
from marketplace.payments.models import BankAccount, PaymentRunLine
from marketplace.payments.schemas import FileFormat, RunForm
from marketplace.payments.service.proposals import ProposalService
from marketplace.payments.service.run_files import earliest_pay_on, processing_day_of
from marketplace.payments.service.runs import PaymentRunService
from marketplace.providers.models import Accreditation
from tests.browser import Browser, Page, count, events
from tests.factories import make_member, make_organisation
from tests.factories_payments import (
    PAY_ON,
    Money,
    balance,
    handled,
    make_bank_account,
    make_money,
    make_paying_account,
    payables_of,
    reload,
)
from tests.payments.bacs_reader import read_bacs18

DAY = {"pay_on-day": "8", "pay_on-month": "3", "pay_on-year": "2027"}
UNTIL = date(2027, 5, 1)
PROPOSED = "/payment-runs/new?due_until-day=1&due_until-month=5&due_until-year=2027"


@pytest.mark.parametrize(
    ("made_on", "first", "processing"),
    [
        (date(2027, 3, 3), date(2027, 3, 5), date(2027, 3, 4)),
        (date(2027, 3, 5), date(2027, 3, 9), date(2027, 3, 8)),
        # Good Friday is 26 March 2027 and Easter Monday 29 March.
        (date(2027, 3, 24), date(2027, 3, 30), date(2027, 3, 25)),
    ],
)
def test_money_takes_three_working_days(made_on: date, first: date, processing: date) -> None:
    assert earliest_pay_on(made_on) == first
    assert processing_day_of(first) == processing


async def test_from_approved_bills_to_a_released_file_in_the_browser(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    [payable_id] = await payables_of(db, await money.bill(db, 7_500, 2_550))
    bill_id = str(payable_id)
    provider = await browser.signed_in(money.provider)
    finance = await browser.signed_in(money.finance)
    checker = await browser.signed_in(money.checker, confirmed=True)
    assert "No payment runs yet" in (await finance.open("/payment-runs")).words
    page = await finance.open(PROPOSED)
    assert "£100.50" in page.words
    assert page.field("bills") == bill_id
    form = {**DAY, "bills": bill_id, "form_id": "once"}
    path = (await finance.post("/payment-runs", form)).location
    assert (await finance.post("/payment-runs", form)).location == path
    assert await count(db, "payment_runs") == 1
    page = await finance.open(path)
    assert "another person must release it" in page.words
    await finance.get(f"{path}/bacs18", expect=409)
    await finance.post(f"{path}/release", expect=403)
    page = await checker.open(path)
    await checker.post(f"{path}/release", {"form_id": "r"})
    await checker.post(f"{path}/release", {"form_id": "r"})
    await checker.post(f"{path}/release", expect=409)
    assert await count(db, "ledger_entries", "kind = 'payment-run-line'") == 1
    page = await checker.open(path)
    assert "Released" in page.words
    page = await finance.open(page.link("bacs18$"))
    first = await finance.post(f"{path}/bacs18", {"form_id": "e"}, expect=200)
    assert first.response.headers["content-disposition"] == 'attachment; filename="PR-000001.bacs18.txt"'
    again = await finance.post(f"{path}/bacs18", {"form_id": "e"}, expect=200)
    assert again.response.content == first.response.content
    assert await count(db, "payment_runs", "export_count = 1") == 1
    assert "Money arrives 8 Mar 2027" in (await provider.open("/earnings")).words


async def test_a_second_export_asks_why_and_is_marked_as_a_copy(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    run = await money.released(db)
    path, stored = f"/payment-runs/{run.id}", run.file_sha256
    finance = await browser.signed_in(money.finance)
    manager = await browser.signed_in(await make_member(db, Role.MANAGER, money.council))
    await manager.open(path)
    await manager.get(f"{path}/bacs18", expect=403)
    await manager.post(f"{path}/bacs18", expect=403)
    assert await count(db, "payment_runs", "export_count = 0") == 1
    first = await finance.post(f"{path}/bacs18", expect=200)
    assert hashlib.sha256(first.response.content).hexdigest() == stored
    for ending in ("bacs18", "csv"):
        assert "reason" in (await finance.post(f"{path}/{ending}", expect=422)).errors()
    assert "was taken before" in (await finance.open(f"{path}/csv")).words
    copy = await finance.post(f"{path}/bacs18", {"reason": "The bank lost it"}, expect=200)
    assert copy.response.content == first.response.content
    assert "PR-000001-copy-2.bacs18.txt" in copy.response.headers["content-disposition"]
    csv = await finance.post(f"{path}/csv", {"reason": "For the file"}, expect=200)
    assert csv.response.content.startswith(b"Sort code,Account number")
    assert await count(db, "payment_runs", "export_count = 3") == 1
    assert await count(db, "audit_entries", "action = 'payments.export_run' AND why = ''") == 1
    assert await count(db, "audit_entries", "action = 'payments.export_run_copy' AND why = 'The bank lost it'") == 1
    await finance.get(f"{path}/pdf", expect=404)


async def test_who_made_a_run_cannot_release_it_with_another_role_either(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    run = await money.run(db)
    both = money.checker.principal.__class__(
        user_id=money.finance.user.id,
        name="Fin Maker",
        role=Role.FINANCE_CHECKER,
        council_id=money.council.id,
        council_name="",
        council_slug="",
        councils=(money.council.id,),
    )
    with pytest.raises(MakerCannotRelease):
        await PaymentRunService(db).release(both, run.id)
    with pytest.raises(Forbidden):
        await PaymentRunService(db).release(money.finance.principal, run.id)
    assert await count(db, "payment_runs", "status = 'made' AND file_sha256 IS NULL") == 1
    assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 0
    assert "PaymentRunReleased" not in await events(db)
    run.released_by_user_id = money.finance.user.id
    with pytest.raises(IntegrityError, match="ck_payment_runs_other_releaser"):
        await db.flush()


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2027, 3, 4), "first possible day is Friday 5 March 2027"),
        (date(2027, 3, 6), "next possible day is Monday 8 March 2027"),
        (date(2027, 3, 26), "next possible day is Tuesday 30 March 2027"),
        (date(2027, 12, 1), "within 60 days"),
    ],
)
async def test_a_day_on_which_banks_do_not_pay_is_refused_with_the_next_one(
    browser: Browser, db: AsyncSession, day: date, words: str
) -> None:
    money = await make_money(db)
    [payable_id] = await payables_of(db, await money.bill(db))
    finance = await browser.signed_in(money.finance)
    form = {"pay_on-day": day.day, "pay_on-month": day.month, "pay_on-year": day.year, "bills": str(payable_id)}
    form |= {f"due_until-{part}": number for part, number in (("day", 1), ("month", 5), ("year", 2027))}
    page = await finance.post("/payment-runs", form, expect=422)
    assert words in page.errors()["pay_on"]
    assert page.field("bills")
    assert await count(db, "payment_runs") == await count(db, "number_series", "series = 'payment_run'") == 0


async def test_a_cancelled_run_gives_its_bills_back(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    run = await money.run(db, bill)
    path, bill_id, [payable_id] = f"/payment-runs/{run.id}", bill.id, await payables_of(db, bill)
    finance = await browser.signed_in(money.finance)
    manager = await browser.signed_in(await make_member(db, Role.MANAGER, money.council))
    assert "reason" in (await finance.post(f"{path}/cancel", {}, expect=422)).errors()
    await manager.post(f"{path}/cancel", {"reason": "x"}, expect=403)
    await finance.post(f"{path}/cancel", {"reason": "Wrong day"})
    await finance.post(f"{path}/cancel", {"reason": "Wrong day"}, expect=409)
    assert "Wrong day" in (await finance.open(path)).words
    assert await count(db, "invoices", "status = 'approved'") == 1
    await finance.post("/payment-runs", {**DAY, "bills": str(payable_id)})
    assert await count(db, "payment_run_invoices", f"invoice_id = '{bill_id}'") == 2
    page = await finance.open("/payment-runs")
    assert "PR-000002" in page.words
    assert "Cancelled" in page.words


async def test_a_released_run_is_final(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    run = await money.released(db)
    service = PaymentRunService(db)
    with pytest.raises(StepRefused):
        await service.cancel(money.finance.principal, run.id, "x")
    with pytest.raises(StepRefused):
        await service.release(money.checker.principal, run.id)
    with pytest.raises(InvalidInput, match="not ready to be paid"):
        await service.make(money.finance.principal, RunForm(PAY_ON, await run_payables(db, run.id)))
    assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 7_500


async def run_payables(db: AsyncSession, run_id: Any) -> tuple[Any, ...]:
    return tuple(payable_id for payable_id, _ in await PaymentRunService(db).payables.of_run(run_id))


async def test_a_run_is_not_released_after_the_banks_cut_off(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    run = await money.run(db)
    clock.move_to(datetime(2027, 3, 5, 9, tzinfo=UTC))
    attempt = await db.begin_nested()
    with pytest.raises(TooLateToRelease, match="before Friday 5 March 2027"):
        await PaymentRunService(db).release(money.checker.principal, run.id)
    await attempt.rollback()
    assert await count(db, "payment_runs", "status = 'made'") == 1


async def test_a_file_is_a_function_of_rows(db: AsyncSession, maker: SessionMaker, clock: FixedClock) -> None:
    money = await make_money(db)
    run = await money.released(db)
    service = PaymentRunService(db)
    first = await service.file_bytes(run.id, FileFormat.BACS)
    clock.advance(timedelta(days=400))
    # Later changes of either side's details do not reach a file that was released.
    await make_paying_account(
        db, money.council, account_number="99999999", live_from=date(2027, 3, 1), created_at=clock.now()
    )
    await db.execute(
        update(BankAccount).where(BankAccount.organisation_id.is_not(None)).values(account_number="11111111")
    )
    assert await service.file_bytes(run.id, FileFormat.BACS) == first
    contents = read_bacs18(first)
    assert (contents.created_on, contents.processing_on) == (date(2027, 3, 3), date(2027, 3, 5))
    assert contents.credits[0].account_number == "38290008"
    await db.execute(update(PaymentRunLine).values(amount_pence=7_501))
    await reload(db)
    with pytest.raises(FileDiffers):
        await service.file_bytes(run.id, FileFormat.CSV)


async def test_only_a_released_run_has_a_file(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    run = await money.run(db)
    with pytest.raises(NotReleased):
        await PaymentRunService(db).file_bytes(run.id, FileFormat.BACS)
    with pytest.raises(NotFound):
        await PaymentRunService(db).file_bytes(money.council.id, FileFormat.BACS)
    [summary] = await PaymentRunService(db).summaries()
    assert (summary.number, summary.status, summary.processing_on) == ("PR-000001", "made", date(2027, 3, 5))


async def test_one_payment_an_organisation_with_all_its_bills(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db, name="Zeta Planning")
    other = await make_organisation(db, name="Alpha Group")
    await make_bank_account(db, other, account_number="00000001")
    bills = [await money.bill(db, 100), await money.bill(db, 200, 50)]
    another = Money(money.council, money.finance, money.checker, other, money.provider)
    bills.append(await another.bill(db, 999))
    run = await money.released(db, *bills)
    contents = read_bacs18(await PaymentRunService(db).file_bytes(run.id, FileFormat.BACS))
    assert [(item.amount_pence, item.reference, item.account_name) for item in contents.credits] == [
        (999, "SB-000003", "ALPHA GROUP"),
        (350, "PR-000001", "ZETA PLANNING"),
    ]
    assert run.total_pence == 1_349


async def test_a_proposal_warns_and_leaves_out(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    await make_bank_account(db, money.organisation, live_from=date(2027, 2, 20), account_number="22222222")
    await db.execute(update(Accreditation).values(live_until=date(2027, 3, 1)))
    bill = await money.bill(db, 600_000)
    unpaid = Money(money.council, money.finance, money.checker, await make_organisation(db), money.provider)
    left_out = await unpaid.bill(db, 700)
    proposal = await ProposalService(db).propose(money.finance.principal, UNTIL)
    by_id = {payment.organisation_id: payment for payment in proposal.payments}
    warnings = " ".join(item.words for item in by_id[money.organisation.id].warnings)
    assert "Bank details changed on 20 February 2027" in warnings
    assert "Not accredited today" in warnings
    assert "Unusually large: more than £5,000.00" in warnings
    assert by_id[unpaid.organisation.id].is_left_out
    assert proposal.total_pence == 600_000
    assert (await ProposalService(db).propose(money.finance.principal, date(2027, 3, 31))).payments == []
    ids = [str(payable_id) for found in (bill, left_out) for payable_id in await payables_of(db, found)]
    finance = await browser.signed_in(money.finance)
    page = await finance.open(PROPOSED)
    assert "Left out:" in page.words
    assert left_out_is_no_choice(page, ids[1])
    page = await finance.post("/payment-runs", {**DAY, "bills": ids}, expect=422)
    assert "has no bank details that were checked" in page.errors()["bills"]
    assert await count(db, "payment_runs") == 0
    assert await count(db, "invoices", "status = 'approved'") == 2


def left_out_is_no_choice(page: Page, bill_id: str) -> bool:
    return f'value="{bill_id}"' not in page.text


async def test_a_payment_far_above_earlier_ones_is_marked(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    for _ in range(3):
        await money.released(db, await money.bill(db, 1_000))
    await money.bill(db, 3_001)
    [payment] = (await ProposalService(db).propose(money.finance.principal, UNTIL)).payments
    assert [item.words for item in payment.warnings] == [
        "Much more than usual: earlier payments were £10.00 on average."
    ]


async def test_without_the_councils_own_account_no_run_is_made(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    await db.execute(update(BankAccount).where(BankAccount.council_id.is_not(None)).values(live_from=None))
    with pytest.raises(NoPayingAccount):
        await PaymentRunService(db).make(money.finance.principal, RunForm(PAY_ON, await payables_of(db, bill)))


async def test_runs_stay_in_their_council(browser: Browser, db: AsyncSession) -> None:
    money, other = await make_money(db), await make_money(db)
    [payable_id] = await payables_of(db, await money.bill(db))
    run = await money.released(db, await money.bill(db))
    path, bill_id = f"/payment-runs/{run.id}", str(payable_id)
    strangers = [await browser.signed_in(member, confirmed=True) for member in (other.finance, other.checker)]
    provider = await browser.signed_in(money.provider)
    for address in (path, f"{path}/bacs18", f"{path}/csv"):
        await strangers[0].get(address, expect=404)
        await provider.get(address, expect=403)
    await strangers[1].post(f"{path}/release", expect=404)
    await strangers[0].post(f"{path}/cancel", {"reason": "x"}, expect=404)
    await strangers[0].post(f"{path}/bacs18", expect=404)
    page = await strangers[0].post("/payment-runs", {**DAY, "bills": bill_id}, expect=422)
    assert "not ready" in page.errors()["bills"]
    await strangers[1].post("/payment-runs", {**DAY, "bills": bill_id}, expect=403)
    await strangers[0].post("/payment-runs", {**DAY, "bills": "nonsense"}, expect=422)
    await strangers[0].post("/payment-runs", DAY, expect=422)
    assert await count(db, "payment_runs") == 1


async def test_each_payee_gets_a_remittance_advice(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    bills = [await money.bill(db, 7_500), await money.bill(db, 10_000)]
    await money.released(db, *bills)
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
        await handled(db, item)
    where = f"template = 'remittance_advice' AND user_id = '{money.provider.user.id}'"
    assert await count(db, "messages", where) == 1
    for words in ("£175.00", "SB-000001: £75.00", "SB-000002: £100.00", "8 March 2027", "••••0008", "PR-000001"):
        assert await count(db, "messages", f"{where} AND body LIKE '%{words}%'") == 1
    assert await count(db, "messages", f"user_id = '{money.provider.user.id}' AND template = 'self_bill_issued'") == 2
    await reload(db)
