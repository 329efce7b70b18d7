"""Questions asked of an organisation's staff: who is here, away or gone, when they work, what they learned."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import column, func, or_, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership
from marketplace.core.errors import NotFound
from marketplace.providers.models import Worker, WorkerAbsence, WorkerHours, WorkerTraining

MOST_STAFF = 500

# Bookings stand above this package. Only a count of them is wanted here, so the table is named without its class.
_BOOKINGS = table("bookings", column("worker_id"), column("status"), column("visit_on"))


class WorkforceRepository:
    """Reads the workers of organisations, with what belongs to them."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def staff(self, organisation_id: UUID) -> Sequence[Worker]:
        """Return everybody who works or worked for an organisation, by name."""
        return (
            await self.db.scalars(
                select(Worker)
                .where(Worker.organisation_id == organisation_id)
                .order_by(Worker.name, Worker.id)
                .limit(MOST_STAFF)
            )
        ).all()

    async def by_id(self, worker_ids: Collection[UUID]) -> dict[UUID, Worker]:
        """Return workers by id."""
        if not worker_ids:
            return {}
        return {row.id: row for row in await self.db.scalars(select(Worker).where(Worker.id.in_(list(worker_ids))))}

    async def away(self, worker_ids: Collection[UUID], day: date) -> dict[UUID, WorkerAbsence]:
        """Return the absence that covers a day, by worker."""
        rows = await self.db.scalars(
            select(WorkerAbsence).where(
                WorkerAbsence.worker_id.in_(list(worker_ids)),
                WorkerAbsence.starts_on <= day,
                WorkerAbsence.ends_on > day,
            )
        )
        return {row.worker_id: row for row in rows}

    async def hours(self, worker_ids: Collection[UUID]) -> Sequence[WorkerHours]:
        """Return the usual hours of some workers, in order of the week."""
        return (
            await self.db.scalars(
                select(WorkerHours)
                .where(WorkerHours.worker_id.in_(list(worker_ids)))
                .order_by(WorkerHours.weekday, WorkerHours.starts_local, WorkerHours.id)
            )
        ).all()

    async def training(self, worker_ids: Collection[UUID]) -> Sequence[WorkerTraining]:
        """Return the courses of some workers that were not removed, the newest first."""
        return (
            await self.db.scalars(
                select(WorkerTraining)
                .where(WorkerTraining.worker_id.in_(list(worker_ids)), WorkerTraining.removed_at.is_(None))
                .order_by(WorkerTraining.done_on.desc(), WorkerTraining.id.desc())
                .limit(10_000)
            )
        ).all()

    async def course(self, worker_id: UUID, training_id: UUID) -> WorkerTraining:
        """Return one course of a worker, locked.

        Raises:
            NotFound: There is none, or it was removed.
        """
        found = (
            await self.db.scalars(
                select(WorkerTraining)
                .where(
                    WorkerTraining.worker_id == worker_id,
                    WorkerTraining.id == training_id,
                    WorkerTraining.removed_at.is_(None),
                )
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).first()
        if found is None:
            raise NotFound
        return found

    async def visits_from(self, worker_id: UUID, day: date) -> int:
        """Count agreed visits of a worker on and after a day, in the councils that the transaction reaches."""
        found = await self.db.scalar(
            select(func.count())
            .select_from(_BOOKINGS)
            .where(
                _BOOKINGS.c.worker_id == worker_id,
                _BOOKINGS.c.status.in_(["requested", "accepted"]),
                _BOOKINGS.c.visit_on >= day,
            )
        )
        return int(found or 0)

    async def memberships(self, worker_id: UUID, day: date) -> Sequence[Membership]:
        """Return the roles that a worker still holds after a day, in every council."""
        return (
            await self.db.scalars(
                select(Membership)
                .where(Membership.worker_id == worker_id, or_(Membership.ends_on.is_(None), Membership.ends_on > day))
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).all()
