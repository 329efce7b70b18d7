"""Individual Service Funds: an organisation holds a direct payment for a person and accounts for it to both."""

from datetime import date, timedelta
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
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit, typed
from marketplace.payments.models import MoneyMovement
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.routes.money_shared import (
    csv_answer,
    lines_of,
    looked_at,
    month_of,
    movement_context,
    pdf_answer,
    read_spending,
)
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service.account.receipts import FIELD, ReceiptService
from marketplace.payments.service.account.spending import SpendingService
from marketplace.payments.service.direct_payments import DirectPaymentService, next_month, previous_month
from marketplace.people.models import DirectPaymentArrangement, Person

SHOWN = 30


class FundController(Controller):
    """Funds that the own organisation holds."""

    path = "/provider/funds"

    @get("/", permission=Permission.FUNDS_OWN)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List people whose money the organisation holds or held."""
        now = today(clock_of(db))
        rows: dict[UUID, tuple[DirectPaymentArrangement, Person, int]] = {}
        for arrangement, person, balance in await MoneyRepository(db).funds_of(
            principal.councils, principal.need_organisation()
        ):
            rows.setdefault(person.id, (arrangement, person, balance))
        shown = [(*row, _runs(row[0], now)) for row in rows.values()]
        return Template("payments/money/funds.html", context={"rows": shown})

    @get("/{person_id:str}", permission=Permission.FUNDS_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Template:
        """Show a fund: what is in it, its statement, and the form for what was paid from it."""
        return await _fund_page(db, principal, row_id(person_id), month, {}, {})

    @post("/{person_id:str}", permission=Permission.FUNDS_OWN)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write down what was paid for the person, beside the organisation's own visits."""
        wanted = row_id(person_id)
        arrangement, _ = await _fund(db, principal, wanted)
        council_id = arrangement.council_id

        async def act() -> str:
            form = read_spending(data)
            await SpendingService(db).pay(principal, council_id, wanted, form)
            flash(request, f"Payment of {pounds(form.amount_pence)} recorded")
            return f"/provider/funds/{wanted}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _fund_page(db, principal, wanted, None, typed(data), error.fields)

    @get("/{person_id:str}/statement.csv", permission=Permission.FUNDS_OWN)
    async def download(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Give the statement of a month for a spreadsheet."""
        arrangement, person = await _fund(db, principal, row_id(person_id))
        chosen = _month_in(arrangement, month_of(month, today(clock_of(db))))
        return await csv_answer(db, arrangement.council_id, person.id, chosen)

    @get("/{person_id:str}/statement.pdf", permission=Permission.FUNDS_OWN)
    async def download_pdf(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        """Give the statement of a month as a PDF, for the person and the council."""
        arrangement, person = await _fund(db, principal, row_id(person_id))
        chosen = _month_in(arrangement, month_of(month, today(clock_of(db))))
        return await pdf_answer(arrangement.council_id, person.id, chosen)

    @get("/{person_id:str}/payments/{movement_id:str}", permission=Permission.FUNDS_OWN)
    async def payment(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        movement_id: FromPath[str],
    ) -> Template:
        """Show a payment that the organisation made, with its receipts."""
        return await _payment_page(db, principal, row_id(person_id), row_id(movement_id), {}, {})

    @post("/{person_id:str}/payments/{movement_id:str}/receipts", permission=Permission.FUNDS_OWN, **UPLOAD)
    async def add_receipt(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        movement_id: FromPath[str],
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
                return f"/provider/funds/{person_id}/payments/{movement_id}"

            try:
                if errors:
                    raise InvalidInput(errors)
                async with db.begin_nested():
                    answer = await submit(request, db, principal.actor, form.content, act)
            except InvalidInput as error:
                return await _payment_page(db, principal, row_id(person_id), row_id(movement_id), {}, error.fields)
        flash(request, "Receipt kept")
        return answer

    @post("/{person_id:str}/payments/{movement_id:str}/undo", permission=Permission.FUNDS_OWN)
    async def undo(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        movement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take back what was written down by mistake."""

        async def act() -> str:
            form = FormReader(data)
            reason = form.text("reason", "what was wrong", longest=300)
            form.done()
            await SpendingService(db).correct(principal, row_id(movement_id), reason)
            flash(request, "Taken back")
            return f"/provider/funds/{person_id}/payments/{movement_id}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            wanted = (row_id(person_id), row_id(movement_id))
            return await _payment_page(db, principal, *wanted, typed(data), error.fields)

    @get("/receipts/{file_id:str}", permission=Permission.FUNDS_OWN)
    async def receipt(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], file_id: FromPath[str]
    ) -> Response[bytes]:
        """Hand a receipt out."""
        return file_answer(*await ReceiptService(db).open(principal, row_id(file_id)))


ROUTES = [FundController]


async def _fund(db: AsyncSession, principal: Principal, person_id: UUID) -> tuple[DirectPaymentArrangement, Person]:
    """Return the newest arrangement by which the organisation holds a person's money, or held it."""
    rows = await MoneyRepository(db).funds_of(principal.councils, principal.need_organisation(), person_id)
    if not rows:
        raise NotFound
    return rows[0][0], rows[0][1]


def _month_in(arrangement: DirectPaymentArrangement, month: date) -> date:
    """Keep a month within the time in which the organisation held the money: what was before is not theirs to see."""
    month = max(month, arrangement.starts_on.replace(day=1))
    # The end is half-open: a fund that ends on the first of a month has nothing of that month.
    last = arrangement.ends_on - timedelta(days=1) if arrangement.ends_on else None
    return min(month, last.replace(day=1)) if last else month


def _runs(arrangement: DirectPaymentArrangement, on: date) -> bool:
    return arrangement.starts_on <= on and (arrangement.ends_on is None or on < arrangement.ends_on)


async def _fund_page(
    db: AsyncSession,
    principal: Principal,
    person_id: UUID,
    month: str | None,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    arrangement, person = await _fund(db, principal, person_id)
    now = today(clock_of(db))
    chosen = _month_in(arrangement, month_of(month, now))
    money = MoneyRepository(db)
    question = money.of_organisation(principal.councils, principal.need_organisation())
    rows = await money.page(question.where(MoneyMovement.person_id == person_id), after=None, limit=SHOWN)
    before, after = previous_month(chosen), next_month(chosen)
    runs = _runs(arrangement, now)
    context = {
        "person": person,
        "arrangement": arrangement,
        "runs": runs,
        "purse": await purse_of(db, arrangement.council_id, person_id) if runs else None,
        "statement": await DirectPaymentService(db).statement(arrangement.council_id, person_id, chosen),
        "before": before if _month_in(arrangement, before) == before else None,
        "next": after if after <= now and _month_in(arrangement, after) == after else None,
        "lines": await lines_of(db, rows),
        "values": values,
        "errors": errors,
    }
    return Template("payments/money/fund.html", context=context, status_code=422 if errors else 200)


async def _payment_page(
    db: AsyncSession,
    principal: Principal,
    person_id: UUID,
    movement_id: UUID,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    row = await ReceiptService(db).own_movement(principal, movement_id)
    if row.person_id != person_id:
        raise NotFound
    context = await movement_context(db, row) | {
        "values": values,
        "errors": errors,
        "address": f"/provider/funds/{person_id}/payments/{row.id}",
        "files_at": "/provider/funds/receipts",
        "back": f"/provider/funds/{person_id}",
        "may_change": True,
    }
    return Template("payments/money/payment.html", context=context, status_code=422 if errors else 200)
