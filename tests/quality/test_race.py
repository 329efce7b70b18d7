"""Real connections: counts of feedback and the day's share of questions hold when many write at once."""

import asyncio
from datetime import date, time

import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.providers.errors import TooManyEnquiries
from marketplace.providers.models import EnquiryKind
from marketplace.providers.service.enquiries import EnquiryService
from marketplace.providers.service.enquiry_forms import AskForm
from marketplace.quality.checks import CHECKS
from marketplace.quality.errors import AlreadyGiven
from marketplace.quality.schemas import FeedbackForm, Signing
from marketplace.quality.service import FeedbackCheckService, FeedbackService
from tests.conftest import admin, clone_database
from tests.factories import make_member
from tests.factories_bookings import make_booking, make_scene
from tests.factories_talking import make_enquiry, make_feedback

VISIT_ON = date(2027, 2, 26)


@pytest.fixture
async def own_maker(worker_id, clock):
    name = f"talk_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=12)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_feedback_published_at_once_is_counted_to_the_last(own_maker):
    async with transaction(own_maker, "every") as db:
        scene = await make_scene(db)
        checker = await make_member(db, Role.ACCREDITOR, scene.council)
        visits = [
            await make_booking(db, scene, BookingStatus.APPROVED, on=VISIT_ON, at=time(8 + number))
            for number in range(10)
        ]
        rows = [await make_feedback(db, scene, visit, stars=5) for visit in visits]

    async def publish(feedback):
        async with transaction(own_maker, [scene.council.id]) as db:
            await FeedbackCheckService(db).publish(checker.principal, feedback.id, 1)

    await asyncio.gather(*(publish(row) for row in rows))
    async with transaction(own_maker, "every") as db:
        assert tuple((await db.execute(text("SELECT feedback_count, feedback_stars FROM listings"))).one()) == (10, 50)
        for check in CHECKS:
            assert (await check(db)).ok


async def test_a_visit_is_spoken_about_once_from_two_windows(own_maker):
    async with transaction(own_maker, "every") as db:
        scene = await make_scene(db)
        visit = await make_booking(db, scene, BookingStatus.APPROVED, on=VISIT_ON)
    form = FeedbackForm(booking_id=visit.id, stars=4, words="", signing=Signing.NOBODY)

    async def give():
        try:
            async with transaction(own_maker, [scene.council.id]) as db:
                await FeedbackService(db).give(scene.member.principal, form)
                return True
        except AlreadyGiven:
            return False

    assert sum(await asyncio.gather(*(give() for _ in range(6)))) == 1
    async with transaction(own_maker, "every") as db:
        assert await db.scalar(text("SELECT count(*) FROM feedback")) == 1
        assert await db.scalar(text("SELECT count(*) FROM steps WHERE subject_kind = 'feedback'")) == 1


async def test_the_share_of_a_day_holds_from_many_windows(own_maker):
    async with transaction(own_maker, "every") as db:
        scene = await make_scene(db)
        for _ in range(17):
            await make_enquiry(db, scene)
    form = AskForm(listing_id=scene.listing.id, kind=EnquiryKind.QUESTION, words="Do you like dogs?")

    async def ask():
        try:
            async with transaction(own_maker, [scene.council.id]) as db:
                await EnquiryService(db).ask(scene.member.principal, form)
                return True
        except TooManyEnquiries:
            return False

    assert sum(await asyncio.gather(*(ask() for _ in range(8)))) == 3
    async with transaction(own_maker, "every") as db:
        assert await db.scalar(text("SELECT count(*) FROM enquiries")) == 20
