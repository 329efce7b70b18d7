"""The sections of a plan: where each stands, what is kept when it is written anew."""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.plans.models import PlanVersion
from marketplace.plans.repository.sections import MOST_EARLIER, SectionRepository, Writing
from marketplace.plans.sections import COLUMNS, KEYS, SECTIONS, Place, only_known, print_of
from tests.factories_plans import PlanWorld, make_plan, make_version


def test_every_section_stands_where_the_list_says() -> None:
    assert len(set(KEYS)) == len(SECTIONS)
    assert set(COLUMNS) <= {column.key for column in PlanVersion.__table__.columns}
    assert [section.key for section in SECTIONS if section.place is Place.ITEMS] == ["outcomes"]


def test_unknown_keys_are_left_out_and_the_order_is_the_plans() -> None:
    assert only_known(["week", "about_me", "nonsense", "week"]) == ["about_me", "week"]


def test_the_fingerprint_follows_the_words_alone() -> None:
    assert print_of("a") == print_of("a") != print_of("b")
    assert len(print_of("")) == 32


async def test_columns_rows_and_outcomes_are_read_alike(db: AsyncSession, world: PlanWorld) -> None:
    _, version = await make_plan(db, world)
    sections = SectionRepository(db)
    await sections.write(version, "week", "Monday: swimming", Writing(clock_of(db).now(), "Ada"))
    words = {text.section.key: text.words for text in await sections.texts(version)}
    assert list(words) == list(KEYS)
    assert words["about_me"] == "I am Ada and I love my garden."
    assert words["week"] == "Monday: swimming"
    assert words["outcomes"].startswith("Get to the allotment\nA lift on Fridays\nWho helps: A community group")
    assert words["choices"] == ""


async def test_what_is_replaced_is_kept_with_its_author(db: AsyncSession, world: PlanWorld) -> None:
    _, version = await make_plan(db, world)
    sections, now = SectionRepository(db), clock_of(db).now()
    await sections.write(version, "risks", "First", Writing(now, "Ada"))
    row = await sections.write(version, "risks", "Second", Writing(now, "Sam", was_clash=True))
    assert version.risks == "Second"
    assert (row.words, row.author) == ("", "Sam")
    assert [(one["words"], one["author"], one["clash"]) for one in row.earlier] == [
        ("First", "Ada", True),
        ("Falls: the neighbour has a key.", "", False),
    ]
    for number in range(MOST_EARLIER + 5):
        row = await sections.write(version, "risks", f"Text {number}", Writing(now))
    assert len(row.earlier) == MOST_EARLIER


async def test_writing_the_same_words_again_keeps_nothing_twice(db: AsyncSession, world: PlanWorld) -> None:
    _, version = await make_plan(db, world)
    sections, now = SectionRepository(db), clock_of(db).now()
    await sections.write(version, "week", "Monday", Writing(now))
    assert (await sections.write(version, "week", "Monday", Writing(now))).earlier == []
    assert await sections.write_all(version, {"week": "Monday", "risks": "New"}, Writing(now)) == ["risks"]


async def test_the_next_version_takes_the_sections_along(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world)
    sections, now = SectionRepository(db), clock_of(db).now()
    await sections.write(version, "week", "Monday", Writing(now, source="profile"))
    newer = await make_version(db, world, plan, 2, version.status)
    await sections.copy(version.id, newer)
    rows = await sections.rows(newer.id)
    assert {key: (row.words, row.source, row.earlier) for key, row in rows.items()} == {
        "week": ("Monday", "profile", [])
    }
