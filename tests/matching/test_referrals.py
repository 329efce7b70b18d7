"""Referrals: recording, what is missing, what the council keeps, the queue, concurrent changes."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Permission, Role
from marketplace.core.clock import FixedClock
from marketplace.matching.models import Urgency
from marketplace.matching.states import ReferralStatus
from tests.browser import Browser, count, events
from tests.factories import make_council, make_member, make_person
from tests.factories_brokerage import make_broker, make_case, make_planner, make_referral, referral_form

HOSTILE = "<img src=x onerror=alert(1)> {{ 7*7 }} \"&' ’"


async def record(browser: Browser, db: AsyncSession, **given: Any) -> tuple[Browser, str]:
    """Record a referral through the form; returns the broker's browser and the referral's path."""
    broker = await make_broker(db)
    person_given = given.pop("person", {})
    person_id = (await make_person(db, broker.council, **person_given)).id
    staff = await browser.signed_in(broker)
    await staff.open(f"/referrals/new?person={person_id}")
    page = await staff.post("/referrals/new", referral_form(person_id, **given))
    return staff, page.location


async def test_a_complete_referral_waits_with_a_reference_and_a_day_by_which_the_plan_is_due(
    browser: Browser, db: AsyncSession
) -> None:
    staff, path = await record(browser, db, urgency="urgent")
    page = await staff.open(path)
    assert page.heading == "Referral R-2027-00001"
    assert "Due in 14 days" in page.words
    assert "17 March 2027" in page.words
    assert await events(db) == ["ReferralRecorded"]
    assert await count(db, "steps", "subject_kind = 'referral' AND to_status = 'received'") == 1
    assert await count(db, "audit_entries", "action = 'matching.record_referral'") == 1


async def test_references_count_up_within_a_council_and_a_year(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    await staff.post("/referrals/new", referral_form(person_id))
    await staff.post("/referrals/new", referral_form(person_id))
    await record(browser, db)
    found = list((await db.scalars(text("SELECT reference FROM referrals ORDER BY received_at, reference"))).all())
    assert found == ["R-2027-00001", "R-2027-00001", "R-2027-00002"]


async def test_a_complex_case_stays_with_the_council_at_once(browser: Browser, db: AsyncSession) -> None:
    staff, path = await record(
        browser, db, complexity="complex", complexity_reason="Three agencies are involved", wants=""
    )
    page = await staff.open(path)
    assert "The council keeps this referral" in page.words
    assert "Three agencies are involved" in page.words
    assert "Who is best placed" not in page.words
    kept = await staff.open("/referrals?tab=kept")
    assert "R-2027-00001" in kept.words
    await staff.post(f"{path}/offers", {"worker_id": "0" * 32, "rank": "1", "score": "1", "first_day": "1"}, expect=409)


async def test_a_council_may_let_the_network_take_complex_cases(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await set_setting(
        db, None, broker.council.id, "matching.retain_complex", False, starts_on=date(2027, 1, 1), source="test"
    )
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    form = referral_form(person_id, complexity="complex", complexity_reason="Hard")
    page = await staff.open((await staff.post("/referrals/new", form)).location)
    assert "Who is best placed" in page.words


async def test_a_complex_case_needs_its_reason_and_what_was_typed_is_kept(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    form = referral_form(
        person_id, complexity="complex", needs=[], indicative_weekly_pence="lots", wants=HOSTILE, source="", urgency="x"
    )
    page = await staff.post("/referrals/new", form, expect=422)
    assert page.errors() == {
        "complexity_reason": "Say why this needs a council worker",
        "needs": "Select what support is about",
        "indicative_weekly_pence": "The indicative budget for a week must be an amount in pounds, like 75 or 75.50",
        "source": "Select which team refers",
        "urgency": "Select how urgent this is from the list",
    }
    assert page.field("wants") == HOSTILE
    assert page.field("indicative_weekly_pence") == "lots"
    assert page.field("complexity") == "complex"
    assert await count(db, "referrals") == 0
    assert await events(db) == []


async def test_what_is_missing_is_listed_and_can_be_completed(browser: Browser, db: AsyncSession) -> None:
    staff, path = await record(browser, db, wants="", person_informed="")
    page = await staff.open(path)
    assert "What is missing" in page.words
    assert "What the person wants, in their words" in page.words
    assert "knows what to expect" in page.words
    assert "Who is best placed" not in page.words
    edit = await staff.open(f"{path}/edit")
    person = await db.scalar(text("SELECT id FROM people"))
    form = referral_form(person, wants="A garden", version=edit.field("version"))
    await staff.post(f"{path}/edit", form)
    page = await staff.open(path)
    assert "Who is best placed" in page.words
    assert "A garden" in page.words
    steps = list((await db.scalars(text("SELECT to_status FROM steps ORDER BY at, id"))).all())
    assert steps == ["incomplete", "received"]


async def test_a_person_without_a_place_makes_a_referral_incomplete_until_it_is_put_right(
    browser: Browser, db: AsyncSession
) -> None:
    staff, path = await record(browser, db, person={"lat": None, "lon": None})
    assert "A postcode that the directory knows" in (await staff.open(path)).words
    await db.execute(text("UPDATE people SET lat = 53.75, lon = -2.7"))
    assert "Nothing is missing any more" in (await staff.open(path)).words
    await staff.post(f"{path}/recheck")
    assert "Who is best placed" in (await staff.open(path)).words


async def test_two_changes_of_one_referral_do_not_undo_each_other(browser: Browser, db: AsyncSession) -> None:
    staff, path = await record(browser, db)
    version = (await staff.open(f"{path}/edit")).field("version")
    person = await db.scalar(text("SELECT id FROM people"))
    await staff.post(f"{path}/edit", referral_form(person, wants="First", version=version))
    late = await staff.post(f"{path}/edit", referral_form(person, wants="Second", version=version), expect=409)
    assert late.heading == "Somebody else has changed this referral"
    assert await db.scalar(text("SELECT wants FROM referrals")) == "First"


async def test_a_more_urgent_referral_is_due_sooner(browser: Browser, db: AsyncSession) -> None:
    staff, path = await record(browser, db)
    version = (await staff.open(f"{path}/edit")).field("version")
    person = await db.scalar(text("SELECT id FROM people"))
    await staff.post(f"{path}/edit", referral_form(person, urgency="crisis", version=version))
    assert await db.scalar(text("SELECT due_on FROM referrals")) == date(2027, 3, 10)


async def test_keeping_releasing_and_closing_need_a_reason_and_leave_a_step(browser: Browser, db: AsyncSession) -> None:
    staff, path = await record(browser, db)
    for change in ("keep", "release", "close"):
        await staff.open(f"{path}/change/{change}")
    wrong = await staff.post(f"{path}/change/keep", {"reason": " "}, expect=422)
    assert wrong.errors() == {"reason": "Enter the reason"}
    await staff.post(f"{path}/change/keep", {"reason": "Safeguarding"})
    assert "The council keeps this referral" in (await staff.open(path)).words
    await staff.post(f"{path}/change/release", {"reason": "Things are calmer"})
    assert "Who is best placed" in (await staff.open(path)).words
    await staff.post(f"{path}/change/release", {"reason": "Again"}, expect=409)
    await staff.post(f"{path}/change/close", {"reason": "Moved away"})
    assert "This referral is closed. Moved away" in (await staff.open(path)).words
    await staff.post(f"{path}/change/close", {"reason": "Again"}, expect=409)
    person = await db.scalar(text("SELECT id FROM people"))
    await staff.post(f"{path}/edit", referral_form(person, version="9"), expect=409)
    await staff.get(f"{path}/change/explode", expect=404)
    assert await count(db, "steps", "subject_kind = 'referral'") == 4


async def test_a_person_who_had_a_planner_is_referred_with_that_planner_named(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    person_id, worker_id, referral_id = person.id, worker.id, referral.id
    staff, theirs = await browser.signed_in(broker), await browser.signed_in(planner)
    page = await staff.open(f"/referrals/{referral_id}")
    await staff.post(
        f"/referrals/{referral_id}/offers",
        {name: page.field(name) for name in ("worker_id", "rank", "score", "first_day")},
    )
    offer_id = await db.scalar(text("SELECT id FROM offers"))
    await theirs.post(f"/offers/{offer_id}/accept")
    path = (await staff.post("/referrals/new", referral_form(person_id))).location
    assert "Has worked with this person before" in (await staff.open(path)).words
    found = text("SELECT previous_worker_id FROM referrals WHERE previous_worker_id IS NOT NULL")
    assert await db.scalar(found) == worker_id


async def test_planners_and_organisations_are_named_from_the_councils_own(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    mine, _ = await make_planner(db, broker.council)
    foreign, _ = await make_planner(db, await make_council(db))
    person_id, mine_id, foreign_id = (await make_person(db, broker.council)).id, mine.id, foreign.id
    organisation_id, foreign_organisation = mine.organisation_id, foreign.organisation_id
    staff = await browser.signed_in(broker)
    form = referral_form(
        person_id, chosen_worker_id=str(foreign_id), excluded_organisation_ids=[str(foreign_organisation)]
    )
    page = await staff.post("/referrals/new", form, expect=422)
    assert set(page.errors()) == {"chosen_worker_id", "excluded_organisation_ids"}
    form = referral_form(
        person_id,
        chosen_worker_id=str(mine_id),
        excluded_organisation_ids=[str(organisation_id)],
        required_gender="male",
    )
    page = await staff.open((await staff.post("/referrals/new", form)).location)
    assert "Male only (a rule" in page.words
    assert "Nobody fits the rules" in page.words


async def test_the_queue_has_a_tab_for_each_state_and_says_what_is_overdue(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    person = await make_person(db, broker.council)
    for number, status in enumerate(ReferralStatus):
        await make_referral(db, person, broker, status=status, reference=f"R-2027-{number:05}", due_on=date(2027, 3, 1))
    await make_referral(db, person, broker, reference="R-2027-00077", urgency=Urgency.CRISIS, due_on=date(2027, 3, 3))
    staff = await browser.signed_in(broker)
    page = await staff.open("/referrals")
    assert "R-2027-00000" in page.words
    assert "Overdue by 2 days" in page.words
    assert "Due today" in page.words
    assert "3 referrals are overdue" in page.words
    for number, tab in enumerate(("waiting", "incomplete", "kept", "own", "offered", "planned", "closed")):
        shown = await staff.open(f"/referrals?tab={tab}")
        assert f"R-2027-{number:05}" in shown.words
        assert f"R-2027-{(number + 1) % 7:05}" not in shown.words
    crisis = await staff.open("/referrals?urgency=crisis")
    assert "R-2027-00077" in crisis.words
    assert "R-2027-00000" not in crisis.words
    found = await staff.open("/referrals?q=00005")
    assert "R-2027-00005" in found.words
    assert "No referral found" in (await staff.open("/referrals?q=%25%27%3Cscript%3E")).words
    await staff.get("/referrals?tab=nonsense", expect=404)


async def test_the_queue_goes_on_page_by_page(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person = await make_person(db, broker.council)
    for number in range(28):
        await make_referral(db, person, broker, reference=f"R-2027-{number:05}", due_on=date(2027, 4, 1 + number))
    staff = await browser.signed_in(broker)
    first = await staff.open("/referrals")
    assert "R-2027-00024" in first.words
    assert "R-2027-00025" not in first.words
    second = await staff.open(first.link("after="))
    assert "R-2027-00025" in second.words
    assert "R-2027-00024" not in second.words


async def test_another_councils_referral_looks_like_none(browser: Browser, db: AsyncSession) -> None:
    referral, person = await make_case(db, await make_broker(db))
    referral_id, person_id = referral.id, person.id
    staff = await browser.signed_in(await make_broker(db))
    for path in (f"/referrals/{referral_id}", f"/referrals/{referral_id}/edit", "/referrals/nonsense"):
        await staff.get(path, expect=404)
    await staff.get(f"/referrals/new?person={person_id}", expect=404)
    await staff.post("/referrals/new", referral_form(person_id), expect=404)
    await staff.post(f"/referrals/{referral_id}/change/close", {"reason": "Mine"}, expect=404)
    assert "No referral" in (await staff.open("/referrals?q=R-20")).words


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_reaches_what_it_may(browser: Browser, db: AsyncSession, role: Role) -> None:
    council = await make_council(db)
    referral, person = await make_case(db, await make_broker(db, council))
    referral_id, person_id = referral.id, person.id
    await make_planner(db, council)
    member = await make_member(db, role, council)
    principal = member.principal
    signed_in = await browser.signed_in(member)
    paths = {
        "/referrals": Permission.REFERRALS_READ,
        f"/referrals/{referral_id}": Permission.REFERRALS_READ,
        f"/referrals/new?person={person_id}": Permission.REFERRALS_RECORD,
        f"/referrals/{referral_id}/edit": Permission.REFERRALS_RECORD,
        f"/referrals/{referral_id}/change/close": Permission.REFERRALS_RECORD,
        f"/referrals/{referral_id}/change/keep": Permission.REFERRALS_MATCH,
    }
    for path, permission in paths.items():
        page = await signed_in.get(path, expect=200 if principal.may(permission) else 403)
        if path == f"/referrals/{referral_id}" and page.status == 200:
            assert ("Offer to " in page.words) == principal.may(Permission.REFERRALS_MATCH)
    if not principal.may(Permission.REFERRALS_MATCH):
        await signed_in.post(f"/referrals/{referral_id}/offers", {}, expect=403)
        await signed_in.post(f"/referrals/{referral_id}/change/keep", {"reason": "No"}, expect=403)
    if not principal.may(Permission.REFERRALS_RECORD):
        await signed_in.post("/referrals/new", referral_form(person_id), expect=403)
    assert await count(db, "offers") == 0


async def test_hostile_words_are_shown_as_words(browser: Browser, db: AsyncSession) -> None:
    staff, path = await record(browser, db, wants=HOSTILE, interim_plan=HOSTILE)
    page = await staff.open(path)
    assert page.words.count("{{ 7*7 }}") >= 3
    assert "<img src=x" not in page.text
