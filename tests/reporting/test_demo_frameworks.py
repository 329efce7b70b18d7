"""The demo's frameworks: sealed as they were published, rounds in every state on any day of the year."""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import Framework, FrameworkQuestion, Organisation, Round
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.checks import checks_of, is_ready, weights_of
from marketplace.providers.service.frameworks.publishing import content_hash
from marketplace.providers.service.frameworks.questions import names_in
from marketplace.providers.service.frameworks.rounds import round_state
from marketplace.providers.states import FrameworkVersionStatus
from marketplace.reporting.demo.content.frameworks_lancashire import frameworks
from tests.browser import Browser
from tests.conftest import NOW
from tests.reporting.conftest import Loaded

LANCASHIRE = "/frameworks/lancashire/care-and-support-at-home"
DONCASTER = "/frameworks/doncaster/support-planning-and-money-management"


async def test_published_versions_are_complete_and_sealed(demo: Loaded, db: AsyncSession) -> None:
    repository = FrameworkRepository(db)
    published = 0
    for framework in (await db.scalars(select(Framework))).all():
        for version in await repository.versions.of_framework(framework.id):
            lots, criteria = await repository.lots(version.id), await repository.criteria(version.id)
            assert all(one.is_right for one in weights_of(lots, criteria)), (framework.slug, version.number)
            if version.status is FrameworkVersionStatus.PUBLISHED:
                published += 1
                checks = checks_of(version, lots, criteria)
                assert is_ready(checks), (framework.slug, version.number)
                assert all(check.is_done for check in checks), (
                    framework.slug,
                    [c.title for c in checks if not c.is_done],
                )
                assert version.content_hash == content_hash(version, lots, criteria)
    assert published == 7


async def test_rounds_are_in_every_state_and_use_what_was_published_before(demo: Loaded, db: AsyncSession) -> None:
    repository = FrameworkRepository(db)
    rounds = (await db.scalars(select(Round))).all()
    assert {round_state(row, NOW) for row in rounds} == {"coming", "open", "late", "closed", "cancelled"}
    for row in rounds:
        version = await repository.version(row.version_id)
        assert version.published_at is not None
        assert version.published_at < row.opens_at
        assert row.opens_at <= row.questions_until <= row.closes_at
        assert row.decides_on <= row.starts_on


async def test_no_published_question_says_who_asked(demo: Loaded, db: AsyncSession) -> None:
    rows = await db.execute(
        select(FrameworkQuestion, Organisation).join(Organisation, Organisation.id == FrameworkQuestion.organisation_id)
    )
    found = [(row[0], row[1]) for row in rows]
    assert any(question.published_at is None for question, _ in found)
    for question, organisation in found:
        words = f"{question.published_question} {question.answer}"
        assert names_in(words, organisation) == []
        assert organisation.name.split()[0] not in words.split()


async def test_everybody_can_read_them(demo: Loaded, browser: Browser) -> None:
    page = await browser.open("/frameworks")
    assert "Care and support at home" in page.words
    care = await browser.open(LANCASHIRE)
    assert "Lot 1a: Short term care at home" in care.words
    assert "The NHS in Lancashire and South Cumbria" in care.words
    assert "No. You say in your application where you work" in care.words
    planning = await browser.open(DONCASTER)
    assert "Third market event" in planning.words
    for path in (f"{DONCASTER}/versions/1", f"{DONCASTER}/versions/3/changes", f"{LANCASHIRE}/versions/2/changes"):
        await browser.open(path)
    await browser.open("/frameworks/derby/personal-assistants")
    await browser.get("/frameworks/derby/personal-assistants/versions/2", expect=404)


def test_lancashires_rounds_follow_each_other_on_any_day() -> None:
    for number in range(800):
        today = date(2026, 1, 1) + timedelta(days=number)
        purchasing, _ = frameworks(today)
        closed, current = purchasing.rounds
        assert closed.opens < closed.closes < 0 <= current.closes, today
        assert current.opens <= 0, today
        for row in (closed, current):
            assert row.opens < row.questions_until < row.closes < row.decides < row.starts, today
            assert row.reopens is None or row.reopens > row.closes, today
        first, second = purchasing.versions
        assert first.published is not None
        assert second.published is not None
        assert first.published < second.published < current.opens, today
