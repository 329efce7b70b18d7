"""The invariant: what was published repeats to the penny, and a change behind our back shows."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.people.checks_ras import published_points_repeat_to_the_penny
from tests.factories import make_council
from tests.factories_ras import make_ras_version


async def test_a_published_version_repeats_and_one_that_does_not_is_found(db: AsyncSession) -> None:
    council = await make_council(db)
    await make_ras_version(db, council)
    _, ok, checked, detail = await published_points_repeat_to_the_penny(db)
    assert (ok, checked, detail) == (True, 1, "")
    await make_ras_version(db, await make_council(db), point_value_pence=Decimal("10000.0001"))
    await make_ras_version(db, council, number=2, sample=())
    _, ok, checked, detail = await published_points_repeat_to_the_penny(db)
    assert (ok, checked) == (False, 3)
    assert "Value of a point" in detail
    assert "nothing to work out" in detail
