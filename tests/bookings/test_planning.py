"""Weekly visits become visits: priced by their day, once each, within the money, with who is free."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking, Funding, VisitPlace, VisitWorker
from marketplace.bookings.service.planning.plan import Planned, Planner
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.people.models import Budget, Holding
from marketplace.providers.models import DayKind, WorkerKind
from tests.browser import count, events
from tests.factories import make_organisation, make_person, make_worker
from tests.factories_agreements import make_agreement
from tests.factories_bookings import Scene, fund, make_scene
from tests.factories_day import hold_payment


async def plan(db: AsyncSession, scene: Scene) -> Planned:
    """Plan what the scene's person agreed."""
    planned = await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    return planned


async def visits(db: AsyncSession) -> list[Booking]:
    """All visits, by start."""
    question = select(Booking).order_by(Booking.starts_at).execution_options(populate_existing=True)
    return list((await db.scalars(question)).all())


@pytest.fixture
async def scene(db: AsyncSession) -> Scene:
    """A person whose budget is large enough for the weeks ahead."""
    return await make_scene(db, balance_pence=500_000)


async def test_visits_are_written_for_eight_weeks_once(db: AsyncSession, scene: Scene) -> None:
    made = await make_agreement(db, scene)
    assert (await plan(db, scene)).written == 8
    assert (await plan(db, scene)).written == 0
    rows = await visits(db)
    assert [row.visit_on for row in rows] == [date(2027, 3, 5) + timedelta(weeks=week) for week in range(8)]
    assert {row.status for row in rows} == {BookingStatus.PLANNED}
    assert {row.worker_id for row in rows} == {scene.worker.id}
    assert {row.agreement_id for row in rows} == {made.agreement.id}
    # Good Friday is 26 March: £32 an hour; the other Fridays £16. 28 March is the change of clocks: 10am stays 10am.
    assert [row.cost_pence for row in rows] == [1600, 1600, 1600, 3200, 1600, 1600, 1600, 1600]
    assert [row.starts_at.hour for row in rows] == [10, 10, 10, 10, 9, 9, 9, 9]
    assert await count(db, "steps", "subject_kind = 'booking' AND to_status = 'planned'") == 8
    assert await count(db, "audit_entries", "action = 'bookings.plan_visits'") == 1


async def test_a_later_day_adds_only_the_new_visits(db: AsyncSession, scene: Scene, clock: FixedClock) -> None:
    await make_agreement(db, scene)
    await plan(db, scene)
    clock.advance(timedelta(days=7))
    assert (await plan(db, scene)).written == 1


async def test_a_visit_that_the_person_cancelled_does_not_come_back(db: AsyncSession, scene: Scene) -> None:
    await make_agreement(db, scene)
    await plan(db, scene)
    await db.execute(text("UPDATE bookings SET status = 'cancelled' WHERE visit_on = '2027-03-12'"))
    assert (await plan(db, scene)).written == 0


async def test_prices_of_a_week_with_everything(db: AsyncSession, scene: Scene) -> None:
    second = await make_worker(db, scene.organisation, kind=WorkerKind.PA)
    await make_agreement(
        db,
        scene,
        patterns=[
            {"weekday": 0, "starts_local": time(8), "minutes": 45, "worker_id": None},
            {"weekday": 0, "starts_local": time(18), "minutes": 30, "worker_id": None},
            {
                "weekday": 2,
                "starts_local": time(14),
                "minutes": 60,
                "workers_needed": 2,
                "worker_id": scene.worker.id,
                "second_worker_id": second.id,
            },
            {"weekday": 5, "starts_local": time(22), "minutes": 540, "is_sleep_in": True},
            {"weekday": 6, "starts_local": time(12), "minutes": 50, "every_weeks": 2},
        ],
        rates={DayKind.ANY: 1_655, DayKind.SATURDAY: 1_800, DayKind.SUNDAY: 2_111, DayKind.BANK_HOLIDAY: 3_310},
        nights={DayKind.ANY: 9_000, DayKind.SATURDAY: 9_500},
        terms={"second_worker_percent": 90},
    )
    await plan(db, scene)
    rows = await visits(db)
    by_day = {(row.visit_on, row.starts_local): row.cost_pence for row in rows}
    # £16.55 × 45 minutes = £12.4125; × 30 = £8.275, half a penny up.
    assert by_day[date(2027, 3, 8), time(8)] == 1_241
    assert by_day[date(2027, 3, 8), time(18)] == 828
    # Easter Monday, 29 March: £33.10 × 0.75 = £24.825.
    assert by_day[date(2027, 3, 29), time(8)] == 2_483
    # £16.55 and 90 % of it for the second: £14.895, half a penny up.
    assert by_day[date(2027, 3, 10), time(14)] == 1_655 + 1_490
    # A night costs the same when the clocks change (27 March).
    assert by_day[date(2027, 3, 20), time(22)] == by_day[date(2027, 3, 27), time(22)] == 9_500
    # £21.11 × 50 minutes = £17.5917; every second Sunday from the week of 1 March.
    sundays = [row.visit_on for row in rows if row.visit_on.weekday() == 6]
    assert sundays == [date(2027, 3, 7) + timedelta(weeks=2 * step) for step in range(4)]
    assert by_day[date(2027, 3, 7), time(12)] == 1_759
    night = next(row for row in rows if row.visit_on == date(2027, 3, 27))
    assert (night.ends_at - night.starts_at, night.minutes) == (timedelta(hours=8), 540)
    double = next(row for row in rows if row.visit_on == date(2027, 3, 10))
    held = (await db.scalars(select(VisitWorker).where(VisitWorker.booking_id == double.id))).all()
    assert {row.worker_id for row in held} == {scene.worker.id, second.id}


