"""What is protected ends or goes on by hand: with a reason, a day, a record of it, and a message to the person."""

from datetime import date, time

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock, instant
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.people.budgets import BudgetService, Working
from marketplace.people.errors import ProtectionOver, RecordChanged
from marketplace.people.models import Person, Protection
from marketplace.people.protections import Decision, ProtectionService
from marketplace.people.repository_budgets import PersonalBudgetRepository
from marketplace.people.tasks_ras import remind_protections
from tests.browser import Browser, count
from tests.factories import Member, make_council, make_member, make_person_member
from tests.factories_budgets import make_charge
from tests.factories_care import again
from tests.factories_ras import make_ras_version
from tests.people.test_budget_messages import told

TODAY = date(2027, 3, 3)


async def start(db: AsyncSession) -> tuple[Person, Member, Protection]:
    """Somebody whose support cost £150 a week before, where 60 points come to £115.38."""
    manager = await make_member(db, Role.MANAGER)
    person, _ = await make_person_member(db, manager.council)
    version = await make_ras_version(db, manager.council)
    working = Working(
        points=60, version=version, annual_pence=600_000, weekly_pence=11_538, previous_weekly_pence=15_000
    )
    await BudgetService(db).set_indicative(manager.principal, person.id, 11_538, working=working)
    row = await PersonalBudgetRepository(db).protection(person.council_id, person.id)
    assert row is not None
    return person, manager, row


def decision(day: date, row: Protection, reason: str = "The hoist is not in yet.") -> Decision:
    return Decision(day=day, reason=reason, version=row.version)


async def test_it_goes_on_until_a_later_day_and_the_person_is_told(db: AsyncSession) -> None:
    _, manager, row = await start(db)
    service = ProtectionService(db)
    for day, words in ((date(2028, 3, 3), "after 3 March 2028 and by 3 March 2029"), (date(2029, 3, 4), "by 3 March")):
        with pytest.raises(InvalidInput, match=words):
            await service.prolong(manager.principal, row.id, decision(day, row))
    with pytest.raises(InvalidInput, match="Write down why"):
        await service.prolong(manager.principal, row.id, decision(date(2028, 9, 3), row, " "))
    await service.prolong(manager.principal, row.id, decision(date(2028, 9, 3), row))
    assert (row.review_on, row.ended_on, row.changed_by_user_id) == (date(2028, 9, 3), None, manager.user.id)
    assert await count(db, "audit_entries", "action = 'people.prolong_protection'") == 1
    assert await count(db, "audit_entries", "why LIKE '%hoist%'") == 0
    assert "A part of your budget goes on for longer" in await told(db)
    assert await count(db, "messages", "body LIKE '%by 3 September 2028%' AND body LIKE '%The hoist%'") == 1
    # What is due by a very late day is as long as anybody may decide today.
    row.review_on = date(2029, 3, 3)
    await db.flush()
    with pytest.raises(InvalidInput, match="already"):
        await service.prolong(manager.principal, row.id, decision(date(2029, 6, 1), row))


async def test_it_ends_on_a_day_and_the_estimate_is_what_the_points_say(db: AsyncSession) -> None:
    person, manager, row = await start(db)
    finance = await make_member(db, Role.FINANCE, manager.council)
    await make_charge(db, person, finance, contribution_weekly_pence=14_000)
    service, day = ProtectionService(db), date(2027, 4, 1)
    for wrong, words in ((date(2027, 3, 2), "today or later"), (date(2028, 3, 4), "looked at again by 3 March 2028")):
        with pytest.raises(InvalidInput, match=words):
            await service.end(finance.principal, row.id, decision(wrong, row))
    await service.end(finance.principal, row.id, decision(day, row, "The day centre has a bus now."))
    assert row.ended_on == day
    budgets = await PersonalBudgetRepository(db).of_person(person.council_id, person.id)
    assert sorted((one.status.value, one.weekly_pence, one.starts_on, one.ends_on) for one in budgets) == [
        ("ended", 15_000, TODAY, day),
        ("indicative", 11_538, day, None),
    ]
    new = next(one for one in budgets if one.ends_on is None)
    assert (new.own_weekly_pence, new.points, new.annual_pence) == (11_538, 60, 600_000)
    assert await count(db, "audit_entries", "action = 'people.end_protection'") == 1
    assert "A part of your budget ends" in await told(db)
    with pytest.raises(ProtectionOver):
        await service.end(finance.principal, row.id, decision(day, row))


async def test_strangers_others_and_who_is_late_change_nothing(db: AsyncSession) -> None:
    _, manager, row = await start(db)
    service = ProtectionService(db)
    worker = await make_member(db, Role.SOCIAL_WORKER, manager.council)
    with pytest.raises(Forbidden):
        await service.end(worker.principal, row.id, decision(TODAY, row))
    stranger = await make_member(db, Role.MANAGER, await make_council(db))
    with pytest.raises(NotFound):
        await service.end(stranger.principal, row.id, decision(TODAY, row))
    late = Decision(day=TODAY, reason="Too late.", version=row.version - 1)
    with pytest.raises(RecordChanged):
        await service.end(manager.principal, row.id, late)
    assert (row.ended_on, row.change_reason) == (None, "")


