"""Pages of an evaluator: what they were asked to score, their interests, one answer a page, and the end."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, typed
from marketplace.providers.repository.evaluation import EvaluationRepository
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.service.evaluation.desk import EVALUATION_LABELS, evidence_rows
from marketplace.providers.service.evaluation.forms import InterestForm, ScoreForm
from marketplace.providers.service.evaluation.rules import SCORES
from marketplace.providers.service.evaluation.scoring import ScoringService, Sheet
from marketplace.providers.states import EvaluationStatus

BASE = "/accreditation/scoring"


class ScoringController(Controller):
    """Scoring, by the one who was asked."""

    path = BASE

    @get("/", permission=Permission.APPLICATIONS_SCORE)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what the user was asked to score."""
        rows = await ScoringService(db).own(principal)
        counts = await EvaluationRepository(db).score_counts([row.id for row, _, _, _ in rows])
        items = [
            {
                "id": row.id,
                "reference": application.reference,
                "organisation": name,
                "round": round_.name,
                "decides_on": round_.decides_on,
                "status": row.status.value,
                "words": EVALUATION_LABELS[row.status],
                "scored": counts.get(row.id, 0),
            }
            for row, application, name, round_ in rows
        ]
        waiting = (EvaluationStatus.ASSIGNED.value, EvaluationStatus.SCORING.value)
        context = {
            "waiting": [item for item in items if item["status"] in waiting],
            "done": [item for item in items if item["status"] not in waiting],
        }
        return Template("providers/evaluation/scoring.html", context=context)

    @get("/{evaluation_id:str}", permission=Permission.APPLICATIONS_SCORE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], evaluation_id: FromPath[str]
    ) -> Template:
        """Ask for interests first; after that show what is to be scored and how far it is."""
        sheet = await ScoringService(db).sheet(principal, id_of(evaluation_id))
        return _sheet_page(sheet, {}, {})

    @post("/{evaluation_id:str}/interests", permission=Permission.APPLICATIONS_SCORE)
    async def declare(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evaluation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take what they declare."""
        found = id_of(evaluation_id)

        async def act() -> str:
            form = InterestForm.read(data)
            await ScoringService(db).declare(principal, found, form)
            if form.interest:
                flash(request, "Thank you. Somebody else will be asked to score this application")
                return BASE
            return f"{BASE}/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            sheet = await ScoringService(db).sheet(principal, found)
            return _sheet_page(sheet, typed(data), error.fields)

    @get("/{evaluation_id:str}/criteria/{criterion_id:str}", permission=Permission.APPLICATIONS_SCORE)
    async def criterion(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evaluation_id: FromPath[str],
        criterion_id: FromPath[str],
    ) -> Template | Redirect:
        """Show one question with its answer and the form to score it."""
        sheet = await ScoringService(db).sheet(principal, id_of(evaluation_id))
        if sheet.evaluation.status is EvaluationStatus.ASSIGNED:
            return Redirect(f"{BASE}/{sheet.evaluation.id}", status_code=303)
        return _criterion_page(sheet, id_of(criterion_id), None, {})

    @post("/{evaluation_id:str}/criteria/{criterion_id:str}", permission=Permission.APPLICATIONS_SCORE)
    async def score(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evaluation_id: FromPath[str],
        criterion_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep a score, and go on to the next answer without one or back to the list."""
        found, criterion = id_of(evaluation_id), id_of(criterion_id)

        async def act() -> str:
            following = await ScoringService(db).score(principal, found, criterion, ScoreForm.read(data))
            if following is None or data.get("then") == "list":
                return f"{BASE}/{found}"
            return f"{BASE}/{found}/criteria/{following}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            sheet = await ScoringService(db).sheet(principal, found)
            return _criterion_page(sheet, criterion, typed(data), error.fields)

    @post("/{evaluation_id:str}/send", permission=Permission.APPLICATIONS_SCORE)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evaluation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send all scores."""
        found = id_of(evaluation_id)

        async def act() -> str:
            await ScoringService(db).send(principal, found)
            flash(request, "Scores sent. Thank you")
            return f"{BASE}/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            sheet = await ScoringService(db).sheet(principal, found)
            return _sheet_page(sheet, typed(data), error.fields)


def _sheet_page(sheet: Sheet, values: FormData, errors: dict[str, str]) -> Template:
    status = sheet.evaluation.status
    context: dict[str, Any] = {
        "sheet": sheet,
        "row": sheet.evaluation,
        "application": sheet.application,
        "values": values,
        "errors": errors,
    }
    code = 422 if errors else 200
    if status is EvaluationStatus.ASSIGNED:
        return Template("providers/evaluation/interests.html", context=context, status_code=code)
    if status is EvaluationStatus.STOOD_DOWN:
        return Template("providers/evaluation/stood_down.html", context=context, status_code=code)
    submitted = sheet.application.submitted or {}
    context |= {
        "is_sent": status is EvaluationStatus.SUBMITTED,
        "tasks": [
            {
                "title": criterion.title,
                "href": f"{BASE}/{sheet.evaluation.id}/criteria/{criterion.id}",
                "status": "completed" if criterion.id in sheet.scores else "not_started",
                "hint": _hint(sheet, criterion.id, criterion.weight_percent),
            }
            for criterion in sheet.criteria
        ],
        "others": [item for item in submitted.get("answers", []) if item.get("kind") in ("eligibility", "declaration")],
        "evidence": evidence_rows(sheet.application),
    }
    return Template("providers/evaluation/sheet.html", context=context, status_code=code)


def _hint(sheet: Sheet, criterion_id: UUID, weight: int) -> str:
    kept = sheet.scores.get(criterion_id)
    given = f"You gave {kept.score}: {SCORES[kept.score][0].lower()}. " if kept else ""
    return f"{given}Counts for {weight}% of a lot"


def _criterion_page(sheet: Sheet, criterion_id: UUID, values: FormData | None, errors: dict[str, str]) -> Template:
    places = [criterion.id for criterion in sheet.criteria]
    if criterion_id not in places:
        raise NotFound
    at = places.index(criterion_id)
    criterion = sheet.criteria[at]
    kept = sheet.scores.get(criterion_id)
    if values is None:
        values = {"score": str(kept.score), "comment": kept.comment} if kept else {}
    base = f"{BASE}/{sheet.evaluation.id}/criteria"
    context = {
        "sheet": sheet,
        "row": sheet.evaluation,
        "criterion": criterion,
        "answer": sheet.answer(criterion),
        "number": at + 1,
        "total": len(places),
        "previous": f"{base}/{places[at - 1]}" if at else "",
        "following": f"{base}/{places[at + 1]}" if at + 1 < len(places) else "",
        "options": [(str(score), f"{score} – {word}", words) for score, (word, words) in SCORES.items()],
        "is_sent": sheet.evaluation.status is EvaluationStatus.SUBMITTED,
        "kept": kept,
        "scores": SCORES,
        "lots": [f"{lot.code} {lot.name}" for _, lot in sheet.lots if criterion.lot_id in (None, lot.id)],
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/criterion.html", context=context, status_code=422 if errors else 200)
