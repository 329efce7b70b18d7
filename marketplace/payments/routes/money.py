"""A person's own account: payments they made, money back, receipts, statements to take away."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings import purse_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import InvalidInput
from marketplace.core.files.answers import file_answer
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.routes.money_shared import (
    lines_of,
    looked_at,
    month_of,
    movement_context,
    pdf_answer,
    read_refund,
    read_spending,
)
from marketplace.payments.routes.shared import cut, row_id, take
from marketplace.payments.service.account.holding import HoldingService
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.receipts import FIELD, ReceiptService
from marketplace.payments.service.account.spending import SpendingService

PAGE = 30


class MoneyPaymentController(Controller):
    """What moved a person's direct payment, and the forms of who holds it themselves."""

    path = "/money/payments"

    @get("/", permission=Permission.MONEY_OWN)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List payments in and out, and visits that are still to pay."""
        council_id, person_id = principal.council_id, principal.need_person()
        money = MoneyRepository(db)
        held = await HoldingService(db).on(council_id, person_id, today(clock_of(db)))
        question = money.of_person(council_id, person_id)
        rows, more = cut(await money.page(question, after=parse_id(after or ""), limit=PAGE + 1), PAGE)
        owed = await money.owed_visits(council_id, person_id)
        context = {
            "lines": await lines_of(db, rows),
            "more": rows[-1].id if more else None,
            "is_first": not after,
            "held": held,
            "owed": owed,
            "owed_pence": sum(visit.left_pence for visit in owed),
        }
        return Template("payments/money/payments.html", context=context)

    @get("/new", permission=Permission.MONEY_OWN)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        visit: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form for a payment; a visit may be chosen already."""
        now = today(clock_of(db))
        values: FormData = {
            "happened_on-day": now.day,
            "happened_on-month": now.month,
            "happened_on-year": now.year,
            "visits": [visit] if visit else [],
        }
        return await _payment_page(db, principal, values, {})

    @post("/new", permission=Permission.MONEY_OWN)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write a payment down."""

        async def act() -> str:
            form = read_spending(data)
            service = SpendingService(db)
            movement = await service.pay(principal, principal.council_id, principal.need_person(), form)
            flash(request, f"Payment of {pounds(form.amount_pence)} recorded")
            return f"/money/payments/{movement.id}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _payment_page(db, principal, typed(data), error.fields)

    @get("/back", permission=Permission.MONEY_OWN)
    async def back(self, principal: NamedDependency[Principal]) -> Template:
        """Show the form for money that came back."""
        principal.need_person()
        return Template("payments/money/refund.html", context={"values": {}, "errors": {}})

    @post("/back", permission=Permission.MONEY_OWN)
    async def record_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write down money that came back."""

        async def act() -> str:
            form = read_refund(data)
            service = SpendingService(db)
            movement = await service.give_back(principal, principal.council_id, principal.need_person(), form)
            flash(request, f"{pounds(form.amount_pence)} back in your direct payment")
            return f"/money/payments/{movement.id}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            context = {"values": typed(data), "errors": error.fields}
            return Template("payments/money/refund.html", context=context, status_code=error.status)

    @get("/{movement_id:str}", permission=Permission.MONEY_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], movement_id: FromPath[str]
    ) -> Template:
        """Show one payment with its visits and receipts."""
        return await _movement_page(db, principal, row_id(movement_id), {}, {})

    @post("/{movement_id:str}/undo", permission=Permission.MONEY_OWN)
    async def undo(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        movement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take back what was written down by mistake; both stay in the book."""

        async def act() -> str:
            form = FormReader(data)
            reason = form.text("reason", "what was wrong", longest=300)
            form.done()
            await MovementService(db).correct(principal, row_id(movement_id), reason)
            flash(request, "Taken back")
            return f"/money/payments/{movement_id}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _movement_page(db, principal, row_id(movement_id), typed(data), error.fields)

    @post("/{movement_id:str}/receipts", permission=Permission.MONEY_OWN, **UPLOAD)
    async def add_receipt(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], movement_id: FromPath[str]
    ) -> Redirect | Template:
        """Keep receipts with a payment. They are looked at before the transaction begins."""
        form = await FileForm.read(request)
        async with transaction(session_maker(), principal.councils) as db:
            await ReceiptService(db).own_movement(principal, row_id(movement_id))
        checked, errors = await looked_at(principal, form)
        if not errors and not checked:
            errors = {FIELD: "Choose a file"}
        async with transaction(session_maker(), principal.councils) as db:
            service = ReceiptService(db)

            async def act() -> str:
                row = await service.own_movement(principal, row_id(movement_id))
                await service.attach(principal, row.council_id, row.person_id, checked, movement_id=row.id)
                return f"/money/payments/{movement_id}"

            try:
                if errors:
                    raise InvalidInput(errors)
                async with db.begin_nested():
                    answer = await submit(request, db, principal.actor, form.content, act)
            except InvalidInput as error:
                return await _movement_page(db, principal, row_id(movement_id), {}, error.fields)
        flash(request, "Receipt kept")
        return answer


class MoneyReceiptController(Controller):
    """The person's receipts."""

    path = "/money/receipts"

    @get("/{file_id:str}", permission=Permission.MONEY_OWN)
    async def open(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], file_id: FromPath[str]
    ) -> Response[bytes]:
        """Hand a receipt out."""
        return file_answer(*await ReceiptService(db).open(principal, row_id(file_id)))

    @post("/{file_id:str}/remove", permission=Permission.MONEY_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        file_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a receipt back."""

        async def act() -> str:
            receipt = await ReceiptService(db).remove(principal, row_id(file_id))
            flash(request, "Receipt removed")
            return f"/money/payments/{receipt.movement_id}" if receipt.movement_id else "/money"

        return await submit(request, db, principal.actor, data, act)


class MoneyStatementController(Controller):
    """Statements to take away."""

    path = "/money"

    @get("/statement.pdf", permission=Permission.MONEY_OWN)
    async def download_pdf(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Give the statement of a month as a PDF."""
        chosen = month_of(month, today(clock_of(db)))
        return await pdf_answer(principal.council_id, principal.need_person(), chosen)


ROUTES = [MoneyPaymentController, MoneyReceiptController, MoneyStatementController]


async def _payment_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    council_id, person_id = principal.council_id, principal.need_person()
    chosen = values.get("visits", [])
    context = {
        "held": await HoldingService(db).on(council_id, person_id, today(clock_of(db))),
        "owed": await MoneyRepository(db).owed_visits(council_id, person_id),
        "purse": await purse_of(db, council_id, person_id),
        "values": values | {"visits": chosen if isinstance(chosen, list) else [chosen]},
        "errors": errors,
        "action": "/money/payments/new",
        "back": "/money/payments",
    }
    return Template("payments/money/payment_new.html", context=context, status_code=422 if errors else 200)


async def _movement_page(
    db: AsyncSession, principal: Principal, movement_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    row = await ReceiptService(db).own_movement(principal, movement_id)
    context = await movement_context(db, row) | {
        "values": values,
        "errors": errors,
        "address": f"/money/payments/{row.id}",
        "files_at": "/money/receipts",
        "back": "/money/payments",
        "may_change": row.organisation_id is None,
    }
    return Template("payments/money/payment.html", context=context, status_code=422 if errors else 200)
