"""The checks that concern several packages or none: ledger, places, life cycles, accreditation, walls, audit, outbox.

Numbers are those of the list of invariants in docs/deployment.md. Statements answer in one row: how many things were
looked at, how many are wrong, and the id of one of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, Text, cast, func, not_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core import tables
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.states import LIFECYCLES, Lifecycle
from marketplace.matching.models import Offer, Preference, Requirement, RequirementAward, RequirementOffer
from marketplace.matching.states import OfferStatus, RequirementOfferStatus
from marketplace.providers.models import Listing, ServiceLine
from marketplace.providers.repository.accreditations import is_accredited
from marketplace.providers.repository.market import listing_service
from marketplace.web.checks import Check, Finding

WITHOUT_ROW_SECURITY = frozenset(
    {
        # The relay reads messages of all councils before any is known; bodies are ids and small values.
        "outbox_messages",
        # An organisation's account serves several councils, so its rows name no council.
        "bank_accounts",
    }
)
"""Tables with a council_id that row-level security does not guard. This list may only shrink."""

LONGEST_WAIT = timedelta(hours=1)
"""How old a message may get unhandled before somebody should look."""


async def _found(
    db: AsyncSession, name: str, statement: str, wrong: str, values: dict[str, Any] | None = None
) -> Finding:
    """Run a statement that answers (looked at, wrong, an id) and put it into words."""
    checked, broken, example = (await db.execute(text(statement), values or {})).one()
    detail = f"{broken:,} {wrong}, such as {example}" if broken else ""
    return Finding(name, not broken, checked, detail)


async def ledger_entries_balance(db: AsyncSession) -> Finding:
    """1: The lines of an entry sum to zero, are two or more, and stay within its council."""
    return await _found(
        db,
        "ledger-entries-balance",
        """
        SELECT count(*), count(*) FILTER (WHERE is_wrong), min(id::text) FILTER (WHERE is_wrong)
        FROM (
            SELECT e.id, coalesce(sum(CASE l.side WHEN 'debit' THEN l.amount_pence ELSE -l.amount_pence END), 0) <> 0
                OR count(l.id) < 2
                OR coalesce(bool_or(l.council_id <> e.council_id OR a.council_id <> e.council_id), false) AS is_wrong
            FROM ledger_entries e
            LEFT JOIN ledger_lines l ON l.entry_id = e.id
            LEFT JOIN ledger_accounts a ON a.id = l.account_id
            GROUP BY e.id
        ) entries
        """,
        "entries do not balance",
    )


async def balances_equal_lines(db: AsyncSession) -> Finding:
    """2: A kept balance equals the sum of its account's lines, and is not below its floor."""
    return await _found(
        db,
        "balances-equal-lines",
        """
        SELECT count(*), count(*) FILTER (WHERE is_wrong), min(id::text) FILTER (WHERE is_wrong)
        FROM (
            SELECT a.id, a.balance_pence <> coalesce(
                sum(CASE WHEN (l.side = 'debit') = a.is_debit_normal THEN l.amount_pence ELSE -l.amount_pence END), 0
            ) OR a.balance_pence < coalesce(a.floor_pence, a.balance_pence) AS is_wrong
            FROM ledger_accounts a LEFT JOIN ledger_lines l ON l.account_id = a.id
            WHERE a.is_tracked
            GROUP BY a.id
        ) accounts
        """,
        "balances differ from their lines",
    )


async def no_place_given_twice(db: AsyncSession) -> Finding:
    """3: A planner's place in a week is given once, and only to an offer that stands."""
    return await _found(
        db,
        "no-place-given-twice",
        """
        SELECT count(*), count(*) FILTER (WHERE is_wrong), min(id::text) FILTER (WHERE is_wrong)
        FROM (
            SELECT r.id, count(*) OVER (PARTITION BY r.worker_id, r.week_on, r.place) > 1
                OR o.worker_id <> r.worker_id OR o.council_id <> r.council_id
                OR o.status NOT IN ('offered', 'accepted') AS is_wrong
            FROM capacity_reservations r JOIN offers o ON o.id = r.offer_id
        ) places
        """,
        "places are given twice or to an offer that is over",
    )


