"""The rest by card: the direct payment pays what it reaches, the card the rest; both are held and freed together."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from marketplace.bookings import Booking, BookingStatus, Funding, purse_of
from marketplace.bookings import tasks as booking_tasks  # noqa: F401 - its listeners are told
from marketplace.core.database import scope_to
from marketplace.payments import tasks_cards
from marketplace.payments.models import CardPayment, CardPurpose
from marketplace.payments.service.cards import due_by_card
from marketplace.payments.states import CardStatus
from tests.browser import count
from tests.factories_bookings import make_booking, make_scene
from tests.payments.card_world import HOST, hold, open_site, run_tasks, stand

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def free(db, scene):
    await scope_to(db, "every")
    return (await purse_of(db, scene.council.id, scene.person.id)).free_pence


async def topped_up(site, db, balance_pence=1_000):
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=balance_pence)
    person = await site.signed_in(scene.member)
    sent = await person.post("/bookings", scene.form(funding="top_up"))
    gone = await person.get(sent.location, expect=303)
    return scene, person, sent.location.split("/")[3], gone.location


async def test_from_the_choice_to_the_agreed_visit(site, db):
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=1_000)
    person = await site.signed_in(scene.member)
    page = await person.post("/bookings/new", scene.form(funding="direct_payment"), expect=422)
    assert "pay the rest, £6.00, by card" in page.words
    check = await person.post("/bookings/new", scene.form(funding="top_up"), expect=200)
    assert "By card, now" in check.words
    assert "Continue to payment" in check.words
    sent = await person.post("/bookings", scene.form(funding="top_up", shown_pence=1_600, shown_card_pence=600))
    payment_id = sent.location.split("/")[3]
    payment = await db.get_one(CardPayment, payment_id)
    assert (payment.purpose, payment.amount_pence) == (CardPurpose.TOP_UP, 600)
    url = (await person.get(sent.location, expect=303)).location
    assert url.startswith(HOST)
    assert "part that your direct payment pays" in (await person.open(f"/payments/cards/{payment_id}/stopped")).words
    assert await free(db, scene) == 0, "the pending top-up holds its part of the direct payment"
    shown = (await site.stripe.api.get(url)).text
    assert "Rest of the visit on 5 March 2027" in shown
    assert scene.person.name not in shown
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.REQUESTED, 600, 0)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    assert "£10.00 from your direct payment, £6.00 by card" in (await person.open(f"/bookings/{booking_id}")).words
    await (await site.signed_in(scene.provider)).post(f"/provider/bookings/{booking_id}/accept")
    await hold(db)


@pytest.mark.parametrize(
    ("funding", "approved", "due"),
    [
        (Funding.DIRECT_PAYMENT, 1_600, 600),
        (Funding.DIRECT_PAYMENT, None, 600),
        (Funding.DIRECT_PAYMENT, 500, 500),
        (Funding.DIRECT_PAYMENT, 0, 0),
        (Funding.CARD, 900, 900),
        (Funding.CARD, None, 1_600),
    ],
)
def test_the_cards_part_is_used_first(funding, approved, due):
    visit = Booking(
        status=BookingStatus.APPROVED, funding=funding, cost_pence=1_600, top_up_pence=600, approved_pence=approved
    )
    assert due_by_card(visit) == due
    visit.status = BookingStatus.CLAIMED
    assert due_by_card(visit) is None


async def test_a_page_left_open_frees_time_and_money(site, db, clock):
    scene, _, payment_id, _ = await topped_up(site, db)
    assert await free(db, scene) == 0
    clock.advance(timedelta(minutes=61))
    await tasks_cards.sweep_cards()
    assert (await stand(db, payment_id))[:2] == (CardStatus.EXPIRED, BookingStatus.CANCELLED)
    assert await free(db, scene) == 1_000
    assert await count(db, "visit_workers", "is_holding") == 0
    await (await site.signed_in(scene.member)).post("/bookings", scene.form(funding="top_up"))
    await hold(db)


async def test_a_declined_visit_gives_both_parts_back(site, db):
    scene, _, payment_id, url = await topped_up(site, db)
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    await (await site.signed_in(scene.provider)).post(f"/provider/bookings/{booking_id}/decline", {"reason": "Full"})
    await run_tasks(db)
    await site.tell("refund.created")
    await run_tasks(db)
    assert (await stand(db, payment_id))[0] is CardStatus.REFUNDED
    assert await free(db, scene) == 1_000
    await hold(db)


async def test_cancelling_in_time_gives_the_cards_part_back(site, db):
    scene, person, payment_id, url = await topped_up(site, db)
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    assert "£6.00 back to your card" in (await person.open(f"/bookings/{booking_id}/cancel")).words
    await person.post(f"/bookings/{booking_id}/cancel", {"reason": ""})
    await run_tasks(db)
    assert site.stripe.money() == [(600, 600)]
    assert await free(db, scene) == 1_000


async def test_the_card_pays_no_less_than_30p(site, db):
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=1_590)
    person = await site.signed_in(scene.member)
    await person.post("/bookings", scene.form(funding="top_up"))
    booking = (await db.scalars(select(Booking))).one()
    assert (booking.top_up_pence, booking.cost_pence) == (30, 1_600)
    assert await free(db, scene) == 20


async def test_a_direct_payment_that_reaches_needs_no_card(site, db):
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=5_000)
    person = await site.signed_in(scene.member)
    sent = await person.post("/bookings", scene.form(funding="top_up"))
    assert sent.location.startswith("/bookings/")
    assert await count(db, "card_payments") == 0


async def test_an_empty_direct_payment_and_a_provider_without_cards_are_said(site, db):
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=0)
    person = await site.signed_in(scene.member)
    empty = await person.post("/bookings", scene.form(funding="top_up"), expect=422)
    assert "nothing left for this" in empty.errors()["funding"]
    other = await make_scene(db, balance_pence=1_000)
    nobody = await site.signed_in(other.member)
    refused = await nobody.post("/bookings", other.form(funding="top_up"), expect=422)
    assert "cannot be paid by card" in refused.errors()["funding"]
    assert await count(db, "bookings") == 0


async def test_what_was_shown_is_what_the_card_pays(site, db):
    """Money promised between the page of answers and the request changes the card's part: it is shown again."""
    scene = await make_scene(db, cards=await site.stripe.payee(), balance_pence=2_600)
    person = await site.signed_in(scene.member)
    await make_booking(db, scene, cost_pence=1_600, on=date(2027, 3, 8))
    form = scene.form(funding="top_up", shown_pence=1_600, shown_card_pence=0)
    page = await person.post("/bookings", form, expect=422)
    assert "the card would pay £6.00 now" in page.errors()["funding"]
    assert await count(db, "card_payments") == 0
