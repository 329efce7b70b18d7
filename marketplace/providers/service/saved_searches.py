"""Saved searches: a question to the market that is asked again for somebody, who hears when something new appears."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.providers.events import SavedSearchMatched
from marketplace.providers.models import SavedSearch
from marketplace.providers.repository.choosing import SavedSearchRepository
from marketplace.providers.service.comparing import ComparingService, Offer
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_query import (
    FACET_LABELS,
    MOST_PER_PAGE,
    RADIUS_CHOICES,
    MarketQuery,
    lenient_query,
    read_query,
)
from search import AsyncSearch

MOST_SEARCHES: Final = 50
LONGEST_NAME: Final = 80
WATCHED: Final = 500
"""Results that are watched, from the first on."""
REMEMBERED: Final = 2_000
"""Ids kept as seen: more than are watched, so that what leaves and comes back is not news."""
SHOWN_NEW: Final = 50

EVERY_DAYS: Final[dict[str, int]] = {"daily": 1, "weekly": 7, "never": 1}
"""How often it tells; "never" only shows what is new when it is opened."""

NOT_ASKED: Final = "not-asked"
"""Stands in `seen_ids` until a search was asked with an index: that first answer is stored, nobody is told of it."""

LATER: Final = timedelta(hours=1)
"""When a search is tried again that found no index."""


class SearchForm(msgspec.Struct, frozen=True, kw_only=True):
    """Name of a saved search and how often it tells."""

    name: str
    often: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        found = cls(
            name=form.text("name", "a name for the search", longest=LONGEST_NAME),
            often=form.option("often", "how often we tell you", list(EVERY_DAYS)),
        )
        form.done()
        return found


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a saved search shows."""

    row: SavedSearch
    question: list[str]
    """The question in words."""
    new: list[Offer]
    new_count: int
    """How many are new, the ones that left the market since included."""


def parameters(query: MarketQuery) -> dict[str, Any]:
    """Return the parameters of a question's address: lists of texts by name."""
    return {name: list(values) for name, values in parse_qs(urlsplit(query.address()).query).items()}


def read_parameters(text: str) -> MarketQuery:
    """Read a question from the part of an address behind the question mark.

    Raises:
        InvalidInput: On `form`, when the search page would refuse it.
    """
    try:
        return read_query(parse_qs(text[:4_000], max_num_fields=200))
    except InvalidInput as error:
        raise InvalidInput({"form": next(iter(error.fields.values()))}) from error
    except ValueError as error:
        raise InvalidInput({"form": "This search has too many parts. Start again from the search page"}) from error


def query_of(row: SavedSearch) -> MarketQuery:
    """Return the question of a saved search; a filter that no longer exists is left out."""
    return lenient_query(row.question)


async def found_ids(market: MarketService, query: MarketQuery, most: int = WATCHED) -> tuple[list[str], bool]:
    """Ask the market and return the first ids, and whether PostgreSQL answered because there is no index."""
    ids: list[str] = []
    page = 1
    while len(ids) < most:
        results = await market.search(msgspec.structs.replace(query, page=page, per_page=MOST_PER_PAGE))
        ids += [row.id for row in results.rows]
        if results.is_plain:
            return ids, True
        if page * MOST_PER_PAGE >= results.total:
            break
        page += 1
    return list(dict.fromkeys(ids))[:most], False


