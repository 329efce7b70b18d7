"""Questions about a council's books: what teams spend and how far it has come, the trial balance, block contracts."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import instant
from marketplace.payments.models import BlockContract, BudgetTeam
from marketplace.providers.models import Organisation

MOST = 200

# How far each earning had come by the end of a day. A credit note takes away from the team of what it credits, and
# goes its own way: it is owed by the supplier until a run sets it off.
_POSITIONS = """
WITH paid AS (
    SELECT p.id, CASE WHEN p.status IN ('sent', 'paid') THEN coalesce(p.paid_on, (
        SELECT max(r.pay_on) FROM payment_run_invoices x
        JOIN payment_runs r ON r.id = x.run_id AND r.released_at IS NOT NULL AND NOT r.is_rehearsal
        JOIN payment_run_lines rl ON rl.id = x.line_id AND rl.returned_on IS NULL
        WHERE x.payable_id = p.id)) END AS paid_on, p.created_at
    FROM payables p WHERE p.council_id = :council_id
), bills AS (
    SELECT i.id, i.received_on FROM invoices i
    WHERE i.council_id = :council_id AND i.status NOT IN ('draft', 'withdrawn', 'refused') AND i.received_on <= :day
), position AS (
    SELECT a.team_id, a.organisation_id, a.kind::text AS kind, a.earned_on,
        CASE WHEN b.id IS NULL THEN a.amount_pence ELSE l.amount_pence END AS pence,
        CASE WHEN b.id IS NULL THEN 'earned'
            WHEN p.id IS NULL OR p.created_at >= :day_over THEN 'billed'
            WHEN p.paid_on IS NULL OR p.paid_on > :day THEN 'owed' ELSE 'paid' END AS stage
    FROM accruals a
    LEFT JOIN invoice_lines l ON l.accrual_id = a.id AND l.status <> 'refused' AND NOT l.is_credit
        AND l.billed_again_on IS NULL
    LEFT JOIN bills b ON b.id = l.invoice_id
    LEFT JOIN paid p ON p.id = l.payable_id
    WHERE a.council_id = :council_id AND a.earned_on <= :day AND NOT EXISTS (
        SELECT FROM invoice_lines before JOIN bills ON bills.id = before.invoice_id
        WHERE before.accrual_id = a.id AND before.billed_again_on > :day)
    UNION ALL
    SELECT a.team_id, a.organisation_id, a.kind::text, a.earned_on, l.amount_pence,
        CASE WHEN p.id IS NULL OR p.created_at >= :day_over THEN 'billed'
            WHEN p.paid_on IS NULL OR p.paid_on > :day THEN 'owed' ELSE 'paid' END
    FROM invoice_lines l
    JOIN bills b ON b.id = l.invoice_id
    JOIN accruals a ON a.id = l.accrual_id
    LEFT JOIN paid p ON p.id = l.payable_id
    WHERE l.council_id = :council_id AND l.billed_again_on IS NOT NULL
    UNION ALL
    SELECT a.team_id, a.organisation_id, a.kind::text, b.received_on, -l.amount_pence,
        CASE WHEN p.id IS NULL OR p.created_at >= :day_over THEN 'billed'
            WHEN p.paid_on IS NULL OR p.paid_on > :day THEN 'owed' ELSE 'paid' END
    FROM invoice_lines l
    JOIN bills b ON b.id = l.invoice_id
    JOIN invoice_lines o ON o.id = l.credits_line_id
    JOIN accruals a ON a.id = o.accrual_id
    LEFT JOIN paid p ON p.id = l.payable_id
    WHERE l.council_id = :council_id AND l.is_credit AND l.status <> 'refused'
)
"""


class Position(NamedTuple):
    """What a team owes a supplier, or has paid it, for a kind of earning, at one stage."""

    team_id: UUID | None
    organisation_id: UUID
    organisation: str
    kind: str
    stage: str
    """earned: not billed; billed: not approved; owed: not paid; paid."""
    number: int
    """How many earnings and credits."""
    pence: int


class BooksRepository:
    """Sums over a council's money."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def positions(self, council_id: UUID, since: date | None, day: date) -> list[Position]:
        """Return what was earned from `since` (None: ever) up to a day, by how far it had come at its end."""
        rows = await self.db.execute(
            text(
                _POSITIONS
                + """
                SELECT x.team_id, x.organisation_id, o.name, x.kind, x.stage, count(*), sum(x.pence)
                FROM position x JOIN organisations o ON o.id = x.organisation_id
                WHERE CAST(:since AS date) IS NULL OR x.earned_on >= :since
                GROUP BY x.team_id, x.organisation_id, o.name, x.kind, x.stage
                ORDER BY o.name, x.organisation_id, x.kind, x.stage
                """
            ),
            {"council_id": council_id, "since": since, "day": day, "day_over": _over(day)},
        )
        return [Position(row[0], row[1], row[2], row[3], row[4], int(row[5]), int(row[6])) for row in rows]

    async def committed(self, council_id: UUID, day: date) -> dict[UUID | None, dict[str, int]]:
        """Return what each team had committed and not yet accrued at the end of a day: pence by team and what for.

        What a release gives back counts under the entry that it takes back.
        """
        rows = await self.db.execute(
            text(
                """
                SELECT a.owner_id, CASE e.kind WHEN 'commitment-released' THEN 'plan-committed' ELSE e.kind END AS kind,
                    sum(CASE l.side WHEN 'debit' THEN l.amount_pence ELSE -l.amount_pence END) AS pence
                FROM ledger_accounts a
                JOIN ledger_lines l ON l.account_id = a.id
                JOIN ledger_entries e ON e.id = l.entry_id
                WHERE a.council_id = :council_id AND a.purpose = 'commitment' AND e.effective_on <= :day
                GROUP BY 1, 2 ORDER BY 2
                """
            ),
            {"council_id": council_id, "day": day},
        )
        found: dict[UUID | None, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row.owner_id, {})[row.kind] = int(row.pence)
        return found

    async def trial_balance(self, council_id: UUID, day: date) -> Sequence[Row[Any]]:
        """Return (purpose, debits, credits) of entries that count up to a day; the totals are equal."""
        rows = await self.db.execute(
            text(
                """
                SELECT a.purpose, coalesce(sum(l.amount_pence) FILTER (WHERE l.side = 'debit'), 0)::bigint AS debits,
                    coalesce(sum(l.amount_pence) FILTER (WHERE l.side = 'credit'), 0)::bigint AS credits
                FROM ledger_entries e
                JOIN ledger_lines l ON l.entry_id = e.id
                JOIN ledger_accounts a ON a.id = l.account_id
                WHERE e.council_id = :council_id AND e.effective_on <= :day
                GROUP BY a.purpose ORDER BY a.purpose
                """
            ),
            {"council_id": council_id, "day": day},
        )
        return rows.all()

    async def blocks(self, council_id: UUID) -> list[tuple[BlockContract, str, str | None]]:
        """Return (contract, organisation, team) of a council, the latest first."""
        rows = await self.db.execute(
            select(BlockContract, Organisation.name, BudgetTeam.name)
            .join(Organisation, Organisation.id == BlockContract.organisation_id)
            .outerjoin(BudgetTeam, BudgetTeam.id == BlockContract.team_id)
            .where(BlockContract.council_id == council_id)
            .order_by(BlockContract.starts_on.desc(), BlockContract.id)
            .limit(MOST)
        )
        return [(row[0], row[1], row[2]) for row in rows]


def _over(day: date) -> datetime:
    """Return the instant at which a day is over."""
    return instant(date.fromordinal(day.toordinal() + 1), time())
