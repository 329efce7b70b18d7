"""Questions about tariffs."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select

from marketplace.core.models import OutboxDelivery, OutboxMessage
from marketplace.core.repository import Repository
from marketplace.payments.models import Accrual, AccrualKind, Tariff, TariffBook, TariffEvent
from marketplace.payments.states import BookStatus
from marketplace.plans.models import PlanVersion
from marketplace.providers.models import (
    Accreditation,
    FrameworkVersion,
    Lot,
    ServiceLine,
)
from marketplace.providers.repository.accreditations import in_period

SERVICE_OF: dict[TariffEvent, ServiceLine] = {
    event: ServiceLine.MONEY_MANAGEMENT if event is TariffEvent.MONEY_MANAGEMENT_MONTH else ServiceLine.SUPPORT_PLANNING
    for event in TariffEvent
}
"""For which service an event is earned: decides the framework, VAT and the cost code."""


def covers(table: type[Tariff] | type[TariffBook], day: date) -> ColumnElement[bool]:
    """Condition: a book or a rule counts on a day."""
    return (table.starts_on <= day) & or_(table.ends_on.is_(None), table.ends_on > day)


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

    def published(self, council_id: UUID, framework_id: UUID | None) -> Select[Tariff]:
        """Start a question about the rules of published books of a framework, or of the council's own."""
        return (
            self.of(council_id)
            .join(TariffBook, TariffBook.id == Tariff.book_id)
            .where(
                TariffBook.status == BookStatus.PUBLISHED,
                TariffBook.framework_id.is_not_distinct_from(framework_id),
            )
        )

    async def on(
        self, council_id: UUID, event: TariffEvent, day: date, framework_id: UUID | None = None
    ) -> Tariff | None:
        """Return the rule that counts on a day for those accredited under a framework.

        A framework with a book of its own on that day has that alone: what the book leaves out is not paid under it.
        All others have the council's own book.
        """
        own = framework_id is not None and await self.db.scalar(
            select(TariffBook.id)
            .where(
                TariffBook.council_id == council_id,
                TariffBook.framework_id == framework_id,
                TariffBook.status == BookStatus.PUBLISHED,
                covers(TariffBook, day),
            )
            .limit(1)
        )
        return await self.maybe(
            self.published(council_id, framework_id if own else None)
            .where(Tariff.event == event, covers(Tariff, day))
            .order_by(Tariff.starts_on.desc(), Tariff.id.desc())
        )

    async def framework_of(
        self, council_id: UUID, organisation_id: UUID, service: ServiceLine, day: date
    ) -> UUID | None:
        """Return the framework under which an organisation was accredited for a service on a day, None without one."""
        found: UUID | None = await self.db.scalar(
            select(FrameworkVersion.framework_id)
            .join(Lot, Lot.version_id == FrameworkVersion.id)
            .join(Accreditation, Accreditation.lot_id == Lot.id)
            .where(
                Accreditation.council_id == council_id,
                Accreditation.organisation_id == organisation_id,
                Accreditation.service_line == service,
                in_period(day),
            )
            .order_by(Accreditation.live_from.desc(), Accreditation.id.desc())
            .limit(1)
        )
        return found

    async def latest(self, council_id: UUID, event: TariffEvent, framework_id: UUID | None = None) -> Tariff | None:
        """Return the published rule that starts last, in the past or to come."""
        return await self.maybe(
            self.published(council_id, framework_id)
            .where(Tariff.event == event)
            .order_by(Tariff.starts_on.desc(), Tariff.id.desc())
        )

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
