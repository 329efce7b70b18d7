"""The demo's free hours of care: weeks for one, weeks for two, weeks for nobody; every page about them opens."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import scope_to
from marketplace.matching.service.care.together import TogetherService
from tests.browser import Browser
from tests.reporting.conftest import Loaded
from tests.reporting.test_demo_applications import member

COUNCILS = ("lancashire", "doncaster", "derby")


@pytest.mark.parametrize("slug", COUNCILS)
async def test_the_pages_of_hours_have_something_to_say(
    demo: Loaded, browser: Browser, db: AsyncSession, slug: str
) -> None:
    broker = await member(db, f"broker@{slug}.example")
    principal = broker.principal
    await scope_to(db, "every")
    ids = list(
        await db.scalars(
            text(
                "SELECT r.id FROM requirements r JOIN councils c ON c.id = r.council_id "
                "WHERE c.slug = :slug AND r.status IN ('draft', 'open', 'no_offers') ORDER BY r.reference"
            ),
            {"slug": slug},
        )
    )
    plan = await TogetherService(db).plan(principal)
    assert plan.is_worked_out
    assert 0 < len(plan.placed) < len(plan.lines)
    staff = await browser.signed_in(broker)
    pages = [(await staff.open(f"/requirements/{row_id}/fit")).words for row_id in ids]
    assert any("Shared by two" in words for words in pages)
    assert any("Visits that nobody can take" in words for words in pages)
    assert "could take it" in (await staff.open("/requirements/plan?work=yes")).words or plan.placed


@pytest.mark.parametrize("slug", COUNCILS)
async def test_who_signs_in_as_a_provider_sees_its_hours(
    demo: Loaded, browser: Browser, db: AsyncSession, slug: str
) -> None:
    provider = await browser.signed_in(await member(db, f"provider@{slug}.example"))
    page = await provider.open("/provider/care-hours")
    assert "Free hours of care" in page.words
    assert "Free now" in page.words or "You have not said yet" in page.words
