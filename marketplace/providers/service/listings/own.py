"""What providers do with listings that are on the market: pause, resume, say that all is right, say how much room."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.providers.events import ListingChanged
from marketplace.providers.models import CapacityKind, HiddenWhy, Listing, ListingVersion
from marketplace.providers.repository.listings import ListingRepository
from marketplace.providers.service.listings.forms import MOST_ROOM

HIDDEN_WORDS: dict[HiddenWhy, str] = {
    HiddenWhy.STALE: "Hidden: nobody has said for a long time that it is still right",
    HiddenWhy.EVIDENCE: "Hidden: insurance or another paper that it needs has ended",
    HiddenWhy.COUNCIL: "Taken off by the council",
    HiddenWhy.REGISTER: "Hidden: its registration is no longer in the register",
}


def state_of(listing: Listing) -> tuple[str, str]:
    """Return a listing's state and its words: ("live", "On the market")."""
    if listing.hidden_why is not None:
        return "suspended", HIDDEN_WORDS[listing.hidden_why]
    return ("live", "On the market") if listing.is_published else ("paused", "Paused by you")


class RoomForm(msgspec.Struct, frozen=True):
    """How much room there is now. A number, never a step up or down: sent twice, it says the same."""

    kind: CapacityKind
    free: int | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "RoomForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        kind = form.choice("kind", "what you count", CapacityKind)
        free = None
        if kind not in (None, CapacityKind.NOT_SAID):
            free = form.number("free", "how much is free", least=0, most=MOST_ROOM)
        form.done()
        return cls(kind or CapacityKind.NOT_SAID, free)


class ListingService:
    """Writes the listings of the user's own organisation; a worker's role those of that worker."""

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

    async def versions(self, principal: Principal, listing_id: UUID) -> list[tuple[ListingVersion, str]]:
        """Return what a listing said over time, newest first, with who changed it.

        Raises:
            NotFound: Not theirs.
        """
        listing = await self.find(principal, listing_id)
        return await self.listings.versions(listing.id)

    async def pause(self, principal: Principal, listing_id: UUID) -> Listing:
        """Take a listing off the market for now. Bookings already made stay.

        Raises:
            NotFound: Not theirs.
        """
        return await self._show(principal, listing_id, is_published=False)

    async def resume(self, principal: Principal, listing_id: UUID) -> Listing:
        """Show a listing again; who does so says that it is right.

        Raises:
            NotFound: Not theirs.
        """
        return await self._show(principal, listing_id, is_published=True)

    async def _show(self, principal: Principal, listing_id: UUID, *, is_published: bool) -> Listing:
        listing = await self.find(principal, listing_id, locked=True)
        if listing.is_published == is_published:
            return listing
        listing.is_published = is_published
        if is_published:
            self._say_right(listing)
        action = "providers.resume_listing" if is_published else "providers.pause_listing"
        await self._keep(principal, listing, action, {"is_published": not is_published}, {"is_published": is_published})
        return listing

    async def confirm(self, principal: Principal, listing_id: UUID) -> Listing:
        """Note that all of a listing is still right; one that was hidden for lack of that is shown again.

        Raises:
            NotFound: Not theirs.
        """
        listing = await self.find(principal, listing_id, locked=True)
        before = {"confirmed_at": listing.confirmed_at, "hidden_why": listing.hidden_why}
        self._say_right(listing)
        after = {"confirmed_at": listing.confirmed_at, "hidden_why": listing.hidden_why}
        await self._keep(principal, listing, "providers.confirm_listing", before, after)
        return listing

    def _say_right(self, listing: Listing) -> None:
        listing.confirmed_at, listing.reminded_at = clock_of(self.db).now(), None
        if listing.hidden_why is HiddenWhy.STALE:
            listing.hidden_why = None

    async def set_room(self, principal: Principal, listing_id: UUID, form: RoomForm) -> Listing:
        """Say how much room there is now.

        Raises:
            NotFound: Not theirs.
        """
        principal.require(Permission.ORGANISATION_OWN)
        listing = await self.find(principal, listing_id, locked=True)
        before = {"capacity_kind": listing.capacity_kind, "capacity_free": listing.capacity_free}
        after = {"capacity_kind": form.kind, "capacity_free": form.free}
        listing.capacity_said_at = clock_of(self.db).now() if form.free is not None else None
        if before == after:
            # Said once more: the number is fresh again, nothing else has changed.
            await self.db.flush()
            return listing
        listing.capacity_kind, listing.capacity_free = form.kind, form.free
        await self._keep(principal, listing, "providers.set_room", before, after)
        return listing

    async def _keep(
        self, principal: Principal, listing: Listing, action: str, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="listing",
            subject_id=listing.id,
            before=before,
            after=after,
        )
        publish(self.db, ListingChanged(council_id=principal.council_id, listing_id=listing.id))
