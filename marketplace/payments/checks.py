"""Facts about money that must hold at any time, for `marketplace check`.

Each function asks the database one question about all councils (the transaction must reach them) and answers what it
found. They share no code with what writes the rows: plain SQL over the tables, so that a bug there shows here.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.payments.checks_runs import CHECKS as RUN_CHECKS
from marketplace.payments.earning_checks import EARNING_CHECKS
from marketplace.payments.facts import Fact, fact_of


async def bills_equal_lines(db: AsyncSession) -> Fact:
    """A bill's total and VAT are the sums of its lines that count, and each line is its earning (invariant 8).

    A clean line stands at its earning's amount, on a supplier's own invoice at most at it; on a bill that was sent no
    clean line is without one. What was refused whole keeps the total it came with.
    """
    return await fact_of(
        db,
        "payments: a self-bill is the sum of its lines",
        "SELECT count(*) FROM invoices",
        """
        SELECT coalesce(i.number, i.id::text) FROM invoices i
        LEFT JOIN invoice_lines l ON l.invoice_id = i.id AND l.status <> 'refused'
        WHERE i.status <> 'refused'
        GROUP BY i.id HAVING i.total_pence <> coalesce(sum(l.amount_pence), 0)
            OR i.vat_pence <> coalesce(sum(l.vat_pence), 0)
        UNION
        SELECT i.number FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
        LEFT JOIN accruals a ON a.id = l.accrual_id
        WHERE i.number IS NOT NULL AND NOT l.is_credit AND l.status <> 'refused' AND l.billed_again_on IS NULL AND (
            (l.status = 'clean' AND (a.id IS NULL OR a.amount_pence < l.amount_pence
                OR (i.kind = 'self_bill' AND a.amount_pence <> l.amount_pence)))
            OR (a.id IS NOT NULL AND (a.invoice_id IS DISTINCT FROM l.invoice_id
                OR a.organisation_id <> i.organisation_id OR a.council_id <> i.council_id)))
        """,
    )


async def accruals_billed_once(db: AsyncSession) -> Fact:
    """No earning stands on two bills, and one that says it is billed stands on that bill (invariant 8)."""
    return await fact_of(
        db,
        "payments: nothing is billed twice",
        "SELECT count(*) FROM accruals",
        """
        SELECT a.id::text FROM accruals a
        LEFT JOIN invoice_lines l ON l.accrual_id = a.id AND NOT l.is_credit AND l.status <> 'refused'
            AND l.billed_again_on IS NULL
        GROUP BY a.id, a.invoice_id
        HAVING count(l.id) > 1 OR (a.invoice_id IS NOT NULL AND count(l.id) = 0)
        """,
    )


async def credits_within_bills(db: AsyncSession) -> Fact:
    """Credit notes take back lines of the bill they name, and never more than a line with its VAT."""
    return await fact_of(
        db,
        "payments: no more is taken back than was billed",
        "SELECT count(*) FROM invoice_lines WHERE is_credit",
        """
        SELECT o.id::text FROM invoice_lines c
        JOIN invoices n ON n.id = c.invoice_id AND n.status NOT IN ('refused', 'draft', 'withdrawn')
        JOIN invoice_lines o ON o.id = c.credits_line_id
        WHERE c.is_credit AND c.status <> 'refused'
        GROUP BY o.id
        HAVING sum(c.amount_pence) > o.amount_pence OR sum(c.vat_pence) > o.vat_pence
            OR bool_or(n.credits_id <> o.invoice_id OR o.is_credit)
        UNION ALL
        SELECT l.id::text FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
        WHERE l.is_credit <> (i.credits_id IS NOT NULL) OR l.is_credit <> (l.credits_line_id IS NOT NULL)
        """,
    )


async def billed_again_after_credit(db: AsyncSession) -> Fact:
    """A line whose earning is billed again was taken back whole, and the earning was posted once more, once."""
    return await fact_of(
        db,
        "payments: what is billed again was taken back first",
        "SELECT count(*) FROM invoice_lines WHERE billed_again_on IS NOT NULL",
        """
        SELECT coalesce(o.id, e.source_id)::text
        FROM (SELECT l.* FROM invoice_lines l WHERE l.billed_again_on IS NOT NULL) o
        FULL JOIN (SELECT * FROM ledger_entries WHERE kind = 'billed-again') e ON e.source_id = o.id
        LEFT JOIN invoices i ON i.id = o.invoice_id
        LEFT JOIN accruals earned ON earned.id = o.accrual_id
        LEFT JOIN LATERAL (
            SELECT sum(c.amount_pence) AS pence, sum(c.vat_pence) AS vat_pence
            FROM invoice_lines c JOIN invoices n ON n.id = c.invoice_id
            WHERE c.credits_line_id = o.id AND c.status <> 'refused'
                AND n.status NOT IN ('draft', 'withdrawn', 'refused', 'issued', 'held')
        ) back ON true
        LEFT JOIN LATERAL (
            SELECT sum(x.amount_pence) AS pence FROM ledger_lines x JOIN ledger_accounts a ON a.id = x.account_id
            WHERE x.entry_id = e.id AND x.side = 'credit' AND a.purpose = 'accrued' AND a.owner_id = i.organisation_id
        ) posted ON true
        WHERE o.id IS NULL OR e.id IS NULL OR i.kind NOT IN ('self_bill', 'provider_invoice') OR earned.id IS NULL
            OR back.pence IS DISTINCT FROM o.amount_pence OR back.vat_pence IS DISTINCT FROM o.vat_pence
            OR posted.pence IS DISTINCT FROM earned.amount_pence
        """,
    )


async def held_lines_have_holds(db: AsyncSession) -> Fact:
    """A line of a sent bill is held exactly while one hold of it is open, and nothing held is payable."""
    return await fact_of(
        db,
        "payments: a held line has its one open hold",
        "SELECT count(*) FROM line_holds",
        """
        SELECT l.id::text FROM invoice_lines l
        JOIN invoices i ON i.id = l.invoice_id AND i.number IS NOT NULL
        LEFT JOIN line_holds h ON h.line_id = l.id AND h.ended_at IS NULL
        WHERE (l.status = 'held') <> (h.id IS NOT NULL) OR (l.status <> 'clean' AND l.payable_id IS NOT NULL)
        """,
    )


async def bill_numbers_have_no_gaps(db: AsyncSession) -> Fact:
    """The numbers of each series of a council's bills, and of its runs, are 1, 2, 3, … up to what it gave out."""
    return await fact_of(
        db,
        "payments: numbers have no gaps",
        "SELECT (SELECT count(*) FROM invoices) + (SELECT count(*) FROM payment_runs)",
        """
        SELECT s.council_id || ' ' || s.series FROM number_series s
        WHERE (s.series IN ('self_bill', 'self_bill_credit', 'provider_invoice', 'credit_note') AND s.last <> (
                SELECT count(*) FROM invoices i
                WHERE i.council_id = s.council_id AND i.kind = s.series AND i.number IS NOT NULL))
            OR (s.series = 'payment_run' AND s.last <> (
                SELECT count(*) FROM payment_runs r WHERE r.council_id = s.council_id))
        """,
    )


