"""Rows for tests of bookings and cards: a person, a provider and all that a visit between them needs."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking
from marketplace.bookings.schemas import Funding
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.clock import instant
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.models import CardPayee
from marketplace.people.models import Budget, Person
from marketplace.providers.models import Listing, Organisation, OrganisationKind, ServiceLine, Worker, WorkerKind
from tests.factories import (
    Member,
    make_accreditation,
    make_budget,
    make_council,
    make_listing,
    make_member,
    make_organisation,
    make_person_member,
    make_worker,
)

VISIT_ON = date(2027, 3, 5)
"""The Friday after the tests' Wednesday."""


class Scene(msgspec.Struct):
    """A person with £300 in a direct payment of £150 a week, and a personal assistant at £16 an hour."""

    council: Council
    person: Person
    member: Member
    organisation: Organisation
    worker: Worker
    listing: Listing
    provider: Member
    budget: Budget | None

    def form(self, **given: Any) -> dict[str, str]:
        """The form of an hour's visit at 10am on Friday."""
        day: date = given.pop("on", VISIT_ON)
        fields = {
            "listing": str(self.listing.id),
            "visit_on-day": str(day.day),
            "visit_on-month": str(day.month),
            "visit_on-year": str(day.year),
            "starts_local": "10:00",
            "minutes": "60",
            "worker": "any",
            "note": "",
            "funding": "",
        }
        return fields | {name: str(value) for name, value in given.items()}


async def fund(db: AsyncSession, person: Person, pence: int) -> None:
    """Put money into a direct payment."""
    # In a savepoint: what an earlier request of the test made immediate is deferred again.
    async with db.begin_nested():
        await LedgerService(db).post(
            person.council_id,
            "direct-payment-funding",
            new_id(),
            [debit(Purpose.DIRECT_PAYMENT_SPEND, pence), credit(Purpose.DIRECT_PAYMENT, pence, person.id)],
            memo="Paid in by the council",
        )


async def make_scene(
    db: AsyncSession,
    *,
    balance_pence: int = 30_000,
    direct_payment: bool = True,
    cards: str | None = None,
    council: Council | None = None,
    worker: dict[str, Any] | None = None,
    listing: dict[str, Any] | None = None,
) -> Scene:
    """A scene. `cards` is the provider's account at Stripe."""
    council = council or await make_council(db)
    person, member = await make_person_member(
        db, council, town="Preston", address_line="7 Hidden Lane", phone="01772 900123"
    )
    organisation = await make_organisation(db, kind=OrganisationKind.SOLE_PA)
    made_worker = await make_worker(db, organisation, **({"kind": WorkerKind.PA} | (worker or {})))
    made_listing = await make_listing(db, organisation, **({"worker_id": made_worker.id} | (listing or {})))
    provider = await make_member(
        db, Role.PA, council, name="Pat Helper", organisation_id=organisation.id, worker_id=made_worker.id
    )
    await make_accreditation(db, organisation, council, ServiceLine.PERSONAL_ASSISTANCE)
    budget = None
    if direct_payment:
        budget = await make_budget(db, person)
        if balance_pence:
            await fund(db, person, balance_pence)
    if cards:
        db.add(
            CardPayee(
                organisation_id=organisation.id,
                stripe_account_id=cards,
                can_take_payments=True,
                updated_at=clock_of(db).now(),
            )
        )
        await db.flush()
    rows = [council, person, organisation, made_worker, made_listing, member.user, member.membership]
    loose(db, *rows, provider.user, provider.membership, *([budget] if budget else []))
    return Scene(council, person, member, organisation, made_worker, made_listing, provider, budget)


def loose(db: AsyncSession, *rows: Any) -> None:
    """Take rows out of the session: the browser expires what is in it, and tests go on reading their ids."""
    for row in rows:
        if row in db:
            db.expunge(row)


async def make_booking(
    db: AsyncSession,
    scene: Scene,
    status: BookingStatus = BookingStatus.REQUESTED,
    *,
    on: date = VISIT_ON,
    at: time = time(10),
    minutes: int = 60,
    **given: Any,
) -> Booking:
    """A visit of an hour at 10am on Friday for £16."""
    starts_at: datetime = instant(on, at)
    values = {
        "council_id": scene.council.id,
        "person_id": scene.person.id,
        "listing_id": scene.listing.id,
        "organisation_id": scene.organisation.id,
        "worker_id": scene.worker.id,
        "status": status,
        "funding": Funding.DIRECT_PAYMENT,
        "visit_on": on,
        "starts_local": at,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "minutes": minutes,
        "rate_pence": 1_600,
        "cost_pence": 1_600 * minutes // 60,
        "requested_at": clock_of(db).now(),
        "requested_by_user_id": scene.member.user.id,
    }
    booking = Booking(**{**values, **given})
    db.add(booking)
    await db.flush()
    BOOKING.begin(db, booking, by=scene.member.user.id)
    await db.flush()
    loose(db, booking)
    return booking


def booking_id_of(location: str) -> UUID:
    """The booking a redirect leads to."""
    return UUID(location.rsplit("/", 1)[-1])
