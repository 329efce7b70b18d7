"""Two who act on one agreement at the same instant, on real connections: one wins, the other is told."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import text

from marketplace.bookings.errors import NotOpen
from marketplace.bookings.service.agreements.forms import ChangeForm, SignForm
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.states import AgreementStatus
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.core.errors import StepRefused
from marketplace.providers.models import PriceUnit
from tests.bookings.agreement_steps import change_form
from tests.conftest import admin, clone_database
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene


@pytest.fixture
async def own_maker(worker_id, clock):
    name = f"agree_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=8)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_signing_and_taking_back_at_once_end_in_one_state(own_maker):
    async with transaction(own_maker, "every") as db:
        scene = await make_scene(db)
        made = await make_agreement(db, scene, status=AgreementStatus.OFFERED)
        # As if the person had said it before: the factory writes no print of its own.
        await db.execute(text("UPDATE support_agreements SET relation = 'none', lives_with = false"))
    gate = asyncio.Semaphore(8)
    councils = [scene.council.id]

    async def decline():
        async with gate, transaction(own_maker, councils) as db:
            await SupportAgreementService(db).decline(scene.member.principal, made.agreement.id, "No")
        return "declined"

    async def withdraw():
        async with gate, transaction(own_maker, councils) as db:
            await SupportAgreementService(db).withdraw(scene.provider.principal, made.agreement.id)
        return "withdrawn"

    tries = [decline() if number % 2 else withdraw() for number in range(8)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, str)]
    assert len(won) == 1
    assert all(isinstance(answer, NotOpen) for answer in answers if not isinstance(answer, str))
    async with transaction(own_maker, "every") as db:
        for table in ("support_agreements", "agreement_terms"):
            assert await db.scalar(text(f"SELECT status FROM {table}")) == won[0]
        assert await db.scalar(text("SELECT count(*) FROM outbox_messages WHERE event = 'AgreementAnswered'")) == 1


async def test_signing_at_once_in_many_windows_counts_once(own_maker):
    async with transaction(own_maker, "every") as db:
        scene = await make_scene(db)
        made = await make_agreement(db, scene)
    councils = [scene.council.id]
    form = ChangeForm.read(change_form(), PriceUnit.HOUR)

    async def offer():
        async with transaction(own_maker, councils) as db:
            service = SupportAgreementService(db)
            view = await service.view(scene.provider.principal, made.agreement.id)
            seen = await service.seen_of(view.agreement, view.all_terms)
        async with transaction(own_maker, councils) as db:
            await SupportAgreementService(db).offer_change(
                scene.provider.principal, made.agreement.id, form, "Pat Helper", seen
            )

    answers = await asyncio.gather(*(offer() for _ in range(6)), return_exceptions=True)
    assert [answer for answer in answers if answer is None] == [None]
    assert all(isinstance(answer, StepRefused) for answer in answers if answer is not None)

    async with transaction(own_maker, councils) as db:
        seen = (await SupportAgreementService(db).view(scene.member.principal, made.agreement.id)).seen

    async def sign():
        async with transaction(own_maker, councils) as db:
            signature = SignForm(name="Ada Example", seen=seen)
            await SupportAgreementService(db).sign(scene.member.principal, made.agreement.id, signature)

    answers = await asyncio.gather(*(sign() for _ in range(6)), return_exceptions=True)
    assert [answer for answer in answers if answer is None] == [None]
    assert all(isinstance(answer, NotOpen) for answer in answers if answer is not None)
    async with transaction(own_maker, "every") as db:
        assert await db.scalar(text("SELECT count(*) FROM agreement_terms WHERE status = 'agreed'")) == 2
        assert await db.scalar(text("SELECT max(starts_on) FROM agreement_terms")) == date(2027, 4, 1)
