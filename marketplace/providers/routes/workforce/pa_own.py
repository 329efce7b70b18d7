"""Pages on which a personal assistant applies to a council's register and renews each year."""

from collections.abc import Awaitable, Callable
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
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import PaApproval
from marketplace.providers.routes.workforce.common import day_values, need_id
from marketplace.providers.service.status_tests import OUTCOMES as STATUS_OUTCOMES
from marketplace.providers.service.workforce.approvals import ApprovalService
from marketplace.providers.service.workforce.conduct import CURRENT, code_of
from marketplace.providers.service.workforce.pa_register import last_day
from marketplace.providers.service.workforce.pa_terms import OPEN, ROUTES, Application, Paper
from marketplace.providers.states import PaApprovalStatus

STATUS_WORDS = {
    PaApprovalStatus.DRAFT: "Not sent yet",
    PaApprovalStatus.APPLIED: "With the council",
    PaApprovalStatus.APPROVED: "Approved",
    PaApprovalStatus.REFUSED: "Not approved",
    PaApprovalStatus.WITHDRAWN: "Withdrawn",
    PaApprovalStatus.LAPSED: "Ended",
    PaApprovalStatus.RENEWED: "Ended and renewed",
    PaApprovalStatus.REMOVED: "Taken off the register",
}
PAPER_WORDS = {
    "missing": "Not given yet",
    "waiting": "Given. The council looks at it",
    "live": "Seen",
    "due": "Seen. Ends soon",
    "scheduled": "Seen. Counts later",
    "expired": "Ended. Give a new one",
    "refused": "Not accepted. Give a new one",
}
PARTS = {
    "route": "Your work so far",
    "references": "Two people who can speak for you",
    "conduct": "Code of conduct",
}
PATH = "/provider/pa-approval"


