"""How people want to be told things: their own page, the council's for those who are offline, letters and calls."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry
from marketplace.accounts.permissions import Role, Scope
from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of
from marketplace.messaging import MessagingService
from marketplace.messaging.models import Channel, ContactPreference, Message, MessageStatus
from tests.browser import Browser, count, events
from tests.factories import make_council, make_member, make_person, make_person_member
from tests.factories_bookings import loose
from tests.messaging.test_contact import WORDS, prefer

FORM = {
    "channel": "letter",
    "urgent_channel": "call",
    "format": "large_print",
    "email": "",
    "phone": "01772 900123",
    "address": "7 Hidden Lane\nPR1 2AB",
    "quiet_from_hour": "21",
    "quiet_until_hour": "8",
    "version": "0",
}


async def kept(db: AsyncSession) -> ContactPreference:
    row: ContactPreference = (await db.scalars(select(ContactPreference))).one()
    await db.refresh(row)
    return row


async def a_letter(db: AsyncSession, council: Any, person: Any, **given: Any) -> Message:
    await MessagingService(db).tell(council.id, "password_changed", WORDS, person_id=person.id, **given)
    question = select(Message).where(Message.person_id == person.id).order_by(Message.id.desc())
    message: Message = (await db.scalars(question)).first()
    db.expunge(message)
    return message


async def test_a_person_says_how_they_want_to_be_told_things(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    _, member = await make_person_member(
        db, council, phone="01772 900123", address_line="7 Hidden Lane", communication_needs=["large_print"]
    )
    mine = await browser.signed_in(member)
    assert "/contact" in (await mine.open("/profile")).links()
    page = await mine.open("/contact")
    assert page.field("phone") == "01772 900123"
    assert page.field("format") == "large_print"
    assert "7 Hidden Lane" in (page.field("address") or "")
    await mine.post("/contact", FORM)
    row = await kept(db)
    assert (row.channel, row.urgent_channel, row.format) == (Channel.LETTER, Channel.CALL, "large_print")
    page = await mine.open("/contact")
    assert (page.field("channel"), page.field("version")) == ("letter", "1")
    assert "ContactChanged" in await events(db)
    [entry] = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "messaging.set_contact"))).all()
    assert "Hidden Lane" not in str(entry.after)
    assert "900123" not in str(entry.after)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"channel": "pigeon"}, {"channel"}),
        ({"urgent_channel": "letter"}, {"urgent_channel"}),
        ({"channel": "email", "format": "", "email": ""}, {"email"}),
        ({"channel": "letter", "address": ""}, {"address"}),
        ({"phone": ""}, {"phone"}),
        ({"phone": "12"}, {"phone"}),
        ({"urgent_channel": "text"}, {"phone"}),
        ({"channel": "email", "email": "a@b.example", "format": "braille"}, {"format"}),
        ({"quiet_from_hour": "24"}, {"quiet_from_hour"}),
    ],
)
async def test_what_cannot_work_is_said_and_what_was_typed_stays(
    browser: Browser, db: AsyncSession, given: dict[str, str], wrong: set[str]
) -> None:
    _, member = await make_person_member(db, await make_council(db))
    page = await (await browser.signed_in(member)).post("/contact", FORM | given, expect=422)
    assert set(page.errors()) == wrong
    assert page.field("address") == (FORM | given)["address"]
    assert await count(db, "contact_preferences") == 0


async def test_two_tabs_do_not_overwrite_each_other_and_a_double_click_saves_once(
    browser: Browser, db: AsyncSession
) -> None:
    _, member = await make_person_member(db, await make_council(db))
    mine = await browser.signed_in(member)
    for _ in range(2):
        await mine.post("/contact", FORM | {"form_id": "a" * 32})
    assert await count(db, "audit_entries", "action = 'messaging.set_contact'") == 1
    await mine.post("/contact", FORM | {"format": ""}, expect=409)
    assert (await kept(db)).format == "large_print"


async def test_a_helper_may_change_it_within_their_scope_and_the_person_hears_the_old_way(
    browser: Browser, db: AsyncSession
) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    await prefer(db, person, Channel.EMAIL)
    person_id = person.id
    helper = await make_member(
        db, Role.REPRESENTATIVE, council, person_id=person_id, acting_for_name="Ann", scopes=[Scope.PROFILE]
    )
    talker = await make_member(db, Role.REPRESENTATIVE, council, person_id=person_id, scopes=[Scope.TALK])
    for member in (helper, talker):
        loose(db, member.user, member.membership)
    loose(db, council)
    await (await browser.signed_in(talker)).get("/contact", expect=403)
    theirs = await browser.signed_in(helper)
    await theirs.open("/contact")
    await theirs.post("/contact", FORM | {"version": "1"})
    [told] = (await db.scalars(select(Message).where(Message.person_id == person_id))).all()
    assert (told.template, told.channel, told.to_address) == ("contact_changed", Channel.EMAIL, "own@people.example")
    assert (await kept(db)).channel is Channel.LETTER


async def test_the_council_keeps_it_for_people_who_are_offline(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person = await make_person(db, council, phone="01772 900123", address_line="7 Hidden Lane")
    person_id = person.id
    broker = await make_member(db, Role.BROKER, council)
    theirs = await browser.signed_in(broker)
    path = f"/people/{person_id}/contact"
    assert path in (await theirs.open(f"/people/{person_id}")).links()
    page = await theirs.open(path)
    assert "cannot sign in" in page.words
    assert "Text message" not in page.words
    texts = FORM | {"urgent_channel": "text", "phone": "07700 900123"}
    assert set((await theirs.post(path, texts, expect=422)).errors()) == {"urgent_channel"}
    await theirs.post(path, FORM)
    assert (await kept(db)).person_id == person_id


async def test_the_council_pages_are_for_its_own_staff_alone(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    await prefer(db, person, Channel.LETTER)
    letter = await a_letter(db, council, person)
    loose(db, council, member.user, member.membership)
    paths = (f"/people/{person.id}/contact", f"/to-send/{letter.id}", f"/to-send/{letter.id}/letter")
    other = await browser.signed_in(await make_member(db, Role.BROKER))
    assert "Nothing to post" in (await other.open("/to-send")).words
    for path in paths:
        await other.get(path, expect=404)
    await other.post(f"/to-send/{letter.id}", {"outcome": "done"}, expect=404)
    for role in (Role.FINANCE, Role.QUALITY_CHECKER, Role.ADMIN):
        theirs = await browser.signed_in(await make_member(db, role, council))
        for path in (*paths, "/to-send", "/to-send/done"):
            await theirs.get(path, expect=403)
    mine = await browser.signed_in(member)
    for path in (*paths, "/to-send"):
        await mine.get(path, expect=403)
    assert await count(db, "messages", "status = 'queued' and channel = 'letter'") == 1


async def test_a_letter_is_printed_large_posted_and_written_down(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    council = await make_council(db, contact_phone="01332 000000")
    person = await make_person(db, council)
    await prefer(db, person, Channel.LETTER, format="large_print")
    letter = await a_letter(db, council, person)
    name = person.name
    worker = await make_member(db, Role.SOCIAL_WORKER, council, name="Sue Social")
    user_id = worker.user.id
    theirs = await browser.signed_in(worker)
    page = await theirs.open("/to-send")
    assert name in page.words
    assert "Large print" in page.words
    printed = await theirs.open(f"/to-send/{letter.id}/letter")
    assert "7 Hidden Lane" in printed.words
    assert "01332 000000" in printed.words
    assert 'class="govuk-body-l"' in printed.text
    assert 'class="govuk-body"' not in printed.text.split("<main")[1].split("</main")[0]
    address = f"/to-send/{letter.id}"
    await theirs.open(address)
    assert set((await theirs.post(address, {}, expect=422)).errors()) == {"outcome"}
    assert set((await theirs.post(address, {"outcome": "not_possible"}, expect=422)).errors()) == {"note"}
    clock.advance(timedelta(minutes=5))
    for _ in range(2):
        await theirs.post(address, {"outcome": "done", "form_id": "b" * 32})
    await theirs.post(address, {"outcome": "done"}, expect=409)
    row = await db.get_one(Message, letter.id, populate_existing=True)
    assert (row.status, row.sent_at, row.done_by_user_id) == (MessageStatus.SENT, clock_of(db).now(), user_id)
    assert await count(db, "audit_entries", "action = 'messaging.send_by_hand'") == 1
    assert "Nothing to post" in (await theirs.open("/to-send")).words
    done = await theirs.open("/to-send/done")
    assert "Sue Social" in done.words
    assert "Posted" in done.words


async def test_a_call_that_is_not_possible_says_why(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    await prefer(db, person, Channel.CALL)
    call = await a_letter(db, council, person)
    theirs = await browser.signed_in(await make_member(db, Role.BROKER, council))
    page = await theirs.open(f"/to-send/{call.id}")
    assert "07700 900123" in page.words
    assert "What to read out" in page.words
    await theirs.post(f"/to-send/{call.id}", {"outcome": "not_possible", "note": "The number is dead"})
    row = await db.get_one(Message, call.id, populate_existing=True)
    assert (row.status, row.sent_at) == (MessageStatus.FAILED, None)
    assert await count(db, "audit_entries", "why = 'The number is dead'") == 1


async def test_a_letter_to_somebody_who_has_died_since_says_so(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    await prefer(db, person, Channel.LETTER)
    letter = await a_letter(db, council, person)
    person.died_on = clock_of(db).now().date()
    theirs = await browser.signed_in(await make_member(db, Role.BROKER, council))
    assert "Has died" in (await theirs.open("/to-send")).words
    assert "Do not send this" in (await theirs.open(f"/to-send/{letter.id}")).words


async def test_a_format_that_we_cannot_make_is_said_clearly(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    await prefer(db, person, Channel.LETTER, format="easy_read")
    letter = await a_letter(db, council, person)
    theirs = await browser.signed_in(await make_member(db, Role.BROKER, council))
    assert "Needs Easy Read" in (await theirs.open(f"/to-send/{letter.id}")).words
    assert "Needs Easy Read" in (await theirs.open(f"/to-send/{letter.id}/letter")).words


async def test_the_list_begins_with_what_cannot_wait_and_goes_on(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    council = await make_council(db)
    people = []
    for number in range(28):
        person = await make_person(db, council, family_name=f"Number{number:02}")
        people.append(person)
        await prefer(db, person, Channel.LETTER)
        clock.advance(timedelta(minutes=1))
        await a_letter(db, council, person, urgent=number == 27)
    theirs = await browser.signed_in(await make_member(db, Role.BROKER, council))
    first = await theirs.open("/to-send")
    assert first.words.index("Number27") < first.words.index("Number00")
    assert "Number23" in first.words
    assert "Number24" not in first.words
    second = await theirs.open(first.link(r"/to-send\?after="))
    assert [f"Number{number:02}" in second.words for number in (23, 24, 25, 26, 27)] == [False, True, True, True, False]