async def ledger_equals_open_items(db: AsyncSession) -> Fact:
    """By organisation, the ledger's accrued and payable balances equal open earnings and what is owed.

    A visit counts as earned from its approval on: where its message still waits for its row, the message's amount
    stands in for it.
    """
    return await fact_of(
        db,
        "payments: the ledger equals what is open",
        "SELECT count(*) FROM ledger_accounts WHERE purpose IN ('accrued', 'payable')",
        """
        WITH open_items AS (
            SELECT a.council_id, a.organisation_id, 'accrued' AS purpose, a.amount_pence AS pence
            FROM accruals a LEFT JOIN invoices i ON i.id = a.invoice_id
            LEFT JOIN invoice_lines l ON l.accrual_id = a.id AND NOT l.is_credit AND l.status <> 'refused'
                AND l.billed_again_on IS NULL
            WHERE (i.id IS NULL OR i.status IN ('issued', 'held') OR (l.id IS NOT NULL AND l.payable_id IS NULL))
                AND NOT EXISTS (
                    SELECT 1 FROM invoice_lines c JOIN invoices n ON n.id = c.invoice_id
                    WHERE c.credits_line_id = l.id AND l.payable_id IS NULL
                        AND n.status NOT IN ('draft', 'withdrawn', 'refused', 'issued', 'held'))
            UNION ALL
            SELECT m.council_id, (m.body ->> 'organisation_id')::uuid, 'accrued',
                coalesce(m.body ->> 'accrued_pence', m.body ->> 'cost_pence')::bigint
            FROM outbox_messages m
            LEFT JOIN outbox_deliveries d ON d.message_id = m.id
                AND d.task IN ('payments.accrue_visit', 'payments.accrue_rest')
            WHERE (m.event = 'BookingRestApproved' OR (m.event = 'BookingApproved'
                    AND m.body ->> 'funding' = 'direct_payment' AND NOT EXISTS (
                        SELECT 1 FROM accruals a
                        WHERE a.kind = 'visit' AND a.source_id::text = m.body ->> 'booking_id'
                    ) AND NOT EXISTS (
                        SELECT 1 FROM ledger_entries e
                        WHERE e.kind = 'visit-in-block' AND e.source_id::text = m.body ->> 'booking_id'
                    )
                )) AND d.handled_at IS NULL
            UNION ALL
            SELECT council_id, organisation_id, 'payable', amount_pence
            FROM payables WHERE status IN ('open', 'in_run')
        ), wanted AS (
            SELECT council_id, organisation_id, purpose, sum(pence) AS pence
            FROM open_items GROUP BY council_id, organisation_id, purpose
        ), found AS (
            SELECT council_id, owner_id AS organisation_id, purpose, balance_pence AS pence
            FROM ledger_accounts WHERE purpose IN ('accrued', 'payable')
        )
        SELECT purpose || ' of ' || organisation_id || ': ledger ' || coalesce(f.pence, 0)
            || ', open ' || coalesce(w.pence, 0)
        FROM wanted w FULL JOIN found f USING (council_id, organisation_id, purpose)
        WHERE coalesce(w.pence, 0) <> coalesce(f.pence, 0)
        """,
    )


