"""Paying several approved visits by card at once: chosen, changed meanwhile, paid twice, paid after the page closed."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from marketplace.bookings import BookingStatus, Funding
from marketplace.bookings.events import BookingApproved
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.payments import tasks_cards
from marketplace.payments.models import CardPayment
from marketplace.payments.states import CardStatus
from tests.browser import count
from tests.factories_bookings import make_booking, make_scene
from tests.payments.card_world import balance, hold, open_site, paid, run_tasks

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
async def site(db, maker, clock, settings, monkeypatch):
    async with open_site(db, maker, clock, settings, monkeypatch) as made:
        yield made


async def approved(site, db, *, days=(1, 2), pence=1_600, **given):
    """Approved visits of a self-funder, a provider that takes cards, and the person's browser."""
    scene = await make_scene(db, direct_payment=False, cards=await site.stripe.payee())
    facts = {"funding": Funding.CARD, "approved_pence": pence, "cost_pence": 1_600} | given
    visits = [await make_booking(db, scene, BookingStatus.APPROVED, on=date(2027, 3, day), **facts) for day in days]
    return scene, visits, await site.signed_in(scene.member)


def chosen(*visits):
    return {"visits": [str(one.id) for one in visits]}


async def test_two_visits_are_paid_together_and_never_again(site, db):
    scene, visits, person = await approved(site, db)
    page = await person.open("/money/pay")
    assert "£32.00" in page.words
    sent = await person.post("/money/pay", chosen(*visits))
    payment_id = sent.location.split("/")[3]
    assert "Nothing to pay" in (await person.open("/money/pay")).words, "an open payment holds its visits"
    await person.post("/money/pay", chosen(*visits), expect=409)
    url = (await person.get(sent.location, expect=303)).location
    shown = (await site.stripe.api.get(url)).text
    assert "2 visits, 1 March 2027 to 2 March 2027" in shown
    assert scene.person.name not in shown
    await site.stripe.pay(url)
    await site.tell("checkout.session.completed")
    await run_tasks(db)
    assert await balance(db, payment_id) == (3_200, 0)
    assert "for your visits" in (await person.open(f"/payments/cards/{payment_id}/done")).words
    assert "Nothing to pay" in (await person.open("/money/pay")).words
    provider = await site.signed_in(scene.provider)
    await provider.open("/refunds")
    await provider.post(f"/refunds/payments/{payment_id}", {"amount": "16", "reason": "One of them"})
    await run_tasks(db)
    await site.tell("refund.created")
    await run_tasks(db)
    assert await balance(db, payment_id) == (1_600, 0)
    assert "Nothing to pay" in (await person.open("/money/pay")).words, "what was given back is not asked for again"
    await hold(db)


async def test_a_sum_other_than_the_one_that_was_shown_is_not_taken(site, db):
    _, (first, second), person = await approved(site, db)
    page = await person.open("/money/pay")
    assert page.field(f"pence-{first.id}") == "1600"
    seen = chosen(first, second) | {f"pence-{first.id}": "1600", f"pence-{second.id}": "1500"}
    refused = await person.post("/money/pay", seen, expect=409)
    assert "The sum has changed: it is £32.00 now. Nothing was taken." in refused.words
    assert await count(db, "card_payments") == 0
    await person.post("/money/pay", chosen(first) | {f"pence-{first.id}": "1600", f"pence-{second.id}": "1500"})
    assert await count(db, "card_payments") == 1


async def test_one_of_two_may_be_left_for_later(site, db):
    _, visits, person = await approved(site, db)
    await person.post("/money/pay", chosen(visits[0]))
    assert "£16.00" in (await person.open("/money/pay")).words
    nothing = await person.post("/money/pay", {}, expect=422)
    assert "Select the visits" in nothing.errors()["visits"]


