"""Two people at once, on two real connections that commit."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from sqlalchemy import text

from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction, use_session_maker
from marketplace.matching import OfferService, ReferralService
from marketplace.matching.errors import OfferClosed, PlaceTaken, ReferralNotOpen
from marketplace.matching.forms import OfferForm, ReferralForm
from tests.conftest import NOW, admin, clone_database
from tests.factories import Member
from tests.factories_brokerage import make_broker, make_case, make_planner, offer_form, referral_form

A_MOMENT = 0.1
"""Seconds in which the second one reaches the lock that the first one holds."""


@pytest.fixture
async def committed(worker_id: str) -> AsyncGenerator[SessionMaker, None]:
    """Sessions on a database of their own, in which transactions really commit."""
    name = f"test_{worker_id}_races"
    engine = make_engine(await clone_database(name), pool_size=4)
    maker = make_session_maker(engine, FixedClock(NOW))
    use_session_maker(maker)
    yield maker
    use_session_maker(None)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class World:
    """A broker, a planner and two referrals, committed."""

    broker: Member
    planner: Member
    forms: list[OfferForm]
    referrals: list[UUID]
    person: UUID


async def make_world(maker: SessionMaker, fte_percent: int) -> World:
    made = World()
    async with transaction(maker, "every") as db:
        made.broker = await make_broker(db)
        worker, made.planner = await make_planner(db, made.broker.council, fte_percent=fte_percent)
        made.forms, made.referrals = [], []
        for _ in range(2):
            referral, person = await make_case(db, made.broker)
            made.person = person.id
            made.referrals.append(referral.id)
            made.forms.append(await offer_form(db, made.broker, referral, person, worker))
    return made


async def offer(maker: SessionMaker, world: World, number: int, form: int | None = None) -> UUID:
    async with transaction(maker, [world.broker.council.id]) as db:
        which = world.forms[number if form is None else form]
        return (await OfferService(db).make(world.broker.principal, world.referrals[number], which)).id


async def figures(maker: SessionMaker) -> list[int]:
    """Offers, places, stored rankings, events, and referrals that are with a planner."""
    async with transaction(maker, "every") as db:
        return [
            int(await db.scalar(text(f"SELECT count(*) FROM {what}")) or 0)
            for what in (
                "offers",
                "capacity_reservations",
                "shortlists",
                "outbox_messages",
                "referrals WHERE status = 'offered'",
            )
        ]


async def test_the_last_place_goes_to_one_of_two_brokers_and_the_other_leaves_nothing(committed: SessionMaker) -> None:
    world = await make_world(committed, fte_percent=20)
    async with transaction(committed, [world.broker.council.id]) as db:
        await OfferService(db).make(world.broker.principal, world.referrals[0], world.forms[0])
        second = asyncio.create_task(offer(committed, world, 1))
        await asyncio.sleep(A_MOMENT)
        assert not second.done()
    with pytest.raises(PlaceTaken, match="no place left in the week of 8 March 2027"):
        await second
    assert await figures(committed) == [1, 1, 1, 1, 1]


async def test_two_brokers_who_want_two_places_both_get_one(committed: SessionMaker) -> None:
    world = await make_world(committed, fte_percent=40)
    await asyncio.gather(offer(committed, world, 0), offer(committed, world, 1))
    async with transaction(committed, "every") as db:
        assert list(await db.scalars(text("SELECT place FROM capacity_reservations ORDER BY place"))) == [1, 2]


async def test_two_brokers_cannot_offer_one_referral(committed: SessionMaker) -> None:
    world = await make_world(committed, fte_percent=100)
    found = await asyncio.gather(offer(committed, world, 0), offer(committed, world, 0), return_exceptions=True)
    assert sorted(type(item).__name__ for item in found) == ["ReferralNotOpen", "UUID"]
    assert ReferralNotOpen.status == 409
    assert await figures(committed) == [1, 1, 1, 1, 1]


async def test_taking_back_and_accepting_at_once_has_one_outcome(committed: SessionMaker) -> None:
    world = await make_world(committed, fte_percent=100)
    offer_id = await offer(committed, world, 0)

    async def accept() -> None:
        async with transaction(committed, [world.broker.council.id]) as db:
            await OfferService(db).accept(world.planner.principal, offer_id)

    async def take_back() -> None:
        async with transaction(committed, [world.broker.council.id]) as db:
            await OfferService(db).withdraw(world.broker.principal, world.referrals[0], "Moved")

    found = await asyncio.gather(accept(), take_back(), return_exceptions=True)
    assert [item is None for item in found].count(True) == 1
    assert [isinstance(item, OfferClosed) for item in found].count(True) == 1


async def test_referrals_recorded_at_once_get_numbers_of_their_own(committed: SessionMaker) -> None:
    world = await make_world(committed, fte_percent=100)
    form = ReferralForm.read(referral_form(world.person), workers=(), organisations=())

    async def record() -> str:
        async with transaction(committed, [world.broker.council.id]) as db:
            return (await ReferralService(db).record(world.broker.principal, world.person, form)).reference

    found = await asyncio.gather(record(), record(), record())
    assert sorted(found) == ["R-2027-00001", "R-2027-00002", "R-2027-00003"]
