"""Posting to the ledger: one business event, one entry, lines that balance."""

from collections.abc import Sequence
from datetime import date
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
        difference = sum(line.amount_pence if line.side is Side.DEBIT else -line.amount_pence for line in lines)
        if difference or len(lines) < 2 or any(line.amount_pence <= 0 for line in lines):
            raise Unbalanced(f"{kind}: lines differ by {difference} pence")
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
