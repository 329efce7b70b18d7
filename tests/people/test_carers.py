"""Whom a carer cares for: said at the first stage or decided at the second, and shown on both records (R14)."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.people.models import AssessmentKind
from marketplace.people.words_assessments import CARER_QUESTIONS
from tests.browser import Browser, count
from tests.factories import make_council, make_member, make_person, make_person_member
from tests.factories_budgets import make_assessment

HEAVY = {question["key"]: question["answers"][-1]["key"] for question in CARER_QUESTIONS}


async def test_staff_write_down_whom_a_carer_cares_for(browser: Browser, db: AsyncSession) -> None:
    worker = await make_member(db, Role.SOCIAL_WORKER)
    carer = await make_person(db, worker.council, given_name="Cara", reference="P-000801")
    mother = await make_person(db, worker.council, given_name="Mona", reference="P-000802")
    stranger = await make_person(db, await make_council(db), reference="P-000803")
    carer_id, mother_id = carer.id, mother.id
    staff = await browser.signed_in(worker)
    here = f"/people/{carer_id}/assessments"
    for wrong in (stranger.reference, "P-000801", "nonsense"):
        page = await staff.post(f"{here}/carer", {**HEAVY, "cares_for": wrong}, expect=422)
        assert set(page.errors()) == {"cares_for"}
        assert page.field("cares_for") == wrong
    assert await count(db, "assessments") == 0
    await staff.post(f"{here}/carer", {**HEAVY, "cares_for": "p-000802"})
    assert await count(db, "assessments", f"cares_for_person_id = '{mother_id}'") == 1
    words = (await staff.open(f"/people/{mother_id}/assessments")).words
    assert "Who cares for Mona" in words
    assert f"/people/{carer_id}/assessments" in (await staff.open(f"/people/{mother_id}/assessments")).links()

    # The second stage takes it over, and may put it right.
    second = (await staff.post(here, {"kind": "carer_stage_2"})).location
    page = await staff.open(second)
    assert f"/people/{mother_id}" in page.links()
    form = await staff.open(f"{second}/decision")
    assert form.field("cares_for") == "P-000802"
    version = await db.scalar(text("SELECT version FROM assessments WHERE kind = 'carer_stage_2'"))
    refused = await staff.post(f"{second}/decision", {"cares_for": "P-000801", "version": str(version)}, expect=422)
    assert set(refused.errors()) == {"cares_for"}
    await staff.post(f"{second}/decision", {"cares_for": "", "version": str(version)})
    assert await count(db, "assessments", "kind = 'carer_stage_2' AND cares_for_person_id IS NULL") == 1


async def test_a_carer_says_it_in_their_own_words(browser: Browser, db: AsyncSession) -> None:
    _, member = await make_person_member(db, await make_council(db))
    mine = await browser.signed_in(member)
    assert "Who do you care for?" in (await mine.open("/my-budget/carer")).words
    await mine.post("/my-budget/carer", {**HEAVY, "cares_for": "Mona", "in_my_words": "Nights are long."})
    said = await db.scalar(text("SELECT in_my_words FROM assessments"))
    assert said == "I care for Mona.\nNights are long."


async def test_an_adults_assessment_asks_nothing_of_caring(browser: Browser, db: AsyncSession) -> None:
    worker = await make_member(db, Role.SOCIAL_WORKER)
    person = await make_person(db, worker.council)
    row = await make_assessment(db, person, is_complete=False, kind=AssessmentKind.ADULT)
    staff = await browser.signed_in(worker)
    assert "they care for" not in (await staff.open(f"/people/{person.id}/assessments/{row.id}/decision")).words
