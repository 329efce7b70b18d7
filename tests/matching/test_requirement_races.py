"""Two people at once on one requirement, on real connections that commit."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from sqlalchemy import text

from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction, use_session_maker
from marketplace.core.errors import Conflict
from marketplace.matching.forms_offers import AwardForm
from marketplace.matching.service.care import AwardService, CareOfferService, RequirementService
from tests.conftest import NOW, admin, clone_database
from tests.factories_brokerage import make_broker
from tests.factories_care import make_care_provider, make_requirement, offer_of, open_requirement, requirement_form
from tests.matching.test_requirement_awards import closed_with, hear, mark

A_MOMENT = 0.1
"""Seconds in which the second one reaches the lock that the first one holds."""


@pytest.fixture
async def committed(worker_id: str) -> AsyncGenerator[SessionMaker, None]:
    """Sessions on a database of their own, in which transactions really commit."""
    name = f"test_{worker_id}_care_races"
    engine = make_engine(await clone_database(name), pool_size=4)
    maker = make_session_maker(engine, FixedClock(NOW))
    use_session_maker(maker)
    yield maker
    use_session_maker(None)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def number(maker: SessionMaker, what: str) -> int:
    async with transaction(maker, "every") as db:
        return int(await db.scalar(text(f"SELECT count(*) FROM {what}")) or 0)


async def test_of_two_awards_one_is_made(committed: SessionMaker) -> None:
    async with transaction(committed, "every") as db:
        broker = await make_broker(db)
        row, sent, _ = await closed_with(db, broker, 2_500, 2_700)
        await mark(db, broker, row, 4, 4)
        await hear(db, broker, row)
        forms = [AwardForm(offer_ids=[offer.id], reason="Mine", version=row.version) for offer in sent]

    async def award(form: AwardForm) -> None:
        async with transaction(committed, [broker.council.id]) as db:
            await AwardService(db).award(broker.principal, row.id, form)
            await asyncio.sleep(A_MOMENT)

    results = await asyncio.gather(*(award(form) for form in forms), return_exceptions=True)
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    assert await number(committed, "requirement_awards") == 1
    assert await number(committed, "requirement_offers WHERE status = 'won'") == 1
    assert await number(committed, "outbox_messages WHERE event = 'RequirementAwarded'") == 1


async def test_of_two_brokers_who_save_one_draft_one_is_told(committed: SessionMaker) -> None:
    async with transaction(committed, "every") as db:
        broker = await make_broker(db)
        row = await make_requirement(db, broker)

    async def save(summary: str) -> None:
        async with transaction(committed, [broker.council.id]) as db:
            form = requirement_form(summary=summary, version=row.version)
            await RequirementService(db).update(broker.principal, row.id, form)
            await asyncio.sleep(A_MOMENT)

    results = await asyncio.gather(save("One."), save("Two."), return_exceptions=True)
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]


async def test_two_colleagues_of_a_provider_send_one_offer(committed: SessionMaker) -> None:
    async with transaction(committed, "every") as db:
        broker = await make_broker(db)
        _, provider = await make_care_provider(db, broker.council)
        row = await make_requirement(db, broker)
        await open_requirement(db, broker, row)

    async def send(rate: int) -> UUID:
        async with transaction(committed, [broker.council.id]) as db:
            offer = await CareOfferService(db).send(provider.principal, row.id, offer_of(rate))
            await asyncio.sleep(A_MOMENT)
            return offer.id

    results = await asyncio.gather(send(2_500), send(2_600), return_exceptions=True)
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    assert await number(committed, "requirement_offers") == 1
