"""Questions about what planning really costs (L22): fees and recorded time, by plan and by organisation."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Integer, Text, Uuid, cast, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.models import Referral
from marketplace.payments.models import Accrual, AccrualKind
from marketplace.payments.rules import StageAt
from marketplace.plans.models import Activity, ActivityTime, Plan, PlanVersion
from marketplace.providers.models import Organisation

MOST_PLANS = 500


class PlanCost(NamedTuple):
    """A plan with what it earned and the time that went into it."""

    plan_id: UUID
    reference: str
    organisation_id: UUID
    organisation: str
    earned_pence: int
    minutes: int
    """All time that was recorded by activity; else the time with the person that the plan's fee went by."""
    by_activity: dict[Activity, int]


class CostRepository:
    """Sums over plans."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def plans(
        self, council_id: UUID, since: date, until: date, organisation_id: UUID | None = None
    ) -> list[PlanCost]:
        """Return the plans that earned their fee in [since, until), the latest first."""
        sources = union_all(
            select(PlanVersion.plan_id, PlanVersion.id.label("source_id")).where(PlanVersion.council_id == council_id),
            *(
                select(
                    PlanVersion.plan_id,
                    # As `rules.stage_source` works it out.
                    cast(func.md5(cast(PlanVersion.id, Text) + f":{stage}"), Uuid).label("source_id"),
                ).where(PlanVersion.council_id == council_id)
                for stage in StageAt
            ),
        ).subquery()
        earned = (
            select(
                sources.c.plan_id,
                func.sum(Accrual.amount_pence).label("pence"),
                func.max(Accrual.minutes).label("minutes"),
                func.max(Accrual.earned_on).label("day"),
            )
            .join(sources, sources.c.source_id == Accrual.source_id)
            .where(
                Accrual.council_id == council_id,
                Accrual.kind.in_((AccrualKind.PLAN, AccrualKind.PLAN_STAGE)),
                Accrual.earned_on >= since,
                Accrual.earned_on < until,
            )
            .group_by(sources.c.plan_id)
            .subquery()
        )
        visits = (
            select(PlanVersion.plan_id, cast(func.sum(PlanVersion.visit_minutes), Integer).label("minutes"))
            .where(PlanVersion.council_id == council_id, PlanVersion.signed_off_at.is_not(None))
            .group_by(PlanVersion.plan_id)
            .subquery()
        )
        question = (
            select(
                Plan.id,
                Referral.reference,
                Plan.organisation_id,
                Organisation.name,
                earned.c.pence,
                func.coalesce(visits.c.minutes, earned.c.minutes, 0),
            )
            .join(earned, earned.c.plan_id == Plan.id)
            .join(Referral, Referral.id == Plan.referral_id)
            .join(Organisation, Organisation.id == Plan.organisation_id)
            .outerjoin(visits, visits.c.plan_id == Plan.id)
            .where(Plan.council_id == council_id)
            .order_by(earned.c.day.desc(), Plan.id.desc())
            .limit(MOST_PLANS)
        )
        if organisation_id is not None:
            question = question.where(Plan.organisation_id == organisation_id)
        rows = (await self.db.execute(question)).all()
        times = await self._times([row[0] for row in rows])
        return [
            PlanCost(
                row[0],
                row[1],
                row[2],
                row[3],
                int(row[4]),
                sum(times.get(row[0], {}).values()) or int(row[5]),
                times.get(row[0], {}),
            )
            for row in rows
        ]

    async def _times(self, plan_ids: list[UUID]) -> dict[UUID, dict[Activity, int]]:
        found: dict[UUID, dict[Activity, int]] = {}
        rows = await self.db.execute(
            select(ActivityTime.plan_id, ActivityTime.activity, func.sum(ActivityTime.minutes))
            .where(ActivityTime.plan_id.in_(plan_ids))
            .group_by(ActivityTime.plan_id, ActivityTime.activity)
        )
        for plan_id, activity, minutes in rows:
            found.setdefault(plan_id, {})[activity] = int(minutes)
        return found
