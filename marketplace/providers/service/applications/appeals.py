"""Appeals: an applicant says why a decision was wrong, once, and within the days that the council gives (V5)."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit, setting
from marketplace.core.database import clock_of
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import AppealRefused
from marketplace.providers.events import AppealMoved
from marketplace.providers.models import Appeal, ApplicationLot, LotOutcome
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.service.applications.opened import DECIDED, Opened, appeal_until, open_application
from marketplace.providers.states import APPEAL, AppealStatus

APPEAL_DAYS: Final = "providers.appeal_days"
LONGEST_GROUNDS: Final = 6_000


class AppealService:
    """Takes the appeals of the user's own organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.applications = ApplicationRepository(db)

    async def until(self, opened: Opened) -> date | None:
        """Return the last day for an appeal: the days that the council gave on the day of the decision."""
        application = opened.application
        if application.decided_at is None or application.status not in DECIDED:
            return None
        days = int(await setting(self.db, application.council_id, APPEAL_DAYS, application.decided_at.date()))
        return appeal_until(application, days)

    @staticmethod
    def is_open(opened: Opened, lots: list[ApplicationLot], until: date | None, appeal: Appeal | None) -> bool:
        """Whether there is something to appeal against, and still time for it."""
        is_refused = any(row.outcome is LotOutcome.REFUSED for row in lots)
        return until is not None and opened.day <= until and appeal is None and is_refused

    async def appeal(self, principal: Principal, application_id: UUID, data: Mapping[str, Any]) -> Appeal:
        """Appeal against a decision.

        Raises:
            NotFound: Not theirs.
            AppealRefused: Nothing was refused, the time is over, or there is one already.
            InvalidInput: No grounds.
        """
        opened = await open_application(self.db, principal, application_id, locked=True)
        application = opened.application
        existing = await self.applications.appeal(application.id)
        lots = list(await self.applications.lots(application.id))
        if not self.is_open(opened, lots, await self.until(opened), existing):
            raise AppealRefused(
                "You have appealed already." if existing else "The days for an appeal are over, or nothing was refused."
            )
        form = FormReader(data)
        grounds = form.text("grounds", "why you think the decision is wrong", longest=LONGEST_GROUNDS)
        form.done()
        appeal = Appeal(
            id=new_id(),
            council_id=application.council_id,
            application_id=application.id,
            status=AppealStatus.OPEN,
            grounds=grounds,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        self.db.add(appeal)
        await self.db.flush()
        APPEAL.begin(self.db, appeal, by=principal.user_id)
        audit.record(
            self.db,
            principal,
            "providers.make_appeal",
            council_id=application.council_id,
            subject_kind="appeal",
            subject_id=appeal.id,
            after={"application_id": application.id, "status": appeal.status},
            why=grounds,
        )
        publish(
            self.db,
            AppealMoved(
                council_id=application.council_id,
                appeal_id=appeal.id,
                application_id=application.id,
                organisation_id=application.organisation_id,
                status=appeal.status.value,
            ),
        )
        return appeal
