"""Rows of referrals and offers for tests."""

from datetime import date
from itertools import count as counter
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.core.models import PostcodeRow
from marketplace.matching.forms import OfferForm
from marketplace.matching.models import Complexity, Offer, Referral, ReferralSource, Urgency
from marketplace.matching.service import OfferService, ShortlistService
from marketplace.matching.states import REFERRAL, ReferralStatus
from marketplace.people.models import Person
from marketplace.providers.models import Organisation, ServiceLine, Worker
from tests.factories import Member, make_accreditation, make_member, make_organisation, make_person, make_worker

_number = counter(1)


async def make_postcode(
    db: AsyncSession, postcode: str = "PR1 2HE", lat: float = 53.7593, lon: float = -2.6993
) -> None:
    """A postcode of the directory."""
    db.add(PostcodeRow(postcode=postcode, lat=lat, lon=lon, lad_code="E07000123"))
    await db.flush()


async def make_referral(db: AsyncSession, person: Person, recorder: Member, **given: Any) -> Referral:
    """A complete referral that waits for a planner."""
    now = clock_of(db).now()
    values = {
        "council_id": person.council_id,
        "reference": f"R-2026-{next(_number):05}",
        "person_id": person.id,
        "status": ReferralStatus.RECEIVED,
        "source": ReferralSource.FRONTLINE,
        "urgency": Urgency.STANDARD,
        "complexity": Complexity.STANDARD,
        "needs": ["older"],
        "wants": "I want to see my friends again.",
        "indicative_weekly_pence": 15_000,
        "person_informed": True,
        "received_at": now,
        "due_on": date(2027, 3, 31),
        "recorded_by_user_id": recorder.user.id,
    }
    referral = Referral(**{**values, **given})
    db.add(referral)
    await db.flush()
    REFERRAL.begin(db, referral, by=recorder.user.id)
    await db.flush()
    return referral


async def make_planner(
    db: AsyncSession, council: Council, organisation: Organisation | None = None, **given: Any
) -> tuple[Worker, Member]:
    """A planner of an accredited organisation, who can sign in."""
    if organisation is None:
        organisation = await make_organisation(db)
        await make_accreditation(db, organisation, council, ServiceLine.SUPPORT_PLANNING)
    worker = await make_worker(db, organisation, **given)
    member = await make_member(
        db, Role.PLANNER, council, name=worker.name, organisation_id=organisation.id, worker_id=worker.id
    )
    return worker, member


async def make_broker(db: AsyncSession, council: Council | None = None) -> Member:
    """A broker."""
    return await make_member(db, Role.BROKER, council, name="Bo Broker")


async def make_case(db: AsyncSession, broker: Member, **given: Any) -> tuple[Referral, Person]:
    """A referral that waits, and its person."""
    person_given = given.pop("person", {})
    person = await make_person(db, broker.council, **person_given)
    return await make_referral(db, person, broker, **given), person


async def offer_form(
    db: AsyncSession, broker: Member, referral: Referral, person: Person, worker: Worker, reason: str = ""
) -> OfferForm:
    """What a broker's page would send to choose a planner, as things stand now."""
    made = await ShortlistService(db).rank(referral, person, broker.council.name)
    entry = made.entry(worker.id)
    assert entry is not None, made.ranking.left_out
    return OfferForm(
        worker_id=worker.id,
        rank=entry.rank,
        score=entry.total,
        first_day=entry.first_day,
        override_reason=reason or ("They know the area" if entry.rank > 1 else ""),
    )


async def make_offer(db: AsyncSession, broker: Member, referral: Referral, person: Person, worker: Worker) -> Offer:
    """An offer that waits for its answer."""
    form = await offer_form(db, broker, referral, person, worker)
    return await OfferService(db).make(broker.principal, referral.id, form)


def referral_form(person_id: UUID | str, **given: Any) -> dict[str, Any]:
    """The form of a complete, simple referral."""
    values: dict[str, Any] = {
        "person": str(person_id),
        "source": "frontline",
        "needs": ["dementia", "older"],
        "urgency": "standard",
        "complexity": "standard",
        "complexity_reason": "",
        "wants": "I want to go dancing again.",
        "communication_needs": ["large_print"],
        "person_informed": "yes",
        "interim_plan": "A neighbour brings meals.",
        "indicative_weekly_pence": "150.00",
        "required_gender": "any",
        "essential_language": "",
        "chosen_worker_id": "",
        "previous_worker_id": "",
    }
    return {**values, **given}
