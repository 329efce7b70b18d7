"""Reviews: booked within their window, held by the same person, and never forgotten."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.plans import ReviewService
from marketplace.plans.errors import ReviewNotOpen
from marketplace.plans.models import Plan, Review, ReviewKind
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.review_forms import BookForm, HoldForm
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.plans.tasks_reviews import remind_reviews
from tests.browser import Browser, count
from tests.factories import make_worker
from tests.factories_plans import PlanWorld, make_plan, make_plan_world, make_planner, make_review

IN_PLACE = date(2027, 2, 3)
"""Day 42 is 17 March, day 56 is 31 March, day 84 is 28 April 2027; the tests' today is 3 March."""


@pytest.fixture
async def plan(db: AsyncSession, world: PlanWorld) -> Plan:
    return (await make_plan(db, world, PlanStatus.SIGNED_OFF))[0]


@pytest.fixture
async def review(db: AsyncSession, plan: Plan) -> Review:
    return await make_review(db, plan, IN_PLACE)


def day_form(name: str, day: date, **given: str) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year), **given}


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "is_inside"),
    [
        (date(2027, 3, 16), False),
        (date(2027, 3, 17), True),
        (date(2027, 3, 31), True),
        (date(2027, 4, 28), True),
        (date(2027, 4, 29), False),
    ],
)
async def test_a_day_outside_the_window_needs_a_reason(
    db: AsyncSession, world: PlanWorld, review: Review, day: date, is_inside: bool
) -> None:
    service, who = ReviewService(db), world.planner.principal
    if not is_inside:
        with pytest.raises(InvalidInput) as refused:
            await service.book(who, review.id, BookForm(day, ""))
        assert refused.value.fields == {
            "why": "Enter a reason, because the date is not within 17 March 2027 to 28 April 2027"
        }
        assert review.booked_on is None
    await service.book(who, review.id, BookForm(day, "" if is_inside else "In hospital"))
    assert (review.status, review.booked_on) == (ReviewStatus.BOOKED, day)


