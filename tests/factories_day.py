"""Rows for tests of the day itself: who holds a direct payment, workers, double-ups, activities, back-ups."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking
from marketplace.bookings.states import BookingStatus
from marketplace.core.database import clock_of
from marketplace.people.models import DirectPaymentArrangement, Holding
from marketplace.providers.models import Organisation, OrganisationKind, Worker, WorkerKind
from tests.factories import Member, make_member, make_worker
from tests.factories_agreements import MadeAgreement, make_agreement
from tests.factories_bookings import Scene, loose, make_booking, make_scene


async def hold_payment(
    db: AsyncSession, scene: Scene, holding: Holding, *, organisation_id: UUID | None = None, **given: Any
) -> DirectPaymentArrangement:
    """How the scene's direct payment is held; the scene's organisation manages a fund unless another is given."""
    managed_by = (organisation_id or scene.organisation.id) if holding is Holding.PROVIDER_MANAGED else None
    values = {
        "council_id": scene.council.id,
        "person_id": scene.person.id,
        "holding": holding,
        "organisation_id": managed_by,
        "starts_on": date(2027, 1, 1),
        "set_by_user_id": scene.member.user.id,
        "set_at": clock_of(db).now(),
    }
    row = DirectPaymentArrangement(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


class Office(msgspec.Struct):
    """A home-care organisation with two workers, who go to the scene's person by an agreement."""

    scene: Scene
    made: MadeAgreement
    workers: list[Worker]
    manager: Member
    carers: list[Member]


async def make_office(db: AsyncSession, **terms: Any) -> Office:
    """A scene whose provider is a company with two care workers; terms of its agreement may be given."""
    nights = terms.pop("nights", None)
    scene = await make_scene(db, listing={"worker_id": None})
    scene.organisation = await db.get_one(Organisation, scene.organisation.id)
    scene.organisation.kind = OrganisationKind.HOME_CARE
    second = await make_worker(db, scene.organisation, kind=WorkerKind.CARE_WORKER, name="Bea Second")
    first = await db.get_one(Worker, scene.worker.id)
    first.name = "Ann First"
    manager = await make_member(db, Role.PROVIDER, scene.council, organisation_id=scene.organisation.id)
    carers = [
        await make_member(
            db, Role.CARE_WORKER, scene.council, organisation_id=scene.organisation.id, worker_id=worker.id
        )
        for worker in (first, second)
    ]
    made = await make_agreement(db, scene, terms=terms, nights=nights)
    members = [row for member in (manager, *carers) for row in (member.user, member.membership)]
    await db.flush()
    loose(db, scene.organisation, first, second, *members)
    return Office(scene, made, [first, second], manager, carers)


async def make_planned(db: AsyncSession, office: Office, **given: Any) -> Booking:
    """A planned visit of the office's agreement on Friday at ten, without a worker."""
    values = {"agreement_id": office.made.agreement.id, "worker_id": None, "status": BookingStatus.PLANNED}
    return await make_booking(db, office.scene, **{**values, **given})
