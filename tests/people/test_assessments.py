"""Assessments in the browser: written section by section, completed into a budget, kept from strangers."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.people.models import Assessment, AssessmentKind, Person
from tests.browser import Browser, count
from tests.factories import Member, make_council, make_member, make_person
from tests.factories_budgets import SIXTY, make_assessment
from tests.factories_care import again
from tests.factories_ras import make_ras_version

HOSTILE = "<script>alert('x')</script> & \"quotes\" {{ 7*7 }} ’ Ω"
DECISION = {
    "held_on-day": "1",
    "held_on-month": "3",
    "held_on-year": "2027",
    "in_my_words": "I want to see my friends.",
    "agreed_outcomes": "See friends on Saturdays",
    "is_eligible": "yes",
    "rationale": "Two outcomes cannot be achieved.",
}


def need(outcome: str = "hygiene", **given: Any) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "words": "I need help.",
        "is_eligible": "yes",
        "met_by": "council",
        "how": "",
        **given,
    }


async def start(db: AsyncSession) -> tuple[Person, Member]:
    worker = await make_member(db, Role.SOCIAL_WORKER)
    return await make_person(db, worker.council), worker


async def version_of(db: AsyncSession) -> str:
    return str(await db.scalar(text("SELECT version FROM assessments ORDER BY created_at DESC, id DESC LIMIT 1")))


async def test_an_assessment_becomes_the_worked_examples_budget(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    person_id = person.id
    await make_ras_version(db, worker.council)
    staff = await browser.signed_in(worker)
    index = f"/people/{person_id}/assessments"
    assert "Nothing was assessed yet" in (await staff.open(index)).words
    here = (await staff.post(index, {"kind": "adult"})).location
    page = await staff.open(here)
    assert "Select an answer for “Washing and dressing”" in page.words
    assert "Complete the assessment" not in page.words
    # Some answers now, the others later: nothing is lost.
    await staff.post(f"{here}/answers", {"answer-washing": "much", "version": await version_of(db)})
    assert "40 points so far" in (await staff.open(here)).words
    form = {f"answer-{key}": answer for key, answer in SIXTY.items()}
    await staff.post(f"{here}/answers", {**form, "version": await version_of(db)})
    for outcome in ("hygiene", "relationships"):
        await staff.post(f"{here}/needs/new", need(outcome, words=HOSTILE, version=await version_of(db)))
    await staff.post(f"{here}/decision", {**DECISION, "version": await version_of(db)})
    shown = await staff.open(here)
    assert "60 points so far" in shown.words
    assert "This is missing" not in shown.words
    done = await staff.post(f"{here}/complete", {"version": await version_of(db)})
    assert done.location == f"/people/{person_id}/budgets"
    assert await count(db, "budgets", "weekly_pence = 11538 AND annual_pence = 600000 AND points = 60") == 1
    assert await count(db, "budgets", "status = 'indicative' AND assessment_id IS NOT NULL") == 1
    assert await count(db, "steps", "subject_kind = 'assessment'") == 2
    assert await count(db, "audit_entries", "concat(before, after, why) LIKE '%friends%'") == 0
    await staff.open(here)
    closed = await staff.post(f"{here}/decision", {**DECISION, "version": await version_of(db)}, expect=409)
    assert closed.heading == "This assessment is complete and stays as it is"


async def test_what_cost_more_before_is_protected(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    version = await make_ras_version(db, worker.council)
    given = {"answers": SIXTY, "previous_weekly_pence": 15_000, "ras_version_id": version.id}
    row = await make_assessment(db, person, is_complete=False, **given)
    staff = await browser.signed_in(worker)
    await staff.post(f"/people/{person.id}/assessments/{row.id}/complete", {"version": "1"})
    assert await count(db, "budgets", "weekly_pence = 15000 AND annual_pence = 600000") == 1
    assert await count(db, "protections", "annual_pence = 180000") == 1


async def test_nothing_is_completed_while_something_is_missing(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    row = await make_assessment(
        db, person, is_complete=False, needs=(), held_on=None, rationale="", has_substantial_difficulty=True
    )
    here = f"/people/{person.id}/assessments/{row.id}"
    staff = await browser.signed_in(worker)
    page = await staff.post(f"{here}/complete", {"version": "1"}, expect=422)
    assert set(page.errors()) == {"needs", "held_on", "supported_by", "rationale"}
    assert await count(db, "assessments", "status = 'completed'") == 0
    assert await count(db, "outbox_messages") == 0


async def test_the_law_asks_for_two_outcomes(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    needs = ({"outcome": "hygiene", "words": "Washing.", "met_by": "council"},) * 2
    row = await make_assessment(db, person, is_complete=False, needs=needs)
    here = f"/people/{person.id}/assessments/{row.id}"
    staff = await browser.signed_in(worker)
    page = await staff.post(f"{here}/complete", {"version": "1"}, expect=422)
    assert "two outcomes or more" in page.errors()["is_eligible"]
    await staff.post(f"{here}/needs/new", need("work", version="1"))
    await staff.post(f"{here}/complete", {"version": await version_of(db)})
    # Without published points no sum is worked out.
    assert await count(db, "assessments", "status = 'completed'") == 1
    assert await count(db, "budgets") == 0


async def test_wrong_needs_and_answers_come_back_as_typed(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    version = await make_ras_version(db, worker.council)
    row = await make_assessment(db, person, is_complete=False, ras_version_id=version.id)
    here = f"/people/{person.id}/assessments/{row.id}"
    staff = await browser.signed_in(worker)
    page = await staff.post(f"{here}/needs/new", need("flying", words="", met_by="informal", version="1"), expect=422)
    assert set(page.errors()) == {"outcome", "words", "how"}
    page = await staff.post(f"{here}/needs/new", need(met_by="not_eligible", version="1"), expect=422)
    assert "it is an eligible one" in page.errors()["met_by"]
    page = await staff.post(f"{here}/answers", {"answer-washing": "no-such", "version": "1"}, expect=422)
    assert set(page.errors()) == {"answer-washing"}
    future = {**DECISION, "held_on-year": "2028", "previous_weekly": "-3", "version": "1"}
    page = await staff.post(f"{here}/decision", future, expect=422)
    assert set(page.errors()) == {"held_on", "previous_weekly"}
    assert page.field("rationale") == DECISION["rationale"]
    assert await count(db, "assessed_needs") == 2


async def test_two_writers_are_told_and_needs_are_changed_or_taken_out(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    row = await make_assessment(db, person, is_complete=False)
    here = f"/people/{person.id}/assessments/{row.id}"
    staff = await browser.signed_in(worker)
    edit = (await staff.open(here)).link(r"/needs/[0-9a-f-]{36}$")
    await staff.open(edit)
    await staff.post(edit, need("work", words="I want a job.", version="1"))
    stale = await staff.post(f"{here}/decision", {**DECISION, "version": "1"}, expect=409)
    assert stale.heading == "Somebody else has changed this record"
    await staff.post(f"{edit}/remove", {"version": await version_of(db)})
    assert await count(db, "assessed_needs") == 1


async def test_equipment_alone_ends_with_a_sum_paid_once(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    needs = ({"outcome": "home_safety", "words": "A rail by the stairs.", "met_by": "council"},)
    row = await make_assessment(db, person, is_complete=False, kind=AssessmentKind.EQUIPMENT, needs=needs)
    here = f"/people/{person.id}/assessments/{row.id}"
    staff = await browser.signed_in(worker)
    page = await staff.post(f"{here}/complete", {"version": "1", "one_off": ""}, expect=422)
    assert set(page.errors()) == {"one_off"}
    page = await staff.post(f"{here}/complete", {"version": "1", "one_off": "85.50", "reason": ""}, expect=422)
    assert set(page.errors()) == {"reason"}
    await staff.post(f"{here}/complete", {"version": "1", "one_off": "85.50", "reason": "Two rails, fitted."})
    assert await count(db, "budgets", "kind = 'equipment' AND one_off_pence = 8550 AND own_weekly_pence = 0") == 1


async def test_a_newer_assessment_replaces_the_one_before(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    old = await make_assessment(db, person)
    new = await make_assessment(db, person, is_complete=False)
    staff = await browser.signed_in(worker)
    await staff.post(f"/people/{person.id}/assessments/{new.id}/complete", {"version": "1"})
    for row in (old, new):
        await db.refresh(row)
    assert (old.status.value, new.status.value) == ("superseded", "completed")


async def test_strangers_readers_and_the_dead(browser: Browser, db: AsyncSession) -> None:
    person, worker = await start(db)
    row: Assessment = await make_assessment(db, person, is_complete=False)
    index = f"/people/{person.id}/assessments"
    here = f"{index}/{row.id}"
    other = await make_person(db, worker.council)
    theirs = f"/people/{other.id}/assessments/{row.id}"
    reader = await make_member(db, Role.BROKER, worker.council)
    stranger = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, await make_council(db)))
    for path in (here, index, f"{here}/decision"):
        await stranger.open(path, expect=404)
    await stranger.post(f"{here}/complete", {}, expect=404)
    await again(db, reader, worker)
    broker = await browser.signed_in(reader)
    assert "Complete it" not in (await broker.open(here)).words
    await broker.post(f"{here}/complete", {"version": "1"}, expect=403)
    await again(db, worker)
    staff = await browser.signed_in(worker)
    await staff.open(theirs, expect=404)
    await staff.open("/people/x/assessments", expect=404)
    await staff.post(index, {"kind": "carer_stage_2"}, expect=422)
    await staff.post(index, {"kind": "adult"}, expect=409)
    await db.execute(text("UPDATE people SET died_on = '2027-03-01'"))
    await staff.post(f"{here}/complete", {"version": "1"}, expect=409)
    assert await count(db, "assessments", "status = 'completed'") == 0
