"""Rows for tests of applications: a framework with a round that is open, and applications as they stand."""

from datetime import date, time, timedelta
from itertools import count as counter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.clock import instant
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    Application,
    ApplicationAnswer,
    ApplicationLot,
    Criterion,
    CriterionKind,
    Framework,
    FrameworkVersion,
    LateRule,
    Lot,
    Organisation,
    Round,
    ServiceLine,
)
from marketplace.providers.states import APPLICATION, ApplicationStatus, FrameworkVersionStatus

_number = counter(1)
STARTS_ON = date(2027, 9, 1)

TRUE_DECLARATION = {
    "key": "insolvent",
    "kind": CriterionKind.DECLARATION,
    "title": "Money troubles",
    "question": "Has your organisation been insolvent in the last 3 years?",
    "wanted_answer": "no",
    "longest_words": 20,
}
SCORED = {
    "key": "outcomes",
    "kind": CriterionKind.SCORED,
    "title": "Outcomes",
    "question": "How do you help people to reach their goals?",
    "help": "Give an example of one person.",
    "longest_words": 10,
    "weight_percent": 100,
    "pass_score": 2,
}
ELIGIBLE = {
    "key": "works_here",
    "kind": CriterionKind.ELIGIBILITY,
    "title": "Where you work",
    "question": "Will you work in the council’s area?",
    "help": "Apply when you have plans to work here.",
    "wanted_answer": "yes",
}
INSURED = {
    "key": "insured",
    "kind": CriterionKind.EVIDENCE,
    "title": "Insurance",
    "question": "Show that you are insured.",
    "evidence_kind": "liability_insurance",
}


class Offer(msgspec.Struct):
    """A framework with one version and a round."""

    council: Council
    framework: Framework
    version: FrameworkVersion
    lots: list[Lot]
    criteria: dict[str, Criterion]
    """By key."""
    round: Round
    round_id: UUID
    lot_ids: list[UUID]
    ids: dict[str, UUID]
    """Ids of the criteria by key: plain values, which stay when a page was opened and rows are read again."""


async def make_offer(
    db: AsyncSession,
    council: Council,
    *,
    criteria: list[dict[str, Any]] | None = None,
    lots: list[dict[str, Any]] | None = None,
    framework: Framework | None = None,
    number: int = 1,
    **given: Any,
) -> Offer:
    """A framework with a community lot, one question of each kind and a round that closes on 31 March 2027 at midday.

    `criteria` and `lots` give the columns that differ; a criterion's `lot` is the code of its lot. Everything else is
    a column of the round.
    """
    now = clock_of(db).now()
    if framework is None:
        framework = Framework(
            council_id=council.id, slug=f"support-{next(_number)}", name="Community support", created_at=now
        )
        db.add(framework)
        await db.flush()
    version = FrameworkVersion(
        council_id=council.id,
        framework_id=framework.id,
        number=number,
        status=FrameworkVersionStatus.DRAFT,
        specification="Help people live well.",
        created_at=now,
    )
    db.add(version)
    await db.flush()
    made = []
    for position, values in enumerate(lots or [{}]):
        filled = {
            "code": "1a",
            "name": "Groups and clubs",
            "service_line": ServiceLine.COMMUNITY_SUPPORT,
            "position": position,
        }
        made.append(Lot(council_id=council.id, version_id=version.id, **{**filled, **values}))
    db.add_all(made)
    await db.flush()
    by_code = {lot.code: lot.id for lot in made}
    asked: dict[str, Criterion] = {}
    for position, values in enumerate([ELIGIBLE, TRUE_DECLARATION, SCORED, INSURED] if criteria is None else criteria):
        columns = {name: value for name, value in values.items() if name != "lot"}
        row = Criterion(
            council_id=council.id,
            version_id=version.id,
            lot_id=by_code.get(values.get("lot", "")),
            position=position,
            **columns,
        )
        asked[row.key] = row
    db.add_all(asked.values())
    await db.flush()
    version.status, version.published_at, version.content_hash = FrameworkVersionStatus.PUBLISHED, now, b"x" * 32
    closes_at = given.pop("closes_at", instant(date(2027, 3, 31), time(12)))
    values = {
        "council_id": council.id,
        "framework_id": framework.id,
        "version_id": version.id,
        "name": f"Round {number}",
        "opens_at": now - timedelta(days=30),
        "questions_until": closes_at - timedelta(days=7),
        "closes_at": closes_at,
        "late_rule": LateRule.REFUSE,
        "late_until": None,
        "decides_on": date(2027, 6, 1),
        "starts_on": STARTS_ON,
        "reopens_on": date(2028, 2, 1),
        "created_at": now,
    }
    round = Round(**{**values, **given})
    db.add(round)
    await db.flush()
    return Offer(
        council,
        framework,
        version,
        made,
        asked,
        round,
        round.id,
        [lot.id for lot in made],
        {key: row.id for key, row in asked.items()},
    )


async def make_application(
    db: AsyncSession,
    offer: Offer,
    organisation: Organisation,
    *,
    answers: dict[str, tuple[str, str]] | None = None,
    lots: list[Lot] | None = None,
    **given: Any,
) -> Application:
    """An application with some answers, by key as (choice, words), all of them confirmed."""
    now = clock_of(db).now()
    values = {
        "council_id": offer.council.id,
        "round_id": offer.round.id,
        "organisation_id": organisation.id,
        "reference": f"A-{now.year}-{next(_number):04}",
        "status": ApplicationStatus.DRAFT,
        "created_at": now,
        "updated_at": now,
    }
    application = Application(**{**values, **given})
    db.add(application)
    await db.flush()
    if application.status is ApplicationStatus.DRAFT:
        APPLICATION.begin(db, application, by=None)
    for lot in lots if lots is not None else offer.lots:
        db.add(ApplicationLot(council_id=offer.council.id, application_id=application.id, lot_id=lot.id))
    for key, (choice, words) in (answers or {}).items():
        db.add(
            ApplicationAnswer(
                council_id=offer.council.id,
                application_id=application.id,
                criterion_id=offer.criteria[key].id,
                choice=choice,
                words=words,
                confirmed_at=application.created_at,
                updated_at=application.created_at,
            )
        )
    await db.flush()
    return application


async def close_round(db: AsyncSession, offer: Offer, days_ago: int = 100) -> None:
    """Put a round into the past."""
    now = clock_of(db).now()
    offer.round.opens_at = now - timedelta(days=days_ago + 60)
    offer.round.questions_until = now - timedelta(days=days_ago + 10)
    offer.round.closes_at = now - timedelta(days=days_ago)
    await db.flush()
