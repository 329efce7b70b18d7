"""Rows for tests of employment: a person who takes on an assistant, and visits of theirs that were approved."""

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking, Employment, Funding
from marketplace.bookings.service.employment.employments import EmploymentService
from marketplace.bookings.service.employment.forms import EmploymentForm
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.clock import instant
from marketplace.core.database import clock_of
from tests.factories_bookings import Scene, loose

FIRST = date(2027, 3, 1)
"""The Monday before the tests' Wednesday."""


def job_fields(**given: Any) -> dict[str, Any]:
    """The form of a job of 20 hours a week at £13 from Monday 1 March 2027, paid every week."""
    first: date = given.pop("starts_on", FIRST)
    fields = {
        "name": "Pat Helper",
        "work_status": "employed",
        "relation": "none",
        "lives_with": "no",
        "hours": "20",
        "wage": "13.00",
        "pay_every": "week",
        "holiday_method": "weeks",
        "weeks_a_year": "52",
        "days_a_week": "5",
        "sick_days": "5",
        "starts_on-day": first.day,
        "starts_on-month": first.month,
        "starts_on-year": first.year,
    }
    return fields | given


async def make_employment(db: AsyncSession, scene: Scene, *, runs: bool = True, **given: Any) -> Employment:
    """A job of the scene's person and assistant."""
    on = clock_of(db).now().date()
    fields = job_fields(**given)
    if "worker" not in given:
        await make_approved_visit(db, scene, date(2027, 2, 20), status=BookingStatus.CANCELLED)
        fields["worker"] = str(scene.worker.id)
    service = EmploymentService(db)
    row = await service.create(scene.member.principal, EmploymentForm.read(fields, on))
    if runs:
        row = await service.start(scene.member.principal, row.id, knows_what_is_open=True)
    await db.flush()
    loose(db, row)
    return row


async def make_approved_visit(db: AsyncSession, scene: Scene, on: date, **given: Any) -> Booking:
    """An hour's visit at ten at £13 that the person approved."""
    minutes: int = given.get("minutes", 60)
    starts_local: time = given.pop("starts_local", time(10))
    starts_at = instant(on, starts_local)
    cost = 1_300 * minutes // 60
    status = given.get("status", BookingStatus.APPROVED)
    values = {
        "council_id": scene.council.id,
        "person_id": scene.person.id,
        "listing_id": scene.listing.id,
        "organisation_id": scene.organisation.id,
        "worker_id": scene.worker.id,
        "status": status,
        "funding": Funding.DIRECT_PAYMENT,
        "visit_on": on,
        "starts_local": starts_local,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "minutes": minutes,
        "rate_pence": 1_300,
        "cost_pence": cost,
        "approved_pence": cost if status is BookingStatus.APPROVED else None,
        "requested_at": clock_of(db).now(),
        "requested_by_user_id": scene.member.user.id,
    }
    row = Booking(**{**values, **given})
    db.add(row)
    await db.flush()
    BOOKING.begin(db, row, by=None)
    return row
