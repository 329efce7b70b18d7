"""Telling both sides about shared plans; ending what an organisation may not read any more."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService
from marketplace.plans.events_sharing import PlanShared, PlanShareEnded
from marketplace.plans.repository.sharing import ShareRepository
from marketplace.plans.service.sharing import SharingService
from marketplace.providers.events import EVERYWHERE, AccreditationChanged

BATCH: Final = 200


@task("plans.tell_plan_shared", on=PlanShared)
async def tell_plan_shared(message_id: UUID, event: PlanShared) -> None:
    """Tell the organisation that somebody shared a plan with it. The message names nobody."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_plan_shared", message_id):
            context = {"last_on": event.ends_on - timedelta(days=1)}
            await MessagingService(db).tell(
                event.council_id, "plan_shared", context, organisation_id=event.organisation_id
            )


@task("plans.tell_share_ended", on=PlanShareEnded)
async def tell_share_ended(message_id: UUID, event: PlanShareEnded) -> None:
    """Tell the organisation that it may not read any more; and the person, where it ended without them."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_share_ended", message_id):
            return
        messages = MessagingService(db)
        await messages.tell(event.council_id, "plan_share_over", {}, organisation_id=event.organisation_id)
        if event.by_itself:
            name = await ShareRepository(db).organisation_name(event.organisation_id)
            await messages.tell(event.council_id, "plan_share_ended", {"organisation": name}, person_id=event.person_id)


@task("plans.end_shares_without_standing", on=AccreditationChanged)
async def end_shares_without_standing(message_id: UUID, event: AccreditationChanged) -> None:
    """End shares with an organisation that the council does not approve any more."""
    if event.council_id == EVERYWHERE:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.end_shares_without_standing", message_id):
            await SharingService(db).end_without_role(BATCH)


@every(timedelta(days=1), "plans.end_shares")
async def end_shares() -> None:
    """End shares whose organisation's approval ran out, or whose person died, in batches."""
    while True:
        async with transaction(session_maker(), "every") as db:
            ended = await SharingService(db).end_without_role(BATCH)
        if ended < BATCH:
            return
