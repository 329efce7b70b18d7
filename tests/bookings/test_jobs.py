"""Jobs go through everything that is due: one row in trouble keeps nobody else waiting."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings import tasks_visits
from marketplace.bookings.models import Booking, SilenceAction
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.planning.plan import Planned, Planner
from marketplace.bookings.states import BookingStatus
from marketplace.bookings.tasks_day import mind_silence
from marketplace.core.database import scope_to
from tests.browser import count
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_booking, make_scene

AFTER = datetime(2027, 3, 5, 11, tzinfo=UTC)


async def test_a_rule_for_silence_asks_where_the_account_is_short_and_pays_for_everybody_else(
    db: AsyncSession, clock: Any
) -> None:
    short, rich = await make_scene(db, balance_pence=1_000), await make_scene(db)
    visits = []
    for scene in (short, rich):
        await ApprovalService(db).set_rule(
            scene.member.principal, action=SilenceAction.APPROVE, remind_days=1, act_days=1
        )
        given = {"reminders": 1, "ask_again_at": AFTER, "claimed_pence": 1_600}
        visits.append(await make_booking(db, scene, BookingStatus.CLAIMED, **given))
    clock.move_to(AFTER + timedelta(days=3))
    await mind_silence()
    await scope_to(db, "every")
    found = [(await db.get_one(Booking, visit.id, populate_existing=True)).status for visit in visits]
    assert found == [BookingStatus.CLAIMED, BookingStatus.APPROVED]
    assert await count(db, "messages", "template = 'visit_reminder'") >= 1


async def test_a_visit_that_cannot_be_looked_at_leaves_the_others_and_fails_the_job(
    db: AsyncSession, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await make_scene(db)
    broken = await make_booking(db, scene, BookingStatus.CLAIMED, ask_again_at=AFTER)
    other = await make_booking(
        db, scene, BookingStatus.CLAIMED, on=broken.visit_on - timedelta(days=1), ask_again_at=AFTER
    )
    usual = ApprovalService.mind_silence

    async def mind(self: ApprovalService, booking_id: UUID) -> str:
        if booking_id == broken.id:
            raise LookupError
        return await usual(self, booking_id)

    monkeypatch.setattr(ApprovalService, "mind_silence", mind)
    clock.move_to(AFTER + timedelta(days=3))
    with pytest.raises(ExceptionGroup):
        await mind_silence()
    await scope_to(db, "every")
    assert (await db.get_one(Booking, other.id, populate_existing=True)).reminders == 1


async def test_people_and_councils_are_planned_though_somebody_elses_visits_cannot_be(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = [await make_scene(db, balance_pence=500_000) for _ in range(2)]
    scenes.append(await make_scene(db, balance_pence=500_000, council=scenes[0].council))
    for scene in scenes:
        await make_agreement(db, scene)
    usual = Planner.plan

    async def plan(self: Planner, council_id: UUID, person_ids: list[UUID], **given: Any) -> Planned:
        if scenes[0].person.id in person_ids:
            raise LookupError
        return await usual(self, council_id, person_ids, **given)

    monkeypatch.setattr(Planner, "plan", plan)
    with pytest.raises(ExceptionGroup):
        await tasks_visits.plan_visits()
    await scope_to(db, "every")
    for scene, is_planned in zip(scenes, (False, True, True), strict=True):
        assert (await count(db, "bookings", f"person_id = '{scene.person.id}'") > 0) is is_planned