async def test_a_closed_page_lets_the_visits_be_paid_again(site, db, clock):
    _, visits, person = await approved(site, db)
    sent = await person.post("/money/pay", chosen(*visits))
    await person.get(sent.location, expect=303)
    assert "or start again" in (await person.open(sent.location.replace("/go", "/stopped"))).words
    clock.advance(timedelta(minutes=61))
    await tasks_cards.sweep_cards()
    await scope_to(db, "every")
    assert await count(db, "card_payments", "status = 'expired'") == 1
    assert "Nothing was paid" in (await person.open(sent.location.replace("/go", "/done"))).words
    await person.post("/money/pay", chosen(*visits))
    await hold(db)


async def test_a_payment_that_comes_after_another_goes_back(site, db):
    """Stripe answers late: the first page counted as closed, the visits were paid again, then the first came."""
    _, visits, person = await approved(site, db)
    first = await person.post("/money/pay", chosen(*visits))
    url = (await person.get(first.location, expect=303)).location
    await db.execute(text("UPDATE card_payments SET status = 'expired'"))
    second = await person.post("/money/pay", chosen(*visits))
    for address in ((await person.get(second.location, expect=303)).location, url):
        await site.stripe.pay(address)
        await site.tell("checkout.session.completed")
        await run_tasks(db)
    await site.tell("refund.created")
    await run_tasks(db)
    late = await db.get_one(CardPayment, first.location.split("/")[3], populate_existing=True)
    assert late.status is CardStatus.REFUNDED
    assert sorted(site.stripe.money()) == [(3_200, 0), (3_200, 3_200)]
    await hold(db)


async def test_only_what_was_approved_and_a_card_pays_is_listed(site, db):
    scene, _, person = await approved(site, db, days=(1,), pence=900)
    facts = {"funding": Funding.CARD, "cost_pence": 1_600}
    claimed = await make_booking(db, scene, BookingStatus.CLAIMED, on=date(2027, 3, 2), **facts)
    await make_booking(db, scene, BookingStatus.APPROVED, on=date(2027, 2, 1), approved_pence=1_600)
    page = await person.open("/money/pay")
    assert "£9.00" in page.words
    assert "£16.00" not in page.words
    await person.post("/money/pay", chosen(claimed), expect=409)
    other = await make_scene(db)
    stranger = await site.signed_in(other.member)
    await stranger.post("/money/pay", chosen(claimed), expect=409)
    assert await count(db, "card_payments") == 0


async def test_visits_of_two_providers_are_two_payments(site, db):
    scene, visits, person = await approved(site, db, days=(1,))
    other = await make_scene(db, direct_payment=False, council=scene.council)
    strange = await make_booking(
        db,
        other,
        BookingStatus.APPROVED,
        person_id=scene.person.id,
        on=date(2027, 3, 2),
        funding=Funding.CARD,
        approved_pence=1_600,
    )
    page = await person.open("/money/pay")
    assert "cannot be paid by card here at the moment" in page.words
    refused = await person.post("/money/pay", chosen(visits[0], strange), expect=422)
    assert "one provider" in refused.errors()["visits"]
    await person.post("/money/pay", chosen(strange), expect=409)


async def test_a_part_that_was_not_approved_goes_back_to_the_card(site, db):
    scene, person, payment_id, _ = await paid(site, db)
    payment = await db.get_one(CardPayment, payment_id)
    await db.execute(
        text("UPDATE bookings SET status = 'part_approved', approved_pence = 1000 WHERE id = :id"),
        {"id": payment.booking_id},
    )
    event = BookingApproved(
        council_id=scene.council.id,
        booking_id=payment.booking_id,
        person_id=scene.person.id,
        organisation_id=scene.organisation.id,
        cost_pence=1_000,
        funding="card",
        visit_on=date(2027, 3, 5),
    )
    for _ in range(2):
        outbox.publish(db, event)
        await run_tasks(db)
    await site.tell("refund.created")
    await run_tasks(db)
    assert await balance(db, payment_id) == (1_000, 0)
    assert "Nothing to pay" in (await person.open("/money/pay")).words
    await db.execute(text("UPDATE bookings SET approved_pence = 1600"))
    assert "£6.00" in (await person.open("/money/pay")).words, "the rest, approved after all, is asked for"
    await hold(db)
