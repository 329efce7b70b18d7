"""The case timeline: one line from contact to review, who is next, for the person and for staff."""

from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role, Scope
from marketplace.core.clock import FixedClock
from marketplace.matching.states import ReferralStatus
from marketplace.people.models import (
    Assessment,
    AssessmentKind,
    BudgetStatus,
    ContactAsker,
    ContactChannel,
    ContactOutcome,
    FrontDoorContact,
    PersonStage,
)
from marketplace.people.states import AssessmentStatus
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count
from tests.factories import make_budget, make_council, make_member, make_person, make_person_member
from tests.factories_plans import (
    PlanWorld,
    make_accepted_offer,
    make_plan,
    make_plan_referral,
    make_plan_world,
)


async def make_history(db: AsyncSession, clock: FixedClock) -> PlanWorld:
    """A person from the first contact to a plan that waits for them."""
    world = await make_plan_world(db)
    now = clock.now()
    db.add(
        FrontDoorContact(
            council_id=world.council.id,
            person_id=world.person.id,
            channel=ContactChannel.PHONE,
            asked_by=ContactAsker.SELF,
            topic="older",
            outcome=ContactOutcome.PASSED_ON,
            passed_to="Assessment team",
            taken_at=now - timedelta(days=60),
        )
    )
    db.add(
        PersonStage(
            council_id=world.council.id, person_id=world.person.id, stage=1, started_on=date(2027, 1, 10), ended_on=None
        )
    )
    db.add(
        Assessment(
            council_id=world.council.id,
            person_id=world.person.id,
            kind=AssessmentKind.ADULT,
            status=AssessmentStatus.COMPLETED,
            is_eligible=True,
            held_on=date(2027, 2, 1),
            completed_at=now - timedelta(days=30),
            created_at=now - timedelta(days=31),
        )
    )
    await make_budget(
        db,
        world.person,
        status=BudgetStatus.INDICATIVE,
        weekly_pence=11_538,
        created_at=now - timedelta(days=29),
    )
    referral = await make_plan_referral(db, world, received_at=now - timedelta(days=28), due_on=date(2027, 3, 1))
    await make_accepted_offer(
        db, world, referral, offered_at=now - timedelta(days=27), answered_at=now - timedelta(days=26)
    )
    await make_plan(db, world, PlanStatus.AWAITING_AGREEMENT, referral=referral)
    return world


async def test_the_person_sees_each_step_with_its_date_and_who_is_next(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    world = await make_history(db, clock)
    mine, staff = await browser.signed_in(world.person_user), await browser.signed_in(world.social_worker)
    record, whose = f"/people/{world.person.id}", f"person_id = '{world.person.id}'"
    page = await mine.open("/my-timeline")
    order = [
        "A planner said yes",
        "The council asked for a plan with you",
        "First idea of the budget",
        "£115.38 a week",
        "Assessment done",
        "Stage 1: promoting independence",
        "You asked the council for help",
        "Passed on to Assessment team",
    ]
    places = [page.words.index(words) for words in order]
    assert places == sorted(places)
    assert "Offered to a planner" not in page.words
    assert "Read the plan and say if it is rightYou1 March 2027 Late" in page.words
    assert await count(db, "record_views", whose) == 0
    assert f"{record}/timeline" in (await staff.open(record)).links()
    theirs = await staff.open(f"{record}/timeline")
    assert "Offered to a planner" in theirs.words
    assert "Contact at the front door" in theirs.words
    assert await count(db, "record_views", f"{whose} AND what = 'timeline'") == 1


async def test_who_is_next_follows_the_state_of_the_case(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    world = await make_plan_world(db, council)
    mine = await browser.signed_in(member)
    council_id, person_id = council.id, person.id
    assert "Nothing yet" in (await mine.open("/my-timeline")).words
    contact = FrontDoorContact(
        council_id=council_id,
        person_id=person_id,
        channel=ContactChannel.ONLINE,
        asked_by=ContactAsker.SELF,
        topic="older",
        outcome=ContactOutcome.PASSED_ON,
        passed_to="Front door",
        taken_at=clock.now(),
    )
    db.add(contact)
    assert "Call backFront doorNo date yet" in (await mine.open("/my-timeline")).words
    await db.refresh(world.council)
    for row in (world.person, world.social_worker.user):
        await db.refresh(row)
    referral = await make_plan_referral(db, world, person_id=person_id, status=ReferralStatus.SELF_PLANNED)
    assert "Write the planYou31 March 2027" in (await mine.open("/my-timeline")).words
    await db.refresh(referral)
    referral.status = ReferralStatus.RECEIVED
    await db.flush()
    assert "Find a plannerThe council31 March 2027" in (await mine.open("/my-timeline")).words


async def test_only_whom_the_person_gave_their_plan_and_the_own_council_see_it(
    browser: Browser, db: AsyncSession
) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    given = {"person_id": person.id, "acting_for_name": "Ada"}
    planner = await browser.signed_in(await make_member(db, Role.REPRESENTATIVE, council, scopes=[Scope.PLAN], **given))
    talker = await browser.signed_in(await make_member(db, Role.REPRESENTATIVE, council, scopes=[Scope.TALK], **given))
    stranger = await browser.signed_in(await make_member(db, Role.MANAGER, await make_council(db)))
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, council))
    path, whose = f"/people/{person.id}/timeline", f"person_id = '{person.id}'"
    assert (await planner.open("/my-timeline")).heading == "Timeline of Ada Example"
    assert await count(db, "record_views", f"{whose} AND role = 'representative'") == 1
    await talker.open("/my-timeline", expect=403)
    await stranger.open(path, expect=404)
    await finance.open(path, expect=403)
    await stranger.open("/people/rubbish/timeline", expect=404)


async def test_nothing_is_next_for_somebody_who_has_died(browser: Browser, db: AsyncSession) -> None:
    world = await make_plan_world(db)
    await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    world.person.died_on = date(2027, 3, 1)
    path = f"/people/{world.person.id}/timeline"
    staff = await browser.signed_in(world.social_worker)
    words = (await staff.open(path)).words
    assert "died on 1 March 2027" in words
    assert "Sign the plan off" not in words
