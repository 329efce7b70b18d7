"""Setting up a direct payment: conditions, answers, start, early start with its deadline, stop; payments follow."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import RepresentativeKind
from marketplace.accounts.states import REPRESENTATION, RepresentationStatus
from marketplace.bookings.service.purse import purse_of
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.payments.service.account.shares import ShareService
from marketplace.people.models import FundingRoute
from marketplace.people.representatives import RepresentativeService
from marketplace.plans import PlanService
from marketplace.plans.errors import SetupChanged
from marketplace.plans.models import ManagedBy
from marketplace.plans.repository.agreeing import CostRepository
from marketplace.plans.repository.setups import EarlyStartRepository
from marketplace.plans.service.early_starts import EarlyStartService, alerts_due
from marketplace.plans.service.setups import SetupAnswers, SetupPayments, SetupService
from marketplace.plans.states import PlanStatus, SetupStatus
from marketplace.plans.tasks_agreeing import watch_early_starts
from tests.browser import Browser, count
from tests.factories_plans import PlanWorld, make_plan, make_plan_world
from tests.factories_setups import (
    NEXT_WEEK,
    TODAY,
    allow_early,
    make_agreed,
    make_indicative,
    make_offered,
    manager_of,
    setup_form,
)

Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


async def test_every_condition_is_asked_one_by_one_before_it_is_offered(db: AsyncSession, world: PlanWorld) -> None:
    await make_indicative(db, world)
    service, worker = SetupService(db), world.social_worker.principal
    row = await service.begin(worker, world.person.id)
    assert (await service.begin(worker, world.person.id)).id == row.id
    form = setup_form(
        row,
        conditions={"asked": (True, ""), "not_prohibited": (False, ""), "can_manage": (True, "Yes")},
        needs="",
        starts_on=TODAY - timedelta(days=1),
        weekly_pence=0,
    )
    with pytest.raises(InvalidInput) as refused:
        async with db.begin_nested():
            await service.offer(worker, row.id, form)
    fields = {"why_asked", "met_not_prohibited", "met_appropriate", "weekly", "needs", "starts_on"}
    assert set(refused.value.fields) == fields
    assert refused.value.fields["why_asked"] == "Write how you know that condition 1 is met"
    assert refused.value.fields["met_appropriate"].startswith("Condition 4 has to be met")
    await db.refresh(row)
    assert row.status is SetupStatus.DRAFT


async def test_more_than_the_budget_is_refused(db: AsyncSession, world: PlanWorld) -> None:
    await make_indicative(db, world, 10_000)
    with pytest.raises(InvalidInput):
        await make_offered(db, world)


async def test_after_the_sign_off_it_starts_and_the_council_pays_by_the_schedule(
    db: AsyncSession, world: PlanWorld, clock: FixedClock, drain: Drain
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world, own_weekly_pence=1_000)
    row = await make_agreed(db, world, weekly_pence=5_769)
    # £57.69 of £115.38 a week, so half of the own £10.00 with it.
    assert row.amount_pence == (5_769 - 500) * 4
    await SetupPayments(db).start(world.social_worker.principal, row.id, "", row.version)
    budget = await CostRepository(db).final(world.council.id, world.person.id, NEXT_WEEK)
    assert budget is not None
    assert (budget.route, budget.weekly_pence) == (FundingRoute.DIRECT_PAYMENT, 11_538)
    assert (budget.direct_weekly_pence, budget.pay_every_weeks) == (5_769, 4)
    assert await count(db, "budget_parts") == 2
    clock.advance(timedelta(days=7))
    assert await ShareService(db).pay_all(world.council.id) == 1
    purse = await purse_of(db, world.council.id, world.person.id)
    assert purse is not None
    own = budget.own_weekly_pence * 5_769 // 11_538
    assert purse.balance_pence == (5_769 - own) * 4
    assert purse.weekly_pence == 5_769
    assert await ShareService(db).pay_all(world.council.id) == 0
    # Steps that were gone past by the time are not told.
    assert {one[0] for one in await drain()} == {"direct_payment_started"}


async def test_without_a_signed_plan_nothing_starts_unless_the_council_allows_it(
    db: AsyncSession, world: PlanWorld
) -> None:
    await make_indicative(db, world)
    row = await make_agreed(db, world)
    with pytest.raises(StepRefused):
        async with db.begin_nested():
            await SetupPayments(db).start(world.social_worker.principal, row.id, "Needed now", row.version)
    assert await count(db, "direct_payment_arrangements") == 0
    assert await count(db, "budgets", "status = 'final'") == 0


async def early(db: AsyncSession, world: PlanWorld) -> date:
    """A payment that starts next week, before the sign-off; returns the deadline."""
    await allow_early(db, world)
    await make_indicative(db, world)
    row = await make_agreed(db, world)
    await SetupPayments(db).start(world.social_worker.principal, row.id, "Support begins next week", row.version)
    found = await EarlyStartRepository(db).open_of(world.council.id, world.person.id)
    assert found is not None
    return found.sign_off_by


async def test_it_starts_next_week_before_the_sign_off_which_ends_the_watch(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    assert await early(db, world) == NEXT_WEEK + timedelta(days=42)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    clock.advance(timedelta(days=7))
    assert await ShareService(db).pay_all(world.council.id) == 1
    clock.advance(timedelta(days=20))
    await PlanService(db).sign_off(world.social_worker.principal, plan.id, version.version)
    assert await EarlyStartRepository(db).open_of(world.council.id, world.person.id) is None
    assert await count(db, "early_starts", "ended_how = 'signed'") == 1
    budget = await CostRepository(db).final(world.council.id, world.person.id, date(2027, 4, 1))
    assert budget is not None
    assert (budget.route, budget.weekly_pence) == (FundingRoute.DIRECT_PAYMENT, 8_000)


async def test_a_sign_off_before_the_first_day_leaves_that_day(db: AsyncSession, world: PlanWorld) -> None:
    await early(db, world)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await PlanService(db).sign_off(world.social_worker.principal, plan.id, version.version)
    costs = CostRepository(db)
    assert await costs.final(world.council.id, world.person.id, TODAY) is None
    budget = await costs.final(world.council.id, world.person.id, NEXT_WEEK)
    assert budget is not None
    assert (budget.route, budget.weekly_pence) == (FundingRoute.DIRECT_PAYMENT, 8_000)


def test_alerts_come_once_for_each_deadline_and_none_is_lost() -> None:
    day, days = date(2027, 4, 21), [14, 3, 0]
    assert alerts_due(day, date(2027, 4, 6), [], days) == []
    assert alerts_due(day, date(2027, 4, 7), [], days) == ["14:2027-04-21"]
    assert alerts_due(day, date(2027, 4, 18), ["14:2027-04-21"], days) == ["3:2027-04-21"]
    # The job did not run for a month: everything is due, and told once.
    assert alerts_due(day, date(2027, 5, 1), [], days) == ["14:2027-04-21", "3:2027-04-21", "0:2027-04-21"]
    assert alerts_due(date(2027, 5, 5), date(2027, 4, 21), ["14:2027-04-21"], days) == ["14:2027-05-05"]


async def test_the_deadline_is_told_never_lapses_and_is_put_off_by_a_manager_with_a_reason(
    db: AsyncSession, world: PlanWorld, clock: FixedClock, drain: Drain
) -> None:
    deadline = await early(db, world)
    await drain()

    async def told() -> int:
        await watch_early_starts()
        return len([one for one in await drain() if one[0].startswith("early_start_due")])

    assert await told() == 0
    clock.move_to(clock.at + (deadline - timedelta(days=14) - TODAY))
    # The person, who acts for them, the social worker and the manager.
    assert await told() == 4
    assert await told() == 4
    clock.advance(timedelta(days=11))
    assert await told() == 8
    clock.advance(timedelta(days=10))
    assert await told() == 12
    found = await EarlyStartRepository(db).open_of(world.council.id, world.person.id)
    assert found is not None
    assert (await SetupAnswers(db).mine(world.person_user.principal)).status is SetupStatus.STARTED  # type: ignore[union-attr]
    service, now = EarlyStartService(db), deadline + timedelta(days=7)
    with pytest.raises(Forbidden):
        await service.extend(world.social_worker.principal, found.id, now + timedelta(days=7), "Ill", found.version)
    with pytest.raises(InvalidInput):
        await service.extend(world.manager.principal, found.id, deadline, "Ill", found.version)
    with pytest.raises(SetupChanged):
        await service.extend(world.manager.principal, found.id, now + timedelta(days=7), "Ill", 99)
    await service.extend(world.manager.principal, found.id, now + timedelta(days=30), "She was ill", found.version)
    assert found.told
    assert "early_start_extended" in [one[0] for one in await drain()]
    assert await told() == 12


async def test_a_nominee_says_yes_first_then_the_person(db: AsyncSession, world: PlanWorld, drain: Drain) -> None:
    await make_indicative(db, world)
    nominee = await manager_of(db, world)
    row = await make_offered(db, world, managed_by=ManagedBy.NOMINEE, representation_id=nominee.id)
    with pytest.raises(StepRefused):
        await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)
    await SetupAnswers(db).answer(world.representative.principal, True, "", row.version)
    assert row.status is SetupStatus.OFFERED
    assert "direct_payment_manager_yes" in [one[0] for one in await drain()]
    await db.refresh(row)
    await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)
    assert row.status is SetupStatus.AGREED


async def test_a_nominee_who_declines_takes_it_back_to_a_draft_and_the_council_is_told(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_indicative(db, world)
    nominee = await manager_of(db, world)
    row = await make_offered(db, world, managed_by=ManagedBy.NOMINEE, representation_id=nominee.id)
    await SetupAnswers(db).answer(world.representative.principal, False, "I have no time", row.version)
    assert (row.status, row.representation_id, row.reason) == (SetupStatus.DRAFT, None, "I have no time")
    told = [one[0] for one in await drain()]
    assert "direct_payment_declined" in told
    assert "direct_payment_taken_back" in told


async def test_what_the_council_takes_back_is_told_to_the_person_and_not_to_the_council_as_a_no(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_indicative(db, world)
    row = await make_offered(db, world)
    await drain()
    await SetupService(db).reopen(world.manager.principal, row.id, "The amount was wrong", row.version)
    told = [one[0] for one in await drain()]
    assert "direct_payment_taken_back" in told
    assert "direct_payment_declined" not in told


async def test_each_message_of_a_refused_set_up_leads_to_a_field_also_when_capacity_was_changed_on_the_page(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_indicative(db, world)
    row = await SetupService(db).begin(world.social_worker.principal, world.person.id)
    path, form = f"/direct-payment-setups/{row.id}", {"version": "1", "action": "offer", "capacity": "no"}
    form |= {"managed_by": "authorised", "holding": "provider_managed", "frequency": "weekly", "weekly": "60"}
    db.expunge_all()
    page = await (await browser.signed_in(world.social_worker)).post(path, form, expect=422)
    assert {"met_best_interests", "representation_id", "organisation_id"} <= set(page.errors())
    assert "section 32" in page.words
    ids = {item.get("id") for item in page.tree.iter()}
    assert {one if one in ids else f"{one}-day" for one in page.errors()} <= ids


async def test_the_person_reads_who_holds_the_money_and_what_becomes_of_the_rest(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_indicative(db, world)
    await make_offered(db, world, weekly_pence=6_000)
    db.expunge_all()
    page = await (await browser.signed_in(world.person_user)).open("/money/set-up")
    assert "You, in your own bank account" in page.words
    assert "The council arranges support for the other £55.38 a week" in page.words


async def test_without_capacity_an_authorised_person_with_papers_answers_alone(
    db: AsyncSession, world: PlanWorld
) -> None:
    await make_indicative(db, world)
    manager = await manager_of(db, world)
    given = {"has_capacity": False, "managed_by": ManagedBy.AUTHORISED, "representation_id": manager.id}
    with pytest.raises(InvalidInput):  # A nominee has no papers.
        async with db.begin_nested():
            await make_offered(db, world, **given)
    await manager_of(db, world, RepresentativeKind.DEPUTY)
    row = await make_offered(db, world, **given)
    with pytest.raises(StepRefused):
        await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)
    await SetupAnswers(db).answer(world.representative.principal, True, "", row.version)
    assert row.status is SetupStatus.AGREED


async def test_capacity_that_changes_before_the_start_takes_it_back_and_after_it_stops(
    db: AsyncSession, world: PlanWorld
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    row = await make_agreed(db, world)
    service, worker = SetupService(db), world.social_worker.principal
    await service.reopen(worker, row.id, "She lost capacity", row.version)
    assert (row.status, row.agreed_at) == (SetupStatus.DRAFT, None)
    row = await service.offer(worker, row.id, setup_form(row))
    await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)
    await SetupPayments(db).start(worker, row.id, "", row.version)
    with pytest.raises(InvalidInput):
        await SetupPayments(db).stop(worker, row.id, TODAY - timedelta(days=1), "Lost capacity", row.version)
    await SetupPayments(db).stop(worker, row.id, NEXT_WEEK + timedelta(days=21), "Lost capacity", row.version)
    assert row.status is SetupStatus.STOPPED
    later = await CostRepository(db).final(world.council.id, world.person.id, NEXT_WEEK + timedelta(days=30))
    assert later is not None
    # Needs are met whatever the route.
    assert (later.route, later.weekly_pence) == (FundingRoute.COUNCIL_MANAGED, 11_538)
    again = await service.begin(worker, world.person.id)
    assert again.id != row.id


async def test_two_managers_at_once_and_a_budget_that_fell_start_nothing(db: AsyncSession, world: PlanWorld) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    advice = await make_indicative(db, world)
    row = await make_agreed(db, world)
    shown = row.version
    advice.weekly_pence = 9_000
    await db.flush()
    with pytest.raises(InvalidInput):
        async with db.begin_nested():
            await SetupPayments(db).start(world.manager.principal, row.id, "", shown)
    advice.weekly_pence = 11_538
    await db.flush()
    await SetupPayments(db).start(world.manager.principal, row.id, "", shown)
    with pytest.raises(SetupChanged):
        await SetupPayments(db).start(world.social_worker.principal, row.id, "", shown)
    assert await count(db, "direct_payment_arrangements") == 1


async def test_a_manager_of_the_payment_who_is_gone_alarms_the_council_and_stops_a_start(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    nominee = await manager_of(db, world)
    row = await make_offered(db, world, managed_by=ManagedBy.NOMINEE, representation_id=nominee.id)
    await SetupAnswers(db).answer(world.representative.principal, True, "", row.version)
    await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)
    await RepresentativeService(db).revoke(world.person_user.principal, nominee.id, "We fell out")
    assert "direct_payment_manager_gone" in [one[0] for one in await drain()]
    with pytest.raises(InvalidInput):
        await SetupPayments(db).start(world.social_worker.principal, row.id, "", row.version)
    assert REPRESENTATION.allows(RepresentationStatus.LIVE, RepresentationStatus.REVOKED)


async def test_strangers_find_nothing(db: AsyncSession, world: PlanWorld) -> None:
    await make_indicative(db, world)
    row = await make_offered(db, world)
    other = await make_plan_world(db)
    with pytest.raises(NotFound):
        await SetupService(db).begin(other.social_worker.principal, world.person.id)
    with pytest.raises(NotFound):
        await SetupService(db).refuse(other.manager.principal, row.id, "No", row.version)
    with pytest.raises(NotFound):
        await SetupAnswers(db).answer(other.person_user.principal, True, "", row.version)
    with pytest.raises(Forbidden):
        await SetupPayments(db).start(world.planner.principal, row.id, "", row.version)


async def test_the_pages_from_draft_to_early_start(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await allow_early(db, world)
    await make_indicative(db, world)
    person_id = world.person.id
    db.expunge_all()
    worker = await browser.signed_in(world.social_worker)
    await worker.open("/direct-payment-setups")
    page = await worker.post(f"/direct-payment-setups/for/{person_id}", {}, expect=303)
    path = page.location
    assert path is not None
    page = await worker.open(path)
    assert page.field("weekly") == "115.38"
    form = {
        "version": "1",
        "action": "offer",
        "capacity": "yes",
        "managed_by": "self",
        "holding": "own_account",
        "frequency": "four_weekly",
        "weekly": "115.38",
    }
    page = await worker.post(path, form, expect=422)
    assert len(page.errors()) == 6
    for key in ("asked", "not_prohibited", "can_manage", "appropriate"):
        form |= {f"met_{key}": "yes", f"why_{key}": "We spoke"}
    await worker.post(path, {**form, "needs": "Washing", "starts_on": "2027-03-10"}, expect=303)
    person = await browser.signed_in(world.person_user)
    page = await person.open("/money/set-up")
    assert "£461.52" in page.words
    stamp = page.field("version")
    page = await person.post("/money/set-up", {"answer": "yes", "version": stamp}, expect=422)
    assert "has_read" in page.errors()
    await person.post("/money/set-up", {"answer": "yes", "has_read": "yes", "version": stamp}, expect=303)
    worker = await browser.signed_in(world.social_worker)
    page = await worker.open(path)
    stamp = page.field("version")
    page = await worker.post(path, {"action": "start", "version": stamp}, expect=422)
    assert "early_reason" in page.errors()
    await worker.post(path, {"action": "start", "version": stamp, "early_reason": "Now"}, expect=303)
    await worker.post(path, {"action": "start", "version": stamp, "early_reason": "Again"}, expect=409)
    assert "21 April 2027" in (await worker.open("/early-starts")).words
    await worker.open("/direct-payment-setups?show=settled")
    manager = await browser.signed_in(world.manager)
    early_path = next(one for one in (await manager.open("/early-starts")).links() if one.startswith("/early-starts/"))
    stamp = (await manager.open(early_path)).field("version")
    page = await manager.post(early_path, {"until": "2027-04-01", "reason": "Ill", "version": stamp}, expect=422)
    await manager.post(early_path, {"until": "2027-05-01", "reason": "Ill", "version": stamp}, expect=303)
    person = await browser.signed_in(world.person_user)
    assert "Plan sign-off due by 1 May 2027" in (await person.open("/money/set-up")).words
    stranger = await make_plan_world(db)
    db.expunge_all()
    await (await browser.signed_in(stranger.manager)).open(path, expect=404)
    await (await browser.signed_in(stranger.manager)).post(path, {}, expect=404)
    assert "No direct payment" in (await (await browser.signed_in(stranger.person_user)).open("/money/set-up")).words
