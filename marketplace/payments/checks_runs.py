"""Facts about payment runs that must hold at any time, for `marketplace check` (invariants 9 and 10).

Plain SQL over the tables, as in `checks`.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.payments.facts import Fact, fact_of


async def runs_add_up(db: AsyncSession) -> Fact:
    """A run's total is the sum of its lines, each line is what it pays, and the ledger cleared each released one (9).

    A rehearsal clears nothing. What the bank refused whole was cleared and taken back, payment by payment.
    """
    return await fact_of(
        db,
        "payments: a payment run is its lines, what it pays and the ledger",
        "SELECT count(*) FROM payment_runs",
        """
        WITH lines AS MATERIALIZED (
            SELECT run_id, sum(amount_pence) AS pence, count(*) AS lines FROM payment_run_lines GROUP BY run_id
        ), moved AS MATERIALIZED (
            SELECT e.source_id, CASE x.side WHEN 'credit' THEN x.amount_pence ELSE -x.amount_pence END AS pence
            FROM ledger_entries e
            JOIN ledger_lines x ON x.entry_id = e.id
            JOIN ledger_accounts c ON c.id = x.account_id AND c.purpose = 'bank_clearing'
            WHERE e.kind = 'payment-run-line'
        ), clearing AS MATERIALIZED (
            SELECT l.run_id, sum(m.pence) AS pence, count(*) AS entries
            FROM moved m JOIN payment_run_lines l ON l.id = m.source_id GROUP BY l.run_id
        ), undone AS MATERIALIZED (
            SELECT l.run_id, count(*) AS entries, count(paid.id) AS mirrors
            FROM ledger_entries e
            JOIN payment_run_lines l ON l.id = e.source_id
            LEFT JOIN ledger_entries paid ON paid.id = e.reverses_id AND paid.kind = 'payment-run-line'
                AND paid.source_id = l.id
            WHERE e.kind = 'payment-run-rejected' GROUP BY l.run_id
        )
        SELECT r.council_id || ' PR-' || r.number FROM payment_runs r
        LEFT JOIN lines ON lines.run_id = r.id
        LEFT JOIN clearing ON clearing.run_id = r.id
        LEFT JOIN undone ON undone.run_id = r.id
        CROSS JOIN LATERAL (
            SELECT r.status IN ('released', 'submitted', 'confirmed', 'rejected') AS is_out
        ) state
        WHERE r.total_pence IS DISTINCT FROM lines.pence OR r.line_count IS DISTINCT FROM lines.lines
            OR coalesce(clearing.pence, 0) <> CASE WHEN state.is_out THEN r.total_pence ELSE 0 END
            OR coalesce(clearing.entries, 0) <> CASE WHEN state.is_out THEN r.line_count ELSE 0 END
            OR (state.is_out OR r.is_rehearsal) <> (r.file_sha256 IS NOT NULL)
            OR (state.is_out AND r.is_rehearsal)
            OR coalesce(undone.entries, 0) <> CASE r.status WHEN 'rejected' THEN r.line_count ELSE 0 END
            OR undone.mirrors <> undone.entries
            OR (r.status <> 'rejected' AND (r.status IN ('submitted', 'confirmed')) <> (r.submitted_at IS NOT NULL))
            OR (r.status = 'rejected' AND EXISTS (
                SELECT FROM payment_run_lines l WHERE l.run_id = r.id AND l.returned_on IS NOT NULL))
            OR (r.status = 'confirmed') <> (r.confirmed_at IS NOT NULL)
        UNION
        SELECT r.council_id || ' PR-' || r.number FROM payment_run_lines l
        JOIN payment_runs r ON r.id = l.run_id
        LEFT JOIN payment_run_invoices p ON p.run_id = l.run_id AND p.line_id = l.id
        LEFT JOIN payables w ON w.id = p.payable_id AND w.organisation_id = l.organisation_id
            AND w.invoice_id = p.invoice_id AND w.council_id = l.council_id
        GROUP BY r.council_id, r.number, l.id
        HAVING l.amount_pence <> coalesce(sum(w.amount_pence), 0) OR count(w.id) <> count(p.payable_id)
        """,
    )


async def payables_are_in_one_run(db: AsyncSession) -> Fact:
    """What is in a run or sent is in exactly one run that stands and has not come back; what is open is in none (9)."""
    return await fact_of(
        db,
        "payments: what is owed is paid by one run",
        "SELECT count(*) FROM payables",
        """
        SELECT w.id::text FROM payables w
        LEFT JOIN payment_run_invoices p ON p.payable_id = w.id
        LEFT JOIN payment_run_lines l ON l.id = p.line_id AND l.returned_on IS NULL
        LEFT JOIN payment_runs r ON r.id = l.run_id AND r.status NOT IN ('cancelled', 'rejected')
            AND NOT r.is_rehearsal
        GROUP BY w.id, w.status, w.paid_on
        HAVING count(r.id) <> CASE w.status WHEN 'open' THEN 0 ELSE 1 END
            OR (w.status = 'in_run') <> coalesce(bool_or(r.status = 'made'), false)
            OR (w.status = 'sent') <> coalesce(bool_or(r.status IN ('released', 'submitted')), false)
            OR (w.status = 'paid') <> coalesce(bool_or(r.status = 'confirmed'), false)
            OR (w.status = 'paid') <> (w.paid_on IS NOT NULL)
        """,
    )


async def bills_follow_what_is_owed(db: AsyncSession) -> Fact:
    """A bill is where its payable furthest from being paid is; its payables are its agreed lines (8, 9)."""
    return await fact_of(
        db,
        "payments: a bill is where its payables are",
        "SELECT count(*) FROM invoices WHERE status IN ('approved', 'in_run', 'sent', 'paid')",
        """
        SELECT i.number FROM invoices i LEFT JOIN payables w ON w.invoice_id = i.id
        WHERE i.status IN ('approved', 'in_run', 'sent', 'paid')
        GROUP BY i.id, i.number, i.status
        HAVING i.status <> CASE
            WHEN count(w.id) = 0 OR bool_or(w.status = 'open') THEN 'approved'
            WHEN bool_or(w.status = 'in_run') THEN 'in_run'
            WHEN bool_or(w.status = 'sent') THEN 'sent' ELSE 'paid' END
        UNION
        SELECT i.number FROM payables w JOIN invoices i ON i.id = w.invoice_id
        LEFT JOIN invoice_lines l ON l.payable_id = w.id AND l.invoice_id = w.invoice_id
        GROUP BY i.id, i.number, i.kind, w.id, w.amount_pence
        HAVING abs(w.amount_pence) <> coalesce(sum(l.amount_pence), 0)
            OR (w.amount_pence < 0) <> (i.kind IN ('self_bill_credit', 'credit_note'))
        """,
    )


async def returned_payments_are_owed(db: AsyncSession) -> Fact:
    """A payment that came back has its item and the mirror of its ledger entry, once each; no other has (C8)."""
    return await fact_of(
        db,
        "payments: what came back is taken back once",
        "SELECT count(*) FROM returned_items",
        """
        SELECT coalesce(l.id, t.line_id, back.source_id)::text
        FROM (SELECT * FROM payment_run_lines WHERE returned_on IS NOT NULL) l
        FULL JOIN (SELECT * FROM returned_items WHERE line_id IS NOT NULL) t ON t.line_id = l.id
        FULL JOIN (SELECT * FROM ledger_entries WHERE kind = 'payment-returned') back ON back.source_id = l.id
        LEFT JOIN ledger_entries paid ON paid.kind = 'payment-run-line' AND paid.source_id = l.id
        WHERE l.id IS NULL OR t.id IS NULL OR back.id IS NULL OR back.reverses_id IS DISTINCT FROM paid.id
            OR t.amount_pence <> l.amount_pence OR t.council_id <> l.council_id OR t.returned_on <> l.returned_on
        """,
    )


async def two_people(db: AsyncSession) -> Fact:
    """Nobody released a run they made, or called about or checked bank details they entered (invariant 10)."""
    return await fact_of(
        db,
        "payments: maker and checker are two people",
        "SELECT (SELECT count(*) FROM payment_runs) + (SELECT count(*) FROM bank_accounts)",
        """
        SELECT 'run ' || id FROM payment_runs
        WHERE (status IN ('released', 'submitted', 'confirmed', 'rejected') AND released_by_user_id IS NULL)
            OR released_by_user_id = made_by_user_id
        UNION ALL
        SELECT 'bank account ' || id FROM bank_accounts
        WHERE checked_by_user_id = entered_by_user_id OR called_by_user_id = entered_by_user_id
            OR (entered_by_user_id IS NOT NULL AND live_from IS NOT NULL AND checked_by_user_id IS NULL)
        """,
    )


CHECKS: tuple[Callable[[AsyncSession], Awaitable[Fact]], ...] = (
    runs_add_up,
    payables_are_in_one_run,
    bills_follow_what_is_owed,
    returned_payments_are_owed,
    two_people,
)
"""All questions, in the order they are shown."""
