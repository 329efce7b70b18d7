"""Three stages and crises: evidence before stage 3, a manager's exception, and what waits for them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.models import AuditEntry
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock, today
from marketplace.matching.errors import PlanningWaits
from marketplace.matching.models import Referral
from marketplace.matching.service import OfferService
from marketplace.matching.states import ReferralStatus
from marketplace.people import may_plan_long_term
from marketplace.people.models import Crisis, PersonStage
from tests.browser import Browser, count
from tests.factories import START, Member, make_council, make_member, make_person
from tests.factories_brokerage import make_broker, make_case, make_planner, offer_form, referral_form

TODAY = {"started_on-day": "3", "started_on-month": "3", "started_on-year": "2027"}
AGAIN = {"look_again_on-day": "17", "look_again_on-month": "3", "look_again_on-year": "2027"}


async def gated(db: AsyncSession, role: Role = Role.SOCIAL_WORKER) -> tuple[Any, Member]:
    """A person of a council that works in three stages, and somebody of its staff."""
    council = await make_council(db)
    await set_setting(db, None, council.id, "people.three_stages", True, starts_on=START)
    return await make_person(db, council), await make_member(db, role, council, name="Robin Field")


async def test_stage_3_opens_long_term_planning_once_stages_1_and_2_have_evidence(
    browser: Browser, db: AsyncSession
) -> None:
    person, member = await gated(db)
    council_id, person_id = person.council_id, person.id
    path = f"/people/{person_id}/stages"
    staff = await browser.signed_in(member)
    assert path in (await staff.open(f"/people/{person_id}")).links()
    assert "evidence of stage 1 and 2 is missing" in (await staff.open(path)).words
    await staff.post(path, {"stage": "1", **TODAY})
    page = await staff.open(path)
    await staff.post(
        path,
        {
            "stage": "2",
            "stage_stamp": page.field("stage_stamp"),
            "tried": "Lunch club",
            "result": "Goes each week",
            **TODAY,
        },
    )
    page = await staff.open(path)
    refused = await staff.post(path, {"stage": "3", "stage_stamp": page.field("stage_stamp"), **TODAY}, expect=422)
    assert "stage 2, or ask a manager" in refused.errors()["tried"]
    assert await count(db, "person_stages") == 2
    assert "stage 2 is missing" in (await may_plan_long_term(db, council_id, person_id) or "")
    form = {
        "stage": "3",
        "stage_stamp": page.field("stage_stamp"),
        "tried": "Reablement",
        "result": "Stairs are safe",
        **TODAY,
    }
    await staff.post(path, form)
    assert await may_plan_long_term(db, council_id, person_id) is None
    words = (await staff.open(path)).words
    assert "Long-term support may be planned" in words
    assert "Lunch club" in words
    rows = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "people.begin_stage"))).all()
    assert "Lunch club" not in str([row.after for row in rows])
    # An old form finds the stage changed.
    await staff.post(path, {**form, "stage": "1"}, expect=409)


async def test_only_a_manager_leaves_stages_out_and_says_why(browser: Browser, db: AsyncSession) -> None:
    person, member = await gated(db)
    council_id, person_id = person.council_id, person.id
    manager = await make_member(db, Role.MANAGER, member.council, name="Max Lead")
    path = f"/people/{person_id}/stages"
    staff, boss = await browser.signed_in(member), await browser.signed_in(manager)
    form = {"stage": "3", **TODAY}
    refused = await staff.post(path, {**form, "exception_reason": "I say so"}, expect=422)
    assert set(refused.errors()) == {"tried"}
    refused = await boss.post(path, form, expect=422)
    assert set(refused.errors()) == {"exception_reason"}
    assert await count(db, "person_stages") == 0
    await boss.post(path, {**form, "exception_reason": "A lifelong condition"})
    assert await may_plan_long_term(db, council_id, person_id) is None
    assert "Exception by Max Lead: A lifelong condition" in (await boss.open(path)).words
    row = (await db.scalars(select(PersonStage))).one()
    assert row.exception_by_user_id is not None


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"stage": "4"}, {"stage"}),
        ({"stage": ""}, {"stage"}),
        ({"started_on-year": "2028"}, {"started_on"}),
        ({"started_on-day": "31", "started_on-month": "2"}, {"started_on"}),
    ],
)
async def test_wrong_stages_are_refused(
    browser: Browser, db: AsyncSession, given: dict[str, str], wrong: set[str]
) -> None:
    person, member = await gated(db)
    staff = await browser.signed_in(member)
    path = f"/people/{person.id}/stages"
    page = await staff.post(path, {"stage": "1", **TODAY, **given}, expect=422)
    assert set(page.errors()) == wrong
    assert await count(db, "person_stages") == 0


async def test_the_same_stage_and_one_before_its_start_are_refused(browser: Browser, db: AsyncSession) -> None:
    person, member = await gated(db)
    path = f"/people/{person.id}/stages"
    staff = await browser.signed_in(member)
    await staff.post(path, {"stage": "2", **TODAY})

    async def shown() -> str:
        return (await staff.open(path)).field("stage_stamp") or ""

    same = await staff.post(path, {"stage": "2", "stage_stamp": await shown(), **TODAY}, expect=422)
    assert set(same.errors()) == {"stage"}
    early = await staff.post(
        path, {"stage": "1", "stage_stamp": await shown(), **TODAY, "started_on-day": "2"}, expect=422
    )
    assert set(early.errors()) == {"started_on"}
    assert await count(db, "person_stages", "ended_on IS NULL") == 1


async def test_nothing_long_term_is_planned_in_a_crisis_unless_a_manager_lets_it(
    browser: Browser, db: AsyncSession
) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    council_id, person_id = council.id, person.id
    worker = await make_member(db, Role.SOCIAL_WORKER, council)
    manager = await make_member(db, Role.MANAGER, council)
    staff, boss = await browser.signed_in(worker), await browser.signed_in(manager)
    path = f"/people/{person_id}"
    assert await may_plan_long_term(db, council_id, person_id) is None
    wrong = await staff.post(f"{path}/crisis", {"crisis_reason": "", **AGAIN, "look_again_on-year": "2028"}, expect=422)
    assert set(wrong.errors()) == {"crisis_reason", "look_again_on"}
    await staff.post(f"{path}/crisis", {"crisis_reason": "Her carer is in hospital", **AGAIN})
    await staff.post(f"{path}/crisis", {"crisis_reason": "Again", **AGAIN}, expect=409)
    assert "in a crisis" in (await may_plan_long_term(db, council_id, person_id) or "")
    page = await staff.open(f"{path}/stages")
    assert "Plan nothing long-term yet" in page.words
    first = page.field("crisis_stamp")
    await staff.post(f"{path}/crisis/planning", {"override_reason": "Please", "crisis_stamp": first}, expect=403)
    refused = await boss.post(f"{path}/crisis/planning", {"override_reason": "", "crisis_stamp": first}, expect=422)
    assert set(refused.errors()) == {"override_reason"}
    await boss.post(f"{path}/crisis/planning", {"override_reason": "It will not pass", "crisis_stamp": first})
    assert await may_plan_long_term(db, council_id, person_id) is None
    await staff.post(f"{path}/crisis/end", {"crisis_stamp": first}, expect=409)
    last = {"crisis_stamp": (await staff.open(f"{path}/stages")).field("crisis_stamp")}
    await staff.post(f"{path}/crisis/end", last)
    await staff.post(f"{path}/crisis/end", last, expect=409)
    assert "Her carer is in hospital" in (await staff.open(f"{path}/stages")).words


async def test_a_referral_in_a_crisis_waits_as_incomplete_and_goes_on_afterwards(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    broker = await make_broker(db, council)
    crisis = Crisis(
        council_id=council.id,
        person_id=person.id,
        reason="A fall",
        started_on=today(clock),
        look_again_on=today(clock) + timedelta(days=7),
        started_by_user_id=broker.user.id,
    )
    db.add(crisis)
    await db.flush()
    person_id, crisis_id = person.id, crisis.id
    staff = await browser.signed_in(broker)
    path = (
        await staff.post("/referrals/new", referral_form(person_id, complexity="complex", complexity_reason="x"))
    ).location
    page = await staff.open(path)
    assert "The person is in a crisis" in page.words
    referral = (await db.scalars(select(Referral))).one()
    assert referral.status is ReferralStatus.INCOMPLETE
    await staff.post(f"/people/{person_id}/crisis/end", {"crisis_stamp": f"{crisis_id}-1"})
    assert (await db.get_one(Crisis, crisis_id, populate_existing=True)).ended_on is not None
    await staff.post(f"{path}/recheck", {})
    referral = (await db.scalars(select(Referral).execution_options(populate_existing=True))).one()
    assert referral.status is ReferralStatus.RETAINED


async def test_a_crisis_that_began_after_the_referral_stops_the_offer(db: AsyncSession, clock: FixedClock) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    form = await offer_form(db, broker, referral, person, worker)
    db.add(
        Crisis(
            council_id=person.council_id,
            person_id=person.id,
            reason="A fall",
            started_on=today(clock),
            look_again_on=today(clock) + timedelta(days=7),
            started_by_user_id=broker.user.id,
        )
    )
    await db.flush()
    with pytest.raises(PlanningWaits):
        await OfferService(db).make(broker.principal, referral.id, form)
    assert await count(db, "offers") == 0


async def test_a_stranger_is_not_found_and_other_roles_may_not(browser: Browser, db: AsyncSession) -> None:
    stranger = await make_person(db, await make_council(db))
    path = f"/people/{stranger.id}"
    council = await make_council(db)
    staff = await browser.signed_in(await make_member(db, Role.MANAGER, council))
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, council))
    await staff.open(f"{path}/stages", expect=404)
    for end in ("stages", "crisis", "crisis/end", "crisis/planning"):
        await staff.post(f"{path}/{end}", {}, expect=404)
        await finance.post(f"{path}/{end}", {}, expect=403)
    assert await count(db, "record_views") == 0
