"""Posting to the ledger: one business event, one entry, lines that balance."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import islice
from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import broken_constraint
from marketplace.core.ids import new_id
from marketplace.core.money import Pence
from marketplace.ledger.errors import NotEnoughMoney, Unbalanced
from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine, Purpose, Side
from marketplace.ledger.repository import LedgerRepository

AT_ONCE = 1_000
"""Entries that one statement posts: below the driver's limit of parameters."""


class Line(msgspec.Struct, frozen=True):
    """One line to post: an account by purpose and owner, a side, positive pence."""

    side: Side
    purpose: Purpose
    owner_id: UUID | None
    amount_pence: Pence


def debit(purpose: Purpose, amount_pence: int, owner_id: UUID | None = None) -> Line:
    """A line on the debit side."""
    return Line(Side.DEBIT, purpose, owner_id, Pence(amount_pence))


def credit(purpose: Purpose, amount_pence: int, owner_id: UUID | None = None) -> Line:
    """A line on the credit side."""
    return Line(Side.CREDIT, purpose, owner_id, Pence(amount_pence))


class Posting(msgspec.Struct, frozen=True):
    """One of many entries of a kind: the row it is about, and its lines."""

    source_id: UUID
    lines: tuple[Line, ...]
    reverses_id: UUID | None = None
    """The entry that it takes back."""


