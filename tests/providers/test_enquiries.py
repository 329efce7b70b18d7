"""Questions and first meetings: both sides, every step, what a provider may know, and what the council may read."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.providers.models import EnquiryKind, HiddenWhy
from marketplace.providers.service.calendar_files import calendar_file
from marketplace.providers.states import ENQUIRY, EnquiryStatus
from marketplace.providers.tasks import enquiries as tasks
from tests.browser import count, events
from tests.factories import make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_bookings import loose, make_scene
from tests.factories_talking import make_enquiry, make_message

QUESTION = "Do you like walking in the hills?"
HIDDEN = ("Ada", "Example", "Hidden Lane", "PR1 2HE", "01772 900123")


def ask_form(scene, **given):
    return {"listing": str(scene.listing.id), "kind": "question", "words": QUESTION, **given}


def meeting_form(scene, **given):
    return {
        "listing": str(scene.listing.id), "kind": "meeting", "place": "video", "words": "To see if we get on.",
        "wish1-day": "8", "wish1-month": "3", "wish1-year": "2027", "wish1_time": "2pm",
        "wish2-day": "30", "wish2-month": "3", "wish2-year": "2027", "wish2_time": "9:30am", **given,
    }  # fmt: skip


async def staff(db, role, council=None, **given):
    """A member whose rows the browser does not expire."""
    member = await make_member(db, role, council, **given)
    loose(db, member.user, member.membership, member.council)
    return member


async def the_enquiry(db) -> Any:
    return (await db.execute(text("SELECT * FROM enquiries"))).one()


async def run_tasks(db):
    assert tasks.tell_enquiry is not None, "the tasks are listening"
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0


async def test_a_question_and_its_answer(browser, db, clock):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    page = await person.open(f"/enquiries/new?listing={scene.listing.id}&kind=question")
    assert "Do not give your address" in page.words
    page = await person.post("/enquiries/new", ask_form(scene))
    thread = page.location
    enquiry = await the_enquiry(db)
    assert (enquiry.shown_as, enquiry.status, enquiry.worker_id) == (
        "Somebody near Preston",
        "open",
        scene.worker.id,
    )
    assert QUESTION in (await person.open(thread)).words
    assert "Sent" in (await person.open("/enquiries")).words

    assert "Waits for you" in (await provider.open("/provider/enquiries")).words
    page = await provider.open(f"/provider{thread}")
    assert QUESTION in page.words
    assert "Somebody near Preston" in page.words
    assert not any(part in page.text for part in HIDDEN)
    await provider.post(f"/provider{thread}/messages", {"words": "Yes, every week."})
    assert "Yes, every week." in (await person.open(thread)).words
    await person.post(f"{thread}/messages", {"words": "Also in the rain?"})
    assert (await the_enquiry(db)).status == "open"
    await provider.post(f"/provider{thread}/messages", {"words": "Also then."})
    await person.post(f"{thread}/close", {"version": str((await the_enquiry(db)).version)})
    assert "closed" in (await provider.open(f"/provider{thread}")).words
    await provider.post(f"/provider{thread}/messages", {"words": "One more thing"}, expect=409)
    await person.post(f"{thread}/messages", {"words": "May I ask again?"})
    assert (await the_enquiry(db)).status == "open"

    assert await events(db) == ["EnquiryChanged"] * 6
    await run_tasks(db)
    rows = (await db.execute(text("SELECT template, subject, body, user_id FROM messages ORDER BY id"))).all()
    assert {row.template for row in rows} == {"enquiry_provider", "enquiry_person"}
    assert all(f"/enquiries/{enquiry.id}" in row.body for row in rows)
    assert not any(word in row.body for row in rows for word in ("hills", "rain", "every week", *HIDDEN[2:]))
    assert not any(QUESTION in str(row) for row in (await db.execute(text("SELECT * FROM audit_entries"))).all())
    assert not any(QUESTION in str(row) for row in (await db.execute(text("SELECT * FROM outbox_messages"))).all())
    steps = await db.execute(text("SELECT to_status FROM steps WHERE subject_kind = 'enquiry' ORDER BY at, id"))
    assert list(steps.scalars()) == ["open", "answered", "open", "answered", "closed", "open"]


async def test_a_first_meeting_is_agreed_and_stands_in_a_calendar(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    page = await person.open(f"/enquiries/new?listing={scene.listing.id}&kind=meeting")
    assert "Your home is not on this list" in page.words
    thread = (await person.post("/enquiries/new", meeting_form(scene))).location
    enquiry = await the_enquiry(db)
    assert enquiry.wishes == ["2027-03-08T14:00", "2027-03-30T09:30"]
    await person.get(f"{thread}/meeting.ics", expect=404)
    page = await provider.open(f"/provider{thread}")
    assert "Tuesday 30 March 2027 at 9:30am" in page.words
    await provider.post(f"/provider{thread}/agree", {"wish": "2027-03-30T09:30", "version": str(enquiry.version)})
    enquiry = await the_enquiry(db)
    assert enquiry.status == "agreed"
    assert enquiry.agreed_at == datetime(2027, 3, 30, 8, 30, tzinfo=UTC), "the clocks have changed by then"
    assert "You meet" in (await person.open(thread)).words
    for reader, base in ((person, thread), (provider, f"/provider{thread}")):
        answer = await reader.get(f"{base}/meeting.ics")
        assert answer.response.headers["content-type"].startswith("text/calendar")
        lines = answer.text.split("\r\n")
        assert "DTSTART:20270330T083000Z" in lines
        assert "SUMMARY:First meeting" in lines
        assert not any(part in answer.text for part in (*HIDDEN, "Pat", "Helping", "Support at home"))
    await run_tasks(db)
    body = await db.scalar(text("SELECT body FROM messages WHERE template = 'enquiry_person'"))
    assert "Tuesday 30 March 2027 at 9:30am" in body


async def test_the_provider_proposes_another_time_and_the_person_agrees(browser, db):
    scene = await make_scene(db)
    enquiry = await make_enquiry(db, scene, kind=EnquiryKind.MEETING)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    form = {
        "proposal-day": "9", "proposal-month": "3", "proposal-year": "2027", "proposal_time": "10am",
        "proposal_words": "Monday is my day off.", "version": "1",
    }  # fmt: skip
    await provider.post(f"/provider/enquiries/{enquiry.id}/propose", form)
    page = await person.open(f"/enquiries/{enquiry.id}")
    assert "proposes Tuesday 9 March 2027 at 10am" in page.words
    assert "Monday is my day off." in page.words
    await person.post(f"/enquiries/{enquiry.id}/choose", {"version": page.field("version")})
    row = await the_enquiry(db)
    assert (row.status, row.agreed_at) == ("agreed", datetime(2027, 3, 9, 10, tzinfo=UTC))
    assert await count(db, "audit_entries", "action = 'providers.agree_meeting'") == 1


async def test_a_decision_on_a_page_that_is_out_of_date_is_refused(browser, db, clock):
    scene = await make_scene(db)
    enquiry = await make_enquiry(db, scene, EnquiryStatus.ANSWERED, kind=EnquiryKind.MEETING)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    seen = (await person.open(f"/enquiries/{enquiry.id}")).field("version")
    clock.advance(timedelta(seconds=1))
    await provider.post(f"/provider/enquiries/{enquiry.id}/messages", {"words": "Only if it is dry."})
    page = await person.post(f"/enquiries/{enquiry.id}/choose", {"version": seen}, expect=409)
    assert page.title.startswith("There is something new in this conversation")
    assert (await the_enquiry(db)).status == "answered"


async def test_a_form_sent_twice_asks_once(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    first = await person.post("/enquiries/new", ask_form(scene, form_id="one"))
    second = await person.post("/enquiries/new", ask_form(scene, form_id="one"))
    assert first.location == second.location
    assert await count(db, "enquiries") == 1
    assert await count(db, "enquiry_messages") == 1
    assert await count(db, "listing_days", "questions = 1") == 1
    assert await events(db) == ["EnquiryChanged"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"words": ""}, "words"),
        ({"words": "Hello"}, "words"),
        ({"words": "x" * 2001}, "words"),
        ({"words": "nul \x00 in the middle"}, "words"),
        ({"kind": "meeting"}, "place"),
    ],
)
async def test_a_question_that_cannot_be_sent(browser, db, given, field):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/enquiries/new", ask_form(scene, **given), expect=422)
    assert field in page.errors()
    assert await count(db, "enquiries") == 0
    assert await events(db) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"place": "home"}, "place"),
        ({"wish1-day": ""}, "wish1"),
        ({"wish1_time": ""}, "wish1_time"),
        ({"wish1-day": "3", "wish1_time": "9:59am"}, "wish1"),
        ({"wish1-month": "6"}, "wish1"),
        ({"wish2_time": ""}, "wish2_time"),
        ({"wish3_time": "noon"}, "wish3"),
        ({"wish1-year": "99999"}, "wish1"),
    ],
)
async def test_a_meeting_that_cannot_be_asked_for(browser, db, given, field):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/enquiries/new", meeting_form(scene, **given), expect=422)
    assert field in page.errors()
    assert page.field("words") == "To see if we get on."
    assert await count(db, "enquiries") == 0


async def test_messages_of_a_meeting_stand_in_the_order_of_its_fields(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    empty = {"place": "", "wish1-day": "", "wish1-month": "", "wish1-year": "", "wish1_time": "", "words": ""}
    page = await person.post("/enquiries/new", meeting_form(scene, **empty), expect=422)
    assert list(page.errors()) == ["place", "wish1", "wish1_time", "words"]


async def test_one_can_ask_twenty_times_a_day(browser, db, clock):
    scene = await make_scene(db)
    for _ in range(20):
        await make_enquiry(db, scene)
    person = await browser.signed_in(scene.member)
    await person.post("/enquiries/new", ask_form(scene), expect=429)
    assert await count(db, "enquiries") == 20
    clock.advance(timedelta(days=1, seconds=1))
    person = await browser.signed_in(scene.member)
    await person.post("/enquiries/new", ask_form(scene))


async def test_a_provider_of_another_council_is_named_with_its_public_contacts(browser, db):
    scene = await make_scene(db)
    stranger = await make_organisation(db, name="Far Away Care", phone="020 7946 0000", website="https://far.example")
    listing = await make_listing(db, stranger)
    planner_only = await make_organisation(db, name="Planners alone")
    worker = await make_worker(db, planner_only)
    plans = await make_listing(db, planner_only, worker_id=worker.id)
    await make_member(db, Role.PLANNER, scene.council, organisation_id=planner_only.id, worker_id=worker.id)
    far, plan = listing.id, plans.id
    await make_member(db, Role.PROVIDER, await make_council(db), organisation_id=stranger.id)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/enquiries/new?listing={far}&kind=question")
    assert "Contact Far Away Care directly" in page.heading
    assert "020 7946 0000" in page.words
    assert "Contact Planners alone directly" in (await person.open(f"/enquiries/new?listing={plan}")).heading
    await person.post("/enquiries/new", ask_form(scene, listing=str(far)), expect=409)
    assert await count(db, "enquiries") == 0


async def test_a_listing_off_the_market_takes_no_new_question_and_old_ones_go_on(browser, db):
    scene = await make_scene(db, listing={"hidden_why": HiddenWhy.STALE})
    enquiry = await make_enquiry(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    await person.get(f"/enquiries/new?listing={scene.listing.id}", expect=404)
    await person.post("/enquiries/new", ask_form(scene), expect=404)
    await person.post("/enquiries/new", ask_form(scene, listing="nonsense"), expect=404)
    await provider.post(f"/provider/enquiries/{enquiry.id}/messages", {"words": "I am back in May."})
    assert "I am back in May." in (await person.open(f"/enquiries/{enquiry.id}")).words
    assert await count(db, "enquiries") == 1


async def test_the_name_is_told_by_choice_alone(browser, db):
    scene = await make_scene(db)
    enquiry = await make_enquiry(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    page = await person.open(f"/enquiries/{enquiry.id}")
    assert "Tell them my name" in page.words
    await person.post(f"/enquiries/{enquiry.id}/name")
    page = await provider.open(f"/provider/enquiries/{enquiry.id}")
    assert "Ada Example" in page.words
    assert not any(part in page.text for part in HIDDEN[2:])
    assert "Tell them my name" not in (await person.open(f"/enquiries/{enquiry.id}")).words
    await person.post(f"/enquiries/{enquiry.id}/name")
    assert await events(db) == ["EnquiryChanged"]


async def test_a_representative_asks_for_somebody_and_both_see_the_thread(browser, db):
    scene = await make_scene(db)
    daughter = await make_member(
        db, Role.REPRESENTATIVE, scene.council, name="Dora Daughter", person_id=scene.person.id,
        acting_for_name="Ada Example",
    )  # fmt: skip
    acting, person = await browser.signed_in(daughter), await browser.signed_in(scene.member)
    thread = (await acting.post("/enquiries/new", ask_form(scene))).location
    row = await the_enquiry(db)
    assert (row.acting_for, row.shown_as) == ("Ada Example", "Somebody near Preston")
    assert "Dora Daughter" in (await person.open(thread)).words
    provider = await browser.signed_in(scene.provider)
    page = await provider.open(f"/provider{thread}")
    assert not any(part in page.text for part in (*HIDDEN, "Dora"))
    await acting.post(f"{thread}/name")
    page = await provider.open(f"/provider{thread}")
    assert "Dora Daughter" in page.words
    assert "Ada" not in page.text
    await person.post(f"{thread}/call-off", {"version": str((await the_enquiry(db)).version)})
    behalf = await count(db, "audit_entries", f"on_behalf_of = '{scene.person.id}' AND subject_kind = 'enquiry'")
    assert behalf == 2
    await run_tasks(db)


async def test_only_who_it_concerns_sees_a_thread(browser, db):
    scene, other = await make_scene(db), await make_scene(db)
    same_council = await make_scene(db, council=scene.council)
    enquiry = await make_enquiry(db, scene)
    message = await make_message(db, scene, enquiry, "Call me.", is_providers=True)
    colleague_worker = await make_worker(db, scene.organisation)
    colleague = await staff(
        db, Role.PA, scene.council, organisation_id=scene.organisation.id, worker_id=colleague_worker.id
    )
    manager = await staff(db, Role.PROVIDER, scene.council, organisation_id=scene.organisation.id)
    for stranger in (other.member, same_council.member):
        reader = await browser.signed_in(stranger)
        await reader.get(f"/enquiries/{enquiry.id}", expect=404)
        await reader.post(f"/enquiries/{enquiry.id}/messages", {"words": "Hello there"}, expect=404)
        for verb in ("call-off", "close", "choose"):
            await reader.post(f"/enquiries/{enquiry.id}/{verb}", {"version": "1"}, expect=404)
        await reader.post(f"/enquiries/{enquiry.id}/name", expect=404)
        await reader.post(f"/enquiries/{enquiry.id}/messages/{message.id}/report", {"words": "Bad"}, expect=404)
        assert "have not asked anybody" in (await reader.open("/enquiries")).words
    for stranger in (other.provider, same_council.provider, colleague):
        reader = await browser.signed_in(stranger)
        await reader.get(f"/provider/enquiries/{enquiry.id}", expect=404)
        await reader.post(f"/provider/enquiries/{enquiry.id}/messages", {"words": "Hello there"}, expect=404)
        assert "Nobody has asked you yet" in (await reader.open("/provider/enquiries")).words
    await (await browser.signed_in(manager)).open(f"/provider/enquiries/{enquiry.id}")
    broker = await browser.signed_in(await staff(db, Role.BROKER, scene.council))
    await broker.get(f"/reported-enquiries/{enquiry.id}", expect=404)
    assert await count(db, "enquiry_messages") == 2
    assert await events(db) == []


async def test_a_provider_that_serves_several_councils_sees_the_questions_of_all(browser, db):
    scene = await make_scene(db)
    elsewhere = await make_scene(db)
    manager = await staff(db, Role.PROVIDER, elsewhere.council, organisation_id=scene.organisation.id)
    enquiry = await make_enquiry(db, scene)
    reader = await browser.signed_in(manager)
    assert "Waits for you" in (await reader.open("/provider/enquiries")).words
    await reader.post(f"/provider/enquiries/{enquiry.id}/messages", {"words": "We serve both."})


async def test_a_reported_message_is_read_with_a_reason_and_settled(browser, db, clock):
    scene = await make_scene(db)
    enquiry = await make_enquiry(db, scene)
    bad = await make_message(db, scene, enquiry, "Pay me outside the site.", is_providers=True)
    own = (await db.execute(text("SELECT id FROM enquiry_messages WHERE NOT is_providers"))).scalar_one()
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/enquiries/{enquiry.id}")
    await person.open(page.link("/report$"))
    await person.post(f"/enquiries/{enquiry.id}/messages/{own}/report", {"words": "My own"}, expect=404)
    await person.post(f"/enquiries/{enquiry.id}/messages/{bad.id}/report", {"words": ""}, expect=422)
    await person.post(f"/enquiries/{enquiry.id}/messages/{bad.id}/report", {"words": "They want cash."})
    await person.post(f"/enquiries/{enquiry.id}/messages/{bad.id}/report", {"words": "Again."})
    assert await events(db) == ["EnquiryReported"]

    broker_member = await staff(db, Role.BROKER, scene.council)
    broker = await browser.signed_in(broker_member)
    page = await broker.open("/reported-enquiries")
    assert scene.listing.title in page.words
    assert "cash" not in page.text
    page = await broker.open(f"/reported-enquiries/{enquiry.id}")
    assert not any(words in page.text for words in ("cash", "hills", "outside"))
    await broker.post(f"/reported-enquiries/{enquiry.id}/settle", {"done": "Early"}, expect=404)
    await broker.post(f"/reported-enquiries/{enquiry.id}/open", {"why": ""}, expect=422)
    await broker.post(f"/reported-enquiries/{enquiry.id}/open", {"why": "A report of pressure for cash"})
    page = await broker.open(f"/reported-enquiries/{enquiry.id}")
    assert "Pay me outside the site." in page.words
    assert "They want cash." in page.words
    why = await db.scalar(text("SELECT why FROM audit_entries WHERE action = 'providers.read_enquiry'"))
    assert why == "A report of pressure for cash"
    colleague = await browser.signed_in(await staff(db, Role.BROKER, scene.council))
    assert "cash" not in (await colleague.open(f"/reported-enquiries/{enquiry.id}")).text
    elsewhere = await browser.signed_in(await staff(db, Role.BROKER))
    await elsewhere.get(f"/reported-enquiries/{enquiry.id}", expect=404)
    assert "No reported messages" in (await elsewhere.open("/reported-enquiries")).words

    clock.advance(timedelta(minutes=61))
    broker = await browser.signed_in(broker_member)
    assert "outside the site" not in (await broker.open(f"/reported-enquiries/{enquiry.id}")).text
    await broker.post(f"/reported-enquiries/{enquiry.id}/open", {"why": "To settle it"})
    await broker.post(f"/reported-enquiries/{enquiry.id}/settle", {"done": "Talked to the provider"})
    assert "No reported messages" in (await broker.open("/reported-enquiries")).words
    await run_tasks(db)
    assert await count(db, "messages", "template = 'enquiry_reported' AND body NOT LIKE '%cash%'") >= 1


PERSON_STEPS = {"write", "choose", "call-off", "close"}


async def do(browser_of, enquiry, verb):
    person, provider = browser_of
    mine, theirs = f"/enquiries/{enquiry.id}", f"/provider/enquiries/{enquiry.id}"
    version = str(enquiry.version)
    if verb == "write":
        return await person.post(f"{mine}/messages", {"words": "More"}, expect=None)
    if verb in PERSON_STEPS:
        return await person.post(f"{mine}/{verb}", {"version": version}, expect=None)
    if verb == "answer":
        return await provider.post(f"{theirs}/messages", {"words": "Yes"}, expect=None)
    form = {
        "version": version, "wish": "2027-03-08T14:00", "no_words": "Sorry", "proposal-day": "9",
        "proposal-month": "3", "proposal-year": "2027", "proposal_time": "10am",
    }  # fmt: skip
    verb = "call-off" if verb == "provider-call-off" else verb
    return await provider.post(f"{theirs}/{verb}", form, expect=None)


OPEN, ANSWERED, AGREED, DECLINED, CANCELLED, CLOSED = EnquiryStatus
LEADS: dict[str, dict[EnquiryStatus, EnquiryStatus]] = {
    "write": {OPEN: OPEN, ANSWERED: OPEN, AGREED: AGREED, CLOSED: OPEN},
    "choose": {OPEN: AGREED, ANSWERED: AGREED},
    "call-off": {OPEN: CANCELLED, ANSWERED: CANCELLED, AGREED: CANCELLED},
    "close": {OPEN: CLOSED, ANSWERED: CLOSED, AGREED: CLOSED},
    "answer": {OPEN: ANSWERED, ANSWERED: ANSWERED, AGREED: AGREED},
    "propose": {OPEN: ANSWERED, ANSWERED: ANSWERED},
    "agree": {OPEN: AGREED, ANSWERED: AGREED},
    "decline": {OPEN: DECLINED},
    "provider-call-off": {ANSWERED: CANCELLED, AGREED: CANCELLED},
}
"""What each verb makes of a meeting in each state; where a state is missing the verb is refused."""


@pytest.mark.parametrize("verb", list(LEADS))
async def test_each_verb_in_each_state(browser, db, verb):
    scene = await make_scene(db)
    readers = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    for status in EnquiryStatus:
        proposed_at = datetime(2027, 3, 12, 10, tzinfo=UTC)
        enquiry = await make_enquiry(db, scene, status, kind=EnquiryKind.MEETING, proposed_at=proposed_at)
        before = await count(db, "enquiry_messages"), len(await events(db)), await count(db, "steps")
        page = await do(readers, enquiry, verb)
        now = await db.scalar(text(f"SELECT status FROM enquiries WHERE id = '{enquiry.id}'"))
        wanted = LEADS[verb].get(status)
        if wanted is None:
            assert (page.status, now) == (409, status.value), f"{verb} in {status}"
            after = await count(db, "enquiry_messages"), len(await events(db)), await count(db, "steps")
            assert after == before, "a refusal leaves nothing"
        else:
            assert (page.status, now) == (303, wanted.value), f"{verb} in {status}"
            assert ENQUIRY.allows(status, wanted) or status is wanted
            await readers[0].open(f"/enquiries/{enquiry.id}")
            await readers[1].open(f"/provider/enquiries/{enquiry.id}")
    await readers[0].open("/enquiries")
    await readers[1].open("/provider/enquiries")


async def test_a_question_takes_no_time_and_a_time_that_has_passed_is_refused(browser, db, clock):
    scene = await make_scene(db)
    question = await make_enquiry(db, scene)
    meeting = await make_enquiry(db, scene, EnquiryStatus.ANSWERED, kind=EnquiryKind.MEETING)
    clock.move_to(datetime(2027, 3, 10, 9, 0, tzinfo=UTC))
    readers = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    assert (await do(readers, question, "agree")).status == 409
    assert (await do(readers, question, "choose")).status == 409
    assert (await do(readers, meeting, "agree")).status == 409
    assert (await do(readers, meeting, "choose")).status == 409
    assert (await do(readers, meeting, "propose")).status == 422
    page = await readers[1].open(f"/provider/enquiries/{meeting.id}")
    assert "have passed" in page.words
    assert await events(db) == []


async def test_a_conversation_has_an_end(browser, db):
    scene = await make_scene(db)
    enquiry = await make_enquiry(db, scene)
    for number in range(199):
        await make_message(db, scene, enquiry, f"Message {number}")
    person = await browser.signed_in(scene.member)
    page = await person.post(f"/enquiries/{enquiry.id}/messages", {"words": "One too many"}, expect=409)
    assert page.title.startswith("This conversation is full")
    assert await count(db, "enquiry_messages") == 200


async def test_long_lists_are_paged_without_losing_or_repeating_a_row(browser, db, clock):
    scene = await make_scene(db)
    made = set()
    for number in range(45):
        clock.advance(timedelta(seconds=7 if number % 3 else 0))
        status = EnquiryStatus.OPEN if number % 2 else EnquiryStatus.ANSWERED
        made.add(str((await make_enquiry(db, scene, status, created_at=clock.now() - timedelta(days=3))).id))
    for member, base in ((scene.member, "/enquiries"), (scene.provider, "/provider/enquiries")):
        reader = await browser.signed_in(member)
        seen, address = [], base
        while address:
            page = await reader.open(address)
            seen += [link.rsplit("/", 1)[-1] for link in page.links() if link.startswith(f"{base}/")]
            address = next((link for link in page.links() if "after=" in link), None)
        assert len(seen) == 45, base
        assert set(seen) == made
    page = await reader.open("/provider/enquiries")
    assert page.words.count("Waits for you") == 20


def test_a_calendar_file_keeps_to_the_standard():
    content = calendar_file(
        event_id := uuid4(),
        title="A, b; c\\d\nline",
        starts_at=datetime(2027, 3, 30, 8, 30, tzinfo=UTC),
        minutes=30,
        made_at=datetime(2027, 3, 3, 10, tzinfo=UTC),
        number=3,
        place="é" * 60,
        link="https://example.test/enquiries/1",
    )
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 75 for line in lines)
    text_form = content.replace(b"\r\n ", b"").decode()
    assert f"UID:{event_id}\r\n" in text_form
    assert "SUMMARY:A\\, b\\; c\\\\d\\nline\r\n" in text_form
    assert f"LOCATION:{'é' * 60}\r\n" in text_form
