"""Appeals, decided by somebody who had no part in what is appealed against (V5)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.providers.errors import AlreadyDecided, HasInterest, SameHand
from marketplace.providers.events import AppealMoved
from marketplace.providers.models import Appeal, Application
from marketplace.providers.repository.evaluation import AppealRepository, DeskRepository, EvaluationRepository
from marketplace.providers.service.evaluation.assigning import moved
from marketplace.providers.service.evaluation.fairness import TIED, Fairness
from marketplace.providers.service.evaluation.forms import AppealForm
from marketplace.providers.states import APPEAL, APPLICATION, AppealStatus, ApplicationStatus

HAD_A_PART = "You had a part in this decision, so somebody else must decide about the appeal."


class AppealService:
    """Decides appeals."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.appeals = AppealRepository(db)
        self.desk = DeskRepository(db)
        self.evaluations = EvaluationRepository(db)
        self.fairness = Fairness(db)

    async def find(self, principal: Principal, appeal_id: UUID) -> tuple[Appeal, Application]:
        """Return an appeal with its application.

        Raises:
            NotFound: Another council's.
        """
        principal.require(Permission.APPLICATIONS_READ)
        appeal = await self.appeals.find(principal.council_id, appeal_id)
        return appeal, await self.desk.find_sent(principal.council_id, appeal.application_id)

    async def why_not(self, principal: Principal, application: Application) -> str:
        """Return why the principal may not decide about an appeal against this decision; empty when they may."""
        evaluations = await self.evaluations.of_application(application)
        part: set[UUID | None] = {row.evaluator_user_id for row in evaluations}
        part |= {application.moderated_by_user_id, application.decided_by_user_id}
        moderated = (await self.desk.moderated([application.id])).get(application.id, {})
        part |= {row.moderated_by_user_id for row in moderated.values()}
        if principal.user_id in part:
            return HAD_A_PART
        if await self.fairness.tied(principal, application.organisation_id, {principal.user_id}):
            return TIED
        return ""

    async def decide(self, principal: Principal, appeal_id: UUID, form: AppealForm) -> Appeal:
        """Uphold an appeal, which sends the application back for a new decision, or dismiss it.

        Lots that were awarded stay awarded.

        Raises:
            NotFound: Another council's appeal.
            AlreadyDecided: Somebody else decided it; an audit row stays.
            SameHand, HasInterest: The principal had a part in the decision, or works or worked for the applicant; an
                audit row stays.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        found = await self.appeals.find(principal.council_id, appeal_id)
        application = await self.desk.find_sent(principal.council_id, found.application_id, locked=True)
        appeal = await self.appeals.find(principal.council_id, appeal_id, locked=True)
        why = await self.why_not(principal, application)
        if why:
            await self.fairness.note(principal, application, "providers.decide_appeal", why)
            raise HasInterest(why) if why == TIED else SameHand(why)
        if appeal.status is not AppealStatus.OPEN:
            why = "Somebody else has decided about this appeal. Nothing of what you sent was kept."
            await self.fairness.note(principal, application, "providers.decide_appeal", why, appeal.status.value)
            raise AlreadyDecided(why)
        to = AppealStatus.UPHELD if form.is_upheld else AppealStatus.DISMISSED
        appeal.decision = form.decision
        appeal.decided_by_user_id, appeal.decided_at = principal.user_id, self.clock.now()
        APPEAL.move(self.db, appeal, to, by=principal.user_id, why=form.decision)
        before = application.status
        if form.is_upheld:
            why = f"Appeal upheld: {form.decision}"
            APPLICATION.move(self.db, application, ApplicationStatus.MODERATED, by=principal.user_id, why=why)
        await self.db.flush()
        publish(
            self.db,
            AppealMoved(
                council_id=appeal.council_id,
                appeal_id=appeal.id,
                application_id=application.id,
                organisation_id=application.organisation_id,
                status=to.value,
            ),
        )
        if form.is_upheld:
            publish(self.db, moved(application))
        audit.record(
            self.db,
            principal,
            "providers.decide_appeal",
            council_id=appeal.council_id,
            subject_kind="appeal",
            subject_id=appeal.id,
            before={"status": AppealStatus.OPEN, "application": before},
            after={"status": to, "application": application.status},
            why=form.decision,
        )
        return appeal
