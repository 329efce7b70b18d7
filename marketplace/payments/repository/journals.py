"""Questions about journals: entries that no journal holds yet, and those that were made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from marketplace.core.repository import Repository
from marketplace.payments.models import JournalExport

MOST = 200


class JournalRepository(Repository[JournalExport]):
    """What was handed to the finance system."""

    model_type = JournalExport

    async def listed(self, council_id: UUID) -> Sequence[JournalExport]:
        """Return a council's journals, the newest first."""
        return await self.every(self.of(council_id).order_by(JournalExport.number.desc()).limit(MOST))

    async def last(self, council_id: UUID) -> JournalExport | None:
        """Return the newest journal."""
        return await self.maybe(self.of(council_id).order_by(JournalExport.number.desc()))

    async def lines(self, council_id: UUID, after: datetime | None, until: datetime, most: int) -> Sequence[Row[Any]]:
        """Return ledger lines of entries posted in (after, until], in posting order: each entry once.

        Each line as (entry, kind, source, day it counts for, posted at, purpose, owner, side, pence, cost centre,
        memo). The cost centre is that of the team which bears what the entry is about; bills of several teams have
        none, since their spending was posted by team when it was earned.
        """
        rows = await self.db.execute(
            text(
                """
                SELECT e.id, e.kind, e.source_id, e.effective_on, e.posted_at, a.purpose, a.owner_id, l.side,
                    l.amount_pence, e.memo,
                    coalesce(own.cost_centre, bears.cost_centre, again.cost_centre, '') AS cost_centre
                FROM ledger_entries e
                JOIN ledger_lines l ON l.entry_id = e.id
                JOIN ledger_accounts a ON a.id = l.account_id
                LEFT JOIN budget_teams own ON a.purpose = 'commitment' AND own.id = a.owner_id
                LEFT JOIN LATERAL (
                    SELECT t.cost_centre FROM invoice_lines line JOIN accruals c ON c.id = line.accrual_id
                    JOIN budget_teams t ON t.id = c.team_id
                    WHERE e.kind = 'billed-again' AND line.id = e.source_id
                ) again ON true
                LEFT JOIN LATERAL (
                    SELECT t.cost_centre FROM accruals c JOIN budget_teams t ON t.id = c.team_id
                    WHERE c.council_id = e.council_id AND c.source_id = e.source_id
                    ORDER BY c.id LIMIT 1
                ) bears ON true
                WHERE e.council_id = :council_id AND e.posted_at <= :until
                    AND (CAST(:after AS timestamptz) IS NULL OR e.posted_at > :after)
                ORDER BY e.posted_at, e.id, l.side DESC, a.purpose, a.owner_id, l.id
                LIMIT :most
                """
            ),
            {"council_id": council_id, "after": after, "until": until, "most": most},
        )
        return rows.all()

    async def waiting(self, council_id: UUID, after: datetime | None) -> int:
        """Count entries that no journal holds yet."""
        found = await self.db.scalar(
            text(
                "SELECT count(*) FROM ledger_entries e WHERE e.council_id = :council_id"
                " AND (CAST(:after AS timestamptz) IS NULL OR e.posted_at > :after)"
            ),
            {"council_id": council_id, "after": after},
        )
        return int(found or 0)
