"""What is pressed at the door: queued, late, twice, out of order, on nights on which the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.errors import NotYet
from marketplace.bookings.models import Booking, PayBasis, RecordKind
from marketplace.bookings.service.claims import part_for, times_of, wall_minutes
from marketplace.bookings.service.records import RecordService
from marketplace.bookings.service.workers import CrewService
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.ids import new_id
from marketplace.providers.models import DayKind
from tests.browser import Browser, count, events
from tests.factories_bookings import loose
from tests.factories_day import Office, make_office, make_planned

TEN = datetime(2027, 3, 5, 10, tzinfo=UTC)
START, FINISH = RecordKind.START, RecordKind.FINISH


async def confirmed(db: AsyncSession, office: Office, **given: Any) -> Booking:
    visit = await make_planned(db, office, **given)
    await CrewService(db).confirm(office.manager.principal, visit.id, [office.workers[0].id])
    return await db.get_one(Booking, visit.id, populate_existing=True)


async def press(
    db: AsyncSession, office: Office, visit: Booking, kind: RecordKind, at: datetime, key: UUID | None = None
) -> bool:
    service = RecordService(db)
    return await service.record(office.carers[0].principal, visit.id, kind, client_key=key or new_id(), happened_at=at)


async def test_a_worker_starts_and_finishes_on_the_phone_page(browser: Browser, db: AsyncSession, clock: Any) -> None:
    office = await make_office(db)
    visit = await confirmed(db, office)
    loose(db, visit)
    clock.move_to(TEN + timedelta(minutes=2))
    carer = await browser.signed_in(office.carers[0])
    page = await carer.open("/today")
    assert "Hidden Lane" in page.words
    assert "visits.js" in page.text
    form = {"kind": "start", "client_key": str(new_id()), "form_id": "one"}
    await carer.post(f"/today/{visit.id}/record", form)
    await carer.post(f"/today/{visit.id}/record", form)
    await carer.post(f"/today/{visit.id}/record", form | {"form_id": "two"})
    assert await count(db, "visit_records") == 1
    assert "Started 10:02am" in (await carer.open("/today")).words
    clock.move_to(TEN + timedelta(minutes=63))
    await carer.post(f"/today/{visit.id}/record", {"kind": "finish", "client_key": str(new_id())})
    booking = await db.get_one(Booking, visit.id, populate_existing=True)
    assert (booking.status, booking.claimed_minutes, booking.claimed_pence) == (BookingStatus.CLAIMED, 61, 1_600)
    assert booking.ask_again_at == clock.now() + timedelta(days=3)
    assert (await events(db))[-2:] == ["VisitStarted", "BookingClaimed"]
    page = await carer.post(f"/today/{visit.id}/record", {"kind": "lunch", "client_key": "x"}, expect=422)
    assert set(page.errors()) == {"kind", "client_key"}
    other = await browser.signed_in(office.carers[1])
    assert "No visits today" in (await other.open("/today")).words
    await other.post(f"/today/{visit.id}/record", {"kind": "start", "client_key": str(new_id())}, expect=404)


async def test_what_was_kept_on_a_phone_counts_by_the_phones_clock_and_once(db: AsyncSession, clock: Any) -> None:
    office = await make_office(db)
    visit = await confirmed(db, office)
    clock.move_to(TEN + timedelta(hours=5))
    key = new_id()
    # The finish arrives first; alone it says nothing.
    assert await press(db, office, visit, FINISH, TEN + timedelta(minutes=58))
    assert (await db.get_one(Booking, visit.id)).status is BookingStatus.ACCEPTED
    assert await press(db, office, visit, START, TEN, key)
    assert not await press(db, office, visit, START, TEN + timedelta(minutes=30), key)
    booking = await db.get_one(Booking, visit.id)
    assert (booking.status, booking.claimed_minutes, booking.claimed_pence) == (BookingStatus.CLAIMED, 58, 1_600)
    # A later finish that waited longer corrects what is asked, as long as the person has not answered.
    assert await press(db, office, visit, FINISH, TEN + timedelta(minutes=70))
    assert booking.claimed_minutes == 70
    assert booking.claimed_pence == 1_600, "capped at the plan"


async def test_a_phone_whose_clock_is_wrong_is_held_to_the_plausible(db: AsyncSession, clock: Any) -> None:
    office = await make_office(db)
    visit = await confirmed(db, office)
    clock.move_to(TEN + timedelta(minutes=1))
    assert await press(db, office, visit, START, TEN + timedelta(days=900))
    assert (await db.get_one(Booking, visit.id)).actual_starts_at == clock.now()
    for wrong in (TEN - timedelta(days=1), TEN - timedelta(hours=7)):
        with pytest.raises(InvalidInput):
            await press(db, office, visit, FINISH, wrong)
    clock.move_to(TEN + timedelta(days=15))
    with pytest.raises(InvalidInput):
        await press(db, office, visit, FINISH, TEN + timedelta(hours=1))
    assert await count(db, "visit_records") == 1


async def test_pressing_for_somebody_elses_or_a_cancelled_visit_is_refused(db: AsyncSession, clock: Any) -> None:
    office = await make_office(db)
    visit = await confirmed(db, office)
    clock.move_to(TEN)
    with pytest.raises(NotFound):
        await RecordService(db).record(office.carers[1].principal, visit.id, START, client_key=new_id())
    visit.called_off_at = clock.now()
    await db.flush()
    with pytest.raises(NotYet):
        await press(db, office, visit, START, TEN)
    assert await count(db, "visit_records") == 0


@pytest.mark.parametrize(
    ("basis", "minutes", "pence"),
    [
        (PayBasis.PLANNED, 20, 1_600),
        (PayBasis.CAPPED, 20, 533),
        (PayBasis.CAPPED, 56, 1_600),
        (PayBasis.CAPPED, 90, 1_600),
        (PayBasis.ACTUAL, 90, 2_400),
    ],
)
async def test_the_claim_follows_the_pay_basis_and_its_tolerance(
    db: AsyncSession, clock: Any, basis: PayBasis, minutes: int, pence: int
) -> None:
    office = await make_office(db, pay_basis=basis)
    visit = await confirmed(db, office)
    clock.move_to(TEN + timedelta(hours=3))
    await press(db, office, visit, START, TEN)
    await press(db, office, visit, FINISH, TEN + timedelta(minutes=minutes))
    booking = await db.get_one(Booking, visit.id)
    assert (booking.claimed_minutes, booking.claimed_pence) == (minutes, pence)


@pytest.mark.parametrize("night", [date(2027, 3, 27), date(2027, 10, 30), date(2027, 3, 5)])
async def test_a_night_on_which_the_clocks_change_is_worked_as_planned(
    db: AsyncSession, clock: Any, night: date
) -> None:
    """From 10pm to 7am on the wall is nine hours on every night, however long it lasts."""
    office = await make_office(db, nights={DayKind.ANY: 6_500}, pay_basis=PayBasis.ACTUAL)
    ends_at = instant(night + timedelta(days=1), time(7))
    visit = await confirmed(db, office, on=night, at=time(22), minutes=540, ends_at=ends_at, cost_pence=14_400)
    for is_sleep_in, pence in ((False, 14_400), (True, 6_500)):
        visit.is_sleep_in = is_sleep_in
        assert wall_minutes(visit, visit.starts_at, ends_at) == 540
        clock.move_to(ends_at)
        await press(db, office, visit, START, visit.starts_at)
        await press(db, office, visit, FINISH, ends_at)
        booking = await db.get_one(Booking, visit.id)
        usual_day = night.weekday() != 6
        assert booking.claimed_minutes == 540
        assert booking.claimed_pence == pence or not usual_day


async def test_both_of_a_double_up_finish_before_it_is_claimed(db: AsyncSession, clock: Any) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office, workers_needed=2, cost_pence=3_200)
    await CrewService(db).confirm(office.manager.principal, visit.id, [worker.id for worker in office.workers])
    clock.move_to(TEN + timedelta(hours=2))
    service = RecordService(db)
    for minutes, carer, kind, status in (
        (0, 0, START, BookingStatus.IN_PROGRESS),
        (1, 1, START, BookingStatus.IN_PROGRESS),
        (59, 0, FINISH, BookingStatus.IN_PROGRESS),
        (60, 1, FINISH, BookingStatus.CLAIMED),
    ):
        await service.record(
            office.carers[carer].principal,
            visit.id,
            kind,
            client_key=new_id(),
            happened_at=TEN + timedelta(minutes=minutes),
        )
        assert (await db.get_one(Booking, visit.id)).status is status
    assert (await db.get_one(Booking, visit.id)).claimed_pence == 3_200


@given(st.integers(0, 10**6), st.integers(15, 1_440), st.integers(0, 1_440))
def test_a_part_is_never_more_than_the_price(cost: int, minutes: int, actual: int) -> None:
    part = part_for(Booking(cost_pence=cost, minutes=minutes), actual)
    assert 0 <= part <= cost
    assert part == cost or actual < minutes
    assert abs(part * minutes - cost * min(actual, minutes)) <= minutes


def test_without_a_start_there_are_no_times() -> None:
    assert times_of([]) == (None, None)
