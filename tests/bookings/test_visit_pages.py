"""Pages of weekly visits, changes, pauses and calendars, as both sides see them."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.service.planning.plan import Planner
from marketplace.core.clock import LONDON
from tests.browser import Browser, count
from tests.factories import make_member
from tests.factories_agreements import MadeAgreement, make_agreement
from tests.factories_bookings import Scene, make_scene


@pytest.fixture
async def scene(db: AsyncSession) -> Scene:
    """Somebody with money enough."""
    return await make_scene(db, balance_pence=500_000)


@pytest.fixture
async def made(db: AsyncSession, scene: Scene) -> MadeAgreement:
    """Fridays at ten and Saturday nights, planned."""
    night = {"weekday": 5, "starts_local": time(22), "minutes": 540, "is_sleep_in": True}
    friday = {"weekday": 4, "starts_local": time(10), "minutes": 60}
    made = await make_agreement(db, scene, patterns=[friday, night])
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    return made


async def first_visit(db: AsyncSession) -> str:
    """The id of Friday's visit."""
    return str(await db.scalar(text("SELECT id FROM bookings WHERE visit_on = '2027-03-12'")))


def on(name: str, day: date) -> dict[str, Any]:
    """A date of a form."""
    return {f"{name}-day": day.day, f"{name}-month": day.month, f"{name}-year": day.year}


