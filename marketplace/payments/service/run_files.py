"""Files of payment runs: pure functions of rows, so that the same run gives the same bytes at any time."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import local
from marketplace.payments.bacs import (
    LABEL_WIDTH,
    BacsCredit,
    BacsFile,
    is_processing_day,
    next_processing_day,
    render_bacs18,
    render_payments_csv,
)
from marketplace.payments.errors import FileDiffers, NoPayingAccount, NotReleased
from marketplace.payments.models import BankAccount, PaymentRun
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.schemas import FileFormat, run_number
from marketplace.payments.states import RELEASED_RUNS

REHEARSAL_MARK: Final = "REHEARSAL - NOT FOR THE BANK"


def earliest_pay_on(day: date) -> date:
    """Return the first day on which payees can have money that is sent on `day`.

    A file is sent on one working day, processed on the next and paid on the one after (domain.md 4.6).
    """
    return next_processing_day(next_processing_day(day))


def processing_day_of(pay_on: date) -> date:
    """Return the day the bank processes what payees get on `pay_on`: the processing day before it."""
    day = pay_on - timedelta(days=1)
    while not is_processing_day(day):
        day -= timedelta(days=1)
    return day


def file_of(run: PaymentRun, lines: Sequence[Any], payer: BankAccount, made_at: datetime) -> BacsFile:
    """Put a run's rows together as a Bacs file made at an instant; `lines` as `PaymentRunRepository.payments`."""
    return BacsFile(
        service_user_number=payer.service_user_number,
        serial=f"{run.number:06}"[-6:],
        file_number=(run.number - 1) % 999 + 1,
        created_on=local(made_at).date(),
        processing_on=processing_day_of(run.pay_on),
        sort_code=payer.sort_code,
        account_number=payer.account_number,
        account_name=payer.account_name,
        contra_narrative=run_number(run.number),
        credits=tuple(
            BacsCredit(
                sort_code=line.sort_code,
                account_number=line.account_number,
                account_name=line.account_name,
                amount_pence=line.amount_pence,
                reference=line.reference,
            )
            for line in lines
        ),
    )


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class RunFiles:
    """Renders runs."""

    def __init__(self, db: AsyncSession) -> None:
        self.runs = PaymentRunRepository(db)
        self.accounts = BankAccountRepository(db)

    async def content(self, run: PaymentRun, file_format: FileFormat) -> bytes:
        """Render a run as of its release, or before that as of its making; a rehearsal is marked as one.

        Raises:
            NoPayingAccount: The council had no account then.
            BacsRefused: The bank would reject it.
        """
        made_at = run.released_at or run.made_at
        payer = await self.accounts.of_council(run.council_id, local(made_at).date(), made_at)
        if payer is None:
            raise NoPayingAccount("Ask the administrator to set up the account that payments come from.")
        file = file_of(run, await self.runs.payments(run.id), payer, made_at)
        content = render_bacs18(file) if file_format is FileFormat.BACS else render_payments_csv(file)
        return rehearsed(content, file_format) if run.is_rehearsal else content

    async def render(self, run: PaymentRun, file_format: FileFormat) -> bytes:
        """Render a released run, or a rehearsal, and make sure that it is what was released or rehearsed.

        Raises:
            NotReleased: It is not released.
            FileDiffers: The rows no longer give the bytes whose hash was stored.
        """
        if run.status not in RELEASED_RUNS and not run.is_rehearsal:
            raise NotReleased("Only a released payment run has a file.")
        bacs = await self.content(run, FileFormat.BACS)
        if sha256_of(bacs) != run.file_sha256:
            raise FileDiffers("Do not send anything to the bank. Tell support the number of the payment run.")
        return bacs if file_format is FileFormat.BACS else await self.content(run, file_format)

    async def file_bytes(self, run_id: UUID, file_format: FileFormat) -> bytes:
        """Render a released run by id, of a council the transaction reaches.

        Raises:
            NotFound: No such run.
        """
        return await self.render(await self.runs.any_council(run_id), file_format)


def rehearsed(content: bytes, file_format: FileFormat) -> bytes:
    """Mark a file as a rehearsal in its first record, where a bank looks for its label and stops."""
    width = LABEL_WIDTH if file_format is FileFormat.BACS else 0
    return f"{REHEARSAL_MARK:<{width}}\r\n".encode("ascii") + content
