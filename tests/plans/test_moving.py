"""Somebody moves to another council: consent, the copy at the new council, the contact it starts, support that ends."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings import tasks_moves
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.people.models import Person
from marketplace.plans import tasks_moving
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count
from tests.factories import Member, make_council, make_member
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene
from tests.factories_brokerage import make_postcode
from tests.factories_budgets import make_assessment
from tests.factories_plans import PlanWorld, make_plan, make_plan_world

assert tasks_moving
assert tasks_moves
HOSTILE = "<script>alert('x')</script> & {{ 7*7 }} ’ Ω"
Move = Callable[..., Awaitable[None]]


async def work(db: AsyncSession, *, times: int = 1) -> None:
    """Run what waits about moves."""
    await db.flush()
    for _ in range(3):
        for delivery in await outbox.relay(db):
            if "move" in delivery.task or "case" in delivery.task:
                for _ in range(times):
                    await deliver(delivery)
    await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []


class Two:
    """A person with a plan and an assessment in one council, and a new council with a social worker."""

    def __init__(self, world: PlanWorld, new: Member) -> None:
        self.world, self.new = world, new
        self.person_id = world.person.id
        self.page = f"/people/{world.person.id}/move"

    def form(self, **given: str) -> dict[str, Any]:
        return {"moves_on": "2027-04-01", "to": str(self.new.council.id), **given}


YES = {"consent": "yes", "shared": ["profile", "plan", "assessment"], "support": "goes_on", "version": "1"}


@pytest.fixture
async def two(db: AsyncSession) -> Two:
    world = await make_plan_world(db)
    world.person.important_to_me = HOSTILE
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_assessment(db, world.person)
    new = await make_member(db, Role.SOCIAL_WORKER, await make_council(db), name="Nora New")
    await make_postcode(db)
    await db.flush()
    found = Two(world, new)
    db.expunge_all()
    return found


async def test_nothing_reaches_the_new_council_before_the_person_says_yes(
    browser: Browser, db: AsyncSession, two: Two
) -> None:
    staff = await browser.signed_in(two.world.social_worker)
    page = await staff.post(two.page, {"to": "elsewhere"}, expect=422)
    assert set(page.errors()) == {"moves_on-day", "to_name"} or set(page.errors()) == {"moves_on", "to_name"}
    await staff.post(two.page, two.form())
    await staff.post(two.page, two.form(), expect=409)
    await work(db)
    assert await count(db, "messages", "template = 'move_recorded'") == 1
    assert await count(db, "incoming_cases") == 0
    mine = await browser.signed_in(two.world.person_user)
    page = await mine.open("/my-move")
    assert "Nothing is passed on unless you say yes" in page.words
    page = await mine.post("/my-move", {"consent": "yes", "support": "ends", "version": "1"}, expect=422)
    assert set(page.errors()) == {"shared"}
    await mine.post("/my-move", {**YES, "consent": "no"})
    await work(db, times=2)
    assert await count(db, "incoming_cases") == 0
    assert await count(db, "audit_entries", "action = 'plans.answer_move'") == 1
    new = await browser.signed_in(two.new)
    assert "Nobody was passed on yet" in (await new.open("/incoming-cases")).words
    await new.open(two.page, expect=404)
    await new.open(f"/people/{two.person_id}", expect=404)


async def test_the_new_council_reads_the_copy_and_starts_from_it(browser: Browser, db: AsyncSession, two: Two) -> None:
    await (await browser.signed_in(two.world.social_worker)).post(two.page, two.form())
    await (await browser.signed_in(two.world.person_user)).post("/my-move", YES)
    await work(db, times=2)
    assert await count(db, "incoming_cases", f"council_id = '{two.new.council.id}'") == 1
    assert await count(db, "messages", "template = 'case_came_in'") == 1
    new = await browser.signed_in(two.new)
    case = (await new.open("/incoming-cases")).link(r"/incoming-cases/[0-9a-f-]{36}")
    page = await new.open(case)
    for words in ("<script>alert", "I need help to wash.", "See friends on Saturdays", "section 38", "1 April 2027"):
        assert words in page.words, words
    assert await count(db, "audit_entries", "action = 'plans.read_incoming_case'") >= 1
    form = {"version": "1", "address_line": "2 New Road", "town": "Preston", "postcode": "nowhere"}
    page = await new.post(case, form, expect=422)
    assert set(page.errors()) == {"postcode"}
    assert page.field("address_line") == "2 New Road"
    done = await new.post(case, form | {"postcode": "PR1 2HE"})
    await scope_to(db, "every")
    assert await count(db, "people", f"council_id = '{two.new.council.id}' AND address_line = '2 New Road'") == 1
    assert await count(db, "front_door_contacts", "outcome = 'passed_on' AND passed_to = 'Assessment'") == 1
    await new.post(case, form | {"postcode": "PR1 2HE", "version": "2"}, expect=409)
    page = await new.open(f"{done.location}/timeline")
    assert "Passed on by" in page.words
    stranger = await make_member(db, Role.SOCIAL_WORKER, await make_council(db))
    db.expunge_all()
    await (await browser.signed_in(stranger)).open(case, expect=404)
    mine = await (await browser.signed_in(two.world.person_user)).open("/my-timeline")
    assert "You said yes to passing things on" in mine.words
    assert await count(db, "audit_entries", "concat(before, after, why) LIKE '%alert(%'") == 0


async def test_only_the_parts_chosen_are_passed_on_and_a_no_takes_them_back(
    browser: Browser, db: AsyncSession, two: Two
) -> None:
    staff = await browser.signed_in(two.world.social_worker)
    await staff.post(two.page, two.form())
    page = await staff.post(f"{two.page}/answer", {**YES, "words": ""}, expect=422)
    assert set(page.errors()) == {"words"}
    await staff.post(f"{two.page}/answer", {**YES, "shared": ["assessment"], "words": "On the telephone."})
    await work(db)
    extract = await db.scalar(text("SELECT extract FROM incoming_cases"))
    assert set(extract) == {"shared", "person", "assessment"}
    mine = await browser.signed_in(two.world.person_user)
    await mine.post("/my-move", {**YES, "version": "1"}, expect=409)
    await mine.post("/my-move", {**YES, "consent": "no", "version": "2"})
    await work(db, times=2)
    assert await count(db, "incoming_cases", "withdrawn_at IS NOT NULL AND extract = '{}'::jsonb") == 1
    new = await browser.signed_in(two.new)
    case = (await new.open("/incoming-cases")).link(r"/incoming-cases/[0-9a-f-]{36}")
    page = await new.open(case)
    assert "took back their consent" in page.words
    await new.post(case, {"version": "2", "postcode": "PR1 2HE"}, expect=409)
    await mine.post("/my-move", {**YES, "version": "3"})
    await work(db)
    assert await count(db, "incoming_cases", "withdrawn_at IS NULL") == 1
    await staff.post(f"{two.page}/cancel", {"version": "4"})
    await work(db)
    assert await count(db, "incoming_cases", "withdrawn_at IS NOT NULL AND extract = '{}'::jsonb") == 1
    await mine.open("/my-move", expect=404)


async def test_a_council_that_is_not_here_gets_nothing_by_itself(browser: Browser, db: AsyncSession, two: Two) -> None:
    staff = await browser.signed_in(two.world.social_worker)
    await staff.post(two.page, two.form(to="elsewhere", to_name="Rutland"))
    mine = await browser.signed_in(two.world.person_user)
    await mine.post("/my-move", YES)
    await work(db)
    assert await count(db, "incoming_cases") == 0
    assert "Rutland does not use this service" in (await mine.open("/my-move")).words
    assert "Send the record yourself" in (await staff.open(two.page)).words


@pytest.mark.parametrize("support", ["ends", "goes_on"])
async def test_support_ends_on_the_day_or_goes_on_as_the_person_decides(
    browser: Browser, db: AsyncSession, support: str
) -> None:
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    other = await make_council(db)
    staff = await make_member(db, Role.SOCIAL_WORKER, scene.council)
    path = f"/people/{scene.person.id}/move"
    agreement = made.agreement.id
    await db.flush()
    db.expunge_all()
    await (await browser.signed_in(staff)).post(path, {"moves_on": "2027-06-01", "to": str(other.id)})
    await (await browser.signed_in(scene.member)).post("/my-move", {**YES, "support": support})
    await work(db, times=2)
    ended = await count(db, "support_agreements", f"id = '{agreement}' AND ends_on = '2027-06-01'")
    assert ended == (support == "ends")
    assert await count(db, "outbox_messages", "event = 'AgreementEnding'") == (support == "ends")


async def day_comes(db: AsyncSession, *, times: int = 2) -> None:
    """Let the daily job run, and what follows from it."""
    await db.flush()
    for _ in range(times):
        await tasks_moving.watch_moves()
        await work(db, times=times)
    await scope_to(db, "every")


async def test_on_the_day_both_councils_and_the_person_are_told_once(
    browser: Browser, db: AsyncSession, two: Two, clock: FixedClock
) -> None:
    await (await browser.signed_in(two.world.social_worker)).post(two.page, two.form())
    await (await browser.signed_in(two.world.person_user)).post("/my-move", YES)
    await work(db)
    clock.move_to(datetime(2027, 3, 31, 22, 30, tzinfo=UTC))
    await day_comes(db)
    assert await count(db, "messages", "template IN ('move_day', 'move_day_person', 'case_day')") == 0
    clock.move_to(datetime(2027, 3, 31, 23, 30, tzinfo=UTC))  # 1 April, in London.
    await day_comes(db)
    told = await db.execute(text("SELECT template, count(*), count(DISTINCT to_address) FROM messages GROUP BY 1"))
    found = {row[0]: (row[1], row[2]) for row in told}
    assert (found["move_day"], found["case_day"]) == ((1, 1), (1, 1))
    assert found["move_day_person"] == (2, 2)  # The person, and who acts for them.
    bodies = {row.template: row.body for row in await db.execute(text("SELECT template, body FROM messages"))}
    assert "Nothing may be taken away because the assessment is late" in bodies["case_day"]
    assert "Your support does not have to stop" in bodies["move_day_person"]
    assert "They want their support to go on" in bodies["move_day"]
    for template in ("move_day", "case_day"):
        assert two.world.person.family_name not in bodies[template]
    new = await browser.signed_in(two.new)
    page = await new.open("/incoming-cases")
    assert "Meet needs as before" in page.words
    assert (
        "You are responsible since 1 April 2027" in (await new.open(page.link(r"/incoming-cases/[0-9a-f-]{36}"))).words
    )


async def test_whoever_was_assessed_before_the_day_is_no_duty_any_more(
    browser: Browser, db: AsyncSession, two: Two, clock: FixedClock
) -> None:
    await (await browser.signed_in(two.world.social_worker)).post(two.page, two.form())
    await (await browser.signed_in(two.world.person_user)).post("/my-move", YES)
    await work(db)
    new = await browser.signed_in(two.new)
    case = (await new.open("/incoming-cases")).link(r"/incoming-cases/[0-9a-f-]{36}")
    form = {"version": "1", "address_line": "2 New Road", "town": "Preston", "postcode": "PR1 2HE"}
    started = await new.post(case, form)
    await scope_to(db, "every")
    clock.move_to(datetime(2027, 3, 20, 10, tzinfo=UTC))
    await make_assessment(db, await db.get_one(Person, UUID(started.location.rsplit("/", 1)[1])))
    db.expunge_all()
    clock.move_to(datetime(2027, 4, 3, 10, tzinfo=UTC))  # Two days on which nothing ran.
    await day_comes(db)
    assert await count(db, "messages", "template = 'case_day'") == 0
    assert await count(db, "messages", "template = 'move_day'") == 1
    new = await browser.signed_in(two.new)
    assert "You have assessed since" in (await new.open(case)).words


async def test_a_move_that_was_called_off_or_refused_tells_the_new_council_nothing(
    browser: Browser, db: AsyncSession, two: Two, clock: FixedClock
) -> None:
    staff = await browser.signed_in(two.world.social_worker)
    await staff.post(two.page, two.form())
    mine = await browser.signed_in(two.world.person_user)
    await mine.post("/my-move", YES)
    await work(db)
    await mine.post("/my-move", {**YES, "consent": "no", "version": "2"})
    await work(db)
    clock.move_to(datetime(2027, 4, 1, 10, tzinfo=UTC))
    await day_comes(db)
    assert await count(db, "messages", "template = 'case_day'") == 0
    assert await count(db, "messages", "template = 'move_day' AND body LIKE '%was told nothing by us%'") == 1
    # A form that was open over the day still counts, and a yes that comes late is told late.
    mine = await browser.signed_in(two.world.person_user)
    await mine.post("/my-move", {**YES, "version": "3"})
    await work(db)
    await day_comes(db)
    assert await count(db, "messages", "template = 'case_day'") == 1
    staff = await browser.signed_in(two.world.social_worker)
    await staff.post(f"{two.page}/cancel", {"version": "4"})
    await work(db)
    await staff.post(two.page, two.form(moves_on="2027-05-01"))
    await day_comes(db)
    assert await count(db, "messages", "template = 'move_day'") == 1
    await staff.post(f"{two.page}/cancel", {"version": "1"})
    clock.move_to(datetime(2027, 5, 2, 10, tzinfo=UTC))
    await day_comes(db)
    assert await count(db, "messages", "template = 'move_day'") == 1
