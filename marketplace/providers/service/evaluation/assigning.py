"""Choosing who scores an application (C1)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import ApplicationMoved, EvaluatorAsked, EvaluatorStoodDown
from marketplace.providers.models import Application, Evaluation
from marketplace.providers.repository.evaluation import DeskRepository, EvaluationRepository
from marketplace.providers.service.evaluation.fairness import Fairness
from marketplace.providers.service.evaluation.forms import ChooseForm
from marketplace.providers.service.evaluation.rules import active, names_list
from marketplace.providers.states import APPLICATION, EVALUATION, ApplicationStatus, EvaluationStatus

OPEN = (ApplicationStatus.SUBMITTED, ApplicationStatus.EVALUATING)
"""Where evaluators can be chosen."""


class AssigningService:
    """Chooses evaluators and takes them off."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.desk = DeskRepository(db)
        self.evaluations = EvaluationRepository(db)
        self.fairness = Fairness(db)

    async def needed(self, council_id: UUID) -> int:
        """Return how many evaluators score an application in a council, each for themselves."""
        return int(await setting(self.db, council_id, "providers.evaluators", today(self.clock)))

    async def candidates(self, principal: Principal, evaluations: Sequence[Evaluation]) -> dict[UUID, str]:
        """Return who may be asked, name by id: the council's people who may score and were not asked before."""
        principal.require(Permission.APPLICATIONS_DECIDE)
        day = today(self.clock)
        holders = await self.evaluations.holders(principal.council_id, Permission.APPLICATIONS_SCORE, day)
        asked = {row.evaluator_user_id for row in evaluations}
        return {user_id: name for user_id, name in holders.items() if user_id not in asked}

    async def choose(self, principal: Principal, application_id: UUID, form: ChooseForm) -> Application:
        """Ask people to score an application. The first choice starts its evaluation; later ones fill gaps.

        Raises:
            NotFound: Another council's application.
            StepRefused: It is decided, moderated or was taken back.
            InvalidInput: Too few; somebody who cannot be asked; somebody who works or worked for the applicant, which
                leaves an audit row.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        application = await self.desk.find_sent(principal.council_id, application_id, locked=True)
        if application.status not in OPEN:
            raise StepRefused("Evaluators can no longer be chosen for this application.")
        evaluations = await self.evaluations.of_application(application)
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.choose_evaluators")
        candidates = await self.candidates(principal, evaluations)
        if not set(form.user_ids) <= set(candidates):
            raise InvalidInput({"evaluators": "Select the evaluators from the list"})
        needed = await self.needed(principal.council_id)
        if len(active(evaluations)) + len(form.user_ids) < needed:
            raise InvalidInput({"evaluators": f"{needed} people must score this application. Select more"})
        tied = await self.fairness.tied(principal, application.organisation_id, form.user_ids)
        if tied:
            names = names_list([candidates[user_id] for user_id in form.user_ids if user_id in tied])
            why = f"Works or has worked for the organisation: {names}"
            await self.fairness.note(principal, application, "providers.choose_evaluators", why)
            raise InvalidInput(
                {"evaluators": f"{names} works or has worked for this organisation. Select somebody else"}
            )
        for user_id in form.user_ids:
            await self._ask(principal, application, user_id)
        if application.status is ApplicationStatus.SUBMITTED:
            why = "Late reason accepted" if application.is_late else ""
            APPLICATION.move(self.db, application, ApplicationStatus.EVALUATING, by=principal.user_id, why=why)
            publish(self.db, moved(application))
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.choose_evaluators",
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            after={"evaluators": list(form.user_ids), "status": application.status},
        )
        return application

    async def _ask(self, principal: Principal, application: Application, user_id: UUID) -> None:
        row = Evaluation(
            id=new_id(),
            council_id=application.council_id,
            application_id=application.id,
            evaluator_user_id=user_id,
            status=EvaluationStatus.ASSIGNED,
            assigned_by_user_id=principal.user_id,
            assigned_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        EVALUATION.begin(self.db, row, by=principal.user_id)
        publish(
            self.db,
            EvaluatorAsked(council_id=row.council_id, evaluation_id=row.id, application_id=application.id),
        )

    async def take_off(self, principal: Principal, application_id: UUID, evaluation_id: UUID, reason: str) -> None:
        """Take an evaluator off an application, with a reason: they are away, or an interest came to light.

        Raises:
            NotFound: Another council's, or not of this application.
            StepRefused: It is moderated already, or the evaluator stood down before.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        application = await self.desk.find_sent(principal.council_id, application_id, locked=True)
        row = await self.evaluations.one(
            self.evaluations.of(principal.council_id).where(
                Evaluation.id == evaluation_id, Evaluation.application_id == application.id
            ),
            locked=True,
        )
        evaluations = await self.evaluations.of_application(application)
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.take_off_evaluator")
        if application.status is not ApplicationStatus.EVALUATING:
            raise StepRefused("The scores are agreed already, so the evaluators stay.")
        before = row.status
        EVALUATION.move(self.db, row, EvaluationStatus.STOOD_DOWN, by=principal.user_id, why=reason)
        await self.db.flush()
        publish(
            self.db,
            EvaluatorStoodDown(council_id=row.council_id, evaluation_id=row.id, application_id=application.id),
        )
        audit.record(
            self.db,
            principal,
            "providers.take_off_evaluator",
            council_id=row.council_id,
            subject_kind="evaluation",
            subject_id=row.id,
            before={"status": before},
            after={"status": row.status, "evaluator": row.evaluator_user_id},
            why=reason,
        )


def moved(application: Application) -> ApplicationMoved:
    """Return the fact that an application took a step."""
    return ApplicationMoved(
        council_id=application.council_id,
        application_id=application.id,
        organisation_id=application.organisation_id,
        status=application.status.value,
    )