async def test_only_today_and_later_can_be_booked(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    with pytest.raises(InvalidInput) as refused:
        await ReviewService(db).book(world.planner.principal, review.id, BookForm(date(2027, 3, 2), "reason"))
    assert set(refused.value.fields) == {"booked_on"}


STEPS = {
    (ReviewStatus.DUE, "book"): None,
    (ReviewStatus.BOOKED, "book"): None,
    (ReviewStatus.BOOKED, "hold"): None,
    (ReviewStatus.HELD, "hold"): None,
    (ReviewStatus.DUE, "hold"): StepRefused,
}


@pytest.mark.parametrize("verb", ["book", "hold"])
@pytest.mark.parametrize("status", list(ReviewStatus))
async def test_each_state_of_a_review_takes_only_its_own_verbs(
    db: AsyncSession, world: PlanWorld, plan: Plan, status: ReviewStatus, verb: str
) -> None:
    review = await make_review(db, plan, IN_PLACE, status=status)
    steps = await count(db, "steps")

    async def act() -> None:
        async with db.begin_nested():
            if verb == "book":
                await ReviewService(db).book(world.planner.principal, review.id, BookForm(date(2027, 3, 20), ""))
            else:
                form = HoldForm(date(2027, 3, 3), "The club", "The mornings", review.version)
                await ReviewService(db).hold(world.planner.principal, review.id, form)

    refused = STEPS.get((status, verb), ReviewNotOpen)
    if refused is None:
        await act()
        assert await count(db, "steps") == steps + 1
        assert await count(db, "audit_entries", f"action = 'plans.{verb}_review'") == 1
        return
    with pytest.raises(refused):
        await act()
    assert await count(db, "steps") == steps
    await db.refresh(review)
    assert (review.status, review.held_on) == (status, None)


async def test_a_held_annual_review_sets_the_next_a_year_later(
    db: AsyncSession, world: PlanWorld, plan: Plan, clock: FixedClock
) -> None:
    review = await make_review(db, plan, date(2027, 2, 28), ReviewKind.ANNUAL, ReviewStatus.BOOKED)
    clock.move_to(at(date(2028, 2, 29)))
    form = HoldForm(date(2028, 2, 29), "All", "Nothing", review.version)
    await ReviewService(db).hold(world.planner.principal, review.id, form)
    following = (await ReviewRepository(db).of_plan(plan.id))[-1]
    assert (following.kind, following.status) == (ReviewKind.ANNUAL, ReviewStatus.DUE)
    assert following.due_on == date(2029, 2, 28)
    assert following.facilitator_id == review.facilitator_id


async def test_a_review_is_held_neither_in_the_future_nor_before_the_plan(
    db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED)
    for day in (date(2027, 3, 4), date(2027, 2, 2)):
        with pytest.raises(InvalidInput):
            await ReviewService(db).hold(world.planner.principal, review.id, HoldForm(day, "w", "n", review.version))


async def test_only_the_facilitator_books(db: AsyncSession, world: PlanWorld, review: Review) -> None:
    form = BookForm(date(2027, 3, 20), "")
    colleague = await make_planner(db, world.council, await make_worker(db, world.organisation))
    elsewhere = await make_plan_world(db)
    for stranger in (colleague, elsewhere.planner):
        with pytest.raises(NotFound):
            await ReviewService(db).book(stranger.principal, review.id, form)
    for reader in (world.manager, world.checker, world.social_worker, world.person_user):
        with pytest.raises(Forbidden):
            await ReviewService(db).book(reader.principal, review.id, form)
    assert review.status is ReviewStatus.DUE


async def test_the_facilitator_books_and_records_from_the_page(
    browser: Browser, db: AsyncSession, world: PlanWorld, review: Review, clock: FixedClock
) -> None:
    db.expunge_all()
    planner = await browser.signed_in(world.planner)
    path = f"/reviews/{review.id}"
    page = await planner.open(path)
    assert "Bo Planner, the same person who made the plan" in page.words
    assert "Between 17 March 2027 and 28 April 2027. National guidance says by 31 March 2027" in page.words
    refused = await planner.post(f"{path}/book", day_form("booked_on", date(2027, 5, 1)), expect=422)
    assert set(refused.errors()) == {"why"}
    assert refused.field("booked_on-day") == "1"
    late = await planner.open((await planner.post(f"{path}/book", day_form("booked_on", date(2027, 4, 1)))).location)
    assert "National guidance says to hold the first review by 31 March 2027" in late.words
    await planner.post(f"{path}/book", day_form("booked_on", date(2027, 3, 31)))
    page = await planner.open(path)
    assert "Choose an earlier day" not in page.words
    clock.move_to(at(date(2027, 3, 31)))
    planner = await browser.signed_in(world.planner)
    refused = await planner.post(f"{path}/hold", day_form("held_on", date(2027, 3, 31)), expect=422)
    assert set(refused.errors()) == {"working", "not_working", "progress-1", "progress-2", "outcome"}
    form = day_form("held_on", date(2027, 3, 31), working="<b>The club</b>", not_working="Mornings")
    form |= {"progress-1": "reached", "progress-2": "not_yet", "outcome": "go_on", "version": refused.field("version")}
    await planner.post(f"{path}/hold", form)
    page = await planner.open(path)
    assert "<b>The club</b>" in page.words
    assert "Waiting to be signed held on 31 March 2027" in page.words
    assert page.field("booked_on-day") is None
    await planner.post(f"{path}/hold", form, expect=409)


async def test_lists_show_what_is_soon_overdue_booked_and_held(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    await make_review(db, plan, date(2026, 12, 1))
    await make_review(db, plan, date(2027, 1, 15))
    await make_review(db, plan, date(2027, 1, 20), status=ReviewStatus.BOOKED, booked_on=date(2027, 3, 20))
    await make_review(db, plan, date(2027, 1, 2), status=ReviewStatus.HELD, held_on=date(2027, 3, 1))
    await make_review(db, plan, date(2027, 1, 3), status=ReviewStatus.SIGNED, held_on=date(2027, 3, 2))
    await make_review(db, plan, date(2027, 3, 3), ReviewKind.ANNUAL)
    await make_plan_world(db)
    db.expunge_all()
    for member in (world.planner, world.manager):
        one = await browser.signed_in(member)
        page = await one.open("/reviews")
        for label in ("All open reviews (4)", "Due soon (1)", "Overdue (1)", "Booked (1)", "Signed (1)"):
            assert label in page.words
        overdue = await one.open("/reviews?show=overdue")
        assert "Overdue by 8 days" in overdue.words
        assert "govuk-tag--red" in overdue.text
        assert "Booked for 20 March 2027" in (await one.open("/reviews?show=booked")).words
        assert "Waiting to be signed held on 1 March 2027" in (await one.open("/reviews?show=held")).words
        assert "Signed held on 2 March 2027" in (await one.open("/reviews?show=signed")).words
        await one.open("/reviews?show=never", expect=400)
    assert "Facilitator" in (await (await browser.signed_in(world.manager)).open("/reviews")).words


async def test_a_council_sees_its_own_reviews_and_a_planner_theirs(
    browser: Browser, db: AsyncSession, world: PlanWorld, review: Review
) -> None:
    elsewhere = await make_plan_world(db)
    colleague = await make_planner(db, world.council, await make_worker(db, world.organisation))
    db.expunge_all()
    for stranger in (elsewhere.manager, elsewhere.planner, colleague):
        one = await browser.signed_in(stranger)
        assert "No reviews here" in (await one.open("/reviews")).words
        await one.get(f"/reviews/{review.id}", expect=404)
        assert "No reviews this month" in (await one.open("/reviews/calendar?month=2027-03")).words
    for path in ("book", "hold"):
        form = day_form("booked_on", date(2027, 3, 20)) | day_form(
            "held_on", date(2027, 3, 3), working="w", not_working="n"
        )
        await (await browser.signed_in(colleague)).post(f"/reviews/{review.id}/{path}", form, expect=404)


async def test_a_long_list_of_reviews_is_paged_by_key(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    for number in range(30):
        await make_review(db, plan, IN_PLACE + timedelta(days=number))
    db.expunge_all()
    one = await browser.signed_in(world.manager)
    first = await one.open("/reviews")
    second = await one.open(first.link("after="))
    links = [link for page in (first, second) for link in page.links() if len(link) == 45]
    assert len(links) == len(set(links)) == 30


async def test_the_month_shows_each_review_on_its_day_and_as_a_list(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    await make_review(db, plan, IN_PLACE)
    await make_review(db, plan, date(2027, 1, 20), status=ReviewStatus.BOOKED, booked_on=date(2027, 3, 20))
    db.expunge_all()
    one = await browser.signed_in(world.planner)
    page = await one.open("/reviews/calendar")
    assert page.heading == "Reviews in March 2027"
    assert "Wednesday 31 March 2027" in page.words
    assert "Saturday 20 March 2027" in page.words
    assert "3 (today)" in page.words
    assert page.link("month=2027-04")
    assert "No reviews this month" in (await one.open("/reviews/calendar?month=2028-02")).words
    for odd in ("2027-13", "1999-01", "x"):
        await one.open(f"/reviews/calendar?month={odd}", expect=400)


Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


async def test_facilitators_are_reminded_once_and_told_of_overdue_reviews_once(
    db: AsyncSession, world: PlanWorld, plan: Plan, clock: FixedClock, drain: Drain
) -> None:
    await make_review(db, plan, IN_PLACE)
    await make_review(db, plan, IN_PLACE, ReviewKind.ANNUAL)
    booked: Any = await make_review(
        db, plan, IN_PLACE + timedelta(days=1), status=ReviewStatus.BOOKED, booked_on=date(2027, 4, 20)
    )
    email = world.planner.user.email

    async def run_on(day: date) -> list[str]:
        before = await db.scalar(text("SELECT count(*) FROM messages"))
        clock.move_to(at(day))
        await remind_reviews()
        await scope_to(db, "every")
        sent = await db.execute(text("SELECT template, to_address FROM messages ORDER BY created_at, id"))
        rows = sent.all()[before or 0 :]
        assert {row.to_address for row in rows} <= {email}
        return [row.template for row in rows]

    assert await run_on(date(2027, 4, 13)) == []
    assert await run_on(date(2027, 4, 14)) == ["review_due"]
    assert await run_on(date(2027, 4, 15)) == []
    assert await run_on(date(2027, 4, 28)) == []
    assert await run_on(date(2027, 4, 29)) == ["review_overdue"]
    assert await run_on(date(2027, 5, 10)) == ["review_overdue"]
    assert await run_on(date(2027, 5, 11)) == []
    assert booked.status is ReviewStatus.BOOKED
    subject = await db.scalar(text("SELECT subject FROM messages WHERE template = 'review_due'"))
    assert subject.startswith("Book a review by 28 April 2027")


async def test_a_reminder_missed_on_its_day_is_made_up_for(
    db: AsyncSession, world: PlanWorld, plan: Plan, clock: FixedClock
) -> None:
    await make_review(db, plan, IN_PLACE)
    clock.move_to(at(date(2027, 4, 22)))
    await remind_reviews()
    await scope_to(db, "every")
    assert await count(db, "messages", "template = 'review_due'") == 1
