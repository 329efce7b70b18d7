"""What the pages of direct-payment accounts share: months, movements in words, receipts, statements to take away."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import NotFound
from marketplace.core.files.checking import CheckedFile, check_all
from marketplace.core.files.forms import FileForm
from marketplace.core.files.kinds import FileRefused
from marketplace.core.formats import file_size
from marketplace.core.forms import FormReader
from marketplace.core.models import ScanState, StoredFile
from marketplace.core.web import FormData
from marketplace.payments.models import Match, MoneyMovement, MovementKind
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.service.account.movements import LARGEST_PENCE
from marketplace.payments.service.account.pdf import statement_pdf
from marketplace.payments.service.account.receipts import FIELD, MOST_FILES, record_refused_receipt
from marketplace.payments.service.account.spending import RefundForm, SpendingForm
from marketplace.payments.service.direct_payments import (
    DirectPaymentService,
    movement_words,
    statement_csv,
)

MATCH_WORDS = {
    Match.MATCHED: "Proven by visits",
    Match.PARTLY: "Partly proven by visits",
    Match.UNMATCHED: "No visit proves it",
    Match.NOT_NEEDED: "",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A movement as lists show it."""

    row: MoneyMovement
    words: str
    match_words: str
    is_taken_back: bool
    receipts: int
    can_have_receipt: bool


def month_of(text: str | None, now: date) -> date:
    """Read a month of an address, "2027-03"; this month when there is none or it makes no sense."""
    found = parse_day(f"{text}-01") if text and len(text) == 7 else None
    return found if found and 2000 <= found.year <= now.year + 1 else now.replace(day=1)


async def lines_of(db: AsyncSession, movements: Sequence[MoneyMovement]) -> list[Line]:
    """Return movements as lists show them."""
    ids = [row.id for row in movements]
    money = MoneyRepository(db)
    reversals = await money.reversals(ids) if ids else {}
    receipts = await money.receipts_of(ids) if ids else {}
    return [
        Line(
            row=row,
            words=movement_words(row),
            match_words=MATCH_WORDS[row.match],
            is_taken_back=row.id in reversals,
            receipts=len(receipts.get(row.id, [])),
            can_have_receipt=row.kind is MovementKind.PAYMENT,
        )
        for row in movements
    ]


async def movement_context(db: AsyncSession, row: MoneyMovement) -> dict[str, Any]:
    """Return what the page of one movement shows."""
    money = MoneyRepository(db)
    receipts = (await money.receipts_of([row.id])).get(row.id, [])
    reversal = (await money.reversals([row.id])).get(row.id)
    return {
        "row": row,
        "words": movement_words(row),
        "match_words": MATCH_WORDS[row.match],
        "reversal": reversal,
        "visits": (await money.visits_of([row.id])).get(row.id, []),
        "receipts": [file_line(stored) for _, stored in receipts],
        "can_have_receipt": row.kind is MovementKind.PAYMENT and len(receipts) < MOST_FILES,
        "can_be_undone": reversal is None and row.kind in (MovementKind.PAYMENT, MovementKind.REFUND),
        "most": MOST_FILES,
    }


def file_line(stored: StoredFile) -> dict[str, Any]:
    """Return what pages say of a receipt."""
    return {
        "id": stored.id,
        "name": stored.name,
        "size": file_size(stored.size),
        "is_ready": stored.scan is ScanState.CLEAN,
    }


def read_spending(data: FormData) -> SpendingForm:
    """Read a payment.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    amount = form.pounds("amount", "how much was paid", least=1, most=LARGEST_PENCE)
    day = form.day("happened_on", "the day it was paid")
    payee = form.text("payee", "who was paid", longest=100)
    what = form.text("what", "what it was for", required=False, longest=300)
    chosen = data.get("visits", [])
    visits = []
    for text in chosen if isinstance(chosen, list) else [chosen]:
        if text:
            found = FormReader({"visits": text}).id("visits", "visits from the list")
            if found is None:
                form.wrong("visits", "Choose visits from the list")
            else:
                visits.append(found)
    form.done()
    if amount is None or day is None:
        raise ValueError("The reader let an empty field pass")
    return SpendingForm(
        amount_pence=amount,
        happened_on=day,
        payee=payee,
        what=what,
        visits=tuple(visits),
        is_another=form.ticked("is_another"),
    )


def read_refund(data: FormData) -> RefundForm:
    """Read money that came back.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    amount = form.pounds("amount", "how much came back", least=1, most=LARGEST_PENCE)
    day = form.day("happened_on", "the day it came back")
    payee = form.text("payee", "who paid it back", longest=100)
    what = form.text("what", "what it was for", longest=300)
    form.done()
    if amount is None or day is None:
        raise ValueError("The reader let an empty field pass")
    is_another = form.ticked("is_another")
    return RefundForm(amount_pence=amount, happened_on=day, payee=payee, what=what, is_another=is_another)


async def looked_at(
    principal: Principal, form: FileForm, field: str = FIELD
) -> tuple[list[CheckedFile], dict[str, str]]:
    """Look at the receipts of a form. Returns those that may be kept, or what is wrong; a refusal is audited.

    Call it while no transaction is open.
    """
    given = form.files.get(field, [])
    try:
        return await check_all(given, field=field, most=MOST_FILES), {}
    except FileRefused as error:
        await record_refused_receipt(principal, error, given)
        return [], error.fields


async def csv_answer(db: AsyncSession, council_id: UUID, person_id: UUID, month: date) -> Response[str]:
    """Give the statement of a month for a spreadsheet."""
    statement = await DirectPaymentService(db).statement(council_id, person_id, month)
    return Response(
        # The mark at the start tells spreadsheets that this is UTF-8.
        "\ufeff" + statement_csv(statement),
        media_type="text/csv; charset=utf-8",
        headers=_download(month, "csv"),
    )


async def pdf_answer(council_id: UUID, person_id: UUID, month: date) -> Response[bytes]:
    """Give the statement of a month as a PDF. No transaction is open while it is set; who may is asked before."""
    async with transaction(session_maker(), [council_id]) as db:
        person = await DirectPaymentRepository(db).person(council_id, person_id)
        council = await AccountRepository(db).council(council_id)
        statement = await DirectPaymentService(db).statement(council_id, person_id, month)
        made_on = today(clock_of(db))
    if person is None or council is None:
        raise NotFound
    content = await statement_pdf(
        statement, person=person.name, reference=person.reference, council=council.name, made_on=made_on
    )
    return Response(content, media_type="application/pdf", headers=_download(month, "pdf"))


def _download(month: date, ending: str) -> dict[str, str]:
    name = f"direct-payment-{month:%Y-%m}.{ending}"
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
