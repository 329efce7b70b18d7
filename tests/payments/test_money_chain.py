"""The main story in money: from a signed-off plan to the bank's bytes, equal to the ledger at each step."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.events import BookingApproved
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import (
    SessionMaker,
    make_engine,
    make_session_maker,
    scope_to,
    transaction,
)
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments import tasks, tasks_runs  # noqa: F401 - registers the tasks
from marketplace.payments.checks import check_payments
from marketplace.payments.models import Accrual, Invoice, InvoiceLine, Payable, PaymentRun, PaymentRunLine
from marketplace.payments.schemas import FileFormat, PeriodForm, RunForm
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.runs import PaymentRunService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.plans.events import PlanSignedOff
from tests.browser import count
from tests.conftest import admin, clone_database
from tests.factories_payments import (
    PAY_ON,
    Money,
    balance,
    handled,
    make_accrual,
    make_money,
    make_signed_plan,
    make_tariff,
    payables_of,
)
from tests.payments.bacs_reader import read_bacs18

PERIOD = PeriodForm(date(2027, 2, 1), date(2027, 3, 4))


async def broken(db: AsyncSession) -> list[str]:
    """Names of facts that do not hold."""
    await db.flush()
    return [fact.name for fact in await check_payments(db) if not fact.ok]


async def test_the_whole_chain_from_sign_off_to_bacs_bytes(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    council_id, owner = money.council.id, money.organisation.id
    for minutes, day in ((200, date(2027, 2, 20)), (300, date(2027, 3, 3))):
        event = await make_signed_plan(db, money.council, money.organisation, minutes=minutes, completed_on=day)
        outbox.publish(db, event)
    person_id, booking_id = event.person_id, new_id()
    visit = BookingApproved(
        council_id=council_id,
        booking_id=booking_id,
        person_id=person_id,
        organisation_id=owner,
        worker_id=event.worker_id,
        cost_pence=1_667,
        funding="direct_payment",
        visit_on=date(2027, 3, 1),
    )
    ledger = LedgerService(db)
    lines = [debit(Purpose.DIRECT_PAYMENT_SPEND, 5_000), credit(Purpose.DIRECT_PAYMENT, 5_000, person_id)]
    await ledger.post(council_id, "direct-payment", person_id, lines)
    lines = [debit(Purpose.DIRECT_PAYMENT, 1_667, person_id), credit(Purpose.ACCRUED, 1_667, owner)]
    await ledger.post(council_id, "visit-approved", booking_id, lines)
    outbox.publish(db, visit)
    await db.flush()
    assert await broken(db) == []
    # The visit's message comes first, and everything comes twice.
    deliveries = [item for item in await outbox.relay(db) if item.task.startswith("payments.accrue")]
    for item in [*reversed(deliveries), *deliveries]:
        await handled(db, item)
    whole = 7_500 + 10_000 + 1_667
    assert await balance(db, council_id, Purpose.ACCRUED, owner) == whole
    assert await broken(db) == []

    bills = SelfBillService(db)
    [bill] = await bills.make(money.finance.principal, PERIOD, whole)
    assert await broken(db) == []
    await bills.approve(money.finance.principal, bill.id)
    assert await balance(db, council_id, Purpose.PAYABLE, owner) == whole
    assert await broken(db) == []
    runs = PaymentRunService(db)
    run = await runs.make(money.finance.principal, RunForm(PAY_ON, await payables_of(db, bill)))
    assert await broken(db) == []
    run = await runs.release(money.checker.principal, run.id)
    assert await broken(db) == []

    contents = read_bacs18(await runs.file_bytes(run.id, FileFormat.BACS))
    cleared = await balance(db, council_id, Purpose.BANK_CLEARING)
    assert contents.contra.amount_pence == sum(item.amount_pence for item in contents.credits) == cleared == whole
    assert (contents.service_user_number, contents.contra.account_number) == ("123456", "00012345")
    assert (contents.credits[0].sort_code, contents.credits[0].reference) == ("200415", "SB-000001")
    assert f",{whole // 100}.{whole % 100:02}," in (await runs.file_bytes(run.id, FileFormat.CSV)).decode()
    for purpose in (Purpose.ACCRUED, Purpose.PAYABLE):
        assert await balance(db, council_id, purpose) == 0
    assert await balance(db, council_id, Purpose.DIRECT_PAYMENT, person_id) == 5_000 - 1_667


async def test_every_check_finds_what_is_broken_on_purpose(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await money.released(db)
    plan = "payments: each signed-off plan version earned its tariff once"
    assert await broken(db) == [plan]  # its accrual was made up, without a plan
    ledger, adds_up, one_run, follows, back, lines = (
        "payments: the ledger equals what is open",
        "payments: a payment run is its lines, what it pays and the ledger",
        "payments: what is owed is paid by one run",
        "payments: a bill is where its payables are",
        "payments: what came back is taken back once",
        "payments: a self-bill is the sum of its lines",
    )
    breaks = [
        (update(Invoice).values(total_pence=7_499, net_pence=7_499), {lines}),
        (update(InvoiceLine).values(amount_pence=1), {lines, follows}),
        (update(Payable).values(amount_pence=1), {adds_up, follows}),
        (update(PaymentRun).values(total_pence=1), {adds_up}),
        (update(PaymentRun).values(file_sha256=None), {adds_up}),
        (update(PaymentRun).values(is_rehearsal=True), {adds_up, one_run}),
        (update(PaymentRun).values(released_by_user_id=None), {"payments: maker and checker are two people"}),
        (update(PaymentRunLine).values(returned_on=date(2027, 3, 3)), {back, one_run}),
        (update(Invoice).values(status="approved"), {follows}),
        (update(Payable).values(status="open"), {follows, one_run, ledger}),
        (update(Accrual).values(invoice_id=None), {lines, ledger}),
        (text("DELETE FROM invoice_lines"), {lines, "payments: nothing is billed twice", follows}),
        (text("UPDATE number_series SET last = 9"), {"payments: numbers have no gaps"}),
    ]
    for statement, names in breaks:
        attempt = await db.begin_nested()
        await db.execute(statement)
        assert set(await broken(db)) == {plan, *names}, str(statement)
        await attempt.rollback()


async def test_a_plan_that_waits_for_its_tariff_is_not_a_breach(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2027, 2, 1))
    assert len(await broken(db)) == 1
    outbox.publish(db, event)
    assert await broken(db) == []


@pytest.fixture
async def real(clock: FixedClock) -> AsyncGenerator[SessionMaker, None]:
    """Sessions that really commit, each on a connection of its own."""
    name = f"test_money_{new_id().hex[-8:]}"
    engine = make_engine(await clone_database(name), pool_size=4)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def world(real: SessionMaker) -> Money:
    """A committed council with one earning."""
    async with transaction(real, "every") as db:
        money = await make_money(db)
        await make_accrual(db, money.council, money.organisation)
    return money


async def test_two_people_who_make_bills_at_once_make_them_once(real: SessionMaker) -> None:
    money = await world(real)

    async def make() -> list[str]:
        async with transaction(real, [money.council.id]) as db:
            return [bill.number for bill in await SelfBillService(db).make(money.finance.principal, PERIOD)]

    answers = await asyncio.gather(make(), make(), return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, list)] == [["SB-000001"]]
    assert len([answer for answer in answers if isinstance(answer, InvalidInput)]) == 1
    async with transaction(real, "every") as db:
        assert await count(db, "invoices") == await count(db, "invoice_lines") == 1
        assert await count(db, "number_series", "last = 1") == 1


async def test_two_releases_and_two_runs_at_once_give_one(real: SessionMaker) -> None:
    money = await world(real)
    async with transaction(real, [money.council.id]) as db:
        [bill] = await SelfBillService(db).make(money.finance.principal, PERIOD)
        await SelfBillService(db).approve(money.finance.principal, bill.id)
        owed = await payables_of(db, bill)

    async def make() -> PaymentRun:
        async with transaction(real, [money.council.id]) as db:
            return await PaymentRunService(db).make(money.finance.principal, RunForm(PAY_ON, owed))

    answers = await asyncio.gather(make(), make(), return_exceptions=True)
    [run] = [answer for answer in answers if isinstance(answer, PaymentRun)]
    assert len([answer for answer in answers if isinstance(answer, InvalidInput)]) == 1

    async def release() -> str:
        async with transaction(real, [money.council.id]) as db:
            return (await PaymentRunService(db).release(money.checker.principal, run.id)).status.value

    released = await asyncio.gather(release(), release(), return_exceptions=True)
    assert [answer for answer in released if isinstance(answer, str)] == ["released"]
    assert len([answer for answer in released if isinstance(answer, StepRefused)]) == 1
    async with transaction(real, "every") as db:
        assert await count(db, "payment_runs", "number = 1 AND status = 'released'") == 1
        assert await count(db, "ledger_entries", "kind = 'payment-run-line'") == 1
        assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == 7_500
        assert await count(db, "outbox_messages", "event = 'PaymentRunReleased'") == 1


async def test_two_workers_with_two_messages_of_one_plan_pay_it_once(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        await make_tariff(db, money.council)
        event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2027, 2, 1))

    async def accrue(event: PlanSignedOff) -> bool:
        async with transaction(real, [money.council.id]) as db:
            return await AccrualService(db).accrue_plan(event)

    assert sorted(await asyncio.gather(accrue(event), accrue(event))) == [False, True]
    async with transaction(real, "every") as db:
        await scope_to(db, "every")
        assert await count(db, "accruals") == await count(db, "ledger_entries") == 1
        assert await broken(db) == []
