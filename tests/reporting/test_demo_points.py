"""Derby's points in the demo: the worked example, on made-up cases, open in the browser."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from marketplace.accounts.council_settings import DEFAULTS
from marketplace.core.clock import FixedClock
from marketplace.core.database import make_session_maker, transaction
from marketplace.people.budget_parts import months_on
from marketplace.people.models import RasVersion
from marketplace.people.ras.watching import WatchService, judge
from tests.browser import count
from tests.conftest import NOW
from tests.reporting.conftest import Loaded


async def test_derby_has_a_published_version_that_is_the_worked_example(demo: Loaded, db: AsyncSession) -> None:
    question = """
        SELECT v.id, v.point_value_pence, v.sample_count, length(v.fingerprint) AS long FROM ras_versions v
        JOIN councils c ON c.id = v.council_id WHERE c.slug = 'derby' AND v.status = 'published'
    """
    row = (await db.execute(text(question))).one()
    assert (row.point_value_pence, row.sample_count, row.long) == (10_000, 200, 64)
    mean = f"SELECT avg(points) FROM ras_cases WHERE ras_version_id = '{row.id}'"
    assert await db.scalar(text(mean)) == 42.5
    assert await count(db, "ras_cases", "previous_annual_pence > 0") == 400
    assert await count(db, "ras_versions", "status = 'draft'") == 1
    others = "council_id NOT IN (SELECT id FROM councils WHERE slug = 'derby')"
    assert await count(db, "ras_versions", others) == 0


async def test_the_mean_of_the_people_is_the_one_that_the_worked_example_warns_of(
    demo: Loaded, engine: AsyncEngine
) -> None:
    async with transaction(make_session_maker(engine, FixedClock(NOW)), "every") as db:
        version_id = await db.scalar(text("SELECT id FROM ras_versions WHERE status = 'published'"))
        version = await db.get_one(RasVersion, version_id)
        service = WatchService(db)
        watch, months = await service.now(version), await service.months(version)
        assert watch.standing.people == 25
        assert watch.mean_points == 46
        assert (watch.expected_pence, watch.expected_over_pence) == (920_000_000, 70_000_000)
        assert watch.alarms == ["expected", "protection"]
        assert watch.pot_used_pence == 70_000_000 + watch.standing.protection_annual_pence
        assert watch.variance_percent is not None
        assert 0 < watch.variance_percent < 10
        # The months on record are what looking at those days would show.
        assert len(months) >= 6
        assert await service.note_month(version.council_id) == []
        for month in months[:2]:
            last_day = months_on(month.month, 1) - timedelta(days=1)
            seen = judge(version, await service.versions.standing(version, last_day), DEFAULTS["people.ras_alarms"])
            assert (month.people, month.points, month.alarms) == (
                seen.standing.people,
                seen.standing.points,
                seen.alarms,
            )
            assert month.indicative_annual_pence == seen.standing.indicative_annual_pence
            assert month.final_annual_pence == seen.final_annual_pence
            assert month.protection_annual_pence == seen.standing.protection_annual_pence
