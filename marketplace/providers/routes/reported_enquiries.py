"""Pages where a council's brokers look at conversations that somebody reported."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.repository.enquiries import PAGE
from marketplace.providers.routes.enquiries import cursor_of, id_of, thread_context
from marketplace.providers.service.enquiry_forms import words_of
from marketplace.providers.service.enquiry_reports import EnquiryReportService

BASE = "/reported-enquiries"
WHY = "why you need to read this"
DONE = "what you did about it"


class ReportedEnquiryController(Controller):
    """Reported conversations of the own council."""

    path = BASE

    @get("/", permission=Permission.ENQUIRIES_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List them, without what was written."""
        service = EnquiryReportService(db)
        reported = service.reported(principal)
        rows = await service.enquiries.newest(reported, await cursor_of(service, reported, after))
        context = {
            "rows": rows[:PAGE],
            "reports": await service.enquiries.reports([row.enquiry.id for row in rows[:PAGE]]),
            "more": rows[PAGE - 1].enquiry.id if len(rows) > PAGE else None,
        }
        return Template("providers/enquiries/reported_index.html", context=context)

    @get("/{enquiry_id:str}", permission=Permission.ENQUIRIES_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], enquiry_id: FromPath[str]
    ) -> Template:
        """Ask for a reason; show the conversation to who has given one."""
        return await _page(db, principal, enquiry_id, {}, {})

    @post("/{enquiry_id:str}/open", permission=Permission.ENQUIRIES_READ)
    async def open(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep the reason in the audit log."""
        wanted = id_of(enquiry_id)
        try:
            why = words_of(data, WHY, name="why")
        except InvalidInput as error:
            return await _page(db, principal, enquiry_id, typed(data), error.fields)

        async def act() -> str:
            await EnquiryReportService(db).open(principal, wanted, why)
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/settle", permission=Permission.ENQUIRIES_READ)
    async def settle(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say what was done."""
        wanted = id_of(enquiry_id)
        try:
            done = words_of(data, DONE, name="done")
        except InvalidInput as error:
            return await _page(db, principal, enquiry_id, typed(data), error.fields)

        async def act() -> str:
            await EnquiryReportService(db).settle(principal, wanted, done)
            flash(request, "The report is settled")
            return BASE

        return await submit(request, db, principal.actor, data, act)


async def _page(
    db: AsyncSession, principal: Principal, enquiry_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    service = EnquiryReportService(db)
    view = await service.find(principal, id_of(enquiry_id))
    status = 422 if errors else 200
    if not await service.is_open(principal, view.enquiry.id):
        reports = (await service.enquiries.reports([view.enquiry.id])).get(view.enquiry.id, [])
        context = {"view": view, "reports": reports, "values": values, "errors": errors}
        return Template("providers/enquiries/reported_reason.html", context=context, status_code=status)
    context = await thread_context(service, view) | {"values": values, "errors": errors}
    return Template("providers/enquiries/reported_show.html", context=context, status_code=status)
