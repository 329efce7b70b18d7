"""Who comes: named, never twice at once, with time to travel; somebody falls out, and who decides then (P9, V13)."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings import tasks_day
from marketplace.bookings.checks import CHECKS
from marketplace.bookings.errors import NotYet, SlotTaken
from marketplace.bookings.models import Booking
from marketplace.bookings.service.alerts import AlertService
from marketplace.bookings.service.backups import BackUpService
from marketplace.bookings.service.workers import CrewService
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.queue import deliver
from tests.browser import Browser, count, events
from tests.factories_bookings import make_booking, make_scene
from tests.factories_day import make_office, make_planned

assert tasks_day, "registers the tasks"


async def run_tasks(db: AsyncSession) -> None:
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0


async def told(db: AsyncSession) -> list[str]:
    return sorted(await db.scalars(text("SELECT template FROM messages")))


async def test_a_double_up_needs_two_different_workers(db: AsyncSession) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office, workers_needed=2)
    crew, (ann, bea) = CrewService(db), office.workers
    for wrong in ([ann.id], [ann.id, ann.id], [ann.id, office.scene.person.id]):
        with pytest.raises(InvalidInput):
            await crew.confirm(office.manager.principal, visit.id, wrong)
    booking = await crew.confirm(office.manager.principal, visit.id, [ann.id, bea.id])
    assert booking.status is BookingStatus.ACCEPTED
    assert await count(db, "visit_workers", "is_holding AND confirmed_at IS NOT NULL") == 2
    # They change places: nobody stands in the other's way.
    await crew.confirm(office.manager.principal, visit.id, [bea.id, ann.id])
    assert booking.worker_id == bea.id
    for check in CHECKS:
        assert (await check(db)).ok


async def test_a_clash_and_too_little_time_to_travel_are_refused_and_change_nothing(db: AsyncSession) -> None:
    office = await make_office(db)
    other = await make_scene(db, council=office.scene.council)
    crew, (ann, bea) = CrewService(db), office.workers
    manager = office.manager.principal
    ours = {"organisation_id": office.scene.organisation.id, "listing_id": office.scene.listing.id}
    first = await make_planned(db, office)
    overlapping = await make_planned(db, office, at=time(10, 30))
    follows = await make_planned(db, office, at=time(11))
    elsewhere = await make_booking(db, other, BookingStatus.PLANNED, at=time(12, 5), worker_id=None, **ours)
    await crew.confirm(manager, first.id, [ann.id])
    with pytest.raises(SlotTaken):
        await crew.confirm(manager, overlapping.id, [ann.id])
    await crew.confirm(manager, follows.id, [ann.id])
    assert (await db.get_one(Booking, first.id)).travel_minutes == 0, "the next visit is to the same person"
    with pytest.raises(SlotTaken, match="time to get"):
        await crew.confirm(manager, elsewhere.id, [ann.id])
    assert await count(db, "visit_workers", f"booking_id IN ('{overlapping.id}', '{elsewhere.id}')") == 0
    await crew.confirm(manager, elsewhere.id, [bea.id])
    assert (await db.get_one(Booking, elsewhere.id)).travel_minutes == 10


async def test_the_week_board_confirms_many_and_names_what_clashes(browser: Browser, db: AsyncSession) -> None:
    office = await make_office(db)
    ann = office.workers[0]
    visits = [await make_planned(db, office, at=at) for at in (time(10), time(10, 30), time(14))]
    manager = await browser.signed_in(office.manager)
    page = await manager.open("/provider/bookings/week?on=2027-03-05")
    assert "Ann First" in page.words
    form: dict[str, Any] = {"visit": [str(visit.id) for visit in visits], "on": "2027-03-01", "form_id": "one"}
    form |= {f"worker-{visit.id}": str(ann.id) for visit in visits}
    page = await manager.post("/provider/bookings/week", form)
    await manager.post("/provider/bookings/week", form)
    page = await manager.open(page.location)
    assert "2 visits confirmed" in page.words
    assert "1 visit not confirmed: Somebody you named has another visit then" in page.words
    assert "Has another visit or is on the way".lower() in page.words.lower()
    assert await count(db, "bookings", "status = 'accepted'") == 2
    page = await manager.post("/provider/bookings/week", {"on": ""}, expect=422)
    assert page.errors() == {"visit": "Select at least one visit to confirm"}
    page = await manager.post(f"/provider/bookings/{visits[1].id}/workers", {"worker": str(ann.id)}, expect=422)
    assert "another visit" in page.errors()["worker"]
    await manager.open(f"/provider/bookings/{visits[1].id}/workers")
    stranger = await browser.signed_in((await make_scene(db)).provider)
    await stranger.open(f"/provider/bookings/{visits[1].id}/workers", expect=404)


async def test_a_company_replaces_who_falls_out_and_the_person_is_told_the_name(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office)
    await CrewService(db).confirm(office.manager.principal, visit.id, [office.workers[0].id])
    person = await browser.signed_in(office.scene.member)
    await person.post("/alert-contacts", {"name": "My sister", "email": "sister@test.example"})
    await person.open("/alert-contacts")
    clock.move_to(datetime(2027, 3, 5, 6, 30, tzinfo=UTC))
    carer = await browser.signed_in(office.carers[0])
    await carer.open(f"/today/{visit.id}")
    await carer.post(f"/today/{visit.id}/fall-out", {"reason": ""}, expect=422)
    await carer.post(f"/today/{visit.id}/fall-out", {"reason": "I am ill"})
    await carer.open(f"/today/{visit.id}", expect=404)
    await run_tasks(db)
    assert (await told(db)).count("worker_fell_out") == 2, "the person and their sister"
    assert (
        await count(db, "messages", "to_address = 'sister@test.example' AND body LIKE '%Ann First cannot come%'") == 1
    )
    booking = await db.get_one(Booking, visit.id, populate_existing=True)
    assert (booking.status, booking.worker_id) == (BookingStatus.PLANNED, None)
    manager = await browser.signed_in(office.manager)
    assert "Somebody cannot come" in (await manager.open("/alerts")).words
    await manager.post(f"/provider/bookings/{visit.id}/workers", {"worker": str(office.workers[1].id)})
    await run_tasks(db)
    assert await count(db, "messages", "template = 'visit_substitute' AND body LIKE '%Bea Second comes%'") == 2
    assert await count(db, "messages", "template = 'visit_substitute' AND is_urgent") == 1, "it is today"
    person = await browser.signed_in(office.scene.member)
    assert "Bea Second" in (await person.open(f"/bookings/{visit.id}")).words
    assert await count(db, "visit_alerts", "settled_at IS NULL") == 0


async def test_a_personal_assistant_falls_out_and_the_person_chooses_from_their_own_list(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    scene = await make_scene(db, balance_pence=1_700)
    other = await make_scene(db, council=scene.council, worker={"hours": [(4, time(7), time(20))]})
    visit = await make_booking(db, scene, BookingStatus.ACCEPTED, at=time(8))
    person = await browser.signed_in(scene.member)
    await person.open(f"/back-ups?listing={other.listing.id}")
    await person.post("/back-ups", {"name": "", "phone": ""}, expect=422)
    await person.post("/back-ups", {"name": "My neighbour", "phone": "01772 900444"})
    await person.post("/back-ups", {"listing": str(other.listing.id)})
    await person.post("/back-ups", {"listing": str(other.listing.id)}, expect=422)
    principal = scene.member.principal
    second = (await BackUpService(db).entries(principal))[1].back_up.id
    await person.post(f"/back-ups/{second}/up")
    page = await person.open("/back-ups")
    assert page.words.index("Support at home") < page.words.index("My neighbour")
    clock.move_to(datetime(2027, 3, 5, 6, 30, tzinfo=UTC))
    helper = await browser.signed_in(scene.provider)
    await helper.post(f"/today/{visit.id}/fall-out", {"reason": "My car broke down"})
    await run_tasks(db)
    assert await told(db) == ["worker_fell_out"]
    assert await count(db, "messages", "body LIKE '%My car broke down%' AND body LIKE '%2. My neighbour, 01772%'") == 1
    assert await count(db, "bookings") == 1, "nobody is put in the assistant's place"
    person = await browser.signed_in(scene.member)
    assert "Who was to come" in (await person.open(f"/bookings/{visit.id}")).words
    page = await person.open(f"/bookings/{visit.id}/instead")
    assert "£16.00" in page.words
    form = {"back_up": str(second), "shown_pence": "1600"}
    page = await person.post(f"/bookings/{visit.id}/instead", form)
    asked = await db.get_one(Booking, page.location.rsplit("/", 1)[-1])
    assert (asked.status, asked.starts_at) == (BookingStatus.REQUESTED, visit.starts_at)
    await person.post(f"/bookings/{visit.id}/instead", form, expect=422)
    # Who would refuse at once is not offered, with the reason in place of the button.
    page = await person.open(f"/bookings/{visit.id}/instead")
    assert "They have another visit at this time." in page.words
    assert "£16.00" not in page.words
    await db.execute(text("UPDATE listings SET least_minutes = 540 WHERE id = :id"), {"id": other.listing.id})
    db.expire_all()
    assert "They come for 9 hours or more." in (await person.open(f"/bookings/{visit.id}/instead")).words
    await db.execute(text("UPDATE listings SET least_minutes = 30 WHERE id = :id"), {"id": other.listing.id})
    await db.execute(text("DELETE FROM worker_hours WHERE worker_id = :id"), {"id": other.worker.id})
    db.expire_all()
    assert "They do not work at this time." in (await person.open(f"/bookings/{visit.id}/instead")).words
    await person.post(f"/back-ups/{second}/remove")
    assert [row.back_up.position for row in await BackUpService(db).entries(principal)] == [1]


async def test_an_agreement_with_one_person_takes_nobody_else(db: AsyncSession) -> None:
    office = await make_office(db)
    await db.execute(text("UPDATE support_agreements SET worker_id = :one"), {"one": office.workers[0].id})
    visit = await make_planned(db, office)
    with pytest.raises(InvalidInput):
        await CrewService(db).confirm(office.manager.principal, visit.id, [office.workers[1].id])
    over = await make_planned(db, office, status=BookingStatus.CLAIMED, at=time(14))
    with pytest.raises(NotYet):
        await CrewService(db).confirm(office.manager.principal, over.id, [office.workers[0].id])
    with pytest.raises(NotFound):
        await AlertService(db).remove_contact(office.scene.member.principal, visit.id)
    assert "WorkerConfirmed" not in await events(db)
