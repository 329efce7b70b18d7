"""Rows of requirements for care, providers and offers for tests."""

from datetime import date, time
from itertools import count as counter
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.matching.forms_care import OpenForm, RequirementForm, VisitLine
from marketplace.matching.forms_offers import CareOfferForm
from marketplace.matching.models import Requirement, RequirementOffer, RequirementRoute, RequirementVisit, Urgency
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.service.care import CareOfferService, RequirementService
from marketplace.people.models import Person
from marketplace.providers.models import ListingCategory, Organisation, ServiceLine
from tests.factories import Member, make_accreditation, make_listing, make_member, make_organisation, make_person

_number = counter(1)
STARTS, LATEST = date(2027, 3, 15), date(2027, 3, 29)


def week(*days: int, start: time = time(8), minutes: int = 30, workers: int = 1) -> list[VisitLine]:
    """A visit at the same time on some days, every day unless told otherwise."""
    return [VisitLine(weekday=day, starts_local=start, minutes=minutes, workers=workers) for day in days or range(7)]


def requirement_form(**given: Any) -> RequirementForm:
    """Half an hour on every morning, for at most £150 a week."""
    values: dict[str, Any] = {
        "service_line": ServiceLine.HOME_CARE,
        "lot_code": "",
        "urgency": Urgency.STANDARD,
        "needs": ["older"],
        "summary": "Help to get up, wash and have breakfast.",
        "outcomes": "To be ready for the day by nine.",
        "required_skills": [],
        "required_gender": None,
        "essential_language": None,
        "interests": [],
        "excluded_organisation_ids": [],
        "known_organisation_ids": [],
        "chosen_organisation_id": None,
        "radius_metres": None,
        "most_providers": 1,
        "split_agreed": False,
        "starts_on": STARTS,
        "latest_start_on": LATEST,
        "ceiling_weekly_pence": 15_000,
        "visits": week(),
        "version": 0,
    }
    return RequirementForm(**{**values, **given})


async def make_care_provider(
    db: AsyncSession, council: Council, *, accredited: dict[str, Any] | None = None, **given: Any
) -> tuple[Organisation, Member]:
    """An accredited home care provider that covers Preston, and who speaks for it."""
    name = given.pop("name", f"Care Company {next(_number)}")
    organisation = await make_organisation(db, name=name)
    await make_accreditation(db, organisation, council, ServiceLine.HOME_CARE, **(accredited or {}))
    values = {"category": ListingCategory.HOME_CARE, "price_pence": 2_600, **given}
    await make_listing(db, organisation, **values)
    member = await make_member(db, Role.PROVIDER, council, name="Pat Provider", organisation_id=organisation.id)
    return organisation, member


async def make_requirement(db: AsyncSession, broker: Member, person: Person | None = None, **given: Any) -> Requirement:
    """A draft of a broker."""
    person = person or await make_person(db, broker.council)
    return await RequirementService(db).record(broker.principal, person.id, requirement_form(**given))


async def open_requirement(
    db: AsyncSession,
    broker: Member,
    row: Requirement,
    route: RequirementRoute = RequirementRoute.LOT,
    *organisations: UUID,
    reason: str = "",
) -> Requirement:
    """Ask providers."""
    form = OpenForm(route=route, organisation_ids=list(organisations), reason=reason, version=row.version)
    return await RequirementService(db).open(broker.principal, row.id, form)


def offer_of(rate_pence: int = 2_600, **given: Any) -> CareOfferForm:
    """An offer of the whole week from the first day."""
    values: dict[str, Any] = {
        "rate_pence": rate_pence,
        "visit_ids": [],
        "starts_on": STARTS,
        "valid_until": date(2027, 4, 30),
        "outcomes_answer": "A small team that comes at eight.",
        "workers_answer": "Two workers who live near.",
        "worker_skills": ["personal_care"],
        "worker_interests": [],
        "below_cost_reason": "",
        "version": 0,
    }
    return CareOfferForm(**{**values, **given})


async def send_offer(
    db: AsyncSession, provider: Member, row: Requirement, rate_pence: int = 2_600, **given: Any
) -> RequirementOffer:
    """Send an offer."""
    return await CareOfferService(db).send(provider.principal, row.id, offer_of(rate_pence, **given))


async def visits_of(db: AsyncSession, row: Requirement) -> list[RequirementVisit]:
    """The visits of the week, from Monday on."""
    return list(await RequirementRepository(db).visits(row.council_id, row.id))


def at_end(db: AsyncSession, row: Requirement) -> None:
    """Move the clock to the instant at which the time for offers ends."""
    assert row.answer_by is not None
    clock_of(db).move_to(row.answer_by)  # type: ignore[attr-defined]


async def again(db: AsyncSession, *rows: Any) -> None:
    """Read rows anew, after a page was opened; a member is read with its user, role and council."""
    for row in rows:
        parts = (row.user, row.membership, row.council) if isinstance(row, Member) else (row,)
        for part in parts:
            await db.refresh(part)
