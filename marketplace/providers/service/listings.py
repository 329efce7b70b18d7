"""What providers do with their own listings."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.core.places import METRES_PER_MILE
from marketplace.providers.events import ListingChanged
from marketplace.providers.models import Listing, PriceUnit
from marketplace.providers.repository.listings import ListingRepository

MOST_MILES: Final = 100
HIGHEST_PRICE_PENCE: Final = 1_000_000_00

UNIT_LABELS: Final[dict[PriceUnit, str]] = {
    PriceUnit.FREE: "It is free",
    PriceUnit.HOUR: "An hour",
    PriceUnit.VISIT: "A visit",
    PriceUnit.SESSION: "A session",
    PriceUnit.WEEK: "A week",
    PriceUnit.PLAN: "A plan",
    PriceUnit.ONCE: "One payment",
}


class ListingForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider may change on a listing."""

    title: str
    summary: str
    price_pence: int
    price_unit: PriceUnit
    radius_metres: int | None
    is_nationwide: bool
    is_published: bool
    version: int
    """The version that the page showed."""

    @classmethod
    def read(cls, data: dict[str, Any]) -> "ListingForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        title = form.text("title", "the title", longest=100)
        summary = form.text("summary", "what you offer", longest=300)
        unit = form.choice("price_unit", "what the price is for", PriceUnit)
        is_free = unit is PriceUnit.FREE
        price = None if is_free else form.pounds("price", "the price", most=HIGHEST_PRICE_PENCE)
        area = form.option("area", "where you offer this", ("radius", "nationwide", "place"))
        distance = form.number("miles", "the miles", least=1, most=MOST_MILES) if area == "radius" else 0
        version = form.number("version", "the version", least=1, most=1_000_000)
        form.done()
        return cls(
            title=title,
            summary=summary,
            price_pence=price or 0,
            price_unit=unit or PriceUnit.FREE,
            radius_metres=round(distance * METRES_PER_MILE) if area == "radius" else None,
            is_nationwide=area == "nationwide",
            is_published=form.ticked("is_published"),
            version=version,
        )


def form_values(listing: Listing) -> dict[str, Any]:
    """Write a listing as the fields of its form."""
    area = "nationwide" if listing.is_nationwide else "radius" if listing.radius_metres else "place"
    return {
        "title": listing.title,
        "summary": listing.summary,
        "price": "" if listing.price_unit is PriceUnit.FREE else f"{listing.price_pence / 100:.2f}",
        "price_unit": listing.price_unit.value,
        "area": area,
        "miles": str(round(listing.radius_metres / METRES_PER_MILE)) if listing.radius_metres else "",
        "is_published": "yes" if listing.is_published else "",
        "version": str(listing.version),
    }


class ListingService:
    """Writes the listings of the user's own organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.listings = ListingRepository(db)

    async def own(self, principal: Principal) -> Sequence[Listing]:
        """Return the listings this user may change: a worker's own ones where the role is a worker's."""
        principal.require(Permission.ORGANISATION_OWN)
        rows = await self.listings.own(principal.need_organisation())
        return [row for row in rows if principal.worker_id in (None, row.worker_id)]

    async def find(self, principal: Principal, listing_id: UUID, *, locked: bool = False) -> Listing:
        """Return one of them.

        Raises:
            NotFound: Not theirs.
        """
        principal.require(Permission.ORGANISATION_OWN)
        listing = await self.listings.find(principal.need_organisation(), listing_id, locked=locked)
        if principal.worker_id is not None and listing.worker_id != principal.worker_id:
            raise NotFound
        return listing

    async def change(self, principal: Principal, listing_id: UUID, form: ListingForm) -> Listing:
        """Change a listing. Bookings already made keep the price they were made at.

        Raises:
            NotFound: Not theirs.
            Conflict: Somebody changed it since the page was opened.
        """
        listing = await self.find(principal, listing_id, locked=True)
        if listing.version != form.version:
            raise Conflict("Somebody else changed this listing. Open it again to see what it says now.")
        wanted = msgspec.structs.asdict(form)
        del wanted["version"]
        before = {name: getattr(listing, name) for name in wanted}
        changed = {name: value for name, value in wanted.items() if before[name] != value}
        if not changed:
            return listing
        for name, value in changed.items():
            setattr(listing, name, value)
        listing.updated_at = clock_of(self.db).now()
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.change_listing",
            council_id=principal.council_id,
            subject_kind="listing",
            subject_id=listing.id,
            before={name: before[name] for name in changed},
            after=changed,
        )
        publish(self.db, ListingChanged(council_id=principal.council_id, listing_id=listing.id))
        return listing
