"""Background work of tariffs: stages, reviews, months, and telling those concerned."""

from uuid import UUID

from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.payments.service.accruals import AccrualService
from marketplace.plans.events import PlanSubmittedForCheck, ReviewSigned


@outbox.task("payments.accrue_submitted", on=PlanSubmittedForCheck)
async def accrue_submitted(message_id: UUID, event: PlanSubmittedForCheck) -> None:
    """A plan that first goes to its check earns its stage, where the tariff has one."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.accrue_submitted", message_id):
            await AccrualService(db).accrue_submitted(event)


@outbox.task("payments.accrue_review", on=ReviewSigned)
async def accrue_review(message_id: UUID, event: ReviewSigned) -> None:
    """A review that was held and written down earns its tariff, as often as the rule allows."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.accrue_review", message_id):
            await AccrualService(db).accrue_review(event)
