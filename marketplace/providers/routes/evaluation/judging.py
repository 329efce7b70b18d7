"""Pages on which scores are agreed and applications are decided, one at a time or together."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.providers.models import LotOutcome
from marketplace.providers.repository.evaluation import DeskRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.service.evaluation.decisions import DecisionService
from marketplace.providers.service.evaluation.forms import (
    REFUSED_FOR,
    BulkForm,
    DecisionForm,
    RefusalForm,
    WhyForm,
)
from marketplace.providers.service.evaluation.moderation import ModerationService, Side
from marketplace.providers.service.evaluation.rules import LEAST_REASON_WORDS, SCORES, of_lot
from marketplace.providers.states import ApplicationStatus

ONE = "/accreditation/applications/{application_id:str}"


class JudgingController(Controller):
    """Moderation and decisions."""

    path = "/"

    @get(f"{ONE}/moderation", permission=Permission.APPLICATIONS_DECIDE)
    async def moderation(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template:
        """Show both evaluators' scores side by side, with what is agreed on."""
        return await _moderation_page(db, principal, id_of(application_id), None, {})

    @post(f"{ONE}/moderation", permission=Permission.APPLICATIONS_DECIDE)
    async def moderate(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep what is agreed on, for later or as the result."""
        found, is_final = id_of(application_id), data.get("then") == "finish"

        async def act() -> str:
            await ModerationService(db).save(principal, found, data, is_final=is_final)
            flash(request, "Scores agreed. The application waits for its decision" if is_final else "Saved for later")
            return f"/accreditation/applications/{found}{'' if is_final else '/moderation'}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _moderation_page(db, principal, found, typed(data), error.fields)

    @post(f"{ONE}/reopen", permission=Permission.APPLICATIONS_DECIDE)
    async def reopen(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take it back to moderation."""
        found = id_of(application_id)

        async def act() -> str:
            await ModerationService(db).reopen(principal, found, WhyForm.read(data).reason)
            flash(request, "The scores can be changed again")
            return f"/accreditation/applications/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _decision_page(db, principal, found, typed(data), error.fields)

    @get(f"{ONE}/decision", permission=Permission.APPLICATIONS_DECIDE)
    async def decision(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template:
        """Show what a decision rests on, and the form for it."""
        return await _decision_page(db, principal, id_of(application_id), None, {})

    @post(f"{ONE}/decision", permission=Permission.APPLICATIONS_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Decide about every lot. The applicant is told."""
        found = id_of(application_id)

        async def act() -> str:
            rows = (await DeskRepository(db).lots([found])).get(found, [])
            lots = {lot.id: f"lot {lot.code} {lot.name}" for row, lot in rows if row.outcome is not LotOutcome.AWARDED}
            row = await DecisionService(db).decide(principal, found, DecisionForm.read(data, lots))
            is_awarded = row.status is ApplicationStatus.AWARDED
            flash(request, "Awarded. The agreement is offered" if is_awarded else "Refused. The applicant is told why")
            return f"/accreditation/applications/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _decision_page(db, principal, found, typed(data), error.fields)

    @get(f"{ONE}/refusal", permission=Permission.APPLICATIONS_DECIDE)
    async def refusal(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template:
        """Show the form to refuse it without scoring."""
        return await _refusal_page(db, principal, id_of(application_id), {}, {})

    @post(f"{ONE}/refusal", permission=Permission.APPLICATIONS_DECIDE)
    async def refuse(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Refuse it without scoring."""
        found = id_of(application_id)

        async def act() -> str:
            application = await DeskRepository(db).find_sent(principal.council_id, found)
            form = RefusalForm.read(data, is_late=application.is_late)
            await DecisionService(db).refuse_unscored(principal, found, form)
            flash(request, "Refused. The applicant is told why")
            return f"/accreditation/applications/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _refusal_page(db, principal, found, typed(data), error.fields)

    @get("/accreditation/decisions", permission=Permission.APPLICATIONS_DECIDE)
    async def together(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: Annotated[str | None, QueryParameter(name="round", max_length=100)] = None,
    ) -> Template:
        """Show what the pass marks say about a round's applications that wait for their decision."""
        found = parse_id(round_id) if round_id else None
        if found is None:
            raise BadRequest
        return await _together_page(db, principal, found, {}, {})

    @post("/accreditation/decisions/{round_id:str}", permission=Permission.APPLICATIONS_DECIDE)
    async def decide_together(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Decide about the chosen ones as the pass marks say."""
        found = id_of(round_id)

        async def act() -> str:
            decided = await DecisionService(db).decide_together(principal, found, BulkForm.read(data))
            words = f"{plural(decided.done, 'application')} decided. The applicants are told"
            if decided.left:
                words += f". {decided.left} had changed in the meantime and were left as they are"
            flash(request, words)
            return f"/accreditation/applications?round={found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _together_page(db, principal, found, typed(data), error.fields)


def bars(side: Side) -> list[dict[str, Any]]:
    """Return what is drawn for each lot: the agreed scores, the total, the pass marks and what is short."""
    drawn = []
    for lot_row, lot in side.lots:
        result = side.result(lot)
        counted = of_lot(side.criteria, lot)
        agreed = side.agreed
        drawn.append(
            {
                "lot": lot,
                "row": lot_row,
                "result": result,
                # That the whole is too low is said beside the pass mark.
                "below": result.short_of[1:]
                if result.percent is not None and result.percent < lot.pass_percent
                else result.short_of,
                "table": [
                    (
                        item.title,
                        f"{item.weight_percent}%",
                        item.pass_score or "None",
                        agreed.get(item.id, "–"),
                    )
                    for item in counted
                ],
            }
        )
    return drawn


async def _moderation_page(
    db: AsyncSession, principal: Principal, application_id: UUID, values: FormData | None, errors: dict[str, str]
) -> Template:
    side = await ModerationService(db).side(principal, application_id)
    if values is None:
        values = {}
        for criterion in side.criteria:
            row = side.moderated.get(criterion.id)
            values[f"score-{criterion.id}"] = str(row.score) if row else ""
            values[f"feedback-{criterion.id}"] = row.feedback if row else ""
    answers = {
        item.get("criterion_id"): item.get("words", "")
        for item in (side.application.submitted or {}).get("answers", [])
    }
    context = {
        "side": side,
        "answers": answers,
        "options": [(str(score), f"{score} – {word}") for score, (word, _) in SCORES.items()],
        "scores": SCORES,
        "bars": bars(side),
        "is_open": side.application.status is ApplicationStatus.EVALUATING,
        "least_words": LEAST_REASON_WORDS,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/moderation.html", context=context, status_code=422 if errors else 200)


async def _decision_page(
    db: AsyncSession, principal: Principal, application_id: UUID, values: FormData | None, errors: dict[str, str]
) -> Template:
    side, why_not = await DecisionService(db).page(principal, application_id)
    drawn = bars(side)
    if values is None:
        values = {"feedback": side.application.feedback}
        for bar in drawn:
            passed = bar["result"].is_passed
            values[f"outcome-{bar['lot'].id}"] = LotOutcome.AWARDED.value if passed else LotOutcome.REFUSED.value
            values[f"reason-{bar['lot'].id}"] = " ".join(bar["result"].short_of)
    context = {
        "side": side,
        "row": side.application,
        "bars": drawn,
        "why_not": why_not,
        "is_open": side.application.status is ApplicationStatus.MODERATED,
        "has_scores": bool(side.moderated) or not side.criteria,
        "awarded": LotOutcome.AWARDED,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/decision.html", context=context, status_code=422 if errors else 200)


async def _refusal_page(
    db: AsyncSession, principal: Principal, application_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    desk = DeskRepository(db)
    application = await desk.find_sent(principal.council_id, application_id)
    grounds = list(REFUSED_FOR.items()) if application.is_late else [("ineligible", REFUSED_FOR["ineligible"])]
    context = {
        "row": application,
        "organisation": await desk.organisation(application.organisation_id),
        "grounds": grounds,
        "is_open": application.status is ApplicationStatus.SUBMITTED,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/refusal.html", context=context, status_code=422 if errors else 200)


async def _together_page(
    db: AsyncSession, principal: Principal, round_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    proposals = await DecisionService(db).proposals(principal, round_id)
    context = {
        "round": await FrameworkRepository(db).round(round_id),
        "open_ones": [item for item in proposals if not item.why_not],
        "closed_ones": [item for item in proposals if item.why_not],
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/together.html", context=context, status_code=422 if errors else 200)
