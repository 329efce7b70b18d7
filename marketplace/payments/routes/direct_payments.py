"""Direct payments: the person's own money page, and finance's list of accounts."""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings import BookingRepository, purse_of, weeks_of
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds, uk_month
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.service.direct_payments import (
    LARGEST_PAYMENT_PENCE,
    DirectPaymentService,
    FundingSource,
    next_month,
    previous_month,
    statement_csv,
)

PAGE = 50
CARDS_SHOWN = 20


class MoneyController(Controller):
    """A person's own money, or that of the person acted for."""

    path = "/money"

    @get("/", permission=Permission.MONEY_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: FromQuery[str | None] = None,
    ) -> Template:
        """Show what is in the direct payment, what is promised, and the statement of a month."""
        person_id, now = principal.need_person(), today(clock_of(db))
        service = DirectPaymentService(db)
        chosen = _month(month, now)
        has_account = await service.accounts.has_account(principal.council_id, person_id, now)
        spending = await service.spending(principal.council_id, person_id) if has_account else []
        context = {
            "purse": await purse_of(db, principal.council_id, person_id),
            "has_account": has_account,
            "statement": await service.statement(principal.council_id, person_id, chosen) if has_account else None,
            "before": previous_month(chosen),
            "next": next_month(chosen) if next_month(chosen) <= now else None,
            "chart": [(uk_month(day), pence, pounds(pence)) for day, pence in spending],
            "spent_pence": sum(pence for _, pence in spending),
            "cards": await CardRepository(db).newest_of_person(principal.council_id, person_id, CARDS_SHOWN),
        }
        return Template("payments/money/mine.html", context=context)

    @get("/statement.csv", permission=Permission.MONEY_OWN)
    async def download(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Give the statement of a month for a spreadsheet."""
        chosen = _month(month, today(clock_of(db)))
        statement = await DirectPaymentService(db).statement(principal.council_id, principal.need_person(), chosen)
        return _csv(statement_csv(statement), chosen)


class DirectPaymentController(Controller):
    """Direct payments as finance sees them."""

    path = "/direct-payments"

    @get("/", permission=Permission.BUDGETS_SET)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List people with a direct payment and what is left in it."""
        accounts = DirectPaymentRepository(db)
        council_id = principal.council_id
        cursor_id = parse_id(after or "")
        cursor = await accounts.person(council_id, cursor_id) if cursor_id else None
        holders = await accounts.holders(council_id, today(clock_of(db)), after=cursor, limit=PAGE + 1)
        shown = holders[:PAGE]
        promised = await BookingRepository(db).commitments(council_id, [holder.person.id for holder in shown])
        rows = [
            (
                holder,
                promised.get(holder.person.id, 0),
                weeks_of(max(0, holder.balance_pence - promised.get(holder.person.id, 0)), holder.weekly_pence),
            )
            for holder in shown
        ]
        context = {
            "rows": rows,
            "is_first": cursor is None,
            "more": shown[-1].person.id if len(holders) > PAGE else None,
        }
        return Template("payments/money/list.html", context=context)

    @get("/{person_id:str}", permission=Permission.BUDGETS_SET)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Template:
        """Show one account and the form to pay in."""
        return await _account_page(db, principal, _id(person_id), month, {"source": "council"}, {})

    @post("/{person_id:str}", permission=Permission.BUDGETS_SET)
    async def fund(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note money that was paid in."""
        wanted = _id(person_id)
        form = FormReader(data)
        amount = form.pounds("amount", "the amount", least=1, most=LARGEST_PAYMENT_PENCE)
        source = form.choice("source", "whose money it is", FundingSource)
        reason = form.text("reason", "what it is for", longest=500)
        try:
            form.done()
        except InvalidInput as error:
            return await _account_page(db, principal, wanted, None, data, error.fields)
        if amount is None or source is None:
            raise NotFound

        async def act() -> str:
            await DirectPaymentService(db).fund(principal, wanted, amount, reason, source)
            flash(request, f"{pounds(amount)} paid in")
            return f"/direct-payments/{wanted}"

        return await submit(request, db, principal.actor, data, act)


ROUTES = [MoneyController, DirectPaymentController]


async def _account_page(
    db: AsyncSession,
    principal: Principal,
    person_id: UUID,
    month: str | None,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    service, now = DirectPaymentService(db), today(clock_of(db))
    person = await service.accounts.person(principal.council_id, person_id)
    if person is None or not await service.accounts.has_account(principal.council_id, person_id, now):
        raise NotFound
    chosen = _month(month, now)
    context = {
        "person": person,
        "purse": await purse_of(db, principal.council_id, person_id),
        "statement": await service.statement(principal.council_id, person_id, chosen),
        "before": previous_month(chosen),
        "next": next_month(chosen) if next_month(chosen) <= now else None,
        "values": values,
        "errors": errors,
    }
    return Template("payments/money/account.html", context=context, status_code=422 if errors else 200)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _month(text: str | None, now: date) -> date:
    """Read a month of an address, "2027-03"; this month when there is none or it makes no sense."""
    found = parse_day(f"{text}-01") if text and len(text) == 7 else None
    return found if found and 2000 <= found.year <= now.year + 1 else now.replace(day=1)


def _csv(text: str, month: date) -> Response[str]:
    name = f"direct-payment-{month:%Y-%m}.csv"
    return Response(
        # The mark at the start tells spreadsheets that this is UTF-8.
        "\ufeff" + text,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
