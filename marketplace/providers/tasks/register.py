"""The regulator's register by night: its file is read, links are read again, and those concerned are told."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import AccountRepository, Role
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.providers.events import EVERYWHERE, DirectoryFailed, DirectoryImported, RegistrationChanged
from marketplace.providers.models import DirectoryImport
from marketplace.providers.repository.directory_imports import FAILED
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.directory_file import is_night, read_newest
from marketplace.providers.service.register_changes import CLAIMED, CONFIRMED
from marketplace.providers.service.register_watch import RegisterWatch


# Not once a day: a day counts from the last start, which may be at noon. By day, and once the file is read, a look
# costs nothing.
@every(timedelta(minutes=20), "providers.read_directory_file")
async def read_directory_file() -> None:
    """Read the newest file of the register between two and five in the night, when there is a new one."""
    settings = delivery.settings()
    if settings.directory_file is None:
        return
    async with transaction(session_maker()) as db:
        now = clock_of(db).now()
    if is_night(now):
        await read_newest(session_maker(), settings.directory_file, is_complete=settings.directory_is_complete)


@task("providers.read_links_again", on=DirectoryImported)
async def read_links_again(message_id: UUID, event: DirectoryImported) -> None:
    """Compare every link with the register that was just read in."""
    async with transaction(session_maker(), "every") as db:
        if await first_time(db, "providers.read_links_again", message_id):
            await RegisterWatch(db).read_again(event.import_id)


@task("providers.tell_registration_changed", on=RegistrationChanged)
async def tell_registration_changed(message_id: UUID, event: RegistrationChanged) -> None:
    """Tell a council's accreditors that an organisation is no longer registered, or is again.

    A claim that succeeds is no news to them; the organisation hears of its link and its listings by other messages.
    """
    if event.council_id == EVERYWHERE or (event.is_registered and event.why in (CLAIMED, CONFIRMED)):
        return
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_registration_changed", message_id):
            return
        organisation = await OrganisationRepository(db).find(event.organisation_id)
        context = {
            "organisation": organisation.name,
            "is_registered": event.is_registered,
            "why": event.why,
            "link": f"{delivery.settings().public_url}/regulator-links/changes",
        }
        await MessagingService(db).tell(event.council_id, "registration_changed", context, role=Role.ACCREDITOR)


@task("providers.tell_directory_failed", on=DirectoryFailed)
async def tell_directory_failed(message_id: UUID, event: DirectoryFailed) -> None:
    """Tell the administrators of each council that the register could not be read."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_directory_failed", message_id):
            return
        row = await db.get(DirectoryImport, event.import_id)
        if row is None:
            return
        context = {
            "file": row.file_name,
            "why": str(row.counts.get(FAILED, "")),
            "link": f"{delivery.settings().public_url}/operations",
        }
        for council in await AccountRepository(db).councils():
            await MessagingService(db).tell(council.id, "directory_failed", context, role=Role.ADMIN)
