"""Bank details: two people, masked everywhere, the old ones in use until the new ones are checked (C7, 4.6)."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.accounts.service import hash_password
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import Conflict, Forbidden, NotFound
from marketplace.payments import tasks, tasks_runs  # noqa: F401 - registers the tasks
from marketplace.payments.errors import OwnDetails
from marketplace.payments.models import BankAccount
from marketplace.payments.schemas import BankDetailsForm, CallForm, RunForm
from marketplace.payments.service.bank_details import BankDetailsService
from marketplace.payments.service.runs import PaymentRunService
from tests.browser import Browser, count, events
from tests.factories import make_member
from tests.factories_payments import Money, handled, make_money, payables_of, reload

FORM = {"account_name": "Helping Hands CIC", "sort_code": "30-96-26", "account_number": "1234567"}
DETAILS = BankDetailsForm("Helping Hands CIC", "309626", "01234567")
TODAY = date(2027, 3, 3)
LIVE_ON = date(2027, 3, 7)
"""Checked on the 3rd: the 4th, 5th and 6th are the days of cooling off."""
CALL = {"number_from": "agreement", "spoke_to": "Pat, treasurer", "agreed": "yes"}
CALLED = CallForm("agreement", "Pat, treasurer")


async def live(db: AsyncSession, money: Money, day: date) -> str:
    """The account number that counts on a day."""
    found = await BankDetailsService(db).accounts.live_of([money.organisation.id], day)
    return found[money.organisation.id][0].account_number


async def accepted(db: AsyncSession, money: Money, details: BankDetailsForm = DETAILS) -> BankAccount:
    """Details that were entered, called about and accepted."""
    service = BankDetailsService(db)
    account = await service.enter(money.provider.principal, details)
    await service.record_call(money.finance.principal, account.id, CALLED)
    return await service.check(money.checker.principal, account.id, accept=True, reason="Called")


async def test_new_details_count_after_a_call_a_check_and_some_days_and_the_old_ones_until_then(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db)
    organisation_id = money.organisation.id
    provider = await browser.signed_in(money.provider, confirmed=True)
    checker = await browser.signed_in(money.checker, confirmed=True)
    finance = await browser.signed_in(money.finance)
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
    await checker.post(path, {"answer": "accept", "reason": "The name fits"}, expect=409)
    wrong = await checker.post(f"{path}/call", {}, expect=422)
    assert set(wrong.errors()) == {"number_from", "spoke_to", "agreed"}
    await finance.post(f"{path}/call", CALL)
    assert "spoke to Pat, treasurer" in (await checker.open(path)).words
    await checker.post(path, {"answer": "accept", "reason": "The name fits"})
    await reload(db)
    assert await live(db, money, LIVE_ON - timedelta(days=1)) == "38290008"
    assert await live(db, money, LIVE_ON) == "01234567"
    await checker.post(path, {"answer": "refuse", "reason": "Changed my mind"}, expect=409)
    assert "Checked" in (await provider.open("/bank-details")).words
    page = await checker.open("/bank-details-to-check")
    assert "Nothing to check" in page.words
    assert "Accepted, not paid to yet" in page.words


async def test_who_left_a_screen_open_is_asked_for_the_password_again(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    money.provider.user.password_hash = await hash_password("the right password")
    await db.flush()
    provider = await browser.signed_in(money.provider)
    page = await provider.open("/bank-details")
    assert page.field("sort_code") is None
    assert (await provider.post("/bank-details", FORM)).location == "/confirm-it-is-you?next=/bank-details"
    assert await count(db, "bank_accounts", "entered_by_user_id IS NOT NULL") == 0
    path = page.link("^/confirm-it-is-you")
    assert (await provider.open(path)).field("next") == "/bank-details"
    for wrong in ("", "not the right password"):
        answer = await provider.post("/confirm-it-is-you", {"password": wrong, "next": "/bank-details"}, expect=422)
        assert set(answer.errors()) == {"password"}
    assert await count(db, "attempts", "kind = 'sign_in'") == 2
    given = {"password": "the right password", "next": "/bank-details"}
    assert (await provider.post("/confirm-it-is-you", given)).location == "/bank-details"
    assert (await provider.open("/bank-details")).field("sort_code") == ""
    await provider.post("/bank-details", FORM)
    assert await count(db, "audit_entries", "action = 'accounts.confirm_identity'") == 1
    clock.advance(timedelta(minutes=10))
    assert (await provider.post("/bank-details", FORM)).location.startswith("/confirm-it-is-you")
    assert await count(db, "bank_accounts", "entered_by_user_id IS NOT NULL") == 1
    elsewhere = await provider.post("/confirm-it-is-you", {**given, "next": "//elsewhere.example"})
    assert elsewhere.location == "/home"


async def test_passwords_are_not_guessed_at_the_second_door_either(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    provider = await browser.signed_in(money.provider)
    for _ in range(10):
        await provider.post("/confirm-it-is-you", {"password": "a guess"}, expect=422)
    await provider.post("/confirm-it-is-you", {"password": "a guess"}, expect=429)


async def test_nobody_is_paid_at_details_that_an_old_contact_did_not_know_of(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    money = await make_money(db)
    account = await accepted(db, money)
    clock.advance(timedelta(days=4))
    assert await live(db, money, LIVE_ON) == "01234567"
    form = RunForm(date(2027, 3, 10), await payables_of(db, await money.bill(db)))
    run = await PaymentRunService(db).make(money.finance.principal, form)
    run_path, path = f"/payment-runs/{run.id}", f"/bank-details-to-check/{account.id}"
    finance = await browser.signed_in(money.finance)
    checker = await browser.signed_in(money.checker, confirmed=True)
    assert "Stop these details" in (await finance.open(path)).words
    assert set((await finance.post(f"{path}/stop", {}, expect=422)).errors()) == {"stop_reason"}
    await finance.post(f"{path}/stop", {"stop_reason": "The treasurer knows nothing of it"})
    await finance.post(f"{path}/stop", {"stop_reason": "The treasurer knows nothing of it"}, expect=409)
    await reload(db)
    assert await live(db, money, LIVE_ON) == "38290008"
    page = await checker.post(f"{run_path}/release", expect=409)
    assert "Bank details have changed" in page.text
    assert await count(db, "payment_runs", "status = 'made'") == 1


async def test_an_account_that_cannot_exist_is_refused_where_tables_are_there(
    browser: Browser, db: AsyncSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    money = await make_money(db)
    (tmp_path / "valacdos.txt").write_text("309626 309626 MOD10 0 0 0 0 0 0 1 1 1 1 1 1 1 1\n")
    (tmp_path / "scsubtab.txt").write_text("")
    monkeypatch.setenv("MODULUS_TABLES", str(tmp_path))
    provider = await browser.signed_in(money.provider, confirmed=True)
    page = await provider.post("/bank-details", FORM, expect=422)
    assert set(page.errors()) == {"account_number"}
    assert await count(db, "bank_accounts", "entered_by_user_id IS NOT NULL") == 0
    await provider.post("/bank-details", {**FORM, "account_number": "00000019"})
    assert await count(db, "bank_accounts", "check_note = 'The account number fits the sort code'") == 1


async def test_whole_numbers_appear_on_no_page_log_or_message(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    provider = await browser.signed_in(money.provider, confirmed=True)
    finance = await browser.signed_in(money.finance)
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
        await service.record_call(money.finance.principal, account.id, CALLED)
        await service.check(money.checker.principal, account.id, accept=accept, reason="The name does not fit")
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
    mine = f"user_id = '{money.provider.user.id}'"
    assert await count(db, "messages", f"{mine} AND body LIKE '%go on paying into the account we had%'") == 2
    assert await count(db, "messages", f"{mine} AND body LIKE '%from 7 March 2027 go to this account%'") == 1
    assert await count(db, "messages", f"{mine} AND body LIKE '%The reason: The name does not fit%'") == 1
    assert await live(db, money, LIVE_ON) == "01234567"


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


async def test_who_made_the_call_may_refuse_but_not_accept(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    account = await BankDetailsService(db).enter(money.provider.principal, DETAILS)
    path = f"/bank-details-to-check/{account.id}"
    finance, user_id = await browser.signed_in(money.finance, confirmed=True), money.finance.user.id
    await finance.post(f"{path}/call", CALL)
    page = await finance.open(path)
    assert "You made the call" in page.words
    assert "Yes, use them" not in page.words
    page = await finance.post(path, {"answer": "accept", "reason": "I heard them"}, expect=403)
    assert "another person must accept" in page.words
    await reload(db)
    assert await count(db, "bank_accounts", "checked_by_user_id IS NOT NULL") == 0
    assert set((await finance.post(path, {"answer": "refuse"}, expect=422)).errors()) == {"reason"}
    await finance.post(path, {"answer": "refuse", "reason": "They knew nothing of it"})
    assert await count(db, "bank_accounts", f"checked_by_user_id = '{user_id}'") == 1


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
    stranger, reader = await browser.signed_in(other.checker, confirmed=True), await browser.signed_in(manager)
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
    provider = await browser.signed_in((await make_money(db)).provider, confirmed=True)
    page = await provider.post("/bank-details", {**FORM, **change}, expect=422)
    assert set(page.errors()) == {field}
    assert await count(db, "bank_accounts", "entered_by_user_id IS NOT NULL") == 0
    assert await events(db) == []


async def test_details_that_are_not_live_yet_pay_nobody(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock
) -> None:
    money = await make_money(db)
    await accepted(db, money)
    bill = await money.bill(db)
    await money.run(db, bill)
    numbers = set(
        await db.scalars(select(BankAccount.account_number).where(BankAccount.live_from <= clock.now().date()))
    )
    assert await count(db, "payment_run_lines", "account_number = '38290008'") == 1
    assert "01234567" not in numbers


async def test_old_contacts_hear_of_new_details_though_they_were_thrown_out(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db, email="office@helping.example")
    before = await make_member(db, Role.PROVIDER, money.council, organisation_id=money.organisation.id, name="Ola Old")
    old = money.provider.__class__(before.user, before.membership, before.council)
    service = BankDetailsService(db)
    account = await service.enter(old.principal, BankDetailsForm("Helping Hands", "200415", "38290008"))
    await service.record_call(money.finance.principal, account.id, CALLED)
    await service.check(money.checker.principal, account.id, accept=True, reason="Called")
    before.membership.ends_on = TODAY
    await service.enter(money.provider.principal, DETAILS)
    await db.flush()
    for item in await outbox.relay(db):
        if item.task == "payments.tell_bank_details_entered":
            await handled(db, item)
    told = "template = 'bank_details_entered' AND body LIKE '%••••4567%'"
    for address in (before.user.email, money.provider.user.email, "office@helping.example"):
        assert await count(db, "messages", f"{told} AND to_address = '{address}'") == 1
