"""Invariants of bookings, for `marketplace check`. Each answers (name, ok, how many rows were looked at, detail).

They look at the rows alone, not at how they came about, and need a transaction that reaches every council.
"""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.states import COMMITTED, BookingStatus
from marketplace.ledger import LedgerService, Purpose

EXAMPLES = 5


class Check(NamedTuple):
    """What a look at an invariant found."""

    name: str
    ok: bool
    checked: int
    detail: str


async def no_worker_booked_twice(db: AsyncSession) -> Check:
    """No two visits that hold a worker's time overlap, travel included; no place of an activity is held twice
    (invariant 3)."""
    checked = await _count(db, "SELECT count(*) FROM visit_workers WHERE is_holding")
    checked += await _count(db, "SELECT count(*) FROM visit_places WHERE is_holding")
    broken = await _ids(
        db,
        """
        SELECT a.booking_id FROM visit_workers a JOIN visit_workers b ON a.worker_id = b.worker_id AND a.id < b.id
            AND a.starts_at < b.busy_until AND b.starts_at < a.busy_until
        WHERE a.is_holding AND b.is_holding
        UNION ALL
        SELECT a.booking_id FROM visit_places a JOIN visit_places b ON a.listing_id = b.listing_id AND a.id < b.id
            AND a.place = b.place AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.is_holding AND b.is_holding
        """,
    )
    return _check("No worker is booked twice", checked, broken)


async def holds_follow_visits(db: AsyncSession) -> Check:
    """Who and what is held for a visit is what the visit says (the rows that invariant 3 rests on)."""
    checked = await _count(db, "SELECT count(*) FROM bookings")
    broken = await _ids(
        db,
        """
        SELECT b.id FROM bookings b
        LEFT JOIN visit_workers v ON v.booking_id = b.id AND v.position = 1
        WHERE b.worker_id IS DISTINCT FROM v.worker_id OR (v.id IS NOT NULL AND (v.starts_at, v.ends_at, v.is_holding)
            <> (b.starts_at, b.ends_at, visit_holds(b.status, b.called_off_at)))
        UNION ALL
        SELECT b.id FROM bookings b JOIN visit_places p ON p.booking_id = b.id
        WHERE (p.starts_at, p.ends_at, p.is_holding)
            <> (b.starts_at, b.ends_at, visit_holds(b.status, b.called_off_at))
        """,
    )
    return _check("What is held follows the visits", checked, broken)


async def commitments_within_budget(db: AsyncSession) -> Check:
    """What a direct payment has promised up to any day never exceeds what it holds and is to get (invariant 4)."""
    statuses = _list(COMMITTED | {BookingStatus.AWAITING_PAYMENT})
    rows = await db.execute(
        text(
            f"""
            SELECT DISTINCT council_id, person_id FROM bookings
            WHERE funding = 'direct_payment' AND status IN ({statuses})
            """
        )
    )
    broken, checked = [], 0
    for council_id, person_id in rows.all():
        checked += 1
        purse = await purse_of(db, council_id, person_id)
        if purse is None:
            balance = await LedgerService(db).balance(council_id, Purpose.DIRECT_PAYMENT, person_id)
            promised = sum(pence for _, pence in await BookingRepository(db).promises(council_id, person_id))
            is_short = promised > balance
        else:
            is_short = purse.is_short
        if is_short:
            broken.append(str(person_id))
    return _check("Promised visits never exceed the direct payment", checked, broken)


async def approved_visits_paid_once(db: AsyncSession) -> Check:
    """What a person approved and no card paid was taken from the direct payment once; no other visit took any.

    A part-approved visit has one entry; the rest, where it was agreed later, has another.
    """
    checked = await _count(db, "SELECT count(*) FROM bookings WHERE status IN ('approved', 'part_approved')")
    broken = await _ids(
        db,
        """
        WITH wanted AS (
            SELECT id, CASE WHEN status IN ('approved', 'part_approved') AND funding = 'direct_payment'
                THEN greatest(0, coalesce(approved_pence, cost_pence) - top_up_pence) ELSE 0 END AS pence
            FROM bookings
        )
        SELECT w.id FROM wanted w
        LEFT JOIN LATERAL (
            SELECT count(DISTINCT e.id) FILTER (WHERE e.kind = 'visit-approved') AS firsts,
                count(DISTINCT e.id) FILTER (WHERE e.kind = 'visit-approved-rest') AS rests,
                coalesce(sum(l.amount_pence), 0) AS pence
            FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id AND l.side = 'debit'
            WHERE e.kind IN ('visit-approved', 'visit-approved-rest') AND e.source_id = w.id
        ) posted ON true
        WHERE posted.pence <> w.pence OR posted.firsts > 1 OR posted.rests > 1
        """,
    )
    return _check("Each approved visit is paid once from the direct payment", checked, broken)


async def wages_paid_once(db: AsyncSession) -> Check:
    """No visit is on a timesheet that a payment run or a fund pays; wages due are those of visits not sent yet.

    What was approved after its timesheet had gone waits for the next one, so the balance may lie in between.
    """
    checked = await _count(db, "SELECT count(*) FROM timesheet_lines WHERE booking_id IS NOT NULL")
    checked += await _count(db, "SELECT count(*) FROM ledger_accounts WHERE purpose = 'wages_due'")
    broken = await _ids(
        db,
        """
        WITH posted AS (
            SELECT e.source_id, e.posted_at, e.council_id, a.purpose, a.owner_id, x.amount_pence AS pence,
                t.booking_id IS NOT NULL AS is_on_sheet, s.sent_at
            FROM ledger_entries e
            JOIN ledger_lines x ON x.entry_id = e.id AND x.side = 'credit'
            JOIN ledger_accounts a ON a.id = x.account_id
            LEFT JOIN timesheet_lines t ON t.booking_id = e.source_id
            LEFT JOIN timesheets s ON s.id = t.timesheet_id
            WHERE e.kind IN ('visit-approved', 'visit-approved-rest')
                AND a.purpose IN ('accrued', 'fund_drawn', 'wages_due')
        )
        SELECT source_id FROM posted WHERE purpose <> 'wages_due' AND is_on_sheet
        UNION ALL
        SELECT a.owner_id FROM ledger_accounts a
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(pence) FILTER (WHERE sent_at IS NULL), 0) AS waiting,
                coalesce(sum(pence) FILTER (WHERE posted_at >= sent_at), 0) AS late
            FROM posted p
            WHERE p.purpose = 'wages_due' AND p.council_id = a.council_id AND p.owner_id = a.owner_id
        ) due
        WHERE a.purpose = 'wages_due' AND a.balance_pence NOT BETWEEN due.waiting AND due.waiting + due.late
        """,
    )
    return _check("Each approved visit is paid by a payment run or as a wage, not both", checked, broken)


CHECKS = (
    no_worker_booked_twice,
    holds_follow_visits,
    commitments_within_budget,
    approved_visits_paid_once,
    wages_paid_once,
)


async def _count(db: AsyncSession, statement: str) -> int:
    return int(await db.scalar(text(statement)) or 0)


async def _ids(db: AsyncSession, statement: str) -> list[str]:
    return [str(row) for row in await db.scalars(text(f"{statement} LIMIT {EXAMPLES + 1}"))]


def _check(name: str, checked: int, broken: list[str]) -> Check:
    more = " and more" if len(broken) > EXAMPLES else ""
    return Check(name, not broken, checked, f"Breaks at {', '.join(broken[:EXAMPLES])}{more}" if broken else "")


def _list(statuses: frozenset[BookingStatus]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))
