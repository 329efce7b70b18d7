"""Questions asked of listings by the organisation that owns them, and by the council that looks after them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership, User
from marketplace.core.errors import NotFound
from marketplace.providers.models import (
    Accreditation,
    Listing,
    ListingHours,
    ListingVersion,
    Organisation,
)


class ListingRepository:
    """Reads the listings of one organisation, and of one worker where the role is a worker's own."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def own(self, organisation_id: UUID) -> Sequence[Listing]:
        """Return the listings of an organisation by title."""
        return (
            await self.db.scalars(
                select(Listing)
                .where(Listing.organisation_id == organisation_id)
                .order_by(Listing.title, Listing.id)
                .limit(200)
            )
        ).all()

    async def find(self, organisation_id: UUID, listing_id: UUID, *, locked: bool = False) -> Listing:
        """Return an organisation's listing.

        Raises:
            NotFound: There is none, or it is another organisation's.
        """
        question = select(Listing).where(Listing.organisation_id == organisation_id, Listing.id == listing_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def organisation(self, organisation_id: UUID) -> Organisation:
        """Return an organisation.

        Raises:
            NotFound: There is none.
        """
        found = await self.db.get(Organisation, organisation_id)
        if found is None:
            raise NotFound
        return found

    # Parts of a listing

    async def hours(self, listing_id: UUID) -> Sequence[ListingHours]:
        """Return the weekly hours of an offer without a worker of its own, in order of the week."""
        return (
            await self.db.scalars(
                select(ListingHours)
                .where(ListingHours.listing_id == listing_id)
                .order_by(ListingHours.weekday, ListingHours.starts_local)
            )
        ).all()

    async def clear_hours(self, listing_id: UUID) -> None:
        """Take the weekly hours away, to write them anew."""
        await self.db.execute(delete(ListingHours).where(ListingHours.listing_id == listing_id))

    async def versions(self, listing_id: UUID, limit: int = 50) -> list[tuple[ListingVersion, str]]:
        """Return the newest versions with the names of those who made them ("" for the platform), newest first."""
        rows = await self.db.execute(
            select(ListingVersion, User.name)
            .outerjoin(User, User.id == ListingVersion.changed_by_user_id)
            .where(ListingVersion.listing_id == listing_id)
            .order_by(ListingVersion.number.desc())
            .limit(limit)
        )
        return [(version, name or "") for version, name in rows]

    async def last_version(self, listing_id: UUID) -> ListingVersion | None:
        """Return the newest version."""
        found: ListingVersion | None = await self.db.scalar(
            select(ListingVersion)
            .where(ListingVersion.listing_id == listing_id)
            .order_by(ListingVersion.number.desc())
            .limit(1)
        )
        return found

    # For the council

    async def looked_after(
        self, council_id: UUID, *, words: str = "", after: tuple[str, UUID] | None = None, limit: int
    ) -> list[tuple[Listing, Organisation]]:
        """Return listings that a council looks after, by title; words are looked for in title and organisation."""
        question = (
            select(Listing, Organisation)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .where(looks_after(council_id))
            .order_by(Listing.title, Listing.id)
            .limit(limit)
        )
        if words:
            question = question.where(
                or_(
                    Listing.title.icontains(words, autoescape=True), Organisation.name.icontains(words, autoescape=True)
                )
            )
        if after is not None:
            question = question.where(tuple_(Listing.title, Listing.id) > after)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def of_council(
        self, council_id: UUID, listing_id: UUID, *, locked: bool = False
    ) -> tuple[Listing, Organisation]:
        """Return a listing that a council looks after.

        Raises:
            NotFound: There is none, or another council looks after it.
        """
        question = (
            select(Listing, Organisation)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .where(Listing.id == listing_id, looks_after(council_id))
        )
        if locked:
            question = question.with_for_update(of=Listing).execution_options(populate_existing=True)
        found = (await self.db.execute(question)).first()
        if found is None:
            raise NotFound
        return found[0], found[1]

    # For what recurs

    async def quiet(
        self, home_council_id: UUID | None, before: datetime, *, asked_before: datetime | None, limit: int
    ) -> Sequence[Listing]:
        """Return listings on the market that nobody confirmed since an instant, locked; others' locks are left out.

        Args:
            home_council_id: The home council of their organisations; None: of those that have none.
            before: They were last confirmed (or changed) before this.
            asked_before: Those whose provider was asked since then, but before this; None: those not asked since then.
            limit: How many at most.
        """
        said_at = func.coalesce(Listing.confirmed_at, Listing.updated_at)
        is_asked = Listing.reminded_at > said_at
        home = (
            Organisation.home_council_id.is_(None)
            if home_council_id is None
            else Organisation.home_council_id == home_council_id
        )
        question = (
            select(Listing)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .where(Listing.is_published, Listing.hidden_why.is_(None), home, said_at <= before)
            .order_by(Listing.id)
            .limit(limit)
            .with_for_update(of=Listing, skip_locked=True)
        )
        if asked_before is None:
            question = question.where(or_(Listing.reminded_at.is_(None), ~is_asked))
        else:
            question = question.where(is_asked, Listing.reminded_at <= asked_before)
        return (await self.db.scalars(question)).all()

    async def councils_of(self, organisation_ids: Iterable[UUID]) -> dict[UUID, UUID]:
        """Return the council in which somebody acts for each organisation: its home council where somebody does
        there, else the first of all. One for which nobody acts is left out.
        """
        rows = await self.db.execute(
            select(Membership.organisation_id, Membership.council_id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Membership.organisation_id.in_(list(organisation_ids)))
            .order_by(
                Membership.organisation_id,
                (Membership.council_id == func.coalesce(Organisation.home_council_id, Membership.council_id)).desc(),
                Membership.starts_on,
                Membership.id,
            )
        )
        found: dict[UUID, UUID] = {}
        for organisation_id, council_id in rows:
            if organisation_id is not None:
                found.setdefault(organisation_id, council_id)
        return found

    async def council_of_people(self, organisation_id: UUID) -> UUID | None:
        """Return the same for one organisation; None when nobody acts for it."""
        return (await self.councils_of([organisation_id])).get(organisation_id)


def looks_after(council_id: UUID) -> ColumnElement[bool]:
    """Condition: a council looks after a listing (joined with its organisation).

    That of the organisation's base; for an organisation without one, the council that checked the listing or that
    decided about its accreditation.
    """
    decided = exists().where(Accreditation.organisation_id == Organisation.id, Accreditation.council_id == council_id)
    return or_(
        Organisation.home_council_id == council_id,
        Organisation.home_council_id.is_(None) & (or_(Listing.checked_by_council_id == council_id, decided)),
    )


def is_seen(listing: Listing) -> bool:
    """Whether a listing is on the market, as far as its own row says."""
    return listing.is_published and listing.hidden_why is None
