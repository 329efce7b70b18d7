"""Reminders of duties, and what the council hears: on the set days, once each, and pay is never held back."""

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.bookings import tasks_employment
from marketplace.bookings.events_employment import DutiesDue, DutiesEscalated, EmploymentStarted, FamilyExceptionAsked
from marketplace.bookings.models import DutyStatus, EmployerDuty
from marketplace.bookings.service.employment.duties import next_wage_day
from marketplace.bookings.service.employment.family import ExceptionForm, FamilyService
from marketplace.bookings.service.employment.reminders import ReminderService, is_reminder_due
from marketplace.core import outbox
from marketplace.core.database import scope_to
from tests.browser import events
from tests.factories import make_member
from tests.factories_bookings import make_scene
from tests.factories_employment import make_employment

DAYS = [30, 14, 3]


def done(expires_on, reminded_on=None):
    return EmployerDuty(status=DutyStatus.DONE, expires_on=expires_on, reminded_on=reminded_on)


@pytest.mark.parametrize(
    ("on", "reminded_on", "is_due"),
    [
        (date(2027, 5, 31), None, False),
        (date(2027, 6, 1), None, True),
        (date(2027, 6, 2), date(2027, 6, 1), False),
        (date(2027, 6, 17), date(2027, 6, 1), True),
        (date(2027, 6, 28), date(2027, 6, 17), True),
        (date(2027, 7, 1), date(2027, 6, 28), True),
        (date(2027, 7, 2), date(2027, 7, 1), False),
    ],
)
def test_reminders_come_on_the_set_days_once_each(on, reminded_on, is_due):
    assert is_reminder_due(done(date(2027, 7, 1), reminded_on), on, DAYS) is is_due


def test_what_is_not_needed_is_not_reminded_of():
    row = EmployerDuty(status=DutyStatus.NOT_NEEDED, due_on=date(2027, 7, 1))
    assert not is_reminder_due(row, date(2027, 7, 1), DAYS)


def test_a_wage_stays_right_until_april_or_a_birthday():
    assert next_wage_day(date(2027, 3, 3)) == date(2027, 4, 1)
    assert next_wage_day(date(2027, 4, 1)) == date(2028, 4, 1)
    assert next_wage_day(date(2027, 4, 1), date(2006, 9, 5)) == date(2027, 9, 5)
    assert next_wage_day(date(2027, 4, 1), date(2000, 9, 5)) == date(2028, 4, 1)


async def duties(db, employment):
    question = select(EmployerDuty).where(EmployerDuty.employment_id == employment.id)
    return {row.key: row for row in await db.scalars(question.execution_options(populate_existing=True))}


async def published(db, event):
    """Publish an event; returns the number of its message."""
    outbox.publish(db, event)
    await db.flush()
    return await db.scalar(text("SELECT id FROM outbox_messages ORDER BY number DESC LIMIT 1"))


async def settle_all(db, employment, but=()):
    for row in (await duties(db, employment)).values():
        if row.key not in but:
            row.status, row.expires_on, row.escalated_on = DutyStatus.DONE, None, None
    await db.flush()


