"""The pages of a plan: its planner's form, the check, the person's face, the sign-off."""

from datetime import date
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Role
from marketplace.accounts.permissions import GRANTS
from marketplace.plans.content import PlanContent
from marketplace.plans.models import Plan, PlanVersion
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count, events
from tests.factories import make_member, make_worker
from tests.factories_plans import (
    PlanWorld,
    full_content,
    make_accepted_offer,
    make_plan,
    make_plan_referral,
    make_plan_world,
    make_planner,
    make_version,
    plan_form,
)

HOSTILE = "<script>alert(1)</script> {{7*7}} ' OR 1=1 -- \u202e=cmd() O’Brien Nguyễn 🙂"


async def prepared(
    db: AsyncSession, world: PlanWorld, status: PlanStatus = PlanStatus.DRAFT, **given: Any
) -> tuple[Plan, PlanVersion]:
    """A plan whose rows the test may read after the browser has emptied the session."""
    plan, version = await make_plan(db, world, status, **given)
    db.expunge_all()
    return plan, version


async def saved(db: AsyncSession, columns: str = "about_me") -> Any:
    return (await db.execute(text(f"SELECT {columns} FROM plan_versions ORDER BY number DESC"))).first()


@pytest.fixture
async def planner(browser: Browser, world: PlanWorld) -> Browser:
    return await browser.signed_in(world.planner)


