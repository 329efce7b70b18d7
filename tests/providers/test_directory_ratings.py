"""The directory with ratings: one row for each location, group and key question; no sample of it was to be had."""

import io
import tracemalloc
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.directory import (
    DirectoryCounts,
    Layout,
    Ratings,
    RegisterLocation,
    RowNote,
    import_directory,
    read_directory,
)
from marketplace.providers.directory.ratings import FIRST, NEWER, REPEATS
from marketplace.providers.directory.spool import RowSpool
from tests.providers.directory_samples import (
    api_location,
    filters,
    joined,
    joined_row,
    rated,
    rating_row,
    ratings_of_many,
    ratings_table,
)


def read(*rows: dict[str, str]) -> tuple[dict[str, RegisterLocation], list[RowNote]]:
    items = list(read_directory(io.BytesIO(ratings_table(*rows).encode())))
    return (
        {item.location_id: item for item in items if isinstance(item, RegisterLocation)},
        [item for item in items if isinstance(item, RowNote)],
    )


def ratings_of(*rows: dict[str, str]) -> Ratings:
    locations, _ = read(*rows)
    (location,) = locations.values()
    assert location.ratings is not None
    return location.ratings


# --- reading


def test_the_layout_is_known_by_its_headings() -> None:
    reading = read_directory(io.BytesIO(ratings_table(rating_row()).encode()))
    assert reading.layout is Layout.RATINGS
    location = next(item for item in reading if isinstance(item, RegisterLocation))
    assert (location.name, location.provider_name, location.town) == ("Home 1", "Provider 1 Ltd", "Preston")
    assert (location.address1, location.postcode, location.local_authority) == (
        "1 High Street", "PR1 2HE", "Lancashire",
    )  # fmt: skip
    assert (location.status, location.closed_on, location.is_dormant) == (None, None, None)
    assert (location.service_types, location.beds, location.phone) == ((), None, None)


def test_rows_that_do_not_stand_together_make_one_location() -> None:
    locations, notes = read(*[row for pair in zip(rated(1), rated(2), strict=True) for row in pair])
    assert sorted(locations) == ["1-1000000001", "1-1000000002"]
    assert not notes
    ratings = locations["1-1000000002"].ratings
    assert ratings is not None
    assert (ratings.overall, ratings.well_led, ratings.published_on) == ("Good", "Good", date(2024, 3, 27))


def test_each_question_keeps_its_own_date_and_the_rating_has_that_of_overall() -> None:
    ratings = ratings_of(
        rating_row(Domain="Safe", **{"Publication Date": "1/5/2021", "Latest Rating": "Inadequate"}),
        rating_row(Domain="Overall", **{"Publication Date": "12/02/2024 12:00:00 AM"}),
        rating_row(Domain="Caring", **{"Publication Date": ""}),
    )
    assert ratings.published_on == date(2024, 12, 2)
    assert ratings.dates == {"safe": date(2021, 1, 5)}
    assert (ratings.safe, ratings.caring, ratings.effective) == ("Inadequate", "Good", None)
    assert ratings.spoken_of == frozenset({"safe", "overall", "caring"})


def test_ratings_of_groups_never_stand_for_the_location() -> None:
    bad = {"Latest Rating": "Inadequate", "Publication Date": "05/06/2025"}
    ratings = ratings_of(
        rating_row(**{"Service / Population Group": "Supported living", **bad}),
        rating_row(**{"Service / Population Group": " overall "}),
        rating_row(**{"Service / Population Group": "Older people", "Domain": "Well led", **bad}),
        rating_row(**{"Service / Population Group": "Older people", "Latest Rating": ""}),
    )
    assert (ratings.overall, ratings.well_led, ratings.published_on) == ("Good", None, date(2024, 3, 27))
    of_may = {"rating": "Inadequate", "published_on": "2025-05-06"}
    assert ratings.groups == {"Supported living": {"overall": of_may}, "Older people": {"well_led": of_may}}


def test_without_an_overall_row_nothing_is_said_of_the_overall_rating() -> None:
    ratings = ratings_of(rating_row(Domain="Safe"), rating_row(Domain="Caring"))
    assert (ratings.overall, ratings.published_on, ratings.spoken_of) == (None, None, frozenset({"safe", "caring"}))


def test_an_impossible_month_is_refused_and_never_swapped() -> None:
    locations, notes = read(rating_row(**{"Publication Date": "27/03/2024"}), rating_row(2))
    ratings = locations["1-1000000001"].ratings
    assert ratings is not None
    assert (ratings.overall, ratings.published_on) == ("Good", None)
    assert [(note.row_number, note.field, note.kind, note.value) for note in notes] == [
        (1, "published_on", "refused", "27/03/2024")
    ]
    other = locations["1-1000000002"].ratings
    assert other is not None
    assert other.published_on == date(2024, 3, 27)


@pytest.mark.parametrize("wrong", ["13/13/2024", "02/30/2024", "3/27/24", "yesterday", "01/01/1900", "01/01/2400"])
def test_what_is_no_date_is_refused(wrong: str) -> None:
    locations, notes = read(rating_row(**{"Publication Date": wrong}))
    assert len(locations) == 1
    assert [(note.field, note.kind) for note in notes] == [("published_on", "refused")]


def test_a_file_with_the_day_first_throughout_gives_no_dates_at_all() -> None:
    rows = [rating_row(n, **{"Publication Date": f"{n % 28 + 1:02}/03/2024"}) for n in range(1, 61)]
    locations, notes = read(*rows)
    assert len(locations) == 60
    assert not any(found.ratings and found.ratings.published_on for found in locations.values())
    (warning,) = notes
    assert "the day seems to stand first" in warning.message


def test_of_rows_that_disagree_the_newest_stands_whatever_their_order() -> None:
    old = rating_row(**{"Latest Rating": "Inadequate", "Publication Date": "01/05/2019"})
    new = rating_row(**{"Latest Rating": "Outstanding", "Publication Date": "02/05/2025"})
    undated = rating_row(**{"Latest Rating": "Requires improvement", "Publication Date": ""})
    for rows in ((old, new, undated), (undated, new, old), (new, undated, old)):
        locations, notes = read(*rows)
        ratings = locations["1-1000000001"].ratings
        assert ratings is not None
        assert (ratings.overall, ratings.published_on) == ("Outstanding", date(2025, 2, 5))
        assert {note.message for note in notes} <= {NEWER, FIRST}
        assert len(notes) == 2
        assert {note.row_number for note in notes} == {1, 2, 3} - {rows.index(new) + 1}
        assert all("Outstanding, 2025-02-05" in note.value or "Inadequate" in note.value for note in notes)


def test_equal_rows_count_once_and_rows_of_one_day_that_disagree_keep_the_first() -> None:
    _, notes = read(rating_row(), rating_row())
    assert [(note.row_number, note.kind, note.message) for note in notes] == [(2, "skipped", REPEATS)]
    locations, notes = read(rating_row(), rating_row(**{"Latest Rating": "Inadequate"}))
    ratings = locations["1-1000000001"].ratings
    assert ratings is not None
    assert ratings.overall == "Good"
    assert [(note.row_number, note.message) for note in notes] == [(2, FIRST)]


def test_unknown_words_are_kept_and_known_ones_brought_to_one_spelling() -> None:
    locations, notes = read(
        rating_row(**{"Latest Rating": " requires  Improvement"}),
        rating_row(Domain="Safe", **{"Latest Rating": "Under review (new framework)"}),
        rating_row(Domain="Caring", **{"Latest Rating": "Not rated"}),
        rating_row(Domain="Effective", **{"Latest Rating": "x" * 200}),
    )
    ratings = locations["1-1000000001"].ratings
    assert ratings is not None
    assert (ratings.overall, ratings.safe, ratings.caring) == (
        "Requires improvement", "Under review (new framework)", None,
    )  # fmt: skip
    assert len(str(ratings.effective)) == 60
    assert [(note.field, note.kind) for note in notes if note.kind == "kept"] == [("rating", "kept")] * 2


@pytest.mark.parametrize(
    ("said", "is_home", "may_create"), [("Y", True, True), ("N", False, False), ("", None, False), (" y ", True, True)]
)
def test_care_home_is_yes_no_or_not_said(said: str, is_home: bool | None, may_create: bool) -> None:
    locations, _ = read(rating_row(**{"Care Home?": said}))
    location = locations["1-1000000001"]
    assert (location.is_care_home, location.may_create) == (is_home, may_create)


