"""Backends to test: the embedded engine, and the client of the server against the fake and, if told, a real one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from search import SearchBackend
from search.meilisearch_backend import MeilisearchSearch
from search.tantivy_backend import TantivySearch
from tests.fakes.meilisearch_server import FakeMeilisearch
from tests.search.market import MARKET
from tests.search.openapi import misfits

ENGINES = ["tantivy", "fake-meilisearch", *(["meilisearch"] if os.environ.get("MEILISEARCH_URL") else [])]

Open = Callable[[str], SearchBackend]


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """On a busy machine the fake, which reads every document, needs longer than a real server may."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.meilisearch_backend.ASK_SECONDS", 30)
        yield


@pytest.fixture(scope="module")
def open_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Open new backends by engine, each with an index of its own; all are closed at the end."""
    opened: list[SearchBackend] = []
    servers: list[FakeMeilisearch] = []
    real: list[MeilisearchSearch] = []

    def open_one(engine: str) -> SearchBackend:
        backend: SearchBackend
        if engine == "tantivy":
            backend = TantivySearch(Path(tmp_path_factory.mktemp("index")))
        elif engine == "fake-meilisearch":
            servers.append(FakeMeilisearch())
            backend = MeilisearchSearch(servers[-1].url)
        else:
            key = os.environ.get("MEILISEARCH_API_KEY")
            backend = MeilisearchSearch(os.environ["MEILISEARCH_URL"], key, index=f"test-{uuid4().hex}")
            real.append(backend)
        opened.append(backend)
        return backend

    yield open_one
    for backend in real:
        backend.drop()
    for one in opened:
        one.close()
    for server in servers:
        server.close()
        # All that the contract made the client send is held against the published description, where that is present.
        assert misfits(server.sent) == []


@pytest.fixture(params=ENGINES)
def empty(request: pytest.FixtureRequest, open_engine: Open) -> SearchBackend:
    """A backend whose index holds nothing yet, for tests that write."""
    backend = open_engine(request.param)
    backend.rebuild([])
    return backend


@pytest.fixture(scope="module", params=ENGINES)
def market(request: pytest.FixtureRequest, open_engine: Open) -> SearchBackend:
    """A backend with the market, for tests that only ask."""
    backend = open_engine(request.param)
    backend.rebuild(MARKET)
    return backend


@pytest.fixture
def fake_server() -> Iterator[FakeMeilisearch]:
    """A Meilisearch of its own."""
    server = FakeMeilisearch()
    yield server
    server.close()
