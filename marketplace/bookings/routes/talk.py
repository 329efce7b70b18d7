"""Pages on which a person and their provider write to each other about an agreement."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings.repository_talk import PAGE, TalkRow
from marketplace.bookings.service.talk import TalkService, person_name
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.files.checking import CheckedFile, check_all
from marketplace.core.files.forms import CHOOSE_AGAIN, UPLOAD, FileForm
from marketplace.core.files.kinds import FileRefused
from marketplace.core.flash import flash
from marketplace.core.formats import file_size
from marketplace.core.ids import parse_id
from marketplace.core.models import ScanState, StoredFile
from marketplace.core.web import FormData, submit, typed
from marketplace.messaging.repository_threads import PAGE as MESSAGES
from marketplace.messaging.repository_threads import Written
from marketplace.messaging.threads import FIELD, MOST_FILES, ThreadService, read_words

OWN: Final = "/agreements"
CLIENTS: Final = "/provider/clients"
WORDS: Final = "your message"
REPORT: Final = "what is wrong with the message"


class TalkListController(Controller):
    """Conversations about agreements, for either side."""

    @get("/talk", permission=Permission.ENQUIRIES_OWN)
    async def own(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List a person's."""
        return await _index(db, principal, after, is_provider=False)

    @get("/provider/talk", permission=Permission.ENQUIRIES_ANSWER)
    async def provider(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List a provider's."""
        return await _index(db, principal, after, is_provider=True)


class OwnTalkController(Controller):
    """The person's side of one conversation."""

    path = "/agreements/{agreement_id:str}/talk"

    @get("/", permission=Permission.ENQUIRIES_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        before: FromQuery[str | None] = None,
    ) -> Template:
        """Show what was written, the newest first."""
        return await _show(db, principal, agreement_id, {}, {}, before, is_provider=False)

    @post("/", permission=Permission.ENQUIRIES_OWN, **UPLOAD)
    async def write(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Redirect | Template:
        """Write to the provider."""
        return await _write(request, principal, agreement_id, is_provider=False)

    @get("/files/{file_id:str}", permission=Permission.ENQUIRIES_OWN)
    async def file(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes]:
        """Hand a file out."""
        return await _file(db, principal, agreement_id, file_id, is_provider=False)

    @get("/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_OWN)
    async def report_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        message_id: FromPath[str],
    ) -> Template:
        """Ask what is wrong with a message."""
        return await _report_page(db, principal, agreement_id, message_id, {}, {}, is_provider=False)

    @post("/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_OWN)
    async def report(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        message_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Tell the council about a message."""
        return await _report(request, db, principal, agreement_id, message_id, data, is_provider=False)


class ClientTalkController(Controller):
    """The provider's side of one conversation."""

    path = "/provider/clients/{agreement_id:str}/talk"

    @get("/", permission=Permission.ENQUIRIES_ANSWER)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        before: FromQuery[str | None] = None,
    ) -> Template:
        """Show what was written, the newest first."""
        return await _show(db, principal, agreement_id, {}, {}, before, is_provider=True)

    @post("/", permission=Permission.ENQUIRIES_ANSWER, **UPLOAD)
    async def write(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Redirect | Template:
        """Write to the person."""
        return await _write(request, principal, agreement_id, is_provider=True)

    @get("/files/{file_id:str}", permission=Permission.ENQUIRIES_ANSWER)
    async def file(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes]:
        """Hand a file out."""
        return await _file(db, principal, agreement_id, file_id, is_provider=True)

    @get("/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_ANSWER)
    async def report_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        message_id: FromPath[str],
    ) -> Template:
        """Ask what is wrong with a message."""
        return await _report_page(db, principal, agreement_id, message_id, {}, {}, is_provider=True)

    @post("/messages/{message_id:str}/report", permission=Permission.ENQUIRIES_ANSWER)
    async def report(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        message_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Tell the council about a message."""
        return await _report(request, db, principal, agreement_id, message_id, data, is_provider=True)


def id_of(text: str) -> UUID:
    """Read an id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def message_lines(threads: ThreadService, written: list[Written], address: str) -> list[dict[str, Any]]:
    """Return what a page shows of messages; `address` is the path of the conversation."""
    files = await threads.threads.files([item.message.id for item in written])
    return [
        {
            "message": item.message,
            "writer": item.writer,
            "files": [_file_line(stored, address) for stored in files.get(item.message.id, [])],
        }
        for item in written
    ]


def _file_line(stored: StoredFile, address: str) -> dict[str, Any]:
    return {
        "name": stored.name,
        "href": f"{address}/files/{stored.id}",
        "is_ready": stored.scan is ScanState.CLEAN,
        "size": file_size(stored.size),
    }


async def _index(db: AsyncSession, principal: Principal, after: str | None, *, is_provider: bool) -> Template:
    service = TalkService(db)
    rows = await service.talk.newest(service.own(principal, is_provider=is_provider), parse_id(after or ""))
    shown = rows[:PAGE]
    thread_ids = [row.thread.id for row in shown if row.thread]
    unread = await service.threads.threads.unread(thread_ids, for_provider=is_provider)
    context = {
        "rows": [
            {
                "row": row,
                "other": _other(row, is_provider=is_provider),
                "unread": unread.get(row.thread.id, 0) if row.thread else 0,
            }
            for row in shown
        ],
        "base": CLIENTS if is_provider else OWN,
        "list": "/provider/talk" if is_provider else "/talk",
        "is_provider": is_provider,
        "more": shown[-1].agreement.id if len(rows) > PAGE else None,
    }
    return Template("bookings/talk/index.html", context=context)


async def _show(
    db: AsyncSession,
    principal: Principal,
    agreement_id: str,
    values: FormData,
    errors: dict[str, str],
    before: str | None = None,
    *,
    is_provider: bool,
) -> Template:
    service = TalkService(db)
    row = await service.find(principal, id_of(agreement_id), is_provider=is_provider)
    address = _address(row, is_provider=is_provider)
    written: list[Written] = []
    if row.thread is not None:
        written = await service.threads.threads.messages(row.thread, parse_id(before or ""))
        if written and not before:
            await service.threads.note_read(row.thread, written[0].message, is_provider=is_provider)
    shown = written[:MESSAGES]
    may_write = service.is_writable(row.agreement)
    context = {
        "row": row,
        "other": _other(row, is_provider=is_provider),
        "person_name": person_name(row),
        "address": address,
        "is_provider": is_provider,
        "items": await message_lines(service.threads, shown, address),
        "older": shown[-1].message.id if len(written) > MESSAGES else None,
        "is_first_page": not before,
        "may_write": may_write,
        "is_read": not is_provider or not may_write or await service.talk.is_read(row.agreement),
        "most_files": MOST_FILES,
        "values": values,
        "errors": errors,
    }
    return Template("bookings/talk/show.html", context=context, status_code=422 if errors else 200)


async def _write(
    request: Request[Any, Any, Any], principal: Principal, agreement_id: str, *, is_provider: bool
) -> Redirect | Template:
    """Keep a message. Its files are looked at before the transaction begins, and only for who may write."""
    form = await FileForm.read(request)
    wanted = id_of(agreement_id)
    async with transaction(session_maker(), principal.councils) as db:
        row = await TalkService(db).find(principal, wanted, is_provider=is_provider)
    given = form.files.get(FIELD, [])
    errors: dict[str, str] = {}
    words = ""
    checked: list[CheckedFile] = []
    try:
        words = read_words(form.values, WORDS)
    except InvalidInput as error:
        errors = dict(error.fields)
    try:
        checked = await check_all(given, field=FIELD, most=MOST_FILES)
    except FileRefused as error:
        errors |= error.fields
        await audit.record_refusal(
            principal,
            "bookings.refuse_talk_file",
            council_id=row.agreement.council_id,
            subject_kind="support_agreement",
            subject_id=wanted,
            why=error.reason,
            detail={"files": [{"sha256": file.sha256, "size": len(file.content)} for file in given[: 2 * MOST_FILES]]},
        )
    if given and errors:
        errors.setdefault(FIELD, CHOOSE_AGAIN)
    async with transaction(session_maker(), principal.councils) as db:

        async def act() -> str:
            await TalkService(db).write(principal, wanted, words, checked, is_provider=is_provider)
            return _address(row, is_provider=is_provider)

        if errors:
            return await _show(db, principal, agreement_id, typed(form.values), errors, is_provider=is_provider)
        answer = await submit(request, db, principal.actor, form.content, act)
    flash(request, "Your message is sent")
    return answer


async def _file(
    db: AsyncSession, principal: Principal, agreement_id: str, file_id: str, *, is_provider: bool
) -> Response[bytes]:
    service = TalkService(db)
    thread = await service.thread(principal, id_of(agreement_id), is_provider=is_provider)
    return file_answer(*await service.threads.open_file(principal, thread, id_of(file_id)))


async def _report_page(
    db: AsyncSession,
    principal: Principal,
    agreement_id: str,
    message_id: str,
    values: FormData,
    errors: dict[str, str],
    *,
    is_provider: bool,
) -> Template:
    service, wanted = TalkService(db), id_of(message_id)
    row = await service.find(principal, id_of(agreement_id), is_provider=is_provider)
    if row.thread is None:
        raise NotFound
    await service.threads.reportable(row.thread, wanted, is_provider=is_provider)
    context = {
        "address": _address(row, is_provider=is_provider),
        "message_id": wanted,
        "values": values,
        "errors": errors,
    }
    return Template("bookings/talk/report.html", context=context, status_code=422 if errors else 200)


async def _report(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    agreement_id: str,
    message_id: str,
    data: FormData,
    *,
    is_provider: bool,
) -> Redirect | Template:
    service, wanted = TalkService(db), id_of(message_id)
    row = await service.find(principal, id_of(agreement_id), is_provider=is_provider)
    thread = row.thread
    if thread is None:
        raise NotFound
    try:
        why = read_words(data, REPORT, longest=1_000)
    except InvalidInput as error:
        return await _report_page(
            db, principal, agreement_id, message_id, typed(data), error.fields, is_provider=is_provider
        )

    async def act() -> str:
        await service.threads.report(principal, thread, wanted, why, is_provider=is_provider)
        flash(request, "We told the council. Somebody there may read this conversation")
        return _address(row, is_provider=is_provider)

    return await submit(request, db, principal.actor, data, act)


def _address(row: TalkRow, *, is_provider: bool) -> str:
    return f"{CLIENTS if is_provider else OWN}/{row.agreement.id}/talk"


def _other(row: TalkRow, *, is_provider: bool) -> str:
    return person_name(row) if is_provider else row.organisation.name
