"""Shortlists: one's own alone, shared by a secret link until it ends."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.providers.models import HiddenWhy, SavedList, SavedListItem, SavedListShare
from marketplace.providers.service.list_shares import COMMENTS_AN_HOUR, MOST_OPEN
from marketplace.providers.service.saved_lists import MOST_ITEMS
from tests.browser import Browser, count, events
from tests.factories import Member, make_council, make_listing, make_member, make_organisation, make_person_member
from tests.factories_choosing import make_saved_list
from tests.factories_market import make_location

TABLES = ("saved_lists", "saved_list_items", "saved_list_shares", "saved_list_comments", "audit_entries",
          "outbox_messages", "idempotency_keys")  # fmt: skip


@pytest.fixture
async def owner(db: Any) -> Member:
    """A person with a list to come."""
    return (await make_person_member(db, await make_council(db)))[1]


@pytest.fixture
async def home(browser: Browser, owner: Member) -> Browser:
    """The owner's browser."""
    return await browser.signed_in(owner)


async def rows(db: Any) -> dict[str, int]:
    """How many rows each table has."""
    return {table: await count(db, table) for table in TABLES}


def share_form(**given: Any) -> dict[str, Any]:
    """The form of a link until the end of March."""
    until = {"until-day": "31", "until-month": "3", "until-year": "2027"}
    return {"shared_with": "My sister", "may": "comment", "email": "", **until, **given}


async def shared(home: Browser, saved: SavedList, **given: Any) -> str:
    """Share a list; returns the path of its link."""
    list_id = saved.id
    await home.post(f"/shortlists/{list_id}/share", share_form(**given))
    page = await home.open(f"/shortlists/{list_id}")
    return page.link(r"^/shared/[0-9a-f]{64}$")


async def test_a_visitor_who_saves_is_led_to_signing_in_and_back(browser: Browser) -> None:
    page = await browser.get(f"/shortlists/add?found={uuid4()}", expect=303)
    assert page.location.startswith("/sign-in?next=/shortlists/add")


async def test_an_offer_is_saved_on_a_new_list_and_adding_it_again_is_harmless(home: Browser, db: Any) -> None:
    listing = await make_listing(db, await make_organisation(db, name="Kestrel Support"), title="Company on match days")
    found_id = str(listing.id)
    page = await home.open(f"/shortlists/add?found={found_id}")
    assert "Company on match days, Kestrel Support" in page.words
    form = {"found": found_id, "list": "new", "name": "Help at home", "note": "Ask about Saturdays"}
    address = (await home.post("/shortlists/add", form)).location
    list_id = address.rsplit("/", 1)[1]
    page = await home.open(address)
    assert "1 offer" in page.words
    assert "Ask about Saturdays" in page.words
    assert "£16.00 an hour" in page.words
    await home.post("/shortlists/add", {"found": found_id, "list": list_id, "note": "Another note"})
    assert await count(db, "saved_list_items") == 1
    assert "Ask about Saturdays" in (await home.open(address)).words
    location_id = (await make_location(db, name="Ribble Home Care")).location_id
    await home.post("/shortlists/add", {"found": f"cqc-{location_id}", "list": list_id})
    assert (await home.open(address)).links().count(f"/market/register/{location_id}") == 1


async def test_the_same_form_sent_twice_makes_one_list(home: Browser, db: Any) -> None:
    form = {"name": "Help at home", "form_id": "a" * 32}
    first = await home.post("/shortlists", form)
    second = await home.post("/shortlists", form)
    assert first.location == second.location
    assert await count(db, "saved_lists") == 1


@pytest.mark.parametrize(
    ("form", "field"),
    [({"name": ""}, "name"), ({"name": "x" * 81}, "name"), ({"list": "elsewhere"}, "list"),
     ({"note": "x" * 1001}, "note")],
)  # fmt: skip
async def test_a_wrong_form_leaves_nothing(
    home: Browser, db: Any, owner: Member, form: dict[str, str], field: str
) -> None:
    listing = await make_listing(db, await make_organisation(db))
    found_id = str(listing.id)
    await make_saved_list(db, owner)
    await home.get("/shortlists")
    before = await rows(db)
    page = await home.post("/shortlists/add", {"found": found_id, "list": "new", "name": "A", **form}, expect=422)
    assert field in page.errors()
    assert await rows(db) == before


