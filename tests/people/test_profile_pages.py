"""The pages of the one page profile: written on a phone, read by the council, printed, in Easy Read."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.people.circles import MOST_NAMES, RADII, spots
from marketplace.people.models import PartOfDay, ProfileTool
from marketplace.people.profile_words import SYMBOLS, TOOLS, tool_path
from tests.browser import Browser, count
from tests.factories import make_council, make_member, make_person, make_person_member
from tests.factories_bookings import loose
from tests.factories_profile import make_entry
from tests.files_corpus import picture, saved
from tests.web.page_checks import words

ROOT = Path(__file__).resolve().parents[2]
DOG = saved(picture(), "PNG")


def test_every_picture_of_ours_is_drawn() -> None:
    source = (ROOT / "templates/people/_symbols.html").read_text()
    assert all(f'name == "{name}"' in source for name in SYMBOLS)
    used = {tool.symbol for tool in TOOLS.values()} | {one.symbol for tool in TOOLS.values() for one in tool.prompts}
    assert used <= set(SYMBOLS)


@pytest.mark.parametrize("tool", list(ProfileTool))
async def test_every_tool_takes_a_thing_and_shows_it(browser: Browser, db: AsyncSession, tool: ProfileTool) -> None:
    _, member = await make_person_member(db, await make_council(db))
    mine = await browser.signed_in(member)
    path = f"/profile/tools/{tool_path(tool)}"
    page = await mine.open(path)
    assert page.heading == TOOLS[tool].title
    assert page.title.startswith(page.heading)
    form = {"words": "Something of mine", "weekday": "2", "part_of_day": "evening", "circle": "1", "symbol": "dog"}
    await mine.post(path, form, expect=303)
    page = await mine.open(path)
    assert "Something of mine" in page.words
    for whole in ("/profile/page", "/profile/easy-read"):
        assert "Something of mine" in (await mine.open(whole)).words
    assert await count(db, "audit_entries", "action = 'people.add_profile_entry'") == 1


async def test_a_wrong_entry_keeps_what_was_typed(browser: Browser, db: AsyncSession) -> None:
    _, member = await make_person_member(db, await make_council(db))
    mine = await browser.signed_in(member)
    page = await mine.post("/profile/tools/week", {"words": "I swim", "part_of_day": "noon"}, expect=422)
    assert set(page.errors()) == {"weekday", "part_of_day"}
    assert page.field("words") == "I swim"
    assert await count(db, "profile_entries") == 0
    page = await mine.post("/profile/tools/wishes", {"words": "x" * 301}, expect=422)
    assert page.errors() == {"words": "Some words must be 300 characters or fewer"}


async def test_a_thing_is_changed_moved_and_taken_away(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_person_member(db, await make_council(db))
    await make_entry(db, person, ProfileTool.WISHES, "The sea")
    row = await make_entry(db, person, ProfileTool.WISHES, "A cat")
    mine = await browser.signed_in(member)
    path = f"/profile/tools/wishes/{row.id}"
    page = await mine.open(path)
    assert page.field("words") == "A cat"
    await mine.post(path, {"words": "A dog", "version": page.field("version")}, expect=303)
    assert (await mine.post(path, {"words": "Late", "version": "1"}, expect=409)).title.startswith("Somebody else")
    await mine.post(f"{path}/up", {}, expect=303)
    seen = (await mine.open("/profile/tools/wishes")).words
    assert seen.index("A dog") < seen.index("The sea")
    await db.refresh(row)
    await mine.post(f"{path}/remove", {"version": str(row.version)}, expect=303)
    assert "A dog" not in (await mine.open("/profile/tools/wishes")).words
    assert await count(db, "profile_entries") == 1


async def test_a_form_sent_twice_adds_one_thing(browser: Browser, db: AsyncSession) -> None:
    _, member = await make_person_member(db, await make_council(db))
    mine = await browser.signed_in(member)
    form = {"words": "My garden", "form_id": "a" * 32}
    first = await mine.post("/profile/tools/important", form, expect=303)
    again = await mine.post("/profile/tools/important", form, expect=303)
    assert first.location == again.location
    assert await count(db, "profile_entries") == 1


async def test_people_are_drawn_in_circles_with_a_table(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_person_member(db, await make_council(db))
    await make_entry(db, person, ProfileTool.PEOPLE, "Lee Long", circle=4, relation="helper")
    await make_entry(db, person, ProfileTool.PEOPLE, "Sue", circle=1, relation="sister")
    page = await (await browser.signed_in(member)).open("/profile/tools/people")
    assert page.text.count("cm-circles__spot") == 2
    rows = [[words(cell) for cell in row] for row in page.tree.iter("tr")]
    assert rows[1:] == [
        ["1", "Sue", "sister", "Closest to me"],
        ["2", "Lee Long", "helper", "People who are paid to help me"],
    ]


async def test_a_crowded_ring_is_drawn_with_numbers_alone(db: AsyncSession) -> None:
    person = await make_person(db, await make_council(db))
    rows = [await make_entry(db, person, ProfileTool.PEOPLE, f"Name {n}", circle=1) for n in range(MOST_NAMES[1] + 1)]
    drawn = spots(rows)
    assert [spot.number for spot in drawn] == [1, 2, 3, 4, 5]
    assert all(spot.name == "" for spot in drawn)
    assert all(abs(spot.x - 160) <= RADII[1] and abs(spot.y - 160) <= RADII[1] for spot in drawn)
    assert spots(rows[:1])[0].name == "Name"
    rows[0].words = "Mrs. Featherstone-Smith"
    assert spots(rows[:1])[0].name == "Feathers…"


async def test_the_council_reads_what_is_shared_and_nobody_else_does(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_person_member(db, await make_council(db))
    await make_entry(db, person, words="My dog")
    await make_entry(db, person, words="A secret", is_private=True)
    await make_entry(db, person, ProfileTool.WEEK, "I swim", weekday=1, part_of_day=PartOfDay.MORNING)
    worker = await make_member(db, Role.SOCIAL_WORKER, member.council)
    elsewhere = await make_member(db, Role.SOCIAL_WORKER, await make_council(db))
    theirs, staff, far = [await browser.signed_in(one) for one in (member, worker, elsewhere)]
    loose(db, person)
    page = await staff.open(f"/people/{person.id}/profile")
    assert "My dog" in page.words
    assert "I swim" in page.words
    assert "A secret" not in page.words
    assert await count(db, "audit_entries", "action = 'people.read_profile'") == 1
    assert "A secret" not in (await theirs.open("/profile/page")).words
    assert "A secret Only you" in (await theirs.open("/profile/tools/important")).words
    await far.open(f"/people/{person.id}/profile", expect=404)


async def test_a_picture_of_ones_own_is_kept_shown_and_deleted(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_person_member(db, await make_council(db))
    worker = await make_member(db, Role.SOCIAL_WORKER, member.council)
    _, neighbour = await make_person_member(db, member.council)
    loose(db, person, *(row for one in (member, worker, neighbour) for row in (one.user, one.membership)))
    loose(db, member.council)
    mine = await browser.signed_in(member)
    path = "/profile/tools/important"
    page = await mine.post(path, {"words": "My dog"}, files={"picture": ("notes.png", b"no picture")}, expect=422)
    assert set(page.errors()) == {"picture"}
    assert await count(db, "profile_entries") == 0
    page = await mine.post(path, {"words": ""}, files={"picture": ("dog.png", DOG)}, expect=422)
    assert page.errors()["picture"] == "Choose your file again: it was not kept"
    await mine.post(path, {"words": "My dog"}, files={"picture": ("dog.png", DOG)}, expect=303)
    address = (await mine.open(path)).text.split('src="/profile/pictures/')[1].split('"')[0]
    assert (await mine.get(f"/profile/pictures/{address}")).response.headers["content-type"] == "image/png"
    staff = await browser.signed_in(worker)
    await staff.get(f"/people/{person.id}/profile/pictures/{address}")
    await (await browser.signed_in(neighbour)).open(f"/profile/pictures/{address}", expect=404)
    mine = await browser.signed_in(member)
    await mine.post(f"{path}/{address}", {"words": "My dog", "drops_picture": "yes", "version": "1"}, expect=303)
    assert await count(db, "file_contents") == 0
