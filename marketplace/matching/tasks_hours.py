"""Keeping free hours of care in step with what was awarded."""

from uuid import UUID

from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import task
from marketplace.matching.events import RequirementAwarded
from marketplace.matching.repository.hours import CareHoursRepository
from marketplace.matching.service.care.hours import CareHoursService


@task("matching.take_awards_off_hours", on=RequirementAwarded)
async def take_awards_off_hours(message_id: UUID, event: RequirementAwarded) -> None:
    """Take the awarded visits off the hours that the organisation said it has free, whichever council awarded them."""
    async with transaction(session_maker(), "every") as db:
        if not await outbox.first_time(db, "matching.take_awards_off_hours", message_id):
            return
        service = await CareHoursRepository(db).service_of(event.council_id, event.requirement_id)
        if service is not None:
            await CareHoursService(db).take_off_awards(event.organisation_id, service)
