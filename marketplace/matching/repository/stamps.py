"""Stamps of planners: one question that tells whether anything behind a ranking has changed."""

from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import week_start
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.providers.models import WorkerKind
from marketplace.providers.service.planners import WEEK

STAMPS: Final = text(
    """
    WITH team AS (
        SELECT w.id, w.organisation_id, o.name AS organisation, w.name,
            concat_ws(':', w.id, w.xmin, w.ctid, o.id, o.xmin, o.ctid) AS own
        FROM workers w JOIN organisations o ON o.id = w.organisation_id
        WHERE w.kind = :planner AND (w.ends_on IS NULL OR w.ends_on > :start)
            AND EXISTS (
                SELECT FROM accreditations a
                WHERE a.organisation_id = w.organisation_id AND a.council_id = :council
            )
    ),
    busy AS (
        SELECT f.worker_id AS owner, count(*) AS cases
        FROM offers f JOIN referrals r ON r.id = f.referral_id
        WHERE f.council_id = :council
            AND (f.status = :offered OR (f.status = :accepted AND r.status = :matched))
        GROUP BY f.worker_id
    ),
    firms AS (SELECT DISTINCT organisation_id AS id FROM team),
    facts (owner, what) AS (
        SELECT a.organisation_id, concat_ws(':', 'accreditation', a.id, a.xmin, a.ctid)
        FROM accreditations a JOIN firms ON firms.id = a.organisation_id WHERE a.council_id = :council
        UNION ALL
        SELECT a.organisation_id, concat_ws(':', 'hold', h.id, h.xmin, h.ctid)
        FROM accreditations a JOIN firms ON firms.id = a.organisation_id
            JOIN accreditation_holds h ON h.accreditation_id = a.id
        WHERE a.council_id = :council
        UNION ALL
        SELECT e.organisation_id, concat_ws(':', 'evidence', e.id, e.xmin, e.ctid)
        FROM evidence e JOIN firms ON firms.id = e.organisation_id
        UNION ALL
        SELECT e.organisation_id, concat_ws(':', 'signature', s.id, s.xmin, s.ctid)
        FROM evidence e JOIN firms ON firms.id = e.organisation_id JOIN countersignatures s ON s.evidence_id = e.id
        UNION ALL
        SELECT j.organisation_id, concat_ws(':', 'joining', j.id, j.xmin, j.ctid)
        FROM joinings j JOIN firms ON firms.id = j.organisation_id
        UNION ALL
        SELECT coalesce(c.worker_id, c.organisation_id), concat_ws(':', 'conflict', c.id, c.xmin, c.ctid)
        FROM conflicts c WHERE c.council_id = :council AND c.ended_at IS NULL
        UNION ALL
        SELECT w.worker_id, concat_ws(':', 'absence', w.id, w.xmin, w.ctid)
        FROM worker_absences w JOIN team ON team.id = w.worker_id
        WHERE w.starts_on < :until AND w.ends_on > :monday
        UNION ALL
        SELECT p.worker_id, concat_ws(':', 'place', p.week_on, p.place)
        FROM places_taken(ARRAY(SELECT id FROM team), :monday, :until) p
        UNION ALL
        SELECT owner, concat_ws(':', 'open', cases) FROM busy
    ),
    sums AS (SELECT owner, bit_xor(hashtextextended(what, 0)) AS stamp FROM facts GROUP BY owner)
    SELECT team.id, coalesce(busy.cases, 0) AS open_cases, pg_current_xact_id_if_assigned() IS NOT NULL AS writes,
        hashtextextended(
            concat_ws(':', team.own, coalesce(firm.stamp, 0), coalesce(self.stamp, 0), pg_postmaster_start_time(),
                (SELECT oid FROM pg_database WHERE datname = current_database())),
            0
        ) AS stamp
    FROM team LEFT JOIN sums firm ON firm.owner = team.organisation_id LEFT JOIN sums self ON self.owner = team.id
        LEFT JOIN busy ON busy.owner = team.id
    ORDER BY team.organisation, team.name, team.id
    """
).bindparams(bindparam("council", type_=Uuid()))


class PlannerStamps(NamedTuple):
    """Stamps by worker, planners in the order of organisation and name."""

    of: dict[UUID, int]
    open_cases: dict[UUID, int]
    """How many of the council's referrals they hold: accepted, or waiting for their answer."""
    sees_unfinished: bool
    """Whether this transaction has written: it may see rows that are never committed."""


class StampRepository:
    """Asks for stamps.

    A row's version in PostgreSQL is where it lies and which transaction wrote it; any change gives it another. A stamp
    is a hash over the versions of every row that a planner is made from for a ranking, so it needs no trigger, no
    event and nobody to remember it. Where another council's rows count (`places_taken`), their facts are hashed.
    """

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of_planners(self, council_id: UUID, start: date, weeks: int) -> PlannerStamps:
        """Return the stamps of a council's planners, for their places in some weeks from a day on."""
        monday = week_start(start)
        rows = (
            await self.db.execute(
                STAMPS,
                {
                    "council": council_id,
                    "planner": WorkerKind.PLANNER.value,
                    "start": start,
                    "monday": monday,
                    "until": monday + weeks * WEEK,
                    "offered": OfferStatus.OFFERED.value,
                    "accepted": OfferStatus.ACCEPTED.value,
                    "matched": ReferralStatus.MATCHED.value,
                },
            )
        ).all()
        return PlannerStamps(
            {row.id: row.stamp for row in rows},
            {row.id: row.open_cases for row in rows},
            any(row.writes for row in rows),
        )
