"""Taking listings off the market for as long as something they rest on is missing, and putting them back (V3, V4).

Only new things stop: search, bookings and offers. Visits that are agreed go on, and nobody is cut off.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.providers.events import EVERYWHERE, CoverChanged, ListingChanged
from marketplace.providers.models import HiddenWhy, Listing, ListingCategory, Organisation, PriceUnit
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.organisations import OrganisationRepository


def is_cover_needed(category: ListingCategory, unit: PriceUnit) -> bool:
    """Whether a listing needs liability insurance.

    All do, whatever they cost, but free advice: there nobody comes into a home, nobody is brought together, and nothing
    is lent. Source: domain.md 4.3 (insurance is part of the least that approval asks of PAs and small providers), V1, V4.
    """
    return not (category is ListingCategory.ADVICE and unit is PriceUnit.FREE)


class CoverService:
    """Brings listings in line. Nobody asks for it: it follows from evidence, dates and the register."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.evidence = EvidenceRepository(db)

    async def apply_insurance(self, organisation_id: UUID) -> int:
        """Hide or show an organisation's listings by its insurance today. Returns how many that people could see."""
        lacks = await self.evidence.is_uncovered(organisation_id, today(clock_of(self.db)))
        return await self.apply(
            organisation_id, HiddenWhy.EVIDENCE, lambda row: lacks and is_cover_needed(row.category, row.price_unit)
        )

    async def apply_to_all(self) -> int:
        """Do so for every organisation that is out of line. Returns how many there were."""
        found = await self.evidence.out_of_line(today(clock_of(self.db)))
        for organisation_id in found:
            await self.apply_insurance(organisation_id)
        return len(found)

    async def apply(self, organisation_id: UUID, why: HiddenWhy, is_hidden: Callable[[Listing], bool]) -> int:
        """Hide or show listings by the rule of one reason. Returns how many of them people can see or could."""
        organisation = await OrganisationRepository(self.db).find(organisation_id)
        hidden: list[Listing] = []
        shown: list[Listing] = []
        for row in await self.evidence.listings(organisation_id):
            # Another reason stays: when that ends, the listing's change brings it here again.
            if row.hidden_why is None and is_hidden(row):
                row.hidden_why = why
                hidden.append(row)
            elif row.hidden_why is why and not is_hidden(row):
                row.hidden_why = None
                shown.append(row)
        await self.db.flush()
        council_id = organisation.home_council_id or EVERYWHERE
        for row in (*hidden, *shown):
            publish(self.db, ListingChanged(council_id=council_id, listing_id=row.id))
            self._note(organisation, row, why)
        total = 0
        for rows, is_off in ((hidden, True), (shown, False)):
            seen = sum(row.is_published for row in rows)
            if seen:
                publish(
                    self.db,
                    CoverChanged(
                        council_id=council_id,
                        organisation_id=organisation_id,
                        why=why.value,
                        is_hidden=is_off,
                        listings=seen,
                    ),
                )
            total += seen
        return total

    def _note(self, organisation: Organisation, row: Listing, why: HiddenWhy) -> None:
        if organisation.home_council_id is None:
            return  # No council's log is the right one; the event and the messages tell of it.
        audit.record(
            self.db,
            None,
            "providers.hide_listing" if row.hidden_why else "providers.show_listing",
            council_id=organisation.home_council_id,
            subject_kind="listing",
            subject_id=row.id,
            before={"hidden_why": None if row.hidden_why else why},
            after={"hidden_why": row.hidden_why},
        )
