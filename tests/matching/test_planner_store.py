"""Rankings from the store: never out of date, never of another council, and only who changed is read again."""

import re
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.accounts import settings_of
from marketplace.core.clock import FixedClock
from marketplace.core.database import (
    SessionMaker,
    make_engine,
    make_session_maker,
    scope_to,
    transaction,
    use_session_maker,
)
from marketplace.matching.engine import Candidate, CandidateStore
from marketplace.matching.repository import stamps
from marketplace.matching.service import inputs
from marketplace.matching.service.inputs import InputService, PlannerSource, Pool
from marketplace.providers.models import Accreditation, HoldCause, Organisation, ServiceLine, Worker, WorkerAbsence
from marketplace.providers.models.standing import AccreditationHold
from tests.conftest import NOW, admin, clone_database
from tests.factories import Member, make_accreditation
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner
from tests.factories_join import make_evidence
from tests.factories_onecase import make_conflict

START = date(2027, 3, 8)
WEEKS = 4


class World:
    """Two councils; the first has three planners of two organisations."""

    maker: SessionMaker
    engine: AsyncEngine
    broker: Member
    other: Member
    workers: list[Worker]
    others_worker: Worker


@pytest.fixture
async def world(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World, None]:
    """A database of its own, in which transactions really commit, and an empty store."""
    name = f"test_{worker_id}_store"
    made = World()
    made.engine = make_engine(await clone_database(name), pool_size=2)
    made.maker = make_session_maker(made.engine, FixedClock(NOW))
    use_session_maker(made.maker)
    monkeypatch.setattr(inputs, "STORE", CandidateStore())
    async with transaction(made.maker, "every") as db:
        made.broker, made.other = await make_broker(db), await make_broker(db)
        first, _ = await make_planner(db, made.broker.council, name="Ana")
        organisation = await db.get_one(Organisation, first.organisation_id)
        second, _ = await make_planner(db, made.broker.council, organisation, name="Ben")
        third, _ = await make_planner(db, made.broker.council, name="Cai")
        made.workers = [first, second, third]
        made.others_worker, _ = await make_planner(db, made.other.council, name="Dee")
    yield made
    use_session_maker(None)
    await made.engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def ranked(world: World, who: Member | None = None, store: CandidateStore | None = None) -> Pool:
    """The planners as the next ranking takes them, in a transaction that only reads."""
    council_id = (who or world.broker).council.id
    async with transaction(world.maker, [council_id]) as db:
        if store is None:
            return await InputService(db).candidates_of(council_id, START, WEEKS)
        before, inputs.STORE = inputs.STORE, store
        try:
            return await InputService(db).candidates_of(council_id, START, WEEKS)
        finally:
            inputs.STORE = before


@contextmanager
def statements(world: World) -> Generator[list[str], None, None]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(world.engine.sync_engine, "before_cursor_execute", note)
    yield asked
    event.remove(world.engine.sync_engine, "before_cursor_execute", note)


async def test_what_other_sessions_change_is_in_the_next_ranking_and_only_the_changed_are_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[set[str] | None] = []
    plain = PlannerSource.read

    async def noting(source: PlannerSource, ids: list[str] | None) -> object:
        read.append(None if ids is None else set(ids))
        return await plain(source, ids)

    monkeypatch.setattr(PlannerSource, "read", noting)
    ana, ben, cai = world.workers
    both, all_of_them = {str(ana.id), str(ben.id)}, {str(worker.id) for worker in world.workers}
    before = await ranked(world)
    assert {candidate.id for candidate in before.candidates} == all_of_them

    async def news(expected: set[str] | None, changed: str) -> Pool:
        """Rank again: the table is that of a process that starts now, and only the expected were read."""
        read.clear()
        found = await ranked(world)
        assert read == ([] if expected is None else [expected]), changed
        anew = await ranked(world, store=CandidateStore())
        assert found.table.fingerprint() == anew.table.fingerprint(), changed
        assert found.candidates == anew.candidates, changed
        assert dict(found.planners) == dict(anew.planners), changed
        assert found.without_base == anew.without_base, changed
        return found

    assert (await news(None, "nothing")).table is before.table
    async with transaction(world.maker, "every") as db:
        await db.execute(update(Worker).where(Worker.id == cai.id).values(fte_percent=40))
    assert candidate(await news({str(cai.id)}, "capacity"), cai).week_capacity < candidate(before, cai).week_capacity
    async with transaction(world.maker, "every") as db:
        db.add(WorkerAbsence(worker_id=ben.id, starts_on=START, ends_on=START + timedelta(days=7)))
    found = await news({str(ben.id)}, "absence")
    assert found.planners[str(ben.id)].weeks[0].free == 0
    async with transaction(world.maker, "every") as db:
        accreditation = (
            await db.execute(
                update(Accreditation)
                .where(Accreditation.organisation_id == cai.organisation_id)
                .values(live_until=START)
                .returning(Accreditation.id)
            )
        ).scalar_one()
    await news({str(cai.id)}, "accreditation")
    async with transaction(world.maker, "every") as db:
        hold = AccreditationHold(
            council_id=world.broker.council.id, accreditation_id=accreditation, cause=HoldCause.SUSPENSION,
            starts_on=NOW.date(), made_at=NOW,
        )  # fmt: skip
        db.add(hold)
    assert not candidate(await news({str(cai.id)}, "hold"), cai).accreditations
    async with transaction(world.maker, "every") as db:
        organisation = await db.get_one(Organisation, ana.organisation_id)
        await make_evidence(db, organisation, expires_on=NOW.date())
    await news(both, "evidence")
    async with transaction(world.maker, "every") as db:
        await make_conflict(db, world.broker, worker_id=ana.id)
    assert candidate(await news({str(ana.id)}, "conflict"), ana).conflicts
    async with transaction(world.maker, "every") as db:
        await db.execute(update(Worker).where(Worker.id == ben.id).values(lat=None, lon=None))
    assert (await news({str(ben.id)}, "base")).without_base == (str(ben.id),)
    async with transaction(world.maker, "every") as db:
        await db.execute(update(Worker).where(Worker.id == ana.id).values(ends_on=START))
    assert str(ana.id) not in (await news(None, "left")).planners


