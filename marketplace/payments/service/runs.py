"""Payment runs: made by one person, released by another, one line for each payee."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import plural, uk_day
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Posting, Purpose, credit, debit
from marketplace.payments.bacs import BacsRefused, is_processing_day, next_processing_day
from marketplace.payments.errors import DetailsReplaced, MakerCannotRelease, RehearsalOnly, TooLateToRelease
from marketplace.payments.events import PaymentRunReleased
from marketplace.payments.models import Payable, PaymentRun, PaymentRunInvoice, PaymentRunLine
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.payables import PayableRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.repository.series import PAYMENT_RUNS, take_numbers
from marketplace.payments.schemas import FileFormat, RunForm, RunSummary, run_number
from marketplace.payments.service.payables import follow_payables
from marketplace.payments.service.proposals import MOST_PAYABLES, payee_of
from marketplace.payments.service.run_files import RunFiles, earliest_pay_on, processing_day_of, sha256_of
from marketplace.payments.service.run_warnings import Payee, warnings_of
from marketplace.payments.states import PAYABLE, RUN, PayableStatus, RunStatus

LATEST_PAY_ON = timedelta(days=60)
MOST_SUMMARIES = 1_000
RUN_LINE_ENTRY = "payment-run-line"
"""Kind of the ledger entry that pays one line."""


class PaymentRunService:
    """The verbs of payment runs."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = PaymentRunRepository(db)
        self.payables = PayableRepository(db)
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
        """Make a run of what is owed: one line for each organisation, with its bank details as they are now.

        Open credit notes of an organisation are always set off. In a run of everything that is due, whoever cannot be
        paid is left out; where payables were chosen, that is refused instead.

        A rehearsal goes through the same checks and makes a file marked as one. It holds no payable and moves no money.

        Raises:
            Forbidden: The role may not.
            InvalidInput: A day on which Bacs cannot pay, something that is not to be paid (any more), an organisation
                that cannot be paid, or something the bank would reject.
            NoPayingAccount: The council's own account is not known.
        """
        principal.require(Permission.RUNS_MAKE)
        self.check_pay_on(form.pay_on)
        council_id = principal.council_id
        # The series comes first: a second person waits here and then finds these payables in a run.
        [number] = await take_numbers(self.db, council_id, PAYMENT_RUNS, 1)
        run = PaymentRun(
            id=new_id(),
            council_id=council_id,
            number=number,
            status=RunStatus.MADE,
            is_rehearsal=form.is_rehearsal,
            pay_on=form.pay_on,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        owed = await self._owed(council_id, form)
        lines, links = await self._lines(run, owed, is_chosen=form.due_until is None)
        run.total_pence = sum(line["amount_pence"] for line in lines)
        run.line_count = len(lines)
        self.db.add(run)
        await self.db.flush()
        await self.db.execute(insert(PaymentRunLine), lines)
        await self.db.execute(insert(PaymentRunInvoice), links)
        RUN.begin(self.db, run, by=principal.user_id)
        if not run.is_rehearsal:
            pairs = [(link["payable_id"], link["invoice_id"]) for link in links]
            await self._move(run, pairs, PayableStatus.IN_RUN, principal, f"Payment run {run_number(run.number)}")
        await self._check_file(run)
        after: dict[str, object] = {"total_pence": run.total_pence, "lines": len(lines)}
        after["is_rehearsal"] = run.is_rehearsal
        self._record(principal, "payments.make_run", run, after=after)
        await self.db.flush()
        return run

    async def _owed(self, council_id: UUID, form: RunForm) -> dict[UUID, list[Any]]:
        """Return what the form asks to pay by organisation, credits included, locked."""
        ids = set(form.payables)
        if form.due_until is not None:
            due = await self.payables.open_due(council_id, form.due_until, MOST_PAYABLES)
            ids = {row.id for row in due if row.organisation_id not in form.without}
        rows = await self.payables.open_locked(council_id, ids)
        if not ids <= {row.id for row in rows}:
            raise InvalidInput({"bills": "A bill you selected is not ready to be paid any more. Check the list again"})
        return {owner: list(group) for owner, group in groupby(rows, lambda row: row.organisation_id)}

    async def _lines(
        self, run: PaymentRun, owed: dict[UUID, list[Any]], *, is_chosen: bool
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows of a run's lines, and which payables each pays."""
        day = today(self.clock)
        live = await self.accounts.live_of(owed, day)
        payees: dict[UUID, Payee] = {}
        for owner, rows in owed.items():
            payee = payee_of(rows, live.get(owner, []))
            if payee.accounts and payee.total_pence > 0:
                payees[owner] = payee
            elif is_chosen:
                raise InvalidInput({"bills": _why_not(rows[0].organisation, payee)})
        if not payees:
            raise InvalidInput({"bills": "Nothing that is due can be paid now. Choose a later day"})
        most: int = await setting(self.db, run.council_id, "payments.run_lines", day)
        if len(payees) > most:
            raise InvalidInput(
                {"bills": f"One run holds at most {most:,} payments. Choose an earlier day or fewer bills"}
            )
        warnings = await warnings_of(self.db, run.council_id, day, payees)
        lines: list[dict[str, Any]] = []
        links: list[dict[str, Any]] = []
        for position, (owner, payee) in enumerate(payees.items(), start=1):
            rows, account = owed[owner], payee.accounts[0]
            line_id = new_id()
            lines.append(
                {
                    "id": line_id,
                    "council_id": run.council_id,
                    "run_id": run.id,
                    "position": position,
                    "organisation_id": owner,
                    "account_name": account.account_name,
                    "sort_code": account.sort_code,
                    "account_number": account.account_number,
                    "reference": rows[0].number if len(rows) == 1 else run_number(run.number),
                    "amount_pence": payee.total_pence,
                    "warnings": [{"code": item.code.value, "words": item.words} for item in warnings[owner]],
                }
            )
            links.extend(
                {
                    "run_id": run.id,
                    "payable_id": row.id,
                    "invoice_id": row.invoice_id,
                    "line_id": line_id,
                    "council_id": run.council_id,
                }
                for row in rows
            )
        return lines, links

    async def _move(
        self,
        run: PaymentRun,
        pairs: Sequence[tuple[UUID, UUID]],
        to: PayableStatus,
        principal: Principal,
        why: str,
    ) -> None:
        """Move payables, given as (payable, bill), and let their bills follow."""
        await PAYABLE.move_many(self.db, Payable, [row[0] for row in pairs], to, by=principal.user_id, why=why)
        await follow_payables(self.db, {row[1] for row in pairs}, by=principal.user_id, why=why)

    async def _check_file(self, run: PaymentRun) -> None:
        """Render the file once before anybody can release it, so that what the bank would reject shows now."""
        try:
            content = await self.files.content(run, FileFormat.BACS)
        except BacsRefused as error:
            raise InvalidInput({"bills": "The bank would not take this: " + "; ".join(error.problems[:5])}) from error
        if run.is_rehearsal:
            run.file_sha256 = sha256_of(content)

    async def release(self, principal: Principal, run_id: UUID) -> PaymentRun:
        """Release a run that somebody else made: post it, fix its file, mark what it pays as sent.

        Raises:
            Forbidden: The role may not.
            ConfirmFirst: The password was not given again lately.
            MakerCannotRelease: The same person made it.
            NotFound: No such run in the council.
            RehearsalOnly: It is a rehearsal.
            StepRefused: It was released or cancelled.
            TooLateToRelease: The bank has to process it today or should have before.
            DetailsReplaced: A payee's bank details are others now.
        """
        principal.require(Permission.RUNS_RELEASE)
        principal.require_confirmed(self.clock.now())
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        if run.made_by_user_id == principal.user_id:
            raise MakerCannotRelease("You made this payment run, so another person must release it.")
        if run.is_rehearsal:
            raise RehearsalOnly("Make a payment run without the tick for a rehearsal.")
        RUN.move(self.db, run, RunStatus.RELEASED, by=principal.user_id)
        processing_on = processing_day_of(run.pay_on)
        if processing_on <= today(self.clock):
            raise TooLateToRelease(
                f"The bank needed the file before {uk_day(processing_on)}. Cancel this run and make a new one."
            )
        changed = await self.runs.with_other_details(run.id, today(self.clock))
        if changed:
            names = await self.runs.names(changed[:3])
            shown = ", ".join(names[owner] for owner in changed[:3])
            raise DetailsReplaced(
                f"The bank details of {plural(len(changed), 'organisation')} changed since this run was made: {shown}. "
                "Cancel it and make a new one."
            )
        run.released_by_user_id = principal.user_id
        run.released_at = self.clock.now()
        await self.db.flush()
        why = f"Payment run {run_number(run.number)}"
        payments = await self.runs.payments(run.id)
        await LedgerService(self.db).post_many(
            run.council_id,
            RUN_LINE_ENTRY,
            (
                Posting(
                    line.id,
                    (
                        debit(Purpose.PAYABLE, line.amount_pence, line.organisation_id),
                        credit(Purpose.BANK_CLEARING, line.amount_pence),
                    ),
                )
                for line in payments
            ),
            memo=why,
        )
        await self._move(run, await self._pairs(run), PayableStatus.SENT, principal, why)
        run.file_sha256 = sha256_of(await self.files.content(run, FileFormat.BACS))
        after: dict[str, object] = {"total_pence": run.total_pence, "file_sha256": run.file_sha256}
        self._record(principal, "payments.release_run", run, after=after)
        outbox.publish(self.db, PaymentRunReleased(council_id=run.council_id, run_id=run.id))
        await self.db.flush()
        return run

    async def cancel(self, principal: Principal, run_id: UUID, reason: str) -> PaymentRun:
        """Cancel a run that has not been released; what it would have paid may be paid by another one.

        Raises:
            Forbidden: Neither makes nor releases runs.
            StepRefused: It was released or cancelled.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        RUN.move(self.db, run, RunStatus.CANCELLED, by=principal.user_id, why=reason)
        run.cancel_reason = reason
        if not run.is_rehearsal:
            why = f"Payment run {run_number(run.number)} was cancelled"
            await self._move(run, await self._pairs(run), PayableStatus.OPEN, principal, why)
        self._record(principal, "payments.cancel_run", run, after={"status": run.status}, why=reason)
        await self.db.flush()
        return run

    async def _pairs(self, run: PaymentRun) -> list[tuple[UUID, UUID]]:
        return [(row[0], row[1]) for row in await self.payables.of_run(run.id)]

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
                is_rehearsal=run.is_rehearsal,
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


def _why_not(name: str, payee: Payee) -> str:
    if not payee.accounts:
        return f"{name} has no bank details that were checked, so leave it out"
    return f"The credit notes of {name} take back as much as you selected, so leave it out"
