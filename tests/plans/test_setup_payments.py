"""What a set-up can carry: months, a sum paid once, a fund that an organisation holds; and what a death ends."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.bookings.service.purse import purse_of
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.queue import deliver
from marketplace.payments import tasks_money  # noqa: F401 - it listens
from marketplace.payments.checks import check_payments
from marketplace.payments.service.account.shares import ShareService
from marketplace.people import PeopleService
from marketplace.people.income import paydays
from marketplace.people.models import Budget, BudgetKind, BudgetStatus, FundingRoute, Holding, Person
from marketplace.plans import PlanService
from marketplace.plans.models import Frequency
from marketplace.plans.repository.agreeing import CostRepository
from marketplace.plans.repository.setups import EarlyStartRepository
from marketplace.plans.service.setups import SetupAnswers, SetupPayments, SetupService
from marketplace.plans.states import PlanStatus, SetupStatus
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count
from tests.factories import make_accreditation, make_budget, make_member, make_organisation
from tests.factories_plans import PlanWorld, make_plan
from tests.factories_setups import NEXT_WEEK, TODAY, allow_early, make_agreed, make_indicative, make_offered, setup_form

TELL_HOLDING = "payments.tell_holding_of_setup"
Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


def test_a_month_is_paid_by_its_days_on_the_same_day_of_each_month() -> None:
    budget = Budget(starts_on=date(2027, 1, 31), ends_on=date(2027, 5, 10), pays_monthly=True)
    found = paydays(budget, date.min, date(2027, 12, 31), lambda _: 4)
    assert found == [
        (date(2027, 1, 31), 28),
        (date(2027, 2, 28), 31),
        (date(2027, 3, 31), 30),
        (date(2027, 4, 30), 10),
    ]
    # Every day is paid for, and only once, whenever one looks.
    assert sum(days for _, days in found) == (date(2027, 5, 10) - date(2027, 1, 31)).days
    for back in range(0, 120, 7):
        after = date(2027, 1, 20) + timedelta(days=back)
        assert paydays(budget, after, date(2027, 12, 31), lambda _: 4) == [one for one in found if one[0] > after]


async def test_a_month_and_a_sum_paid_once_come_in_by_themselves_each_once(
    db: AsyncSession, world: PlanWorld, clock: FixedClock, drain: Drain
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world, 7_000, one_off_pence=30_000)
    row = await make_agreed(db, world, weekly_pence=7_000, once_pence=30_000, frequency=Frequency.MONTHLY)
    assert row.amount_pence == 7_000 * 31 // 7
    await SetupPayments(db).start(world.social_worker.principal, row.id, "", row.version)
    assert await ShareService(db).pay_all(world.council.id) == 0
    purse = await purse_of(db, world.council.id, world.person.id, on=NEXT_WEEK)
    assert purse is not None
    assert purse.income[:2] == ((NEXT_WEEK, 30_000), (NEXT_WEEK, 31_000))
    clock.advance(timedelta(days=7))
    assert await ShareService(db).pay_all(world.council.id) == 2
    assert await ShareService(db).pay_all(world.council.id) == 0
    purse = await purse_of(db, world.council.id, world.person.id)
    assert purse is not None
    assert purse.balance_pence == 61_000
    clock.advance(timedelta(days=31))
    assert await ShareService(db).pay_all(world.council.id) == 1
    assert await count(db, "money_movements", "kind = 'one_off'") == 1
    assert "direct_payment_started" in [one[0] for one in await drain()]


async def test_equipment_is_paid_once_without_a_plan_and_leaves_the_way_free_for_support(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    await make_indicative(db, world, 0, kind=BudgetKind.EQUIPMENT, one_off_pence=45_000)
    with pytest.raises(InvalidInput) as refused:
        async with db.begin_nested():
            await make_offered(db, world, weekly_pence=0, frequency=Frequency.ONCE)
    assert set(refused.value.fields) == {"once"}
    with pytest.raises(InvalidInput):
        async with db.begin_nested():
            await make_offered(db, world, weekly_pence=0, once_pence=45_001, frequency=Frequency.ONCE)
    row = await make_agreed(db, world, weekly_pence=0, once_pence=45_000, frequency=Frequency.ONCE)
    await SetupPayments(db).start(world.social_worker.principal, row.id, "", row.version)
    with pytest.raises(StepRefused):
        await SetupPayments(db).stop(world.manager.principal, row.id, NEXT_WEEK, "No", row.version)
    clock.advance(timedelta(days=8))
    assert await ShareService(db).pay_all(world.council.id) == 1
    purse = await purse_of(db, world.council.id, world.person.id)
    assert purse is not None
    assert (purse.balance_pence, purse.weekly_pence) == (45_000, 0)

    # Support by the week follows beside it; the sum is not offered a second time.
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    later = date(2027, 3, 20)
    with pytest.raises(InvalidInput):
        async with db.begin_nested():
            await make_offered(db, world, weekly_pence=0, once_pence=45_000, frequency=Frequency.ONCE, starts_on=later)
    again = await make_agreed(db, world, starts_on=later)
    assert again.id != row.id
    await SetupPayments(db).start(world.social_worker.principal, again.id, "", again.version)
    clock.advance(timedelta(days=10))
    assert await ShareService(db).pay_all(world.council.id) == 1
    purse = await purse_of(db, world.council.id, world.person.id)
    assert purse is not None
    assert (purse.balance_pence, purse.weekly_pence) == (45_000 + 4 * 11_538, 11_538)


async def test_an_organisation_that_may_hold_money_holds_the_fund_and_hears_of_it(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    organisation = await make_organisation(db)
    await make_member(db, Role.PROVIDER, world.council, organisation_id=organisation.id)
    given = {"holding": Holding.PROVIDER_MANAGED, "organisation_id": organisation.id}
    with pytest.raises(InvalidInput) as refused:
        async with db.begin_nested():
            await make_offered(db, world, **given)
    assert set(refused.value.fields) == {"organisation_id"}
    await make_accreditation(db, organisation, world.council, ServiceLine.MONEY_MANAGEMENT)
    row = await make_agreed(db, world, **given)
    arrangement = await SetupPayments(db).start(world.social_worker.principal, row.id, "", row.version)
    assert (arrangement.holding, arrangement.organisation_id) == (Holding.PROVIDER_MANAGED, organisation.id)
    for delivery in await outbox.relay(db):
        if delivery.task in {TELL_HOLDING, "plans.tell_setup"}:
            await deliver(delivery)
    await scope_to(db, "every")
    assert [one[0] for one in await drain()].count("holding_set") == 2  # The person, and who acts for them.
    assert await count(db, "messages", "template = 'fund_to_manage'") == 1


async def test_a_death_stops_the_payment_and_the_watch_and_a_mistake_opens_them_again(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await allow_early(db, world)
    await make_indicative(db, world)
    row = await make_agreed(db, world)
    await SetupPayments(db).start(world.social_worker.principal, row.id, "Needed now", row.version)
    people, worker, person = PeopleService(db), world.social_worker.principal, world.person
    await people.record_death(worker, person.id, TODAY, version=person.version)
    await drain()
    await db.refresh(row)
    assert row.status is SetupStatus.STOPPED
    assert await count(db, "early_starts", "ended_how = 'died'") == 1
    assert await count(db, "audit_entries", "action = 'plans.close_setup_for_death'") == 1
    assert await count(db, "steps", f"subject_id = '{row.id}' AND to_status = 'stopped'") == 1
    await people.undo_death(worker, person.id, "Another person", version=person.version)
    await drain()
    await db.refresh(row)
    assert row.status is SetupStatus.STARTED
    assert await EarlyStartRepository(db).open_of(world.council.id, person.id) is not None


async def test_a_death_closes_an_offer_and_a_mistake_makes_it_a_draft_again(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_indicative(db, world)
    row = await make_agreed(db, world)
    people, worker, person = PeopleService(db), world.social_worker.principal, world.person
    await people.record_death(worker, person.id, TODAY, version=person.version)
    await drain()
    await db.refresh(row)
    assert row.status is SetupStatus.REFUSED
    with pytest.raises(StepRefused):
        await SetupService(db).reopen(worker, row.id, "Try again", row.version)
    await people.undo_death(worker, person.id, "Another person", version=person.version)
    await drain()
    await db.refresh(row)
    assert (row.status, row.agreed_at) == (SetupStatus.DRAFT, None)


async def test_what_an_estimate_pays_once_is_agreed_with_the_plan(db: AsyncSession, world: PlanWorld) -> None:
    await make_indicative(db, world, 8_000, one_off_pence=20_000)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await PlanService(db).sign_off(world.social_worker.principal, plan.id, version.version)
    final = await CostRepository(db).final(world.council.id, world.person.id, TODAY)
    assert final is not None
    assert (final.route, final.one_off_pence) == (FundingRoute.COUNCIL_MANAGED, 20_000)


async def test_the_page_offers_what_can_be_paid(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_indicative(db, world, 7_000, one_off_pence=30_000)
    row = await SetupService(db).begin(world.social_worker.principal, world.person.id)
    path = f"/direct-payment-setups/{row.id}"
    db.expunge_all()
    worker = await browser.signed_in(world.social_worker)
    page = await worker.open(path)
    assert "£300.00 that is paid once" in page.words
    assert "every quarter, cannot be paid" in page.words
    form = {
        "version": "1",
        "action": "save",
        "capacity": "yes",
        "managed_by": "self",
        "holding": "provider_managed",
        "frequency": "monthly",
        "weekly": "70",
        "once": "400",
    }
    page = await worker.post(path, form, expect=422)
    assert "once" in page.errors()
    await worker.post(path, {**form, "once": "300"}, expect=303)
    page = await worker.open(path)
    assert page.field("once") == "300.00"


async def test_equipment_is_started_on_the_page_without_a_plan(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_indicative(db, world, 0, kind=BudgetKind.EQUIPMENT, one_off_pence=45_000)
    row = await make_agreed(db, world, frequency=Frequency.ONCE, weekly_pence=0, once_pence=45_000)
    path, version = f"/direct-payment-setups/{row.id}", str(row.version)
    db.expunge_all()
    worker = await browser.signed_in(world.social_worker)
    page = await worker.open(path)
    assert "The payment can start when the plan is signed off" not in page.words
    assert "The budget is £450.00, paid once" in page.words
    await worker.post(path, {"action": "start", "version": version}, expect=303)
    assert "It is paid once, so there is nothing to stop" in (await worker.open(path)).words


async def test_equipment_is_paid_once_beside_a_payment_by_the_week_that_goes_on_as_it_was(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    worker, service = world.social_worker.principal, SetupService(db)
    weekly = await make_agreed(db, world)
    await SetupPayments(db).start(worker, weekly.id, "", weekly.version)
    clock.advance(timedelta(days=7))
    assert await ShareService(db).pay_all(world.council.id) == 1
    with pytest.raises(StepRefused):
        await service.begin(worker, world.person.id, once=True)

    await make_indicative(db, world, 0, kind=BudgetKind.EQUIPMENT, one_off_pence=45_000)
    assert (await service.begin(worker, world.person.id)).id == weekly.id
    row = await service.begin(worker, world.person.id, once=True)
    assert (row.frequency, row.weekly_pence, row.holding) == (Frequency.ONCE, 0, Holding.OWN_ACCOUNT)
    assert (await service.begin(worker, world.person.id, once=True)).id == row.id
    later = {"starts_on": date(2027, 3, 20), "weekly_pence": 0, "once_pence": 45_000, "frequency": Frequency.ONCE}
    for wrong, field in (
        ({"frequency": Frequency.FOUR_WEEKLY, "once_pence": 0, "weekly_pence": 100}, "frequency"),
        ({"holding": Holding.COUNCIL_HELD}, "holding"),
        ({"once_pence": 45_001}, "once"),
    ):
        with pytest.raises(InvalidInput) as refused:
            async with db.begin_nested():
                await service.save(worker, row.id, setup_form(row, **{**later, **wrong}))
        assert set(refused.value.fields) == {field}
        await db.refresh(row)
    await service.offer(worker, row.id, setup_form(row, **later))
    row = await SetupAnswers(db).answer(world.person_user.principal, True, "", row.version)
    held = await SetupPayments(db).start(worker, row.id, "", row.version)
    assert (held.starts_on, held.ends_on) == (NEXT_WEEK, None)
    # What is started once is agreed: it is neither begun nor started again.
    with pytest.raises(StepRefused):
        await service.begin(worker, world.person.id, once=True)
    with pytest.raises(StepRefused):
        await SetupPayments(db).start(worker, row.id, "", row.version)
    assert (await SetupAnswers(db).mine(world.person_user.principal)) is weekly

    clock.advance(timedelta(days=10))
    assert await ShareService(db).pay_all(world.council.id) == 1
    clock.advance(timedelta(days=18))
    assert await ShareService(db).pay_all(world.council.id) == 1
    assert await ShareService(db).pay_all(world.council.id) == 0
    assert await count(db, "money_movements", "kind = 'one_off'") == 1
    purse = await purse_of(db, world.council.id, world.person.id)
    assert purse is not None
    assert (purse.balance_pence, purse.weekly_pence) == (45_000 + 2 * 4 * 11_538, 11_538)
    # The world's plan was signed without the desk, so it earned no tariff; nothing else is wrong.
    wrong_facts = [fact.name for fact in await check_payments(db) if not fact.ok]
    assert wrong_facts == ["payments: each signed-off plan version earned its tariff once"]
    await db.refresh(weekly)
    assert weekly.status is SetupStatus.STARTED


async def test_a_death_closes_both_and_a_mistake_opens_both_again(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    await make_indicative(db, world, 0, kind=BudgetKind.EQUIPMENT, one_off_pence=45_000)
    weekly = await make_agreed(db, world)
    people, worker, person = PeopleService(db), world.social_worker.principal, world.person
    await SetupPayments(db).start(worker, weekly.id, "", weekly.version)
    once = await SetupService(db).begin(worker, person.id, once=True)
    await people.record_death(worker, person.id, TODAY, version=person.version)
    await drain()
    await db.refresh(weekly)
    await db.refresh(once)
    assert (weekly.status, once.status) == (SetupStatus.STOPPED, SetupStatus.REFUSED)
    await people.undo_death(worker, person.id, "Another person", version=person.version)
    await drain()
    await db.refresh(weekly)
    await db.refresh(once)
    assert (weekly.status, once.status) == (SetupStatus.STARTED, SetupStatus.DRAFT)


async def test_the_page_of_a_payment_by_the_week_leads_to_a_sum_paid_once_beside_it(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_indicative(db, world)
    weekly = await make_agreed(db, world)
    await SetupPayments(db).start(world.social_worker.principal, weekly.id, "", weekly.version)
    path, person_id, start = f"/direct-payment-setups/{weekly.id}", world.person.id, "/direct-payment-setups/for/"
    worker, reader = await browser.signed_in(world.social_worker), await browser.signed_in(world.person_user)
    assert "A sum that is paid once" not in (await worker.open(path)).words
    await worker.post(f"{start}{person_id}", {"once": "yes"}, expect=409)
    person = await db.get_one(Person, person_id)
    await make_budget(
        db,
        person,
        status=BudgetStatus.INDICATIVE,
        kind=BudgetKind.EQUIPMENT,
        route=FundingRoute.COUNCIL_MANAGED,
        weekly_pence=0,
        one_off_pence=45_000,
        starts_on=TODAY,
    )
    assert "£450.00 that is paid once" in (await worker.open(path)).words
    begun = await worker.post(f"{start}{person_id}", {"once": "yes"}, expect=303)
    assert begun.location != path
    page = await worker.open(begun.location)
    assert page.field("frequency") == "once"
    assert "Your direct payment starts on" in (await reader.open("/money/set-up")).words
    await worker.post(begun.location, {"action": "refuse", "refuse_reason": "A loan fits", "version": "1"}, expect=303)
    page = await reader.open("/money/set-up")
    assert "The council said no to money that is paid once" in page.words
    assert "Your direct payment starts on" in page.words