async def test_a_place_that_another_council_takes_is_gone_and_councils_do_not_mix(world: World) -> None:
    ana, ben, _ = world.workers
    async with transaction(world.maker, "every") as db:
        organisation = await db.get_one(Organisation, ana.organisation_id)
        await make_accreditation(db, organisation, world.other.council, ServiceLine.SUPPORT_PLANNING)
    first, second = await ranked(world), await ranked(world, world.other)
    async with transaction(world.maker, "every") as db:
        await make_offer(db, world.other, *await make_case(db, world.other), ana)

    later, others = await ranked(world), await ranked(world, world.other)

    own = {str(worker.id) for worker in world.workers}
    assert set(first.planners) == set(later.planners) == own
    assert set(second.planners) == set(others.planners) == {str(ana.id), str(ben.id), str(world.others_worker.id)}
    assert free(later, ana) == free(first, ana) - 1
    assert {council for pool in (first, later) for council in accredited_by(pool)} == {str(world.broker.council.id)}
    assert {council for pool in (second, others) for council in accredited_by(pool)} == {str(world.other.council.id)}
    # How many cases somebody has is counted council by council.
    assert [candidate(pool, ana).open_cases for pool in (later, others)] == [0, 1]


async def test_what_was_never_committed_is_seen_by_its_own_session_alone(world: World) -> None:
    ana, council_id = world.workers[0], world.broker.council.id
    before = await ranked(world)
    db = world.maker()
    await scope_to(db, [council_id])
    db.add(WorkerAbsence(worker_id=ana.id, starts_on=START, ends_on=START + timedelta(days=28)))
    await db.flush()
    own = await InputService(db).candidates_of(council_id, START, WEEKS)
    await db.rollback()
    await db.close()

    after = await ranked(world)

    assert free(own, ana) == 0 < free(before, ana)
    assert after.table is before.table


async def test_a_ranking_of_planners_that_did_not_change_asks_one_question(world: World) -> None:
    with statements(world) as cold:
        await ranked(world)
    with statements(world) as warm:
        await ranked(world)
    with statements(world) as other_weeks:
        async with transaction(world.maker, [world.broker.council.id]) as db:
            await InputService(db).candidates_of(world.broker.council.id, START, WEEKS + 1)

    assert len(cold) - len(warm) == 6
    assert len(other_weeks) == len(cold)  # Other weeks are other facts.


async def test_stamps_look_at_every_table_that_planners_are_read_from(world: World) -> None:
    council_id = world.broker.council.id
    async with transaction(world.maker, [council_id]) as db:
        settings = await settings_of(db, council_id, NOW.date())
        with statements(world) as asked:
            await PlannerSource(db, council_id, START, WEEKS, settings).read(None)

    def tables(statement: str) -> set[str]:
        return set(re.findall(r"(?:FROM|JOIN)\s+([a-z_]+)", statement))

    known = tables(str(stamps.STAMPS))
    behind = set().union(*(tables(statement) for statement in asked)) - {"unnest", "SELECT"}
    assert len(behind) >= 9
    assert behind <= known, behind - known


def candidate(pool: Pool, worker: Worker) -> Candidate:
    """A planner as the engine is told of them."""
    return next(one for one in pool.candidates if one.id == str(worker.id))


def free(pool: Pool, worker: Worker) -> int:
    """Free places of a planner in all weeks."""
    return sum(week.free for week in pool.planners[str(worker.id)].weeks)


def accredited_by(pool: Pool) -> set[str]:
    """Councils whose accreditations a pool holds."""
    return {row.council for one in pool.candidates for row in one.accreditations}