async def places_within_capacity(db: AsyncSession) -> Finding:
    """3: From this week on, no planner has more places taken than the council's number for a full-time planner.

    A part-time planner's places are fewer, but the share may have changed since a place was given. The number may have
    been lowered since, too: what counts is the largest of the last half year, and no place is given further ahead.
    """
    on = today(clock_of(db))
    return await _found(
        db,
        "places-within-capacity",
        """
        WITH numbers AS (
            SELECT s.council_id, s.starts_on, (s.value ->> 'value')::integer AS places,
                lead(s.starts_on) OVER (PARTITION BY s.council_id ORDER BY s.starts_on) AS until
            FROM council_settings s
            WHERE s.key = 'matching.plans_per_week' AND s.starts_on <= :on
        ), capacity AS (
            SELECT c.id AS council_id, greatest(
                (SELECT max(n.places) FROM numbers n
                    WHERE n.council_id = c.id AND (n.until IS NULL OR n.until > :since)),
                CASE WHEN NOT EXISTS (SELECT FROM numbers n WHERE n.council_id = c.id AND n.starts_on <= :since)
                    THEN CAST(:usual AS integer) END
            ) AS places FROM councils c
        ), most AS (SELECT coalesce(max(places), :usual) AS places FROM capacity)
        SELECT count(*), count(*) FILTER (WHERE r.place > most.places),
            min(r.id::text) FILTER (WHERE r.place > most.places)
        FROM capacity_reservations r CROSS JOIN most
        WHERE r.week_on >= date_trunc('week', CAST(:on AS date))
        """,
        "places are beyond what a planner can take in a week",
        {"on": on, "since": on - timedelta(weeks=26), "usual": _usual_places()},
    )


def _usual_places() -> int:
    from marketplace.accounts.council_settings import DEFAULTS

    return int(DEFAULTS["matching.plans_per_week"])


async def steps_follow_life_cycles(db: AsyncSession) -> Finding:
    """5: Every step is a declared one, follows the one before, and a row's state is that of its last step."""
    checked, problems = 0, []
    for cycle in LIFECYCLES.values():
        if cycle.table not in tables.METADATA.tables:
            continue  # A life cycle of a test.
        steps, wrong_steps, example = (await db.execute(text(_STEPS), _steps_values(cycle))).one()
        rows, wrong_rows, row = (await db.execute(text(_ROWS.format(table=cycle.table)), {"kind": cycle.kind})).one()
        checked += steps + rows
        if wrong_steps:
            problems.append(f"{cycle.kind}: {wrong_steps:,} steps are not declared, such as of {example}")
        if wrong_rows:
            problems.append(f"{cycle.kind}: {wrong_rows:,} rows are not where their last step led, such as {row}")
    return Finding("steps-follow-life-cycles", not problems, checked, "; ".join(problems))


# Ids are UUIDv7 and so keep the order of steps that share a moment.
_STEPS = """
    SELECT count(*), count(*) FILTER (WHERE is_wrong), min(subject_id::text) FILTER (WHERE is_wrong)
    FROM (
        SELECT subject_id, from_status IS DISTINCT FROM lag(to_status) OVER in_order OR NOT (
            CASE WHEN from_status IS NULL THEN to_status = ANY (:states)
            ELSE (from_status || '>' || to_status) = ANY (:allowed) END
        ) AS is_wrong
        FROM steps WHERE subject_kind = :kind
        WINDOW in_order AS (PARTITION BY subject_id ORDER BY at, id)
    ) walked
"""
_ROWS = """
    SELECT count(*), count(*) FILTER (WHERE is_wrong), min(id::text) FILTER (WHERE is_wrong)
    FROM (
        SELECT r.id, r.status IS DISTINCT FROM last.to_status AS is_wrong
        FROM {table} r LEFT JOIN (
            SELECT DISTINCT ON (subject_id) subject_id, to_status
            FROM steps WHERE subject_kind = :kind ORDER BY subject_id, at DESC, id DESC
        ) last ON last.subject_id = r.id
    ) compared
"""


def _steps_values(cycle: Lifecycle[Any]) -> dict[str, Any]:
    return {
        "kind": cycle.kind,
        "states": [str(state) for state in cycle.steps],
        "allowed": [f"{before}>{after}" for before, follow in cycle.steps.items() for after in follow],
    }


async def offers_only_to_the_accredited(db: AsyncSession) -> Finding:
    """6: Every open offer is with an organisation that counts for support planning with its council today."""
    on = today(clock_of(db))
    is_live = is_accredited(Offer.organisation_id, Offer.council_id, ServiceLine.SUPPORT_PLANNING, on)
    return await _judged(
        db,
        "offers-only-to-the-accredited",
        select(Offer.id, is_live.label("is_right")).where(Offer.status == OfferStatus.OFFERED),
        "open offers are with organisations that are not accredited",
    )


async def bookings_only_with_the_accredited(db: AsyncSession) -> Finding:
    """6: Every coming visit from council money was asked for while its organisation counted for that day.

    What is judged is what was known when the visit was asked for. A suspension, a removal or evidence that ended later
    leaves agreed visits as they are; a visit booked after it is a breach.
    """
    is_live = is_accredited(
        Booking.organisation_id,
        Booking.council_id,
        listing_service(),
        Booking.visit_on,
        cast(func.timezone("Europe/London", Booking.requested_at), Date),
        Booking.requested_at,
    )
    return await _judged(
        db,
        "bookings-only-with-the-accredited",
        select(Booking.id, is_live.label("is_right"))
        .join(Listing, Listing.id == Booking.listing_id)
        .where(
            Booking.funding == Funding.DIRECT_PAYMENT,
            Booking.status.in_([BookingStatus.REQUESTED, BookingStatus.ACCEPTED]),
            Booking.visit_on >= today(clock_of(db)),
        ),
        "coming visits were booked with organisations that did not count for that day",
    )


