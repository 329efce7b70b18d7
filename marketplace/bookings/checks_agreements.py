"""Invariants of agreements and their weekly visits, for `marketplace check`; see `checks`."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import EXAMPLES, Check
from marketplace.bookings.models import AgreementRate, AgreementTerms, SupportAgreement, VisitPattern
from marketplace.bookings.service.agreements.fingerprint import terms_print
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.states import TermsStatus
from marketplace.core.clock import local


async def signed_terms_are_as_signed(db: AsyncSession) -> Check:
    """The print that both sides signed is that of the terms, rates and first weekly visits as they stand.

    A first version whose agreed end was replaced by a notice is left out: the end it was signed with is gone.
    """
    question = (
        select(AgreementTerms, SupportAgreement)
        .join(SupportAgreement, SupportAgreement.id == AgreementTerms.agreement_id)
        .where(AgreementTerms.status == TermsStatus.AGREED)
    )
    rows = (await db.execute(question)).all()
    ids = [terms.id for terms, _ in rows]
    rates: dict[UUID, list[AgreementRate]] = defaultdict(list)
    for rate in await db.scalars(select(AgreementRate).where(AgreementRate.terms_id.in_(ids))):
        rates[rate.terms_id].append(rate)
    first = [agreement.id for terms, agreement in rows if terms.number == 1]
    patterns: dict[UUID, list[VisitPattern]] = defaultdict(list)
    for pattern in await db.scalars(select(VisitPattern).where(VisitPattern.agreement_id.in_(first))):
        patterns[pattern.agreement_id].append(pattern)
    broken, checked = [], 0
    for terms, agreement in rows:
        if terms.number == 1 and agreement.notice_at is not None:
            continue
        checked += 1
        signed = [one for one in (terms.person_signed_at, terms.provider_signed_at) if one is not None]
        signed_at = min(signed, default=terms.created_at)
        first_ones = [
            row
            for row in patterns[agreement.id]
            if row.replaces_id is None
            and row.created_at <= signed_at
            and (row.ends_on is None or row.ends_on > local(signed_at).date())
        ]
        if terms.sha256 != terms_print(agreement, TermsView.of(terms, rates[terms.id]), first_ones):
            broken.append(str(terms.id))
    return _check("Signed terms are as they were signed", checked, broken)


async def terms_signed_by_two(db: AsyncSession) -> Check:
    """No user signed agreed terms for both sides (invariant 10), and an agreement that runs has agreed terms."""
    broken = await _ids(
        db,
        """
        SELECT id FROM agreement_terms WHERE status = 'agreed' AND (person_signed_at IS NULL
            OR provider_signed_at IS NULL OR person_signed_by_user_id = provider_signed_by_user_id)
        UNION ALL
        SELECT a.id FROM support_agreements a WHERE a.status = 'agreed' AND NOT EXISTS (
            SELECT 1 FROM agreement_terms t WHERE t.agreement_id = a.id AND t.status = 'agreed')
        """,
    )
    return _check("Terms are signed by two people", await _count(db, "agreement_terms"), broken)


async def weekly_visits_follow_agreements(db: AsyncSession) -> Check:
    """A weekly visit is written once a day, for its own agreement's person and payee, and inside the agreement.

    One that is called off may lie outside, since it holds nobody; one that was moved lies where it was moved to.
    """
    broken = await _ids(
        db,
        """
        SELECT min(b.id::text) FROM bookings b WHERE b.pattern_id IS NOT NULL
        GROUP BY b.pattern_id, b.pattern_on HAVING count(*) > 1
        UNION ALL
        SELECT b.id::text FROM bookings b
        JOIN support_agreements a ON a.id = b.agreement_id
        LEFT JOIN visit_patterns p ON p.id = b.pattern_id
        WHERE b.person_id <> a.person_id OR b.organisation_id <> a.organisation_id OR b.council_id <> a.council_id
            OR (p.id IS NOT NULL AND p.agreement_id <> a.id)
            OR (b.visit_on < a.starts_on OR (a.ends_on IS NOT NULL AND b.visit_on >= a.ends_on
                AND b.starts_at > coalesce(a.notice_at, a.created_at)))
                AND b.called_off_at IS NULL AND b.status IN ('requested', 'planned', 'accepted')
                AND NOT EXISTS (
                    SELECT 1 FROM outbox_messages m
                    LEFT JOIN outbox_deliveries d ON d.message_id = m.id AND d.task = 'bookings.stop_ending'
                    WHERE m.event = 'AgreementEnding' AND m.body ->> 'agreement_id' = a.id::text
                        AND d.handled_at IS NULL
                )
        """,
    )
    return _check("Weekly visits follow their agreements", await _count(db, "bookings"), broken)


CHECKS = (signed_terms_are_as_signed, terms_signed_by_two, weekly_visits_follow_agreements)


async def _count(db: AsyncSession, table: str) -> int:
    return int(await db.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def _ids(db: AsyncSession, statement: str) -> list[str]:
    return [str(row) for row in await db.scalars(text(f"{statement} LIMIT {EXAMPLES + 1}"))]


def _check(name: str, checked: int, broken: list[str]) -> Check:
    more = " and more" if len(broken) > EXAMPLES else ""
    return Check(name, not broken, checked, f"Breaks at {', '.join(broken[:EXAMPLES])}{more}" if broken else "")
