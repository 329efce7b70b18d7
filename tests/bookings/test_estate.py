"""Delivered visits of somebody who died: the council says what is paid, with a reason."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.bookings.models import Booking
from marketplace.bookings.states import BookingStatus
from marketplace.ledger import LedgerService, Purpose
from tests.browser import Browser, count
from tests.factories import make_council, make_member
from tests.factories_bookings import Scene, make_booking, make_scene

TUESDAY = date(2027, 3, 2)


async def left(db: AsyncSession, **given: Any) -> tuple[Scene, Booking, str]:
    """Somebody who died yesterday with a visit that was claimed; and the page of that visit."""
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.CLAIMED, on=TUESDAY, claimed_pence=1_600, **given)
    await db.execute(text(f"UPDATE people SET died_on = '2027-03-02' WHERE id = '{scene.person.id}'"))
    return scene, booking, f"/people/{scene.person.id}/visits-to-settle/{booking.id}"


async def earned(db: AsyncSession, scene: Scene) -> int:
    return await LedgerService(db).balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id)


@pytest.mark.parametrize("role", [Role.FINANCE, Role.MANAGER])
async def test_finance_or_a_manager_pays_what_was_delivered(browser: Browser, db: AsyncSession, role: Role) -> None:
    scene, booking, path = await left(db)
    staff = await browser.signed_in(await make_member(db, role, scene.council))
    listed = await staff.open(path.rsplit("/", 1)[0])
    assert listed.link(f"{booking.id}$")
    page = await staff.open(path)
    form = {"answer": "all", "shown_pence": page.field("shown_pence"), "reason": ""}
    assert set((await staff.post(path, form, expect=422)).errors()) == {"reason"}
    await staff.post(path, {**form, "reason": "The record at the door agrees"})
    assert await earned(db, scene) == 1_600
    where = "action = 'bookings.approve_booking' AND why = 'The record at the door agrees' AND user_id IS NOT NULL"
    assert await count(db, "audit_entries", where) == 1
    await staff.post(path, {**form, "reason": "Twice"}, expect=404)
    assert "Nothing waits" in (await staff.open(path.rsplit("/", 1)[0])).words
    assert await earned(db, scene) == 1_600


async def test_a_part_is_paid_or_the_provider_is_asked(browser: Browser, db: AsyncSession) -> None:
    scene, _, path = await left(db)
    staff = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    form = {"answer": "wrong", "shown_pence": "1600", "reason": "The records say twenty minutes"}
    await staff.post(path, form)
    assert await count(db, "bookings", "status = 'disputed'") == 1
    assert await earned(db, scene) == 0
    part = {**form, "answer": "part", "amount": "16.00"}
    assert set((await staff.post(path, part, expect=422)).errors()) == {"amount"}
    assert set((await staff.post(path, {**form, "answer": ""}, expect=422)).errors()) == {"answer"}
    await staff.post(path, {**part, "amount": "6.00"})
    assert await earned(db, scene) == 600
    assert await count(db, "bookings", "status = 'part_approved' AND approved_pence = 600") == 1


async def test_an_amount_that_changed_since_the_page_is_looked_at_again(browser: Browser, db: AsyncSession) -> None:
    scene, _, path = await left(db)
    staff = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    await staff.post(path, {"answer": "all", "shown_pence": "1500", "reason": "All well"}, expect=409)
    assert await earned(db, scene) == 0


async def test_nobody_answers_for_the_living_or_for_another_council(browser: Browser, db: AsyncSession) -> None:
    scene, _, path = await left(db)
    form = {"answer": "all", "shown_pence": "1600", "reason": "All well"}
    stranger = await browser.signed_in(await make_member(db, Role.FINANCE, await make_council(db)))
    await stranger.post(path, form, expect=404)
    worker = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, scene.council))
    await worker.post(path, form, expect=403)
    staff = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    await db.execute(text("UPDATE people SET died_on = NULL"))
    await staff.post(path, form, expect=404)
    await staff.get(path.rsplit("/", 1)[0], expect=404)


async def test_the_page_of_the_death_leads_to_the_visits(browser: Browser, db: AsyncSession) -> None:
    scene, _, _ = await left(db)
    manager = await browser.signed_in(await make_member(db, Role.MANAGER, scene.council))
    assert (await manager.open(f"/people/{scene.person.id}/death")).link("visits-to-settle$")
    worker = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, scene.council))
    assert "Finance or a team manager" in (await worker.open(f"/people/{scene.person.id}/death")).words
