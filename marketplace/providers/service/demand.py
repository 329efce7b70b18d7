"""Unmet need: what was looked for and not found, by place, kind and time; never who looked (T4, T7, R1)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.accounts.models import Council
from marketplace.accounts.words import INTERESTS, LANGUAGES, NEEDS
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.places import Postcode, parse_outward
from marketplace.providers.models import CATEGORY_LABELS, ListingCategory, UnmetSource
from marketplace.providers.repository.demand import DemandRepository, Want
from marketplace.providers.service.words import WEEKDAYS
from search import Synonyms
from search.units import units_of
from search.words import stems_of, words_of

TIMES_OF_DAY: Final = ("morning", "afternoon", "evening", "night")
MOST_WORDS: Final = 6
_districts: dict[tuple[float, float], tuple[str, str] | None] = {}
"""District and outward code near the middle of a town: looked up once by each process."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody looked for, as a search knows it."""

    words: str = ""
    """As typed; only words of our vocabulary are kept."""
    category: str = ""
    days: Sequence[str] = ()
    """Names of days."""
    times_of_day: Sequence[str] = ()
    place: str = ""
    """As typed: a postcode, an outward code or a town."""
    lat: float | None = None
    lon: float | None = None
    lad_code: str | None = None


@lru_cache(maxsize=1)
def _synonyms() -> Synonyms:
    return Synonyms.default()


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """Stems of the words that stand in our own labels."""
    labels = (*CATEGORY_LABELS.values(), *NEEDS.values(), *INTERESTS.values(), *LANGUAGES, *WEEKDAYS, *TIMES_OF_DAY)
    return frozenset(stems_of(words_of(" ".join(labels))))


def known_words(text: str) -> str:
    """Keep of a text only what the market itself has words for, sorted: "carer for John in Leyland" becomes "carer".

    Names, addresses and whatever else people type do not stand in our vocabulary and are dropped.
    """
    kept: dict[str, None] = {}
    for unit in units_of(text, _synonyms()):
        if unit.synonyms:
            kept[" ".join(unit.words)] = None
        else:
            kept.update(
                (word, None)
                for word, stem in zip(unit.words, stems_of(unit.words), strict=True)
                if stem in _vocabulary()
            )
    return " ".join(sorted(kept)[:MOST_WORDS])


def _digits(days: Iterable[str]) -> str:
    return "".join(str(number) for number, name in enumerate(WEEKDAYS) if name in days)


class DemandService:
    """Counts unmet need. Anybody may: nothing about them is kept."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.demand = DemandRepository(db)

    async def say(self, looked: Looked) -> Council | None:
        """Count a wish that somebody said nothing suits.

        Returns:
            The council that sees it; None where no council here serves the place, and nothing was counted.
        """
        return await self._count(UnmetSource.SAID, looked)

    async def note_few(self, looked: Looked, found: int) -> None:
        """Count a search that found next to nothing, by the council's own measure (`providers.few_results`)."""
        council = await self._council(looked)
        if council is not None:
            least = await setting(self.db, council[0].id, "providers.few_results", today(clock_of(self.db)))
            if found < int(least):
                await self._add(UnmetSource.FEW_RESULTS, looked, *council)

    async def _count(self, source: UnmetSource, looked: Looked) -> Council | None:
        council = await self._council(looked)
        if council is None:
            return None
        await self._add(source, looked, *council)
        return council[0]

    async def _council(self, looked: Looked) -> tuple[Council, str, str] | None:
        """Return the council of a place with its district and outward code; the transaction is then limited to it."""
        postcode = Postcode.parse(looked.place)
        outward = postcode.outward if postcode is not None else parse_outward(looked.place) or ""
        lad_code = looked.lad_code or ""
        if not lad_code and looked.lat is not None and looked.lon is not None:
            key = (round(looked.lat, 3), round(looked.lon, 3))
            if key not in _districts:
                _districts[key] = await self.demand.district_near(*key)
            near = _districts[key]
            lad_code = near[0] if near else ""
        council = await self.demand.council_of(lad_code) if lad_code else None
        if council is None:
            return None
        await scope_to(self.db, [council.id])
        return council, lad_code, outward

    async def _add(self, source: UnmetSource, looked: Looked, council: Council, lad_code: str, outward: str) -> None:
        categories = {category.value for category in ListingCategory}
        await self.demand.add(
            council.id,
            today(clock_of(self.db)),
            Want(
                source=source,
                category=looked.category if looked.category in categories else "",
                wanted=known_words(looked.words),
                outward=outward,
                lad_code=lad_code,
                days=_digits(looked.days),
                times_of_day=" ".join(name for name in TIMES_OF_DAY if name in looked.times_of_day),
            ),
        )
