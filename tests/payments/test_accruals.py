"""Earning: one row for one event, however often and in whatever order messages come (V9, V10)."""

from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.events import BookingApproved
from marketplace.core import outbox
from marketplace.core.database import SessionMaker
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments import tasks  # noqa: F401 - registers the tasks
from marketplace.payments.bands import Band
from marketplace.payments.schemas import TariffForm
from marketplace.payments.service.tariffs import ACCRUE_PLAN, TariffService
from tests.browser import Browser, count
from tests.factories_payments import Money, balance, handled, make_money, make_signed_plan, make_tariff, reload

DAY = date(2027, 2, 20)


async def published(db: AsyncSession, event: object, task: str) -> outbox.Delivery:
    outbox.publish(db, event)  # type: ignore[arg-type]
    await db.flush()
    return next(item for item in await outbox.relay(db) if item.task == task)


def approved(money: Money, **given: object) -> BookingApproved:
    values = {
        "council_id": money.council.id,
        "booking_id": new_id(),
        "person_id": new_id(),
        "organisation_id": money.organisation.id,
        "worker_id": new_id(),
        "cost_pence": 1_234,
        "funding": "direct_payment",
        "visit_on": DAY,
    }
    return BookingApproved(**{**values, **given})  # type: ignore[arg-type]


async def test_a_signed_off_plan_earns_its_tariff_once(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    tariff = await make_tariff(db, money.council)
    event = await make_signed_plan(db, money.council, money.organisation, minutes=300, completed_on=DAY)
    first = await published(db, event, ACCRUE_PLAN)
    second = await published(db, event, ACCRUE_PLAN)
    for item in (first, first, second, first):
        await handled(db, item)
    assert await count(db, "accruals", f"amount_pence = 10000 AND tariff_id = '{tariff.id}'") == 1
    assert await count(db, "accruals") == 1
    assert await count(db, "ledger_entries", "kind = 'plan-tariff'") == 1
    assert await balance(db, money.council.id, Purpose.ACCRUED, money.organisation.id) == 10_000
    assert await balance(db, money.council.id, Purpose.PLAN_SPEND) == -10_000
    assert await count(db, "outbox_deliveries", f"task = '{ACCRUE_PLAN}' AND handled_at IS NOT NULL") == 2


async def test_without_a_tariff_the_message_fails_visibly_and_works_once_one_is_set(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
    item = await published(db, event, ACCRUE_PLAN)
    for _ in range(outbox.PARK_AFTER_ATTEMPTS):
        await handled(db, item)
    assert await count(db, "accruals") == 0
    assert await count(db, "ledger_entries") == 0
    where = f"task = '{ACCRUE_PLAN}' AND parked_at IS NOT NULL AND error LIKE '%no tariff for that day%'"
    assert await count(db, "outbox_deliveries", where) == 1
    finance = await browser.signed_in(money.finance)
    assert "1 completed plan cannot be paid" in (await finance.open("/tariffs")).words
    await reload(db)
    form = TariffForm("First", date(2027, 1, 1), "x", (Band(None, 7_500),))
    await TariffService(db).set(money.finance.principal, form)
    await db.flush()
    [again] = await outbox.sweep(db)
    await handled(db, again)
    assert await count(db, "accruals", "amount_pence = 7500") == 1
    assert await count(db, "outbox_deliveries", "parked_at IS NOT NULL") == 0


async def test_an_approved_visit_earns_what_the_direct_payment_paid(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    event = approved(money)
    for item in [await published(db, event, "payments.accrue_visit") for _ in range(2)]:
        await handled(db, item)
    assert await count(db, "accruals", "kind = 'visit' AND amount_pence = 1234 AND tariff_id IS NULL") == 1
    # The entry is the bookings package's own; a second one here would pay the visit twice.
    assert await count(db, "ledger_entries") == 0


@pytest.mark.parametrize("given", [{"funding": "card"}, {"cost_pence": 0}])
async def test_cards_and_free_visits_earn_nothing_here(
    db: AsyncSession, maker: SessionMaker, given: dict[str, object]
) -> None:
    money = await make_money(db)
    await handled(db, await published(db, approved(money, **given), "payments.accrue_visit"))
    assert await count(db, "accruals") == 0
    assert await count(db, "outbox_deliveries", "task = 'payments.accrue_visit' AND handled_at IS NOT NULL") == 1


async def test_descriptions_name_nobody(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
    await handled(db, await published(db, event, ACCRUE_PLAN))
    await handled(db, await published(db, approved(money), "payments.accrue_visit"))
    assert await count(db, "accruals", "description LIKE '%Ada%' OR description LIKE '%Example%'") == 0
    assert await count(db, "accruals", "description LIKE '%on 20 February 2027, reference %'") == 2
