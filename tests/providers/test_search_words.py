"""Council staff keep the words that search takes to mean the same."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of, scope_to
from marketplace.providers.models import SynonymGroup
from marketplace.providers.service.market_index import rebuild_index, use_search
from marketplace.providers.service.synonyms import GroupForm, SynonymService
from marketplace.providers.tasks.index import index_synonyms
from search import ListingDocument
from tests.browser import Browser, count, events
from tests.factories import make_council, make_listing, make_member, make_organisation
from tests.factories_market import open_index, searching

PHRASES = "warm space\nwarm hub\ncosy corner"


async def make_group(db: Any, council: Any, phrases: Sequence[str], **given: Any) -> SynonymGroup:
    """A group of a council."""
    values = {"council_id": council.id, "phrases": list(phrases), "updated_at": clock_of(db).now()}
    group = SynonymGroup(**{**values, **given})
    db.add(group)
    await db.flush()
    return group


class Rebuilt:
    """A search engine that notes the groups it is rebuilt with."""

    groups: Sequence[Sequence[str]] | None = None

    def rebuild(self, documents: Iterable[ListingDocument], groups: Sequence[Sequence[str]] | None = None) -> int:
        """See `SearchBackend.rebuild`."""
        self.groups = groups
        return len(list(documents))


@pytest.mark.parametrize("role", [Role.ACCREDITOR, Role.ADMIN])
async def test_staff_add_a_group_and_everybody_hears_of_it(browser: Browser, db: Any, role: Role) -> None:
    member = await make_member(db, role)
    reader = await browser.signed_in(member)
    page = await reader.open("/search-words")
    assert "No groups of your own yet" in page.words
    assert "chiropodist, chiropody" in page.words
    assert page.link(r"^/search-words/new$")
    await reader.open("/search-words/new")
    await reader.post("/search-words", {"phrases": PHRASES, "note": "Winter", "version": "0"}, expect=303)
    assert await count(db, "synonym_groups", "phrases = '{warm space,warm hub,cosy corner}' AND NOT is_off") == 1
    assert await count(db, "audit_entries", "action = 'providers.add_synonyms'") == 1
    assert await events(db) == ["SynonymsChanged"]
    listed = await reader.open("/search-words")
    assert "warm space, warm hub, cosy corner" in listed.words
    assert "In use" in listed.words


@pytest.mark.parametrize(
    ("phrases", "message"),
    [
        ("", "Enter the words that mean the same, one on each line"),
        ("hoist", "Enter two words or phrases or more that differ, one on each line"),
        ("hoist\nHoists\n hoist ", "Enter two words or phrases or more that differ, one on each line"),
        ("\n".join(f"word{n}x" for n in range(13)), "Enter 12 words or phrases or fewer"),
        (f"hoist\n{'x' * 61}", "must be 60 characters or fewer"),
        ("hoist\nfor the of", "has only small words"),
        ("hoist\n!!!", "must hold a letter or a number"),
        ("hoist\na b c d e f g", "must be 6 words or fewer"),
        ("hoist\x07\nlift", "must not hold control characters"),
        ("x" * 5_000, "must be 2,000 characters or fewer"),
    ],
)
async def test_a_wrong_group_is_refused_and_kept(browser: Browser, db: Any, phrases: str, message: str) -> None:
    reader = await browser.signed_in(await make_member(db, Role.ACCREDITOR))
    page = await reader.post("/search-words", {"phrases": phrases, "note": "n", "version": "0"}, expect=422)
    page.check()
    assert message in page.errors()["phrases"]
    assert page.field("note") == "n"
    assert await count(db, "synonym_groups") == 0
    assert await events(db) == []


async def test_commas_part_phrases_and_repetitions_go() -> None:
    form = GroupForm.read({"phrases": "lunch club,  luncheon   club\nLunch Clubs", "note": ""})
    assert form.phrases == ("lunch club", "luncheon club")


async def test_a_group_is_changed_switched_off_and_removed(browser: Browser, db: Any) -> None:
    member = await make_member(db, Role.ACCREDITOR)
    group = await make_group(db, member.council, ["warm space", "warm hub"])
    reader = await browser.signed_in(member)
    address = f"/search-words/{group.id}"
    page = await reader.open(address)
    assert page.field("phrases") == "warm space\nwarm hub"
    await reader.post(address, {"phrases": PHRASES, "note": "", "version": "1"}, expect=303)
    assert await count(db, "synonym_groups", "'cosy corner' = ANY (phrases) AND version = 2") == 1
    await reader.post(f"{address}/switch", {"off": "yes", "version": "2"}, expect=303)
    assert await count(db, "synonym_groups", "is_off") == 1
    assert "Switched off" in (await reader.open("/search-words")).words
    await reader.post(f"{address}/switch", {"off": "no", "version": "3"}, expect=303)
    page = await reader.open(f"{address}/remove")
    assert "warm space, warm hub, cosy corner" in page.words
    await reader.post(f"{address}/remove", {"version": "4"}, expect=303)
    assert await count(db, "synonym_groups") == 0
    assert await events(db) == ["SynonymsChanged"] * 4
    assert await count(db, "audit_entries", "subject_kind = 'synonym_group'") == 4
    await reader.get(address, expect=404)


async def test_a_change_of_the_note_alone_rebuilds_nothing(browser: Browser, db: Any) -> None:
    member = await make_member(db, Role.ACCREDITOR)
    group = await make_group(db, member.council, ["warm space", "warm hub"])
    reader = await browser.signed_in(member)
    form = {"phrases": "warm space\nwarm hub", "note": "Asked for by the library", "version": "1"}
    await reader.post(f"/search-words/{group.id}", form, expect=303)
    assert await count(db, "audit_entries", "action = 'providers.change_synonyms'") == 1
    assert await events(db) == []


@pytest.mark.parametrize("path", ["", "/switch", "/remove"])
async def test_a_group_changed_by_somebody_else_is_not_overwritten(browser: Browser, db: Any, path: str) -> None:
    member = await make_member(db, Role.ACCREDITOR)
    group = await make_group(db, member.council, ["warm space", "warm hub"])
    address = f"/search-words/{group.id}"
    reader = await browser.signed_in(member)
    await reader.post(address, {"phrases": PHRASES, "version": "1"}, expect=303)
    form = {"phrases": "a1\nb2", "off": "yes", "version": "1"}
    page = await reader.post(f"{address}{path}", form, expect=409)
    assert "Somebody else changed this group" in page.words
    assert await count(db, "synonym_groups", "'cosy corner' = ANY (phrases) AND NOT is_off") == 1


async def test_another_council_cannot_touch_a_group(browser: Browser, db: Any) -> None:
    group = await make_group(db, await make_council(db), ["warm space", "warm hub"])
    address = f"/search-words/{group.id}"
    reader = await browser.signed_in(await make_member(db, Role.ACCREDITOR))
    for path in ("", "/remove"):
        await reader.get(f"{address}{path}", expect=404)
        await reader.post(f"{address}{path}", {"phrases": PHRASES, "version": "1"}, expect=404)
    await reader.post(f"{address}/switch", {"off": "yes", "version": "1"}, expect=404)
    await reader.get(f"/search-words/{uuid4()}", expect=404)
    await reader.get("/search-words/nonsense", expect=404)
    assert await count(db, "synonym_groups", "NOT is_off AND version = 1") == 1


@pytest.mark.parametrize("role", [Role.SOCIAL_WORKER, Role.PERSON, Role.PROVIDER])
async def test_others_may_not_see_the_page(browser: Browser, db: Any, role: Role) -> None:
    reader = await browser.signed_in(await make_member(db, role))
    await reader.get("/search-words", expect=403)


async def test_a_phrase_that_stands_in_another_group_is_named(browser: Browser, db: Any) -> None:
    member = await make_member(db, Role.ACCREDITOR)
    await make_group(db, member.council, ["hoists", "lifting frame"])
    other = await make_group(db, await make_council(db), ["lifting frame", "cradle"])
    reader = await browser.signed_in(member)
    page = await reader.open("/search-words")
    assert "“hoists” also stands in a group that is built in, so it finds moving and handling" in page.words
    assert "“lifting frame” also stands in a group of another council, so it finds cradle too" in page.words
    other.is_off = True
    await db.flush()
    assert "another council" not in (await reader.open("/search-words")).words


async def test_a_word_can_be_tried(browser: Browser, db: Any, maker: Any, settings: Any, tmp_path: Path) -> None:
    member = await make_member(db, Role.ACCREDITOR)
    await make_listing(db, await make_organisation(db), title="Thursday cosy corner", summary="Come in and warm up.")
    await make_group(db, member.council, ["warm hub", "cosy corner"])
    reader = await searching(browser, maker, settings, open_index(tmp_path))
    await scope_to(db, "every")
    reader = await reader.signed_in(member)
    page = await reader.open("/search-words?word=warm+hub")
    assert "Also looks for: cosy corner." in page.words
    assert "Thursday cosy corner" in page.words
    page = await reader.open("/search-words?word=chiropodist")
    assert "Built-in groups with a word of it" in page.words
    page = await reader.open("/search-words?word=zzzqqqxxx")
    assert "It is in no group" in page.words
    assert "Nothing on the market" in page.words
    for word in ("%00", "%F0%9F%98%80", "%22AND(", "%E2%80%AEabc"):
        answer = await reader.get(f"/search-words?word={word}", expect=None)
        assert answer.status in (200, 400, 422), word
    page = await reader.get("/search-words?word=" + "a" * 500, expect=422)
    page.check()
    assert "word" in page.errors()


async def test_a_change_rebuilds_the_index_with_the_groups_of_all_councils(db: Any, maker: Any) -> None:
    await make_group(db, await make_council(db), ["warm space", "warm hub"])
    await make_group(db, await make_council(db), ["cuddle", "hug"])
    await make_group(db, await make_council(db), ["not", "used"], is_off=True)
    engine: Any = Rebuilt()
    await rebuild_index(engine, maker)
    assert sorted(map(tuple, engine.groups)) == [("cuddle", "hug"), ("warm space", "warm hub")]


async def test_the_task_makes_the_index_anew(db: Any, maker: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from marketplace.providers.events import SynonymsChanged
    from marketplace.providers.tasks import index as tasks

    council = await make_council(db)
    await make_group(db, council, ["warm hub", "cosy corner"])
    await make_listing(db, await make_organisation(db), title="Thursday cosy corner")
    search = open_index(tmp_path)
    use_search(search)
    monkeypatch.setattr(tasks, "session_maker", lambda: maker)
    try:
        await index_synonyms(uuid4(), SynonymsChanged(council_id=council.id))
    finally:
        use_search(None)
    assert await search.count() == 1


async def test_a_trial_says_what_else_is_looked_for(db: Any) -> None:
    await make_group(db, await make_council(db), ["warm hub", "cosy corner"])
    trial = await SynonymService(db).trial("the warm hubs for soccer")
    assert "cosy corner" in trial.also
    assert "football" in trial.also
