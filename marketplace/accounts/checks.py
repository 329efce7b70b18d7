"""Invariants of who acts for whom, for `marketplace check`: (name, ok, how many were looked at, detail)."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import SCOPES_OF

EXAMPLES = 5
Answer = tuple[str, bool, int, str]


async def representatives_within_their_kind(db: AsyncSession) -> Answer:
    """Nobody may do more for a person than their kind allows; two people let them, and they act for nobody else.

    Who is live has a user and a membership for the very person, and was never checked by who asked.
    """
    allowed = [(kind.value, scope.value) for kind, scopes in SCOPES_OF.items() for scope in sorted(scopes)]
    rows = await db.scalars(
        text(
            """
            WITH allowed AS (SELECT * FROM unnest(cast(:kinds AS text[]), cast(:scopes AS text[])) AS a (kind, scope))
            SELECT r.id::text FROM representations r LEFT JOIN memberships m ON m.id = r.membership_id
            WHERE EXISTS (
                SELECT 1 FROM unnest(r.scopes) AS given (scope)
                WHERE NOT EXISTS (SELECT 1 FROM allowed a WHERE a.kind = r.kind AND a.scope = given.scope)
            ) OR r.checked_by_user_id = r.asked_by_user_id
            OR (r.status = 'live' AND (m.id IS NULL OR m.user_id IS DISTINCT FROM r.user_id
                OR m.person_id IS DISTINCT FROM r.person_id OR m.council_id IS DISTINCT FROM r.council_id))
            ORDER BY 1
            """
        ),
        {"kinds": [kind for kind, _ in allowed], "scopes": [scope for _, scope in allowed]},
    )
    broken = list(rows)
    checked = int(await db.scalar(text("SELECT count(*) FROM representations")) or 0)
    detail = f"{len(broken)} wrong: {', '.join(broken[:EXAMPLES])}" if broken else ""
    return "Representatives stay within their kind", not broken, checked, detail


CHECKS = (representatives_within_their_kind,)
