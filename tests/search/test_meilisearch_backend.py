"""The client side of Meilisearch: what is sent, and what happens when the server is away, slow or refuses."""

import lzma
import re
import socket
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from search import IndexBusy, IndexUnavailable, ListingQuery
from search.meilisearch_backend import MeilisearchSearch
from tests.fakes.meilisearch_server import FakeMeilisearch, Refused
from tests.search.market import MARKET, PRESTON, PRESTON_DISTRICT, make_listing

SPECIFICATION = next(
    (
        file
        for parent in Path(__file__).parents
        if (file := parent / "shared/data/specs/meilisearch/meilisearch_openapi_1.53.0.json.xz").exists()
    ),
    None,
)


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


@pytest.mark.shared
def test_every_request_is_one_that_the_published_description_knows(
    fake_server: FakeMeilisearch, search: MeilisearchSearch
) -> None:
    if SPECIFICATION is None:
        pytest.skip("The published description of Meilisearch's API is not beside the project.")
    specification = msgspec.json.decode(lzma.decompress(SPECIFICATION.read_bytes()))
    search.upsert([make_listing("a", name="Choir")])
    search.search(
        ListingQuery(
            text="choirr",
            lat=PRESTON[0],
            lon=PRESTON[1],
            district=PRESTON_DISTRICT,
            radius_metres=5_000,
            sort="distance",
            filters={"kind": ["pa"]},
        )
    )
    search.suggest("cho")
    search.delete(["a"])
    search.count()
    search.is_healthy()
    assert len(fake_server.requests) > 20
    problems = [problem for request in fake_server.requests for problem in misfits(specification, *request)]
    assert problems == []


def misfits(specification: dict[str, Any], method: str, path: str, body: Any) -> list[str]:
    """Compare a request with the description: path, method, known properties, required ones, plain types."""
    for template, methods in specification["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in methods:
            content = methods[method.lower()].get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                return [] if body is None else [f"{method} {path} takes no body"]
            return list(differences(specification, content["schema"], body, f"{method} {path}"))
    return [f"{method} {path} does not exist"]


def differences(specification: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> list[str]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return differences(specification, specification["components"]["schemas"][name], value, where)
    if list(schema.get("properties", {})) == ["patterns"]:
        # Described as an object around a list; the server's manual and its clients send the list itself.
        return differences(specification, schema["properties"]["patterns"], value, where)
    if "oneOf" in schema:
        tried = [differences(specification, choice, value, where) for choice in schema["oneOf"]]
        return min(tried, key=len)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, PYTHON[kind]) for kind in kinds):
        return [f"{where}: {value!r} is no {kinds}"]
    found: list[str] = []
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name in schema["properties"]:
                found += differences(specification, schema["properties"][name], inner, f"{where}.{name}")
            else:
                found.append(f"{where}.{name} is unknown")
        found += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
    if isinstance(value, list) and "items" in schema:
        for inner in value:
            found += differences(specification, schema["items"], inner, f"{where}[]")
    return found


PYTHON: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
