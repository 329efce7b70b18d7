"""Saved searches asked again, links to shared shortlists."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery, send_secret
from marketplace.providers.events import (
    SavedListShared,
    SavedSearchMatched,
)
from marketplace.providers.models import SavedSearch
from marketplace.providers.repository.choosing import SavedSearchRepository, ShareRepository
from marketplace.providers.service.list_shares import share_token
from marketplace.providers.service.market_index import process_search
from marketplace.providers.service.saved_searches import SavedSearchService

log = structlog.get_logger(__name__)


# Choosing

ASKED_BATCH = 50
MOST_BATCHES = 40
"""Searches asked in one run: fifty times this. What is left is due still and comes first in the next run."""


@every(timedelta(minutes=30), "providers.ask_saved_searches")
async def ask_saved_searches() -> None:
    """Ask the saved searches that are due again, each in its own transaction."""
    search = process_search()
    after: tuple[datetime, UUID] | None = None
    for _ in range(MOST_BATCHES):
        async with transaction(session_maker(), "every") as db:
            rows = await SavedSearchRepository(db).due(clock_of(db).now(), after, ASKED_BATCH)
            due = [(row.next_run_at, row.id, row.council_id) for row in rows]
        for _, search_id, council_id in due:
            try:
                async with transaction(session_maker(), [council_id]) as db:
                    searches = SavedSearchRepository(db)
                    row = await searches.maybe(searches.of(council_id).where(SavedSearch.id == search_id), locked=True)
                    if row is not None:
                        await SavedSearchService(db, search).ask_again(row)
            except Exception:
                # One that fails must not keep those behind it from being asked; it is due still in the next run.
                log.exception("saved-search-failed", saved_search_id=str(search_id))
        if len(due) < ASKED_BATCH:
            return
        after = due[-1][:2]


@task("providers.tell_of_saved_search", on=SavedSearchMatched)
async def tell_of_saved_search(message_id: UUID, event: SavedSearchMatched) -> None:
    """Tell somebody that a saved search found something new."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "providers.tell_of_saved_search", message_id):
            return
        searches = SavedSearchRepository(db)
        row = await searches.maybe(searches.of(event.council_id).where(SavedSearch.id == event.saved_search_id))
        if row is None or not row.is_telling:
            return
        context = {
            "found": event.found,
            "name": row.name,
            "link": f"{delivery.settings().public_url}/saved-searches/{row.id}",
        }
        await MessagingService(db).tell(event.council_id, "saved_search_matched", context, user_id=event.user_id)


@task("providers.send_list_link", on=SavedListShared)
async def send_list_link(message_id: UUID, event: SavedListShared) -> None:
    """Send the link to a shortlist to the address its owner gave. What is kept of the message does not hold it."""
    settings = delivery.settings()
    async with transaction(session_maker(), [event.council_id]) as db:
        found = await ShareRepository(db).mail(event.council_id, event.share_id, today(clock_of(db)))
        if found is None or not found[0].email:
            return
        share, owner_name = found
        context = {
            "owner_name": owner_name,
            "last_day": share.expires_on - timedelta(days=1),
            "may_comment": share.may_comment,
        }
        to_address = share.email
    link = f"{settings.public_url}/shared/{share_token(settings.secret_key, event.share_id)}"
    await send_secret(event.share_id, event.council_id, to_address, "saved_list_shared", context, {"shared_link": link})
