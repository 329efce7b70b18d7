"""Saved searches: asked again for their owner, who is told once of what is new."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.ids import new_id
from marketplace.providers.events import SavedListShared, SavedSearchMatched
from marketplace.providers.models import SavedListShare, SavedSearch
from marketplace.providers.service.market_index import rebuild_index, use_search
from marketplace.providers.service.market_query import MarketQuery
from marketplace.providers.service.saved_searches import NOT_ASKED, parameters, read_parameters
from marketplace.providers.tasks import ask_saved_searches, send_list_link, tell_of_saved_search
from tests.browser import Browser, count, events
from tests.factories import Member, make_council, make_listing, make_member, make_organisation, make_person_member
from tests.factories_choosing import make_saved_list
from tests.factories_market import make_postcode, open_index, with_search

FOOTBALL = {"q": "football", "postcode": "PR1 2HE", "radius_miles": "25"}
Index = Callable[[], Awaitable[None]]


@pytest.fixture
async def owner(db: Any) -> Member:
    """A person who saves searches."""
    await make_postcode(db)
    return (await make_person_member(db, await make_council(db)))[1]


@pytest.fixture
async def search(tmp_path: Path) -> AsyncGenerator[Any, None]:
    """The engine of this process."""
    made = open_index(tmp_path)
    use_search(made)
    yield made
    use_search(None)


@pytest.fixture
async def index(search: Any, maker: Any, db: Any) -> Index:
    """Makes the index anew."""

    async def act() -> None:
        await db.flush()
        await run(db, rebuild_index(search.backend, maker))

    return act


@pytest.fixture
async def home(browser: Browser, owner: Member, maker: Any, settings: Any, search: Any) -> Browser:
    """The owner's browser."""
    return await with_search(browser, maker, settings, search).signed_in(owner)


async def run(db: Any, work: Awaitable[Any]) -> None:
    """Do a task's work, then look at everything afresh: tasks narrow the scope of the tests' one connection."""
    await db.flush()
    await work
    await scope_to(db, "every")
    db.expire_all()


async def back(home: Browser, owner: Member) -> Browser:
    """The owner's browser, signed in again: days have passed."""
    for row in (owner.user, owner.membership, owner.council):
        await home.db.refresh(row)
    return await home.signed_in(owner)


async def club(db: Any, title: str) -> str:
    """Put a football club on the market."""
    listing = await make_listing(db, await make_organisation(db), title=f"Football {title}")
    return str(listing.id)


async def saved(home: Browser, **given: str) -> str:
    """Save the football search; returns its id."""
    form = {"question": urlencode(FOOTBALL), "name": "Football for Dad", "often": "daily", **given}
    await home.post("/saved-searches", form)
    return str(await home.db.scalar(select(SavedSearch.id)))


async def test_the_question_of_the_search_page_is_kept(home: Browser, db: Any, index: Index) -> None:
    first = await club(db, "one")
    await index()
    page = await home.open(f"/saved-searches/new?{urlencode({**FOOTBALL, 'category': 'personal_assistant'})}")
    assert "near PR1 2HE (25 miles)" in page.words
    assert "Kind of support: Personal assistant" in page.words
    question = page.field("question")
    await home.post("/saved-searches", {"question": question, "name": page.field("name"), "often": "weekly"})
    row = await db.scalar(select(SavedSearch))
    assert row.question == {"q": ["football"], "postcode": ["PR1 2HE"], "radius_miles": ["25"],
                            "category": ["personal_assistant"]}  # fmt: skip
    assert (row.every_days, row.is_telling, row.seen_ids, row.new_ids) == (7, True, [first], [])
    assert "Emails once a week" in (await home.open("/saved-searches")).words
    assert await events(db) == []


async def test_the_owner_is_told_once_of_what_is_new(
    home: Browser, db: Any, index: Index, clock: FixedClock, mailbox: Any
) -> None:
    await club(db, "one")
    await index()
    search_id = await saved(home)
    second = await club(db, "two")
    await index()
    await run(db, ask_saved_searches())
    assert await events(db) == []  # Not due yet.
    clock.advance(timedelta(days=1, minutes=1))
    await run(db, ask_saved_searches())
    await run(db, ask_saved_searches())
    assert await events(db) == ["SavedSearchMatched"]
    assert (await db.scalar(select(SavedSearch.new_ids))) == [second]
    owner_id, council_id = (await db.execute(select(SavedSearch.owner_user_id, SavedSearch.council_id))).one()
    message_id = await db.scalar(text("SELECT id FROM outbox_messages"))
    event = SavedSearchMatched(council_id=council_id, saved_search_id=search_id, user_id=owner_id, found=1)
    await run(db, tell_of_saved_search(message_id, event))
    await run(db, tell_of_saved_search(message_id, event))
    subject, body = (await db.execute(text("SELECT subject, body FROM messages"))).one()
    assert subject == "1 new offer for a search you saved"
    assert "Football for Dad" in body
    assert f"/saved-searches/{search_id}" in body
    clock.advance(timedelta(days=1))
    await run(db, ask_saved_searches())
    assert (await events(db)).count("SavedSearchMatched") == 1


