"""Journals for the council's finance system: every ledger entry in one file, once, in posting order."""

import zlib
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import local
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.ids import new_id
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.payments.models import JournalExport
from marketplace.payments.repository.journals import JournalRepository
from marketplace.payments.repository.series import take_numbers
from marketplace.payments.service.books.codes import CodeBook, CostCodeService

SETTLES = timedelta(minutes=10)
"""Entries wait so long for their journal. An entry carries the instant at which it was posted, and others see it when
its transaction ends, at most a minute later by the database's own limits: what is older is all there."""
MOST_LINES = 200_000
HEADING: tuple[Cell, ...] = (
    "journal",
    "line",
    "entry",
    "kind",
    "effective_on",
    "posted_at",
    "account",
    "cost_code",
    "cost_centre",
    "owner",
    "debit_pounds",
    "credit_pounds",
    "memo",
)


def journal_number(number: int) -> str:
    """Write the number of a journal: "JE-000001"."""
    return f"JE-{number:06}"


class JournalService:
    """The verbs of journals."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.journals = JournalRepository(db)

    async def make(self, principal: Principal) -> JournalExport:
        """Make the next journal of all entries since the last one.

        Two that are asked for at once follow one another: the second finds what the first has left.

        Raises:
            Conflict: Nothing was posted since, or more than fits into one file.
        """
        principal.require(Permission.BOOKS_KEEP)
        council_id = principal.council_id
        await take_numbers(self.db, council_id, "journal", 0)
        last = await self.journals.last(council_id)
        after, until = last.posted_until if last else None, self.clock.now() - SETTLES
        if after is not None and until <= after:
            raise Conflict("The last journal was made a moment ago. Entries of the last 10 minutes wait for the next.")
        rows = await self.journals.lines(council_id, after, until, MOST_LINES + 1)
        if not rows:
            raise Conflict("Nothing to export. Entries of the last 10 minutes wait for the next journal.")
        if len(rows) > MOST_LINES:
            raise Conflict(f"A journal holds at most {MOST_LINES:,} lines. Ask the administrator to export in parts.")
        debits = sum(row.amount_pence for row in rows if row.side == "debit")
        credits = sum(row.amount_pence for row in rows if row.side == "credit")
        if debits != credits:
            raise Conflict("The entries do not balance. Tell support; nothing was exported.")
        number = (await take_numbers(self.db, council_id, "journal", 1))[0]
        codes = CodeBook(await CostCodeService(self.db).codes.listed(council_id))
        content = _render(journal_number(number), rows, codes)
        row = JournalExport(
            id=new_id(),
            council_id=council_id,
            number=number,
            posted_after=after,
            posted_until=until,
            line_count=len(rows),
            total_pence=debits,
            sha256=sha256(content).hexdigest(),
            content=zlib.compress(content, 6),
            export_count=0,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        after_facts = {"number": number, "lines": row.line_count, "total_pence": debits, "sha256": row.sha256}
        self._record(principal, "payments.make_journal", row, after_facts)
        return row

    async def take(self, principal: Principal, journal_id: UUID, reason: str) -> int:
        """Note that a journal's file is taken: the first time freely, later with a reason.

        Returns:
            Which copy it is; 1 is the first.

        Raises:
            InvalidInput: It was taken before, and no reason is given.
        """
        principal.require(Permission.BOOKS_KEEP)
        row = await self.journals.find(principal.council_id, journal_id, locked=True)
        if row.export_count and not reason:
            raise InvalidInput({"reason": "Enter why you need the file again"})
        row.export_count += 1
        await self.db.flush()
        self._record(principal, "payments.take_journal", row, {"copy": row.export_count}, reason)
        return row.export_count

    async def file(self, principal: Principal, journal_id: UUID) -> bytes:
        """Return a journal's file, as it was made.

        Raises:
            Conflict: The stored bytes are not those that were made.
        """
        principal.require(Permission.BOOKS_READ)
        row = await self.journals.find(principal.council_id, journal_id)
        await self.db.refresh(row, ["content"])
        content = zlib.decompress(row.content)
        if sha256(content).hexdigest() != row.sha256:
            raise Conflict("The file is not the one that was made. Tell support the number of the journal.")
        return content

    def _record(
        self, principal: Principal, action: str, row: JournalExport, after: dict[str, Any], why: str = ""
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="journal_export",
            subject_id=row.id,
            after=after,
            why=why,
        )


def _render(number: str, rows: Any, codes: CodeBook) -> bytes:
    """Write a journal: ids for suppliers and people, never a name."""
    lines: list[tuple[Cell, ...]] = [HEADING]
    lines.extend(
        (
            number,
            place,
            str(row.id),
            row.kind,
            row.effective_on.isoformat(),
            local(row.posted_at).isoformat(timespec="seconds"),
            row.purpose,
            codes.code(row.purpose, row.kind, row.effective_on),
            row.cost_centre,
            str(row.owner_id) if row.owner_id else "",
            pounds_cell(row.amount_pence) if row.side == "debit" else None,
            pounds_cell(row.amount_pence) if row.side == "credit" else None,
            row.memo,
        )
        for place, row in enumerate(rows, start=1)
    )
    return csv_text(lines).encode()