class SavedSearchService:
    """The verbs of saved searches."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = SavedSearchRepository(db)
        self.market = MarketService(db, search)

    async def mine(self, principal: Principal) -> list[SavedSearch]:
        """Return one's own searches, the newest first."""
        principal.require(Permission.SAVED_OWN)
        return list(await self.rows.all_own(principal.council_id, principal.user_id, MOST_SEARCHES))

    async def find(self, principal: Principal, search_id: UUID, *, locked: bool = False) -> SavedSearch:
        """Return one's own search.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        principal.require(Permission.SAVED_OWN)
        return await self.rows.own(principal.council_id, principal.user_id, search_id, locked=locked)

    async def page(self, principal: Principal, search_id: UUID) -> SearchPage:
        """Return what is new to a search. One that tells nobody is asked now, since no job asks it.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        row = await self.find(principal, search_id)
        new_ids = list(row.new_ids)
        if not row.is_telling and NOT_ASKED not in row.seen_ids:
            ids, is_plain = await found_ids(self.market, query_of(row))
            seen = {*row.seen_ids, *new_ids}
            new_ids += [] if is_plain else [found for found in ids if found not in seen]
        cards = await ComparingService(self.db).cards(new_ids[:SHOWN_NEW])
        return SearchPage(
            row=row,
            question=question_words(query_of(row)),
            new=[cards[found] for found in new_ids[:SHOWN_NEW] if found in cards],
            new_count=len(new_ids),
        )

    async def save(self, principal: Principal, query: MarketQuery, form: SearchForm) -> SavedSearch:
        """Keep a question. What is there now counts as seen.

        Raises:
            InvalidInput: Somebody has fifty already.
        """
        if len(await self.mine(principal)) >= MOST_SEARCHES:
            raise InvalidInput({"name": f"You have {MOST_SEARCHES} saved searches. Delete one you no longer need"})
        now = self.clock.now()
        ids, is_plain = await found_ids(self.market, query)
        row = SavedSearch(
            council_id=principal.council_id,
            owner_user_id=principal.user_id,
            name=form.name,
            question=parameters(query),
            is_telling=form.often != "never",
            every_days=EVERY_DAYS[form.often],
            seen_ids=[NOT_ASKED] if is_plain else ids,
            new_ids=[],
            next_run_at=now if is_plain else now + timedelta(days=EVERY_DAYS[form.often]),
            created_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, "providers.save_search", row)
        return row

    async def open(self, principal: Principal, search_id: UUID) -> str:
        """Mark all results as seen; returns the address of the search.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        row = await self.find(principal, search_id, locked=True)
        query = query_of(row)
        ids, seen = list(row.new_ids), list(row.seen_ids)
        if not row.is_telling:
            found, is_plain = await found_ids(self.market, query)
            if not is_plain:
                ids += found
                seen = [one for one in seen if one != NOT_ASKED]
        row.seen_ids, row.new_ids = _remembered(ids, seen), []
        await self.db.flush()
        return query.address()

    async def tell(self, principal: Principal, search_id: UUID, *, is_telling: bool) -> None:
        """Pause a search, or go on telling, of what appeared meanwhile, too.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        row = await self.find(principal, search_id, locked=True)
        if row.is_telling == is_telling:
            return
        row.is_telling = is_telling
        if is_telling:
            row.next_run_at = self.clock.now() + timedelta(days=row.every_days)
        await self.db.flush()
        self._note(principal, "providers.tell_of_search" if is_telling else "providers.pause_search", row)

    async def delete(self, principal: Principal, search_id: UUID) -> None:
        """Delete a search.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        row = await self.find(principal, search_id, locked=True)
        self._note(principal, "providers.delete_saved_search", row)
        await self.db.delete(row)
        await self.db.flush()

    # For the job

    async def ask_again(self, row: SavedSearch) -> int:
        """Ask a search again that is locked and due. Returns how many results are new; its owner is told of them once.

        Without an index nothing is compared (PostgreSQL alone finds other things) and the search waits an hour.
        """
        now = self.clock.now()
        if not row.is_telling or row.next_run_at > now:
            return 0
        ids, is_plain = await found_ids(self.market, query_of(row))
        if is_plain:
            row.next_run_at = now + LATER
            await self.db.flush()
            return 0
        is_first = NOT_ASKED in row.seen_ids
        known = {*row.seen_ids, *row.new_ids}
        new = [] if is_first else [found for found in ids if found not in known]
        row.seen_ids = _remembered(
            [found for found in ids if found not in new], [seen for seen in row.seen_ids if seen != NOT_ASKED]
        )
        row.new_ids = [*new, *row.new_ids][:WATCHED]
        row.next_run_at = _next(row.next_run_at, now, row.every_days)
        await self.db.flush()
        if new:
            event = SavedSearchMatched(
                council_id=row.council_id, saved_search_id=row.id, user_id=row.owner_user_id, found=len(new)
            )
            publish(self.db, event)
        return len(new)

    def _note(self, principal: Principal, action: str, row: SavedSearch) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="saved_search",
            subject_id=row.id,
            after={"is_telling": row.is_telling, "every_days": row.every_days},
        )


def _remembered(now: list[str], before: list[str]) -> list[str]:
    """Join ids, the present ones first, without repetitions and bounded."""
    return list(dict.fromkeys([*now, *before]))[:REMEMBERED]


def _next(due: datetime, now: datetime, every_days: int) -> datetime:
    """Return the first time after now in a search's own rhythm, however long nobody ran it."""
    step = timedelta(days=every_days)
    return due + step * ((now - due) // step + 1)


def question_words(query: MarketQuery) -> list[str]:
    """Write a question in short parts: what, where, how far, and what is ticked."""
    parts = [f"“{query.words}”"] if query.words else []
    if query.place:
        reach = dict(RADIUS_CHOICES).get(query.radius_choice, "")
        parts.append(f"near {query.place} ({reach[:1].lower()}{reach[1:]})")
    for name, values in query.chosen.items():
        if name in FACET_LABELS:
            heading, labels = FACET_LABELS[name]
            parts.append(f"{heading}: {', '.join(labels.get(value, value) for value in values)}")
    return parts or ["Everything on the market"]
