"""Support planners and how many plans they can take on."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, exists, or_, select, text, true

from marketplace.core.repository import Repository
from marketplace.providers.models import Accreditation, Organisation, Worker, WorkerAbsence, WorkerKind


class PlannerRepository(Repository[Worker]):
    """Planners. Organisations are shared by all councils, so a council's planners are those of its organisations."""

    model_type = Worker

    async def of_council(
        self, council_id: UUID, on: date, worker_ids: Collection[UUID] | None = None
    ) -> Sequence[Row[Worker, Organisation]]:
        """Return every planner, with the organisation, of organisations the council has ever accredited.

        Those whose accreditation has ended or is suspended come too: the reader is told why they are left out. With
        `worker_ids` only those of them.
        """
        known = exists().where(
            Accreditation.organisation_id == Worker.organisation_id, Accreditation.council_id == council_id
        )
        rows = await self.db.execute(
            select(Worker, Organisation)
            .join(Organisation, Organisation.id == Worker.organisation_id)
            .where(
                Worker.kind == WorkerKind.PLANNER,
                or_(Worker.ends_on.is_(None), Worker.ends_on > on),
                known,
                true() if worker_ids is None else Worker.id.in_(list(worker_ids)),
            )
            .order_by(Organisation.name, Worker.name, Worker.id)
        )
        return rows.all()

    async def absences(
        self, worker_ids: Collection[UUID], from_day: date, until_day: date
    ) -> dict[UUID, list[WorkerAbsence]]:
        """Return absences that touch the days `[from_day, until_day)`, by worker."""
        found: dict[UUID, list[WorkerAbsence]] = {}
        rows = await self.db.scalars(
            select(WorkerAbsence).where(
                WorkerAbsence.worker_id.in_(list(worker_ids)),
                WorkerAbsence.starts_on < until_day,
                WorkerAbsence.ends_on > from_day,
            )
        )
        for row in rows:
            found.setdefault(row.worker_id, []).append(row)
        return found

    async def places_taken(
        self, worker_ids: Collection[UUID], from_week: date, until_week: date
    ) -> dict[tuple[UUID, date], frozenset[int]]:
        """Return the numbers of the places taken, by planner and Monday, whichever council took them."""
        rows = await self.db.execute(
            text("SELECT worker_id, week_on, place FROM places_taken(:workers, :from_week, :until_week)"),
            {"workers": list(worker_ids), "from_week": from_week, "until_week": until_week},
        )
        taken: dict[tuple[UUID, date], set[int]] = {}
        for row in rows:
            taken.setdefault((row.worker_id, row.week_on), set()).add(row.place)
        return {key: frozenset(places) for key, places in taken.items()}

    async def with_organisation(self, worker_ids: Iterable[UUID]) -> dict[UUID, Row[Worker, Organisation]]:
        """Return workers with their organisations, by the worker's id."""
        rows = await self.db.execute(
            select(Worker, Organisation)
            .join(Organisation, Organisation.id == Worker.organisation_id)
            .where(Worker.id.in_(list(worker_ids)))
        )
        return {row[0].id: row for row in rows}
