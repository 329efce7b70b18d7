"""The pages on which somebody writes their own plan."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.plans import tasks_own  # noqa: F401 - its tasks listen
from marketplace.plans.schemas import CheckForm
from marketplace.plans.sections import KEYS, print_of
from marketplace.plans.service import PlanService
from marketplace.plans.service.own import OwnPlanService
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count
from tests.factories import make_person_member
from tests.factories_own_plans import make_own_plan, words
from tests.factories_plans import PlanWorld, make_accepted_offer, make_plan, make_plan_referral

HOSTILE = "<script>alert(1)</script> {{7*7}} ' OR 1=1 -- \u202e=cmd() O’Brien Nguyễn 🙂"
HERE = "/my-plan/write"


@pytest.fixture
async def me(browser: Browser, world: PlanWorld) -> Browser:
    return await browser.signed_in(world.person_user)


async def test_a_plan_is_started_and_shows_where_words_came_from(me: Browser, db: AsyncSession) -> None:
    page = await me.open(HERE)
    assert "Nobody at the council sees your plan until you share it" in page.words
    started = await me.post(f"{HERE}/start", {})
    assert started.location == HERE
    page = await me.open(HERE)
    assert "Filled in from your one page profile" in page.words
    assert "How I stay safe : Say what could go wrong" in page.words.replace(":", " :").replace("  ", " ")
    section = await me.open(f"{HERE}/about_me")
    assert "We filled this in from your one page profile" in section.words
    assert "My garden" in (section.field("words") or "")
    assert await count(db, "plans") == 1


async def test_every_section_has_a_page(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    for key in KEYS:
        await me.open(f"{HERE}/{key}")
    await me.open(f"{HERE}/nonsense", expect=404)


async def test_words_are_saved_and_shown_again(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    db.expunge_all()
    page = await me.open(f"{HERE}/week")
    saved = await me.post(f"{HERE}/week", {"words": HOSTILE, "seen": page.field("seen") or ""})
    assert saved.location.startswith(HERE)
    shown = await me.open(f"{HERE}/week")
    assert shown.field("words") == HOSTILE
    assert "<script>alert" not in shown.text
    overview = await me.open(HERE)
    assert "Last written by" in overview.words


async def test_outcomes_are_added_and_taken_out_with_buttons_that_save(
    me: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_own_plan(db, world)
    db.expunge_all()
    page = await me.open(f"{HERE}/outcomes")
    form = {"seen": page.field("seen") or "", "outcome-1": "Swim", "weekly-1": "12.50", "action": "add"}
    added = await me.post(f"{HERE}/outcomes", form)
    page = await me.open(added.location.partition("#")[0])
    assert page.field("outcome-1") == "Swim"
    assert page.field("outcome-2") == ""
    form = {"seen": page.field("seen") or "", "outcome-1": "Swim", "outcome-2": "Sing", "action": "remove-1"}
    await me.post(f"{HERE}/outcomes", form)
    assert (await db.scalars(text("SELECT outcome FROM plan_items"))).all() == ["Sing"]


async def test_wrong_input_keeps_what_was_typed(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    db.expunge_all()
    form = {"seen": print_of(""), "outcome-1": "Swim", "weekly-1": "lots"}
    page = await me.post(f"{HERE}/outcomes", form, expect=422)
    assert page.title.startswith("Error: ")
    assert page.field("outcome-1") == "Swim"
    # The page calls it "Number 1", and so does the message.
    assert page.errors() == {"weekly-1": "What number 1 costs a week must be an amount in pounds, like 75 or 75.50"}
    far = {**form, "weekly-1": "", "outcome-1": "a" * 2_001, "what-1": "a" * 4_001, "helped_by-1": "nobody"}
    said = (await me.post(f"{HERE}/outcomes", far, expect=422)).errors()
    assert set(said) == {"outcome-1", "what-1", "helped_by-1"}
    assert said["outcome-1"].startswith("What you want in number 1 must be")
    assert all("number 1" in words and "utcome" not in words for words in said.values())
    long = await me.post(f"{HERE}/week", {"seen": print_of(""), "words": "a" * 4_001}, expect=422)
    assert long.field("words") == "a" * 4_001
    assert await count(db, "plan_sections") == await count(db, "plan_items") == 0


async def test_two_people_in_one_section_are_both_told(
    browser: Browser, me: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _, _ = await make_own_plan(db, world)
    await OwnPlanService(db).write(world.representative.principal, plan.id, words("week", "Monday: swim"), print_of(""))
    db.expunge_all()
    page = await me.post(f"{HERE}/week", {"seen": print_of(""), "words": "Friday: club"}, expect=409)
    assert "Two people wrote here at the same time. Nothing is lost" in page.words
    assert "Rita Relative saved these words" in page.words
    assert "Monday: swim" in page.words
    assert page.field("words") == "Friday: club"
    form = {"seen": page.field("seen") or "", "words": "Friday: club", "clash": "yes"}
    refused = await me.post(f"{HERE}/week", form, expect=422)
    assert "keep" in refused.errors()
    await me.post(f"{HERE}/week", {**form, "keep": "both"})
    other = await browser.signed_in(world.representative)
    section = await other.open(f"{HERE}/week")
    assert section.field("words") == "Monday: swim\n\nFriday: club"
    assert "Two people wrote here at the same time" in section.words
    assert "Both texts are kept" in (await other.open(HERE)).words


async def test_the_plan_is_shared_after_reading_it_all(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world, is_full=True)
    db.expunge_all()
    page = await me.open(f"{HERE}/share")
    assert "My neighbour has a key" in page.words
    form = {"version": page.field("version") or ""}
    refused = await me.post(f"{HERE}/share", form, expect=422)
    assert "is_sure" in refused.errors()
    old = await me.post(f"{HERE}/share", {"version": "999", "is_sure": "yes"}, expect=409)
    assert "Your plan was not shared" in old.words
    await me.post(f"{HERE}/share", {**form, "is_sure": "yes"})
    assert (await db.scalars(text("SELECT status FROM plan_versions"))).all() == ["in_quality_check"]
    assert "The council reads your plan now" in (await me.open(HERE)).words
    late = await me.post(f"{HERE}/risks", {"seen": print_of("x"), "words": "My late words"}, expect=409)
    assert "My late words" in late.words


async def test_what_is_missing_is_listed_with_links(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    page = await me.open(f"{HERE}/share")
    assert "These are still missing" in page.words
    assert f"{HERE}/outcomes#outcome-1" in page.links()
    assert "You can share your plan when all of them are there" in page.words


async def test_the_council_sees_nothing_until_the_plan_is_shared(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version, _ = await make_own_plan(db, world, is_full=True)
    db.expunge_all()
    checker = await browser.signed_in(world.checker)
    assert "Written by the person" in (await checker.open("/plans?state=open")).words
    hidden = await checker.open(f"/plans/{plan.id}")
    assert "My neighbour has a key" not in hidden.words
    await OwnPlanService(db).share(world.person_user.principal, plan.id, version.version)
    db.expunge_all()
    for path in (f"/plans/{plan.id}", f"/plans/{plan.id}/check"):
        shown = await checker.open(path)
        assert "My neighbour has a key" in shown.words
        assert "The person" in shown.words


async def test_a_planner_is_asked_for_and_let_go(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    db.expunge_all()
    refused = await me.post(f"{HERE}/planner", {"wants": ""}, expect=422)
    assert "wants" in refused.errors()
    await me.post(f"{HERE}/planner", {"wants": "To get out more"})
    assert "You have asked for a planner" in (await me.open(HERE)).words
    await me.open(f"{HERE}/take-back")
    await me.post(f"{HERE}/take-back", {"why": "I can do it"})
    assert (await db.scalars(text("SELECT status FROM referrals"))).all() == ["self_planned"]


async def test_a_planners_draft_is_read_and_taken_back(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world)
    await make_accepted_offer(db, world, referral)
    await make_plan(db, world, referral=referral)
    db.expunge_all()
    page = await me.open(HERE)
    assert "Bo Planner" in page.words
    assert "I love my garden" in page.words
    assert "They can no longer read it" in (await me.open(f"{HERE}/take-back")).words
    await me.post(f"{HERE}/take-back", {"why": "I can do it"})
    assert "Nobody at the council sees your plan" in (await me.open(HERE)).words


async def test_an_own_plan_waits_for_its_answer_and_is_in_place(
    me: Browser, browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    _, version, _ = await make_own_plan(db, world, is_full=True, status=PlanStatus.AWAITING_AGREEMENT)
    version.submitted_at = version.checked_at = version.updated_at
    await db.flush()
    version_id, number = version.id, version.version
    db.expunge_all()
    page = await me.open("/my-plan")
    assert "You write your plan yourself" in page.words
    changed = await me.post(f"/my-plan/{version_id}/change", {"words": "I forgot the bus", "version": str(number)})
    assert changed.location == "/my-plan"
    assert "The parts of my plan" in (await me.open(HERE)).words


async def test_a_stranger_and_a_representative_without_the_plan_see_nothing(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_own_plan(db, world, is_full=True)
    _, stranger = await make_person_member(db, world.council)
    other = await browser.signed_in(stranger)
    assert "Start my plan" in (await other.open(HERE)).words
    await other.open(f"{HERE}/risks", expect=404)
    await other.post(f"{HERE}/risks", {"words": "x"}, expect=404)
    await other.post(f"{HERE}/share", {"is_sure": "yes"}, expect=404)


@pytest.mark.parametrize("how", ["scope", "session"])
async def test_a_representative_who_lost_access_while_writing_gets_their_words_back(
    browser: Browser, db: AsyncSession, world: PlanWorld, how: str
) -> None:
    await make_own_plan(db, world)
    db.expunge_all()
    other = await browser.signed_in(world.representative)
    page = await other.open(f"{HERE}/risks")
    if how == "scope":
        await db.execute(text("UPDATE representations SET scopes = ARRAY['book']"))
    else:
        await db.execute(text("DELETE FROM sessions"))
    form = {"words": "She may fall", "seen": page.field("seen") or ""}
    refused = await other.post(f"{HERE}/risks", form, expect=403)
    assert "You cannot write here now" in refused.words
    assert "She may fall" in refused.words
    assert await count(db, "plan_sections") == 0


async def test_prices_of_help_nearby_stand_beside_ones_own_plan(
    me: Browser, browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_own_plan(db, world, is_full=True)
    db.expunge_all()
    page = await me.open("/my-plan/offers/prices")
    assert "Swim on Mondays" in page.words
    await me.open("/my-plan/offers/outcomes/1/offers")
    await me.open("/my-plan/offers/outcomes/9/offers", expect=404)
    await me.post("/my-plan/offers/outcomes/9/offers", {"listing": "x"}, expect=404)
    refused = await me.post("/my-plan/offers/outcomes/1/offers", {"listing": "x"}, expect=422)
    assert "Choose an offer" in refused.words


async def test_the_person_is_told_where_a_planner_would_be(
    db: AsyncSession, world: PlanWorld, drain: Callable[[], Awaitable[list[tuple[str, str]]]]
) -> None:
    me, plans = world.person_user, PlanService(db)
    plan, version, _ = await make_own_plan(db, world, is_full=True)
    await OwnPlanService(db).share(me.principal, plan.id, version.version)
    await plans.check(world.checker.principal, plan.id, CheckForm(False, {}, "Say more", version.version))
    told = await drain()
    assert ("plan_submitted", world.checker.user.email) in told
    assert ("own_plan_returned", me.user.email) in told
    await db.refresh(version)
    await OwnPlanService(db).share(me.principal, plan.id, version.version)
    yes = dict.fromkeys(await plans.criteria(world.council.id), "yes")
    await plans.check(world.checker.principal, plan.id, CheckForm(True, yes, "", version.version))
    await plans.agree(me.principal, version.id, version.version)
    await plans.sign_off(world.social_worker.principal, plan.id, version.version)
    told = await drain()
    assert ("plan_signed_off", me.user.email) in told
    assert not [one for one in told if one[0] == "plan_signed_off_planner"]


async def test_a_planner_hears_that_the_plan_was_taken_back(
    db: AsyncSession, world: PlanWorld, drain: Callable[[], Awaitable[list[tuple[str, str]]]]
) -> None:
    referral = await make_plan_referral(db, world)
    await make_accepted_offer(db, world, referral)
    plan, _ = await make_plan(db, world, referral=referral)
    await OwnPlanService(db).take_back(world.person_user.principal, plan.id, "I can do it")
    assert ("plan_taken_back", world.planner.user.email) in await drain()


async def test_what_is_missing_follows_what_is_typed(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world, indicative_weekly_pence=10_000)
    page = await me.open(f"{HERE}/outcomes")
    assert "What is still missing" in page.words
    assert "4 things, then you can share your plan" in page.words
    assert f"{HERE}/risks#words" in page.text
    assert 'href="#outcome-1"' in page.text
    typed = {"outcome-1": "Swim", "what-1": "A lift", "helped_by-1": "pa", "weekly-1": "130"}
    list_now = await me.post(f"{HERE}/outcomes/checklist", typed, expect=200)
    assert "That is £30.00 a week more than the budget" in list_now.text
    assert f"{HERE}/money#why_over" in list_now.text
    assert "Add at least one thing" not in list_now.text
    assert await count(db, "plan_items") == 0
    await me.post(f"{HERE}/nonsense/checklist", {}, expect=404)


async def test_a_part_is_saved_on_the_way_to_the_next(me: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    page = await me.open(f"{HERE}/about_me")
    form = {"words": "I am Ada", "seen": page.field("seen") or "", "action": "next"}
    assert (await me.post(f"{HERE}/about_me", form)).location == f"{HERE}/people"
    last = await me.open(f"{HERE}/review")
    assert "Save and go to the next part" not in last.words


async def test_a_planners_plan_in_place_is_taken_over_and_the_planner_told(
    me: Browser, db: AsyncSession, world: PlanWorld, drain: Callable[[], Awaitable[list[tuple[str, str]]]]
) -> None:
    referral = await make_plan_referral(db, world, planned_at=clock_of(db).now())
    await make_accepted_offer(db, world, referral)
    await make_plan(db, world, PlanStatus.SIGNED_OFF, referral=referral)
    referral_id, planner_address = referral.id, world.planner.user.email
    await db.flush()
    db.expunge_all()
    page = await me.open(HERE)
    assert "Write the next version myself" in page.words
    asked = await me.open(f"{HERE}/change")
    assert "They can no longer read your plan" in asked.words
    wrong = await me.post(f"{HERE}/change", {"why": ""}, expect=422)
    assert wrong.errors()
    assert (await me.post(f"{HERE}/change", {"why": "I can do it now"})).location == HERE
    page = await me.open(HERE)
    assert "The parts of my plan" in page.words
    assert "I am Ada" in ((await me.open(f"{HERE}/about_me")).field("words") or "")
    assert ("plan_taken_back", planner_address) in await drain()
    mine = await me.open("/my-plan")
    assert "In place" in mine.words
    planner = await me.signed_in(world.planner)
    await planner.open(f"/plans/for-referral/{referral_id}", expect=404)
