"""Invoices sent in as a file of visits: read, judged line by line, looked at, then sent or given up."""

import hashlib
import io
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.payments.line_checks import Judged, LineChecker
from marketplace.payments.models import Invoice, InvoiceBatch, InvoiceLine
from marketplace.payments.repository.series import PROVIDER_INVOICES, take_numbers
from marketplace.payments.service.facts import LineFacts, asked_of, columns_of, description_of
from marketplace.payments.service.holds import hold_lines
from marketplace.payments.service.invoice_files import MOST_PROBLEMS, AskedRow, Problem, ReadFile, read_file
from marketplace.payments.service.invoices.steps import InvoiceSteps
from marketplace.payments.states import BATCH, HOLD_WORDS, INVOICE, BatchStatus, HoldReason, InvoiceStatus, LineStatus
from marketplace.payments.vat import Vat, vat_of_document

SAME_NUMBER = "same-number"
CHANGED = "What is known about these visits has changed since you looked. Check the lines again, then send"


class CheckedLine(NamedTuple):
    """A row of a file and what became of it."""

    row: AskedRow
    judged: Judged


class InvoiceFiles(InvoiceSteps):
    """Verbs for a file of visits."""

    async def check_file(self, principal: Principal, council_id: UUID, name: str, body: bytes) -> InvoiceBatch:
        """Read a file and judge its lines. Nothing is sent: the supplier looks at the result first.

        Args:
            principal: Somebody of the supplier.
            council_id: Whom its invoices go to.
            name: What the file was called.
            body: Its bytes.

        Raises:
            UnreadableFile: It is no such file.
            InvalidInput: The same file was sent before.
            Conflict: The council makes out the organisation's bills.
        """
        organisation_id = await self._supplier(principal, council_id)
        sha256 = hashlib.sha256(body).hexdigest()
        sent = await self.batches.sent_before(council_id, organisation_id, sha256)
        if sent is not None:
            raise InvalidInput({"file": "You sent this very file before. Choose another file"})
        read = read_file(io.BytesIO(body))
        read = await self._without_same_numbers(council_id, organisation_id, read)
        batch = InvoiceBatch(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation_id,
            status=BatchStatus.CHECKED,
            file_name=name[-200:],
            sha256=sha256,
            row_count=0,
            clean_count=0,
            held_count=0,
            unread_count=0,
            problems=[],
            uploaded_by_user_id=principal.user_id,
            uploaded_at=self.clock.now(),
        )
        self.db.add(batch)
        await self.db.flush()
        BATCH.begin(self.db, batch, by=principal.user_id)
        await self._store(principal, batch, read)
        self._record(principal, "payments.check_file", batch)
        await self.db.flush()
        return batch

    async def send_file(self, principal: Principal, batch_id: UUID) -> Sequence[Invoice]:
        """Send the invoices of a checked file: valid lines go on, the others are held with their reason.

        Every line is judged once more, with what was earned held in this transaction. Where the result is not what the
        supplier saw, nothing is sent.

        Raises:
            NotFound: Not the supplier's file.
            StepRefused: It was sent or dropped before.
            InvalidInput: The result changed since the check, or an invoice number was used meanwhile.
        """
        principal.require(Permission.EARNINGS_OWN)
        batch = await self.batches.own(principal.need_organisation(), principal.councils, batch_id, locked=True)
        organisation_id = await self._supplier(principal, batch.council_id)
        BATCH.move(self.db, batch, BatchStatus.SENT, by=principal.user_id)
        await take_numbers(self.db, batch.council_id, PROVIDER_INVOICES, 0)
        invoices = await self.batches.invoices(batch.id)
        if not invoices:
            raise InvalidInput({"form": "No row of this file can be read, so there is nothing to send"})
        used = await self.bills.number_taken(
            batch.council_id, organisation_id, [row.supplier_number for row in invoices]
        )
        if used:
            number = next(iter(used.values()))
            raise InvalidInput({"form": f"An invoice number of this file was used meanwhile, on {number.number}"})
        lines = await self.batches.lines(batch.id)
        facts = LineFacts(self.db, batch.council_id, organisation_id)
        checker = await facts.checker({asked_of(line).visit_on for line in lines}, locked=True)
        judged = {line.id: checker.judge(asked_of(line)) for line in lines}
        if any(
            (judged[line.id].reason, judged[line.id].amount_pence) != (line.reason_code, line.amount_pence)
            for line in lines
        ):
            raise InvalidInput({"form": CHANGED})
        by_invoice: dict[UUID, list[InvoiceLine]] = defaultdict(list)
        taken: dict[UUID, list[UUID]] = defaultdict(list)
        for line in lines:
            by_invoice[line.invoice_id].append(line)
            line.accrual_id = judged[line.id].accrual_id
            if line.accrual_id is not None:
                taken[line.invoice_id].append(line.accrual_id)
        await self.db.flush()
        held = {row.id: [line for line in by_invoice[row.id] if line.status is LineStatus.HELD] for row in invoices}
        for invoice in invoices:
            await self.bills.put_on_bill(taken[invoice.id], invoice.id)
        await self._number(principal, invoices, {row.id: len(held[row.id]) for row in invoices})
        for invoice in invoices:
            reasons = [(line, line.reason_code, judged[line.id].words) for line in held[invoice.id]]
            hold_lines(self.db, invoice, [(line, why, words) for line, why, words in reasons if why], by=None)
        self._record(principal, "payments.send_file", batch)
        await self.db.flush()
        return invoices

    async def check_again(self, principal: Principal, batch_id: UUID) -> InvoiceBatch:
        """Judge the lines of a file anew that was not sent yet."""
        principal.require(Permission.EARNINGS_OWN)
        batch = await self.batches.own(principal.need_organisation(), principal.councils, batch_id, locked=True)
        if batch.status is not BatchStatus.CHECKED:
            raise Conflict("This file was sent or given up.")
        lines = await self.batches.lines(batch.id)
        invoices = {row.id: row for row in await self.batches.invoices(batch.id)}
        facts = LineFacts(self.db, batch.council_id, batch.organisation_id)
        checker = await facts.checker({asked_of(line).visit_on for line in lines})
        by_invoice: dict[UUID, list[InvoiceLine]] = defaultdict(list)
        for line in lines:
            judged = checker.judge(asked_of(line))
            line.status, line.reason_code, line.held_at = judged.status, judged.reason, None
            line.booking_id, line.amount_pence = judged.booking_id, judged.amount_pence
            line.asked = {**line.asked, "words": judged.words}
            by_invoice[line.invoice_id].append(line)
            await self._give_vat([line], [judged], facts)
        for invoice_id, rows in by_invoice.items():
            invoice = invoices[invoice_id]
            self._share_vat(rows)
            invoice.total_pence = sum(line.amount_pence for line in rows)
            invoice.vat_pence = sum(line.vat_pence for line in rows)
            invoice.net_pence = invoice.total_pence - invoice.vat_pence
        batch.held_count = sum(1 for line in lines if line.status is LineStatus.HELD)
        batch.clean_count = len(lines) - batch.held_count
        await self.db.flush()
        return batch

    async def drop_file(self, principal: Principal, batch_id: UUID) -> InvoiceBatch:
        """Give up a file that was not sent."""
        principal.require(Permission.EARNINGS_OWN)
        batch = await self.batches.own(principal.need_organisation(), principal.councils, batch_id, locked=True)
        BATCH.move(self.db, batch, BatchStatus.DROPPED, by=principal.user_id)
        for invoice in await self.batches.invoices(batch.id):
            INVOICE.move(self.db, invoice, InvoiceStatus.WITHDRAWN, by=principal.user_id)
        self._record(principal, "payments.drop_file", batch)
        await self.db.flush()
        return batch

    async def _without_same_numbers(self, council_id: UUID, organisation_id: UUID, read: ReadFile) -> ReadFile:
        """Block the rows whose invoice number was used before."""
        used = await self.bills.number_taken(council_id, organisation_id, {row.invoice_number for row in read.rows})
        if not used:
            return read
        rows, problems = [], list(read.problems)
        for row in read.rows:
            before = used.get(row.invoice_number.upper())
            if before is None:
                rows.append(row)
            else:
                words = (
                    f"Invoice {row.invoice_number} was sent on {uk_date(before.received_on)} ({before.number}). "
                    "Use a new number"
                )
                problems.append(Problem(row.row, SAME_NUMBER, words))
        return ReadFile(rows, sorted(problems))

    async def _store(self, principal: Principal, batch: InvoiceBatch, read: ReadFile) -> None:
        """Write the drafts of a file's invoices with their judged lines."""
        facts = LineFacts(self.db, batch.council_id, batch.organisation_id)
        checker: LineChecker = await facts.checker({row.asked.visit_on for row in read.rows})
        groups: dict[str, list[CheckedLine]] = {}
        for row in read.rows:
            groups.setdefault(row.invoice_number.upper(), []).append(CheckedLine(row, checker.judge(row.asked)))
        for checked in groups.values():
            lines = [self._line(batch.council_id, item, position) for position, item in enumerate(checked, start=1)]
            await self._give_vat(lines, [item.judged for item in checked], facts)
            self._share_vat(lines)
            days = [item.row.asked.visit_on for item in checked]
            invoice = await self._invoice(
                principal,
                batch.council_id,
                batch.organisation_id,
                supplier_number=checked[0].row.invoice_number,
                period=(min(days), max(days) + timedelta(days=1)),
                total_pence=sum(line.amount_pence for line in lines),
                vat_pence=sum(line.vat_pence for line in lines),
                batch_id=batch.id,
            )
            for line in lines:
                line.invoice_id = invoice.id
            self.db.add_all(lines)
        held = sum(1 for items in groups.values() for item in items if item.judged.reason is not None)
        batch.row_count = read.row_count
        batch.unread_count = len(read.problems)
        batch.held_count = held
        batch.clean_count = len(read.rows) - held
        batch.problems = [problem.as_dict() for problem in read.problems[:MOST_PROBLEMS]]
        await self.db.flush()

    def _line(self, council_id: UUID, item: CheckedLine, position: int) -> InvoiceLine:
        asked, judged = item.row.asked, item.judged
        return InvoiceLine(
            id=new_id(),
            council_id=council_id,
            position=position,
            status=judged.status,
            booking_id=judged.booking_id,
            service_on=asked.visit_on,
            description=description_of(asked),
            claimed_pence=asked.pence,
            amount_pence=judged.amount_pence,
            asked={**columns_of(asked), "row": item.row.row, "words": judged.words},
            reason_code=judged.reason,
        )

    async def _give_vat(self, lines: Sequence[InvoiceLine], judged: Sequence[Judged], facts: LineFacts) -> None:
        """Note how VAT applies to each line; of a line whose service is not known yet nothing is said."""
        for line, found in zip(lines, judged, strict=True):
            vat = await facts.vat(found.service_line, line.service_on or today(self.clock))
            vat = vat or Vat(line.vat_category, 0, "")
            line.vat_category, line.vat_rate, line.vat_reason = vat.category, vat.rate, vat.reason

    def _share_vat(self, lines: Sequence[InvoiceLine]) -> None:
        shares = vat_of_document(
            [(line.amount_pence, Vat(line.vat_category, line.vat_rate, line.vat_reason)) for line in lines]
        )
        for line, share in zip(lines, shares, strict=True):
            line.vat_pence = share

    def _record(self, principal: Principal, action: str, batch: InvoiceBatch) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=batch.council_id,
            subject_kind="invoice_batch",
            subject_id=batch.id,
            after={
                "status": batch.status,
                "clean": batch.clean_count,
                "held": batch.held_count,
                "unread": batch.unread_count,
            },
        )


def words_of(line: InvoiceLine) -> str:
    """Return why a line of a file is held, in words for its supplier."""
    reason: HoldReason | None = line.reason_code
    found: Any = line.asked.get("words")
    return str(found or (HOLD_WORDS[reason] if reason else ""))
