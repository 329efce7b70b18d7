"""One evaluator's part: interests first, then a score and a comment for each answer, unseen by the other (C1)."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import HasInterest
from marketplace.providers.events import EvaluationsComplete, EvaluatorStoodDown
from marketplace.providers.models import (
    Application,
    ApplicationLot,
    Criterion,
    Evaluation,
    EvaluationScore,
    Lot,
    Organisation,
    Round,
)
from marketplace.providers.repository.evaluation import DeskRepository, EvaluationRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.evaluation.assigning import AssigningService
from marketplace.providers.service.evaluation.fairness import Fairness
from marketplace.providers.service.evaluation.forms import InterestForm, ScoreForm
from marketplace.providers.service.evaluation.rules import are_all_sent, scored
from marketplace.providers.states import EVALUATION, ApplicationStatus, EvaluationStatus


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluator works on. Before interests are declared it holds no more than who applies for what."""

    evaluation: Evaluation
    application: Application
    organisation: Organisation
    round: Round
    lots: list[tuple[ApplicationLot, Lot]]
    criteria: list[Criterion]
    """What is to be scored; empty until interests are declared."""
    scores: dict[UUID, EvaluationScore]
    """The evaluator's own scores by criterion."""

    @property
    def missing(self) -> list[Criterion]:
        """What has no score yet."""
        return [criterion for criterion in self.criteria if criterion.id not in self.scores]

    def answer(self, criterion: Criterion) -> dict[str, Any]:
        """Return the answer as it was sent in; empty when there is none."""
        answers = (self.application.submitted or {}).get("answers", [])
        found = (item for item in answers if item.get("criterion_id") == str(criterion.id))
        return next(found, {})


