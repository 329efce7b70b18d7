"""Hours bought ahead: a visit is counted in the block contract or paid singly, never both (C12, R27)."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.events import BookingApproved, BookingRestApproved
from marketplace.bookings.models import Booking
from marketplace.bookings.policies import service_of
from marketplace.bookings.service.settlement import REST, settle
from marketplace.bookings.states import BookingStatus
from marketplace.ledger import Purpose
from marketplace.payments.books_rules import contract_week
from marketplace.payments.checks_books import a_visit_is_counted_or_paid_singly
from marketplace.payments.service.accruals import AccrualService, rest_of
from marketplace.payments.service.earning import reference
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.service.months import MonthService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import HoldReason
from marketplace.people.models import Holding
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count
from tests.factories_account import make_approved, make_self_held
from tests.factories_bookings import Scene, fund, make_booking, make_scene
from tests.factories_invoices import Supply, file_of, make_supply, row_of
from tests.factories_payments import FEBRUARY, balance, make_money, make_self_billing
from tests.payments.test_books import make_block
from tests.payments.test_money_chain import broken

WEEK = {"weekly_minutes": 120, "weekly_pence": 3_000, "starts_on": date(2027, 2, 1), "ends_on": date(2027, 4, 1)}


async def make_own_block(db: AsyncSession, scene: Scene, **given: Any) -> Any:
    """A block contract of the scene's organisation and service: two hours a week from Monday 1 February."""
    money = await make_money(db, council=scene.council)
    terms = {"organisation_id": scene.organisation.id, "service_line": service_of(scene.listing.category), **WEEK}
    return await make_block(db, money, **{**terms, **given})


async def approve(db: AsyncSession, scene: Scene, **given: Any) -> Booking:
    """Approve a visit, and let payments hear of it."""
    booking = await make_approved(db, scene, **given)
    accrued = await db.scalar(
        text(
            "SELECT sum(l.amount_pence) FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id "
            "JOIN ledger_accounts a ON a.id = l.account_id WHERE e.kind = 'visit-approved' "
            "AND e.source_id = :id AND a.purpose = 'accrued' AND l.side = 'credit'"
        ),
        {"id": booking.id},
    )
    event = BookingApproved(**ids(booking), cost_pence=booking.cost_pence, accrued_pence=int(accrued or 0))
    await AccrualService(db).accrue_visit(event)
    return booking


def ids(booking: Booking) -> dict[str, Any]:
    return {
        "council_id": booking.council_id,
        "booking_id": booking.id,
        "person_id": booking.person_id,
        "organisation_id": booking.organisation_id,
        "worker_id": booking.worker_id,
        "funding": booking.funding.value,
        "visit_on": booking.visit_on,
    }


async def counted(db: AsyncSession) -> list[str]:
    await db.flush()
    check = await a_visit_is_counted_or_paid_singly(db)
    return [] if check.ok else [check.detail]


async def in_block(db: AsyncSession) -> int:
    return await count(db, "bookings", "block_contract_id IS NOT NULL")


def test_a_week_begins_with_the_contract_and_a_short_last_week_has_its_days_part() -> None:
    first, end = date(2027, 2, 3), date(2027, 2, 20)
    assert contract_week(700, first, end, date(2027, 2, 9)) == (first, date(2027, 2, 10), 700)
    assert contract_week(700, first, end, date(2027, 2, 19)) == (date(2027, 2, 17), end, 300)


async def test_a_counted_visit_uses_the_budget_and_is_not_owed_to_anybody(db: AsyncSession) -> None:
    scene = await make_scene(db)
    block = await make_own_block(db, scene)
    booking = await approve(db, scene)
    council, owner = scene.council.id, scene.organisation.id
    assert await count(db, "bookings", f"id = '{booking.id}' AND block_contract_id = '{block.id}'") == 1
    assert await count(db, "accruals") == 0
    assert await balance(db, council, Purpose.ACCRUED, owner) == 0
    assert await balance(db, council, Purpose.DIRECT_PAYMENT, scene.person.id) == 30_000 - 1_600
    # Debits of a spending account are below nothing here: the block's spending is less by the visit.
    assert await balance(db, council, Purpose.BLOCK_SPEND) == 1_600
    # The message comes again: nothing moves.
    event = BookingApproved(**ids(booking), cost_pence=1_600, accrued_pence=1_600)
    assert not await AccrualService(db).accrue_visit(event)
    assert await balance(db, council, Purpose.BLOCK_SPEND) == 1_600
    assert await counted(db) == []
    assert await broken(db) == []


