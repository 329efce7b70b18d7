"""The real files: what they hold, how long they take and how much memory."""

import resource
import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.directory import (
    NoteKind,
    RegisterLocation,
    RegisterProvider,
    RegisterStatus,
    RowNote,
    import_directory,
    read_directory,
)
from tests.shared_data import shared_file

pytestmark = pytest.mark.shared


def read(name: str) -> tuple[list[RegisterLocation], list[RegisterProvider], list[RowNote]]:
    items = list(read_directory(shared_file(f"cqc/{name}")))
    return (
        [item for item in items if isinstance(item, RegisterLocation)],
        [item for item in items if isinstance(item, RegisterProvider)],
        [item for item in items if isinstance(item, RowNote)],
    )


def refused_rows(notes: list[RowNote]) -> int:
    return sum(note.kind is NoteKind.REFUSED and note.field is None for note in notes)


def test_the_joined_table_is_read_whole() -> None:
    locations, providers, notes = read("locations_dev.csv.gz")
    assert (len(locations), len(providers), refused_rows(notes)) == (16_760, 0, 0)
    statuses = Counter(location.status for location in locations)
    assert statuses == {RegisterStatus.REGISTERED: 11_768, RegisterStatus.CLOSED: 4_992}
    overall = Counter(location.ratings.overall for location in locations if location.ratings)
    assert (overall["Good"], overall["Outstanding"], overall["No published rating"], overall[None]) == (  # type: ignore[index]
        8_965, 507, 42, 5_483,
    )  # fmt: skip
    assert Counter(note.field for note in notes) == {"phone": 11, "company_number": 9, "beds": 1}
    specialisms = {name for location in locations for name in location.specialisms}
    assert len(specialisms) == 12
    assert sum("Sensory impairment" in location.specialisms for location in locations) == 1_289 + 862
    assert not any("_raw" in name for location in locations for name in location.service_types)


def test_the_search_download_is_sorted_into_kinds() -> None:
    locations, providers, notes = read("format_sample_directory_download_500.csv")
    assert (len(locations), len(providers), len(notes)) == (149, 25, 326)
    assert all(note.kind is NoteKind.SKIPPED for note in notes)


def test_the_directory_with_filters_is_read() -> None:
    locations, _, notes = read("format_sample_filters_45col_999.csv.gz")
    assert (len(locations), refused_rows(notes)) == (991, 0)
    assert sum(note.kind is NoteKind.SKIPPED for note in notes) == 8
    assert sum(location.service_types == ("Domiciliary care service",) for location in locations) == 325


def test_the_records_of_the_api_are_read() -> None:
    locations, _, notes = read("api_location_examples_60.jsonl")
    assert (len(locations), refused_rows(notes)) == (60, 0)
    assert sum(location.closed_on is not None for location in locations) == 27
    assert sum(location.ratings is not None and location.ratings.overall is not None for location in locations) == 41
    _, providers, notes = read("api_provider_examples_20.jsonl")
    assert (len(providers), len(notes)) == (19, 1)


@pytest.mark.anyio
async def test_the_import_is_quick_small_and_repeatable(
    db: AsyncSession, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared_file("cqc/locations_dev.csv.gz")
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    started = time.perf_counter()
    first = await import_directory(db, file)
    seconds = time.perf_counter() - started
    again = await import_directory(db, file)
    # The worker may have grown in other tests before: what counts is how much higher its peak is now.
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - before_mb
    record_property("seconds", seconds)
    record_property("peak_mb", peak_mb)
    with capsys.disabled():
        print(f"\n  {first.rows:,} rows in {seconds:.1f} s, {peak_mb} MB more than before")  # noqa: T201
    assert (first.rows, first.created, first.refused) == (16_760, 16_760, 0)
    assert (again.created, again.updated, again.unchanged, again.closed) == (0, 0, 16_760, 0)
    assert peak_mb < 500
    assert first.superseded == again.superseded > 1_000
    live = await db.execute(
        text(
            "SELECT count(*) FROM (SELECT name_key, postcode FROM regulator_locations WHERE is_registered"
            " AND superseded_by IS NULL AND postcode <> '' GROUP BY 1, 2 HAVING count(*) > 1) twice"
        )
    )
    assert live.scalar_one() == 0
