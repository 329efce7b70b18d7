"""Direct-payment accounts: paying in, the statement, the download."""

import csv
import io
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden, NotFound
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.service.direct_payments import (
    DirectPaymentService,
    FundingSource,
    Statement,
    StatementLine,
    next_month,
    previous_month,
    statement_csv,
)
from tests.browser import count
from tests.factories import make_budget, make_member, make_person
from tests.factories_bookings import loose, make_booking, make_scene


async def test_finance_pays_in_and_the_person_sees_it(browser, db):
    scene = await make_scene(db, balance_pence=0)
    await make_booking(db, scene, cost_pence=1_250)
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    person = await browser.signed_in(scene.member)
    page = await finance.open("/direct-payments")
    assert scene.person.reference in page.words
    account = f"/direct-payments/{scene.person.id}"
    await finance.open(account)
    form = {"amount": "600", "source": "council", "reason": "Four weeks from 1 March", "form_id": "one"}
    await finance.post(account, form)
    await finance.post(account, form)
    await finance.post(account, {"amount": "£12.50", "source": "contribution", "reason": "Own share"})
    ledger = LedgerService(db)
    assert await ledger.balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id) == 61_250
    assert await count(db, "audit_entries", "why = 'Four weeks from 1 March'") == 1
    page = await person.open("/money")
    for part in ("£612.50", "£12.50", "£600.00", "4 weeks of your budget", "Own contribution paid in", "March 2027"):
        assert part in page.words, part
    assert "Paid in by the council: Four weeks from 1 March£600.00" in page.words.replace("3 March 2027", "")
    file = await person.get("/money/statement.csv?month=2027-03")
    assert "attachment" in file.response.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert rows[-1][-1] == "612.50"
    assert ["2027-03-03", "Own contribution paid in: Own share", "12.50", "612.50"] in rows
    assert "£612.50" in (await finance.open("/direct-payments")).words


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1.234"}, "amount"),
        ({"amount": "100000.01"}, "amount"),
        ({"source": "lottery"}, "source"),
        ({"reason": ""}, "reason"),
    ],
)
async def test_wrong_payments_are_refused_and_leave_nothing(browser, db, given, field):
    scene = await make_scene(db, balance_pence=0)
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    form = {"amount": "10", "source": "council", "reason": "Start"} | given
    page = await finance.post(f"/direct-payments/{scene.person.id}", form, expect=422)
    assert list(page.errors()) == [field]
    assert await count(db, "ledger_entries") == 0
    assert await count(db, "audit_entries", "action LIKE 'payments%'") == 0


async def test_only_the_own_council_and_only_direct_payments(browser, db):
    scene, other = await make_scene(db), await make_scene(db)
    without = await make_person(db, scene.council)
    loose(db, without)
    finance_member = await make_member(db, Role.FINANCE, scene.council)
    loose(db, finance_member.user, finance_member.membership)
    finance = await browser.signed_in(finance_member)
    for person_id in (other.person.id, without.id, uuid4(), "x"):
        await finance.open(f"/direct-payments/{person_id}", expect=404)
        form = {"amount": "10", "source": "council", "reason": "Start"}
        await finance.post(f"/direct-payments/{person_id}", form, expect=404)
    assert other.person.reference not in (await finance.open("/direct-payments")).words
    with pytest.raises(Forbidden):
        await DirectPaymentService(db).fund(scene.member.principal, scene.person.id, 100, "Mine")
    with pytest.raises(NotFound):
        await DirectPaymentService(db).fund(
            finance_member.principal, other.person.id, 100, "Theirs", FundingSource.COUNCIL
        )
    assert await count(db, "ledger_entries") == 2


async def test_long_lists_are_paged_and_stay_within_the_query_budget(browser, db):
    scene = await make_scene(db)
    for number in range(55):
        await make_budget(db, await make_person(db, scene.council, family_name=f"Name{number:02}"))
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    first = await finance.open("/direct-payments")
    following = await finance.open(first.link(r"after="))
    shown = [link for page in (first, following) for link in page.links() if "/direct-payments/" in link]
    assert len(shown) == len(set(shown)) == 56


async def test_a_person_without_a_direct_payment_is_shown_the_way(browser, db, clock):
    scene = await make_scene(db, direct_payment=False)
    page = await (await browser.signed_in(scene.member)).open("/money?month=nonsense")
    assert "You have no direct payment" in page.words
    clock.move_to(datetime(2027, 3, 3, 10, 30, tzinfo=UTC))
    other = await make_scene(db)
    page = await (await browser.signed_in(other.member)).open("/money?month=2027-02")
    assert "No money moved in this month" in page.words


@given(st.lists(st.integers(-(10**7), 10**7), max_size=30), st.integers(0, 10**8), st.text(max_size=30))
def test_the_download_adds_up_and_runs_no_formula(changes, opening, words):
    lines, balance = [], opening
    for change in changes:
        balance += change
        lines.append(StatementLine(date(2027, 3, 1), words, change, balance))
    statement = Statement(month=date(2027, 3, 1), opening_pence=opening, lines=lines, closing_pence=balance)
    rows = list(csv.reader(io.StringIO(statement_csv(statement), newline="")))
    pence = [int(row[2].replace(".", "")) for row in rows[2:-1]]
    assert pence == changes
    assert int(rows[-1][3].replace(".", "")) == balance
    assert all(row[1][:1] not in tuple("=+-@\t\r") for row in rows[2:-1] if row[1] and not row[1][1:].isdecimal())


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_months_follow_each_other(day):
    assert previous_month(next_month(day)) == day.replace(day=1)
    assert (next_month(day) - day.replace(day=1)).days in (28, 29, 30, 31)
