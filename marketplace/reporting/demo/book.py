"""Collects the rows of the demo, then writes them table by table in one go."""

import random
from collections import defaultdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Table, TextClause, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry
from marketplace.core.database import Base
from marketplace.core.models import Step
from marketplace.core.states import LIFECYCLES
from marketplace.core.tables import METADATA
from marketplace.ledger import DEBIT_NORMAL, Line, Purpose, Side
from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine
from marketplace.ledger.repository import FLOORED, TRACKED

Move = tuple[str, datetime, UUID | None, str]
"""A state reached: which, when, by whom, why."""


class Book:
    """Rows of the demo by table. Ids carry the time of their row and follow from the seed.

    Args:
        rng: The seeded source of everything that varies.
        now: The instant up to which history runs.
    """

    def __init__(self, rng: random.Random, now: datetime) -> None:
        # Ids are drawn apart, so that one more row changes nothing else of the demo.
        self.rng = random.Random(f"ids {rng.getrandbits(64)}")  # noqa: S311
        self.now = now
        self.rows: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._accounts: dict[tuple[UUID, Purpose, UUID | None], UUID] = {}
        self._entries: list[tuple[date, int, dict[str, Any], list[dict[str, Any]]]] = []
        self._serial = 0
        self._afterwards: list[tuple[Table, UUID, dict[str, Any]]] = []

    def id(self, at: datetime) -> UUID:
        """Make a UUIDv7 of an instant, so that rows sorted by id are in the order of their making."""
        self._serial += 1
        value = int(at.timestamp() * 1000) << 80
        value |= 7 << 76 | (self._serial & 0xFFF) << 64 | 2 << 62 | self.rng.getrandbits(62)
        return UUID(int=value)

    def add(self, model: type[Base], made_at: datetime, /, **values: Any) -> UUID:
        """Keep a row of a table with an `id`, made at an instant. Returns the id."""
        row_id = self.id(made_at)
        self.put(model, id=row_id, **values)
        return row_id

    def put(self, model: type[Base], **values: Any) -> dict[str, Any]:
        """Keep a row as it is. Returns it; it may be changed until the book is written."""
        self.of(model).append(values)
        return values

    def afterwards(self, model: type[Base], row_id: UUID, **values: Any) -> None:
        """Keep a change of a row for when everything is there: what the database seals once it stands."""
        self._afterwards.append((METADATA.tables[model.__tablename__], row_id, values))

    def of(self, model: type[Base]) -> list[dict[str, Any]]:
        """Return the rows kept of a table."""
        return self.rows[METADATA.tables[model.__tablename__]]

    def steps(self, kind: str, council_id: UUID, subject_id: UUID, moves: list[Move]) -> None:
        """Keep the steps of a row's life, in order.

        Raises:
            ValueError: The life cycle has no such step, or time runs backwards.
        """
        before: str | None = None
        last: datetime | None = None
        for status, at, by, why in moves:
            if last is not None and at < last:
                raise ValueError(f"{kind}: {status} at {at} comes before {last}")
            self.step(kind, council_id, subject_id, before, status, at, by, why)
            before, last = status, at

    def step(
        self,
        kind: str,
        council_id: UUID,
        subject_id: UUID,
        before: str | None,
        after: str,
        at: datetime,
        by: UUID | None = None,
        why: str = "",
    ) -> None:
        """Keep one step.

        Raises:
            ValueError: The life cycle has no such step, or it lies in the future.
        """
        states = LIFECYCLES[kind].steps
        following = states if before is None else states[before]
        if after not in following or at > self.now:
            raise ValueError(f"{kind}: {before} to {after} at {at}")
        self.add(
            Step,
            at,
            council_id=council_id,
            subject_kind=kind,
            subject_id=subject_id,
            from_status=None if before is None else str(before),
            to_status=str(after),
            at=at,
            by_user_id=by,
            why=why,
        )

    def audit(
        self,
        council_id: UUID,
        at: datetime,
        action: str,
        kind: str,
        subject_id: UUID,
        by: tuple[UUID, str] | None,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        """Keep an audit row. `by` is the user and the name of their role; None is the platform."""
        self.add(
            AuditEntry,
            at,
            council_id=council_id,
            at=at,
            user_id=by[0] if by else None,
            role=by[1] if by else None,
            on_behalf_of=None,
            action=action,
            subject_kind=kind,
            subject_id=subject_id,
            before=before,
            after=after,
            why=why,
        )

    def post(
        self,
        council_id: UUID,
        kind: str,
        source_id: UUID,
        lines: list[Line],
        *,
        memo: str,
        at: datetime,
        on: date,
        reverses_id: UUID | None = None,
    ) -> UUID:
        """Keep a ledger entry; returns its id.

        Raises:
            ValueError: Its lines do not balance.
        """
        if sum(line.amount_pence if line.side is Side.DEBIT else -line.amount_pence for line in lines):
            raise ValueError(f"{kind} does not balance")
        entry_id = self.id(at)
        entry = {
            "id": entry_id,
            "council_id": council_id,
            "kind": kind,
            "source_id": source_id,
            "memo": memo,
            "effective_on": on,
            "posted_at": at,
            "reverses_id": reverses_id,
        }
        written = [
            {
                "id": self.id(at),
                "council_id": council_id,
                "entry_id": entry_id,
                "account_id": self._account(council_id, line.purpose, line.owner_id, at),
                "side": line.side,
                "amount_pence": line.amount_pence,
            }
            for line in lines
        ]
        self._entries.append((on, len(self._entries), entry, written))
        return entry_id

    async def write(self, db: AsyncSession) -> int:
        """Insert everything, parents before children. Returns the number of rows."""
        # Balances with a floor are kept line by line, so money has to come in before it goes out.
        for _, _, entry, lines in sorted(self._entries, key=lambda kept: kept[:2]):
            self.put(LedgerEntry, **entry)
            for line in lines:
                self.put(LedgerLine, **line)
        # The log is numbered in the order of its rows.
        self.rows[METADATA.tables["audit_entries"]].sort(key=lambda row: row["at"])
        written = 0
        for table in METADATA.sorted_tables:
            # Rows that name other columns go apart: what a row leaves out is the database's own default, never nothing.
            alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
            for row in self.rows.get(table, []):
                alike[tuple(sorted(row))].append(row)
            for columns, rows in alike.items():
                await db.execute(_insert(table, list(columns)), {"rows": _encoded(rows)})
                written += len(rows)
        for table, row_id, values in self._afterwards:
            await db.execute(update(table).where(table.c.id == row_id).values(**values))
        return written

    def _account(self, council_id: UUID, purpose: Purpose, owner_id: UUID | None, at: datetime) -> UUID:
        key = (council_id, purpose, owner_id)
        if key not in self._accounts:
            self._accounts[key] = self.add(
                LedgerAccount,
                at,
                council_id=council_id,
                purpose=purpose,
                owner_id=owner_id,
                is_debit_normal=purpose in DEBIT_NORMAL,
                is_tracked=purpose in TRACKED,
                balance_pence=0,
                floor_pence=0 if purpose in FLOORED else None,
            )
        return self._accounts[key]


def _insert(table: Table, columns: list[str]) -> TextClause:
    """One statement a table: the server reads the rows from JSON, which takes a third of the time of single inserts."""
    names = ", ".join(columns)
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table.name}, :rows)"
    )


def _encoded(rows: list[dict[str, Any]]) -> str:
    # JSON knows no bytes; the server reads them from text in its own form.
    binary = {name for row in rows for name, value in row.items() if isinstance(value, bytes)}
    if binary:
        rows = [{**row, **{name: f"\\x{row[name].hex()}" for name in binary if row[name]}} for row in rows]
    return msgspec.json.encode(rows).decode()
