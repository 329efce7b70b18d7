"""Moderation: both evaluators' scores side by side, and what is agreed on with the words for the applicant (C1)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import StepRefused
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import ScoresUnseen
from marketplace.providers.models import (
    Application,
    ApplicationLot,
    Criterion,
    Evaluation,
    EvaluationScore,
    FrameworkVersion,
    Lot,
    ModeratedScore,
    Organisation,
    Round,
)
from marketplace.providers.repository.evaluation import DeskRepository, EvaluationRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.evaluation.assigning import AssigningService, moved
from marketplace.providers.service.evaluation.fairness import Fairness
from marketplace.providers.service.evaluation.forms import ModerationForm
from marketplace.providers.service.evaluation.rules import LotResult, active, are_all_sent, lot_result, scored
from marketplace.providers.states import APPLICATION, ApplicationStatus


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about the scores of an application, once everybody has sent theirs."""

    application: Application
    organisation: Organisation
    round: Round
    version: FrameworkVersion
    lots: list[tuple[ApplicationLot, Lot]]
    criteria: list[Criterion]
    evaluations: list[Evaluation]
    """All, those who stood down included."""
    evaluators: list[tuple[Evaluation, str]]
    """Those whose scores count, with their names."""
    scores: dict[UUID, dict[UUID, EvaluationScore]]
    """`scores[evaluation_id][criterion_id]`"""
    moderated: dict[UUID, ModeratedScore]
    far_apart: int
    """Difference from which a criterion is talked over with a reason."""

    def given(self, criterion: Criterion) -> list[tuple[str, EvaluationScore]]:
        """Return each evaluator's name and score for a criterion."""
        return [
            (name, self.scores[row.id][criterion.id])
            for row, name in self.evaluators
            if criterion.id in self.scores.get(row.id, {})
        ]

    def difference(self, criterion: Criterion) -> int:
        """Return how far the scores of a criterion are apart."""
        values = [score.score for _, score in self.given(criterion)]
        return max(values) - min(values) if values else 0

    @property
    def apart(self) -> set[UUID]:
        """The criteria whose scores are far apart."""
        return {criterion.id for criterion in self.criteria if self.difference(criterion) >= self.far_apart}

    @property
    def agreed(self) -> dict[UUID, int]:
        """The agreed scores by criterion."""
        return {criterion_id: row.score for criterion_id, row in self.moderated.items()}

    def result(self, lot: Lot) -> LotResult:
        """Work out a lot from the agreed scores."""
        return lot_result(lot, self.criteria, self.agreed)


