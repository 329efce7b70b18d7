"""The family rule when regular support is agreed (regulation 3, P7)."""

import re
from datetime import datetime

import pytest

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import (
    Employment,
    FamilyException,
    HolidayMethod,
    PayEvery,
    Relation,
    WorkStatus,
)
from marketplace.bookings.states import BookingStatus, ExceptionStatus
from marketplace.core.clock import LONDON
from tests.bookings.agreement_steps import MONDAY, SIGN, person_form, provider_form, sign
from tests.browser import count
from tests.factories import make_member
from tests.factories_bookings import make_booking, make_scene


async def make_employment(db, scene, relation=Relation.PARTNER):
    """The person takes on the assistant."""
    row = Employment(
        council_id=scene.council.id,
        person_id=scene.person.id,
        worker_id=scene.worker.id,
        name="Pat",
        status="preparing",
        work_status=WorkStatus.EMPLOYED,
        relation=relation,
        lives_with=True,
        starts_on=MONDAY,
        weekly_minutes=600,
        wage_pence=1_600,
        pay_every=PayEvery.MONTH,
        holiday_method=HolidayMethod.WEEKS,
        claims_allowance=True,
        created_by_user_id=scene.member.user.id,
        created_at=datetime(2027, 3, 1, tzinfo=LONDON),
    )
    db.add(row)
    await db.flush()
    return row


async def test_a_partner_is_blocked_with_the_way_to_ask_the_council(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene, relation="partner", lives_with="yes"), expect=409)
    assert page.heading == "The council has to allow this first"
    assert "lives with you" not in page.words
    assert any(link.startswith("/employer/new?listing=") for link in page.links())
    assert await count(db, "support_agreements") == 0


@pytest.mark.parametrize(
    ("relation", "home", "allowed"),
    [
        ("partner", "no", False),
        ("close_relative", "yes", False),
        ("close_relative", "no", True),
        ("other_relative", "yes", True),
        ("other_relative", "no", True),
        ("none", "yes", True),
    ],
)
async def test_the_family_rule_looks_at_relation_and_home(browser, db, relation, home, allowed):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    form = person_form(scene, relation=relation, lives_with=home)
    await person.post("/agreements/new", form, expect=303 if allowed else 409)


@pytest.mark.parametrize(
    ("status", "expect", "words"),
    [
        (ExceptionStatus.ALLOWED, 303, ""),
        (ExceptionStatus.ASKED, 409, "You have asked your council"),
        (ExceptionStatus.REFUSED, 409, "Not enough reason"),
    ],
)
async def test_the_council_may_allow_a_relative(browser, db, status, expect, words):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    manager = await make_member(db, Role.MANAGER, scene.council)
    db.add(
        FamilyException(
            council_id=scene.council.id,
            employment_id=employment.id,
            person_id=scene.person.id,
            status=status,
            is_for_care=True,
            reason="Nobody else can",
            asked_by_user_id=scene.member.user.id,
            asked_at=datetime(2027, 3, 1, tzinfo=LONDON),
            decided_by_user_id=manager.user.id,
            decision_reason="Not enough reason",
        )
    )
    person = await browser.signed_in(scene.member)
    form = person_form(scene, relation="partner", lives_with="yes")
    page = await person.post("/agreements/new", form, expect=expect)
    assert words in page.text


async def test_the_person_is_asked_about_the_family_when_the_assistant_wrote_it(browser, db):
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    index = await provider.open("/provider/clients")
    choose = await provider.open(index.link(r"clients/new\?person="))
    page = await provider.open(choose.link(r"listing="))
    assert page.field("rate") == "16.00"
    sent = await provider.post("/provider/clients/new", provider_form(scene))
    await sign(provider, sent.location, name="Pat Helper")
    address = f"/agreements/{sent.location.rsplit('/', 1)[-1]}"
    page = await person.open(address)
    assert "How are you related?" in page.words
    seen = page.field("seen")
    page = await person.post(f"{address}/sign", {**SIGN, "seen": seen}, expect=422)
    assert set(page.errors()) == {"relation", "lives_with"}
    related = {"relation": "close_relative", "lives_with": "yes"}
    await person.post(f"{address}/sign", {**SIGN, "seen": seen, **related}, expect=409)
    assert await count(db, "support_agreements", "status = 'offered' AND relation IS NULL") == 1
    await person.post(f"{address}/sign", {**SIGN, "seen": seen, "relation": "none", "lives_with": "no"})
    assert await count(db, "support_agreements", "status = 'agreed' AND relation = 'none'") == 1


async def test_the_job_of_a_relative_without_visits_can_be_entered_and_the_council_asked(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene, relation="partner", lives_with="yes"), expect=409)
    form = await person.open(next(link for link in page.links() if link.startswith("/employer/new")))
    assert form.field("worker") == str(scene.worker.id)
    assert form.field("listing") == str(scene.listing.id)
    fields = {
        "worker": form.field("worker"),
        "name": form.field("name"),
        "starts_on-day": MONDAY.day,
        "starts_on-month": MONDAY.month,
        "starts_on-year": MONDAY.year,
        "work_status": "employed",
        "relation": "partner",
        "lives_with": "yes",
        "hours": "10",
        "wage": "15",
        "days_a_week": "5",
        "weeks_a_year": "52",
        "pay_every": "month",
        "holiday_method": "weeks",
        "sick_days": "5",
    }
    # Without the offer one comes from, a stranger cannot be chosen.
    assert "name" in (await person.post("/employer", fields, expect=422)).errors()
    assert await count(db, "employments") == 0
    await person.post("/employer", {**fields, "listing": form.field("listing")})
    assert await count(db, "employments") == 1
    again = await person.post("/agreements/new", person_form(scene, relation="partner", lives_with="yes"), expect=409)
    job = next(link for link in again.links() if re.fullmatch("/employer/[0-9a-f-]{36}", link))
    assert "Ask the council" in (await person.open(job)).words


async def test_nobody_comes_along_with_one_assistant_alone(browser, db):
    scene = await make_scene(db)
    page = await (await browser.signed_in(scene.member)).open(f"/agreements/new?listing={scene.listing.id}")
    assert "This agreement is with one person alone" in page.words
    assert "How many workers come?" not in page.words
