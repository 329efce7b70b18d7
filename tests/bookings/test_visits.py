"""From the answer to the approval: both sides, every step, and who may not."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.bookings.checks import CHECKS
from marketplace.bookings.models import Booking
from marketplace.bookings.schemas import Funding
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.bookings.tasks import close_unanswered
from marketplace.core import outbox
from marketplace.core.clock import LONDON
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.ledger import LedgerService, Purpose
from tests.browser import count, events
from tests.factories import make_council, make_member
from tests.factories_bookings import make_booking, make_scene

AFTER = datetime(2027, 3, 5, 11, 0, tzinfo=LONDON)
ADDRESS = ("Hidden Lane", "PR1 2HE", "01772 900123")


async def later(browser, clock, at, *members):
    """Move the clock; sessions end meanwhile, so everybody signs in again."""
    clock.move_to(at)
    return [await browser.signed_in(member) for member in members]


async def run_tasks(db):
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0


async def hold(db):
    for check in CHECKS:
        found = await check(db)
        assert found.ok, found


async def test_a_visit_from_request_to_statement(browser, db, clock):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, note="Bring the blue bag")
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)

    inbox = await provider.open("/provider/bookings")
    assert "Requests to answer" in inbox.words
    page = await provider.open(f"/provider/bookings/{booking.id}")
    assert "Preston, PR1" in page.words
    assert "Bring the blue bag" in page.words
    assert not any(part in page.text for part in (*ADDRESS, "Ada Example"))

    page = await provider.post(f"/provider/bookings/{booking.id}/accept")
    page = await provider.open(page.location)
    assert all(part in page.words for part in (*ADDRESS, "Ada Example"))
    assert "Agreed visits" in (await provider.open("/provider/bookings")).words
    assert "has said yes" in (await person.open(f"/bookings/{booking.id}")).words

    person, provider = await later(browser, clock, AFTER, scene.member, scene.provider)
    await provider.post(f"/provider/bookings/{booking.id}/delivered")
    page = await person.open("/bookings")
    assert "Did these visits take place?" in page.words
    page = await person.open(f"/bookings/{booking.id}")
    assert "Yes, this visit happened" in page.words
    page = await person.post(f"/bookings/{booking.id}/approve")
    await person.open(page.location)

    assert await LedgerService(db).balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id) == 28_400
    assert await LedgerService(db).balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id) == 1_600
    money = await person.open("/money")
    assert "£284.00" in money.words
    assert "Visit on 5 March 2027 at 10am−£16.00£284.00" in money.words
    page = await provider.open(f"/provider/bookings/{booking.id}")
    assert not any(part in page.text for part in ADDRESS), "the address is of no more use"
    assert await events(db) == ["BookingAccepted", "BookingClaimed", "BookingApproved"]
    await run_tasks(db)
    told = {row.template for row in await db.execute(text("SELECT template FROM messages"))}
    assert told == {"booking_accepted", "booking_claimed", "booking_approved"}
    await hold(db)
    assert "Visit on Friday" in (await person.open(f"/bookings/{booking.id}")).title
    await person.open("/bookings/past")
    week = await person.open("/bookings/week?on=2027-03-05")
    assert "10am to 11am" in week.words
    await provider.open("/provider/bookings?view=past")


async def test_approving_twice_pays_once(browser, db, clock):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.CLAIMED)
    clock.move_to(AFTER)
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{booking.id}/approve", {"form_id": "one"})
    await person.post(f"/bookings/{booking.id}/approve", {"form_id": "one"})
    await person.post(f"/bookings/{booking.id}/approve", expect=409)
    assert await count(db, "ledger_entries", "kind = 'visit-approved'") == 1
    assert await events(db) == ["BookingApproved"]
    await hold(db)


async def test_a_free_visit_and_a_card_visit_move_nothing_when_approved(browser, db, clock):
    scene = await make_scene(db)
    free = await make_booking(db, scene, BookingStatus.ACCEPTED, cost_pence=0)
    card = await make_booking(db, scene, BookingStatus.ACCEPTED, at=time(8), funding=Funding.CARD)
    clock.move_to(AFTER)
    person = await browser.signed_in(scene.member)
    for booking in (free, card):
        await person.post(f"/bookings/{booking.id}/approve")
    assert await count(db, "ledger_entries", "kind = 'visit-approved'") == 0
    assert await events(db) == ["BookingApproved", "BookingApproved"]
    await hold(db)


async def test_nothing_can_be_confirmed_or_claimed_before_its_time(browser, db, clock):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.ACCEPTED)
    person, provider = await later(browser, clock, AFTER - timedelta(minutes=61), scene.member, scene.provider)
    await provider.post(f"/provider/bookings/{booking.id}/delivered", expect=409)
    clock.move_to(AFTER - timedelta(minutes=1))
    await person.post(f"/bookings/{booking.id}/approve", expect=409)
    await person.post(f"/bookings/{booking.id}/dispute", {"reason": "Nobody came"}, expect=409)
    await provider.post(f"/provider/bookings/{booking.id}/delivered")
    await person.post(f"/bookings/{booking.id}/approve", expect=409)
    assert await events(db) == ["BookingClaimed"]
    assert await count(db, "ledger_entries", "kind = 'visit-approved'") == 0


async def test_a_dispute_needs_words_tells_both_and_can_be_settled_either_way(browser, db, clock):
    scene = await make_scene(db)
    await make_member(db, Role.BROKER, scene.council)
    first = await make_booking(db, scene, BookingStatus.CLAIMED)
    second = await make_booking(db, scene, BookingStatus.ACCEPTED, at=time(8))
    person, provider = await later(browser, clock, AFTER, scene.member, scene.provider)
    page = await person.post(f"/bookings/{first.id}/dispute", {"reason": " "}, expect=422)
    assert page.errors() == {"reason": "Enter what was wrong"}
    await person.open(f"/bookings/{first.id}/dispute")
    for booking in (first, second):
        await person.post(f"/bookings/{booking.id}/dispute", {"reason": "Nobody came <b>"})
    assert "Nobody came <b>" in (await provider.open(f"/provider/bookings/{first.id}")).words
    await run_tasks(db)
    assert await count(db, "messages", "template = 'booking_disputed_council'") == 2
    await hold(db)
    await provider.post(f"/provider/bookings/{first.id}/cancel", {"reason": "You are right"})
    await person.post(f"/bookings/{second.id}/approve")
    assert await LedgerService(db).balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id) == 28_400
    await hold(db)


async def test_declining_needs_a_reason_and_frees_the_time(browser, db):
    scene = await make_scene(db)
    booking = await make_booking(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    page = await provider.post(f"/provider/bookings/{booking.id}/decline", {"reason": ""}, expect=422)
    assert page.errors() == {"reason": "Enter why you decline"}
    await provider.post(f"/provider/bookings/{booking.id}/decline", {"reason": "I am on a course"})
    await provider.post(f"/provider/bookings/{booking.id}/accept", expect=409)
    assert "I am on a course" in (await person.open(f"/bookings/{booking.id}")).words
    await person.post("/bookings", scene.form())
    await run_tasks(db)
    assert await count(db, "messages", "body LIKE '%I am on a course%' AND subject = 'Your visit was declined'") == 1


@pytest.mark.parametrize(
    ("status", "hours_before", "funding", "after", "published"),
    [
        (BookingStatus.REQUESTED, 1, Funding.DIRECT_PAYMENT, BookingStatus.CANCELLED, "BookingCancelled"),
        (BookingStatus.ACCEPTED, 24, Funding.DIRECT_PAYMENT, BookingStatus.CANCELLED, "BookingCancelled"),
        (BookingStatus.ACCEPTED, 23, Funding.DIRECT_PAYMENT, BookingStatus.ACCEPTED, "BookingCalledOff"),
        (BookingStatus.ACCEPTED, 23, Funding.CARD, BookingStatus.CANCELLED, "BookingCancelled"),
    ],
)
async def test_cancelling_is_free_until_its_hour_and_says_before_what_it_means(
    browser, db, clock, status, hours_before, funding, after, published
):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, status, funding=funding)
    clock.move_to(booking.starts_at - timedelta(hours=hours_before))
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/{booking.id}/cancel")
    is_free = status is BookingStatus.REQUESTED or hours_before >= 24
    assert ("Cancelling is free now" in page.words) is is_free
    if not is_free:
        assert ("not given back" if funding is Funding.CARD else "still owed") in page.words
    await person.post(f"/bookings/{booking.id}/cancel", {"reason": "I am in hospital"})
    assert (await db.get_one(Booking, booking.id)).status is after
    assert await events(db) == [published]
    await person.open(f"/bookings/{booking.id}")
    provider = await browser.signed_in(scene.provider)
    page = await provider.open(f"/provider/bookings/{booking.id}")
    assert "I am in hospital" in page.words
    await run_tasks(db)
    await hold(db)


async def test_a_visit_that_has_begun_is_not_cancelled(browser, db, clock):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.ACCEPTED)
    clock.move_to(booking.starts_at)
    person = await browser.signed_in(scene.member)
    assert "has started" in (await person.open(f"/bookings/{booking.id}/cancel")).words
    await person.post(f"/bookings/{booking.id}/cancel", expect=409)
    assert await events(db) == []


async def test_a_request_that_nobody_answers_ends_at_its_start(browser, db, clock):
    scene = await make_scene(db)
    booking = await make_booking(db, scene)
    clock.move_to(booking.starts_at)
    provider = await browser.signed_in(scene.provider)
    await provider.post(f"/provider/bookings/{booking.id}/accept", expect=409)
    await close_unanswered()
    await close_unanswered()
    await scope_to(db, "every")
    booking = await db.get_one(Booking, booking.id)
    assert booking.status is BookingStatus.CANCELLED
    assert await events(db) == ["BookingCancelled"]
    await run_tasks(db)
    assert await count(db, "messages", "body LIKE '%did not answer%'") == 2


async def test_strangers_find_nothing(browser, db, clock):
    scene, other = await make_scene(db), await make_scene(db)
    neighbour = await make_scene(db, council=scene.council)
    booking = await make_booking(db, scene, BookingStatus.ACCEPTED)
    clock.move_to(AFTER)
    for member in (other.member, neighbour.member):
        who = await browser.signed_in(member)
        await who.open(f"/bookings/{booking.id}", expect=404)
        for page in ("cancel", "dispute"):
            await who.open(f"/bookings/{booking.id}/{page}", expect=404)
        for step in ("cancel", "approve", "dispute"):
            await who.post(f"/bookings/{booking.id}/{step}", {"reason": "x"}, expect=404)
    for member in (other.provider, neighbour.provider):
        who = await browser.signed_in(member)
        await who.open(f"/provider/bookings/{booking.id}", expect=404)
        for step in ("accept", "decline", "delivered", "cancel"):
            await who.post(f"/provider/bookings/{booking.id}/{step}", {"reason": "x"}, expect=404)
    booking = await db.get_one(Booking, booking.id)
    assert booking.status is BookingStatus.ACCEPTED
    assert await events(db) == []


async def test_an_open_card_payment_is_nothing_for_the_provider(browser, db):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.AWAITING_PAYMENT, funding=Funding.CARD)
    provider = await browser.signed_in(scene.provider)
    await provider.open(f"/provider/bookings/{booking.id}", expect=404)
    await provider.post(f"/provider/bookings/{booking.id}/accept", expect=404)


ALLOWED = {
    "/bookings": {Role.PERSON, Role.REPRESENTATIVE},
    "/money": {Role.PERSON, Role.REPRESENTATIVE},
    "/provider/bookings": {Role.PROVIDER, Role.PA},
    "/direct-payments": {Role.FINANCE},
}


async def test_each_page_opens_for_its_roles_alone(browser, db):
    council = await make_council(db)
    scene = await make_scene(db, council=council)
    for path in ALLOWED:
        assert (await browser.get(path, expect=303)).location.startswith("/sign-in")
    for role in Role:
        own = {"person_id": scene.person.id} if role in (Role.PERSON, Role.REPRESENTATIVE) else {}
        if role in (Role.PROVIDER, Role.PA):
            own = {"organisation_id": scene.organisation.id, "worker_id": scene.worker.id}
        who = await browser.signed_in(await make_member(db, role, council, **own))
        for path, roles in ALLOWED.items():
            await who.get(path, expect=200 if role in roles else 403)


def test_every_pair_of_states_is_decided():
    agreed = {(now, to) for now, after in BOOKING.steps.items() for to in after}
    assert len(agreed) == 36
    for status in (BookingStatus.APPROVED, BookingStatus.DECLINED, BookingStatus.CANCELLED):
        assert not BOOKING.steps[status]
    assert (BookingStatus.REQUESTED, BookingStatus.APPROVED) not in agreed
    assert (BookingStatus.AWAITING_PAYMENT, BookingStatus.ACCEPTED) not in agreed


async def test_checks_name_what_is_broken(db):
    scene = await make_scene(db, balance_pence=1_000)
    booking = await make_booking(db, scene)
    unpaid = await make_booking(db, scene, BookingStatus.APPROVED, on=date(2027, 3, 8))
    found = [await check(db) for check in CHECKS]
    assert [check.ok for check in found] == [True, True, False, False, True]
    assert str(scene.person.id) in found[2].detail
    assert str(unpaid.id) in found[3].detail
    assert str(booking.id) not in found[3].detail


async def test_lists_are_paged_by_key(browser, db):
    scene = await make_scene(db, balance_pence=10_000_000)
    for day in range(25):
        await make_booking(db, scene, on=date(2027, 3, 8) + timedelta(days=day))
    person = await browser.signed_in(scene.member)
    first = await person.open("/bookings")
    following = await person.open(first.link(r"\?after="))
    shown = [link for page in (first, following) for link in page.links() if len(link) == len("/bookings/") + 36]
    assert len(shown) == len(set(shown)) == 25
    assert await count(db, "bookings") == len((await db.scalars(text("SELECT id FROM bookings"))).all())
    assert (await db.get_one(Booking, shown[0].rsplit("/", 1)[-1])).visit_on == date(2027, 3, 8)
