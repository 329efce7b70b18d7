"""A budget that takes another's place in the middle of a payment pays no day twice."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Role
from marketplace.bookings.service.purse import purse_of
from marketplace.core.clock import FixedClock, instant
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.checks import check_payments
from marketplace.payments.service.account.shares import ShareService
from marketplace.people.income import chain_payments, council_part
from marketplace.people.models import Budget, DirectPaymentArrangement, Holding, Person
from tests.factories import make_budget, make_council, make_member, make_person

FIRST = date(2027, 3, 3)


def _on(clock: FixedClock, day: date) -> None:
    clock.move_to(instant(day, clock.now().time()))


async def _person(db: AsyncSession) -> Person:
    council = await make_council(db)
    person = await make_person(db, council)
    staff = await make_member(db, Role.FINANCE, council)
    db.add(
        DirectPaymentArrangement(
            council_id=council.id, person_id=person.id, holding=Holding.COUNCIL_HELD, starts_on=FIRST,
            set_by_user_id=staff.user.id, set_at=clock_of(db).now(),
        )
    )  # fmt: skip
    await db.flush()
    return person


async def _pay(db: AsyncSession, clock: FixedClock, person: Person, days: range) -> dict[date, int]:
    """Let the days go by as the hourly job sees them. Returns what was paid in on which day, pence."""
    found = {}
    before = await LedgerService(db).balance(person.council_id, Purpose.DIRECT_PAYMENT, person.id)
    for number in days:
        _on(clock, FIRST + timedelta(days=number))
        await ShareService(db).pay_all(person.council_id)
        now = await LedgerService(db).balance(person.council_id, Purpose.DIRECT_PAYMENT, person.id)
        if now != before:
            found[FIRST + timedelta(days=number)] = now - before
        before = now
    return found


async def test_a_budget_keeps_the_rhythm_of_its_first_day_when_the_council_changes_it(
    db: AsyncSession, clock: FixedClock
) -> None:
    person = await _person(db)
    later = await _person(db)
    await make_budget(db, person, starts_on=FIRST, weekly_pence=10_000)
    changed_on = FIRST + timedelta(days=14)
    for council_id in (person.council_id, later.council_id):
        await set_setting(db, None, council_id, "payments.pay_every_weeks", 2, starts_on=changed_on)
    await make_budget(db, later, starts_on=changed_on, weekly_pence=10_000)
    assert await _pay(db, clock, person, range(40)) == {FIRST: 40_000, FIRST + timedelta(days=28): 40_000}
    _on(clock, FIRST)
    assert await _pay(db, clock, later, range(40)) == {
        changed_on: 20_000,
        changed_on + timedelta(days=14): 20_000,
    }
    expected = (await purse_of(db, person.council_id, person.id)).income
    assert expected[0] == (FIRST + timedelta(days=56), 40_000)
    assert [fact for fact in await check_payments(db) if not fact.ok] == []


async def test_days_that_were_paid_in_advance_are_taken_off_the_next_budgets_first_payment(
    db: AsyncSession, clock: FixedClock
) -> None:
    person = await _person(db)
    first = await make_budget(db, person, starts_on=FIRST, weekly_pence=10_000, pay_every_weeks=4)
    assert await _pay(db, clock, person, range(5)) == {FIRST: 40_000}
    changed_on = FIRST + timedelta(days=14)
    first.ends_on = changed_on
    await make_budget(db, person, starts_on=changed_on, weekly_pence=15_000, pay_every_weeks=4)

    # Four weeks at £150, less the two weeks at £100 that are in the account already.
    assert await _pay(db, clock, person, range(5, 60)) == {
        changed_on: 60_000 - 20_000,
        changed_on + timedelta(days=28): 60_000,
    }
    assert [fact for fact in await check_payments(db) if not fact.ok] == []


async def test_more_than_the_next_payment_goes_on_to_the_one_after(db: AsyncSession, clock: FixedClock) -> None:
    person = await _person(db)
    first = await make_budget(db, person, starts_on=FIRST, weekly_pence=10_000, pay_every_weeks=13)
    assert await _pay(db, clock, person, range(1)) == {FIRST: 130_000}
    changed_on = FIRST + timedelta(days=7)
    first.ends_on = changed_on
    await make_budget(db, person, starts_on=changed_on, weekly_pence=5_000, pay_every_weeks=4)

    # Twelve weeks at £100 pay for 24 weeks at £50.
    paid = await _pay(db, clock, person, range(1, 200))
    assert min(paid) == changed_on + timedelta(weeks=24)
    assert paid[min(paid)] == 20_000


async def test_a_budget_that_begins_in_the_past_pays_the_difference(db: AsyncSession, clock: FixedClock) -> None:
    person = await _person(db)
    first = await make_budget(db, person, starts_on=FIRST, weekly_pence=10_000, pay_every_weeks=1)
    assert len(await _pay(db, clock, person, range(22))) == 4
    first.ends_on = FIRST + timedelta(days=7)
    await make_budget(db, person, starts_on=FIRST + timedelta(days=7), weekly_pence=12_000, pay_every_weeks=1)
    assert await _pay(db, clock, person, range(22, 23)) == {FIRST + timedelta(days=22): 3 * 2_000}


async def test_a_third_budget_takes_no_day_off_twice(db: AsyncSession, clock: FixedClock) -> None:
    person = await _person(db)
    first = await make_budget(db, person, starts_on=FIRST, weekly_pence=10_000, pay_every_weeks=4)
    await _pay(db, clock, person, range(8))
    second_on, third_on = FIRST + timedelta(days=14), FIRST + timedelta(days=21)
    first.ends_on = second_on
    second = await make_budget(db, person, starts_on=second_on, weekly_pence=20_000, pay_every_weeks=4)
    assert await _pay(db, clock, person, range(8, 16)) == {second_on: 80_000 - 20_000}
    second.ends_on = third_on
    await make_budget(db, person, starts_on=third_on, weekly_pence=30_000, pay_every_weeks=4)
    # The second was paid for four weeks in all, of which one was its own.
    assert await _pay(db, clock, person, range(16, 22)) == {third_on: 120_000 - 60_000}


async def test_the_purse_expects_no_day_twice(db: AsyncSession, clock: FixedClock) -> None:
    person = await _person(db)
    first = await make_budget(db, person, starts_on=FIRST, weekly_pence=10_000, pay_every_weeks=4)
    await _pay(db, clock, person, range(5))
    changed_on = FIRST + timedelta(days=14)
    first.ends_on = changed_on
    await make_budget(db, person, starts_on=changed_on, weekly_pence=15_000, pay_every_weeks=4)
    await db.refresh(first)
    purse = await purse_of(db, person.council_id, person.id)
    assert purse is not None
    assert dict(purse.income)[changed_on] == 60_000 - 20_000


@given(
    rates=st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 9_999)), min_size=1, max_size=5),
    lengths=st.lists(st.integers(1, 40), min_size=5, max_size=5),
    weeks=st.integers(1, 6),
)
def test_whoever_follows_whom_each_day_is_paid_once(
    rates: list[tuple[int, int]], lengths: list[int], weeks: int
) -> None:
    """All that was ever paid is what the days cost, and what is still ahead; it lies between the two at any time."""
    chain: list[Budget] = []
    paid = 0
    day = FIRST
    for number, (weekly, own) in enumerate(rates):
        budget = Budget(starts_on=day, weekly_pence=weekly, own_weekly_pence=min(own, weekly), pays_monthly=False)
        chain.append(budget)
        if number:
            chain[-2].ends_on = day
        last_of = dict.fromkeys(range(len(chain)), date.min)
        for _ in range(lengths[number]):
            schedule = chain_payments(chain, council_part, FIRST, day, lambda _: weeks)
            for payment in schedule[-1]:
                if payment.pence and payment.day == day and last_of[number] < day:
                    paid += payment.pence
                    budget.paid_to, last_of[number] = payment.paid_to, day
            day += timedelta(days=1)
        owed = sum(
            council_part(one, one.starts_on, one.starts_on + timedelta(days=count))
            for one, count in zip(chain, lengths, strict=False)
        )
        ahead = max(council_part(one, one.starts_on, one.starts_on + timedelta(weeks=weeks)) for one in chain)
        # Pennies: each payment and each taking off is rounded to whole pence by itself.
        assert owed - 2 * sum(lengths) <= paid <= owed + ahead + 2 * sum(lengths)
