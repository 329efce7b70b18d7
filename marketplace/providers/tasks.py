"""What providers does after the fact: keep the search index true."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import AccountRepository, Role
from marketplace.accounts.service import link_secret
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.sending import send_link
from marketplace.providers.events import (
    AccreditationChanged,
    DirectoryImported,
    JoiningSubmitted,
    ListingChanged,
    OrganisationJoined,
    SearchIndexLost,
)
from marketplace.providers.repository.joining import JoiningRepository
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.joining import LINK_PURPOSE, JoiningService
from marketplace.providers.service.market_index import process_search, rebuild_index, refresh_listings
from marketplace.providers.service.organisations import KIND_LABELS

# These tasks claim nothing: they write no row, and doing one twice leaves the index as it should be.


@task("providers.index_listing", on=ListingChanged)
async def index_listing(message_id: UUID, event: ListingChanged) -> None:
    """Put a changed listing into the index, or take it out."""
    async with transaction(session_maker()) as db:
        await refresh_listings(db, process_search(), [event.listing_id])


@task("providers.index_accreditation", on=AccreditationChanged)
async def index_accreditation(message_id: UUID, event: AccreditationChanged) -> None:
    """Bring the listings of an organisation up to date: its accreditation decides whether and how they are shown."""
    async with transaction(session_maker()) as db:
        ids = await MarketRepository(db).listing_ids_of(event.organisation_id)
        await refresh_listings(db, process_search(), ids)


@task("providers.index_directory", on=DirectoryImported)
async def index_directory(message_id: UUID, event: DirectoryImported) -> None:
    """Make the index anew after an import: most of it may have changed."""
    await rebuild_index(process_search().backend, session_maker())


@task("providers.restore_index", on=SearchIndexLost)
async def restore_index(message_id: UUID, event: SearchIndexLost) -> None:
    """Make a lost index anew; nothing to do when another task was first."""
    search = process_search()
    if not await search.is_healthy():
        await rebuild_index(search.backend, session_maker())


@every(timedelta(hours=1), "providers.turn_accreditations")
async def turn_accreditations() -> None:
    """Bring listings up to date whose accreditation begins or ends today: no event tells of a date that comes."""
    search = process_search()
    async with transaction(session_maker()) as db:
        market = MarketRepository(db)
        for organisation_id in await market.organisations_turning(today(clock_of(db))):
            await refresh_listings(db, search, await market.listing_ids_of(organisation_id))


# Joining and evidence


@task("providers.send_join_link", on=JoiningSubmitted)
async def send_join_link(message_id: UUID, event: JoiningSubmitted) -> None:
    """Send the link that confirms an e-mail address, or say that it has an account. It calls out, so it claims nothing."""
    settings = delivery.settings()
    async with transaction(session_maker(), "every") as db:
        joining = await JoiningRepository(db).locked(event.joining_id)
        if joining is None or joining.confirmed_at is not None:
            return
        to_address = joining.email
        is_known = await AccountRepository(db).is_known(to_address)
        name = str(joining.answers.get("contact_name") or joining.answers["name"])
    if is_known:
        link = f"{settings.public_url}/sign-in"
        await send_link(event.council_id, event.joining_id, to_address, "join_known", {}, link)
    else:
        link = f"{settings.public_url}/join/confirm/{link_secret(settings.secret_key, LINK_PURPOSE, event.joining_id)}"
        context = {"reader_name": name}
        await send_link(event.council_id, event.joining_id, to_address, "join_confirm", context, link)


@task("providers.tell_joined", on=OrganisationJoined)
async def tell_joined(message_id: UUID, event: OrganisationJoined) -> None:
    """Tell the council's accreditors that somebody registered."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "providers.tell_joined", message_id):
            return
        organisation = await OrganisationRepository(db).find(event.organisation_id)
        context = {
            "organisation": organisation.name,
            "kind": KIND_LABELS[organisation.kind].lower(),
            "town": organisation.town,
            "link": f"{delivery.settings().public_url}/organisations/{organisation.id}",
        }
        await MessagingService(db).tell(event.council_id, "organisation_joined", context, role=Role.ACCREDITOR)


@every(timedelta(hours=6), "providers.forget_joinings")
async def forget_joinings() -> None:
    """Delete registrations that nobody confirmed within seven days."""
    async with transaction(session_maker(), "every") as db:
        await JoiningService(db).forget_old()
