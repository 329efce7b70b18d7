"""Timesheets: each approved visit once, sent to the byte, later changes on the next one."""

import csv
import io
from datetime import date, time
from hashlib import sha256

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from marketplace.bookings.models import Booking, HolidayMethod, PayEvery, Timesheet, TimesheetLine
from marketplace.bookings.service.employment.employments import EmploymentService
from marketplace.bookings.service.employment.timesheet_csv import COLUMNS
from marketplace.bookings.service.employment.timesheet_rules import DayForm, next_period, payable
from marketplace.bookings.service.employment.timesheets import TimesheetService
from marketplace.bookings.states import BookingStatus
from marketplace.core.errors import StepRefused
from tests.browser import count
from tests.factories_bookings import make_scene
from tests.factories_employment import make_approved_visit, make_employment

MONDAY, TUESDAY = date(2027, 3, 1), date(2027, 3, 2)


async def begin(db, scene, employment):
    return await TimesheetService(db).begin(scene.member.principal, employment.id)


async def lines_of(db, sheet):
    question = select(TimesheetLine).where(TimesheetLine.timesheet_id == sheet.id).order_by(TimesheetLine.worked_on)
    return list(await db.scalars(question))


def visit(**given):
    values = {
        "status": BookingStatus.APPROVED, "minutes": 60, "cost_pence": 1_300, "rate_pence": 1_300,
        "approved_pence": 1_300, "is_sleep_in": False,
    }  # fmt: skip
    return Booking(**{**values, **given})


@pytest.mark.parametrize(
    ("given", "minutes", "pence"),
    [
        ({}, 60, 1_300),
        ({"claimed_minutes": 50, "claimed_pence": 1_083, "approved_pence": 1_083}, 50, 1_083),
        # The agreed bank holiday rate is more than the wage.
        ({"cost_pence": 2_600, "approved_pence": 2_600}, 60, 2_600),
        # The agreement pays less than the wage: the wage counts.
        ({"cost_pence": 1_000, "approved_pence": 1_000}, 60, 1_300),
        ({"status": BookingStatus.PART_APPROVED, "approved_pence": 650}, 30, 650),
        ({"is_sleep_in": True, "minutes": 600, "cost_pence": 6_000, "approved_pence": 6_000}, 600, 6_000),
        ({"called_off_at": 1, "cost_pence": 650, "approved_pence": 650}, 30, 650),
    ],
)
def test_what_of_a_visit_goes_to_the_payroll(given, minutes, pence):
    assert payable(visit(**given), 1_300) == (minutes, pence)


