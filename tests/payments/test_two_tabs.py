"""Forms of direct payments and refunds that are clicked twice, sent from two tabs, or sent again with other content."""

from collections.abc import AsyncGenerator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.settings import Settings
from marketplace.payments.models import MovementKind
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.spending import SpendingForm, SpendingService
from tests.browser import Browser, application
from tests.conftest import NOW, admin, clone_database
from tests.factories import Member, make_member
from tests.factories_account import make_approved, make_self_held
from tests.factories_bookings import Scene, loose, make_scene
from tests.payments.card_world import Site, open_site, paid, staff
from tests.payments.test_card_refunds import limit
from tests.two_tabs import Prepare, Try, sent_again, sent_at_once

TODAY = {"happened_on-day": "3", "happened_on-month": "3", "happened_on-year": "2027"}
MOVED = ("money_movements", "true")
REVERSED = ("ledger_entries", "reverses_id IS NOT NULL")


async def finance_of(db: AsyncSession, scene: Scene, role: Role = Role.FINANCE) -> Member:
    member = await make_member(db, role, scene.council)
    loose(db, member.user, member.membership)
    return member


async def record_a_payment(db: AsyncSession, clock: Any) -> Try:
    scene = await make_self_held(db)
    visit = await make_approved(db, scene)
    form = {**TODAY, "amount": "16", "payee": "Pat Helper", "visits": str(visit.id), "what": ""}
    return Try(scene.member, "/money/payments/new", form, MOVED, {"payee": "Sam"}, tab=422)


async def record_something_beside_visits(db: AsyncSession, clock: Any) -> Try:
    scene = await make_self_held(db)
    form = {**TODAY, "amount": "5", "payee": "Swim club", "visits": "", "what": "Entry"}
    return Try(scene.member, "/money/payments/new", form, MOVED, {"amount": "6"}, tab=422)


async def record_money_back(db: AsyncSession, clock: Any) -> Try:
    scene, _ = await spent(db, pence=1_500)
    form = {**TODAY, "amount": "5", "payee": "Swim club", "what": "Closed that day"}
    return Try(scene.member, "/money/payments/back", form, MOVED, {"amount": "6"}, tab=422)


async def spent(db: AsyncSession, pence: int = 500) -> tuple[Scene, str]:
    """A payment that somebody wrote down."""
    scene = await make_self_held(db)
    form = SpendingForm(
        amount_pence=pence, happened_on=date(2027, 3, 3), payee="Swim club", what="Entry", visits=(), is_another=False
    )
    row = await SpendingService(db).pay(scene.member.principal, scene.council.id, scene.person.id, form)
    return scene, str(row.id)


async def take_back(db: AsyncSession, clock: Any) -> Try:
    scene, movement = await spent(db)
    path = f"/money/payments/{movement}/undo"
    return Try(scene.member, path, {"reason": "Typed wrongly"}, REVERSED, {"reason": "Not mine"})


async def take_back_for_the_council(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    finance = await finance_of(db, scene)
    row = await MovementService(db).pay_in(finance.principal, scene.person.id, MovementKind.ONE_OFF, 700, "A one-off")
    path = f"/direct-payments/{scene.person.id}/payments/{row.id}/undo"
    return Try(finance, path, {"reason": "Another person's"}, REVERSED, {"reason": "Twice"})


async def pay_in(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    form = {"amount": "600", "source": "council", "reason": "Four weeks"}
    path = f"/direct-payments/{scene.person.id}"
    return Try(await finance_of(db, scene), path, form, MOVED, {"amount": "60"}, tab=303)


async def take_a_surplus(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    form = {"amount": "200", "reason": "Surplus"}
    path = f"/direct-payments/{scene.person.id}/reclaim"
    # The account holds £300: there is nothing left for a second one.
    return Try(await finance_of(db, scene), path, form, MOVED, {"amount": "20"}, tab=422)


async def arrange_who_holds_it(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    form = {
        "holding": "own_account", "starts_on-day": "4", "starts_on-month": "3", "starts_on-year": "2027",
        "reason": "Her choice",
    }  # fmt: skip
    path = f"/direct-payments/{scene.person.id}/holding"
    effect = ("direct_payment_arrangements", "true")
    return Try(await finance_of(db, scene), path, form, effect, {"holding": "prepaid_card"}, tab=303, is_same=True)


async def ask_for_more(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    await finance_of(db, scene, Role.MANAGER)
    form = {"amount": "14.50", "often": "weekly", "reason": "I need help at night now"}
    effect = ("audit_entries", "action = 'payments.ask_for_more'")
    return Try(scene.member, "/money/ask", form, effect, {"often": "once"}, tab=303)


CASES: tuple[Prepare, ...] = (
    record_a_payment, record_something_beside_visits, record_money_back, take_back, take_back_for_the_council, pay_in,
    take_a_surplus, arrange_who_holds_it, ask_for_more,
)  # fmt: skip


@pytest.mark.parametrize("prepare", CASES, ids=lambda one: one.__name__)
async def test_a_form_counts_once_however_often_it_is_sent(
    browser: Browser, db: AsyncSession, clock: Any, prepare: Prepare
) -> None:
    await sent_again(browser, db, await prepare(db, clock))


@pytest.mark.usefixtures("mailbox")
async def test_tabs_that_send_at_the_same_instant_end_in_one_effect(
    worker_id: str, settings: Settings, clock: FixedClock
) -> None:
    name = f"money_tabs_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=8)
    maker = make_session_maker(engine, clock)
    app, _ = application(settings, maker, clock)
    try:
        for prepare in CASES:
            clock.move_to(NOW)
            async with transaction(maker, "every") as db:
                one = await prepare(db, clock)
            await sent_at_once(app, maker, settings, clock, one)
    finally:
        await engine.dispose()
        await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def site(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Site]:
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
async def test_a_refund_is_asked_and_agreed_once_however_often_it_is_sent(site: Site, db: AsyncSession) -> None:
    scene, _, payment_id, _ = await paid(site, db)
    await limit(db, scene.council, 600)
    path = f"/refunds/payments/{payment_id}"
    finance = await staff(db, Role.FINANCE, scene.council)
    large = {"amount": "9", "reason": "Short"}
    waiting, asked = (("card_refunds", f"status = '{status}'") for status in ("waiting", "asked"))
    # What is left of £16 is too little for a second one.
    await sent_again(site, db, Try(finance, path, large, waiting, {"amount": "8"}, tab=422))
    refund = await db.scalar(text("SELECT id FROM card_refunds WHERE status = 'waiting'"))
    checker = await staff(db, Role.FINANCE_CHECKER, scene.council)
    agree, refuse = {"answer": "agree"}, {"answer": "refuse", "reason": "No"}
    await sent_again(site, db, Try(checker, f"/refunds-to-agree/{refund}", agree, asked, refuse))
    small = {"amount": "5", "reason": "Late"}
    await sent_again(site, db, Try(scene.provider, path, small, asked, {"amount": "4"}, tab=422))
