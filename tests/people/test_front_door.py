"""The front door: contacts by staff and online, how they ended, figures against the target, who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.people.models import ContactAsker, ContactChannel, ContactOutcome, FrontDoorContact
from tests.browser import Browser, count
from tests.factories import (
    make_council,
    make_listing,
    make_member,
    make_organisation,
    make_person,
    make_person_member,
)
from tests.factories_brokerage import make_postcode

ASK = {"asked_by": "self", "topic": "older", "words": "Stairs are hard.", "postcode": "pr1 2he"}


def contact_form(person: Any, **given: Any) -> dict[str, Any]:
    values = {
        "person": str(person),
        "channel": "phone",
        "asked_by": "family",
        "topic": "dementia",
        "words": "Mum forgets her tablets.",
        "outcome": "resolved",
        "told_means_tested": "yes",
    }
    return {**values, **given}


async def make_contact(db: AsyncSession, council_id: Any, at: datetime, **given: Any) -> FrontDoorContact:
    values = {
        "council_id": council_id,
        "channel": ContactChannel.PHONE,
        "asked_by": ContactAsker.SELF,
        "topic": "older",
        "outcome": ContactOutcome.RESOLVED,
        "taken_at": at,
    }
    row = FrontDoorContact(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


async def kept(db: AsyncSession) -> FrontDoorContact:
    row: FrontDoorContact = (await db.scalars(select(FrontDoorContact).execution_options(populate_existing=True))).one()
    return row


async def test_a_contact_is_taken_with_offers_and_seen_by_the_person_as_looked_at(
    browser: Browser, db: AsyncSession
) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    listing = await make_listing(db, await make_organisation(db, name="Kind Help"), title="Memory café")
    listing_id, person_id = str(listing.id), person.id
    staff = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, council, name="Robin Field"))
    assert "/contacts" in (await staff.open("/people")).links()
    assert "No contacts here" in (await staff.open("/contacts")).words
    chosen = await staff.post("/contacts/new/person", {"q": "Exam"}, expect=200)
    assert (await staff.open(chosen.link("person="))).heading == "Take a contact"
    # Looking for offers keeps what was typed and records nothing.
    form = contact_form(person_id, outcome="signposted", offer_words="memory")
    page = await staff.post("/contacts/new", {**form, "find": "yes"}, expect=200)
    assert "Memory café, Kind Help" in page.words
    assert page.field("words") == "Mum forgets her tablets."
    assert await count(db, "front_door_contacts") == 0
    shown = await staff.open((await staff.post("/contacts/new", {**form, "listing_ids": listing_id})).location)
    assert "Contact about Ada Example" in shown.heading
    assert "Memory café, Kind Help" in shown.words
    row = await kept(db)
    assert (row.outcome, row.listing_ids, row.lad_code) == (ContactOutcome.SIGNPOSTED, [listing_id], "E07000123")
    assert row.told_means_tested
    assert await count(db, "record_views", "what = 'contact'") == 1
    [entry] = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "people.take_contact"))).all()
    assert "tablets" not in str(entry.after)
    assert "Ada Example" in (await staff.open("/contacts?outcome=signposted")).words
    assert "Ada Example" not in (await staff.open("/contacts?outcome=passed_on")).words


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"channel": "pigeon"}, {"channel"}),
        ({"topic": ""}, {"topic"}),
        ({"outcome": ""}, {"outcome"}),
        ({"outcome": "passed_on"}, {"passed_to"}),
        ({"outcome": "signposted"}, {"outcome_words"}),
        ({"outcome": "short_term"}, {"outcome_words"}),
        ({"words": "x" * 4_001}, {"words"}),
        ({"listing_ids": "01890000-0000-7000-8000-000000000000"}, {"offer_words"}),
    ],
)
async def test_wrong_contacts_are_refused_and_nothing_is_kept(
    browser: Browser, db: AsyncSession, given: dict[str, Any], wrong: set[str]
) -> None:
    staff = await browser.signed_in(await make_member(db, Role.BROKER))
    page = await staff.post("/contacts/new", contact_form("nobody", **given), expect=422)
    assert set(page.errors()) == wrong
    assert await count(db, "front_door_contacts") == 0


async def test_somebody_of_another_council_is_not_found_and_others_may_not_take_contacts(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    stranger = await make_person(db, await make_council(db))
    theirs = await make_contact(db, stranger.council_id, clock.now(), person_id=stranger.id)
    stranger_id, contact_id = stranger.id, theirs.id
    council = await make_council(db)
    staff = await browser.signed_in(await make_member(db, Role.MANAGER, council))
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, council))
    await staff.post("/contacts/new", contact_form(stranger_id), expect=404)
    await staff.post("/contacts/new", contact_form("rubbish"), expect=404)
    await staff.open(f"/contacts/{contact_id}", expect=404)
    await staff.post(f"/contacts/{contact_id}", {"outcome": "resolved", "version": "1"}, expect=404)
    await finance.post("/contacts/new", contact_form("nobody"), expect=403)
    assert await count(db, "front_door_contacts") == 1


async def test_how_a_contact_ended_is_put_right_once_and_a_second_editor_is_told(
    browser: Browser, db: AsyncSession
) -> None:
    staff = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER))
    taken = await staff.post(
        "/contacts/new", contact_form("nobody", outcome="passed_on", passed_to="Reablement", postcode="PR1 2HE")
    )
    page = await staff.open(taken.location)
    assert "Passed on: Reablement" in page.words
    form = {"outcome": "short_term", "outcome_words": "Four weeks at home", "version": page.field("version")}
    await staff.post(taken.location, form)
    row = await kept(db)
    assert (row.outcome, row.passed_to) == (ContactOutcome.SHORT_TERM, "")
    await staff.post(taken.location, {**form, "outcome": "resolved"}, expect=409)
    assert (await kept(db)).outcome is ContactOutcome.SHORT_TERM


async def test_figures_hold_the_share_resolved_at_once_against_the_target(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    now, month = clock.now(), datetime(2027, 2, 10, 12, tzinfo=UTC)
    await make_contact(db, council.id, month, person_id=person.id)
    await make_contact(db, council.id, now, person_id=person.id, outcome=ContactOutcome.PASSED_ON, passed_to="Team")
    await make_contact(db, council.id, now, outcome=ContactOutcome.SIGNPOSTED, channel=ContactChannel.ONLINE)
    await make_contact(db, council.id, now, outcome=ContactOutcome.WITHDRAWN)
    await make_contact(db, council.id, now - timedelta(days=500))
    await make_contact(db, (await make_council(db)).id, now)
    staff = await browser.signed_in(await make_member(db, Role.MANAGER, council))
    page = await staff.open("/contacts/figures")
    assert "67%" in page.words
    assert "Target 65%: reached" in page.words
    assert "February 202711 (100%)000 March 202721 (50%)011" in page.words
    file = await staff.get("/contacts/figures.csv?months=3")
    assert "channel,online,1,1,100,0,0,0,0" in file.text
    assert "month,2027-03,2,1,50,0,1,1,0" in file.text
    await staff.open("/contacts/figures?months=7", expect=400)


async def test_a_visitor_asks_online_and_the_contact_is_recorded(browser: Browser, db: AsyncSession) -> None:
    await make_postcode(db)
    await make_council(db, district_codes=["E07000123"], name="Lancashire")
    assert "/ask-for-help" in (await browser.open("/")).links()
    await browser.open("/ask-for-help")
    page = await browser.post("/ask-for-help", ASK, expect=200)
    page.check()
    assert "means-tested" in page.words
    assert any(link.startswith("/market?q=Older+people&postcode=PR1+2HE") for link in page.links())
    assert await count(db, "front_door_contacts") == 0
    refused = await browser.post("/ask-for-help/send", {**ASK, "answer": "call"}, expect=422)
    assert set(refused.errors()) == {"name", "reach"}
    refused = await browser.post(
        "/ask-for-help/send", {**ASK, "answer": "call", "name": "Jo", "reach": "x"}, expect=422
    )
    assert set(refused.errors()) == {"reach"}
    call = {**ASK, "answer": "call", "name": "Jo", "reach": "01772 900 123", "form_id": "one-time"}
    sent = await browser.post("/ask-for-help/send", call)
    await browser.post("/ask-for-help/send", call)
    assert "Someone will call you" in (await browser.open(sent.location)).words
    row = await kept(db)
    assert (row.channel, row.outcome, row.passed_to) == (
        ContactChannel.ONLINE,
        ContactOutcome.PASSED_ON,
        "Front door",
    )
    assert (row.asker_reach, row.person_id, row.lad_code) == ("01772 900 123", None, "E07000123")


async def test_who_found_something_leaves_no_name_and_who_is_signed_in_is_known(
    browser: Browser, db: AsyncSession
) -> None:
    await make_postcode(db)
    council = await make_council(db, district_codes=["E07000123"])
    person, member = await make_person_member(db, council)
    person_id = person.id
    mine = await browser.signed_in(member)
    await browser.post("/ask-for-help/send", {**ASK, "answer": "found", "name": "Jo", "reach": "01772 900 123"})
    row = await kept(db)
    assert (row.asker_name, row.asker_reach, row.outcome) == ("", "", ContactOutcome.RESOLVED)
    await mine.post("/ask-for-help/send", {**ASK, "answer": "call"})
    assert await count(db, "front_door_contacts", f"person_id = '{person_id}' AND outcome = 'passed_on'") == 1


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"postcode": "ZZ99 9ZZ"}, {"postcode"}),
        ({"postcode": "DN1 1AA"}, {"postcode"}),
        ({"topic": "magic"}, {"topic"}),
        ({"asked_by": ""}, {"asked_by"}),
    ],
)
async def test_a_wrong_question_online_is_asked_again(
    browser: Browser, db: AsyncSession, given: dict[str, str], wrong: set[str]
) -> None:
    await make_postcode(db)
    await make_council(db, district_codes=["E07000123"])
    for path in ("/ask-for-help", "/ask-for-help/send"):
        page = await browser.post(path, {**ASK, **given, "answer": "found"}, expect=422)
        assert set(page.errors()) == wrong
    assert await count(db, "front_door_contacts") == 0


async def test_a_contact_without_a_name_is_put_on_a_record_once(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person, other = await make_person(db, council, family_name="Quill"), await make_person(db, council)
    stranger = await make_person(db, await make_council(db))
    row = await make_contact(db, council.id, datetime(2027, 3, 3, 9, tzinfo=UTC), asker_name="Jo Quill")
    person_id, other_id, stranger_id, here = person.id, other.id, stranger.id, f"/contacts/{row.id}"
    staff = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, council))
    assert f"{here}/person" in (await staff.open(here)).links()
    page = await staff.open(f"{here}/person")
    assert "Jo Quill asked" in page.words
    assert f"/people/new?next={here}" in page.links()
    found = await staff.post(f"{here}/person", {"q": "Quill"}, expect=200)
    assert f"{here}?person={person_id}" in found.links()
    await staff.open(f"{here}?person={stranger_id}", expect=404)
    page = await staff.open(f"{here}?person={person_id}")
    assert "Does this contact belong on the record" in page.words
    await staff.post(f"{here}/record", {"person": str(stranger_id)}, expect=404)
    await staff.post(f"{here}/record", {"person": str(person_id)})
    await staff.post(f"{here}/record", {"person": str(other_id)}, expect=409)
    assert (await kept(db)).person_id == person_id
    assert "Contact at the front door" in (await staff.open(f"/people/{person_id}/timeline")).words


async def test_a_new_record_leads_back_to_the_contact_it_is_for(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    row = await make_contact(db, council.id, datetime(2027, 3, 3, 9, tzinfo=UTC))
    here = f"/contacts/{row.id}"
    staff = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, council))
    form = {"given_name": "Jo", "family_name": "Quill", "gender": "not_said", "postcode": "PR1 2HE", "needs": "older"}
    sent = await staff.post("/people/new", {**form, "languages": "English", "next": here})
    assert sent.location.startswith(f"{here}?person=")
