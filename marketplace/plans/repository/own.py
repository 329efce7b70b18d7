"""Questions about plans that people write themselves, and about who helps them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import case, func, select, update

from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.people.models import Person
from marketplace.plans.models import Plan, PlanHelper, PlannedBy, PlanVersion
from marketplace.plans.states import EDITABLE
from marketplace.providers.models import Organisation, Worker


class OwnPlan(NamedTuple):
    """A person's plan by its newest version, whoever writes it now."""

    plan: Plan
    version: PlanVersion
    referral: Referral
    person: Person
    planner_name: str
    """Empty while the person plans without one."""
    organisation_name: str


class OwnPlanRepository(Repository[Plan]):
    """Plans, asked for by their person."""

    model_type = Plan

    async def newest(self, council_id: UUID, person_id: UUID) -> OwnPlan | None:
        """Return the plan that a person is at: one that is being written first, their own before a planner's."""
        newest = (
            select(func.max(PlanVersion.number)).where(PlanVersion.plan_id == Plan.id).correlate(Plan).scalar_subquery()
        )
        question = (
            select(Plan, PlanVersion, Referral, Person, Worker.name, Organisation.name)
            .join(PlanVersion, (PlanVersion.plan_id == Plan.id) & (PlanVersion.number == newest))
            .join(Referral, Referral.id == Plan.referral_id)
            .join(Person, Person.id == Plan.person_id)
            .outerjoin(Worker, Worker.id == Plan.worker_id)
            .outerjoin(Organisation, Organisation.id == Plan.organisation_id)
            .where(Plan.council_id == council_id, Plan.person_id == person_id)
            .order_by(
                case((PlanVersion.status.in_(EDITABLE), 0), else_=1),
                case((Plan.planned_by == PlannedBy.PERSON, 0), else_=1),
                Plan.created_at.desc(),
                Plan.id.desc(),
            )
            .limit(1)
        )
        row = (await self.db.execute(question)).first()
        return OwnPlan(row[0], row[1], row[2], row[3], row[4] or "", row[5] or "") if row else None

    async def locked_for(self, council_id: UUID, person_id: UUID, plan_id: UUID) -> tuple[Plan, PlanVersion]:
        """Return a person's plan and its newest version, both locked, parent first.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        mine = self.of(council_id).where(Plan.id == plan_id, Plan.person_id == person_id)
        plan = await self.one(mine, locked=True)
        return plan, await self._newest_version(plan.id, is_locked=True)

    async def newest_version(self, plan_id: UUID) -> PlanVersion:
        """Return the newest version of a plan, to read."""
        return await self._newest_version(plan_id, is_locked=False)

    async def _newest_version(self, plan_id: UUID, *, is_locked: bool) -> PlanVersion:
        question = (
            select(PlanVersion).where(PlanVersion.plan_id == plan_id).order_by(PlanVersion.number.desc()).limit(1)
        )
        if is_locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).one()


class HelperRepository(Repository[PlanHelper]):
    """Helpers with plans."""

    model_type = PlanHelper

    async def of_plan(self, plan_id: UUID) -> Sequence[PlanHelper]:
        """Return a plan's helpers, those whose link works first, then the latest."""
        question = (
            select(PlanHelper)
            .where(PlanHelper.plan_id == plan_id)
            .order_by(PlanHelper.ended_at.is_not(None), PlanHelper.invited_at.desc(), PlanHelper.id.desc())
            .limit(100)
        )
        return await self.every(question)

    async def count_open(self, plan_id: UUID, now: datetime) -> int:
        """Count links of a plan that work."""
        found = await self.db.scalar(
            select(func.count()).where(
                PlanHelper.plan_id == plan_id, PlanHelper.ended_at.is_(None), PlanHelper.expires_at > now
            )
        )
        return int(found or 0)

    async def count_mailed(self, council_id: UUID, person_id: UUID, since: datetime) -> int:
        """Count links that were sent by e-mail for a person since a moment."""
        found = await self.db.scalar(
            select(func.count())
            .select_from(PlanHelper)
            .join(Plan, Plan.id == PlanHelper.plan_id)
            .where(
                PlanHelper.council_id == council_id,
                Plan.person_id == person_id,
                PlanHelper.email != "",
                PlanHelper.invited_at > since,
            )
        )
        return int(found or 0)

    async def by_token(self, token_hash: bytes, now: datetime) -> PlanHelper | None:
        """Return the helper whose link works at a moment."""
        return await self.maybe(
            select(PlanHelper).where(
                PlanHelper.token_hash == token_hash, PlanHelper.ended_at.is_(None), PlanHelper.expires_at > now
            )
        )

    async def one_of(self, plan_id: UUID, helper_id: UUID) -> PlanHelper:
        """Return one helper of a plan, locked.

        Raises:
            NotFound: There is none.
        """
        question = select(PlanHelper).where(PlanHelper.plan_id == plan_id, PlanHelper.id == helper_id)
        return await self.one(question, locked=True)

    async def end_all(self, council_id: UUID, person_id: UUID, at: datetime) -> Sequence[UUID]:
        """End every link to a person's plans; returns those that worked until now."""
        return (
            await self.db.scalars(
                update(PlanHelper)
                .where(
                    PlanHelper.council_id == council_id,
                    PlanHelper.plan_id.in_(select(Plan.id).where(Plan.person_id == person_id)),
                    PlanHelper.ended_at.is_(None),
                    PlanHelper.expires_at > at,
                )
                .values(ended_at=at, version=PlanHelper.version + 1)
                .returning(PlanHelper.id)
            )
        ).all()

    async def note_seen(self, helper_id: UUID, at: datetime) -> None:
        """Note that a link was opened. The row's version stays: opening it is no change of the invitation."""
        await self.db.execute(
            update(PlanHelper)
            .where(PlanHelper.id == helper_id)
            .values(last_seen_at=at, first_seen_at=func.coalesce(PlanHelper.first_seen_at, at))
            .execution_options(synchronize_session=False)
        )
