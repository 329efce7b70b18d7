"""The client side of Meilisearch: what is sent, and what happens when the server is away, slow or refuses."""

import socket
import time

import pytest

from search import IndexBusy, IndexUnavailable, ListingQuery
from search.meilisearch_backend import MeilisearchSearch
from tests.fakes.meilisearch_server import FakeMeilisearch, Refused
from tests.search.market import MARKET, PRESTON, PRESTON_DISTRICT, make_listing
from tests.search.openapi import FILE, description, misfits


@pytest.fixture
def search(fake_server: FakeMeilisearch) -> MeilisearchSearch:
    backend = MeilisearchSearch(fake_server.url)
    backend.rebuild(MARKET)
    return backend


def test_without_an_index_everything_but_a_rebuild_says_so(fake_server: FakeMeilisearch) -> None:
    search = MeilisearchSearch(fake_server.url)
    for call in (
        lambda: search.search(ListingQuery(text="choir")),
        lambda: search.suggest("choir"),
        lambda: search.count(),
        lambda: search.upsert([make_listing("a")]),
        lambda: search.delete(["a"]),
    ):
        with pytest.raises(IndexUnavailable):
            call()
    assert not search.is_healthy()
    assert fake_server.indexes == {}
    assert search.rebuild([make_listing("a")]) == 1
    assert search.is_healthy()


def test_a_dead_server_is_unavailable_within_three_seconds() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    search = MeilisearchSearch(f"http://127.0.0.1:{port}")
    began = time.monotonic()
    for call in (
        lambda: search.search(ListingQuery(text="choir")),
        lambda: search.upsert([make_listing("a")]),
        lambda: search.rebuild([make_listing("a")]),
    ):
        with pytest.raises(IndexUnavailable):
            call()
    assert not search.is_healthy()
    assert time.monotonic() - began < 3


def test_a_server_that_never_answers_is_unavailable_within_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.meilisearch_backend.ASK_SECONDS", 0.1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        search = MeilisearchSearch(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(IndexUnavailable):
            search.search(ListingQuery(text="choir"))


@pytest.mark.parametrize(("status", "code"), [(401, "missing_authorization_header"), (503, "internal"), (429, "busy")])
def test_a_server_that_refuses_us_is_unavailable(
    fake_server: FakeMeilisearch, search: MeilisearchSearch, status: int, code: str
) -> None:
    def refuse(method: str, path: str) -> None:
        raise Refused(status, code)

    fake_server.before = refuse
    with pytest.raises(IndexUnavailable, match=code):
        search.search(ListingQuery(text="choir"))
    assert not search.is_healthy()


def test_the_key_is_sent(request: pytest.FixtureRequest) -> None:
    server = FakeMeilisearch(api_key="right")
    request.addfinalizer(server.close)
    with pytest.raises(IndexUnavailable):
        MeilisearchSearch(server.url, "wrong").rebuild([])
    assert MeilisearchSearch(server.url, "right").rebuild([]) == 0


def test_a_task_that_does_not_end_is_busy(fake_server: FakeMeilisearch, search: MeilisearchSearch) -> None:
    slow = MeilisearchSearch(fake_server.url, task_seconds=0.05)

    def delay(method: str, path: str) -> None:
        if path.startswith("/tasks/"):
            fake_server.tasks[-1]["status"] = "processing"

    fake_server.before = delay
    with pytest.raises(IndexBusy):
        slow.upsert([make_listing("a")])


def test_a_failed_task_is_told(fake_server: FakeMeilisearch, search: MeilisearchSearch) -> None:
    def fail(method: str, path: str) -> None:
        if path.startswith("/tasks/"):
            fake_server.tasks[-1] |= {"status": "failed", "error": {"code": "no_space_left_on_device"}}

    fake_server.before = fail
    with pytest.raises(IndexUnavailable, match="no_space_left"):
        search.upsert([make_listing("a")])