async def test_what_is_not_on_the_market_cannot_be_saved(home: Browser, db: Any) -> None:
    hidden = await make_listing(db, await make_organisation(db), hidden_why=HiddenWhy.COUNCIL)
    found_id = str(hidden.id)
    for found in (found_id, "nonsense", ""):
        await home.post("/shortlists/add", {"found": found, "list": "new", "name": "A"}, expect=422)
        await home.get(f"/shortlists/add?found={found}", expect=422)
    assert await count(db, "saved_lists") == 0


async def test_a_full_list_takes_no_more(home: Browser, db: Any, owner: Member) -> None:
    organisation = await make_organisation(db)
    saved = await make_saved_list(db, owner)
    for number in range(MOST_ITEMS):
        db.add(SavedListItem(council_id=saved.council_id, list_id=saved.id, found_id=f"cqc-{number}", name="Gone",
                             added_at=saved.created_at))  # fmt: skip
    listing = await make_listing(db, organisation)
    form = {"found": str(listing.id), "list": str(saved.id)}
    assert "list" in (await home.post("/shortlists/add", form, expect=422)).errors()
    assert await count(db, "saved_list_items") == MOST_ITEMS


async def test_an_offer_that_left_the_market_stays_with_its_name(home: Browser, db: Any, owner: Member) -> None:
    listing = await make_listing(db, await make_organisation(db), title="Green gym")
    saved = await make_saved_list(db, owner, listing)
    listing.is_published = False
    page = await home.open(f"/shortlists/{saved.id}")
    assert "Green gym" in page.words
    assert "No longer on the market" in page.words


async def test_ticked_offers_are_compared(home: Browser, db: Any, owner: Member) -> None:
    organisation = await make_organisation(db)
    listings = [await make_listing(db, organisation) for _ in range(5)]
    saved = await make_saved_list(db, owner, *listings)
    ids = [str(listing.id) for listing in listings]
    page = await home.open(f"/shortlists/{saved.id}")
    assert re.findall(r'name="ids" value="([^"]+)" form="compare-form" checked', page.text) == ids[:4]
    assert "Compare offers" in (await home.open("/market/compare?" + "&".join(f"ids={i}" for i in ids[:2]))).words


async def test_a_list_of_somebody_else_is_not_there(browser: Browser, db: Any, owner: Member) -> None:
    listing = await make_listing(db, await make_organisation(db))
    saved = await make_saved_list(db, owner, listing)
    item_id = await db.scalar(select(SavedListItem.id))
    list_id, found_id = saved.id, str(listing.id)
    strangers = [
        await browser.signed_in(await make_member(db, Role.BROKER, owner.council)),
        await browser.signed_in((await make_person_member(db, await make_council(db)))[1]),
    ]
    for other in strangers:
        await other.get("/shortlists")
        before = await rows(db)
        for path in ("", "/edit", "/delete", "/share", f"/offers/{item_id}"):
            await other.get(f"/shortlists/{list_id}{path}", expect=404)
        for path in ("/edit", "/delete", "/share", f"/offers/{item_id}", f"/offers/{item_id}/remove"):
            await other.post(f"/shortlists/{list_id}{path}", share_form(name="Mine", note=""), expect=404)
        await other.post("/shortlists/add", {"found": found_id, "list": str(list_id)}, expect=404)
        assert await rows(db) == before


async def test_a_change_on_another_page_is_not_overwritten(home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner)
    path = f"/shortlists/{saved.id}/edit"
    version = (await home.open(path)).field("version")
    await home.post(path, {"name": "First", "note": "", "version": version})
    page = await home.post(path, {"name": "Second", "note": "", "version": version}, expect=409)
    page.check()
    assert "Now it is called “First”" in page.words
    assert page.field("name") == "Second"
    await home.post(path, {"name": "Second", "note": "", "version": page.field("version")})
    assert await db.scalar(select(SavedList.name)) == "Second"


