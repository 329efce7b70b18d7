"""Questions about tariffs."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from marketplace.core.models import OutboxDelivery, OutboxMessage
from marketplace.core.repository import Repository
from marketplace.payments.models import Accrual, AccrualKind, Tariff, TariffBook, TariffEvent
from marketplace.plans.models import PlanVersion


class TariffRepository(Repository[Tariff]):
    """Dated tariffs of councils."""

    model_type = Tariff

    async def hold(self, council_id: UUID) -> None:
        """Let nobody else set a tariff of the council until the transaction ends."""
        await self.db.execute(
            select(func.pg_advisory_xact_lock(func.hashtext("payments.tariffs"), func.hashtext(str(council_id))))
        )

    async def last_number(self, council_id: UUID, framework_id: UUID | None) -> int:
        """Return the highest number of a book of a framework, 0 without one."""
        return int(
            await self.db.scalar(
                select(func.coalesce(func.max(TariffBook.number), 0)).where(
                    TariffBook.council_id == council_id, TariffBook.framework_id.is_not_distinct_from(framework_id)
                )
            )
            or 0
        )

    async def on(self, council_id: UUID, event: TariffEvent, day: date) -> Tariff | None:
        """Return the tariff that counts on a day."""
        return await self.maybe(
            self.of(council_id)
            .where(
                Tariff.event == event,
                Tariff.starts_on <= day,
                or_(Tariff.ends_on.is_(None), Tariff.ends_on > day),
            )
            .order_by(Tariff.starts_on.desc())
        )

    async def latest(self, council_id: UUID, event: TariffEvent) -> Tariff | None:
        """Return the tariff that starts last, in the past or to come."""
        return await self.maybe(self.of(council_id).where(Tariff.event == event).order_by(Tariff.starts_on.desc()))

    async def history(self, council_id: UUID, limit: int = 100) -> Sequence[Tariff]:
        """Return a council's tariffs, those that start last first."""
        return await self.every(self.of(council_id).order_by(Tariff.starts_on.desc(), Tariff.id.desc()).limit(limit))

    async def plans_by_minutes(self, council_id: UUID, since: date, until: date) -> Sequence[Row[int, int, int]]:
        """Return (recorded minutes, number of plans, pence they earned) of plans completed in [since, until)."""
        return (
            await self.db.execute(
                select(
                    PlanVersion.visit_minutes,
                    func.count().label("plans"),
                    func.sum(Accrual.amount_pence).label("paid_pence"),
                )
                .join(PlanVersion, PlanVersion.id == Accrual.source_id)
                .where(
                    Accrual.council_id == council_id,
                    Accrual.kind == AccrualKind.PLAN,
                    Accrual.earned_on >= since,
                    Accrual.earned_on < until,
                )
                .group_by(PlanVersion.visit_minutes)
                .order_by(PlanVersion.visit_minutes)
            )
        ).all()

    async def parked(self, council_id: UUID, task: str) -> Sequence[UUID]:
        """Return messages of a council at which a task gave up."""
        return (
            await self.db.scalars(
                select(OutboxDelivery.message_id)
                .join(OutboxMessage, OutboxMessage.id == OutboxDelivery.message_id)
                .where(
                    OutboxMessage.council_id == council_id,
                    OutboxDelivery.task == task,
                    OutboxDelivery.parked_at.is_not(None),
                    OutboxDelivery.handled_at.is_(None),
                )
                .order_by(OutboxMessage.number)
                .limit(1000)
            )
        ).all()