async def test_a_year_with_a_leap_day_and_a_year_of_53_weeks(db: AsyncSession, scene: Scene, clock: FixedClock) -> None:
    await make_agreement(db, scene, patterns=[{"weekday": 1, "starts_local": time(9), "minutes": 60, "every_weeks": 2}])
    await db.execute(text("UPDATE accreditations SET live_until = '2035-01-01'"))
    clock.move_to(datetime(2028, 2, 20, 12, tzinfo=UTC))
    await plan(db, scene)
    days = [row.visit_on for row in await visits(db)]
    assert all((day - date(2027, 3, 2)).days % 14 == 0 for day in days)
    assert days == [date(2028, 2, 29) + timedelta(weeks=2 * step) for step in range(4)]
    clock.move_to(datetime(2032, 12, 20, 12, tzinfo=UTC))
    await plan(db, scene)
    days = [row.visit_on for row in await visits(db)][4:]
    assert len(days) == 4
    assert all((day - date(2027, 3, 2)).days % 14 == 0 for day in days)


async def test_money_stops_an_agreement_and_says_so_once(db: AsyncSession, scene: Scene) -> None:
    scene = await make_scene(db, balance_pence=3_500)
    await db.execute(text("UPDATE budgets SET weekly_pence = 0"))
    made = await make_agreement(db, scene)
    planned = await plan(db, scene)
    assert planned.written == 2
    assert planned.stopped == {made.agreement.id: (date(2027, 3, 19), "no_money")}
    await plan(db, scene)
    assert (await events(db)).count("VisitsNotPlanned") == 1
    # Money comes: the days that are missing are written.
    await fund(db, scene.person, 100_000)
    assert (await plan(db, scene)).written == 6


async def test_money_that_is_to_come_counts_from_its_day(db: AsyncSession) -> None:
    scene = await make_scene(db, balance_pence=0)
    await hold_payment(db, scene, Holding.COUNCIL_HELD)
    await make_agreement(db, scene)
    # £150 a week comes every four weeks from 1 January: the next on 26 March, £600.
    planned = await plan(db, scene)
    assert planned.written == 0, "an earlier visit without money stops the agreement"
    await fund(db, scene.person, 4_800)
    assert (await plan(db, scene)).written == 8


async def test_money_that_nobody_arranged_to_pay_in_is_not_counted_on(db: AsyncSession) -> None:
    scene = await make_scene(db, balance_pence=4_800)
    await make_agreement(db, scene)
    assert (await plan(db, scene)).written == 3, "what is there now"
    assert await count(db, "support_agreements", "not_planned_why = 'no_money'") == 1
    await hold_payment(db, scene, Holding.COUNCIL_HELD, starts_on=date(2027, 3, 27))
    assert (await plan(db, scene)).written == 0, "the payment of 26 March is before the arrangement"
    await db.execute(text("UPDATE direct_payment_arrangements SET starts_on = '2027-03-26'"))
    assert (await plan(db, scene)).written == 5


