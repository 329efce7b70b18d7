"""One visit, those that follow, or all; pauses; what a provider asks for; the end, and a death."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings import tasks_visits
from marketplace.bookings.checks import commitments_within_budget
from marketplace.bookings.errors import NotEnoughLeft, NotYet
from marketplace.bookings.events import AgreementEnding
from marketplace.bookings.models import Booking, CallOffReason, ChangeScope, PauseKind, VisitPattern, VisitProposal
from marketplace.bookings.service.planning.change import VisitChanges, Wanted
from marketplace.bookings.service.planning.one_offs import Extra, OneOffs
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.planning.repricing import Repricing
from marketplace.bookings.states import AgreementStatus, BookingStatus, ProposalStatus
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.people.events import DeathUndone, PersonDied
from marketplace.people.service import PeopleService
from marketplace.providers.models import DayKind
from tests.browser import count, events
from tests.conftest import Mailbox
from tests.factories import make_member, make_worker
from tests.factories_agreements import MadeAgreement, make_agreement, make_terms
from tests.factories_bookings import Scene, fund, make_scene

FRIDAY = date(2027, 3, 5)


@pytest.fixture
async def scene(db: AsyncSession) -> Scene:
    """Somebody with money enough."""
    return await make_scene(db, balance_pence=500_000)


@pytest.fixture
async def made(db: AsyncSession, scene: Scene) -> MadeAgreement:
    """Fridays at ten, planned for eight weeks."""
    made = await make_agreement(db, scene)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    return made


async def visits(db: AsyncSession, where: str = "true") -> list[Booking]:
    """Visits by start."""
    await db.flush()
    question = select(Booking).where(text(where)).order_by(Booking.starts_at)
    return list((await db.scalars(question.execution_options(populate_existing=True))).all())


def at(day: date, hour: int, minutes: int = 60) -> Wanted:
    """Another time of one visit."""
    return Wanted(visit_on=day, starts_local=time(hour), minutes=minutes)


def weekly(weekday: int, hour: int, minutes: int = 60, every: int = 1) -> Wanted:
    """Another time of a weekly visit."""
    return Wanted(weekday=weekday, starts_local=time(hour), minutes=minutes, every_weeks=every)


async def test_one_visit_moves_with_its_price_and_worker(db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    visit = (await visits(db))[1]
    # Sunday 14 March costs £20 an hour, for 90 minutes £30.
    moved = await VisitChanges(db).change_one(scene.member.principal, visit.id, at(date(2027, 3, 14), 12, 90))
    assert (moved.before_pence, moved.after_pence, moved.without_worker) == (1_600, 3_000, 0)
    after = (await visits(db, f"id = '{visit.id}'"))[0]
    assert (after.visit_on, after.pattern_on, after.worker_id) == (
        date(2027, 3, 14),
        date(2027, 3, 12),
        scene.worker.id,
    )
    assert after.starts_at == datetime(2027, 3, 14, 12, tzinfo=UTC)
    held = await db.scalar(text(f"SELECT starts_at FROM visit_workers WHERE booking_id = '{visit.id}'"))
    assert held == after.starts_at
    await Planner(db).plan(scene.council.id, [scene.person.id])
    assert len(await visits(db)) == 8
    assert (await events(db)).count("VisitMoved") == 1


async def test_a_visit_moved_to_when_the_worker_is_taken_stays_without_one(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    await db.execute(text("UPDATE bookings SET status = 'accepted'"))
    first, second, *_ = await visits(db)
    moved = await VisitChanges(db).change_one(scene.member.principal, second.id, at(first.visit_on, 10))
    assert moved.without_worker == 1
    after = (await visits(db, f"id = '{second.id}'"))[0]
    assert (after.worker_id, after.status) == (None, BookingStatus.PLANNED)


async def test_a_visit_that_is_near_or_over_or_anothers_is_not_moved(
    db: AsyncSession, scene: Scene, made: MadeAgreement, clock: FixedClock
) -> None:
    first, second, *_ = await visits(db)
    other = await make_scene(db, council=scene.council)
    changes = VisitChanges(db)
    with pytest.raises(NotFound):
        await changes.change_one(other.member.principal, second.id, at(date(2027, 3, 15), 9))
    with pytest.raises(InvalidInput):
        await changes.change_one(scene.member.principal, second.id, at(date(2027, 3, 3), 9))
    with pytest.raises(InvalidInput):
        await changes.change_one(scene.member.principal, second.id, at(date(2028, 3, 3), 9))
    with pytest.raises(Conflict):
        await changes.change_one(scene.member.principal, second.id, at(date(2027, 3, 15), 9), version=99)
    clock.move_to(datetime(2027, 3, 4, 11, tzinfo=UTC))
    with pytest.raises(NotYet):
        await changes.change_one(scene.member.principal, first.id, at(date(2027, 3, 15), 9))
    assert "VisitMoved" not in await events(db)


async def test_a_dearer_time_needs_the_money(db: AsyncSession) -> None:
    scene = await make_scene(db, balance_pence=1_600 * 7 + 3_200)
    await db.execute(text("UPDATE budgets SET weekly_pence = 0"))
    await make_agreement(db, scene)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    visit = (await visits(db))[1]
    with pytest.raises(NotEnoughLeft) as refused:
        await VisitChanges(db).change_one(scene.member.principal, visit.id, at(visit.visit_on, 10, 75))
    assert refused.value.short_pence == 400
    with pytest.raises(NotEnoughLeft):
        await VisitChanges(db).change_weekly(
            scene.member.principal, visit.pattern_id, ChangeScope.ALL, weekly(4, 10, 75)
        )
    assert {row.minutes for row in await visits(db)} == {60}


async def test_following_visits_move_along_and_exceptions_keep_their_week(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    rows = await visits(db)
    person, changes = scene.member.principal, VisitChanges(db)
    await changes.change_one(person, rows[3].id, at(date(2027, 3, 24), 16))
    await db.execute(text(f"UPDATE bookings SET status = 'cancelled' WHERE id = '{rows[4].id}'"))
    moved = await changes.change_weekly(
        person, rows[2].pattern_id, ChangeScope.FOLLOWING, weekly(1, 9, 45), from_on=rows[2].visit_on
    )
    assert moved.moved == 4
    after = await visits(db, "status = 'planned'")
    assert [row.visit_on for row in after] == [
        date(2027, 3, 5),
        date(2027, 3, 12),
        date(2027, 3, 16),
        date(2027, 3, 24),
        date(2027, 4, 6),
        date(2027, 4, 13),
        date(2027, 4, 20),
        date(2027, 4, 27),
    ]
    assert {row.id for row in after} >= {rows[2].id, rows[5].id}
    # The week of 29 March stays without a visit, though 27 April is new.
    assert not any(date(2027, 3, 29) <= row.visit_on <= date(2027, 4, 4) for row in after)
    # £16 an hour for 45 minutes.
    assert [row.cost_pence for row in after if row.minutes == 45] == [1_200] * 5
    old, new = (await db.scalars(select(VisitPattern).order_by(VisitPattern.starts_on))).all()
    assert (old.ends_on, new.starts_on, new.replaces_id) == (date(2027, 3, 15), date(2027, 3, 15), old.id)


async def test_two_tabs_the_second_is_told(db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    pattern = made.patterns[0]
    changes, person = VisitChanges(db), scene.member.principal
    await changes.change_weekly(person, pattern.id, ChangeScope.ALL, weekly(4, 11), version=pattern.version)
    with pytest.raises(Conflict):
        await changes.change_weekly(person, pattern.id, ChangeScope.ALL, weekly(4, 12), version=pattern.version)


async def test_a_provider_asks_and_the_person_says_yes(db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    service, visit = Proposals(db), (await visits(db))[1]
    row = await service.ask(
        scene.provider.principal, made.agreement.id, ChangeScope.ONE, at(date(2027, 3, 11), 14), visit_id=visit.id
    )
    assert (await visits(db, f"id = '{visit.id}'"))[0].visit_on == date(2027, 3, 12)
    with pytest.raises(Conflict):
        await service.ask(
            scene.provider.principal, made.agreement.id, ChangeScope.ONE, at(date(2027, 3, 10), 14), visit_id=visit.id
        )
    with pytest.raises(Forbidden):
        await service.accept(scene.provider.principal, row.id)
    await service.accept(scene.member.principal, row.id)
    assert (await visits(db, f"id = '{visit.id}'"))[0].visit_on == date(2027, 3, 11)
    with pytest.raises(StepRefused):
        await service.decline(scene.member.principal, row.id)
    assert {"VisitChangeAsked", "VisitChangeAnswered", "VisitMoved"} <= set(await events(db))


async def test_no_and_silence_change_nothing(
    db: AsyncSession, scene: Scene, made: MadeAgreement, clock: FixedClock
) -> None:
    service, provider = Proposals(db), scene.provider.principal
    pattern = made.patterns[0]
    asked = weekly(3, 10)
    first = await service.ask(provider, made.agreement.id, ChangeScope.ALL, asked, pattern_id=pattern.id)
    await service.decline(scene.member.principal, first.id, "Thursdays are full")
    second = await service.ask(provider, made.agreement.id, ChangeScope.ALL, asked, pattern_id=pattern.id)
    assert not await service.lapse(scene.council.id, second.id)
    clock.advance(timedelta(days=10))
    with pytest.raises(NotYet):
        await service.accept(scene.member.principal, second.id)
    await db.flush()
    await tasks_visits.lapse_changes()
    states = (await db.scalars(select(VisitProposal.status).order_by(VisitProposal.id))).all()
    assert list(states) == [ProposalStatus.DECLINED, ProposalStatus.LAPSED]
    assert {row.visit_on.weekday() for row in await visits(db)} == {4}


async def test_a_holiday_is_free_but_for_the_retainer_and_comes_back(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    # Terms: half the price on the first 14 days. From Monday 8 March three Fridays fall into the pause.
    service, person = Pauses(db), scene.member.principal
    owed = await service.what_is_owed(made.agreement, PauseKind.HOLIDAY, date(2027, 3, 8), date(2027, 3, 29))
    assert owed == (1, 2, 1_600)
    row = await service.pause(person, made.agreement.id, PauseKind.HOLIDAY, date(2027, 3, 8), date(2027, 3, 29))
    off = await visits(db, "called_off_at IS NOT NULL AND status = 'planned'")
    assert [(one.visit_on, one.cost_pence) for one in off] == [(date(2027, 3, 12), 800), (date(2027, 3, 19), 800)]
    assert await count(db, "visit_workers", "is_holding") == 5
    # Back a week earlier: 19 March takes place again at its full price, Good Friday at the bank-holiday rate.
    await service.resume(person, made.agreement.id, row.id, date(2027, 3, 15))
    on = await visits(db, "status = 'planned' AND called_off_at IS NULL AND visit_on < '2027-03-30'")
    assert [(one.visit_on, one.cost_pence) for one in on] == [
        (FRIDAY, 1_600),
        (date(2027, 3, 19), 1_600),
        (date(2027, 3, 26), 3_200),
    ]
    assert await count(db, "bookings", "called_off_at IS NOT NULL AND status = 'planned'") == 1


async def test_hospital_stops_the_bill_the_next_day(db: AsyncSession, scene: Scene) -> None:
    made = await make_agreement(
        db,
        scene,
        patterns=[{"weekday": day, "starts_local": time(18), "minutes": 60} for day in range(5)],
        terms={"retainer_days": 0, "retainer_percent": 0},
    )
    await Planner(db).plan(scene.council.id, [scene.person.id])
    service = Pauses(db)
    await service.pause(scene.provider.principal, made.agreement.id, PauseKind.HOSPITAL, date(2027, 3, 3), None)
    left = await visits(db, "status = 'planned'")
    # Today's visit at six was called off too late by the terms; from tomorrow nothing is owed.
    assert [(row.visit_on, row.cost_pence) for row in left] == [(date(2027, 3, 3), 1_600)]
    with pytest.raises(Forbidden):
        await service.pause(scene.provider.principal, made.agreement.id, PauseKind.HOLIDAY, date(2027, 5, 3), None)
    with pytest.raises(InvalidInput):
        await service.pause(scene.member.principal, made.agreement.id, PauseKind.HOLIDAY, date(2027, 5, 3), None)


async def test_a_weekly_visit_that_is_stopped_in_a_pause_keeps_no_place(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    service, person = Pauses(db), scene.member.principal
    await service.pause(person, made.agreement.id, PauseKind.HOLIDAY, date(2027, 3, 8), date(2027, 3, 29))
    pattern = (await db.scalars(select(VisitPattern))).one()
    result = await service.stop_weekly(person, pattern.id, date(2027, 3, 15))
    assert result.owed_pence == 0
    left = await visits(db, "status = 'planned'")
    assert [(one.visit_on, one.cost_pence) for one in left] == [(FRIDAY, 1_600), (date(2027, 3, 12), 800)]


async def test_a_pause_can_last_longer(db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    service, person = Pauses(db), scene.member.principal
    row = await service.pause(person, made.agreement.id, PauseKind.HOLIDAY, date(2027, 3, 8), date(2027, 3, 15))
    await service.resume(person, made.agreement.id, row.id, date(2027, 3, 29))
    off = await visits(db, "called_off_at IS NOT NULL AND status = 'planned'")
    assert [(one.visit_on, one.cost_pence) for one in off] == [(date(2027, 3, 12), 800), (date(2027, 3, 19), 800)]
    on = await visits(db, "status = 'planned' AND called_off_at IS NULL")
    assert [one.visit_on for one in on][:2] == [FRIDAY, date(2027, 4, 2)]
    assert (await events(db)).count("AgreementPaused") == 2
    assert await count(db, "audit_entries", "action = 'bookings.lengthen_pause'") == 1
    await service.pause(person, made.agreement.id, PauseKind.OTHER, date(2027, 4, 5), date(2027, 4, 12))
    for wrong in (date(2027, 3, 29), date(2027, 4, 6)):
        with pytest.raises(InvalidInput):
            await service.resume(person, made.agreement.id, row.id, wrong)
    await service.resume(person, made.agreement.id, row.id, date(2027, 3, 15))
    where = "called_off_at IS NOT NULL AND status = 'planned' AND visit_on < '2027-04-05'"
    assert await count(db, "bookings", where) == 1


async def test_visits_beyond_the_horizon_keep_their_retainer(db: AsyncSession, scene: Scene, clock: FixedClock) -> None:
    made = await make_agreement(db, scene)
    await Pauses(db).pause(scene.member.principal, made.agreement.id, PauseKind.HOLIDAY, date(2027, 5, 10), None)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    clock.move_to(datetime(2027, 4, 10, 10, tzinfo=UTC))
    await Planner(db).plan(scene.council.id, [scene.person.id])
    off = await visits(db, "called_off_at IS NOT NULL")
    assert [(row.visit_on, row.cost_pence, row.worker_id) for row in off] == [
        (date(2027, 5, 14), 800, None),
        (date(2027, 5, 21), 800, None),
    ]


async def test_an_extra_visit_is_asked_for_at_the_agreed_price(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    service, person = OneOffs(db), scene.member.principal
    # Easter Monday: £32 an hour, 45 minutes.
    visit = await service.request(
        person,
        made.agreement.id,
        Extra(visit_on=date(2027, 3, 29), starts_local=time(15), minutes=45),
    )
    assert (visit.cost_pence, visit.status, visit.worker_id) == (2_400, BookingStatus.REQUESTED, scene.worker.id)
    for extra in (
        Extra(visit_on=date(2027, 2, 1), starts_local=time(15), minutes=45),
        Extra(visit_on=date(2028, 2, 1), starts_local=time(15), minutes=45),
    ):
        with pytest.raises(InvalidInput):
            await service.request(person, made.agreement.id, extra)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    assert len(await visits(db)) == 9


async def test_a_provider_that_leaves_takes_forty_visits_away_and_everybody_knows(
    db: AsyncSession, scene: Scene, mailbox: Mailbox
) -> None:
    broker = await make_member(db, Role.BROKER, scene.council)
    made = await make_agreement(db, scene, patterns=[{"weekday": day, "starts_local": time(18)} for day in range(6)])
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.execute(text("UPDATE support_agreements SET ends_on = '2027-03-15'"))
    await db.flush()
    event = AgreementEnding(
        council_id=scene.council.id,
        agreement_id=made.agreement.id,
        person_id=scene.person.id,
        organisation_id=scene.organisation.id,
        ends_on=date(2027, 3, 15),
        by_side="provider",
    )
    await tasks_visits.stop_ending(uuid4(), event)
    await tasks_visits.stop_ending(uuid4(), event)
    assert await count(db, "bookings", "status = 'cancelled' AND call_off_reason = 'agreement_ended'") >= 38
    assert await count(db, "bookings", "status = 'planned' AND visit_on >= '2027-03-15'") == 0
    assert (await events(db)).count("VisitsStopped") == 1
    assert broker.user.id


async def test_a_suspension_leaves_what_is_agreed(db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    await db.execute(text("UPDATE accreditations SET removed_on = '2027-03-03', status = 'removed'"))
    planned = await Planner(db).plan(scene.council.id, [scene.person.id])
    assert planned.written == 0
    assert await count(db, "bookings", "status = 'planned'") == 8


async def test_a_death_stops_what_is_to_come_and_leaves_what_was_delivered(
    db: AsyncSession, scene: Scene, made: MadeAgreement, clock: FixedClock, mailbox: Mailbox
) -> None:
    worker = await make_member(db, Role.SOCIAL_WORKER, scene.council)
    await make_member(db, Role.REPRESENTATIVE, scene.council, person_id=scene.person.id, email="rep@test.example")
    await db.execute(text("UPDATE bookings SET status = 'claimed' WHERE visit_on = '2027-03-05'"))
    clock.move_to(datetime(2027, 3, 13, 9, tzinfo=UTC))
    person = await PeopleService(db).record_death(
        worker.principal, scene.person.id, date(2027, 3, 10), version=scene.person.version
    )
    with pytest.raises(InvalidInput):
        await PeopleService(db).record_death(worker.principal, person.id, date(2027, 3, 10), version=person.version)
    await db.flush()
    event = PersonDied(council_id=scene.council.id, person_id=scene.person.id, died_on=date(2027, 3, 10))
    for _ in range(2):
        await tasks_visits.stop_dead(uuid4(), event)
    await make_member(db, Role.FINANCE, scene.council, email="finance@test.example")
    message = await db.scalar(text("SELECT id FROM outbox_messages WHERE event = 'PersonDied'"))
    for _ in range(2):
        await tasks_visits.tell_visits_to_settle(message, event)
    assert await count(db, "messages", "template = 'visits_to_settle' AND body LIKE '%1 visit took%'") == 1
    left = await visits(db, "status <> 'cancelled'")
    assert [(row.visit_on, row.status, row.cost_pence) for row in left] == [
        (FRIDAY, BookingStatus.CLAIMED, 1_600),
    ]
    assert await count(db, "support_agreements", "ends_on = '2027-03-11'") == 1
    assert (await Planner(db).plan(scene.council.id, [scene.person.id])).written == 0


async def test_a_death_that_was_recorded_by_mistake_is_undone(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    worker, service = await make_member(db, Role.SOCIAL_WORKER, scene.council), PeopleService(db)
    await db.execute(text("UPDATE support_agreements SET ends_on = '2027-06-01'"))
    before = [(row.visit_on, row.cost_pence, row.worker_id) for row in await visits(db)]
    person = await service.record_death(
        worker.principal, scene.person.id, date(2027, 3, 3), version=scene.person.version
    )
    await tasks_visits.stop_dead(
        uuid4(), PersonDied(council_id=scene.council.id, person_id=person.id, died_on=date(2027, 3, 3))
    )
    assert await count(db, "bookings", "status = 'planned'") == 0
    with pytest.raises(InvalidInput):
        await service.undo_death(worker.principal, person.id, " ", version=person.version)
    await service.undo_death(worker.principal, person.id, "Another person of that name", version=person.version)
    await db.flush()
    message = await db.scalar(text("SELECT id FROM outbox_messages WHERE event = 'DeathUndone'"))
    event = DeathUndone(council_id=scene.council.id, person_id=person.id, died_on=date(2027, 3, 3))
    for _ in range(2):
        await tasks_visits.restore_living(message, event)
    after = await visits(db, "status = 'planned'")
    assert [(row.visit_on, row.cost_pence, row.worker_id) for row in after] == before
    assert (
        await count(db, "support_agreements", "ends_on = '2027-06-01' AND notice_at IS NULL AND end_reason = ''") == 1
    )
    assert await count(db, "messages", "template = 'death_undone'") == 2
    assert await count(db, "audit_entries", "action = 'people.undo_death' AND why LIKE 'Another%'") == 1
    with pytest.raises(InvalidInput):
        await service.undo_death(worker.principal, person.id, "Again", version=person.version)


async def test_new_rates_price_what_is_written_from_their_day(
    db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    await make_terms(db, scene, made.agreement, rates={DayKind.ANY: 1_800}, number=2, starts_on=date(2027, 4, 1))
    agreement = await VisitChanges(db).agreements.find(scene.council.id, made.agreement.id)
    assert agreement.status is AgreementStatus.AGREED
    assert await Repricing(db).reprice(agreement, date(2027, 3, 3)) == 4
    assert [row.cost_pence for row in await visits(db)] == [1_600, 1_600, 1_600, 3_200, *[1_800] * 4]


async def test_a_dearer_price_promises_no_more_than_the_money_reaches(db: AsyncSession) -> None:
    # £300 now, £600 every four weeks: eight Fridays fit at £16, at £160 only some.
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    before = len(await visits(db, "status = 'planned'"))
    await make_terms(db, scene, made.agreement, rates={DayKind.ANY: 16_000}, number=2, starts_on=date(2027, 3, 11))
    agreement = await VisitChanges(db).agreements.find(scene.council.id, made.agreement.id)
    changed = await Repricing(db).reprice(agreement, date(2027, 3, 3))
    assert (await commitments_within_budget(db)).ok
    kept = await visits(db, "status = 'planned'")
    gone = await visits(db, "status = 'cancelled'")
    assert 0 < changed < before - 1
    assert len(kept) + len(gone) == before
    assert {(row.call_off_reason, row.pattern_on) for row in gone} == {(CallOffReason.NO_MONEY, None)}
    assert {row.cost_pence for row in kept} == {1_600, 16_000}
    assert (await events(db)).count("VisitsStopped") == 1
    # Planning says nothing twice, and writes them when the money is there.
    await Planner(db).plan(scene.council.id, [scene.person.id])
    assert await count(db, "outbox_messages", "event = 'VisitsNotPlanned'") == 0
    await fund(db, scene.person, 500_000)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    assert len(await visits(db, "status = 'planned'")) == before
    assert (await commitments_within_budget(db)).ok


async def test_a_double_up_keeps_whoever_is_free(db: AsyncSession, scene: Scene) -> None:
    second = await make_worker(db, scene.organisation)
    pattern: dict[str, Any] = {"weekday": 4, "starts_local": time(10), "minutes": 60, "workers_needed": 2}
    await make_agreement(db, scene, patterns=[pattern | {"second_worker_id": second.id}])
    await Planner(db).plan(scene.council.id, [scene.person.id])
    visit = (await visits(db))[1]
    await VisitChanges(db).change_one(scene.member.principal, visit.id, at(date(2027, 3, 11), 11))
    held = await db.execute(
        text(f"SELECT position, starts_at FROM visit_workers WHERE booking_id = '{visit.id}' ORDER BY 1")
    )
    starts = datetime(2027, 3, 11, 11, tzinfo=UTC)
    assert [tuple(row) for row in held] == [(1, starts), (2, starts)]
