"""Telling councils whose evidence they may use."""

from uuid import UUID

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.providers.events import PassportShareMoved
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.states import PassportShareStatus


@task("providers.tell_passport_share", on=PassportShareMoved)
async def tell_passport_share(message_id: UUID, event: PassportShareMoved) -> None:
    """Tell a council's accreditors that an organisation shares its evidence with them, or stopped."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "providers.tell_passport_share", message_id):
            return
        organisation = await OrganisationRepository(db).find(event.organisation_id)
        is_shared = event.status == PassportShareStatus.SHARED.value
        link = f"/accreditation/passports/{organisation.id}" if is_shared else f"/organisations/{organisation.id}"
        context = {
            "organisation": organisation.name,
            "is_shared": is_shared,
            "link": f"{delivery.settings().public_url}{link}",
        }
        await MessagingService(db).tell(event.council_id, "passport_share", context, role=Role.ACCREDITOR)