async def awards_only_to_the_accredited(db: AsyncSession) -> Finding:
    """6: Every award of care that is in force went to an organisation that counted for its first day."""
    is_live = is_accredited(
        RequirementAward.organisation_id,
        RequirementAward.council_id,
        Requirement.service_line,
        RequirementAward.starts_on,
        cast(func.timezone("Europe/London", RequirementAward.awarded_at), Date),
        RequirementAward.awarded_at,
    )
    return await _judged(
        db,
        "awards-only-to-the-accredited",
        _awards_in_force(is_live),
        "awards of care went to organisations that did not count for the first day",
    )


async def awards_after_a_hearing(db: AsyncSession) -> Finding:
    """Every award of care that is in force rests on what the person said about that requirement before it."""
    was_heard = (
        select(Preference.id)
        .where(
            Preference.id == RequirementAward.preference_id,
            Preference.requirement_id == RequirementAward.requirement_id,
            Preference.person_id == Requirement.person_id,
            Preference.heard_at <= RequirementAward.awarded_at,
        )
        .correlate(RequirementAward, Requirement)
        .exists()
    )
    return await _judged(
        db,
        "awards-after-a-hearing",
        _awards_in_force(was_heard),
        "awards of care were made before the person was heard",
    )


def _awards_in_force(is_right: ColumnElement[bool]) -> Select[UUID, bool]:
    return (
        select(RequirementAward.id, is_right.label("is_right"))
        .join(Requirement, Requirement.id == RequirementAward.requirement_id)
        .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
        .where(RequirementOffer.status == RequirementOfferStatus.WON)
    )


async def _judged(db: AsyncSession, name: str, question: Select[UUID, bool], wrong: str) -> Finding:
    """Run a question whose rows are an id and whether it is right, and put it into words."""
    rows = question.subquery()
    is_wrong = not_(rows.c.is_right)
    counts = select(func.count(), func.count().filter(is_wrong), func.min(cast(rows.c.id, Text)).filter(is_wrong))
    checked, broken, example = (await db.execute(counts.select_from(rows))).one()
    detail = f"{broken:,} {wrong}, such as {example}" if broken else ""
    return Finding(name, not broken, checked, detail)


async def councils_are_walled_off(db: AsyncSession) -> Finding:
    """12: Each table with a council_id is under forced row-level security, and we are bound by it."""
    found = await db.execute(
        text(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
                AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS is_walled
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'council_id' AND a.attnum > 0
            WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped
            ORDER BY c.relname
            """
        )
    )
    walled: dict[str, bool] = {row.relname: row.is_walled for row in found}
    problems = [f"{name} has no wall" for name, ok in walled.items() if not ok and name not in WITHOUT_ROW_SECURITY]
    may_pass = await db.scalar(text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"))
    if may_pass:
        problems.append("this connection's role is not bound by row-level security")
    return Finding("councils-are-walled-off", not problems, len(walled), "; ".join(problems))


async def audit_chains_verify(db: AsyncSession) -> Finding:
    """13: No audit entry was changed, removed or slipped in."""
    councils: Sequence[Any] = (await db.execute(text("SELECT id, slug FROM councils ORDER BY slug"))).all()
    checked, problems = 0, []
    for council in councils:
        report = await audit.verify(db, council.id)
        checked += report.entries
        if report.broken_at is not None:
            problems.append(f"the chain of {council.slug} is broken at seal {report.broken_at}")
    return Finding("audit-chains-verify", not problems, checked, "; ".join(problems))


async def outbox_is_handled(db: AsyncSession) -> Finding:
    """14: No message is parked, and none has waited for more than an hour."""
    return await _found(
        db,
        "outbox-is-handled",
        """
        SELECT count(*), count(*) FILTER (WHERE is_wrong), min(id::text) FILTER (WHERE is_wrong)
        FROM (
            SELECT m.id, EXISTS (
                SELECT FROM outbox_deliveries d
                WHERE d.message_id = m.id AND d.handled_at IS NULL AND (d.parked_at IS NOT NULL OR m.is_old)
            ) OR (m.relayed_at IS NULL AND m.is_old) AS is_wrong
            FROM (
                -- The moment of writing is in the id (UUIDv7): created_at may be that of a history loaded later.
                SELECT *, (('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
                    < extract(epoch FROM CAST(:before AS timestamptz)) AS is_old
                FROM outbox_messages
            ) m
        ) messages
        """,
        "messages are parked or wait for more than an hour",
        {"before": clock_of(db).now() - LONGEST_WAIT},
    )


CHECKS: list[Check] = [
    ledger_entries_balance,
    balances_equal_lines,
    no_place_given_twice,
    places_within_capacity,
    steps_follow_life_cycles,
    offers_only_to_the_accredited,
    bookings_only_with_the_accredited,
    awards_only_to_the_accredited,
    awards_after_a_hearing,
    councils_are_walled_off,
    audit_chains_verify,
    outbox_is_handled,
]
