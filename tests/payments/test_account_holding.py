"""Who holds a direct payment, the schedule that follows from it, funds held by organisations, receipts."""

from datetime import UTC, date, datetime

import pytest

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.checks import check_payments
from marketplace.payments.service.account.holding import HoldingForm, HoldingService
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.shares import ShareService
from marketplace.payments.service.account.spending import SpendingForm, SpendingService
from marketplace.payments.tasks_money import tell_holding
from marketplace.people.models import Budget, Holding
from marketplace.providers.models import ServiceLine
from tests.browser import count, events
from tests.factories import make_accreditation, make_member, make_organisation
from tests.factories_account import make_approved, make_self_held
from tests.factories_bookings import loose, make_scene
from tests.factories_day import hold_payment
from tests.files_corpus import phone_photo

TODAY = date(2027, 3, 3)


def holding(kind: Holding, on: date = TODAY, organisation_id=None) -> HoldingForm:
    return HoldingForm(holding=kind, organisation_id=organisation_id, starts_on=on, reason="The person's choice")


async def test_finance_arranges_who_holds_it_and_the_earlier_arrangement_ends(db):
    scene = await make_scene(db)
    finance = await make_member(db, Role.FINANCE, scene.council)
    service = HoldingService(db)
    ids = (scene.council.id, scene.person.id)
    await service.arrange(finance.principal, ids[1], holding(Holding.OWN_ACCOUNT))
    await service.arrange(finance.principal, ids[1], holding(Holding.PREPAID_CARD, date(2027, 4, 1)))
    await service.arrange(finance.principal, ids[1], holding(Holding.COUNCIL_HELD, date(2027, 4, 1)))
    for on, kind in (
        (date(2027, 3, 2), Holding.COUNCIL_HELD),
        (date(2027, 3, 31), Holding.OWN_ACCOUNT),
        (date(2027, 4, 1), Holding.COUNCIL_HELD),
    ):
        assert (await service.on(*ids, on)).holding is kind
    assert await count(db, "direct_payment_arrangements") == 2
    for form in (
        holding(Holding.OWN_ACCOUNT, date(2027, 3, 2)),
        holding(Holding.OWN_ACCOUNT, date(2027, 3, 31)),
        holding(Holding.PROVIDER_MANAGED, date(2027, 5, 1), scene.organisation.id),
    ):
        with pytest.raises(InvalidInput):
            await service.arrange(finance.principal, ids[1], form)
    with pytest.raises(Forbidden):
        await service.arrange(scene.member.principal, ids[1], holding(Holding.OWN_ACCOUNT))
    other = await make_scene(db)
    with pytest.raises(NotFound):
        await service.arrange(finance.principal, other.person.id, holding(Holding.OWN_ACCOUNT))
    assert (await events(db)).count("HoldingSet") == 3


async def test_the_page_keeps_what_was_typed_and_names_the_wrong_field(browser, db):
    scene = await make_scene(db)
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    path = f"/direct-payments/{scene.person.id}/holding"
    await finance.open(path)
    form = {"holding": "own_account", "starts_on-day": "4", "starts_on-month": "3", "starts_on-year": "2027"}
    assert list((await finance.post(path, form, expect=422)).errors()) == ["reason"]
    assert "organisation_id" in (await finance.post(path, form | {"holding": "provider_managed"}, expect=422)).errors()
    await finance.post(path, form | {"reason": "Her choice"})
    assert "Her choice" in (await finance.open(path)).words


async def test_the_share_comes_in_on_its_days_once_and_never_for_the_time_before(db, clock):
    scene = await make_scene(db, balance_pence=0)
    async with db.begin_nested():
        budget = await db.get(Budget, scene.budget.id, populate_existing=True)
        budget.starts_on, budget.weekly_pence, budget.own_weekly_pence = date(2027, 1, 4), 15_000, 2_500
    loose(db, budget)
    finance = await make_member(db, Role.FINANCE, scene.council)
    await HoldingService(db).arrange(finance.principal, scene.person.id, holding(Holding.OWN_ACCOUNT))
    shares, ledger = ShareService(db), LedgerService(db)
    # Paydays are 4 January, 1 February, 1 March, 29 March …: those before the arrangement were paid by hand.
    assert await shares.pay_all(scene.council.id) == 0
    clock.move_to(datetime(2027, 4, 26, 9, tzinfo=UTC))
    assert await shares.pay_all(scene.council.id) == 2
    assert await shares.pay_all(scene.council.id) == 0
    assert not await shares.pay(scene.council.id, scene.person.id, budget.id, date(2027, 3, 29), 50_000)
    held = await ledger.balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id)
    assert held == 2 * 4 * (15_000 - 2_500)
    assert await count(db, "money_movements", "recorded_by_user_id IS NULL") == 2
    assert all(fact.ok for fact in await check_payments(db))


async def test_no_share_comes_in_from_the_day_of_a_death_on(db, clock):
    scene = await make_scene(db, balance_pence=0)
    loose(db, await hold_payment(db, scene, Holding.COUNCIL_HELD))
    from sqlalchemy import text

    await db.execute(text(f"UPDATE people SET died_on = '2027-01-01' WHERE id = '{scene.person.id}'"))
    clock.move_to(datetime(2028, 1, 1, tzinfo=UTC))
    assert await ShareService(db).pay_all(scene.council.id) == 0


