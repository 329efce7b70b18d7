"""Questions asked of workers: their usual hours and the days they are away."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.providers.models import Listing, Worker, WorkerAbsence, WorkerHours


class WorkerRepository:
    """Reads workers of one organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def find(self, organisation_id: UUID, worker_id: UUID, *, locked: bool = False) -> Worker:
        """Return an organisation's worker.

        Raises:
            NotFound: There is none, or it works for somebody else.
        """
        question = select(Worker).where(Worker.organisation_id == organisation_id, Worker.id == worker_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def working(self, organisation_id: UUID, day: date) -> Sequence[Worker]:
        """Return the workers of an organisation who have not left, by name."""
        return (
            await self.db.scalars(
                select(Worker)
                .where(Worker.organisation_id == organisation_id, or_(Worker.ends_on.is_(None), Worker.ends_on > day))
                .order_by(Worker.name, Worker.id)
                .limit(200)
            )
        ).all()

    async def hours(self, worker_id: UUID) -> Sequence[WorkerHours]:
        """Return usual hours in order of the week."""
        return (
            await self.db.scalars(
                select(WorkerHours)
                .where(WorkerHours.worker_id == worker_id)
                .order_by(WorkerHours.weekday, WorkerHours.starts_local)
            )
        ).all()

    async def clear_hours(self, worker_id: UUID) -> None:
        """Remove all usual hours."""
        await self.db.execute(delete(WorkerHours).where(WorkerHours.worker_id == worker_id))

    async def absences(self, worker_id: UUID, day: date) -> Sequence[WorkerAbsence]:
        """Return the days away that are not over, the next first."""
        return (
            await self.db.scalars(
                select(WorkerAbsence)
                .where(WorkerAbsence.worker_id == worker_id, WorkerAbsence.ends_on > day)
                .order_by(WorkerAbsence.starts_on)
                .limit(100)
            )
        ).all()

    async def absence(self, worker_id: UUID, absence_id: UUID) -> WorkerAbsence:
        """Return a worker's days away.

        Raises:
            NotFound: There is none.
        """
        found = (
            await self.db.scalars(
                select(WorkerAbsence).where(WorkerAbsence.worker_id == worker_id, WorkerAbsence.id == absence_id)
            )
        ).first()
        if found is None:
            raise NotFound
        return found

    async def listing_ids(self, worker_id: UUID) -> Sequence[UUID]:
        """Return the ids of the listings of this one worker."""
        return (await self.db.scalars(select(Listing.id).where(Listing.worker_id == worker_id))).all()