class LedgerService:
    """The only way in which pence move."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.ledger = LedgerRepository(db)

    async def post(
        self,
        council_id: UUID,
        kind: str,
        source_id: UUID,
        lines: list[Line],
        *,
        memo: str = "",
        effective_on: date | None = None,
        reverses_id: UUID | None = None,
    ) -> UUID | None:
        """Post the entry of a business event. Posting the same event again does nothing.

        Args:
            council_id: Whose books.
            kind: What happened, such as "visit-approved".
            source_id: The row it happened to; unique together with `kind`.
            lines: At least two, debits equal to credits, each positive.
            memo: Words for statements; no person's name.
            effective_on: Day it counts for; today when left out.
            reverses_id: The entry that this one takes back.

        Returns:
            The entry's id, or None when it had been posted before.

        Raises:
            Unbalanced: The lines do not balance.
            NotEnoughMoney: A direct-payment account would fall below nothing.
        """
        _refuse_unbalanced(kind, lines)
        clock = clock_of(self.db)
        entry_id: UUID | None = await self.db.scalar(
            insert(LedgerEntry)
            .values(
                id=new_id(),
                council_id=council_id,
                kind=kind,
                source_id=source_id,
                memo=memo,
                effective_on=effective_on or today(clock),
                posted_at=clock.now(),
                reverses_id=reverses_id,
            )
            .on_conflict_do_nothing(index_elements=["kind", "source_id"])
            .returning(LedgerEntry.id)
        )
        if entry_id is None:
            return None
        # Accounts are touched in one order, so that two postings never lock each other out.
        ordered = sorted(lines, key=lambda line: (line.purpose.value, str(line.owner_id), line.side.value))
        accounts = [await self.ledger.account(council_id, line.purpose, line.owner_id) for line in ordered]
        rows = [
            {
                "id": new_id(),
                "council_id": council_id,
                "entry_id": entry_id,
                "account_id": account.id,
                "side": line.side,
                "amount_pence": line.amount_pence,
            }
            for line, account in zip(ordered, accounts, strict=True)
        ]
        try:
            async with self.db.begin_nested():
                await self.db.execute(insert(LedgerLine).values(rows))
        except IntegrityError as error:
            if broken_constraint(error) == "ck_ledger_accounts_floor":
                raise NotEnoughMoney from error
            raise
        return entry_id

    async def post_many(
        self,
        council_id: UUID,
        kind: str,
        postings: Iterable[Posting],
        *,
        memo: str = "",
        effective_on: date | None = None,
    ) -> int:
        """Post the entries of many rows of one kind, in few statements. What was posted before is left as it is.

        Args:
            council_id: Whose books.
            kind: What happened to each row.
            postings: One entry for each row, each balanced on its own.
            memo: Words for statements, the same for all; no person's name.
            effective_on: Day they count for; today when left out.

        Returns:
            How many were posted now.

        Raises:
            Unbalanced: The lines of one do not balance; nothing of its batch is posted.
            NotEnoughMoney: An account would fall below its floor.
        """
        clock = clock_of(self.db)
        now, day = clock.now(), effective_on or today(clock)
        rest, posted = iter(postings), 0
        while batch := {posting.source_id: posting for posting in islice(rest, AT_ONCE)}:
            for posting in batch.values():
                _refuse_unbalanced(kind, posting.lines)
            entries = [
                {
                    "id": new_id(),
                    "council_id": council_id,
                    "kind": kind,
                    "source_id": source_id,
                    "memo": memo,
                    "effective_on": day,
                    "posted_at": now,
                    "reverses_id": posting.reverses_id,
                }
                for source_id, posting in batch.items()
            ]
            new = (
                await self.db.execute(
                    insert(LedgerEntry)
                    .values(entries)
                    .on_conflict_do_nothing(index_elements=["kind", "source_id"])
                    .returning(LedgerEntry.id, LedgerEntry.source_id)
                )
            ).all()
            if new:
                await self._add_lines(council_id, [(row.id, batch[row.source_id].lines) for row in new])
            posted += len(new)
        return posted

    async def _add_lines(self, council_id: UUID, entries: Sequence[tuple[UUID, Sequence[Line]]]) -> None:
        """Write the lines of new entries, account by account in one order, as `post` touches them."""
        wanted = {(line.purpose, line.owner_id) for _, lines in entries for line in lines}
        accounts = await self.ledger.account_ids(council_id, wanted)
        rows = sorted(
            (
                (line.purpose.value, str(line.owner_id), line.side.value, entry_id, line)
                for entry_id, lines in entries
                for line in lines
            ),
            key=lambda row: row[:3],
        )
        try:
            async with self.db.begin_nested():
                await self.db.execute(
                    insert(LedgerLine),
                    [
                        {
                            "id": new_id(),
                            "council_id": council_id,
                            "entry_id": entry_id,
                            "account_id": accounts[line.purpose, line.owner_id],
                            "side": line.side,
                            "amount_pence": line.amount_pence,
                        }
                        for _, _, _, entry_id, line in rows
                    ],
                )
        except IntegrityError as error:
            if broken_constraint(error) == "ck_ledger_accounts_floor":
                raise NotEnoughMoney from error
            raise

    async def reverse(
        self, council_id: UUID, kind: str, source_id: UUID, *, as_kind: str, memo: str = ""
    ) -> UUID | None:
        """Take an entry back by its mirror image, once.

        Returns:
            The new entry's id; None when there is nothing to take back or it was taken back before.
        """
        original = await self.ledger.has_entry(kind, source_id)
        if original is None:
            return None
        lines = []
        for row in await self.ledger.lines_of(original):
            account = await self.db.get_one(LedgerAccount, row.account_id)
            side = Side.CREDIT if row.side is Side.DEBIT else Side.DEBIT
            lines.append(Line(side, account.purpose, account.owner_id, Pence(row.amount_pence)))
        return await self.post(council_id, as_kind, source_id, lines, memo=memo, reverses_id=original)

    async def reverse_many(
        self, council_id: UUID, kind: str, source_ids: Sequence[UUID], *, as_kind: str, memo: str = ""
    ) -> int:
        """Take the entries of many rows back by their mirror images, once each, in few statements.

        Returns:
            How many were taken back now.
        """
        posted = 0
        for start in range(0, len(source_ids), AT_ONCE):
            lines: dict[tuple[UUID, UUID], list[Line]] = {}
            for row in await self.ledger.lines_of_many(kind, source_ids[start : start + AT_ONCE]):
                side = Side.CREDIT if row.side is Side.DEBIT else Side.DEBIT
                mirror = Line(side, row.purpose, row.owner_id, Pence(row.amount_pence))
                lines.setdefault((row.source_id, row.entry_id), []).append(mirror)
            postings = [Posting(source, tuple(mirrors), entry) for (source, entry), mirrors in lines.items()]
            posted += await self.post_many(council_id, as_kind, postings, memo=memo)
        return posted

    async def balance(self, council_id: UUID, purpose: Purpose, owner_id: UUID) -> Pence:
        """Return what an owner's account holds; 0 when nothing was ever posted."""
        account = await self.ledger.find_account(council_id, purpose, owner_id)
        return Pence(account.balance_pence if account else 0)

    async def locked_balance(self, council_id: UUID, purpose: Purpose, owner_id: UUID) -> Pence:
        """Return the balance and hold the account until the transaction ends, so that nobody else spends."""
        account = await self.ledger.account(council_id, purpose, owner_id, locked=True)
        return Pence(account.balance_pence)

    async def balances(
        self, council_id: UUID, purpose: Purpose, owner_ids: Sequence[UUID], *, locked: bool = False
    ) -> dict[UUID, Pence]:
        """Return what many owners' accounts hold: `balances[owner_id]`, 0 when nothing was ever posted.

        Locked, the accounts are held in the order of their owners until the transaction ends.
        """
        accounts = await self.ledger.accounts_of(council_id, purpose, owner_ids, locked=locked)
        found = {row.owner_id: Pence(row.balance_pence) for row in accounts if row.owner_id is not None}
        if locked:
            # An account that was never used is opened, so that there is something to hold.
            for owner_id in sorted(set(owner_ids) - set(found)):
                found[owner_id] = await self.locked_balance(council_id, purpose, owner_id)
        return {owner_id: found.get(owner_id, Pence(0)) for owner_id in owner_ids}


def _refuse_unbalanced(kind: str, lines: Sequence[Line]) -> None:
    difference = sum(line.amount_pence if line.side is Side.DEBIT else -line.amount_pence for line in lines)
    if difference or len(lines) < 2 or any(line.amount_pence <= 0 for line in lines):
        raise Unbalanced(f"{kind}: lines differ by {difference} pence")
