"""Decisions about applications: by lot, with reasons, one at a time or a round's together (C1, C2, V5)."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.outbox import publish
from marketplace.providers.errors import AlreadyDecided, HasInterest, SameHand
from marketplace.providers.models import Application, Evaluation, Lot, LotOutcome
from marketplace.providers.repository.evaluation import DeskRepository, EvaluationRepository, Wanted
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.agreements import AgreementService
from marketplace.providers.service.evaluation.assigning import moved
from marketplace.providers.service.evaluation.fairness import Fairness
from marketplace.providers.service.evaluation.forms import (
    REFUSED_FOR,
    BulkForm,
    DecisionForm,
    LotDecision,
    RefusalForm,
)
from marketplace.providers.service.evaluation.moderation import ModerationService, Side
from marketplace.providers.service.evaluation.rules import LotResult, lot_result, scored
from marketplace.providers.states import APPLICATION, ApplicationStatus

MOST_TOGETHER = 100
"""Applications that a page decides together."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What the pass marks say about an application that waits for its decision."""

    application: Application
    organisation_name: str
    lots: list[tuple[Lot, LotResult]]
    """The lots that wait for a decision."""
    why_not: str
    """Why the principal may not decide about it; empty when they may."""


class Decided(msgspec.Struct, frozen=True):
    """What became of a decision about several."""

    done: int
    left: int
    """How many somebody else decided or changed in the meantime, or may not be decided by this person."""


