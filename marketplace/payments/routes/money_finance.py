"""Finance's side of one account: who holds the money, what moved it, taking back, statements to take away."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.routes.money_shared import csv_answer, lines_of, month_of, movement_context, pdf_answer
from marketplace.payments.routes.shared import cut, row_id, take
from marketplace.payments.service.account.holding import HOLDING_LABELS, HoldingForm, HoldingService
from marketplace.payments.service.account.movements import LARGEST_PENCE, MovementService
from marketplace.people.models import Holding, Person

PAGE = 30


class AccountBookController(Controller):
    """The book of one direct payment."""

    path = "/direct-payments/{person_id:str}"

    @get("/holding", permission=Permission.BUDGETS_SET)
    async def holding(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show who holds the money, and the form to change it."""
        now = today(clock_of(db))
        values = {"starts_on-day": now.day, "starts_on-month": now.month, "starts_on-year": now.year}
        return await _holding_page(db, principal, row_id(person_id), values, {})

    @post("/holding", permission=Permission.BUDGETS_SET)
    async def arrange(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Set who holds the money from a day on."""
        wanted = row_id(person_id)

        async def act() -> str:
            form = FormReader(data)
            holding = form.choice("holding", "who holds the money", Holding)
            needs_manager = holding is Holding.PROVIDER_MANAGED
            manager = form.id("organisation_id", "the organisation", required=needs_manager)
            starts_on = form.day("starts_on", "the first day")
            reason = form.text("reason", "why", longest=300)
            form.done()
            if holding is None or starts_on is None:
                raise NotFound
            await HoldingService(db).arrange(
                principal,
                wanted,
                HoldingForm(holding=holding, organisation_id=manager, starts_on=starts_on, reason=reason),
            )
            flash(request, f"Arranged from {uk_date(starts_on)}")
            return f"/direct-payments/{wanted}/holding"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _holding_page(db, principal, wanted, typed(data), error.fields)

    @get("/payments", permission=Permission.BUDGETS_SET)
    async def payments(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List everything that moved the account beside visits."""
        person = await _person(db, principal, row_id(person_id))
        money = MoneyRepository(db)
        question = money.of_person(principal.council_id, person.id)
        rows, more = cut(await money.page(question, after=parse_id(after or ""), limit=PAGE + 1), PAGE)
        context = {
            "person": person,
            "lines": await lines_of(db, rows),
            "more": rows[-1].id if more else None,
            "is_first": not after,
        }
        return Template("payments/money/account_payments.html", context=context)

    @get("/payments/{movement_id:str}", permission=Permission.BUDGETS_SET)
    async def payment(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        movement_id: FromPath[str],
    ) -> Template:
        """Show one movement with its visits and receipts."""
        return await _movement_page(db, principal, row_id(person_id), row_id(movement_id), {}, {})

    @post("/payments/{movement_id:str}/undo", permission=Permission.BUDGETS_SET)
    async def undo(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        movement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take a movement back."""
        wanted = (row_id(person_id), row_id(movement_id))

        async def act() -> str:
            form = FormReader(data)
            reason = form.text("reason", "what was wrong", longest=300)
            form.done()
            await MovementService(db).correct(principal, wanted[1], reason)
            flash(request, "Taken back")
            return f"/direct-payments/{wanted[0]}/payments/{wanted[1]}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _movement_page(db, principal, *wanted, typed(data), error.fields)

    @get("/reclaim", permission=Permission.BUDGETS_SET)
    async def reclaim_form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show the form for money that came back to the council."""
        return await _reclaim_page(db, principal, row_id(person_id), {}, {})

    @post("/reclaim", permission=Permission.BUDGETS_SET)
    async def reclaim(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note money that came back to the council, such as an instalment of a surplus."""
        wanted = row_id(person_id)

        async def act() -> str:
            form = FormReader(data)
            amount = form.pounds("amount", "the amount", least=1, most=LARGEST_PENCE)
            reason = form.text("reason", "what it is for", longest=300)
            form.done()
            await MovementService(db).reclaim(principal, wanted, int(amount or 0), reason)
            flash(request, f"{pounds(int(amount or 0))} paid back to the council")
            return f"/direct-payments/{wanted}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _reclaim_page(db, principal, wanted, typed(data), error.fields)

    @get("/statement.csv", permission=Permission.BUDGETS_SET)
    async def download(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Give the statement of a month for a spreadsheet."""
        person = await _person(db, principal, row_id(person_id))
        return await csv_answer(db, principal.council_id, person.id, month_of(month, today(clock_of(db))))

    @get("/statement.pdf", permission=Permission.BUDGETS_SET)
    async def download_pdf(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Give the statement of a month as a PDF."""
        person = await _person(db, principal, row_id(person_id))
        return await pdf_answer(principal.council_id, person.id, month_of(month, today(clock_of(db))))


ROUTES = [AccountBookController]


async def _person(db: AsyncSession, principal: Principal, person_id: UUID) -> Person:
    accounts = DirectPaymentRepository(db)
    person = await accounts.person(principal.council_id, person_id)
    if person is None or not await accounts.has_account(principal.council_id, person_id, today(clock_of(db))):
        raise NotFound
    return person


async def _holding_page(
    db: AsyncSession, principal: Principal, person_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    person = await _person(db, principal, person_id)
    now, money = today(clock_of(db)), MoneyRepository(db)
    rows = await money.arrangements(principal.council_id, person_id)
    names = {one: await money.organisation_name(one) for one in {row.organisation_id for row in rows} if one}
    context = {
        "person": person,
        "rows": [
            (row, HOLDING_LABELS[row.holding], names[row.organisation_id] if row.organisation_id else "")
            for row in rows
        ],
        "choices": [(one.value, label) for one, label in HOLDING_LABELS.items()],
        "managers": [(str(one.id), one.name) for one in await money.fund_managers(principal.council_id, now)],
        "values": values,
        "errors": errors,
    }
    return Template("payments/money/holding.html", context=context, status_code=422 if errors else 200)


async def _movement_page(
    db: AsyncSession,
    principal: Principal,
    person_id: UUID,
    movement_id: UUID,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    row = await MoneyRepository(db).find(principal.council_id, movement_id)
    if row.person_id != person_id:
        raise NotFound
    context = await movement_context(db, row)
    context |= {
        "values": values,
        "errors": errors,
        "address": f"/direct-payments/{person_id}/payments/{row.id}",
        "files_at": "/money-audits/receipts",
        "back": f"/direct-payments/{person_id}/payments",
        "may_change": True,
        "can_have_receipt": False,
        "can_be_undone": context["reversal"] is None and row.reverses_id is None,
        "is_finance": True,
    }
    return Template("payments/money/payment.html", context=context, status_code=422 if errors else 200)


async def _reclaim_page(
    db: AsyncSession, principal: Principal, person_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    person = await _person(db, principal, person_id)
    free = await MovementService(db).free(principal.council_id, person_id)
    context = {"person": person, "free_pence": free, "values": values, "errors": errors}
    return Template("payments/money/reclaim.html", context=context, status_code=422 if errors else 200)
