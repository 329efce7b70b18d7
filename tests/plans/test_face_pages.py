"""Pages and files of a plan's faces: who may read which version, what they say, what the law still wants."""

import io

import pikepdf
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.people.models import Budget, BudgetStatus, FundingRoute
from marketplace.plans.models import Plan, PlannedBy, PlanVersion
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count
from tests.factories import START, make_council, make_member
from tests.factories_faces import make_assessment, make_section
from tests.factories_plans import PlanWorld, full_content, make_plan, make_plan_world, make_version
from tests.payments.pdf_text import pdf_words, squeezed

HOSTILE = "<script>alert(1)</script> {{7*7}} #let x = 1 O’Brien Nguyễn 🙂"


async def prepared(
    db: AsyncSession, world: PlanWorld, status: PlanStatus = PlanStatus.SIGNED_OFF
) -> tuple[Plan, PlanVersion]:
    plan, version = await make_plan(db, world, status)
    db.expunge_all()
    return plan, version


async def test_the_summary_shows_needs_budget_and_what_the_law_still_wants(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await prepared(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await make_assessment(db, world, [{}, {"words": "Shopping", "met_by": "informal", "how": "Her niece goes"}])
    page = await (await browser.signed_in(world.social_worker)).open(f"/plans/{plan.id}/summary")
    assert "Say how the council meets “Washing and dressing”" in page.words
    assert "Shopping Yes Family, friends or a carer Her niece goes" in page.words
    assert "The indicative personal budget is £115.38 a week." in page.words
    assert "Write how and when the plan is looked at again" in page.words
    assert f"/people/{world.person.id}/charges" in page.links()
    assert f"/plans/{plan.id}/sign-off#decision" in page.links()


async def test_a_plan_that_lacks_nothing_says_so_and_the_sign_off_shows_it(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await make_assessment(db, world, [{"how": "Help at 8am"}])
    await make_section(db, version, "review", "In eight weeks, at home")
    db.add(
        Budget(
            council_id=world.council.id,
            person_id=world.person.id,
            status=BudgetStatus.FINAL,
            route=FundingRoute.COUNCIL_MANAGED,
            weekly_pence=9_000,
            own_weekly_pence=1_000,
            starts_on=START,
            created_at=version.updated_at,
        )
    )
    await db.flush()
    db.expunge_all()
    worker = await browser.signed_in(world.social_worker)
    for path in ("summary", "sign-off"):
        page = await worker.open(f"/plans/{plan.id}/{path}")
        assert "All 12 points are there." in page.words
    assert "The person pays £10.00, the council £80.00." in (await worker.open(f"/plans/{plan.id}/summary")).words


async def test_what_is_missing_does_not_block_the_sign_off(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await prepared(db, world, PlanStatus.AWAITING_SIGN_OFF)
    worker = await browser.signed_in(world.social_worker)
    assert "are missing" in (await worker.open(f"/plans/{plan.id}/sign-off")).words
    form = {"decision": "sign_off", "version": str(version.version)}
    await worker.post(f"/plans/{plan.id}/sign-off", form)
    assert await count(db, "plan_versions", "status = 'signed_off'") == 1


async def test_the_council_reads_no_face_of_a_draft_and_nobody_another_councils_plan(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await prepared(db, world, PlanStatus.DRAFT)
    other = await make_plan_world(db, await make_council(db))
    paths = ("summary", "summary.pdf", "face", "face.pdf", "easy-read.pdf", "compare")
    mine = await browser.signed_in(world.social_worker)
    strangers = [await browser.signed_in(member) for member in (other.social_worker, other.planner)]
    for path in paths:
        for reader in (mine, *strangers):
            await reader.get(f"/plans/{plan.id}/{path}", expect=404)
        await (await browser.signed_in(world.planner)).get(f"/plans/{plan.id}/{path}")
    await mine.get("/plans/nonsense/summary", expect=404)
    assert await count(db, "record_views", f"user_id = '{world.social_worker.user.id}'") == 0


async def test_files_are_tagged_say_the_plan_and_keep_the_name_out_of_their_own(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF, content=full_content(about_me=HOSTILE))
    db.expunge_all()
    worker = await browser.signed_in(world.social_worker)
    person = await browser.signed_in(world.person_user)
    for reader, path in (
        (worker, f"/plans/{plan.id}/summary.pdf"),
        (worker, f"/plans/{plan.id}/face.pdf"),
        (worker, f"/plans/{plan.id}/easy-read.pdf"),
        (person, "/my-plan/plan.pdf"),
        (person, "/my-plan/easy-read.pdf"),
    ):
        page = await reader.get(path)
        assert page.response.headers["content-type"] == "application/pdf"
        assert page.response.headers["cache-control"] == "no-store"
        assert "Ada" not in page.response.headers["content-disposition"]
        with pikepdf.open(io.BytesIO(page.response.content)) as pdf:
            assert bool(pdf.Root.MarkInfo.Marked)
        assert squeezed("Get to the allotment") in squeezed(pdf_words(page.response.content))


async def test_the_person_reads_sections_with_pictures_and_easy_read_explains_hard_words(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    _, version = await make_plan(db, world, PlanStatus.SIGNED_OFF, content=full_content(about_me=HOSTILE))
    await make_section(db, version, "week", "Chapel on Sundays. Swim on Mondays.")
    db.expunge_all()
    person = await browser.signed_in(world.person_user)
    page = await person.open("/my-plan")
    assert "<script>alert" not in page.text
    assert "My week" in page.words
    assert page.text.count("<svg") >= 8
    easy = await person.open("/my-plan/easy-read")
    assert "Chapel on Sundays. Swim on Mondays." in easy.words
    assert '<p class="govuk-body-l">Swim on Mondays.</p>' in easy.text
    assert "A direct payment is money you get" in easy.words
    assert "Who helps: a community group or activity." in easy.words


async def test_the_person_is_told_what_is_missing_in_their_own_words_with_links(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await prepared(db, world, PlanStatus.AWAITING_AGREEMENT)
    page = await (await browser.signed_in(world.person_user)).open("/my-plan/points")
    assert "Say if this plan is right for you" in page.words
    assert "Ask the council what you pay and what the council pays" in page.words
    assert {"/my-plan", "/my-budget", "/my-timeline"} <= set(page.links())


async def test_a_person_reads_their_own_draft_but_not_their_planners(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.DRAFT)
    person = await browser.signed_in(world.person_user)
    for path in ("easy-read", "points", "compare"):
        assert "There is no plan to read yet" in (await person.open(f"/my-plan/{path}")).words
    await person.get("/my-plan/plan.pdf", expect=404)
    plan.planned_by, plan.worker_id, plan.organisation_id = PlannedBy.PERSON, None, None
    await db.flush()
    db.expunge_all()
    assert "Get to the allotment" in (await person.open("/my-plan/easy-read")).words
    points = await person.open("/my-plan/points")
    assert "/my-plan/write/review" in points.links()
    assert squeezed("I wrote this plan myself") in squeezed(
        pdf_words((await person.get("/my-plan/plan.pdf")).response.content)
    )


async def test_versions_stand_side_by_side_for_staff_and_for_the_person(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.SUPERSEDED)
    later = full_content(about_me="I am Ada and I love my allotment.", good_days="")
    await make_version(db, world, plan, 2, PlanStatus.SIGNED_OFF, later)
    await make_version(db, world, plan, 3, PlanStatus.DRAFT, full_content(about_me="A draft"))
    db.expunge_all()
    worker, person = await browser.signed_in(world.social_worker), await browser.signed_in(world.person_user)
    for reader, path in ((worker, f"/plans/{plan.id}/compare"), (person, "/my-plan/compare")):
        page = await reader.open(path)
        assert "garden.</del>" in page.text
        assert "allotment.</ins>" in page.text
        assert "A draft" not in page.words
        assert "Good days and bad days Taken out" in page.words
        assert "2 parts of" in page.words
        await reader.get(f"{path}?old=1&new=3", expect=404)
        await reader.get(f"{path}?old=0", expect=400)
        await reader.get(f"{path}?old=x", expect=400)
    planner = await browser.signed_in(world.planner)
    assert "A draft" in (await planner.open(f"/plans/{plan.id}/compare?old=2&new=3")).words


async def test_one_version_has_nothing_to_compare_with(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await prepared(db, world)
    page = await (await browser.signed_in(world.social_worker)).open(f"/plans/{plan.id}/compare")
    assert "There is only one version yet" in page.words


async def test_who_reads_a_face_is_noted_for_the_person(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await prepared(db, world)
    worker = await browser.signed_in(world.social_worker)
    await worker.open(f"/plans/{plan.id}/summary")
    await worker.get(f"/plans/{plan.id}/face.pdf")
    await (await browser.signed_in(world.person_user)).open("/my-plan/easy-read")
    await (await browser.signed_in(world.representative)).open("/my-plan/easy-read")
    assert await count(db, "record_views", "what = 'plan' AND role = 'social_worker' AND times = 2") == 1
    assert await count(db, "record_views", "role = 'representative'") == 1
    assert await count(db, "record_views") == 2


async def test_a_broker_without_plans_reads_none(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await prepared(db, world)
    for role in (Role.ACCREDITOR, Role.FINANCE):
        reader = await browser.signed_in(await make_member(db, role, world.council))
        await reader.get(f"/plans/{plan.id}/summary", expect=403)


async def test_who_reads_the_page_of_a_plan_is_noted_and_who_may_not_read_it_is_not(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    plan, _ = await prepared(db, world)
    await (await browser.signed_in(world.social_worker)).open(f"/plans/{plan.id}")
    draft, _ = await prepared(db, world, PlanStatus.DRAFT)
    await (await browser.signed_in(world.manager)).open(f"/plans/{draft.id}")
    assert await count(db, "record_views", "what = 'plan'") == 1
