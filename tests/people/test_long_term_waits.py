"""Where long-term support has to wait (B1, B2): one's own plan, a budget, a referral that was let through before."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.people.challenges import ChallengeService
from marketplace.people.models import BudgetStatus, Person, PersonStage
from tests.browser import Browser, count
from tests.factories import START, Member, make_budget, make_council, make_member, make_person_member
from tests.factories_brokerage import make_broker, make_case, make_planner
from tests.factories_budgets import SIXTY, fall_into_crisis, make_assessment
from tests.factories_care import again
from tests.factories_ras import make_ras_version


async def gated(db: AsyncSession) -> tuple[Person, Member, Member]:
    """A person with an account, and a social worker, of a council that works in three stages."""
    council = await make_council(db, contact_phone="01632 960100")
    await set_setting(db, None, council.id, "people.three_stages", True, starts_on=START)
    person, member = await make_person_member(db, council)
    return person, member, await make_member(db, Role.SOCIAL_WORKER, council)


async def reach_stage_3(db: AsyncSession, person: Person) -> None:
    db.add(PersonStage(council_id=person.council_id, person_id=person.id, stage=3, started_on=START))
    await db.flush()


async def test_an_own_plan_begins_once_the_stages_are_done(browser: Browser, db: AsyncSession) -> None:
    person, member, _ = await gated(db)
    mine = await browser.signed_in(member)
    page = await mine.open("/my-plan/write")
    assert "You cannot start yet" in page.words
    assert "01632 960100" in page.words
    assert "Start my plan" not in page.words
    assert {"/ask-for-help", "/profile", "/my-timeline"} <= set(page.links())
    refused = await mine.post("/my-plan/write/start", {}, expect=409)
    assert "Talk to your council first" in refused.words
    assert await count(db, "plans") + await count(db, "referrals") == 0
    await again(db, member)
    await db.refresh(person)
    await reach_stage_3(db, person)
    assert "You cannot start yet" not in (await mine.open("/my-plan/write")).words
    await mine.post("/my-plan/write/start", {})
    assert await count(db, "plans") == 1


async def test_in_a_crisis_an_own_plan_waits_in_any_council(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    person, member = await make_person_member(db, await make_council(db))
    worker = await make_member(db, Role.SOCIAL_WORKER, member.council)
    await fall_into_crisis(db, person, worker, clock)
    mine = await browser.signed_in(member)
    assert "First we help you to be safe" in (await mine.open("/my-plan/write")).words
    await mine.post("/my-plan/write/start", {}, expect=409)


async def test_an_assessment_gives_its_budget_once_the_stages_are_done(browser: Browser, db: AsyncSession) -> None:
    person, _, worker = await gated(db)
    version = await make_ras_version(db, worker.council)
    row = await make_assessment(db, person, is_complete=False, answers=SIXTY, ras_version_id=version.id)
    here, stages = f"/people/{person.id}/assessments/{row.id}", f"/people/{person.id}/stages"
    staff = await browser.signed_in(worker)
    page = await staff.open(here)
    assert "evidence of stage 1 and 2 is missing" in page.words
    assert stages in page.links()
    refused = await staff.post(f"{here}/complete", {"version": "1"}, expect=422)
    assert "evidence of stage 1 and 2 is missing" in refused.errors()["stages"]
    assert await count(db, "assessments", "status = 'draft'") == 1
    assert await count(db, "budgets") == 0
    await again(db, worker)
    await db.refresh(person)
    await reach_stage_3(db, person)
    await staff.post(f"{here}/complete", {"version": "1"})
    assert await count(db, "budgets") == 1


async def test_who_is_not_eligible_waits_for_no_stage(browser: Browser, db: AsyncSession) -> None:
    person, _, worker = await gated(db)
    version = await make_ras_version(db, worker.council)
    needs = ({"outcome": "hygiene", "words": "Washing.", "met_by": "informal", "is_eligible": False},)
    row = await make_assessment(
        db, person, is_complete=False, answers=SIXTY, ras_version_id=version.id, needs=needs, is_eligible=False
    )
    staff = await browser.signed_in(worker)
    await staff.post(f"/people/{person.id}/assessments/{row.id}/complete", {"version": "1"})
    assert await count(db, "assessments", "status = 'completed'") == 1


async def test_an_estimate_by_hand_waits_too_and_what_was_typed_is_kept(browser: Browser, db: AsyncSession) -> None:
    person, _, worker = await gated(db)
    here = f"/people/{person.id}/budgets"
    staff = await browser.signed_in(worker)
    assert f"/people/{person.id}/stages" in (await staff.open(here)).links()
    form = {"kind": "support", "weekly": "115.38", "route": "direct_payment", "reason": "Four visits a week."}
    refused = await staff.post(here, form, expect=422)
    assert "evidence of stage 1 and 2 is missing" in refused.errors()["weekly"]
    assert refused.field("weekly") == "115.38"
    # A carer's break and equipment belong to the first two stages.
    await staff.post(here, {**form, "kind": "carer", "weekly": "0", "one_off": "200"})
    assert await count(db, "budgets", "kind = 'carer'") == 1


async def test_a_referral_that_waits_for_a_planner_shows_a_later_crisis(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    here, stages = f"/referrals/{referral.id}", f"/people/{person.id}/stages"
    staff = await browser.signed_in(broker)
    assert "Who is best placed" in (await staff.open(here)).words
    await again(db, broker)
    await db.refresh(person)
    await fall_into_crisis(db, person, broker, clock)
    page = await staff.open(here)
    assert "The person is in a crisis" in page.words
    assert "There is no shortlist yet" in page.words
    assert stages in page.links()


@pytest.mark.parametrize(("status", "waits"), [(BudgetStatus.INDICATIVE, True), (BudgetStatus.FINAL, False)])
async def test_the_answer_to_a_challenge_leads_nobody_past_the_stages(
    browser: Browser, db: AsyncSession, status: BudgetStatus, waits: bool
) -> None:
    person, member, _ = await gated(db)
    manager = await make_member(db, Role.MANAGER, member.council)
    budget = await make_budget(db, person, status=status)
    challenge = await ChallengeService(db).ask(member.principal, budget.id, "Too little.")
    here, before = f"/budget-challenges/{challenge.id}", await count(db, "budgets")
    await db.flush()
    staff = await browser.signed_in(manager)
    form = {"answer": "You are right.", "outcome": "changed", "weekly": "400", "version": "1"}
    if not waits:
        await staff.post(here, form)  # It runs: what was let through once is put right.
        return
    refused = await staff.post(here, form, expect=422)
    assert "evidence of stage 1 and 2 is missing" in refused.errors()["weekly"]
    assert refused.field("weekly") == "400"
    assert await count(db, "budgets") == before
    assert await count(db, "budget_challenges", "status = 'open'") == 1
    await staff.post(here, {**form, "outcome": "upheld", "weekly": ""})
    assert await count(db, "budget_challenges", "status = 'upheld'") == 1
    assert await count(db, "person_stages") == 0
