"""Questions about the time that goes into plans."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from marketplace.core.repository import Repository
from marketplace.plans.models import Activity, ActivityTime

MOST_SHOWN = 200


class ActivityRepository(Repository[ActivityTime]):
    """Time by activity."""

    model_type = ActivityTime

    async def of_plan(self, plan_id: UUID) -> Sequence[ActivityTime]:
        """Return a plan's entries, the latest day first."""
        return await self.every(
            select(ActivityTime)
            .where(ActivityTime.plan_id == plan_id)
            .order_by(ActivityTime.worked_on.desc(), ActivityTime.id.desc())
            .limit(MOST_SHOWN)
        )

    async def totals(self, plan_id: UUID) -> dict[Activity, int]:
        """Return a plan's minutes by activity."""
        rows = await self.db.execute(
            select(ActivityTime.activity, func.sum(ActivityTime.minutes))
            .where(ActivityTime.plan_id == plan_id)
            .group_by(ActivityTime.activity)
        )
        return {row[0]: int(row[1]) for row in rows}

    async def minutes_of_day(self, worker_id: UUID, day: date) -> int:
        """Return what a worker entered for a day, over all plans."""
        found = await self.db.scalar(
            select(func.coalesce(func.sum(ActivityTime.minutes), 0)).where(
                ActivityTime.worker_id == worker_id, ActivityTime.worked_on == day
            )
        )
        return int(found or 0)
