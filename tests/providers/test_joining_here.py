"""Registering an organisation that is here already: never a second copy, nothing told of its people (V1, V15)."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry, Council, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.providers.errors import HereAlready
from marketplace.providers.models import Joining, JoinRequest, JoinRequestStatus, Organisation, RegulatorLink
from marketplace.providers.service.join_places import new_organisation
from marketplace.providers.service.joining import JoiningService
from marketplace.providers.service.joining_answers import STEPS
from marketplace.providers.service.recognising import NUMBERS_PER_BROWSER
from marketplace.providers.states import RegulatorLinkStatus
from marketplace.providers.tasks.people import remind_join_requests
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_council, make_member, make_organisation
from tests.factories_applications import make_offer
from tests.factories_join import run_tasks
from tests.factories_market import make_location, make_postcode
from tests.factories_people import link_in, make_join_request, make_provider
from tests.providers.test_joining import ANSWERS

CONFIRM = r"/join/confirm/\w+"


@pytest.fixture
async def council(db: AsyncSession) -> Council:
    await make_postcode(db)
    return await make_council(db, name="Preston Council")


async def answer(browser: Browser, **changed: dict[str, str]) -> str:
    """Answer what is asked until something else than a question comes. Returns its address."""
    address = "/join/kind"
    await browser.open("/join")
    while address.rsplit("/", 1)[1] in STEPS:
        await browser.open(address)
        step = address.rsplit("/", 1)[1]
        address = (await browser.post(address, changed.get(step, ANSWERS[step]))).location
    return address


async def go_on(browser: Browser, address: str, **changed: dict[str, str]) -> str:
    while address.rsplit("/", 1)[1] in STEPS:
        await browser.open(address)
        step = address.rsplit("/", 1)[1]
        address = (await browser.post(address, changed.get(step, ANSWERS[step]))).location
    return address


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("charity_number", "12345", "6 or 7 digits"),
        ("charity_number", "SC012345", "Scottish"),
        ("charity_number", "NIC101234", "Northern Ireland"),
        ("charity_number", "01234567", "looks like a company number"),
        ("company_number", "1234567", "put a 0 in front"),
        ("company_number", "DE123456789", "8 characters"),
        ("cqc_number", "101234567", "starts with “1-”"),
        ("cqc_number", "CS2003000123", "another nation"),
        ("cqc_number", "1-12", "1-101234567"),
    ],
)
async def test_a_wrong_or_foreign_number_is_refused_with_what_it_looks_like(
    browser: Browser, db: AsyncSession, council: Council, field: str, typed: str, words: str
) -> None:
    page = await browser.post("/join/numbers", {field: typed}, expect=422)
    assert list(page.errors()) == [field]
    assert words in page.errors()[field]
    assert page.field(field) == typed
    assert await count(db, "joinings") == 0


async def test_numbers_are_stored_as_they_are_kept_everywhere(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    assert (await answer(browser, numbers={"charity_number": " 1234 567-1 ", "company_number": "ce012345"})).endswith(
        "/check"
    )
    assert "Charity 1234567-1, Company CE012345" in (await browser.open("/join/check")).words
    await browser.post("/join/check")
    await run_tasks()
    await browser.post(link_in(mailbox, CONFIRM))
    organisation = (await db.scalars(select(Organisation))).one()
    assert (organisation.charity_number, organisation.company_number) == ("1234567-1", "CE012345")
    # A number at the regulator is never believed because somebody typed it.
    assert organisation.cqc_provider_id is None


async def test_a_known_number_offers_to_join_and_never_makes_a_copy(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    organisation, keeper = await make_provider(db, council, name="Fishergate Charity", charity_number="1234567")
    organisation_id, keeper_email = organisation.id, keeper.user.email
    address = await answer(browser, numbers={"charity_number": "1234567"})
    assert address == "/join/here"
    page = await browser.open("/join/here")
    assert page.heading == "Fishergate Charity is here already"
    assert "Kim Keeper" not in page.text
    assert keeper_email not in page.text
    assert "another group" not in page.words
    refused = await browser.post("/join/here", {"here_choice": "another"}, expect=422)
    assert list(refused.errors()) == ["here_choice"]
    address = (await browser.post("/join/here", {"here_choice": "ask", "message": "I run the knitting"})).location
    assert await go_on(browser, address) == "/join/check"
    check = await browser.open("/join/check")
    assert "You ask to join Fishergate Charity" in check.words
    assert "Safeguarding" not in check.words
    await browser.post("/join/check")
    await run_tasks()
    confirmed = await browser.post(link_in(mailbox, CONFIRM, "knitters@example.org"))
    assert confirmed.location == "/join/asked"
    await browser.open("/join/asked")

    assert await count(db, "organisations") == 1
    assert await count(db, "users") == 1
    request = (await db.scalars(select(JoinRequest))).one()
    assert (request.organisation_id, request.status, request.email) == (
        organisation_id,
        JoinRequestStatus.WAITING,
        "knitters@example.org",
    )
    joining = (await db.scalars(select(Joining))).one()
    assert (joining.answers, joining.email, joining.password_hash, joining.organisation_id) == ({}, "", "", None)
    actions = (await db.scalars(select(AuditEntry.action))).all()
    assert {"providers.refuse_second_copy", "providers.ask_to_join"} <= set(actions)
    await run_tasks()
    assert mailbox.envelopes[-1].to_address == keeper_email
    assert "I run the knitting" in mailbox.envelopes[-1].body

    # The people of the organisation let them in; the password chosen at the start becomes the account's.
    await db.refresh(keeper.membership)
    await db.refresh(keeper.user)
    await db.refresh(keeper.council)
    signed_in = await browser.signed_in(keeper)
    assert "Robin Example" in (await signed_in.open("/provider/people")).words
    await db.refresh(request)
    where = f"/provider/people/requests/{request.id}"
    await signed_in.open(where)
    assert list((await signed_in.post(where, {"answer": "refuse"}, expect=422)).errors()) == ["reason"]
    await signed_in.post(where, {"answer": "accept"})
    await db.refresh(request)
    assert (request.status, request.password_hash) == (JoinRequestStatus.ACCEPTED, "")
    user = (await db.scalars(select(User).where(User.email == "knitters@example.org"))).one()
    membership = (await db.scalars(select(Membership).where(Membership.user_id == user.id))).one()
    assert (membership.role, membership.organisation_id) == (Role.PROVIDER, organisation_id)
    await signed_in.post(where, {"answer": "accept"}, expect=409)
    await run_tasks()
    assert any(
        one.to_address == "knitters@example.org" and "You can now sign in" in one.body for one in mailbox.envelopes
    )
    visitor = Browser(browser.app, browser.litestar, db, browser.settings)
    form = {"email": "knitters@example.org", "password": "three random words", "next": "/provider/people"}
    assert (await visitor.post("/sign-in", form)).location == "/provider/people"


@pytest.mark.parametrize("name", ["FISHERGATE KNITTERS Ltd", "The Fishergate-Knitters, C.I.C.", "Fishergate  knitters"])
async def test_a_name_alike_at_the_same_postcode_is_asked_about(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox, name: str
) -> None:
    await make_organisation(db, name=name, postcode="PR1 2HE", home_council_id=council.id)
    assert await answer(browser) == "/join/here"
    page = await browser.open("/join/here")
    assert "No, we are another group" in page.words
    address = (await browser.post("/join/here", {"here_choice": "another"})).location
    assert await go_on(browser, address) == "/join/check"
    await browser.post("/join/check")
    await run_tasks()
    assert (await browser.post(link_in(mailbox, CONFIRM))).location.startswith("/sign-in")
    assert await count(db, "organisations") == 2


async def test_another_postcode_or_another_name_is_no_copy(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    await make_organisation(db, name="Fishergate Knitters", postcode="PR2 2AA")
    await make_organisation(db, name="Fishergate Bakers", postcode="PR1 2HE")
    assert await answer(browser) == "/join/check"


async def test_somebody_who_works_alone_is_compared_with_nobody(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    await make_organisation(db, name="Alex Example", postcode="PR1 2HE")
    assert await answer(browser, kind={"kind": "sole_pa"}, name={"name": "Alex Example"}) == "/join/check"


async def test_a_changed_number_changes_the_answer(browser: Browser, db: AsyncSession, council: Council) -> None:
    await make_organisation(db, charity_number="1234567", home_council_id=council.id)
    assert await answer(browser, numbers={"charity_number": "1234567"}) == "/join/here"
    assert (await browser.post("/join/numbers", {"charity_number": "7654321"})).location == "/join/contact"
    assert (await browser.get("/join/here", expect=303)).location == "/join/contact"


async def test_what_was_registered_in_the_meantime_is_offered_at_the_last_step(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    links = []
    for email in ("one@test.example", "two@test.example"):
        await answer(browser, numbers={"charity_number": "1234567"}, email={"email": email})
        await browser.post("/join/check")
        await run_tasks()
        links.append(link_in(mailbox, CONFIRM, email))
    assert (await browser.post(links[0])).location.startswith("/sign-in")
    page = await browser.post(links[1], expect=409)
    assert page.heading == "Fishergate Knitters is here already"
    assert await count(db, "organisations") == 1
    assert await count(db, "users") == 1
    assert (await browser.post(links[1], {"here_choice": "ask"})).location == "/join/asked"
    assert await count(db, "join_requests") == 1


async def test_a_merged_organisation_leads_to_the_one_that_took_its_place(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    new = await make_organisation(db, name="New Charity", home_council_id=council.id)
    await make_organisation(db, name="Old Charity", charity_number="1234567", merged_into_id=new.id)
    await answer(browser, numbers={"charity_number": "1234567"})
    assert (await browser.open("/join/here")).heading == "New Charity is here already"


async def test_who_has_an_account_may_ask_too_and_gets_a_second_role(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    organisation, keeper = await make_provider(db, council, charity_number="1234567")
    known = await make_member(db, Role.BROKER, council, email="knitters@example.org")
    organisation_id, known_id = organisation.id, known.user.id
    signed_in = await browser.signed_in(keeper)
    await answer(browser, numbers={"charity_number": "1234567"})
    address = (await browser.post("/join/here", {"here_choice": "ask"})).location
    await go_on(browser, address)
    await browser.post("/join/check")
    await run_tasks()
    await browser.post(link_in(mailbox, CONFIRM, "knitters@example.org"))
    request = (await db.scalars(select(JoinRequest))).one()
    assert request.password_hash == ""
    await signed_in.post(f"/provider/people/requests/{request.id}", {"answer": "accept"})
    rows = (await db.scalars(select(Membership).where(Membership.user_id == known_id))).all()
    assert {row.role for row in rows} == {Role.BROKER, Role.PROVIDER}
    assert organisation_id in {row.organisation_id for row in rows}


async def test_numbers_are_looked_up_only_so_often(browser: Browser, db: AsyncSession, council: Council) -> None:
    await browser.post("/join/kind", {"kind": "community"})
    for number in range(NUMBERS_PER_BROWSER):
        await browser.post("/join/numbers", {"charity_number": f"{1_000_000 + number}"})
    await browser.post("/join/numbers", {"charity_number": "1999999"}, expect=429)


async def test_the_council_decides_where_nobody_can_sign_in(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    empty = await make_organisation(db, name="Empty Club", home_council_id=council.id)
    full, _ = await make_provider(db, council, name="Full Club")
    request = await make_join_request(db, empty, council)
    ours = f"/join-requests/{request.id}"
    theirs = f"/join-requests/{(await make_join_request(db, full, council, email='other@test.example')).id}"
    elsewhere = await browser.signed_in(await make_member(db, Role.ACCREDITOR))
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council))
    page = await officer.open("/join-requests")
    assert "Empty Club" in page.words
    assert "Full Club" in page.words
    assert "they decide" in (await officer.open(theirs)).words
    await officer.post(theirs, {"answer": "accept"}, expect=403)
    await officer.open(ours)
    await officer.post(ours, {"answer": "refuse", "reason": "We do not know you"})
    await db.refresh(request)
    assert (request.status, request.password_hash) == (JoinRequestStatus.REFUSED, "")
    assert await count(db, "users", "email = 'nico@test.example'") == 0
    await run_tasks()
    told = next(one for one in mailbox.envelopes if one.to_address == "nico@test.example")
    assert "We do not know you" in told.body
    await elsewhere.open(ours, expect=404)


async def test_who_decides_is_reminded_once_after_three_working_days(
    db: AsyncSession, council: Council, clock: FixedClock, mailbox: Mailbox
) -> None:
    empty = await make_organisation(db, name="Empty Club", home_council_id=council.id)
    full, keeper = await make_provider(db, council, name="Full Club")
    await make_member(db, Role.ACCREDITOR, council, email="officer@test.example")
    # Asked on the Thursday before Easter: neither Good Friday nor Easter Monday is a working day.
    clock.move_to(datetime(2027, 3, 25, 12, tzinfo=UTC))
    asked = {"asked_at": clock.now()}
    ours = await make_join_request(db, empty, council, **asked)
    theirs = await make_join_request(db, full, council, email="other@test.example", **asked)
    decided = await make_join_request(db, full, council, email="third@test.example", **asked)
    decided.status = JoinRequestStatus.REFUSED
    await db.flush()

    async def told() -> list[tuple[str, str]]:
        before = len(mailbox.envelopes)
        await remind_join_requests()
        await run_tasks()
        return sorted((one.to_address, one.subject) for one in mailbox.envelopes[before:])

    clock.move_to(datetime(2027, 3, 31, 22, tzinfo=UTC))
    assert await told() == []
    clock.move_to(datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert await told() == sorted(
        [
            ("officer@test.example", f"{ours.name} still waits to join Empty Club"),
            (keeper.user.email, f"{theirs.name} still waits to join Full Club"),
        ]
    )
    assert "25 March 2027" in mailbox.envelopes[-1].body
    clock.move_to(datetime(2027, 4, 20, 9, tzinfo=UTC))
    assert await told() == []


async def test_who_came_from_a_round_goes_on_with_the_application_after_joining(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    offer = await make_offer(db, council)
    round_id = offer.round.id
    page = await browser.open(f"/frameworks/{council.slug}/{offer.framework.slug}")
    page = await browser.open(page.link(r"/join\?round="))
    assert "you go on with the application that you came from" in page.words
    address = page.link(r"/join/kind\?round=")
    page = await browser.open(address)
    assert page.field("round") == str(round_id)
    first = {**ANSWERS["kind"], "round": str(round_id)}
    address = await go_on(browser, (await browser.post("/join/kind", first)).location)
    assert address == "/join/check"
    await browser.open(address)
    await browser.post(address)
    await run_tasks()
    wanted = f"/provider/applications/new?round={round_id}"
    confirmed = await browser.post(link_in(mailbox, CONFIRM))
    assert confirmed.location == f"/sign-in?next={quote(wanted, safe='')}"
    page = await browser.open(confirmed.location)
    assert page.field("next") == wanted


async def test_a_round_that_never_was_leads_nowhere(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    assert "?round=" not in (await browser.open("/join?round=x")).text
    first = {**ANSWERS["kind"], "round": str(new_id())}
    address = await go_on(browser, (await browser.post("/join/kind", first)).location)
    await browser.open(f"/join?round={new_id()}")
    await browser.post(address)
    await run_tasks()
    assert (await browser.post(link_in(mailbox, CONFIRM))).location == "/sign-in?next=/provider/evidence"


async def test_a_number_of_the_regulator_is_claimed_and_compared_not_believed(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    number = "1-200200200"
    await make_location(db, location_id=number, name="Quite Another Agency")
    page = await browser.post("/join/numbers", {"cqc_number": "1-999999999"}, expect=422)
    assert "cannot find this number" in page.errors()["cqc_number"]
    assert (await answer(browser, kind={"kind": "home_care"}, numbers={"cqc_number": number})).endswith("/check")
    await browser.post("/join/check")
    await run_tasks()
    await browser.post(link_in(mailbox, CONFIRM))
    link = (await db.scalars(select(RegulatorLink))).one()
    assert (link.location_id, link.status) == (number, RegulatorLinkStatus.IN_REVIEW)
    organisation = (await db.scalars(select(Organisation))).one()
    assert organisation.cqc_provider_id is None


async def test_a_race_for_a_number_is_decided_by_the_database(db: AsyncSession, council: Council) -> None:
    first = await make_organisation(db, name="First", company_number="01234567", home_council_id=council.id)
    first_id = first.id
    answers = {"kind": "community", "name": "Second", "postcode": "PR1 2HE", "company_number": "01234567"}
    copy = new_organisation(answers, "", council.id, (53.76, -2.7), clock_of(db).now())
    with pytest.raises(HereAlready) as refused:
        await JoiningService(db).add(copy, answers)
    assert refused.value.organisation_id == first_id
    assert await count(db, "organisations") == 1


SECONDS_A_PAGE = 12
"""To read a short page on a phone and press its button, and for the page to come on a slow line."""
SECONDS_A_FIELD = 20
"""To type some fifteen characters on a phone, or to choose."""


async def test_a_lunch_club_is_through_the_whole_way_within_fifteen_minutes(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    fields: list[str] = []

    class Fields(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            facts = dict(attrs)
            if tag in ("input", "textarea", "select") and facts.get("type") not in ("hidden", "radio"):
                fields.append(facts.get("name", ""))
            if facts.get("type") == "radio" and facts["name"] not in fields:
                fields.append(facts["name"])

    pages, address = 1, "/join/kind"
    while address.rsplit("/", 1)[1] in STEPS:
        Fields().feed((await browser.open(address)).text)
        step = address.rsplit("/", 1)[1]
        address = (await browser.post(address, ANSWERS[step])).location
        pages += 1
    # Check, sent, the message itself, confirm, sign in with two fields, and the first page behind it.
    pages, asked = pages + 6, len(fields) + 2
    assert pages <= 17
    assert asked <= 15
    # The listing after that: at most eight short pages with two fields each (see the listing builder's own tests).
    seconds = (pages + 8) * SECONDS_A_PAGE + (asked + 16) * SECONDS_A_FIELD
    assert seconds <= 15 * 60
    # Nothing that a club may not have was needed.
    assert (await db.scalars(text("SELECT answers->>'charity_number' FROM joinings"))).one() == ""
