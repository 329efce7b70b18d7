"""Facts about what was earned that must hold at any time (invariant 7), for `marketplace check`."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.payments.facts import Fact, fact_of


async def plans_earn_once(db: AsyncSession) -> Fact:
    """Signed-off plan versions and what their sign-off earned match one to one (invariant 7).

    With stages it is the one of the sign-off, under an id that both sides work out. Not wrong are: a version whose
    message still waits, or is parked for want of a tariff, as the outbox shows; a later version that a review's fee
    covers; and one whose whole fee was paid when work on it had ended for a time.
    """
    return await fact_of(
        db,
        "payments: each signed-off plan version earned its tariff once",
        "SELECT count(*) FROM plan_versions WHERE status IN ('signed_off', 'superseded') AND signed_off_at IS NOT NULL",
        """
        WITH signed AS (
            SELECT v.id, v.number, v.plan_id, v.council_id, v.signed_off_at,
                md5(v.id::text || '\\:signed_off')::uuid AS stage_id
            FROM plan_versions v
            WHERE v.signed_off_at IS NOT NULL AND v.status IN ('signed_off', 'superseded')
        ), earned AS (
            SELECT s.id, count(a.id) AS rows FROM signed s
            JOIN accruals a ON (a.kind = 'plan' AND a.source_id = s.id)
                OR (a.kind = 'plan_stage' AND a.source_id = s.stage_id)
            GROUP BY s.id
        )
        SELECT s.id::text FROM signed s LEFT JOIN earned e ON e.id = s.id
        WHERE e.rows > 1 OR (e.rows IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM outbox_messages m
                LEFT JOIN outbox_deliveries d ON d.message_id = m.id AND d.task = 'payments.accrue_plan'
                WHERE m.event = 'PlanSignedOff' AND m.council_id = s.council_id
                    AND m.body ->> 'plan_version_id' = s.id::text AND d.handled_at IS NULL
            )
            AND NOT (s.number > 1
                AND EXISTS (
                    SELECT 1 FROM reviews r WHERE r.plan_id = s.plan_id AND r.status IN ('held', 'signed')
                        AND r.held_on <= s.signed_off_at::date + 1
                )
                AND EXISTS (SELECT 1 FROM tariffs t WHERE t.council_id = s.council_id AND t.event = 'review_held')
            )
            AND NOT EXISTS (
                SELECT 1 FROM tariff_claims c JOIN accruals a ON a.kind = 'claim' AND a.source_id = c.id
                WHERE c.plan_id = s.plan_id AND c.event IN ('abandoned', 'deceased')
            ))
        UNION ALL
        SELECT a.id::text FROM accruals a
        WHERE a.kind = 'plan'
            AND NOT EXISTS (SELECT 1 FROM plan_versions v WHERE v.id = a.source_id AND v.signed_off_at IS NOT NULL)
        UNION ALL
        SELECT a.id::text FROM accruals a
        WHERE a.kind = 'plan_stage' AND NOT EXISTS (
            SELECT 1 FROM plan_versions v
            WHERE a.council_id = v.council_id AND (
                (a.source_id = md5(v.id::text || '\\:submitted')::uuid AND v.submitted_at IS NOT NULL)
                OR (a.source_id = md5(v.id::text || '\\:signed_off')::uuid AND v.signed_off_at IS NOT NULL)
            )
        )
        """,
    )


async def events_earn_once(db: AsyncSession) -> Fact:
    """Reviews, claims and months earn once, by what happened to whom (invariant 7).

    A review that earned was held, of the same person; none of a person comes sooner than its rule allows. Each agreed
    claim earned and no other did. A month earned for an arrangement or a contract that ran in it.
    """
    return await fact_of(
        db,
        "payments: reviews, claims and months earn once",
        "SELECT count(*) FROM accruals WHERE kind IN ('review', 'claim', 'money_management', 'block')",
        """
        SELECT 'review ' || a.id FROM accruals a LEFT JOIN reviews r ON r.id = a.source_id
        WHERE a.kind = 'review' AND (r.id IS NULL OR r.status <> 'signed' OR r.person_id IS DISTINCT FROM a.person_id
            OR r.council_id <> a.council_id OR r.held_on <> a.earned_on)
        UNION ALL
        SELECT 'review ' || a.id FROM accruals a JOIN tariffs t ON t.id = a.tariff_id
        JOIN accruals b ON b.kind = 'review' AND b.person_id = a.person_id AND b.council_id = a.council_id
            AND b.id <> a.id AND b.earned_on >= a.earned_on AND (b.earned_on > a.earned_on OR b.id > a.id)
            AND b.earned_on < (a.earned_on + make_interval(months => t.once_months))::date
        WHERE a.kind = 'review' AND t.once_months IS NOT NULL
        UNION ALL
        SELECT 'claim ' || coalesce(c.id, a.source_id) FROM tariff_claims c
        FULL JOIN (SELECT * FROM accruals WHERE kind = 'claim') a ON a.source_id = c.id
        WHERE c.id IS NULL OR (c.status = 'agreed') <> (a.id IS NOT NULL)
            OR (a.id IS NOT NULL AND (a.council_id <> c.council_id OR a.organisation_id <> c.organisation_id
                OR a.earned_on <> c.happened_on))
        UNION ALL
        SELECT 'month ' || a.id FROM accruals a
        WHERE a.kind = 'money_management' AND NOT EXISTS (
            SELECT 1 FROM money_managements m
            WHERE m.council_id = a.council_id AND m.person_id = a.person_id AND m.organisation_id = a.organisation_id
                AND a.source_id = md5(m.id::text || '\\:' || to_char(a.earned_on, 'YYYY-MM'))::uuid
                AND m.starts_on <= a.earned_on AND (m.ends_on IS NULL OR m.ends_on > a.earned_on)
        )
        UNION ALL
        SELECT 'block ' || a.id FROM accruals a
        WHERE a.kind = 'block' AND NOT EXISTS (
            SELECT 1 FROM block_contracts b
            WHERE b.council_id = a.council_id AND b.organisation_id = a.organisation_id
                AND a.source_id = md5(b.id::text || '\\:' || to_char(a.earned_on, 'YYYY-MM'))::uuid
                AND b.starts_on <= a.earned_on AND b.ends_on > a.earned_on
        )
        """,
    )


async def earnings_are_posted(db: AsyncSession) -> Fact:
    """Each earning has its one ledger entry of its amount, council and organisation, and its working adds up to it.

    Visits were posted by bookings and have none of ours.
    """
    return await fact_of(
        db,
        "payments: each earning has its ledger entry and its working adds up",
        "SELECT count(*) FROM accruals WHERE kind <> 'visit'",
        """
        SELECT a.id::text FROM accruals a
        LEFT JOIN ledger_entries e ON e.source_id = a.source_id AND e.council_id = a.council_id AND e.kind = CASE a.kind
            WHEN 'plan' THEN 'plan-tariff' WHEN 'plan_stage' THEN 'plan-stage-tariff' WHEN 'review' THEN 'review-tariff'
            WHEN 'money_management' THEN 'money-management-tariff' WHEN 'claim' THEN 'claim-tariff'
            WHEN 'block' THEN 'block-month' WHEN 'interest' THEN 'late-interest' END
        LEFT JOIN LATERAL (
            SELECT sum(l.amount_pence) AS pence FROM ledger_lines l JOIN ledger_accounts c ON c.id = l.account_id
            WHERE l.entry_id = e.id AND l.side = 'credit' AND c.purpose = 'accrued' AND c.owner_id = a.organisation_id
        ) posted ON true
        WHERE a.kind <> 'visit' AND coalesce(posted.pence, 0) <> a.amount_pence
        UNION ALL
        SELECT a.id::text FROM accruals a
        WHERE jsonb_array_length(a.working) > 0 AND a.amount_pence <> (
            SELECT sum((line ->> 'pence')::bigint) FROM jsonb_array_elements(a.working) AS line
        )
        """,
    )


EARNING_CHECKS: tuple[Callable[[AsyncSession], Awaitable[Fact]], ...] = (
    plans_earn_once,
    events_earn_once,
    earnings_are_posted,
)
"""All questions, in the order they are shown."""
