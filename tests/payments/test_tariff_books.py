"""Price lists: drafted, priced on the past, published for days to come, and never changed again (C3, 4.8)."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.payments import tasks_tariffs  # noqa: F401 - registers the tasks
from marketplace.payments.bands import Band
from marketplace.payments.errors import BookChanged, BookPublished
from marketplace.payments.models import Tariff, TariffBook, TariffEvent
from marketplace.payments.rules import Price, Stage, StageAt
from marketplace.payments.schemas import TariffForm
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.tariff_books import TariffBookService
from marketplace.payments.service.tariffs import TariffService, rule_on
from marketplace.payments.tariff_forms import BookForm, RuleForm
from tests.browser import Browser, count, events
from tests.factories import make_member, make_organisation
from tests.factories_payments import Money, handled, make_money, make_signed_plan, make_tariff, reload
from tests.factories_tariffs import (
    make_complex,
    make_framework_book,
    make_held_review,
    make_next_version,
    make_rule,
    make_setting,
)

APRIL = date(2027, 4, 1)


def book_form(**given: Any) -> dict[str, Any]:
    return {
        "name": "Prices from April",
        "starts_on-day": "1",
        "starts_on-month": "4",
        "starts_on-year": "2027",
        "source": "Cabinet member decision",
        **given,
    }


def rule(event: TariffEvent, pence: int, once: int | None = None, **given: Any) -> RuleForm:
    return RuleForm(event, event.value, Price(bands=(Band(None, pence),), **given), once)


async def draft(db: AsyncSession, money: Money, starts_on: date = APRIL, **given: Any) -> TariffBook:
    form = BookForm("Prices from April", "x", starts_on, given.get("framework_id"))
    return await TariffBookService(db).start(money.finance.principal, form)


async def test_a_price_list_is_drafted_previewed_and_published_from_page_to_page(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db)
    old = await make_tariff(db, money.council)
    finance = await browser.signed_in(money.finance)
    await finance.open("/tariffs/books/new")
    page = await finance.post("/tariffs/books", book_form())
    path = page.location
    page = await finance.open(path)
    assert "Draft Who it is for" in page.words
    assert "£75.00" in page.words
    assert "Review held: add a price" in page.words
    page = await finance.open(f"{path}/rules/review_held")
    assert page.field("once_months") == "12"
    form = {"version": page.field("version"), "name": "Yearly review", "pounds-1": "200", "once_months": "12"}
    await finance.post(f"{path}/rules/review_held", form)
    page = await finance.open(f"{path}/rules/plan_completed")
    assert page.field("hours-1") == "4"
    form = {
        "version": page.field("version"),
        "name": "Support plan",
        "hours-1": "4.5",
        "pounds-1": "82",
        "pounds-2": "110",
        "uplift-complex": "25",
        "stage-submitted": "40",
        "stage-signed_off": "60",
        "vat_on_top": "yes",
    }
    await finance.post(f"{path}/rules/plan_completed", form)
    page = await finance.open(path)
    for words in (
        "Up to 4 hours 30 minutes £82.00",
        "Complex case: 25% more",
        "When the plan is signed off: 60%",
        "Once for a person in 12 months",
        "VAT comes on top",
    ):
        assert words in page.words
    await finance.post(path, {"version": page.field("version"), "action": "publish"})
    page = await finance.open("/tariffs")
    assert "From 1 April 2027" in page.words
    assert "£82.00 to £110.00" in page.words
    await finance.open(path)
    await db.refresh(old)
    assert old.ends_on == APRIL
    new = (await db.scalars(select(Tariff).where(Tariff.event == "plan_completed", Tariff.starts_on == APRIL))).one()
    assert new.bands == [{"up_to_minutes": 270, "pence": 8_200}, {"up_to_minutes": None, "pence": 11_000}]
    assert new.stages == [{"at": "submitted", "percent": 40}, {"at": "signed_off", "percent": 60}]
    assert new.uplifts == [{"if": "complex", "percent": 25}]
    assert "TariffBookPublished" in await events(db)
    assert await count(db, "steps", "subject_kind = 'tariff_book' AND to_status = 'published'") == 1
    assert await count(db, "audit_entries", "action = 'payments.publish_tariff_book'") == 1
    await finance.get(f"{path}/rules/plan_completed", expect=404)


async def test_wrong_prices_say_everything_and_keep_what_was_typed(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    page = await finance.post("/tariffs/books", book_form(name="", **{"starts_on-day": "31"}), expect=422)
    page.check()
    assert set(page.errors()) == {"name", "starts_on"}
    path = (await finance.post("/tariffs/books", book_form())).location
    version = (await finance.open(f"{path}/rules/plan_completed")).field("version")
    wrong = {"version": version, "name": "", "hours-1": "x", "pounds-1": "-3", "uplift-rural": "900"}
    page = await finance.post(f"{path}/rules/plan_completed", wrong, expect=422)
    page.check()
    assert set(page.errors()) == {"name", "hours-1", "pounds-1", "uplift-rural"}
    assert page.field("uplift-rural") == "900"
    wrong = {"version": version, "name": "Plan", "pounds-1": "75", "stage-submitted": "50", "stage-signed_off": "40"}
    page = await finance.post(f"{path}/rules/plan_completed", wrong, expect=422)
    assert "add up to 100" in page.errors()["stage-submitted"]
    wrong = {"version": version, "name": "Plan", "hours-1": "4", "pounds-1": "75"}
    page = await finance.post(f"{path}/rules/plan_completed", wrong, expect=422)
    assert "Leave the hours of the last band empty" in page.errors()["hours-1"]
    page = await finance.post(path, {"version": version, "action": "publish"}, expect=422)
    assert "at least one price" in page.errors()["rules"]
    assert await count(db, "tariffs") == 0
    await finance.post(f"{path}/rules/unknown", {}, expect=404)


async def test_a_draft_changed_elsewhere_is_not_overwritten_or_published(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    service, finance = TariffBookService(db), money.finance.principal
    book = await draft(db, money)
    seen = book.version
    await service.set_rule(finance, book.id, rule(TariffEvent.PLAN_COMPLETED, 8_000), seen)
    with pytest.raises(BookChanged):
        await service.set_rule(finance, book.id, rule(TariffEvent.PLAN_COMPLETED, 9_000), seen)
    with pytest.raises(BookChanged):
        await service.publish(finance, book.id, seen)
    await service.publish(finance, book.id, book.version)
    with pytest.raises(BookPublished):
        await service.publish(finance, book.id, book.version)
    with pytest.raises(BookPublished):
        await service.drop(finance, book.id, book.version)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2027, 3, 3), "tomorrow or later"),
        (date(2026, 4, 1), "tomorrow or later"),
        (date(2030, 1, 1), "within two years"),
    ],
)
async def test_a_book_never_changes_the_past(db: AsyncSession, maker: SessionMaker, day: date, words: str) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    book = await draft(db, money, day)
    with pytest.raises(InvalidInput, match=words):
        await TariffBookService(db).publish(money.finance.principal, book.id, book.version)


async def test_two_drafts_for_one_day_cannot_both_be_published(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    service, finance = TariffBookService(db), money.finance.principal
    first, second = await draft(db, money), await draft(db, money)
    await service.publish(finance, second.id, second.version)
    with pytest.raises(InvalidInput, match="from 1 April 2027 is published already"):
        await service.publish(finance, first.id, first.version)


async def test_the_database_keeps_published_rules_as_they_are(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    tariff = await make_tariff(db, money.council)
    tariff.bands = [{"up_to_minutes": None, "pence": 1}]
    with pytest.raises(IntegrityError, match="published tariffs never change"):
        await db.flush()


async def test_a_frameworks_book_leaves_the_councils_alone(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    council_s = await make_tariff(db, money.council)
    other = await make_organisation(db)
    framework_id = await make_framework_book(db, money.council, other, 9_999)
    service, finance = TariffBookService(db), money.finance.principal
    book = await draft(db, money, framework_id=framework_id)
    await service.set_rule(finance, book.id, rule(TariffEvent.PLAN_COMPLETED, 11_111), book.version)
    await service.publish(finance, book.id, book.version)
    await db.refresh(council_s)
    assert council_s.ends_on is None
    asked = (db, money.council.id, other.id, TariffEvent.PLAN_COMPLETED)
    for day, pence in ((date(2027, 3, 31), 9_999), (APRIL, 11_111)):
        found = await rule_on(*asked, day)
        assert found is not None
        assert found.bands == [{"up_to_minutes": None, "pence": pence}]
    stranger = await make_money(db)
    with pytest.raises(NotFound):
        await draft(db, stranger, framework_id=framework_id)


async def test_the_quick_change_of_the_plans_fee_carries_the_other_prices_on(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000, once_months=12)
    form = TariffForm("New", APRIL, "x", (Band(None, 8_200),))
    await TariffService(db).set(money.finance.principal, form)
    asked = (db, money.council.id, money.organisation.id, TariffEvent.REVIEW_HELD)
    for day in (date(2027, 3, 31), APRIL):
        found = await rule_on(*asked, day)
        assert found is not None
        assert (found.bands[0]["pence"], found.once_months) == (20_000, 12)


async def test_the_preview_prices_everything_of_the_past_and_flags_low_pay(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    accruals = AccrualService(db)
    await make_setting(db, money.council, "payments.rural_areas", {"rural": [], "very_rural": []})
    first = await make_signed_plan(db, money.council, money.organisation, minutes=360, completed_on=date(2027, 1, 5))
    second = await make_signed_plan(db, money.council, money.organisation, minutes=180, completed_on=date(2027, 1, 6))
    await make_complex(db, second)
    for event in (first, second):
        await accruals.accrue_plan(event)
    for day in (date(2026, 10, 1), date(2026, 12, 1)):
        await make_held_review(db, first, day)
    again = await make_next_version(db, first, date(2027, 2, 1))
    await accruals.accrue_plan(again)
    # Nobody else's work counts, and the framework that has its own book does not either.
    other = await make_organisation(db)
    await make_framework_book(db, money.council, other, 12_345)
    await accruals.accrue_plan(
        await make_signed_plan(db, money.council, other, minutes=60, completed_on=date(2027, 1, 7))
    )
    service, finance = TariffBookService(db), money.finance.principal
    book = await draft(db, money)
    await service.set_rule(finance, book.id, rule(TariffEvent.PLAN_COMPLETED, 7_500), book.version)
    await service.set_rule(finance, book.id, rule(TariffEvent.REVIEW_HELD, 20_000, 12), book.version)
    rules = (await service.books.rules([book.id]))[book.id]
    shown = await service.preview(finance, book, rules, 6, 1_271)
    lines = {line.event: (line.count, line.paid_pence, line.would_pence, line.short) for line in shown.lines}
    # Three plans were paid £100, £75 and £100; the third is part of a review now. £75 for 6 hours is too little.
    assert lines[TariffEvent.PLAN_COMPLETED] == (3, 27_500, 15_000, 1)
    # Two reviews of one person within a year: one is paid.
    assert lines[TariffEvent.REVIEW_HELD] == (2, 0, 20_000, 0)
    assert shown.difference_pence == 7_500
    page = await (await browser.signed_in(money.finance)).open(f"/tariffs/books/{book.id}?months=12")
    assert "£75.00 for 6 hours is £12.50 an hour" in page.words
    assert "less than the legal wage of £12.71" in page.words
    await reload(db)
    staged = rule(
        TariffEvent.PLAN_COMPLETED,
        7_500,
        stages=(Stage(StageAt.SUBMITTED, 50), Stage(StageAt.SIGNED_OFF, 50)),
    )
    await service.set_rule(finance, book.id, staged, book.version)
    rules = (await service.books.rules([book.id]))[book.id]
    assert (await service.preview(finance, book, rules, 12, 1_271)).would_pence == 35_000


async def test_a_book_that_leaves_something_out_says_what_stops(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000)
    book = await draft(db, money)
    finance = await browser.signed_in(money.finance)
    path = f"/tariffs/books/{book.id}"
    version = (await finance.open(path)).field("version")
    await finance.post(f"{path}/rules/review_held", {"version": version, "action": "remove"})
    page = await finance.open(path)
    assert "Review held: this is paid now, and not any more from 1 April 2027" in page.words
    await finance.post(path, {"version": page.field("version"), "action": "drop"})
    assert await count(db, "tariff_books", "status = 'draft'") == 0
    await finance.get(path, expect=404)


async def test_only_finance_writes_price_lists_and_no_other_council_sees_them(
    browser: Browser, db: AsyncSession
) -> None:
    money, stranger = await make_money(db), await make_money(db)
    book = await draft(db, money)
    path = f"/tariffs/books/{book.id}"
    for role in (Role.MANAGER, Role.FINANCE_CHECKER, Role.ADMIN):
        reader = await browser.signed_in(await make_member(db, role, money.council))
        await reader.open(path)
        await reader.post(path, {"action": "publish", "version": "1"}, expect=403)
        await reader.post(f"{path}/rules/review_held", {"pounds-1": "1"}, expect=403)
        await reader.get("/tariffs/books/new", expect=403)
        await reload(db)
    for role in (Role.BROKER, Role.SOCIAL_WORKER):
        await (await browser.signed_in(await make_member(db, role, money.council))).get(path, expect=403)
        await reload(db)
    other = await browser.signed_in(stranger.finance)
    await other.get(path, expect=404)
    for form in ({"action": "publish"}, {"action": "drop"}, book_form()):
        await other.post(path, {**form, "version": "1"}, expect=404)
    await other.post(f"{path}/rules/review_held", {"version": "1", "name": "x", "pounds-1": "1"}, expect=404)
    await reload(db)
    with pytest.raises(Forbidden):
        await TariffBookService(db).publish(money.checker.principal, book.id, book.version)
    assert await count(db, "tariff_books", "status = 'draft'") == 1


async def test_forms_sent_twice_do_one_thing(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    form = book_form(form_id="start-once")
    first, second = await finance.post("/tariffs/books", form), await finance.post("/tariffs/books", form)
    assert first.location == second.location
    assert await count(db, "tariff_books") == 1
    path = first.location
    price = {"version": "1", "name": "Plan", "pounds-1": "80", "form_id": "rule-once"}
    for _ in range(2):
        await finance.post(f"{path}/rules/plan_completed", price)
    version = (await finance.open(path)).field("version")
    for _ in range(2):
        await finance.post(path, {"version": version, "action": "publish", "form_id": "publish-once"})
    assert await count(db, "audit_entries", "action = 'payments.publish_tariff_book'") == 1
    assert UUID(path.rsplit("/", 1)[1])


async def test_suppliers_hear_of_new_prices_before_they_count(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2027, 1, 5))
    await AccrualService(db).accrue_plan(event)
    book = await draft(db, money)
    await TariffBookService(db).publish(money.finance.principal, book.id, book.version)
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
    where = "template = 'tariffs_published' AND body LIKE '%from 1 April 2027%' AND body LIKE '%£75.00 to £100.00%'"
    assert await count(db, "messages", where) == 1
