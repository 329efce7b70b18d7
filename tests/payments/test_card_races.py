"""Real connections: card money holds when many ask for refunds, pay visits and hand over events at the same instant."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import func, select, text

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking
from marketplace.bookings.schemas import Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.core.errors import PlatformError
from marketplace.payments.checks_cards import CHECKS
from marketplace.payments.models import CardPayment, CardRefund
from marketplace.payments.service.card_refunds import RefundService
from marketplace.payments.service.cards import CardService, Facts
from marketplace.payments.states import CardStatus, RefundStatus
from marketplace.payments.stripe_shapes import StripeDispute, StripeRefund
from tests.conftest import NOW, admin, clone_database
from tests.factories import make_member
from tests.factories_bookings import make_booking, make_scene

CLIENTS = 8


@pytest.fixture
async def own_maker(worker_id, clock):
    name = f"cards_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=CLIENTS)
    yield make_session_maker(engine, clock)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def opened(maker, *, is_paid):
    """A card booking with its payment: (scene, payment)."""
    async with transaction(maker, "every") as db:
        scene = await make_scene(db, direct_payment=False, cards="acct_race")
        visit = await make_booking(db, scene, BookingStatus.AWAITING_PAYMENT, funding=Funding.CARD)
        booking = await db.get_one(Booking, visit.id)
        payment_id = (await CardService(db).open_payment(scene.member.principal, booking)).id
        if is_paid:
            await CardService(db).settle(payment_id, Facts(is_paid=True, intent_id="pi_race"))
    return scene, payment_id


async def outcomes(work):
    """Run pieces of work at once; returns what they gave, refusals as errors; anything else is a failure."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for one in found:
        assert not isinstance(one, BaseException) or isinstance(one, PlatformError), one
    return found


async def hold(maker):
    async with transaction(maker, "every") as db:
        for check in CHECKS:
            found = await check(db)
            assert found.ok, found


async def test_refunds_asked_at_the_same_instant_never_exceed_what_was_taken(own_maker):
    scene, payment_id = await opened(own_maker, is_paid=True)
    async with transaction(own_maker, "every") as db:
        members = [await make_member(db, Role.FINANCE, scene.council) for _ in range(CLIENTS)]

    async def ask(member):
        async with transaction(own_maker, [scene.council.id]) as db:
            return (await RefundService(db).ask(member.principal, payment_id, 300, "At once")).id

    found = await outcomes(ask(one) for one in members)
    assert sum(not isinstance(one, BaseException) for one in found) == 5, "five times £3 of £16"
    async with transaction(own_maker, "every") as db:
        assert await db.scalar(select(func.sum(CardRefund.amount_pence))) == 1_500
    await hold(own_maker)


async def test_rows_written_past_the_service_are_held_by_the_database(own_maker):
    scene, payment_id = await opened(own_maker, is_paid=True)

    async def write():
        async with transaction(own_maker, [scene.council.id]) as db:
            await db.execute(
                text(
                    "INSERT INTO card_refunds (id, council_id, payment_id, amount_pence, status, reason, asked_at, "
                    "failed_why, version) VALUES (gen_random_uuid(), :c, :p, 900, 'asked', '', now(), '', 1)"
                ),
                {"c": scene.council.id, "p": payment_id},
            )

    found = await asyncio.gather(*(write() for _ in range(CLIENTS)), return_exceptions=True)
    assert sum(one is None for one in found) == 1
    async with transaction(own_maker, "every") as db:
        assert await db.scalar(select(func.sum(CardRefund.amount_pence))) == 900


async def test_one_large_refund_is_agreed_once(own_maker):
    scene, payment_id = await opened(own_maker, is_paid=True)
    async with transaction(own_maker, "every") as db:
        finance = await make_member(db, Role.FINANCE, scene.council)
        checkers = [await make_member(db, Role.FINANCE_CHECKER, scene.council) for _ in range(CLIENTS)]
        refund = await RefundService(db).ask(finance.principal, payment_id, 1_600, "All")
        refund.status = RefundStatus.WAITING

    async def agree(member):
        async with transaction(own_maker, [scene.council.id]) as db:
            await RefundService(db).agree(member.principal, refund.id)

    found = await outcomes(agree(one) for one in checkers)
    assert sum(one is None for one in found) == 1


async def test_the_same_facts_from_many_workers_move_money_once(own_maker):
    scene, payment_id = await opened(own_maker, is_paid=False)
    facts = [
        Facts(is_paid=True, intent_id="pi_race"),
        Facts(refunds=(StripeRefund(id="re_1", status="succeeded", amount_pence=600),)),
        Facts(
            disputes=(
                StripeDispute(
                    id="dp_1",
                    status="needs_response",
                    amount_pence=1_000,
                    reason="general",
                    answer_by=None,
                    opened_at=NOW,
                ),
            )
        ),
    ]

    async def settle(fact):
        async with transaction(own_maker, [scene.council.id]) as db:
            await CardService(db).settle(payment_id, fact)

    await outcomes(settle(facts[number % 3]) for number in range(CLIENTS * 2))
    async with transaction(own_maker, "every") as db:
        payment = await db.get_one(CardPayment, payment_id)
        assert (payment.status, payment.refunded_pence, payment.disputed_pence) == (CardStatus.DISPUTED, 600, 1_000)
        kinds = sorted(await db.scalars(text("SELECT kind FROM ledger_entries")))
        assert kinds == ["card-dispute", "card-payment", "card-refund"]
    await hold(own_maker)


async def test_visits_paid_from_many_windows_are_in_one_payment(own_maker):
    async with transaction(own_maker, "every") as db:
        scene = await make_scene(db, direct_payment=False, cards="acct_race")
        facts = {"funding": Funding.CARD, "approved_pence": 1_600}
        visits = [
            await make_booking(db, scene, BookingStatus.APPROVED, on=date(2027, 3, day), **facts) for day in (1, 2, 3)
        ]

    async def pay(number):
        chosen = {visits[number % 3].id, visits[(number + 1) % 3].id}
        async with transaction(own_maker, [scene.council.id]) as db:
            return (await CardService(db).pay_visits(scene.member.principal, chosen)).id

    found = await outcomes(pay(number) for number in range(CLIENTS))
    assert sum(not isinstance(one, BaseException) for one in found) == 1, "any two pairs of three share a visit"
    await hold(own_maker)
