"""An organisation's workers: added, changed, away and gone; whose they are; what they can take on."""

from datetime import UTC, date, datetime, time

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.providers.models import OrganisationKind, Worker, WorkerAbsence, WorkerKind
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.service.times import Hours
from marketplace.providers.service.workforce.capacity import band_minutes, capacity
from tests.browser import Browser, count, events
from tests.factories import make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_bookings import loose, make_booking, make_scene
from tests.factories_workers import WORKER_FORM, Desk, audit_actions, make_desk

LAST = {"last_day-day": "31", "last_day-month": "3", "last_day-year": "2027"}


async def the_worker(db: AsyncSession) -> Worker:
    row = (
        await db.scalars(select(Worker).where(Worker.bio == "Likes dogs").execution_options(populate_existing=True))
    ).one()
    loose(db, row)
    return row


async def added(db: AsyncSession, desk: Desk, **changes: object) -> Worker:
    await desk.provider.post("/provider/workers", {**WORKER_FORM, **changes}, expect=303)
    return await the_worker(db)


async def test_a_worker_is_added_with_a_town_and_without_a_postcode_on_any_page(
    browser: Browser, db: AsyncSession
) -> None:
    desk = await make_desk(db, browser)
    await desk.provider.open("/provider/workers/new")
    worker = await added(db, desk)

    assert (worker.town, worker.postcode) == ("Preston", "PR1 2HE")
    assert (worker.skills, worker.radius_metres) == (["moving", "driving"], 19_312)
    listed = await desk.provider.open("/provider/workers")
    page = await desk.provider.open(f"/provider/workers/{worker.id}")
    form = await desk.provider.open(f"/provider/workers/{worker.id}/change")
    assert "Jo Example" in listed.words
    assert "Moving and handling, hoists" in page.words
    assert form.field("postcode") == ""
    for one in (listed, page, form):
        assert "PR1 2HE" not in one.text.replace("For example, PR1 2HE", "")
    assert await audit_actions(db) == ["providers.add_worker"]
    entry = (await db.execute(text("SELECT after FROM audit_entries WHERE subject_kind = 'worker'"))).scalar_one()
    assert "postcode" not in entry


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    wrong = {**WORKER_FORM, "name": "", "languages": [], "postcode": "PR1", "fte_percent": "101", "bio": "Kept"}
    page = await desk.provider.post("/provider/workers", wrong, expect=422)

    assert set(page.errors()) == {"name", "languages", "postcode", "fte_percent"}
    assert page.field("bio") == "Kept"
    page = await desk.provider.post("/provider/workers", {**WORKER_FORM, "postcode": "PR1 9ZZ"}, expect=422)
    assert page.errors() == {"postcode": "We cannot find this postcode. Check it. If it is new, use one close by"}
    assert await count(db, "workers") == 0


