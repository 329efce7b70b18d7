"""Questions about what a council has promised suppliers and not accrued yet: weekly visits, reviews, re-plans, blocks.

Each is one question over all of a council's rows, summed or listed with the budget team that bears it, so that ten
thousand agreements cost no more than a few.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.plans.models import ReviewKind

# Whose budget bears a person's costs: the rule of `service.teams.team_of`, for many people at once.
_TEAM = """coalesce(
    (SELECT t.id FROM budget_team_people n JOIN budget_teams t ON t.id = n.team_id
        WHERE n.council_id = :council_id AND n.person_id = p.id AND n.starts_on <= :day
            AND (t.closed_on IS NULL OR t.closed_on > :day) ORDER BY n.starts_on DESC LIMIT 1),
    (SELECT t.id FROM budget_teams t
        WHERE t.council_id = :council_id AND (t.closed_on IS NULL OR t.closed_on > :day)
            AND (split_part(p.postcode, ' ', 1) = ANY (t.outwards) OR t.is_default)
        ORDER BY (split_part(p.postcode, ' ', 1) = ANY (t.outwards)) DESC, t.name, t.id LIMIT 1))"""

# An agreement counts up to the earliest of its own end, the end of the person's last budget for it and the year's.
# Only what the council would pay is promised: not what people hold themselves, what a payroll pays, nor what a block
# contract pays by the month. Visits that are written down count at their price; the weeks after them at the price of a
# usual week, by the day.
_VISITS = f"""
WITH agreed AS (
    SELECT a.id, a.person_id, a.starts_on, a.planned_until, least(
            coalesce(a.ends_on, :year_ends), :year_ends, (
                SELECT max(coalesce(b.ends_on, :year_ends)) FROM budgets b
                WHERE b.council_id = a.council_id AND b.person_id = a.person_id AND b.status = 'final'
                    AND b.route = 'direct_payment' AND b.starts_on < :year_ends)) AS ends_on
    FROM support_agreements a JOIN listings l ON l.id = a.listing_id
    WHERE a.council_id = :council_id AND a.status = 'agreed' AND a.funding = 'direct_payment'
        AND a.starts_on < :year_ends
        AND EXISTS (
            SELECT FROM budgets b
            WHERE b.council_id = a.council_id AND b.person_id = a.person_id AND b.status = 'final'
                AND b.route = 'direct_payment' AND b.starts_on < :year_ends
                AND (b.ends_on IS NULL OR b.ends_on > :day))
        AND coalesce((
            SELECT h.holding FROM direct_payment_arrangements h
            WHERE h.council_id = a.council_id AND h.person_id = a.person_id
                AND h.starts_on <= greatest(a.starts_on, :day)
                AND (h.ends_on IS NULL OR h.ends_on > greatest(a.starts_on, :day))
            ORDER BY h.starts_on DESC LIMIT 1), 'council_held') = 'council_held'
        AND NOT EXISTS (
            SELECT FROM employments e
            WHERE e.council_id = a.council_id AND e.person_id = a.person_id AND e.worker_id = a.worker_id
                AND e.work_status = 'employed' AND e.starts_on <= :day AND (e.ends_on IS NULL OR e.ends_on > :day))
        AND NOT EXISTS (
            SELECT FROM block_contracts k
            WHERE k.council_id = a.council_id AND k.organisation_id = a.organisation_id
                AND k.service_line = (CASE {{services}} END) AND k.starts_on <= greatest(a.starts_on, :day)
                AND k.ends_on > greatest(a.starts_on, :day))
), written AS (
    SELECT b.agreement_id, sum(b.cost_pence - b.top_up_pence) AS pence
    FROM bookings b JOIN agreed a ON a.id = b.agreement_id
    WHERE b.status IN ('planned', 'accepted', 'in_progress', 'claimed', 'disputed')
        AND b.funding = 'direct_payment' AND b.visit_on < a.ends_on
    GROUP BY b.agreement_id
), promised AS (
    SELECT a.id, a.person_id, coalesce(w.pence, 0) + round(coalesce((
            SELECT t.weekly_pence FROM agreement_terms t
            WHERE t.agreement_id = a.id AND t.status = 'agreed'
                AND t.starts_on <= greatest(a.starts_on, a.planned_until, :day)
            ORDER BY t.starts_on DESC, t.number DESC LIMIT 1), 0)::numeric
        * greatest(0, a.ends_on - greatest(a.starts_on, a.planned_until, :day)) / 7)::bigint AS pence
    FROM agreed a LEFT JOIN written w ON w.agreement_id = a.id
)
SELECT {_TEAM} AS team_id, count(*) AS number, sum(x.pence)::bigint AS pence
FROM promised x JOIN people p ON p.id = x.person_id
WHERE x.pence > 0 AND p.died_on IS NULL
GROUP BY 1
"""

_REVIEWS = f"""
SELECT {_TEAM} AS team_id, r.person_id, w.organisation_id, r.kind::text AS kind,
    greatest(coalesce(r.held_on, r.booked_on, r.due_on),
        CASE WHEN r.held_on IS NULL THEN CAST(:day AS date) END) AS expected_on,
    (SELECT max(a.earned_on) FROM accruals a
        WHERE a.council_id = r.council_id AND a.person_id = r.person_id AND a.kind = 'review') AS last_on
