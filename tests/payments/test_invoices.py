"""Suppliers' own invoices: from what was approved and from files; nothing is billed twice (C6, V11, V12)."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.core.textfiles import UnreadableFile
from marketplace.ledger import Purpose
from marketplace.payments.models import Accrual, InvoiceLine, Payable
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.schemas import PeriodForm
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.facts import visit_reference
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import BatchStatus, HoldReason, InvoiceStatus, LineStatus
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import count, events
from tests.factories import make_member
from tests.factories_invoices import VISIT_ON, Supply, file_of, make_supply, row_of
from tests.factories_payments import FEBRUARY, balance, make_money, make_self_billing, make_vat
from tests.payments.test_money_chain import broken


async def lines_of(db: AsyncSession, batch_id: object) -> list[InvoiceLine]:
    return list(await db.scalars(select(InvoiceLine).order_by(InvoiceLine.invoice_id, InvoiceLine.position)))


async def check(db: AsyncSession, supply: Supply, body: bytes) -> tuple[object, dict[int, HoldReason | None]]:
    batch = await InvoiceService(db).check_file(supply.provider.principal, supply.money.council.id, "visits.csv", body)
    rows = await lines_of(db, batch.id)
    return batch, {line.asked["row"]: line.reason_code for line in rows if line.asked}


async def test_an_invoice_of_approved_visits_is_paid_to_the_penny(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{"cost_pence": 1_801}, {"starts_local": time(18), "cost_pence": 2_750}])
    await supply.visit(db, visit_on=date(2027, 3, 1))  # outside the period
    service = InvoiceService(db)
    council = supply.money.council.id
    invoice = await service.send_delivered(supply.provider.principal, council, FEBRUARY, "A-1", 4_551)
    assert (invoice.number, invoice.supplier_number, invoice.status) == ("PI-000001", "A-1", InvoiceStatus.ISSUED)
    assert (invoice.total_pence, invoice.net_pence, invoice.vat_pence) == (4_551, 4_551, 0)
    assert invoice.due_on - invoice.received_on == timedelta(days=30)
    assert invoice.parties["supplier"]["name"] == supply.money.organisation.name
    assert await broken(db) == []
    await BillService(db).approve(supply.finance.principal, invoice.id)
    owner = supply.money.organisation.id
    assert await balance(db, council, Purpose.PAYABLE, owner) == 4_551
    assert await balance(db, council, Purpose.ACCRUED, owner) == 1_800
    assert [row.amount_pence for row in await db.scalars(select(Payable))] == [4_551]
    assert await broken(db) == []


async def test_what_stands_on_an_invoice_is_never_self_billed_nor_invoiced_again(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visit(db)
    service, council = InvoiceService(db), supply.money.council.id
    await service.send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    with pytest.raises(InvalidInput, match="Nothing was approved"):
        await service.send_delivered(supply.provider.principal, council, FEBRUARY, "A-2")
    await make_self_billing(db, supply.money.council, supply.money.organisation)
    with pytest.raises(InvalidInput, match="Nothing was earned"):
        await SelfBillService(db).make(supply.finance.principal, FEBRUARY)
    with pytest.raises(Conflict, match="makes out your bills"):
        await service.send_delivered(supply.provider.principal, council, FEBRUARY, "A-3")
    assert await count(db, "invoices") == 1


async def test_a_number_is_taken_once_however_it_is_written(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"visit_on": VISIT_ON + timedelta(days=1)}])
    service, council = InvoiceService(db), supply.money.council.id
    day = PeriodForm(VISIT_ON, VISIT_ON + timedelta(days=1))
    first = await service.send_delivered(supply.provider.principal, council, day, "Café-7")
    with pytest.raises(InvalidInput, match="You used this number"):
        await service.send_delivered(supply.provider.principal, council, FEBRUARY, "CAFÉ-7")
    body = file_of(row_of(supply, invoice_number="café-7", visit_date="11/02/2027"))
    batch = await service.check_file(supply.provider.principal, council, "x.csv", body)
    assert (batch.unread_count, batch.problems[0]["code"]) == (1, "same-number")
    # What was refused gives its number back.
    await BillService(db).refuse(supply.finance.principal, first.id, "It names another council")
    again = await service.send_delivered(supply.provider.principal, council, FEBRUARY, "CAFÉ-7")
    assert (again.number, again.total_pence) == ("PI-000002", 3_600)
    assert await broken(db) == []


async def test_each_line_of_a_file_is_judged_with_the_first_reason_that_applies(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(
        db,
        [
            {},
            {"starts_local": time(13)},
            {"starts_local": time(18), "cost_pence": 2_000},
            {"visit_on": date(2027, 2, 11)},
            {"visit_on": date(2027, 2, 12), "minutes": 30, "cost_pence": 900},
        ],
    )
    await supply.visit(db, earns=False, visit_on=date(2027, 2, 13), status=BookingStatus.CLAIMED)
    await supply.visit(db, earns=False, visit_on=date(2027, 2, 14), status=BookingStatus.CANCELLED)
    await supply.visit(db, earns=False, visit_on=date(2027, 2, 15))
    body = file_of(
        row_of(supply),  # 2: fits
        row_of(supply, start_time="09:10"),  # 3: the same visit again
        row_of(supply, start_time="13:20", minutes=64),  # 4: within the tolerance of five minutes
        row_of(supply, start_time="18:00", amount_pounds="20.01"),  # 5: a penny above what was approved
        row_of(supply, visit_date="11/02/2027", amount_pounds="17.50"),  # 6: less than was approved
        row_of(supply, visit_date="12/02/2027", minutes=36, amount_pounds="9"),  # 7: six minutes above
        row_of(supply, visit_date="13/02/2027"),  # 8
        row_of(supply, visit_date="14/02/2027"),  # 9
        row_of(supply, visit_date="15/02/2027"),  # 10: the person pays it
        row_of(supply, start_time="06:00"),  # 11: no visit within an hour
        row_of(supply, person_reference="SA-99999"),  # 12
        row_of(supply, visit_date="31/12/2026"),  # 13: before the agreement
        row_of(supply, visit_date="04/03/2027"),  # 14: tomorrow
    )
    batch, reasons = await check(db, supply, body)
    assert reasons == {
        2: None,
        3: HoldReason.DUPLICATE,
        4: None,
        5: HoldReason.PRICE_ABOVE,
        6: None,
        7: HoldReason.TIME_ABOVE,
        8: HoldReason.NOT_APPROVED,
        9: HoldReason.NO_VISIT,
        10: HoldReason.NO_AGREEMENT,
        11: HoldReason.NO_VISIT,
        12: HoldReason.WRONG_PERSON,
        13: HoldReason.NO_AGREEMENT,
        14: HoldReason.FUTURE,
    }
    assert (batch.clean_count, batch.held_count, batch.unread_count, batch.row_count) == (3, 10, 0, 13)
    assert await count(db, "invoices", "status = 'draft' AND number IS NULL") == 1
    assert await count(db, "accruals", "invoice_id IS NOT NULL") == 0
    assert await count(db, "line_holds") == 0
    [invoice] = await InvoiceService(db).send_file(supply.provider.principal, batch.id)
    assert await count(db, "line_holds", "held_by_user_id IS NULL AND ended_at IS NULL") == 10
    assert await count(db, "line_holds", "NOT stops_clock") == 1  # nobody approved it yet: not the supplier's doing
    assert (await events(db))[-2:] == ["InvoiceReceived", "LinesHeld"]
    assert await broken(db) == []
    await BillService(db).approve(supply.finance.principal, invoice.id)
    council, owner = supply.money.council.id, supply.money.organisation.id
    # £18 + £18 + £17.50; the 50 pence that were not asked for went back to the person's direct payment.
    assert await balance(db, council, Purpose.PAYABLE, owner) == 5_350
    assert await balance(db, council, Purpose.DIRECT_PAYMENT, supply.person.id) == 50
    assert await balance(db, council, Purpose.ACCRUED, owner) == 2_000 + 900
    assert await broken(db) == []


async def test_an_agreement_that_ended_and_another_council_are_told_apart(db: AsyncSession) -> None:
    supply = await make_supply(db)
    supply.agreement.status, supply.agreement.ends_on = AgreementStatus.ENDED, VISIT_ON
    there = await make_supply(db)
    await db.flush()
    _, reasons = await check(
        db, supply, file_of(row_of(supply), row_of(supply, person_reference=there.agreement.reference))
    )
    assert reasons == {2: HoldReason.AGREEMENT_ENDED, 3: HoldReason.WRONG_PERSON}


async def test_a_visit_on_another_file_is_a_duplicate_there(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    service = InvoiceService(db)
    one, _ = await check(db, supply, file_of(row_of(supply)))
    two, _ = await check(db, supply, file_of(row_of(supply, invoice_number="INV-2")))
    await service.send_file(supply.provider.principal, one.id)
    # The second file was checked before the first was sent: sending it says what changed, and sends nothing.
    with pytest.raises(InvalidInput, match="has changed since you looked"):
        async with db.begin_nested():
            await service.send_file(supply.provider.principal, two.id)
    await db.refresh(two)
    assert two.status is BatchStatus.CHECKED
    again = await service.check_again(supply.provider.principal, two.id)
    assert (again.clean_count, again.held_count) == (0, 1)
    await service.send_file(supply.provider.principal, two.id)
    assert await count(db, "invoice_lines", "reason_code = 'duplicate'") == 1
    with pytest.raises(InvalidInput, match="this very file"):
        await check(db, supply, file_of(row_of(supply)))
    with pytest.raises(StepRefused):
        await service.send_file(supply.provider.principal, two.id)
    assert await broken(db) == []


async def test_five_thousand_lines_with_three_bad_ones_pay_all_the_others(db: AsyncSession) -> None:
    supply = await make_supply(db)
    first = date(2027, 1, 4)
    spots = [
        {"visit_on": first + timedelta(days=day), "starts_local": time(hour, minute), "minutes": 15, "cost_pence": 451}
        for day in range(50)
        for hour in range(6, 22)
        for minute in (0, 10, 20, 30, 40, 50)
    ]
    spots += [{**spot, "starts_local": time(5, spot["starts_local"].minute)} for spot in spots[:198] if spot]
    spots = list({(row["visit_on"], row["starts_local"]): row for row in spots}.values())[:5_000]
    extra = 5_000 - len(spots)
    spots += [
        {"visit_on": date(2027, 2, 24), "starts_local": time(n // 60, n % 60), "minutes": 15, "cost_pence": 451}
        for n in range(extra)
    ]
    accruals = await supply.visits(db, spots)
    rows = [
        row_of(
            supply,
            invoice_number=f"INV-{place % 7}",
            visit_date=f"{spot['visit_on']:%d/%m/%Y}",
            start_time=f"{spot['starts_local']:%H:%M}",
            minutes=15,
            amount_pounds="4.51",
            visit_reference=visit_reference(row.source_id),
        )
        for place, (spot, row) in enumerate(zip(spots, accruals, strict=True))
    ]
    rows[100] = row_of(supply, person_reference="SA-00000")
    rows[2_000][5] = "99.00"
    rows[4_999] = list(rows[0])
    body = file_of(*rows)
    service = InvoiceService(db)
    batch = await service.check_file(supply.provider.principal, supply.money.council.id, "big.csv", body)
    sent = await service.send_file(supply.provider.principal, batch.id)
    assert (batch.row_count, batch.clean_count, batch.held_count) == (5_000, 4_997, 3)
    reasons = list(await db.scalars(select(InvoiceLine.reason_code).where(InvoiceLine.status == "held")))
    assert sorted(reasons) == [HoldReason.DUPLICATE, HoldReason.PRICE_ABOVE, HoldReason.WRONG_PERSON]
    for invoice in sent:
        await BillService(db).approve(supply.finance.principal, invoice.id)
    payable = await balance(db, supply.money.council.id, Purpose.PAYABLE, supply.money.organisation.id)
    assert payable == 4_997 * 451
    with pytest.raises(UnreadableFile, match="more than 5,000 rows"):
        await check(db, supply, file_of(*rows, rows[0]))


async def test_vat_is_inside_the_amount_and_no_line_goes_without_a_treatment(db: AsyncSession) -> None:
    supply = await make_supply(db, vat_number="GB123456789")
    council = supply.money.council
    await supply.visits(db, [{"cost_pence": 1_001}, {"starts_local": time(13), "cost_pence": 1_001}])
    found = await InvoiceService(db).delivered(supply.provider.principal, council.id, FEBRUARY)
    assert (len(found.rows), len(found.unclear)) == (0, 2)
    _, reasons = await check(db, supply, file_of(row_of(supply, amount_pounds="10.01")))
    assert reasons == {2: HoldReason.VAT_UNCLEAR}
    await make_vat(
        db,
        council,
        supply.money.organisation,
        service_line=ServiceLine.HOME_CARE,
        category=VatCategory.STANDARD,
        rate=2_000,
        reason="",
    )
    invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council.id, FEBRUARY, "V-1", 2_002)
    # 20.02 with VAT: 3.3367 is 3.34, and each line has its part of it.
    assert (invoice.net_pence, invoice.vat_pence, invoice.total_pence) == (1_668, 334, 2_002)
    lines = await BillRepository(db).lines(invoice.id)
    assert [line.vat_pence for line in lines] == [167, 167]
    assert {line.vat_rate for line in lines} == {2_000}
    assert await broken(db) == []


async def test_the_template_holds_what_is_not_billed_and_comes_back_clean(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    await supply.visit(db, agreement_id=None, visit_on=date(2027, 2, 12))
    service = InvoiceService(db)
    body = await service.template(supply.provider.principal, supply.money.council.id, FEBRUARY)
    text = body.decode("utf-8-sig").replace("\r\n,", "\r\nINV-9,")
    assert len(text.splitlines()) == 4
    batch, reasons = await check(db, supply, text.encode())
    assert set(reasons.values()) == {None}
    assert batch.clean_count == 3


async def test_a_file_that_was_given_up_blocks_nothing(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visit(db)
    service = InvoiceService(db)
    body = file_of(row_of(supply))
    batch, _ = await check(db, supply, body)
    await service.drop_file(supply.provider.principal, batch.id)
    assert await count(db, "invoices", "status = 'withdrawn'") == 1
    again, _ = await check(db, supply, body)
    await service.send_file(supply.provider.principal, again.id)
    assert await count(db, "invoices", "status = 'issued'") == 1
    with pytest.raises(StepRefused):
        await service.send_file(supply.provider.principal, batch.id)


async def test_only_the_supplier_sends_and_only_for_its_own_councils(db: AsyncSession) -> None:
    supply, other = await make_supply(db), await make_supply(db)
    await supply.visit(db)
    service, council = InvoiceService(db), supply.money.council.id
    with pytest.raises(NotFound):
        await service.delivered(other.provider.principal, council, FEBRUARY)
    with pytest.raises(Forbidden):
        await service.delivered(supply.finance.principal, council, FEBRUARY)
    person = await make_member(db, Role.PERSON, supply.money.council)
    with pytest.raises(Forbidden):
        await service.check_file(person.principal, council, "x.csv", b"")
    batch, _ = await check(db, supply, file_of(row_of(supply)))
    for act in (service.send_file, service.drop_file, service.check_again):
        with pytest.raises(NotFound):
            await act(other.provider.principal, batch.id)
    invoice = await service.send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    bills = BillService(db)
    with pytest.raises(NotFound):
        await bills.approve(other.finance.principal, invoice.id)
    with pytest.raises(Forbidden):
        await bills.approve(supply.provider.principal, invoice.id)
    with pytest.raises(Forbidden):
        await bills.refuse(person.principal, invoice.id, "x")
    assert await count(db, "invoices", "status = 'issued'") == 1


async def test_drafts_are_nobodys_business_at_the_council(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visit(db)
    await check(db, supply, file_of(row_of(supply)))
    [draft] = list(await db.scalars(select(InvoiceLine.invoice_id)))
    with pytest.raises(NotFound):
        await BillService(db).approve(supply.finance.principal, draft)
    assert await db.scalar(select(Accrual.invoice_id)) is None
    assert await count(db, "invoice_lines", f"status = '{LineStatus.CLEAN.value}'") == 1


async def test_a_council_that_self_bills_another_supplier_leaves_this_one_alone(db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visit(db)
    agreed = await make_money(db, council=supply.money.council)
    bill = await agreed.bill(db, 5_000, approve=False)
    assert bill.organisation_id == agreed.organisation.id
    assert await count(db, "invoices") == 1
    assert await count(db, "self_billing_agreements", "status = 'offered'") == 1  # this one was asked to sign
    assert "SelfBillingOffered" in await events(db)
