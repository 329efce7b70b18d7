"""Questions asked of drafts of listings."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.providers.models import (
    Listing,
    ListingDraft,
    Organisation,
    RegulatorLink,
    RegulatorLocation,
    Worker,
    WorkerKind,
)
from marketplace.providers.states import DraftStatus, RegulatorLinkStatus

LIVE = (DraftStatus.OPEN, DraftStatus.SUBMITTED, DraftStatus.RETURNED)
"""States in which a draft is still going somewhere."""


class DraftRepository(Repository[ListingDraft]):
    """Drafts of listings: an organisation's own, and those a council checks."""

    model_type = ListingDraft

    def __init__(self, db: AsyncSession) -> None:
        super().__init__(db)

    def of_organisation(self, organisation_id: UUID) -> Select[ListingDraft]:
        """Start a question about an organisation's own drafts."""
        return select(ListingDraft).where(ListingDraft.organisation_id == organisation_id)

    async def live(self, organisation_id: UUID) -> Sequence[ListingDraft]:
        """Return an organisation's drafts that are still going somewhere, newest first."""
        question = self.of_organisation(organisation_id).where(ListingDraft.status.in_(LIVE))
        return await self.every(question.order_by(ListingDraft.updated_at.desc(), ListingDraft.id).limit(100))

    async def own(self, organisation_id: UUID, draft_id: UUID, *, locked: bool = False) -> ListingDraft:
        """Return an organisation's draft.

        Raises:
            NotFound: There is none, or it is another organisation's.
        """
        question = self.of_organisation(organisation_id).where(ListingDraft.id == draft_id)
        return await self.one(question, locked=locked)

    async def of_listing(self, organisation_id: UUID, listing_id: UUID) -> ListingDraft | None:
        """Return the draft that is changing a listing."""
        question = self.of_organisation(organisation_id)
        return await self.maybe(question.where(ListingDraft.listing_id == listing_id, ListingDraft.status.in_(LIVE)))

    # For the council

    async def waiting(
        self, council_id: UUID, *, after: ListingDraft | None, limit: int
    ) -> list[tuple[ListingDraft, Organisation]]:
        """Return the drafts that wait for a council's check, longest waiting first."""
        question = (
            select(ListingDraft, Organisation)
            .join(Organisation, Organisation.id == ListingDraft.organisation_id)
            .where(ListingDraft.council_id == council_id, ListingDraft.status == DraftStatus.SUBMITTED)
            .order_by(ListingDraft.submitted_at, ListingDraft.id)
            .limit(limit)
        )
        if after is not None:
            question = question.where(
                tuple_(ListingDraft.submitted_at, ListingDraft.id) > (after.submitted_at, after.id)
            )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def waiting_count(self, council_id: UUID) -> int:
        """Count the drafts that wait for a council's check."""
        found = await self.db.scalar(
            select(func.count())
            .select_from(ListingDraft)
            .where(ListingDraft.council_id == council_id, ListingDraft.status == DraftStatus.SUBMITTED)
        )
        return int(found or 0)

    # What answers are read against

    async def worker(self, worker_id: UUID) -> Worker | None:
        """Return a worker."""
        return await self.db.get(Worker, worker_id)

    async def assistants(self, organisation_id: UUID) -> Sequence[Worker]:
        """Return the personal assistants of an organisation, by name."""
        return (
            await self.db.scalars(
                select(Worker)
                .where(Worker.organisation_id == organisation_id, Worker.kind == WorkerKind.PA)
                .order_by(Worker.name, Worker.id)
                .limit(100)
            )
        ).all()

    async def listing(self, listing_id: UUID, *, locked: bool = False) -> Listing:
        """Return the listing that a draft changes.

        Raises:
            NotFound: There is none.
        """
        question = select(Listing).where(Listing.id == listing_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def register_ids(self, organisation: Organisation) -> set[str]:
        """Return the ids of the register's providers that an organisation is tied to."""
        linked = await self.db.scalars(
            select(RegulatorLink.provider_id).where(
                RegulatorLink.organisation_id == organisation.id,
                RegulatorLink.status.in_([RegulatorLinkStatus.MATCHED, RegulatorLinkStatus.CONFIRMED]),
                RegulatorLink.provider_id.is_not(None),
            )
        )
        return {str(row) for row in linked} | (
            {organisation.cqc_provider_id} if organisation.cqc_provider_id else set()
        )

    async def locations(self, provider_ids: set[str]) -> Sequence[RegulatorLocation]:
        """Return the live locations of some of the register's providers, by name."""
        if not provider_ids:
            return []
        return (
            await self.db.scalars(
                select(RegulatorLocation)
                .where(RegulatorLocation.provider_id.in_(provider_ids), RegulatorLocation.is_registered)
                .order_by(RegulatorLocation.name, RegulatorLocation.location_id)
                .limit(60)
            )
        ).all()
