"""Two hands at once on tariffs, with transactions that really commit."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date

import pytest

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.ids import new_id
from marketplace.payments.bands import Band
from marketplace.payments.earning_checks import EARNING_CHECKS
from marketplace.payments.errors import BookPublished
from marketplace.payments.models import TariffBook, TariffEvent
from marketplace.payments.schemas import TariffForm
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.claims import ClaimService
from marketplace.payments.service.months import BlockTerms, MonthService
from marketplace.payments.service.tariff_books import TariffBookService
from marketplace.payments.service.tariffs import TariffService
from marketplace.payments.tariff_forms import BookForm, ClaimForm
from marketplace.plans.events import ReviewSigned
from marketplace.providers.models import ServiceLine
from tests.browser import count
from tests.conftest import admin, clone_database
from tests.factories import make_member
from tests.factories_payments import make_money, make_signed_plan, make_tariff
from tests.factories_tariffs import make_held_review, make_rule

APRIL = date(2027, 4, 1)


@pytest.fixture
async def real(clock: FixedClock) -> AsyncGenerator[SessionMaker, None]:
    """Sessions that really commit, each on a connection of its own."""
    name = f"test_tariffs_{new_id().hex[-8:]}"
    engine = make_engine(await clone_database(name), pool_size=4)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_two_publishers_at_once_publish_one_book(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        await make_tariff(db, money.council)
        finance, council_id = money.finance.principal, money.council.id
    drafts: list[TariffBook] = []
    async with transaction(real, [council_id]) as db:
        form = BookForm("April", "x", APRIL, None)
        drafts = [await TariffBookService(db).start(finance, form) for _ in range(2)]

    async def publish(book: TariffBook) -> str:
        async with transaction(real, [council_id]) as db:
            return (await TariffBookService(db).publish(finance, book.id, book.version)).status.value

    async def quick() -> str:
        async with transaction(real, [council_id]) as db:
            await TariffService(db).set(finance, TariffForm("Quick", APRIL, "x", (Band(None, 8_200),)))
            return "published"

    answers = await asyncio.gather(
        publish(drafts[0]), publish(drafts[0]), publish(drafts[1]), quick(), return_exceptions=True
    )
    assert [answer for answer in answers if isinstance(answer, str)] == ["published"]
    assert all(isinstance(answer, str | InvalidInput | BookPublished) for answer in answers), answers
    async with transaction(real, "every") as db:
        assert await count(db, "tariff_books", "status = 'published' AND starts_on = '2027-04-01'") == 1
        assert await count(db, "tariffs", "ends_on = '2027-04-01'") == 1


async def test_two_reviews_of_one_person_at_once_earn_once(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000, once_months=12)
        event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2026, 12, 1))
        reviews = [await make_held_review(db, event, day) for day in (date(2027, 1, 5), date(2027, 2, 5))]

    async def accrue(review: ReviewSigned) -> bool:
        async with transaction(real, [money.council.id]) as db:
            return await AccrualService(db).accrue_review(review)

    assert sorted(await asyncio.gather(*(accrue(review) for review in (*reviews, *reviews)))) == [
        False,
        False,
        False,
        True,
    ]


async def test_two_deciders_and_two_jobs_at_once_earn_once(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        council_id, organisation_id = money.council.id, money.organisation.id
        await make_rule(db, money.council, TariffEvent.GRANT, 99_900)
        form = ClaimForm(TariffEvent.GRANT, None, council_id, date(2027, 2, 1), 0, "Training", 5_000)
        claim = await ClaimService(db).ask(money.provider.principal, form)
        terms = ("Block", organisation_id, ServiceLine.SUPPORT_PLANNING, None, 600, 25_000)
        await MonthService(db).enter_block(
            money.finance.principal, BlockTerms(*terms, date(2027, 1, 4), date(2027, 2, 10))
        )
        decider = (await make_member(db, Role.MANAGER, money.council)).principal

    async def decide() -> str:
        async with transaction(real, [council_id]) as db:
            return (await ClaimService(db).decide(decider, claim.id, agree=True, reason="")).status.value

    async def months() -> int:
        async with transaction(real, [council_id]) as db:
            return await MonthService(db).accrue_months(council_id)

    decided = await asyncio.gather(decide(), decide(), return_exceptions=True)
    assert [answer for answer in decided if isinstance(answer, str)] == ["agreed"]
    assert len([answer for answer in decided if isinstance(answer, StepRefused)]) == 1
    assert sum(await asyncio.gather(months(), months())) == 2
    async with transaction(real, "every") as db:
        assert await count(db, "accruals") == await count(db, "ledger_entries") == 3
        assert [fact.detail for fact in [await check(db) for check in EARNING_CHECKS]] == ["", "", ""]


async def test_one_agrees_and_another_refuses_a_claim_at_once_and_one_of_them_counts(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        council_id = money.council.id
        await make_rule(db, money.council, TariffEvent.GRANT, 99_900)
        form = ClaimForm(TariffEvent.GRANT, None, council_id, date(2027, 2, 1), 0, "Training", 5_000)
        claim = await ClaimService(db).ask(money.provider.principal, form)
        deciders = [(await make_member(db, role, money.council)).principal for role in (Role.MANAGER, Role.BROKER)]

    async def decide(place: int) -> str:
        async with transaction(real, [council_id]) as db:
            why = "Not agreed beforehand" if place else ""
            return (await ClaimService(db).decide(deciders[place], claim.id, agree=not place, reason=why)).status.value

    decided = await asyncio.gather(decide(0), decide(1), return_exceptions=True)
    [outcome] = [answer for answer in decided if isinstance(answer, str)]
    assert len([answer for answer in decided if isinstance(answer, StepRefused)]) == 1
    async with transaction(real, "every") as db:
        earned = int(outcome == "agreed")
        assert await count(db, "accruals") == await count(db, "ledger_entries") == earned
        assert await count(db, "tariff_claims", f"status = '{outcome}'") == 1
        assert await count(db, "outbox_messages", "event = 'TariffClaimDecided'") == 1
        assert [fact.detail for fact in [await check(db) for check in EARNING_CHECKS]] == ["", "", ""]
