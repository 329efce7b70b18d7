"""Self-bills: one for an organisation and period, numbers without gaps, approved once, held with a reason (C6, C9)."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.ledger import Purpose
from marketplace.payments.models import AccrualKind, Invoice, InvoiceLine
from marketplace.payments.schemas import PeriodForm
from marketplace.payments.service.documents import DocumentFormat, DocumentService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import INVOICE, InvoiceStatus
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count, events
from tests.factories import make_member, make_organisation
from tests.factories_payments import FEBRUARY, balance, make_accrual, make_money, reload

DAYS = {
    "first_on-day": "1",
    "first_on-month": "2",
    "first_on-year": "2027",
    "last_on-day": "28",
    "last_on-month": "2",
    "last_on-year": "2027",
}


async def test_a_period_gives_one_bill_an_organisation_with_a_line_an_earning(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    other = await make_organisation(db)
    for day in (1, 28):
        await make_accrual(db, money.council, money.organisation, earned_on=date(2027, 2, day))
    await make_accrual(db, money.council, other, amount_pence=1)
    await make_accrual(db, money.council, other, earned_on=date(2027, 3, 1))
    await make_accrual(db, money.council, other, earned_on=date(2027, 1, 31))
    bills = await SelfBillService(db).make(money.finance.principal, FEBRUARY, 15_001)
    assert sorted((bill.number, bill.total_pence) for bill in bills) == [("SB-000001", 15_000), ("SB-000002", 1)]
    assert {bill.due_on for bill in bills} == {date(2027, 4, 2)}
    assert await count(db, "accruals", "invoice_id IS NULL") == 2
    assert await count(db, "steps", "subject_kind = 'invoice' AND to_status = 'issued'") == 2
    assert await events(db) == ["SelfBillIssued", "SelfBillIssued"]
    assert await balance(db, money.council.id, Purpose.PAYABLE) == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=6), min_size=1, max_size=3))
async def test_no_penny_is_lost_between_earnings_lines_bills_and_ledger(
    db: AsyncSession, maker: SessionMaker, amounts: list[list[int]]
) -> None:
    money = await make_money(db)
    for pence in amounts:
        organisation = await make_organisation(db)
        for amount in pence:
            await make_accrual(db, money.council, organisation, amount_pence=amount)
    service = SelfBillService(db)
    bills = await service.make(money.finance.principal, FEBRUARY)
    await service.approve_many(money.finance.principal, [bill.id for bill in bills])
    whole = sum(map(sum, amounts))
    lines = list(await db.scalars(select(InvoiceLine).where(InvoiceLine.council_id == money.council.id)))
    assert sum(bill.total_pence for bill in bills) == sum(line.amount_pence for line in lines) == whole
    assert sorted(bill.total_pence for bill in bills) == sorted(map(sum, amounts))
    assert await balance(db, money.council.id, Purpose.PAYABLE) == whole
    assert await balance(db, money.council.id, Purpose.ACCRUED) == 0


async def test_nothing_is_billed_twice(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    bill = await money.bill(db, approve=False)
    with pytest.raises(InvalidInput, match="not on a self-bill already"):
        await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    line = (await db.scalars(select(InvoiceLine))).one()
    copy = InvoiceLine(
        council_id=line.council_id,
        invoice_id=bill.id,
        accrual_id=line.accrual_id,
        position=2,
        description="Again",
        amount_pence=1,
    )
    db.add(copy)
    with pytest.raises(IntegrityError, match="uq_invoice_lines_accrual_id"):
        await db.flush()


async def test_bills_that_are_rolled_back_leave_no_gap(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await money.bill(db)
    await make_accrual(db, money.council, money.organisation)
    service = SelfBillService(db)
    attempt = await db.begin_nested()
    assert (await service.make(money.finance.principal, FEBRUARY))[0].number == "SB-000002"
    await attempt.rollback()
    await reload(db)
    assert (await service.make(money.finance.principal, FEBRUARY))[0].number == "SB-000002"


async def test_each_council_counts_for_itself(db: AsyncSession, maker: SessionMaker) -> None:
    numbers = {(await (await make_money(db)).bill(db)).number for _ in range(2)}
    assert numbers == {"SB-000001"}


async def test_making_bills_in_the_browser(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db, vat_number="GB123456789")
    await make_accrual(db, money.council, money.organisation)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/self-bills")
    assert "No self-bills yet" in page.words
    page = await finance.open("/self-bills/new")
    assert "10 February 2027" in page.words
    page = await finance.post("/self-bills/new", DAYS, expect=200)
    page.check()
    assert "£75.00" in page.words
    assert await count(db, "invoices") == 0
    form = {**DAYS, "expected_pence": "7500", "form_id": "once"}
    for _ in range(2):
        assert (await finance.post("/self-bills", form)).location == "/self-bills?status=issued"
    assert await count(db, "invoices") == 1
    page = await finance.open("/self-bills?status=issued")
    page = await finance.open(page.link(r"^/self-bills/[0-9a-f-]{36}$"))
    assert page.heading == "Self-bill SB-000001"
    assert "GB123456789" in page.words


async def test_what_changed_since_the_preview_is_shown_first(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    await make_accrual(db, money.council, money.organisation)
    finance = await browser.signed_in(money.finance)
    for expected in ("7499", "-1", "x" * 40, ""):
        page = await finance.post("/self-bills", {**DAYS, "expected_pence": expected}, expect=422)
        assert "changed since you looked" in page.errors()["first_on"]
    assert await count(db, "invoices") == 0
    assert await count(db, "number_series") == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"last_on-day": "31"}, "last_on"),
        ({"last_on-year": "2028"}, "last_on"),
        ({"first_on-year": "2025"}, "first_on"),
    ],
)
async def test_a_wrong_period_is_explained(
    browser: Browser, db: AsyncSession, change: dict[str, str], field: str
) -> None:
    finance = await browser.signed_in((await make_money(db)).finance)
    page = await finance.post("/self-bills/new", {**DAYS, **change}, expect=422)
    assert set(page.errors()) == {field}


async def test_approving_posts_once_however_often_it_is_clicked(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 7_500, 2_550, approve=False)
    path, owner, council_id = f"/self-bills/{bill.id}", money.organisation.id, money.council.id
    finance = await browser.signed_in(money.finance)
    for _ in range(3):
        await finance.post(f"{path}/approve")
    assert await count(db, "ledger_entries", "kind = 'self-bill'") == 1
    assert await balance(db, council_id, Purpose.PAYABLE, owner) == 10_050
    assert await balance(db, council_id, Purpose.ACCRUED, owner) == 0
    assert await count(db, "audit_entries", "action = 'payments.approve_self_bill'") == 1
    page = await finance.open(path)
    assert "Approved" in page.words
    assert "Payment statement" in page.heading
    assert "VAT" not in page.words


async def test_a_held_bill_cannot_be_approved_until_the_hold_ends(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    bill = await money.bill(db, approve=False)
    path = f"/self-bills/{bill.id}"
    finance, provider = await browser.signed_in(money.finance), await browser.signed_in(money.provider)
    assert "reason" in (await finance.post(f"{path}/hold", {"reason": " "}, expect=422)).errors()
    await finance.post(f"{path}/hold", {"reason": "Hours look wrong"})
    await finance.post(f"{path}/approve", expect=409)
    assert await count(db, "ledger_entries", "kind = 'self-bill'") == 0
    assert "Hours look wrong" in (await finance.open(path)).words
    assert "Hours look wrong" in (await provider.open("/earnings")).words
    await finance.post(f"{path}/end-hold")
    await finance.post(f"{path}/approve")
    await finance.post(f"{path}/hold", {"reason": "Too late"}, expect=409)
    assert await count(db, "invoices", "status = 'approved' AND hold_reason = ''") == 1
    assert (await events(db)).count("SelfBillHeld") == 1


async def test_ticked_bills_are_approved_together_or_not_at_all(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    for _ in range(2):
        await make_accrual(db, money.council, await make_organisation(db))
    bills = await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    ids = [str(bill.id) for bill in bills]
    strange = str(money.council.id)
    finance = await browser.signed_in(money.finance)
    assert (await finance.post("/self-bills/approve", {}, expect=422)).words.startswith("There is a problem")
    await finance.post("/self-bills/approve", {"bills": [ids[0], strange]}, expect=404)
    assert await count(db, "invoices", "status = 'approved'") == 0
    await finance.post("/self-bills/approve", {"bills": ids})
    assert await count(db, "invoices", "status = 'approved'") == 2


@pytest.mark.parametrize("now", list(InvoiceStatus))
@pytest.mark.parametrize("to", list(InvoiceStatus))
async def test_a_bill_takes_only_the_steps_of_its_life(
    db: AsyncSession, maker: SessionMaker, now: InvoiceStatus, to: InvoiceStatus
) -> None:
    bill = Invoice(council_id=None, status=now)
    if INVOICE.allows(now, to):
        assert to in INVOICE.steps[now]
        return
    with pytest.raises(StepRefused):
        INVOICE.move(db, bill, to, by=None)
    assert bill.status is now


async def test_bills_stay_in_their_council_and_with_who_may_see_them(browser: Browser, db: AsyncSession) -> None:
    money, other = await make_money(db), await make_money(db)
    bill = await money.bill(db, approve=False)
    planner = await make_member(db, Role.PLANNER, money.council, organisation_id=money.organisation.id)
    manager = await make_member(db, Role.MANAGER, money.council)
    person = await make_member(db, Role.PERSON, money.council)
    with pytest.raises(NotFound):
        await SelfBillService(db).approve(other.finance.principal, bill.id)
    with pytest.raises(Forbidden):
        await SelfBillService(db).make(manager.principal, FEBRUARY)
    browsers = {
        name: await browser.signed_in(member)
        for name, member in {
            "stranger": other.finance,
            "rival": other.provider,
            "own": money.provider,
            "planner": planner,
            "manager": manager,
            "person": person,
        }.items()
    }
    path, own = f"/self-bills/{bill.id}", f"/earnings/bills/{bill.id}"
    for step in ("", "/approve", "/hold", "/end-hold"):
        form = {"reason": "x"}
        if step:
            await browsers["stranger"].post(path + step, form, expect=404)
            await browsers["manager"].post(path + step, form, expect=403)
            await browsers["own"].post(path + step, form, expect=403)
        else:
            await browsers["stranger"].get(path, expect=404)
            await browsers["manager"].open(path)
    await browsers["rival"].get(own, expect=404)
    await browsers["person"].get(own, expect=403)
    await browsers["stranger"].get(own, expect=403)
    for name in ("own", "planner"):
        page = await browsers[name].open(own)
        assert "£75.00" in page.words
        assert (await browsers[name].open("/earnings")).link(own)
    assert "Nothing earned yet" in (await browsers["rival"].open("/earnings")).words
    assert await count(db, "invoices", "status = 'issued'") == 1


async def test_the_list_is_filtered_and_paged_by_number(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    for place in range(53):
        await make_accrual(db, money.council, await make_organisation(db, name=f"Group {place:02} 100%"))
    await SelfBillService(db).make(money.finance.principal, FEBRUARY)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/self-bills?status=issued")
    assert "SB-000053" in page.words
    assert "SB-000003" not in page.words
    page = await finance.open(page.link("before="))
    assert "SB-000003" in page.words
    assert "SB-000004" not in page.words
    assert "Group 07" in (await finance.open("/self-bills?q=group+07")).words
    assert "No self-bill fits" in (await finance.open("/self-bills?q=7_")).words
    await finance.get("/self-bills?before=SB-1%27", expect=400)


async def test_a_period_is_at_most_a_year(db: AsyncSession, maker: SessionMaker) -> None:
    with pytest.raises(InvalidInput, match="within one year"):
        PeriodForm.read({"first_on": "2026-01-01", "last_on": "2027-01-31"}, date(2027, 3, 3))


async def test_late_interest_of_a_registered_supplier_stands_on_a_bill_without_vat_of_its_own(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db, vat_number="GB123456789")
    council, organisation = money.council, money.organisation
    await make_accrual(db, council, organisation, amount_pence=12_000, service_line=ServiceLine.SUPPORT_PLANNING)
    await make_accrual(db, council, organisation, amount_pence=4_039, kind=AccrualKind.INTEREST)
    finance, service = money.finance.principal, SelfBillService(db)
    assert [(row.count, row.total_pence, row.left_out) for row in await service.preview(finance, FEBRUARY)] == [
        (1, 12_000, ""),
        (1, 4_039, ""),
    ]
    bills = await service.make(finance, FEBRUARY, 16_039)
    assert [(bill.number, bill.total_pence, bill.vat_pence) for bill in bills] == [
        ("SB-000001", 12_000, 0),
        ("SB-000002", 4_039, 0),
    ]
    for bill, code in zip(bills, ("E", "O"), strict=True):
        written = await DocumentService(db).for_council(finance, bill.id, DocumentFormat.UBL)
        assert f"<cbc:ID>{code}</cbc:ID>".encode() in written.content
