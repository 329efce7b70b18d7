"""One invoice or credit note of a supplier, and taking some of it back."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, typed
from marketplace.payments.models import InvoiceKind
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.routes.bill_pages import bill_context, credit_page, place_of, read_parts
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.invoice_files import LONGEST_NUMBER
from marketplace.payments.states import InvoiceStatus


class OwnBillController(Controller):
    """One of a supplier's own invoices."""

    path = "/provider/invoices"

    @get("/{invoice_id:str}", permission=Permission.EARNINGS_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=100_000)] = 0,
        only: Annotated[str, QueryParameter(name="only", max_length=10)] = "",
    ) -> Template:
        """Show an invoice with its lines, its holds and its credit notes."""
        bill = await BillRepository(db).own(principal.need_organisation(), principal.councils, row_id(invoice_id))
        council = await AccountRepository(db).council(bill.council_id)
        context = {
            **await bill_context(db, bill, after, only),
            "bill_council": council,
            "may_credit": bill.kind is InvoiceKind.PROVIDER_INVOICE
            and bill.status not in (InvoiceStatus.DRAFT, InvoiceStatus.REFUSED, InvoiceStatus.WITHDRAWN),
        }
        return Template("payments/invoice_own.html", context=context)

    @get("/{invoice_id:str}/credit", permission=Permission.EARNINGS_OWN)
    async def credit_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        after: Annotated[int, QueryParameter(name="after", ge=0, le=100_000)] = 0,
    ) -> Template:
        """Ask what to take back."""
        return await _credit_page(db, principal, invoice_id, after, {}, {})

    @post("/{invoice_id:str}/credit", permission=Permission.EARNINGS_OWN)
    async def credit(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invoice_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send a credit note."""

        async def action() -> str:
            form = FormReader(data)
            number = form.text("supplier_number", "your number of the credit note", longest=LONGEST_NUMBER)
            reason = form.text("reason", "why you take it back", longest=500)
            bill = await BillRepository(db).own(principal.need_organisation(), principal.councils, row_id(invoice_id))
            parts = read_parts(form, data, await BillRepository(db).lines(bill.id))
            form.done()
            note = await CreditNoteService(db).send(principal, bill.id, parts, reason, number)
            flash(request, f"You have sent credit note {note.supplier_number}")
            return f"/provider/invoices/{note.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _credit_page(db, principal, invoice_id, place_of(data), typed(data), error.fields)


async def _credit_page(
    db: AsyncSession, principal: Principal, invoice_id: str, after: int, values: FormData, errors: dict[str, str]
) -> Template:
    bill = await BillRepository(db).own(principal.need_organisation(), principal.councils, row_id(invoice_id))
    return await credit_page(db, bill, "/provider/invoices", after, values, errors)
