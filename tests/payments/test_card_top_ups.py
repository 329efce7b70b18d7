"""The rest by card: the direct payment pays what it reaches, the card the rest; both are held and freed together."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from marketplace.bookings import Booking, BookingStatus, Funding, purse_of
from marketplace.bookings import tasks as booking_tasks  # noqa: F401 - its listeners are told
from marketplace.bookings.models import CalledOffBy, CallOffReason
from marketplace.bookings.service.planning.calling_off import call_off
from marketplace.core.database import scope_to
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments import tasks_cards
from marketplace.payments.models import CardPayment, CardPurpose
from marketplace.payments.service.cards import due_by_card
from marketplace.payments.states import CardStatus
from tests.browser import count
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_booking, make_scene
from tests.payments.card_world import HOST, hold, open_site, run_tasks, stand
from tests.payments.test_card_disputes import DISPUTES

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


async def over(site, db, clock):
    """A topped-up visit that was agreed and whose time is over."""
    scene, _, payment_id, url = await topped_up(site, db)
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    booking_id = (await db.get_one(CardPayment, payment_id)).booking_id
    await (await site.signed_in(scene.provider)).post(f"/provider/bookings/{booking_id}/accept")
    clock.move_to(datetime(2027, 3, 5, 12, tzinfo=UTC))
    # Two days have ended every session.
    return scene, await site.signed_in(scene.member), payment_id, booking_id


async def claimed(site, db, clock):
    """A topped-up visit (£10 direct, £6 by card) that took place and was claimed: (scene, person, payment, visit)."""
    scene, person, payment_id, booking_id = await over(site, db, clock)
    provider = await site.signed_in(scene.provider)
    await provider.post(f"/provider/bookings/{booking_id}/delivered")
    await run_tasks(db)
    person = await site.signed_in(scene.member)
    return scene, person, payment_id, booking_id


async def left(db, scene):
    """What the direct payment holds, and what its payee has earned from it."""
    await scope_to(db, "every")
    ledger = LedgerService(db)
    held = await ledger.balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id)
    return held, await ledger.balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id)


async def refunded(site, db):
    await site.tell("refund.created", "refund.updated", "charge.refunded")
    await run_tasks(db)
    await hold(db)
    return site.stripe.money()


async def test_approving_uses_the_cards_part_first_and_the_direct_payment_for_the_rest(site, db, clock):
    scene, person, payment_id, booking_id = await claimed(site, db, clock)
    assert await left(db, scene) == (1_000, 0)
    await person.post(f"/bookings/{booking_id}/approve", {"pence": "1600"})
    await run_tasks(db)
    assert await left(db, scene) == (0, 1_000)
    assert await stand(db, payment_id) == (CardStatus.PAID, BookingStatus.APPROVED, 600, 0)
    assert await refunded(site, db) == [(600, 0)], "all of the card's part was approved"


@pytest.mark.parametrize(("approved", "direct", "back"), [("12.00", 600, 0), ("5.00", 0, 100), ("6.00", 0, 0)])
async def test_a_part_approved_visit_gives_back_what_the_card_paid_beyond_it(site, db, clock, approved, direct, back):
    scene, person, _payment_id, booking_id = await claimed(site, db, clock)
    await person.post(f"/bookings/{booking_id}/part", {"amount": approved, "reason": "They left early"})
    await run_tasks(db)
    await run_tasks(db)
    assert await left(db, scene) == (1_000 - direct, direct)
    assert await refunded(site, db) == [(600, back)]
    assert await count(db, "card_refunds") == (1 if back else 0)
    # The rest, agreed after all: the direct payment pays its part; what went back to the card is asked for again.
    await person.post(f"/bookings/{booking_id}/approve", {"pence": "1600"})
    await run_tasks(db)
    assert await left(db, scene) == (0, 1_000)
    assert await refunded(site, db) == [(600, back)]


async def test_a_visit_to_which_nobody_came_gives_the_cards_part_back_once(site, db, clock):
    scene, person, _, booking_id = await over(site, db, clock)
    await person.post(f"/bookings/{booking_id}/nobody-came", {"reason": "I waited until noon"})
    await run_tasks(db)
    assert await refunded(site, db) == [(600, 600)]
    assert await count(db, "card_refunds") == 1
    assert await free(db, scene) == 1_000


async def test_a_late_call_off_gives_the_excess_of_the_card_back(site, db):
    scene, _, payment_id, url = await topped_up(site, db)
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    booking = await db.get_one(Booking, (await db.get_one(CardPayment, payment_id)).booking_id)
    await (await site.signed_in(scene.provider)).post(f"/provider/bookings/{booking.id}/accept")
    await db.refresh(booking)
    await scope_to(db, "every")
    came_to = call_off(
        db,
        [(booking, 400)],
        by=CalledOffBy.PERSON,
        user_id=scene.member.user.id,
        reason=CallOffReason.CHANGED_MIND,
        words="Not needed",
    )
    await db.flush()
    assert came_to == (0, 1, 400)
    assert (booking.cost_pence, booking.top_up_pence) == (400, 400)
    await run_tasks(db)
    assert await refunded(site, db) == [(600, 200)]
    assert await free(db, scene) == 1_000, "the card alone pays what is owed"


async def test_a_visit_of_an_agreement_is_planned_when_its_card_payment_comes_and_the_provider_is_told(site, db):
    scene, _, payment_id, url = await topped_up(site, db)
    made = await make_agreement(db, scene)
    await scope_to(db, "every")
    booking = await db.get_one(Booking, (await db.get_one(CardPayment, payment_id)).booking_id)
    booking.agreement_id = made.agreement.id
    await db.flush()
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    assert (await stand(db, payment_id))[:2] == (CardStatus.PAID, BookingStatus.PLANNED)
    assert await count(db, "messages", "template = 'booking_funded'") == 1


@pytest.mark.parametrize(("how", "back"), [("won", 600), ("lost", 0)])
async def test_a_visit_cancelled_during_a_dispute_is_given_back_when_the_dispute_is_won(site, db, how, back):
    _scene, person, payment_id, url = await topped_up(site, db)
    await site.stripe.pay(url, "4242 4242 4242 4242")
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    payment = await db.get_one(CardPayment, payment_id)
    intent, booking_id = payment.stripe_payment_intent_id, payment.booking_id
    await site.stripe.order("disputes", payment_intent=intent, action="open")
    await site.tell(*DISPUTES)
    await run_tasks(db)
    await person.post(f"/bookings/{booking_id}/cancel", {"reason": ""})
    await run_tasks(db)
    assert await stand(db, payment_id) == (CardStatus.DISPUTED, BookingStatus.CANCELLED, 0, 0)
    assert await count(db, "card_refunds") == 0, "a bank holds the money"
    assert await count(db, "card_payments", "return_pence = 600") == 1
    await site.stripe.order("disputes", payment_intent=intent, action=how)
    await site.tell(*DISPUTES)
    await site.tell(*DISPUTES)
    await run_tasks(db)
    assert await count(db, "card_refunds") == (1 if back else 0)
    assert await count(db, "card_payments", "return_pence = 0") == 1
    assert await refunded(site, db) == [(600, back)]
