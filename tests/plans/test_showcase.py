"""The plan of the month: told without names, shown with consent alone, taken back at any time."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, NotFound
from marketplace.people.events import PersonDied
from marketplace.people.models import ProfileTool
from marketplace.plans.errors import MonthTaken, NoConsent, StoryChanged, StoryUnderWay
from marketplace.plans.models import PlanShowcase
from marketplace.plans.service.showcase import ShowcaseService, StoryForm, TellsWho
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count, events
from tests.factories import make_member
from tests.factories_bookings import loose
from tests.factories_plans import PlanWorld, make_plan, make_plan_world
from tests.factories_profile import make_entry

STORY = {
    "month": "2027-03-01",
    "title": "Back to the garden",
    "story": "A man who had been ill for a long time wanted to grow food again. Now he goes to a garden club.",
    "why": "It uses what is there already.",
}


def read(db: AsyncSession, **given: str) -> StoryForm:
    return StoryForm.read({**STORY, **given}, today(clock_of(db)))


async def signed_plan(db: AsyncSession, world: PlanWorld) -> Any:
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    return plan


async def nominated(db: AsyncSession, world: PlanWorld) -> PlanShowcase:
    plan = await signed_plan(db, world)
    return await ShowcaseService(db).nominate(world.checker.principal, plan.id, read(db))


async def test_a_story_goes_from_the_checker_to_the_person_to_everybody(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    service = ShowcaseService(db)
    story = await nominated(db, world)
    assert await events(db) == ["StoryNominated"]
    with pytest.raises(NoConsent):
        await service.publish(world.manager.principal, story.id, story.version)
    await service.answer(world.person_user.principal, story.id, story.version, is_yes=True)
    await service.publish(world.manager.principal, story.id, story.version)
    assert story.published_at is not None
    public = await service.stories.public(before=None, limit=5)
    assert [one.title for one in public] == ["Back to the garden"]
    await service.answer(world.person_user.principal, story.id, story.version, is_yes=False)
    assert await service.stories.public(before=None, limit=5) == []
    assert await events(db) == ["StoryNominated", "StoryAnswered", "StoryAnswered"]
    assert await count(db, "audit_entries", "subject_kind = 'plan_showcase'") == 4
    assert await count(db, "audit_entries", "after::text LIKE '%garden%'") == 0


async def test_a_no_is_kept_and_may_become_a_yes(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    service, story = ShowcaseService(db), await nominated(db, world)
    await service.answer(world.representative.principal, story.id, story.version, is_yes=False)
    with pytest.raises(NoConsent):
        await service.publish(world.manager.principal, story.id, story.version)
    await service.answer(world.person_user.principal, story.id, story.version, is_yes=True)
    assert story.consent_by_user_id == world.person_user.user.id


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"story": "Ada goes to a garden club again."}, {"story"}),
        ({"title": "The garden of ada", "why": "Bo did well."}, {"title"}),
        ({"why": "Near PR12HE there is a club."}, {"why"}),
        ({"story": "He goes to the club with Suzanne, his sister."}, {"story"}),
        ({"story": "He goes to a club in Leyland on 12 May."}, {"is_looked_at"}),
    ],
)
async def test_a_story_that_tells_who_it_is_is_refused(
    db: AsyncSession, given: dict[str, str], fields: set[str]
) -> None:
    world = await make_plan_world(db)
    await make_entry(db, world.person, ProfileTool.PEOPLE, "Suzanne", circle=1, is_private=True)
    plan = await signed_plan(db, world)
    with pytest.raises(TellsWho) as refused:
        await ShowcaseService(db).nominate(world.checker.principal, plan.id, read(db, **given))
    assert set(refused.value.fields) == fields
    assert await count(db, "plan_showcases") == 0


async def test_words_that_somebody_looked_at_pass_but_names_never_do(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    plan = await signed_plan(db, world)
    service = ShowcaseService(db)
    with pytest.raises(TellsWho):
        await service.nominate(world.checker.principal, plan.id, read(db, story="Ada swims.", is_looked_at="yes"))
    story = await service.nominate(
        world.checker.principal, plan.id, read(db, story="He swims with the Otters.", is_looked_at="yes")
    )
    assert story.story == "He swims with the Otters."


async def test_a_change_asks_the_person_again(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    service, story = ShowcaseService(db), await nominated(db, world)
    shown = story.version
    await service.answer(world.person_user.principal, story.id, shown, is_yes=True)
    await service.change(world.manager.principal, story.id, read(db, title="A new start", version=str(story.version)))
    assert story.consent_given is None
    with pytest.raises(NoConsent):
        await service.publish(world.manager.principal, story.id, story.version)
    with pytest.raises(StoryChanged):
        await service.answer(world.person_user.principal, story.id, shown, is_yes=True)


async def test_a_name_that_becomes_known_stops_the_publication(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    service = ShowcaseService(db)
    plan = await signed_plan(db, world)
    form = read(db, story="He swims with Otter, a friend.", is_looked_at="yes")
    story = await service.nominate(world.checker.principal, plan.id, form)
    await service.answer(world.person_user.principal, story.id, story.version, is_yes=True)
    await make_entry(db, world.person, ProfileTool.PEOPLE, "Otter", circle=2)
    with pytest.raises(StoryChanged):
        await service.publish(world.manager.principal, story.id, story.version)


async def test_a_month_has_one_plan_and_a_plan_one_story(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    service, first = ShowcaseService(db), await nominated(db, world)
    plan = await service.stories.plan_of(world.council.id, first)
    with pytest.raises(StoryUnderWay):
        await service.nominate(world.checker.principal, plan.id, read(db))
    other = await make_plan_world(db, world.council)
    second = await nominated(db, other)
    for story, member in ((first, world.person_user), (second, other.person_user)):
        await service.answer(member.principal, story.id, story.version, is_yes=True)
    await service.publish(world.manager.principal, first.id, first.version)
    with pytest.raises(MonthTaken):
        await service.publish(world.manager.principal, second.id, second.version)
    await db.refresh(first)
    await service.withdraw(world.manager.principal, first.id, "Another is better", first.version)
    await db.refresh(second)
    await service.publish(world.manager.principal, second.id, second.version)


async def test_a_plan_in_writing_another_council_and_a_stranger_are_refused(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    service = ShowcaseService(db)
    draft, _ = await make_plan(db, world, PlanStatus.DRAFT)
    with pytest.raises(NotFound):
        await service.nominate(world.checker.principal, draft.id, read(db))
    story = await nominated(db, await make_plan_world(db, world.council))
    elsewhere = await make_member(db, Role.MANAGER)
    with pytest.raises(NotFound):
        await service.withdraw(elsewhere.principal, story.id, "No", story.version)
    with pytest.raises(NotFound):
        await service.answer(world.person_user.principal, story.id, story.version, is_yes=True)
    with pytest.raises(Forbidden):
        await service.publish(world.social_worker.principal, story.id, story.version)
    assert story.consent_given is None


async def test_a_death_takes_the_story_back(db: AsyncSession) -> None:
    world = await make_plan_world(db)
    story = await nominated(db, world)
    service = ShowcaseService(db)
    assert await service.withdraw_of_person(world.council.id, world.person.id) == 1
    assert await service.withdraw_of_person(world.council.id, world.person.id) == 0
    assert story.withdrawn_at is not None


async def test_the_person_is_asked_and_the_checker_told(
    db: AsyncSession, drain: Callable[[], Awaitable[list[tuple[str, str]]]]
) -> None:
    world = await make_plan_world(db)
    story = await nominated(db, world)
    told = await drain()
    assert ("story_to_allow", world.person_user.user.email) in told
    assert ("story_to_allow", world.representative.user.email) in told
    await ShowcaseService(db).answer(world.person_user.principal, story.id, story.version, is_yes=True)
    assert [one for one in await drain() if one not in told] == [("story_answered", world.checker.user.email)]
    outbox.publish(db, PersonDied(council_id=world.council.id, person_id=world.person.id, died_on=date(2027, 3, 2)))
    await drain()
    await db.refresh(story)
    assert story.withdrawn_at is not None


async def test_the_way_through_the_pages(browser: Browser, db: AsyncSession) -> None:
    world = await make_plan_world(db)
    plan = await signed_plan(db, world)
    checker, person, manager = [
        await browser.signed_in(one) for one in (world.checker, world.person_user, world.manager)
    ]
    new = f"/plan-of-the-month/stories/new/{plan.id}"
    loose(db, plan)
    assert new in (await checker.open(f"/plans/{plan.id}")).links()
    await checker.open(new)
    page = await checker.post(new, {**STORY, "title": "Ada in the garden"}, expect=422)
    assert page.errors() == {"title": "Take out “Ada”: it tells who this is about"}
    assert page.field("story") == STORY["story"]
    page = await checker.post(new, {**STORY, "title": "In the garden with Bella"}, expect=422)
    assert set(page.errors()) == {"is_looked_at"}
    assert "A name or a place: Bella" in page.words
    page = await checker.post(new, {"month": "2030-01-01"}, expect=422)
    assert set(page.errors()) == {"month", "title", "story", "why"}
    made = await checker.post(new, STORY)
    path = made.location
    assert "Waits for the person" in (await checker.open("/plan-of-the-month/stories")).words
    assert "Waits for the person" in (await checker.open(path)).words
    assert "There is no story yet" in (await browser.open("/plan-of-the-month")).words
    assert "/my-plan/story" in (await person.open("/my-plan")).links()
    page = await person.open("/my-plan/story")
    assert STORY["story"] in page.words
    answer = f"/my-plan/story/{path.rsplit('/', 1)[1]}"
    form = {"version": page.field("version")}
    assert (await person.post(answer, form, expect=422)).errors() == {"answer": "Select yes or no"}
    await person.post(answer, {**form, "answer": "yes"})
    page = await manager.open(path)
    await manager.post(f"{path}/publish", {"version": page.field("version")})
    page = await browser.open("/plan-of-the-month")
    assert STORY["story"] in page.words
    assert str(plan.id) not in page.text
    assert "Ada" not in page.words
    page = await person.open("/my-plan/story")
    await person.post(answer, {"version": page.field("version"), "answer": "no"})
    assert STORY["story"] not in (await browser.open("/plan-of-the-month")).words
    assert "There is no story about your plan" in (await person.open("/my-plan/story")).words
    assert "Taken back" in (await manager.open(path)).words


async def test_a_story_is_changed_and_taken_back_on_its_pages(browser: Browser, db: AsyncSession) -> None:
    world = await make_plan_world(db)
    story = await nominated(db, world)
    path = f"/plan-of-the-month/stories/{story.id}"
    manager = await browser.signed_in(world.manager)
    page = await manager.open(f"{path}/change")
    assert page.field("title") == STORY["title"]
    form = {**STORY, "title": "A better title", "version": page.field("version")}
    await manager.post(f"{path}/change", form)
    assert (await manager.post(f"{path}/change", form, expect=409)).title.startswith("This story has changed")
    page = await manager.open(path)
    version = page.field("version")
    assert set((await manager.post(f"{path}/withdraw", {"version": version}, expect=422)).errors()) == {"reason"}
    await manager.post(f"{path}/withdraw", {"version": version, "reason": "Too easy to guess"})
    assert await count(db, "plan_showcases", "withdrawn_at IS NOT NULL") == 1
    assert await db.scalar(text("SELECT why FROM audit_entries WHERE action = 'plans.withdraw_story'")) == (
        "Too easy to guess"
    )
