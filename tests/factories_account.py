"""Rows for tests of direct-payment accounts: approved visits that were settled, and who holds the money."""

from datetime import date, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking
from marketplace.bookings.service.settlement import settle
from marketplace.bookings.states import BookingStatus
from marketplace.people.models import Holding
from tests.factories_bookings import Scene, loose, make_booking, make_scene
from tests.factories_day import hold_payment


async def make_approved(
    db: AsyncSession,
    scene: Scene,
    *,
    on: date = date(2027, 3, 1),
    at: time = time(10),
    cost_pence: int = 1_600,
    **given: Any,
) -> Booking:
    """A visit that the person approved; its money has moved as its day's holding says."""
    booking = await make_booking(
        db, scene, BookingStatus.APPROVED, on=on, at=at, cost_pence=cost_pence, approved_pence=cost_pence, **given
    )
    async with db.begin_nested():
        await settle(db, None, booking, cost_pence)
    return booking


async def make_self_held(db: AsyncSession, holding: Holding = Holding.OWN_ACCOUNT, **given: Any) -> Scene:
    """A scene in which the person holds the money, since 1 January 2027."""
    scene = await make_scene(db, **given)
    loose(db, await hold_payment(db, scene, holding))
    return scene
