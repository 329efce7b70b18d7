"""Questions asked of kept results of the employment status check."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.providers.models import StatusTest, Worker

MOST_SHOWN = 100


class StatusTestRepository:
    """Results of the check, each an organisation's own."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of_organisation(
        self, organisation_id: UUID, worker_id: UUID | None
    ) -> Sequence[tuple[StatusTest, Worker | None]]:
        """Return results with the worker they are about, the newest first; a worker's alone where one is given."""
        question = (
            select(StatusTest, Worker)
            .outerjoin(Worker, Worker.id == StatusTest.worker_id)
            .where(StatusTest.organisation_id == organisation_id)
            .order_by(StatusTest.taken_on.desc(), StatusTest.id.desc())
            .limit(MOST_SHOWN)
        )
        if worker_id is not None:
            question = question.where(StatusTest.worker_id == worker_id)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def find(self, organisation_id: UUID, test_id: UUID) -> StatusTest:
        """Return one of an organisation.

        Raises:
            NotFound: It has none of that id.
        """
        found = await self.db.scalar(
            select(StatusTest).where(StatusTest.organisation_id == organisation_id, StatusTest.id == test_id)
        )
        if found is None:
            raise NotFound
        return found
