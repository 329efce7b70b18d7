"""Answers questions: the words are taken apart, the index is asked, the rows are read."""

from collections.abc import Sequence

import msgspec

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.ids import parse_id
from marketplace.providers.models import ListingCategory
from marketplace.providers.repository.market import REGISTER_PREFIX
from marketplace.providers.service.kind_words import kinds_named
from marketplace.providers.service.market.asking import MarketAsking
from marketplace.providers.service.market.councils import MarketCouncils
from marketplace.providers.service.market.places import ENGLAND_ONLY, Where
from marketplace.providers.service.market.results import Results
from marketplace.providers.service.market_cards import CardMaker, Result, needs_time_left
from marketplace.providers.service.market_query import MarketQuery
from marketplace.providers.service.market_words import Understood, read_words
from marketplace.providers.service.weekly import Purse
from search import Hit, IndexUnavailable, ListingQuery


class MarketService(MarketAsking, MarketCouncils):
    """Answers questions to the market. Needs no council scope: everything here is public."""

    async def search(self, query: MarketQuery, *, purse: Purse | None = None) -> Results:
        """Answer a question.

        Args:
            query: The question.
            purse: The direct payment of who asks, to say what of a price they pay themselves.
        """
        read, where = await self._understand(query)
        now = clock_of(self.db).now()
        day = today(clock_of(self.db))
        kinds = () if query.is_literal or "category" in query.chosen else kinds_named(read.words)
        asked = _asked(query, query.words if query.is_literal else read.sought, kinds, where)
        wished: list[Hit] = []
        is_plain = False
        try:
            if self.engine is None:
                raise IndexUnavailable("This process has no index.")
            answer, wished = await self._answer(self.engine, asked, read)
        except IndexUnavailable as error:
            is_plain = True
            self._report(error)
            answer = await self._plain(asked, day)
        maker = CardMaker(
            now=now,
            day=day,
            has_question=bool(query.words or where.label),
            has_place=bool(where.label),
            days=query.chosen.get("days") or read.taken.get("days") or (),
            times=query.chosen.get("times") or read.taken.get("times") or (),
            wanted_tenths=query.amount_tenths,
            purse=purse,
        )
        rows = await self._cards(answer.hits, maker)
        others: list[Result] = []
        if query.page == 1 and rows:
            hits = await self._others(rows, asked, read, day, is_plain=is_plain)
            others = await self._cards(hits, maker) if hits else []
        return Results(
            total=answer.total,
            rows=rows,
            alternatives=others,
            facets=answer.facets,
            suggestion=answer.suggestion,
            is_relaxed=answer.is_relaxed,
            is_plain=is_plain,
            is_counted=answer.is_counted,
            where=where,
            read=read,
            kinds_named=kinds,
            wished=len(wished),
            purse=purse,
        )

    async def nearest(
        self,
        place: str,
        wanted: Sequence[tuple[str, str, int]],
        *,
        radius_metres: int,
        wanted_tenths: int | None = None,
    ) -> list[list[Result]]:
        """Find help of some kinds near a place, for pages of other packages that show it beside their own.

        Args:
            place: A postcode or a town.
            wanted: Kind, words ("" for whatever is near) and how many at most, one entry a list.
            radius_metres: How far.
            wanted_tenths: Units a week that the weekly cost is worked out for, in tenths; None: what is usual.

        Returns:
            A list for each entry, in their order; all empty when we do not know the place. Words that find nothing are
            left out.
        """
        where = await self.where(place)
        if where.point is None:
            return [[] for _ in wanted]
        now, day = clock_of(self.db).now(), today(clock_of(self.db))
        base = ListingQuery(
            text="",
            lat=where.lat,
            lon=where.lon,
            radius_metres=radius_metres,
            categories=[],
            filters={},
            district=where.lad_code,
            sort="relevance",
            page=1,
            per_page=1,
        )
        maker = CardMaker(
            now=now,
            day=day,
            has_question=True,
            has_place=True,
            days=(),
            times=(),
            wanted_tenths=wanted_tenths,
            purse=None,
        )
        hits: list[list[Hit]] = []
        is_plain = self.engine is None
        for kind, words, number in wanted:
            asked = msgspec.structs.replace(base, text=words)
            try:
                hits.append(await self._of_kinds((kind,), number, asked, set(), day, is_plain=is_plain))
            except IndexUnavailable as error:
                is_plain = True
                self._report(error)
                hits.append(await self._of_kinds((kind,), number, asked, set(), day, is_plain=is_plain))
        cards = {card.id: card for card in await self._cards([hit for found in hits for hit in found], maker)}
        return [[cards[hit.id] for hit in found if hit.id in cards] for found in hits]

    async def _understand(self, query: MarketQuery) -> tuple[Understood, Where]:
        """Take the words apart and find the place; words that name no place we know stay words."""
        if query.is_literal:
            return Understood(words=query.words), await self.where(query.place)
        read = read_words(query.words, with_place=not query.place)
        where = await self.where(query.place or read.place)
        if read.place and not where.label and not where.notice.startswith(ENGLAND_ONLY):
            # "B12 injections": no such postcode is known, so it was none.
            return read_words(query.words, with_place=False), Where()
        if read.is_near_me and not where.label and not where.notice:
            where = msgspec.structs.replace(where, notice="To see what is near you, enter your postcode or town.")
        return read, where

    async def _cards(self, hits: Sequence[Hit], maker: CardMaker) -> list[Result]:
        """Read the rows of the hits from PostgreSQL; what left the market since it was indexed is left out."""
        ids = [parse_id(hit.id) for hit in hits]
        own = [found for found in ids if found is not None]
        theirs = [hit.id.removeprefix(REGISTER_PREFIX) for hit in hits if hit.id.startswith(REGISTER_PREFIX)]
        listings = await self.facts.cards(own, maker.day) if own else {}
        locations = await self.facts.register_cards(theirs) if theirs else {}
        left = await self.facts.free_minutes(
            {row.worker_id for row in listings.values() if needs_time_left(row, maker.now)}, maker.day
        )
        cards: list[Result] = []
        for hit, listing_id in zip(hits, ids, strict=True):
            if listing_id is not None and listing_id in listings:
                cards.append(maker.listing(listings[listing_id], hit, left))
            elif (location := locations.get(hit.id.removeprefix(REGISTER_PREFIX))) is not None:
                cards.append(maker.register(location, hit))
        return cards


def _asked(query: MarketQuery, words: str, kinds: Sequence[ListingCategory], where: Where) -> ListingQuery:
    chosen = dict(query.chosen)
    categories = chosen.pop("category", [])
    if kinds:
        categories = [kind.value for kind in kinds]
    if "days" in chosen and "times" in chosen:
        # Both ticked: Saturday and morning is a Saturday morning, not any time on Saturday and some other morning.
        days, times = chosen.pop("days"), chosen.pop("times")
        chosen["slots"] = [f"{day}-{part}" for day in days for part in times]
    return ListingQuery(
        # Every one of a kind that was named fits alike: the nearest comes first, whatever its name.
        text="" if kinds else words,
        lat=where.lat,
        lon=where.lon,
        radius_metres=query.radius_metres if where.point else None,
        categories=categories,
        filters=chosen,
        district=where.lad_code,
        sort=query.sort,
        page=query.page,
        per_page=query.per_page,
    )
