"""A person asks for a visit: the form, the checks, the request."""

from datetime import date, datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from marketplace.accounts.permissions import Role
from marketplace.bookings.checks import CHECKS
from marketplace.bookings.models import Booking
from marketplace.bookings.schemas import Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import LONDON
from marketplace.providers.models import PriceUnit, WorkerAbsence, WorkerKind
from tests.browser import count, events
from tests.factories import make_listing, make_member, make_worker
from tests.factories_bookings import VISIT_ON, booking_id_of, loose, make_booking, make_scene
from tests.factories_standing import suspend


async def nothing_left_behind(db):
    assert await count(db, "bookings") == 0
    assert await count(db, "steps", "subject_kind = 'booking'") == 0
    assert await count(db, "audit_entries", "action LIKE 'bookings%'") == 0
    assert await count(db, "idempotency_keys") == 0
    assert await count(db, "card_payments") == 0
    assert await events(db) == []


async def test_a_visit_is_asked_for_from_the_form_to_the_provider(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/new?listing={scene.listing.id}&on=2027-03-05&minutes=90")
    assert "£16.00 an hour" in page.words
    assert "£300.00" in page.words
    assert "2 weeks of your budget" in page.words
    assert "Free times on Friday 5 March 2027" in page.words
    assert "9am 9:30am 10am" in page.words
    assert "3:30pm" in page.words
    assert "4pm" not in page.words.split("Other days")[0], "a visit of 90 minutes does not fit"

    check = await person.post("/bookings/new", scene.form(note="Please knock loudly"), expect=200)
    check.check()
    assert check.title.startswith("Check your visit")
    assert "10am to 11am" in check.words
    assert "£16.00" in check.words
    assert "£284.00 left to spend" in check.words
    assert check.field("note") == "Please knock loudly"
    assert await count(db, "bookings") == 0

    sent = await person.post("/bookings", scene.form(note="Please knock loudly"))
    booking = await db.get_one(Booking, booking_id_of(sent.location))
    assert (booking.status, booking.funding, booking.cost_pence) == (
        BookingStatus.REQUESTED,
        Funding.DIRECT_PAYMENT,
        1_600,
    )
    assert booking.starts_at == datetime(2027, 3, 5, 10, tzinfo=LONDON)
    assert booking.ends_at - booking.starts_at == timedelta(hours=1)
    assert await events(db) == ["BookingRequested"]
    assert await count(db, "audit_entries", "action = 'bookings.request_booking'") == 1
    assert await count(db, "steps", "to_status = 'requested'") == 1
    page = await person.open(sent.location)
    assert "Request sent" in page.words
    assert "Please knock loudly" in page.words


async def test_a_representative_asks_for_the_person_and_the_audit_names_both(browser, db):
    scene = await make_scene(db)
    helper = await make_member(
        db, Role.REPRESENTATIVE, scene.council, person_id=scene.person.id, acting_for_name=scene.person.name
    )
    loose(db, helper.user)
    await (await browser.signed_in(helper)).post("/bookings", scene.form())
    where = f"user_id = '{helper.user.id}' AND on_behalf_of = '{scene.person.id}'"
    assert await count(db, "audit_entries", where) == 1
    assert await count(db, "bookings", f"person_id = '{scene.person.id}'") == 1


async def test_a_double_clicked_form_makes_one_booking(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    form = scene.form(form_id="the-same-page")
    first = await person.post("/bookings", form)
    second = await person.post("/bookings", form)
    assert first.location == second.location
    assert await count(db, "bookings") == 1
    assert await events(db) == ["BookingRequested"]


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"on": date(2027, 3, 2)}, "visit_on", "must be in the future"),
        (
            {"on": date(2027, 3, 3), "starts_local": "11:30"},
            "starts_local",
            "at least 2 hours from now, so after midday",
        ),
        ({"on": date(2027, 9, 6)}, "visit_on", "up to 26 weeks ahead"),
        ({"on": date(2027, 3, 6)}, "starts_local", "does not work"),
        ({"starts_local": "16:30"}, "starts_local", "Choose a time from the list"),
        ({"starts_local": "8am"}, "starts_local", "does not work"),
        ({"minutes": "20"}, "minutes", "between 30 and 720"),
        ({"minutes": "721"}, "minutes", "between 30 and 720"),
        ({"minutes": ""}, "minutes", "Enter the length"),
        ({"visit_on-day": "30", "visit_on-month": "2"}, "visit_on", "must be a real date"),
        ({"starts_local": "soon"}, "starts_local", "must be a time"),
        ({"worker": str(uuid4())}, "worker", "Select who should come"),
        ({"worker": "nobody"}, "worker", "Select who should come"),
        ({"note": "x" * 1_001}, "note", "1,000 characters or fewer"),
        ({"note": "bell\x07"}, "note", "control characters"),
        ({"funding": "gold"}, "funding", "from the list"),
        ({"funding": "card"}, "funding", "cannot be paid by card here yet"),
    ],
)
@pytest.mark.parametrize("path", ["/bookings/new", "/bookings"])
async def test_what_is_wrong_is_said_beside_its_field_and_leaves_nothing(browser, db, given, field, words, path):
    scene = await make_scene(db)
    page = await (await browser.signed_in(scene.member)).post(path, scene.form(**given), expect=422)
    assert words in page.errors()[field]
    assert page.title.startswith("Error: Book a visit")
    if "\x07" not in str(given):
        assert page.field("minutes") == scene.form(**given)["minutes"], "what was typed is kept"
    await nothing_left_behind(db)


