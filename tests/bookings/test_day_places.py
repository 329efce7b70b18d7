"""Places at an activity: as many as there are, one for each person, agreed at once."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import CHECKS
from marketplace.bookings.errors import SlotTaken
from marketplace.bookings.models import Booking
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.places import PlaceService
from marketplace.bookings.states import BookingStatus
from marketplace.core.errors import InvalidInput
from marketplace.providers.models import Listing, ListingHours, PriceUnit
from tests.browser import Browser, count
from tests.factories_bookings import Scene, loose, make_scene

SESSION = datetime(2027, 3, 5, 14, tzinfo=UTC)


async def make_activity(db: AsyncSession, places: int = 2) -> Scene:
    scene = await make_scene(
        db,
        listing={
            "worker_id": None,
            "session_places": places,
            "price_unit": PriceUnit.SESSION,
            "price_pence": 450,
            "concessions": ["carer_free"],
        },
    )
    hours = ListingHours(listing_id=scene.listing.id, weekday=4, starts_local=time(14), ends_local=time(16))
    db.add(hours)
    await db.flush()
    loose(db, hours)
    return scene


async def test_a_place_is_booked_from_the_list_of_sessions(browser: Browser, db: AsyncSession) -> None:
    scene = await make_activity(db)
    person = await browser.signed_in(scene.member)
    path = f"/activities/{scene.listing.id}/places"
    page = await person.open(path)
    assert "2 places left" in page.words
    assert set((await person.post(path, {}, expect=422)).errors()) == {"session"}
    form = {"session": SESSION.isoformat(), "concession": "carer_free", "note": "I use a wheelchair"}
    page = await person.post(path, form)
    booking = await db.get_one(Booking, page.location.rsplit("/", 1)[-1])
    assert (booking.status, booking.worker_id, booking.cost_pence) == (BookingStatus.ACCEPTED, None, 450)
    assert "it is a place at an activity" in (await person.open(page.location)).words
    page = await person.post(path, form, expect=422)
    assert page.errors() == {"session": "You have a place in this session already"}
    assert "1 place left" in (await person.open(path)).words
    await person.open("/bookings")
    for check in CHECKS:
        assert (await check(db)).ok


async def test_the_last_place_goes_to_one_and_is_free_again_when_given_back(db: AsyncSession) -> None:
    scene = await make_activity(db, places=1)
    other = await make_scene(db, council=scene.council)
    first = await PlaceService(db).book(scene.member.principal, scene.listing.id, SESSION)
    with pytest.raises(SlotTaken):
        async with db.begin_nested():
            await PlaceService(db).book(other.member.principal, scene.listing.id, SESSION)
    assert await count(db, "bookings") == 1
    await BookingService(db).cancel(scene.member.principal, first.id, "")
    await PlaceService(db).book(other.member.principal, scene.listing.id, SESSION)
    assert await count(db, "visit_places", "is_holding") == 1


async def test_sessions_that_do_not_exist_and_money_that_is_not_there_are_refused(db: AsyncSession) -> None:
    scene = await make_activity(db)
    poor = await make_scene(db, council=scene.council, balance_pence=100)
    service = PlaceService(db)
    with pytest.raises(InvalidInput):
        await service.book(scene.member.principal, scene.listing.id, SESSION.replace(hour=13))
    with pytest.raises(InvalidInput):
        await service.book(scene.member.principal, scene.listing.id, SESSION, concession="older")
    with pytest.raises(InvalidInput):
        await service.book(poor.member.principal, scene.listing.id, SESSION)
    assert await count(db, "bookings") == 0
    assert isinstance(await db.get_one(Listing, scene.listing.id), Listing)
    assert await db.scalar(text("SELECT count(*) FROM visit_places")) == 0


async def test_two_windows_at_once_give_one_person_one_place(db: AsyncSession, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = await make_activity(db)
    await PlaceService(db).book(scene.member.principal, scene.listing.id, SESSION)
    usual, asked = DayRepository.has_place, []

    async def has_place(self: DayRepository, *of_what: Any) -> bool:
        # The first look came before the other window was done.
        asked.append(of_what)
        return len(asked) > 1 and await usual(self, *of_what)

    monkeypatch.setattr(DayRepository, "has_place", has_place)
    with pytest.raises(InvalidInput):
        await PlaceService(db).book(scene.member.principal, scene.listing.id, SESSION)
    assert await count(db, "bookings") == 1
