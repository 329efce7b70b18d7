"""Pages of a council's register of personal assistants, and its figures on the workforce."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, StepRefused
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.repository.pa_register import PAGE, VIEWS, PaRegisterRepository
from marketplace.providers.routes.workforce.common import day_values, need_id, page_start
from marketplace.providers.routes.workforce.pa_own import PAPER_WORDS, STATUS_WORDS
from marketplace.providers.service.status_tests import OUTCOMES as STATUS_OUTCOMES
from marketplace.providers.service.workforce.conduct import code_of
from marketplace.providers.service.workforce.figures import WorkforceFigures
from marketplace.providers.service.workforce.pa_register import OUTCOMES, PaRegisterService, last_day
from marketplace.providers.service.workforce.pa_terms import RENEW_FROM, ROUTES
from marketplace.providers.states import PaApprovalStatus

PATH = "/accreditation/pa-register"
VIEW_WORDS = {"waiting": "Waiting for you", "approved": "Approved", "ended": "No longer or not approved"}


class PaRegisterController(Controller):
    """Approvals of the own council."""

    path = PATH

    @get("/", permission=Permission.WORKFORCE_DECIDE)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """Show one of the lists."""
        view = view or "waiting"
        if view not in VIEWS:
            raise BadRequest
        repository, day = PaRegisterRepository(db), today(clock_of(db))
        found = await repository.page(principal.council_id, view, page_start(after))
        shown = found[:PAGE]
        counting = await repository.counting([row.id for row, _, _ in shown], day) if view == "approved" else set()
        counts = await repository.counts(principal.council_id)
        context = {
            "view": view,
            "views": [(name, words, counts[name]) for name, words in VIEW_WORDS.items()],
            "rows": [
                {
                    "row": row,
                    "name": organisation.name,
                    "town": organisation.town or worker.town,
                    "words": STATUS_WORDS[row.status] if view != "waiting" else "Waiting",
                    "is_renewal": row.renews_id is not None,
                    "last_day": last_day(row),
                    "is_due": bool(row.approved_until and row.approved_until - RENEW_FROM <= day),
                    "counts": row.id in counting or (row.approved_from is not None and row.approved_from > day),
                }
                for row, organisation, worker in shown
            ],
            "next_after": shown[-1][0].id if len(found) > PAGE else None,
        }
        return Template("providers/workforce/register.html", context=context)

    @get("/{approval_id:str}", permission=Permission.WORKFORCE_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], approval_id: FromPath[str]
    ) -> Template:
        """Show one application with its references and checks."""
        return await _page(db, principal, need_id(approval_id), "", {}, {})

    @post("/{approval_id:str}/references/{reference_id:str}", permission=Permission.WORKFORCE_DECIDE)
    async def take_reference(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        approval_id: FromPath[str],
        reference_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note what somebody said."""
        wanted, reference = need_id(approval_id), need_id(reference_id)

        async def act() -> str:
            await PaRegisterService(db).take_reference(principal, wanted, reference, data)
            return f"{PATH}/{wanted}"

        return await _attempt(request, db, principal, wanted, str(reference), data, act, "Reference noted")

    @post("/{approval_id:str}/approve", permission=Permission.WORKFORCE_DECIDE)
    async def approve(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        approval_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Approve for a year."""
        wanted = need_id(approval_id)

        async def act() -> str:
            await PaRegisterService(db).approve(principal, wanted, data)
            return f"{PATH}/{wanted}"

        return await _attempt(request, db, principal, wanted, "approve", data, act, "Approved. They are being told")

    @post("/{approval_id:str}/refuse", permission=Permission.WORKFORCE_DECIDE)
    async def refuse(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        approval_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Refuse with reasons."""
        wanted = need_id(approval_id)

        async def act() -> str:
            await PaRegisterService(db).refuse(principal, wanted, data)
            return f"{PATH}/{wanted}"

        return await _attempt(
            request, db, principal, wanted, "refuse", data, act, "Not approved. They are being told why"
        )

    @post("/{approval_id:str}/remove", permission=Permission.WORKFORCE_DECIDE)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        approval_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take somebody off the register."""
        wanted = need_id(approval_id)

        async def act() -> str:
            await PaRegisterService(db).remove(principal, wanted, data)
            return f"{PATH}/{wanted}"

        return await _attempt(request, db, principal, wanted, "remove", data, act, "Taken off the register")


@get("/accreditation/workforce", permission=Permission.WORKFORCE_DECIDE)
async def workforce_page(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show how the number of very small businesses and assistants grows."""
    page = await WorkforceFigures(db).page(principal)
    return Template("providers/workforce/figures.html", context={"page": page, "council": principal.council_name})


@get("/accreditation/workforce.csv", permission=Permission.WORKFORCE_DECIDE)
async def workforce_file(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
    """Give the same as a file."""
    return Response(
        await WorkforceFigures(db).file(principal),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="workforce.csv"'},
    )


async def _attempt(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    approval_id: UUID,
    which: str,
    data: FormData,
    act: Any,
    words: str,
) -> Redirect | Template:
    try:
        async with db.begin_nested():
            answer = await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        db.expire_all()
        return await _page(db, principal, approval_id, which, typed(data), error.fields)
    except StepRefused as refusal:
        await audit.record_refusal(
            principal,
            "providers.refuse_pa_decision",
            council_id=principal.council_id,
            subject_kind="pa_approval",
            subject_id=approval_id,
            why=refusal.detail,
        )
        raise
    flash(request, words)
    return answer


async def _page(
    db: AsyncSession, principal: Principal, approval_id: UUID, which: str, values: FormData, errors: dict[str, str]
) -> Template:
    case = await PaRegisterService(db).case(principal, approval_id)
    row = case.row
    # Several forms share a page: each has its own names, so that a message leads to the right field.
    renamed = {
        f"{name}-{which}" if name in {"reason", "outcome", "note"} else name: text for name, text in errors.items()
    }
    shown = {
        f"{name}-{which}" if name in {"reason", "outcome", "note"} else name: text for name, text in values.items()
    }
    context = {
        "case": case,
        "row": row,
        "words": STATUS_WORDS[row.status],
        "route": ROUTES.get(row.route, "Not said"),
        "last_day": last_day(row),
        "points": code_of(row.conduct_version),
        "references": [
            {"row": one, "words": OUTCOMES.get(one.outcome, "Not asked yet"), "key": str(one.id)}
            for one in case.references
        ],
        "papers": [
            {
                "label": paper.label,
                "detail": paper.detail,
                "state": paper.state,
                "words": {**PAPER_WORDS, "waiting": "Waits for your look", "expired": "Ended"}.get(paper.state, ""),
                "id": paper.row.id if paper.row else None,
                "is_required": paper.is_required,
            }
            for paper in case.papers
        ],
        "status_outcome": STATUS_OUTCOMES.get(case.status_test.outcome, "") if case.status_test else "",
        "outcomes": list(OUTCOMES.items()),
        "is_open": row.status is PaApprovalStatus.APPLIED,
        "is_approved": row.status is PaApprovalStatus.APPROVED,
        "proposed": uk_date(case.first_day),
        "values": {**day_values("approved_from", case.first_day), **shown},
        "errors": renamed,
    }
    return Template("providers/workforce/case.html", context=context, status_code=422 if errors else 200)