async def test_a_worker_who_is_away_cannot_be_booked(browser, db):
    scene = await make_scene(db)
    db.add(WorkerAbsence(worker_id=scene.worker.id, starts_on=VISIT_ON, ends_on=date(2027, 3, 8)))
    page = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(), expect=422)
    assert "is away on Friday 5 March 2027" in page.errors()["visit_on"]
    assert "no free time" in page.words
    assert "Monday 8 March 2027" in page.words, "other days are offered"
    await nothing_left_behind(db)


async def test_council_money_needs_an_accreditation_that_is_live_on_the_day(browser, db):
    scene = await make_scene(db)
    accreditations = Booking.metadata.tables["accreditations"]
    for change in ("ends before the visit", "none"):
        await db.execute(
            accreditations.delete() if change == "none" else accreditations.update().values(live_until=VISIT_ON)
        )
        page = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(), expect=422)
        assert "does not pay" in page.errors()["funding"]
        assert "personal assistance on 5 March 2027" in page.errors()["funding"]
    await nothing_left_behind(db)


async def test_a_suspended_organisation_takes_no_new_visits(browser, db):
    scene = await make_scene(db)
    await suspend(db)
    page = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(), expect=409)
    assert "takes no new visits at present. Visits that are agreed go on" in page.words
    await nothing_left_behind(db)


async def test_a_budget_that_ends_before_the_visit_does_not_pay_for_it(browser, db):
    scene = await make_scene(db)
    await db.execute(Booking.metadata.tables["budgets"].update().values(ends_on=VISIT_ON))
    page = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(), expect=422)
    assert "runs until 4 March 2027" in page.errors()["visit_on"]
    await nothing_left_behind(db)


async def test_a_visit_beyond_what_is_left_is_refused_with_choices(browser, db):
    scene = await make_scene(db, balance_pence=3_000)
    await make_booking(db, scene, on=date(2027, 3, 8))
    page = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(), expect=422)
    assert "costs £16.00 and you have £14.00 left to spend, so you are £2.00 short" in page.errors()["funding"]
    assert "choose a shorter visit: 45 minutes fits" in page.words
    assert "ask the council for more money" in page.words
    assert await count(db, "bookings") == 1
    shorter = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(minutes=45))
    assert shorter.location.startswith("/bookings/")
    for check in CHECKS:
        assert (await check(db)).ok


async def test_an_open_card_payment_or_a_cancelled_visit_promises_nothing(browser, db):
    scene = await make_scene(db, balance_pence=1_600)
    await make_booking(db, scene, BookingStatus.CANCELLED, on=date(2027, 3, 8))
    await make_booking(db, scene, BookingStatus.REQUESTED, on=date(2027, 3, 8), funding=Funding.CARD)
    await (await browser.signed_in(scene.member)).post("/bookings", scene.form())


async def test_a_taken_time_says_so_and_offers_others(browser, db):
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    other = await make_scene(db, council=scene.council)
    person = await browser.signed_in(other.member)
    form = scene.form(starts_local="10:30")
    page = await person.post("/bookings", form, expect=409)
    page.check()
    assert page.title.startswith("This visit time has just been taken")
    assert "9am" in page.words
    assert await count(db, "bookings") == 1
    assert await count(db, "idempotency_keys") == 0
    await person.post("/bookings", form | {"starts_local": "11:00"})


async def test_the_first_free_worker_comes_when_anyone_may(browser, db):
    scene = await make_scene(db, listing={"worker_id": None})
    second = await make_worker(db, scene.organisation, kind=WorkerKind.CARE_WORKER)
    loose(db, second)
    await make_worker(db, scene.organisation, kind=WorkerKind.PLANNER)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/new?listing={scene.listing.id}")
    assert second.name in page.words
    came = []
    for _ in range(2):
        sent = await person.post("/bookings", scene.form())
        came.append((await db.get_one(Booking, booking_id_of(sent.location))).worker_id)
    assert came == sorted([scene.worker.id, second.id])
    await person.post("/bookings", scene.form(), expect=409)


