"""Rows of frameworks for tests."""

from datetime import date, time
from itertools import count as counter
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.clock import instant
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    Criterion,
    CriterionKind,
    EngagementEntry,
    EngagementKind,
    Framework,
    FrameworkVersion,
    LateRule,
    Lot,
    Organisation,
    Round,
    ServiceLine,
)
from marketplace.providers.states import FRAMEWORK_VERSION, FrameworkVersionStatus
from tests.factories import Member, make_council, make_member, make_organisation

_number = counter(1)


async def _saved(db: AsyncSession, row: Any) -> Any:
    """Write a row and let go of it: what it said when it was made stays readable after any request."""
    db.add(row)
    await db.flush()
    db.expunge(row)
    return row


async def make_framework(db: AsyncSession, council: Council, **given: Any) -> Framework:
    """A framework without a version."""
    n = next(_number)
    values = {
        "council_id": council.id,
        "slug": f"framework-{n}",
        "name": f"Framework {n}",
        "summary": "Support that people choose.",
        "created_at": clock_of(db).now(),
    }
    return await _saved(db, Framework(**{**values, **given}))


async def make_version(db: AsyncSession, framework: Framework, **given: Any) -> FrameworkVersion:
    """A draft with texts, one lot "1" and one scored question with all of the weight."""
    values = {
        "council_id": framework.council_id,
        "framework_id": framework.id,
        "number": 1,
        "status": FrameworkVersionStatus.DRAFT,
        "specification": "## What it is\n\nSupport with a plan.\n\n- Kind\n- Quick",
        "agreement_terms": "Both sides keep their word.",
        "changes": "",
        "created_at": clock_of(db).now(),
    }
    version = await _saved(db, FrameworkVersion(**{**values, **given}))
    FRAMEWORK_VERSION.begin(db, version, by=None)
    await make_lot(db, version)
    await make_criterion(db, version)
    return version


async def make_lot(db: AsyncSession, version: FrameworkVersion, **given: Any) -> Lot:
    """Lot 1, support planning, with a pass mark of 60."""
    values = {
        "council_id": version.council_id,
        "version_id": version.id,
        "code": "1",
        "name": "Support planning",
        "service_line": ServiceLine.SUPPORT_PLANNING,
        "position": 1,
    }
    return await _saved(db, Lot(**{**values, **given}))


async def make_criterion(db: AsyncSession, version: FrameworkVersion, **given: Any) -> Criterion:
    """A scored question that is asked of everybody."""
    n = next(_number)
    values = {
        "council_id": version.council_id,
        "version_id": version.id,
        "key": f"question-{n}",
        "kind": CriterionKind.SCORED,
        "title": f"Question {n}",
        "question": "How do you keep people safe?",
        "weight_percent": 100,
        "position": n,
    }
    return await _saved(db, Criterion(**{**values, **given}))


async def publish_version(db: AsyncSession, version: FrameworkVersion) -> FrameworkVersion:
    """Publish a draft, without its checks."""
    row = await db.get_one(FrameworkVersion, version.id)
    FRAMEWORK_VERSION.move(db, row, FrameworkVersionStatus.PUBLISHED, by=None)
    row.published_at = clock_of(db).now()
    row.content_hash = b"\x01" * 32
    return await _saved(db, row)


async def make_published(db: AsyncSession, council: Council, **given: Any) -> tuple[Framework, FrameworkVersion]:
    """A framework with a published first version."""
    framework = await make_framework(db, council, **given)
    return framework, await publish_version(db, await make_version(db, framework))


async def make_round(db: AsyncSession, version: FrameworkVersion, **given: Any) -> Round:
    """A round that opened on Monday 1 March 2027 and closes on Friday 30 April at midday."""
    n = next(_number)
    values = {
        "council_id": version.council_id,
        "framework_id": version.framework_id,
        "version_id": version.id,
        "name": f"Round {n}",
        "opens_at": instant(date(2027, 3, 1), time(9)),
        "questions_until": instant(date(2027, 4, 16), time(17)),
        "closes_at": instant(date(2027, 4, 30), time(12)),
        "late_rule": LateRule.REFUSE,
        "late_until": None,
        "decides_on": date(2027, 6, 1),
        "starts_on": date(2027, 7, 1),
        "reopens_on": None,
        "created_at": clock_of(db).now(),
    }
    return await _saved(db, Round(**{**values, **given}))


async def make_interest(db: AsyncSession, framework: Framework, organisation_id: UUID, *codes: str) -> EngagementEntry:
    """An organisation that would apply for lots."""
    return await _saved(
        db,
        EngagementEntry(
            council_id=framework.council_id,
            framework_id=framework.id,
            kind=EngagementKind.INTEREST,
            held_on=date(2027, 2, 1),
            title="Would apply",
            organisation_id=organisation_id,
            organisations=1,
            lot_codes=list(codes),
            made_at=clock_of(db).now(),
        ),
    )


async def make_officer(db: AsyncSession, council: Council | None = None, **given: Any) -> Member:
    """Somebody who writes specifications."""
    return _let_go(db, await make_member(db, Role.ACCREDITOR, council, **given))


async def make_applicant(db: AsyncSession, council: Council | None = None, **given: Any) -> tuple[Organisation, Member]:
    """An organisation with somebody who applies for it."""
    organisation = await make_organisation(db, **given)
    council = council or await make_council(db)
    member = await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id)
    db.expunge(organisation)
    return organisation, _let_go(db, member)


def _let_go(db: AsyncSession, member: Member) -> Member:
    for row in (member.user, member.membership, member.council):
        if row in db:
            db.expunge(row)
    return member


def round_form(specification: FrameworkVersion, /, **given: str) -> dict[str, str]:
    """The form of a round from 5 April to 28 May 2027."""
    return {
        "name": "Spring round",
        "version_id": str(specification.id),
        "opens-day": "5",
        "opens-month": "4",
        "opens-year": "2027",
        "opens_time": "9am",
        "questions_until-day": "14",
        "questions_until-month": "5",
        "questions_until-year": "2027",
        "questions_until_time": "5pm",
        "closes-day": "28",
        "closes-month": "5",
        "closes-year": "2027",
        "closes_time": "12:00",
        "late_rule": "refuse",
        "decides_on-day": "30",
        "decides_on-month": "6",
        "decides_on-year": "2027",
        "starts_on-day": "2",
        "starts_on-month": "8",
        "starts_on-year": "2027",
        "version": "0",
        **given,
    }