async def test_the_person_sees_and_changes_visits(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    mine = await browser.signed_in(scene.member)
    home = f"/agreements/{made.agreement.id}/visits"
    page = await mine.open(home)
    assert "Every Friday at 10am, 1 hour" in page.words
    visit = await first_visit(db)
    form = await mine.open(f"{home}/{visit}/change")
    assert form.field("starts_local") == "10:00"
    fields = {
        **on("visit_on", date(2027, 3, 11)),
        "starts_local": "2pm",
        "minutes": "90",
        "every_weeks": "1",
        "scope": "following",
        "version": form.field("version"),
        "pattern_version": form.field("pattern_version"),
    }
    shown = await mine.post(f"{home}/{visit}/change", {**fields, "action": "check"}, expect=200)
    shown.check()
    assert "£24" in shown.words
    assert "£16" in shown.words
    assert await count(db, "visit_patterns") == 2
    wrong = await mine.post(f"{home}/{visit}/change", {**fields, "minutes": "lots", "action": "save"}, expect=422)
    assert "minutes" in wrong.errors()
    await mine.post(f"{home}/{visit}/change", {**fields, "action": "save", "form_id": "once"})
    await mine.post(f"{home}/{visit}/change", {**fields, "action": "save", "form_id": "once"}, expect=None)
    assert await count(db, "visit_patterns") == 3
    assert "Every Thursday at 2pm, 1 hour 30 minutes" in (await mine.open(home)).words
    # The back button and a second tab: the page is of an older version.
    await mine.post(f"{home}/{visit}/change", {**fields, "action": "save"}, expect=409)


async def test_adding_stopping_and_one_visit_more(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    mine = await browser.signed_in(scene.member)
    home = f"/agreements/{made.agreement.id}/visits"
    await mine.open(f"{home}/add")
    empty = await mine.post(f"{home}/add", {}, expect=422)
    assert {"weekdays", "starts_local", "minutes", "starts_on"} <= set(empty.errors())
    fields = {"starts_local": "8am", "minutes": "30", "every_weeks": "2", "workers_needed": "1"}
    await mine.post(f"{home}/add", {**fields, "weekdays": ["0", "2"], **on("starts_on", date(2027, 3, 8))})
    assert "Every second Monday at 8am, 30 minutes" in (await mine.open(home)).words
    pattern = await db.scalar(text("SELECT id FROM visit_patterns WHERE weekday = 4"))
    await mine.open(f"{home}/weekly/{pattern}/stop")
    assert (await mine.post(f"{home}/weekly/{pattern}/stop", {"version": "0"}, expect=422)).errors()
    await mine.post(f"{home}/weekly/{pattern}/stop", {"version": "0", **on("from_on", date(2027, 3, 15))})
    assert await count(db, "bookings", "status = 'planned' AND starts_local = '10:00'") == 2
    await mine.open(f"{home}/extra")
    extra = {**on("visit_on", date(2027, 3, 9)), "starts_local": "3pm", "minutes": "60", "note": ""}
    assert "£16" in (await mine.post(f"{home}/extra", extra, expect=200)).words
    await mine.post(f"{home}/extra", {**extra, "action": "save"})
    assert await count(db, "bookings", "status = 'requested'") == 1


async def test_pausing_and_resuming(browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    mine = await browser.signed_in(scene.member)
    path = f"/agreements/{made.agreement.id}/pause"
    await mine.open(path)
    wrong = {"kind": "holiday", **on("starts_on", date(2027, 3, 20)), **on("ends_on", date(2027, 3, 20))}
    assert "ends_on" in (await mine.post(path, wrong, expect=422)).errors()
    fields = {"kind": "holiday", **on("starts_on", date(2027, 3, 8)), "note": ""}
    shown = await mine.post(path, fields, expect=200)
    assert "What it comes to" in shown.words
    await mine.post(path, {**fields, "action": "save"})
    home = f"/agreements/{made.agreement.id}/visits"
    page = await mine.open(home)
    assert "A holiday: from 8 March 2027" in page.words
    resume = page.link("resume")
    await mine.open(resume)
    assert (await mine.post(resume, {}, expect=422)).errors()
    await mine.post(resume, on("from_on", date(2027, 3, 15)))
    assert await count(db, "agreement_pauses", "ends_on = '2027-03-15'") == 1


async def test_the_provider_asks_and_the_person_answers(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    theirs, mine = await browser.signed_in(scene.provider), await browser.signed_in(scene.member)
    home = f"/provider/clients/{made.agreement.id}/visits"
    await theirs.open(home)
    visit = await first_visit(db)
    await theirs.open(f"{home}/{visit}/change")
    fields = {**on("visit_on", date(2027, 3, 11)), "starts_local": "2pm", "minutes": "60", "scope": "one"}
    await theirs.post(f"{home}/{visit}/change", {**fields, "reason": "Training", "action": "save"})
    assert await count(db, "bookings", "visit_on = '2027-03-11'") == 0
    await theirs.open(home)
    page = await mine.open(f"/agreements/{made.agreement.id}/visits")
    assert "would be on" in page.words
    assert "Training" in page.words
    asked = await db.scalar(text("SELECT id FROM visit_proposals"))
    await mine.post(f"/agreements/{made.agreement.id}/visits/asked/{asked}", {"answer": "yes"})
    assert await count(db, "bookings", "visit_on = '2027-03-11'") == 1
    await theirs.open(f"/provider/clients/{made.agreement.id}/pause")


async def test_strangers_find_nothing(browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement) -> None:
    other = await make_scene(db)
    mine, theirs = await browser.signed_in(other.member), await browser.signed_in(other.provider)
    visit = await first_visit(db)
    for path in ("/visits", "/pause", f"/visits/{visit}/change", "/visits/add", "/visits/extra"):
        await mine.get(f"/agreements/{made.agreement.id}{path}", expect=404)
    await theirs.get(f"/provider/clients/{made.agreement.id}/visits", expect=404)
    await theirs.get(f"/agreements/{made.agreement.id}/visits", expect=403)


async def test_calendars_of_a_week_and_a_month(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    mine, theirs = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    page = await mine.open("/calendar?view=week&on=2027-03-03")
    assert "2 visits, 10 hours together" in page.words
    assert "10am to 11am" in page.words
    assert "<svg" in page.text
    month = await mine.open("/calendar?view=month&on=2027-03-03")
    assert "Visits in March 2027" in month.heading
    assert "2 visits" in (await theirs.open("/calendar?on=2027-03-03")).words
    assert "2 visits" in (await theirs.open("/provider/calendar?on=2027-03-03")).words
    assert "No visits in these days" in (await mine.open("/calendar?on=2027-02-01")).words
    await mine.open("/calendar?on=9999-99-99")
    manager = await make_member(db, Role.PROVIDER, scene.council, organisation_id=scene.organisation.id)
    ours = await browser.signed_in(manager)
    assert "2 visits" in (await ours.open(f"/provider/calendar?on=2027-03-03&worker={scene.worker.id}")).words
    await ours.get("/calendar", expect=404)


async def test_a_feed_is_read_by_its_secret_until_it_is_rotated(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    mine = await browser.signed_in(scene.member)
    await mine.open("/calendar/feeds")
    page = await mine.post("/calendar/feeds", {}, expect=200)
    address = next(word for word in page.words.split() if word.endswith(".ics")).removeprefix("http://testserver")
    answer = await browser.get(address)
    assert answer.response.headers["content-type"].startswith("text/calendar")
    assert "no-store" in answer.response.headers["cache-control"]
    for secret in (scene.person.name, scene.worker.name, scene.organisation.name, "PR1", "support"):
        assert secret.lower() not in answer.text.lower()
    calendar: Any = Calendar.from_ical(answer.text)
    found = calendar.walk("VEVENT")
    assert len(found) == 16
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/London"]
    by_start = {one.decoded("DTSTART"): one for one in found}
    # The night on which the clocks change ends at seven on the wall.
    night = by_start[datetime(2027, 3, 27, 22, tzinfo=LONDON)]
    assert night.decoded("DTEND") == datetime(2027, 3, 28, 7, tzinfo=LONDON)
    assert night.decoded("DTEND").astimezone(LONDON).utcoffset() == timedelta(hours=1)
    feed = await db.scalar(text("SELECT id FROM calendar_feeds WHERE ended_at IS NULL"))
    await mine.post("/calendar/feeds", {"feed": str(feed)}, expect=200)
    await browser.get(address, expect=404)
    assert await count(db, "calendar_feeds", "ended_at IS NULL") == 1
    last = await db.scalar(text("SELECT id FROM calendar_feeds WHERE ended_at IS NULL"))
    await mine.post(f"/calendar/feeds/{last}/end")
    await mine.post(f"/calendar/feeds/{last}/end", expect=404)
    await browser.get("/calendar/nothing.ics", expect=404)
    await browser.get("/calendar/nothing", expect=404)


async def test_a_feed_ends_with_the_role_that_made_it(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    mine = await browser.signed_in(scene.member)
    page = await mine.post("/calendar/feeds", {}, expect=200)
    address = next(word for word in page.words.split() if word.endswith(".ics")).removeprefix("http://testserver")
    await db.execute(text(f"UPDATE memberships SET ends_on = '2027-03-02' WHERE id = '{scene.member.membership.id}'"))
    await browser.get(address, expect=404)


async def test_staff_record_a_death_on_a_page(browser: Browser, db: AsyncSession, scene: Scene) -> None:
    worker = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, scene.council))
    path = f"/people/{scene.person.id}/death"
    page = await worker.open(path)
    wrong = await worker.post(path, {"version": page.field("version"), **on("died_on", date(2027, 3, 9))}, expect=422)
    assert set(wrong.errors()) == {"sure"}
    fields = {"version": page.field("version"), "sure": "yes"}
    late = await worker.post(path, {**fields, **on("died_on", date(2027, 3, 9))}, expect=422)
    assert set(late.errors()) == {"died_on"}
    await worker.post(path, {**fields, **on("died_on", date(2027, 3, 1))})
    page = await worker.open(path)
    assert "died on 1 March 2027" in page.words
    mistake = {"version": page.field("version"), "reason": ""}
    assert set((await worker.post(f"{path}/undo", mistake, expect=422)).errors()) == {"reason"}
    await worker.post(f"{path}/undo", {**mistake, "reason": "Another person of that name"})
    assert await count(db, "people", "died_on IS NOT NULL") == 0
    assert await count(db, "audit_entries", "action = 'people.record_death'") == 1


async def test_brokers_see_what_needs_somebody_else(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    broker = await browser.signed_in(await make_member(db, Role.BROKER, scene.council))
    assert "Nothing to replace" in (await broker.open("/visits-to-replace")).words
    await db.execute(
        text(
            "UPDATE bookings SET status = 'cancelled', call_off_reason = 'agreement_ended', called_off_at = now(), "
            "called_off_by = 'provider'"
        )
    )
    page = await broker.open("/visits-to-replace")
    assert scene.person.name in page.words
    assert "16 visits" in page.words
    mine = await browser.signed_in(scene.member)
    words = (await mine.open(f"/agreements/{made.agreement.id}/visits")).words
    assert "Visits that fall away when the agreement ends" in words


async def test_an_extra_visit_says_when_the_assistant_is_not_free(
    browser: Browser, db: AsyncSession, scene: Scene, made: MadeAgreement
) -> None:
    person = await browser.signed_in(scene.member)
    path = f"/agreements/{made.agreement.id}/visits/extra"
    # The weekly visit is on Friday at ten.
    form = {**on("visit_on", date(2027, 3, 12)), "starts_local": "10:30", "minutes": "60", "note": ""}
    page = await person.post(path, {**form, "action": "check"}, expect=200)
    assert "Your assistant is not free then" in page.words
    before = await count(db, "bookings")
    page = await person.post(path, {**form, "action": "save"}, expect=422)
    assert set(page.errors()) == {"starts_local"}
    assert await count(db, "bookings") == before, "nothing is written before the person chose"
    free = await person.post(path, {**form, "starts_local": "14:00", "action": "check"}, expect=200)
    assert "not free" not in free.words
    await person.post(path, {**form, "action": "save", "anyway": "yes"})
    assert await count(db, "bookings", "pattern_id IS NULL AND worker_id IS NULL AND status = 'requested'") == 1
    await person.post(path, {**form, "starts_local": "14:00", "action": "save"})
    assert await count(db, "bookings", "pattern_id IS NULL AND worker_id IS NOT NULL AND status = 'requested'") == 1
