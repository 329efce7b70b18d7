"""A council officer registers a group on its behalf: drafts, the link, the letter, evidence until it signs in."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry, Council, Membership
from marketplace.accounts.permissions import Role
from marketplace.providers.models import Evidence, Joining, Organisation
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_council, make_member, make_organisation
from tests.factories_join import run_tasks
from tests.factories_market import make_postcode
from tests.factories_people import link_in

FORM = {
    "action": "enter",
    "told_by": "Una Chair",
    "told_how": "telephone",
    "told_on-day": "2",
    "told_on-month": "3",
    "told_on-year": "2027",
    "kind": "community",
    "name": "Fishergate Lunch Club",
    "postcode": "PR1 2HE",
    "contact_name": "Una Chair",
    "email": "una@test.example",
    "phone": "01632 960 001",
    "safeguarding_name": "Una Chair",
    "safeguarding_contact": "01632 960 001",
}


@pytest.fixture
async def council(db: AsyncSession) -> Council:
    await make_postcode(db)
    return await make_council(db, name="Preston Council")


async def test_an_officer_registers_a_group_and_it_gets_a_link(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    officer = await browser.signed_in(await make_member(db, Role.BROKER, council))
    council_id = council.id
    await officer.open("/organisations/enter")
    page = await officer.open("/organisations/enter/new")
    assert "You act for" in page.text
    where = (await officer.post("/organisations/enter", FORM)).location
    organisation = (await db.scalars(select(Organisation))).one()
    assert (organisation.home_council_id, organisation.email, organisation.town) == (
        council_id,
        "una@test.example",
        "Preston",
    )
    entry = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "providers.enter_organisation"))).one()
    assert entry.after is not None
    assert entry.after["on_behalf_of_organisation_id"] == str(organisation.id)
    assert entry.after["told_by"] == "Una Chair"
    assert "by telephone" in entry.why
    assert await count(db, "users") == 1
    page = await officer.open(where)
    assert "You act for <strong>Fishergate Lunch Club<" in page.text
    assert "A link was sent to una@test.example" in page.words
    await officer.open(f"{where}/letter", expect=404)
    assert "Fishergate Lunch Club" in (await officer.open("/organisations/enter")).words

    # Evidence on its behalf waits for a look like any other.
    await officer.open(f"{where}/evidence?kind=liability_insurance")
    await officer.open(f"{where}/evidence?kind=nonsense", expect=404)
    paper = {
        "kind": "liability_insurance",
        "detail": "Example Mutual 1",
        "cover": "5,000,000",
        "issued_on-day": "1",
        "issued_on-month": "9",
        "issued_on-year": "2026",
    }
    assert "last_day" in (await officer.post(f"{where}/evidence", paper, expect=422)).errors()
    paper |= {"last_day-day": "31", "last_day-month": "8", "last_day-year": "2027"}
    await officer.post(f"{where}/evidence", paper)
    evidence = (await db.scalars(select(Evidence))).one()
    assert evidence.seen_at is None
    assert "Example Mutual 1" in (await officer.open(where)).words

    # The group takes over.
    await run_tasks()
    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    link = link_in(mailbox, r"/invitations/\w+", "una@test.example")
    await visitor.post(link, {"name": "Una Chair", "password": "three random words"})
    membership = (await db.scalars(select(Membership).where(Membership.organisation_id.is_not(None)))).one()
    assert (membership.role, membership.council_id) == (Role.PROVIDER, council_id)
    assert "signs in now" in (await officer.open(where)).words
    await officer.post(f"{where}/evidence", paper, expect=409)
    await officer.post(f"{where}/invitation", {"email": ""}, expect=409)


async def test_a_group_without_email_gets_a_letter_with_a_code(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council))
    where = (await officer.post("/organisations/enter", {**FORM, "email": ""})).location
    letter = await officer.open(f"{where}/letter")
    code = re.search(r"[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}", letter.words)
    assert code is not None
    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    await visitor.open("/invitations")
    wrong = await visitor.post("/invitations", {"code": "AAAA-BBBB-CCCC"}, expect=422)
    assert list(wrong.errors()) == ["code"]
    link = (await visitor.post("/invitations", {"code": f" {code.group().lower().replace('-', ' ')}"})).location
    page = await visitor.open(link)
    assert "Give your e-mail address" in page.words
    # No account comes of a code alone: the address is shown to be theirs first.
    assert list((await visitor.post(link, {"email": "nobody"}, expect=422)).errors()) == ["email"]
    assert (await visitor.post(link, {"email": "una@test.example"})).location == "/invitations/sent"
    await visitor.open("/invitations/sent")
    assert await count(db, "users") == 1
    await run_tasks()
    sent = link_in(mailbox, r"/invitations/\w+", "una@test.example")
    await visitor.post(sent, {"name": "Una Chair", "password": "three random words"})
    assert await count(db, "users") == 2
    await visitor.open(link, expect=404)
    assert await count(db, "memberships", "organisation_id IS NOT NULL") == 1


async def test_a_half_filled_form_is_kept_for_later(browser: Browser, db: AsyncSession, council: Council) -> None:
    member = await make_member(db, Role.BROKER, council)
    elsewhere = await make_council(db, district_codes=["E1"])
    stranger = await browser.signed_in(await make_member(db, Role.BROKER, elsewhere))
    officer = await browser.signed_in(member)
    half = {"action": "save", "name": "Half Club", "postcode": "nowhere"}
    where = (await officer.post("/organisations/enter", half)).location
    assert "Half Club" in (await officer.open("/organisations/enter")).words
    page = await officer.open(where)
    assert (page.field("name"), page.field("postcode")) == ("Half Club", "nowhere")
    await stranger.open(where, expect=404)
    await stranger.post(where, FORM, expect=404)
    wrong = await officer.post(where, {**FORM, "postcode": "nowhere", "told_by": ""}, expect=422)
    assert set(wrong.errors()) == {"postcode", "told_by"}
    await officer.post(where, FORM)
    assert await count(db, "organisations") == await count(db, "joinings") == 1
    row = (await db.scalars(select(Joining))).one()
    assert row.organisation_id is not None
    assert row.answers["told_how"] == "telephone"


async def test_what_is_here_or_belongs_to_another_council_is_refused(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    officer = await browser.signed_in(await make_member(db, Role.BROKER, council))
    other = await browser.signed_in(await make_member(db, Role.BROKER, await make_council(db, district_codes=["E1"])))
    await make_organisation(db, name="Taken", charity_number="1234567", postcode="PR9 9ZZ")
    page = await officer.post("/organisations/enter", {**FORM, "charity_number": "1234567"}, expect=422)
    assert "Taken is here already" in page.words
    assert await count(db, "audit_entries", "action = 'providers.refuse_second_copy'") == 1
    page = await other.post("/organisations/enter", FORM, expect=422)
    assert "Preston Council" in page.errors()["postcode"]
    assert await count(db, "organisations") == 1
    await officer.post("/organisations/enter", FORM)
    page = await officer.post("/organisations/enter", {**FORM, "name": "fishergate lunch club ltd"}, expect=422)
    assert list(page.errors()) == ["name"]
    await officer.post("/organisations/enter", {**FORM, "name": "fishergate lunch club ltd", "is_another": "yes"})
    assert await count(db, "organisations") == 3


async def test_a_group_from_outside_all_councils_is_the_entering_councils(browser: Browser, db: AsyncSession) -> None:
    await make_postcode(db)
    council = await make_council(db, district_codes=["E06000015"])
    officer = await browser.signed_in(await make_member(db, Role.BROKER, council))
    council_id = council.id
    await officer.post("/organisations/enter", FORM)
    assert (await db.scalars(select(Organisation.home_council_id))).one() == council_id