async def make_fund(db):
    """A scene whose direct payment an accredited organisation holds."""
    scene = await make_scene(db)
    manager = await make_organisation(db)
    await make_accreditation(db, manager, scene.council, ServiceLine.MONEY_MANAGEMENT)
    staff = await make_member(db, Role.PROVIDER, scene.council, organisation_id=manager.id)
    arrangement = await hold_payment(db, scene, Holding.PROVIDER_MANAGED, organisation_id=manager.id)
    loose(db, manager, staff.user, staff.membership, arrangement)
    return scene, manager, staff


async def test_the_organisation_accounts_for_a_fund_to_the_person(browser, db):
    scene, manager, staff = await make_fund(db)
    provider, person = await browser.signed_in(staff), await browser.signed_in(scene.member)
    path = f"/provider/funds/{scene.person.id}"
    assert scene.person.family_name in (await provider.open("/provider/funds")).words
    form = {
        "amount": "25",
        "happened_on-day": "3",
        "happened_on-month": "3",
        "happened_on-year": "2027",
        "payee": "Green gym",
        "what": "Month's pass",
    }
    await provider.post(path, form | {"amount": "300.01"}, expect=422)
    await provider.post(path, form)
    assert "Paid to Green gym: Month’s pass".replace("’", "'") in (await provider.open(path)).words
    assert "Paid to Green gym" in (await person.open("/money")).words
    await provider.get(f"{path}/statement.csv")
    assert (await provider.get(f"{path}/statement.pdf")).response.content.startswith(b"%PDF")
    drawn = await LedgerService(db).balance(scene.council.id, Purpose.FUND_DRAWN, manager.id)
    assert drawn == 2_500
    link = (await provider.open(path)).link(r"/payments/")
    await provider.post(f"{link}/undo", {"reason": "Wrong club"})
    assert await LedgerService(db).balance(scene.council.id, Purpose.FUND_DRAWN, manager.id) == 0
    assert all(fact.ok for fact in await check_payments(db))


async def test_other_organisations_and_the_person_cannot_write_in_a_fund(browser, db):
    scene, _, _ = await make_fund(db)
    stranger = await browser.signed_in(
        await make_member(db, Role.PROVIDER, scene.council, organisation_id=scene.organisation.id)
    )
    await stranger.open(f"/provider/funds/{scene.person.id}", expect=404)
    await stranger.get(f"/provider/funds/{scene.person.id}/statement.pdf", expect=404)
    assert "You hold no funds" in (await stranger.open("/provider/funds")).words
    form = SpendingForm(amount_pence=100, happened_on=TODAY, payee="X", what="Y")
    with pytest.raises(InvalidInput):
        await SpendingService(db).pay(scene.member.principal, scene.council.id, scene.person.id, form)


async def test_the_person_and_a_new_fund_manager_are_told(db):
    scene, manager, _ = await make_fund(db)
    finance = await make_member(db, Role.FINANCE, scene.council)
    form = holding(Holding.PROVIDER_MANAGED, date(2027, 4, 1), manager.id)
    await HoldingService(db).arrange(finance.principal, scene.person.id, form)
    assert tell_holding is not None
    assert (await events(db))[-1] == "HoldingSet"


async def test_receipts_are_kept_opened_by_those_concerned_and_bad_files_are_refused(browser, db):
    scene = await make_self_held(db)
    form = SpendingForm(amount_pence=500, happened_on=TODAY, payee="Club", what="Entry")
    movement = await SpendingService(db).pay(scene.member.principal, scene.council.id, scene.person.id, form)
    loose(db, movement)
    finance_member = await make_member(db, Role.FINANCE, scene.council)
    other = await make_self_held(db)
    person, finance, stranger = [await browser.signed_in(one) for one in (scene.member, finance_member, other.member)]
    page = f"/money/payments/{movement.id}"
    await person.open(page)
    await person.post(f"{page}/receipts", {}, files=[("files", ("r.exe", b"MZ\x90\x00", "image/png"))], expect=422)
    assert await count(db, "receipts") == 0
    await person.post(f"{page}/receipts", {}, files=[("files", ("till.jpg", phone_photo(), "image/jpeg"))])
    link = (await person.open(page)).link(r"/money/receipts/")
    file_id = link.rsplit("/", 1)[-1]
    assert "attachment" in (await person.get(link)).response.headers["content-disposition"]
    await finance.get(f"/money-audits/receipts/{file_id}")
    await stranger.get(link, expect=404)
    await stranger.post(f"{link}/remove", {}, expect=404)
    await person.post(f"{link}/remove", {})
    await person.get(link, expect=404)


async def test_a_correction_in_a_council_held_account_never_takes_promised_money(db):
    scene = await make_scene(db)
    await make_approved(db, scene)
    finance = await make_member(db, Role.FINANCE, scene.council)
    assert await MovementService(db).free(scene.council.id, scene.person.id) == 28_400
    assert await LedgerService(db).balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id) == 1_600
    with pytest.raises(InvalidInput):
        await MovementService(db).reclaim(finance.principal, scene.person.id, 28_401, "x")
