"""Calling off one visit of an agreement: by its terms, once, and never after it was heard."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.errors import NotYet
from marketplace.bookings.models import Booking
from marketplace.bookings.policies import Cancelling
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.service.workers import CrewService
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import scope_to
from marketplace.core.errors import NotFound, StepRefused
from marketplace.ledger import LedgerService, Purpose
from tests.browser import Browser, count
from tests.factories_agreements import make_agreement
from tests.factories_bookings import Scene, loose, make_booking, make_scene

TEN = datetime(2027, 3, 5, 10, tzinfo=UTC)


async def planned(db: AsyncSession, **terms: Any) -> tuple[Scene, Booking]:
    """The first of the weekly visits of an agreement."""
    scene = await make_scene(db, balance_pence=500_000)
    await make_agreement(db, scene, terms=terms)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    visit = (await db.scalars(select(Booking).order_by(Booking.starts_at).limit(1))).one()
    loose(db, visit)
    return scene, visit


async def test_late_is_owed_by_the_terms_and_approved_like_any_visit(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    scene, visit = await planned(db, late_cancel_percent=50)
    clock.move_to(TEN - timedelta(hours=3))
    person = await browser.signed_in(scene.member)
    assert "£8.00 is still owed" in (await person.open(f"/bookings/{visit.id}/cancel")).words
    form = {"reason": "I am ill", "form_id": "one"}
    for _ in range(2):
        await person.post(f"/bookings/{visit.id}/cancel", form)
    await person.post(f"/bookings/{visit.id}/cancel", {"reason": "Again"}, expect=409)
    booking = await db.get_one(Booking, visit.id, populate_existing=True)
    assert (booking.status, booking.cost_pence, booking.called_off_by) == (BookingStatus.PLANNED, 800, "person")
    assert await count(db, "visit_workers", f"booking_id = '{visit.id}' AND is_holding") == 0
    clock.move_to(TEN + timedelta(hours=2))
    await scope_to(db, "every")
    await BookingService(db).approve(scene.member.principal, visit.id, shown_pence=800)
    assert await LedgerService(db).balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id) == 800


async def test_in_time_is_free_and_the_visit_is_not_planned_again(db: AsyncSession, clock: Any) -> None:
    scene, visit = await planned(db)
    assert await BookingService(db).cancel(scene.member.principal, visit.id, "") is Cancelling.FREE
    await Planner(db).plan(scene.council.id, [scene.person.id])
    assert await count(db, "bookings", "status = 'cancelled'") == 1
    assert await count(db, "bookings", f"visit_on = '{visit.visit_on}'") == 1


async def test_what_the_provider_claims_or_disputes_is_not_cancelled_by_the_person(
    db: AsyncSession, clock: Any
) -> None:
    scene, visit = await planned(db)
    other = await make_booking(db, scene, BookingStatus.CLAIMED, at=time(14))
    clock.move_to(TEN + timedelta(hours=7))
    await BookingService(db).dispute(scene.member.principal, other.id, "They were rude")
    with pytest.raises(NotYet):
        await BookingService(db).cancel(scene.member.principal, visit.id, "")
    with pytest.raises(StepRefused):
        await BookingService(db).cancel(scene.member.principal, other.id, "")


async def test_times_of_a_visit_that_has_not_begun_are_not_entered(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.ACCEPTED)
    clock.move_to(TEN - timedelta(hours=5))
    with pytest.raises(NotYet):
        await ApprovalService(db).correct_times(
            scene.provider.principal, visit.id, TEN - timedelta(hours=8), TEN - timedelta(hours=7), "Came early"
        )


async def test_a_provider_does_not_learn_who_asks_from_the_page_of_who_comes(db: AsyncSession) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.REQUESTED)
    with pytest.raises(NotFound):
        await CrewService(db).candidates(scene.provider.principal, visit.id)
