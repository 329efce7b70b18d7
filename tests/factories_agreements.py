"""Rows for tests of agreements: terms that both signed, their rates, and the weekly visits."""

from collections.abc import Mapping, Sequence
from datetime import date, time
from itertools import count as counter
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import (
    AgreementRate,
    AgreementTerms,
    Funding,
    PayBasis,
    Side,
    SupportAgreement,
    VisitPattern,
)
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.states import AGREEMENT_TERMS, SUPPORT_AGREEMENT, AgreementStatus, TermsStatus
from marketplace.core.clock import week_start
from marketplace.core.database import clock_of
from marketplace.providers.models import DayKind
from tests.factories_bookings import Scene, loose

_number = counter(1)
AGREED_FROM = date(2027, 3, 1)
"""The Monday before the tests' Wednesday."""
MORNING: Mapping[str, Any] = {"weekday": 4, "starts_local": time(10), "minutes": 60}
"""Fridays at ten for an hour."""


class MadeAgreement(msgspec.Struct):
    """An agreement with all its rows; none of them is in the session."""

    agreement: SupportAgreement
    terms: AgreementTerms
    rates: list[AgreementRate]
    patterns: list[VisitPattern]

    @property
    def view(self) -> TermsView:
        """The terms as prices are worked out from them."""
        return TermsView.of(self.terms, self.rates)


async def make_terms(
    db: AsyncSession,
    scene: Scene,
    agreement: SupportAgreement,
    *,
    rates: Mapping[DayKind, int] | None = None,
    nights: Mapping[DayKind, int] | None = None,
    status: TermsStatus = TermsStatus.AGREED,
    **given: Any,
) -> tuple[AgreementTerms, list[AgreementRate]]:
    """A version of terms: £16 an hour, £20 on Sundays, £32 on bank holidays; agreed unless told otherwise.

    `rates[day_kind]` and `nights[day_kind]` (sleep-ins) are pence.
    """
    now = clock_of(db).now()
    values = {
        "council_id": agreement.council_id,
        "agreement_id": agreement.id,
        "number": 1,
        "status": TermsStatus.DRAFT,
        "offered_by": Side.PROVIDER,
        "starts_on": agreement.starts_on,
        "price_unit": scene.listing.price_unit,
        "notice_days": 28,
        "free_cancel_hours": 24,
        "late_cancel_percent": 100,
        "retainer_percent": 50,
        "retainer_days": 14,
        "pay_basis": PayBasis.CAPPED,
        "tolerance_minutes": 5,
        "second_worker_percent": 100,
        "created_at": now,
    }
    terms = AgreementTerms(**{**values, **given})
    db.add(terms)
    await db.flush()
    AGREEMENT_TERMS.begin(db, terms, by=scene.provider.user.id)
    usual = {DayKind.ANY: 1_600, DayKind.SUNDAY: 2_000, DayKind.BANK_HOLIDAY: 3_200}
    rows = [
        AgreementRate(
            council_id=agreement.council_id, terms_id=terms.id, day_kind=kind, is_sleep_in=sleeps, price_pence=pence
        )
        for sleeps, prices in ((False, usual if rates is None else rates), (True, nights or {}))
        for kind, pence in prices.items()
    ]
    db.add_all(rows)
    await db.flush()
    if status is TermsStatus.DRAFT:
        return terms, rows
    AGREEMENT_TERMS.move(db, terms, TermsStatus.OFFERED, by=scene.provider.user.id)
    terms.sha256 = "0" * 64
    terms.provider_signed_at, terms.provider_signed_by_user_id = now, scene.provider.user.id
    terms.provider_signature = scene.provider.user.name
    await db.flush()
    if status is not TermsStatus.OFFERED:
        AGREEMENT_TERMS.move(db, terms, status, by=scene.member.user.id)
    if status is TermsStatus.AGREED:
        terms.person_signed_at, terms.person_signed_by_user_id = now, scene.member.user.id
        terms.person_signature = scene.member.user.name
    await db.flush()
    return terms, rows


async def make_agreement(
    db: AsyncSession,
    scene: Scene,
    *,
    patterns: Sequence[Mapping[str, Any]] = (MORNING,),
    rates: Mapping[DayKind, int] | None = None,
    nights: Mapping[DayKind, int] | None = None,
    terms: Mapping[str, Any] | None = None,
    status: AgreementStatus = AgreementStatus.AGREED,
    **given: Any,
) -> MadeAgreement:
    """An agreement of a scene's person and provider, agreed from Monday 1 March 2027, with visits on Fridays at ten.

    Args:
        db: The transaction of the test.
        scene: Who it is between (`factories_bookings.make_scene`).
        patterns: Columns of each weekly visit; what is missing is filled in.
        rates: Pence by kind of day; see `make_terms`.
        nights: Pence of a sleep-in by kind of day.
        terms: Columns of the terms.
        status: Agreed, offered by the provider, or a draft of the provider.
        given: Columns of the agreement.
    """
    now = clock_of(db).now()
    values = {
        "council_id": scene.council.id,
        "reference": f"SA-{next(_number):05}",
        "person_id": scene.person.id,
        "organisation_id": scene.organisation.id,
        "listing_id": scene.listing.id,
        "worker_id": scene.listing.worker_id,
        "funding": Funding.DIRECT_PAYMENT,
        "status": AgreementStatus.DRAFT,
        "written_by": Side.PROVIDER,
        "starts_on": AGREED_FROM,
        "created_by_user_id": scene.provider.user.id,
        "created_at": now,
    }
    agreement = SupportAgreement(**{**values, **given})
    db.add(agreement)
    await db.flush()
    SUPPORT_AGREEMENT.begin(db, agreement, by=scene.provider.user.id)
    of_terms = {
        AgreementStatus.DRAFT: TermsStatus.DRAFT,
        AgreementStatus.OFFERED: TermsStatus.OFFERED,
        AgreementStatus.DECLINED: TermsStatus.DECLINED,
        AgreementStatus.WITHDRAWN: TermsStatus.WITHDRAWN,
    }.get(status, TermsStatus.AGREED)
    made, rows = await make_terms(db, scene, agreement, rates=rates, nights=nights, status=of_terms, **(terms or {}))
    visits = []
    for pattern in patterns:
        first = pattern.get("starts_on", agreement.starts_on)
        usual = {
            "council_id": agreement.council_id,
            "agreement_id": agreement.id,
            "every_weeks": 1,
            "anchor_on": week_start(first),
            "starts_on": first,
            "worker_id": agreement.worker_id,
            "created_at": now,
        }
        visits.append(VisitPattern(**{**usual, **MORNING, **pattern}))
    db.add_all(visits)
    await db.flush()
    path = {
        AgreementStatus.DRAFT: (),
        AgreementStatus.OFFERED: (AgreementStatus.OFFERED,),
        AgreementStatus.ENDED: (AgreementStatus.OFFERED, AgreementStatus.AGREED, AgreementStatus.ENDED),
    }.get(status, (AgreementStatus.OFFERED, status))
    for step in path:
        SUPPORT_AGREEMENT.move(db, agreement, step, by=scene.member.user.id)
    await db.flush()
    loose(db, agreement, made, *rows, *visits)
    return MadeAgreement(agreement, made, rows, visits)
