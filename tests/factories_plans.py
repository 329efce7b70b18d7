"""Rows of plans for tests: a small council with everybody a plan needs, and plans in any state."""

from datetime import date, timedelta
from itertools import count as counter
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.matching.models import Complexity, Offer, Referral, ReferralSource, Shortlist, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.people.models import Person
from marketplace.plans.content import ItemContent, PlanContent
from marketplace.plans.dates import annual_review, first_review
from marketplace.plans.models import HelpKind, Plan, PlanItem, PlanVersion, Review, ReviewKind
from marketplace.plans.states import PLAN, REVIEW, PlanStatus, ReviewStatus
from marketplace.providers.models import Organisation, Worker
from tests.factories import Member, make_council, make_member, make_organisation, make_person_member, make_worker

_number = counter(1)
FIRST_DAYS = {"from": 42, "due": 56, "until": 84}


class PlanWorld(msgspec.Struct, frozen=True):
    """A council with a person, their planner, and everybody who decides on a plan."""

    council: Council
    person: Person
    organisation: Organisation
    worker: Worker
    person_user: Member
    representative: Member
    planner: Member
    checker: Member
    social_worker: Member
    manager: Member


async def make_plan_world(db: AsyncSession, council: Council | None = None) -> PlanWorld:
    """Everybody a plan needs, in one council."""
    council = council or await make_council(db)
    person, person_user = await make_person_member(
        db,
        council,
        appreciated="My laugh",
        important_to_me="My garden",
        how_to_support_me="Speak slowly",
    )
    organisation = await make_organisation(db)
    worker = await make_worker(db, organisation, name="Bo Planner")
    return PlanWorld(
        council=council,
        person=person,
        organisation=organisation,
        worker=worker,
        person_user=person_user,
        representative=await make_member(
            db,
            Role.REPRESENTATIVE,
            council,
            name="Rita Relative",
            person_id=person.id,
            acting_for_name=person.name,
        ),
        planner=await make_planner(db, council, worker),
        checker=await make_member(db, Role.QUALITY_CHECKER, council, name="Quin Checker"),
        social_worker=await make_member(db, Role.SOCIAL_WORKER, council, name="Sol Worker"),
        manager=await make_member(db, Role.MANAGER, council, name="Mary Manager"),
    )


async def make_planner(db: AsyncSession, council: Council, worker: Worker) -> Member:
    """A planner who can sign in."""
    return await make_member(
        db, Role.PLANNER, council, name=worker.name, organisation_id=worker.organisation_id, worker_id=worker.id
    )


async def make_plan_referral(db: AsyncSession, world: PlanWorld, **given: Any) -> Referral:
    """A referral of the world's person with a budget of £115.38 a week (P4)."""
    now = clock_of(db).now()
    values = {
        "council_id": world.council.id,
        "reference": f"R{next(_number):05}",
        "person_id": world.person.id,
        "status": ReferralStatus.MATCHED,
        "source": ReferralSource.FRONTLINE,
        "urgency": Urgency.STANDARD,
        "complexity": Complexity.STANDARD,
        "needs": ["physical", "older"],
        "wants": "To get back to the allotment",
        "indicative_weekly_pence": 11_538,
        "received_at": now,
        "due_on": date(2027, 3, 31),
        "recorded_by_user_id": world.social_worker.user.id,
    }
    referral = Referral(**{**values, **given})
    db.add(referral)
    await db.flush()
    return referral


async def make_accepted_offer(
    db: AsyncSession, world: PlanWorld, referral: Referral, worker: Worker | None = None, **given: Any
) -> Offer:
    """An offer that a planner accepted."""
    now, worker = clock_of(db).now(), worker or world.worker
    shortlist = Shortlist(
        council_id=world.council.id,
        referral_id=referral.id,
        made_at=now,
        weights_version="1",
        inputs={},
        ranking={},
        fingerprint="f",
    )
    db.add(shortlist)
    await db.flush()
    values = {
        "council_id": world.council.id,
        "referral_id": referral.id,
        "shortlist_id": shortlist.id,
        "worker_id": worker.id,
        "organisation_id": worker.organisation_id,
        "status": OfferStatus.ACCEPTED,
        "rank": 1,
        "score": 800,
        "decided_by_user_id": world.manager.user.id,
        "offered_at": now,
        "answer_by": now + timedelta(hours=48),
    }
    offer = Offer(**{**values, **given})
    db.add(offer)
    await db.flush()
    return offer