async def test_a_budget_that_follows_without_a_gap_goes_on(db: AsyncSession, scene: Scene) -> None:
    await db.execute(text("UPDATE budgets SET ends_on = '2027-03-31'"))
    await make_agreement(db, scene)
    assert (await plan(db, scene)).written == 4
    db.add(
        Budget(
            council_id=scene.council.id,
            person_id=scene.person.id,
            status="final",
            route="direct_payment",
            weekly_pence=15_000,
            starts_on=date(2027, 3, 31),
            created_at=datetime(2027, 3, 1, tzinfo=UTC),
        )
    )
    await db.flush()
    assert (await plan(db, scene)).written == 4


async def test_no_visit_is_planned_for_a_day_without_accreditation(db: AsyncSession, scene: Scene) -> None:
    await db.execute(text("UPDATE accreditations SET live_until = '2027-03-20'"))
    made = await make_agreement(db, scene)
    planned = await plan(db, scene)
    assert planned.written == 3
    assert planned.stopped == {made.agreement.id: (date(2027, 3, 26), "not_accredited")}


async def test_a_card_funded_agreement_needs_neither(db: AsyncSession) -> None:
    scene = await make_scene(db, direct_payment=False)
    await db.execute(text("DELETE FROM accreditations"))
    await make_agreement(db, scene, funding=Funding.CARD)
    assert (await plan(db, scene)).written == 8


async def test_a_worker_who_is_taken_is_left_out_and_the_visit_stays(db: AsyncSession, scene: Scene) -> None:
    other = await make_scene(db, council=scene.council, balance_pence=500_000)
    late = {"weekday": 4, "starts_local": time(10, 30), "minutes": 60, "worker_id": scene.worker.id}
    await make_agreement(db, scene)
    await make_agreement(db, other, patterns=[late])
    assert (await plan(db, scene)).without_worker == 0
    planned = await plan(db, other)
    assert (planned.written, planned.without_worker) == (8, 8)


async def test_the_way_to_the_next_person_is_kept_free_and_none_is_needed_at_the_same_door(
    db: AsyncSession, scene: Scene
) -> None:
    await make_agreement(
        db,
        scene,
        patterns=[
            {"weekday": 4, "starts_local": time(10), "minutes": 60},
            {"weekday": 4, "starts_local": time(11), "minutes": 30},
        ],
    )
    planned = await plan(db, scene)
    assert (planned.written, planned.without_worker) == (16, 0)
    first, following, *_ = await visits(db)
    assert (first.travel_minutes, following.travel_minutes) == (0, 10)


async def test_a_place_at_an_activity_is_held_until_it_is_full(db: AsyncSession, scene: Scene) -> None:
    await db.execute(text("UPDATE listings SET session_places = 1"))
    pattern: dict[str, Any] = {"workers_needed": 0, "worker_id": None, "concession": "unwaged"}
    pattern |= {"weekday": 4, "starts_local": time(10), "minutes": 60}
    await make_agreement(db, scene, patterns=[pattern], worker_id=None)
    assert (await plan(db, scene)).written == 8
    assert {row.concession for row in await visits(db)} == {"unwaged"}
    assert len((await db.scalars(select(VisitPlace))).all()) == 8
    made = await make_agreement(db, scene, patterns=[pattern], worker_id=None)
    planned = await plan(db, scene)
    assert planned.written == 0
    assert planned.stopped == {made.agreement.id: (date(2027, 3, 5), "activity_full")}


async def test_nothing_is_planned_from_the_day_on_which_somebody_died(db: AsyncSession, scene: Scene) -> None:
    await make_agreement(db, scene)
    await db.execute(text("UPDATE people SET died_on = '2027-03-13'"))
    assert (await plan(db, scene)).written == 2


async def test_a_whole_council_is_planned_with_a_few_questions(db: AsyncSession, scene: Scene) -> None:
    people = [scene, *[await make_scene(db, council=scene.council, balance_pence=500_000) for _ in range(5)]]
    for one in people:
        await make_agreement(db, one, patterns=[{"weekday": day, "starts_local": time(9)} for day in range(5)])
    asked: list[str] = []
    bind = db.get_bind()

    def note(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(bind, "before_cursor_execute", note)
    try:
        planned = await Planner(db).plan(scene.council.id, [one.person.id for one in people])
    finally:
        event.remove(bind, "before_cursor_execute", note)
    assert planned.written == 6 * 39, "today at nine is over"
    reads = [one for one in asked if one.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(reads) <= 21, reads
    assert len(asked) <= 21 + 6 + 20


async def test_another_council_is_left_alone(db: AsyncSession, scene: Scene) -> None:
    await make_agreement(db, scene)
    person = await make_person(db, scene.council)
    await make_organisation(db)
    assert (await Planner(db).plan(scene.council.id, [person.id])).written == 0
