"""The operations page: stuck work is shown to its own council alone and can be tried again."""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.models import OutboxDelivery
from marketplace.messaging.events import MessageQueued
from tests.browser import Browser, count
from tests.factories import make_council, make_member


async def test_stuck_work_is_shown_and_tried_again(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    council, other = await make_council(db), await make_council(db)
    ours, theirs = council.slug, other.slug
    for place in (council, other):
        message_id = outbox.publish(db, MessageQueued(council_id=place.id, message_id=place.id))
        await db.flush()
        db.add(
            OutboxDelivery(
                message_id=message_id,
                task="messaging.deliver",
                enqueued_at=clock.now(),
                parked_at=clock.now(),
                error=f"no route to {place.slug}",
            )
        )
    await db.flush()
    admin = await browser.signed_in(await make_member(db, Role.ADMIN, council))
    page = await admin.open("/operations")
    assert f"no route to {ours}" in page.words
    assert theirs not in page.words
    form = {"message": page.field("message"), "task": "messaging.deliver"}
    await admin.post("/operations/try-again", form)
    assert await count(db, "outbox_deliveries", "parked_at IS NOT NULL") == 1
    assert "Nothing is stuck" in (await admin.open("/operations")).words
    await admin.post("/operations/try-again", form, expect=404)


async def test_another_councils_stuck_work_is_out_of_reach(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    council = await make_council(db)
    message_id = outbox.publish(db, MessageQueued(council_id=council.id, message_id=council.id))
    await db.flush()
    db.add(OutboxDelivery(message_id=message_id, task="t", enqueued_at=clock.now(), parked_at=clock.now()))
    stranger = await browser.signed_in(await make_member(db, Role.ADMIN))
    await stranger.post("/operations/try-again", {"message": str(message_id), "task": "t"}, expect=404)
    assert await count(db, "outbox_deliveries", "parked_at IS NOT NULL") == 1
