"""Free hours of care: what an organisation says, and what awards have taken of it since.

What is said is what is free at that instant. Whatever any council awards afterwards is taken off, so that nobody has to
write the same hours twice; when the organisation says its hours anew, counting starts again from there.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.matching.bands import BANDS, SLOTS, slot
from marketplace.matching.care.week import quarters as quarters_of
from marketplace.matching.events import CareHoursChanged
from marketplace.matching.forms_hours import HoursForm
from marketplace.matching.models import CareHours
from marketplace.matching.repository.hours import CareHoursRepository
from marketplace.matching.service.care.ranking import travel_quarters
from marketplace.matching.words_care import CARE_SERVICES
from marketplace.providers.events import EVERYWHERE
from marketplace.providers.models import OrganisationKind, ServiceLine
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.organisations import OrganisationRepository

STALE_AFTER: Final = timedelta(days=14)
"""What was said longer ago is marked as old: hours of care change with every rota."""


class FreeHours(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation said it has free for a service."""

    said_at: datetime
    is_stale: bool
    quarters: dict[int, int]
    """`quarters[slot]` free now; slots with none are left out."""
    awarded: int
    """Quarter hours a week that awards have taken since it was said."""

    @property
    def total(self) -> int:
        """Quarter hours free in the whole week."""
        return sum(self.quarters.values())


def free_hours(rows: list[CareHours], now: datetime) -> FreeHours | None:
    """Put the rows of one organisation and service together; None when it never said."""
    if not rows:
        return None
    said_at = min(row.said_at for row in rows)
    return FreeHours(
        said_at=said_at,
        is_stale=now - said_at > STALE_AFTER,
        quarters={slot(row.weekday, row.band): row.left_quarters for row in rows if row.left_quarters},
        awarded=sum(min(row.awarded_quarters, row.free_quarters) for row in rows),
    )


class CareHoursService:
    """Free hours of one organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.hours = CareHoursRepository(db)

    async def services(self, principal: Principal) -> list[ServiceLine]:
        """Return services bought as hours for which the principal's organisation is accredited somewhere."""
        principal.require(Permission.REQUIREMENTS_ANSWER)
        organisation_id = principal.need_organisation()
        found = (await AccreditationRepository(self.db).of_organisations([organisation_id])).get(organisation_id, [])
        lines = {row.service_line for row in found}
        return [line for line in CARE_SERVICES if line in lines]

    async def workers(self, principal: Principal) -> int | None:
        """Return 1 for a personal assistant alone; None for organisations, whose workers are not counted here."""
        organisation = await OrganisationRepository(self.db).find(principal.need_organisation())
        return 1 if organisation.kind is OrganisationKind.SOLE_PA else None

    async def now_free(self, principal: Principal, service: ServiceLine) -> FreeHours | None:
        """Return what the principal's organisation has free; None when it never said."""
        principal.require(Permission.REQUIREMENTS_ANSWER)
        rows = await self.hours.said(principal.need_organisation(), service)
        return free_hours(list(rows), self.clock.now())

    async def say(self, principal: Principal, form: HoursForm) -> int:
        """Record what is free from now on. Returns the quarter hours of the week.

        All 35 slots are kept, so that none free is not the same as not said.
        """
        principal.require(Permission.REQUIREMENTS_ANSWER)
        organisation_id = principal.need_organisation()
        # Two windows at once: the one that saves last wins as a whole, never a mixture of both.
        await self.hours.lock(organisation_id)
        before = free_hours(list(await self.hours.said(organisation_id, form.service_line)), self.clock.now())
        await self.hours.forget(organisation_id, form.service_line)
        now = self.clock.now()
        rows = [
            CareHours(
                organisation_id=organisation_id,
                service_line=form.service_line,
                weekday=number // len(BANDS),
                band=number % len(BANDS),
                free_quarters=form.quarters[number],
                awarded_quarters=0,
                said_at=now,
                said_by_user_id=principal.user_id,
            )
            for number in range(SLOTS)
        ]
        self.db.add_all(rows)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.say_care_hours",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=organisation_id,
            before={"quarters": before.total if before else None},
            after={"service_line": form.service_line, "quarters": sum(form.quarters)},
        )
        publish(self.db, CareHoursChanged(council_id=EVERYWHERE, organisation_id=organisation_id))
        return sum(form.quarters)

    async def take_off_awards(self, organisation_id: UUID, service: ServiceLine) -> bool:
        """Take off what was awarded since the hours were said. Counted afresh, so it may run any number of times.

        The transaction must reach every council. Returns whether anything changed.
        """
        await self.hours.lock(organisation_id)
        rows = await self.hours.said(organisation_id, service)
        if not rows:
            return False
        since = min(row.said_at for row in rows)
        taken: dict[int, int] = {}
        awarded = await self.hours.awarded_visits(organisation_id, service, since)
        for council_id in {visit.council_id for visit in awarded}:
            travel = travel_quarters(await settings_of(self.db, council_id, today(self.clock)))
            theirs = quarters_of([visit for visit in awarded if visit.council_id == council_id], travel)
            for number, count in theirs.items():
                taken[number] = taken.get(number, 0) + count
        changed = False
        for row in rows:
            wanted = taken.get(slot(row.weekday, row.band), 0)
            changed, row.awarded_quarters = changed or row.awarded_quarters != wanted, wanted
        await self.db.flush()
        if changed:
            publish(self.db, CareHoursChanged(council_id=EVERYWHERE, organisation_id=organisation_id))
        return changed
