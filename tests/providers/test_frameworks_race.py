"""Real connections: what two people do at once to a specification, a round or an interest comes out right."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sqlalchemy import text

from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.providers.errors import ChangedMeanwhile, TooManyQuestions, VersionPublished
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.engagement import EngagementService
from marketplace.providers.service.frameworks.forms import LotForm
from marketplace.providers.service.frameworks.parts import PartService
from marketplace.providers.service.frameworks.publishing import content_hash
from marketplace.providers.service.frameworks.questions import MOST_A_DAY, QuestionService
from marketplace.providers.service.frameworks.round_writing import RoundService
from marketplace.providers.service.frameworks.versions import VersionService
from tests.conftest import admin, clone_database
from tests.factories_frameworks import (
    make_applicant,
    make_framework,
    make_officer,
    make_published,
    make_round,
    make_version,
)

LOT = {
    "code": "2",
    "name": "Money",
    "service_line": "money_management",
    "agreement_months": "12",
    "pass_percent": "60",
}


@pytest.fixture
async def own_maker(worker_id: str, clock: Any) -> AsyncGenerator[SessionMaker, None]:
    """Sessions on connections of their own."""
    name = f"frameworks_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=8)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _count(maker: SessionMaker, table: str, where: str = "true") -> int:
    async with transaction(maker, "every") as db:
        return int(await db.scalar(text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)


async def test_a_lot_never_slips_into_what_is_published_at_the_same_moment(own_maker: SessionMaker) -> None:
    async with transaction(own_maker, "every") as db:
        officer = await make_officer(db)
        version = await make_version(db, await make_framework(db, officer.council))
        lots, criteria = await VersionService(db).content(version)
        seen = content_hash(version, lots, criteria).hex()

    async def publish() -> str:
        try:
            async with transaction(own_maker, [officer.council.id]) as db:
                await VersionService(db).publish(officer.principal, version.id, seen)
                return "published"
        except ChangedMeanwhile:
            return "changed meanwhile"

    async def add(code: str) -> str:
        try:
            async with transaction(own_maker, [officer.council.id]) as db:
                form = LotForm.read({**LOT, "code": code}, [])
                await PartService(db).add_lot(officer.principal, version.id, form)
                return "added"
        except VersionPublished:
            return "refused"

    outcomes = await asyncio.gather(add("2"), publish(), add("3"))
    added = outcomes.count("added")
    assert (outcomes[1] == "published") == (added == 0)
    assert await _count(own_maker, "lots") == 1 + added
    async with transaction(own_maker, "every") as db:
        stored = await FrameworkRepository(db).version(version.id)
        if stored.content_hash is not None:
            lots, criteria = await VersionService(db).content(stored)
            assert content_hash(stored, lots, criteria) == stored.content_hash


async def test_six_presses_on_next_version_make_one_draft(own_maker: SessionMaker) -> None:
    async with transaction(own_maker, "every") as db:
        officer = await make_officer(db)
        framework, _ = await make_published(db, officer.council)

    async def press() -> Any:
        async with transaction(own_maker, [officer.council.id]) as db:
            return (await VersionService(db).next(officer.principal, framework.id)).id

    assert len(set(await asyncio.gather(*(press() for _ in range(6))))) == 1
    assert await _count(own_maker, "framework_versions", "status = 'draft'") == 1
    assert await _count(own_maker, "lots") == 2


async def test_interest_from_many_windows_is_one_entry(own_maker: SessionMaker) -> None:
    async with transaction(own_maker, "every") as db:
        officer = await make_officer(db)
        framework, _ = await make_published(db, officer.council)
        _, member = await make_applicant(db)

    async def press() -> None:
        async with transaction(own_maker, [member.council.id]) as db:
            await EngagementService(db).express_interest(member.principal, framework, "1", would_apply=True)

    await asyncio.gather(*(press() for _ in range(6)))
    assert await _count(own_maker, "engagement_entries", "lot_codes = '{1}'") == 1
    assert await _count(own_maker, "audit_entries", "action = 'providers.express_interest'") == 1


async def test_the_days_share_of_questions_holds_from_many_windows(own_maker: SessionMaker) -> None:
    async with transaction(own_maker, "every") as db:
        officer = await make_officer(db)
        _, version = await make_published(db, officer.council)
        row = await make_round(db, version)
        _, member = await make_applicant(db)

    async def ask(number: int) -> bool:
        try:
            async with transaction(own_maker, [member.council.id]) as db:
                await QuestionService(db).ask(member.principal, row, {"question": f"Question {number}?"})
                return True
        except TooManyQuestions:
            return False

    asked = await asyncio.gather(*(ask(number) for number in range(MOST_A_DAY + 4)))
    assert sum(asked) == MOST_A_DAY
    assert await _count(own_maker, "framework_questions") == MOST_A_DAY


async def test_two_schedulers_announce_a_round_once(own_maker: SessionMaker) -> None:
    async with transaction(own_maker, "every") as db:
        officer = await make_officer(db)
        _, version = await make_published(db, officer.council)
        await make_round(db, version)

    async def announce() -> int:
        async with transaction(own_maker, "every") as db:
            return await RoundService(db).announce_due()

    assert sum(await asyncio.gather(*(announce() for _ in range(4)))) == 1
    assert await _count(own_maker, "outbox_messages", "event = 'RoundAnnounced'") == 1
