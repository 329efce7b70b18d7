"""A weekly place at an activity moves to sessions alone, and only where there is room."""

from datetime import date, time

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import CHECKS
from marketplace.bookings.errors import SlotTaken
from marketplace.bookings.models import Booking, VisitPlace
from marketplace.bookings.repository_planning import PlanningRepository
from marketplace.bookings.service.places import PlaceService
from marketplace.bookings.service.planning.change import VisitChanges, Wanted
from marketplace.bookings.service.planning.plan import Planner
from marketplace.core.clock import instant
from marketplace.core.errors import InvalidInput
from marketplace.providers.models import ListingHours
from tests.browser import Browser, count
from tests.factories_agreements import make_agreement
from tests.factories_bookings import Scene, loose, make_scene

FRIDAY, MONDAY, TUESDAY = date(2027, 3, 12), date(2027, 3, 8), date(2027, 3, 9)


async def club(db: AsyncSession, places: int = 1) -> Scene:
    """Fridays and Mondays from ten to twelve; the person comes on Fridays for an hour."""
    scene = await make_scene(db, balance_pence=500_000, listing={"worker_id": None, "session_places": places})
    for weekday in (0, 4):
        row = ListingHours(listing_id=scene.listing.id, weekday=weekday, starts_local=time(10), ends_local=time(12))
        db.add(row)
        await db.flush()
        loose(db, row)
    pattern = {"workers_needed": 0, "worker_id": None, "weekday": 4, "starts_local": time(10), "minutes": 60}
    await make_agreement(db, scene, patterns=[pattern], worker_id=None)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    return scene


async def visit_on(db: AsyncSession, scene: Scene, day: date) -> Booking:
    question = select(Booking).where(Booking.person_id == scene.person.id, Booking.visit_on == day)
    return (await db.scalars(question)).one()


async def fill(db: AsyncSession, scene: Scene, day: date) -> None:
    """Somebody else takes the place of a session."""
    other = await make_scene(db, council=scene.council, balance_pence=50_000)
    await PlaceService(db).book(other.member.principal, scene.listing.id, instant(day, time(10)))


async def change(db: AsyncSession, scene: Scene, visit: Booking, day: date, at: time = time(10)) -> None:
    wanted = Wanted(visit_on=day, starts_local=at, minutes=60)
    await VisitChanges(db).change_one(scene.member.principal, visit.id, wanted)


async def test_a_place_moves_to_a_session_with_room(db: AsyncSession) -> None:
    scene = await club(db)
    visit = await visit_on(db, scene, FRIDAY)
    await change(db, scene, visit, MONDAY)
    row = (await db.scalars(select(VisitPlace).where(VisitPlace.booking_id == visit.id))).one()
    assert (row.starts_at, row.place, row.is_holding) == (instant(MONDAY, time(10)), 1, True)
    for check in CHECKS:
        assert (await check(db)).ok


async def test_another_place_is_taken_where_the_own_number_is_gone(db: AsyncSession) -> None:
    scene = await club(db, places=2)
    await fill(db, scene, MONDAY)
    visit = await visit_on(db, scene, FRIDAY)
    await change(db, scene, visit, MONDAY)
    row = (await db.scalars(select(VisitPlace).where(VisitPlace.booking_id == visit.id))).one()
    assert row.place == 2


async def test_a_full_session_is_refused_on_the_page(browser: Browser, db: AsyncSession) -> None:
    scene = await club(db)
    await fill(db, scene, MONDAY)
    visit = await visit_on(db, scene, FRIDAY)
    with pytest.raises(InvalidInput, match="8 March 2027 is taken"):
        await change(db, scene, visit, MONDAY)
    loose(db, visit)
    person = await browser.signed_in(scene.member)
    path = f"/agreements/{visit.agreement_id}/visits/{visit.id}/change"
    page = await person.open(path)
    form = {
        "scope": "one", "visit_on-day": "8", "visit_on-month": "3", "visit_on-year": "2027", "starts_local": "10:00",
        "minutes": "60", "action": "save", "version": page.field("version"),
    }  # fmt: skip
    page = await person.post(path, form, expect=422)
    assert set(page.errors()) == {"visit_on"}
    assert await count(db, "visit_places", f"booking_id = '{visit.id}' AND is_holding") == 1


@pytest.mark.parametrize(("day", "at"), [(TUESDAY, time(10)), (MONDAY, time(11, 30)), (MONDAY, time(9))])
async def test_a_time_without_a_session_is_refused(db: AsyncSession, day: date, at: time) -> None:
    scene = await club(db)
    with pytest.raises(InvalidInput, match="no session then"):
        await change(db, scene, await visit_on(db, scene, FRIDAY), day, at)


async def test_the_last_place_may_go_while_the_visit_moves(db: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = await club(db)
    await fill(db, scene, MONDAY)

    async def none_taken(*_: object) -> list[object]:
        return []  # Places of other councils are not seen.

    monkeypatch.setattr(PlanningRepository, "places", none_taken)
    visit = await visit_on(db, scene, FRIDAY)
    loose(db, visit)
    with pytest.raises(SlotTaken):
        async with db.begin_nested():
            await change(db, scene, visit, MONDAY)
    assert await db.scalar(text(f"SELECT count(*) FROM visit_places WHERE booking_id = '{visit.id}'")) == 1
