"""Questions of the case timeline: one person's rows of every package, each question bounded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking
from marketplace.bookings.states import BookingStatus
from marketplace.core.models import Step
from marketplace.matching.models import Offer, Referral
from marketplace.people.models import Assessment, Budget
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.providers.models import Organisation, Worker

MOST: Final = 60
"""Rows of one kind: years of somebody's life; the oldest are left out."""
TOOK_PLACE: Final = (
    BookingStatus.IN_PROGRESS,
    BookingStatus.CLAIMED,
    BookingStatus.APPROVED,
    BookingStatus.PART_APPROVED,
)


class TimelineRepository:
    """What has happened around a person."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def assessments(self, council_id: UUID, person_id: UUID) -> Sequence[Assessment]:
        """Return assessments, the newest first."""
        question = select(Assessment).where(Assessment.council_id == council_id, Assessment.person_id == person_id)
        return (await self.db.scalars(question.order_by(Assessment.created_at.desc()).limit(MOST))).all()

    async def budgets(self, council_id: UUID, person_id: UUID) -> Sequence[Budget]:
        """Return budgets, the newest first."""
        question = select(Budget).where(Budget.council_id == council_id, Budget.person_id == person_id)
        return (await self.db.scalars(question.order_by(Budget.created_at.desc()).limit(MOST))).all()

    async def referrals(self, council_id: UUID, person_id: UUID) -> Sequence[Referral]:
        """Return referrals, the newest first."""
        question = select(Referral).where(Referral.council_id == council_id, Referral.person_id == person_id)
        return (await self.db.scalars(question.order_by(Referral.received_at.desc()).limit(MOST))).all()

    async def offers(self, council_id: UUID, person_id: UUID) -> Sequence[Row[Offer, str, str]]:
        """Return offers to planners with the names of planner and organisation, the newest first."""
        question = (
            select(Offer, Worker.name, Organisation.name)
            .join(Referral, Referral.id == Offer.referral_id)
            .join(Worker, Worker.id == Offer.worker_id)
            .join(Organisation, Organisation.id == Offer.organisation_id)
            .where(Offer.council_id == council_id, Referral.person_id == person_id)
        )
        return (await self.db.execute(question.order_by(Offer.offered_at.desc()).limit(MOST))).all()

    async def versions(self, council_id: UUID, person_id: UUID) -> Sequence[Row[PlanVersion, Plan, str | None]]:
        """Return versions of plans with their plan and the planner's name, the newest first."""
        question = (
            select(PlanVersion, Plan, Worker.name)
            .join(Plan, Plan.id == PlanVersion.plan_id)
            .outerjoin(Worker, Worker.id == Plan.worker_id)
            .where(PlanVersion.council_id == council_id, Plan.person_id == person_id)
        )
        newest = (Plan.created_at.desc(), PlanVersion.number.desc())
        return (await self.db.execute(question.order_by(*newest).limit(MOST))).all()

    async def steps(self, council_id: UUID, kind: str, ids: Sequence[UUID]) -> Sequence[Step]:
        """Return life-cycle steps of rows of a kind, the newest first."""
        if not ids:
            return []
        question = select(Step).where(
            Step.council_id == council_id, Step.subject_kind == kind, Step.subject_id.in_(list(ids))
        )
        return (await self.db.scalars(question.order_by(Step.at.desc()).limit(MOST * 4))).all()

    async def reviews(self, council_id: UUID, person_id: UUID) -> Sequence[Review]:
        """Return reviews, the one due last first."""
        question = select(Review).where(Review.council_id == council_id, Review.person_id == person_id)
        return (await self.db.scalars(question.order_by(Review.due_on.desc()).limit(MOST))).all()

    async def visits(self, council_id: UUID, person_id: UUID) -> tuple[datetime | None, datetime | None, int]:
        """Return when the first and the last visit took place, and how many did."""
        question = select(func.min(Booking.starts_at), func.max(Booking.starts_at), func.count()).where(
            Booking.council_id == council_id, Booking.person_id == person_id, Booking.status.in_(TOOK_PLACE)
        )
        row = (await self.db.execute(question)).one()
        return row[0], row[1], row[2]
