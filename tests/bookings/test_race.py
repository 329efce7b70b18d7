"""Many people, one slot, real connections: one gets it, all others are told, nobody is left half booked."""

import asyncio

import pytest
from sqlalchemy import text

from marketplace.bookings.checks import CHECKS
from marketplace.bookings.errors import SlotTaken
from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.places import PlaceService
from marketplace.bookings.service.workers import CrewService
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.core.errors import InvalidInput
from tests.bookings.test_day_places import SESSION, make_activity
from tests.conftest import admin, clone_database
from tests.factories import make_council
from tests.factories_bookings import make_scene
from tests.factories_day import make_office, make_planned

PEOPLE = 300


@pytest.fixture
async def own_maker(worker_id, clock):
    name = f"race_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=16)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_of_many_who_ask_at_once_exactly_one_gets_the_time(own_maker):
    async with transaction(own_maker, "every") as db:
        council = await make_council(db)
        scenes = [await make_scene(db, council=council) for _ in range(8)]
    wanted = scenes[0]
    gate = asyncio.Semaphore(30)

    async def ask(number):
        scene = scenes[number % len(scenes)]
        # Visits of every length and start that overlap: all of them hold 10:30.
        form = BookingForm.read(
            wanted.form(minutes=60 + number % 3 * 15, starts_local=f"10:{number % 2 * 15:02}"), wanted.listing.id, 30
        )
        try:
            async with gate, transaction(own_maker, [council.id]) as db:
                return (await BookingService(db).request(scene.member.principal, form)).id
        except SlotTaken:
            return None

    answers = await asyncio.gather(*(ask(number) for number in range(PEOPLE)))
    assert len([answer for answer in answers if answer]) == 1
    async with transaction(own_maker, "every") as db:
        for table in ("bookings", "outbox_messages", "audit_entries", "steps WHERE subject_kind = 'booking'"):
            assert await db.scalar(text(f"SELECT count(*) FROM {table}")) == 1, table
        for check in CHECKS:
            assert (await check(db)).ok


async def test_two_planners_at_once_never_send_one_worker_to_two_people(own_maker):
    """Each of many planners confirms a visit of their own with the same two workers, in either order."""
    async with transaction(own_maker, "every") as db:
        office = await make_office(db)
        visits = [await make_planned(db, office, workers_needed=2, cost_pence=100) for _ in range(12)]
        ids, workers = [visit.id for visit in visits], [worker.id for worker in office.workers]

    async def confirm(number):
        try:
            async with transaction(own_maker, [office.scene.council.id]) as db:
                crew = workers if number % 2 else workers[::-1]
                await CrewService(db).confirm(office.manager.principal, ids[number], crew)
                return True
        except SlotTaken:
            return False

    assert sum(await asyncio.gather(*(confirm(number) for number in range(len(ids))))) == 1
    async with transaction(own_maker, "every") as db:
        assert await db.scalar(text("SELECT count(*) FROM visit_workers WHERE is_holding")) == 2
        for check in CHECKS:
            assert (await check(db)).ok


async def test_the_last_places_of_a_session_go_to_as_many_as_there_are(own_maker):
    async with transaction(own_maker, "every") as db:
        activity = await make_activity(db, places=3)
        others = [await make_scene(db, council=activity.council) for _ in range(9)]

    async def book(scene):
        try:
            async with transaction(own_maker, [activity.council.id]) as db:
                await PlaceService(db).book(scene.member.principal, activity.listing.id, SESSION)
                return True
        except SlotTaken:
            return False

    assert sum(await asyncio.gather(*(book(scene) for scene in others))) == 3
    async with transaction(own_maker, "every") as db:
        for check in CHECKS:
            assert (await check(db)).ok


async def test_the_same_money_is_never_promised_twice(own_maker):
    """One person in many windows asks different workers: together they never promise more than there is."""
    async with transaction(own_maker, "every") as db:
        council = await make_council(db)
        payer = await make_scene(db, council=council, balance_pence=5_000)
        others = [await make_scene(db, council=council) for _ in range(10)]

    async def ask(scene):
        form = BookingForm.read(payer.form(listing=scene.listing.id), scene.listing.id, 30)
        try:
            async with transaction(own_maker, [council.id]) as db:
                await BookingService(db).request(payer.member.principal, form)
                return True
        except InvalidInput:
            return False

    assert sum(await asyncio.gather(*(ask(scene) for scene in others))) == 3
    async with transaction(own_maker, "every") as db:
        for check in CHECKS:
            assert (await check(db)).ok
