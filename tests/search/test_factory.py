"""Choosing the engine, and calling it from asynchronous code."""

import asyncio
import threading
from pathlib import Path

from search import AsyncSearch, ListingQuery, Synonyms, open_backend
from search.meilisearch_backend import MeilisearchSearch
from search.tantivy_backend import TantivySearch
from tests.fakes.meilisearch_server import FakeMeilisearch
from tests.search.market import MARKET, make_listing


def test_an_address_chooses_the_server_and_none_the_folder(tmp_path: Path, fake_server: FakeMeilisearch) -> None:
    assert isinstance(open_backend(tmp_path, None, None), TantivySearch)
    assert isinstance(open_backend(tmp_path, "", None), TantivySearch)
    server = open_backend(tmp_path, f"{fake_server.url}/", "key")
    assert isinstance(server, MeilisearchSearch)
    assert server.rebuild(MARKET) == len(MARKET)


def test_own_synonyms_are_used(tmp_path: Path) -> None:
    search = open_backend(tmp_path / "index", None, None, Synonyms.default([("warm hub", "memory lane")]))
    search.rebuild(MARKET)
    assert [hit.id for hit in search.search(ListingQuery(text="warm hubs")).hits] == ["choir-lune"]
    search.close()


def test_calls_from_asynchronous_code_run_in_other_threads(tmp_path: Path) -> None:
    async def use() -> None:
        search = AsyncSearch(open_backend(tmp_path / "index", None, None))
        assert not await search.is_healthy()
        seen: list[int] = []

        def documents():  # type: ignore[no-untyped-def]
            seen.append(threading.get_ident())
            yield from MARKET

        assert await search.rebuild(documents()) == len(MARKET)
        assert seen != [threading.get_ident()]
        await search.upsert([make_listing("new", name="Juggling")])
        assert (await search.search(ListingQuery(text="juggling"))).total == 1
        await search.delete(["new"])
        assert await search.count() == len(MARKET)
        assert await search.suggest("hois") == ["hoist", "hoists direct"]
        await search.close()

    asyncio.run(use())