async def test_a_note_changed_on_another_page_is_not_overwritten(home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner, await make_listing(db, await make_organisation(db)))
    item_id = await db.scalar(select(SavedListItem.id))
    path = f"/shortlists/{saved.id}/offers/{item_id}"
    await home.open(path)
    await home.post(path, {"note": "Kind voice", "before": ""})
    await home.post(path, {"note": "Too far", "before": ""}, expect=409)
    assert await db.scalar(select(SavedListItem.note)) == "Kind voice"
    await home.post(path, {"note": "Too far", "before": "Kind voice"})
    assert await db.scalar(select(SavedListItem.note)) == "Too far"
    await home.post(f"{path}/remove", {})
    assert await count(db, "saved_list_items") == 0


async def test_deleting_asks_first_and_ends_the_links(home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner, await make_listing(db, await make_organisation(db)))
    list_id = saved.id
    link = await shared(home, saved)
    assert "Links you sent to others stop working" in (await home.open(f"/shortlists/{list_id}/delete")).words
    assert (await home.post(f"/shortlists/{list_id}/delete")).location == "/shortlists"
    assert [await count(db, table) for table in TABLES[:4]] == [0, 0, 0, 0]
    await home.get(link, expect=404)


async def test_a_link_shows_the_list_and_nothing_of_its_owner(
    browser: Browser, home: Browser, db: Any, owner: Member
) -> None:
    saved = await make_saved_list(db, owner, await make_listing(db, await make_organisation(db)), note="For my mother")
    item = await db.scalar(select(SavedListItem))
    item.note = "She liked the photo"
    name, address = owner.user.name, owner.user.email
    link = await shared(home, saved)
    page = await browser.open(link)
    assert "noindex" in page.response.headers["x-robots-tag"]
    assert page.response.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in page.response.headers["cache-control"]
    assert page.heading == "Help at home"
    assert "31 March 2027" in page.words
    for secret in (name, address, "My sister", "For my mother", "She liked the photo"):
        assert secret not in page.text
    link = await shared(home, saved, shows_notes="yes", may="look")
    words = (await browser.open((await home.get(f"/shortlists/{saved.id}")).link("^/shared/"))).words
    assert "For my mother" in words
    assert "She liked the photo" in words
    assert (await home.get(f"/shortlists/{saved.id}")).words.count("Last opened") == 2


async def test_only_the_hash_of_a_link_is_stored(home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner)
    token = (await shared(home, saved, email="sister@example.com")).rsplit("/", 1)[1]
    for table in ("saved_list_shares", "outbox_messages", "idempotency_keys", "audit_entries", "messages"):
        assert await count(db, table, f"{table}::text LIKE '%{token}%'") == 0
    await home.post(f"/shared/{token}", {"written_by": "Anna", "words": "Good"})
    assert await count(db, "idempotency_keys", f"idempotency_keys::text LIKE '%{token}%'") == 0


async def test_wrong_ended_and_stopped_links_look_the_same(
    browser: Browser, home: Browser, db: Any, owner: Member
) -> None:
    saved = await make_saved_list(db, owner)
    list_id = saved.id
    link = await shared(home, saved)
    share_id = await db.scalar(select(SavedListShare.id))
    texts = []
    for wrong in ("x", "a" * 64, "A" * 64, "%F0%9F%92%A9", str(share_id), "a" * 5000):
        page = await browser.open(f"/shared/{wrong}", expect=404)
        texts.append(page.words)
    await browser.open(link)
    await home.post(f"/shortlists/{list_id}/shares/{share_id}/revoke", {}, expect=None)
    texts.append((await browser.open(link, expect=404)).words)
    await browser.post(link, {"written_by": "Anna", "words": "Hello"}, expect=404)
    assert len(set(texts)) == 1
    assert await count(db, "saved_list_comments") == 0


