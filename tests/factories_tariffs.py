"""Rows of tariff books and plans of any history for tests."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, CouncilSetting
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.models import Step
from marketplace.matching.models import Complexity, Referral
from marketplace.payments.models import Tariff, TariffEvent
from marketplace.people.models import Person
from marketplace.plans.events import PlanSignedOff, PlanSubmittedForCheck, ReviewSigned
from marketplace.plans.models import Plan, PlanVersion, Review, ReviewKind
from marketplace.plans.states import PLAN, PlanStatus, ReviewStatus
from marketplace.providers.models import Lot, Organisation, ServiceLine
from tests.factories import make_accreditation
from tests.factories_frameworks import make_published
from tests.factories_payments import make_signed_plan, make_tariff, make_tariff_book

STAGES = [
    {"at": "submitted", "percent": 30},
    {"at": "signed_off", "percent": 50},
    {"at": "implemented", "percent": 20},
]


def flat(pence: int) -> list[dict[str, Any]]:
    """One fee for any time."""
    return [{"up_to_minutes": None, "pence": pence}]


async def make_rule(db: AsyncSession, council: Council, event: TariffEvent, pence: int, **given: Any) -> Tariff:
    """A published rule with one fee since April 2026."""
    return await make_tariff(db, council, event=event, **{"bands": flat(pence), "name": event.value, **given})


async def make_framework_book(
    db: AsyncSession, council: Council, organisation: Organisation, pence: int, **given: Any
) -> UUID:
    """Accredit an organisation under a framework that has a book of its own for plans; returns the framework."""
    framework, version = await make_published(db, council)
    lot = (await db.scalars(select(Lot).where(Lot.version_id == version.id))).first()
    assert lot is not None
    await make_accreditation(db, organisation, council, ServiceLine.SUPPORT_PLANNING, lot_id=lot.id)
    book = await make_tariff_book(db, council, framework_id=framework.id, **given)
    await make_rule(db, council, TariffEvent.PLAN_COMPLETED, pence, book_id=book.id, starts_on=book.starts_on)
    return framework.id


async def make_setting(db: AsyncSession, council: Council, key: str, value: Any) -> None:
    """A council's own value since 2026."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    row = CouncilSetting(council_id=council.id, key=key, value={"value": value}, starts_on=at.date(), set_at=at)
    db.add(row)
    await db.flush()


async def plan_of(db: AsyncSession, event: PlanSignedOff) -> Plan:
    """The plan of a sign-off."""
    return await db.get_one(Plan, event.plan_id)


async def make_complex(db: AsyncSession, event: PlanSignedOff) -> None:
    """Let a plan's case be complex."""
    plan = await plan_of(db, event)
    (await db.get_one(Referral, plan.referral_id)).complexity = Complexity.COMPLEX
    await db.flush()


async def move_to(db: AsyncSession, event: PlanSignedOff, postcode: str) -> None:
    """Let a plan's person live elsewhere."""
    plan = await plan_of(db, event)
    (await db.get_one(Person, plan.person_id)).postcode = postcode
    await db.flush()


def submitted(event: PlanSignedOff, on: date, minutes: int | None = None) -> PlanSubmittedForCheck:
    """The message of a version's first submission."""
    return PlanSubmittedForCheck(
        council_id=event.council_id,
        plan_id=event.plan_id,
        plan_version_id=event.plan_version_id,
        person_id=event.person_id,
        organisation_id=event.organisation_id,
        visit_minutes=event.visit_minutes if minutes is None else minutes,
        submitted_on=on,
    )


async def make_held_review(
    db: AsyncSession, event: PlanSignedOff, held_on: date, kind: ReviewKind = ReviewKind.ANNUAL
) -> ReviewSigned:
    """A held review of a plan, and the message of it."""
    row = Review(
        council_id=event.council_id,
        plan_id=event.plan_id,
        person_id=event.person_id,
        kind=kind,
        status=ReviewStatus.SIGNED,
        facilitator_id=event.worker_id,
        plan_in_place_on=event.completed_on,
        window_starts_on=held_on,
        due_on=held_on,
        window_ends_on=held_on,
        booked_on=held_on,
        held_on=held_on,
        created_at=clock_of(db).now(),
    )
    db.add(row)
    await db.flush()
    return ReviewSigned(
        council_id=event.council_id,
        review_id=row.id,
        plan_id=event.plan_id,
        person_id=event.person_id,
        worker_id=event.worker_id,
        organisation_id=event.organisation_id,
        held_on=held_on,
    )


async def make_next_version(db: AsyncSession, event: PlanSignedOff, completed_on: date) -> PlanSignedOff:
    """The next version of a signed plan, signed off in turn; it was begun on the same day."""
    at = datetime(completed_on.year, completed_on.month, completed_on.day, 12, tzinfo=UTC)
    earlier = await db.get_one(PlanVersion, event.plan_version_id)
    earlier.status = PlanStatus.SUPERSEDED
    row = PlanVersion(
        council_id=event.council_id,
        plan_id=event.plan_id,
        number=earlier.number + 1,
        status=PlanStatus.SIGNED_OFF,
        visit_minutes=event.visit_minutes,
        signed_off_at=at,
        updated_at=at,
    )
    db.add(row)
    await db.flush()
    begun = {"council_id": row.council_id, "subject_kind": PLAN.kind, "subject_id": row.id, "at": at}
    db.add(Step(id=new_id(), from_status=None, to_status="draft", why="", **begun))
    await db.flush()
    return msgspec.structs.replace(event, plan_version_id=row.id, completed_on=completed_on)


async def make_draft_plan(db: AsyncSession, council: Council, organisation: Organisation) -> PlanSignedOff:
    """A plan that is still being written; the event has its ids."""
    event = await make_signed_plan(db, council, organisation, completed_on=date(2027, 2, 20))
    version = await db.get_one(PlanVersion, event.plan_version_id)
    version.status, version.signed_off_at = PlanStatus.DRAFT, None
    await db.flush()
    return event
