"""Questions about versions of weights."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select, text

from marketplace.core.repository import Repository
from marketplace.matching.models import WeightPurpose, WeightSet
from marketplace.matching.states import WeightStatus


class WeightRepository(Repository[WeightSet]):
    """A council's versions of weights."""

    model_type = WeightSet

    async def in_force(self, council_id: UUID, purpose: WeightPurpose, on: date) -> WeightSet | None:
        """Return the published version that counts on a day: the one that began last, of those the newest."""
        question = (
            self.of(council_id)
            .where(
                WeightSet.purpose == purpose,
                WeightSet.status == WeightStatus.PUBLISHED,
                WeightSet.starts_on <= on,
            )
            .order_by(WeightSet.starts_on.desc(), WeightSet.number.desc())
        )
        return await self.maybe(question)

    async def of_council(self, council_id: UUID) -> Sequence[WeightSet]:
        """Return every version, newest first."""
        return await self.every(self.of(council_id).order_by(WeightSet.number.desc(), WeightSet.id.desc()).limit(300))

    async def published(self, council_id: UUID) -> Sequence[WeightSet]:
        """Return every published version, the latest start first."""
        question = self.of(council_id).where(WeightSet.status == WeightStatus.PUBLISHED)
        return await self.every(question.order_by(WeightSet.starts_on.desc(), WeightSet.number.desc()).limit(300))

    async def next_number(self, council_id: UUID, purpose: WeightPurpose) -> int:
        """Return the number of the council's next version for a purpose.

        Waits for whoever else is taking one; the unique key stands behind it.
        """
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('weight-set'), hashtext(:council))"),
            {"council": str(council_id)},
        )
        last = await self.db.scalar(
            select(func.max(WeightSet.number)).where(WeightSet.council_id == council_id, WeightSet.purpose == purpose)
        )
        return (last or 0) + 1

    async def open_draft(self, council_id: UUID, purpose: WeightPurpose) -> WeightSet | None:
        """Return the draft for a purpose."""
        question = self.of(council_id).where(WeightSet.purpose == purpose, WeightSet.status == WeightStatus.DRAFT)
        return await self.maybe(question.order_by(WeightSet.number.desc()))

    async def last_published(self, council_id: UUID, purpose: WeightPurpose) -> WeightSet | None:
        """Return the published version with the latest first day."""
        question = self.of(council_id).where(WeightSet.purpose == purpose, WeightSet.status == WeightStatus.PUBLISHED)
        return await self.maybe(question.order_by(WeightSet.starts_on.desc(), WeightSet.number.desc()))
