"""The market as anybody sees it: find a place, ask the index (or PostgreSQL while there is none), read the rows."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.ids import parse_id
from marketplace.core.outbox import publish
from marketplace.core.places import Postcode, parse_outward
from marketplace.providers.events import EVERYWHERE, SearchIndexLost
from marketplace.providers.models import ListingCategory
from marketplace.providers.repository.market import REGISTER_PREFIX, MarketRepository
from marketplace.providers.repository.market_facts import MarketFacts
from marketplace.providers.repository.places import PlaceRepository, near_town
from marketplace.providers.service.kind_words import kinds_named
from marketplace.providers.service.market_cards import CardMaker, Result, needs_time_left
from marketplace.providers.service.market_plain import PlainSearch
from marketplace.providers.service.market_query import MarketQuery
from marketplace.providers.service.market_words import Understood, read_words
from marketplace.providers.service.weekly import Purse
from marketplace.providers.service.words import ALTERNATIVES, ASSISTANTS, COMMUNITY, KIND_OF, REGULATED
from search import Answer, AsyncSearch, Hit, IndexUnavailable, ListingQuery

log = structlog.get_logger(__name__)

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
COUNCILS_SHOWN: Final = 8
ENGLAND_ONLY: Final = "This service covers England."
SAY_AGAIN_SECONDS: Final = 60.0
"""A lost index is reported at most once in this time by each process."""

NAMES_KEPT_SECONDS: Final = 300.0

_reported_at: list[float] = []
_names: dict[str, str] = {}
_names_from: list[float] = []


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The searcher's place, as far as we know it."""

    lat: float | None = None
    lon: float | None = None
    lad_code: str | None = None
    label: str = ""
    """As results name it: "PR1 2HE", "Preston"."""
    notice: str = ""
    """What to tell the searcher about the place, "" when all is well."""
    near: str = ""
    """A town that a misspelt name may mean."""
    council_id: UUID | None = None
    """The council of this installation that the place lies in."""
    council_name: str = ""

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude, None without a place."""
        return (self.lat, self.lon) if self.lat is not None and self.lon is not None else None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """An answered question."""

    total: int
    rows: list[Result]
    alternatives: list[Result]
    facets: dict[str, dict[str, int]]
    suggestion: str | None
    is_relaxed: bool
    is_plain: bool
    """Answered by PostgreSQL, because the index is being built."""
    is_counted: bool
    """Whether the total is whole; else there are at least so many."""
    where: Where
    read: Understood
    """What the words say beside the thing looked for."""
    kinds_named: tuple[ListingCategory, ...]
    """The kinds of support that the words name."""
    wished: int
    """Results that have everything wished for; 0 when nothing was wished, or nothing has it all."""
    purse: Purse | None


class MarketService:
    """Answers questions to the market. Needs no council scope: everything here is public."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        """Take a session and the engine of this process, None to use PostgreSQL alone."""
        self.db = db
        self.engine = search
        self.market = MarketRepository(db)
        self.facts = MarketFacts(db)

    # Where

    async def where(self, text: str) -> Where:
        """Find the place that somebody typed; what we do not know becomes a notice, never an error."""
        if not text:
            return Where()
        places = PlaceRepository(self.db)
        postcode = Postcode.parse(text)
        outward = parse_outward(text) if postcode is None else postcode.outward
        if (postcode is not None and postcode.is_northern_ireland) or (outward or "").startswith("BT"):
            return Where(
                notice=f"{ENGLAND_ONLY} For care in Northern Ireland, contact your local Health and "
                "Social Care Trust. You can still search with a postcode or town in England."
            )
        if postcode is not None:
            found = await self.facts.place(postcode)
            if found is not None:
                return Where(
                    lat=found.lat,
                    lon=found.lon,
                    lad_code=found.lad_code,
                    label=postcode.text,
                    council_id=found.council_id,
                    council_name=found.council_name,
                )
        if outward is not None:
            middle = await places.outward(outward)
            if middle is not None:
                notice = f"We do not know {postcode.text}. These results are around {outward}." if postcode else ""
                return Where(lat=middle[0], lon=middle[1], label=outward, notice=notice)
        if postcode is None:
            town = await places.town(text)
            if town is not None:
                (lat, lon), name = town
                return Where(lat=lat, lon=lon, label=name)
        return Where(
            notice=f"We do not know the place “{text}”. These results are not limited to an area. Check the postcode, "
            "or try the name of a town.",
            near=near_town(text) or "" if postcode is None and outward is None else "",
        )

    # Search

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

    async def council_to_ring(self, where: Where) -> list[Council]:
        """Return the council of a place, or all of them where the place has none; for a search that found nothing."""
        councils = [council for council in await self.market.councils() if council.contact_phone]
        own = [council for council in councils if where.lad_code in council.district_codes]
        return own or councils

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

    # Rows

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

    # Councils

    async def councils_to_choose(
        self, query: MarketQuery, results: Results, principal: Principal | None
    ) -> dict[str, str]:
        """Return the councils whose accreditation can be ticked, by id: mine, the chosen ones, or those found.

        Mine is that of the place, else that of who is signed in; with neither it may be any that the results name.
        """
        found: dict[str, str] = {}
        if results.where.council_id is not None:
            found[str(results.where.council_id)] = results.where.council_name
        elif principal is not None:
            found[str(principal.council_id)] = principal.council_name
        counts = results.facets.get("councils", {})
        others = query.chosen.get("councils", []) if found else [*query.chosen.get("councils", []), *counts]
        wanted = [one for text in others[:COUNCILS_SHOWN] if text not in found and (one := parse_id(text)) is not None]
        return found | (await self._names(wanted) if wanted else {})

    async def _names(self, ids: Sequence[UUID]) -> dict[str, str]:
        """Return the short names of councils, kept for some minutes: they stand on every page without a place."""
        now = time.monotonic()
        if _names_from and not 0 <= now - _names_from[-1] < NAMES_KEPT_SECONDS:
            _names.clear()
        if any(str(one) not in _names for one in ids):
            _names.update(await self.facts.council_names(ids))
            _names_from[:] = [now]
        return {str(one): _names[str(one)] for one in ids if str(one) in _names}


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


def _whole(metres: float | None) -> int | None:
    return round(metres) if metres is not None else None
