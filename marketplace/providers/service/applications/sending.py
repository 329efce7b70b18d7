"""Sending an application in, taking it back, withdrawing it (C1)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, StepRefused
from marketplace.core.outbox import publish
from marketplace.providers.errors import RoundClosed
from marketplace.providers.events import ApplicationMoved
from marketplace.providers.models import Application
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.service.applications.forms import SubmitForm
from marketplace.providers.service.applications.opened import Opened, open_application
from marketplace.providers.service.applications.snapshot import content_of, print_of, signed
from marketplace.providers.service.applications.steps import problems
from marketplace.providers.service.frameworks.rounds import RoundState, round_state
from marketplace.providers.service.passport.service import PassportService
from marketplace.providers.service.reach import reach_council
from marketplace.providers.states import APPLICATION, ApplicationStatus

CLOSED_WORDS: dict[RoundState, str] = {
    "coming": "This round is not open yet.",
    "closed": "This round has closed. Your answers are kept, and the next round begins with them.",
    "cancelled": "The council called this round off. Your answers are kept, and the next round begins with them.",
}
CHANGED_MEANWHILE = "Somebody changed an answer or a paper since you opened this page. Read it again, then send it."


class Checked(msgspec.Struct, frozen=True):
    """An application as its last page shows it before it is sent."""

    opened: Opened
    content: dict[str, Any]
    seen: str
    """Fingerprint of what the page shows, as hexadecimal digits."""


class SendingService:
    """Moves the applications of the user's own organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.applications = ApplicationRepository(db)

    async def check(self, principal: Principal, application_id: UUID, *, locked: bool = False) -> Checked:
        """Return an application with all it would say if it were sent now.

        Raises:
            NotFound: Not theirs.
        """
        opened = await open_application(self.db, principal, application_id, locked=locked, is_wide=True)
        sources = await self.applications.sources(opened.every_answer.values())
        await reach_council(self.db, principal, opened.application.council_id)
        files = await self.applications.files(application_id)
        names = {answer_id: [(row.id, row.name) for row in kept] for answer_id, kept in files.items()}
        content = content_of(opened, sources, names)
        return Checked(opened, content, print_of(content).hex())

    async def submit(self, principal: Principal, application_id: UUID, data: dict[str, Any]) -> Application:
        """Send an application. Sending one twice is the same as sending it once.

        Raises:
            NotFound: Not theirs.
            RoundClosed: The clock of this server had reached the closing time when this was called.
            InvalidInput: Not signed, no reason although it is late; or, on the field "form", something is left to do.
            Conflict: It is not what the page showed.
        """
        # Read before anything is waited for: who was in time is not made late by a lock.
        now = self.clock.now()
        checked = await self.check(principal, application_id, locked=True)
        opened = checked.opened
        application = opened.application
        if application.status is ApplicationStatus.SUBMITTED:
            return application
        if not opened.is_draft:
            raise StepRefused("It is no draft any more.")
        state = round_state(opened.facts.round, now)
        if state not in ("open", "late"):
            raise RoundClosed(CLOSED_WORDS[state])
        if problems(opened):
            raise InvalidInput({"form": "Some answers are missing"})
        form = SubmitForm.read(data, is_late=state == "late")
        if form.seen != checked.seen:
            raise Conflict(CHANGED_MEANWHILE)
        content = signed(checked.content, user_id=principal.user_id, name=form.name, role=form.role, at=now)
        application.submitted = content
        application.submitted_hash = print_of(content)
        application.submitted_by_user_id, application.submitted_at = principal.user_id, now
        application.is_late, application.late_reason = state == "late", form.late_reason
        await self._move(
            principal,
            application,
            ApplicationStatus.SUBMITTED,
            now,
            "providers.submit_application",
            before={"status": ApplicationStatus.DRAFT},
            why=form.late_reason,
        )
        # Who scores it looks at the evidence, too: the page that asks for the signature says so.
        await PassportService(self.db).share_quietly(principal, opened.organisation, application.council_id)
        return application

    def record_refused(self, principal: Principal, opened: Opened, why: str) -> None:
        """Write down that an application came when its round took none: what a council needs when it is asked why."""
        audit.record(
            self.db,
            principal,
            "providers.refuse_late_application",
            council_id=opened.application.council_id,
            subject_kind="application",
            subject_id=opened.application.id,
            after={"closes_at": opened.facts.round.closes_at, "came_at": opened.now, "left": len(problems(opened))},
            why=why,
        )

    async def take_back(self, principal: Principal, application_id: UUID) -> Application:
        """Take an application back to change it, while its round is open. What was sent is kept in the audit log.

        Raises:
            NotFound: Not theirs.
            RoundClosed: Too late: it could not be sent again in time.
            StepRefused: It is not waiting with the council.
        """
        now = self.clock.now()
        opened = await open_application(self.db, principal, application_id, locked=True)
        application = opened.application
        if application.status is not ApplicationStatus.SUBMITTED:
            raise StepRefused("It is not waiting with the council.")
        if round_state(opened.facts.round, now) != "open":
            raise RoundClosed("The round has closed, so what you sent stays as it is.")
        before = _sent(application)
        application.submitted = application.submitted_hash = None
        application.submitted_by_user_id = application.submitted_at = None
        await self._move(
            principal, application, ApplicationStatus.DRAFT, now, "providers.take_application_back", before=before
        )
        return application

    async def withdraw(self, principal: Principal, application_id: UUID, reason: str) -> Application:
        """Withdraw an application for good, at any time before the decision.

        Raises:
            NotFound: Not theirs.
            StepRefused: It was decided, or withdrawn before.
        """
        opened = await open_application(self.db, principal, application_id, locked=True)
        before = _sent(opened.application)
        await self._move(
            principal,
            opened.application,
            ApplicationStatus.WITHDRAWN,
            self.clock.now(),
            "providers.withdraw_application",
            before=before,
            why=reason,
        )
        return opened.application

    async def _move(
        self,
        principal: Principal,
        application: Application,
        to: ApplicationStatus,
        now: datetime,
        action: str,
        *,
        before: dict[str, Any],
        why: str = "",
    ) -> None:
        APPLICATION.move(self.db, application, to, by=principal.user_id, why=why)
        application.updated_at = now
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            action,
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            before=before,
            after={
                "status": application.status,
                "is_late": application.is_late,
                "submitted_hash": application.submitted_hash.hex() if application.submitted_hash else None,
            },
            why=why,
        )
        publish(
            self.db,
            ApplicationMoved(
                council_id=application.council_id,
                application_id=application.id,
                organisation_id=application.organisation_id,
                status=application.status.value,
            ),
        )


def _sent(application: Application) -> dict[str, Any]:
    """Return what the audit log keeps of an application that is taken back: all that was sent, with its hash."""
    return {
        "status": application.status,
        "submitted": application.submitted,
        "submitted_hash": application.submitted_hash.hex() if application.submitted_hash else None,
        "submitted_at": application.submitted_at,
    }
