"""The time that goes into a plan, by activity: planning, and what is hard to tell from it (L22)."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.ids import new_id
from marketplace.plans.models import Activity, ActivityTime
from marketplace.plans.policies import planner_scope
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.activity import ActivityRepository

DAY_MINUTES = 24 * 60
LATEST = timedelta(days=183)


class ActivityService:
    """The verbs of recorded time."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)

    async def record(
        self, principal: Principal, plan_id: UUID, activity: Activity, minutes: int, worked_on: date
    ) -> ActivityTime:
        """Note time of the own work on an own plan.

        Raises:
            InvalidInput: A day to come or long gone, or more than a day holds.
            NotFound: Not the planner's plan.
        """
        # The plan is locked, so that two entries of one moment are counted one after the other.
        plan, _ = await PlanRepository(self.db).locked(planner_scope(principal), plan_id)
        now = today(self.clock)
        if worked_on > now:
            raise InvalidInput({"worked_on": "The day must be today or in the past"})
        if worked_on < now - LATEST:
            raise InvalidInput({"worked_on": "The day must not be more than six months ago"})
        if minutes < 1:
            raise InvalidInput({"hours": "Enter the time, at least one minute"})
        if principal.worker_id is None:
            raise NotFound
        before = await ActivityRepository(self.db).minutes_of_day(principal.worker_id, worked_on)
        if before + minutes > DAY_MINUTES:
            raise InvalidInput({"hours": "This and what you entered for that day is more than 24 hours"})
        row = ActivityTime(
            id=new_id(),
            council_id=plan.council_id,
            plan_id=plan.id,
            organisation_id=plan.organisation_id,
            worker_id=principal.worker_id,
            activity=activity,
            minutes=minutes,
            worked_on=worked_on,
            entered_by_user_id=principal.user_id,
            entered_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        after = {"activity": activity, "minutes": minutes, "worked_on": worked_on}
        self._record(principal, "plans.record_time", row, after)
        return row

    async def remove(self, principal: Principal, plan_id: UUID, entry_id: UUID) -> None:
        """Take back an own entry that was wrong; the audit log keeps what it said.

        Raises:
            NotFound: Not theirs.
        """
        plan, _ = await PlanRepository(self.db).locked(planner_scope(principal), plan_id)
        row = await ActivityRepository(self.db).find(plan.council_id, entry_id, locked=True)
        if row.plan_id != plan.id or row.worker_id != principal.worker_id:
            raise NotFound
        self._record(principal, "plans.remove_time", row, {"activity": row.activity, "minutes": row.minutes})
        await self.db.delete(row)
        await self.db.flush()

    def _record(self, principal: Principal, action: str, row: ActivityTime, after: dict[str, object]) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="plan",
            subject_id=row.plan_id,
            after=after,
        )