async def test_a_change_keeps_the_base_and_tells_the_market(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    worker = await added(db, desk)
    await make_listing(db, desk.organisation, worker_id=worker.id)
    form = {**WORKER_FORM, "postcode": "", "name": "Jo New", "version": str(worker.version)}
    await desk.provider.post(f"/provider/workers/{worker.id}", form, expect=303)

    worker = await the_worker(db)
    assert (worker.name, worker.postcode) == ("Jo New", "PR1 2HE")
    assert await events(db) == ["WorkerTimeChanged", "ListingChanged"]
    before, after = (
        await db.execute(text("SELECT before, after FROM audit_entries WHERE action = 'providers.change_worker'"))
    ).one()
    assert (before["name"], after["name"]) == ("Jo Example", "Jo New")


async def test_two_changes_at_once_do_not_overwrite_each_other(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    worker = await added(db, desk)
    address, seen = f"/provider/workers/{worker.id}", str(worker.version)
    await desk.provider.post(address, {**WORKER_FORM, "name": "First", "version": seen}, expect=303)
    page = await desk.provider.post(address, {**WORKER_FORM, "name": "Second", "version": seen}, expect=409)

    assert page.heading == "Somebody else has changed this since you opened the page"
    assert (await the_worker(db)).name == "First"


async def test_workers_of_others_are_not_there(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    other = await make_worker(db, await make_organisation(db), kind=WorkerKind.CARE_WORKER)
    loose(db, other)
    for path in ("", "/change", "/leave"):
        await desk.provider.get(f"/provider/workers/{other.id}{path}", expect=404)
    await desk.provider.post(f"/provider/workers/{other.id}", WORKER_FORM, expect=404)
    await desk.provider.post(f"/provider/workers/{other.id}/leave", LAST, expect=404)
    await desk.provider.post(f"/provider/workers/{other.id}/training", {"course": "values"}, expect=404)
    assert await audit_actions(db) == []


async def test_an_assistant_among_several_keeps_their_own_page_alone(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser, OrganisationKind.PA_SERVICE)
    own = await make_worker(db, desk.organisation, kind=WorkerKind.PA, name="Own Person")
    colleague = await make_worker(db, desk.organisation, kind=WorkerKind.PA, name="Col League")
    member = await make_member(db, Role.PA, desk.council, organisation_id=desk.organisation.id, worker_id=own.id)
    assistant = await browser.signed_in(member)
    loose(db, own, colleague)

    assert "Col League" not in (await assistant.open("/provider/workers")).words
    await assistant.get(f"/provider/workers/{colleague.id}", expect=404)
    await assistant.get("/provider/workers/new", expect=404)
    await assistant.post("/provider/workers", WORKER_FORM, expect=404)
    await assistant.get(f"/provider/workers/{own.id}/leave", expect=404)
    form = {**WORKER_FORM, "kind": "planner", "fte_percent": "10", "version": str(own.version)}
    await assistant.post(f"/provider/workers/{own.id}", form, expect=303)
    own = await db.get_one(Worker, own.id)
    assert (own.name, own.kind, own.fte_percent) == ("Jo Example", WorkerKind.PA, 100)


async def test_somebody_who_works_alone_is_one_worker(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser, OrganisationKind.SOLE_PA)
    assert desk.worker is not None
    page = await desk.provider.open("/provider/workers")
    assert page.heading == "You"
    assert "Add yourself" not in page.words
    await desk.provider.get("/provider/workers/new", expect=404)
    form = {**WORKER_FORM, "kind": "planner", "version": "1"}
    page = await desk.provider.post(f"/provider/workers/{desk.worker.id}", form, expect=422)
    assert page.errors() == {"kind": "You are registered as a personal assistant who works alone"}


async def test_who_is_here_away_coming_and_gone(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    team = desk.organisation
    await make_worker(db, team, name="Here Now", kind=WorkerKind.PLANNER, fte_percent=50)
    away = await make_worker(db, team, name="Away Person", kind=WorkerKind.CARE_WORKER)
    db.add(WorkerAbsence(worker_id=away.id, starts_on=date(2027, 3, 1), ends_on=date(2027, 3, 8)))
    await make_worker(db, team, name="Begins Later", starts_on=date(2027, 4, 1))
    await make_worker(db, team, name="Long Gone", ends_on=date(2027, 3, 1))
    await db.flush()
    words = (await desk.provider.open("/provider/workers")).words

    assert words.index("Here now") < words.index("Here Now") < words.index("Away today") < words.index("Away Person")
    assert "Back on 8 March 2027" in words
    assert words.index("Yet to begin") < words.index("Begins Later") < words.index("Long Gone")
    assert "28 February 2027" in words
    assert "50% of full time, 2 plans a week" in words
    assert "Your planners can complete 2 plans" in words


async def test_who_leaves_keeps_history_and_gets_nothing_new(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    desk = await make_desk(db, browser)
    worker = await added(db, desk)
    member = await make_member(
        db, Role.PLANNER, desk.council, organisation_id=desk.organisation.id, worker_id=worker.id
    )
    loose(db, member.user, member.membership)
    scene = await make_scene(db, council=desk.council)
    for day in (date(2027, 3, 30), date(2027, 4, 2), date(2027, 4, 9)):
        visit = {"worker_id": worker.id, "organisation_id": desk.organisation.id}
        await make_booking(db, scene, BookingStatus.ACCEPTED, on=day, **visit)
    address = f"/provider/workers/{worker.id}"
    assert "3 visits are agreed" in (await desk.provider.open(f"{address}/leave")).words
    await desk.provider.post(f"{address}/leave", LAST, expect=303)

    page = await desk.provider.open(address)
    assert "2 visits are agreed or asked for after the last day" in page.words
    assert await count(db, "bookings", "status = 'accepted'") == 3
    ends_on = select(Membership.ends_on).where(Membership.id == member.membership.id)
    assert await db.scalar(ends_on) == date(2027, 4, 1)
    await desk.provider.post(f"{address}/stay", {}, expect=303)
    assert (await the_worker(db)).ends_on is None
    assert await db.scalar(ends_on) is None

    await desk.provider.post(f"{address}/leave", LAST, expect=303)
    await desk.later(clock, datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert worker.id not in {
        row.id for row in await WorkerRepository(db).working(desk.organisation.id, date(2027, 4, 1))
    }
    assert "The last day was 31 March 2027" in (await desk.provider.open(address)).words
    await desk.provider.post(f"{address}/stay", {}, expect=409)
    await desk.provider.post(address, {**WORKER_FORM, "version": "9"}, expect=409)


async def test_a_last_day_before_the_first_is_refused(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    worker = await added(db, desk)
    early = {"last_day-day": "1", "last_day-month": "2", "last_day-year": "2027"}
    page = await desk.provider.post(f"/provider/workers/{worker.id}/leave", early, expect=422)
    assert page.errors() == {"last_day": "The last day must be the same as or after their first day"}
    assert (await the_worker(db)).ends_on is None


async def test_another_council_changes_nothing_about_whose_workers_they_are(browser: Browser, db: AsyncSession) -> None:
    desk = await make_desk(db, browser)
    worker = await added(db, desk)
    elsewhere = await make_member(db, Role.PROVIDER, await make_council(db), organisation_id=desk.organisation.id)
    loose(db, elsewhere.user, elsewhere.membership, elsewhere.council)
    page = await (await browser.signed_in(elsewhere)).open(f"/provider/workers/{worker.id}")
    assert page.heading == "Jo Example"


def test_hours_fall_into_the_parts_of_a_care_day() -> None:
    minutes = band_minutes(
        [Hours(0, time(6, 30), time(13)), Hours(0, time(16), time(23, 59)), Hours(6, time(0), time(7))]
    )
    monday = [band[0] for band in minutes]
    assert monday == [150, 180, 60, 120, 240, 120]
    assert [band[6] for band in minutes] == [60, 0, 0, 0, 0, 360]


def test_a_week_is_drawn_and_shaded_by_its_most() -> None:
    week = capacity([Hours(0, time(9), time(12)), Hours(1, time(9), time(10))])
    morning = week.rows[1]
    assert [cell.shade for cell in morning[2]][:3] == [4, 2, 0]
    assert (morning[3], week.total) == ("4", "4")
    assert [bar.left for bar in week.bars] == [0, 14.29]
    assert capacity([]).total == "0"
