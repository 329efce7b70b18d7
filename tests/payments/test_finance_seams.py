"""Seams of finance: years from any day, ages by organisation, VAT on top, rural areas, who hears of earnings."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting, setting
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.payments import tasks_tariffs  # noqa: F401 - registers the tasks
from marketplace.payments.books_rules import financial_year
from marketplace.payments.events import WorkEarned
from marketplace.payments.models import AccrualKind, TariffEvent
from marketplace.payments.service.accruals import priced
from marketplace.payments.service.workspace import YEARS, WorkspaceService
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import Browser, count
from tests.factories_payments import handled, make_accrual, make_money, make_vat
from tests.factories_tariffs import make_rule
from tests.payments.test_months_and_costs import day_fields

FIRST_DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: f"{day:%m-%d}")


@given(st.dates(date(2000, 1, 1), date(2190, 1, 1)), FIRST_DAYS)
def test_financial_years_follow_one_another_from_any_first_day(day: date, begins: str) -> None:
    year = financial_year(day, begins)
    assert year.starts_on <= day < year.ends_on
    assert 365 <= (year.ends_on - year.starts_on).days <= 366
    assert financial_year(year.ends_on, begins).starts_on == year.ends_on
    assert financial_year(year.starts_on - timedelta(days=1), begins).ends_on == year.starts_on


@pytest.mark.parametrize("begins", ["02-29", "04-01", "03-04", "12-31"])
async def test_finance_sees_its_spend_whatever_day_the_year_begins_on(
    browser: Browser, db: AsyncSession, begins: str
) -> None:
    money = await make_money(db)
    await set_setting(
        db, None, money.council.id, "payments.year_starts", begins, starts_on=date(2020, 1, 1), source="Test"
    )
    years = await WorkspaceService(db).years(money.finance.principal)
    assert len(years) == YEARS
    assert years[0][0] <= date(2027, 3, 3) < years[0][1]
    assert all(later[0] == earlier[1] for later, earlier in pairwise(years))
    await (await browser.signed_in(money.finance)).open("/finance/spend")


async def test_two_suppliers_of_one_name_are_two_rows_of_the_ages(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    other = await make_money(db, council=money.council)
    money.organisation.name = other.organisation.name = "Helping Hands"
    await db.flush()
    await money.bill(db, 10_000)
    await other.bill(db, 2_500)
    finance = await browser.signed_in(money.finance)
    rows = [line.split(",") for line in (await finance.get("/finance/ageing.csv")).text.splitlines()[1:]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("Helping Hands", "100.00"),
        ("Helping Hands", "25.00"),
        ("All organisations", "125.00"),
    ]


async def test_bills_on_hold_of_every_kind_are_behind_their_link(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    finance = await browser.signed_in(money.finance)
    assert "/invoices?status=held" in (await finance.open("/finance")).links()
    await finance.open("/invoices?status=held")
    page = await finance.open("/home")
    assert "Finance: what waits, what is due and what was spent" in page.words
    assert "/finance" in page.links()


async def test_vat_goes_on_top_as_the_council_agreed_to_it_and_never_as_another_did(db: AsyncSession) -> None:
    money = await make_money(db)
    elsewhere = await make_money(db)
    money.organisation.vat_number = "GB123456789"
    await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 45_000, vat_on_top=True)
    asked = (db, money.council.id, money.organisation.id, TariffEvent.PLAN_COMPLETED, date(2027, 3, 1))
    of_planning = {"service_line": ServiceLine.SUPPORT_PLANNING, "category": VatCategory.STANDARD, "rate": 2_000}
    await make_vat(db, elsewhere.council, money.organisation, **of_planning)
    found = await priced(*asked)
    assert found is not None
    assert found.pence == 45_000
    await make_vat(db, money.council, money.organisation, **of_planning)
    found = await priced(*asked)
    assert found is not None
    assert found.pence == 54_000


async def test_a_council_edits_its_rural_areas_from_a_day_on(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    council_id, member = money.council.id, money.finance
    finance = await browser.signed_in(member)
    path = "/tariffs/rural-areas"
    assert path in (await finance.open("/tariffs")).links()
    form = {"rural": "pr3 LA2\nBB7", "very_rural": "PR3 nowhere", "form_id": "areas", **day_fields("starts_on", TODAY)}
    page = await finance.post(path, form, expect=422)
    assert page.field("very_rural") == "PR3 nowhere"
    assert "is none" in str(page.errors())
    page = await finance.post(path, {**form, "very_rural": "PR3"}, expect=422)
    assert "cannot be both" in str(page.errors())
    past = {**form, "very_rural": "", **day_fields("starts_on", date(2027, 3, 2))}
    assert "or later" in str((await finance.post(path, past, expect=422)).errors())
    await finance.post(path, {**form, "very_rural": "LA10"})
    page = await finance.open(path)
    assert "PR3, LA2, BB7" in page.words
    assert "3 March 2027" in page.words
    found = await setting(db, council_id, "payments.rural_areas", date(2027, 3, 3))
    assert found == {"rural": ["PR3", "LA2", "BB7"], "very_rural": ["LA10"]}
    assert await setting(db, council_id, "payments.rural_areas", date(2027, 3, 2)) == {"rural": [], "very_rural": []}
    again = await finance.post(path, {**form, "very_rural": "", "form_id": "again"}, expect=422)
    assert "Choose another day" in str(again.errors())
    assert await count(db, "council_settings", "key = 'payments.rural_areas'") == 1
    assert await count(db, "audit_entries", "action = 'accounts.set_setting'") == 1


TODAY = date(2027, 3, 3)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (AccrualKind.REVIEW, "a review"),
        (AccrualKind.MONEY_MANAGEMENT, "a month of money management"),
        (AccrualKind.PLAN_STAGE, "a stage of a support plan"),
    ],
)
async def test_an_organisation_hears_what_it_has_earned(
    db: AsyncSession, maker: SessionMaker, kind: AccrualKind, words: str
) -> None:
    money = await make_money(db)
    accrual = await make_accrual(db, money.council, money.organisation, kind=kind, amount_pence=20_000)
    outbox.publish(
        db, WorkEarned(council_id=money.council.id, accrual_id=accrual.id, organisation_id=money.organisation.id)
    )
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
        await handled(db, item)
    assert await count(db, "messages", f"subject LIKE '%£200.00: {words}'") == 1
