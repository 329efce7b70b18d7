"""A file that the bank refuses whole: nothing was paid, all of it is owed again, once."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Forbidden, NotFound, StepRefused
from marketplace.ledger import Purpose
from marketplace.payments import tasks, tasks_runs  # noqa: F401 - registers the tasks
from marketplace.payments.checks import ledger_equals_open_items
from marketplace.payments.checks_runs import CHECKS
from marketplace.payments.errors import NotReleased, PartlyTaken
from marketplace.payments.models import PaymentRun, PaymentRunLine
from marketplace.payments.returned_files import ReturnedRow
from marketplace.payments.schemas import FileFormat, RunForm
from marketplace.payments.service.proposals import ProposalService
from marketplace.payments.service.returns import ReturnsService
from marketplace.payments.service.run_submission import RunSubmissionService
from marketplace.payments.service.runs import PaymentRunService
from tests.browser import Browser, count
from tests.factories_payment_runs import another_payee, confirmed, make_credit, submitted
from tests.factories_payments import PAY_ON, balance, handled, make_money, payables_of, reload
from tests.payments.test_returns import UNTIL

WHY = "The file’s processing day is a bank holiday"
REFUSED = {"why": WHY, "none_paid": "yes"}


async def broken(db: AsyncSession) -> list[str]:
    await db.flush()
    facts = [await check(db) for check in (*CHECKS, ledger_equals_open_items)]
    return [f"{fact.name}: {fact.detail}" for fact in facts if not fact.ok]


async def test_what_the_bank_refused_whole_is_owed_again_and_paid_once_by_another_run(
    browser: Browser, db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    run = await submitted(db, money, await money.released(db, bill))
    path, owner = f"/payment-runs/{run.id}", money.organisation.id
    finance, provider = await browser.signed_in(money.finance), await browser.signed_in(money.provider)
    assert "Has the bank refused the whole file?" in (await finance.open(path)).words
    page = await finance.post(f"{path}/reject", {"why": ""}, expect=422)
    assert set(page.errors()) == {"why", "none_paid"}
    page = await finance.post(f"{path}/reject", {"why": WHY}, expect=422)
    assert set(page.errors()) == {"none_paid"}
    assert page.field("why") == WHY
    assert (await finance.post(f"{path}/reject", REFUSED)).location == path
    await finance.post(f"{path}/reject", REFUSED, expect=409)
    page = await finance.open(path)
    assert "Refused by the bank" in page.words
    assert WHY in page.words
    assert "It came back" not in page.words
    await finance.open(f"{path}/bacs18", expect=409)
    await reload(db)
    assert await count(db, "payables", "status = 'open'") == 1
    assert await count(db, "invoices", "status = 'approved'") == 1
    assert await balance(db, money.council.id, Purpose.PAYABLE, owner) == 7_500
    assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 0
    assert await count(db, "audit_entries", "action = 'payments.reject_run'") == 1
    assert await broken(db) == []
    assert "Sent to the bank" not in (await provider.open("/earnings")).words
    await provider.open("/earnings/payments")
    await reload(db)
    [payment] = (await ProposalService(db).propose(money.finance.principal, UNTIL)).payments
    again = await PaymentRunService(db).make(
        money.finance.principal, RunForm(PAY_ON, tuple(item.id for item in payment.bills))
    )
    await PaymentRunService(db).release(money.checker.principal, again.id)
    assert (await ProposalService(db).propose(money.finance.principal, UNTIL)).payments == []
    assert "Pays again what the bank refused" in (await finance.open(f"/payment-runs/{again.id}")).words
    assert "Paid instead by" in (await finance.open(path)).words
    await reload(db)
    assert await balance(db, money.council.id, Purpose.PAYABLE, owner) == 0
    assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 7_500
    assert await broken(db) == []


async def test_maker_and_releaser_and_payees_hear_of_it_once(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    run = await submitted(db, money, await money.released(db))
    await RunSubmissionService(db).reject(money.finance.principal, run.id, WHY)
    await db.flush()
    for item in await outbox.relay(db):
        if item.task == "payments.tell_rejected":
            await handled(db, item)
            await handled(db, item)
    assert await count(db, "messages", f"template = 'run_rejected' AND body LIKE '%{WHY}%'") == 2
    assert await count(db, "messages", "template = 'payment_delayed' AND body LIKE '%SB-000001%'") == 1


async def test_only_finance_and_only_a_run_the_bank_has_not_processed(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    run = await money.released(db)
    service = RunSubmissionService(db)
    with pytest.raises(Forbidden):
        await service.reject(money.provider.principal, run.id, WHY)
    run = await confirmed(db, money, run, clock)
    with pytest.raises(StepRefused):
        await service.reject(money.finance.principal, run.id, WHY)
    other = await make_money(db, name="Elsewhere")
    with pytest.raises(NotFound):
        await service.reject(other.finance.principal, run.id, WHY)


async def test_a_payment_that_came_back_says_that_the_bank_did_process_the_run(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    run = await submitted(db, money, await money.released(db))
    line = (await db.scalars(select(PaymentRunLine).where(PaymentRunLine.run_id == run.id))).one()
    item = ReturnedRow(clock.now().date(), 7_500, "", "", "B")
    await ReturnsService(db).enter(money.finance.principal, item, line.id)
    with pytest.raises(PartlyTaken):
        async with db.begin_nested():
            await RunSubmissionService(db).reject(money.finance.principal, run.id, WHY)


async def test_a_refused_run_gives_no_file_and_takes_no_returned_payment(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    run = await money.released(db)
    service = RunSubmissionService(db)
    await service.reject(money.finance.principal, run.id, "It was never sent")
    line = (await db.scalars(select(PaymentRunLine).where(PaymentRunLine.run_id == run.id))).one()
    with pytest.raises(NotReleased):
        await service.export(money.finance.principal, run.id, FileFormat.BACS, "Again")
    with pytest.raises(NotFound):
        await ReturnsService(db).enter(
            money.finance.principal, ReturnedRow(clock.now().date(), 7_500, "", "", "B"), line.id
        )
    item = ReturnedRow(clock.now().date(), 7_500, "SB-000001", "", "B")
    assert (await ReturnsService(db).enter(money.finance.principal, item)).line_id is None
    assert await broken(db) == []


async def test_credits_that_were_set_off_are_open_again_too(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    beta = await another_payee(db, money, 1, name="Beta")
    bill, other = await money.bill(db), await beta.bill(db)
    note = await make_credit(db, money, bill, 1_000)
    ids = await payables_of(db, bill, other)
    run: PaymentRun = await PaymentRunService(db).make(money.finance.principal, RunForm(PAY_ON, tuple(ids)))
    await PaymentRunService(db).release(money.checker.principal, run.id)
    await submitted(db, money, run)
    await RunSubmissionService(db).reject(money.finance.principal, run.id, WHY)
    await reload(db)
    assert await count(db, "payables", "status = 'open'") == 3
    assert await balance(db, money.council.id, Purpose.PAYABLE, money.organisation.id) == 6_500
    assert note.amount_pence == -1_000
    assert await broken(db) == []