async def test_a_planner_finds_their_plans_by_state_with_due_dates(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    late = await make_plan_referral(db, world, due_on=date(2027, 3, 1))
    await make_plan(db, world, referral=late)
    await make_plan(db, world, PlanStatus.RETURNED)
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    mine = await browser.signed_in(world.planner)
    page = await mine.open("/plans")
    assert "All open plans (2)" in page.words
    assert "Draft (1)" in page.words
    assert "Signed off (1)" in page.words
    assert "Late due 2 days ago" in page.words
    assert len([link for link in page.links() if link.startswith("/plans/")]) == 2
    signed = await mine.open("/plans?state=signed_off")
    assert len([link for link in signed.links() if link.startswith("/plans/")]) == 1
    await mine.open("/plans?state=nonsense", expect=400)
    await mine.open("/plans?after=nonsense", expect=400)


async def test_a_long_list_is_paged_by_key(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    for _ in range(27):
        await make_plan(db, world)
    mine = await browser.signed_in(world.planner)
    first = await mine.open("/plans")
    second = await mine.open(first.link("after="))
    plans = [link for page in (first, second) for link in page.links() if link.startswith("/plans/")]
    assert len(plans) == len(set(plans)) == 27
    assert not [link for link in second.links() if "after=" in link]


async def test_lists_without_rows_say_what_to_do(browser: Browser, world: PlanWorld) -> None:
    readers = [await browser.signed_in(member) for member in (world.planner, world.checker, world.social_worker)]
    for reader in readers:
        assert "No plans here" in (await reader.open("/plans")).words


async def test_the_form_starts_from_the_one_page_profile_and_says_so(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    referral = await make_plan_referral(db, world)
    await make_accepted_offer(db, world, referral)
    page = await planner.get(f"/plans/for-referral/{referral.id}", expect=303)
    form = await planner.open(page.location)
    assert "My garden" in (form.field("about_me") or "")
    assert "From the one page profile" in form.words
    assert "To get back to the allotment" in form.words
    assert "Add at least one outcome" in form.words
    assert "Indicative budget £115.38 a week" in form.words


async def test_a_draft_is_saved_incomplete_and_shown_again(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world, content=PlanContent())
    form = {"version": str(version.version), "action": "save", "about_me": HOSTILE, "outcome-3": "Swim"}
    page = await planner.post(f"/plans/{plan.id}", form)
    shown = await planner.open(page.location)
    assert shown.field("about_me") == HOSTILE
    assert (shown.field("outcome-1"), shown.field("outcome-2")) == ("Swim", None)
    assert "<script>alert" not in shown.text
    assert "Draft saved" in shown.words
    assert await events(db) == []


async def test_outcomes_are_added_and_removed_by_buttons_that_save(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world)
    page = await planner.post(f"/plans/{plan.id}", plan_form(full_content(), version.version, action="add"))
    assert page.location == f"/plans/{plan.id}?rows=3#item-3"
    shown = await planner.open(page.location.partition("#")[0])
    assert shown.field("outcome-3") == ""
    assert shown.field("outcome-2") == "Be washed and dressed"
    form = plan_form(full_content(), int(shown.field("version") or 0), action="remove-1")
    again = await planner.open((await planner.post(f"/plans/{plan.id}", form)).location)
    assert again.field("outcome-1") == "Be washed and dressed"
    assert again.field("outcome-2") is None
    await planner.open(f"/plans/{plan.id}?rows=21", expect=400)


async def test_twenty_outcomes_fit_and_the_button_is_gone(planner: Browser, db: AsyncSession, world: PlanWorld) -> None:
    items = tuple(
        msgspec.structs.replace(full_content().items[1], row=row, outcome=f"Outcome {row}") for row in range(1, 21)
    )
    plan, version = await prepared(db, world, content=full_content(items=items))
    page = await planner.open(f"/plans/{plan.id}")
    assert page.field("outcome-20") == "Outcome 20"
    assert "up to 20 outcomes" in page.words
    form = plan_form(full_content(items=items), version.version, action="add")
    assert (await planner.post(f"/plans/{plan.id}", form)).location == f"/plans/{plan.id}"
    assert await count(db, "plan_items") == 20


async def test_a_refused_submission_keeps_what_was_typed_and_leads_to_each_field(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world)
    form = plan_form(full_content(risks="", about_me="New words"), version.version, action="submit")
    form["weekly-2"] = "120.00"
    page = await planner.post(f"/plans/{plan.id}", form, expect=422)
    assert set(page.errors()) == {"risks", "why_over"}
    assert page.field("about_me") == "New words"
    assert "That is £4.62 a week more than the budget." in page.words
    assert (await saved(db)).about_me == full_content().about_me
    assert await events(db) == []
    assert await count(db, "idempotency_keys") == 0


async def test_a_hard_limit_is_refused_on_a_draft_too(planner: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await prepared(db, world)
    form = plan_form(full_content(), version.version, **{"weekly-1": "a lot", "risks": "x" * 4_001})
    page = await planner.post(f"/plans/{plan.id}", form, expect=422)
    assert page.errors() == {
        "weekly-1": "The weekly cost of outcome 1 must be an amount in pounds, like 75 or 75.50",
        "risks": "The risks must be 4,000 characters or fewer",
    }
    assert page.field("weekly-1") == "a lot"


async def test_a_double_click_submits_once(planner: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await prepared(db, world)
    form = plan_form(full_content(), version.version, action="submit", form_id=uuid4().hex)
    first = await planner.post(f"/plans/{plan.id}", form)
    second = await planner.post(f"/plans/{plan.id}", form)
    assert first.location == second.location
    assert await events(db) == ["PlanSubmitted", "PlanSubmittedForCheck"]
    assert await count(db, "steps", "to_status = 'in_quality_check'") == 1


async def test_a_plan_saved_in_another_window_loses_nothing(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world)
    await planner.post(f"/plans/{plan.id}", plan_form(full_content(risks="First window"), version.version))
    mine = plan_form(full_content(risks="Second window"), version.version)
    page = await planner.post(f"/plans/{plan.id}", mine, expect=409)
    page.check()
    assert page.field("risks") == "Second window"
    assert "First window" in page.words
    assert (await saved(db, "risks")).risks == "First window"
    again = plan_form(full_content(risks="Second window"), int(page.field("version") or 0))
    await planner.post(f"/plans/{plan.id}", again)
    assert (await saved(db, "risks")).risks == "Second window"


async def test_the_back_button_and_new_words_lose_nothing(planner: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await prepared(db, world)
    one_time = uuid4().hex
    await planner.post(f"/plans/{plan.id}", plan_form(full_content(), version.version, form_id=one_time))
    form = plan_form(full_content(risks="After going back"), version.version, form_id=one_time)
    page = await planner.post(f"/plans/{plan.id}", form, expect=409)
    assert page.field("risks") == "After going back"


async def test_typing_on_after_submitting_is_refused_and_shown_to_copy(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world, PlanStatus.IN_QUALITY_CHECK)
    form = plan_form(full_content(risks="Typed too late"), version.version)
    page = await planner.post(f"/plans/{plan.id}", form, expect=409)
    page.check()
    assert "Typed too late" in page.words
    assert (await saved(db, "risks")).risks == full_content().risks
    shown = await planner.open(f"/plans/{plan.id}")
    assert shown.field("risks") is None
    assert "In quality check" in shown.words


async def test_the_live_checklist_answers_what_is_typed_and_saves_nothing(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world)
    form = plan_form(full_content(information_given=""), version.version)
    form["weekly-2"] = "115.38"
    page = await planner.post(f"/plans/{plan.id}/checklist", form, expect=200)
    assert "Write what information and advice you gave" in page.text
    assert "That is exactly the budget." in page.text
    assert "Personal assistants" in page.text
    assert await count(db, "audit_entries", "action LIKE 'plans.%'") == 0


async def test_a_returned_plan_shows_the_comments_above_the_form(
    planner: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await prepared(db, world, PlanStatus.RETURNED, comments="Say more on risks")
    page = await planner.open(f"/plans/{plan.id}")
    assert "Say more on risks" in page.words
    assert page.field("about_me") == full_content().about_me


async def test_the_whole_life_of_a_plan_from_page_to_page(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await prepared(db, world)
    planner, checker = await browser.signed_in(world.planner), await browser.signed_in(world.checker)
    person, signer = await browser.signed_in(world.person_user), await browser.signed_in(world.social_worker)
    await planner.post(f"/plans/{plan.id}", plan_form(full_content(), version.version, action="submit"))
    queue = await checker.open("/plans")
    assert "In quality check (1)" in queue.words
    read = await checker.open(queue.link(str(plan.id)))
    check = await checker.open(read.link("/check$"))
    assert "Mix of support" in check.words
    answers = {f"criterion-{n}": "yes" for n in range(1, 6)}
    form = {"version": check.field("version"), "decision": "pass", "comments": "", **answers}
    assert "/plans?" in (await checker.post(f"/plans/{plan.id}/check", form)).location
    mine = await person.open("/my-plan")
    assert "waits for your answer" in mine.words
    agreed = {"version": mine.field("version"), "has_read": "yes"}
    await person.post(f"/my-plan/{version.id}/agree", agreed)
    assert "You agreed to this plan on 3 March 2027" in (await person.open("/my-plan")).words
    sign = await signer.open(f"/plans/{plan.id}/sign-off")
    assert "Needs found Physical disability, Older people" in sign.words
    assert "£80.00 a week" in sign.words
    assert "That leaves £35.38 a week." in sign.words
    done = await signer.post(f"/plans/{plan.id}/sign-off", {"version": sign.field("version"), "decision": "sign_off"})
    shown = await signer.open(done.location)
    assert "Signed off" in shown.words
    assert "First review (welfare check), due 28 April 2027" in shown.words
    assert await events(db) == [
        "PlanSubmitted",
        "PlanSubmittedForCheck",
        "PlanReadyToAgree",
        "BudgetSet",
        "PlanInPlace",
        "PlanSignedOff",
    ]
    face = await person.open("/my-plan")
    assert "In place Signed off on 3 March 2027" in face.words
    assert "First review (welfare check): by 28 April 2027" in face.words
    assert "Sol Worker" in face.words
    changed = await planner.open(f"/plans/{plan.id}")
    assert changed.field("why") == ""
    refused = await planner.post(f"/plans/{plan.id}/versions", {"why": ""}, expect=422)
    assert refused.errors() == {"why": "Enter why the plan should change"}
    await planner.post(f"/plans/{plan.id}/versions", {"why": "Moved house"})
    assert (await planner.open(f"/plans/{plan.id}")).field("about_me") == full_content().about_me
    # While the planner writes, the others keep reading the version that is in place.
    assert "Signed off" in (await signer.open(f"/plans/{plan.id}")).words
    assert "working on a new version" in (await person.open("/my-plan")).words


async def test_a_check_needs_every_answer_to_pass_and_comments_to_return(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world, PlanStatus.IN_QUALITY_CHECK)
    checker = await browser.signed_in(world.checker)
    path, seen = f"/plans/{plan.id}/check", {"version": str(version.version)}
    page = await checker.post(path, {**seen, "criterion-1": "no", "decision": "pass"}, expect=422)
    assert page.errors()["criterion-1"].startswith("You answered no here")
    assert len(page.errors()) == 5
    assert page.field("criterion-1") == "no"
    page = await checker.post(path, {**seen, "decision": "return"}, expect=422)
    assert page.errors() == {"comments": "Enter what the planner should change"}
    page = await checker.post(path, {**seen, "comments": HOSTILE}, expect=422)
    assert page.errors() == {"decision": "Select what happens next"}
    assert page.field("comments") == HOSTILE
    assert await events(db) == []
    await checker.post(path, {**seen, "decision": "return", "comments": HOSTILE})
    assert await events(db) == ["PlanReturned"]
    await checker.open(path, expect=409)


async def test_who_submitted_is_told_that_somebody_else_must_check(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await make_plan(db, world, PlanStatus.IN_QUALITY_CHECK)
    version.submitted_by_user_id = world.manager.user.id
    await db.flush()
    db.expunge_all()
    manager = await browser.signed_in(world.manager)
    assert "another quality checker" in (await manager.open(f"/plans/{plan.id}")).words
    page = await manager.open(f"/plans/{plan.id}/check", expect=403)
    assert page.title.startswith("Somebody else must check this plan")


async def test_the_person_must_have_read_the_plan_or_say_what_to_change(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    _, version = await prepared(db, world, PlanStatus.AWAITING_AGREEMENT)
    person = await browser.signed_in(world.representative)
    page = await person.post(f"/my-plan/{version.id}/agree", {"version": str(version.version)}, expect=422)
    assert set(page.errors()) == {"has_read"}
    page = await person.post(f"/my-plan/{version.id}/change", {"version": str(version.version)}, expect=422)
    assert page.errors() == {"words": "Enter what you would like to change"}
    form = {"version": str(version.version), "words": HOSTILE, "form_id": uuid4().hex}
    await person.post(f"/my-plan/{version.id}/change", form)
    await person.post(f"/my-plan/{version.id}/change", form)
    assert await events(db) == ["PlanReturned"]
    assert "Your planner is working on your plan" in (await person.open("/my-plan")).words
    assert (await saved(db, "comments")).comments == HOSTILE


async def test_a_person_without_a_plan_is_told_how_one_comes(browser: Browser, world: PlanWorld) -> None:
    page = await (await browser.signed_in(world.person_user)).open("/my-plan")
    assert "There is no plan yet" in page.words


async def test_sending_back_at_sign_off_needs_a_reason(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await prepared(db, world, PlanStatus.AWAITING_SIGN_OFF)
    manager = await browser.signed_in(world.manager)
    path, seen = f"/plans/{plan.id}/sign-off", {"version": str(version.version)}
    page = await manager.post(path, seen, expect=422)
    assert page.errors() == {"decision": "Select whether you sign the plan off"}
    page = await manager.post(path, {**seen, "decision": "return"}, expect=422)
    assert page.errors() == {"why": "Enter why you send the plan back"}
    await manager.post(path, {**seen, "decision": "return", "why": "Too dear"})
    assert await events(db) == ["PlanReturned"]
    await manager.post(path, {**seen, "decision": "sign_off"}, expect=409)
    await manager.open(path, expect=409)
    assert await count(db, "reviews") == 0


async def test_a_first_draft_stays_with_its_planner(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await prepared(db, world)
    page = await (await browser.signed_in(world.manager)).open(f"/plans/{plan.id}")
    assert "still writing this plan" in page.words
    assert full_content().about_me not in page.words
    page = await (await browser.signed_in(world.person_user)).open("/my-plan")
    assert full_content().about_me not in page.words


async def test_a_newer_version_in_the_making_never_hides_the_signed_one(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_version(db, world, plan, 2, PlanStatus.DRAFT, full_content(about_me="Not for others yet"))
    db.expunge_all()
    for member in (world.manager, world.checker, world.social_worker):
        page = await (await browser.signed_in(member)).open(f"/plans/{plan.id}")
        assert full_content().about_me in page.words
        assert "Not for others yet" not in page.words


GET_PATHS = {
    "/plans": Permission.PLANS_READ,
    "/plans/{plan}": Permission.PLANS_READ,
    "/plans/for-referral/{referral}": Permission.PLANS_READ,
    "/my-plan": Permission.PLANS_AGREE,
    "/my-reviews": Permission.PLANS_AGREE,
    "/reviews": Permission.REVIEWS_READ,
    "/reviews/calendar": Permission.REVIEWS_READ,
}
POST_PATHS = {
    "/plans/{plan}": Permission.PLANS_WRITE,
    "/plans/{plan}/checklist": Permission.PLANS_WRITE,
    "/plans/{plan}/versions": Permission.PLANS_WRITE,
    "/plans/{plan}/check": Permission.PLANS_CHECK,
    "/plans/{plan}/sign-off": Permission.PLANS_SIGN_OFF,
    "/my-plan/{version}/agree": Permission.PLANS_AGREE,
    "/my-plan/{version}/change": Permission.PLANS_AGREE,
    "/my-reviews/ask": Permission.PLANS_AGREE,
    "/my-reviews/{plan}/notes": Permission.PLANS_AGREE,
    "/my-reviews/{plan}/sign": Permission.PLANS_AGREE,
    "/reviews/{plan}/book": Permission.REVIEWS_READ,
    "/reviews/{plan}/hold": Permission.REVIEWS_READ,
    "/reviews/{plan}/sign": Permission.REVIEWS_READ,
    "/reviews/{plan}/notes": Permission.REVIEWS_READ,
    "/reviews/{plan}/hand-on": Permission.REVIEWS_HOLD,
    "/reviews/{plan}/sign-for-person": Permission.REVIEWS_HOLD,
    "/plans/{plan}/ask-review": Permission.REVIEWS_READ,
}


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_opens_its_own_pages_and_no_other(
    browser: Browser, db: AsyncSession, world: PlanWorld, role: Role
) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_AGREEMENT)
    member = await make_member(
        db, role, world.council, person_id=world.person.id, worker_id=world.worker.id, organisation_id=None
    )
    db.expunge_all()
    places = {"plan": plan.id, "version": version.id, "referral": plan.referral_id}
    one = await browser.signed_in(member)
    for path, wanted in GET_PATHS.items():
        page = await one.get(path.format(**places), expect=None)
        assert page.status == ((303 if "referral" in path else 200) if wanted in GRANTS[role] else 403), path
    for path, permission in POST_PATHS.items():
        if permission not in GRANTS[role]:
            await one.post(path.format(**places), {}, expect=403)
    assert await events(db) == []


async def test_every_page_of_a_plan_is_absent_for_strangers(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_AGREEMENT)
    elsewhere = await make_plan_world(db)
    colleague = await make_planner(db, world.council, await make_worker(db, world.organisation))
    db.expunge_all()
    seen = {"version": str(version.version), "has_read": "yes", "words": "w", "why": "w", "decision": "return"}
    for member in (elsewhere.planner, elsewhere.manager, elsewhere.checker, elsewhere.social_worker, colleague):
        stranger = await browser.signed_in(member)
        await stranger.get(f"/plans/{plan.id}", expect=404)
        await stranger.get(f"/plans/for-referral/{plan.referral_id}", expect=404)
    for member, path in (
        (elsewhere.planner, f"/plans/{plan.id}"),
        (colleague, f"/plans/{plan.id}"),
        (colleague, f"/plans/{plan.id}/checklist"),
        (colleague, f"/plans/{plan.id}/versions"),
        (elsewhere.manager, f"/plans/{plan.id}/sign-off"),
        (elsewhere.person_user, f"/my-plan/{version.id}/agree"),
        (elsewhere.representative, f"/my-plan/{version.id}/change"),
    ):
        await (await browser.signed_in(member)).post(path, seen, expect=404)
    checks = {**seen, "comments": "c"}
    await (await browser.signed_in(elsewhere.checker)).post(f"/plans/{plan.id}/check", checks, expect=404)
    for path in (f"/plans/{plan.id}/check", f"/plans/{plan.id}/sign-off"):
        await (await browser.signed_in(elsewhere.manager)).get(path, expect=404)
    for odd in ("nonsense", str(uuid4())):
        await (await browser.signed_in(world.manager)).get(f"/plans/{odd}", expect=404)
    assert (await saved(db, "status")).status == "awaiting_agreement"
    assert await events(db) == []
