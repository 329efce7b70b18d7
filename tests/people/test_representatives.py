"""Who acts for a person: asked, answered, checked, changed, ended; and what they can do meanwhile."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry, Council, Membership, Representation, User
from marketplace.accounts.permissions import (
    GRANTS,
    SCOPE_GRANTS,
    SCOPES_OF,
    Permission,
    RepresentativeKind,
    Role,
    Scope,
    granted,
)
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import FixedClock
from marketplace.people.representatives import RepresentativeService
from marketplace.people.tasks import end_representations
from tests.browser import Browser, count, events
from tests.factories import Member, make_council, make_member, make_person
from tests.files_corpus import pdf

ASK = {
    "name": "Rosa Bright",
    "email": "rosa@friends.example",
    "relationship": "my sister",
    "kind": "nominated",
    "scopes": ["book", "approve", "money"],
}
PASSWORD = "three random words"


async def make_pair(db: AsyncSession) -> tuple[Any, Member]:
    council = await make_council(db)
    person = await make_person(db, council)
    return person, await make_member(db, Role.PERSON, council, name=person.name, person_id=person.id)


async def the_row(db: AsyncSession) -> Representation:
    row: Representation = (
        await db.scalars(select(Representation).order_by(Representation.asked_at.desc(), Representation.id.desc()))
    ).first()
    await db.refresh(row)
    return row


def link(browser: Browser, row: Representation) -> str:
    secret = RepresentativeService(browser.db, browser.settings.secret_key).secret(row)
    return f"/act-for/{secret}"


async def test_the_person_asks_and_the_other_says_yes_with_a_new_account(browser: Browser, db: AsyncSession) -> None:
    _, member = await make_pair(db)
    mine = await browser.signed_in(member)
    await mine.post("/representatives/new", ASK, expect=303)
    row = await the_row(db)
    assert (row.status, row.user_id) == (RepresentationStatus.INVITED, None)
    assert "RepresentationMoved" in await events(db)
    address = link(browser, row)
    page = await browser.open(address)
    assert "Approve visits, so that they are paid" in page.words
    assert "Search, keep shortlists" not in page.words
    assert (await browser.post(address, {}, expect=422)).errors() == {"password": "Enter a password"}
    await browser.post(address, {"password": PASSWORD}, expect=303)
    row = await the_row(db)
    assert row.status is RepresentationStatus.LIVE
    membership = await db.get_one(Membership, row.membership_id)
    assert (membership.role, membership.person_id) == (Role.REPRESENTATIVE, row.person_id)
    assert (await browser.open(address, expect=404)).words.count("no longer works") >= 1


async def test_scopes_are_all_that_somebody_can_do(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_pair(db)
    council = member.council
    other = await make_member(
        db, Role.REPRESENTATIVE, council, person_id=person.id, acting_for_name=person.name, scopes=[Scope.MONEY]
    )
    acting = await browser.signed_in(other)
    assert (await acting.open("/money")).status == 200
    page = await acting.get("/bookings", expect=403)
    assert "has not asked you to do this" in page.words
    await acting.get("/profile", expect=403)
    await acting.get("/representatives", expect=403)
    home = await acting.open("/home")
    assert "My plan" not in home.words


async def test_changing_scopes_counts_at_once_and_ending_signs_out(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_pair(db)
    other = await make_member(db, Role.REPRESENTATIVE, member.council, person_id=person.id, acting_for_name=person.name)
    acting, mine = await browser.signed_in(other), await browser.signed_in(member)
    row_id = (await the_row(db)).id
    await acting.get("/bookings", expect=200)
    await mine.post(f"/representatives/{row_id}", {"scopes": ["money"]}, expect=303)
    await acting.get("/bookings", expect=403)
    await acting.get("/money", expect=200)
    await mine.post(f"/representatives/{row_id}/end", {"reason": "We fell out."}, expect=303)
    assert (await acting.get("/money", expect=303)).location.startswith("/sign-in")
    row = await the_row(db)
    assert (row.status, row.reason) == (RepresentationStatus.REVOKED, "We fell out.")
    await mine.post(f"/representatives/{row_id}/end", {}, expect=404)


async def test_a_helper_decides_nothing(browser: Browser, db: AsyncSession) -> None:
    _, member = await make_pair(db)
    mine = await browser.signed_in(member)
    page = await mine.post("/representatives/new", {**ASK, "kind": "helper"}, expect=422)
    assert "A helper cannot do this" in page.errors()["scopes"]
    assert page.field("name") == "Rosa Bright"
    assert await count(db, "representations") == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "rosa"}, "email"),
        ({"kind": "deputy"}, "kind"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["all"]}, "scopes"),
        ({"last_on-day": "1", "last_on-month": "3", "last_on-year": "2027"}, "last_on"),
    ],
)
async def test_wrong_answers_leave_nothing(
    browser: Browser, db: AsyncSession, wrong: dict[str, Any], field: str
) -> None:
    _, member = await make_pair(db)
    mine = await browser.signed_in(member)
    page = await mine.post("/representatives/new", {**ASK, **wrong}, expect=422)
    assert field in page.errors()
    assert await count(db, "representations") == 0


async def test_nobody_asks_themselves_twice_or_a_sixth(browser: Browser, db: AsyncSession) -> None:
    _, member = await make_pair(db)
    own = member.user.email
    mine = await browser.signed_in(member)
    assert "email" in (await mine.post("/representatives/new", {**ASK, "email": own}, expect=422)).errors()
    for number in range(5):
        await mine.post("/representatives/new", {**ASK, "email": f"rosa{number}@friends.example"}, expect=303)
    await mine.post("/representatives/new", {**ASK, "email": "rosa0@friends.example"}, expect=409)
    page = await mine.post("/representatives/new", ASK, expect=409)
    assert "Five people may act for you" in page.words
    assert await count(db, "representations") == 5


async def test_papers_come_first_and_another_hand_checks_them(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_pair(db)
    worker = await make_member(db, Role.SOCIAL_WORKER, member.council)
    manager = await make_member(db, Role.MANAGER, member.council)
    person_id, council_id = person.id, member.council.id
    office, second = await browser.signed_in(worker), await browser.signed_in(manager)
    ask = {**ASK, "kind": "deputy", "scopes": ["plan", "money"]}
    await office.post(f"/representations/new?person={person_id}", ask, expect=303)
    address = link(browser, await the_row(db))
    await browser.post(address, {"password": PASSWORD}, expect=303)
    row = await the_row(db)
    row_id, membership_id, user_id = row.id, row.membership_id, row.user_id
    assert row.status is RepresentationStatus.TO_CHECK
    acting = await browser.signed_in(
        Member(
            await db.get_one(User, user_id),
            await db.get_one(Membership, membership_id),
            await db.get_one(Council, council_id),
        )
    )
    await acting.get("/money", expect=403)
    await second.post(f"/representations/{row_id}", {"decision": "allow"}, expect=422)
    page = await acting.post("/acting/papers", {"note": ""}, expect=422)
    assert set(page.errors()) == {"note", "file"}
    copy = {"file": ("order.pdf", pdf(), "application/pdf")}
    await acting.post("/acting/papers", {"note": "Order 1234567"}, files=copy, expect=303)
    await office.post(f"/representations/{row_id}", {"decision": "allow"}, expect=403)
    page = await second.open(f"/representations/{row_id}")
    assert "Order 1234567" in page.words
    assert "reason" in (await second.post(f"/representations/{row_id}", {"decision": "refuse"}, expect=422)).errors()
    await second.post(f"/representations/{row_id}", {"decision": "allow"}, expect=303)
    await acting.get("/money", expect=200)
    await acting.post("/acting/papers", {"note": "Order 7"}, expect=404)
    assert (await second.get(f"/representations/{row_id}/papers")).response.headers["content-disposition"]


async def test_another_council_and_another_person_find_nothing(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_pair(db)
    await make_member(db, Role.REPRESENTATIVE, member.council, person_id=person.id, acting_for_name=person.name)
    row_id = (await the_row(db)).id
    _, stranger = await make_pair(db)
    neighbour = await make_person(db, member.council)
    next_door = await make_member(db, Role.PERSON, member.council, person_id=neighbour.id)
    far = await make_member(db, Role.MANAGER, await make_council(db))
    away = await browser.signed_in(far)
    for browsing in [await browser.signed_in(stranger), await browser.signed_in(next_door)]:
        await browsing.get(f"/representatives/{row_id}", expect=404)
        await browsing.post(f"/representatives/{row_id}/end", {}, expect=404)
    await away.get(f"/representations/{row_id}", expect=404)
    await away.post(f"/representations/{row_id}", {"decision": "end", "reason": "No."}, expect=404)


async def test_it_ends_with_its_last_day_and_old_links_die(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    _, member = await make_pair(db)
    mine = await browser.signed_in(member)
    last = date(2027, 3, 20)
    until = {"last_on-day": "20", "last_on-month": "3", "last_on-year": "2027"}
    await mine.post("/representatives/new", {**ASK, **until}, expect=303)
    row = await the_row(db)
    assert row.ends_on == last + timedelta(days=1)
    address = link(browser, row)
    await browser.post(address, {"password": PASSWORD}, expect=303)
    await mine.post("/representatives/new", {**ASK, "email": "late@friends.example"}, expect=303)
    late = link(browser, await the_row(db))
    clock.advance(timedelta(days=15))
    await browser.open(late, expect=404)
    clock.advance(timedelta(days=10))
    await end_representations()
    statuses = (await db.scalars(select(Representation.status).execution_options(populate_existing=True))).all()
    assert set(statuses) == {RepresentationStatus.ENDED}


async def test_what_they_did_is_shown_to_the_person(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_pair(db)
    other = await make_member(
        db, Role.REPRESENTATIVE, member.council, name="Rosa Bright", person_id=person.id, acting_for_name=person.name
    )
    acting, mine, person_id = await browser.signed_in(other), await browser.signed_in(member), person.id
    page = await acting.open("/profile")
    form = {
        "version": page.field("version"),
        "appreciated": "Her songs",
        "important_to_me": "",
        "how_to_support_me": "",
    }
    await acting.post("/profile", form, expect=303)
    done = await db.scalar(select(func.count()).where(AuditEntry.on_behalf_of == person_id))
    assert done
    words = (await mine.open("/representatives")).words
    assert "What they did for you" in words
    assert "Rosa Bright" in words


def test_scopes_never_reach_beyond_the_role() -> None:
    everything = granted(Role.REPRESENTATIVE, frozenset(Scope))
    assert everything <= GRANTS[Role.REPRESENTATIVE]
    assert Permission.REPRESENTATIVES_OWN not in everything
    assert granted(Role.REPRESENTATIVE, None) == granted(Role.REPRESENTATIVE, frozenset())
    assert set(SCOPE_GRANTS) == set(Scope)
    deciding = SCOPE_GRANTS[Scope.BOOK] | SCOPE_GRANTS[Scope.APPROVE] | SCOPE_GRANTS[Scope.MONEY]
    helper = frozenset().union(*(SCOPE_GRANTS[scope] for scope in SCOPES_OF[RepresentativeKind.HELPER]))
    assert not helper & deciding