async def test_opening_shows_the_new_ones_first_and_marks_them_as_seen(
    home: Browser, db: Any, index: Index, clock: FixedClock, owner: Member
) -> None:
    await club(db, "one")
    await index()
    search_id = await saved(home)
    await club(db, "two")
    await index()
    clock.advance(timedelta(days=1))
    await run(db, ask_saved_searches())
    home = await back(home, owner)
    assert "1 new" in (await home.open("/saved-searches")).words
    page = await home.open(f"/saved-searches/{search_id}")
    assert "1 new offer" in page.words
    assert "Football two" in page.words
    assert "Football one" not in page.words
    answer = await home.post(f"/saved-searches/{search_id}/open")
    assert answer.location == "/market?" + urlencode(FOOTBALL)
    page = await home.open(f"/saved-searches/{search_id}")
    assert "You have seen everything" in page.words
    assert len(await db.scalar(select(SavedSearch.seen_ids))) == 2


async def test_without_an_index_the_first_answer_is_stored_later_and_nobody_is_told(
    home: Browser, db: Any, index: Index, clock: FixedClock
) -> None:
    await club(db, "one")
    await saved(home)
    assert await db.scalar(select(SavedSearch.seen_ids)) == [NOT_ASKED]
    await run(db, ask_saved_searches())
    assert await db.scalar(select(SavedSearch.next_run_at)) == clock.now() + timedelta(hours=1)
    await index()
    clock.advance(timedelta(hours=1))
    await run(db, ask_saved_searches())
    assert len(await db.scalar(select(SavedSearch.seen_ids))) == 1
    assert "SavedSearchMatched" not in await events(db)


async def test_a_search_that_found_nothing_tells_of_the_first_offer(
    home: Browser, db: Any, index: Index, clock: FixedClock
) -> None:
    await index()
    await saved(home)
    await club(db, "at last")
    await index()
    clock.advance(timedelta(days=1))
    await run(db, ask_saved_searches())
    assert await events(db) == ["SavedSearchMatched"]


async def test_what_leaves_and_comes_back_is_no_news(home: Browser, db: Any, index: Index, clock: FixedClock) -> None:
    listing_id = await club(db, "one")
    await index()
    await saved(home)
    for is_published in (False, True):
        await db.execute(text(f"UPDATE listings SET is_published = {is_published} WHERE id = '{listing_id}'"))
        await index()
        clock.advance(timedelta(days=1))
        await run(db, ask_saved_searches())
    assert await events(db) == []


async def test_a_paused_search_is_not_asked_until_its_owner_looks(
    home: Browser, db: Any, index: Index, clock: FixedClock, owner: Member
) -> None:
    await index()
    search_id = await saved(home)
    await home.post(f"/saved-searches/{search_id}/telling", {"telling": "no"})
    await club(db, "two")
    await index()
    clock.advance(timedelta(days=3))
    await run(db, ask_saved_searches())
    assert await events(db) == []
    home = await back(home, owner)
    assert "1 new offer" in (await home.open(f"/saved-searches/{search_id}")).words
    await home.post(f"/saved-searches/{search_id}/open")
    assert "Nothing new" in (await home.open(f"/saved-searches/{search_id}")).words
    await home.post(f"/saved-searches/{search_id}/telling", {"telling": "yes"})
    assert await db.scalar(select(SavedSearch.next_run_at)) == clock.now() + timedelta(days=1)


async def test_a_search_long_not_asked_keeps_its_rhythm(
    home: Browser, db: Any, index: Index, clock: FixedClock
) -> None:
    await index()
    await saved(home, often="weekly")
    due = await db.scalar(select(SavedSearch.next_run_at))
    clock.advance(timedelta(days=30))
    await run(db, ask_saved_searches())
    assert await db.scalar(select(SavedSearch.next_run_at)) == due + timedelta(days=28)


