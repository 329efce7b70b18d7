"""The demo: loaded once, consistent to the penny, and nobody in it is real."""

import re

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import make_session_maker
from marketplace.core.states import LIFECYCLES
from marketplace.core.tables import METADATA
from marketplace.reporting.demo import load_demo
from tests.browser import count
from tests.conftest import NOW
from tests.reporting.conftest import Loaded


async def scalars(db: AsyncSession, question: str) -> list[object]:
    """Return the first column of a question's answer."""
    return list((await db.scalars(text(question))).all())


async def test_it_fills_three_councils_with_people_providers_and_history(demo: Loaded, db: AsyncSession) -> None:
    assert demo.report.created
    assert await count(db, "councils") == 3
    assert 55 <= await count(db, "organisations", "is_example") <= 90
    assert 90 <= await count(db, "listings", "is_published")
    assert 38 <= await count(db, "workers", "kind = 'planner'") <= 48
    assert 195 <= await count(db, "people", "is_example")
    assert await count(db, "referrals") >= 180
    assert demo.seconds < 60
