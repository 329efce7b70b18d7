"""Late news about care: who was awarded it and has not begun may take no new work any more. A broker decides."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.matching.events import AlertRaised
from marketplace.matching.models import RematchAlert, RematchCause, Requirement, RequirementAward
from marketplace.matching.repository.alerts import AlertRepository
from marketplace.matching.repository.care import AwardRepository, RequirementRepository
from marketplace.matching.states import ALERT, AlertStatus
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.care import CareFacts

KEPT_FOR = timedelta(days=28)
"""A broker who leaves an award as it is, is not asked again for this long."""


class CareAlertService:
    """Raises alerts about awards and lets them go. The platform's own work."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.alerts = AlertRepository(db)
        self.awards = AwardRepository(db)

    async def look(self, council_id: UUID, requirement_id: UUID) -> bool:
        """Look at the awards of one requirement that have not begun. Returns whether an alert was raised.

        Looking twice changes nothing: one alert is open for a requirement at most.
        """
        row = await RequirementRepository(self.db).find(council_id, requirement_id, locked=True)
        on = today(self.clock)
        in_force = await self.awards.of_requirement(council_id, row.id)
        stopped = [award for award in in_force if award.starts_on >= on and not await self._may_start(row, award)]
        known = await self.alerts.open_of_requirement(council_id, row.id)
        if not stopped:
            for alert in known:
                ALERT.move(self.db, alert, AlertStatus.GONE, by=None, why="The cause has ended")
                alert.handled_at = self.clock.now()
                alert.handled_how = "The cause has ended"
            await self.db.flush()
            return False
        since = max(self.clock.now() - KEPT_FOR, *(award.awarded_at for award in stopped))
        if known or await self.alerts.is_requirement_settled(row.id, RematchCause.STANDING, since):
            return False
        await self._raise(row, stopped)
        return True

    async def _may_start(self, row: Requirement, award: RequirementAward) -> bool:
        return await AccreditationRepository(self.db).is_live(
            award.organisation_id, row.council_id, row.service_line, award.starts_on, today(self.clock)
        )

    async def _raise(self, row: Requirement, stopped: list[RequirementAward]) -> None:
        names = await CareFacts(self.db).names([award.organisation_id for award in stopped])
        detail = " ".join(
            f"The accreditation of {names.get(award.organisation_id, 'the provider')} does not count on "
            f"{uk_date(award.starts_on)}, the first day of the care."
            for award in stopped
        )
        alert = RematchAlert(
            id=new_id(),
            council_id=row.council_id,
            requirement_id=row.id,
            cause=RematchCause.STANDING,
            detail=detail,
            status=AlertStatus.OPEN,
            noticed_at=self.clock.now(),
        )
        self.db.add(alert)
        await self.db.flush()
        ALERT.begin(self.db, alert, by=None, why=detail)
        audit.record(
            self.db,
            None,
            "matching.raise_alert",
            council_id=row.council_id,
            subject_kind="rematch_alert",
            subject_id=alert.id,
            after={"requirement_id": row.id, "cause": alert.cause},
        )
        outbox.publish(self.db, AlertRaised(council_id=row.council_id, alert_id=alert.id))
