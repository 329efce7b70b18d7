"""Registering a provider: the questions, the e-mail, the account that comes of it (V1)."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.accounts.service import JOINS_PER_ADDRESS, JOINS_PER_EMAIL
from marketplace.core.clock import FixedClock
from marketplace.providers.models import Joining, Organisation, OrganisationKind, Worker
from marketplace.providers.tasks.joining import forget_joinings
from tests.browser import Browser, Page, count, events
from tests.conftest import Mailbox
from tests.factories import make_council, make_member
from tests.factories_join import run_tasks
from tests.factories_market import make_postcode

ANSWERS: dict[str, dict[str, str]] = {
    "kind": {"kind": "community"},
    "name": {"name": "Fishergate Knitters"},
    "place": {"postcode": "pr12he"},
    "numbers": {},
    "contact": {"contact_name": "Robin Example"},
    "email": {"email": "Knitters@Example.org"},
    "phone": {"phone": "01632 960 001"},
    "safeguarding": {"safeguarding_name": "Sam Example", "safeguarding_contact": "07700 900 982"},
    "password": {"password": "three random words"},
}


@pytest.fixture
async def council(db: AsyncSession) -> Council:
    await make_postcode(db)
    return await make_council(db, name="Preston Council")


async def answer_all(browser: Browser, **changed: dict[str, str]) -> Page:
    """Answer every question that is asked, from the first page to the check."""
    page = await browser.open("/join")
    address = page.link(r"^/join/kind$")
    while not address.endswith("/check"):
        await browser.open(address)
        step = address.rsplit("/", 1)[1]
        address = (await browser.post(address, changed.get(step, ANSWERS[step]))).location
    return await browser.open(address)


def link_in(mailbox: Mailbox) -> str:
    found = re.search(r"/join/confirm/\w+", mailbox.envelopes[-1].body)
    assert found is not None
    return found.group()


async def test_a_tiny_group_registers_and_signs_in(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    accreditor = await make_member(db, Role.ACCREDITOR, council)
    accreditor_email, council_id = accreditor.user.email, council.id
    check = await answer_all(browser)
    for words in ("Community group", "Fishergate Knitters", "PR1 2HE", "knitters@example.org", "Sam Example"):
        assert words in check.words
    assert "three random words" not in check.text
    sent = await browser.post("/join/check")
    assert sent.location == "/join/sent"
    await browser.open("/join/sent")
    assert await count(db, "users") == 1
    await run_tasks()
    assert mailbox.envelopes[-1].to_address == "knitters@example.org"
    link = link_in(mailbox)
    # A look at the link does nothing: mail checkers open links, too.
    await browser.open(link)
    assert await count(db, "organisations") == 0
    confirmed = await browser.post(link)
    assert confirmed.location == "/sign-in?next=/provider/evidence"

    organisation = (await db.scalars(select(Organisation))).one()
    assert (organisation.kind, organisation.home_council_id) == (OrganisationKind.COMMUNITY, council_id)
    assert (organisation.town, organisation.safeguarding_contact) == ("Preston", "07700 900 982")
    membership = (await db.scalars(select(Membership).where(Membership.organisation_id == organisation.id))).one()
    assert (membership.role, membership.council_id, membership.worker_id) == (Role.PROVIDER, council_id, None)
    actions = set((await db.scalars(text("SELECT action FROM audit_entries"))).all())
    assert {"accounts.grant_role", "providers.join"} <= actions
    assert await count(db, "listings") == 0
    joining = (await db.scalars(select(Joining))).one()
    assert (joining.answers, joining.email, joining.password_hash) == ({}, "", "")
    assert joining.organisation_id == organisation.id

    await run_tasks()
    told = mailbox.envelopes[-1]
    assert told.to_address == accreditor_email
    assert "Fishergate Knitters" in told.subject

    await browser.open("/sign-in")
    form = {"email": "knitters@example.org", "password": "three random words", "next": "/provider/evidence"}
    assert (await browser.post("/sign-in", form)).location == "/provider/evidence"


async def test_an_individual_becomes_a_worker_whose_home_stays_hidden(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    check = await answer_all(browser, kind={"kind": "sole_pa"}, name={"name": "Alex Example"})
    assert "Your name" not in check.words
    await browser.post("/join/check")
    await run_tasks()
    await browser.post(link_in(mailbox))
    organisation = (await db.scalars(select(Organisation))).one()
    worker = (await db.scalars(select(Worker))).one()
    membership = (await db.scalars(select(Membership))).one()
    user = (await db.scalars(select(User))).one()
    assert organisation.postcode == ""
    assert (worker.name, worker.postcode, worker.organisation_id) == ("Alex Example", "PR1 2HE", organisation.id)
    assert (membership.role, membership.worker_id) == (Role.PA, worker.id)
    assert user.name == "Alex Example"


async def test_answers_are_kept_and_can_be_changed_or_deleted(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    await answer_all(browser)
    page = await browser.open("/join/name")
    assert page.field("name") == "Fishergate Knitters"
    changed = await browser.post("/join/name", {"name": "Fishergate Crochet"})
    assert changed.location == "/join/check"
    assert "Fishergate Crochet" in (await browser.open("/join/check")).words
    assert "Carry on with my answers" in (await browser.open("/join")).words
    await browser.post("/join/forget")
    assert await count(db, "joinings") == 0
    assert (await browser.get("/join/check", expect=303)).location == "/join/kind"


@pytest.mark.parametrize(
    ("step", "typed", "field"),
    [
        ("kind", {}, "kind"),
        ("kind", {"kind": "council"}, "kind"),
        ("name", {"name": "x" * 151}, "name"),
        ("place", {"postcode": "somewhere"}, "postcode"),
        ("place", {"postcode": "BT1 5GS"}, "postcode"),
        ("email", {"email": "nobody"}, "email"),
        ("phone", {"phone": "ring me"}, "phone"),
        ("safeguarding", {"safeguarding_name": "Sam", "safeguarding_contact": "soon"}, "safeguarding_contact"),
        ("password", {"password": "short"}, "password"),
        ("password", {"password": "x" * 201}, "password"),
    ],
)
async def test_a_wrong_answer_is_named_and_nothing_is_kept(
    browser: Browser, db: AsyncSession, council: Council, step: str, typed: dict[str, str], field: str
) -> None:
    await browser.open("/join")
    page = await browser.post(f"/join/{step}", typed, expect=422)
    assert list(page.errors()) == [field]
    assert page.title.startswith("Error: ")
    assert await count(db, "joinings") == 0


async def test_a_place_outside_the_councils_gets_a_page_that_says_so(browser: Browser, db: AsyncSession) -> None:
    await make_council(db, name="Derby Council", district_codes=["E06000015"])
    await make_postcode(db)
    await browser.open("/join")
    answer = await browser.post("/join/place", {"postcode": "PR1 2HE"})
    assert answer.location == "/join/outside"
    page = await browser.open("/join/outside")
    assert "Derby Council" in page.words
    assert await count(db, "joinings") == 0


async def test_a_known_address_gets_the_same_page_and_another_message(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    await make_member(db, Role.BROKER, council, email="knitters@example.org")
    await answer_all(browser)
    assert (await browser.post("/join/check")).location == "/join/sent"
    await run_tasks()
    assert mailbox.envelopes[-1].to_address == "knitters@example.org"
    assert "already has an account" in mailbox.envelopes[-1].body
    assert "/join/confirm/" not in mailbox.envelopes[-1].body
    assert await count(db, "organisations") == 0


async def test_the_link_is_not_kept_works_once_and_dies_after_seven_days(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox, clock: FixedClock
) -> None:
    await answer_all(browser)
    await browser.post("/join/check")
    await run_tasks()
    link = link_in(mailbox)
    assert await count(db, "messages", "body LIKE '%/join/confirm/%'") == 0
    clock.advance(timedelta(days=7))
    await browser.open(link, expect=404)
    await browser.post(link, expect=404)
    clock.advance(timedelta(days=-1))
    await browser.post(link[:-1] + ("0" if link[-1] != "0" else "1"), expect=404)
    await browser.post(link)
    await browser.post(link, expect=404)
    assert await count(db, "organisations") == 1


async def test_two_registrations_of_one_address_make_one_account(
    browser: Browser, db: AsyncSession, council: Council, mailbox: Mailbox
) -> None:
    links = []
    for _ in range(2):
        await answer_all(browser)
        await browser.post("/join/check")
        await run_tasks()
        links.append(link_in(mailbox))
    await browser.post(links[0])
    await browser.post(links[1], expect=404)
    assert await count(db, "users") == await count(db, "organisations") == 1


async def test_what_is_not_confirmed_is_forgotten_after_seven_days(
    browser: Browser, db: AsyncSession, council: Council, clock: FixedClock
) -> None:
    await answer_all(browser)
    clock.advance(timedelta(days=6))
    await forget_joinings()
    assert await count(db, "joinings") == 1
    clock.advance(timedelta(days=1, seconds=1))
    await forget_joinings()
    assert await count(db, "joinings") == 0


async def test_registrations_are_limited_by_address(
    browser: Browser, db: AsyncSession, council: Council, clock: FixedClock
) -> None:
    await answer_all(browser)
    await browser.post("/join/check")
    await db.execute(
        text(
            "INSERT INTO attempts (id, kind, key_hash, at) SELECT gen_random_uuid(), kind, key_hash, at "
            "FROM attempts CROSS JOIN generate_series(2, :most)"
        ),
        {"most": JOINS_PER_ADDRESS},
    )
    await answer_all(browser)
    await browser.post("/join/check", expect=429)


async def test_an_address_is_not_flooded_with_links(browser: Browser, db: AsyncSession, council: Council) -> None:
    for _ in range(JOINS_PER_EMAIL + 1):
        await answer_all(browser)
        assert (await browser.post("/join/check")).location == "/join/sent"
    assert (await events(db)).count("JoiningSubmitted") == JOINS_PER_EMAIL


async def test_somebody_signed_in_is_told_to_sign_out_first(
    browser: Browser, db: AsyncSession, council: Council
) -> None:
    signed_in = await browser.signed_in(await make_member(db, Role.BROKER, council))
    page = await signed_in.open("/join")
    assert "You are signed in" in page.words
    assert (await signed_in.post("/join/kind", ANSWERS["kind"])).location == "/home"
    assert await count(db, "joinings") == 0
