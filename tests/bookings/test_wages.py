"""An employed assistant is paid once: by the payroll, never by a payment run of the council as well."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import CHECKS, wages_paid_once
from marketplace.bookings.models import Booking, Employment
from marketplace.bookings.service.employment.timesheets import TimesheetService
from marketplace.bookings.service.settlement import settle
from marketplace.bookings.states import BookingStatus
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.service.direct_payments import DirectPaymentService
from marketplace.people.models import Holding
from tests.browser import Browser, count
from tests.factories import make_organisation
from tests.factories_bookings import Scene, make_booking, make_scene
from tests.factories_day import hold_payment
from tests.factories_employment import job_fields, make_employment

MONDAY, TUESDAY = date(2027, 3, 1), date(2027, 3, 2)


async def claimed(db: AsyncSession, scene: Scene, on: date = TUESDAY, **given: Any) -> Booking:
    return await make_booking(db, scene, BookingStatus.CLAIMED, on=on, **given)


async def balances(db: AsyncSession, scene: Scene) -> tuple[int, int, int]:
    """What the organisation has earned, what waits for the payroll, and what is left."""
    ledger = LedgerService(db)
    return (
        await ledger.balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id),
        await ledger.balance(scene.council.id, Purpose.WAGES_DUE, scene.person.id),
        await ledger.balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id),
    )


async def send_sheet(db: AsyncSession, scene: Scene, employment: Employment) -> None:
    service = TimesheetService(db)
    # In a savepoint: what an earlier request of the test made immediate is deferred again.
    async with db.begin_nested():
        sheet = await service.begin(scene.member.principal, employment.id)
        await service.send(scene.member.principal, employment.id, sheet.id)


async def hold(db: AsyncSession) -> None:
    for check in CHECKS:
        found = await check(db)
        assert found.ok, found


async def test_an_approved_visit_of_an_employed_assistant_waits_for_the_payroll(
    browser: Browser, db: AsyncSession
) -> None:
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    booking = await claimed(db, scene)
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{booking.id}/approve")
    assert await balances(db, scene) == (0, 1_600, 28_400)
    assert await count(db, "outbox_messages", "event = 'BookingApproved' AND (body ->> 'accrued_pence')::int = 0") == 1
    statement = await DirectPaymentService(db).statement(scene.council.id, scene.person.id, date(2027, 3, 1))
    assert "wage of your assistant, paid through the payroll" in statement.lines[-1].words
    await hold(db)
    await send_sheet(db, scene, employment)
    assert await balances(db, scene) == (0, 0, 28_400)
    assert await count(db, "ledger_entries", "kind = 'wages-sent'") == 1
    await hold(db)


async def test_a_fund_of_another_organisation_pays_no_employed_assistant_as_a_provider(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_employment(db, scene)
    await hold_payment(db, scene, Holding.PROVIDER_MANAGED, organisation_id=(await make_organisation(db)).id)
    assert (await settle(db, None, await claimed(db, scene), 1_600)).owed_to is Purpose.WAGES_DUE


@pytest.mark.parametrize("given", [{"work_status": "self_employed"}, {"starts_on": date(2027, 3, 8)}])
async def test_who_is_self_employed_or_not_yet_employed_earns_as_before(
    db: AsyncSession, given: dict[str, Any]
) -> None:
    scene = await make_scene(db)
    await make_employment(db, scene, **given)
    assert (await settle(db, None, await claimed(db, scene), 1_600)).owed_to is Purpose.ACCRUED


async def test_somebody_who_holds_their_own_money_owes_the_wage_themselves(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_employment(db, scene)
    await hold_payment(db, scene, Holding.OWN_ACCOUNT)
    assert (await settle(db, None, await claimed(db, scene), 1_600)).owed_to is Purpose.PERSON_OWES


async def test_what_a_payment_run_pays_never_comes_onto_a_timesheet(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    booking = await claimed(db, scene)
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{booking.id}/approve")  # Nobody has entered the job yet.
    employment = await make_employment(db, scene)
    sheet = await TimesheetService(db).begin(scene.member.principal, employment.id)
    assert (sheet.minutes, sheet.gross_pence) == (0, 0)
    await hold(db)


async def test_the_rest_of_a_part_approved_visit_goes_with_the_next_timesheet(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    booking = await claimed(db, scene)
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{booking.id}/part", {"amount": "10.00", "reason": "They left early"})
    await send_sheet(db, scene, employment)
    assert await balances(db, scene) == (0, 0, 29_000)
    await person.post(f"/bookings/{booking.id}/approve")
    assert await balances(db, scene) == (0, 600, 28_400)
    await hold(db)
    clock.move_to(clock.now().replace(day=9))
    await send_sheet(db, scene, employment)
    assert await balances(db, scene) == (0, 0, 28_400)
    assert await count(db, "ledger_entries", "kind = 'wages-sent'") == 2
    await hold(db)


async def test_a_job_that_owes_wages_cannot_be_changed_so_that_nobody_pays_them(
    browser: Browser, db: AsyncSession
) -> None:
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    booking = await claimed(db, scene)
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{booking.id}/approve")
    base = f"/employer/{employment.id}"
    form = job_fields(work_status="self_employed", version=employment.version)
    page = await person.post(f"{base}/change", form, expect=409)
    assert "timesheet" in page.words
    ended = {"last_on-day": "1", "last_on-month": "3", "last_on-year": "2027"}
    page = await person.post(f"{base}/end", ended, expect=422)
    assert set(page.errors()) == {"last_on"}
    await person.post(f"{base}/end", {**ended, "last_on-day": "2"})


async def test_the_check_sees_a_visit_that_is_paid_twice_and_wages_that_do_not_add_up(db: AsyncSession) -> None:
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    booking = await claimed(db, scene)
    await settle(db, None, booking, 1_600)
    assert (await wages_paid_once(db)).ok
    lines = [debit(Purpose.WAGES_DUE, 1, scene.person.id), credit(Purpose.WAGES_SENT, 1)]
    entry = await LedgerService(db).post(scene.council.id, "nothing-known", booking.id, lines)
    assert entry is not None
    assert not (await wages_paid_once(db)).ok
    await LedgerService(db).reverse(scene.council.id, "nothing-known", booking.id, as_kind="nothing-known-taken-back")
    assert (await wages_paid_once(db)).ok
    other = await claimed(db, scene, on=MONDAY)
    await db.execute(text("UPDATE employments SET starts_on = '2027-03-02'"))
    await settle(db, None, other, 1_600)  # As a provider: before the job began.
    sheet = await TimesheetService(db).begin(scene.member.principal, employment.id)
    await db.execute(
        text(
            "INSERT INTO timesheet_lines (id, council_id, timesheet_id, booking_id, worked_on, minutes, rate_pence, "
            "amount_pence, note) VALUES (gen_random_uuid(), :council, :sheet, :booking, '2027-03-01', 60, 1, 1, '')"
        ),
        {"council": scene.council.id, "sheet": sheet.id, "booking": other.id},
    )
    assert not (await wages_paid_once(db)).ok