async def test_what_the_week_has_no_room_for_is_paid_singly(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_own_block(db, scene)
    for hour in (8, 10, 12):
        await approve(db, scene, at=time(hour))
    await approve(db, scene, on=date(2027, 2, 28), at=time(8))
    # Two of the three hours of 1 March fit into its week; 28 February is in the week before.
    assert await in_block(db) == 3
    assert await count(db, "accruals", "kind = 'visit'") == 1
    assert await balance(db, scene.council.id, Purpose.ACCRUED, scene.organisation.id) == 1_600
    assert await counted(db) == []
    assert await broken(db) == []


async def test_the_contract_that_began_first_is_asked_first_and_then_the_next(db: AsyncSession) -> None:
    scene = await make_scene(db)
    late = await make_own_block(db, scene, name="Late", starts_on=date(2027, 2, 22), weekly_minutes=60)
    early = await make_own_block(db, scene, name="Early", weekly_minutes=60)
    for hour in (8, 10):
        await approve(db, scene, at=time(hour))
    assert [await count(db, "bookings", f"block_contract_id = '{one.id}'") for one in (early, late)] == [1, 1]
    assert await counted(db) == []


OUTSIDE = {
    "before it": {"starts_on": date(2027, 3, 2)},
    "after it": {"ends_on": date(2027, 3, 1)},
    "another service": {"service_line": ServiceLine.HOME_CARE},
}


@pytest.mark.parametrize("case", OUTSIDE)
async def test_a_visit_outside_the_contract_is_paid_singly(db: AsyncSession, case: str) -> None:
    scene = await make_scene(db)
    await make_own_block(db, scene, **OUTSIDE[case])
    await approve(db, scene)
    assert (await in_block(db), await count(db, "accruals", "kind = 'visit'")) == (0, 1)
    assert await broken(db) == []


async def test_another_organisation_of_the_council_does_not_use_the_block(db: AsyncSession) -> None:
    scene = await make_scene(db)
    other = await make_scene(db, council=scene.council)
    await make_own_block(db, other)
    await approve(db, scene)
    assert await in_block(db) == 0


@pytest.mark.parametrize("holding", [Holding.OWN_ACCOUNT, Holding.PREPAID_CARD])
async def test_what_a_person_buys_with_money_they_hold_is_no_use_of_the_block(
    browser: Browser, db: AsyncSession, holding: Holding
) -> None:
    scene = await make_self_held(db, holding)
    await make_own_block(db, scene)
    await approve(db, scene, on=date(2027, 2, 10))
    await make_booking(db, scene, BookingStatus.CLAIMED, on=date(2027, 2, 11))
    assert (await in_block(db), await count(db, "accruals")) == (0, 0)
    assert await balance(db, scene.council.id, Purpose.PERSON_OWES, scene.person.id) == 1_600
    money = await make_money(db, council=scene.council)
    finance = await browser.signed_in(money.finance)
    rows = (await finance.get("/block-contracts/utilisation.csv")).text.splitlines()
    assert rows[1].split(",")[3:7] == ["2027-02", "480", "0", "0"]
    assert "2 other visits in these days are paid singly, £32.00" in (await finance.open("/block-contracts")).words
    assert await counted(db) == []


async def test_a_visit_that_a_card_pays_in_part_is_paid_singly(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_own_block(db, scene)
    await approve(db, scene, top_up_pence=600)
    assert await in_block(db) == 0
    assert await balance(db, scene.council.id, Purpose.ACCRUED, scene.organisation.id) == 1_000
    assert await broken(db) == []


async def test_the_rest_of_a_visit_goes_where_its_first_part_went(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_own_block(db, scene)
    booking = await make_booking(db, scene, BookingStatus.PART_APPROVED, on=date(2027, 3, 1), approved_pence=1_000)
    await settle(db, None, booking, 1_000)
    await AccrualService(db).accrue_visit(BookingApproved(**ids(booking), cost_pence=1_000, accrued_pence=1_000))
    await settle(db, None, booking, 600, kind=REST)
    rest = BookingRestApproved(**ids(booking), pence=600, accrued_pence=600)
    assert not await AccrualService(db).accrue_visit(rest)
    assert await balance(db, scene.council.id, Purpose.ACCRUED, scene.organisation.id) == 0
    assert await balance(db, scene.council.id, Purpose.BLOCK_SPEND) == 1_600
    assert await count(db, "accruals", f"source_id = '{rest_of(booking.id)}'") == 0
    assert await counted(db) == []
    assert await broken(db) == []


async def test_a_visit_that_was_paid_singly_stays_so_when_a_contract_is_entered_later(db: AsyncSession) -> None:
    scene = await make_scene(db)
    booking = await approve(db, scene)
    await make_own_block(db, scene)
    await AccrualService(db).accrue_visit(BookingApproved(**ids(booking), cost_pence=1_600, accrued_pence=1_600))
    assert (await in_block(db), await count(db, "accruals", "kind = 'visit'")) == (0, 1)
    assert await counted(db) == []


async def supply_with_block(db: AsyncSession) -> tuple[Supply, Booking]:
    """A supplier who delivered one visit inside its block contract."""
    supply = await make_supply(db)
    await make_block(db, supply.money, organisation_id=supply.money.organisation.id, service_line=ServiceLine.HOME_CARE)
    await supply.visits(db, [{"approved_pence": 1_800}], earns=False)
    booking = (await db.scalars(text("SELECT id FROM bookings"))).one()
    visit = await db.get_one(Booking, booking)
    await fund(db, supply.person, 1_800)
    await settle(db, None, visit, 1_800)
    await AccrualService(db).accrue_visit(BookingApproved(**ids(visit), cost_pence=1_800, accrued_pence=1_800))
    return supply, visit


async def test_a_line_for_a_counted_visit_is_held_with_its_reason_and_cannot_be_agreed(
    browser: Browser, db: AsyncSession
) -> None:
    supply, _ = await supply_with_block(db)
    service = InvoiceService(db)
    batch = await service.check_file(
        supply.provider.principal, supply.money.council.id, "x.csv", file_of(row_of(supply))
    )
    [invoice] = await service.send_file(supply.provider.principal, batch.id)
    invoice_id = invoice.id
    line = (await db.execute(text("SELECT id, status, reason_code, accrual_id FROM invoice_lines"))).one()
    assert (line.status, line.reason_code, line.accrual_id) == ("held", HoldReason.IN_BLOCK, None)
    assert await counted(db) == []
    finance = await browser.signed_in(supply.finance)
    assert "counted in a block contract" in (await finance.open(f"/invoices/{invoice_id}")).words
    page = await finance.post(f"/held-lines/{line.id}", {"outcome": "agree", "words": "Yes"}, expect=422)
    assert "nothing to pay it from" in page.words
    assert await count(db, "payables") == 0


async def test_pages_say_where_a_visit_is_paid(browser: Browser, db: AsyncSession) -> None:
    supply, visit = await supply_with_block(db)
    visit_id = visit.id
    await MonthService(db).accrue_months(supply.money.council.id)
    await make_self_billing(db, supply.money.council, supply.money.organisation)
    [bill] = await SelfBillService(db).make(supply.finance.principal, FEBRUARY)
    bill_id = bill.id
    assert bill.total_pence == 320_000
    assert await count(db, "invoice_lines", f"description LIKE '%{reference(visit_id)}%'") == 0
    provider, finance = await browser.signed_in(supply.provider), await browser.signed_in(supply.finance)
    assert "Counted in your block contract" in (await provider.open(f"/provider/bookings/{visit_id}")).words
    assert "1 visit counted in it, 1 hour" in (await finance.open(f"/self-bills/{bill_id}")).words
    assert "1 visit counted, 1 hour" in (await finance.open("/block-contracts")).words
    assert "1 visit counted in it, 1 hour" in (await provider.open(f"/earnings/bills/{bill_id}")).words


async def test_the_person_reads_that_the_hours_were_bought_ahead(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_own_block(db, scene)
    booking = await approve(db, scene)
    page = await (await browser.signed_in(scene.member)).open(f"/bookings/{booking.id}")
    assert "hours that the council has bought ahead" in page.words


BREACHES = {
    "earned as well": (
        "INSERT INTO accruals (id, council_id, organisation_id, kind, source_id, description, amount_pence, working, "
        "earned_on, created_at) SELECT gen_random_uuid(), council_id, organisation_id, 'visit', id, 'x', 1600, '[]', "
        "visit_on, now() FROM bookings WHERE block_contract_id IS NOT NULL"
    ),
    "outside the contract": "UPDATE block_contracts SET ends_on = '2027-02-02'",
    "another organisation": (
        "UPDATE block_contracts c SET organisation_id = "
        "(SELECT o.id FROM organisations o WHERE o.id <> c.organisation_id LIMIT 1)"
    ),
    "more than was bought": "UPDATE block_contracts SET weekly_minutes = 30",
    "taken off and not counted": "UPDATE bookings SET block_contract_id = NULL",
    "counted and still owed": (
        "UPDATE bookings SET block_contract_id = (SELECT id FROM block_contracts) WHERE block_contract_id IS NULL"
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
async def test_the_check_finds_a_visit_that_is_paid_twice(db: AsyncSession, breach: str) -> None:
    scene = await make_scene(db)
    await make_own_block(db, scene, weekly_minutes=60)
    await approve(db, scene)
    await approve(db, scene, at=time(12))
    assert await counted(db) == []
    await db.execute(text(BREACHES[breach]))
    assert await counted(db) != []


async def test_the_check_finds_a_use_that_the_person_paid_for(db: AsyncSession) -> None:
    scene = await make_self_held(db)
    block = await make_own_block(db, scene)
    booking = await approve(db, scene)
    assert await counted(db) == []
    await db.execute(
        text("UPDATE bookings SET block_contract_id = :block WHERE id = :id"), {"block": block.id, "id": booking.id}
    )
    assert await counted(db) != []
