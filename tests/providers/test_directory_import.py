"""The import of the regulator's directory: repeatable, whole or not at all, never mixing facts with examples."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.textfiles import UnreadableFile
from marketplace.providers.directory import DirectoryCounts, import_directory, place_key
from tests.providers.directory_samples import (
    api_location,
    api_provider,
    download,
    filters,
    joined,
    joined_row,
    ratings_rows,
)

pytestmark = pytest.mark.anyio


async def load(db: AsyncSession, content: bytes | str, **options: Any) -> DirectoryCounts:
    source = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return await import_directory(db, source, **options)


async def held(db: AsyncSession, location_id: str = "1-1000000001") -> dict[str, Any]:
    found = await db.execute(text("SELECT * FROM regulator_locations WHERE location_id = :id"), {"id": location_id})
    return dict(found.one()._mapping)


async def ask(db: AsyncSession, question: str) -> Any:
    return (await db.execute(text(question))).scalar_one()


async def versions(db: AsyncSession) -> list[Any]:
    """Physical versions of all rows: any write, even of the same values, changes them."""
    rows = await db.execute(
        text(
            "SELECT location_id AS id, ctid::text FROM regulator_locations UNION ALL"
            " SELECT provider_id, ctid::text FROM regulator_providers ORDER BY 1, 2"
        )
    )
    return [tuple(row) for row in rows]


def figures(counts: DirectoryCounts) -> tuple[int, int, int, int, int, int]:
    return counts.rows, counts.created, counts.updated, counts.unchanged, counts.closed, counts.refused


def homes(*numbers: int, **changes: str) -> list[dict[str, str]]:
    return [
        joined_row(
            **{"location_id": f"1-100000{n:04}", "name": f"Home {n}", "provider_id": f"1-200000{n:04}", **changes}
        )
        for n in numbers
    ]


async def test_a_first_import_creates_locations_and_their_providers(db: AsyncSession) -> None:
    counts = await load(db, joined(*homes(1, 2, 3)), file_name="first.csv")
    assert figures(counts) == (3, 3, 0, 0, 0, 0)
    assert counts.providers_created == 3
    row = await held(db)
    assert (row["name"], row["name_key"], row["rating_overall"], row["ratings"]) == ("Home 1", "home1", "Good", {})
    assert (row["is_registered"], row["is_care_home"], row["is_example"]) == (True, True, False)
    assert (row["address_line"], row["postcode"], row["as_of"]) == ("1 High Street", "PR1 2HE", "2026-02")
    assert (row["provider_id"], row["provider_name"]) == ("1-2000000001", "Rose Care Ltd")
    log = (await db.execute(text("SELECT file_name, layout, counts FROM directory_imports"))).one()
    assert (log.file_name, log.layout, log.counts["created"]) == ("first.csv", "joined", 3)


async def test_the_same_file_again_writes_nothing(db: AsyncSession) -> None:
    for content in (joined(*homes(1, 2, 3)), api_location(locationId="1-1000000009"), filters({}), download({})):
        await load(db, content)
        before = await versions(db)
        counts = await load(db, content)
        assert (counts.created, counts.updated, counts.closed) == (0, 0, 0)
        assert counts.unchanged == counts.rows
        assert await versions(db) == before


async def test_a_later_file_updates_and_closes_what_it_says(db: AsyncSession) -> None:
    await load(db, joined(*homes(1, 2, 3)))
    later = [
        *homes(1, rating_overall="Outstanding", rating_safe="Good", as_of="2026-03"),
        *homes(2, status="closed", as_of="2026-03"),
        *homes(4, as_of="2026-03"),
    ]
    counts = await load(db, joined(*later))
    assert figures(counts) == (3, 1, 1, 0, 1, 0)
    assert (await held(db))["ratings"] == {"safe": "Good"}
    assert (await held(db, "1-1000000002"))["is_registered"] is False
    # Absent from the later file, which was not declared complete.
    assert (await held(db, "1-1000000003"))["is_registered"] is True


async def test_a_complete_file_closes_what_it_lacks(db: AsyncSession) -> None:
    await load(db, joined(*homes(1, 2, 3)))
    counts = await load(db, joined(*homes(1, 2)), is_complete=True)
    assert figures(counts) == (2, 0, 0, 2, 1, 0)
    assert (await held(db, "1-1000000003"))["is_registered"] is False
    again = await load(db, joined(*homes(1, 2)), is_complete=True)
    assert figures(again) == (2, 0, 0, 2, 0, 0)


async def test_a_complete_file_with_unreadable_rows_closes_nothing(db: AsyncSession) -> None:
    await load(db, joined(*homes(1, 2, 3)))
    counts = await load(db, joined(*homes(1, 2)) + "ragged,row\n", is_complete=True)
    assert (counts.closed, counts.refused) == (0, 1)
    assert any("Nothing was closed" in why for why in counts.skipped_why)


async def test_a_refused_row_does_not_close_its_location(db: AsyncSession) -> None:
    await load(db, joined(*homes(1, 2)))
    counts = await load(db, joined(*homes(1), *homes(2, status="unclear")), is_complete=True)
    assert (counts.closed, counts.refused) == (0, 1)
    assert (await held(db, "1-1000000002"))["is_registered"] is True


async def test_a_complete_file_that_plainly_is_not_is_refused(db: AsyncSession) -> None:
    await load(db, joined(*homes(*range(1, 202))))
    with pytest.raises(UnreadableFile, match="lacks 191 of 201"):
        async with db.begin_nested():
            await load(db, joined(*homes(*range(1, 11))), is_complete=True)
    assert await ask(db, "SELECT count(*) FROM regulator_locations WHERE is_registered") == 201
    with pytest.raises(UnreadableFile, match="rated locations only"):
        await load(db, ratings_rows(("1-1000000001", "Y", "Overall", "Overall", "Good", "1/2/2024")), is_complete=True)


async def test_older_facts_do_not_replace_newer_ones(db: AsyncSession) -> None:
    await load(db, joined(as_of="2026-02", rating_overall="Good"))
    counts = await load(db, joined(as_of="2021-02", rating_overall="Inadequate", provider_name="Old Name Ltd"))
    assert (counts.unchanged, counts.older, counts.updated) == (1, 1, 0)
    assert (await held(db))["rating_overall"] == "Good"
    assert await ask(db, "SELECT name FROM regulator_providers") == "Rose Care Ltd"


async def test_the_same_facts_seen_later_only_move_the_day(db: AsyncSession) -> None:
    await load(db, joined(as_of="2026-02"))
    updated_at = (await held(db))["updated_at"]
    counts = await load(db, joined(as_of="2026-03-15"))
    assert (counts.unchanged, counts.updated) == (1, 0)
    row = await held(db)
    assert (row["as_of"], row["updated_at"]) == ("2026-03-15", updated_at)


async def test_a_layout_that_does_not_speak_of_a_field_leaves_it(db: AsyncSession, clock: FixedClock) -> None:
    await load(db, joined(phone="01772123456", rating_overall="Good", rating_safe="Good", beds="24"))
    await load(db, download({"Name": "Rose Cottage", "Service types": "Residential homes"}))
    row = await held(db)
    assert (row["rating_overall"], row["ratings"], row["beds"]) == ("Good", {"safe": "Good"}, 24)
    assert (row["phone"], row["lat"], row["address_line"]) == ("01772123456", 53.76134, "1 High Street")
    # The download names no day, so its facts are of the day of the import.
    assert row["as_of"] == clock.now().date().isoformat()


async def test_a_withdrawn_rating_is_not_rated_again(db: AsyncSession) -> None:
    await load(db, joined(rating_overall="Good", rating_safe="Good", rating_date="2024-01-02"))
    await load(db, joined(rating_overall="", as_of="2026-03"))
    row = await held(db)
    assert (row["rating_overall"], row["ratings"], row["rated_on"]) == ("", {}, None)


async def test_a_rating_table_updates_the_known_and_creates_only_care_homes(db: AsyncSession) -> None:
    await load(db, joined(rating_overall=""))
    counts = await load(
        db,
        ratings_rows(
            ("1-1000000001", "N", "Overall", "Overall", "Good", "03/27/2024"),
            ("1-1000000002", "N", "Overall", "Overall", "Good", "03/27/2024"),
            ("1-1000000003", "Y", "Overall", "Overall", "Good", "03/27/2024"),
        ),
    )
    assert figures(counts) == (3, 1, 1, 0, 0, 0)
    assert counts.skipped == 1
    assert str((await held(db))["rated_on"]) == "2024-03-27"
    assert (await held(db, "1-1000000003"))["is_registered"] is True


async def test_a_registration_taken_over_points_to_the_newest_live_one(db: AsyncSession) -> None:
    await load(
        db,
        joined(
            *homes(1, name="Rose Cottage", as_of="2021-02"),
            *homes(2, name="ROSE COTTAGE.", as_of="2026-02"),
            *homes(3, name="Rose-Cottage", as_of="2026-03", status="closed"),
            *homes(4, name="Rose Cottage", postcode="BB1 1AA"),
            *homes(5, name="Rose Cottage", postcode=""),
        ),
    )
    found = {n: (await held(db, f"1-100000000{n}"))["superseded_by"] for n in range(1, 6)}
    assert found == {1: "1-1000000002", 2: None, 3: "1-1000000002", 4: None, 5: None}
    # The live one closes: the other registered one is live again.
    await load(db, joined(*homes(2, name="Rose Cottage", as_of="2026-04", status="closed")))
    found = {n: (await held(db, f"1-100000000{n}"))["superseded_by"] for n in range(1, 4)}
    assert found == {1: None, 2: "1-1000000001", 3: "1-1000000001"}


async def test_a_successor_that_the_register_names_is_linked_once_it_is_known(db: AsyncSession) -> None:
    closed = api_location(
        registrationStatus="Deregistered", deregistrationDate="2021-12-20",
        relationships=[{"type": "HSCA Successor", "relatedLocationId": "1-1000000002"}],
    )  # fmt: skip
    await load(db, closed)
    assert (await held(db))["superseded_by"] is None
    await load(db, api_location(locationId="1-1000000002", name="Another Name", postalCode="BB1 1AA"))
    row = await held(db)
    assert (row["superseded_by"], str(row["closed_on"])) == ("1-1000000002", "2021-12-20")


async def test_provider_records_name_the_providers_of_locations(db: AsyncSession) -> None:
    await load(db, api_location())
    assert await ask(db, "SELECT name FROM regulator_providers") == ""
    counts = await load(db, api_provider())
    # A file of provider records alone counts providers.
    assert figures(counts) == (1, 0, 1, 0, 0, 0)
    assert figures(await load(db, api_provider())) == (1, 0, 0, 1, 0, 0)
    row = (await db.execute(text("SELECT name, company_number FROM regulator_providers"))).one()
    assert tuple(row) == ("Rose Care Ltd", "11708723")


async def test_coordinates_come_from_the_postcode_where_the_register_gives_none(db: AsyncSession) -> None:
    await db.execute(text("INSERT INTO postcodes VALUES ('PR1 2HE', 53.76, -2.7, 'E07000123')"))
    await db.execute(text("INSERT INTO postcodes VALUES ('BB1 1AA', 53.75, -2.48, 'E06000008')"))
    await load(db, download({}))
    row = await held(db)
    assert (row["lat"], row["lon"], row["lad_code"]) == (53.76, -2.7, "E07000123")
    await load(db, download({"Postcode": "BB1 1AA"}))
    row = await held(db)
    assert (row["lat"], row["lon"], row["lad_code"]) == (53.75, -2.48, "E06000008")


async def test_made_up_rows_take_no_part(db: AsyncSession, clock: FixedClock) -> None:
    await db.execute(
        text(
            "INSERT INTO regulator_locations (location_id, name, name_key, is_care_home, service_types, specialisms,"
            " also_known_as, address_line, town, county, postcode, local_authority, region, lad_code, phone, website,"
            " rating_overall, ratings, is_registered, url, as_of, is_example, content_hash, updated_at)"
            " SELECT id, 'Rose Cottage', 'rosecottage', true, '{}', '{}', '', '', '', '', 'PR1 2HE', '', '', '', '',"
            " '', 'Outstanding', '{}', true, '', '2030-01', true, '', :now FROM unnest(CAST(:ids AS text[])) AS id"
        ),
        {"now": clock.now(), "ids": ["EXAMPLE1", "1-1000000001"]},
    )
    counts = await load(db, joined(rating_overall=""), is_complete=True)
    # A real registration with the id of an example replaces it whole; the other example is left alone.
    assert figures(counts) == (1, 1, 0, 0, 0, 0)
    row = await held(db)
    assert (row["is_example"], row["rating_overall"], row["superseded_by"]) == (False, "", None)
    example = await held(db, "EXAMPLE1")
    assert (example["is_example"], example["is_registered"], example["superseded_by"]) == (True, True, None)


async def test_a_damaged_file_leaves_nothing_behind(db: AsyncSession) -> None:
    import gzip

    whole = gzip.compress(joined(*homes(*range(1, 3000))).encode())
    with pytest.raises(UnreadableFile, match="damaged"):
        async with db.begin_nested():
            await load(db, whole[:-20])
    for table in ("regulator_locations", "regulator_providers", "directory_imports", "directory_import_notes"):
        assert await ask(db, f"SELECT count(*) FROM {table}") == 0, table
    with pytest.raises(UnreadableFile, match="no rows"):
        async with db.begin_nested():
            await load(db, joined().splitlines()[0])


async def test_the_report_names_every_row_and_cannot_be_run(db: AsyncSession, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    rows = [*homes(1, phone="016295318110"), *homes(2, companies_house_number="1234567"), *homes(3, name="")]
    seen: list[tuple[float, int]] = []
    counts = await load(
        db, joined(*rows, joined_row(location_id="=1+1")), report=report,
        progress=lambda share, done: seen.append((share, done)),
    )  # fmt: skip
    assert (counts.refused, counts.refused_fields, counts.corrected, counts.created) == (2, 1, 1, 2)
    with report.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["row", "location_id", "field", "kind", "message", "value"]
    assert [(line[0], line[2], line[3]) for line in lines[1:]] == [
        ("1", "phone", "refused"),
        ("2", "company_number", "corrected"),
        ("3", "", "refused"),
        ("4", "", "refused"),
    ]
    assert lines[4][5] == "'=1+1"
    assert await ask(db, "SELECT count(*) FROM directory_import_notes") == 4
    assert seen[-1] == (1.0, 4)


async def test_text_that_looks_like_sql_is_text(db: AsyncSession) -> None:
    name = "Robert'); DROP TABLE regulator_locations;--"
    await load(db, joined(name=name))
    assert (await held(db))["name"] == name


@pytest.mark.parametrize(
    ("one", "other"), [("St. Mary's Home", "ST MARYS HOME"), ("Rose & Crown", "Rose and Crown"), ("A B-C", "abc")]
)
def test_names_are_compared_without_case_marks_and_spaces(one: str, other: str) -> None:
    assert place_key(one) == place_key(other)
