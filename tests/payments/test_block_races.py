"""Two hands at once on block contracts and commitments, with transactions that really commit."""

import asyncio
from datetime import date, time
from typing import Any

from marketplace.bookings.events import BookingApproved
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, transaction
from marketplace.ledger import Purpose
from marketplace.payments.checks_books import a_visit_is_counted_or_paid_singly, commitments_are_never_negative
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.books.promises import BLOCKS, PromiseService
from marketplace.payments.service.months import MonthService
from tests.browser import count
from tests.factories_account import make_approved
from tests.factories_bookings import make_scene
from tests.factories_payments import balance, make_money
from tests.payments.test_blocks import ids, make_own_block
from tests.payments.test_books import make_block
from tests.payments.test_money_chain import broken, real

__all__ = ["real"]


async def test_a_block_month_closed_twice_at_once_earns_once(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        await make_block(db, money)
    council_id = money.council.id

    async def close() -> int:
        async with transaction(real, [council_id]) as db:
            return await MonthService(db).accrue_months(council_id)

    answers = await asyncio.gather(close(), close(), close())
    # January and February 2027, whoever of the three got them.
    assert sum(answers) == 2
    async with transaction(real, "every") as db:
        assert await count(db, "accruals", "kind = 'block'") == 2
        assert await count(db, "ledger_entries", "kind = 'block-month'") == 2
        assert await balance(db, council_id, Purpose.ACCRUED, money.organisation.id) == 354_286 + 320_000
        assert await broken(db) == []


async def test_two_visits_at_once_do_not_both_take_a_weeks_last_hour(real: SessionMaker) -> None:
    async with transaction(real, "every") as db:
        scene = await make_scene(db)
        await make_own_block(db, scene, weekly_minutes=60)
        visits = [await make_approved(db, scene, at=time(hour)) for hour in (8, 10)]
        events = [BookingApproved(**ids(one), cost_pence=1_600, accrued_pence=1_600) for one in visits]

    async def hear(event: BookingApproved) -> bool:
        async with transaction(real, [event.council_id]) as db:
            return await AccrualService(db).accrue_visit(event)

    # Each message comes twice.
    answers: list[Any] = await asyncio.gather(*(hear(event) for event in [*events, *events]))
    assert sorted(answers) == [False, False, False, True]
    async with transaction(real, "every") as db:
        assert await count(db, "bookings", "block_contract_id IS NOT NULL") == 1
        assert await count(db, "accruals", "kind = 'visit'") == 1
        assert await count(db, "ledger_entries", "kind = 'visit-in-block'") == 1
        assert (await a_visit_is_counted_or_paid_singly(db)).ok
        assert await broken(db) == []


async def test_two_jobs_at_once_commit_what_is_promised_once(real: SessionMaker, clock: FixedClock) -> None:
    async with transaction(real, "every") as db:
        money = await make_money(db)
        await make_block(db, money, ends_on=date(2027, 3, 15))
    council_id = money.council.id

    async def keep() -> int:
        async with transaction(real, [council_id]) as db:
            return await PromiseService(db).keep(council_id)

    assert sorted(await asyncio.gather(keep(), keep())) == [0, 1]
    async with transaction(real, "every") as db:
        # 14 days of March at £800 a week.
        assert await count(db, "ledger_entries", f"kind = '{BLOCKS}'") == 1
        assert await balance(db, council_id, Purpose.COMMITMENT) in (160_000, -160_000)
        assert (await commitments_are_never_negative(db)).ok
