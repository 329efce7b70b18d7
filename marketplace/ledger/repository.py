"""Questions about the ledger."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Row, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from marketplace.core.ids import new_id
from marketplace.ledger.models import DEBIT_NORMAL, LedgerAccount, LedgerEntry, LedgerLine, Purpose, Side

TRACKED = frozenset(
    {
        Purpose.DIRECT_PAYMENT,
        Purpose.ACCRUED,
        Purpose.PAYABLE,
        Purpose.CARD_RECEIVED,
        Purpose.CARD_DISPUTED,
        Purpose.PERSON_OWES,
        Purpose.FUND_DRAWN,
        Purpose.WAGES_DUE,
    }
)
"""Purposes with an owner each: their balance is kept line by line."""

FLOORED = frozenset({Purpose.DIRECT_PAYMENT, Purpose.PERSON_OWES, Purpose.WAGES_DUE})
"""Purposes whose balance never falls below nothing."""


class LedgerRepository:
    """Accounts, entries and sums."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def account(
        self, council_id: UUID, purpose: Purpose, owner_id: UUID | None = None, *, locked: bool = False
    ) -> LedgerAccount:
        """Return an account, opened when it is not there yet; locked until the transaction ends when asked."""
        question = select(LedgerAccount).where(
            LedgerAccount.council_id == council_id,
            LedgerAccount.purpose == purpose,
            LedgerAccount.owner_id.is_not_distinct_from(owner_id),
        )
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found: LedgerAccount | None = await self.db.scalar(question)
        if found is None:
            await self.db.execute(
                insert(LedgerAccount)
                .values(
                    id=new_id(),
                    council_id=council_id,
                    purpose=purpose,
                    owner_id=owner_id,
                    is_debit_normal=purpose in DEBIT_NORMAL,
                    is_tracked=purpose in TRACKED,
                    balance_pence=0,
                    floor_pence=0 if purpose in FLOORED else None,
                )
                .on_conflict_do_nothing()
            )
            found = (await self.db.scalars(question)).one()
        return found

    async def account_ids(
        self, council_id: UUID, wanted: Collection[tuple[Purpose, UUID | None]]
    ) -> dict[tuple[Purpose, UUID | None], UUID]:
        """Return the ids of many accounts, opened where they are not there yet: `ids[purpose, owner_id]`."""
        found = await self._account_ids(council_id, wanted)
        missing = sorted(set(wanted) - set(found), key=str)
        if missing:
            await self.db.execute(
                insert(LedgerAccount)
                .values(
                    [
                        {
                            "id": new_id(),
                            "council_id": council_id,
                            "purpose": purpose,
                            "owner_id": owner_id,
                            "is_debit_normal": purpose in DEBIT_NORMAL,
                            "is_tracked": purpose in TRACKED,
                            "balance_pence": 0,
                            "floor_pence": 0 if purpose in FLOORED else None,
                        }
                        for purpose, owner_id in missing
                    ]
                )
                .on_conflict_do_nothing()
            )
            found |= await self._account_ids(council_id, missing)
        return found

    async def _account_ids(
        self, council_id: UUID, wanted: Collection[tuple[Purpose, UUID | None]]
    ) -> dict[tuple[Purpose, UUID | None], UUID]:
        owners = {owner_id for _, owner_id in wanted if owner_id is not None}
        rows = await self.db.execute(
            select(LedgerAccount.purpose, LedgerAccount.owner_id, LedgerAccount.id).where(
                LedgerAccount.council_id == council_id,
                LedgerAccount.purpose.in_({purpose for purpose, _ in wanted}),
                or_(LedgerAccount.owner_id.is_(None), LedgerAccount.owner_id.in_(owners)),
            )
        )
        return {
            (purpose, owner_id): account_id for purpose, owner_id, account_id in rows if (purpose, owner_id) in wanted
        }

    async def debited(
        self, council_id: UUID, kind: str | None, source_id: UUID, accrued_owner_id: UUID
    ) -> tuple[Purpose, UUID | None] | None:
        """Return the account that was debited when an organisation earned something, or None without such an entry.

        Args:
            council_id: Whose books.
            kind: Kind of the entry; None: whichever of the source credited what the organisation has earned.
            source_id: The row it happened to.
            accrued_owner_id: The organisation.
        """
        earned = aliased(LedgerLine)
        owed = aliased(LedgerAccount)
        question = (
            select(LedgerAccount.purpose, LedgerAccount.owner_id)
            .select_from(LedgerEntry)
            .join(earned, (earned.entry_id == LedgerEntry.id) & (earned.side == Side.CREDIT))
            .join(owed, (owed.id == earned.account_id) & (owed.purpose == Purpose.ACCRUED))
            .join(LedgerLine, (LedgerLine.entry_id == LedgerEntry.id) & (LedgerLine.side == Side.DEBIT))
            .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
            .where(
                LedgerEntry.council_id == council_id,
                LedgerEntry.source_id == source_id,
                LedgerEntry.reverses_id.is_(None),
                owed.owner_id == accrued_owner_id,
            )
            .order_by(LedgerEntry.posted_at)
            .limit(1)
        )
        if kind is not None:
            question = question.where(LedgerEntry.kind == kind)
        row = (await self.db.execute(question)).first()
        return (row[0], row[1]) if row else None

    async def find_account(self, council_id: UUID, purpose: Purpose, owner_id: UUID | None) -> LedgerAccount | None:
        """Return an account with a fresh balance, or None when nothing was ever posted to it."""
        found: LedgerAccount | None = await self.db.scalar(
            select(LedgerAccount)
            .where(
                LedgerAccount.council_id == council_id,
                LedgerAccount.purpose == purpose,
                LedgerAccount.owner_id.is_not_distinct_from(owner_id),
            )
            .execution_options(populate_existing=True)
        )
        return found

    async def accounts_of(
        self, council_id: UUID, purpose: Purpose, owner_ids: Sequence[UUID], *, locked: bool = False
    ) -> Sequence[LedgerAccount]:
        """Return owners' accounts by owner, with fresh balances; locked until the transaction ends when asked."""
        question = (
            select(LedgerAccount)
            .where(
                LedgerAccount.council_id == council_id,
                LedgerAccount.purpose == purpose,
                LedgerAccount.owner_id.in_(owner_ids),
            )
            .order_by(LedgerAccount.owner_id)
            .execution_options(populate_existing=True)
        )
        return (await self.db.scalars(question.with_for_update() if locked else question)).all()

    async def has_entry(self, kind: str, source_id: UUID) -> UUID | None:
        """Return the id of the entry of a business event, if it was posted."""
        found: UUID | None = await self.db.scalar(
            select(LedgerEntry.id).where(LedgerEntry.kind == kind, LedgerEntry.source_id == source_id)
        )
        return found

    async def lines_of_many(
        self, kind: str, source_ids: Collection[UUID]
    ) -> Sequence[Row[UUID, UUID, Side, Purpose, UUID | None, int]]:
        """Return lines of many rows’ entries: (source_id, entry_id, side, purpose, owner_id, amount_pence)."""
        return (
            await self.db.execute(
                select(
                    LedgerEntry.source_id,
                    LedgerLine.entry_id,
                    LedgerLine.side,
                    LedgerAccount.purpose,
                    LedgerAccount.owner_id,
                    LedgerLine.amount_pence,
                )
                .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
                .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
                .where(LedgerEntry.kind == kind, LedgerEntry.source_id.in_(source_ids))
                .order_by(LedgerLine.id)
            )
        ).all()

    async def lines_of(self, entry_id: UUID) -> Sequence[LedgerLine]:
        """Return the lines of an entry."""
        return (await self.db.scalars(select(LedgerLine).where(LedgerLine.entry_id == entry_id))).all()

    async def statement(
        self, account: LedgerAccount, from_day: date, until_day: date, *, limit: int = 500
    ) -> Sequence[Row[LedgerEntry, int]]:
        """Return entries of an account in [from_day, until_day) with what each adds, oldest first."""
        sign = case((_grows(account.is_debit_normal), LedgerLine.amount_pence), else_=-LedgerLine.amount_pence)
        rows: Sequence[Row[LedgerEntry, int]] = (
            await self.db.execute(
                select(LedgerEntry, func.sum(sign).label("change_pence"))
                .join(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
                .where(
                    LedgerLine.account_id == account.id,
                    LedgerEntry.effective_on >= from_day,
                    LedgerEntry.effective_on < until_day,
                )
                .group_by(LedgerEntry.id)
                .order_by(LedgerEntry.effective_on, LedgerEntry.id)
                .limit(limit)
            )
        ).all()
        return rows

    async def sum_before(self, account: LedgerAccount, day: date) -> int:
        """Return the balance of an account at the start of a day, summed from its lines."""
        sign = case((_grows(account.is_debit_normal), LedgerLine.amount_pence), else_=-LedgerLine.amount_pence)
        total = await self.db.scalar(
            select(func.coalesce(func.sum(sign), 0))
            .select_from(LedgerLine)
            .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
            .where(LedgerLine.account_id == account.id, LedgerEntry.effective_on < day)
        )
        return int(total or 0)

    async def trial_balance(self, council_id: UUID) -> Sequence[Row[Purpose, int, int]]:
        """Return debits and credits by purpose; their totals are equal."""
        debit = func.coalesce(func.sum(LedgerLine.amount_pence).filter(LedgerLine.side == Side.DEBIT), 0)
        credit = func.coalesce(func.sum(LedgerLine.amount_pence).filter(LedgerLine.side == Side.CREDIT), 0)
        return (
            await self.db.execute(
                select(LedgerAccount.purpose, debit.label("debit_pence"), credit.label("credit_pence"))
                .join(LedgerLine, LedgerLine.account_id == LedgerAccount.id)
                .where(LedgerAccount.council_id == council_id)
                .group_by(LedgerAccount.purpose)
                .order_by(LedgerAccount.purpose)
            )
        ).all()


def _grows(is_debit_normal: bool) -> ColumnElement[bool]:
    return LedgerLine.side == (Side.DEBIT if is_debit_normal else Side.CREDIT)