class ModerationService:
    """Shows scores side by side and keeps what is agreed on."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.desk = DeskRepository(db)
        self.evaluations = EvaluationRepository(db)
        self.fairness = Fairness(db)

    async def side(self, principal: Principal, application_id: UUID) -> Side:
        """Return the scores of an application side by side.

        Raises:
            NotFound: Another council's application.
            ScoresUnseen: Not everybody has sent their scores: until then nobody sees another's, whatever their role.
            HasInterest: The principal works or worked for the applicant, or declared an interest.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        application = await self.desk.find_sent(principal.council_id, application_id)
        named = (await self.evaluations.of_applications([application.id])).get(application.id, [])
        evaluations = [row for row, _ in named]
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.moderate_application")
        await self._refuse_unsent(application, evaluations)
        return await self._side(application, named)

    async def _refuse_unsent(self, application: Application, evaluations: Sequence[Evaluation]) -> None:
        if application.status is ApplicationStatus.SUBMITTED:
            raise ScoresUnseen("Nobody scores this application yet. Choose its evaluators first.")
        if application.status is not ApplicationStatus.EVALUATING:
            return
        if not are_all_sent(evaluations, await AssigningService(self.db).needed(application.council_id)):
            raise ScoresUnseen("You see the scores when every evaluator has sent theirs, so that each is independent.")

    async def _side(self, application: Application, named: list[tuple[Evaluation, str]]) -> Side:
        round_, version, _ = await self.desk.round_of(application)
        lots = (await self.desk.lots([application.id])).get(application.id, [])
        criteria = scored(await FrameworkRepository(self.db).criteria(version.id, [lot.id for _, lot in lots]))
        counted = active(row for row, _ in named)
        evaluators = [(row, name) for row, name in named if row in counted]
        return Side(
            application=application,
            organisation=await self.desk.organisation(application.organisation_id),
            round=round_,
            version=version,
            lots=lots,
            criteria=criteria,
            evaluations=[row for row, _ in named],
            evaluators=evaluators,
            scores=await self.evaluations.scores([row.id for row, _ in evaluators]),
            moderated=(await self.desk.moderated([application.id])).get(application.id, {}),
            far_apart=int(await setting(self.db, application.council_id, "providers.scores_apart", today(self.clock))),
        )

    async def save(
        self, principal: Principal, application_id: UUID, data: Mapping[str, Any], *, is_final: bool
    ) -> Application:
        """Keep agreed scores with their feedback; the last save moves the application on to its decision.

        Raises:
            InvalidInput: What is wrong, by field. Where the evaluators were far apart the feedback must say why.
            StepRefused: It is moderated or decided already.
            ScoresUnseen, HasInterest, NotFound: As for `side`.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        application = await self.desk.find_sent(principal.council_id, application_id, locked=True)
        side = await self.side(principal, application.id)
        if application.status is not ApplicationStatus.EVALUATING:
            raise StepRefused("The scores of this application are agreed already.")
        form = ModerationForm.read(data, side.criteria, side.apart, is_final=is_final)
        now = self.clock.now()
        before = side.agreed
        for criterion in side.criteria:
            agreed = form.agreed[criterion.id]
            row = side.moderated.get(criterion.id)
            if agreed.score is None:
                if row is not None:
                    await self.db.delete(row)
                continue
            if row is None:
                row = ModeratedScore(
                    id=new_id(),
                    council_id=application.council_id,
                    application_id=application.id,
                    criterion_id=criterion.id,
                )
                self.db.add(row)
            row.score, row.feedback = agreed.score, agreed.feedback
            row.moderated_by_user_id, row.updated_at = principal.user_id, now
        await self.db.flush()
        if is_final:
            await self._finish(principal, side)
        after = {key: agreed.score for key, agreed in form.agreed.items() if agreed.score is not None}
        audit.record(
            self.db,
            principal,
            "providers.moderate_application",
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            before={"scores": {str(key): score for key, score in before.items()}},
            after={"scores": {str(key): score for key, score in after.items()}, "status": application.status},
        )
        return application

    async def _finish(self, principal: Principal, side: Side) -> None:
        application = side.application
        agreed = (await self.desk.moderated([application.id])).get(application.id, {})
        scores = {criterion_id: row.score for criterion_id, row in agreed.items()}
        for row, lot in side.lots:
            row.score_percent = lot_result(lot, side.criteria, scores).percent
        application.moderated_by_user_id = principal.user_id
        application.moderated_at = self.clock.now()
        APPLICATION.move(self.db, application, ApplicationStatus.MODERATED, by=principal.user_id)
        await self.db.flush()
        publish(self.db, moved(application))

    async def reopen(self, principal: Principal, application_id: UUID, reason: str) -> Application:
        """Take an application back from its decision to moderation: an agreed score is to change.

        Raises:
            NotFound: Another council's application.
            StepRefused: It does not wait for its decision.
            HasInterest: As for `side`.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        application = await self.desk.find_sent(principal.council_id, application_id, locked=True)
        evaluations = await self.evaluations.of_application(application)
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.reopen_moderation")
        APPLICATION.move(self.db, application, ApplicationStatus.EVALUATING, by=principal.user_id, why=reason)
        await self.db.flush()
        publish(self.db, moved(application))
        audit.record(
            self.db,
            principal,
            "providers.reopen_moderation",
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            before={"status": ApplicationStatus.MODERATED},
            after={"status": application.status},
            why=reason,
        )
        return application