class ScoringService:
    """Reads and writes the principal's own evaluations. Nobody reads another's here, whatever their role."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.desk = DeskRepository(db)
        self.evaluations = EvaluationRepository(db)
        self.fairness = Fairness(db)

    async def own(self, principal: Principal) -> Sequence[Row[Evaluation, Application, str, Round]]:
        """Return what the user was asked to score, newest first."""
        principal.require(Permission.APPLICATIONS_SCORE)
        return await self.evaluations.own(principal.council_id, principal.user_id)

    async def sheet(self, principal: Principal, evaluation_id: UUID) -> Sheet:
        """Return the user's own sheet.

        Raises:
            NotFound: Somebody else's evaluation, or another council's.
        """
        principal.require(Permission.APPLICATIONS_SCORE)
        row = await self._own(principal, evaluation_id)
        application = await self.desk.find_sent(principal.council_id, row.application_id)
        round_, version, _ = await self.desk.round_of(application)
        lots = (await self.desk.lots([application.id])).get(application.id, [])
        criteria: list[Criterion] = []
        scores: dict[UUID, EvaluationScore] = {}
        if row.status in (EvaluationStatus.SCORING, EvaluationStatus.SUBMITTED):
            asked = await FrameworkRepository(self.db).criteria(version.id, [lot.id for _, lot in lots])
            criteria = scored(asked)
            scores = (await self.evaluations.scores([row.id])).get(row.id, {})
        return Sheet(
            evaluation=row,
            application=application,
            organisation=await self.desk.organisation(application.organisation_id),
            round=round_,
            lots=lots,
            criteria=criteria,
            scores=scores,
        )

    async def declare(self, principal: Principal, evaluation_id: UUID, form: InterestForm) -> Evaluation:
        """Take what an evaluator declares. Nothing to declare opens the application; an interest stands them down.

        An interest may also come to light while scoring: it is declared in the same way, until the scores are sent.

        Raises:
            NotFound: Somebody else's evaluation.
            StepRefused: The scores are sent, or the evaluator stood down before.
            HasInterest: They say that there is nothing, but work or worked for the applicant; an audit row stays.
        """
        principal.require(Permission.APPLICATIONS_SCORE)
        application, row = await self._locked(principal, evaluation_id)
        self._refuse_late(application, row, (EvaluationStatus.ASSIGNED, EvaluationStatus.SCORING))
        if not form.interest:
            tied = await self.fairness.tied(principal, application.organisation_id, {principal.user_id})
            if tied:
                why = "You work or have worked for this organisation. Go back and say what your interest is."
                await self.fairness.note(principal, application, "providers.declare_interest", why)
                raise HasInterest(why)
            if row.status is EvaluationStatus.SCORING:
                raise StepRefused("You have said already that you have no interest.")
        before = row.status
        row.declared_at = self.clock.now()
        row.interest = form.interest
        to = EvaluationStatus.STOOD_DOWN if form.interest else EvaluationStatus.SCORING
        why = "Declared an interest" if form.interest else "Declared no interest"
        EVALUATION.move(self.db, row, to, by=principal.user_id, why=why)
        await self.db.flush()
        if form.interest:
            publish(
                self.db,
                EvaluatorStoodDown(council_id=row.council_id, evaluation_id=row.id, application_id=application.id),
            )
        audit.record(
            self.db,
            principal,
            "providers.declare_interest",
            council_id=row.council_id,
            subject_kind="evaluation",
            subject_id=row.id,
            before={"status": before},
            after={"status": row.status, "interest": row.interest},
            why=form.interest,
        )
        return row

    async def score(
        self, principal: Principal, evaluation_id: UUID, criterion_id: UUID, form: ScoreForm
    ) -> UUID | None:
        """Keep a score with its comment; it may be changed until all are sent.

        Returns:
            The next criterion without a score, in the order of the specification, or None.

        Raises:
            NotFound: Somebody else's evaluation, or a criterion that is not scored here.
            StepRefused: The scores are sent, or the application moved on.
        """
        principal.require(Permission.APPLICATIONS_SCORE)
        application, row = await self._locked(principal, evaluation_id)
        self._refuse_late(application, row, (EvaluationStatus.SCORING,))
        sheet = await self.sheet(principal, row.id)
        places = [criterion.id for criterion in sheet.criteria]
        if criterion_id not in places:
            raise NotFound
        kept = sheet.scores.get(criterion_id)
        is_new = kept is None
        if kept is None:
            kept = EvaluationScore(
                id=new_id(), council_id=row.council_id, evaluation_id=row.id, criterion_id=criterion_id
            )
            self.db.add(kept)
        kept.score, kept.comment, kept.updated_at = form.score, form.comment, self.clock.now()
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.score_answer",
            council_id=row.council_id,
            subject_kind="evaluation",
            subject_id=row.id,
            # No score and no words: the log may be read by the other evaluator.
            after={"criterion_id": criterion_id, "is_new": is_new},
        )
        at = places.index(criterion_id)
        open_ones = {criterion.id for criterion in sheet.missing} - {criterion_id}
        return next((item for item in (*places[at + 1 :], *places[:at]) if item in open_ones), None)

    async def send(self, principal: Principal, evaluation_id: UUID) -> Evaluation:
        """Send the scores. They cannot be changed after that; when it is the last evaluator, the lead is told.

        Raises:
            NotFound: Somebody else's evaluation.
            InvalidInput: A score is missing.
            StepRefused: They are sent already, or the application moved on.
        """
        principal.require(Permission.APPLICATIONS_SCORE)
        application, row = await self._locked(principal, evaluation_id)
        self._refuse_late(application, row, (EvaluationStatus.SCORING,))
        sheet = await self.sheet(principal, row.id)
        if sheet.missing:
            titles = ", ".join(f"“{criterion.title}”" for criterion in sheet.missing)
            raise InvalidInput({"form": f"Score these answers first: {titles}"})
        row.submitted_at = self.clock.now()
        EVALUATION.move(self.db, row, EvaluationStatus.SUBMITTED, by=principal.user_id)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.send_scores",
            council_id=row.council_id,
            subject_kind="evaluation",
            subject_id=row.id,
            # The print proves what was sent and tells nobody what it is.
            after={"answers": len(sheet.scores), "print": print_of(sheet.scores)},
        )
        needed = await AssigningService(self.db).needed(row.council_id)
        if are_all_sent(await self.evaluations.of_application(application), needed):
            publish(self.db, EvaluationsComplete(council_id=row.council_id, application_id=application.id))
        return row

    async def _own(self, principal: Principal, evaluation_id: UUID, *, locked: bool = False) -> Evaluation:
        return await self.evaluations.one(
            self.evaluations.of(principal.council_id).where(
                Evaluation.id == evaluation_id, Evaluation.evaluator_user_id == principal.user_id
            ),
            locked=locked,
        )

    async def _locked(self, principal: Principal, evaluation_id: UUID) -> tuple[Application, Evaluation]:
        # Parent before child: two evaluators who send at once wait for each other, so exactly one of them is the last.
        row = await self._own(principal, evaluation_id)
        application = await self.desk.find_sent(principal.council_id, row.application_id, locked=True)
        return application, await self._own(principal, evaluation_id, locked=True)

    def _refuse_late(self, application: Application, row: Evaluation, allowed: tuple[EvaluationStatus, ...]) -> None:
        if row.status is EvaluationStatus.SUBMITTED:
            raise StepRefused("You have sent your scores. They can no longer be changed.")
        if row.status is EvaluationStatus.STOOD_DOWN:
            raise StepRefused("You no longer score this application.")
        if row.status not in allowed:
            raise StepRefused("First say whether you have an interest in this application.")
        if application.status is not ApplicationStatus.EVALUATING:
            raise StepRefused("This application is no longer being scored.")


def print_of(scores: Mapping[UUID, EvaluationScore]) -> str:
    """Return the SHA-256 over scores and comments, in hexadecimal: the same for the same content."""
    content = {str(key): [row.score, row.comment] for key, row in scores.items()}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
