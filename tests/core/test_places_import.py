"""Postcodes are loaded as a set and again without a write."""

import io
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.places import TOWNS, PostcodeCounts, import_postcodes
from marketplace.core.textfiles import UnreadableFile

pytestmark = pytest.mark.anyio

HEADING = "postcode,lat,lon,lad_code\n"
TWO = HEADING + "PR1 2HE,53.76134,-2.70738,E07000123\nBB1 1AA,53.75,-2.48,E06000008\n"


async def load(db: AsyncSession, content: str) -> PostcodeCounts:
    return await import_postcodes(db, io.BytesIO(content.encode()))


def figures(counts: PostcodeCounts) -> tuple[int, int, int, int, int]:
    return counts.rows, counts.created, counts.updated, counts.unchanged, counts.refused


async def rows(db: AsyncSession) -> list[Any]:
    found = await db.execute(text("SELECT postcode, lat, lon, lad_code FROM postcodes ORDER BY postcode"))
    return [tuple(row) for row in found]


async def test_postcodes_are_loaded_and_loaded_again_without_a_write(db: AsyncSession) -> None:
    assert figures(await load(db, TWO)) == (2, 2, 0, 0, 0)
    before = (await db.execute(text("SELECT postcode, ctid::text FROM postcodes ORDER BY 1"))).all()
    assert figures(await load(db, TWO)) == (2, 0, 0, 2, 0)
    assert (await db.execute(text("SELECT postcode, ctid::text FROM postcodes ORDER BY 1"))).all() == before


async def test_a_later_table_moves_postcodes_and_keeps_the_others(db: AsyncSession) -> None:
    await load(db, TWO)
    counts = await load(db, HEADING + "PR1 2HE,53.77,-2.70738,E07000123\nPR1 2HF,53.76,-2.7,E07000123\n")
    assert figures(counts) == (2, 1, 1, 0, 0)
    assert [row[0] for row in await rows(db)] == ["BB1 1AA", "PR1 2HE", "PR1 2HF"]
    assert (await rows(db))[1][1] == 53.77


async def test_another_rounding_is_no_change(db: AsyncSession) -> None:
    await load(db, TWO)
    counts = await load(db, TWO.replace("53.76134", "53.761349"))
    assert figures(counts) == (2, 0, 0, 2, 0)


async def test_of_a_postcode_that_stands_twice_the_last_row_counts(db: AsyncSession) -> None:
    counts = await load(db, TWO + "PR1 2HE,53.8,-2.7,E07000123\n")
    assert figures(counts) == (3, 2, 0, 0, 0)
    assert counts.skipped_why == {"repeated": 1}
    assert (await rows(db))[1] == ("PR1 2HE", 53.8, -2.7, "E07000123")


async def test_bad_rows_are_counted_with_examples(db: AsyncSession) -> None:
    counts = await load(db, TWO + "nonsense,1,2,3\nBT1 1AA,54.6,-5.9,N09000003\n")
    assert figures(counts) == (4, 2, 0, 0, 1)
    assert counts.refused_examples == [(3, "This is not a postcode.", "nonsense")]
    assert counts.skipped_why == {"northern ireland": 1}


async def test_a_wrong_table_leaves_nothing_behind(db: AsyncSession) -> None:
    for content in ("name,town\nx,y\n", HEADING + "nonsense,1,2,3\n"):
        with pytest.raises(UnreadableFile):
            async with db.begin_nested():
                await load(db, content)
    assert await rows(db) == []


async def test_the_gazetteer_comes_along_once(db: AsyncSession) -> None:
    await load(db, TWO)
    await load(db, TWO)
    found = (await db.execute(text("SELECT count(*), count(DISTINCT name_key) FROM places"))).one()
    assert tuple(found) == (len(TOWNS), len(TOWNS))
