"""Pages where a council's brokers look at conversations about agreements that somebody reported."""

from typing import Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import SupportAgreement
from marketplace.bookings.repository_talk import PAGE, TalkRepository, TalkRow
from marketplace.bookings.routes.talk import id_of, message_lines
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.messaging.models import Thread
from marketplace.messaging.repository_threads import PAGE as MESSAGES
from marketplace.messaging.threads import ThreadReportService, read_words

BASE: Final = "/reported-talk"
WHY: Final = "why you need to read this"
DONE: Final = "what you did about it"
LONGEST_REASON: Final = 1_000


class ReportedTalkController(Controller):
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
        service, talk = ThreadReportService(db), TalkRepository(db)
        question = talk.reported(principal.council_id, service.reported(principal))
        rows = await talk.newest(question, parse_id(after or ""))
        shown = rows[:PAGE]
        context = {
            "rows": shown,
            "reports": await service.threads.reports([row.thread.id for row in shown if row.thread]),
            "more": shown[-1].agreement.id if len(rows) > PAGE else None,
        }
        return Template("bookings/talk/reported_index.html", context=context)

    @get("/{thread_id:str}", permission=Permission.ENQUIRIES_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        thread_id: FromPath[str],
        before: FromQuery[str | None] = None,
    ) -> Template:
        """Ask for a reason; show the conversation to who has given one."""
        return await _page(db, principal, thread_id, {}, {}, before)

    @post("/{thread_id:str}/open", permission=Permission.ENQUIRIES_READ)
    async def open(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        thread_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep the reason in the audit log."""
        wanted = id_of(thread_id)
        try:
            why = read_words(data, WHY, name="why", longest=LONGEST_REASON)
        except InvalidInput as error:
            return await _page(db, principal, thread_id, typed(data), error.fields)

        async def act() -> str:
            await ThreadReportService(db).open(principal, wanted, why)
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{thread_id:str}/settle", permission=Permission.ENQUIRIES_READ)
    async def settle(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        thread_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say what was done."""
        wanted = id_of(thread_id)
        try:
            done = read_words(data, DONE, name="done", longest=LONGEST_REASON)
        except InvalidInput as error:
            return await _page(db, principal, thread_id, typed(data), error.fields)

        async def act() -> str:
            await ThreadReportService(db).settle(principal, wanted, done)
            flash(request, "The report is settled")
            return BASE

        return await submit(request, db, principal.actor, data, act)

    @get("/{thread_id:str}/files/{file_id:str}", permission=Permission.ENQUIRIES_READ)
    async def file(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        thread_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes]:
        """Hand a file of an opened conversation out."""
        service = ThreadReportService(db)
        thread = await service.open_one(principal, id_of(thread_id))
        return file_answer(*await service.open_file(principal, thread, id_of(file_id)))


async def _page(
    db: AsyncSession,
    principal: Principal,
    thread_id: str,
    values: FormData,
    errors: dict[str, str],
    before: str | None = None,
) -> Template:
    service = ThreadReportService(db)
    thread = await service.reported_one(principal, id_of(thread_id))
    reports = (await service.threads.reports([thread.id])).get(thread.id, [])
    context: dict[str, Any] = {
        "row": await _row(db, principal, thread),
        "thread": thread,
        "reports": reports,
        "values": values,
        "errors": errors,
    }
    status = 422 if errors else 200
    if not await service.is_open(principal, thread.id):
        return Template("bookings/talk/reported_reason.html", context=context, status_code=status)
    written = await service.threads.messages(thread, parse_id(before or ""))
    shown = written[:MESSAGES]
    context["items"] = await message_lines(service, shown, f"{BASE}/{thread.id}")
    context["older"] = shown[-1].message.id if len(written) > MESSAGES else None
    return Template("bookings/talk/reported_show.html", context=context, status_code=status)


async def _row(db: AsyncSession, principal: Principal, thread: Thread) -> TalkRow:
    talk = TalkRepository(db)
    row = await talk.row(
        talk.of_person(principal.council_id, thread.person_id).where(SupportAgreement.id == thread.subject_id)
    )
    if row is None:
        raise NotFound
    return row
