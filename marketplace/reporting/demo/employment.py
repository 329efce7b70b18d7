"""Tells of employers: an assistant with a checklist and timesheets, and a mother whom the council should allow."""

from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

from marketplace.accounts.law import LawBook, LawFigure
from marketplace.bookings.models import (
    Booking,
    DutyStatus,
    EmployerDuty,
    Employment,
    FamilyException,
    HolidayMethod,
    PayEvery,
    Relation,
    Timesheet,
    TimesheetLine,
    TimesheetStatus,
    WorkStatus,
)
from marketplace.bookings.service.employment.duties import LIABILITY, WAGE_CHECK, due_on, duties_for, next_wage_day
from marketplace.bookings.service.employment.timesheet_csv import timesheet_csv
from marketplace.bookings.service.employment.wages import WAGES_SENT
from marketplace.bookings.states import BookingStatus, EmploymentStatus, ExceptionStatus
from marketplace.core.clock import week_start
from marketplace.core.formats import date_range
from marketplace.ledger import Purpose, credit, debit
from marketplace.people.models import Person
from marketplace.providers.models import PriceUnit
from marketplace.reporting.demo.visits import EMPLOYED_WEEKS, employed_from
from marketplace.reporting.demo.world import Client, Council, World

OPEN = {"pension_declaration": DutyStatus.TO_DO, "data": DutyStatus.STARTED, "safety": DutyStatus.STARTED}


def make_employment(world: World, council: Council) -> None:
    """Write what the person behind `person@` has as an employer."""
    star = council.stars["person"]
    _assistant(world, council, star)
    _mother(world, council, star)


def _assistant(world: World, council: Council, star: Client) -> None:
    """The assistant behind `pa@` works for them since some weeks; the insurance ends soon."""
    book = world.book
    helper = council.shop(council.text.assistant).helpers[0]
    first = employed_from(world)
    made_at = world.at(first - timedelta(days=9), 11)
    offers = [offer for _, offer in council.shop(council.text.assistant).listings]
    wage = max(world.wage_pence, *(offer.pence for offer in offers if offer.unit is PriceUnit.HOUR))
    values = {
        "council_id": council.id,
        "person_id": star.id,
        "worker_id": helper.id,
        "agreement_id": None,
        "name": helper.hand.name,
        "born_on": None,
        "status": EmploymentStatus.RUNNING,
        "work_status": WorkStatus.EMPLOYED,
        "relation": Relation.NONE,
        "lives_with": False,
        "starts_on": first,
        "ends_on": None,
        "weekly_minutes": 600,
        "wage_pence": wage,
        "weeks_a_year": 52,
        "days_a_week": 3,
        "sick_days": 4,
        "pay_every": PayEvery.WEEK,
        "holiday_method": HolidayMethod.ACCRUED,
        "claims_allowance": True,
        "other_wages_pence": 0,
        "insurance_pence": 9_600,
        "payroll_pence": 21_600,
        "training_pence": 0,
        "recruitment_pence": 0,
        "payroll_by": "a payroll bureau",
        "created_by_user_id": star.user_id,
        "created_at": made_at,
        "version": 2,
    }
    row_id = book.add(Employment, made_at, **values)
    began_at = world.at(first, 8)
    book.steps(
        "employment",
        council.id,
        row_id,
        [
            (EmploymentStatus.PREPARING, made_at, star.user_id, ""),
            (EmploymentStatus.RUNNING, began_at, star.user_id, ""),
        ],
    )
    for duty in duties_for(WorkStatus.EMPLOYED):
        status = OPEN.get(duty.key, DutyStatus.DONE)
        ends = {LIABILITY: world.today + timedelta(days=12), WAGE_CHECK: next_wage_day(world.today)}
        _duty(world, council, row_id, duty.key, status, due_on(duty, first), ends.get(duty.key), made_at.date())
    employment = Employment(id=row_id, **values)
    for number in range(EMPLOYED_WEEKS):
        _timesheet(world, council, star, employment, first + timedelta(weeks=number))


def _duty(
    world: World,
    council: Council,
    employment_id: UUID,
    key: str,
    status: DutyStatus,
    due: date,
    expires_on: date | None,
    done_on: date,
) -> None:
    is_done = status is DutyStatus.DONE
    at = world.at(done_on, 12)
    world.book.add(
        EmployerDuty,
        at,
        council_id=council.id,
        employment_id=employment_id,
        key=key,
        status=status,
        due_on=due,
        done_on=done_on if is_done else None,
        expires_on=expires_on if is_done else None,
        helper="",
        note="",
        file_id=None,
        reminded_on=None,
        escalated_on=None,
        updated_at=at,
        version=1,
    )