class DecisionService:
    """Awards and refuses."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.desk = DeskRepository(db)
        self.evaluations = EvaluationRepository(db)
        self.fairness = Fairness(db)

    async def page(self, principal: Principal, application_id: UUID) -> tuple[Side, str]:
        """Return what a decision rests on, and why the principal may not take it, which is empty when they may.

        Raises:
            NotFound, ScoresUnseen, HasInterest: As for moderation.
        """
        side = await ModerationService(self.db).side(principal, application_id)
        if all(row.evaluator_user_id != principal.user_id for row in side.evaluations):
            return side, ""
        return side, await self.fairness.why_not_decide(principal, side.application, side.evaluations)

    async def decide(self, principal: Principal, application_id: UUID, form: DecisionForm) -> Application:
        """Decide about every lot that waits. What is awarded is offered as an agreement; the applicant is told.

        Lots that were awarded before an appeal stay awarded.

        Raises:
            NotFound: Another council's application.
            AlreadyDecided: Somebody else decided, or changed the scores, since the page was opened; an audit row stays.
            HasInterest, SameHand: The principal may not decide about it; an audit row stays.
            InvalidInput: A lot without a decision, or an award to a lot that did not reach its pass marks.
        """
        application, evaluations = await self._locked(principal, application_id, form.seen_version)
        await self.fairness.refuse_own_scores(principal, application, evaluations)
        if application.status is not ApplicationStatus.MODERATED:
            raise await self._too_late(principal, application)
        return await self._decide(principal, application, form)

    async def _locked(
        self, principal: Principal, application_id: UUID, seen_version: int | None
    ) -> tuple[Application, Sequence[Evaluation]]:
        principal.require(Permission.APPLICATIONS_DECIDE)
        application = await self.desk.find_sent(principal.council_id, application_id, locked=True)
        evaluations = await self.evaluations.of_application(application)
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.decide_application")
        if seen_version is not None and seen_version != application.version:
            raise await self._too_late(principal, application)
        return application, evaluations

    async def _too_late(self, principal: Principal, application: Application) -> AlreadyDecided:
        words = {
            ApplicationStatus.AWARDED: "Somebody else awarded it in the meantime.",
            ApplicationStatus.REFUSED: "Somebody else refused it in the meantime.",
            ApplicationStatus.WITHDRAWN: "The applicant took it back in the meantime.",
        }.get(application.status, "Somebody else changed it in the meantime.")
        why = f"{words} Nothing of what you sent was kept. Open the application again to see how it stands."
        await self.fairness.note(principal, application, "providers.decide_application", why, application.status.value)
        return AlreadyDecided(why)

    async def _decide(self, principal: Principal, application: Application, form: DecisionForm) -> Application:
        lots = (await self.desk.lots([application.id]))[application.id]
        _, version, _ = await self.desk.round_of(application)
        criteria = scored(await FrameworkRepository(self.db).criteria(version.id, [lot.id for _, lot in lots]))
        moderated = (await self.desk.moderated([application.id])).get(application.id, {})
        agreed = {criterion_id: row.score for criterion_id, row in moderated.items()}
        before = {str(lot.id): row.outcome for row, lot in lots}
        wrong: dict[str, str] = {}
        new: list[Lot] = []
        for row, lot in lots:
            if row.outcome is LotOutcome.AWARDED:
                continue
            decision = form.lots.get(lot.id)
            result = lot_result(lot, criteria, agreed)
            if decision is None:
                wrong[f"outcome-{lot.id}"] = f"Select what you decide about lot {lot.code} {lot.name}"
            elif decision.outcome is LotOutcome.AWARDED and not result.is_passed:
                wrong[f"outcome-{lot.id}"] = f"Lot {lot.code} cannot be awarded. {result.short_of[0]}"
            else:
                row.outcome, row.reason, row.score_percent = decision.outcome, decision.reason, result.percent
                if decision.outcome is LotOutcome.AWARDED:
                    new.append(lot)
        if wrong:
            raise InvalidInput(wrong)
        awarded = [lot for row, lot in lots if row.outcome is LotOutcome.AWARDED]
        to = ApplicationStatus.AWARDED if awarded else ApplicationStatus.REFUSED
        await self._close(principal, application, to, form.feedback, before={"lots": before})
        if new:
            await AgreementService(self.db).offer(principal, application, awarded)
        return application

    async def _close(
        self,
        principal: Principal,
        application: Application,
        to: ApplicationStatus,
        feedback: str,
        *,
        before: dict[str, object],
        why: str = "",
    ) -> None:
        was = application.status
        application.feedback = feedback
        application.decided_by_user_id, application.decided_at = principal.user_id, self.clock.now()
        APPLICATION.move(self.db, application, to, by=principal.user_id, why=why)
        await self.db.flush()
        publish(self.db, moved(application))
        lots = (await self.desk.lots([application.id]))[application.id]
        audit.record(
            self.db,
            principal,
            "providers.decide_application",
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            before={"status": was, **before},
            after={
                "status": to,
                "lots": {
                    str(lot.id): {"outcome": row.outcome, "percent": row.score_percent, "reason": row.reason}
                    for row, lot in lots
                },
                "feedback": feedback,
            },
            why=why,
        )

    async def refuse_unscored(self, principal: Principal, application_id: UUID, form: RefusalForm) -> Application:
        """Refuse an application before anybody scores it: it came late without a good reason, or is not eligible.

        Raises:
            NotFound: Another council's application.
            AlreadyDecided: It is decided or being scored already; an audit row stays.
            HasInterest: The principal works or worked for the applicant; an audit row stays.
            InvalidInput: "Late" for an application that came in time.
        """
        application, _ = await self._locked(principal, application_id, form.seen_version)
        if application.status is not ApplicationStatus.SUBMITTED:
            raise await self._too_late(principal, application)
        if form.ground == "late" and not application.is_late:
            raise InvalidInput({"ground": "This application came in time"})
        why = f"{REFUSED_FOR[form.ground]}. {form.reason}"
        for row, _ in (await self.desk.lots([application.id])).get(application.id, []):
            row.outcome, row.reason = LotOutcome.REFUSED, why
        await self._close(principal, application, ApplicationStatus.REFUSED, "", before={}, why=why)
        return application

    async def proposals(self, principal: Principal, round_id: UUID) -> list[Proposal]:
        """Return what the pass marks say about each application of a round that waits for its decision.

        Raises:
            NotFound: Another council's round.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        round_ = await FrameworkRepository(self.db).round(round_id)
        if round_.council_id != principal.council_id:
            raise NotFound
        wanted = Wanted(round_id=round_id, status=ApplicationStatus.MODERATED)
        rows = await self.desk.page(principal.council_id, wanted, limit=MOST_TOGETHER)
        ids = [application.id for application, _, _ in rows]
        lots, moderated = await self.desk.lots(ids), await self.desk.moderated(ids)
        named = await self.evaluations.of_applications(ids)
        criteria = scored(await FrameworkRepository(self.db).criteria(round_.version_id))
        cases = [(application, [row for row, _ in named.get(application.id, [])]) for application, _, _ in rows]
        why_not = await self.fairness.why_not_each(principal, cases)
        found = []
        for application, organisation, _ in rows:
            agreed = {key: row.score for key, row in moderated.get(application.id, {}).items()}
            found.append(
                Proposal(
                    application=application,
                    organisation_name=organisation.name,
                    lots=[
                        (lot, lot_result(lot, criteria, agreed))
                        for row, lot in lots.get(application.id, [])
                        if row.outcome is not LotOutcome.AWARDED
                    ],
                    why_not=why_not[application.id],
                )
            )
        return found

    async def decide_together(self, principal: Principal, round_id: UUID, form: BulkForm) -> Decided:
        """Award the lots of the chosen applications that reached their pass marks and refuse the others, with reasons.

        What somebody else decided or changed in the meantime is left as it is, with an audit row.

        Raises:
            NotFound: Another council's round, or an application that is not of it.
        """
        proposals = {item.application.id: item for item in await self.proposals(principal, round_id)}
        done = 0
        for application_id in sorted(form.wanted):
            item = proposals.get(application_id)
            if item is None:
                application = await self.desk.find_sent(principal.council_id, application_id)
                if application.round_id != round_id:
                    raise NotFound
                await self._too_late(principal, application)
                continue
            try:
                await self.decide(principal, application_id, self._proposed(item, form))
            except (AlreadyDecided, HasInterest, SameHand):
                continue
            done += 1
        return Decided(done, len(form.wanted) - done)

    @staticmethod
    def _proposed(item: Proposal, form: BulkForm) -> DecisionForm:
        lots = {
            lot.id: LotDecision(
                LotOutcome.AWARDED if result.is_passed else LotOutcome.REFUSED, " ".join(result.short_of)
            )
            for lot, result in item.lots
        }
        return DecisionForm(lots, form.feedback, form.wanted[item.application.id])
