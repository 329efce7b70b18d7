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
    """What each card payment took, gave back and has held by banks is what the ledger says (invariant 11)."""
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
                SELECT coalesce(sum(CASE r.kind WHEN 'card-refund' THEN l.amount_pence ELSE -l.amount_pence END), 0)
                    AS pence
                FROM ledger_entries r JOIN ledger_lines l ON l.entry_id = r.id AND l.side = 'debit'
                WHERE (r.kind = 'card-refund' AND r.reverses_id = e.id) OR (r.kind = 'card-refund-failed'
                    AND r.source_id IN (SELECT f.id FROM card_refunds f WHERE f.payment_id = c.id))
            ) given_back ON true
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(CASE r.kind WHEN 'card-dispute' THEN l.amount_pence ELSE -l.amount_pence END), 0)
                    AS pence
                FROM ledger_entries r JOIN ledger_lines l ON l.entry_id = r.id AND l.side = 'debit'
                WHERE r.kind IN ('card-dispute', 'card-dispute-won')
                    AND r.source_id IN (SELECT d.id FROM card_disputes d WHERE d.payment_id = c.id)
            ) held ON true
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(r.amount_pence), 0) AS pence FROM card_refunds r
                WHERE r.payment_id = c.id AND r.status = 'done'
            ) done ON true
            WHERE taken.pence <> CASE WHEN c.paid_at IS NULL THEN 0 ELSE c.amount_pence END
                OR given_back.pence <> c.refunded_pence OR done.pence <> c.refunded_pence
                OR held.pence <> c.disputed_pence
                OR (c.status IN ('paid', 'refunding', 'refunded', 'disputed', 'lost')) <> (c.paid_at IS NOT NULL)
                OR (c.status = 'refunded' AND c.refunded_pence <> c.amount_pence)
                OR (c.status IN ('disputed', 'lost')) <> (c.disputed_pence > 0)
            LIMIT :limit
            """
        ),
        {"limit": EXAMPLES},
    )
    return await _check(db, "Card payments equal the ledger", "card_payments", [str(row) for row in broken])


async def refunds_within_captured(db: AsyncSession) -> Check:
    """No more was given back, or is promised, than was taken, payment by payment; the large ones by two people."""
    broken = await db.scalars(
        text(
            """
            SELECT c.id FROM card_payments c JOIN card_refunds r ON r.payment_id = c.id
            WHERE r.status IN ('waiting', 'asked', 'done')
            GROUP BY c.id HAVING sum(r.amount_pence) > c.amount_pence OR bool_or(c.paid_at IS NULL)
            UNION ALL
            SELECT e.source_id FROM ledger_entries e
            JOIN ledger_lines l ON l.entry_id = e.id AND l.side = 'debit'
            JOIN LATERAL (
                SELECT coalesce(sum(CASE r.kind WHEN 'card-refund' THEN m.amount_pence ELSE -m.amount_pence END), 0)
                    AS pence
                FROM ledger_entries r JOIN ledger_lines m ON m.entry_id = r.id AND m.side = 'debit'
                WHERE (r.kind = 'card-refund' AND r.reverses_id = e.id) OR (r.kind = 'card-refund-failed'
                    AND r.source_id IN (SELECT f.id FROM card_refunds f WHERE f.payment_id = e.source_id))
            ) given_back ON true
            WHERE e.kind = 'card-payment'
            GROUP BY e.source_id, given_back.pence HAVING given_back.pence > sum(l.amount_pence)
            UNION ALL
            SELECT source_id FROM ledger_entries WHERE kind = 'card-refund' AND reverses_id IS NULL
            UNION ALL
            SELECT id FROM card_refunds WHERE agreed_by_user_id = asked_by_user_id
            LIMIT :limit
            """
        ),
        {"limit": EXAMPLES},
    )
    return await _check(db, "Refunds never exceed what was taken", "card_payments", [str(row) for row in broken])


async def visits_paid_by_card_once(db: AsyncSession) -> Check:
    """No approved visit is paid for twice by cards, and the visits of a payment add up to it."""
    broken = await db.scalars(
        text(
            """
            SELECT p.id FROM card_payments p
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(v.amount_pence), 0) AS pence FROM card_payment_visits v WHERE v.payment_id = p.id
            ) visits ON true
            WHERE visits.pence <> CASE p.purpose WHEN 'visits' THEN p.amount_pence ELSE 0 END
            UNION ALL
            SELECT v.booking_id FROM card_payment_visits v JOIN card_payments p ON p.id = v.payment_id
            WHERE p.status IN ('created', 'open', 'paid', 'disputed', 'lost')
            GROUP BY v.booking_id HAVING count(*) > 1 AND sum(v.amount_pence) > (
                SELECT b.cost_pence FROM bookings b WHERE b.id = v.booking_id
            )
            LIMIT :limit
            """
        ),
        {"limit": EXAMPLES},
    )
    return await _check(db, "Visits are paid by card once", "card_payment_visits", [str(row) for row in broken])


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


CHECKS = (cards_equal_ledger, refunds_within_captured, visits_paid_by_card_once, events_handled)


async def _check(db: AsyncSession, name: str, table: str, broken: list[str]) -> Check:
    checked = int(await db.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
    return Check(name, not broken, checked, f"Breaks at {', '.join(broken)}" if broken else "")
