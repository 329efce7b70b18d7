"""Invariants of card payments, for `marketplace check`. Each answers (name, ok, how many rows were looked at, detail).

They look at the rows alone and need a transaction that reaches every council.
"""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import Check
from marketplace.core.database import clock_of

HANDLED_WITHIN = timedelta(minutes=15)
EXAMPLES = 5


async def cards_equal_ledger(db: AsyncSession) -> Check:
    """What each card payment took and gave back is what the ledger says (invariant 11)."""
    broken = await db.scalars(
        text(
            """
            SELECT c.id FROM card_payments c
            LEFT JOIN ledger_entries e ON e.kind = 'card-payment' AND e.source_id = c.id
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(l.amount_pence), 0) AS pence FROM ledger_lines l
                WHERE l.entry_id = e.id AND l.side = 'debit'
            ) taken ON true
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(l.amount_pence), 0) AS pence
                FROM ledger_entries r JOIN ledger_lines l ON l.entry_id = r.id AND l.side = 'debit'
                WHERE r.kind = 'card-refund' AND r.reverses_id = e.id
            ) given_back ON true
            WHERE taken.pence <> CASE WHEN c.paid_at IS NULL THEN 0 ELSE c.amount_pence END
                OR given_back.pence <> c.refunded_pence
                OR (c.status IN ('paid', 'refunding', 'refunded')) <> (c.paid_at IS NOT NULL)
                OR (c.status = 'refunded') <> (c.refunded_pence = c.amount_pence)
            LIMIT :limit
            """
        ),
        {"limit": EXAMPLES},
    )
    return await _check(db, "Card payments equal the ledger", "card_payments", [str(row) for row in broken])


async def refunds_within_captured(db: AsyncSession) -> Check:
    """No more was given back than was taken, payment by payment, by the ledger's own lines."""
    broken = await db.scalars(
        text(
            """
            SELECT e.source_id FROM ledger_entries e
            JOIN ledger_lines l ON l.entry_id = e.id AND l.side = 'debit'
            JOIN LATERAL (
                SELECT coalesce(sum(m.amount_pence), 0) AS pence
                FROM ledger_entries r JOIN ledger_lines m ON m.entry_id = r.id AND m.side = 'debit'
                WHERE r.kind = 'card-refund' AND r.reverses_id = e.id
            ) given_back ON true
            WHERE e.kind = 'card-payment'
            GROUP BY e.source_id, given_back.pence HAVING given_back.pence > sum(l.amount_pence)
            UNION ALL
            SELECT source_id FROM ledger_entries WHERE kind = 'card-refund' AND reverses_id IS NULL
            LIMIT :limit
            """
        ),
        {"limit": EXAMPLES},
    )
    return await _check(db, "Refunds never exceed what was taken", "card_payments", [str(row) for row in broken])


async def events_handled(db: AsyncSession) -> Check:
    """Every stored event of Stripe is handled, or came a moment ago; none said what does not fit our rows."""
    broken = await db.scalars(
        text(
            "SELECT external_id FROM stripe_events WHERE (handled_at IS NULL AND received_at < :since) "
            "OR outcome LIKE 'mismatch%' ORDER BY received_at LIMIT :limit"
        ),
        {"since": clock_of(db).now() - HANDLED_WITHIN, "limit": EXAMPLES},
    )
    return await _check(db, "Every event of Stripe is handled", "stripe_events", [str(row) for row in broken])


CHECKS = (cards_equal_ledger, refunds_within_captured, events_handled)


async def _check(db: AsyncSession, name: str, table: str, broken: list[str]) -> Check:
    checked = int(await db.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
    return Check(name, not broken, checked, f"Breaks at {', '.join(broken)}" if broken else "")
