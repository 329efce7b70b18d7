"""A review is complete when both sides have signed it; it changes the plan and never cuts a budget."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.plans import ReviewService
from marketplace.plans.errors import AlreadySigned, ReviewChanged, SignsForBoth
from marketplace.plans.models import Plan, Progress, Review, ReviewKind, ReviewOutcome
from marketplace.plans.repository import PlanRepository, ReviewRepository
from marketplace.plans.review_forms import NO_CUT, HoldForm, Result
from marketplace.plans.schemas import Scope
from marketplace.plans.states import PlanStatus, ReviewStatus
from tests.browser import Browser, count, events
from tests.factories import make_member
from tests.factories_plans import PlanWorld, make_plan, make_plan_world, make_review

IN_PLACE = date(2027, 1, 6)
MET = date(2027, 3, 2)
Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


@pytest.fixture
async def plan(db: AsyncSession, world: PlanWorld) -> Plan:
    return (await make_plan(db, world, PlanStatus.SIGNED_OFF))[0]


@pytest.fixture
async def review(db: AsyncSession, world: PlanWorld, plan: Plan) -> Review:
    """Booked, held and written down."""
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED, booked_on=MET)
    await hold(db, world, review)
    return review


async def hold(db: AsyncSession, world: PlanWorld, review: Review, **given: Any) -> None:
    form = HoldForm(MET, "The club", "Mornings", review.version, **given)
    await ReviewService(db).hold(world.planner.principal, review.id, form)


async def sign_both(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    await ReviewService(db).sign(world.planner.principal, review.id, review.version)
    await ReviewService(db).sign_own(world.person_user.principal, review.id, review.version)


@pytest.mark.parametrize("first", ["planner", "person"])
async def test_a_review_earns_only_when_both_signed_in_either_order(
    db: AsyncSession, world: PlanWorld, review: Review, first: str
) -> None:
    service = ReviewService(db)
    sides = [
        (service.sign, world.planner.principal),
        (service.sign_own, world.person_user.principal),
    ]
    for verb, who in sides if first == "planner" else reversed(sides):
        assert "ReviewSigned" not in await events(db)
        assert review.status is ReviewStatus.HELD
        await verb(who, review.id, review.version)
    assert review.status is ReviewStatus.SIGNED
    assert (review.signed_by_user_id, review.person_signed_by_user_id) == (
        world.planner.user.id,
        world.person_user.user.id,
    )
    found = await events(db)
    assert (found.count("ReviewSigned"), found.count("ReviewSettled")) == (1, 1)
    body = await db.scalar(text("SELECT body FROM outbox_messages WHERE event = 'ReviewSigned'"))
    assert (body["held_on"], body["worker_id"]) == ("2027-03-02", str(world.worker.id))


async def test_nobody_signs_twice(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    service = ReviewService(db)
    await service.sign(world.planner.principal, review.id, review.version)
    with pytest.raises(AlreadySigned):
        await service.sign(world.planner.principal, review.id, review.version)
    await service.sign_own(world.representative.principal, review.id, review.version)
    for verb, who in ((service.sign, world.manager), (service.sign_own, world.person_user)):
        with pytest.raises(AlreadySigned):
            await verb(who.principal, review.id, review.version)
    assert (await events(db)).count("ReviewSigned") == 1


async def test_what_is_not_written_down_is_not_signed(db: AsyncSession, world: PlanWorld, plan: Plan) -> None:
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED)
    for verb, who in ((ReviewService(db).sign, world.planner), (ReviewService(db).sign_own, world.person_user)):
        with pytest.raises(StepRefused):
            await verb(who.principal, review.id, review.version)
    assert review.signed_at is None


async def test_a_record_put_right_falls_back_to_no_signature(
    db: AsyncSession, world: PlanWorld, review: Review
) -> None:
    seen = review.version
    await ReviewService(db).sign_own(world.person_user.principal, review.id, seen)
    await hold(db, world, review)
    assert review.person_signed_at is None
    with pytest.raises(ReviewChanged):
        await ReviewService(db).sign_own(world.person_user.principal, review.id, seen)
    form = HoldForm(MET, "Something else", "x", seen)
    with pytest.raises(ReviewChanged):
        await ReviewService(db).hold(world.planner.principal, review.id, form)
    assert review.working == "The club"


async def test_the_person_can_say_that_it_is_not_right(
    db: AsyncSession, world: PlanWorld, review: Review, drain: Drain
) -> None:
    await ReviewService(db).sign(world.planner.principal, review.id, review.version)
    seen = review.version
    await ReviewService(db).question(world.person_user.principal, review.id, "I never said that", seen)
    assert (review.status, review.signed_at) == (ReviewStatus.HELD, None)
    with pytest.raises(ReviewChanged):
        await ReviewService(db).sign(world.planner.principal, review.id, seen)
    assert (await ReviewRepository(db).timeline(review.id))[0].why == "I never said that"
    assert await count(db, "audit_entries", "why LIKE '%never said%'") == 0
    assert ("review_questioned", world.planner.user.email) in await drain()


async def test_nobody_signs_for_both_sides(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    service = ReviewService(db)
    with pytest.raises(Forbidden):
        await service.sign_for_person(world.planner.principal, review.id, "On paper", review.version)
    await service.sign_for_person(world.manager.principal, review.id, "On paper", review.version)
    with pytest.raises(SignsForBoth):
        await service.sign(world.manager.principal, review.id, review.version)
    await service.sign(world.social_worker.principal, review.id, review.version)
    assert review.status is ReviewStatus.SIGNED
    assert (await events(db)).count("ReviewSigned") == 1, "who held it has earned it, whoever signed for the council"


async def test_strangers_sign_nothing(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    elsewhere = await make_plan_world(db)
    service = ReviewService(db)
    for stranger in (elsewhere.planner, elsewhere.manager):
        with pytest.raises(NotFound):
            await service.sign(stranger.principal, review.id, review.version)
    with pytest.raises(NotFound):
        await service.sign_own(elsewhere.person_user.principal, review.id, review.version)
    with pytest.raises(Forbidden):
        await service.sign(world.checker.principal, review.id, review.version)
    assert (review.signed_at, review.person_signed_at) == (None, None)


async def test_changes_from_a_day_start_a_version_of_the_plan_once(
    db: AsyncSession, world: PlanWorld, plan: Plan, review: Review, drain: Drain
) -> None:
    results = (Result(1, "To go out", Progress.PARTLY, "Every week but one"),)
    starts = date(2027, 4, 1)
    await hold(
        db,
        world,
        review,
        outcome=ReviewOutcome.CHANGE_PLAN,
        changes="Two mornings, not one",
        changes_from=starts,
        results=results,
    )
    assert await count(db, "plan_versions") == 1
    await sign_both(db, world, review)
    sent = await drain()
    assert ("review_settled", world.person_user.user.email) in sent
    _, version = await PlanRepository(db).locked(Scope((world.council.id,), None), plan.id)
    assert (version.number, version.status) == (2, PlanStatus.DRAFT)
    why = await db.scalar(text("SELECT why FROM steps WHERE subject_id = :id"), {"id": version.id})
    assert why == "A review agreed on changes from 1 April 2027"
    found = await ReviewRepository(db).results(review.id)
    assert [(row.position, row.progress, row.words) for row in found] == [(1, Progress.PARTLY, "Every week but one")]


async def test_a_review_that_would_cut_a_budget_is_refused_and_asks_for_an_assessment(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan, drain: Drain
) -> None:
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED, booked_on=MET)
    db.expunge_all()
    planner = await browser.signed_in(world.planner)
    path = f"/reviews/{review.id}"
    page = await planner.open(path)
    form = {
        "held_on-day": "2",
        "held_on-month": "3",
        "held_on-year": "2027",
        "working": "All",
        "not_working": "Nothing",
        "progress-1": "reached",
        "progress-2": "partly",
        "outcome": "change_plan",
        "changes": "Fewer hours",
        "changes_from-day": "1",
        "changes_from-month": "3",
        "changes_from-year": "2027",
        "lowers": "yes",
        "weekly_pence": "1",
        "version": page.field("version"),
    }
    refused = await planner.post(f"{path}/hold", form, expect=422)
    assert refused.errors() == {
        "lowers": NO_CUT,
        "changes_from": "The date the changes start must be the date you met or later",
    }
    assert await count(db, "outcome_results") == 0
    await planner.post(f"{path}/hold", {**form, "outcome": "reassess"})
    page = await planner.open(path)
    assert "Ask for a new assessment." in page.words
    await planner.post(f"{path}/sign", {"version": page.field("version")}, expect=422)
    await planner.post(f"{path}/sign", {"agrees": "yes", "version": page.field("version")})
    manager = await browser.signed_in(world.manager)
    page = await manager.open(path)
    await manager.post(f"{path}/sign-for-person", {"paper": "By hand", "version": page.field("version")})
    page = await manager.open(path)
    assert "Only a new assessment can change the budget" in page.words
    assert await count(db, "plan_versions") == 1
    assert await count(db, "budgets") == 0
    assert ("review_reassess", world.manager.user.email) in await drain()


async def test_a_support_that_ends_leaves_no_reviews_to_come(db: AsyncSession, world: PlanWorld, plan: Plan) -> None:
    later = await make_review(db, plan, IN_PLACE, ReviewKind.ANNUAL)
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED, booked_on=MET)
    await hold(db, world, review, outcome=ReviewOutcome.END, changes="She moves to her sister")
    assert later.status is ReviewStatus.DUE
    await sign_both(db, world, review)
    assert later.status is ReviewStatus.CANCELLED


async def test_a_signature_that_is_missing_does_not_make_the_next_review_forgotten(
    db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    review = await make_review(db, plan, IN_PLACE, ReviewKind.ANNUAL, ReviewStatus.BOOKED)
    await hold(db, world, review)
    await hold(db, world, review)
    assert await count(db, "reviews", "kind = 'annual' AND status = 'due'") == 1


def test_a_form_without_its_answers_names_each_of_them() -> None:
    with pytest.raises(InvalidInput) as refused:
        HoldForm.read({"outcome": "change_plan"}, {1: "To cook"}, {})
    assert set(refused.value.fields) == {
        "held_on",
        "working",
        "not_working",
        "progress-1",
        "changes",
        "changes_from",
        "lowers",
    }


async def test_who_may_not_hold_reviews_is_told_so(
    browser: Browser, db: AsyncSession, world: PlanWorld, review: Review
) -> None:
    broker = await make_member(db, Role.BROKER, await db.get_one(Council, world.council.id))
    db.expunge_all()
    for member in (world.checker, broker):
        one = await browser.signed_in(member)
        for verb in ("hold", "sign", "hand-on", "sign-for-person"):
            form = {"agrees": "yes", "version": str(review.version)}
            page = await one.post(f"/reviews/{review.id}/{verb}", form, expect=None)
            assert page.status == 403, verb
        page = await one.open(f"/reviews/{review.id}")
        assert "not signed yet" in page.words
        assert "Sign for the council" not in page.words
