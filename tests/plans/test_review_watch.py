"""Whose task a review is, who holds it, and what a direct payment, a leaver and a death do to it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.outbox import publish
from marketplace.people.events import DeathUndone, PersonDied
from marketplace.people.models import DirectPaymentArrangement, Holding
from marketplace.plans.dates import direct_payment_review
from marketplace.plans.errors import NotFacilitator, ReviewChanged, ReviewNotOpen
from marketplace.plans.models import Plan, PlannedBy, Responsible, Review, ReviewKind
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.review_forms import BookForm, HandOnForm, HoldForm
from marketplace.plans.service import ReviewDeskService, ReviewService
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.plans.tasks_reviews import remind_reviews, watch_reviews
from marketplace.providers.models import Worker
from tests.browser import Browser, count, events
from tests.factories import make_worker
from tests.factories_plans import PlanWorld, make_plan, make_plan_world, make_planner, make_review

IN_PLACE = date(2027, 1, 20)
MONTHS = {"first": 6, "then": 12}
Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


@pytest.fixture
async def plan(db: AsyncSession, world: PlanWorld) -> Plan:
    return (await make_plan(db, world, PlanStatus.SIGNED_OFF))[0]


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


async def make_payment(db: AsyncSession, world: PlanWorld, starts_on: date, ends_on: date | None = None) -> None:
    db.add(
        DirectPaymentArrangement(
            council_id=world.council.id,
            person_id=world.person.id,
            holding=Holding.OWN_ACCOUNT,
            starts_on=starts_on,
            ends_on=ends_on,
            set_by_user_id=world.manager.user.id,
            set_at=at(starts_on),
        )
    )
    await db.flush()


async def of_plan(db: AsyncSession, plan: Plan) -> list[Review]:
    return list(await ReviewRepository(db).of_plan(plan.id))


@pytest.mark.parametrize(
    ("started", "last", "due"),
    [
        (date(2027, 3, 1), None, date(2027, 9, 1)),
        (date(2027, 8, 31), None, date(2028, 2, 29)),
        (date(2026, 3, 1), date(2026, 8, 20), date(2027, 8, 20)),
        (date(2024, 3, 1), None, date(2027, 3, 31)),
    ],
)
def test_a_direct_payment_is_reviewed_within_six_months_then_twelve(
    started: date, last: date | None, due: date
) -> None:
    dates = direct_payment_review(started, last, MONTHS, date(2027, 3, 3))
    assert (dates.due_on, dates.ends_on) == (due, due)
    assert started <= dates.starts_on <= dates.due_on


async def test_a_direct_payment_gets_its_review_once_and_loses_it_when_it_ends(
    db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    await make_payment(db, world, date(2027, 2, 1), date(2028, 2, 1))
    for _ in range(2):
        await watch_reviews()
        await scope_to(db, "every")
    (review,) = await of_plan(db, plan)
    assert (review.kind, review.due_on) == (ReviewKind.DIRECT_PAYMENT, date(2027, 8, 1))
    assert review.facilitator_id == world.worker.id
    await db.execute(text("UPDATE direct_payment_arrangements SET ends_on = '2027-03-03'"))
    await watch_reviews()
    await scope_to(db, "every")
    await db.refresh(review)
    assert review.status is ReviewStatus.CANCELLED
    assert await count(db, "reviews") == 1


async def test_a_held_review_of_a_direct_payment_sets_the_next_within_a_year(
    db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    review = await make_review(db, plan, IN_PLACE, ReviewKind.DIRECT_PAYMENT, ReviewStatus.BOOKED)
    form = HoldForm(date(2027, 3, 2), "All", "Nothing", review.version)
    await ReviewService(db).hold(world.planner.principal, review.id, form)
    assert [row.due_on for row in await of_plan(db, plan) if row.status is ReviewStatus.DUE] == [date(2028, 3, 2)]


async def test_the_councils_setting_says_from_which_day_annual_reviews_are_its_own(
    db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    await set_setting(db, None, world.council.id, "plans.annual_reviews_by", "council", starts_on=date(2028, 3, 1))
    await ReviewService(db).schedule(plan, date(2027, 2, 26), by=None)
    before = {row.kind: row for row in await of_plan(db, plan)}[ReviewKind.ANNUAL]
    assert (before.responsible, before.facilitator_id) == (Responsible.PLANNER, world.worker.id)
    await ReviewService(db).schedule(plan, date(2027, 3, 1), by=None)
    rows = {row.kind: row for row in await of_plan(db, plan) if row.status is ReviewStatus.DUE}
    annual, first = rows[ReviewKind.ANNUAL], rows[ReviewKind.WELFARE_CHECK]
    assert (annual.responsible, annual.facilitator_id, annual.facilitator_user_id) == (Responsible.COUNCIL, None, None)
    assert annual.facilitator_reason == "The council holds reviews of this kind"
    assert first.facilitator_id == world.worker.id


async def test_the_council_holds_the_reviews_of_a_plan_that_the_person_wrote(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan, drain: Drain
) -> None:
    await db.execute(
        update(Plan).where(Plan.id == plan.id).values(planned_by=PlannedBy.PERSON, worker_id=None, organisation_id=None)
    )
    await db.refresh(plan)
    await ReviewService(db).schedule(plan, IN_PLACE, by=None)
    review = next(row for row in await of_plan(db, plan) if row.kind is ReviewKind.WELFARE_CHECK)
    with pytest.raises(NotFacilitator):
        await ReviewService(db).book(world.social_worker.principal, review.id, BookForm(date(2027, 3, 10), ""))
    db.expunge_all()
    one = await browser.signed_in(world.social_worker)
    assert "Nobody holds it yet (2)" in (await one.open("/reviews")).words
    path = f"/reviews/{review.id}"
    page = await one.open(path)
    refused = await one.post(f"{path}/hand-on", {"to": "", "version": page.field("version")}, expect=422)
    assert set(refused.errors()) == {"to"}
    form = {"to": f"user:{world.social_worker.user.id}", "version": page.field("version")}
    await one.post(f"{path}/hand-on", form)
    assert ("review_handed_on", world.social_worker.user.email) in await drain()
    assert "Held by me (1)" in (await one.open("/reviews?show=mine")).words
    booked = {"booked_on-day": "3", "booked_on-month": "3", "booked_on-year": "2027", "at_time": "2pm"}
    await one.post(f"{path}/book", booked | {"why": "Sooner is better"})
    page = await one.open(path)
    assert "Sol Worker" in page.words
    assert "at 14:00" in page.words
    found = await db.get_one(Review, review.id, populate_existing=True)
    held = HoldForm(date(2027, 3, 3), "All", "Nothing", found.version)
    await ReviewService(db).hold(world.social_worker.principal, review.id, held)
    await ReviewService(db).sign(world.social_worker.principal, review.id, found.version)
    await ReviewService(db).sign_own(world.person_user.principal, review.id, found.version)
    assert found.status is ReviewStatus.SIGNED
    names = await events(db)
    assert "ReviewSettled" in names
    assert "ReviewSigned" not in names, "no planner held it, so none has earned it"


async def test_who_did_not_make_the_plan_holds_a_review_only_for_a_reason(
    db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    review = await make_review(db, plan, IN_PLACE)
    colleague = await make_worker(db, world.organisation, name="Cal Colleague")
    member = await make_planner(db, world.council, colleague)
    stranger = await make_plan_world(db)
    desk, who = ReviewDeskService(db), world.manager.principal
    with pytest.raises(InvalidInput) as refused:
        await desk.hand_on(who, review.id, HandOnForm(colleague.id, None, "", review.version))
    assert set(refused.value.fields) == {"reason"}
    with pytest.raises(InvalidInput) as refused:
        await desk.hand_on(who, review.id, HandOnForm(stranger.worker.id, None, "Nearer", review.version))
    assert set(refused.value.fields) == {"to"}
    with pytest.raises(NotFound):
        await desk.hand_on(
            stranger.manager.principal, review.id, HandOnForm(colleague.id, None, "Nearer", review.version)
        )
    seen = review.version
    await desk.hand_on(who, review.id, HandOnForm(colleague.id, None, "Bo is ill", seen))
    assert (review.facilitator_id, review.facilitator_reason) == (colleague.id, "Bo is ill")
    with pytest.raises(ReviewChanged):
        await desk.hand_on(who, review.id, HandOnForm(None, None, "x", seen))
    with pytest.raises(NotFound):
        await ReviewService(db).book(world.planner.principal, review.id, BookForm(date(2027, 3, 10), ""))
    await ReviewService(db).book(member.principal, review.id, BookForm(date(2027, 3, 10), ""))


async def test_reviews_of_a_planner_who_left_go_on_the_list_of_nobody(
    db: AsyncSession, world: PlanWorld, plan: Plan, drain: Drain
) -> None:
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED, booked_on=date(2027, 3, 20))
    await watch_reviews()
    await scope_to(db, "every")
    assert review.facilitator_id == world.worker.id
    await db.execute(update(Worker).where(Worker.id == world.worker.id).values(ends_on=date(2027, 3, 3)))
    await watch_reviews()
    await scope_to(db, "every")
    await db.refresh(review)
    assert (review.facilitator_id, review.facilitator_reason) == (None, "Bo Planner has left")
    assert ("review_handed_on", world.manager.user.email) in await drain()


async def test_nobodys_review_is_not_forgotten_the_managers_are_reminded(
    db: AsyncSession, world: PlanWorld, plan: Plan, clock: FixedClock
) -> None:
    review = await make_review(db, plan, IN_PLACE, facilitator_id=None)
    clock.move_to(at(review.window_ends_on + timedelta(days=1)))
    await remind_reviews()
    await scope_to(db, "every")
    found = (await db.execute(text("SELECT template, to_address FROM messages"))).all()
    assert [tuple(row) for row in found] == [("review_overdue", world.manager.user.email)]


async def test_a_missing_signature_is_asked_for_after_two_weeks_once(
    db: AsyncSession, world: PlanWorld, plan: Plan, clock: FixedClock
) -> None:
    await make_review(db, plan, IN_PLACE, status=ReviewStatus.HELD, held_on=date(2027, 3, 2))
    for day, messages in ((15, 0), (16, 2), (17, 2)):
        clock.move_to(at(date(2027, 3, day)))
        await remind_reviews()
        await scope_to(db, "every")
        sent = await count(db, "messages", "template IN ('review_unsigned', 'review_to_sign')")
        assert sent >= messages if messages else sent == 0
    assert await count(db, "messages", "template = 'review_unsigned'") == 1


async def test_a_death_cancels_what_is_to_come_and_its_mistake_sets_it_again(
    db: AsyncSession, world: PlanWorld, plan: Plan, drain: Drain
) -> None:
    review = await make_review(db, plan, IN_PLACE, status=ReviewStatus.BOOKED, booked_on=date(2027, 3, 20))
    other = await make_review(db, plan, date(2026, 1, 1), status=ReviewStatus.CANCELLED)
    facts = {"council_id": world.council.id, "person_id": world.person.id, "died_on": date(2027, 3, 1)}
    publish(db, PersonDied(**facts))
    await drain()
    await db.refresh(review)
    assert review.status is ReviewStatus.CANCELLED
    with pytest.raises(ReviewNotOpen):
        await ReviewService(db).book(world.planner.principal, review.id, BookForm(date(2027, 3, 20), ""))
    publish(db, DeathUndone(**facts))
    await drain()
    await db.refresh(review)
    assert (review.status, review.booked_on) == (ReviewStatus.DUE, None)
    await db.refresh(other)
    assert other.status is ReviewStatus.CANCELLED


async def test_a_calendar_file_holds_the_booked_reviews_of_the_reader(
    browser: Browser, db: AsyncSession, world: PlanWorld, plan: Plan
) -> None:
    day = date(2027, 7, 1)
    await make_review(
        db, plan, IN_PLACE, status=ReviewStatus.BOOKED, booked_on=day, booked_at_time="09:30", place="Hall; room 2, top"
    )
    await make_review(db, plan, IN_PLACE + timedelta(days=1), status=ReviewStatus.BOOKED, booked_on=day)
    elsewhere = await make_plan_world(db)
    db.expunge_all()
    page = await (await browser.signed_in(world.planner)).get("/reviews/calendar.ics")
    assert page.text.count("BEGIN:VEVENT") == 2
    assert "DTSTART:20270701T083000Z" in page.text, "summer time"
    assert "DTSTART;VALUE=DATE:20270701" in page.text
    assert r"LOCATION:Hall\; room 2\, top" in page.text
    assert world.person.name not in page.text
    assert max(len(line.encode()) for line in page.text.split("\r\n")) <= 75
    assert "BEGIN:VEVENT" not in (await (await browser.signed_in(elsewhere.planner)).get("/reviews/calendar.ics")).text