async def movements_have_entries(db: AsyncSession) -> Fact:
    """Each movement of a direct payment has its one ledger entry of its amount and person, and no entry lacks one.

    A correction is the mirror image of what it takes back.
    """
    return await fact_of(
        db,
        "payments: each movement has its ledger entry",
        "SELECT count(*) FROM money_movements",
        """
        WITH posted AS (
            SELECT e.id, e.source_id, e.council_id, e.effective_on, e.reverses_id,
                sum(l.amount_pence) FILTER (WHERE l.side = 'debit') AS pence,
                bool_and(a.owner_id IS NULL OR a.owner_id = m.person_id OR a.owner_id = m.organisation_id) AS is_theirs,
                coalesce(sum(CASE l.side WHEN 'credit' THEN l.amount_pence ELSE -l.amount_pence END)
                    FILTER (WHERE a.purpose = 'direct_payment'), 0)
                - coalesce(sum(CASE l.side WHEN 'credit' THEN l.amount_pence ELSE -l.amount_pence END)
                    FILTER (WHERE a.purpose = 'person_owes'), 0) AS in_pence,
                coalesce(sum(CASE l.side WHEN 'debit' THEN l.amount_pence ELSE -l.amount_pence END)
                    FILTER (WHERE a.purpose = 'person_owes'), 0) AS matched_pence
            FROM ledger_entries e
            JOIN ledger_lines l ON l.entry_id = e.id JOIN ledger_accounts a ON a.id = l.account_id
            LEFT JOIN money_movements m ON m.id = e.source_id
            WHERE e.kind = 'money-movement' GROUP BY e.id
        )
        SELECT coalesce(m.id, p.source_id)::text
        FROM money_movements m FULL JOIN posted p ON p.source_id = m.id
        LEFT JOIN ledger_entries o ON o.kind = 'money-movement' AND o.source_id = m.reverses_id
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_pence), 0) AS pence FROM movement_visits v
            WHERE v.movement_id = coalesce(m.reverses_id, m.id)
        ) parts ON true
        WHERE m.id IS NULL OR p.id IS NULL OR p.pence <> m.amount_pence OR p.council_id <> m.council_id
            OR p.effective_on < m.happened_on OR NOT p.is_theirs
            OR (m.reverses_id IS NOT NULL AND p.reverses_id IS DISTINCT FROM o.id)
            OR (m.kind IN ('council_share', 'contribution', 'one_off', 'refund') AND p.in_pence <> m.amount_pence)
            OR (m.kind IN ('payment', 'reclaim') AND p.matched_pence <> parts.pence)
            OR (m.kind = 'correction' AND p.matched_pence <> -parts.pence)
        """,
    )


