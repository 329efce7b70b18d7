"""Two people of an organisation at the same moment, on a database in which transactions really commit."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.accounts.principal import Principal
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction, use_session_maker
from marketplace.providers.errors import AnswerChanged
from marketplace.providers.service.applications.drafts import ApplicationService
from marketplace.providers.service.applications.sending import SendingService
from tests.conftest import NOW, admin, clone_database
from tests.factories import make_council, make_member, make_organisation
from tests.factories_applications import SCORED, make_offer
from tests.factories_join import make_evidence
from tests.providers.test_applications import SIGNED


class World(msgspec.Struct):
    """Two people of one organisation, and a round with one question."""

    people: list[Principal]
    round_id: UUID
    lot_id: UUID
    criterion_id: UUID


@pytest.fixture
async def committed(worker_id: str) -> AsyncGenerator[SessionMaker, None]:
    """Sessions on a database of their own."""
    name = f"test_{worker_id}_application_races"
    engine = make_engine(await clone_database(name), pool_size=4)
    maker = make_session_maker(engine, FixedClock(NOW))
    use_session_maker(maker)
    yield maker
    use_session_maker(None)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def make_world(maker: SessionMaker) -> World:
    async with transaction(maker, "every") as db:
        offer = await make_offer(db, await make_council(db), criteria=[SCORED])
        organisation, home = await make_organisation(db), await make_council(db)
        await make_evidence(db, organisation, expires_on=date(2028, 1, 1))
        people = [
            (await make_member(db, Role.PROVIDER, home, organisation_id=organisation.id)).principal for _ in range(2)
        ]
        return World(people, offer.round_id, offer.lot_ids[0], offer.ids["outcomes"])


async def begin(maker: SessionMaker, world: World, who: int) -> UUID:
    async with transaction(maker, world.people[who].councils) as db:
        return (await ApplicationService(db).begin(world.people[who], world.round_id, [world.lot_id])).id


async def answer(maker: SessionMaker, world: World, who: int, application_id: UUID, words: str) -> None:
    async with transaction(maker, world.people[who].councils) as db:
        await ApplicationService(db).answer(
            world.people[who], application_id, world.criterion_id, {"words": words}, version=0, is_finished=True
        )


async def submit(maker: SessionMaker, world: World, who: int, application_id: UUID, seen: str) -> None:
    async with transaction(maker, world.people[who].councils) as db:
        await SendingService(db).submit(world.people[who], application_id, {"seen": seen, **SIGNED})


async def at_once(first: Awaitable[Any], second: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(first, second, return_exceptions=True))


async def number(maker: SessionMaker, question: str) -> int:
    async with transaction(maker, "every") as db:
        return int(await db.scalar(text(question)) or 0)


async def test_two_who_begin_write_and_send_at_once_do_each_thing_once(committed: SessionMaker) -> None:
    world = await make_world(committed)
    first, second = await at_once(begin(committed, world, 0), begin(committed, world, 1))
    assert isinstance(first, UUID)
    assert first == second
    assert await number(committed, "SELECT count(*) FROM applications") == 1

    found = await at_once(
        answer(committed, world, 0, first, "Mine."),
        answer(committed, world, 1, first, "Theirs."),
    )
    assert [type(one) for one in found if one is not None] == [AnswerChanged]
    assert await number(committed, "SELECT count(*) FROM application_answers") == 1

    async with transaction(committed, world.people[0].councils) as db:
        seen = (await SendingService(db).check(world.people[0], first)).seen
    assert (
        await at_once(submit(committed, world, 0, first, seen), submit(committed, world, 1, first, seen)) == [None] * 2
    )
    assert await number(committed, "SELECT count(*) FROM outbox_messages WHERE event = 'ApplicationMoved'") == 1
    assert await number(committed, "SELECT count(*) FROM applications WHERE status = 'submitted'") == 1
