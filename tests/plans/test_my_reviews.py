"""The person's side of a review: who comes, three lists by several people, answers ahead, a signature."""

from collections.abc import Awaitable, Callable
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import Conflict, NotFound
from marketplace.plans.errors import ReviewNotOpen
from marketplace.plans.models import AskedBy, NoteKind, Plan, Review, ReviewKind
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.review_forms import AskForm, BookForm, InviteForm, NoteForm
from marketplace.plans.service import MyReviewService, ReviewDeskService, ReviewService
from marketplace.plans.states import PlanStatus, ReviewStatus
from tests.browser import Browser, count
from tests.factories_plans import PlanWorld, make_plan, make_plan_world, make_review

IN_PLACE = date(2027, 1, 20)
MEETS = date(2027, 3, 10)
Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


@pytest.fixture
async def plan(db: AsyncSession, world: PlanWorld) -> Plan:
    return (await make_plan(db, world, PlanStatus.SIGNED_OFF))[0]


@pytest.fixture
async def review(db: AsyncSession, plan: Plan) -> Review:
    return await make_review(db, plan, IN_PLACE)


async def test_the_person_prepares_a_review_and_signs_it_from_their_pages(
    browser: Browser, db: AsyncSession, world: PlanWorld, review: Review
) -> None:
    await ReviewService(db).book(world.planner.principal, review.id, BookForm(MEETS, "", "14:30", "At home"))
    db.expunge_all()
    one = await browser.signed_in(world.person_user)
    path = f"/my-reviews/{review.id}"
    assert "First look at my plan, we meet on Wednesday 10 March 2027 at 14:30" in (await one.open("/my-reviews")).words
    page = await one.open(path)
    assert "You meet Bo Planner, who made your plan with you." in page.words
    refused = await one.post(f"{path}/invite", {"name": "", "email": "no"}, expect=422)
    assert set(refused.errors()) == {"name", "email"}
    await one.post(f"{path}/invite", {"name": "Ines", "relation": "my sister", "email": ""})
    refused = await one.post(f"{path}/notes", {"words": "My club"}, expect=422)
    assert set(refused.errors()) == {"kind"}
    assert refused.field("words") == "My club"
    await one.post(f"{path}/notes", {"kind": "working", "words": "<b>My club</b>"})
    page = await one.open(path)
    assert "Ines, my sister" in page.words
    assert "<b>My club</b>" in page.words
    planner = await browser.signed_in(world.planner)
    assert "My club" not in (await planner.open(f"/reviews/{review.id}")).words
    await one.post(f"{path}/send", {})
    page = await planner.open(f"/reviews/{review.id}")
    assert "My club" in page.words
    assert "Ines, my sister" in page.words
    file = await one.get(f"{path}/review.ics")
    assert "DTSTART:20270310T143000Z" in file.text
    assert "LOCATION:At home" in file.text
    await one.post(f"{path}/sign", {"agrees": "yes", "version": "9"}, expect=409)


