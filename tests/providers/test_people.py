"""Who can sign in for an organisation: access and its end, invitations, the organisation's details (V15)."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.providers.models import Organisation, OrganisationInvitation, OrganisationKind, ServiceLine
from marketplace.providers.service.invitations import secret_of
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import make_accreditation, make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_join import run_tasks
from tests.factories_market import make_postcode
from tests.factories_people import link_in, make_provider

INVITATION = r"/invitations/\w+"


async def test_people_are_listed_and_access_ends_at_once(browser: Browser, db: AsyncSession) -> None:
    organisation, keeper = await make_provider(db)
    other = await make_member(db, Role.PROVIDER, keeper.council, name="Lee Leaver", organisation_id=organisation.id)
    stranger = await make_member(db, Role.PROVIDER, name="Sasha Stranger")
    other_id, keeper_id, stranger_id = other.user.id, keeper.user.id, stranger.user.id
    leaver, signed_in = await browser.signed_in(other), await browser.signed_in(keeper)
    page = await signed_in.open("/provider/people")
    assert "Lee Leaver" in page.words
    assert "1 January 2027" in page.words
    assert "Sasha Stranger" not in page.words
    await signed_in.open(f"/provider/people/{stranger_id}/end", expect=404)
    await signed_in.open(f"/provider/people/{other_id}/end")
    await signed_in.post(f"/provider/people/{other_id}/end")
    # Signed out, and nothing to sign in with.
    assert (await leaver.get("/provider/people", expect=303)).location.startswith("/sign-in")
    ended = (await db.scalars(select(Membership).where(Membership.user_id == other_id))).one()
    assert ended.ends_on is not None
    assert "providers.end_access" in (await db.scalars(select(AuditEntry.action))).all()
    # The last one stays.
    assert "Nobody else keeps" in (await signed_in.open(f"/provider/people/{keeper_id}/end")).words
    page = await signed_in.post(f"/provider/people/{keeper_id}/end", expect=409)
    assert page.title.startswith("This is the last person")
    assert await count(db, "memberships", "ends_on IS NULL AND organisation_id IS NOT NULL") == 1


async def test_an_assistant_of_a_service_does_not_keep_its_people(browser: Browser, db: AsyncSession) -> None:
    organisation = await make_organisation(db, kind=OrganisationKind.PA_SERVICE)
    worker = await make_worker(db, organisation)
    member = await make_member(db, Role.PA, organisation_id=organisation.id, worker_id=worker.id)
    signed_in = await browser.signed_in(member)
    for path in ("/provider/people", "/provider/details", "/provider/people/invite"):
        page = await signed_in.open(path, expect=404)
        assert page.title.startswith("Ask the people who look after your organisation")


async def test_a_new_colleague_takes_an_invitation_once(
    browser: Browser, db: AsyncSession, mailbox: Mailbox, clock: FixedClock
) -> None:
    organisation, keeper = await make_provider(db, name="Fishergate Club")
    organisation_id = organisation.id
    signed_in = await browser.signed_in(keeper)
    await signed_in.open("/provider/people/invite")
    wrong = await signed_in.post("/provider/people/invite", {"email": "nobody", "role": "admin"}, expect=422)
    assert set(wrong.errors()) == {"email", "role"}
    await signed_in.post("/provider/people/invite", {"email": "new@test.example", "role": "provider"})
    assert await events(db) == ["InvitationSent"]
    await run_tasks()
    link = link_in(mailbox, INVITATION, "new@test.example")
    # Neither the message that is kept nor the row holds the secret.
    assert await count(db, "messages", f"body LIKE '%{link}%'") == 0
    assert "new@test.example" in (await signed_in.open("/provider/people")).words

    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    page = await visitor.open(link)
    assert page.heading == "Act for Fishergate Club"
    assert "Kim Keeper invites you" in page.words
    assert set((await visitor.post(link, {}, expect=422)).errors()) == {"name", "password"}
    assert await count(db, "users") == 1
    await visitor.post(link, {"name": "Noor Newcomer", "password": "three random words"})
    user = (await db.scalars(select(User).where(User.email == "new@test.example"))).one()
    membership = (await db.scalars(select(Membership).where(Membership.user_id == user.id))).one()
    assert (membership.role, membership.organisation_id, user.name) == (
        Role.PROVIDER,
        organisation_id,
        "Noor Newcomer",
    )
    dead = await visitor.open(link, expect=404)
    assert "used already" in dead.words
    await visitor.post(link, {"name": "Again", "password": "three random words"}, expect=404)
    assert await count(db, "users") == 2


async def test_who_has_an_account_signs_in_and_gets_a_second_role(
    browser: Browser, db: AsyncSession, mailbox: Mailbox
) -> None:
    _, keeper = await make_provider(db)
    known = await make_member(db, Role.BROKER, keeper.council, email="known@test.example")
    other = await make_member(db, Role.BROKER, keeper.council, email="other@test.example")
    known_id = known.user.id
    signed_in, invited, somebody = (
        await browser.signed_in(keeper),
        await browser.signed_in(known),
        await browser.signed_in(other),
    )
    await signed_in.post("/provider/people/invite", {"email": "Known@test.example", "role": "provider"})
    await run_tasks()
    link = link_in(mailbox, INVITATION, "known@test.example")
    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    assert "has an account here" in (await visitor.open(link)).words
    await visitor.post(link, {"name": "Thief", "password": "three random words"}, expect=200)
    assert "signed in with another address" in (await somebody.open(link)).words
    await somebody.post(link, expect=200)
    assert await count(db, "memberships") == 3
    await invited.open(link)
    assert (await invited.post(link)).location == "/account"
    rows = (await db.scalars(select(Membership).where(Membership.user_id == known_id))).all()
    assert {row.role for row in rows} == {Role.BROKER, Role.PROVIDER}
    page = await signed_in.post(
        "/provider/people/invite", {"email": "known@test.example", "role": "provider"}, expect=422
    )
    assert list(page.errors()) == ["email"]


async def test_a_planner_is_tied_to_a_worker_of_the_organisation(
    browser: Browser, db: AsyncSession, mailbox: Mailbox
) -> None:
    organisation, keeper = await make_provider(db)
    worker = await make_worker(db, organisation, name="Pia Planner")
    foreign = await make_worker(db, await make_organisation(db))
    worker_id, foreign_id = worker.id, foreign.id
    signed_in = await browser.signed_in(keeper)
    assert "Pia Planner" in (await signed_in.open("/provider/people/invite")).text
    form = {"email": "pia@test.example", "role": "planner"}
    assert "planner_worker_id" in (await signed_in.post("/provider/people/invite", form, expect=422)).errors()
    await signed_in.post("/provider/people/invite", {**form, "planner_worker_id": str(foreign_id)}, expect=422)
    await signed_in.post("/provider/people/invite", {**form, "planner_worker_id": str(worker_id)})
    await run_tasks()
    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    await visitor.post(link_in(mailbox, INVITATION), {"name": "Pia Planner", "password": "three random words"})
    membership = (await db.scalars(select(Membership).where(Membership.role == Role.PLANNER))).one()
    assert membership.worker_id == worker_id


async def test_invitations_are_taken_back_sent_anew_and_die_after_fourteen_days(
    browser: Browser, db: AsyncSession, mailbox: Mailbox, clock: FixedClock
) -> None:
    _, keeper = await make_provider(db)
    _, stranger_member = await make_provider(db)
    signed_in, stranger = await browser.signed_in(keeper), await browser.signed_in(stranger_member)
    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    await signed_in.post("/provider/people/invite", {"email": "new@test.example", "role": "provider"})
    await run_tasks()
    first_link = link_in(mailbox, INVITATION)
    first = (await db.scalars(select(OrganisationInvitation.id))).one()
    await stranger.post(f"/provider/people/invitations/{first}/revoke", expect=404)
    await signed_in.post(f"/provider/people/invitations/{first}/resend")
    await run_tasks()
    second_link = link_in(mailbox, INVITATION)
    assert second_link != first_link
    assert "newer one was sent" in (await visitor.open(first_link, expect=404)).words
    await visitor.open(second_link)
    clock.advance(timedelta(days=14))
    assert "14 days" in (await visitor.open(second_link, expect=404)).words
    clock.advance(timedelta(days=-1))
    second = (await db.scalars(select(OrganisationInvitation.id).where(OrganisationInvitation.id != first))).one()
    signed_in = await browser.signed_in(await refreshed(db, keeper))
    await signed_in.post(f"/provider/people/invitations/{second}/revoke")
    await visitor.open(second_link, expect=404)
    await visitor.post(second_link, {"name": "Late", "password": "three random words"}, expect=404)
    await signed_in.post(f"/provider/people/invitations/{second}/resend", expect=409)
    assert await count(db, "users") == 2
    for wrong in ("/invitations/abc", f"/invitations/{'a' * 120}"):
        assert "do not know it" in (await visitor.open(wrong, expect=404)).words


async def refreshed(db: AsyncSession, member: object) -> object:
    """Read a member's rows again: the browser lets go of all that a test holds."""
    for name in ("user", "membership", "council"):
        await db.refresh(getattr(member, name))
    return member


