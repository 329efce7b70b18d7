"""The tools of the one page profile: rules, walls and what becomes part of a plan."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from marketplace.people.errors import EnoughEntries, RecordChanged
from marketplace.people.models import PartOfDay, Person, ProfileTool
from marketplace.people.profile import MOST_ENTRIES, ProfileService, in_order, profile_sections
from marketplace.people.profile_forms import EntryForm
from marketplace.people.profile_words import TOOLS, tool_of, tool_path
from tests.browser import count
from tests.factories import Member, make_council, make_member, make_person_member
from tests.factories_profile import make_entry


def form(tool: ProfileTool = ProfileTool.IMPORTANT, **given: str) -> EntryForm:
    return EntryForm.read({"words": "My dog", **given}, tool)


async def the_pair(db: AsyncSession) -> tuple[Person, Member, Member]:
    """A person, their own account, and somebody who acts for them."""
    person, member = await make_person_member(db, await make_council(db))
    helper = await make_member(
        db, Role.REPRESENTATIVE, member.council, person_id=person.id, acting_for_name=person.name
    )
    return person, member, helper


def test_every_tool_has_words_and_an_address_of_its_own() -> None:
    assert set(TOOLS) == set(ProfileTool)
    assert all(tool_of(tool_path(tool)) is tool for tool in ProfileTool)
    assert tool_of("nothing") is None


@pytest.mark.parametrize(
    ("tool", "typed", "fields"),
    [
        (ProfileTool.IMPORTANT, {"words": ""}, {"words"}),
        (ProfileTool.IMPORTANT, {"words": "a" * 301}, {"words"}),
        (ProfileTool.IMPORTANT, {"symbol": "rocket"}, {"symbol"}),
        (ProfileTool.WEEK, {}, {"weekday", "part_of_day"}),
        (ProfileTool.WEEK, {"weekday": "7", "part_of_day": "noon"}, {"weekday", "part_of_day"}),
        (ProfileTool.PEOPLE, {"circle": "5", "relation": "a" * 61}, {"circle", "relation"}),
        (ProfileTool.PEOPLE, {"words": "x\x00y", "circle": "1"}, {"words"}),
    ],
)
def test_a_wrong_entry_is_told_field_by_field(tool: ProfileTool, typed: dict[str, str], fields: set[str]) -> None:
    with pytest.raises(InvalidInput) as wrong:
        form(tool, **typed)
    assert set(wrong.value.fields) == fields


async def test_sections_hold_old_texts_and_entries_but_nothing_private(db: AsyncSession) -> None:
    person, _, _ = await the_pair(db)
    person.important_to_me = "Sunday lunch"
    await make_entry(db, person, words="My dog")
    await make_entry(db, person, words="A secret", is_private=True)
    await make_entry(db, person, ProfileTool.WEEK, "I swim", weekday=1, part_of_day=PartOfDay.EVENING)
    await make_entry(db, person, ProfileTool.WEEK, "I shop", weekday=1, part_of_day=PartOfDay.MORNING)
    await make_entry(db, person, ProfileTool.PEOPLE, "Lee", circle=4, relation="helper")
    await make_entry(db, person, ProfileTool.PEOPLE, "Sue", circle=1)
    sections = await profile_sections(db, person.council_id, person.id)
    assert sections["important"] == "Sunday lunch\nMy dog"
    assert sections["week"] == "Tuesday morning: I shop\nTuesday evening: I swim"
    assert sections["people"] == "Sue\nLee (helper)"
    assert list(sections) == [tool.value for tool in TOOLS if tool.value in sections]
    assert "wishes" not in sections
    other = await make_council(db)
    assert await profile_sections(db, other.id, person.id) == {}


async def test_entries_are_added_changed_moved_and_removed(db: AsyncSession) -> None:
    _, member, _ = await the_pair(db)
    service, principal = ProfileService(db), member.principal
    first = await service.add(principal, ProfileTool.WISHES, form(words="The sea", symbol="sun"))
    second = await service.add(principal, ProfileTool.WISHES, form(words="A cat"))
    await service.move(principal, second.id, up=True)
    await service.move(principal, second.id, up=True)
    assert [row.words for row in in_order(await service.own(principal), ProfileTool.WISHES)] == ["A cat", "The sea"]
    await service.change(principal, first.id, form(words="The hills", version=str(first.version)))
    with pytest.raises(RecordChanged):
        await service.change(principal, first.id, form(words="Late", version="1"))
    assert await service.remove(principal, second.id, second.version) is ProfileTool.WISHES
    assert [row.words for row in await service.own(principal)] == ["The hills"]
    assert await count(db, "audit_entries", "action LIKE 'people.%profile_entry'") == 5
    assert await count(db, "audit_entries", "after::text LIKE '%hills%' OR before::text LIKE '%hills%'") == 0


async def test_an_order_of_its_own_is_not_moved(db: AsyncSession) -> None:
    person, member, _ = await the_pair(db)
    row = await make_entry(db, person, ProfileTool.PEOPLE, "Sue", circle=1)
    with pytest.raises(Conflict):
        await ProfileService(db).move(member.principal, row.id, up=True)


async def test_a_full_list_takes_no_more(db: AsyncSession) -> None:
    person, member, _ = await the_pair(db)
    for number in range(MOST_ENTRIES):
        await make_entry(db, person, words=f"Thing {number}")
    with pytest.raises(EnoughEntries):
        await ProfileService(db).add(member.principal, ProfileTool.IMPORTANT, form())
    await ProfileService(db).add(member.principal, ProfileTool.WISHES, form())


async def test_private_things_are_seen_by_the_person_alone(db: AsyncSession) -> None:
    person, member, helper = await the_pair(db)
    worker = await make_member(db, Role.SOCIAL_WORKER, member.council)
    row = await make_entry(db, person, words="A secret", is_private=True)
    service = ProfileService(db)
    assert [found.id for found in await service.own(member.principal)] == [row.id]
    assert await service.own(helper.principal) == []
    with pytest.raises(NotFound):
        await service.entry(helper.principal, row.id)
    _, seen = await service.seen_by_council(worker.principal, person.id)
    assert seen == []
    added = await service.add(helper.principal, ProfileTool.IMPORTANT, form(is_private="yes"))
    assert not added.is_private


async def test_a_stranger_another_council_and_a_provider_get_nothing(db: AsyncSession) -> None:
    person, member, _ = await the_pair(db)
    row = await make_entry(db, person)
    _, neighbour = await make_person_member(db, member.council)
    far_away = await make_member(db, Role.SOCIAL_WORKER)
    provider = await make_member(db, Role.PROVIDER, member.council)
    service = ProfileService(db)
    with pytest.raises(NotFound):
        await service.change(neighbour.principal, row.id, form(version="1"))
    with pytest.raises(NotFound):
        await service.seen_by_council(far_away.principal, person.id)
    refusals: list[Any] = [
        service.seen_by_council(provider.principal, person.id),
        service.add(provider.principal, ProfileTool.WISHES, form()),
    ]
    for refused in refusals:
        with pytest.raises(Forbidden):
            await refused
    assert row.words == "My dog"
