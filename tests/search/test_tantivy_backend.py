"""The embedded engine: files, processes, damage, and the two ways to answer a place."""

import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import tantivy

from search import IndexBusy, IndexUnavailable, ListingDocument, ListingQuery, Synonyms
from search import tantivy_question as question
from search.areas import distance_metres
from search.tantivy_backend import TantivySearch
from search.tantivy_schema import LAYOUT
from tests.search.market import MARKET, PRESTON, at, make_listing

CHOIR = ListingQuery(text="choir")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def search(folder: Path) -> Iterator[TantivySearch]:
    backend = TantivySearch(folder, lock_seconds=0.1)
    backend.rebuild(MARKET)
    yield backend
    backend.close()


def generation(folder: Path) -> Path:
    pointer = msgspec.json.decode((folder / "current").read_bytes())
    return folder / "generations" / pointer["generation"]


def test_without_an_index_everything_but_a_rebuild_says_so(folder: Path) -> None:
    search = TantivySearch(folder)
    for call in (
        lambda: search.search(CHOIR),
        lambda: search.suggest("choir"),
        lambda: search.count(),
        lambda: search.upsert([make_listing("a")]),
        lambda: search.delete(["a"]),
    ):
        with pytest.raises(IndexUnavailable):
            call()
    assert not search.is_healthy()
    assert search.rebuild([make_listing("a")]) == 1
    assert search.is_healthy()
    assert search.count() == 1


@pytest.mark.parametrize(
    "damage", ["pointer", "layout", "meta", "segment", "columns", "other columns", "terms", "changes", "folder"]
)
def test_a_damaged_index_is_unavailable_until_it_is_rebuilt(folder: Path, search: TantivySearch, damage: str) -> None:
    current = generation(folder)
    if damage == "pointer":
        (folder / "current").write_bytes(b"\xff{")
    elif damage == "layout":
        text = (folder / "current").read_text()
        (folder / "current").write_text(text.replace(f'"layout":{LAYOUT}', '"layout":999'))
    elif damage == "meta":
        (current / "meta.json").write_text("{")
    elif damage == "columns":
        (current / "columns" / "starts.npy").write_bytes(b"\x93NUMPY")
    elif damage == "other columns":
        (current / "columns" / "ids.json").write_text("[]")
    elif damage == "terms":
        (current / "columns" / "terms.json").write_text("[")
    elif damage == "changes":
        (current / "changes").unlink()
    elif damage == "segment":
        for file in current.glob("*.*"):
            if file.suffix in (".term", ".idx", ".store", ".fast", ".pos"):
                file.write_bytes(b"")
    else:
        shutil.rmtree(current)
    search.close()
    fresh = TantivySearch(folder)
    with pytest.raises(IndexUnavailable):
        fresh.search(CHOIR)
    assert not fresh.is_healthy()
    assert fresh.rebuild(MARKET) == len(MARKET)
    assert [hit.id for hit in fresh.search(CHOIR).hits] == ["choir-lune"]


def test_a_rebuild_leaves_one_generation_and_no_journal(folder: Path, search: TantivySearch) -> None:
    search.rebuild(MARKET)
    search.rebuild(MARKET)
    assert [path.name for path in (folder / "generations").iterdir()] == ["000003"]
    assert not (folder / "pending").exists()


def test_writes_during_a_rebuild_reach_the_new_index(folder: Path, search: TantivySearch) -> None:
    other = TantivySearch(folder)

    def documents() -> Iterator[ListingDocument]:
        yield make_listing("kept", name="Kept")
        yield make_listing("gone", name="Gone")
        yield make_listing("changed", name="Before")
        other.upsert([make_listing("changed", name="Afterwards"), make_listing("added", name="Added")])
        other.delete(["gone"])

    search.rebuild(documents())
    assert [hit.id for hit in other.search(ListingQuery()).hits] == ["added", "changed", "kept"]
    assert other.search(ListingQuery(text="afterwards")).total == 1


def test_a_second_rebuild_and_a_second_writer_wait_and_give_up(folder: Path, search: TantivySearch) -> None:
    other = TantivySearch(folder, lock_seconds=0.05)

    def documents() -> Iterator[ListingDocument]:
        with pytest.raises(IndexBusy):
            other.rebuild([])
        yield make_listing("a")

    search.rebuild(documents())
    writer = tantivy.Index.open(str(generation(folder))).writer(15_000_000, 1)
    with pytest.raises(IndexBusy):
        other.upsert([make_listing("b")])
    del writer
    other.upsert([make_listing("b")])
    assert other.count() == 2


def test_threads_write_and_search_together(folder: Path) -> None:
    search = TantivySearch(folder, lock_seconds=10)
    search.rebuild([])
    errors: list[Exception] = []

    def work(name: str) -> None:
        try:
            for number in range(3):
                search.upsert([make_listing(f"{name}{number}", name="Choir")])
                assert search.search(CHOIR).total > number
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert search.count() == 9


