"""Pauses on a clock that runs, and visits that move within the money there is."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.errors import NotEnoughLeft
from marketplace.bookings.models import Booking, PauseKind
from marketplace.bookings.repository_planning import PlanningRepository
from marketplace.bookings.service.planning import moving
from marketplace.bookings.service.planning.change import VisitChanges, Wanted
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.plan import Planner
from marketplace.core.clock import FixedClock
from marketplace.core.errors import PlatformError
from marketplace.people.models import Holding
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene
from tests.factories_day import hold_payment


class RunningClock(FixedClock):
    """A clock that never says the same instant twice, as a machine's."""

    def now(self) -> datetime:
        """Return the present instant, a moment later than before."""
        self.advance(timedelta(milliseconds=3))
        return self.at


async def visits(db: AsyncSession) -> list[Booking]:
    await db.flush()
    question = select(Booking).order_by(Booking.starts_at).execution_options(populate_existing=True)
    return list((await db.scalars(question)).all())


async def test_what_a_pause_kept_for_money_takes_place_again_when_it_ends_early(
    db: AsyncSession, clock: FixedClock
) -> None:
    scene = await make_scene(db, balance_pence=500_000)
    made = await make_agreement(db, scene)
    db.info["clock"] = RunningClock(clock.now())
    await Planner(db).plan(scene.council.id, [scene.person.id])
    person = scene.member.principal
    row = await Pauses(db).pause(person, made.agreement.id, PauseKind.HOLIDAY, date(2027, 3, 8), None)
    kept = [visit for visit in await visits(db) if visit.called_off_at is not None and visit.status == "planned"]
    assert [visit.cost_pence for visit in kept] == [800, 800]
    await Pauses(db).resume(person, made.agreement.id, row.id, date(2027, 3, 9))
    found = [visit for visit in await visits(db) if visit.status == "planned"]
    assert [visit.visit_on for visit in found] == [date(2027, 3, 5) + timedelta(weeks=week) for week in range(8)]
    # Good Friday costs twice as much.
    assert {(visit.cost_pence, visit.called_off_at) for visit in found} == {(1_600, None), (3_200, None)}


async def test_a_provider_does_not_end_the_persons_pause(db: AsyncSession) -> None:
    scene = await make_scene(db, balance_pence=500_000)
    made = await make_agreement(db, scene)
    person = scene.member.principal
    row = await Pauses(db).pause(person, made.agreement.id, PauseKind.HOLIDAY, date(2027, 3, 8), date(2027, 4, 5))
    with pytest.raises(PlatformError):
        await Pauses(db).resume(scene.provider.principal, made.agreement.id, row.id, date(2027, 3, 9))


async def test_a_visit_promised_from_money_to_come_does_not_move_before_that_money(db: AsyncSession) -> None:
    scene = await make_scene(db, balance_pence=1_000)
    await hold_payment(db, scene, Holding.COUNCIL_HELD)
    await make_agreement(db, scene, patterns=[{"starts_on": date(2027, 4, 5)}])
    await Planner(db).plan(scene.council.id, [scene.person.id])
    found = await visits(db)
    assert found
    late = found[-1]
    wanted = Wanted(visit_on=date(2027, 3, 6), starts_local=time(14), minutes=60)
    with pytest.raises(NotEnoughLeft):
        await VisitChanges(db).change_one(scene.member.principal, late.id, wanted)
    later = Wanted(visit_on=late.visit_on + timedelta(days=1), starts_local=time(14), minutes=60)
    assert (await VisitChanges(db).change_one(scene.member.principal, late.id, later)).moved == 1


async def test_changes_hold_workers_before_the_purse_as_requests_do(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await make_scene(db, balance_pence=500_000)
    await make_agreement(db, scene)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    visit = (await visits(db))[1]
    held: list[str] = []
    hold, purses = PlanningRepository.hold_workers, moving.purses_of

    async def hold_workers(self: PlanningRepository, worker_ids: Iterable[UUID]) -> Any:
        held.append("workers")
        return await hold(self, worker_ids)

    async def purses_of(*args: Any, **given: Any) -> Any:
        held.append("purse")
        return await purses(*args, **given)

    monkeypatch.setattr(PlanningRepository, "hold_workers", hold_workers)
    monkeypatch.setattr(moving, "purses_of", purses_of)
    wanted = Wanted(visit_on=visit.visit_on, starts_local=time(10), minutes=90)
    await VisitChanges(db).change_one(scene.member.principal, visit.id, wanted)
    assert held[:2] == ["workers", "purse"]