async def test_a_link_ends_after_its_last_day(browser: Browser, home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner)
    link = await shared(home, saved)
    await db.execute(text("UPDATE saved_list_shares SET expires_on = '2027-03-04'"))
    await browser.open(link)
    await db.execute(text("UPDATE saved_list_shares SET expires_on = '2027-03-03'"))
    await browser.open(link, expect=404)
    assert "does not open since 3 March 2027" in (await home.open(f"/shortlists/{saved.id}")).words


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"shared_with": ""}, "shared_with"),
        ({"may": ""}, "may"),
        ({"email": "not an address"}, "email"),
        ({"until-day": "2"}, "until"),
        ({"until-month": "10"}, "until"),
        ({"until-day": "31", "until-month": "2"}, "until"),
    ],
)
async def test_a_link_needs_a_reader_and_an_end_within_180_days(
    home: Browser, db: Any, owner: Member, form: dict[str, str], field: str
) -> None:
    saved = await make_saved_list(db, owner)
    path = f"/shortlists/{saved.id}/share"
    page = await home.open(path)
    assert [page.field(f"until-{part}") for part in ("day", "month", "year")] == ["2", "4", "2027"]
    before = await rows(db)
    assert field in (await home.post(path, share_form(**form), expect=422)).errors()
    assert await rows(db) == before


async def test_a_list_has_at_most_twenty_open_links(home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner)
    for number in range(MOST_OPEN):
        db.add(SavedListShare(council_id=saved.council_id, list_id=saved.id, shared_with="x",
                              token_hash=str(number).encode(), expires_on=saved.created_at.date() + timedelta(days=9),
                              created_at=saved.created_at))  # fmt: skip
    page = await home.post(f"/shortlists/{saved.id}/share", share_form(), expect=422)
    assert "Stop one of them first" in page.words
    assert await events(db) == []


async def test_comments_are_by_name_plain_and_limited(browser: Browser, home: Browser, db: Any, owner: Member) -> None:
    listing = await make_listing(db, await make_organisation(db), title="Green gym")
    found_id = str(listing.id)
    saved = await make_saved_list(db, owner, listing)
    list_id = saved.id
    link = await shared(home, saved)
    form = {"written_by": "Anna", "words": "<b>Lovely</b> place", "about": found_id, "form_id": "b" * 32}
    await browser.open(link)
    answer = await browser.post(link, form)
    assert answer.location == f"{link}#comments"
    await browser.post(link, form)
    assert await count(db, "saved_list_comments") == 1
    page = await browser.open(link)
    assert "&lt;b&gt;Lovely&lt;/b&gt;" in page.text
    assert "About Green gym" in page.words
    for wrong, field in (({"words": "x" * 1001}, "words"), ({"written_by": ""}, "written_by"),
                         ({"about": "<script>"}, "about")):  # fmt: skip
        page = await browser.post(link, {"written_by": "Anna", "words": "Hello", **wrong}, expect=422)
        assert field in page.errors()
    for _ in range(COMMENTS_AN_HOUR - 1):
        await browser.post(link, {"written_by": "Anna", "words": "Again"})
    await browser.post(link, {"written_by": "Anna", "words": "Too much"}, expect=429)
    assert await count(db, "saved_list_comments") == COMMENTS_AN_HOUR
    page = await home.open(f"/shortlists/{list_id}")
    assert "Anna" in page.words
    comment_id = await db.scalar(text("SELECT id FROM saved_list_comments ORDER BY written_at LIMIT 1"))
    await home.post(f"/shortlists/{list_id}/comments/{comment_id}/remove", {})
    assert await count(db, "saved_list_comments") == COMMENTS_AN_HOUR - 1


async def test_a_link_to_look_takes_no_comment(browser: Browser, home: Browser, db: Any, owner: Member) -> None:
    saved = await make_saved_list(db, owner)
    link = await shared(home, saved, may="look")
    page = await browser.open(link)
    assert "Write a comment" not in page.words
    await browser.post(link, {"written_by": "Anna", "words": "Hello"}, expect=404)
    assert await count(db, "saved_list_comments") == 0


async def test_a_representative_keeps_lists_of_their_own(browser: Browser, db: Any, owner: Member) -> None:
    person_id = owner.membership.person_id
    representative = await make_member(
        db, Role.REPRESENTATIVE, owner.council, person_id=person_id, acting_for_name="Ada Example"
    )
    await make_saved_list(db, owner)
    page = await (await browser.signed_in(representative)).open("/shortlists")
    assert "You are acting for Ada Example" in " ".join(
        page.text.replace("<strong>", "").replace("</strong>", "").split()
    )
    assert "You have no shortlist yet" in page.words
