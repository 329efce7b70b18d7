"""Payments that the bank sent back: what they paid is owed again and never counts as settled (C8)."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.formats import uk_day
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService
from marketplace.payments.bacs import bacs_text
from marketplace.payments.errors import ReturnedBefore
from marketplace.payments.events import PaymentReturned
from marketplace.payments.models import Payable, PaymentRunLine, ReturnedItem
from marketplace.payments.repository.payables import PayableRepository
from marketplace.payments.repository.returned import ReturnedItemRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.returned_files import RETURN_CODES, ReturnedRow
from marketplace.payments.schemas import run_number
from marketplace.payments.service.payables import follow_payables
from marketplace.payments.service.runs import RUN_LINE_ENTRY
from marketplace.payments.states import PAYABLE, RELEASED_RUNS, PayableStatus

RETURNED_ENTRY = "payment-returned"
"""Kind of the ledger entry that takes back what a line paid; its source is the line."""


class FileOutcome(msgspec.Struct, frozen=True):
    """What became of the rows of a bank's list."""

    matched: int
    unmatched: int
    known: int
    """Entered before."""


class ReturnsService:
    """The verbs of returned payments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = PaymentRunRepository(db)
        self.items = ReturnedItemRepository(db)

    async def enter(self, principal: Principal, row: ReturnedRow, line_id: UUID | None = None) -> ReturnedItem:
        """Enter one payment that came back. Without a line the payment it fits is looked for.

        An item that fits no payment, or several, is kept for somebody to look into: nothing is opened by a guess.

        Raises:
            Forbidden: Not finance.
            NotFound: No such payment in the council.
            InvalidInput: A day before the payment left, or one to come.
            ReturnedBefore: The payment has come back already, or this very item was entered.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        await self.items.hold(principal.council_id)
        if line_id is None:
            if await self.items.is_known(principal.council_id, row):
                raise ReturnedBefore("The same item is in the list of returned payments.")
            line_id = await self._fitting(principal.council_id, row)
        return await self._enter(principal, row, line_id)

    async def enter_many(self, principal: Principal, rows: Sequence[ReturnedRow]) -> FileOutcome:
        """Enter a bank's list, all or nothing. Reading the same list twice changes nothing.

        Raises:
            Forbidden: Not finance.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        await self.items.hold(principal.council_id)
        matched = unmatched = known = 0
        for row in rows:
            if await self.items.is_known(principal.council_id, row):
                known += 1
                continue
            line_id = await self._fitting(principal.council_id, row)
            await self._enter(principal, row, line_id)
            matched, unmatched = matched + (line_id is not None), unmatched + (line_id is None)
        return FileOutcome(matched, unmatched, known)

    async def settle(self, principal: Principal, item_id: UUID, line_id: UUID | None, note: str) -> ReturnedItem:
        """Deal with an item that fitted no payment: say which payment it is, or that it is none of ours.

        Args:
            principal: Somebody of finance.
            item_id: Which item.
            line_id: The payment it is; None: none of this council's.
            note: What was found out.

        Raises:
            Forbidden: Not finance.
            NotFound: No such item, or no such payment.
            Conflict: Somebody dealt with it.
            InvalidInput: The payment is of another amount.
            ReturnedBefore: The payment has come back already.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        item = await self.items.find(principal.council_id, item_id, locked=True)
        if item.line_id is not None or item.settled_at is not None:
            raise Conflict("Somebody dealt with this returned payment in the meantime.")
        if line_id is not None:
            await self._take_back(principal, item, line_id)
        item.settled_at, item.settled_note = self.clock.now(), note
        self._record(principal, "payments.settle_returned", item, why=note)
        await self.db.flush()
        return item

    async def _fitting(self, council_id: UUID, row: ReturnedRow) -> UUID | None:
        """Return the one payment that an item fits; None where there is none, or more than one."""
        fitting = [
            line
            for line, _, _ in await self.items.candidates(council_id, row.amount_pence, row.returned_on)
            if fits(line, row)
        ]
        return fitting[0].id if len(fitting) == 1 else None

    async def _enter(self, principal: Principal, row: ReturnedRow, line_id: UUID | None) -> ReturnedItem:
        item = ReturnedItem(
            id=new_id(),
            council_id=principal.council_id,
            returned_on=row.returned_on,
            amount_pence=row.amount_pence,
            reference=row.reference,
            account_ends=row.account_ends,
            code=row.code,
            note=row.note,
            entered_by_user_id=principal.user_id,
            entered_at=self.clock.now(),
        )
        if line_id is not None:
            await self._take_back(principal, item, line_id)
        self.db.add(item)
        await self.db.flush()
        action = "payments.enter_returned" if line_id else "payments.enter_unknown_returned"
        self._record(principal, action, item, why=row.note)
        return item

    async def _take_back(self, principal: Principal, item: ReturnedItem, line_id: UUID) -> None:
        """Open again what a line paid, and take its entry back."""
        line = await self.runs.line(principal.council_id, line_id)
        if line is None:
            raise NotFound
        # The run comes first, as when it is confirmed: its payables are paid or open again, never both.
        run = await self.runs.find(principal.council_id, line.run_id, locked=True)
        line = await self.runs.line(principal.council_id, line_id, locked=True)
        if line is None or run.status not in RELEASED_RUNS or run.released_at is None:
            raise NotFound
        if line.returned_on is not None:
            raise ReturnedBefore(f"It came back on {uk_day(line.returned_on)}.")
        if item.amount_pence != line.amount_pence:
            raise InvalidInput({"line": "The amount of that payment is another one"})
        if not local(run.released_at).date() <= item.returned_on <= today(self.clock):
            raise InvalidInput({"returned_on": "The day must be between the payment’s release and today"})
        line.returned_on = item.returned_on
        item.line_id = line.id
        if not item.reference and not item.account_ends:
            item.reference, item.account_ends = line.reference, line.account_number[-4:]
        why = f"Came back from the bank: {RETURN_CODES.get(item.code, item.code).lower()}"
        memo = f"Returned payment of payment run {run_number(run.number)}"
        await LedgerService(self.db).reverse(run.council_id, RUN_LINE_ENTRY, line.id, as_kind=RETURNED_ENTRY, memo=memo)
        pairs = await PayableRepository(self.db).of_line(line.id)
        ids = [payable_id for payable_id, _ in pairs]
        by = principal.user_id
        await PAYABLE.move_many(self.db, Payable, ids, PayableStatus.OPEN, by=by, why=why, values={"paid_on": None})
        await follow_payables(self.db, {invoice_id for _, invoice_id in pairs}, by=by, why=why)
        outbox.publish(
            self.db,
            PaymentReturned(
                council_id=run.council_id,
                run_id=run.id,
                line_id=line.id,
                organisation_id=line.organisation_id,
                code=item.code,
            ),
        )

    def _record(self, principal: Principal, action: str, item: ReturnedItem, why: str) -> None:
        after = {"line_id": item.line_id, "amount_pence": item.amount_pence, "code": item.code}
        audit.record(
            self.db,
            principal,
            action,
            council_id=item.council_id,
            subject_kind="returned_item",
            subject_id=item.id,
            after={**after, "returned_on": item.returned_on.isoformat()},
            why=why,
        )


def fits(line: PaymentRunLine, row: ReturnedRow) -> bool:
    """Whether a payment is the one that came back, by what the bank repeats of it: reference and account."""
    if not row.reference and not row.account_ends:
        return False
    has_reference = not row.reference or bacs_text(row.reference) == bacs_text(line.reference)
    return has_reference and (not row.account_ends or line.account_number.endswith(row.account_ends))
