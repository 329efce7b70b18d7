"""The one face of the two search engines."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from search.documents import Answer, ListingDocument, ListingQuery


class SearchBackend(Protocol):
    """A search engine for listings. Safe to use from several threads; its methods block.

    All methods but `is_healthy` and `close` raise `IndexUnavailable` when there is no usable index.
    """

    def upsert(self, documents: Sequence[ListingDocument]) -> None:
        """Add listings or replace those with the same ids. They are found from the return on."""

    def delete(self, ids: Sequence[str]) -> None:
        """Forget listings; unknown ids are ignored."""

    def search(self, query: ListingQuery) -> Answer:
        """Answer a question. Raises `UnknownFilter` for a filter or an order that does not exist."""

    def suggest(self, prefix: str, limit: int = 8) -> list[str]:
        """Complete a half-typed phrase from what listings offer, the commonest first."""

    def rebuild(self, documents: Iterable[ListingDocument], groups: Sequence[Sequence[str]] | None = None) -> int:
        """Replace the whole index; searches are answered from the old one until the new one is complete.

        Args:
            groups: Words and phrases that mean the same, beside the usual ones. They are kept with the index, so that
                every process that opens it asks with them; a rebuild without any forgets those of the last one.

        Returns:
            Number of listings in the new index.
        """

    def count(self) -> int:
        """Number of listings in the index."""

    def is_healthy(self) -> bool:
        """Whether searches can be answered now."""

    def close(self) -> None:
        """Let go of files and connections."""


class AsyncSearch:
    """A backend for asynchronous callers: each call runs in a thread."""

    def __init__(self, backend: SearchBackend) -> None:
        """Wrap a backend, which stays reachable as `backend`."""
        self.backend = backend

    async def upsert(self, documents: Sequence[ListingDocument]) -> None:
        """See `SearchBackend.upsert`."""
        await asyncio.to_thread(self.backend.upsert, documents)

    async def delete(self, ids: Sequence[str]) -> None:
        """See `SearchBackend.delete`."""
        await asyncio.to_thread(self.backend.delete, ids)

    async def search(self, query: ListingQuery) -> Answer:
        """See `SearchBackend.search`."""
        return await asyncio.to_thread(self.backend.search, query)

    async def suggest(self, prefix: str, limit: int = 8) -> list[str]:
        """See `SearchBackend.suggest`."""
        return await asyncio.to_thread(self.backend.suggest, prefix, limit)

    async def rebuild(self, documents: Iterable[ListingDocument], groups: Sequence[Sequence[str]] | None = None) -> int:
        """See `SearchBackend.rebuild`. The iterable is read in the thread."""
        return await asyncio.to_thread(self.backend.rebuild, documents, groups)

    async def count(self) -> int:
        """See `SearchBackend.count`."""
        return await asyncio.to_thread(self.backend.count)

    async def is_healthy(self) -> bool:
        """See `SearchBackend.is_healthy`."""
        return await asyncio.to_thread(self.backend.is_healthy)

    async def close(self) -> None:
        """See `SearchBackend.close`."""
        await asyncio.to_thread(self.backend.close)
