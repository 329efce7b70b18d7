"""Questions asked of monitoring returns, and the counting that fills them (B16)."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Select, select, text

from marketplace.core.clock import instant
from marketplace.core.repository import Repository
from marketplace.providers.models import Organisation
from marketplace.quality.models import MonitoringReturn
from marketplace.quality.states import ReturnStatus

PAGE: Final = 30


class Figures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What the platform counted of one organisation for one council in a period."""

    people: int = 0
    """Different people with a visit that took place or a plan that was signed off."""
    visits: int = 0
    minutes: int = 0
    disputed: int = 0
    cancelled: int = 0
    """Visits of the period that were called off after they had been agreed."""
    requests: int = 0
    requests_declined: int = 0
    answer_minutes: int | None = None
    """Half of the requests were answered at least this fast; None without any."""
    offers: int = 0
    offers_accepted: int = 0
    offers_declined: int = 0
    offers_lapsed: int = 0
    plans: int = 0
    """Plans signed off."""
    feedback: int = 0
    stars_tenths: int | None = None
    """Mean of the stars in tenths, rounded half up; None without feedback."""


LABELS: Final[dict[str, str]] = {
    "people": "People supported",
    "visits": "Visits that took place",
    "minutes": "Minutes of support",
    "disputed": "Visits that were disputed",
    "cancelled": "Agreed visits that were called off",
    "requests": "Requests for visits",
    "requests_declined": "Requests you declined",
    "answer_minutes": "Usual time until you answered, in minutes",
    "offers": "Referrals offered to you",
    "offers_accepted": "Referrals accepted",
    "offers_declined": "Referrals declined",
    "offers_lapsed": "Referrals not answered in time",
    "plans": "Plans signed off",
    "feedback": "Published feedback",
    "stars_tenths": "Mean of the stars, in tenths (50 is best)",
}
"""Every figure by its key, in the order of the page."""

_VISITS: Final = """
    SELECT b.organisation_id,
        count(*) FILTER (WHERE b.status = 'approved') AS visits,
        coalesce(sum(b.minutes) FILTER (WHERE b.status = 'approved'), 0) AS minutes,
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM steps s WHERE s.subject_kind = 'booking' AND s.subject_id = b.id AND s.to_status = 'disputed'
        )) AS disputed,
        count(*) FILTER (WHERE b.status = 'cancelled' AND EXISTS (
            SELECT FROM steps s WHERE s.subject_kind = 'booking' AND s.subject_id = b.id AND s.to_status = 'accepted'
        )) AS cancelled
    FROM bookings b
    WHERE b.council_id = :council AND b.organisation_id = ANY (:organisations)
        AND b.starts_at >= :since AND b.starts_at < :until
    GROUP BY 1
"""
_REQUESTS: Final = """
    SELECT b.organisation_id, count(*) AS requests,
        count(*) FILTER (WHERE b.status = 'declined') AS requests_declined,
        round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM answered.at - b.requested_at) / 60))::int
            AS answer_minutes
    FROM bookings b
    LEFT JOIN LATERAL (
        SELECT min(s.at) AS at FROM steps s
        WHERE s.subject_kind = 'booking' AND s.subject_id = b.id AND s.from_status = 'requested'
            AND s.to_status IN ('accepted', 'declined')
    ) answered ON true
    WHERE b.council_id = :council AND b.organisation_id = ANY (:organisations)
        AND b.requested_at >= :since AND b.requested_at < :until
    GROUP BY 1
"""
_OFFERS: Final = """
    SELECT organisation_id, count(*) AS offers,
        count(*) FILTER (WHERE status = 'accepted') AS offers_accepted,
        count(*) FILTER (WHERE status = 'declined') AS offers_declined,
        count(*) FILTER (WHERE status = 'lapsed') AS offers_lapsed
    FROM offers
    WHERE council_id = :council AND organisation_id = ANY (:organisations)
        AND offered_at >= :since AND offered_at < :until
    GROUP BY 1
"""
_PLANS: Final = """
    SELECT p.organisation_id, count(*) AS plans
    FROM plan_versions v JOIN plans p ON p.id = v.plan_id
    WHERE v.council_id = :council AND p.organisation_id = ANY (:organisations)
        AND v.signed_off_at >= :since AND v.signed_off_at < :until
    GROUP BY 1
"""
_PEOPLE: Final = """
    SELECT organisation_id, count(DISTINCT person_id) AS people
    FROM (
        SELECT organisation_id, person_id FROM bookings
        WHERE council_id = :council AND organisation_id = ANY (:organisations) AND status = 'approved'
            AND starts_at >= :since AND starts_at < :until
        UNION
        SELECT p.organisation_id, p.person_id FROM plan_versions v JOIN plans p ON p.id = v.plan_id
        WHERE v.council_id = :council AND p.organisation_id = ANY (:organisations)
            AND v.signed_off_at >= :since AND v.signed_off_at < :until
    ) served
    GROUP BY 1
"""
_FEEDBACK: Final = """
    SELECT organisation_id, count(*) AS feedback, floor(avg(stars) * 10 + 0.5)::int AS stars_tenths
    FROM feedback
    WHERE council_id = :council AND organisation_id = ANY (:organisations) AND status = 'published'
        AND given_at >= :since AND given_at < :until
    GROUP BY 1
"""
_TO_OPEN: Final = """
    SELECT DISTINCT a.council_id, a.organisation_id
    FROM accreditations a
    WHERE a.live_from < :until_day AND a.live_until > :from_day
        AND (a.removed_on IS NULL OR a.removed_on > :from_day)
        AND NOT EXISTS (
            SELECT FROM monitoring_returns r
            WHERE r.council_id = a.council_id AND r.organisation_id = a.organisation_id AND r.from_day = :from_day
        )
    ORDER BY 1, 2
"""


