"""A supplier's invoices: the list, and a new one from delivered visits."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, typed
from marketplace.payments.models import InvoiceKind
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.repository.invoice_facts import InvoiceFactRepository
from marketplace.payments.repository.supply import BatchRepository
from marketplace.payments.routes.bill_pages import LINE_PAGE, next_before, read_before
from marketplace.payments.routes.own_invoices.shared import council_of, councils_of, last_month
from marketplace.payments.routes.shared import LABELS, PAGE, cut, take
from marketplace.payments.schemas import PeriodForm
from marketplace.payments.service.invoice_files import LONGEST_NUMBER
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.states import BatchStatus

OWN_KINDS = (InvoiceKind.PROVIDER_INVOICE, InvoiceKind.CREDIT_NOTE)
MOST_WAITING = 50


class OwnInvoiceController(Controller):
    """A supplier's own invoices."""

    path = "/provider/invoices"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=60)] = "",
    ) -> Template:
        """Show invoices and credit notes, newest first, and files that wait to be sent."""
        organisation_id = principal.need_organisation()
        rows, has_more = cut(
            await BillRepository(db).of_supplier(
                organisation_id, principal.councils, OWN_KINDS, before=read_before(before), limit=PAGE + 1
            )
        )
        files = await BatchRepository(db).of_supplier(organisation_id, principal.councils, before=None, limit=10)
        context = {
            **LABELS,
            "rows": rows,
            "files": [(batch, name) for batch, name in files if batch.status is BatchStatus.CHECKED],
            "next_before": next_before(rows[-1][0]) if has_more else "",
            "several_councils": len(principal.councils) > 1,
            "may_send": bool(await councils_of(db, principal)),
        }
        return Template("payments/invoices_own.html", context=context)

    @get("/new", permission=Permission.EARNINGS_OWN)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask for the days; last month is filled in."""
        principal.need_organisation()
        return await _new_page(db, principal, {**last_month(today(clock_of(db)))}, {})

    @post("/new", permission=Permission.EARNINGS_OWN)
    async def preview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], data: URLEncodedBody[FormData]
    ) -> Template:
        """Show what would be billed."""
        try:
            period, number = _period_and_number(data, today(clock_of(db)))
            council_id = council_of(principal, data)
            found = await InvoiceService(db).delivered(principal, council_id, period)
            if not found.rows and not found.unclear:
                raise InvalidInput({"first_on": "Nothing was approved on these days that is not on a bill already"})
        except InvalidInput as error:
            return await _new_page(db, principal, typed(data), error.fields)
        organisation_id = principal.need_organisation()
        context = {
            "found": found,
            "period": period,
            "number": number,
            "values": typed(data),
            "council": council_id,
            "council_label": (await InvoiceFactRepository(db).council_names([council_id])).get(council_id, ""),
            "shown": found.rows[:LINE_PAGE],
            "not_approved": await InvoiceFactRepository(db).not_approved(
                council_id, organisation_id, period.starts_on, period.ends_on, MOST_WAITING
            ),
        }
        return Template("payments/invoice_preview.html", context=context)

    @post("/", permission=Permission.EARNINGS_OWN)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send the invoice that the preview showed."""

        async def action() -> str:
            period, number = _period_and_number(data, today(clock_of(db)))
            text = str(data.get("expected_pence", ""))
            expected = int(text) if text.isascii() and text.isdecimal() and len(text) < 15 else -1
            invoice = await InvoiceService(db).send_delivered(
                principal, council_of(principal, data), period, number, expected
            )
            flash(request, f"You have sent invoice {invoice.supplier_number}. The council calls it {invoice.number}")
            return f"/provider/invoices/{invoice.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _new_page(db, principal, typed(data), error.fields)


def _period_and_number(data: FormData, day: date) -> tuple[PeriodForm, str]:
    form = FormReader(data)
    number = form.text("supplier_number", "your invoice number", longest=LONGEST_NUMBER)
    try:
        period = PeriodForm.read(data, day)
    except InvalidInput as error:
        raise InvalidInput({**error.fields, **form.errors}) from error
    form.done()
    return period, number


async def _new_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    principal.require(Permission.EARNINGS_OWN)
    context = {"councils": await councils_of(db, principal), "values": values, "errors": errors}
    return Template("payments/invoice_new.html", context=context, status_code=422 if errors else 200)
