"""Payment runs: made by one person, released by another, one line for each payee."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_day
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.bacs import BacsRefused, is_processing_day, next_processing_day, render_bacs18
from marketplace.payments.errors import MakerCannotRelease, TooLateToRelease
from marketplace.payments.events import PaymentRunReleased
from marketplace.payments.models import Invoice, PaymentRun, PaymentRunInvoice, PaymentRunLine
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.repository.series import PAYMENT_RUNS, take_numbers
from marketplace.payments.schemas import FileFormat, RunForm, RunSummary, run_number
from marketplace.payments.service.run_files import RunFiles, earliest_pay_on, processing_day_of, sha256_of
from marketplace.payments.states import INVOICE, PAYABLE, RUN, InvoiceStatus, PayableStatus, RunStatus

LATEST_PAY_ON = timedelta(days=60)
MOST_SUMMARIES = 1_000


class PaymentRunService:
    """The verbs of payment runs."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = PaymentRunRepository(db)
        self.accounts = BankAccountRepository(db)
        self.files = RunFiles(db)

    def check_pay_on(self, pay_on: date) -> None:
        """Refuse a day on which Bacs cannot pay.

        Raises:
            InvalidInput: On the field `pay_on`, with the next day that works.
        """
        day = today(self.clock)
        first = earliest_pay_on(day)
        message = None
        if pay_on < first:
            message = f"The bank needs two working days. The first possible day is {uk_day(first)}"
        elif not is_processing_day(pay_on):
            following = uk_day(next_processing_day(pay_on))
            message = f"Banks make no Bacs payments on {uk_day(pay_on)}. The next possible day is {following}"
        elif pay_on > day + LATEST_PAY_ON:
            message = f"The day must be within {LATEST_PAY_ON.days} days"
        if message:
            raise InvalidInput({"pay_on": message})

    async def make(self, principal: Principal, form: RunForm) -> PaymentRun:
        """Make a run from approved bills: one line for each organisation, with its bank details as they are now.

        Raises:
            Forbidden: The role may not.
            InvalidInput: A day on which Bacs cannot pay, a bill that is not approved (any more), an organisation
                without live bank details, or something the bank would reject.
            NoPayingAccount: The council's own account is not known.
        """
        principal.require(Permission.RUNS_MAKE)
        self.check_pay_on(form.pay_on)
        council_id = principal.council_id
        [number] = await take_numbers(self.db, council_id, PAYMENT_RUNS, 1)
        run = PaymentRun(
            id=new_id(),
            council_id=council_id,
            number=number,
            status=RunStatus.MADE,
            pay_on=form.pay_on,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        bills = await self.runs.bills_locked(council_id, form.bills)
        if len(bills) != len(form.bills) or any(bill.status is not InvoiceStatus.APPROVED for bill, _ in bills):
            raise InvalidInput({"bills": "A bill you selected is not ready to be paid any more. Check the list again"})
        lines, links = await self._lines(run, bills)
        run.total_pence = sum(line.amount_pence for line in lines)
        run.line_count = len(lines)
        self.db.add(run)
        await self.db.flush()
        self.db.add_all(lines)
        await self.db.flush()
        self.db.add_all(links)
        RUN.begin(self.db, run, by=principal.user_id)
        why = f"Payment run {run_number(run.number)}"
        for bill, _ in bills:
            INVOICE.move(self.db, bill, InvoiceStatus.IN_RUN, by=principal.user_id, why=why)
        for payable in await self.runs.payables_of_run_locked(run.id):
            PAYABLE.move(self.db, payable, PayableStatus.IN_RUN, by=principal.user_id, why=why)
        await self.db.flush()
        await self._check_file(run)
        self._record(principal, "payments.make_run", run, after={"total_pence": run.total_pence, "lines": len(lines)})
        return run

    async def _lines(
        self, run: PaymentRun, bills: Sequence[Row[Invoice, str]]
    ) -> tuple[list[PaymentRunLine], list[PaymentRunInvoice]]:
        live = await self.accounts.live_of({bill.organisation_id for bill, _ in bills}, today(self.clock))
        owed = await self.runs.open_payables(bill.id for bill, _ in bills)
        lines: list[PaymentRunLine] = []
        links: list[PaymentRunInvoice] = []
        for organisation_id, group in groupby(bills, lambda row: row[0].organisation_id):
            rows = list(group)
            accounts = live.get(organisation_id)
            if not accounts:
                raise InvalidInput({"bills": f"{rows[0][1]} has no bank details that were checked, so leave it out"})
            line = PaymentRunLine(
                id=new_id(),
                council_id=run.council_id,
                run_id=run.id,
                position=len(lines) + 1,
                organisation_id=organisation_id,
                account_name=accounts[0].account_name,
                sort_code=accounts[0].sort_code,
                account_number=accounts[0].account_number,
                reference=rows[0][0].number or "" if len(rows) == 1 else run_number(run.number),
                amount_pence=sum(bill.total_pence for bill, _ in rows),
            )
            lines.append(line)
            links.extend(
                PaymentRunInvoice(
                    run_id=run.id,
                    payable_id=payable.id,
                    invoice_id=bill.id,
                    line_id=line.id,
                    council_id=run.council_id,
                )
                for bill, _ in rows
                for payable in owed[bill.id]
            )
        return lines, links

    async def _check_file(self, run: PaymentRun) -> None:
        """Render the file once before anybody can release it, so that what the bank would reject shows now."""
        try:
            render_bacs18(await self.files.assemble(run, run.made_at))
        except BacsRefused as error:
            raise InvalidInput({"bills": "The bank would not take this: " + "; ".join(error.problems[:5])}) from error

    async def release(self, principal: Principal, run_id: UUID) -> PaymentRun:
        """Release a run that somebody else made: post it, fix its file, mark its bills as sent.

        Raises:
            Forbidden: The role may not.
            MakerCannotRelease: The same person made it.
            NotFound: No such run in the council.
            StepRefused: It was released or cancelled.
            TooLateToRelease: The bank has to process it today or should have before.
        """
        principal.require(Permission.RUNS_RELEASE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        if run.made_by_user_id == principal.user_id:
            raise MakerCannotRelease("You made this payment run, so another person must release it.")
        RUN.move(self.db, run, RunStatus.RELEASED, by=principal.user_id)
        processing_on = processing_day_of(run.pay_on)
        if processing_on <= today(self.clock):
            raise TooLateToRelease(
                f"The bank needed the file before {uk_day(processing_on)}. Cancel this run and make a new one."
            )
        run.released_by_user_id = principal.user_id
        run.released_at = self.clock.now()
        await self.db.flush()
        ledger = LedgerService(self.db)
        for line in await self.runs.lines(run.id):
            await ledger.post(
                run.council_id,
                "payment-run-line",
                line.id,
                [
                    debit(Purpose.PAYABLE, line.amount_pence, line.organisation_id),
                    credit(Purpose.BANK_CLEARING, line.amount_pence),
                ],
                memo=f"Payment run {run_number(run.number)}",
            )
        why = f"Payment run {run_number(run.number)}"
        for bill in await self.runs.bills_of_run_locked(run.id):
            INVOICE.move(self.db, bill, InvoiceStatus.SENT, by=principal.user_id, why=why)
        for payable in await self.runs.payables_of_run_locked(run.id):
            PAYABLE.move(self.db, payable, PayableStatus.SENT, by=principal.user_id, why=why)
        run.file_sha256 = sha256_of(render_bacs18(await self.files.assemble(run, run.released_at)))
        after: dict[str, object] = {"total_pence": run.total_pence, "file_sha256": run.file_sha256}
        self._record(principal, "payments.release_run", run, after=after)
        outbox.publish(self.db, PaymentRunReleased(council_id=run.council_id, run_id=run.id))
        await self.db.flush()
        return run

    async def cancel(self, principal: Principal, run_id: UUID, reason: str) -> PaymentRun:
        """Cancel a run that has not been released; its bills may be paid by another one.

        Raises:
            Forbidden: Neither makes nor releases runs.
            StepRefused: It was released or cancelled.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        RUN.move(self.db, run, RunStatus.CANCELLED, by=principal.user_id, why=reason)
        run.cancel_reason = reason
        why = f"Payment run {run_number(run.number)} was cancelled"
        for bill in await self.runs.bills_of_run_locked(run.id):
            INVOICE.move(self.db, bill, InvoiceStatus.APPROVED, by=principal.user_id, why=why)
        for payable in await self.runs.payables_of_run_locked(run.id):
            PAYABLE.move(self.db, payable, PayableStatus.OPEN, by=principal.user_id, why=why)
        self._record(principal, "payments.cancel_run", run, after={"status": run.status}, why=reason)
        await self.db.flush()
        return run

    async def export(self, principal: Principal, run_id: UUID, file_format: FileFormat, reason: str) -> int:
        """Note that a file of a run is taken away. The first time needs no reason, every other time does.

        Both formats count together: a run that is sent to the bank once as Bacs and once as CSV is paid twice.

        Returns:
            Which copy this is, 1 for the first.

        Raises:
            Forbidden: Not finance.
            NotReleased: There is no file yet.
            InvalidInput: A further copy without a reason.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        await self.files.render(run, file_format)
        if run.export_count and not reason:
            raise InvalidInput({"reason": "Enter why you need the file again"})
        run.export_count += 1
        run.exported_at = run.exported_at or self.clock.now()
        after: dict[str, object] = {
            "format": file_format,
            "copy": run.export_count,
            "is_copy": run.export_count > 1,
            "file_sha256": run.file_sha256,
        }
        action = "payments.export_run" if run.export_count == 1 else "payments.export_run_copy"
        self._record(principal, action, run, after=after, why=reason if run.export_count > 1 else "")
        await self.db.flush()
        return run.export_count

    async def file_bytes(self, run_id: UUID, file_format: FileFormat) -> bytes:
        """Return the file of a released run, for the command line. The transaction must reach the council.

        Raises:
            NotFound: No such run.
            NotReleased: It is not released.
        """
        return await self.files.file_bytes(run_id, file_format)

    async def summaries(self) -> list[RunSummary]:
        """Return the newest runs of all councils that the transaction reaches, newest first."""
        return [
            RunSummary(
                id=run.id,
                council=slug,
                number=run_number(run.number),
                status=run.status.value,
                pay_on=run.pay_on,
                processing_on=processing_day_of(run.pay_on),
                total_pence=run.total_pence,
                lines=run.line_count,
                made_at=run.made_at,
                released_at=run.released_at,
                sha256=run.file_sha256,
            )
            for run, slug in await self.runs.summaries(MOST_SUMMARIES)
        ]

    def _record(
        self, principal: Principal, action: str, run: PaymentRun, *, after: dict[str, object], why: str = ""
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=run.council_id,
            subject_kind="payment_run",
            subject_id=run.id,
            after={"number": run_number(run.number), **after},
            why=why,
        )
