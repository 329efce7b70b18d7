"""After a run's release: its file is taken, the bank has it, the bank has processed it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds, uk_day
from marketplace.ledger import LedgerService
from marketplace.payments.errors import NotProcessedYet, NotTaken, PartlyTaken, RehearsalOnly
from marketplace.payments.events import PaymentRunConfirmed, PaymentRunRejected
from marketplace.payments.models import Payable, PaymentRun
from marketplace.payments.repository.payables import PayableRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.schemas import FileFormat, run_number
from marketplace.payments.service.payables import follow_payables
from marketplace.payments.service.run_files import RunFiles, processing_day_of
from marketplace.payments.service.runs import RUN_LINE_ENTRY
from marketplace.payments.states import PAYABLE, RUN, PayableStatus, RunStatus

REJECTED_ENTRY = "payment-run-rejected"
"""Kind of the ledger entry that takes back a payment of a run that the bank refused whole; its source is the line."""


class RunSubmissionService:
    """The verbs between release and confirmation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = PaymentRunRepository(db)
        self.files = RunFiles(db)

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
        if run.export_count and not run.is_rehearsal and not reason:
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

    async def submit(self, principal: Principal, run_id: UUID, reference: str) -> PaymentRun:
        """Record that the bank has the file.

        Args:
            principal: Somebody of finance.
            run_id: Which run.
            reference: What the bank or bureau answered.

        Raises:
            Forbidden: Not finance.
            NotTaken: Nobody has taken its file, so the bank cannot have it.
            StepRefused: It is not released, or was submitted before.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        if run.is_rehearsal:
            raise RehearsalOnly("A rehearsal is not sent to the bank.")
        RUN.move(self.db, run, RunStatus.SUBMITTED, by=principal.user_id, why=reference)
        if not run.export_count:
            raise NotTaken("Download the file and send it to the bank first.")
        run.submitted_at, run.submitted_by_user_id = self.clock.now(), principal.user_id
        run.submission_reference = reference
        self._record(principal, "payments.submit_run", run, after={"reference": reference})
        await self.db.flush()
        return run

    async def confirm(self, principal: Principal, run_id: UUID, reported_pence: int) -> PaymentRun:
        """Record that the bank has processed the file: what it paid is paid, apart from what came back.

        Args:
            principal: Somebody of finance.
            run_id: Which run.
            reported_pence: The total that the bank's report gives.

        Raises:
            Forbidden: Not finance.
            NotProcessedYet: The bank's processing day has not come.
            InvalidInput: The report's total is not the run's.
            StepRefused: It was not submitted, or was confirmed before.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        RUN.move(self.db, run, RunStatus.CONFIRMED, by=principal.user_id)
        processing_on = processing_day_of(run.pay_on)
        if today(self.clock) < processing_on:
            raise NotProcessedYet(f"The bank processes it on {uk_day(processing_on)}.")
        if reported_pence != run.total_pence:
            raise InvalidInput(
                {
                    "total": f"The run is {pounds(run.total_pence)}, so the report is of another file or the bank took "
                    "only part of it. Call the bank before you confirm"
                }
            )
        run.confirmed_at, run.confirmed_by_user_id = self.clock.now(), principal.user_id
        pairs = await PayableRepository(self.db).of_run(run.id, without_returned=True)
        why = f"Payment run {run_number(run.number)}"
        await PAYABLE.move_many(
            self.db,
            Payable,
            [payable_id for payable_id, _ in pairs],
            PayableStatus.PAID,
            by=principal.user_id,
            why=why,
            values={"paid_on": run.pay_on},
        )
        await follow_payables(self.db, {invoice_id for _, invoice_id in pairs}, by=principal.user_id, why=why)
        self._record(principal, "payments.confirm_run", run, after={"total_pence": reported_pence})
        outbox.publish(self.db, PaymentRunConfirmed(council_id=run.council_id, run_id=run.id))
        await self.db.flush()
        return run

    async def reject(self, principal: Principal, run_id: UUID, reason: str) -> PaymentRun:
        """Record that the bank took none of a released run, or never got it: all it would have paid is owed again.

        The ledger's entries are taken back and its file is not given out any more. The next run of these payables has a
        number, a day and a file of its own, is made and released by two people again, and says what it pays again.

        Args:
            principal: Somebody of finance.
            run_id: Which run.
            reason: What the bank said.

        Raises:
            Forbidden: Not finance.
            PartlyTaken: A payment of it came back, so the bank did process it.
            StepRefused: It is not released, or the bank has processed it.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        RUN.move(self.db, run, RunStatus.REJECTED, by=principal.user_id, why=reason)
        if (await self.runs.returned_sum(run.id))[0]:
            raise PartlyTaken(
                "A payment of this run came back, so the bank did process it. Enter each payment that was not made "
                "as returned."
            )
        run.cancel_reason = reason
        why = f"The bank refused payment run {run_number(run.number)}"
        lines = [line.id for line in await self.runs.payments(run.id)]
        await LedgerService(self.db).reverse_many(
            run.council_id, RUN_LINE_ENTRY, lines, as_kind=REJECTED_ENTRY, memo=why
        )
        pairs = await PayableRepository(self.db).of_run(run.id)
        payables = [payable_id for payable_id, _ in pairs]
        await PAYABLE.move_many(self.db, Payable, payables, PayableStatus.OPEN, by=principal.user_id, why=why)
        await follow_payables(self.db, {invoice_id for _, invoice_id in pairs}, by=principal.user_id, why=why)
        self._record(principal, "payments.reject_run", run, after={"total_pence": run.total_pence}, why=reason)
        outbox.publish(self.db, PaymentRunRejected(council_id=run.council_id, run_id=run.id))
        await self.db.flush()
        return run

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
