"""The demo: loaded once, consistent to the penny, and nobody in it is real."""


from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.browser import count
from tests.reporting.conftest import Loaded


async def scalars(db: AsyncSession, question: str) -> list[object]:
    """Return the first column of a question's answer."""
    return list((await db.scalars(text(question))).all())


async def test_it_fills_three_councils_with_people_providers_and_history(demo: Loaded, db: AsyncSession) -> None:
    assert demo.report.created
    assert await count(db, "councils") == 3
    assert 55 <= await count(db, "organisations", "is_example") <= 90
    assert await count(db, "listings", "is_published") >= 90
    assert 38 <= await count(db, "workers", "kind = 'planner'") <= 48
    assert await count(db, "people", "is_example") >= 195
    assert await count(db, "referrals") >= 180
    assert demo.seconds < 60
