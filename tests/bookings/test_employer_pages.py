"""The employer's pages in the browser: the calculator, the checklist before the first shift, the family rule."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import DutyStatus, EmployerDuty, Employment, Relation
from marketplace.bookings.service.employment.family import needs_exception
from tests.browser import count, events
from tests.factories import make_council, make_member
from tests.factories_agreements import make_agreement
from tests.factories_bookings import loose, make_scene
from tests.factories_employment import job_fields, make_employment

EXAMPLE = (
    "/employer/cost?hours=20&wage=12.71&age=21&pay_every=week&holiday_method=weeks&weeks_a_year=52&days_a_week=5"
    "&sick_days=0&starts_on-day=6&starts_on-month=4&starts_on-year=2026"
)


async def duty_of(db, employment, key):
    question = select(EmployerDuty).where(EmployerDuty.employment_id == employment.id, EmployerDuty.key == key)
    return (await db.scalars(question.execution_options(populate_existing=True))).one()


async def test_everybody_can_use_the_calculator(browser):
    page = await browser.open("/employer/cost")
    assert page.field("wage") == "12.71"
    page = await browser.open(EXAMPLE)
    for words in (
        "£13,218.40",
        "£11,794.88",
        "£1,423.52",
        "£209.35",
        "£1,232.76",
        "£14,660.51",
        "£15.80",
        "928.0 hours",
    ):
        assert words in page.words


async def test_the_calculator_keeps_what_was_typed_and_says_what_is_wrong(browser):
    page = await browser.open(EXAMPLE.replace("hours=20", "hours=lots").replace("age=21", "age="), expect=422)
    assert set(page.errors()) == {"hours", "age"}
    assert page.field("hours") == "lots"


async def test_before_the_first_shift_everything_open_is_said(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.open("/employer")
    assert "You have entered no assistant" in page.words
    await person.open("/employer/new")
    page = await person.post("/employer", job_fields(starts_on=date(2027, 3, 8)))
    home = page.location
    page = await person.open(home)
    for title in (
        "Agree and sign a contract",
        "Check their right to work in the UK",
        "Buy employers’ liability insurance",
        "Register as an employer and set up payroll",
        "Choose how holiday is worked out",
        "Decide about a DBS check",
        "Give them their written terms",
    ):
        assert title in page.words
    assert "before the first shift" in page.words
    assert "We never hold pay back" in page.words
    assert "An hour truly costs" in page.words
    # Beginning without a word on what is open is refused, and nothing changes.
    page = await person.post(f"{home}/start", {}, expect=422)
    assert set(page.errors()) == {"knows"}
    assert await count(db, "employments", "status = 'running'") == 0
    await person.post(f"{home}/start", {"knows": "yes"})
    assert await count(db, "employments", "status = 'running'") == 1
    assert "EmploymentStarted" in await events(db)
    page = await person.open("/employer")
    assert "Still to do" in page.words


async def test_a_duty_says_who_helps_and_what_happens_if_not(browser, db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    person = await browser.signed_in(scene.member)
    path = f"/employer/{employment.id}/duties/liability"
    page = await person.open(path)
    assert "at least £5,000,000" in page.words
    assert "fined £2,500 for each day" in page.words
    form = {"status": "done", "version": page.field("version")}
    page = await person.post(path, form, expect=422)
    assert set(page.errors()) == {"last_on"}
    last = {"last_on-day": "31", "last_on-month": "12", "last_on-year": "2027"}
    await person.post(path, form | last)
    duty = await duty_of(db, employment, "liability")
    assert (duty.status, duty.done_on, duty.expires_on) == (DutyStatus.DONE, date(2027, 3, 3), date(2028, 1, 1))
    page = await person.open(f"/employer/{employment.id}")
    assert "31 December 2027" in page.words
    # The other window still has the old version.
    await person.post(path, form | last, expect=409)


async def test_a_form_sent_twice_makes_one_job(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    form = job_fields() | {"form_id": "the-same"}
    first = await person.post("/employer", form)
    assert (await person.post("/employer", form)).location == first.location
    assert await count(db, "employments") == 1
    await person.post("/employer", form | {"name": "Somebody else"}, expect=409)


async def test_a_wage_below_the_law_is_refused(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/employer", job_fields(wage="12.70"), expect=422)
    assert page.errors() == {"wage": "The wage must be £12.71 an hour or more: that is the law"}
    assert page.field("wage") == "12.70"
    # The wage of an 18-year-old is lower.
    birth = {"born_on-day": "1", "born_on-month": "6", "born_on-year": "2008"}
    await person.post("/employer", job_fields(wage="12.70") | birth)
    assert await count(db, "employments") == 1


async def test_wrong_fields_are_said_together(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/employer", {"name": "", "hours": "200"}, expect=422)
    assert {"name", "hours", "wage", "work_status", "relation", "lives_with", "starts_on"} <= set(page.errors())
    assert await count(db, "employments") == 0


async def test_a_job_of_others_is_not_there(browser, db):
    scene, other = await make_scene(db), await make_scene(db)
    employment = await make_employment(db, scene)
    stranger = await browser.signed_in(other.member)
    for path in ("", "/change", "/end", "/duties/contract", "/timesheets", "/exception"):
        await stranger.get(f"/employer/{employment.id}{path}", expect=404)
    await stranger.post(f"/employer/{employment.id}/start", {"knows": "yes"}, expect=404)
    await stranger.post(f"/employer/{employment.id}/timesheets", expect=404)


async def test_what_was_entered_can_be_changed_once_in_one_window(browser, db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/employer/{employment.id}/change")
    assert page.field("hours") == "20"
    form = job_fields(wage="14", hours="7:20", version=page.field("version"))
    await person.post(f"/employer/{employment.id}/change", form)
    changed = await db.get_one(Employment, employment.id, populate_existing=True)
    assert (changed.wage_pence, changed.weekly_minutes) == (1_400, 440)
    await person.post(f"/employer/{employment.id}/change", form | {"wage": "15"}, expect=409)


async def test_the_end_of_a_job(browser, db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    person = await browser.signed_in(scene.member)
    await person.open(f"/employer/{employment.id}/end")
    path = f"/employer/{employment.id}/end"
    future = {"last_on-day": "20", "last_on-month": "3", "last_on-year": "2027"}
    assert set((await person.post(path, future, expect=422)).errors()) == {"last_on"}
    await person.post(path, future | {"last_on-day": "3"})
    ended = await db.get_one(Employment, employment.id, populate_existing=True)
    assert ended.ends_on == date(2027, 3, 4)
    page = await person.open(f"/employer/{employment.id}")
    assert "Timesheets for the payroll" in page.words
    assert "No longer with you" in (await person.open("/employer")).words
    await person.post(path, future | {"last_on-day": "3"}, expect=409)


@pytest.mark.parametrize(
    ("relation", "lives_with", "is_needed"),
    [
        (Relation.NONE, True, False),
        (Relation.PARTNER, True, True),
        (Relation.PARTNER, False, True),
        (Relation.CLOSE_RELATIVE, True, True),
        (Relation.CLOSE_RELATIVE, False, False),
        (Relation.OTHER_RELATIVE, True, False),
        (Relation.OTHER_RELATIVE, False, False),
    ],
)
def test_whom_the_family_rule_stops(relation, lives_with, is_needed):
    assert needs_exception(relation, lives_with=lives_with) is is_needed


async def test_a_husband_is_blocked_until_a_manager_allows_it(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    made = await person.post("/employer", job_fields(relation="partner", lives_with="yes"))
    home = made.location
    page = await person.open(home)
    assert "The council has to agree first" in page.words
    assert "regulation 3" in page.words
    await person.post(f"{home}/start", {"knows": "yes"}, expect=409)
    assert await count(db, "employments", "status = 'running'") == 0

    await person.open(f"{home}/exception")
    page = await person.post(f"{home}/exception", {"purpose": "care"}, expect=422)
    assert set(page.errors()) == {"reason"}
    await person.post(f"{home}/exception", {"purpose": "care", "reason": "Nobody else signs BSL here."})
    await person.post(f"{home}/exception", {"purpose": "care", "reason": "Again."}, expect=409)
    assert "FamilyExceptionAsked" in await events(db)

    manager = await browser.signed_in(await make_member(db, Role.MANAGER, scene.council))
    page = await manager.open("/family-exceptions")
    path = page.link(r"^/family-exceptions/.")
    page = await manager.open(path)
    assert "Nobody else signs BSL here." in page.words
    assert set((await manager.post(path, {"decision": "allow"}, expect=422)).errors()) == {"reason"}
    await manager.post(path, {"decision": "allow", "reason": "It is necessary.", "form_id": "one"})
    page = await person.open(home)
    assert "The council agreed" in page.words
    await person.post(f"{home}/start", {"knows": "yes"})
    assert await count(db, "employments", "status = 'running'") == 1

    # Taken back later, with a reason; deciding again is refused.
    await manager.post(path, {"decision": "refuse", "reason": "A carer was found."})
    await manager.post(path, {"decision": "allow", "reason": "No."}, expect=409)
    page = await person.open(home)
    assert "Work that was done already is still paid" in page.words
    assert await count(db, "employments", "status = 'running'") == 1
    assert await count(db, "steps", "subject_kind = 'family_exception'") == 3


async def test_a_cousin_elsewhere_is_allowed(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    home = (await person.post("/employer", job_fields(relation="other_relative"))).location
    assert "The council has to agree first" not in (await person.open(home)).words
    await person.post(f"{home}/start", {"knows": "yes"})
    await person.post(f"{home}/exception", {"purpose": "care", "reason": "In vain."}, expect=409)


async def test_who_asked_does_not_decide_and_another_council_sees_nothing(browser, db):
    scene = await make_scene(db)
    manager = await make_member(db, Role.MANAGER, scene.council)
    manager_id = manager.user.id
    loose(db, manager.user, manager.membership)
    person = await browser.signed_in(scene.member)
    home = (await person.post("/employer", job_fields(relation="close_relative", lives_with="yes"))).location
    await person.post(f"{home}/exception", {"purpose": "management", "reason": "She runs it."})
    asked = str(await db.scalar(text("SELECT id FROM family_exceptions")))
    await db.execute(text("UPDATE family_exceptions SET asked_by_user_id = :u"), {"u": manager_id})
    page = await (await browser.signed_in(manager)).open(f"/family-exceptions/{asked}")
    assert "somebody else decides" in page.words
    form = {"decision": "allow", "reason": "Mine."}
    await (await browser.signed_in(manager)).post(f"/family-exceptions/{asked}", form, expect=409)
    elsewhere = await browser.signed_in(await make_member(db, Role.MANAGER, await make_council(db)))
    await elsewhere.get(f"/family-exceptions/{asked}", expect=404)
    await elsewhere.post(f"/family-exceptions/{asked}", form, expect=404)
    assert await count(db, "family_exceptions", "status = 'asked'") == 1


async def test_the_question_can_be_taken_back(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    home = (await person.post("/employer", job_fields(relation="partner"))).location
    await person.post(f"{home}/exception", {"purpose": "care", "reason": "Please."})
    await person.post(f"{home}/exception", {"action": "withdraw"})
    assert await count(db, "family_exceptions", "status = 'withdrawn'") == 1
    await person.open(home)


async def test_brokers_see_whom_to_help(browser, db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    broker = await browser.signed_in(await make_member(db, Role.BROKER, scene.council))
    page = await broker.open("/employer-help")
    assert scene.person.name in page.words
    assert "Buy employers’ liability insurance" in page.words
    duty = await duty_of(db, employment, "liability")
    duty.status, duty.expires_on = DutyStatus.DONE, date(2027, 3, 3) + timedelta(days=90)
    await db.flush()
    assert "Buy employers’ liability insurance" not in (await broker.open("/employer-help")).words


async def test_a_direct_payment_books_no_visit_with_a_blocked_relative(browser, db):
    scene = await make_scene(db)
    await make_employment(db, scene, runs=False, relation="partner")
    person = await browser.signed_in(scene.member)
    before = await count(db, "bookings")
    page = await person.post("/bookings", scene.form(), expect=409)
    assert page.title.startswith("The council has to agree first")
    assert await count(db, "bookings") == before
    await db.execute(text("UPDATE employments SET relation = 'other_relative'"))
    await person.post("/bookings", scene.form())
    assert await count(db, "bookings") == before + 1


async def test_the_page_of_a_job_leads_to_regular_support(browser, db):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/employer/{employment.id}")
    assert page.link(f"/agreements/new\\?listing={scene.listing.id}$")
    made = await make_agreement(db, scene)
    page = await person.open(f"/employer/{employment.id}")
    assert page.link(f"/agreements/{made.agreement.id}$")
