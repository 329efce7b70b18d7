"""Tariffs: dated, previewed, never retroactive (C3, L19, V12)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Forbidden, InvalidInput
from marketplace.payments.bands import Band
from marketplace.payments.models import Tariff
from marketplace.payments.schemas import TariffForm
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.tariffs import TariffService
from tests.browser import Browser, count
from tests.factories import make_member
from tests.factories_payments import make_money, make_signed_plan, make_tariff, reload

APRIL = date(2027, 4, 1)


def tariff_form(**given: Any) -> dict[str, Any]:
    return {
        "name": "Support plans from April 2027",
        "starts_on-day": "1",
        "starts_on-month": "4",
        "starts_on-year": "2027",
        "source": "Cabinet member decision",
        "hours-1": "4",
        "pounds-1": "82",
        "pounds-2": "105.50",
        **given,
    }


async def test_a_new_tariff_ends_the_one_before_on_its_first_day(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    old = await make_tariff(db, money.council)
    finance = await browser.signed_in(money.finance)
    page = await finance.open("/tariffs/new")
    page = await finance.post("/tariffs/new", tariff_form(), expect=200)
    page.check()
    assert "Support plans 2026 ends" in page.words
    await finance.post("/tariffs", tariff_form(action="set"))
    await db.refresh(old)
    assert old.ends_on == APRIL
    new = (await db.scalars(select(Tariff).where(Tariff.starts_on == APRIL))).one()
    assert new.bands == [{"up_to_minutes": 240, "pence": 8_200}, {"up_to_minutes": None, "pence": 10_550}]
    assert await count(db, "audit_entries", "action IN ('payments.set_tariff', 'payments.end_tariff')") == 2
    page = await finance.open("/tariffs")
    assert "From 1 April 2027" in page.words
    assert "£82.00" in page.words


async def test_plans_keep_the_tariff_of_the_day_they_were_completed(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    form = TariffForm("New", APRIL, "x", (Band(None, 8_200),))
    await TariffService(db).set(money.finance.principal, form)
    clock.move_to(datetime(2027, 4, 9, 12, tzinfo=UTC))
    accruals = AccrualService(db)
    for day, pence in ((date(2027, 3, 31), 7_500), (APRIL, 8_200)):
        event = await make_signed_plan(db, money.council, money.organisation, completed_on=day)
        assert await accruals.accrue_plan(event)
        assert await count(db, "accruals", f"source_id = '{event.plan_version_id}' AND amount_pence = {pence}") == 1


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2027, 3, 3), "must be tomorrow or later"),
        (date(2026, 5, 1), "must be tomorrow or later"),
        (date(2030, 1, 1), "within two years"),
    ],
)
async def test_a_tariff_never_changes_the_past(db: AsyncSession, maker: SessionMaker, day: date, words: str) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    with pytest.raises(InvalidInput, match=words):
        await TariffService(db).set(money.finance.principal, TariffForm("New", day, "x", (Band(None, 1),)))
    assert await count(db, "tariffs") == 1
    assert await count(db, "audit_entries") == 0


async def test_a_tariff_cannot_start_before_one_that_is_to_come(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council, starts_on=date(2027, 6, 1))
    with pytest.raises(InvalidInput, match="from 1 June 2027 is set already"):
        await TariffService(db).set(money.finance.principal, TariffForm("New", APRIL, "x", (Band(None, 1),)))


async def test_only_who_may_set_tariffs_sets_them(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    for role in (Role.MANAGER, Role.FINANCE_CHECKER, Role.ADMIN):
        reader = await browser.signed_in(await make_member(db, role, money.council))
        await reader.open("/tariffs")
        await reader.post("/tariffs", tariff_form(), expect=403)
        await reload(db)
    planner = await make_member(db, Role.PLANNER, money.council, organisation_id=money.organisation.id)
    await (await browser.signed_in(planner)).get("/tariffs", expect=403)
    await reload(db)
    with pytest.raises(Forbidden):
        await TariffService(db).set(money.checker.principal, TariffForm("New", APRIL, "x", (Band(None, 1),)))
    assert await count(db, "tariffs") == 0


async def test_a_wrong_form_keeps_what_was_typed_and_says_everything(browser: Browser, db: AsyncSession) -> None:
    finance = await browser.signed_in((await make_money(db)).finance)
    wrong = tariff_form(name="", **{"starts_on-day": "31", "starts_on-month": "2", "hours-1": "many"})
    page = await finance.post("/tariffs", wrong, expect=422)
    assert set(page.errors()) == {"name", "starts_on", "hours-1"}
    assert page.field("pounds-2") == "105.50"
    page = await finance.post("/tariffs/new", tariff_form(**{"hours-2": "3"}), expect=422)
    assert "Leave the hours of the last band empty" in page.errors()["hours-1"]
    page = await finance.post("/tariffs", tariff_form(action="change"), expect=200)
    assert page.field("name") == "Support plans from April 2027"


async def test_the_preview_prices_the_plans_of_six_months_and_warns_of_low_pay(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    other = await make_money(db)
    await make_tariff(db, other.council)
    for council, organisation, minutes, day in (
        (money.council, money.organisation, 180, date(2027, 2, 1)),
        (money.council, money.organisation, 360, date(2027, 2, 2)),
        (money.council, money.organisation, 180, date(2026, 8, 1)),
        (other.council, other.organisation, 180, date(2027, 2, 1)),
    ):
        event = await make_signed_plan(db, council, organisation, minutes=minutes, completed_on=day)
        await AccrualService(db).accrue_plan(event)
    preview = await TariffService(db).preview(money.finance.principal, (Band(360, 7_500), Band(None, 9_000)), APRIL)
    assert (preview.plans, preview.paid_pence, preview.would_pence) == (2, 17_500, 15_000)
    assert (preview.short_plans, preview.longest_minutes, preview.has_warning) == (1, 360, True)
    finance = await browser.signed_in(money.finance)
    page = await finance.post("/tariffs/new", tariff_form(**{"hours-1": "6", "pounds-1": "75"}), expect=200)
    page.check()
    assert "£75.00 for 6 hours is £12.50 an hour" in page.words
    assert "less than the legal wage of £12.71" in page.words
    assert await count(db, "tariffs") == 2


async def test_the_form_sent_twice_sets_one_tariff(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    form = tariff_form(form_id="once")
    await finance.post("/tariffs", form)
    await finance.post("/tariffs", form)
    assert await count(db, "tariffs") == 1