async def test_the_pages_list_it_and_keep_what_was_typed(browser: Browser, db: AsyncSession) -> None:
    person, manager, row = await start(db)
    at_work, path = await browser.signed_in(manager), f"/ras/protections/{row.id}"
    version, name = row.version, person.name
    page = await at_work.open("/ras/protections")
    assert name in page.words
    assert "£1,800.00" in page.words
    assert "£115.38 a week" in (await at_work.open(path)).words
    form = {"version": str(version), "end_reason": "The bus"}
    page = await at_work.post(f"{path}/end", form, expect=422)
    assert "end_day" in page.errors()
    assert "The bus" in page.words
    day = {"day-day": "3", "day-month": "3", "day-year": "2020", "reason": "Goes on", "version": str(version)}
    page = await at_work.post(f"{path}/prolong", day, expect=422)
    assert "day" in page.errors()
    await at_work.post(f"{path}/prolong", {**day, "day-year": "2029"}, expect=303)
    assert "3 March 2029" in (await at_work.open(path)).words
    end = {"end_day-day": "3", "end_day-month": "3", "end_day-year": "2027", "end_reason": "A bus"}
    await at_work.post(f"{path}/end", {**end, "version": str(version + 1)}, expect=303)
    words = (await at_work.open(path)).words
    assert "It was ended" in words
    assert "Nobody has a protected budget" in (await at_work.open("/ras/protections")).words
    elsewhere = await browser.signed_in(await make_member(db, Role.MANAGER, await make_council(db)))
    await elsewhere.open(path, expect=404)


async def reminders(db: AsyncSession) -> list[str]:
    """Run the job as on every day; to whom it has written so far."""
    await db.flush()
    await remind_protections()
    await scope_to(db, "every")
    written = text("SELECT to_address FROM messages WHERE template = 'protection_due' ORDER BY id")
    return list(await db.scalars(written))


async def test_who_decided_last_is_reminded_once_when_the_day_comes(db: AsyncSession, clock: FixedClock) -> None:
    person, manager, row = await start(db)
    colleague = await make_member(db, Role.FINANCE, manager.council)
    await make_member(db, Role.MANAGER, manager.council)
    name, number, here = person.name, person.reference, f"/ras/protections/{row.id}"
    one, two = manager.user.email, colleague.user.email
    clock.move_to(instant(date(2028, 3, 2), time(9)))
    assert await reminders(db) == []
    clock.move_to(instant(date(2028, 3, 3), time(9)))
    assert await reminders(db) == [one]
    assert await reminders(db) == [one]
    body = await db.scalar(text("SELECT subject || body FROM messages WHERE template = 'protection_due'"))
    assert here in body
    assert number in body
    assert name not in body
    assert "hoist" not in body
    assert await count(db, "audit_entries", "action = 'people.remind_protection'") == 1
    # The next day that is set has a reminder of its own, for who set it.
    await db.refresh(row)
    await ProtectionService(db).prolong(colleague.principal, row.id, decision(date(2028, 9, 3), row))
    assert await reminders(db) == [one]
    clock.move_to(instant(date(2028, 9, 5), time(9)))
    assert await reminders(db) == [one, two]
    assert await reminders(db) == [one, two]


async def test_managers_are_reminded_of_what_somebody_agreed_who_may_not_decide(
    db: AsyncSession, clock: FixedClock
) -> None:
    _, manager, row = await start(db)
    worker = await make_member(db, Role.SOCIAL_WORKER, manager.council)
    await make_member(db, Role.MANAGER)
    row.agreed_by_user_id, address = worker.user.id, manager.user.email
    clock.move_to(instant(date(2028, 3, 3), time(9)))
    assert await reminders(db) == [address]


async def test_nobody_is_reminded_of_what_ended_or_of_somebody_who_died(db: AsyncSession, clock: FixedClock) -> None:
    _, _, ended = await start(db)
    ended.ended_on = date(2027, 4, 1)
    person, _, _ = await start(db)
    person.died_on = date(2027, 4, 1)
    clock.move_to(instant(date(2028, 3, 3), time(9)))
    assert await reminders(db) == []


async def test_the_pages_say_that_it_is_due(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    _, manager, row = await start(db)
    row.review_on, path = TODAY, f"/ras/protections/{row.id}"
    await db.flush()
    at_work = await browser.signed_in(manager)
    assert "3 March 2027 Due today" in (await at_work.open("/ras/protections")).words
    assert "3 March 2027 Due today" in (await at_work.open(path)).words
    clock.move_to(instant(date(2027, 3, 4), time(9)))
    await again(db, manager)
    at_work = await browser.signed_in(manager)
    assert "3 March 2027 Overdue" in (await at_work.open("/ras/protections")).words
    assert "3 March 2027 Overdue" in (await at_work.open(path)).words
