"""Two people send the same form of a plan or a budget at the same instant: one counts, the other one is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.people.challenges import ChallengeService
from marketplace.plans import PlanService
from marketplace.plans.own import Typed
from marketplace.plans.sections import print_of
from marketplace.plans.service.early_starts import EarlyStartService
from marketplace.plans.service.moving import MoveService
from marketplace.plans.service.own import OwnPlanService
from marketplace.plans.service.setups import SetupService
from marketplace.plans.service.sharing import SharingService
from marketplace.plans.states import PlanStatus
from tests.conftest import NOW, admin, clone_database
from tests.factories import make_council, make_member, make_organisation
from tests.factories_faces import make_share
from tests.factories_own_plans import make_own_plan
from tests.factories_plans import PlanWorld, make_plan, make_plan_world
from tests.factories_setups import NEXT_WEEK, allow_early, make_indicative

TOLD = (Conflict, InvalidInput)
"""What somebody who comes second reads; anything else is a fault."""


@pytest.fixture(scope="module")
async def own_maker(worker_id: str) -> AsyncIterator[SessionMaker]:
    """A database of this file's own, on which transactions really run at once."""
    name = f"plan_race_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=6)
    yield make_session_maker(engine, FixedClock(NOW))
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def world(own_maker: SessionMaker) -> PlanWorld:
    async with transaction(own_maker, "every") as db:
        return await make_plan_world(db)


async def at_once(maker: SessionMaker, world: PlanWorld, act: Callable[[AsyncSession, int], Awaitable[Any]]) -> int:
    """Do something four times at the same instant; returns how often it was taken."""

    async def one(number: int) -> bool:
        try:
            async with transaction(maker, [world.council.id]) as db:
                await act(db, number)
        except TOLD:
            return False
        return True

    return sum(await asyncio.gather(*(one(number) for number in range(4))))


async def number_of(maker: SessionMaker, question: str) -> int:
    async with transaction(maker, "every") as db:
        return int(await db.scalar(text(f"SELECT count(*) FROM {question}")) or 0)


async def test_two_managers_answer_one_challenge(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        budget = await make_indicative(db, world)
        other = await make_member(db, Role.MANAGER, world.council)
        row = await ChallengeService(db).ask(world.person_user.principal, budget.id, "Too little.")
        challenge, who = row.id, [world.manager.principal, other.principal]

    async def answer(db: AsyncSession, number: int) -> None:
        await ChallengeService(db).answer(
            who[number % 2], challenge, answer="Nights.", weekly_pence=20_000 + number, version=1
        )

    assert await at_once(own_maker, world, answer) == 1
    mine = f"budgets WHERE person_id = '{world.person.id}' AND status"
    assert await number_of(own_maker, f"{mine} = 'indicative'") == 1
    assert await number_of(own_maker, f"{mine} = 'ended'") == 1


async def test_two_sign_one_plan_off(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
        plan_id, expected = plan.id, version.version
    who = [world.social_worker.principal, world.manager.principal]

    async def sign(db: AsyncSession, number: int) -> None:
        await PlanService(db).sign_off(who[number % 2], plan_id, expected, "As planned.")

    assert await at_once(own_maker, world, sign) == 1
    assert (
        await number_of(own_maker, f"outbox_messages WHERE event = 'PlanInPlace' AND body::text LIKE '%{plan_id}%'")
        == 1
    )
    assert await number_of(own_maker, f"budgets WHERE person_id = '{world.person.id}' AND status = 'final'") == 1


async def test_a_section_saved_by_many_at_once_loses_nobodys_words(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        plan, _, _ = await make_own_plan(db, world)
        plan_id = plan.id
    kept: list[str] = []

    async def write(db: AsyncSession, number: int) -> None:
        await OwnPlanService(db).write(
            world.person_user.principal, plan_id, Typed(key="about_me", words=f"Words {number}"), print_of("")
        )
        kept.append(f"Words {number}")

    assert await at_once(own_maker, world, write) == 1
    async with transaction(own_maker, "every") as db:
        assert [await db.scalar(text(f"SELECT about_me FROM plan_versions WHERE plan_id = '{plan_id}'"))] == kept


async def test_two_begin_to_set_up_one_payment(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        await make_indicative(db, world)

    async def begin(db: AsyncSession, number: int) -> None:
        await SetupService(db).begin(world.social_worker.principal, world.person.id)

    assert await at_once(own_maker, world, begin) >= 1
    assert await number_of(own_maker, f"direct_payment_setups WHERE person_id = '{world.person.id}'") == 1


async def test_two_start_one_payment_early(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        await allow_early(db, world)

    async def start(db: AsyncSession, number: int) -> None:
        await EarlyStartService(db).agree(world.social_worker.principal, world.person.id, None, NEXT_WEEK, "Needed.")

    assert await at_once(own_maker, world, start) == 1
    assert await number_of(own_maker, f"early_starts WHERE person_id = '{world.person.id}'") == 1


async def test_a_share_ends_once(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        share = (await make_share(db, world, await make_organisation(db))).id

    async def end(db: AsyncSession, number: int) -> None:
        await SharingService(db).end(world.person_user.principal, share, {"version": "1"})

    assert await at_once(own_maker, world, end) == 1
    ended = f"audit_entries WHERE action = 'plans.end_share' AND subject_id = '{share}'"
    assert await number_of(own_maker, ended) == 1


async def test_a_move_is_recorded_once(own_maker: SessionMaker, world: PlanWorld) -> None:
    async with transaction(own_maker, "every") as db:
        to = str((await make_council(db)).id)

    async def record(db: AsyncSession, number: int) -> None:
        data = {"moves_on": "2027-04-01", "to": to}
        await MoveService(db).record(world.social_worker.principal, world.person.id, data)

    assert await at_once(own_maker, world, record) == 1
    assert await number_of(own_maker, f"council_moves WHERE person_id = '{world.person.id}'") == 1
