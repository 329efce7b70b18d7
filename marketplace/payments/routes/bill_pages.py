"""What the pages of bills share: lines by page, holds, credit notes, history."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import BadRequest
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData
from marketplace.payments.models import CREDITS, Invoice, InvoiceKind, InvoiceLine
from marketplace.payments.repository.bills import Before, BillRepository
from marketplace.payments.repository.blocks import BlockUseRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.routes.shared import BILL_LABELS, LABELS, cut, timeline_of
from marketplace.payments.states import HOLD_WORDS, INVOICE, LineStatus
from marketplace.payments.vat import CODES
from marketplace.providers.models import VAT_LABELS

LINE_PAGE = 100
PLACE_DIGITS = 6
"""A bill has fewer than 100,000 lines."""
COUNCILS_BILLS = "/invoices"
KIND_LABELS: dict[str, str] = {
    InvoiceKind.SELF_BILL: "Self-bill",
    InvoiceKind.SELF_BILL_CREDIT: "Self-bill credit note",
    InvoiceKind.PROVIDER_INVOICE: "Invoice",
    InvoiceKind.CREDIT_NOTE: "Credit note",
}
LINE_LABELS: dict[str, str] = {
    LineStatus.CLEAN: "To be paid",
    LineStatus.HELD: "On hold",
    LineStatus.REFUSED: "Refused",
}
LINE_LOOKS: dict[str, str] = {
    LineStatus.CLEAN: "approved",
    LineStatus.HELD: "suspended",
    LineStatus.REFUSED: "closed",
}


def read_before(text: str) -> Before | None:
    """Read where a list goes on: a day and an id, "2027-03-03.…".

    Raises:
        BadRequest: It is no such place.
    """
    if not text:
        return None
    day, _, found = text.partition(".")
    row = parse_id(found)
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise BadRequest from error
    if row is None:
        raise BadRequest
    return Before(on, row)


def next_before(last: Invoice) -> str:
    """Write where a list goes on behind its last bill, as `read_before` reads it."""
    return f"{last.issued_on.isoformat()}.{last.id}"


def place_of(data: FormData) -> int:
    """Return behind which line a form's page of lines began; 0 where it does not say so."""
    after = str(data.get("after", "0"))
    return int(after) if after.isascii() and after.isdecimal() and len(after) < PLACE_DIGITS else 0


async def credit_page(
    db: AsyncSession, bill: Invoice, home: str, after: int, values: FormData, errors: dict[str, str]
) -> Template:
    """Ask what to take back of a bill, lines after a position; `home` is the list of bills the reader came from."""
    context = {
        **await bill_context(db, bill, after, ""),
        "action": f"{home}/{bill.id}/credit",
        "back": f"{home}/{bill.id}",
        "is_own": home != COUNCILS_BILLS,
        "values": values,
        "errors": errors,
    }
    return Template("payments/credit_note_new.html", context=context, status_code=422 if errors else 200)


async def bill_context(db: AsyncSession, bill: Invoice, after: int, only: str) -> dict[str, Any]:
    """Return what a page of a bill shows, lines after a position."""
    bills = BillRepository(db)
    wanted = LineStatus(only) if only in set(LineStatus) else None
    lines, has_more = cut(await bills.line_page(bill.id, after=after, limit=LINE_PAGE + 1, status=wanted), LINE_PAGE)
    ids = [line.id for line in lines]
    old = SelfBillRepository(db)
    return {
        **LABELS,
        "bill": bill,
        "lines": lines,
        "only": wanted.value if wanted else "",
        "next_after": lines[-1].position if has_more else 0,
        "line_sums": await bills.line_sums(bill.id),
        "holds": await bills.open_holds(ids),
        "credited": await bills.credited(ids),
        "block_use": await block_use(db, lines),
        "notes": await bills.credit_notes(bill.id),
        "original": await bills.get_one(id=bill.credits_id) if bill.credits_id else None,
        "organisation": await old.organisation(bill.organisation_id),
        "run": await old.run_of(bill.id),
        "freed": await bills.freed(bill.id),
        "is_credit": bill.kind in CREDITS,
        "kind_label": KIND_LABELS[bill.kind],
        "kind_labels": KIND_LABELS,
        "line_labels": LINE_LABELS,
        "line_looks": LINE_LOOKS,
        "hold_words": HOLD_WORDS,
        "vat_labels": VAT_LABELS,
        "vat_codes": CODES,
        "events": [
            {**event, "by": ""} for event in await timeline_of(db, await old.steps(INVOICE.kind, bill.id), BILL_LABELS)
        ],
    }


async def block_use(db: AsyncSession, lines: Sequence[InvoiceLine]) -> dict[UUID, tuple[int, int]]:
    """Return (visits, minutes) that are counted in the block month that a line bills, by line."""
    accruals = {line.accrual_id: line.id for line in lines if line.accrual_id is not None}
    counted = await BlockUseRepository(db).months_counted(accruals)
    return {accruals[accrual_id]: use for accrual_id, use in counted.items()}


def read_parts(form: FormReader, data: FormData, lines: Sequence[InvoiceLine]) -> dict[UUID, int]:
    """Read how much of each line is taken back: a field of pounds for each, or a tick for the whole bill.

    What is wrong is noted on the form.
    """
    counted = [line for line in lines if line.status is not LineStatus.REFUSED]
    if form.ticked("whole"):
        return {line.id: line.amount_pence for line in counted}
    parts: dict[UUID, int] = {}
    for line in counted:
        name = f"pounds-{line.position}"
        if data.get(name):
            pence = form.pounds(name, f"the amount of line {line.position}", least=1)
            if pence is not None:
                parts[line.id] = pence
    if not parts:
        form.wrong("lines", "Enter how much to take back of at least one line")
    return parts
