"""Pages of the list of applications and of one application, and who scores it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.providers.repository.evaluation import DeskRepository, Wanted
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.service.evaluation.assigning import OPEN, AssigningService
from marketplace.providers.service.evaluation.desk import (
    AGREEMENT_LABELS,
    APPEAL_LABELS,
    EVALUATION_LABELS,
    STATUS_LABELS,
    DeskService,
    Whole,
)
from marketplace.providers.service.evaluation.forms import ChooseForm, WhyForm
from marketplace.providers.service.evaluation.rules import SCORES, scored
from marketplace.providers.service.frameworks.rounds import STATE_LABELS, round_state
from marketplace.providers.states import ApplicationStatus

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ApplicationDeskController(Controller):
    """Applications as a council works on them."""

    path = "/accreditation/applications"

    @get("/", permission=Permission.APPLICATIONS_READ)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: Annotated[str | None, QueryParameter(name="round", max_length=100)] = None,
        status: Annotated[str | None, QueryParameter(name="status", max_length=40)] = None,
        lot: Annotated[str | None, QueryParameter(name="lot", max_length=100)] = None,
        late: Annotated[str | None, QueryParameter(name="late", max_length=5)] = None,
        after: Annotated[str | None, QueryParameter(name="after", max_length=100)] = None,
    ) -> Template:
        """List them with filters, counts and what each waits for."""
        wanted = _wanted(round_id, status, lot, late)
        desk = await DeskService(db).page(principal, wanted, _key(after))
        repository = DeskRepository(db)
        rounds = await repository.rounds(principal.council_id)
        lots = await repository.lots_applied_for(principal.council_id, wanted.round_id)
        values = {"round": round_id or "", "status": status or "", "lot": lot or "", "late": late or ""}
        chosen = {name: value for name, value in values.items() if value}
        last = desk.lines[-1].application if desk.lines else None
        older = ""
        if desk.has_more and last is not None and last.submitted_at is not None:
            key = f"{(last.submitted_at - EPOCH) // timedelta(microseconds=1)}_{last.id}"
            older = f"/accreditation/applications?{urlencode({**chosen, 'after': key})}"
        context = {
            "lines": desk.lines,
            "counts": [
                (item.value, words, desk.counts.get(item, 0), _address({**chosen, "status": item.value}))
                for item, words in STATUS_LABELS.items()
            ],
            "labels": STATUS_LABELS,
            "total": sum(desk.counts.values()),
            "rounds": [(str(row.id), f"{framework.name}: {row.name}") for row, framework in rounds],
            "states": [(item.value, words) for item, words in STATUS_LABELS.items()],
            "lots": [(str(row.id), f"{row.code} {row.name} (version {number})") for row, number in lots],
            "values": values,
            "errors": {},
            "is_filtered": bool(chosen),
            "is_first": after is None,
            "older": older,
            "csv": f"/accreditation/applications/export.csv{'?' + urlencode(chosen) if chosen else ''}",
            "bulk": f"/accreditation/decisions?round={wanted.round_id}"
            if wanted.round_id and desk.counts.get(ApplicationStatus.MODERATED)
            else "",
            "may_decide": principal.may(Permission.APPLICATIONS_DECIDE),
        }
        return Template("providers/evaluation/applications.html", context=context)

    @get("/export.csv", permission=Permission.APPLICATIONS_READ)
    async def export(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round_id: Annotated[str | None, QueryParameter(name="round", max_length=100)] = None,
        status: Annotated[str | None, QueryParameter(name="status", max_length=40)] = None,
        lot: Annotated[str | None, QueryParameter(name="lot", max_length=100)] = None,
        late: Annotated[str | None, QueryParameter(name="late", max_length=5)] = None,
    ) -> Response[bytes]:
        """Download the list with the same filters."""
        text = await DeskService(db).export(principal, _wanted(round_id, status, lot, late))
        name = f"applications-{principal.council_slug}-{today(clock_of(db)).isoformat()}.csv"
        return Response(
            text.encode("utf-8-sig"),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @get("/{application_id:str}", permission=Permission.APPLICATIONS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Show one application; whoever is to score it declares their interests first."""
        service = DeskService(db)
        whole = await service.show(principal, id_of(application_id))
        own = await service.undeclared(principal, whole.application.id)
        if own is not None:
            return Redirect(f"/accreditation/scoring/{own}", status_code=303)
        return Template("providers/evaluation/application.html", context=_context(db, principal, whole))

    @get("/{application_id:str}/evaluators", permission=Permission.APPLICATIONS_DECIDE)
    async def evaluators(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template:
        """Show who scores it and who may be asked."""
        return await _evaluators_page(db, principal, id_of(application_id), {}, {})

    @post("/{application_id:str}/evaluators", permission=Permission.APPLICATIONS_DECIDE)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask people to score it."""
        found = id_of(application_id)

        async def act() -> str:
            service = AssigningService(db)
            whole = await DeskService(db).show(principal, found)
            candidates = await service.candidates(principal, [row for row, _ in whole.evaluators])
            form = ChooseForm.read(data, candidates, whole.missing_evaluators)
            await service.choose(principal, found, form)
            flash(request, "Evaluators asked. Each of them gets a message")
            return f"/accreditation/applications/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _evaluators_page(db, principal, found, typed(data), error.fields)

    @post("/{application_id:str}/evaluators/{evaluation_id:str}", permission=Permission.APPLICATIONS_DECIDE)
    async def take_off(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        evaluation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take an evaluator off it."""
        found, evaluation = id_of(application_id), id_of(evaluation_id)

        async def act() -> str:
            form = WhyForm.read(data, "the reason for taking them off")
            await AssigningService(db).take_off(principal, found, evaluation, form.reason)
            flash(request, "Taken off. Choose somebody else")
            return f"/accreditation/applications/{found}/evaluators"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            errors = {f"reason-{evaluation}": message for message in error.fields.values()}
            return await _evaluators_page(db, principal, found, typed(data), errors)


def _address(values: dict[str, str]) -> str:
    return f"/accreditation/applications?{urlencode(values)}"


def _wanted(round_id: str | None, state: str | None, lot: str | None, late: str | None) -> Wanted:
    """Read the filters.

    Raises:
        BadRequest: One of them makes no sense.
    """
    try:
        status = ApplicationStatus(state) if state else None
    except ValueError:
        raise BadRequest from None
    if late not in (None, "", "yes", "no"):
        raise BadRequest
    return Wanted(_filter_id(round_id), status, _filter_id(lot), {"yes": True, "no": False}.get(late or ""))


def _filter_id(text: str | None) -> UUID | None:
    found = parse_id(text) if text else None
    if text and found is None:
        raise BadRequest
    return found


def _key(text: str | None) -> tuple[datetime, UUID] | None:
    """Read the key of a page: an instant in microseconds since 1970 and an id.

    Raises:
        BadRequest: It is none.
    """
    if not text:
        return None
    micros, _, row = text.partition("_")
    row_id = parse_id(row)
    if row_id is None or not (micros.isascii() and micros.isdecimal() and len(micros) <= 17):
        raise BadRequest
    return EPOCH + timedelta(microseconds=int(micros)), row_id


def _context(db: AsyncSession, principal: Principal, whole: Whole) -> dict[str, Any]:
    row = whole.application
    return {
        "whole": whole,
        "row": row,
        "state_words": STATUS_LABELS[row.status],
        "evaluation_labels": EVALUATION_LABELS,
        "agreement_labels": AGREEMENT_LABELS,
        "appeal_labels": APPEAL_LABELS,
        "round_words": STATE_LABELS[round_state(whole.round, clock_of(db).now())],
        "shown_hash": row.submitted_hash.hex() if row.submitted_hash else "",
        "lot_names": {str(lot.id): f"{lot.code} {lot.name}" for _, lot in whole.lots},
        "scores": SCORES,
        "may_decide": principal.may(Permission.APPLICATIONS_DECIDE),
        "may_choose": principal.may(Permission.APPLICATIONS_DECIDE) and row.status in OPEN,
        "statuses": ApplicationStatus,
        "own_evaluation": next(
            (item.id for item, _ in whole.evaluators if item.evaluator_user_id == principal.user_id), None
        ),
    }


async def _evaluators_page(
    db: AsyncSession, principal: Principal, application_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    whole = await DeskService(db).show(principal, application_id)
    service = AssigningService(db)
    candidates = await service.candidates(principal, [row for row, _ in whole.evaluators])
    criteria = await FrameworkRepository(db).criteria(whole.version.id, [lot.id for _, lot in whole.lots])
    context = {
        **_context(db, principal, whole),
        "candidates": [(str(user_id), name) for user_id, name in candidates.items()],
        "answers_to_score": len(scored(criteria)),
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/evaluators.html", context=context, status_code=422 if errors else 200)