async def test_insurance_that_ends_is_reminded_of_lapses_and_is_escalated(db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await settle_all(db, employment)
    row = (await duties(db, employment))["liability"]
    row.expires_on = date(2027, 4, 10)
    await db.flush()
    service = ReminderService(db)
    seen = []
    for day in (date(2027, 3, 4), date(2027, 3, 11), date(2027, 3, 12), date(2027, 3, 27), date(2027, 4, 10)):
        clock.move_to(datetime.combine(day, time(6), tzinfo=UTC))
        before = len(await events(db))
        for _ in range(2):  # Looking twice on a day does nothing more.
            await service.look_at(scene.council.id, employment.id)
        seen.append((await events(db))[before:])
    assert seen == [[], ["DutiesDue"], [], ["DutiesDue"], ["DutiesDue", "DutiesEscalated"]]
    row = (await duties(db, employment))["liability"]
    assert (row.status, row.escalated_on) == (DutyStatus.LAPSED, date(2027, 4, 10))


async def test_what_is_open_for_a_week_is_told_to_the_council(db, clock):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await settle_all(db, employment, but={"contract"})
    (await duties(db, employment))["contract"].escalated_on = None
    await db.flush()
    clock.move_to(datetime(2027, 3, 7, 6, tzinfo=UTC))
    await ReminderService(db).look_at(scene.council.id, employment.id)
    assert (await duties(db, employment))["contract"].escalated_on is None
    clock.move_to(datetime(2027, 3, 8, 6, tzinfo=UTC))
    await ReminderService(db).look_at(scene.council.id, employment.id)
    assert (await duties(db, employment))["contract"].escalated_on == date(2027, 3, 8)


async def test_a_new_law_lapses_the_wage_check_only_where_the_wage_is_too_low(db, clock):
    await db.execute(
        text(
            "INSERT INTO law_rates (id, key, value, unit, starts_on, source) "
            "VALUES (gen_random_uuid(), 'wage_21', 1320, 'pence', '2027-04-01', 'A test')"
        )
    )
    low, high = await make_scene(db), await make_scene(db)
    jobs = [await make_employment(db, low, wage="13.00"), await make_employment(db, high, wage="13.20")]
    clock.move_to(datetime(2027, 4, 1, 6, tzinfo=UTC))
    for scene, job in zip((low, high), jobs, strict=True):
        await ReminderService(db).look_at(scene.council.id, job.id)
    checks = [(await duties(db, job))["wage_check"] for job in jobs]
    assert [row.status for row in checks] == [DutyStatus.LAPSED, DutyStatus.DONE]
    assert checks[1].expires_on == date(2028, 4, 1)


async def test_messages_reach_the_person_and_the_council_once(db, clock, maker):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    await make_member(db, Role.BROKER, scene.council)
    await make_member(db, Role.MANAGER, scene.council)
    ids = {"council_id": scene.council.id, "employment_id": employment.id, "person_id": scene.person.id}
    due = DutiesDue(**ids, keys=("liability",), on=date(2027, 3, 3))
    late, began = DutiesEscalated(**ids, keys=("contract",)), EmploymentStarted(**ids, open_keys=("contract",))
    numbers = [await published(db, event) for event in (due, late, began)]
    for _ in range(2):
        await tasks_employment.tell_duties_due(numbers[0], due)
        await tasks_employment.tell_duties_escalated(numbers[1], late)
        await tasks_employment.tell_employment_started(numbers[2], began)
    await scope_to(db, "every")
    rows = (await db.execute(text("SELECT template, body FROM messages ORDER BY template"))).all()
    assert [row.template for row in rows] == ["employer_duties_due", "employer_duties_open", "employer_duties_open"]
    assert "Pay your assistant for the work they did in any case." in rows[0].body
    assert "Buy employers’ liability insurance" in rows[0].body
    assert scene.person.reference in rows[1].body
    assert scene.person.family_name not in rows[1].body


async def test_managers_are_asked_about_relatives(db, maker):
    scene = await make_scene(db)
    await make_member(db, Role.MANAGER, scene.council)
    employment = await make_employment(db, scene, runs=False, relation="partner")
    row = await FamilyService(db).ask(scene.member.principal, employment.id, ExceptionForm(True, "We speak BSL."))
    event = FamilyExceptionAsked(
        council_id=scene.council.id, exception_id=row.id, employment_id=employment.id, person_id=scene.person.id
    )
    await tasks_employment.tell_exception_asked(await published(db, event), event)
    await scope_to(db, "every")
    body = await db.scalar(text("SELECT body FROM messages"))
    assert f"/family-exceptions/{row.id}" in body
    assert "BSL" not in body


async def test_the_daily_job_looks_at_every_council(db, clock, maker):
    scenes = [await make_scene(db), await make_scene(db)]
    jobs = [await make_employment(db, scene) for scene in scenes]
    clock.move_to(datetime(2027, 4, 14, 6, tzinfo=UTC))
    await tasks_employment.remind_employers()
    await scope_to(db, "every")
    reminded = (
        await db.scalars(text("SELECT DISTINCT employment_id FROM employer_duties WHERE reminded_on IS NOT NULL"))
    ).all()
    assert set(reminded) == {job.id for job in jobs}