async def test_the_person_reads_the_record_and_signs_or_questions_it(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    review = await make_review(
        db, plan, IN_PLACE, status=ReviewStatus.HELD, held_on=date(2027, 3, 2), working="The club", not_working="None"
    )
    db.expunge_all()
    one = await browser.signed_in(world.person_user)
    path = f"/my-reviews/{review.id}"
    page = await one.open(path)
    refused = await one.post(f"{path}/question", {"wrong": "", "version": page.field("version")}, expect=422)
    assert set(refused.errors()) == {"wrong"}
    refused = await one.post(f"{path}/sign", {"version": page.field("version")}, expect=422)
    assert set(refused.errors()) == {"agrees"}
    await one.post(f"{path}/question", {"wrong": "It was Tuesday", "version": page.field("version")})
    await one.post(f"{path}/sign", {"agrees": "yes", "version": page.field("version")}, expect=409)
    page = await one.open(path)
    await one.post(f"{path}/sign", {"agrees": "yes", "version": page.field("version")})
    page = await one.open(path)
    assert "You: on 3 March 2027" in page.words
    assert "Sign my review" not in page.words


async def test_two_who_write_at_once_lose_nothing(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    service = MyReviewService(db)
    for who, words in ((world.person_user, "The club"), (world.representative, "The mornings")):
        await service.write(who.principal, review.id, NoteForm(NoteKind.WORKING, words, ""))
    await ReviewDeskService(db).write(
        world.planner.principal, review.id, NoteForm(NoteKind.WISH, "A dog", "Her neighbour")
    )
    notes = await ReviewRepository(db).notes(review.id)
    assert [(row.words, row.by_name) for row in notes] == [
        ("The club", world.person_user.principal.name),
        ("The mornings", "Rita Relative"),
        ("A dog", "Her neighbour"),
    ]
    with pytest.raises(NotFound):
        await service.take_back(world.person_user.principal, review.id, notes[1].id)
    await service.take_back(world.representative.principal, review.id, notes[1].id)
    assert len(await ReviewRepository(db).notes(review.id)) == 2
    words = await db.scalar(text("SELECT count(*) FROM audit_entries WHERE after::text LIKE '%club%'"))
    assert words == 0


async def test_guests_are_told_the_day_once_and_of_a_new_day(
    db: AsyncSession, world: PlanWorld, review: Review, drain: Drain
) -> None:
    await MyReviewService(db).invite(
        world.person_user.principal, review.id, InviteForm("Ines", "sister", "ines@example.com")
    )
    for day, times in ((MEETS, 1), (MEETS, 1), (date(2027, 3, 11), 2)):
        await ReviewService(db).book(world.planner.principal, review.id, BookForm(day, ""))
        sent = await drain()
        assert sent.count(("review_guest", "ines@example.com")) == times
        assert ("review_booked", world.person_user.user.email) in sent
    body = await db.scalar(text("SELECT body FROM messages WHERE template = 'review_guest' LIMIT 1"))
    assert "Wednesday 10 March 2027" in body


async def test_what_is_over_or_not_theirs_is_left_alone(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan, review: Review
) -> None:
    signed = await make_review(db, plan, date(2026, 1, 1), status=ReviewStatus.SIGNED, held_on=date(2026, 3, 1))
    elsewhere = await make_plan_world(db)
    invite = InviteForm("Ines", "", "")
    with pytest.raises(ReviewNotOpen):
        await MyReviewService(db).invite(world.person_user.principal, signed.id, invite)
    with pytest.raises(NotFound):
        await MyReviewService(db).invite(elsewhere.person_user.principal, review.id, invite)
    assert await count(db, "review_invites") == 0
    db.expunge_all()
    stranger = await browser.signed_in(elsewhere.person_user)
    await stranger.get(f"/my-reviews/{review.id}", expect=404)
    for verb in ("invite", "notes", "send", "sign", "question"):
        await stranger.post(f"/my-reviews/{review.id}/{verb}", {}, expect=404)


async def test_a_review_asked_for_falls_to_the_planner_once(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan, drain: Drain
) -> None:
    db.expunge_all()
    one = await browser.signed_in(world.person_user)
    refused = await one.post("/my-reviews/ask", {"reason": ""}, expect=422)
    assert set(refused.errors()) == {"reason"}
    shown = await one.open((await one.post("/my-reviews/ask", {"reason": "My sister moved away"})).location)
    assert "We meet between 3 March 2027 and 31 March 2027" in shown.words
    review = (await ReviewRepository(db).of_plan(plan.id))[0]
    assert (review.kind, review.asked_by, review.facilitator_id) == (
        ReviewKind.UNSCHEDULED,
        AskedBy.PERSON,
        world.worker.id,
    )
    await one.post("/my-reviews/ask", {"reason": "Again"}, expect=409)
    with pytest.raises(Conflict):
        await ReviewDeskService(db).ask(world.manager.principal, plan.id, AskForm("Fall", AskedBy.PROVIDER))
    assert ("review_asked", world.planner.user.email) in await drain()
    assert await count(db, "reviews") == 1


async def test_nobody_asks_for_a_review_before_a_plan_is_in_place(db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.DRAFT)
    with pytest.raises(NotFound):
        await MyReviewService(db).ask(world.person_user.principal, AskForm("Now", AskedBy.PERSON))
    with pytest.raises(Conflict):
        await ReviewDeskService(db).ask(world.planner.principal, plan.id, AskForm("Now", AskedBy.PLANNER))
