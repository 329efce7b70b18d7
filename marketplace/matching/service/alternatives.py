"""What is near a person before regulated care: groups, equipment, personal assistants (B14, B2)."""

from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.words import INTERESTS
from marketplace.people.models import Person
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.words import ASSISTANTS, COMMUNITY, EQUIPMENT
from search import AsyncSearch

RADIUS_METRES: Final = 16_000
"""Ten miles."""
WANTED: Final = ((COMMUNITY, 2), (ASSISTANTS, 2), (EQUIPMENT, 1))
"""How many of each kind, in the order they are shown: what costs least and ties most to other people first."""
WHY: Final = {
    COMMUNITY: "A group nearby",
    ASSISTANTS: "A personal assistant nearby, whom they would employ or book",
    EQUIPMENT: "Equipment that may do without a visit",
}


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """One thing near the person, and why it is shown."""

    found: Result
    why: str


class AlternativeService:
    """Help near a person that is not regulated care."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        self.market = MarketService(db, search)

    async def near(self, person: Person) -> list[Alternative]:
        """Return at most five things within ten miles: groups, then personal assistants, then equipment.

        Groups are looked for with the first thing the person enjoys; where none does that, whatever is near comes.
        """
        if not person.postcode:
            return []
        enjoys = [INTERESTS.get(code, code) for code in sorted(person.interests)]
        wanted = [(kind, enjoys[0] if kind == COMMUNITY and enjoys else "", number) for kind, number in WANTED]
        lists = await self.market.nearest(person.postcode, wanted, radius_metres=RADIUS_METRES)
        return [
            Alternative(found=card, why=_why(card, kind, enjoys))
            for (kind, _, _), cards in zip(wanted, lists, strict=True)
            for card in cards
        ]


def _why(card: Result, kind: str, enjoys: list[str]) -> str:
    said = f"{card.name} {card.summary}".lower()
    shared = next((words for words in enjoys if words.lower() in said), "")
    return f"They enjoy {shared[0].lower() + shared[1:]}" if shared else WHY[kind]
