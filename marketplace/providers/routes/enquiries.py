"""Pages where people ask providers and arrange first meetings."""

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
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import Enquiry, EnquiryKind
from marketplace.providers.repository.enquiries import PAGE, EnquiryView
from marketplace.providers.service.calendar_files import calendar_file
from marketplace.providers.service.enquiries import MEETING_MINUTES, RUNNING, WRITABLE, EnquiryService
from marketplace.providers.service.enquiry_forms import PLACE_LABELS, AskForm, StepForm, wish_instant, words_of
from marketplace.providers.states import EnquiryStatus

CALENDAR_TITLE = "First meeting"
"""Shows on locked screens and in shared calendars: no name and nothing about care."""
REPORT = "what is wrong with the message"


class EnquiryController(Controller):
    """The person's own conversations, or those of the person acted for."""

    path = "/enquiries"

    @get("/", permission=Permission.ENQUIRIES_OWN)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List them, the one that changed last first."""
        service = EnquiryService(db)
        mine = service.of_person(principal)
        cursor = await cursor_of(service, mine, after)
        rows = await service.enquiries.newest(mine, cursor)
        more = rows[PAGE - 1].enquiry.id if len(rows) > PAGE else None
        return Template("providers/enquiries/index.html", context={"rows": rows[:PAGE], "more": more})

    @get("/new", permission=Permission.ENQUIRIES_OWN)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form of a question or of a first meeting."""
        wanted = EnquiryKind.MEETING if kind == EnquiryKind.MEETING else EnquiryKind.QUESTION
        return await _form(db, principal, listing or "", wanted, {}, {})

    @post("/new", permission=Permission.ENQUIRIES_OWN)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send it to the provider."""
        try:
            form = AskForm.read(data, clock_of(db).now())
        except InvalidInput as error:
            is_meeting = data.get("kind") == EnquiryKind.MEETING
            kind = EnquiryKind.MEETING if is_meeting else EnquiryKind.QUESTION
            # The kind is no field of the page, so its message has nowhere to lead to.
            errors = {"form" if name == "kind" else name: message for name, message in error.fields.items()}
            return await _form(db, principal, str(data.get("listing", "")), kind, typed(data), errors)

        async def act() -> str:
            enquiry = await EnquiryService(db).ask(principal, form)
            flash(request, "Sent. We tell you when the provider answers")
            return f"/enquiries/{enquiry.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{enquiry_id:str}", permission=Permission.ENQUIRIES_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], enquiry_id: FromPath[str]
    ) -> Template:
        """Show a conversation and what can be done."""
        return await _thread(db, principal, id_of(enquiry_id), {}, {})

    @post("/{enquiry_id:str}/messages", permission=Permission.ENQUIRIES_OWN)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write again."""
        wanted = id_of(enquiry_id)
        try:
            words = words_of(data, "your message")
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryService(db).write(principal, wanted, words)
            flash(request, "Your message is sent")
            return f"/enquiries/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/choose", permission=Permission.ENQUIRIES_OWN)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Agree to the time that the provider proposed."""
        wanted = id_of(enquiry_id)
        form = StepForm.read(data)

        async def act() -> str:
            await EnquiryService(db).choose(principal, wanted, form.version)
            flash(request, "The time is agreed. We tell the provider")
            return f"/enquiries/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/call-off", permission=Permission.ENQUIRIES_OWN)
    async def call_off(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take it back or call the meeting off."""
        wanted = id_of(enquiry_id)
        try:
            form = StepForm.read(data, name="call_off_words")
        except InvalidInput as error:
            return await _thread(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await EnquiryService(db).call_off(principal, wanted, form)
            flash(request, "It is called off. We tell the provider")
            return f"/enquiries/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/close", permission=Permission.ENQUIRIES_OWN)
    async def close(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that all is answered."""
        wanted = id_of(enquiry_id)
        form = StepForm.read(data)

        async def act() -> str:
            await EnquiryService(db).close(principal, wanted, form.version)
            flash(request, "The conversation is closed. Write again to open it")
            return f"/enquiries/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{enquiry_id:str}/name", permission=Permission.ENQUIRIES_OWN)
    async def tell_name(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Let the provider see the own name."""
        wanted = id_of(enquiry_id)

        async def act() -> str:
            await EnquiryService(db).tell_name(principal, wanted)
            flash(request, "The provider now sees your name")
            return f"/enquiries/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{enquiry_id:str}/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_OWN)
    async def ask_why(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
        message_id: FromPath[str],
    ) -> Template:
        """Ask what is wrong with a message."""
        view = await _view(EnquiryService(db), principal, id_of(enquiry_id))
        return report_page(view, "/enquiries", id_of(message_id), {}, {})

    @post("/{enquiry_id:str}/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_OWN)
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
        service, message = EnquiryService(db), id_of(message_id)
        view = await _view(service, principal, id_of(enquiry_id))
        try:
            why = words_of(data, REPORT)
        except InvalidInput as error:
            return report_page(view, "/enquiries", message, typed(data), error.fields)

        async def act() -> str:
            await service.report(principal, view.enquiry, message, why)
            flash(request, "We told your council. They may read this conversation")
            return f"/enquiries/{view.enquiry.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{enquiry_id:str}/meeting.ics", permission=Permission.ENQUIRIES_OWN)
    async def calendar(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        enquiry_id: FromPath[str],
    ) -> Response[bytes]:
        """Give the agreed meeting as a file for calendars."""
        view = await _view(EnquiryService(db), principal, id_of(enquiry_id))
        return calendar_answer(view.enquiry, f"{request.app.state.settings.public_url}/enquiries/{view.enquiry.id}")


def id_of(text: str) -> UUID:
    """Read an id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def cursor_of(service: Any, question: Any, text: str | None) -> Enquiry | None:
    """Return the row that a list goes on from; an unknown one starts the list again."""
    row_id = parse_id(text or "")
    found: Enquiry | None = await service.enquiries.maybe(question.where(Enquiry.id == row_id)) if row_id else None
    return found


def calendar_answer(enquiry: Enquiry, link: str) -> Response[bytes]:
    """Write the calendar file of an agreed meeting.

    Raises:
        NotFound: No time is agreed.
    """
    if enquiry.status is not EnquiryStatus.AGREED or enquiry.agreed_at is None or enquiry.meeting_place is None:
        raise NotFound
    content = calendar_file(
        enquiry.id,
        title=CALENDAR_TITLE,
        starts_at=enquiry.agreed_at,
        minutes=MEETING_MINUTES,
        made_at=enquiry.updated_at,
        number=enquiry.version,
        place=PLACE_LABELS[enquiry.meeting_place],
        link=link,
    )
    headers = {"content-disposition": 'attachment; filename="first-meeting.ics"', "cache-control": "private, no-store"}
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def report_page(view: EnquiryView, base: str, message_id: UUID, values: FormData, errors: dict[str, str]) -> Template:
    """Show the form for reporting a message; `base` is the path of the reader's conversations."""
    context = {"view": view, "base": base, "message_id": message_id, "values": values, "errors": errors}
    return Template("providers/enquiries/report.html", context=context, status_code=422 if errors else 200)


async def thread_context(service: Any, view: EnquiryView) -> dict[str, Any]:
    """What the page of a conversation shows on either side."""
    enquiry, now = view.enquiry, service.clock.now()
    return {
        "view": view,
        "enquiry": enquiry,
        "messages": await service.enquiries.messages(enquiry),
        "place": PLACE_LABELS[enquiry.meeting_place] if enquiry.meeting_place else "",
        "wishes": [(wish, wish_instant(wish)) for wish in enquiry.wishes],
        "is_running": enquiry.status in RUNNING,
        "is_meeting": enquiry.kind is EnquiryKind.MEETING,
        "has_proposal": enquiry.proposed_at is not None
        and enquiry.proposed_at > now
        and enquiry.status in (EnquiryStatus.OPEN, EnquiryStatus.ANSWERED),
        "now": now,
    }


async def _view(service: EnquiryService, principal: Principal, enquiry_id: UUID) -> EnquiryView:
    view = await service.enquiries.view(service.of_person(principal).where(Enquiry.id == enquiry_id))
    if view is None:
        raise NotFound
    return view


async def _thread(
    db: AsyncSession, principal: Principal, enquiry_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = EnquiryService(db)
    view = await _view(service, principal, enquiry_id)
    context = await thread_context(service, view) | {
        "may_write": view.enquiry.status in WRITABLE,
        "is_named": view.enquiry.shown_as == principal.name,
        "own_name": principal.name,
        "values": values,
        "errors": errors,
    }
    return Template("providers/enquiries/show.html", context=context, status_code=422 if errors else 200)


async def _form(
    db: AsyncSession,
    principal: Principal,
    listing: str,
    kind: EnquiryKind,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    service = EnquiryService(db)
    row = await service.listing(principal, id_of(listing))
    if not await service.can_be_asked(principal, row):
        return Template("providers/enquiries/elsewhere.html", context={"row": row})
    places = [(place.value, words) for place, words in PLACE_LABELS.items()]
    context = {"row": row, "kind": kind, "places": places, "values": values, "errors": errors}
    return Template("providers/enquiries/new.html", context=context, status_code=422 if errors else 200)