def test_a_letters_code_can_be_typed_and_a_links_secret_cannot_be_guessed() -> None:
    from uuid import UUID

    row = UUID("01a201e1-a647-7213-b92b-faabf890ca27")
    code, secret = secret_of("key", row, is_letter=True), secret_of("key", row, is_letter=False)
    assert len(code) == 14
    assert code.count("-") == 2
    assert len(secret) == 26
    assert secret_of("other key", row, is_letter=False) != secret


# Details


DETAILS = {
    "name": "Fishergate Club",
    "summary": "Lunch on Tuesdays",
    "address_line": "1 Fishergate",
    "postcode": "pr12he",
    "phone": "01632 960 001",
    "email": "Club@example.org",
    "website": "www.club.example",
    "charity_number": "1234567",
    "company_number": "",
}


async def test_details_change_with_an_audit_row_and_accreditors_hear_of_a_new_name(
    browser: Browser, db: AsyncSession, mailbox: Mailbox
) -> None:
    await make_postcode(db)
    organisation, keeper = await make_provider(db, name="Old Name", town="")
    elsewhere = await make_council(db)
    accreditor = await make_member(db, Role.ACCREDITOR, elsewhere, email="accreditor@test.example")
    await make_accreditation(db, organisation, elsewhere, ServiceLine.COMMUNITY_SUPPORT)
    await make_listing(db, organisation)
    organisation_id = organisation.id
    assert accreditor.user.email == "accreditor@test.example"
    signed_in = await browser.signed_in(keeper)
    page = await signed_in.open("/provider/details")
    assert page.field("name") == "Old Name"
    assert (await signed_in.post("/provider/details", DETAILS)).location == "/provider/organisation"
    row = await db.get(Organisation, organisation_id)
    assert row is not None
    assert (row.name, row.postcode, row.town, row.email) == (
        "Fishergate Club",
        "PR1 2HE",
        "Preston",
        "club@example.org",
    )
    assert (row.website, row.charity_number) == ("https://www.club.example", "1234567")
    entry = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "providers.change_details"))).one()
    assert entry.before is not None
    assert entry.before["name"] == "Old Name"
    assert {"OrganisationRenamed", "ListingChanged"} <= set(await events(db))
    await run_tasks()
    told = next(one for one in mailbox.envelopes if one.to_address == "accreditor@test.example")
    assert "Old Name is now called Fishergate Club" in told.subject
    # The same once more changes nothing.
    await signed_in.post("/provider/details", DETAILS)
    assert await count(db, "audit_entries", "action = 'providers.change_details'") == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"postcode": "somewhere"}, "postcode"),
        ({"postcode": "ZE1 0AA"}, "postcode"),
        ({"phone": "", "email": ""}, "phone"),
        ({"phone": "ring me"}, "phone"),
        ({"website": "not a site"}, "website"),
        ({"charity_number": "12"}, "charity_number"),
        ({"company_number": "SC12"}, "company_number"),
    ],
)
async def test_wrong_details_are_named_and_kept_as_typed(
    browser: Browser, db: AsyncSession, changed: dict[str, str], field: str
) -> None:
    await make_postcode(db)
    organisation, keeper = await make_provider(db, name="Old Name")
    organisation_id = organisation.id
    signed_in = await browser.signed_in(keeper)
    page = await signed_in.post("/provider/details", {**DETAILS, **changed}, expect=422)
    assert list(page.errors()) == [field]
    row = await db.get(Organisation, organisation_id)
    assert row is not None
    assert row.name == "Old Name"


async def test_another_ones_number_or_name_is_refused_with_an_audit_row(browser: Browser, db: AsyncSession) -> None:
    await make_postcode(db)
    organisation, keeper = await make_provider(db, name="Old Name")
    await make_organisation(db, name="Numbered", company_number="01234567", postcode="PR1 9ZZ")
    await make_organisation(db, name="FISHERGATE CLUB LTD", postcode="PR1 2HE")
    organisation_id = organisation.id
    signed_in = await browser.signed_in(keeper)
    page = await signed_in.post("/provider/details", {**DETAILS, "company_number": "01234567"}, expect=422)
    assert list(page.errors()) == ["company_number"]
    assert "Numbered is here" in page.words
    page = await signed_in.post("/provider/details", DETAILS, expect=422)
    assert list(page.errors()) == ["name"]
    assert await count(db, "audit_entries", "action = 'providers.refuse_second_copy'") == 2
    row = await db.get(Organisation, organisation_id)
    assert row is not None
    assert (row.name, row.company_number) == ("Old Name", None)
    await signed_in.post("/provider/details", {**DETAILS, "is_another": "yes"})
    await db.refresh(row)
    assert row.name == "Fishergate Club"