def full_content(**given: Any) -> PlanContent:
    """A plan that lacks nothing and costs £80 a week."""
    values: dict[str, Any] = {
        "about_me": "I am Ada and I love my garden.",
        "good_days": "Sun is good. Rain is bad.",
        "risks": "Falls: the neighbour has a key.",
        "money_held": "A direct payment every four weeks.",
        "information_given": "The falls clinic and the allotment club.",
        "visit_minutes": 270,
        "items": (
            ItemContent(row=1, outcome="Get to the allotment", what="A lift on Fridays", helped_by=HelpKind.COMMUNITY),
            ItemContent(
                row=2, outcome="Be washed and dressed", what="Help at 8am", helped_by=HelpKind.PA, weekly_pence=8_000
            ),
        ),
    }
    return PlanContent(**{**values, **given})


async def make_plan(
    db: AsyncSession,
    world: PlanWorld,
    status: PlanStatus = PlanStatus.DRAFT,
    *,
    content: PlanContent | None = None,
    referral: Referral | None = None,
    **given: Any,
) -> tuple[Plan, PlanVersion]:
    """A plan whose one version stands in a state."""
    now, content = clock_of(db).now(), content or full_content()
    referral = referral or await make_plan_referral(db, world)
    plan = Plan(
        council_id=world.council.id,
        referral_id=referral.id,
        person_id=referral.person_id,
        organisation_id=world.worker.organisation_id,
        worker_id=world.worker.id,
        created_at=now,
    )
    db.add(plan)
    await db.flush()
    version = await make_version(db, world, plan, 1, status, content, **given)
    return plan, version


async def make_version(
    db: AsyncSession,
    world: PlanWorld,
    plan: Plan,
    number: int,
    status: PlanStatus,
    content: PlanContent | None = None,
    **given: Any,
) -> PlanVersion:
    """A version of a plan in a state, with the times and names that the state implies."""
    now, content = clock_of(db).now(), content or full_content()
    values: dict[str, Any] = {
        "council_id": plan.council_id,
        "plan_id": plan.id,
        "number": number,
        "status": status,
        "about_me": content.about_me,
        "good_days": content.good_days,
        "risks": content.risks,
        "money": content.money,
        "information_given": content.information_given,
        "visit_minutes": content.visit_minutes,
        "updated_at": now,
    }
    order = (
        PlanStatus.DRAFT,
        PlanStatus.IN_QUALITY_CHECK,
        PlanStatus.AWAITING_AGREEMENT,
        PlanStatus.AWAITING_SIGN_OFF,
        PlanStatus.SIGNED_OFF,
        PlanStatus.SUPERSEDED,
    )
    # A returned plan came back from its check.
    reached = order.index(PlanStatus.IN_QUALITY_CHECK if status is PlanStatus.RETURNED else status)
    if reached >= 1:
        values |= {"submitted_at": now, "submitted_by_user_id": world.planner.user.id}
    if reached >= 2:
        values |= {"checked_at": now, "checked_by_user_id": world.checker.user.id}
    if reached >= 3:
        values |= {"agreed_at": now, "agreed_by_user_id": world.person_user.user.id}
    if reached >= 4:
        values |= {"signed_off_at": now, "signed_off_by_user_id": world.social_worker.user.id}
    version = PlanVersion(**{**values, **given})
    db.add(version)
    await db.flush()
    PLAN.begin(db, version, by=world.planner.user.id)
    for position, item in enumerate(content.items, start=1):
        db.add(
            PlanItem(
                council_id=plan.council_id,
                plan_version_id=version.id,
                position=position,
                outcome=item.outcome,
                what=item.what,
                helped_by=item.helped_by,
                weekly_pence=item.weekly_pence,
            )
        )
    await db.flush()
    return version


async def make_review(
    db: AsyncSession,
    plan: Plan,
    in_place_on: date,
    kind: ReviewKind = ReviewKind.WELFARE_CHECK,
    status: ReviewStatus = ReviewStatus.DUE,
    **given: Any,
) -> Review:
    """A review of a plan that was signed off on a day."""
    is_first = kind is ReviewKind.WELFARE_CHECK
    dates = first_review(in_place_on, FIRST_DAYS) if is_first else annual_review(in_place_on)
    values = {
        "council_id": plan.council_id,
        "plan_id": plan.id,
        "person_id": plan.person_id,
        "kind": kind,
        "status": status,
        "facilitator_id": plan.worker_id,
        "plan_in_place_on": in_place_on,
        "window_starts_on": dates.starts_on,
        "due_on": dates.due_on,
        "window_ends_on": dates.ends_on,
        "created_at": clock_of(db).now(),
    }
    review = Review(**{**values, **given})
    db.add(review)
    await db.flush()
    REVIEW.begin(db, review, by=None)
    await db.flush()
    return review


def plan_form(content: PlanContent, version: int, **given: Any) -> dict[str, Any]:
    """The form of a plan as a browser sends it."""
    from marketplace.plans.content import values_of

    return {**values_of(content), "version": str(version), "action": "save", **given}
