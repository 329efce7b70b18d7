"""Invariants of a council's books, for `marketplace check`. Each answers (name, ok, how many rows, detail).

They look at the rows alone and need a transaction that reaches every council.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import Check
from marketplace.providers.models import CATEGORY_SERVICE, ServiceLine

EXAMPLES = 5
_SERVICES = " ".join(
    f"WHEN l.category = '{category.value}' THEN '{line.value}'" for category, line in CATEGORY_SERVICE.items() if line
)
"""What a listing's category is for, as the rules of bookings say it."""


async def journals_hold_what_was_posted(db: AsyncSession) -> Check:
    """A journal has as many lines, and as many pence of debits, as the ledger has for its instants.

    It would show an entry that came to light only after its journal was made.
    """
    return await _check(
        db,
        "payments: journals hold what was posted",
        "journal_exports",
        """
        SELECT j.id::text FROM journal_exports j
        LEFT JOIN LATERAL (
            SELECT count(*) AS lines, coalesce(sum(l.amount_pence) FILTER (WHERE l.side = 'debit'), 0) AS pence
            FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id
            WHERE e.council_id = j.council_id AND e.posted_at <= j.posted_until
                AND (j.posted_after IS NULL OR e.posted_at > j.posted_after)
        ) posted ON true
        WHERE posted.lines <> j.line_count OR posted.pence <> j.total_pence
        LIMIT :limit
        """,
    )


async def journals_follow_one_another(db: AsyncSession) -> Check:
    """A council's journals are 1, 2, 3, …; each begins where the one before it ended."""
    return await _check(
        db,
        "payments: journals follow one another",
        "journal_exports",
        """
        SELECT x.id::text FROM (
            SELECT j.id, j.number, j.posted_after, lag(j.posted_until) OVER own AS ended, row_number() OVER own AS place
            FROM journal_exports j WINDOW own AS (PARTITION BY j.council_id ORDER BY j.number)
        ) x
        WHERE x.number <> x.place OR x.posted_after IS DISTINCT FROM x.ended
        LIMIT :limit
        """,
    )


async def teams_bear_their_own_councils_costs(db: AsyncSession) -> Check:
    """Costs, people and contracts are borne by teams of their own council; an area has one open team."""
    return await _check(
        db,
        "payments: teams bear their own council's costs",
        "budget_teams",
        """
        SELECT a.id::text FROM accruals a JOIN budget_teams t ON t.id = a.team_id WHERE t.council_id <> a.council_id
        UNION ALL
        SELECT b.id::text FROM block_contracts b JOIN budget_teams t ON t.id = b.team_id
        WHERE t.council_id <> b.council_id
        UNION ALL
        SELECT n.id::text FROM budget_team_people n
        JOIN budget_teams t ON t.id = n.team_id JOIN people p ON p.id = n.person_id
        WHERE t.council_id <> n.council_id OR p.council_id <> n.council_id
        UNION ALL
        (SELECT min(t.id::text) FROM budget_teams t, unnest(t.outwards) AS area WHERE t.closed_on IS NULL
        GROUP BY t.council_id, area HAVING count(*) > 1)
        UNION ALL
        (SELECT min(t.id::text) FROM budget_teams t WHERE t.closed_on IS NULL AND t.is_default
        GROUP BY t.council_id HAVING count(*) > 1)
        LIMIT :limit
        """,
    )


async def commitments_are_never_negative(db: AsyncSession) -> Check:
    """What a team has committed and not accrued is nothing or more, and each release has its commitment."""
    return await _check(
        db,
        "payments: commitments are released at most once",
        "(SELECT 1 FROM ledger_accounts WHERE purpose = 'commitment') a",
        """
        SELECT a.id::text FROM ledger_accounts a JOIN ledger_lines l ON l.account_id = a.id
        WHERE a.purpose = 'commitment'
        GROUP BY a.id HAVING sum(CASE l.side WHEN 'debit' THEN l.amount_pence ELSE -l.amount_pence END) < 0
        UNION ALL
        SELECT e.id::text FROM ledger_entries e
        WHERE e.kind = 'commitment-released' AND e.reverses_id IS NULL
        LIMIT :limit
        """,
    )


