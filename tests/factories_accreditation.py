"""Rows beside the demo for the journeys of accreditation: a framework to go on from, and people the demo lacks."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    Criterion,
    CriterionKind,
    Framework,
    FrameworkVersion,
    Lot,
    Organisation,
    ServiceLine,
)
from marketplace.providers.states import FRAMEWORK_VERSION, FrameworkVersionStatus

HEALTH = "You have a plan for days when workers are ill."
"""A declaration that the next version words differently."""
SOLVENT = "Your organisation is not insolvent or being wound up."


class Stage(msgspec.Struct, frozen=True):
    """What a journey begins with. `letter` makes names that no other journey on the same site has."""

    letter: str
    council: str
    framework: str
    """Name of a framework with one published version: lot A, two declarations, a scored question of 60 % for
    everybody and one of 40 % for lot A."""
    slug: str
    applicant: str
    """Address of somebody who acts for an organisation of another council of the installation."""
    organisation: str
    insider: str
    """Name of a broker of the council who works for that organisation, too."""
    second: str
    """Address of a second accreditor."""
    names: dict[str, str]
    """Names of the council's staff by their address up to the "@"."""


async def set_stage(db: AsyncSession, letter: str, council_slug: str, applicant: str) -> Stage:
    """Add a framework, a second accreditor, and a broker who works for the applicant, who may sign in from now on."""
    council = (await db.scalars(select(Council).where(Council.slug == council_slug))).one()
    user = (await db.scalars(select(User).where(User.email == applicant))).one()
    works = (await db.scalars(select(Membership).where(Membership.user_id == user.id))).one()
    organisation = await db.get_one(Organisation, works.organisation_id)
    user.password_hash = await db.scalar(select(User.password_hash).where(User.is_demo).limit(1))
    second = await _staff(db, council, f"second-{letter}@{council_slug}.example", Role.ACCREDITOR, user.password_hash)
    insider = await _staff(db, council, f"insider-{letter}@{council_slug}.example", Role.BROKER, user.password_hash)
    db.add(_membership(db, insider, council, Role.PROVIDER, organisation_id=organisation.id))
    framework = Framework(
        council_id=council.id,
        slug=f"company-and-clubs-{letter}",
        name=f"Company and clubs {letter}",
        summary="Groups that people choose to spend their days with.",
        created_at=clock_of(db).now(),
    )
    db.add(framework)
    await db.flush()
    await _first_version(db, framework)
    staff = await db.scalars(select(User).where(User.is_demo, User.email.endswith(f"@{council_slug}.example")))
    return Stage(
        letter=letter,
        council=council_slug,
        framework=framework.name,
        slug=framework.slug,
        applicant=applicant,
        organisation=organisation.name,
        insider=insider.name,
        second=second.email,
        names={row.email.partition("@")[0]: row.name for row in staff},
    )


async def let_in(db: AsyncSession, address: str) -> None:
    """Let somebody sign in who only appears in the demo's history."""
    user = (await db.scalars(select(User).where(User.email == address))).one()
    user.password_hash = await db.scalar(select(User.password_hash).where(User.is_demo).limit(1))


async def council_id_of(db: AsyncSession, slug: str) -> UUID:
    """Return the id of a council of the demo."""
    return (await db.scalars(select(Council.id).where(Council.slug == slug))).one()


async def _staff(db: AsyncSession, council: Council, email: str, role: Role, password_hash: str | None) -> User:
    name = email.partition("@")[0].replace("-", " ").capitalize()
    user = User(email=email, name=name, created_at=clock_of(db).now(), password_hash=password_hash)
    db.add(user)
    await db.flush()
    db.add(_membership(db, user, council, role))
    await db.flush()
    return user


def _membership(db: AsyncSession, user: User, council: Council, role: Role, **given: Any) -> Membership:
    starts_on = today(clock_of(db)) - timedelta(days=30)
    return Membership(user_id=user.id, council_id=council.id, role=role, starts_on=starts_on, **given)


async def _first_version(db: AsyncSession, framework: Framework) -> None:
    version = FrameworkVersion(
        council_id=framework.council_id,
        framework_id=framework.id,
        number=1,
        status=FrameworkVersionStatus.DRAFT,
        specification="## What we want\n\nGroups where people are known by name.",
        agreement_terms="## Both sides\n\n- Keep to what was said\n- Say early when something changes",
        created_at=clock_of(db).now(),
    )
    db.add(version)
    await db.flush()
    lot = Lot(
        council_id=framework.council_id,
        version_id=version.id,
        code="A",
        name="Day groups",
        service_line=ServiceLine.COMMUNITY_SUPPORT,
        pass_percent=50,
        position=1,
    )
    db.add(lot)
    await db.flush()
    asked: list[dict[str, Any]] = [
        {
            "kind": CriterionKind.ELIGIBILITY,
            "key": "local",
            "title": "Where you work",
            "question": "Will you work with people who live here?",
            "help": "The groups are for people of this council.",
            "wanted_answer": "yes",
        },
        {
            "kind": CriterionKind.DECLARATION,
            "key": "solvent",
            "title": "Money troubles",
            "question": SOLVENT,
            "wanted_answer": "yes",
            "longest_words": 100,
        },
        {
            "kind": CriterionKind.DECLARATION,
            "key": "health",
            "title": "When workers are ill",
            "question": HEALTH,
            "wanted_answer": "yes",
            "longest_words": 100,
        },
        {
            "kind": CriterionKind.SCORED,
            "key": "welcome",
            "title": "A welcome",
            "question": "How does somebody new become one of you?",
            "longest_words": 200,
            "weight_percent": 60,
            "pass_score": 2,
        },
        {
            "kind": CriterionKind.SCORED,
            "key": "days",
            "title": "Your days",
            "question": "What happens on an ordinary day?",
            "longest_words": 200,
            "weight_percent": 40,
            "lot_id": lot.id,
        },
    ]
    db.add_all(
        Criterion(council_id=framework.council_id, version_id=version.id, position=position, **values)
        for position, values in enumerate(asked, start=1)
    )
    FRAMEWORK_VERSION.begin(db, version, by=None)
    await db.flush()
    version.published_at = clock_of(db).now()
    version.content_hash = b"\x01" * 32
    FRAMEWORK_VERSION.move(db, version, FrameworkVersionStatus.PUBLISHED, by=None)
    await db.flush()
