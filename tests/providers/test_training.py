"""The training record: courses with dates, gaps, a file, and rows that stay when a course is taken off."""

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.providers.models import WorkerKind, WorkerTraining
from marketplace.providers.service.workforce.training import COURSES, EXPECTED
from tests.browser import Browser, count
from tests.factories import make_organisation, make_worker
from tests.factories_bookings import loose
from tests.factories_workers import audit_actions, make_desk

SAFEGUARDING = {
    "course": "safeguarding",
    "given_by": "The council",
    "done_on-day": "1",
    "done_on-month": "2",
    "done_on-year": "2026",
    "last_day-day": "15",
    "last_day-month": "3",
    "last_day-year": "2027",
}


async def test_the_list_of_courses_holds_what_planners_are_trained_in() -> None:
    assert len(EXPECTED[WorkerKind.PLANNER] - {"person_centred", "safeguarding"}) == 8
    assert {"person_centred", "care_certificate", "other"} <= set(COURSES)


async def test_a_course_is_noted_runs_out_and_can_be_given_as_evidence(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    desk = await make_desk(db, browser)
    worker = await make_worker(db, desk.organisation, kind=WorkerKind.CARE_WORKER)
    loose(db, worker)
    address = f"/provider/workers/{worker.id}"
    await desk.provider.post(f"{address}/training", SAFEGUARDING, expect=303)

    page = await desk.provider.open(address)
    assert "1 February 2026, counts until 15 March 2027" in page.words
    assert "Ends soon" in page.words
    assert page.link("kind=safeguarding_training")
    await desk.later(clock, datetime(2027, 3, 16, 9, tzinfo=UTC))
    page = await desk.provider.open(address)
    assert "Ended" in page.words
    assert not [link for link in page.links() if "kind=safeguarding_training" in link]


async def test_wrong_days_and_an_unnamed_course_are_refused(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    worker = await make_worker(db, desk.organisation)
    loose(db, worker)
    late = {"course": "other", "done_on-day": "1", "done_on-month": "4", "done_on-year": "2027", "given_by": "Kept"}
    page = await desk.provider.post(f"/provider/workers/{worker.id}/training", late, expect=422)

    assert page.errors() == {
        "title": "Enter what the course was",
        "done_on": "The day must be today or in the past",
    }
    assert page.field("given_by") == "Kept"
    assert await count(db, "worker_training") == 0


async def test_a_removed_course_leaves_the_page_and_its_row_stays(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    worker = await make_worker(db, desk.organisation)
    stranger = await make_worker(db, await make_organisation(db))
    loose(db, worker, stranger)
    await desk.provider.post(f"/provider/workers/{worker.id}/training", SAFEGUARDING, expect=303)
    row = (await db.scalars(select(WorkerTraining))).one()
    loose(db, row)
    await desk.provider.post(f"/provider/workers/{stranger.id}/training/{row.id}/remove", {}, expect=404)
    await desk.provider.post(f"/provider/workers/{worker.id}/training/{row.id}/remove", {}, expect=303)
    await desk.provider.post(f"/provider/workers/{worker.id}/training/{row.id}/remove", {}, expect=404)

    assert "No courses are noted" in (await desk.provider.open(f"/provider/workers/{worker.id}")).words
    assert await count(db, "worker_training", "removed_at IS NOT NULL") == 1
    assert await audit_actions(db) == ["providers.add_training", "providers.remove_training"]


async def test_the_table_shows_gaps_and_the_file_runs_no_formula(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    planner = await make_worker(db, desk.organisation, name="=Plan Ner")
    carer = await make_worker(db, desk.organisation, name="Car Er", kind=WorkerKind.CARE_WORKER)
    await make_worker(db, desk.organisation, name="Gone Er", ends_on=date(2027, 3, 1))
    now = {"recorded_at": desk.organisation.created_at}
    db.add(WorkerTraining(worker_id=planner.id, course="values", done_on=date(2027, 1, 1), **now))
    old = {"done_on": date(2024, 1, 1), "expires_on": date(2025, 1, 1)}
    db.add(WorkerTraining(worker_id=carer.id, course="first_aid", **old, **now))
    await db.flush()
    page = await desk.provider.open("/provider/workers/training")
    file = await desk.provider.get("/provider/workers/training.csv")

    assert "15 courses are missing or ended" in page.words
    assert "Ended 31 December 2024" in page.words
    assert "Gone Er" not in page.words
    lines = file.text.splitlines()
    assert lines[0].startswith("worker,does,Values and outcomes")
    assert lines[1].startswith("'=Plan Ner,Support planner,Done 1 January 2027")
    assert lines[2].endswith(",6")


async def test_nobody_to_train_is_said_with_what_to_do(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    assert "Add your workers first" in (await desk.provider.open("/provider/workers/training")).words