def _timesheet(world: World, council: Council, star: Client, employment: Employment, first: date) -> None:
    """A week with the visits that were approved; all but the last went to the payroll."""
    book = world.book
    end = first + timedelta(weeks=1)
    is_sent = end < week_start(world.today)
    # Late enough for everything of the week to be approved.
    at = world.at(end + timedelta(days=2), 17) if is_sent else world.at(end, 9)
    visits = [
        row
        for row in book.of(Booking)
        if row["person_id"] == star.id
        and row["worker_id"] == employment.worker_id
        and row["status"] == BookingStatus.APPROVED
        and first <= row["visit_on"] < end
    ]
    sheet_id = book.id(at)
    lines = []
    for visit in visits:
        minutes = visit["minutes"]
        line = {
            "council_id": council.id,
            "timesheet_id": sheet_id,
            "booking_id": visit["id"],
            "corrects_id": None,
            "worked_on": visit["visit_on"],
            "minutes": minutes,
            "rate_pence": employment.wage_pence,
            "amount_pence": max((2 * employment.wage_pence * minutes + 60) // 120, visit["cost_pence"]),
            "note": "",
        }
        lines.append(TimesheetLine(id=book.add(TimesheetLine, at, **line), **line))
    values = {
        "council_id": council.id,
        "employment_id": employment.id,
        "starts_on": first,
        "ends_on": end,
        "status": TimesheetStatus.OPEN,
        "minutes": sum(line.minutes for line in lines),
        "gross_pence": sum(line.amount_pence for line in lines),
        "sent_at": None,
        "sent_by_user_id": None,
        "sha256": "",
        "document": "",
    }
    book.put(Timesheet, id=sheet_id, **values)
    if not is_sent:
        return
    reference = next(row["reference"] for row in book.of(Person) if row["id"] == star.id)
    lines.sort(key=lambda line: (line.worked_on, line.id))
    holiday = LawFigure(starts_on=date(2024, 4, 1), value=1_207, unit="basis_points", source="")
    law = LawBook(figures={"holiday_accrual": (holiday,)}, on=first)
    document = timesheet_csv(reference, employment, Timesheet(id=sheet_id, **values), lines, law)
    # Only when its lines stand: a sent timesheet takes none.
    book.afterwards(
        Timesheet,
        sheet_id,
        status=TimesheetStatus.SENT,
        sent_at=at,
        sent_by_user_id=star.user_id,
        sha256=sha256(document.encode()).hexdigest(),
        document=document,
    )
    due = sum(visit["cost_pence"] for visit in visits)
    if due:
        book.post(
            council.id,
            WAGES_SENT,
            sheet_id,
            [debit(Purpose.WAGES_DUE, due, star.id), credit(Purpose.WAGES_SENT, due)],
            memo=f"Wages of your assistant for {date_range(first, end)}, sent to the payroll",
            at=at,
            on=at.date(),
        )


def _mother(world: World, council: Council, star: Client) -> None:
    """Their mother, who lives with them, is to help at night: the council has not decided yet."""
    book, made_at = world.book, world.at(world.today - timedelta(days=3), 15)
    first = week_start(world.today) + timedelta(weeks=3)
    row_id = book.add(
        Employment,
        made_at,
        council_id=council.id,
        person_id=star.id,
        worker_id=None,
        agreement_id=None,
        name="My mother",
        born_on=None,
        status=EmploymentStatus.PREPARING,
        work_status=WorkStatus.EMPLOYED,
        relation=Relation.CLOSE_RELATIVE,
        lives_with=True,
        starts_on=first,
        ends_on=None,
        weekly_minutes=360,
        wage_pence=world.wage_pence,
        weeks_a_year=52,
        days_a_week=2,
        sick_days=4,
        pay_every=PayEvery.FOUR_WEEKS,
        holiday_method=HolidayMethod.WEEKS,
        claims_allowance=True,
        other_wages_pence=0,
        insurance_pence=0,
        payroll_pence=0,
        training_pence=0,
        recruitment_pence=0,
        payroll_by="",
        created_by_user_id=star.user_id,
        created_at=made_at,
        version=1,
    )
    book.steps("employment", council.id, row_id, [(EmploymentStatus.PREPARING, made_at, star.user_id, "")])
    for duty in duties_for(WorkStatus.EMPLOYED):
        _duty(world, council, row_id, duty.key, DutyStatus.TO_DO, due_on(duty, first), None, made_at.date())
    exception_id = book.add(
        FamilyException,
        made_at,
        council_id=council.id,
        employment_id=row_id,
        person_id=star.id,
        status=ExceptionStatus.ASKED,
        is_for_care=True,
        reason="I need help at night without notice. Two workers left because of the hours. She is here and knows how.",
        asked_by_user_id=star.user_id,
        asked_at=made_at,
        decided_by_user_id=None,
        decided_at=None,
        decision_reason="",
        review_on=None,
        version=1,
    )
    book.steps("family_exception", council.id, exception_id, [(ExceptionStatus.ASKED, made_at, star.user_id, "")])