@pytest.mark.parametrize(
    "given",
    [{"name": ""}, {"often": "hourly"}, {"question": "sort=upwards"}, {"question": "q=" + "x" * 300},
     {"question": "page=-1"}, {"question": "&".join("category=x" for _ in range(500))}],
)  # fmt: skip
async def test_a_wrong_form_leaves_nothing(home: Browser, db: Any, index: Index, given: dict[str, str]) -> None:
    await index()
    form = {"question": urlencode(FOOTBALL), "name": "Football", "often": "daily", **given}
    await home.post("/saved-searches", form, expect=422)
    assert [await count(db, table) for table in ("saved_searches", "idempotency_keys")] == [0, 0]
    assert await count(db, "audit_entries", "action LIKE 'providers.%'") == 0
    await home.get("/saved-searches/new?sort=upwards", expect=422)


async def test_sent_twice_it_is_saved_once(home: Browser, db: Any, index: Index) -> None:
    await index()
    for _ in range(2):
        await saved(home, form_id="c" * 32)
    assert await count(db, "saved_searches") == 1


async def test_a_search_of_somebody_else_is_not_there(
    home: Browser, browser: Browser, db: Any, index: Index, owner: Member
) -> None:
    strangers = [
        await browser.signed_in(await make_member(db, Role.BROKER, owner.council)),
        await browser.signed_in((await make_person_member(db, await make_council(db)))[1]),
    ]
    await index()
    search_id = await saved(home)
    for other in strangers:
        await other.get(f"/saved-searches/{search_id}", expect=404)
        for verb in ("open", "telling", "delete"):
            await other.post(f"/saved-searches/{search_id}/{verb}", {"telling": "no"}, expect=404)
    assert await db.scalar(select(SavedSearch.is_telling)) is True
    await home.post(f"/saved-searches/{search_id}/delete")
    assert await count(db, "saved_searches") == 0


async def test_one_search_that_fails_does_not_hold_up_the_others(
    home: Browser, db: Any, index: Index, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marketplace.providers.service.saved_searches import SavedSearchService

    await index()
    for name in ("bad", "good"):
        form = {"question": urlencode(FOOTBALL), "name": name, "often": "daily"}
        await home.post("/saved-searches", form)
    await club(db, "two")
    await index()
    asked = SavedSearchService.ask_again

    async def ask(service: Any, row: SavedSearch) -> int:
        if row.name == "bad":
            raise RuntimeError("broken")
        return await asked(service, row)

    monkeypatch.setattr(SavedSearchService, "ask_again", ask)
    clock.advance(timedelta(days=1))
    await run(db, ask_saved_searches())
    assert await events(db) == ["SavedSearchMatched"]


def test_a_question_goes_into_a_row_and_back() -> None:
    query = read_parameters(urlencode([*FOOTBALL.items(), ("suits", "Dementia"), ("suits", "Autism")]))
    assert read_parameters(urlencode(parameters(query), doseq=True)) == query
    assert read_parameters("") == MarketQuery()


async def test_a_link_is_sent_once_to_somebody_without_an_account(
    browser: Browser, db: Any, owner: Member, mailbox: Any
) -> None:
    home = await browser.signed_in(owner)
    row = await make_saved_list(db, owner)
    form = {"shared_with": "My sister", "may": "look", "email": "Sister@Example.com", "until-day": "31",
            "until-month": "3", "until-year": "2027"}  # fmt: skip
    await home.post(f"/shortlists/{row.id}/share", form)
    assert await events(db) == ["SavedListShared"]
    share_id = await db.scalar(select(SavedListShare.id))
    event = SavedListShared(council_id=row.council_id, share_id=share_id)
    await run(db, send_list_link(new_id(), event))
    await run(db, send_list_link(new_id(), event))
    assert [(mail.to_address, mail.subject) for mail in mailbox.envelopes] == [
        ("sister@example.com", "A shortlist has been shared with you")
    ]
    link = next(line for line in mailbox.envelopes[0].body.splitlines() if "/shared/" in line)
    await browser.open(link.removeprefix("http://testserver"))
    assert "/shared/" not in await db.scalar(text("SELECT body FROM messages"))


async def test_a_link_stopped_before_it_is_sent_is_not_sent(
    browser: Browser, db: Any, owner: Member, mailbox: Any
) -> None:
    row = await make_saved_list(db, owner)
    share = SavedListShare(council_id=row.council_id, list_id=row.id, shared_with="x", email="sister@example.com",
                           token_hash=b"x", expires_on=row.created_at.date() + timedelta(days=9),
                           created_at=row.created_at, revoked_at=row.created_at)  # fmt: skip
    db.add(share)
    await db.flush()
    await run(db, send_list_link(new_id(), SavedListShared(council_id=row.council_id, share_id=share.id)))
    assert mailbox.envelopes == []
