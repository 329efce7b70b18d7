"""Limits, passing on and asking for more: by the right people, once, leaving a trail, or nothing at all."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.people.errors import PersonHasDied
from marketplace.people.models import Budget, BudgetStatus, FundingRoute
from marketplace.plans import PlanRepository, PlanService
from marketplace.plans.errors import AskNotOpen, BeyondLimit, PlanChanged
from marketplace.plans.limits import BY_DEFAULT, UNLIMITED, Beyond, Limit, beyond
from marketplace.plans.models import AskStatus, PlanAsk
from marketplace.plans.repository.agreeing import CostRepository
from marketplace.plans.service.approval import ApprovalService, LimitForm
from marketplace.plans.service.asks import AnswerForm, AskForm, AskService
from marketplace.plans.service.final_budget import BELOW
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count, events
from tests.factories import make_budget, make_member
from tests.factories_plans import PlanWorld, make_plan, make_plan_world

Drain = Callable[[], Awaitable[list[tuple[str, str]]]]
TODAY = date(2027, 3, 3)


async def indicative(db: AsyncSession, world: PlanWorld, pence: int, **given: object) -> None:
    await make_budget(
        db,
        world.person,
        status=BudgetStatus.INDICATIVE,
        route=FundingRoute.COUNCIL_MANAGED,
        weekly_pence=pence,
        own_weekly_pence=0,
        starts_on=TODAY,
        **given,
    )


async def asked(db: AsyncSession, world: PlanWorld, pence: int = 8_000) -> tuple[PlanAsk, object]:
    """A plan of £80 with a budget of £60, for which the planner asked for more."""
    await indicative(db, world, 6_000)
    plan, _ = await make_plan(db, world)
    return await AskService(db).ask(world.planner.principal, plan.id, AskForm(pence, "No cheaper help")), plan


def answer(ask: PlanAsk, *, yes: bool = True, pence: int = 8_000, expected: int | None = None) -> AnswerForm:
    return AnswerForm(
        is_agreed=yes, weekly_pence=pence if yes else 0, answer="It is needed", expected=expected or ask.version
    )


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_without_a_limit_everything_within_the_budget_is_signed_close_to_the_person(weekly: int, budget: int) -> None:
    assert beyond(UNLIMITED, weekly, budget) == ()
    assert (beyond(BY_DEFAULT, weekly, budget) == ()) is (weekly <= budget)


def test_each_limit_says_why() -> None:
    limit = Limit(weekly_pence=10_000, over_budget_pence=500)
    assert beyond(limit, 10_000, 9_500) == ()
    assert beyond(limit, 10_001, 10_001) == (Beyond.COST,)
    assert beyond(limit, 9_000, 8_499) == (Beyond.BUDGET,)
    assert beyond(limit, 20_000, 1) == (Beyond.COST, Beyond.BUDGET)


async def test_a_plan_beyond_the_limit_is_refused_and_passed_on_to_a_manager_who_signs_it(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    form = LimitForm(role=Role.SOCIAL_WORKER, weekly_pence=7_999, over_budget_pence=0, starts_on=TODAY)
    await ApprovalService(db).set_limit(world.manager.principal, form)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    worker = world.social_worker.principal
    with pytest.raises(BeyondLimit):
        async with db.begin_nested():
            await PlanService(db).sign_off(worker, plan.id, version.version)
    assert version.status is PlanStatus.AWAITING_SIGN_OFF
    assert await events(db) == []
    await ApprovalService(db).pass_on(worker, plan.id, "Good plan", version.version)
    assert (await drain())[0][0] == "plan_passed_on"
    await PlanService(db).sign_off(world.manager.principal, plan.id, version.version)
    assert version.status is PlanStatus.SIGNED_OFF


async def test_a_limit_counts_from_its_day_on_and_an_earlier_one_keeps_its_days(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    service = ApprovalService(db)
    for pence, day in ((10_000, TODAY), (5_000, TODAY + timedelta(days=7)), (9_000, TODAY)):
        await service.set_limit(
            world.manager.principal,
            LimitForm(role=Role.SOCIAL_WORKER, weekly_pence=pence, over_budget_pence=0, starts_on=day),
        )
    assert await count(db, "approval_limits") == 2
    assert (await service.limits_of(world.council.id))[Role.SOCIAL_WORKER].weekly_pence == 9_000
    clock.advance(timedelta(days=8))
    assert (await service.limits_of(world.council.id))[Role.SOCIAL_WORKER].weekly_pence == 5_000
    assert (await service.limits_of(world.council.id))[Role.MANAGER] == UNLIMITED


async def test_a_plan_within_the_limit_is_not_passed_on(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    with pytest.raises(StepRefused):
        await ApprovalService(db).pass_on(world.social_worker.principal, plan.id, "Why not", version.version)


async def test_a_plan_signed_after_the_budget_fell_needs_a_manager(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await indicative(db, world, 7_000)
    found = await ApprovalService(db).verdict(world.social_worker.principal, plan, version)
    assert found.has_fallen
    assert found.beyond == (Beyond.BUDGET,)
    with pytest.raises(BeyondLimit):
        await PlanService(db).sign_off(world.social_worker.principal, plan.id, version.version)


async def test_more_is_asked_for_with_the_reason_and_the_agreed_sum_is_what_the_plan_may_cost(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    ask, plan = await asked(db, world)
    assert [one[0] for one in await drain()] == ["plan_ask"]
    await AskService(db).answer(world.manager.principal, ask.id, answer(ask, pence=7_500))
    assert ask.status is AskStatus.AGREED
    assert await ApprovalService(db).budget_of(plan) == (7_500, 7_500)
    sent = await drain()
    assert sorted(one[0] for one in sent) == ["plan_ask", *["plan_ask_answered"] * 3]


async def test_what_was_agreed_ends_when_the_budget_is_worked_out_anew(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    ask, plan = await asked(db, world)
    await AskService(db).answer(world.manager.principal, ask.id, answer(ask))
    clock.advance(timedelta(days=1))
    await indicative(db, world, 5_000)
    assert await ApprovalService(db).budget_of(plan) == (5_000, None)


async def test_two_managers_at_once_the_second_is_told(db: AsyncSession, world: PlanWorld) -> None:
    ask, plan = await asked(db, world)
    shown = ask.version
    await AskService(db).answer(world.manager.principal, ask.id, answer(ask, yes=False, expected=shown))
    other = await make_member(db, Role.MANAGER, world.council)
    with pytest.raises(AskNotOpen):
        await AskService(db).answer(other.principal, ask.id, answer(ask, expected=shown))
    assert ask.status is AskStatus.REFUSED
    assert await ApprovalService(db).budget_of(plan) == (6_000, None)


async def test_wrong_asks_leave_nothing(db: AsyncSession, world: PlanWorld) -> None:
    ask, plan = await asked(db, world)
    service, before = AskService(db), (await count(db, "audit_entries"), await count(db, "outbox_messages"))
    with pytest.raises(StepRefused):  # One waits already.
        await service.ask(world.planner.principal, plan.id, AskForm(9_000, "More"))
    with pytest.raises(InvalidInput):
        await service.answer(world.manager.principal, ask.id, answer(ask, pence=8_001))
    with pytest.raises(InvalidInput):
        await service.answer(world.manager.principal, ask.id, answer(ask, pence=6_000))
    with pytest.raises(PlanChanged):
        await service.answer(world.manager.principal, ask.id, answer(ask, expected=99))
    with pytest.raises(Forbidden):
        await service.answer(world.social_worker.principal, ask.id, answer(ask))
    other = await make_plan_world(db)
    with pytest.raises(NotFound):
        await service.answer(other.manager.principal, ask.id, answer(ask))
    with pytest.raises(NotFound):
        await service.ask(other.person_user.principal, plan.id, AskForm(9_000, "More"))
    assert (await count(db, "audit_entries"), await count(db, "outbox_messages")) == before
    assert ask.status is AskStatus.OPEN


async def test_an_ask_is_taken_back_and_made_again(db: AsyncSession, world: PlanWorld) -> None:
    ask, plan = await asked(db, world)
    await AskService(db).withdraw(world.planner.principal, plan.id)
    assert ask.status is AskStatus.WITHDRAWN
    with pytest.raises(AskNotOpen):
        await AskService(db).withdraw(world.planner.principal, plan.id)
    again = await AskService(db).ask(world.person_user.principal, plan.id, AskForm(8_500, "I need it"))
    assert again.budget_weekly_pence == 6_000


async def test_the_pages_of_asks_and_limits(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await indicative(db, world, 6_000)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    plan_id, version_id, stamp = plan.id, version.id, version.version
    db.expunge_all()
    person = await browser.signed_in(world.person_user)
    page = await person.open("/my-plan")
    assert "/my-plan/ask" in page.links()
    page = await person.open("/my-plan/ask")
    assert "£60.00 a week" in page.words
    assert page.field("weekly") == "80.00"
    page = await person.post("/my-plan/ask", {"weekly": "50", "reason": ""}, expect=422)
    assert list(page.errors().values()) == ["Enter why the plan needs more"]
    page = await person.post("/my-plan/ask", {"weekly": "50", "reason": "Pain"}, expect=422)
    assert "Enter more than the budget, which is £60.00 a week" in page.words
    await person.post("/my-plan/ask", {"weekly": "80", "reason": "Pain"}, expect=303)
    assert "Take it back" in (await person.open("/my-plan/ask")).words
    worker = await browser.signed_in(world.social_worker)
    page = await worker.open(f"/plans/{plan_id}/sign-off")
    assert "Pass it on to a manager" in page.words
    assert "Yes, sign off" not in page.words
    await worker.post(f"/plans/{plan_id}/sign-off", {"decision": "sign_off", "version": str(stamp)}, expect=403)
    form = {"decision": "pass_on", "version": str(stamp)}
    page = await worker.post(f"/plans/{plan_id}/sign-off", form, expect=422)
    assert list(page.errors().values()) == ["Enter what you think of it"]
    await worker.post(f"/plans/{plan_id}/sign-off", {**form, "pass_on_why": "I agree"}, expect=303)
    await worker.open("/plan-asks", expect=403)
    manager = await browser.signed_in(world.manager)
    page = await manager.open("/plan-asks")
    assert "I agree" in page.words
    ask_path = next(link for link in page.links() if link.startswith("/plan-asks/"))
    page = await manager.open(ask_path)
    assert "Pain" in page.words
    page = await manager.post(
        ask_path, {"decision": "agree", "weekly": "90", "answer": "Yes", "version": "1"}, expect=422
    )
    assert page.field("answer") == "Yes"
    await manager.post(ask_path, {"decision": "agree", "weekly": "75", "answer": "Yes", "version": "1"}, expect=303)
    assert "Nothing more" not in (await manager.open(ask_path)).words
    assert ask_path in (await manager.open("/plan-asks?show=answered")).links()
    await manager.open("/plan-asks?after=nonsense", expect=400)
    assert "£75.00 a week" in (await (await browser.signed_in(world.person_user)).open("/my-plan")).words
    page = await manager.open("/approval-limits")
    page = await manager.post("/approval-limits", {"role": "social_worker", "has_limit": "yes"}, expect=422)
    assert len(page.errors()) == 2
    good = {"role": "social_worker", "has_limit": "yes", "weekly": "300", "starts_on": "2027-03-10"}
    await manager.post("/approval-limits", good, expect=303)
    assert "£300.00 a week" in (await manager.open("/approval-limits")).words
    stranger = await make_plan_world(db)
    await (await browser.signed_in(stranger.manager)).open(ask_path, expect=404)
    assert version_id


async def signed(db: AsyncSession, world: PlanWorld, reason: str = "", **given: object) -> Budget | None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF, **given)
    await PlanService(db).sign_off(world.manager.principal, plan.id, version.version, reason)
    return await CostRepository(db).final(world.council.id, world.person.id, TODAY)


async def test_a_sign_off_makes_the_final_budget_with_variance_and_reason(db: AsyncSession, world: PlanWorld) -> None:
    await indicative(db, world, 6_000)
    with pytest.raises(InvalidInput):
        async with db.begin_nested():
            await signed(db, world)
    assert await count(db, "budgets") == 1
    budget = await signed(db, world, "Two people are needed")
    assert budget is not None
    assert (budget.weekly_pence, budget.variance_reason) == (8_000, "Two people are needed")
    assert budget.indicative_id is not None
    assert budget.starts_on == TODAY


async def test_a_plan_for_less_needs_no_typed_reason(db: AsyncSession, world: PlanWorld) -> None:
    await indicative(db, world, 9_000)
    budget = await signed(db, world)
    assert budget is not None
    assert (budget.weekly_pence, budget.variance_reason) == (8_000, BELOW)


async def test_a_new_plan_keeps_a_direct_payment_a_direct_payment(db: AsyncSession, world: PlanWorld) -> None:
    await make_budget(db, world.person, direct_weekly_pence=5_000, pay_every_weeks=1)
    budget = await signed(db, world)
    assert budget is not None
    assert budget.route is FundingRoute.DIRECT_PAYMENT
    assert (budget.weekly_pence, budget.direct_weekly_pence, budget.pay_every_weeks) == (8_000, 5_000, 1)
    assert await count(db, "budget_parts") == 2


async def test_routes_of_the_plans_items_are_the_parts_of_the_budget(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    items = list(await PlanRepository(db).items(version.id))
    items[0].weekly_pence, items[0].route = 1_000, FundingRoute.SELF_FUNDED
    items[1].route = FundingRoute.DIRECT_PAYMENT
    await db.flush()
    await PlanService(db).sign_off(world.manager.principal, plan.id, version.version)
    budget = await CostRepository(db).final(world.council.id, world.person.id, TODAY)
    assert budget is not None
    assert (budget.weekly_pence, budget.direct_weekly_pence) == (8_000, None)
    assert budget.route is FundingRoute.DIRECT_PAYMENT


async def test_a_plan_of_somebody_who_died_is_not_signed(db: AsyncSession, world: PlanWorld) -> None:
    world.person.died_on = TODAY
    await db.flush()
    with pytest.raises(PersonHasDied):
        async with db.begin_nested():
            await signed(db, world)
    assert await count(db, "budgets") == 0
