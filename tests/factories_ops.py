"""Rows for the tests of invariants: what the services would write, written directly."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.matching.models import (
    CapacityReservation,
    Complexity,
    Offer,
    Referral,
    ReferralSource,
    Shortlist,
    Urgency,
)
from marketplace.matching.states import OFFER, REFERRAL, OfferStatus, ReferralStatus
from marketplace.providers.models import Organisation, ServiceLine, Worker, WorkerKind
from tests.factories import (
    make_accreditation,
    make_council,
    make_listing,
    make_member,
    make_organisation,
    make_person,
    make_worker,
)

MONDAY = date(2027, 3, 8)


async def _saved(db: AsyncSession, row: Any) -> Any:
    db.add(row)
    await db.flush()
    return row


async def make_booking(db: AsyncSession, council: Council | None = None, **given: Any) -> Booking:
    """An accepted visit from the direct payment, on Monday at ten, with an accredited organisation's worker."""
    council = council or await make_council(db)
    worker: Worker | None = given.pop("worker", None)
    if worker is None:
        organisation = await make_organisation(db)
        await make_accreditation(db, organisation, council, ServiceLine.PERSONAL_ASSISTANCE)
        worker = await make_worker(db, organisation, kind=WorkerKind.PA)
    organisation = await db.get_one(Organisation, worker.organisation_id)
    listing = await make_listing(db, organisation)
    person = await make_person(db, council)
    member = await make_member(db, Role.PERSON, council, person_id=person.id)
    status = given.pop("status", BookingStatus.ACCEPTED)
    starts_at = given.pop("starts_at", datetime(2027, 3, 8, 10, 0, tzinfo=UTC))
    values = {
        "council_id": council.id,
        "person_id": person.id,
        "listing_id": listing.id,
        "organisation_id": organisation.id,
        "worker_id": worker.id,
        "status": BookingStatus.REQUESTED,
        "funding": Funding.DIRECT_PAYMENT,
        "visit_on": starts_at.date(),
        "starts_local": time(starts_at.hour, starts_at.minute),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=1),
        "minutes": 60,
        "rate_pence": 1_600,
        "cost_pence": 1_600,
        "requested_at": clock_of(db).now(),
        "requested_by_user_id": member.user.id,
    }
    booking = await _saved(db, Booking(**{**values, **given}))
    # What is promised has to be there.
    lines = [
        debit(Purpose.DIRECT_PAYMENT_SPEND, booking.cost_pence),
        credit(Purpose.DIRECT_PAYMENT, booking.cost_pence, person.id),
    ]
    await LedgerService(db).post(council.id, "test", booking.id, lines)
    BOOKING.begin(db, booking, by=member.user.id)
    await db.flush()
    if status is not BookingStatus.REQUESTED:
        BOOKING.move(db, booking, status, by=member.user.id)
        await db.flush()
    return booking


async def make_offer(db: AsyncSession, council: Council | None = None, **given: Any) -> Offer:
    """An open offer to an accredited organisation's planner, with its first place of the week taken."""
    council = council or await make_council(db)
    organisation = await make_organisation(db)
    await make_accreditation(db, organisation, council, ServiceLine.SUPPORT_PLANNING)
    worker = await make_worker(db, organisation)
    person = await make_person(db, council)
    broker = await make_member(db, Role.BROKER, council)
    now = clock_of(db).now()
    referral = await _saved(
        db,
        Referral(
            council_id=council.id,
            reference=f"R-{new_id().hex[-8:]}",
            person_id=person.id,
            status=ReferralStatus.RECEIVED,
            source=ReferralSource.FRONTLINE,
            urgency=Urgency.STANDARD,
            complexity=Complexity.STANDARD,
            indicative_weekly_pence=20_000,
            received_at=now,
            due_on=MONDAY,
            recorded_by_user_id=broker.user.id,
        ),
    )
    REFERRAL.begin(db, referral, by=broker.user.id)
    await db.flush()
    REFERRAL.move(db, referral, ReferralStatus.OFFERED, by=broker.user.id)
    shortlist = await _saved(
        db,
        Shortlist(
            council_id=council.id,
            referral_id=referral.id,
            made_at=now,
            weights_version="1",
            inputs={},
            ranking={},
            fingerprint="0",
        ),
    )
    values = {
        "council_id": council.id,
        "referral_id": referral.id,
        "shortlist_id": shortlist.id,
        "worker_id": worker.id,
        "organisation_id": organisation.id,
        "status": OfferStatus.OFFERED,
        "rank": 1,
        "score": 800,
        "decided_by_user_id": broker.user.id,
        "offered_at": now,
        "answer_by": now + timedelta(days=2),
    }
    offer: Offer = await _saved(db, Offer(**{**values, **given}))
    OFFER.begin(db, offer, by=broker.user.id)
    await take_place(db, offer, 1)
    return offer


async def take_place(db: AsyncSession, offer: Offer, place: int, week_on: date = MONDAY) -> UUID:
    """Take one of the planner's places; returns the reservation's id."""
    reservation: CapacityReservation = await _saved(
        db,
        CapacityReservation(
            council_id=offer.council_id, worker_id=offer.worker_id, week_on=week_on, place=place, offer_id=offer.id
        ),
    )
    return reservation.id
