"""Held lines and credit notes: the clean ones are paid on time, nothing is taken back twice (V12, C6)."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from marketplace.ledger import Purpose
from marketplace.payments.models import Invoice, InvoiceLine, LineHold, Payable
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.service.bills import BillService, due_day
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.facts import asked_of
from marketplace.payments.service.holds import HoldService
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.states import HoldReason, InvoiceStatus, LineStatus
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import count, events
from tests.factories_invoices import Supply, file_of, make_supply, row_of
from tests.factories_payments import FEBRUARY, balance, make_money, make_vat, reload
from tests.payments.test_money_chain import broken


async def sent(db: AsyncSession, supply: Supply, *rows: list[str]) -> tuple[Invoice, list[InvoiceLine]]:
    """Send a file of one invoice."""
    service = InvoiceService(db)
    batch = await service.check_file(supply.provider.principal, supply.money.council.id, "x.csv", file_of(*rows))
    [invoice] = await service.send_file(supply.provider.principal, batch.id)
    return invoice, list(await BillRepository(db).lines(invoice.id))


async def payables(db: AsyncSession) -> list[tuple[int, date]]:
    rows = await db.scalars(select(Payable).order_by(Payable.id))
    return [(row.amount_pence, row.due_on) for row in rows]


async def test_a_partial_dispute_pays_the_clean_lines_and_the_answer_pays_the_rest(
    db: AsyncSession, clock: FixedClock
) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18), "cost_pence": 2_000}])
    council, owner = supply.money.council.id, supply.money.organisation.id
    invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    lines = await BillRepository(db).lines(invoice.id)
    holds, finance = HoldService(db), supply.finance.principal
    assert await holds.hold(finance, invoice.id, [lines[1].id], HoldReason.QUERIED, "Which care was given?") == 1
    assert await holds.hold(finance, invoice.id, [lines[1].id], HoldReason.QUERIED, "Again?") == 0
    await BillService(db).approve(finance, invoice.id)
    assert await payables(db) == [(1_800, invoice.due_on)]
    assert await balance(db, council, Purpose.ACCRUED, owner) == 2_000
    assert await broken(db) == []
    clock.advance(timedelta(days=9))
    await holds.answer(supply.provider.principal, lines[1].id, "Evening care, as planned")
    await holds.agree(finance, lines[1].id, "Thank you")
    # The clock stood still for nine days: this part is due so much later, and the invoice keeps its day.
    assert await payables(db) == [(1_800, invoice.due_on), (2_000, invoice.due_on + timedelta(days=9))]
    assert await balance(db, council, Purpose.PAYABLE, owner) == 3_800
    assert (await events(db))[-3:] == ["InvoiceReceived", "LinesHeld", "LineHoldEnded"]
    assert await broken(db) == []
    with pytest.raises(Conflict, match="no longer on hold"):
        await holds.agree(finance, lines[1].id, "")


async def test_a_price_above_is_paid_at_what_was_approved_and_the_rest_is_not(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    invoice, lines = await sent(db, supply, row_of(supply), row_of(supply, start_time="18:00", amount_pounds="25.00"))
    assert invoice.total_pence == 4_300
    await HoldService(db).agree(supply.finance.principal, lines[1].id, "As approved")
    await db.refresh(invoice)
    assert (invoice.total_pence, lines[1].amount_pence, lines[1].claimed_pence) == (3_600, 1_800, 2_500)
    await BillService(db).approve(supply.finance.principal, invoice.id)
    assert sum(pence for pence, _ in await payables(db)) == 3_600
    assert await broken(db) == []


async def test_a_visit_approved_later_is_paid_after_another_check(db: AsyncSession) -> None:
    supply = await make_supply(db)
    booking = supply.booking(status=BookingStatus.CLAIMED)
    await supply.visits(db, [{"starts_local": time(18)}])
    await supply.visit(db, earns=False, **{key: booking[key] for key in ("id", "status")})
    invoice, lines = await sent(db, supply, row_of(supply), row_of(supply, start_time="18:00"))
    assert lines[0].reason_code is HoldReason.NOT_APPROVED
    holds, finance, line_id = HoldService(db), supply.finance.principal, lines[0].id
    with pytest.raises(InvalidInput, match="nothing to pay it from"):
        async with db.begin_nested():
            await holds.agree(finance, line_id, "")
    await reload(db)
    assert (await holds.check_again(finance, line_id)).reason is HoldReason.NOT_APPROVED
    await BillService(db).approve(finance, invoice.id)
    await supply.earn(db, [booking])  # the person has approved it now
    assert (await holds.check_again(finance, line_id)).reason is None
    # The wait was not the supplier's doing: this part is due on the day of the invoice, too.
    assert await payables(db) == [(1_800, invoice.due_on), (1_800, invoice.due_on)]
    assert await broken(db) == []


async def test_lines_whose_vat_was_not_known_share_one_rounding_of_the_bill(db: AsyncSession) -> None:
    money = await make_money(db, agreed=False, vat_number="GB123456789")
    supply = await make_supply(db, money)
    hours = [time(hour, minute) for hour in range(6, 12) for minute in (0, 30)]
    await supply.visits(db, [{"starts_local": hour, "minutes": 30, "cost_pence": 1_000} for hour in hours])
    rows = [row_of(supply, start_time=f"{hour:%H:%M}", minutes=30, amount_pounds="10.00") for hour in hours]
    invoice, lines = await sent(db, supply, *rows)
    assert {line.reason_code for line in lines} == {HoldReason.VAT_UNCLEAR}
    values = {"category": VatCategory.STANDARD, "rate": 2_000, "reason": "", "service_line": ServiceLine.HOME_CARE}
    await make_vat(db, money.council, money.organisation, **values)
    for line in lines:
        # Each by itself would hold £1.67, together four pence too much.
        await HoldService(db).agree(supply.finance.principal, line.id, "Fits now")
    await reload(db)
    bill = await db.get_one(Invoice, invoice.id)
    assert (bill.total_pence, bill.vat_pence, bill.net_pence) == (12_000, 2_000, 10_000)
    shares = [line.vat_pence for line in await BillRepository(db).lines(bill.id)]
    assert set(shares) == {166, 167}
    assert sum(shares) == 2_000


async def test_a_supplier_corrects_a_line_and_the_invoice_keeps_its_day(db: AsyncSession, clock: FixedClock) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    invoice, lines = await sent(
        db, supply, row_of(supply), row_of(supply, person_reference="SA-00000", start_time="18:00")
    )
    received = invoice.received_on
    clock.advance(timedelta(days=2))
    holds, asked = HoldService(db), asked_of(lines[1])
    with pytest.raises(InvalidInput, match="cannot ask for more"):
        await holds.correct(supply.provider.principal, lines[1].id, asked._replace(pence=1_801))
    judged = await holds.correct(supply.provider.principal, lines[1].id, asked._replace(minutes=30))
    assert judged.reason is HoldReason.WRONG_PERSON
    right = asked._replace(reference=supply.agreement.reference)
    judged = await holds.correct(supply.provider.principal, lines[1].id, right._replace(minutes=90))
    assert judged.reason is HoldReason.TIME_ABOVE
    assert await count(db, "line_holds", "ended_at IS NULL") == 1
    judged = await holds.correct(supply.provider.principal, lines[1].id, right)
    assert judged.reason is None
    assert (lines[1].status, invoice.received_on) == (LineStatus.CLEAN, received)
    assert lines[1].description.endswith(f"at 18:00, {right.minutes} minutes, agreement {right.reference}")
    assert await broken(db) == []
    await BillService(db).approve(supply.finance.principal, invoice.id)
    assert await payables(db) == [(1_800, invoice.due_on), (1_800, invoice.due_on + timedelta(days=2))]
    assert await broken(db) == []


async def test_a_refused_line_is_free_for_another_invoice_and_the_last_one_refuses_all(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    invoice, lines = await sent(db, supply, row_of(supply), row_of(supply, start_time="18:00", minutes=120))
    await HoldService(db).refuse(supply.finance.principal, lines[1].id, "Not agreed")
    await db.refresh(invoice)
    assert invoice.total_pence == 1_800
    assert await broken(db) == []
    council = supply.money.council.id
    again = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-2")
    assert again.total_pence == 1_800
    one, [line] = await sent(db, supply, row_of(supply, invoice_number="INV-3", person_reference="SA-1"))
    await HoldService(db).refuse(supply.finance.principal, line.id, "Nobody of that reference")
    await db.refresh(one)
    assert one.status is InvoiceStatus.REFUSED
    assert await broken(db) == []


async def test_a_whole_self_bill_on_hold_lines_is_not_approved_and_refusing_takes_it_back(db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 7_500, 2_500, approve=False)
    lines = await BillRepository(db).lines(bill.id)
    holds, finance = HoldService(db), money.finance.principal
    await holds.hold(finance, bill.id, [line.id for line in lines], HoldReason.QUERIED, "Is it ours?")
    with pytest.raises(Conflict, match="Every line"):
        async with db.begin_nested():
            await BillService(db).approve(finance, bill.id)
    await holds.refuse(finance, lines[0].id, "It was another council's plan")
    assert await count(db, "invoices", "kind = 'self_bill_credit' AND number = 'SC-000001'") == 1
    await holds.agree(finance, lines[1].id, "")
    await BillService(db).approve(finance, bill.id)
    await db.refresh(bill)
    assert (bill.total_pence, await payables(db)) == (10_000, [(2_500, bill.due_on)])
    council, owner = money.council.id, money.organisation.id
    assert await balance(db, council, Purpose.ACCRUED, owner) == 0
    assert -await balance(db, council, Purpose.PLAN_SPEND) == 2_500
    assert [name for name in await broken(db) if "plan version" not in name] == []


async def test_a_credit_note_takes_back_to_the_penny_and_never_more_than_the_line(db: AsyncSession) -> None:
    money = await make_money(db, vat_number="GB123456789")
    await make_vat(
        db,
        money.council,
        money.organisation,
        category=VatCategory.STANDARD,
        rate=2_000,
        reason="",
        starts_on=date(2027, 1, 1),
    )
    bill = await money.bill(db, 1_001, 1_001)
    assert (bill.vat_pence, bill.net_pence) == (334, 1_668)
    lines = await BillRepository(db).lines(bill.id)
    service, finance = CreditNoteService(db), money.finance.principal
    first = await service.make(finance, bill.id, {lines[0].id: 500}, "Half of it")
    assert (first.number, first.total_pence, first.vat_pence, first.status) == (
        "SC-000001",
        500,
        83,
        InvoiceStatus.APPROVED,
    )
    with pytest.raises(InvalidInput, match=r"£5\.01"):
        await service.make(finance, bill.id, {lines[0].id: 502}, "Too much")
    second = await service.make(finance, bill.id, {lines[0].id: 501}, "The other half")
    assert first.vat_pence + second.vat_pence == lines[0].vat_pence
    assert [pence for pence, _ in await payables(db)] == [2_002, -500, -501]
    council, owner = money.council.id, money.organisation.id
    assert await balance(db, council, Purpose.PAYABLE, owner) == 1_001
    assert -await balance(db, council, Purpose.PLAN_SPEND) == 1_001
    assert [name for name in await broken(db) if "plan version" not in name] == []


async def test_a_credit_note_for_a_visit_gives_the_money_back_to_the_person(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    council, owner = supply.money.council.id, supply.money.organisation.id
    invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    lines = await BillRepository(db).lines(invoice.id)
    service = CreditNoteService(db)
    with pytest.raises(InvalidInput, match="not payable yet"):
        await service.send(supply.provider.principal, invoice.id, {lines[0].id: 100}, "x", "C-1")
    await BillService(db).approve(supply.finance.principal, invoice.id)
    note = await service.send(supply.provider.principal, invoice.id, {lines[0].id: 600}, "20 minutes less", "C-1")
    assert (note.number, note.status) == ("CN-000001", InvoiceStatus.ISSUED)
    assert await balance(db, council, Purpose.DIRECT_PAYMENT, supply.person.id) == 0
    with pytest.raises(InvalidInput, match="used this number"):
        await service.send(supply.provider.principal, invoice.id, {lines[0].id: 1}, "x", "c-1")
    await service.approve(supply.finance.principal, note.id)
    await service.approve(supply.finance.principal, note.id)
    assert await balance(db, council, Purpose.DIRECT_PAYMENT, supply.person.id) == 600
    assert await balance(db, council, Purpose.PAYABLE, owner) == 3_000
    assert [pence for pence, _ in await payables(db)] == [3_600, -600]
    assert await broken(db) == []


async def test_a_bill_taken_back_before_it_was_payable_leaves_nothing_owed(db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 7_500, approve=False)
    [line] = await BillRepository(db).lines(bill.id)
    await CreditNoteService(db).make(money.finance.principal, bill.id, {line.id: 7_500}, "Made twice")
    await db.refresh(bill)
    assert bill.status is InvoiceStatus.CREDITED
    assert await payables(db) == []
    assert await balance(db, money.council.id, Purpose.ACCRUED, money.organisation.id) == 0
    assert await balance(db, money.council.id, Purpose.PLAN_SPEND) == 0
    assert [name for name in await broken(db) if "plan version" not in name] == []


async def test_holds_and_credit_notes_stay_with_who_may_make_them(db: AsyncSession) -> None:
    supply, other = await make_supply(db), await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    invoice, lines = await sent(db, supply, row_of(supply), row_of(supply, start_time="18:00", minutes=120))
    holds, notes = HoldService(db), CreditNoteService(db)
    words = "x"
    for stranger in (other.finance.principal,):
        with pytest.raises(NotFound):
            await holds.hold(stranger, invoice.id, [lines[0].id], HoldReason.QUERIED, words)
        with pytest.raises(NotFound):
            await holds.agree(stranger, lines[1].id, words)
        with pytest.raises(NotFound):
            await notes.approve(stranger, invoice.id)
    with pytest.raises(NotFound):
        await holds.answer(other.provider.principal, lines[1].id, words)
    with pytest.raises(NotFound):
        await notes.send(other.provider.principal, invoice.id, {lines[0].id: 1}, words, "1")
    with pytest.raises(Forbidden):
        await holds.refuse(supply.provider.principal, lines[1].id, words)
    with pytest.raises(Conflict, match="Only the supplier"):
        await notes.make(supply.finance.principal, invoice.id, {lines[0].id: 1}, words)
    with pytest.raises(InvalidInput, match="question"):
        await holds.hold(supply.finance.principal, invoice.id, [lines[0].id], HoldReason.QUERIED, "")
    assert await count(db, "line_holds") == 1


def test_days_on_hold_count_once_and_only_where_the_clock_stands() -> None:
    due = date(2027, 4, 2)

    def hold(first: int, last: int, *, stops: bool = True) -> LineHold:
        from datetime import UTC, datetime

        return LineHold(
            stops_clock=stops,
            held_at=datetime(2027, 3, first, 12, tzinfo=UTC),
            ended_at=datetime(2027, 3, last, 12, tzinfo=UTC),
        )

    assert due_day(due, []) == due
    assert due_day(due, [hold(1, 4)]) == date(2027, 4, 5)
    assert due_day(due, [hold(1, 4), hold(3, 6)]) == date(2027, 4, 7)
    assert due_day(due, [hold(1, 4, stops=False)]) == due
    assert due_day(due, [hold(1, 1)]) == due
