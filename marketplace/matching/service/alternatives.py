"""What is near a person before regulated care: groups, equipment, personal assistants (B14, B2)."""

from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import INTERESTS
from marketplace.matching.models import Referral
from marketplace.people.models import Person
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.market_query import MarketQuery
from marketplace.providers.service.words import ASSISTANTS, COMMUNITY, EQUIPMENT
from search import AsyncSearch

MOST: Final = 5
MILES: Final = 10.0
INTERESTS_TRIED: Final = 2


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """One thing near the person, and why it is shown."""

    found: Result
    why: str


class AlternativeService:
    """Help near a person that is not regulated care."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        self.market = MarketService(db, search)

    async def near(self, referral: Referral, person: Person) -> list[Alternative]:
        """Return at most five things within ten miles, groups for what the person enjoys first.

        Groups come first, then personal assistants, then equipment; the nearest of each.
        """
        found: dict[str, Alternative] = {}
        if not person.postcode:
            return []
        for code in sorted(person.interests)[:INTERESTS_TRIED]:
            words = INTERESTS.get(code, code)
            await self._add(found, person, COMMUNITY, words, f"They enjoy {words[0].lower() + words[1:]}", 2)
        if len(found) < 2:
            await self._add(found, person, COMMUNITY, "", "A group nearby", 2 - len(found))
        await self._add(found, person, ASSISTANTS, "", "A personal assistant nearby, whom they would employ or book", 2)
        await self._add(found, person, EQUIPMENT, "", "Equipment that may do without a visit", 1)
        return list(found.values())[:MOST]

    async def _add(
        self, found: dict[str, Alternative], person: Person, kind: str, words: str, why: str, most: int
    ) -> None:
        results = await self.market.search(
            MarketQuery(
                words=words,
                place=person.postcode,
                miles=MILES,
                is_far_as_usual=False,
                chosen={"kind": [kind]},
                is_literal=True,
                sort="relevance" if words else "distance",
                per_page=most,
            )
        )
        for row in results.rows[:most]:
            if row.kind == kind:
                found.setdefault(row.id, Alternative(found=row, why=why))
