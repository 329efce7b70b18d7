"""Invariants of a council's books, for `marketplace check`. Each answers (name, ok, how many rows, detail).

They look at the rows alone and need a transaction that reaches every council.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import Check

EXAMPLES = 5


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


async def _check(db: AsyncSession, name: str, counted: str, question: str) -> Check:
    broken = [str(row) for row in await db.scalars(text(question), {"limit": EXAMPLES})]
    looked_at = int(await db.scalar(text(f"SELECT count(*) FROM {counted}")) or 0)
    return Check(name, not broken, looked_at, f"Breaks at {', '.join(broken)}" if broken else "")


CHECKS = (
    journals_hold_what_was_posted,
    journals_follow_one_another,
    teams_bear_their_own_councils_costs,
    commitments_are_never_negative,
)
