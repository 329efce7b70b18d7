"""Requests for more money: the person's own page to ask, and the managers' pages to answer."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.bookings import purse_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, typed
from marketplace.payments.repository.asks import MoneyAskRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service.account.asks import AnswerForm, AskForm, AskService
from marketplace.payments.service.account.movements import LARGEST_PENCE
from marketplace.payments.states import AskStatus

OWN_SHOWN = 10
TAGS = {
    AskStatus.WAITING: ("waiting", "Waits for an answer"),
    AskStatus.AGREED: ("approved", "Agreed"),
    AskStatus.REFUSED: ("refused", "Not agreed"),
}


class MoneyAskController(Controller):
    """Asking the council for more."""

    path = "/money/ask"

    @get("/", permission=Permission.MONEY_OWN)
    async def ask(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        short: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form and what was asked before; what a visit lacked may stand in the address."""
        pence = int(short) if short and short.isascii() and short.isdecimal() and len(short) <= 9 else 0
        values = {"amount": f"{pence // 100}.{pence % 100:02}" if pence else ""}
        return await _ask_page(db, principal, values, {})

    @post("/", permission=Permission.MONEY_OWN)
    async def send_ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send it to the council's managers."""

        async def act() -> str:
            form = FormReader(data)
            amount = form.pounds("amount", "how much more you need", least=1, most=LARGEST_PENCE)
            often = form.option("often", "how often you need it", ("once", "weekly"))
            reason = form.text("reason", "why you need it", longest=1000)
            form.done()
            wanted = AskForm(amount_pence=int(amount or 0), is_weekly=often == "weekly", reason=reason)
            await AskService(db).ask(principal, wanted)
            flash(request, "Your request is on its way to the council")
            return "/money/ask"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _ask_page(db, principal, typed(data), error.fields)


class MoneyRequestController(Controller):
    """Requests for more money as the council's managers see them."""

    path = "/money-requests"

    @get("/", permission=Permission.MONEY_ASKS_ANSWER)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what waits and what was answered."""
        service = AskService(db)
        context = {
            "waiting": await service.listed(principal, is_waiting=True),
            "answered": await service.listed(principal, is_waiting=False),
            "tags": TAGS,
        }
        return Template("payments/money/requests.html", context=context)

    @get("/{ask_id:str}", permission=Permission.MONEY_ASKS_ANSWER)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], ask_id: FromPath[str]
    ) -> Template:
        """Show one request with the person's money, and the form for the answer."""
        return await _request_page(db, principal, row_id(ask_id), {}, {})

    @post("/{ask_id:str}", permission=Permission.MONEY_ASKS_ANSWER)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        ask_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Answer it."""
        wanted = row_id(ask_id)

        async def act() -> str:
            await AskService(db).answer(principal, wanted, AnswerForm.read(data))
            flash(request, "Your answer is saved, and the person is told")
            return "/money-requests"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _request_page(db, principal, wanted, typed(data), error.fields)


ROUTES = [MoneyAskController, MoneyRequestController]


async def _ask_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    council_id, person_id = principal.council_id, principal.need_person()
    context = {
        "purse": await purse_of(db, council_id, person_id),
        "asks": await MoneyAskRepository(db).newest_of_person(council_id, person_id, OWN_SHOWN),
        "tags": TAGS,
        "values": values,
        "errors": errors,
    }
    return Template("payments/money/ask.html", context=context, status_code=422 if errors else 200)


async def _request_page(
    db: AsyncSession, principal: Principal, ask_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    row, person = await AskService(db).find(principal, ask_id)
    users = {one for one in (row.asked_by_user_id, row.answered_by_user_id) if one}
    context = {
        "row": row,
        "person": person,
        "names": await AccountRepository(db).names(users),
        "purse": await purse_of(db, row.council_id, row.person_id),
        "tag": TAGS[row.status],
        "is_waiting": row.status is AskStatus.WAITING,
        "is_own": row.asked_by_user_id == principal.user_id,
        "values": values,
        "errors": errors,
    }
    return Template("payments/money/request.html", context=context, status_code=422 if errors else 200)