FROM reviews r JOIN people p ON p.id = r.person_id JOIN workers w ON w.id = r.facilitator_id
WHERE r.council_id = :council_id AND r.status IN ('due', 'booked', 'held') AND r.responsible = 'planner'
    AND coalesce(r.held_on, r.booked_on, r.due_on) < :year_ends AND p.died_on IS NULL
    AND NOT EXISTS (SELECT FROM accruals a WHERE a.kind = 'review' AND a.source_id = r.id)
ORDER BY r.person_id, expected_on, r.id
LIMIT :most
"""

_REPLANS = f"""
SELECT {_TEAM} AS team_id, v.id AS version_id, n.organisation_id, EXISTS (
        SELECT FROM reviews r WHERE r.plan_id = n.id AND r.status IN ('held', 'signed')
            AND r.held_on BETWEEN coalesce((
                SELECT min(s.at)::date FROM steps s WHERE s.subject_kind = 'plan_version' AND s.subject_id = v.id
            ), :day) - CAST(:covers AS integer) AND :day) AS is_in_review,
    coalesce((SELECT sum(a.amount_pence) FROM accruals a
        WHERE a.kind = 'plan_stage' AND a.source_id = md5(v.id::text || '\\:submitted')::uuid), 0) AS earned_pence
FROM plan_versions v JOIN plans n ON n.id = v.plan_id JOIN people p ON p.id = n.person_id
WHERE n.council_id = :council_id AND v.number > 1 AND n.organisation_id IS NOT NULL AND p.died_on IS NULL
    AND v.status IN ('draft', 'in_quality_check', 'returned', 'awaiting_agreement', 'awaiting_sign_off')
ORDER BY v.id
LIMIT :most
"""


class PromisedReview(NamedTuple):
    """A review that an organisation is to hold."""

    team_id: UUID | None
    person_id: UUID
    organisation_id: UUID
    kind: ReviewKind
    expected_on: date
    last_on: date | None
    """The person's last review that earned something."""


class PromisedPlan(NamedTuple):
    """A later version of a plan that an organisation writes."""

    team_id: UUID | None
    version_id: UUID
    organisation_id: UUID
    is_in_review: bool
    """It follows a review, whose fee pays for it where the council pays for reviews."""
    earned_pence: int
    """A stage of it that was paid on the way."""


class PromiseRepository:
    """What a council has promised, and what of that the ledger holds."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def hold(self, council_id: UUID) -> None:
        """Let nobody else work out a council's promises until the transaction ends."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('payments.promises'), hashtext(:council_id))"),
            {"council_id": str(council_id)},
        )

    async def open(self, council_id: UUID, kinds: Sequence[str]) -> dict[tuple[str, UUID | None], int]:
        """Return what is committed now by entries of some kinds, pence by (kind, team)."""
        rows = await self.db.execute(
            text(
                """
                SELECT e.kind, a.owner_id,
                    sum(CASE l.side WHEN 'debit' THEN l.amount_pence ELSE -l.amount_pence END) AS pence
                FROM ledger_entries e
                JOIN ledger_lines l ON l.entry_id = e.id
                JOIN ledger_accounts a ON a.id = l.account_id AND a.purpose = 'commitment'
                WHERE e.council_id = :council_id AND e.kind = ANY (:kinds)
                GROUP BY e.kind, a.owner_id
                """
            ),
            {"council_id": council_id, "kinds": list(kinds)},
        )
        return {(row.kind, row.owner_id): int(row.pence) for row in rows}

    async def visits(
        self, council_id: UUID, day: date, year_ends: date, services: Mapping[str, str]
    ) -> dict[UUID | None, tuple[int, int]]:
        """Return (agreements, pence) of agreed weekly visits up to the year's end, by team.

        Args:
            council_id: Whose.
            day: Today.
            year_ends: First day of the next financial year.
            services: Service line by category of listing; the names are ours, never a reader's.
        """
        cases = " ".join(f"WHEN l.category = '{category}' THEN '{line}'" for category, line in services.items())
        rows = await self.db.execute(
            text(_VISITS.format(services=cases)), {"council_id": council_id, "day": day, "year_ends": year_ends}
        )
        return {row.team_id: (int(row.number), int(row.pence)) for row in rows}

    async def reviews(self, council_id: UUID, day: date, year_ends: date, most: int) -> list[PromisedReview]:
        """Return reviews to be held by organisations before the year's end, by person and day."""
        rows = await self.db.execute(
            text(_REVIEWS), {"council_id": council_id, "day": day, "year_ends": year_ends, "most": most}
        )
        return [PromisedReview(row[0], row[1], row[2], ReviewKind(row[3]), row[4], row[5]) for row in rows]

    async def replans(self, council_id: UUID, day: date, covers_days: int, most: int) -> list[PromisedPlan]:
        """Return later versions of plans that organisations write."""
        rows = await self.db.execute(
            text(_REPLANS), {"council_id": council_id, "day": day, "covers": covers_days, "most": most}
        )
        return [PromisedPlan(row[0], row[1], row[2], bool(row[3]), int(row[4])) for row in rows]
