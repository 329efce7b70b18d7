"""Figures of the dashboards: several questions in one, the next visit, sums for charts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking
from marketplace.bookings.states import BookingStatus
from marketplace.matching.models import Referral
from marketplace.payments.models import Accrual, AccrualKind
from marketplace.providers.models import Worker


class HomeRepository:
    """Counts and sums, several in one question."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def figures(self, questions: dict[str, Select[Any]]) -> dict[str, int]:
        """Ask several questions of one number each in one go."""
        columns = [question.scalar_subquery().label(name) for name, question in questions.items()]
        row = (await self.db.execute(select(*columns))).one()
        return {name: int(value or 0) for name, value in zip(questions, row, strict=True)}

    async def next_visit(self, council_id: UUID, person_id: UUID, now: datetime) -> Booking | None:
        """Return a person's next agreed visit."""
        found: Booking | None = await self.db.scalar(
            select(Booking)
            .where(
                Booking.council_id == council_id,
                Booking.person_id == person_id,
                Booking.status == BookingStatus.ACCEPTED,
                Booking.starts_at > now,
            )
            .order_by(Booking.starts_at)
            .limit(1)
        )
        return found

    async def worker(self, worker_id: UUID) -> Worker | None:
        """Return a worker."""
        return await self.db.get(Worker, worker_id)

    async def referrals_by_week(self, council_id: UUID, since: date) -> dict[date, int]:
        """Count referrals by the Monday of the week they came in, London time."""
        week = func.date_trunc("week", func.timezone("Europe/London", Referral.received_at))
        rows = await self.db.execute(
            select(week, func.count()).where(Referral.council_id == council_id, week >= since).group_by(week)
        )
        return {monday.date(): number for monday, number in rows}

    async def plan_spend_by_month(self, council_id: UUID, since: date) -> dict[date, int]:
        """Sum what completed plans earned, pence, by the first day of the month."""
        month = func.date_trunc("month", Accrual.earned_on)
        rows = await self.db.execute(
            select(month, func.sum(Accrual.amount_pence))
            .where(Accrual.council_id == council_id, Accrual.kind == AccrualKind.PLAN, Accrual.earned_on >= since)
            .group_by(month)
        )
        return {first.date(): int(pence) for first, pence in rows}