async def test_approved_visits_come_by_themselves_and_each_once(db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await make_approved_visit(db, scene, MONDAY)
    await make_approved_visit(db, scene, TUESDAY, status=BookingStatus.CLAIMED)
    sheet = await begin(db, scene, employment)
    assert (sheet.starts_on, sheet.ends_on) == (MONDAY, date(2027, 3, 8))
    assert (sheet.minutes, sheet.gross_pence) == (60, 1_300)
    service = TimesheetService(db)
    assert await service.collect(scene.member.principal, employment.id) == 0
    _, view = await service.show(scene.member.principal, employment.id, sheet.id)
    assert view.not_approved == 1
    again = text(
        "INSERT INTO timesheet_lines (id, council_id, timesheet_id, booking_id, worked_on, minutes, rate_pence, "
        "amount_pence, note) SELECT gen_random_uuid(), council_id, timesheet_id, booking_id, worked_on, 1, 1, 1, '' "
        "FROM timesheet_lines"
    )
    with pytest.raises(IntegrityError, match="uq_timesheet_lines_booking_id"):
        async with db.begin_nested():
            await db.execute(again)


async def test_a_sent_timesheet_is_kept_to_the_byte_and_never_changes(db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await make_approved_visit(db, scene, MONDAY)
    sheet = await begin(db, scene, employment)
    service = TimesheetService(db)
    await service.send(scene.member.principal, employment.id, sheet.id)
    assert sheet.sha256 == sha256(sheet.document.encode()).hexdigest()
    _, document = await service.document(scene.member.principal, employment.id, sheet.id)
    assert document == sheet.document
    with pytest.raises(StepRefused):
        await service.send(scene.member.principal, employment.id, sheet.id)
    for statement in (
        "UPDATE timesheets SET minutes = 0",
        "UPDATE timesheet_lines SET minutes = 1",
        "DELETE FROM timesheet_lines",
        "INSERT INTO timesheet_lines (id, council_id, timesheet_id, worked_on, minutes, rate_pence, amount_pence, note)"
        " SELECT gen_random_uuid(), council_id, id, starts_on, 1, 1, 1, '' FROM timesheets",
    ):
        with pytest.raises(IntegrityError, match="never change"):
            async with db.begin_nested():
                await db.execute(text(statement))


async def test_what_is_approved_later_goes_onto_the_next_one(db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    late = await make_approved_visit(db, scene, TUESDAY, status=BookingStatus.CLAIMED)
    part = await make_approved_visit(db, scene, MONDAY, status=BookingStatus.PART_APPROVED, approved_pence=650)
    first = await begin(db, scene, employment)
    service = TimesheetService(db)
    await service.send(scene.member.principal, employment.id, first.id)
    sent = first.document
    clock.move_to(clock.now().replace(day=9))
    late.status, late.approved_pence = BookingStatus.APPROVED, 1_300
    part.status, part.approved_pence = BookingStatus.APPROVED, 1_300
    await db.flush()
    second = await begin(db, scene, employment)
    rows = await lines_of(db, second)
    assert [(row.worked_on, row.minutes, row.amount_pence, row.corrects_id is not None) for row in rows] == [
        (MONDAY, 30, 650, True),
        (TUESDAY, 60, 1_300, False),
    ]
    assert await service.collect(scene.member.principal, employment.id) == 0
    assert first.document == sent
    table = list(csv.DictReader(io.StringIO(second.document or (await service.document(
        scene.member.principal, employment.id, second.id))[1])))  # fmt: skip
    assert [row["kind"] for row in table] == ["correction", "visit"]


async def test_days_by_hand_are_bounded_and_corrected_on_the_next_sheet(browser, db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    person = await browser.signed_in(scene.member)
    base = f"/employer/{employment.id}/timesheets"
    await person.open(base)
    sheet = (await person.post(base)).location
    await person.open(sheet)
    day = {"worked_on-day": "2", "worked_on-month": "3", "worked_on-year": "2027", "hours": "7.5", "note": "Shopping"}
    for wrong, field in (
        ({"hours": "25"}, "hours"),
        ({"worked_on-day": "4"}, "worked_on"),
        ({"worked_on-month": "2"}, "worked_on"),
        ({"worked_on-day": ""}, "worked_on"),
    ):
        page = await person.post(f"{sheet}/days", day | wrong, expect=422)
        assert set(page.errors()) == {field}
    await person.post(f"{sheet}/days", day)
    await person.post(f"{sheet}/days", day | {"hours": "20"}, expect=422)
    page = await person.open(sheet)
    assert "£97.50" in page.words  # 7.5 hours at £13.
    table = await person.get(f"{sheet}/table.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert list(rows[0]) == [name for name, _ in COLUMNS]
    wanted = {"kind": "day", "hours": "7.50", "rate": "13.00", "amount": "97.50", "tax_year": "2026-27"}
    assert {name: rows[0][name] for name in wanted} == wanted
    assert rows[0]["tax_period"] == "48"  # 7 March 2027.
    await person.post(f"{sheet}/send")
    await person.post(f"{sheet}/days", day, expect=409)
    await person.post(f"{sheet}/send", expect=409)
    page = await person.open(sheet)
    assert "It never changes" in page.words
    fix = page.link("/correct$")
    await person.open(fix)
    # No timesheet is open yet.
    await person.post(fix, {"hours": "6", "note": "Left early"}, expect=409)
    clock.move_to(clock.now().replace(day=8))
    person = await browser.signed_in(scene.member)  # A week on, one signs in again.
    following = (await person.post(base)).location
    page = await person.post(fix, {"hours": "6", "note": ""}, expect=422)
    assert set(page.errors()) == {"note"}
    await person.post(fix, {"hours": "6", "note": "Left early"})
    page = await person.open(following)
    assert "−1.5" in page.words
    assert "−£19.50" in page.words
    await person.post(fix, {"hours": "6", "note": "Again"}, expect=409)


async def test_a_day_can_be_taken_off_while_it_is_open(browser, db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    person = await browser.signed_in(scene.member)
    sheet = (await person.post(f"/employer/{employment.id}/timesheets")).location
    day = {"worked_on-day": "2", "worked_on-month": "3", "worked_on-year": "2027", "hours": "2"}
    await person.post(f"{sheet}/days", day)
    line = await db.scalar(text("SELECT id FROM timesheet_lines"))
    await person.post(f"{sheet}/days/{line}/remove")
    assert await count(db, "timesheet_lines") == 0
    await person.post(f"{sheet}/days/{line}/remove", expect=404)


async def test_rolled_up_holiday_pay_is_a_figure_of_its_own(db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene, holiday_method=HolidayMethod.ROLLED_UP.value)
    await make_approved_visit(db, scene, MONDAY)
    sheet = await begin(db, scene, employment)
    # £13.00 and 12.07% of it, £1.57.
    assert sheet.gross_pence == 1_457
    _, document = await TimesheetService(db).document(scene.member.principal, employment.id, sheet.id)
    assert next(csv.DictReader(io.StringIO(document)))["holiday_pay"] == "1.57"


async def test_the_next_sheet_waits_for_its_period_and_the_older_is_sent_first(db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    first = await begin(db, scene, employment)
    with pytest.raises(StepRefused, match="has not begun"):
        await begin(db, scene, employment)
    clock.move_to(clock.now().replace(day=9))
    second = await begin(db, scene, employment)
    with pytest.raises(StepRefused, match="earlier timesheet"):
        await TimesheetService(db).send(scene.member.principal, employment.id, second.id)
    await TimesheetService(db).send(scene.member.principal, employment.id, first.id)
    await TimesheetService(db).send(scene.member.principal, employment.id, second.id)


async def test_open_duties_and_the_family_rule_never_stop_pay(db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene, runs=False, relation="partner", lives_with="yes")
    await make_approved_visit(db, scene, MONDAY)
    sheet = await begin(db, scene, employment)
    assert sheet.gross_pence == 1_300


async def test_the_last_period_ends_with_the_job(db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await make_approved_visit(db, scene, MONDAY)
    ended = await EmploymentService(db).end(scene.member.principal, employment.id, date(2027, 3, 3))
    sheet = await begin(db, scene, ended)
    assert (sheet.starts_on, sheet.ends_on, sheet.minutes) == (MONDAY, date(2027, 3, 3), 60)
    with pytest.raises(StepRefused):
        await begin(db, scene, ended)


async def test_two_visits_of_one_day_are_two_lines(db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await make_approved_visit(db, scene, MONDAY)
    await make_approved_visit(db, scene, MONDAY, starts_local=time(18), minutes=30)
    sheet = await begin(db, scene, employment)
    assert [row.minutes for row in await lines_of(db, sheet)] == [60, 30]
    assert await count(db, "timesheets") == 1


async def test_months_keep_their_day(db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene, pay_every=PayEvery.MONTH.value, starts_on=date(2027, 1, 31))
    assert next_period(employment, None) == (date(2027, 1, 31), date(2027, 2, 28))
    assert next_period(employment, date(2027, 2, 28)) == (date(2027, 2, 28), date(2027, 3, 31))
    # A period that fits no more, because another rhythm was chosen, begins where the last one ended.
    assert next_period(employment, date(2027, 3, 10)) == (date(2027, 3, 10), date(2027, 4, 10))


async def test_a_hand_entered_day_of_an_earlier_period_has_the_law_of_that_day(db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene, wage="12.71")
    sheet = await begin(db, scene, employment)
    form = DayForm(TUESDAY, 60, "")
    line = await TimesheetService(db).add_day(scene.member.principal, employment.id, sheet.id, form)
    assert (line.rate_pence, line.amount_pence) == (1_271, 1_271)
    assert (await db.get_one(Timesheet, sheet.id)).gross_pence == 1_271
