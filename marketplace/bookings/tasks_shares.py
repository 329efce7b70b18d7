"""What ends with a provider's work for a person: it reads no more of their plan (V14)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.events import AgreementEnded
from marketplace.bookings.repository_agreements import SupportAgreementRepository
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.plans.events_sharing import PlannerLeft
from marketplace.plans.repository.sharing import ShareRepository
from marketplace.plans.service.sharing import ROLE_ENDED, SharingService


@task("bookings.end_plan_share", on=AgreementEnded)
async def end_plan_share(message_id: UUID, event: AgreementEnded) -> None:
    """End what the person shares with the provider, unless another agreement of the two runs."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "bookings.end_plan_share", message_id):
            return
        await _end_role(db, event.council_id, event.person_id, event.organisation_id)


@task("bookings.end_planner_share", on=PlannerLeft)
async def end_planner_share(message_id: UUID, event: PlannerLeft) -> None:
    """End what the person shares with an organisation that plans for them no longer, unless it supports them, too."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "bookings.end_planner_share", message_id):
            await _end_role(db, event.council_id, event.person_id, event.organisation_id)


async def _end_role(db: AsyncSession, council_id: UUID, person_id: UUID, organisation_id: UUID) -> None:
    """End the shares of the two where no work of the organisation for the person is left."""
    if await SupportAgreementRepository(db).supports(council_id, organisation_id, person_id):
        return
    if await ShareRepository(db).plans_for(council_id, person_id, organisation_id):
        return
    await SharingService(db).end_role(council_id, person_id, organisation_id, ROLE_ENDED)