async def a_visit_is_counted_or_paid_singly(db: AsyncSession) -> Check:
    """A visit is counted in a block contract or paid singly, never both, and a week counts no more than was bought.

    A counted visit was approved, lies inside its contract (council, organisation, service, day), was credited to the
    organisation by its approval (money that the person holds, a card or a wage buys singly), and all of that was taken
    off again; neither it nor its rest earned anything or stands on a bill to be paid.
    """
    return await _check(
        db,
        "payments: a visit is counted in a block or paid singly",
        "(SELECT 1 FROM bookings WHERE block_contract_id IS NOT NULL) b",
        f"""
        WITH counted AS (
            SELECT b.id, b.council_id, b.organisation_id, b.visit_on, b.status, b.block_contract_id,
                coalesce(b.claimed_minutes, b.minutes) AS minutes,
                CASE {_SERVICES} ELSE '{ServiceLine.COMMUNITY_SUPPORT.value}' END AS service
            FROM bookings b JOIN listings l ON l.id = b.listing_id WHERE b.block_contract_id IS NOT NULL
        ), moved AS (
            SELECT e.source_id, e.council_id,
                coalesce(sum(l.amount_pence) FILTER (WHERE e.kind IN ('visit-approved', 'visit-approved-rest')
                    AND a.purpose = 'accrued' AND l.side = 'credit'), 0) AS owed,
                coalesce(sum(l.amount_pence) FILTER (WHERE e.kind IN ('visit-in-block', 'visit-in-block-rest')
                    AND a.purpose = 'accrued' AND l.side = 'debit'), 0) AS taken,
                count(*) FILTER (WHERE e.kind IN ('visit-approved', 'visit-approved-rest')
                    AND a.purpose IN ('person_owes', 'fund_drawn', 'wages_due')) AS own
            FROM ledger_entries e
            JOIN ledger_lines l ON l.entry_id = e.id JOIN ledger_accounts a ON a.id = l.account_id
            WHERE e.kind IN ('visit-approved', 'visit-approved-rest', 'visit-in-block', 'visit-in-block-rest')
            GROUP BY e.source_id, e.council_id
        )
        SELECT c.id::text FROM counted c
        LEFT JOIN block_contracts k ON k.id = c.block_contract_id AND k.council_id = c.council_id
            AND k.organisation_id = c.organisation_id AND k.service_line = c.service
            AND k.starts_on <= c.visit_on AND k.ends_on > c.visit_on
        LEFT JOIN moved m ON m.source_id = c.id AND m.council_id = c.council_id
        WHERE k.id IS NULL OR c.status NOT IN ('approved', 'part_approved')
            OR coalesce(m.taken, 0) = 0 OR m.own > 0
            OR (m.owed <> m.taken AND NOT EXISTS (
                SELECT 1 FROM outbox_messages o
                LEFT JOIN outbox_deliveries d ON d.message_id = o.id AND d.task = 'payments.accrue_rest'
                WHERE o.event = 'BookingRestApproved' AND o.body ->> 'booking_id' = c.id::text
                    AND d.handled_at IS NULL))
            OR EXISTS (SELECT 1 FROM accruals a WHERE a.kind = 'visit' AND a.source_id = c.id)
            OR EXISTS (SELECT 1 FROM invoice_lines x WHERE x.booking_id = c.id AND x.status = 'clean')
        UNION ALL
        SELECT m.source_id::text FROM moved m
        WHERE m.taken > 0 AND NOT EXISTS (SELECT 1 FROM counted c WHERE c.id = m.source_id)
        UNION ALL
        (SELECT min(c.id::text) FROM counted c JOIN block_contracts k ON k.id = c.block_contract_id
        GROUP BY k.id, (c.visit_on - k.starts_on) / 7 HAVING sum(c.minutes) > k.weekly_minutes)
        LIMIT :limit
        """,
    )


async def _check(db: AsyncSession, name: str, counted: str, question: str) -> Check:
    broken = [str(row) for row in await db.scalars(text(question), {"limit": EXAMPLES})]
    looked_at = int(await db.scalar(text(f"SELECT count(*) FROM {counted}")) or 0)
    return Check(name, not broken, looked_at, f"Breaks at {', '.join(broken)}" if broken else "")


CHECKS = (
    journals_hold_what_was_posted,
    journals_follow_one_another,
    teams_bear_their_own_councils_costs,
    commitments_are_never_negative,
    a_visit_is_counted_or_paid_singly,
)
