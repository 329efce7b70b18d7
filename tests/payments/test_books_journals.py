"""Journals: every entry once, in posting order, balanced, with codes; the same bytes for ever."""

import csv
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.core.settings import Settings
from marketplace.payments.checks_books import CHECKS
from tests.browser import Browser, application, count
from tests.conftest import admin, clone_database
from tests.factories_bookings import loose
from tests.factories_payments import make_accrual, make_money
from tests.payments.test_books import make_team
from tests.two_tabs import Try, sent_at_once

FIRST = {"starts_on-day": "1", "starts_on-month": "4", "starts_on-year": "2026"}


def lines_of(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content)))


async def checked(db: Any) -> dict[str, bool]:
    return {name: is_ok for name, is_ok, _, _ in [await check(db) for check in CHECKS]}


async def test_each_entry_is_in_one_journal_once(browser: Browser, db: Any, clock: FixedClock) -> None:
    money = await make_money(db)
    team = await make_team(db, money, "North")
    await make_accrual(db, money.council, money.organisation, amount_pence=7_501, team_id=team.id)
    council, organisation, team_id = money.council, money.organisation, team.id
    finance = await browser.signed_in(money.finance)
    await finance.post("/cost-codes", {"account": "plan_spend", "code": "4100", **FIRST})
    await finance.post("/books/journals", {}, expect=409)
    clock.advance(timedelta(minutes=10))
    form = {"form_id": "twice"}
    made = await finance.post("/books/journals", form)
    assert (await finance.post("/books/journals", form)).location == made.location
    await finance.post("/books/journals", {}, expect=409)
    assert await count(db, "journal_exports") == 1
    page = await finance.open(made.location)
    assert "JE-000001" in page.words
    assert "£75.01" in page.words
    first = await finance.post(made.location, {}, expect=200)
    rows = lines_of(first.text)
    assert [(row["account"], row["cost_code"], row["cost_centre"]) for row in rows] == [
        ("plan_spend", "4100", "ASC-North"),
        ("accrued", "", "ASC-North"),
    ]
    assert [(row["debit_pounds"], row["credit_pounds"]) for row in rows] == [("75.01", ""), ("", "75.01")]
    await db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    await db.refresh(council)
    await db.refresh(organisation)
    await make_accrual(db, council, organisation, amount_pence=1, team_id=team_id)
    clock.advance(timedelta(minutes=10))
    second = await finance.post("/books/journals", {})
    content = (await finance.post(second.location, {}, expect=200)).text
    assert [row["journal"] for row in lines_of(content)] == ["JE-000002"] * 2
    assert not {row["entry"] for row in rows} & {row["entry"] for row in lines_of(content)}
    assert "JE-000002" in (await finance.open("/books/journals")).words
    assert all((await checked(db)).values())


async def test_a_file_is_taken_again_with_a_reason_and_stays_as_it_was(
    browser: Browser, db: Any, clock: FixedClock
) -> None:
    money = await make_money(db)
    team = await make_team(db, money, "North")
    await make_accrual(db, money.council, money.organisation, team_id=team.id)
    clock.advance(timedelta(hours=1))
    finance = await browser.signed_in(money.finance)
    path = (await finance.post("/books/journals", {})).location
    form = {"form_id": "same"}
    first = await finance.post(path, form, expect=200)
    assert first.response.headers["x-file-copy"] == "1"
    assert (await finance.post(path, form, expect=200)).response.headers["x-file-copy"] == "1"
    assert set((await finance.post(path, {}, expect=422)).errors()) == {"reason"}
    # What it was made of changes; the file does not.
    await db.execute(text("UPDATE budget_teams SET cost_centre = 'OTHER'"))
    await finance.post("/cost-codes", {"account": "plan_spend", "code": "9999", **FIRST})
    again = await finance.post(path, {"reason": "The finance system lost it"}, expect=200)
    assert again.response.content == first.response.content
    assert "copy-2" in again.response.headers["content-disposition"]
    assert sha256(again.response.content).hexdigest() == await db.scalar(text("SELECT sha256 FROM journal_exports"))
    assert await count(db, "audit_entries", "action = 'payments.take_journal'") == 2


async def test_journals_balance_whatever_was_posted(browser: Browser, db: Any, clock: FixedClock) -> None:
    money = await make_money(db)
    await money.released(db, await money.bill(db, 10_000, 333, 1))
    clock.advance(timedelta(hours=1))
    finance = await browser.signed_in(money.finance)
    path = (await finance.post("/books/journals", {})).location
    rows = lines_of((await finance.post(path, {}, expect=200)).text)
    debits, credits = ([Decimal(row[side] or 0) for row in rows] for side in ("debit_pounds", "credit_pounds"))
    # Earned, approved and paid: three times £103.34.
    assert sum(debits) == sum(credits) == Decimal("310.02")
    posted = [(row["posted_at"], row["entry"]) for row in rows]
    assert posted == sorted(posted)


async def test_only_those_who_keep_the_books_make_and_take_journals(
    browser: Browser, db: Any, clock: FixedClock
) -> None:
    money, other = await make_money(db), await make_money(db)
    await make_accrual(db, money.council, money.organisation)
    clock.advance(timedelta(hours=1))
    finance, checker = await browser.signed_in(money.finance), await browser.signed_in(money.checker)
    stranger, provider = await browser.signed_in(other.finance), await browser.signed_in(money.provider)
    await checker.post("/books/journals", {}, expect=403)
    await provider.get("/books/journals", expect=403)
    path = (await finance.post("/books/journals", {})).location
    await checker.open(path)
    await checker.post(path, {}, expect=403)
    await stranger.get(path, expect=404)
    await stranger.post(path, {"reason": "Mine"}, expect=404)
    assert "No journals yet" in (await stranger.open("/books/journals")).words


async def test_the_check_finds_a_journal_that_no_longer_fits_its_entries(
    browser: Browser, db: Any, clock: FixedClock
) -> None:
    money = await make_money(db)
    await make_accrual(db, money.council, money.organisation)
    clock.advance(timedelta(hours=1))
    finance = await browser.signed_in(money.finance)
    await finance.post("/books/journals", {})
    assert all((await checked(db)).values())
    await db.execute(text("UPDATE journal_exports SET total_pence = total_pence + 1"))
    assert (await checked(db))["payments: journals hold what was posted"] is False


async def journal_ready(db: AsyncSession, clock: Any) -> Try:
    money = await make_money(db)
    await make_accrual(db, money.council, money.organisation)
    loose(db, money.finance.user, money.finance.membership)
    return Try(money.finance, "/books/journals", {}, ("journal_exports", "true"))


@pytest.mark.usefixtures("mailbox")
async def test_two_exports_at_once_make_one_journal(worker_id: str, settings: Settings, clock: FixedClock) -> None:
    name = f"journals_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=8)
    maker = make_session_maker(engine, clock)
    app, _ = application(settings, maker, clock)
    try:
        async with transaction(maker, "every") as db:
            one = await journal_ready(db, clock)
        clock.advance(timedelta(hours=1))
        await sent_at_once(app, maker, settings, clock, one)
        async with transaction(maker, "every") as db:
            assert all((await checked(db)).values())
    finally:
        await engine.dispose()
        await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
