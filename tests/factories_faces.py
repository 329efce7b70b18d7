"""Rows for tests of a plan's faces and of sharing: assessments with needs, sections, shares, organisations' people."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.people.models import AssessedNeed, Assessment, AssessmentKind, MetBy
from marketplace.people.states import ASSESSMENT, AssessmentStatus
from marketplace.plans.models import PlanSection, PlanShare, PlanVersion
from marketplace.providers.models import Organisation
from tests.factories import Member, make_member, make_organisation
from tests.factories_plans import PlanWorld

NEED: Mapping[str, Any] = {"words": "Washing and dressing", "is_eligible": True, "met_by": MetBy.COUNCIL}


async def make_assessment(
    db: AsyncSession, world: PlanWorld, needs: Sequence[Mapping[str, Any]] = (NEED,), **given: Any
) -> tuple[Assessment, list[AssessedNeed]]:
    """A completed assessment of the world's person with the needs it found."""
    now = clock_of(db).now()
    values = {
        "council_id": world.council.id,
        "person_id": world.person.id,
        "kind": AssessmentKind.ADULT,
        "status": AssessmentStatus.DRAFT,
        "is_eligible": True,
        "rationale": "Two outcomes cannot be reached without pain.",
        "held_on": now.date(),
        "created_at": now,
    }
    assessment = Assessment(**{**values, **given})
    db.add(assessment)
    await db.flush()
    ASSESSMENT.begin(db, assessment, by=world.social_worker.user.id)
    assessment.completed_at = now
    ASSESSMENT.move(db, assessment, AssessmentStatus.COMPLETED, by=world.social_worker.user.id)
    rows = [
        AssessedNeed(
            **{
                "council_id": world.council.id,
                "assessment_id": assessment.id,
                "position": position,
                "outcome": "hygiene",
                **NEED,
                **need,
            }
        )
        for position, need in enumerate(needs, start=1)
    ]
    db.add_all(rows)
    await db.flush()
    return assessment, rows


async def make_section(db: AsyncSession, version: PlanVersion, key: str, words: str) -> PlanSection:
    """A part of a version in the person's words."""
    row = PlanSection(
        council_id=version.council_id,
        plan_version_id=version.id,
        key=key,
        words=words,
        edited_at=clock_of(db).now(),
    )
    db.add(row)
    await db.flush()
    return row


async def make_support(
    db: AsyncSession, world: PlanWorld, name: str = "Kind Hands", role: Role = Role.PROVIDER
) -> tuple[Organisation, Member]:
    """An organisation that supports people, and who works for it in the world's council; not in the session."""
    organisation = await make_organisation(db, name=name)
    member = await make_member(db, role, world.council, name="Pam Provider", organisation_id=organisation.id)
    db.expunge_all()
    return organisation, member


async def make_share(db: AsyncSession, world: PlanWorld, organisation: Organisation, **given: Any) -> PlanShare:
    """Two sections shared with an organisation from the first of March for four weeks; not in the session."""
    values = {
        "council_id": world.council.id,
        "person_id": world.person.id,
        "organisation_id": organisation.id,
        "sections": ["about_me", "outcomes"],
        "starts_on": date(2027, 3, 1),
        "ends_on": date(2027, 3, 29),
        "given_by_user_id": world.person_user.user.id,
        "given_at": clock_of(db).now(),
    }
    share = PlanShare(**{**values, **given})
    db.add(share)
    await db.flush()
    db.expunge_all()
    return share
