"""Whether there are enough organisations for each lot, and a range of them (D7)."""

from collections import Counter
from datetime import date
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.places import DISTRICT_NAMES
from marketplace.providers.models import Framework, Lot, OrganisationKind
from marketplace.providers.repository.engagement import EngagementRepository, Standing
from marketplace.providers.service.organisations import KIND_LABELS

ENOUGH: Final = 3
"""With fewer accredited organisations somebody who is turned down by one has no choice left."""
RANGE: Final = 2
"""Kinds of organisation that make a range."""
ELSEWHERE: Final = "Elsewhere or not known"


class LotSufficiency(msgspec.Struct, frozen=True, kw_only=True):
    """How many organisations there are for a lot."""

    code: str
    name: str
    accredited: int
    interested: int
    """Said that they would apply, and are not accredited now."""
    applied: int
    kinds: tuple[tuple[str, int, int], ...]
    """Kind of organisation, accredited now, interested or applying besides."""
    districts: tuple[tuple[str, int, int], ...]
    """District of the base, in the same way."""

    @property
    def is_enough(self) -> bool:
        """Whether a person has a choice even when one says no."""
        return self.accredited >= ENOUGH

    @property
    def is_range(self) -> bool:
        """Whether there is more than one kind of organisation."""
        return sum(1 for _, accredited, _ in self.kinds if accredited) >= RANGE

    @property
    def words(self) -> str:
        """Say how it stands."""
        if self.accredited == 0:
            return "None yet"
        if not self.is_enough:
            return "Too few to choose from"
        return "Enough, and a range" if self.is_range else "Enough, but all of one kind"

    @property
    def empty_districts(self) -> tuple[str, ...]:
        """Districts of the lot in which no accredited organisation is based; none where a base is not known."""
        if any(name == ELSEWHERE and accredited for name, accredited, _ in self.districts):
            return ()
        return tuple(name for name, accredited, _ in self.districts if not accredited and name != ELSEWHERE)


class SufficiencyService:
    """Counts organisations by lot."""

    def __init__(self, db: AsyncSession) -> None:
        self.engagement = EngagementRepository(db)

    async def of(
        self, framework: Framework, lots: list[Lot], council_districts: list[str], day: date
    ) -> list[LotSufficiency]:
        """Return the figures of each lot, on a day."""
        services = {lot.service_line for lot in lots}
        accredited = await self.engagement.accredited(framework, services, day)
        interested = await self.engagement.interested(framework.id)
        applied = await self.engagement.applied(framework)
        found = []
        for lot in lots:
            holders = accredited.get(lot.code, set()) | accredited.get(f"service:{lot.service_line.value}", set())
            ids = {one.organisation_id for one in holders}
            wanting = interested.get(lot.code, set())
            applying = applied.get(lot.code, set())
            others = {one for one in wanting | applying if one.organisation_id not in ids}
            found.append(
                LotSufficiency(
                    code=lot.code,
                    name=lot.name,
                    accredited=len(holders),
                    interested=sum(1 for one in wanting if one.organisation_id not in ids),
                    applied=len(applying),
                    kinds=_by_kind(holders, others),
                    districts=_by_district(holders, others, lot.district_codes or council_districts),
                )
            )
        return found


def _by_kind(holders: set[Standing], others: set[Standing]) -> tuple[tuple[str, int, int], ...]:
    now, then = Counter(one.kind for one in holders), Counter(one.kind for one in others)
    return tuple((KIND_LABELS[kind], now[kind], then[kind]) for kind in OrganisationKind if now[kind] or then[kind])


def _by_district(holders: set[Standing], others: set[Standing], codes: list[str]) -> tuple[tuple[str, int, int], ...]:
    now, then = (Counter(one.lad_code if one.lad_code in codes else "" for one in group) for group in (holders, others))
    rows = sorted((DISTRICT_NAMES.get(code, code), now[code], then[code]) for code in codes)
    if now[""] or then[""]:
        rows.append((ELSEWHERE, now[""], then[""]))
    return tuple(rows)
