"""Asks the index, or PostgreSQL while there is none; what is wished for comes first, other kinds stand beside it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import msgspec
import structlog

from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.providers.events import EVERYWHERE, SearchIndexLost
from marketplace.providers.models import ListingCategory
from marketplace.providers.service.market.places import MarketPlaces
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.market_plain import PlainSearch
from marketplace.providers.service.market_words import Understood
from marketplace.providers.service.words import ALTERNATIVES, ASSISTANTS, COMMUNITY, KIND_OF, REGULATED
from search import Answer, AsyncSearch, Hit, IndexUnavailable, ListingQuery

ALTERNATIVES_SHOWN: Final = 3
OTHER_KINDS_SHOWN: Final = 2
"""Of each kind of help that the words alone did not find."""
MIXED_KINDS: Final = (ASSISTANTS, COMMUNITY, REGULATED)
"""Kinds of help that stand beside each other where somebody asks in words (P1)."""
SENTENCE_WORDS: Final = 3
"""Fewer words name a thing, and what has that name is the answer."""
MOST_WISHED: Final = 20
"""Offers that have everything wished for and come first."""
MOST_MERGED: Final = 200
"""Results among which those are put first; further down their places are only left out."""
SAY_AGAIN_SECONDS: Final = 60.0
"""A lost index is reported at most once in this time by each process."""
log = structlog.get_logger(__name__)
_reported_at: list[float] = []


class MarketAsking(MarketPlaces):
    """Asks for hits; their rows are read by whoever asked."""

    async def _answer(self, engine: AsyncSearch, asked: ListingQuery, read: Understood) -> tuple[Answer, list[Hit]]:
        """Ask the index; what has everything wished for comes first, the rest follows in its order.

        Wishes rule nothing out: "female, Polish" must not hide the football club. With another order than the best
        match, the order that was chosen counts alone.

        Returns:
            The answer, and the hits that were put first.
        """
        if not read.wishes or asked.sort != "relevance":
            return await engine.search(asked), []
        wishes = {name: values for name, values in read.wishes.items() if name not in asked.filters}
        first = await engine.search(
            msgspec.structs.replace(asked, filters=asked.filters | wishes, page=1, per_page=MOST_WISHED)
        )
        if not first.hits or first.is_relaxed:
            return await engine.search(asked), []
        ids = {hit.id for hit in first.hits}
        until = asked.page * asked.per_page
        if until > MOST_MERGED:
            answer = await engine.search(asked)
            answer.hits = [hit for hit in answer.hits if hit.id not in ids]
            return answer, first.hits
        answer = await engine.search(msgspec.structs.replace(asked, page=1, per_page=until))
        merged = first.hits + [hit for hit in answer.hits if hit.id not in ids]
        answer.hits = merged[until - asked.per_page : until]
        return answer, first.hits

    def _report(self, error: IndexUnavailable) -> None:
        """Ask for a rebuild, in the transaction of the search, so that it is never forgotten."""
        now = clock_of(self.db).now().timestamp()
        if self.engine is None or (_reported_at and 0 <= now - _reported_at[-1] < SAY_AGAIN_SECONDS):
            return
        _reported_at[:] = [now]
        log.warning("search-index-lost", cause=str(error))
        publish(self.db, SearchIndexLost(council_id=EVERYWHERE))

    async def _plain(self, asked: ListingQuery, day: date, *, is_counted: bool = True) -> Answer:
        return await PlainSearch(self.db).answer(asked, day, is_counted=is_counted)

    async def _others(
        self, rows: Sequence[Result], asked: ListingQuery, read: Understood, day: date, *, is_plain: bool
    ) -> list[Hit]:
        """Look for help of other kinds than the first page holds, to stand beside it.

        Beside regulated care there are always alternatives in the community (B14); and a question in words without a
        kind is answered with assistants, groups and home care alike (P1).
        """
        regulated = {category.value for category, kind in KIND_OF.items() if kind == REGULATED}
        if asked.categories and not set(asked.categories) <= regulated:
            return []
        kinds = Counter(row.kind for row in rows)
        shown = {row.id for row in rows}
        found: list[Hit] = []
        if REGULATED in kinds and sum(kinds[kind] for kind in ALTERNATIVES) < ALTERNATIVES_SHOWN:
            found += await self._of_kinds(ALTERNATIVES, ALTERNATIVES_SHOWN, asked, shown, day, is_plain=is_plain)
        is_sentence = bool(read.wishes) or len(read.words.split()) >= SENTENCE_WORDS
        if is_sentence and asked.text and asked.point is not None and not asked.categories:
            for kind in MIXED_KINDS:
                if kind not in kinds and "kind" not in asked.filters:
                    seen = shown | {hit.id for hit in found}
                    found += await self._of_kinds((kind,), OTHER_KINDS_SHOWN, asked, seen, day, is_plain=is_plain)
        return found

    async def _of_kinds(
        self,
        kinds: Iterable[str],
        number: int,
        asked: ListingQuery,
        shown: set[str],
        day: date,
        *,
        is_plain: bool,
    ) -> list[Hit]:
        """Find help of some kinds, with the words if that finds any, else whatever is near."""
        for text in dict.fromkeys((asked.text, "")):
            other = msgspec.structs.replace(
                asked,
                text=text,
                categories=[ListingCategory.HOME_CARE.value] if tuple(kinds) == (REGULATED,) else [],
                filters={"kind": list(kinds)},
                page=1,
                # Of what is asked for here the page shows fewer than that.
                per_page=number * 2,
                sort="relevance",
            )
            if is_plain or self.engine is None:
                found = await self._plain(other, day, is_counted=False)
            else:
                found = await self.engine.search(other)
            hits = [hit for hit in found.hits if hit.id not in shown][:number]
            if hits:
                return hits
        return []