def test_a_reader_sees_what_another_process_wrote(folder: Path, search: TantivySearch) -> None:
    assert search.search(ListingQuery(text="trampolining")).total == 0
    code = (
        "import sys; from pathlib import Path; from search import ListingDocument; "
        "from search.tantivy_backend import TantivySearch; s = TantivySearch(Path(sys.argv[1])); "
        "d = ListingDocument(id='t', name='Trampolining'); "
        "s.rebuild([d]) if sys.argv[2] == 'rebuild' else s.upsert([d])"
    )
    for how, total in (("upsert", len(MARKET) + 1), ("rebuild", 1)):
        subprocess.run([sys.executable, "-c", code, str(folder), how], check=True, timeout=60)
        assert search.search(ListingQuery(text="trampolining")).total == 1
        assert search.count() == total


def test_synonyms_newer_than_the_index_work_at_once(folder: Path, search: TantivySearch) -> None:
    search.upsert([make_listing("hub", name="Library", summary="A warm space all winter.")])
    newer = TantivySearch(folder, Synonyms.default([("cosy corner", "warm space")]))
    assert [hit.id for hit in newer.search(ListingQuery(text="cosy corner")).hits] == ["hub"]
    assert newer.search(ListingQuery(text="cosy corner")).hits[0].matched == ["warm space"]


def many_listings() -> list[ListingDocument]:
    chance = random.Random(5)
    listings = []
    for number in range(300):
        base = at((PRESTON[0] + chance.gauss(0, 0.15), PRESTON[1] + chance.gauss(0, 0.25)))
        kind = chance.random()
        listings.append(
            make_listing(
                f"l{number:03}",
                name=chance.choice(["Choir", "Choir and walks", "Swimming", "Carers"]),
                kind=chance.choice(["pa", "community"]),
                rating=chance.choice(["Good", "not rated"]),
                price_pence=chance.choice([None, 500, 1_500]),
                radius_metres=chance.choice([2_000, 8_000, 25_000]) if kind < 0.7 else None,
                districts=["E1"] if 0.6 < kind < 0.85 else [],
                nationwide=kind > 0.97,
                **(base if kind < 0.95 else {}),
            )
        )
    return listings


def expected(listings: list[ListingDocument], query: ListingQuery) -> set[str]:
    """The rule of `ListingQuery`, written down once more without an index."""
    found = set()
    for one in listings:
        distance = None
        if one.lat is not None and one.lon is not None and query.point is not None:
            distance = distance_metres(*query.point, one.lat, one.lon)
        comes = one.nationwide or (one.radius_metres is None and not one.districts)
        comes = comes or (query.district is not None and query.district in one.districts)
        comes = comes or (query.district is None and one.radius_metres is None)
        comes = comes or (distance is not None and one.radius_metres is not None and distance <= one.radius_metres)
        if distance is not None and query.radius_metres is not None and distance > query.radius_metres:
            comes = False
        if comes:
            found.add(one.id)
    return found


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TantivySearch, list[ListingDocument]]]:
    backend = TantivySearch(tmp_path_factory.mktemp("crowd"))
    listings = many_listings()
    backend.rebuild(listings[:200])
    backend.upsert(listings[200:])
    yield backend, listings
    backend.close()


@pytest.mark.parametrize("few", [2, 10_000], ids=["by the index", "one by one"])
@pytest.mark.parametrize("district", [None, "E1", "E2"])
@pytest.mark.parametrize("radius", [None, 3_000, 12_000])
def test_the_place_is_exact_whichever_way_it_is_answered(
    crowd: tuple[TantivySearch, list[ListingDocument]],
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    district: str | None,
    radius: int | None,
) -> None:
    search, listings = crowd
    monkeypatch.setattr(question, "FEW_ROWS", few)
    for north in (-0.1, 0.0, 0.17):
        query = ListingQuery(
            lat=PRESTON[0] + north, lon=PRESTON[1], radius_metres=radius, district=district, per_page=200
        )
        answer = search.search(query)
        ids = [hit.id for hit in answer.hits] + [
            hit.id for hit in search.search(msgspec.structs.replace(query, page=2)).hits
        ]
        assert set(ids) == expected(listings, query)
        assert answer.total == len(ids) == sum(answer.facets["kind"].values())
        order = [(float("inf") if h.distance_metres is None else h.distance_metres) for h in answer.hits]
        assert order == sorted(order)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "choir"},
        {"text": "choir", "sort": "price"},
        {"text": "choir", "sort": "distance", "page": 3},
        {"text": "walks", "filters": {"kind": ["pa"], "rating": ["Good"]}},
        {"filters": {"kind": ["pa"]}, "page": 2},
        {"sort": "price", "page": 2},
        {"text": "swimming", "radius_metres": 9_000, "district": "E1"},
        {"text": "swiming choir"},
        {"text": "choir", "lat": None, "lon": None, "district": "E1"},
    ],
    ids=str,
)
def test_both_ways_give_the_same_answer(
    crowd: tuple[TantivySearch, list[ListingDocument]], monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]
) -> None:
    search, _ = crowd
    query = ListingQuery(**{"lat": PRESTON[0], "lon": PRESTON[1], "per_page": 7, **fields})  # type: ignore[arg-type]
    answers = []
    for few in (2, 10_000):
        monkeypatch.setattr(question, "FEW_ROWS", few)
        answer = search.search(query)
        answer.took_ms = 0.0
        answers.append(answer)
    assert answers[0] == answers[1]
    assert answers[0].total > 0


def test_an_answer_says_how_long_it_took(search: TantivySearch) -> None:
    assert 0 < search.search(CHOIR).took_ms < 1_000
