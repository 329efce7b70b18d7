"""Small cases that the machine of visits and money found (`test_life_machine`)."""

from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking, PauseKind
from marketplace.bookings.policies import Cancelling
from marketplace.bookings.service import BookingService, purse_of
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.states import BookingStatus
from marketplace.core.errors import StepRefused
from tests.factories_agreements import make_agreement
from tests.factories_bookings import VISIT_ON, make_booking, make_scene
from tests.factories_day import make_office, make_planned


async def test_only_a_visit_reported_absent_is_contested(db: AsyncSession) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office)
    with pytest.raises(StepRefused):
        await ApprovalService(db).contest(office.manager.principal, visit.id, "We will come")


async def test_a_planned_visit_is_confirmed_by_naming_somebody_never_by_accepting_it(db: AsyncSession) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office)
    with pytest.raises(StepRefused):
        await BookingService(db).accept(office.manager.principal, visit.id)


@pytest.mark.parametrize("status", [BookingStatus.PLANNED, BookingStatus.ACCEPTED])
async def test_cancelling_an_agreed_visit_late_owes_what_its_terms_say(
    db: AsyncSession, clock: Any, status: BookingStatus
) -> None:
    scene = await make_scene(db)
    made = await make_agreement(db, scene, patterns=(), terms={"free_cancel_hours": 48, "late_cancel_percent": 50})
    visit = await make_booking(db, scene, status, agreement_id=made.agreement.id)
    clock.move_to(visit.starts_at - timedelta(hours=47))
    service = BookingService(db)
    assert await service.cancel(scene.member.principal, visit.id, "") is Cancelling.LATE_AGREED
    found = await db.get_one(Booking, visit.id, populate_existing=True)
    assert (found.status, found.cost_pence, found.called_off_at) == (status, 800, clock.now())
    with pytest.raises(StepRefused):
        await service.cancel(scene.member.principal, visit.id, "")


async def test_cancelling_an_agreed_visit_in_time_is_free(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    made = await make_agreement(db, scene, patterns=(), terms={"free_cancel_hours": 2})
    visit = await make_booking(db, scene, BookingStatus.PLANNED, agreement_id=made.agreement.id)
    clock.move_to(visit.starts_at - timedelta(hours=3))
    assert await BookingService(db).cancel(scene.member.principal, visit.id, "") is Cancelling.FREE


@pytest.mark.parametrize("status", [BookingStatus.CLAIMED, BookingStatus.DISPUTED, BookingStatus.APPROVED])
async def test_what_took_place_is_never_cancelled_by_the_person(
    db: AsyncSession, clock: Any, status: BookingStatus
) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, status)
    clock.move_to(visit.ends_at + timedelta(hours=1))
    with pytest.raises(StepRefused):
        await BookingService(db).cancel(scene.member.principal, visit.id, "")


async def test_an_assistant_finds_visits_of_their_agreement_that_were_planned_without_them(db: AsyncSession) -> None:
    scene = await make_scene(db)
    made = await make_agreement(db, scene, patterns=())
    visit = await make_booking(
        db, scene, BookingStatus.PLANNED, agreement_id=made.agreement.id, worker_id=None, on=VISIT_ON, at=time(18)
    )
    await BookingService(db).let_go(scene.provider.principal, visit.id, "I cannot come then")
    assert (await db.get_one(Booking, visit.id, populate_existing=True)).status is BookingStatus.CANCELLED


async def test_nothing_is_owed_for_an_extra_visit_that_nobody_said_yes_to_when_a_pause_takes_it_away(
    db: AsyncSession,
) -> None:
    scene = await make_scene(db, balance_pence=50_000)
    made = await make_agreement(
        db, scene, patterns=(), terms={"late_cancel_percent": 100, "retainer_percent": 50, "retainer_days": 30}
    )
    visit = await make_booking(db, scene, BookingStatus.REQUESTED, agreement_id=made.agreement.id)
    pauses = Pauses(db)
    asked = (PauseKind.HOLIDAY, visit.visit_on, None)
    assert (await pauses.what_is_owed(made.agreement, *asked)).owed_pence == 0
    await pauses.pause(scene.member.principal, made.agreement.id, *asked)
    found = await db.get_one(Booking, visit.id, populate_existing=True)
    assert found.status is BookingStatus.CANCELLED
    assert (await purse_of(db, scene.council.id, scene.person.id)).free_pence == 50_000


async def test_whoever_said_that_nobody_came_does_not_promise_the_money_again_by_a_dispute(
    db: AsyncSession, clock: Any
) -> None:
    scene = await make_scene(db, balance_pence=1_600)
    visit = await make_booking(db, scene, BookingStatus.NO_SHOW)
    await make_booking(db, scene, BookingStatus.ACCEPTED, on=VISIT_ON + timedelta(days=3))
    clock.move_to(visit.ends_at + timedelta(hours=1))
    with pytest.raises(StepRefused):
        await BookingService(db).dispute(scene.member.principal, visit.id, "They came after all")
