"""A provider asks for a review; what a changed plan costs stands against the plan before it."""

from collections.abc import Awaitable, Callable
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.plans.costs import VersionCost, change_of
from marketplace.plans.models import Plan, ReviewOutcome
from marketplace.plans.states import PlanStatus, ReviewStatus
from tests.browser import Browser, count
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene
from tests.factories_faces import make_share, make_support
from tests.factories_plans import PlanWorld, make_plan, make_review, make_version

Drain = Callable[[], Awaitable[list[tuple[str, str]]]]
REASON = "She falls at night now."


def cost(number: int, status: PlanStatus, pence: int) -> VersionCost:
    return VersionCost(number, status, None, pence)


def test_a_version_is_compared_with_the_one_that_was_in_place_before() -> None:
    versions = [
        cost(1, PlanStatus.SUPERSEDED, 4_200),
        cost(2, PlanStatus.SIGNED_OFF, 5_200),
        cost(3, PlanStatus.DRAFT, 5_200),
    ]
    assert change_of(versions, 1) is None
    second, third = change_of(versions, 2), change_of(versions, 3)
    assert second is not None
    assert second.words == "£52.00 a week, £10.00 more than version 1 (£42.00)"
    assert third is not None
    assert third.words == "£52.00 a week, the same as version 2"
    assert change_of(versions[1:2], 2) is None


async def test_an_organisation_with_a_share_asks_for_a_review_and_who_holds_it_is_told(
    browser: Browser, db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    email = world.planner.user.email
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation)
    _, stranger = await make_support(db, world, name="Other Hands")
    member = await browser.signed_in(provider)
    path = f"/shared-plans/{share.id}"
    assert f"{path}/ask-review" in (await member.open(path)).links()
    await member.open(f"{path}/ask-review")
    page = await member.post(f"{path}/ask-review", {"reason": ""}, expect=422)
    assert "reason" in page.errors()
    await member.post(f"{path}/ask-review", {"reason": REASON}, expect=303)
    assert await count(db, "reviews", "asked_by = 'provider' AND kind = 'unscheduled'") == 1
    assert ("review_asked", email) in await drain()
    # Asking again adds none, and a stranger finds nothing.
    await member.post(f"{path}/ask-review", {"reason": REASON}, expect=409)
    other_member = await browser.signed_in(stranger)
    await other_member.open(f"{path}/ask-review", expect=404)
    await other_member.post(f"{path}/ask-review", {"reason": REASON}, expect=404)
    assert await count(db, "reviews", "asked_by = 'provider'") == 1


async def test_a_provider_with_an_agreement_may_ask_and_without_a_plan_there_is_nothing_to_review(
    browser: Browser, db: AsyncSession
) -> None:
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    agreement_id = made.agreement.id
    other = await make_scene(db)
    db.expunge_all()
    provider = await browser.signed_in(scene.provider)
    path = f"/provider/clients/{agreement_id}"
    assert f"{path}/ask-review" in (await provider.open(path)).links()
    await provider.open(f"{path}/ask-review")
    assert "reason" in (await provider.post(f"{path}/ask-review", {"reason": ""}, expect=422)).errors()
    await provider.post(f"{path}/ask-review", {"reason": REASON}, expect=409)
    await (await browser.signed_in(other.provider)).post(f"{path}/ask-review", {"reason": REASON}, expect=404)


async def settled_review(db: AsyncSession, world: PlanWorld, plan: Plan) -> str:
    """A review that both signed and that changes the plan. Returns its id."""
    review = await make_review(
        db,
        plan,
        date(2027, 1, 6),
        status=ReviewStatus.SIGNED,
        booked_on=date(2027, 3, 2),
        held_on=date(2027, 3, 2),
        outcome=ReviewOutcome.CHANGE_PLAN,
        changes="More walks",
        changes_from=date(2027, 3, 20),
    )
    return str(review.id)


async def test_while_the_new_version_is_written_nobody_reads_its_cost(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    review_id = await settled_review(db, world, plan)
    await make_version(db, world, plan, 2, PlanStatus.DRAFT)
    manager = await browser.signed_in(world.manager)
    assert "shown here when it has been submitted" in (await manager.open(f"/reviews/{review_id}")).words


async def test_the_review_and_the_sign_off_say_what_the_new_version_costs_against_the_one_before(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    review_id, plan_id = await settled_review(db, world, plan), plan.id
    await make_version(db, world, plan, 2, PlanStatus.AWAITING_SIGN_OFF)
    db.expunge_all()
    manager = await browser.signed_in(world.manager)
    assert "the same as version 1" in (await manager.open(f"/reviews/{review_id}")).words
    assert "the same as version 1" in (await manager.open(f"/plans/{plan_id}/sign-off")).words
    person = await browser.signed_in(world.person_user)
    assert "the same as version 1" in (await person.open(f"/my-reviews/{review_id}")).words
