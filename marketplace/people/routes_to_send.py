"""The council's list of letters to post and calls to make."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.messaging.contact import FORMATS, MADE_BY_HAND
from marketplace.messaging.models import MessageStatus
from marketplace.messaging.repository_contact import ContactRepository
from marketplace.people.repository_to_send import PAGE, ToSend
from marketplace.people.to_send import Outcome, OutcomeForm, ToSendService

BASE = "/to-send"


class ToSendController(Controller):
    """Letters and calls of the own council."""

    path = BASE

    @get("/", permission=Permission.PEOPLE_RECORD)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what waits, without the words."""
        rows = await ToSendService(db).waiting(principal, parse_id(after or ""))
        return Template("people/contact/to_send.html", context=_list(rows))

    @get("/done", permission=Permission.PEOPLE_RECORD)
    async def done(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what was done, by whom and when."""
        rows = await ToSendService(db).done(principal, parse_id(after or ""))
        users = {row.message.done_by_user_id for row in rows if row.message.done_by_user_id}
        context = _list(rows) | {"names": await AccountRepository(db).names(users)}
        return Template("people/contact/done.html", context=context)

    @get("/{message_id:str}", permission=Permission.PEOPLE_RECORD)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], message_id: FromPath[str]
    ) -> Template:
        """Show what to say, to whom and how."""
        return await _page(db, principal, _id(message_id), {}, {})

    @get("/{message_id:str}/letter", permission=Permission.PEOPLE_RECORD)
    async def letter(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], message_id: FromPath[str]
    ) -> Template:
        """Show the letter, to print."""
        row = await ToSendService(db).read(principal, _id(message_id))
        context = _facts(row) | {
            "row": row,
            "council": await ContactRepository(db).council(principal.council_id),
            "today": clock_of(db).now(),
            "parts": [part.split("\n") for part in row.message.body.strip().split("\n\n") if part.strip()],
            "is_large": row.message.format == "large_print",
        }
        return Template("people/contact/letter.html", context=context)

    @post("/{message_id:str}", permission=Permission.PEOPLE_RECORD)
    async def settle(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        message_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write down what came of it."""
        wanted = _id(message_id)

        async def act() -> str:
            await ToSendService(db).settle(principal, wanted, OutcomeForm.read(data))
            flash(request, "It is written down")
            return BASE

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)


ROUTES = [ToSendController]


async def _page(
    db: AsyncSession, principal: Principal, message_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    row = await ToSendService(db).read(principal, message_id)
    user_id = row.message.done_by_user_id
    is_letter = row.message.channel == "letter"
    context = _facts(row) | {
        "row": row,
        "is_letter": is_letter,
        "is_waiting": row.message.status is MessageStatus.QUEUED,
        "done_by": (await AccountRepository(db).names({user_id})).get(user_id, "") if user_id else "",
        "outcomes": [
            (Outcome.DONE.value, "I posted the letter" if is_letter else "I rang and read it out"),
            (Outcome.NOT_POSSIBLE.value, "It is not possible"),
        ],
        "values": values,
        "errors": errors,
    }
    return Template("people/contact/to_send_show.html", context=context, status_code=422 if errors else 200)


def _list(rows: list[ToSend]) -> dict[str, Any]:
    shown = rows[:PAGE]
    return {"rows": shown, "formats": FORMATS, "more": shown[-1].message.id if len(rows) > PAGE else None}


def _facts(row: ToSend) -> dict[str, Any]:
    made_as = row.message.format
    return {"format_words": FORMATS.get(made_as, made_as), "must_be_made": made_as in MADE_BY_HAND}


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