class MonitoringRepository(Repository[MonitoringReturn]):
    """Returns and their figures."""

    model_type = MonitoringReturn

    async def to_open(self, from_day: date, until_day: date) -> dict[UUID, list[UUID]]:
        """Return organisations that a council accredited in a period and that have no return for it, by council."""
        found: dict[UUID, list[UUID]] = {}
        for row in await self.db.execute(text(_TO_OPEN), {"from_day": from_day, "until_day": until_day}):
            found.setdefault(row.council_id, []).append(row.organisation_id)
        return found

    async def figures(
        self, council_id: UUID, organisations: Sequence[UUID], from_day: date, until_day: date
    ) -> dict[UUID, Figures]:
        """Count what organisations did for a council on the days `[from_day, until_day)` of London. Six questions."""
        values: dict[str, Any] = {
            "council": council_id,
            "organisations": list(organisations),
            "since": _midnight(from_day),
            "until": _midnight(until_day),
        }
        counted: dict[UUID, dict[str, Any]] = {organisation_id: {} for organisation_id in organisations}
        for question in (_VISITS, _REQUESTS, _OFFERS, _PLANS, _PEOPLE, _FEEDBACK):
            for row in (await self.db.execute(text(question), values)).mappings():
                counted[row["organisation_id"]].update({key: row[key] for key in row if key != "organisation_id"})
        return {key: msgspec.convert(found, Figures, strict=False) for key, found in counted.items()}

    async def page(
        self, question: Select[MonitoringReturn], after: tuple[str, UUID] | None
    ) -> Sequence[tuple[MonitoringReturn, Organisation]]:
        """Return returns with their organisations, by name, one more than a page."""
        named = (
            question.join(Organisation, Organisation.id == MonitoringReturn.organisation_id)
            .add_columns(Organisation)
            .order_by(Organisation.name, MonitoringReturn.id)
            .limit(PAGE + 1)
        )
        if after is not None:
            name, last_id = after
            named = named.where(
                (Organisation.name > name) | ((Organisation.name == name) & (MonitoringReturn.id > last_id))
            )
        return [(row[0], row[1]) for row in await self.db.execute(named)]

    async def quarters(self, council_id: UUID) -> Sequence[date]:
        """Return the first days of the quarters a council has returns for, the newest first."""
        question = (
            select(MonitoringReturn.from_day)
            .where(MonitoringReturn.council_id == council_id)
            .distinct()
            .order_by(MonitoringReturn.from_day.desc())
            .limit(40)
        )
        return (await self.db.scalars(question)).all()

    async def of_organisation(self, organisation_id: UUID) -> Sequence[MonitoringReturn]:
        """Return an organisation's returns, the newest first, as far as this transaction reaches."""
        question = (
            select(MonitoringReturn)
            .where(MonitoringReturn.organisation_id == organisation_id)
            .order_by(MonitoringReturn.from_day.desc(), MonitoringReturn.id)
            .limit(100)
        )
        return (await self.db.scalars(question)).all()

    async def to_remind(self, due_by: date) -> Sequence[MonitoringReturn]:
        """Return returns that are open, due up to a day and not reminded of, locked."""
        question = (
            select(MonitoringReturn)
            .where(
                MonitoringReturn.status == ReturnStatus.OPEN,
                MonitoringReturn.due_on <= due_by,
                MonitoringReturn.reminded_at.is_(None),
            )
            .order_by(MonitoringReturn.id)
            .limit(1_000)
            .with_for_update(skip_locked=True)
        )
        return (await self.db.scalars(question)).all()


def _midnight(day: date) -> datetime:
    return instant(day, time(0))
