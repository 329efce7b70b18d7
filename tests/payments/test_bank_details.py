"""Bank details: two people, masked everywhere, the old ones in use until the new ones are checked (C7, 4.6)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Conflict, Forbidden, NotFound
from marketplace.payments import tasks  # noqa: F401 - registers the tasks
from marketplace.payments.errors import OwnDetails
from marketplace.payments.models import BankAccount
from marketplace.payments.schemas import BankDetailsForm
from marketplace.payments.service.bank_details import BankDetailsService
from tests.browser import Browser, count, events
from tests.factories import make_member
from tests.factories_payments import Money, handled, make_money, reload

FORM = {"account_name": "Helping Hands CIC", "sort_code": "30-96-26", "account_number": "1234567"}
DETAILS = BankDetailsForm("Helping Hands CIC", "309626", "01234567")
TOMORROW = date(2027, 3, 4)


async def live(db: AsyncSession, money: Money, day: date) -> str:
    """The account number that counts on a day."""
    found = await BankDetailsService(db).accounts.live_of([money.organisation.id], day)
    return found[money.organisation.id][0].account_number


async def test_new_details_go_live_the_day_after_their_check_and_the_old_ones_count_until_then(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db)
    organisation_id = money.organisation.id
    provider, checker = await browser.signed_in(money.provider), await browser.signed_in(money.checker)
    await provider.open("/bank-details")
    form = {**FORM, "form_id": "once"}
    for _ in range(2):
        await provider.post("/bank-details", form)
    assert await count(db, "bank_accounts", f"organisation_id = '{organisation_id}'") == 2
    page = await provider.open("/bank-details")
    assert "Waiting for a check" in page.words
    assert "••••4567" in page.words
    page = await checker.open("/bank-details-to-check")
    path = page.link(r"^/bank-details-to-check/")
    page = await checker.open(path)
    assert "••••0008" in page.words
    assert set((await checker.post(path, {}, expect=422)).errors()) == {"answer", "reason"}
    await checker.post(path, {"answer": "accept", "reason": "Called the office number"})
    await reload(db)
    assert await live(db, money, TOMORROW - timedelta(days=1)) == "38290008"
    assert await live(db, money, TOMORROW) == "01234567"
    await checker.post(path, {"answer": "refuse", "reason": "Changed my mind"}, expect=409)
    assert "Checked" in (await provider.open("/bank-details")).words
    assert "Nothing to check" in (await checker.open("/bank-details-to-check")).words


async def test_whole_numbers_appear_on_no_page_log_or_message(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    await provider.post("/bank-details", FORM)
    page = await provider.post("/bank-details", {**FORM, "account_name": ""}, expect=422)
    texts = [page.text, (await provider.open("/bank-details")).text]
    listed = await finance.open("/bank-details-to-check")
    texts += [listed.text, (await finance.open(listed.link(r"^/bank-details-to-check/"))).text]
    for item in await outbox.relay(db):
        await handled(db, item)
    assert await count(db, "messages", "template IN ('bank_details_entered', 'bank_details_to_check')") == 3
    for number in ("01234567", "1234567", "309626", "30-96-26"):
        assert not [text for text in texts if number in text]
        assert await count(db, "messages", f"body LIKE '%{number}%'") == 0
        assert await count(db, "audit_entries", f"after::text LIKE '%{number}%'") == 0
        assert await count(db, "outbox_messages", f"body::text LIKE '%{number}%'") == 0


async def test_the_organisation_is_told_of_a_change_and_of_its_outcome(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    service = BankDetailsService(db)
    for accept in (True, False):
        account = await service.enter(money.provider.principal, DETAILS)
        await service.check(money.checker.principal, account.id, accept=accept, reason="The name does not fit")
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
    mine = f"user_id = '{money.provider.user.id}'"
    assert await count(db, "messages", f"{mine} AND body LIKE '%go on paying into the account we had%'") == 2
    assert await count(db, "messages", f"{mine} AND body LIKE '%from 4 March 2027 go to this account%'") == 1
    assert await count(db, "messages", f"{mine} AND body LIKE '%The reason: The name does not fit%'") == 1
    assert await live(db, money, TOMORROW) == "01234567"


async def test_nobody_checks_details_they_entered(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    account = await BankDetailsService(db).enter(money.provider.principal, DETAILS)
    account.entered_by_user_id = money.checker.user.id
    await db.flush()
    with pytest.raises(OwnDetails):
        await BankDetailsService(db).check(money.checker.principal, account.id, accept=True, reason="x")
    assert await events(db) == ["BankDetailsEntered"]
    account.checked_by_user_id = money.checker.user.id
    with pytest.raises(IntegrityError, match="ck_bank_accounts_other_checker"):
        await db.flush()


async def test_only_the_newest_details_wait_for_a_check(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    service = BankDetailsService(db)
    first = await service.enter(money.provider.principal, DETAILS)
    second = await service.enter(money.provider.principal, DETAILS)
    assert [row.id for row, _ in await service.accounts.waiting(money.council.id)] == [second.id]
    with pytest.raises(Conflict, match="replaced in the meantime"):
        await service.check(money.checker.principal, first.id, accept=True, reason="x")
    states = [view.state for view in await service.own(money.provider.principal)]
    assert states == ["waiting", "replaced", "in_use"]


async def test_a_council_checks_only_those_it_pays_and_only_its_finance_team_does(
    browser: Browser, db: AsyncSession
) -> None:
    money, other = await make_money(db), await make_money(db)
    account = await BankDetailsService(db).enter(money.provider.principal, DETAILS)
    with pytest.raises(NotFound):
        await BankDetailsService(db).check(other.checker.principal, account.id, accept=True, reason="x")
    with pytest.raises(Forbidden):
        await BankDetailsService(db).enter(money.finance.principal, DETAILS)
    path = f"/bank-details-to-check/{account.id}"
    manager = await make_member(db, Role.MANAGER, money.council)
    planner = await make_member(db, Role.PLANNER, money.council, organisation_id=money.organisation.id)
    stranger, reader = await browser.signed_in(other.checker), await browser.signed_in(manager)
    worker = await browser.signed_in(planner)
    form = {"answer": "accept", "reason": "x"}
    await stranger.get(path, expect=404)
    await stranger.post(path, form, expect=404)
    await reader.get(path, expect=403)
    await reader.get("/bank-details-to-check", expect=403)
    await reader.post(path, form, expect=403)
    await worker.get("/bank-details", expect=403)
    await worker.post("/bank-details", FORM, expect=403)
    assert await count(db, "bank_accounts", "checked_by_user_id IS NOT NULL") == 0
    assert await events(db) == ["BankDetailsEntered"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sort_code": "12345"}, "sort_code"),
        ({"sort_code": "000000"}, "sort_code"),
        ({"sort_code": "20451x"}, "sort_code"),
        ({"account_number": "12345"}, "account_number"),
        ({"account_number": "123456789"}, "account_number"),
        ({"account_number": "١٢٣٤٥٦٧٨"}, "account_number"),
        ({"account_name": "!!!"}, "account_name"),
        ({"account_name": ""}, "account_name"),
    ],
)
async def test_wrong_details_are_explained_and_leave_nothing(
    browser: Browser, db: AsyncSession, change: dict[str, str], field: str
) -> None:
    provider = await browser.signed_in((await make_money(db)).provider)
    page = await provider.post("/bank-details", {**FORM, **change}, expect=422)
    assert set(page.errors()) == {field}
    assert await count(db, "bank_accounts", "entered_by_user_id IS NOT NULL") == 0
    assert await events(db) == []


async def test_details_that_are_not_live_yet_pay_nobody(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    account = await BankDetailsService(db).enter(money.provider.principal, DETAILS)
    await BankDetailsService(db).check(money.checker.principal, account.id, accept=True, reason="Called")
    bill = await money.bill(db)
    await money.run(db, bill)
    numbers = set(
        await db.scalars(select(BankAccount.account_number).where(BankAccount.live_from <= clock.now().date()))
    )
    assert await count(db, "payment_run_lines", "account_number = '38290008'") == 1
    assert "01234567" not in numbers
