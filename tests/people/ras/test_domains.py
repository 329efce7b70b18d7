"""What answers come to in a version, and which version counts on a day."""

from datetime import date

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import InvalidInput
from marketplace.people.ras import current_version, indicative, most_points, points_of
from marketplace.people.states import RasStatus
from tests.factories import make_council
from tests.factories_ras import make_ras_version


async def test_answers_add_up_and_are_priced(db: AsyncSession) -> None:
    version = await make_ras_version(db, await make_council(db))
    points = points_of(version, {"washing": "much", "people": "rarely"})
    assert points == 60 == most_points(version)
    assert indicative(version, points) == (600_000, 11_538)
    assert points_of(version, {"washing": "some"}, partial=True) == 20


async def test_a_missing_unknown_or_strange_answer_is_named(db: AsyncSession) -> None:
    version = await make_ras_version(db, await make_council(db))
    with pytest.raises(InvalidInput) as refused:
        points_of(version, {"washing": "sometimes", "gone": "x"})
    assert set(refused.value.fields) == {"washing", "people", "gone"}
    assert refused.value.fields["people"] == "Select an answer for “Seeing people”"


async def test_the_version_of_a_day_is_the_published_one_that_has_begun(db: AsyncSession) -> None:
    council, other = await make_council(db), await make_council(db)
    old = await make_ras_version(db, council, ends_on=date(2027, 4, 1))
    new = await make_ras_version(db, council, number=2, starts_on=date(2027, 4, 1))
    await make_ras_version(db, council, number=3, status=RasStatus.PROPOSED)
    assert await current_version(db, council.id, date(2026, 12, 31)) is None
    assert await current_version(db, council.id, date(2027, 3, 31)) is old
    assert await current_version(db, council.id, date(2027, 4, 1)) is new
    assert await current_version(db, other.id, date(2027, 4, 1)) is None


async def test_the_database_keeps_a_published_version_as_it_is(db: AsyncSession) -> None:
    version = await make_ras_version(db, await make_council(db))
    version.ends_on = date(2028, 1, 1)
    await db.flush()
    version.budget_pence = 1
    with pytest.raises(DBAPIError, match="never changes"):
        await db.flush()