class OwnApprovalController(Controller):
    """The own approvals."""

    path = PATH

    @get("/", permission=Permission.WORKERS_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Say what it takes, and show what there is."""
        return await _index(db, principal, {}, {})

    @post("/", permission=Permission.WORKERS_OWN)
    async def start(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Begin an application."""
        form = FormReader(data)
        council_id = form.id("council_id", "the council")
        if council_id is None:
            return await _index(db, principal, typed(data), form.errors)

        async def act() -> str:
            row = await ApprovalService(db).start(principal, council_id)
            return f"{PATH}/{row.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{approval_id:str}", permission=Permission.WORKERS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], approval_id: FromPath[str]
    ) -> Template:
        """Show the task list, or how it stands."""
        return await _show(db, principal, need_id(approval_id), {})

    @get("/{approval_id:str}/{part:str}", permission=Permission.WORKERS_OWN)
    async def part(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        approval_id: FromPath[str],
        part: FromPath[str],
    ) -> Template:
        """Show one part of the task list, or the page that renews."""
        return await _part(db, principal, need_id(approval_id), part, None, {})

    @post("/{approval_id:str}/{part:str}", permission=Permission.WORKERS_OWN)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        approval_id: FromPath[str],
        part: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Save one part, send, renew, take back or withdraw."""
        wanted = need_id(approval_id)
        step, words = _step(db, principal, wanted, part, data)

        async def act() -> str:
            row = await step()
            return f"{PATH}/{row.id if isinstance(row, PaApproval) else wanted}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            db.expire_all()
            if part == "send":
                return await _show(db, principal, wanted, error.fields)
            return await _part(db, principal, wanted, part, typed(data), error.fields)
        flash(request, words)
        return answer


def _step(
    db: AsyncSession, principal: Principal, approval_id: UUID, part: str, data: FormData
) -> tuple[Callable[[], Awaitable[Any]], str]:
    service = ApprovalService(db)
    steps: dict[str, tuple[Callable[[], Awaitable[Any]], str]] = {
        "route": (lambda: service.set_route(principal, approval_id, data), "Saved"),
        "conduct": (lambda: service.agree(principal, approval_id, data), "Thank you. Saved"),
        "references": (lambda: service.set_references(principal, approval_id, data), "Saved"),
        "send": (lambda: service.send(principal, approval_id, data), "Sent to the council"),
        "renew": (lambda: service.renew(principal, approval_id, data), "Sent to the council"),
        "take-back": (lambda: service.take_back(principal, approval_id), "You can change it now. Send it again after"),
        "withdraw": (lambda: service.withdraw(principal, approval_id), "Withdrawn"),
    }
    if part not in steps:
        raise NotFound
    return steps[part]


async def _index(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    service = ApprovalService(db)
    _, worker, rows = await service.all(principal)
    taken = {council.id for row, council in rows if row.status in OPEN or row.status is PaApprovalStatus.APPROVED}
    councils = [council for council in await service.councils() if council.id not in taken]
    context = {
        "worker": worker,
        "rows": [
            {
                "id": row.id,
                "council": council.name,
                "status": row.status.value,
                "words": STATUS_WORDS[row.status],
                "from": row.approved_from,
                "last_day": last_day(row),
                "is_renewal": row.renews_id is not None,
            }
            for row, council in rows
        ],
        "councils": [(str(council.id), council.name) for council in councils],
        "points": code_of(CURRENT),
        "values": {"council_id": str(principal.council_id), **values},
        "errors": errors,
    }
    return Template("providers/workforce/pa_index.html", context=context, status_code=422 if errors else 200)


def _task(found: Application, part: str) -> dict[str, Any]:
    row = found.row
    done = {"route": bool(row.route), "references": len(found.references) > 1, "conduct": found.is_agreed}[part]
    hints = {
        "route": ROUTES.get(row.route, ""),
        "references": " and ".join(one.name for one in found.references),
        "conduct": f"Agreed on {uk_date(row.conduct_agreed_at)}" if row.conduct_agreed_at and done else "",
    }
    return {
        "title": PARTS[part],
        "href": f"{PATH}/{row.id}/{part}" if found.is_draft else "",
        "status": "completed" if done else "not_started",
        "hint": hints[part],
    }


def _status_task(found: Application) -> dict[str, Any]:
    """Return the line of the employment status check: kept with the evidence, and no bar."""
    test = found.status_test
    words = f"{STATUS_OUTCOMES.get(test.outcome, test.outcome)}, {test.reference}" if test else "You can do this later"
    return {
        "title": "Employed or self-employed",
        "href": "/provider/evidence/status-tests",
        "status": "completed" if test else "optional",
        "hint": words,
    }


def _paper_task(paper: Paper) -> dict[str, Any]:
    return {
        "title": paper.label,
        "href": f"/provider/evidence/new?kind={paper.kind.value}",
        "status": "completed"
        if paper.state == "live"
        else ("not_started" if paper.is_required else "optional")
        if paper.state == "missing"
        else paper.state,
        "hint": f"{paper.detail}. {PAPER_WORDS[paper.state]}" if paper.detail else PAPER_WORDS[paper.state],
    }


async def _show(db: AsyncSession, principal: Principal, approval_id: UUID, errors: dict[str, str]) -> Template:
    found = await ApprovalService(db).application(principal, approval_id)
    # A message about a part leads to its line of the list: the first part is the field of no other form here.
    parts = {"route": "task-1", "references": "task-2", "conduct": "task-3", "evidence": "papers"}
    context = {
        "found": found,
        "row": found.row,
        "words": STATUS_WORDS[found.row.status],
        "last_day": last_day(found.row),
        "tasks": [*(_task(found, part) for part in PARTS), _status_task(found)],
        "papers": [_paper_task(paper) for paper in found.papers],
        "route": ROUTES.get(found.row.route, "Not said"),
        "errors": {parts.get(name, name): message for name, message in errors.items()},
        "values": {},
    }
    return Template("providers/workforce/pa_show.html", context=context, status_code=422 if errors else 200)


async def _part(
    db: AsyncSession,
    principal: Principal,
    approval_id: UUID,
    part: str,
    values: FormData | None,
    errors: dict[str, str],
) -> Template:
    found = await ApprovalService(db).application(principal, approval_id)
    row = found.row
    is_open = found.may_renew if part == "renew" else found.is_draft
    if part not in {*PARTS, "renew"} or not is_open:
        raise NotFound
    known: dict[str, Any] = {}
    if part == "route":
        known = {"route": row.route, **day_values("trading_since", row.trading_since)}
    elif part == "references":
        for number, one in enumerate(found.references[:2], start=1):
            known |= {f"name{number}": one.name, f"knows{number}": one.knows_as, f"contact{number}": one.contact}
    elif part == "conduct":
        known = {"agreed": "yes" if found.is_agreed else ""}
    context = {
        "found": found,
        "row": row,
        "routes": list(ROUTES.items()),
        "route": ROUTES.get(row.route, "Not said"),
        "points": code_of(CURRENT),
        "papers": [_paper_task(paper) for paper in found.papers],
        "last_day": last_day(row),
        "values": known if values is None else values,
        "errors": errors,
    }
    return Template(f"providers/workforce/pa_{part}.html", context=context, status_code=422 if errors else 200)
