"""Invariants of bookings, for `marketplace check`. Each answers (name, ok, how many rows were looked at, detail).

They look at the rows alone, not at how they came about, and need a transaction that reaches every council.
"""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.states import COMMITTED, HOLDING, BookingStatus

EXAMPLES = 5


class Check(NamedTuple):
    """What a look at an invariant found."""

    name: str
    ok: bool
    checked: int
    detail: str


async def no_worker_booked_twice(db: AsyncSession) -> Check:
    """No two visits that hold a worker's time overlap (invariant 3)."""
    statuses = _list(HOLDING)
    checked = await _count(db, f"SELECT count(*) FROM bookings WHERE status IN ({statuses})")
    broken = await _ids(
        db,
        f"""
        SELECT a.id FROM bookings a JOIN bookings b ON a.worker_id = b.worker_id AND a.id < b.id
            AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.status IN ({statuses}) AND b.status IN ({statuses})
        """,
    )
    return _check("No worker is booked twice", checked, broken)


async def commitments_within_balance(db: AsyncSession) -> Check:
    """What a direct payment has promised never exceeds what it holds (invariant 4)."""
    promised = f"""
        SELECT council_id, person_id, sum(cost_pence) AS pence FROM bookings
        WHERE funding = 'direct_payment' AND status IN ({_list(COMMITTED)}) GROUP BY council_id, person_id
    """
    checked = await _count(db, f"SELECT count(*) FROM ({promised}) p")
    broken = await _ids(
        db,
        f"""
        SELECT p.person_id FROM ({promised}) p LEFT JOIN ledger_accounts a
            ON a.council_id = p.council_id AND a.purpose = 'direct_payment' AND a.owner_id = p.person_id
        WHERE p.pence > coalesce(a.balance_pence, 0)
        """,
    )
    return _check("Promised visits never exceed the direct payment", checked, broken)


async def approved_visits_paid_once(db: AsyncSession) -> Check:
    """Each approved visit of a direct payment has one ledger entry of its cost, and no other visit has any."""
    checked = await _count(db, "SELECT count(*) FROM bookings WHERE status = 'approved'")
    broken = await _ids(
        db,
        """
        SELECT b.id FROM bookings b
        LEFT JOIN LATERAL (
            SELECT count(DISTINCT e.id) AS entries, coalesce(sum(l.amount_pence), 0) AS pence
            FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id AND l.side = 'debit'
            WHERE e.kind = 'visit-approved' AND e.source_id = b.id
        ) posted ON true
        WHERE (posted.entries, posted.pence) <> (
            CASE WHEN b.status = 'approved' AND b.funding = 'direct_payment' AND b.cost_pence > 0 THEN 1 ELSE 0 END,
            CASE WHEN b.status = 'approved' AND b.funding = 'direct_payment' THEN b.cost_pence ELSE 0 END
        )
        """,
    )
    return _check("Each approved visit is paid once from the direct payment", checked, broken)


CHECKS = (no_worker_booked_twice, commitments_within_balance, approved_visits_paid_once)


async def _count(db: AsyncSession, statement: str) -> int:
    return int(await db.scalar(text(statement)) or 0)


async def _ids(db: AsyncSession, statement: str) -> list[str]:
    return [str(row) for row in await db.scalars(text(f"{statement} LIMIT {EXAMPLES + 1}"))]


def _check(name: str, checked: int, broken: list[str]) -> Check:
    more = " and more" if len(broken) > EXAMPLES else ""
    return Check(name, not broken, checked, f"Breaks at {', '.join(broken[:EXAMPLES])}{more}" if broken else "")


def _list(statuses: frozenset[BookingStatus]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))
