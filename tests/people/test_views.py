"""Who looked at a person's things: noted once a day with a count, shown to the person alone."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role, Scope
from marketplace.core.clock import FixedClock
from marketplace.people import note_view
from marketplace.people.models import RecordView
from marketplace.people.repository_views import PAGE
from tests.browser import Browser, count
from tests.factories import make_council, make_member, make_organisation, make_person, make_person_member


async def test_the_person_sees_who_looked_at_what_and_how_often(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    worker = await make_member(db, Role.SOCIAL_WORKER, council, name="Robin Field")
    firm = await make_organisation(db, name="Kind Help")
    provider = (await make_member(db, Role.PROVIDER, council, name="Alex Post", organisation_id=firm.id)).principal
    person_id, looker = person.id, worker.principal
    record = f"/people/{person.id}"
    mine, staff = await browser.signed_in(member), await browser.signed_in(worker)
    assert "Nobody has looked yet" in (await mine.open("/profile/who-looked")).words
    await staff.open(record)
    await staff.open(record)
    await note_view(db, provider, person_id, "shared_plan")
    assert "/profile/who-looked" in (await mine.open("/profile")).links()
    words = (await mine.open("/profile/who-looked")).words
    assert "Robin FieldSocial worker Record Wednesday 3 March 2027 at 10am2 times that day" in words
    assert "Alex PostProvider, Kind Help Parts of the plan that were shared" in words
    clock.advance(timedelta(days=1))
    await note_view(db, looker, person_id, "record")
    rows = (await db.scalars(select(RecordView).order_by(RecordView.viewed_on, RecordView.id))).all()
    assert [(row.what, row.times) for row in rows] == [("record", 2), ("shared_plan", 1), ("record", 1)]


async def test_own_looks_are_not_noted_but_those_of_who_acts_for_somebody_are(
    browser: Browser, db: AsyncSession
) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    helper = await make_member(
        db, Role.REPRESENTATIVE, council, person_id=person.id, acting_for_name="Ada", scopes=[Scope.PROFILE]
    )
    await note_view(db, member.principal, person.id, "plan")
    assert await count(db, "record_views") == 0
    await note_view(db, helper.principal, person.id, "plan")
    assert await count(db, "record_views") == 1
    theirs = await browser.signed_in(helper)
    assert "Who looked at Ada’s page" in (await theirs.open("/profile/who-looked")).heading


async def test_a_thing_that_nobody_can_look_at_is_a_mistake_of_the_program(db: AsyncSession) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    worker = await make_member(db, Role.SOCIAL_WORKER, council)
    with pytest.raises(ValueError, match="VIEWED"):
        await note_view(db, worker.principal, person.id, "diary")


async def test_who_looked_is_the_persons_own_and_paged(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    other, _ = await make_person_member(db, council)
    worker = await make_member(db, Role.SOCIAL_WORKER, council, name="Robin Field")
    for _ in range(PAGE + 1):
        await note_view(db, worker.principal, person.id, "record")
        clock.advance(timedelta(days=1))
    await note_view(db, worker.principal, other.id, "record")
    strange = await db.scalar(select(RecordView.id).where(RecordView.person_id == other.id))
    mine, staff = await browser.signed_in(member), await browser.signed_in(worker)
    first = await mine.open("/profile/who-looked")
    assert first.words.count("Robin Field") == PAGE
    second = await mine.open(first.link("after="))
    assert second.words.count("Robin Field") == 1
    assert "3 March 2027" in second.words
    await mine.open(f"/profile/who-looked?after={strange}", expect=404)
    await staff.open("/profile/who-looked", expect=403)
