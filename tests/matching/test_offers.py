"""Shortlists and offers: who is proposed and why, one place for one offer, answers, what a planner may see."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.matching import ShortlistService
from marketplace.matching.errors import PlaceTaken
from marketplace.matching.models import Urgency
from marketplace.matching.service.shortlists import weights_of
from marketplace.matching.tasks import lapse_offers
from marketplace.providers.models import AccreditationStatus, ServiceLine, WorkerAbsence
from tests.browser import Browser, Page, count, events
from tests.factories import make_accreditation, make_council, make_member, make_organisation, make_worker
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner, offer_form
from tests.factories_standing import suspend

CANARY: dict[str, Any] = {
    "given_name": "Xanthippe",
    "family_name": "Quillfeather",
    "address_line": "77 Zebra Crescent",
    "town": "Nettlebeck",
    "phone": "01772 900 1234",
    "email": "xanthippe.q@test.example",
    "born_on": date(1947, 6, 5),
    "reference": "LL-998877",
    "appreciated": "Canaryprofile",
    "communication_needs": ["bsl"],
}
WANTS = (
    "Xanthippe (mrs QUILLFEATHER of 77 zebra crescent, Nettlebeck PR1 2HE, pr12he, 01772-9001234, "
    "xanthippe.q@test.example, born 5 June 1947 or 05/06/1947, LL-998877) wants to paint again."
)
LEAKS = (
    *("xanthippe", "quillfeather", "zebra", "nettlebeck", "900 1234", "9001234", "1947", "ll-998877", "2he"),
    *("canary", "interim words", "sign language"),
)


async def chosen(staff: Browser, path: str) -> dict[str, Any]:
    """The form behind the button of the first planner."""
    page = await staff.open(path)
    return {name: page.field(name) for name in ("worker_id", "rank", "score", "first_day")}


async def nothing_happened(db: AsyncSession, *, since: int = 0) -> None:
    """No offer, place, stored ranking, step or event."""
    for table in ("offers", "capacity_reservations", "shortlists"):
        assert await count(db, table) == since, table
    assert await count(db, "referrals", "status = 'offered'") == since


async def test_the_best_placed_planner_is_first_and_every_reason_is_given(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Near Nobody")
    await make_planner(
        db, broker.council, name="Skilled Sam", specialisms=["older"], interests=["football"], languages=["Urdu"]
    )
    await make_planner(db, broker.council, name="Far Away", lat=54.5, lon=-2.7, radius_metres=5_000)
    expired = await make_organisation(db, name="Late Lamps")
    await make_accreditation(db, expired, broker.council, ServiceLine.SUPPORT_PLANNING, live_until=date(2027, 3, 1))
    await make_worker(db, expired, name="Expired Eve")
    suspended = await make_organisation(db, name="Stopped Stars")
    await make_accreditation(
        db, suspended, broker.council, ServiceLine.SUPPORT_PLANNING, status=AccreditationStatus.SUSPENDED
    )
    await make_worker(db, suspended, name="Suspended Sue")
    await make_planner(db, broker.council, name="Baseless Bob", lat=None, lon=None)
    await make_planner(db, await make_council(db), name="Foreign Fay")
    referral, _ = await make_case(db, broker, person={"interests": ["football"], "languages": ["English", "Urdu"]})
    referral_id = referral.id
    staff = await browser.signed_in(broker)
    page = await staff.open(f"/referrals/{referral_id}")
    words = page.words
    assert words.index("1. Skilled Sam") < words.index("2. Near Nobody")
    for reason in (
        "Has worked with people with needs of later life: 1 of 1 need",
        "Shares 1 interest: football",
        "Speaks Urdu",
        "5 of 5 places free in the week of 8 March 2027",
        "Too far away (1)",
        "Expired Eve, Late Lamps",
        "Suspended Sue, Stopped Stars",
        "Not accredited for support planning (2)",
        "Baseless Bob",
        "Where they start from is not recorded",
        "No single change would make it first",
    ):
        assert reason in words, reason
    assert "Foreign Fay" not in words


async def test_the_second_is_told_what_would_make_it_first(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Near Nell", lat=53.77)
    await make_planner(db, broker.council, name="Away Al", lat=53.80)
    referral, _ = await make_case(db, broker)
    referral_id = referral.id
    page = await (await browser.signed_in(broker)).open(f"/referrals/{referral_id}")
    assert "2. Away Al" in page.words
    assert "Would be first if it was" in page.words


async def test_the_same_input_gives_the_same_ranking_and_a_stored_one_can_be_repeated(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    for _ in range(4):
        worker, _ = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    first = await ShortlistService(db).rank(referral, person, "Council")
    second = await ShortlistService(db).rank(referral, person, "Council")
    assert first.ranking == second.ranking
    offer = await make_offer(db, broker, referral, person, worker)
    path = f"/referrals/{referral.id}/shortlists/{offer.shortlist_id}"
    reader = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, broker.council))
    assert "Repeated now: same result" in (await reader.open(path)).words
    await db.execute(text("UPDATE shortlists SET inputs = jsonb_set(inputs, '{case,start_day}', '740060')"))
    assert "Repeated now: another result" in (await reader.open(path)).words
    await reader.get(f"/referrals/{UUID(int=1)}/shortlists/{UUID(int=2)}", expect=404)


async def test_published_weights_count(db: AsyncSession) -> None:
    weights = weights_of({"version": "2027-01-01/council", "distance": 0})
    assert (weights.version, weights.distance, weights.specialism) == ("2027-01-01/council", 0, 200)


async def test_choosing_the_first_holds_a_place_and_asks_the_planner(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    worker_id = worker.id
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    await staff.post(f"{path}/offers", await chosen(staff, path))
    row = (await db.execute(text("SELECT worker_id, week_on, place FROM capacity_reservations"))).one()
    assert tuple(row) == (worker_id, date(2027, 3, 8), 1)
    offer = (await db.execute(text("SELECT status, rank, answer_by, override_reason FROM offers"))).one()
    assert tuple(offer) == ("offered", 1, datetime(2027, 3, 5, 10, tzinfo=UTC), "")
    assert await events(db) == ["OfferMade"]
    assert await count(db, "audit_entries", "action = 'matching.make_offer'") == 1
    page = await staff.open(path)
    assert "They have until Friday 5 March 2027 at 10am" in page.words
    assert "Offer to" not in page.words


async def test_a_second_offer_of_one_referral_is_refused_and_leaves_nothing(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council)
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    form = await chosen(staff, path)
    await staff.post(f"{path}/offers", form)
    late = await staff.post(f"{path}/offers", form, expect=409)
    assert late.heading == "This referral is not waiting for a planner"
    await nothing_happened(db, since=1)
    assert await events(db) == ["OfferMade"]


async def test_somebody_who_is_not_first_needs_a_reason(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, specialisms=["older"])
    second, _ = await make_planner(db, broker.council)
    second_id = second.id
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    page = await staff.open((await staff.open(path)).link("offers/new"))
    form = {name: page.field(name) for name in ("worker_id", "rank", "score", "first_day")}
    assert form["rank"] == "2"
    wrong = await staff.post(f"{path}/offers", {**form, "override_reason": ""}, expect=422)
    assert wrong.errors() == {"override_reason": "Say why you choose somebody who is not first"}
    await nothing_happened(db)
    # A page that claims the second is first is out of date or forged.
    forged = await staff.post(f"{path}/offers", {**form, "rank": "1"}, expect=409)
    assert forged.heading == "The shortlist has changed since you opened it"
    await nothing_happened(db)
    await staff.post(f"{path}/offers", {**form, "override_reason": "Knows the <family>"})
    row = (await db.execute(text("SELECT worker_id, rank, override_reason FROM offers"))).one()
    assert tuple(row) == (second_id, 2, "Knows the <family>")
    assert "Chosen instead of the first: Knows the <family>" in (await staff.open(path)).words


async def test_an_accreditation_that_ended_since_is_refused_with_the_name_and_the_day(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    name = await db.scalar(text("SELECT name FROM organisations WHERE id = :id"), {"id": worker.organisation_id})
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    form = await chosen(staff, path)
    await db.execute(text("UPDATE accreditations SET live_until = '2027-03-03'"))
    page = await staff.post(f"{path}/offers", form, expect=409)
    assert page.heading == "This organisation is not accredited today"
    assert f"{name} was accredited for support planning until 2 March 2027" in page.words
    await nothing_happened(db)
    assert await events(db) == []


async def test_a_place_taken_meanwhile_is_refused_and_nothing_is_left_behind(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, fte_percent=20)
    one, _ = await make_case(db, broker)
    other, _ = await make_case(db, broker)
    one_path, other_path = f"/referrals/{one.id}", f"/referrals/{other.id}"
    staff = await browser.signed_in(broker)
    first, second = await chosen(staff, one_path), await chosen(staff, other_path)
    await staff.post(f"{one_path}/offers", first)
    page = await staff.post(f"{other_path}/offers", second, expect=409)
    assert page.heading == "That place has just been taken"
    page.check()
    await nothing_happened(db, since=1)
    assert "in the week of 15 March 2027" in (await staff.open(other_path)).words


@pytest.mark.parametrize("fte_percent", [0, 19, 20, 60, 100])
async def test_a_weeks_places_are_never_exceeded(db: AsyncSession, fte_percent: int) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council, fte_percent=fte_percent)
    places = fte_percent * 5 // 100
    horizon_weeks = 6
    for number in range(places * 2 + 1):
        referral, person = await make_case(db, broker)
        made = await ShortlistService(db).rank(referral, person, "Council")
        if made.entry(worker.id) is None:
            assert places == 0
            break
        await make_offer(db, broker, referral, person, worker)
        assert number < places * horizon_weeks
    rows = (
        await db.execute(
            text(
                "SELECT week_on, array_agg(place ORDER BY place) FROM capacity_reservations "
                "GROUP BY week_on ORDER BY week_on"
            )
        )
    ).all()
    expected = [list(range(1, places + 1)), list(range(1, places + 1)), [1]] if places else []
    assert [row[1] for row in rows] == expected


async def test_absence_takes_places_away(db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    db.add(WorkerAbsence(worker_id=worker.id, starts_on=date(2027, 3, 8), ends_on=date(2027, 3, 13)))
    db.add(WorkerAbsence(worker_id=worker.id, starts_on=date(2027, 3, 17), ends_on=date(2027, 3, 18)))
    await db.flush()
    referral, person = await make_case(db, broker)
    made = await ShortlistService(db).rank(referral, person, "Council")
    entry = made.ranking.entries[0]
    # Back on Saturday 13 March; the first week with weekdays left has four of its five.
    assert made.planners[entry.id].weeks[0].places == 0
    assert made.planners[entry.id].weeks[1].free == 4
    assert date.fromordinal(entry.first_day) == date(2027, 3, 15)


async def test_places_another_council_took_count(db: AsyncSession) -> None:
    broker, elsewhere = await make_broker(db), await make_broker(db)
    worker, _ = await make_planner(db, broker.council, fte_percent=20)
    organisation = await db.get_one(type(await make_organisation(db)), worker.organisation_id)
    await make_accreditation(db, organisation, elsewhere.council, ServiceLine.SUPPORT_PLANNING)
    theirs, their_person = await make_case(db, elsewhere)
    await make_offer(db, elsewhere, theirs, their_person, worker)
    referral, person = await make_case(db, broker)
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert date.fromordinal(made.ranking.entries[0].first_day) == date(2027, 3, 15)


async def test_a_crisis_may_start_this_week(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council)
    referral, person = await make_case(db, broker, urgency=Urgency.CRISIS)
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert date.fromordinal(made.ranking.entries[0].first_day) == date(2027, 3, 3)


async def test_before_accepting_a_planner_sees_nothing_that_tells_who_it_is(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    given = {"wants": WANTS, "interim_plan": "Interim words", "communication_needs": ["bsl"]}
    referral, person = await make_case(db, broker, person=CANARY, **given)
    offer = await make_offer(db, broker, referral, person, worker)
    path = f"/offers/{offer.id}"
    theirs = await browser.signed_in(planner)

    def leaks(page: Page) -> list[str]:
        return [leak for leak in LEAKS if leak in page.text.lower()]

    assert leaks(await theirs.open("/offers")) == []
    page = await theirs.open(path)
    assert leaks(page) == []
    for shown in ("PR1", "Less than a mile from your base", "wants to paint again", "Older people", "£150.00 a week"):
        assert shown in page.words, shown
    refused = await theirs.post(f"{path}/decline", {"reason": "other", "more": ""}, expect=422)
    assert refused.errors() == {"more": "Say why you say no"}
    assert leaks(refused) == []
    await theirs.post(f"{path}/accept")
    page = await theirs.open(path)
    for shown in (
        "Xanthippe Quillfeather",
        "77 Zebra Crescent, Nettlebeck, PR1 2HE",
        "01772 900 1234",
        "5 June 1947",
        "Interim words",
        "British Sign Language interpreter",
        "Canaryprofile",
    ):
        assert shown in page.words, shown
    assert await count(db, "audit_entries", "action = 'people.read'") == 1


async def test_accepting_publishes_once_and_the_referral_is_planned(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    referral_id = referral.id
    offer_id = (await make_offer(db, broker, referral, person, worker)).id
    theirs, staff = await browser.signed_in(planner), await browser.signed_in(broker)
    form = {"form_id": "one-time"}
    await theirs.post(f"/offers/{offer_id}/accept", form)
    await theirs.post(f"/offers/{offer_id}/accept", form)
    assert await events(db) == ["OfferMade", "OfferAccepted"]
    assert await count(db, "capacity_reservations") == 1
    await theirs.post(f"/offers/{offer_id}/accept", expect=409)
    await theirs.post(f"/offers/{offer_id}/decline", {"reason": "too_far", "more": ""}, expect=409)
    assert "has taken this referral on" in (await staff.open(f"/referrals/{referral_id}")).words
    await staff.post(f"/referrals/{referral_id}/change/withdraw", {"reason": "Late"}, expect=409)
    assert await events(db) == ["OfferMade", "OfferAccepted"]


async def test_declining_frees_the_place_and_names_the_next_in_line(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council, name="Nadia No", specialisms=["older"])
    await make_planner(db, broker.council, name="Yusuf Yes")
    referral, person = await make_case(db, broker)
    referral_id = referral.id
    offer_id = (await make_offer(db, broker, referral, person, worker)).id
    theirs, staff = await browser.signed_in(planner), await browser.signed_in(broker)
    wrong = await theirs.post(f"/offers/{offer_id}/decline", {"more": "kept"}, expect=422)
    assert wrong.errors() == {"reason": "Select why you say no"}
    assert wrong.field("more") == "kept"
    await theirs.post(f"/offers/{offer_id}/decline", {"reason": "no_time", "more": "On leave"})
    assert await count(db, "capacity_reservations") == 0
    page = await staff.open(f"/referrals/{referral_id}")
    assert "Nadia No declined on 3 March 2027: I have no time that week: On leave." in page.words
    assert "The next in line is Yusuf Yes." in page.words
    assert "Declined this referral on 3 March 2027" in page.words
    assert "The person asked not to have this worker" not in page.words
    assert await events(db) == ["OfferMade", "OfferDeclined"]
    await staff.post(f"/referrals/{referral_id}/offers", await chosen(staff, f"/referrals/{referral_id}"))
    assert await count(db, "offers", "status = 'offered'") == 1
    assert "Nadia No" not in (await theirs.open(f"/offers/{offer_id}")).heading


async def test_taking_an_offer_back_frees_the_place(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    path, offer_id = f"/referrals/{referral.id}", (await make_offer(db, broker, referral, person, worker)).id
    staff, theirs = await browser.signed_in(broker), await browser.signed_in(planner)
    await staff.open(f"{path}/change/withdraw")
    await staff.post(f"{path}/change/withdraw", {"reason": "The person moved"})
    assert await count(db, "capacity_reservations") == 0
    late = await theirs.post(f"/offers/{offer_id}/accept", expect=409)
    assert late.heading == "This offer is no longer open"
    assert "The council took this offer back" in (await theirs.open(f"/offers/{offer_id}")).words
    await staff.post(f"{path}/change/withdraw", {"reason": "Again"}, expect=409)


async def test_an_offer_that_nobody_answers_lapses_and_cannot_be_accepted_late(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    referral_id, offer_id = referral.id, (await make_offer(db, broker, referral, person, worker)).id
    await db.flush()
    await lapse_offers()
    assert await count(db, "offers", "status = 'offered'") == 1
    clock.advance(timedelta(hours=48))
    theirs = await browser.signed_in(planner)
    staff = await browser.signed_in(broker)
    late = await theirs.post(f"/offers/{offer_id}/accept", expect=409)
    assert late.heading == "The time to answer this offer has ended"
    await lapse_offers()
    await lapse_offers()
    assert await count(db, "offers", "status = 'lapsed'") == 1
    assert await count(db, "capacity_reservations") == 0
    assert await count(db, "referrals", "status = 'received'") == 1
    assert await events(db) == ["OfferMade", "OfferLapsed"]
    assert "did not answer the offer of 3 March 2027 in time" in (await staff.open(f"/referrals/{referral_id}")).words


async def test_an_offer_is_not_accepted_once_the_accreditation_is_suspended(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    offer_id = (await make_offer(db, broker, referral, person, worker)).id
    theirs = await browser.signed_in(planner)
    await suspend(db)
    page = await theirs.post(f"/offers/{offer_id}/accept", expect=409)
    assert "is suspended from support planning" in page.words
    assert "The council takes the offer back" in page.words
    assert await count(db, "offers", "status = 'withdrawn'") == 1
    assert await count(db, "referrals", "status = 'received'") == 1
    assert await events(db) == ["OfferMade", "OfferWithdrawn"]


async def test_somebody_elses_offer_looks_like_none(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    _, colleague = await make_planner(
        db, broker.council, await db.get_one(type(await make_organisation(db)), worker.organisation_id)
    )
    _, stranger = await make_planner(db, broker.council)
    without_worker = await make_member(db, Role.PLANNER, broker.council)
    referral, person = await make_case(db, broker)
    offer_id = (await make_offer(db, broker, referral, person, worker)).id
    staff = await browser.signed_in(broker)
    for other in [await browser.signed_in(member) for member in (colleague, stranger, without_worker)]:
        await other.get(f"/offers/{offer_id}", expect=404)
        await other.post(f"/offers/{offer_id}/accept", expect=404)
        await other.post(f"/offers/{offer_id}/decline", {"reason": "too_far"}, expect=404)
    await staff.get(f"/offers/{offer_id}", expect=403)
    assert await count(db, "offers", "status = 'offered'") == 1


async def test_people_are_told_with_a_reference_and_a_link_and_no_more(
    browser: Browser, db: AsyncSession, maker: Any
) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council, name="Pia Planner")
    referral, person = await make_case(db, broker, person=CANARY, wants=WANTS)
    await make_member(db, Role.PERSON, broker.council, name="The Reader", email="p@test.example", person_id=person.id)
    reference, offer_id = referral.reference, (await make_offer(db, broker, referral, person, worker)).id
    theirs = await browser.signed_in(planner)
    await _deliver(db)
    await theirs.post(f"/offers/{offer_id}/accept")
    await _deliver(db)
    rows = (await db.execute(text("SELECT template, subject, body FROM messages ORDER BY created_at, template"))).all()
    assert {row.template for row in rows} == {"decision_told", "offer_made", "offer_accepted", "planner_found"}
    for row in rows:
        assert not [leak for leak in LEAKS if leak in (row.subject + row.body).lower()]
        assert "http" in row.body
        if row.template not in ("planner_found", "decision_told"):
            assert reference in row.subject
        elif row.template == "planner_found":
            assert "Pia Planner from Helping Hands" in row.body


@pytest.mark.parametrize("ending", ["decline", "withdraw", "lapse"])
async def test_the_other_endings_are_told_too(
    browser: Browser, db: AsyncSession, clock: FixedClock, ending: str
) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    referral_id, offer_id = referral.id, (await make_offer(db, broker, referral, person, worker)).id
    theirs, staff = await browser.signed_in(planner), await browser.signed_in(broker)
    if ending == "decline":
        await theirs.post(f"/offers/{offer_id}/decline", {"reason": "too_far"})
    elif ending == "withdraw":
        await staff.post(f"/referrals/{referral_id}/change/withdraw", {"reason": "Moved"})
    else:
        await db.flush()
        clock.advance(timedelta(days=9))
        await lapse_offers()
    await _deliver(db)
    wanted = {"decline": "offer_declined", "withdraw": "offer_withdrawn", "lapse": "offer_lapsed"}[ending]
    assert await count(db, "messages", f"template = '{wanted}'") == 1


async def test_a_planner_of_two_councils_sees_both_offers(browser: Browser, db: AsyncSession) -> None:
    here, there = await make_broker(db), await make_broker(db)
    worker, planner = await make_planner(db, here.council)
    organisation = await db.get_one(type(await make_organisation(db)), worker.organisation_id)
    await make_accreditation(db, organisation, there.council, ServiceLine.SUPPORT_PLANNING)
    await make_member(db, Role.PLANNER, there.council, organisation_id=organisation.id, worker_id=worker.id)
    references = []
    for broker in (here, there):
        referral, person = await make_case(db, broker)
        await make_offer(db, broker, referral, person, worker)
        references.append(referral.reference)
    page = await (await browser.signed_in(planner)).open("/offers")
    assert [reference in page.words for reference in references] == [True, True]


async def test_a_stale_choice_is_told_as_a_taken_place(db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council, fte_percent=20)
    one, one_person = await make_case(db, broker)
    other, other_person = await make_case(db, broker)
    stale = await offer_form(db, broker, one, one_person, worker)
    await make_offer(db, broker, other, other_person, worker)
    from marketplace.matching import OfferService

    with pytest.raises(PlaceTaken):
        await OfferService(db).make(broker.principal, one.id, stale)


async def _deliver(db: AsyncSession) -> None:
    await db.flush()
    for delivery in await outbox.relay(db):
        if delivery.task.startswith("matching."):
            await db.flush()
            await deliver(delivery)
    # The tests' sessions share one connection, and a task narrows what it reaches.
    await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []
