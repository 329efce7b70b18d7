"""The columns beside the embedded index: near words, cells around a place, writes that come together or break."""

import random
import subprocess
import sys
from math import cos, radians
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search import ListingQuery
from search.areas import cells_around, cells_of_point, distance_metres
from search.highlights import highlights
from search.synonyms import PhraseFinder
from search.tantivy_backend import TantivySearch
from search.tantivy_changes import next_row
from search.tantivy_columns import ColumnsBuilder, load_columns
from search.tantivy_schema import CELL_LEVELS, row_of
from search.tantivy_sets import EVERYWHERE, Columns, chord
from search.tantivy_store import Batch
from search.tantivy_vocabulary import typo_distances
from search.words import typo_distance
from tests.search.market import MARKET, make_listing

words = st.text("abcé", min_size=1, max_size=9)


@settings(deadline=None)
@given(words, st.lists(words, max_size=12), st.integers(1, 2))
def test_many_distances_at_once_equal_single_ones(word: str, others: list[str], limit: int) -> None:
    found = [distance if distance <= limit else None for distance in typo_distances(word, others, limit).tolist()]
    assert found == [typo_distance(word, other, limit) for other in others]


@settings(deadline=None)
@given(
    st.floats(-89.9, 89.9),
    st.floats(-179.9, 179.9),
    st.floats(0.0, 2_000_000.0),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
)
def test_cells_around_a_circle_hold_all_of_it(lat: float, lon: float, radius: float, north: float, east: float) -> None:
    cells = cells_around(lat, lon, radius, CELL_LEVELS)
    other_lat = lat + north * radius / 111_195
    other_lon = lon + east * radius / 111_195 / max(cos(radians(lat)), 0.01)
    if abs(other_lat) <= 90 and abs(other_lon) <= 180 and distance_metres(lat, lon, other_lat, other_lon) <= radius:
        assert set(cells_of_point(other_lat, other_lon, CELL_LEVELS)) & set(cells)


@pytest.mark.parametrize("radius", [0, 100, 3_000, 16_093, 80_467])
def test_cells_around_an_english_town_are_few(radius: int) -> None:
    assert len(cells_around(53.7632, -2.7031, float(radius), CELL_LEVELS)) <= 110


def columns_of(folder: Path, *names: str) -> Columns:
    builder = ColumnsBuilder()
    for number, name in enumerate(names):
        builder.add(row_of(make_listing(f"l{number}", name=name), PhraseFinder([])).facts)
    builder.save(folder, [])
    return Columns(load_columns(folder))


@pytest.mark.parametrize(
    ("centre", "spread"), [((53.76, -2.7), 1.0), ((0.0, 179.9), 0.5), ((-84.9, 0.0), 4.0), ((51.5, -0.1), 0.01)]
)
def test_rows_around_a_point_hold_all_within_the_distance(
    tmp_path: Path, centre: tuple[float, float], spread: float
) -> None:
    chance = random.Random(4)
    builder = ColumnsBuilder()
    for number in range(2_000):
        lat, lon = (None, None) if number % 9 == 0 else (centre[0] + chance.gauss(0, spread), centre[1])
        if lat is not None and lon is not None:
            lat, lon = max(min(lat, 90.0), -90.0), (lon + chance.gauss(0, spread) + 180) % 360 - 180
        builder.add(row_of(make_listing(f"l{number}", lat=lat, lon=lon), PhraseFinder([])).facts)
    builder.save(tmp_path, [])
    columns = Columns(load_columns(tmp_path))
    for metres in (0.0, 500.0, 16_093.0, 90_000.0):
        around = columns.around(centre, metres)
        everywhere = columns.chords(centre, EVERYWHERE)
        # Without a base: not a number, which is no greater than anything.
        wanted = np.flatnonzero(~(everywhere[: columns.count] > chord(metres)))
        measured = np.arange(len(everywhere))[around]
        assert np.isin(wanted, measured).all()
        assert (np.diff(measured) > 0).all()
        assert np.array_equal(columns.chords(centre, around), everywhere[around], equal_nan=True)


def test_the_vocabulary_knows_near_words_beginnings_and_forms(tmp_path: Path) -> None:
    vocabulary = columns_of(tmp_path, "Swim swims swimming", "Swan lake", "Wim").vocabulary
    assert vocabulary.near("swim", 1) == [(1, "swims"), (1, "wim")]
    assert vocabulary.near("swmi", 1) == [(1, "swim")]
    assert list(vocabulary.beginning_with("swi")) == ["swim", "swimming", "swims"]
    assert vocabulary.forms("swim") == {"swim", "swims", "swimming"}
    assert vocabulary.forms("unheard") == frozenset()
    larger = vocabulary.with_words(["swimmer", "swim", "zumba"])
    assert list(larger.beginning_with("swimm")) == ["swimming", "swimmer"]
    assert larger.near("zumbo", 1) == [(1, "zumba")]
    assert vocabulary.near("zumbo", 1) == []
    assert larger.with_words(["zumba"]) is larger