async def test_another_councils_booking_takes_the_time_too(browser, db):
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    other = await make_scene(db)
    page = await (await browser.signed_in(other.member)).post(
        "/bookings", scene.form(funding="direct_payment"), expect=422
    )
    assert "does not pay" in page.errors()["funding"]
    await db.execute(Booking.metadata.tables["accreditations"].update().values(council_id=other.council.id))
    await (await browser.signed_in(other.member)).post("/bookings", scene.form(), expect=409)


@pytest.mark.parametrize("unit", [PriceUnit.WEEK, PriceUnit.PLAN, PriceUnit.ONCE])
async def test_what_is_not_sold_by_the_visit_is_agreed_with_the_provider(browser, db, unit):
    scene = await make_scene(db, listing={"price_unit": unit})
    person = await browser.signed_in(scene.member)
    for page in (
        await person.open(f"/bookings/new?listing={scene.listing.id}", expect=409),
        await person.post("/bookings", scene.form(), expect=409),
    ):
        assert "agrees this with you directly" in page.words
    await nothing_left_behind(db)


async def test_unpublished_and_unknown_listings_are_not_found(browser, db):
    scene = await make_scene(db, listing={"is_published": False})
    person = await browser.signed_in(scene.member)
    for listing in (scene.listing.id, uuid4(), "x", ""):
        await person.open(f"/bookings/new?listing={listing}", expect=404)
        await person.post("/bookings", scene.form(listing=listing), expect=404)


@pytest.mark.parametrize(
    ("unit", "price", "cost"), [(PriceUnit.VISIT, 2_500, 2_500), (PriceUnit.SESSION, 900, 900), (PriceUnit.FREE, 0, 0)]
)
async def test_a_price_for_the_visit_does_not_follow_its_length(browser, db, unit, price, cost):
    scene = await make_scene(db, listing={"price_unit": unit, "price_pence": price})
    sent = await (await browser.signed_in(scene.member)).post("/bookings", scene.form(minutes=75))
    booking = await db.get_one(Booking, booking_id_of(sent.location))
    assert booking.cost_pence == cost


@pytest.mark.parametrize(
    ("on", "starts", "minutes", "shown"),
    [
        # The clocks go forward: 1:30am does not come, and a night is an hour shorter on the wall.
        (date(2027, 3, 28), "01:30", 60, "2:30am to 3:30am"),
        (date(2027, 3, 27), "22:00", 480, "10pm to 7am the next day"),
    ],
)
async def test_a_night_of_a_clock_change_is_told_in_real_minutes(browser, db, on, starts, minutes, shown):
    every_hour = [(day, time(0), time(23, 59)) for day in range(7)]
    scene = await make_scene(db, worker={"hours": every_hour})
    form = scene.form(on=on, starts_local=starts, minutes=minutes)
    check = await (await browser.signed_in(scene.member)).post("/bookings/new", form, expect=200)
    assert shown in check.words
    if starts == "01:30":
        assert "The clocks go forward that night, so the visit starts at 2:30am" in check.words
    sent = await (await browser.signed_in(scene.member)).post("/bookings", form)
    booking = await db.get_one(Booking, booking_id_of(sent.location))
    assert booking.ends_at - booking.starts_at == timedelta(minutes=minutes)
    assert booking.cost_pence == 1_600 * minutes // 60


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "O’Brien & Śląsk 你好 😀", "=cmd()", "‮txt"])
async def test_any_text_in_a_note_is_shown_as_it_is(browser, db, text):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    check = await person.post("/bookings/new", scene.form(note=text), expect=200)
    assert check.field("note") == text
    sent = await person.post("/bookings", scene.form(note=text))
    page = await person.open(sent.location)
    assert text in page.words
    assert "<script>" not in page.text.replace("<script src", "")


async def test_times_and_days_can_be_looked_up_before_asking(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/bookings/new", scene.form(action="times", minutes=480), expect=200)
    assert "You can start a visit of 8 hours at these times: 9am" in page.words
    odd = await person.open(f"/bookings/new?listing={scene.listing.id}&on=9999-99-99&minutes=abc&start=zz")
    assert "Free times on Thursday 4 March 2027" in odd.words


async def test_a_self_funder_without_cards_is_told_to_call(browser, db):
    scene = await make_scene(db, direct_payment=False)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/new?listing={scene.listing.id}")
    assert "cannot be paid by card here yet" in page.words
    await person.post("/bookings", scene.form(), expect=422)
    await nothing_left_behind(db)


async def test_many_listings_and_workers_stay_within_the_query_budget(browser, db):
    scene = await make_scene(db, listing={"worker_id": None})
    for _ in range(15):
        await make_worker(db, scene.organisation, kind=WorkerKind.CARE_WORKER)
    await make_listing(db, scene.organisation)
    await (await browser.signed_in(scene.member)).open(f"/bookings/new?listing={scene.listing.id}")
    assert (await db.scalars(select(Booking))).all() == []
