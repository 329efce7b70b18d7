"""Pages where providers answer what people ask."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import Enquiry
from marketplace.providers.repository.enquiries import PAGE, EnquiryView
from marketplace.providers.routes.enquiries import (
    REPORT,
    calendar_answer,
    cursor_of,
    id_of,
    report_page,
    thread_context,
)
from marketplace.providers.service.enquiry_answers import EnquiryAnswerService
from marketplace.providers.service.enquiry_forms import ChoiceForm, ProposalForm, StepForm, words_of
from marketplace.providers.states import EnquiryStatus

BASE = "/provider/enquiries"


class ProviderEnquiryController(Controller):
    """What the organisation was asked, or the personal assistant alone."""

    path = BASE

    @get("/", permission=Permission.ENQUIRIES_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List them, those that wait for an answer first."""
        service = EnquiryAnswerService(db)
        ours = service.of_provider(principal)
        rows = await service.enquiries.inbox(ours, await cursor_of(service, ours, after))
        more = rows[PAGE - 1].enquiry.id if len(rows) > PAGE else None
        return Template("providers/enquiries/provider_index.html", context={"rows": rows[:PAGE], "more": more})

    @get("/{enquiry_id:str}", permission=Permission.ENQUIRIES_ANSWER)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], enquiry_id: FromPath[str]
    ) -> Template:
        """Show a conversation and what can be done."""
        return await _thread(db, principal, id_of(enquiry_id), {}, {})

    @post("/{enquiry_id:str}/messages", permission=Permission.ENQUIRIES_ANSWER)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Answer."""
        wanted = id_of(enquiry_id)
        try:
            words = words_of(data, "your answer")
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryAnswerService(db).answer(principal, wanted, words)
            flash(request, "Your answer is sent")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/propose", permission=Permission.ENQUIRIES_ANSWER)
    async def propose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Propose another time."""
        wanted = id_of(enquiry_id)
        try:
            form = ProposalForm.read(data, clock_of(db).now())
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryAnswerService(db).propose(principal, wanted, form)
            flash(request, "Your time is sent. We tell you what the person says")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/agree", permission=Permission.ENQUIRIES_ANSWER)
    async def agree(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Agree to one of the times that the person can do."""
        wanted = id_of(enquiry_id)
        try:
            form = ChoiceForm.read(data)
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryAnswerService(db).agree(principal, wanted, form)
            flash(request, "The time is agreed. We tell the person")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/decline", permission=Permission.ENQUIRIES_ANSWER)
    async def decline(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say no, with words."""
        wanted = id_of(enquiry_id)
        try:
            form = StepForm.read(data, "why you say no", name="no_words")
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryAnswerService(db).decline(principal, wanted, form)
            flash(request, "You said no. We tell the person")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/call-off", permission=Permission.ENQUIRIES_ANSWER)
    async def call_off(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Call the meeting off, with words."""
        wanted = id_of(enquiry_id)
        try:
            form = StepForm.read(data, "why you call it off", name="no_words")
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryAnswerService(db).call_off(principal, wanted, form)
            flash(request, "It is called off. We tell the person")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{enquiry_id:str}/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_ANSWER)
    async def ask_why(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        message_id: FromPath[str],
    ) -> Template:
        """Ask what is wrong with a message."""
        view = await _view(EnquiryAnswerService(db), principal, id_of(enquiry_id))
        return report_page(view, BASE, id_of(message_id), {}, {})

    @post("/{enquiry_id:str}/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_ANSWER)
    async def report(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        message_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Tell the council about a message."""
        service, message = EnquiryAnswerService(db), id_of(message_id)
        view = await _view(service, principal, id_of(enquiry_id))
        try:
            why = words_of(data, REPORT)
        except InvalidInput as error:
            return report_page(view, BASE, message, typed(data), error.fields)

        async def act() -> str:
            await service.report(principal, view.enquiry, message, why)
            flash(request, "We told the council. They may read this conversation")
            return f"{BASE}/{view.enquiry.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{enquiry_id:str}/meeting.ics", permission=Permission.ENQUIRIES_ANSWER)
    async def calendar(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
    ) -> Response[bytes]:
        """Give the agreed meeting as a file for calendars."""
        view = await _view(EnquiryAnswerService(db), principal, id_of(enquiry_id))
        return calendar_answer(view.enquiry, f"{request.app.state.settings.public_url}{BASE}/{view.enquiry.id}")


async def _view(service: EnquiryAnswerService, principal: Principal, enquiry_id: UUID) -> EnquiryView:
    view = await service.enquiries.view(service.of_provider(principal).where(Enquiry.id == enquiry_id))
    if view is None:
        raise NotFound
    return view


async def _thread(
    db: AsyncSession, principal: Principal, enquiry_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = EnquiryAnswerService(db)
    view = await _view(service, principal, enquiry_id)
    status = view.enquiry.status
    context = await thread_context(service, view)
    may_set_time = context["is_meeting"] and status in (EnquiryStatus.OPEN, EnquiryStatus.ANSWERED)
    context |= {
        "may_set_time": may_set_time,
        "possible": [(wish, at) for wish, at in context["wishes"] if at > context["now"]] if may_set_time else [],
        "may_decline": status is EnquiryStatus.OPEN,
        "may_call_off": context["is_meeting"] and status in (EnquiryStatus.ANSWERED, EnquiryStatus.AGREED),
        "values": values,
        "errors": errors,
    }
    return Template("providers/enquiries/provider_show.html", context=context, status_code=422 if errors else 200)