def test_leading_spaces_and_differing_rows_do_not_matter() -> None:
    locations, notes = read(
        rating_row(**{"Location Name": "  Home 1", "Domain": " Safe ", "Location ID": " 1-1000000001 "}),
        rating_row(**{"Location Name": "Another Home", "Location Post Code": "BB1 1AA"}),
        rating_row(Domain="Caring", **{"Location Name": "HOME 1"}),
    )
    location = locations["1-1000000001"]
    assert (location.name, location.postcode) == ("Home 1", "PR1 2HE")
    assert [(note.row_number, note.field) for note in notes] == [(2, "name"), (2, "postcode")]


def test_rows_that_say_nothing_usable_cost_themselves_alone() -> None:
    items = list(
        read_directory(
            io.BytesIO(
                (
                    ratings_table(
                        rating_row(),
                        rating_row(**{"Location ID": "W16 00001"}),
                        rating_row(**{"Location ID": ""}),
                        rating_row(**{"Location Name": " "}),
                        rating_row(Domain="Kindness"),
                    )
                    + "short,row\n"
                ).encode()
            )
        )
    )
    assert sum(isinstance(item, RegisterLocation) for item in items) == 1
    refused = {(note.row_number, note.field) for note in items if isinstance(note, RowNote)}
    assert refused == {(2, None), (3, None), (4, None), (5, "domain"), (6, None)}


def test_a_location_cannot_have_groups_without_end() -> None:
    rows = [rating_row(**{"Service / Population Group": f"Group {n}"}) for n in range(60)]
    locations, notes = read(*rows)
    ratings = locations["1-1000000001"].ratings
    assert ratings is not None
    assert len(ratings.groups) <= 41
    assert {note.field for note in notes} == {"group"}


def test_the_spool_sorts_more_than_it_holds() -> None:
    with RowSpool(run_rows=7) as spool:
        for number in range(1_000):
            spool.add(f"1-{number % 11:03}", number, [str(number)])
        rows = list(spool)
    assert [row[:2] for row in rows] == sorted((f"1-{n % 11:03}", n) for n in range(1_000))
    assert all(cells == [str(number)] for _, number, cells in rows)


def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketplace.providers.directory.spool.RUN_ROWS", 500)
    content = io.BytesIO(ratings_of_many(1_500).encode())
    tracemalloc.start()
    try:
        found = sum(isinstance(item, RegisterLocation) for item in read_directory(content))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 1_500
    # 9,900 rows held whole would take some 15 MB.
    assert peak_bytes < 5_000_000


# --- importing


async def load(db: AsyncSession, content: str, **options: Any) -> DirectoryCounts:
    return await import_directory(db, io.BytesIO(content.encode()), **options)


async def held(db: AsyncSession, location: int = 1) -> dict[str, Any]:
    found = await db.execute(
        text("SELECT * FROM regulator_locations WHERE location_id = :id"), {"id": f"1-100000{location:04}"}
    )
    return dict(found.one()._mapping)


def figures(counts: DirectoryCounts) -> tuple[int, int, int, int, int, int]:
    return counts.rows, counts.created, counts.updated, counts.unchanged, counts.closed, counts.refused


@pytest.mark.anyio
async def test_the_same_file_again_changes_nothing(db: AsyncSession) -> None:
    content = ratings_of_many(40)
    first = await load(db, content)
    assert figures(first) == (264, 40, 0, 0, 0, 0)
    assert first.skipped == 24
    again = await load(db, content)
    assert figures(again) == (264, 0, 0, 40, 0, 0)
    # The same rows in another order say the same.
    assert figures(await load(db, ratings_of_many(40, seed=5))) == (264, 0, 0, 40, 0, 0)


@pytest.mark.anyio
async def test_what_richer_layouts_gave_stays(db: AsyncSession) -> None:
    await load(
        db,
        joined(
            joined_row(
                phone="01772123456", website="https://home.example", beds="24", rating_overall="Good",
                rating_safe="Good", rating_caring="Outstanding", rating_date="2021-02-03", county="Lancashire",
                last_inspection_date="2021-01-01",
            )
        ),
    )  # fmt: skip
    before = await held(db)
    counts = await load(db, ratings_table(rating_row(Domain="Safe", **{"Latest Rating": "Inadequate"})))
    assert (counts.updated, counts.closed) == (1, 0)
    after = await held(db)
    same = (
        "phone", "website", "beds", "county", "lat", "lon", "service_types", "specialisms", "is_registered",
        "inspected_on", "region", "rating_overall", "rated_on",
    )  # fmt: skip
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["ratings"] == {"safe": "Inadequate", "caring": "Outstanding", "dates": {"safe": "2024-03-27"}}
    # No overall row, so the day of the overall rating is what it was.
    assert (after["rating_overall"], after["rated_on"]) == ("Good", date(2021, 2, 3))


