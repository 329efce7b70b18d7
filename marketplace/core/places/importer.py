"""Loads postcode directories into the table `postcodes`, and the gazetteer into `places`.

Batches are copied into a staging table and compared with what is held as a set, so the same directory a second
time writes nothing. A postcode that a later directory lacks stays: people keep old postcodes for years.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.ids import new_id
from marketplace.core.places.reader import PostcodeBatch, packaged_postcodes, read_postcodes
from marketplace.core.places.towns import TOWNS, name_key

MAX_EXAMPLES = 100

_PREPARE = (
    # One import at a time: two would both find the same postcodes missing.
    "SELECT pg_advisory_xact_lock(hashtext('postcodes'))",
    "SET LOCAL statement_timeout = '10min'",
    "SET LOCAL idle_in_transaction_session_timeout = '10min'",
    # Room to hash 2.6 million postcodes in memory instead of on disk.
    "SET LOCAL work_mem = '192MB'",
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged_postcodes"
    " (postcode text, lat double precision, lon double precision, lad_code text) ON COMMIT DROP",
    "TRUNCATE staged_postcodes",
)
_COLUMNS = ("postcode", "lat", "lon", "lad_code")

# Of a postcode that stands twice in a file the last row counts.
_DROP_REPEATED = """
    DELETE FROM staged_postcodes s USING (
        SELECT postcode, max(ctid) AS kept FROM staged_postcodes GROUP BY postcode HAVING count(*) > 1
    ) repeated
    WHERE s.postcode = repeated.postcode AND s.ctid <> repeated.kept
"""
# Two converters round differently: within 0.00002 degrees (2 m) it is the same place.
_UPDATE = """
    UPDATE postcodes h SET lat = s.lat, lon = s.lon, lad_code = s.lad_code
    FROM staged_postcodes s
    WHERE h.postcode = s.postcode AND (
        abs(h.lat - s.lat) > 0.00002 OR abs(h.lon - s.lon) > 0.00002 OR h.lad_code <> s.lad_code
    )
"""
_INSERT = """
    INSERT INTO postcodes (postcode, lat, lon, lad_code)
    SELECT postcode, lat, lon, lad_code FROM staged_postcodes s
    WHERE NOT EXISTS (SELECT FROM postcodes h WHERE h.postcode = s.postcode)
"""
_INSERT_PLACE = """
    INSERT INTO places (id, name, name_key, lat, lon, source)
    SELECT :id, :name, :name_key, :lat, :lon, 'gazetteer'
    WHERE NOT EXISTS (SELECT FROM places WHERE name_key = :name_key AND source = 'gazetteer')
"""


class PostcodeCounts(msgspec.Struct, kw_only=True):
    """What an import of postcodes did; `rows` is what the source holds."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    """Always 0: postcodes are kept when a directory no longer lists them."""
    refused: int = 0
    """Damaged rows; the first are in `refused_examples` as row number, message and value."""
    refused_examples: list[tuple[int, str, str]] = msgspec.field(default_factory=list)
    corrected: int = 0
    skipped: int = 0
    """Left out on purpose: Northern Ireland, Crown dependencies, no grid reference, repeated."""
    skipped_why: dict[str, int] = msgspec.field(default_factory=dict)
    seconds: float = 0.0


async def import_postcodes(
    db: AsyncSession,
    source: Path | str | BinaryIO | None = None,
    *,
    progress: Callable[[float, int], None] | None = None,
) -> PostcodeCounts:
    """Load postcodes within the caller's transaction.

    Args:
        db: A session inside a transaction; the caller commits.
        source: A table with postcode, lat, lon and lad_code, plain, gzip or xz; None for the packaged directory.
        progress: Called with the share of the source read (0 to 1) and the rows so far.

    Raises:
        UnreadableFile: Damaged, not text, or not a postcode table; nothing is written then.
    """
    started = perf_counter()
    counts = PostcodeCounts()
    why: Counter[str] = Counter()
    share = 0.0

    def note_share(done: int, total: int) -> None:
        nonlocal share
        share = done / max(1, total)

    batches: Iterator[PostcodeBatch] = (
        packaged_postcodes(note_share) if source is None else read_postcodes(source, note_share)
    )
    for statement in _PREPARE:
        await db.execute(text(statement))
    connection = await (await db.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    staged = 0
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        await driver.copy_records_to_table("staged_postcodes", records=batch.records(), columns=_COLUMNS)
        staged += len(batch.postcodes)
        counts.rows += batch.rows
        counts.refused += len(batch.bad_rows)
        counts.refused_examples += batch.bad_rows[: MAX_EXAMPLES - len(counts.refused_examples)]
        why.update(batch.left_out)
        if progress:
            progress(share, counts.rows)
    await db.execute(text("ANALYZE staged_postcodes"))
    repeated = await _changed(db, _DROP_REPEATED)
    if repeated:
        why["repeated"] += repeated
    counts.updated = await _changed(db, _UPDATE)
    counts.created = await _changed(db, _INSERT)
    counts.unchanged = staged - repeated - counts.updated - counts.created
    counts.skipped = sum(why.values())
    counts.skipped_why = dict(why)
    await _load_gazetteer(db)
    counts.seconds = round(perf_counter() - started, 2)
    return counts


async def _changed(db: AsyncSession, statement: str) -> int:
    result: Any = await db.execute(text(statement))
    rows: int = result.rowcount
    return rows


async def _load_gazetteer(db: AsyncSession) -> None:
    """Put the hand-written towns where the search looks for places."""
    for town in TOWNS:
        values = {"id": new_id(), "name": town.name, "name_key": name_key(town.name), "lat": town.lat, "lon": town.lon}
        await db.execute(text(_INSERT_PLACE), values)
