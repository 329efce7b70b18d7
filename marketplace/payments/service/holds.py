"""Held lines: only they wait, the rest of a bill is paid on time (V12)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.ids import new_id
from marketplace.payments.events import LineHoldEnded, LinesHeld
from marketplace.payments.line_checks import STOPS_CLOCK, AskedLine, Judged
from marketplace.payments.models import SELF_BILLED, Invoice, InvoiceLine, LineHold
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.service.bills import APPROVED_OR_LATER, WAITING, BillService, end_hold
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.facts import LineFacts, asked_of, columns_of, description_of
from marketplace.payments.states import HOLD_WORDS, INVOICE, HoldReason, InvoiceStatus, LineStatus
from marketplace.payments.vat import vat_inside

NOTHING_FITS = (
    "No approved visit fits this line yet, so there is nothing to pay it from. Ask the supplier to correct it"
)
VAT_FIRST = "Nobody has said how VAT applies to this service. Agree the VAT treatment first, then pay the line"


class HoldService:
    """Holds lines, takes suppliers' answers and corrections, and ends holds."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bills = BillRepository(db)

    async def hold(
        self, principal: Principal, invoice_id: UUID, line_ids: Collection[UUID], reason: HoldReason, words: str
    ) -> int:
        """Hold lines of a bill that are not payable yet; the supplier is told without delay.

        Args:
            principal: Somebody of finance.
            invoice_id: The bill, waiting for approval.
            line_ids: Clean lines of it.
            reason: What is wrong; `QUERIED` needs words.
            words: What the supplier reads beside the words of the reason.

        Returns:
            How many lines are held now that were not before.

        Raises:
            Forbidden: The role may not.
            NotFound: No such bill in the council.
            InvalidInput: No lines, lines of another bill, or no words for a question.
            Conflict: The bill was approved: its lines are payable.
        """
        principal.require(Permission.INVOICES_APPROVE)
        bill = await self.bills.sent(principal.council_id, invoice_id, locked=True)
        if not line_ids:
            raise InvalidInput({"lines": "Select the lines to hold"})
        if reason is HoldReason.QUERIED and not words:
            raise InvalidInput({"words": "Enter your question"})
        if bill.status not in WAITING or bill.credits_id is not None:
            raise Conflict("Lines can be held until the bill is approved. Take a payable line back by a credit note.")
        lines = [line for line in await self.bills.lines(bill.id, locked=True) if line.id in set(line_ids)]
        if len(lines) != len(set(line_ids)):
            raise InvalidInput({"lines": "Select lines of this bill"})
        taken_back = await self.bills.credited([line.id for line in lines], approved=True)
        lines = [line for line in lines if line.status is LineStatus.CLEAN and not taken_back.get(line.id)]
        hold_lines(self.db, bill, [(line, reason, words) for line in lines], by=principal.user_id)
        for line in lines:
            self._record(principal, "payments.hold_line", line, after={"reason": reason}, why=words)
        await self.db.flush()
        return len(lines)

    async def answer(self, principal: Principal, line_id: UUID, words: str) -> InvoiceLine:
        """Take a supplier's answer to what was asked about a held line; finance decides.

        Raises:
            NotFound: Not the supplier's line.
            Conflict: It is not held.
        """
        _, line, hold = await self._own_held(principal, line_id)
        self._answered(principal, hold, words)
        self._record(principal, "payments.answer_hold", line, after={"answered": True})
        await self.db.flush()
        return line

    async def correct(self, principal: Principal, line_id: UUID, asked: AskedLine) -> Judged:
        """Take a supplier's correction of a held line and judge it again. What fits now is no longer held.

        The bill keeps the day it came in: its valid parts lose nothing (V12).

        Returns:
            What became of the line.

        Raises:
            NotFound: Not the supplier's line.
            InvalidInput: More money than the line asked for: that needs an invoice of its own.
            Conflict: It is not held, or is no line of the supplier's own invoice.
        """
        bill, line, hold = await self._own_held(principal, line_id)
        if bill.kind in SELF_BILLED or not line.asked:
            raise Conflict("The council wrote this line. Answer it in words.")
        if asked.pence > line.amount_pence:
            raise InvalidInput({"amount_pounds": "A correction cannot ask for more. Put the rest on another invoice"})
        before = dict(line.asked)
        line.asked = {**line.asked, **columns_of(asked)}
        line.booking_id, line.service_on, line.description = None, asked.visit_on, description_of(asked)
        judged = await self._judge_again(bill, line, asked)
        await self._lower(bill, line, judged.amount_pence if judged.reason is None else asked.pence)
        self._answered(principal, hold, "The line was corrected")
        if judged.reason is None:
            await self._end(principal, bill, line, hold, "Corrected by the supplier")
        elif judged.reason is not line.reason_code:
            end_hold(
                hold, self.clock.now(), principal.user_id, "Corrected by the supplier, and held for another reason"
            )
            await self.db.flush()
            hold_lines(self.db, bill, [(line, judged.reason, judged.words)], by=None)
        self._record(principal, "payments.correct_line", line, before=before, after=dict(line.asked))
        await self.db.flush()
        return judged

    async def check_again(self, principal: Principal, line_id: UUID) -> Judged:
        """Judge a held line again, such as after the person approved the visit. What fits now is no longer held."""
        bill, line, hold = await self._held(principal, line_id)
        if bill.kind in SELF_BILLED or not line.asked:
            raise Conflict("The council wrote this line. Decide about it yourself.")
        judged = await self._judge_again(bill, line, asked_of(line))
        if judged.reason is None:
            await self._lower(bill, line, judged.amount_pence)
            await self._end(principal, bill, line, hold, "The line fits now")
        await self.db.flush()
        return judged

    async def agree(self, principal: Principal, line_id: UUID, words: str) -> InvoiceLine:
        """Pay a held line after all, at what was approved at most.

        Raises:
            Forbidden: The role may not.
            NotFound: No such line in the council.
            InvalidInput: Nothing that was earned fits it, or nobody said how VAT applies.
            Conflict: It is not held.
        """
        bill, line, hold = await self._held(principal, line_id)
        if line.accrual_id is None:
            judged = await self._judge_again(bill, line, asked_of(line)) if line.asked else None
            if judged is None or line.accrual_id is None:
                raise InvalidInput({"outcome": NOTHING_FITS})
        accruals = await self.bills.accruals([line.accrual_id], locked=True)
        earned = accruals[line.accrual_id]
        await self._lower(bill, line, min(line.amount_pence, earned.amount_pence))
        await self._set_vat(bill, line)
        await self._end(principal, bill, line, hold, words or "The council agrees")
        self._record(principal, "payments.agree_line", line, after={"amount_pence": line.amount_pence}, why=words)
        await self.db.flush()
        return line

    async def refuse(self, principal: Principal, line_id: UUID, words: str) -> InvoiceLine:
        """Refuse a held line for good. What it billed is free for another invoice; of a self-bill it is taken back.

        Raises:
            Conflict: It is not held.
        """
        bill, line, hold = await self._held(principal, line_id)
        if bill.kind in SELF_BILLED:
            await CreditNoteService(self.db).make(principal, bill.id, {line.id: line.amount_pence}, words)
        elif bill.total_pence == line.amount_pence:
            await BillService(self.db).refuse(principal, bill.id, words)
        else:
            end_hold(hold, self.clock.now(), principal.user_id, words)
            line.status, line.reason_code, line.held_at = LineStatus.REFUSED, None, None
            bill.total_pence -= line.amount_pence
            bill.vat_pence -= line.vat_pence
            bill.net_pence = bill.total_pence - bill.vat_pence
            if line.accrual_id is not None:
                await self.bills.put_on_bill([line.accrual_id], None)
        self._record(principal, "payments.refuse_line", line, after={"status": line.status}, why=words)
        self._ended(bill, line, is_paid=False)
        await self.db.flush()
        return line

    async def _held(self, principal: Principal, line_id: UUID) -> tuple[Invoice, InvoiceLine, LineHold]:
        principal.require(Permission.INVOICES_APPROVE)
        found = await self.bills.line(principal.council_id, line_id)
        bill = await self.bills.sent(principal.council_id, found.invoice_id, locked=True)
        return bill, *await self._still_held(line_id)

    async def _own_held(self, principal: Principal, line_id: UUID) -> tuple[Invoice, InvoiceLine, LineHold]:
        principal.require(Permission.EARNINGS_OWN)
        organisation_id = principal.need_organisation()
        found = await self.bills.own_line(organisation_id, principal.councils, line_id)
        bill = await self.bills.own(organisation_id, principal.councils, found.invoice_id, locked=True)
        return bill, *await self._still_held(line_id)

    async def _still_held(self, line_id: UUID) -> tuple[InvoiceLine, LineHold]:
        line = await self.bills.locked_line(line_id)
        hold = await self.bills.open_hold(line_id)
        if line.status is not LineStatus.HELD or hold is None:
            raise Conflict("This line is no longer on hold.")
        return line, hold

    def _answered(self, principal: Principal, hold: LineHold, words: str) -> None:
        hold.answer, hold.answered_at, hold.answered_by_user_id = words, self.clock.now(), principal.user_id

    async def _judge_again(self, bill: Invoice, line: InvoiceLine, asked: AskedLine) -> Judged:
        """Judge what a line asks for by what is known now, and let it take what it bills."""
        if line.accrual_id is not None:
            await self.bills.put_on_bill([line.accrual_id], None)
            line.accrual_id = None
            await self.db.flush()
        facts = LineFacts(self.db, bill.council_id, bill.organisation_id)
        checker = await facts.checker({asked.visit_on}, locked=True)
        judged = checker.judge(asked)
        line.booking_id = judged.booking_id
        if judged.accrual_id is not None:
            line.accrual_id = judged.accrual_id
            await self.bills.put_on_bill([judged.accrual_id], bill.id)
        await self.db.flush()
        return judged

    async def _lower(self, bill: Invoice, line: InvoiceLine, pence: int) -> None:
        """Let a line stand at less, with its share of VAT; the bill's total follows."""
        if pence >= line.amount_pence:
            return
        vat = await self._share(bill, line, pence, line.vat_rate)
        bill.total_pence -= line.amount_pence - pence
        bill.vat_pence -= line.vat_pence - vat
        bill.net_pence = bill.total_pence - bill.vat_pence
        if line.claimed_pence is None:
            line.claimed_pence = line.amount_pence
        line.amount_pence, line.vat_pence = pence, vat

    async def _share(self, bill: Invoice, line: InvoiceLine, pence: int, rate: int) -> int:
        """Return the VAT in a line of so many pence: what makes the bill's lines of its rate add up to one rounding."""
        await self.db.flush()
        gross, vat = await LineFacts(self.db, bill.council_id, bill.organisation_id).rows.beside(bill.id, line.id, rate)
        return min(max(vat_inside(gross + pence, rate) - vat, 0), vat_inside(pence, rate) + 1, pence)

    async def _set_vat(self, bill: Invoice, line: InvoiceLine) -> None:
        """Work out the VAT of a line whose treatment was not known, or whose amount or service changed."""
        facts = LineFacts(self.db, bill.council_id, bill.organisation_id)
        accrual = (await self.bills.accruals([line.accrual_id] if line.accrual_id else []))[line.accrual_id or bill.id]
        vat = await facts.vat(facts.line_of(accrual), line.service_on or accrual.earned_on)
        if vat is None:
            raise InvalidInput({"outcome": VAT_FIRST})
        if (vat.category, vat.rate) == (line.vat_category, line.vat_rate):
            return
        inside = await self._share(bill, line, line.amount_pence, vat.rate)
        bill.vat_pence += inside - line.vat_pence
        bill.net_pence = bill.total_pence - bill.vat_pence
        line.vat_pence, line.vat_category, line.vat_rate, line.vat_reason = inside, vat.category, vat.rate, vat.reason

    async def _end(self, principal: Principal, bill: Invoice, line: InvoiceLine, hold: LineHold, words: str) -> None:
        """End a hold: the line goes with its bill, or is payable by itself where the bill was approved before."""
        await self._set_vat(bill, line)
        end_hold(hold, self.clock.now(), principal.user_id, words)
        line.status, line.reason_code, line.held_at = LineStatus.CLEAN, None, None
        await self.db.flush()
        if bill.status in APPROVED_OR_LATER:
            await BillService(self.db).owe(bill, [line], by=principal.user_id, kind="held-line", source_id=line.id)
            if bill.status is not InvoiceStatus.APPROVED:
                why = f"Line {line.position} was agreed"
                INVOICE.move(self.db, bill, InvoiceStatus.APPROVED, by=principal.user_id, why=why)
        self._ended(bill, line, is_paid=True)

    def _ended(self, bill: Invoice, line: InvoiceLine, *, is_paid: bool) -> None:
        outbox.publish(
            self.db,
            LineHoldEnded(
                council_id=bill.council_id,
                invoice_id=bill.id,
                organisation_id=bill.organisation_id,
                line_id=line.id,
                is_paid=is_paid,
            ),
        )

    def _record(
        self,
        principal: Principal,
        action: str,
        line: InvoiceLine,
        *,
        before: dict[str, object] | None = None,
        after: dict[str, object],
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=line.council_id,
            subject_kind="invoice_line",
            subject_id=line.id,
            before=before,
            after=after,
            why=why,
        )


def hold_lines(
    db: AsyncSession, bill: Invoice, lines: Sequence[tuple[InvoiceLine, HoldReason, str]], *, by: UUID | None
) -> None:
    """Hold lines with a row each, and tell the supplier of them together.

    Args:
        db: The transaction; the bill is locked in it, or new.
        bill: Numbered.
        lines: Each with its reason and further words.
        by: Somebody of finance; None where a check did.
    """
    now = clock_of(db).now()
    for line, reason, words in lines:
        line.status, line.reason_code, line.held_at = LineStatus.HELD, reason, now
        db.add(
            LineHold(
                id=new_id(),
                council_id=bill.council_id,
                line_id=line.id,
                reason_code=reason,
                reason="" if words == HOLD_WORDS[reason] else words,
                stops_clock=reason in STOPS_CLOCK,
                held_at=now,
                held_by_user_id=by,
            )
        )
    if lines:
        outbox.publish(
            db,
            LinesHeld(
                council_id=bill.council_id,
                invoice_id=bill.id,
                organisation_id=bill.organisation_id,
                line_ids=tuple(line.id for line, _, _ in lines[:MOST_NAMED]),
            ),
        )


MOST_NAMED = 50
"""Lines that a message names; all of them stand on the page of the bill."""
