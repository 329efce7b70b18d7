"""The council's first page of accreditation, its table of evidence, and reminders for several at once."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text
from marketplace.core.web import FormData, submit
from marketplace.providers.service.evidence_reminders import EvidenceReminderService
from marketplace.reporting.service.accreditation import AccreditationDeskService

HEADINGS = ("Organisation", "Evidence", "What it is", "From", "Last day", "State", "First seen")


async def _page(db: AsyncSession, principal: Principal, errors: dict[str, str], chosen: list[str]) -> Template:
    context = {
        "desk": await AccreditationDeskService(db).page(principal),
        "errors": errors,
        "chosen": chosen,
        "may_remind": principal.may(Permission.EVIDENCE_SEE),
        "may_edit": principal.may(Permission.FRAMEWORKS_EDIT),
        "may_merge": principal.may(Permission.ORGANISATIONS_MERGE),
        "may_enter": principal.may(Permission.ORGANISATIONS_ENTER),
        "may_workforce": principal.may(Permission.WORKFORCE_DECIDE),
        "may_score": principal.may(Permission.APPLICATIONS_SCORE),
        "may_audit": principal.may(Permission.AUDIT_READ),
    }
    return Template("reporting/accreditation.html", context=context, status_code=422 if errors else 200)


@get("/accreditation", permission=Permission.APPLICATIONS_READ)
async def accreditation(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show what waits, what ends, which rounds run, and the market by lot and area."""
    return await _page(db, principal, {}, [])


@get("/accreditation/evidence.csv", permission=Permission.EVIDENCE_SEE)
async def evidence_csv(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
    """All evidence of the council's organisations as a table."""
    rows = await AccreditationDeskService(db).evidence_rows(principal)
    return Response(
        csv_text([HEADINGS, *rows]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="evidence.csv"'},
    )


@post("/accreditation/reminders", permission=Permission.EVIDENCE_SEE)
async def remind(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Remind several organisations of evidence that ends."""
    given = data.get("evidence") or []
    chosen = [str(one) for one in given] if isinstance(given, list) else [str(given)]
    ids = [parse_id(one) for one in chosen]
    if any(one is None for one in ids):
        raise BadRequest

    async def act() -> str:
        await EvidenceReminderService(db).remind(principal, [one for one in ids if one is not None])
        return "/accreditation"

    try:
        async with db.begin_nested():
            answer = await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _page(db, principal, error.fields, chosen)
    flash(request, f"{plural(len(set(chosen)), 'reminder')} on the way")
    return answer
