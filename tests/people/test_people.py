"""People's records and their own profiles: recording, changing, who may see what, and what is written down."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Permission, Role
from marketplace.people import PeopleRepository
from tests.browser import Browser, count
from tests.factories import make_budget, make_council, make_member, make_person, make_person_member
from tests.factories_brokerage import make_broker, make_postcode

HOSTILE = "<script>alert('x')</script> & \"quotes\" {{ 7*7 }} ’ Ω"


def person_form(**given: Any) -> dict[str, Any]:
    values = {
        "given_name": "Grace",
        "family_name": "Hopper",
        "reference": "",
        "born_on-day": "9",
        "born_on-month": "12",
        "born_on-year": "1946",
        "gender": "female",
        "address_line": "1 Church Street",
        "town": "Preston",
        "postcode": "pr12he",
        "phone": "01772 555 0100",
        "email": "grace@test.example",
        "needs": ["older"],
        "communication_needs": ["large_print", "extra_time"],
        "languages": ["English"],
        "interests": ["walking"],
        "appreciated": "She is funny.",
        "important_to_me": "My cat.",
        "how_to_support_me": "Speak slowly.",
    }
    return {**values, **given}


async def test_a_person_is_recorded_found_and_placed_by_the_postcode(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_postcode(db)
    staff = await browser.signed_in(broker)
    await staff.open("/people/new")
    page = await staff.post("/people/new", person_form())
    shown = await staff.open(page.location)
    assert shown.heading == "Grace Hopper"
    assert "P-000001" in shown.words
    for words in ("Large print", "Extra time", "She is funny.", "9 December 1946", "No budget is recorded"):
        assert words in shown.words
    row = (await db.execute(text("SELECT postcode, lat, lad_code FROM people"))).one()
    assert (row.postcode, round(row.lat, 4), row.lad_code) == ("PR1 2HE", 53.7593, "E07000123")
    for words in ("hop", "Grace Hop", "p-0000"):
        found = await staff.post("/people", {"q": words}, expect=200)
        assert "Hopper, Grace" in found.words, words
    assert "Nobody found" in (await staff.post("/people", {"q": "%"}, expect=200)).words


async def test_reading_a_record_is_written_down(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person = await make_person(db, broker.council)
    person_id = person.id
    await make_budget(db, person)
    staff = await browser.signed_in(broker)
    shown = await staff.open(f"/people/{person_id}")
    assert "£150.00" in shown.words
    assert await count(db, "audit_entries", f"action = 'people.read' AND subject_id = '{person_id}'") == 1


async def test_a_form_after_which_a_referral_is_made_leads_there(browser: Browser, db: AsyncSession) -> None:
    staff = await browser.signed_in(await make_broker(db))
    page = await staff.post("/people/new", person_form(next="/referrals/new"))
    assert page.location.startswith("/referrals/new?person=")
    page = await staff.post("/people/new", person_form(next="//evil.example", family_name="Other"))
    assert page.location.startswith("/people/")


async def test_a_wrong_form_keeps_what_was_typed_and_writes_nothing(browser: Browser, db: AsyncSession) -> None:
    staff = await browser.signed_in(await make_broker(db))
    bad = person_form(given_name="", postcode="nonsense", email="no", **{"born_on-year": "2999"}, interests=["x"])
    page = await staff.post("/people/new", bad, expect=422)
    assert page.errors() == {
        "given_name": "Enter the first name",
        "postcode": "The postcode must be a full UK postcode, like PR1 2HE",
        "email": "The e-mail address must be in the right format, like name@example.com",
        "born_on": "The date of birth must be a real date, like 27 3 2027",
        "interests": "Select the interests from the list",
    }
    assert page.field("family_name") == "Hopper"
    assert page.field("postcode") == "nonsense"
    assert page.title.startswith("Error: Record a person")
    assert await count(db, "people") == 0
    assert await count(db, "audit_entries", "action LIKE 'people.%'") == 0


async def test_hostile_text_is_shown_as_text(browser: Browser, db: AsyncSession) -> None:
    staff = await browser.signed_in(await make_broker(db))
    page = await staff.post("/people/new", person_form(family_name=HOSTILE[:60], appreciated=HOSTILE))
    shown = await staff.open(page.location)
    assert HOSTILE in shown.words
    assert "<script>alert" not in shown.text
    await staff.post("/people/new", person_form(given_name="a\x00b"), expect=422)


async def test_two_people_who_change_one_record_do_not_undo_each_other(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    page = await staff.open(f"/people/{person_id}/edit")
    version = page.field("version")
    await staff.post(f"/people/{person_id}/edit", person_form(town="Leyland", version=version))
    late = await staff.post(f"/people/{person_id}/edit", person_form(town="Chorley", version=version), expect=409)
    assert late.heading == "Somebody else has changed this record"
    late.check()
    assert await db.scalar(text("SELECT town FROM people")) == "Leyland"
    assert await count(db, "audit_entries", "action = 'people.update_person'") == 1


async def test_a_reference_belongs_to_one_person_of_a_council(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_person(db, broker.council, reference="LL-77")
    elsewhere = await make_person(db, await make_council(db), reference="LL-78")
    assert elsewhere.reference == "LL-78"
    staff = await browser.signed_in(broker)
    page = await staff.post("/people/new", person_form(reference="ll-77"), expect=422)
    assert page.errors() == {"reference": "Somebody else already has this reference"}
    await staff.post("/people/new", person_form(reference="LL-78"))
    assert await count(db, "people", "reference = 'LL-78'") == 2


async def test_a_form_sent_twice_records_one_person(browser: Browser, db: AsyncSession) -> None:
    staff = await browser.signed_in(await make_broker(db))
    form = person_form(form_id="one-time")
    first = await staff.post("/people/new", form)
    second = await staff.post("/people/new", form)
    assert first.location == second.location
    assert await count(db, "people") == 1


async def test_an_unknown_postcode_is_placed_by_its_first_half_or_said_to_be_unknown(
    browser: Browser, db: AsyncSession
) -> None:
    await make_postcode(db, "PR1 1AA", 53.70, -2.60)
    await make_postcode(db, "PR1 1AB", 53.80, -2.80)
    await make_postcode(db, "PR11 1AB", 50.0, -1.0)
    near = await PeopleRepository(db).locate("PR1 9ZZ")
    assert near is not None
    assert (round(near.lat, 4), round(near.lon, 4), near.is_exact) == (53.75, -2.7, False)
    staff = await browser.signed_in(await make_broker(db))
    page = await staff.post("/people/new", person_form(postcode="ZE1 0AA"))
    shown = await staff.open(page.location)
    assert "We do not know the postcode" in shown.words
    assert "the directory does not know this postcode" in shown.words


async def test_the_list_goes_on_page_by_page(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    for number in range(30):
        await make_person(db, broker.council, family_name=f"Example{number:02}")
    staff = await browser.signed_in(broker)
    first = await staff.open("/people")
    assert "Example24" in first.words
    assert "Example25" not in first.words
    second = await staff.open(first.link("after="))
    assert "Example29" in second.words
    assert "Example24" not in second.words
    found = await staff.post("/people", {"q": "example"}, expect=200)
    more = await staff.post("/people", {"q": "example", "after": found.field("after")}, expect=200)
    assert "Example29" in more.words


async def test_another_councils_person_looks_like_none(browser: Browser, db: AsyncSession) -> None:
    broker, person_id = await make_broker(db), (await make_person(db, await make_council(db))).id
    staff = await browser.signed_in(broker)
    for path in (
        f"/people/{person_id}",
        f"/people/{person_id}/edit",
        "/people/not-an-id",
        f"/people?after={person_id}",
    ):
        await staff.get(path, expect=404)
    await staff.post(f"/people/{person_id}/edit", person_form(version="1"), expect=404)
    assert await count(db, "audit_entries", "action = 'people.read'") == 0


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_reaches_what_it_may(browser: Browser, db: AsyncSession, role: Role) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    person_id = person.id
    member = await make_member(db, role, council, person_id=person_id)
    principal = member.principal
    signed_in = await browser.signed_in(member)
    paths = {
        "/people": Permission.PEOPLE_READ,
        f"/people/{person_id}": Permission.PEOPLE_READ,
        "/people/new": Permission.PEOPLE_RECORD,
        f"/people/{person_id}/edit": Permission.PEOPLE_RECORD,
        "/profile": Permission.PROFILE_OWN,
    }
    for path, permission in paths.items():
        await signed_in.get(path, expect=200 if principal.may(permission) else 403)


async def test_a_person_writes_their_own_page(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_person_member(db, await make_council(db), important_to_me="My garden")
    person_id = person.id
    me = await browser.signed_in(member)
    page = await me.open("/profile")
    assert page.field("important_to_me") == "My garden"
    form = {
        "appreciated": "I make people laugh",
        "important_to_me": "My garden and Sunday football",
        "how_to_support_me": HOSTILE,
        "interests": ["football", "gardening"],
        "languages": ["English", "Polish"],
        "communication_needs": "easy_read",
        "family_name": "Smuggled",
        "version": page.field("version"),
    }
    await me.post("/profile", form)
    again = await me.open("/profile")
    assert again.field("how_to_support_me") == HOSTILE
    row = (await db.execute(text("SELECT interests, family_name FROM people WHERE id = :id"), {"id": person_id})).one()
    assert (row.interests, row.family_name) == (["football", "gardening"], "Example")
    await me.post("/profile", form, expect=409)
    long = await me.post("/profile", {**form, "appreciated": "x" * 4001}, expect=422)
    assert long.errors() == {"appreciated": "What people appreciate must be 4,000 characters or fewer"}
    assert long.field("important_to_me") == "My garden and Sunday football"


async def test_a_representative_writes_for_the_person_and_the_log_says_so(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    member = await make_member(db, Role.REPRESENTATIVE, council, person_id=person.id, acting_for_name="Ada Example")
    signed_in = await browser.signed_in(member)
    page = await signed_in.open("/profile")
    assert page.heading == "Ada Example’s profile"
    await signed_in.post("/profile", {"appreciated": "Kind", "version": page.field("version")})
    assert await count(db, "audit_entries", "action = 'people.update_profile' AND on_behalf_of IS NOT NULL") == 1