def test_a_held_state_does_not_change_with_later_writes(tmp_path: Path) -> None:
    search = TantivySearch(tmp_path)
    search.rebuild(MARKET)
    before = search._store.reader().columns
    search.upsert([make_listing(f"n{number:04}", name="Choir", kind="new kind") for number in range(1_100)])
    after = search._store.reader().columns
    assert (int(before.alive.sum()), int(after.alive.sum())) == (len(MARKET), len(MARKET) + 1_100)
    assert before.number_of("choir") == 1
    assert "new kind" not in before.values_counted(before.alive)["kind"]
    answer = search.search(ListingQuery(text="choir", filters={"kind": ["new kind"]}, per_page=3))
    assert (answer.total, [hit.id for hit in answer.hits]) == (1_100, ["n0000", "n0001", "n0002"])
    assert answer.facets["kind"] == {"new kind": 1_100, "community": 1}


def test_writers_in_two_processes_lose_nothing(tmp_path: Path) -> None:
    search = TantivySearch(tmp_path, lock_seconds=60)
    search.rebuild(MARKET)
    code = (
        "import sys; from pathlib import Path; from search import ListingDocument; "
        "from search.tantivy_backend import TantivySearch; s = TantivySearch(Path(sys.argv[1]), lock_seconds=60)\n"
        "for n in range(6):\n"
        "    s.upsert([ListingDocument(id=f'{sys.argv[2]}{n}', name='Juggling'),"
        " ListingDocument(id='shared', name=f'Juggling by {sys.argv[2]}')])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("worker", "clock")]
    for number in range(3):
        search.upsert([make_listing(f"here{number}", name="Juggling")])
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    found = {hit.id for hit in search.search(ListingQuery(text="juggling", per_page=200)).hits}
    assert found == {f"{name}{n}" for name in ("worker", "clock") for n in range(6)} | {
        "here0",
        "here1",
        "here2",
        "shared",
    }
    assert search.count() == len(MARKET) + 16
    assert TantivySearch(tmp_path).count() == len(MARKET) + 16


@pytest.mark.parametrize("is_committed", [False, True], ids=["before the engine", "after the engine"])
def test_a_write_that_a_dying_process_left_is_finished_by_the_next(tmp_path: Path, is_committed: bool) -> None:
    search = TantivySearch(tmp_path)
    search.rebuild(MARKET)
    folder = tmp_path / "generations" / "000001"
    batch = Batch(["choir-lune", "torn"], [make_listing("torn", name="Choir of the torn")])
    if is_committed:
        search.upsert(batch.documents)
        search.delete(["choir-lune"])
        # The engine has it; the columns do not, but for half a line.
        whole = (folder / "changes").read_bytes()
        (folder / "changes").write_bytes(whole[:20])
    (folder / "unfinished").write_bytes(msgspec.json.encode(batch) + b"\n")
    fresh = TantivySearch(tmp_path)
    fresh.upsert([make_listing("next", name="Choir after it")])
    assert [hit.id for hit in fresh.search(ListingQuery(text="choir", sort="price")).hits] == ["next", "torn"]
    assert fresh.count() == len(MARKET) + 1
    assert not (folder / "unfinished").exists()


def test_the_number_of_the_next_row_is_found_behind_long_lines(tmp_path: Path) -> None:
    search = TantivySearch(tmp_path)
    search.rebuild([])
    folder = tmp_path / "generations" / "000001"
    assert next_row(folder, 0) == 0
    search.upsert([make_listing("a", body="word " * 10), make_listing("b")])
    search.upsert([make_listing(f"c{number}", keywords=[f"{'long' * 9} {number}"] * 50) for number in range(300)])
    with (folder / "changes").open("ab") as file:
        file.write(b'[305,[["cut of')
    assert next_row(folder, 0) == 302
    assert search.count() == 302


def test_excerpts_mark_whole_words_in_any_case_and_with_accents() -> None:
    [name] = highlights("CARE home_care careful", "", ["care"])
    assert [name.text[start:end] for start, end in name.marks] == ["CARE", "care"]
    [summary] = highlights("", "Un café, a CAFÉ and cafes", ["cafe"])
    assert [summary.text[start:end] for start, end in summary.marks] == ["café", "CAFÉ"]
    assert highlights("Care", "Care", []) == []
    long_word = highlights("", f"{'x' * 300} care {'y' * 300}", ["care"])[0]
    assert [long_word.text[start:end] for start, end in long_word.marks] == ["care"]