async def people_owe_what_is_unpaid(db: AsyncSession) -> Fact:
    """What a person owes by the ledger is what they approved and pay themselves, less what they recorded as paid."""
    return await fact_of(
        db,
        "payments: what people owe is approved and not recorded as paid",
        "SELECT count(*) FROM ledger_accounts WHERE purpose = 'person_owes'",
        """
        WITH approved AS (
            SELECT a.council_id, a.owner_id AS person_id,
                sum(CASE l.side WHEN 'credit' THEN l.amount_pence ELSE -l.amount_pence END) AS pence
            FROM ledger_accounts a JOIN ledger_lines l ON l.account_id = a.id
            JOIN ledger_entries e ON e.id = l.entry_id
            WHERE a.purpose = 'person_owes' AND e.kind <> 'money-movement' GROUP BY 1, 2
        ), paid AS (
            SELECT m.council_id, m.person_id, sum(v.amount_pence) AS pence
            FROM movement_visits v JOIN money_movements m ON m.id = v.movement_id
            WHERE NOT EXISTS (SELECT 1 FROM money_movements c WHERE c.reverses_id = m.id) GROUP BY 1, 2
        )
        SELECT a.owner_id || ': ledger ' || a.balance_pence || ', unpaid '
            || coalesce(w.pence, 0) - coalesce(p.pence, 0)
        FROM ledger_accounts a
        LEFT JOIN approved w ON w.council_id = a.council_id AND w.person_id = a.owner_id
        LEFT JOIN paid p ON p.council_id = a.council_id AND p.person_id = a.owner_id
        WHERE a.purpose = 'person_owes' AND a.balance_pence <> coalesce(w.pence, 0) - coalesce(p.pence, 0)
        """,
    )


async def visits_are_not_paid_twice(db: AsyncSession) -> Fact:
    """What payments that stand paid for a visit is no more than the person approved of it, and theirs."""
    return await fact_of(
        db,
        "payments: a visit is never paid beyond what was approved",
        "SELECT count(*) FROM movement_visits",
        """
        SELECT b.id::text FROM movement_visits v
        JOIN money_movements m ON m.id = v.movement_id
        JOIN bookings b ON b.id = v.booking_id
        WHERE NOT EXISTS (SELECT 1 FROM money_movements c WHERE c.reverses_id = m.id)
        GROUP BY b.id
        HAVING sum(v.amount_pence) > coalesce(b.approved_pence, CASE b.status WHEN 'approved' THEN b.cost_pence END, 0)
                - b.top_up_pence
            OR bool_or(m.person_id <> b.person_id OR m.council_id <> b.council_id OR v.council_id <> b.council_id)
        """,
    )


async def audits_ask_within_bounds(db: AsyncSession) -> Fact:
    """A money audit asks about payments and visits of its own person only, and asks back no more than the surplus."""
    return await fact_of(
        db,
        "payments: a money audit asks about its own person",
        "SELECT count(*) FROM direct_payment_audits",
        """
        SELECT a.id::text FROM direct_payment_audits a
        LEFT JOIN audit_items i ON i.audit_id = a.id
        LEFT JOIN money_movements m ON m.id = i.movement_id
        LEFT JOIN bookings b ON b.id = i.booking_id
        WHERE coalesce(m.person_id, b.person_id, a.person_id) <> a.person_id
            OR coalesce(i.council_id, a.council_id) <> a.council_id OR a.reclaim_pence > a.surplus_pence
            OR (a.status = 'closed') <> (a.closed_at IS NOT NULL)
        """,
    )


CHECKS: tuple[Callable[[AsyncSession], Awaitable[Fact]], ...] = (
    bills_equal_lines,
    accruals_billed_once,
    billed_again_after_credit,
    credits_within_bills,
    held_lines_have_holds,
    bill_numbers_have_no_gaps,
    *EARNING_CHECKS,
    ledger_equals_open_items,
    movements_have_entries,
    people_owe_what_is_unpaid,
    visits_are_not_paid_twice,
    audits_ask_within_bounds,
)
"""All questions, in the order they are shown."""


async def check_payments(db: AsyncSession) -> list[Fact]:
    """Ask every question, those about payment runs included."""
    return [await check(db) for check in (*CHECKS, *RUN_CHECKS)]
