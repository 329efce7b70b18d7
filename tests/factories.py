"""Rows for tests. Each factory fills what the test does not care about."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import count as counter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership, Representation, User
from marketplace.accounts.permissions import RepresentativeKind, Role, Scope
from marketplace.accounts.principal import Principal
from marketplace.accounts.states import REPRESENTATION, RepresentationStatus
from marketplace.core.database import clock_of
from marketplace.people.models import Budget, BudgetStatus, FundingRoute, Person
from marketplace.providers.models import (
    Accreditation,
    AccreditationHold,
    AccreditationStatus,
    HoldCause,
    Listing,
    ListingCategory,
    Organisation,
    OrganisationKind,
    PriceUnit,
    ServiceLine,
    Worker,
    WorkerHours,
    WorkerKind,
)
from marketplace.providers.states import ACCREDITATION

_number = counter(1)
START = date(2027, 1, 1)
PRESTON = (53.7593, -2.6993)
"""Latitude and longitude of Preston, where test people live unless told otherwise."""


class Member(msgspec.Struct, frozen=True):
    """A user with a role."""

    user: User
    membership: Membership
    council: Council

    @property
    def principal(self) -> Principal:
        """The user as services see them."""
        return Principal(
            user_id=self.user.id,
            name=self.user.name,
            role=self.membership.role,
            council_id=self.council.id,
            council_name=self.council.name,
            council_slug=self.council.slug,
            councils=(self.council.id,),
            organisation_id=self.membership.organisation_id,
            worker_id=self.membership.worker_id,
            person_id=self.membership.person_id,
            acting_for=self.membership.acting_for_name or None,
            scopes=frozenset(Scope) if self.membership.role is Role.REPRESENTATIVE else None,
        )


async def _saved(db: AsyncSession, row: Any) -> Any:
    db.add(row)
    await db.flush()
    return row


async def make_council(db: AsyncSession, **given: Any) -> Council:
    """A council."""
    n = next(_number)
    values = {
        "slug": f"council-{n}",
        "name": f"Council {n}",
        "short_name": f"Council {n}",
        "district_codes": ["E07000123"],
        "created_at": clock_of(db).now(),
    }
    return await _saved(db, Council(**{**values, **given}))


async def make_member(
    db: AsyncSession,
    role: Role,
    council: Council | None = None,
    *,
    name: str = "Sam Tester",
    email: str | None = None,
    person_id: UUID | None = None,
    organisation_id: UUID | None = None,
    worker_id: UUID | None = None,
    acting_for_name: str = "",
    scopes: Iterable[Scope] = tuple(Scope),
) -> Member:
    """A user with a role in a council; a representative may do all of `scopes` for the person."""
    council = council or await make_council(db)
    email = email or f"user{next(_number)}@test.example"
    user = await _saved(db, User(email=email, name=name, created_at=clock_of(db).now()))
    membership = await _saved(
        db,
        Membership(
            user_id=user.id,
            council_id=council.id,
            role=role,
            person_id=person_id,
            organisation_id=organisation_id,
            worker_id=worker_id,
            acting_for_name=acting_for_name,
            starts_on=START,
        ),
    )
    if role is Role.REPRESENTATIVE and person_id is not None:
        await _represents(db, user, membership, scopes)
    return Member(user, membership, council)


async def _represents(db: AsyncSession, user: User, membership: Membership, scopes: Iterable[Scope]) -> None:
    row = Representation(
        council_id=membership.council_id,
        person_id=membership.person_id,
        user_id=user.id,
        membership_id=membership.id,
        name=user.name,
        email=user.email,
        kind=RepresentativeKind.NOMINATED,
        scopes=[scope.value for scope in scopes],
        status=RepresentationStatus.INVITED,
        starts_on=START,
        asked_by_user_id=user.id,
        asked_at=clock_of(db).now(),
    )
    await _saved(db, row)
    REPRESENTATION.begin(db, row, by=user.id)
    REPRESENTATION.move(db, row, RepresentationStatus.LIVE, by=user.id)
    await db.flush()


async def make_person(db: AsyncSession, council: Council, **given: Any) -> Person:
    """A person who lives in Preston."""
    values = {
        "council_id": council.id,
        "reference": f"P{next(_number):05}",
        "given_name": "Ada",
        "family_name": "Example",
        "postcode": "PR1 2HE",
        "lat": PRESTON[0],
        "lon": PRESTON[1],
        "lad_code": "E07000123",
        "created_at": clock_of(db).now(),
    }
    return await _saved(db, Person(**{**values, **given}))


async def make_person_member(db: AsyncSession, council: Council, **given: Any) -> tuple[Person, Member]:
    """A person who can sign in."""
    person = await make_person(db, council, **given)
    return person, await make_member(db, Role.PERSON, council, name=person.name, person_id=person.id)


async def make_budget(db: AsyncSession, person: Person, **given: Any) -> Budget:
    """An agreed direct payment of £150 a week."""
    values = {
        "council_id": person.council_id,
        "person_id": person.id,
        "status": BudgetStatus.FINAL,
        "route": FundingRoute.DIRECT_PAYMENT,
        "weekly_pence": 15_000,
        "starts_on": START,
        "created_at": clock_of(db).now(),
    }
    return await _saved(db, Budget(**{**values, **given}))


async def make_organisation(db: AsyncSession, **given: Any) -> Organisation:
    """A third-sector organisation."""
    n = next(_number)
    values = {
        "name": f"Helping Hands {n}",
        "kind": OrganisationKind.THIRD_SECTOR,
        "town": "Preston",
        "postcode": "PR1 2HE",
        "created_at": clock_of(db).now(),
    }
    return await _saved(db, Organisation(**{**values, **given}))


async def make_accreditation(
    db: AsyncSession, organisation: Organisation, council: Council, service: ServiceLine, **given: Any
) -> Accreditation:
    """A live accreditation of two years."""
    values = {
        "council_id": council.id,
        "organisation_id": organisation.id,
        "service_line": service,
        "status": AccreditationStatus.LIVE,
        "live_from": START,
        "live_until": START + timedelta(days=730),
        "decided_at": datetime(2027, 1, 1, tzinfo=UTC),
    }
    values |= given
    if values["status"] is AccreditationStatus.REMOVED:
        values.setdefault("removed_on", values["live_from"])
    row = await _saved(db, Accreditation(**values))
    ACCREDITATION.begin(db, row, by=None)
    if row.status is AccreditationStatus.SUSPENDED:
        hold = {"cause": HoldCause.SUSPENSION, "starts_on": row.live_from, "made_at": row.decided_at}
        db.add(AccreditationHold(council_id=council.id, accreditation_id=row.id, **hold))
    await db.flush()
    return row


async def make_worker(db: AsyncSession, organisation: Organisation, **given: Any) -> Worker:
    """A planner in Preston who works on weekdays from nine to five."""
    hours = given.pop("hours", [(day, time(9), time(17)) for day in range(5)])
    values = {
        "organisation_id": organisation.id,
        "kind": WorkerKind.PLANNER,
        "name": f"Worker {next(_number)}",
        "town": "Preston",
        "postcode": "PR1 2HE",
        "lat": PRESTON[0],
        "lon": PRESTON[1],
        "languages": ["English"],
        "starts_on": START,
        "created_at": clock_of(db).now(),
    }
    worker = await _saved(db, Worker(**{**values, **given}))
    for weekday, starts, ends in hours:
        db.add(WorkerHours(worker_id=worker.id, weekday=weekday, starts_local=starts, ends_local=ends))
    await db.flush()
    return worker


async def make_listing(db: AsyncSession, organisation: Organisation, **given: Any) -> Listing:
    """A personal assistant's listing at £16 an hour around Preston."""
    now = clock_of(db).now()
    values = {
        "organisation_id": organisation.id,
        "category": ListingCategory.PERSONAL_ASSISTANT,
        "title": f"Support at home {next(_number)}",
        "summary": "Friendly support with daily life.",
        "price_pence": 1_600,
        "price_unit": PriceUnit.HOUR,
        "town": "Preston",
        "postcode_area": "PR1",
        "lat": PRESTON[0],
        "lon": PRESTON[1],
        "radius_metres": 20_000,
        "created_at": now,
        "updated_at": now,
    }
    return await _saved(db, Listing(**{**values, **given}))