def test_a_rebuild_swaps_and_tidies_up(fake_server: FakeMeilisearch, search: MeilisearchSearch) -> None:
    assert list(fake_server.indexes) == ["listings"]
    fake_server.handle("POST", "/indexes", {"uid": "listings_next", "primaryKey": "key"}, {})
    search.rebuild([make_listing("new")])
    assert list(fake_server.indexes) == ["listings"]
    assert [document["id"] for document in fake_server.indexes["listings"].documents.values()] == ["new"]


def test_an_upsert_during_a_rebuild_also_reaches_the_new_index(
    fake_server: FakeMeilisearch, search: MeilisearchSearch
) -> None:
    def documents():  # type: ignore[no-untyped-def]
        search.upsert([make_listing("added", name="Added")])
        search.delete(["added2"])
        yield make_listing("kept", name="Kept")

    search.rebuild(documents())
    assert [hit.id for hit in search.search(ListingQuery()).hits] == ["added", "kept"]


def test_phrases_with_synonyms_are_sent_as_the_word_the_settings_know(
    fake_server: FakeMeilisearch, search: MeilisearchSearch
) -> None:
    search.search(ListingQuery(text="support workers football"))
    sent = fake_server.requests[-1][2]["queries"][0]["q"]
    assert sent == "supportworker football"
    synonyms = fake_server.indexes["listings"].settings["synonyms"]
    assert {"support worker", "carer", "carers", "care workers"} <= set(synonyms["supportworker"])


def test_groups_changed_by_another_process_are_asked_with_after_a_while(
    fake_server: FakeMeilisearch, search: MeilisearchSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert search.search(ListingQuery(text="songbirds ")).total == 0
    MeilisearchSearch(fake_server.url).rebuild(MARKET, [["songbirds", "choir"], ["a | b", "choir"]])
    assert search.search(ListingQuery(text="songbirds ")).hits[0].matched == []
    monkeypatch.setattr("search.meilisearch_backend.SYNONYM_SECONDS", -1)
    assert search.search(ListingQuery(text="songbirds ")).hits[0].matched == ["choir"]


@pytest.mark.shared
def test_every_request_is_one_that_the_published_description_allows(
    fake_server: FakeMeilisearch, search: MeilisearchSearch
) -> None:
    """The contract suite checks all that it sends, too, at the end of each module (`open_engine`)."""
    if description() is None:
        pytest.skip(f"The published description of Meilisearch's API is not beside the project ({FILE}).")
    search.rebuild(MARKET, [["songbirds", "choir"]])
    search.upsert([make_listing("a", name="Choir")])
    for sort in ("relevance", "distance", "price"):
        search.search(
            ListingQuery(
                text="choirr",
                lat=PRESTON[0],
                lon=PRESTON[1],
                district=PRESTON_DISTRICT,
                radius_metres=5_000,
                sort=sort,
                filters={"kind": ["pa"], "slots": ["Saturday-morning"]},
            )
        )
    search.suggest("cho")
    search.delete(["a"])
    search.count()
    search.is_healthy()
    search.drop()
    assert len(fake_server.sent) > 40
    assert misfits(fake_server.sent) == []


@pytest.mark.shared
def test_the_check_against_the_description_finds_what_is_wrong() -> None:
    if description() is None:
        pytest.skip(f"The published description of Meilisearch's API is not beside the project ({FILE}).")
    wrong = [
        ("GET", "/nowhere", {}, None),
        ("GET", "/health", {}, {"a": 1}),
        ("POST", "/indexes", {}, {"uid": 7, "name": "x"}),
        ("POST", "/indexes/listings/documents", {"primaryKey": "key", "colour": "red"}, [{}]),
        ("POST", "/multi-search", {}, {"queries": [{"q": "choir", "limit": -1, "matchingStrategy": "best"}]}),
    ]
    assert len([request for request in wrong if misfits([request])]) == len(wrong)
