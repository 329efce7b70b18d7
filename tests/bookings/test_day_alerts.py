"""Late, missed, nobody named: said once, to the person, whom they chose and the provider, and never wrongly."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import RecordKind
from marketplace.bookings.service.alerts import MOST_CONTACTS
from marketplace.bookings.service.records import RecordService
from marketplace.bookings.service.workers import CrewService
from marketplace.bookings.states import BookingStatus
from marketplace.bookings.tasks_day import watch_visits
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.ids import new_id
from marketplace.core.queue import deliver
from tests.browser import Browser, count
from tests.factories_bookings import make_booking, make_scene
from tests.factories_day import make_office, make_planned

TEN = datetime(2027, 3, 5, 10, tzinfo=UTC)


async def watch(db: AsyncSession) -> list[str]:
    """Look at all visits, tell what is to be told, and return what has been told so far."""
    await watch_visits()
    await scope_to(db, "every")
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0
    return sorted(await db.scalars(text("SELECT template FROM messages")))


async def test_a_visit_that_does_not_begin_is_late_then_missed_and_said_once(db: AsyncSession, clock: Any) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office)
    await CrewService(db).confirm(office.manager.principal, visit.id, [office.workers[0].id])
    clock.move_to(TEN + timedelta(minutes=14))
    assert await watch(db) == []
    clock.move_to(TEN + timedelta(minutes=16))
    for _ in range(2):
        found = await watch(db)
        assert found.count("visit_late") == 1
        assert set(found) == {"visit_late", "visit_late_provider"}
    clock.move_to(TEN + timedelta(minutes=61))
    for _ in range(2):
        assert (await watch(db)).count("visit_missed") == 1
    await RecordService(db).record(
        office.carers[0].principal,
        visit.id,
        RecordKind.START,
        client_key=new_id(),
        happened_at=TEN + timedelta(minutes=3),
    )
    assert await count(db, "visit_alerts") == 2
    assert await count(db, "visit_alerts", "settled_at IS NULL") == 0


async def test_nobody_named_the_day_before_is_said_and_settled_by_a_name(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office)
    clock.move_to(TEN - timedelta(hours=25))
    assert await watch(db) == []
    clock.move_to(TEN - timedelta(hours=23))
    found = await watch(db)
    assert found.count("visit_no_worker") == 1
    manager = await browser.signed_in(office.manager)
    page = await manager.open("/alerts")
    assert "Nobody is confirmed" in page.words
    await manager.post(f"/provider/bookings/{visit.id}/workers", {"worker": str(office.workers[0].id)})
    assert "Nothing is wrong now" in (await manager.open("/alerts")).words


async def test_where_nobody_uses_the_phone_page_silence_is_no_alarm(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    gone = await make_booking(db, scene, BookingStatus.ACCEPTED, at=time(14), called_off_at=TEN)
    clock.move_to(TEN + timedelta(minutes=30))
    assert await watch(db) == []
    assert gone.called_off_at is not None


async def test_the_list_of_those_to_tell_is_short_and_their_own(browser: Browser, db: AsyncSession) -> None:
    scene, other = await make_scene(db), await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/alert-contacts", {"name": "", "email": "x"}, expect=422)
    assert set(page.errors()) == {"name", "email"}
    page = await person.post("/alert-contacts", {"name": "My sister"}, expect=422)
    assert set(page.errors()) == {"email"}
    for number in range(MOST_CONTACTS):
        await person.post("/alert-contacts", {"name": f"Friend {number}", "phone": "01772 900555"})
    await person.post("/alert-contacts", {"name": "One more", "phone": "01772 900555"}, expect=422)
    one = await db.scalar(text("SELECT id FROM alert_contacts LIMIT 1"))
    stranger = await browser.signed_in(other.member)
    await stranger.post(f"/alert-contacts/{one}/remove", expect=404)
    person = await browser.signed_in(scene.member)
    await person.post(f"/alert-contacts/{one}/remove")
    assert await count(db, "alert_contacts") == MOST_CONTACTS - 1