@pytest.mark.anyio
async def test_the_file_closes_nothing_and_opens_nothing(db: AsyncSession) -> None:
    await load(db, joined(joined_row(status="closed"), joined_row(location_id="1-1000000002", name="Home 2")))
    counts = await load(db, ratings_table(*rated(1)))
    assert counts.closed == 0
    assert (await held(db))["is_registered"] is False
    assert (await held(db, 2))["is_registered"] is True


@pytest.mark.anyio
async def test_a_question_that_is_not_rated_any_more_loses_its_word_and_date(db: AsyncSession) -> None:
    await load(db, ratings_table(*rated(1)))
    await load(db, ratings_table(rating_row(Domain="Safe", **{"Latest Rating": "Not rated"})))
    row = await held(db)
    assert "safe" not in row["ratings"]
    assert "safe" not in row["ratings"]["dates"]
    assert row["ratings"]["caring"] == "Good"
    await load(db, ratings_table(rating_row(**{"Latest Rating": ""})))
    row = await held(db)
    assert (row["rating_overall"], row["rated_on"]) == ("", None)


@pytest.mark.anyio
async def test_groups_stand_beside_the_ratings_and_survive_other_layouts(db: AsyncSession) -> None:
    group = rating_row(**{"Service / Population Group": "Supported living", "Latest Rating": "Inadequate"})
    await load(db, ratings_table(*rated(1), group))
    row = await held(db)
    assert row["rating_overall"] == "Good"
    kept = {"Supported living": {"overall": {"rating": "Inadequate", "published_on": "2024-03-27"}}}
    assert row["ratings"]["groups"] == kept
    await load(
        db, joined(joined_row(name="Home 1", rating_overall="Good", rating_safe="Inadequate", as_of="2027-03-03"))
    )
    row = await held(db)
    assert row["ratings"]["groups"] == kept
    # The block replaced the words; no other question keeps a date, and the overall one is what it was.
    assert row["ratings"]["safe"] == "Inadequate"
    assert "dates" not in row["ratings"]
    assert (row["rating_overall"], row["rated_on"]) == ("Good", date(2024, 3, 27))


@pytest.mark.anyio
async def test_layouts_in_turn_settle(db: AsyncSession) -> None:
    files = [
        filters({"Location Name": "Home 1", "Location safe rating": "Good", "Location Latest Overall Rating": "Good"}),
        ratings_table(
            *rated(1, **{"Provider ID": "1-2000000001", "Provider Name": "Rose Care Ltd", "Care Home?": "N"})
        ),
    ]
    for content in files * 2:
        await load(db, content)
    settled = (await held(db))["content_hash"]
    for content in files:
        await load(db, content)
    assert (await held(db))["content_hash"] == settled
    assert (await held(db))["ratings"]["dates"]["safe"] == "2024-03-27"


@pytest.mark.anyio
async def test_api_records_give_each_question_its_date(db: AsyncSession) -> None:
    overall = {
        "rating": "Good",
        "reportDate": "2018-10-10",
        "keyQuestionRatings": [
            {"name": "Safe", "rating": "Good", "reportDate": "2018-10-10"},
            {"name": "Well-led", "rating": "Outstanding"},
            {"name": "Caring", "rating": "No published rating", "reportDate": "2018-10-10"},
        ],
    }
    await load(db, api_location(currentRatings={"overall": overall}))
    assert (await held(db))["ratings"] == {
        "safe": "Good",
        "well_led": "Outstanding",
        "caring": "No published rating",
        "dates": {"safe": "2018-10-10", "caring": "2018-10-10"},
    }


@pytest.mark.anyio
async def test_a_location_that_only_this_file_knows_is_taken_when_it_is_a_care_home(db: AsyncSession) -> None:
    counts = await load(db, ratings_table(*rated(1), *rated(2, **{"Care Home?": ""}), *rated(3, **{"Care Home?": "N"})))
    assert figures(counts) == (18, 1, 0, 0, 0, 0)
    assert counts.skipped == 2
    assert (await held(db))["is_care_home"] is True
