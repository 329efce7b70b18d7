"""The ledger: entries balance, post once, stay as they are, and never leave their council."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import broken_constraint
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerRepository, LedgerService, NotEnoughMoney, Posting, Purpose, credit, debit
from marketplace.ledger.errors import Unbalanced
from tests.browser import count
from tests.factories import make_council


async def test_an_event_is_posted_once_and_balances_follow(db: AsyncSession) -> None:
    council, organisation, plan = (await make_council(db)).id, new_id(), new_id()
    ledger = LedgerService(db)
    lines = [debit(Purpose.PLAN_SPEND, 8_500), credit(Purpose.ACCRUED, 8_500, organisation)]
    first = await ledger.post(council, "plan-tariff", plan, lines)
    second = await ledger.post(council, "plan-tariff", plan, lines)
    assert first is not None
    assert second is None
    assert await ledger.balance(council, Purpose.ACCRUED, organisation) == 8_500
    assert await count(db, "ledger_lines") == 2


@pytest.mark.parametrize(
    "lines",
    [
        [debit(Purpose.PLAN_SPEND, 100), credit(Purpose.ACCRUED, 99)],
        [debit(Purpose.PLAN_SPEND, 100)],
        [debit(Purpose.PLAN_SPEND, 0), credit(Purpose.ACCRUED, 0)],
        [debit(Purpose.PLAN_SPEND, -5), credit(Purpose.ACCRUED, -5)],
    ],
)
async def test_lines_that_do_not_balance_are_refused(db: AsyncSession, lines: list) -> None:  # type: ignore[type-arg]
    council = await make_council(db)
    with pytest.raises(Unbalanced):
        await LedgerService(db).post(council.id, "plan-tariff", new_id(), lines)
    assert await count(db, "ledger_entries") == 0


async def test_the_database_refuses_an_unbalanced_entry_at_commit(db: AsyncSession, maker: SessionMaker) -> None:
    council = await make_council(db)
    service = LedgerService(db)
    account = await service.ledger.account(council.id, Purpose.PLAN_SPEND)
    await db.flush()

    async def cheat() -> None:
        async with transaction(maker, [council.id]) as own:
            entry = new_id()
            await own.execute(
                text(
                    "INSERT INTO ledger_entries (id, council_id, kind, source_id, memo, effective_on, posted_at)"
                    " VALUES (:e, :c, 'cheat', :e, '', now(), now())"
                ),
                {"e": entry, "c": council.id},
            )
            await own.execute(
                text(
                    "INSERT INTO ledger_lines (id, council_id, entry_id, account_id, side, amount_pence)"
                    " VALUES (:l, :c, :e, :a, 'debit', 100)"
                ),
                {"l": new_id(), "c": council.id, "e": entry, "a": account.id},
            )

    with pytest.raises(IntegrityError) as caught:
        await cheat()
    assert broken_constraint(caught.value) == "ledger_entry_balances"


async def test_a_direct_payment_never_falls_below_nothing(db: AsyncSession) -> None:
    council, person, organisation = (await make_council(db)).id, new_id(), new_id()
    ledger = LedgerService(db)
    await ledger.post(
        council,
        "direct-payment-funding",
        new_id(),
        [debit(Purpose.DIRECT_PAYMENT_SPEND, 5_000), credit(Purpose.DIRECT_PAYMENT, 5_000, person)],
    )
    with pytest.raises(NotEnoughMoney):
        await ledger.post(
            council,
            "visit-approved",
            new_id(),
            [debit(Purpose.DIRECT_PAYMENT, 5_001, person), credit(Purpose.ACCRUED, 5_001, organisation)],
        )
    assert await ledger.balance(council, Purpose.DIRECT_PAYMENT, person) == 5_000
    assert await ledger.balance(council, Purpose.ACCRUED, organisation) == 0


async def test_a_reversal_mirrors_the_entry_once(db: AsyncSession) -> None:
    council, organisation, source = (await make_council(db)).id, new_id(), new_id()
    ledger = LedgerService(db)
    await ledger.post(
        council, "plan-tariff", source, [debit(Purpose.PLAN_SPEND, 700), credit(Purpose.ACCRUED, 700, organisation)]
    )
    assert await ledger.reverse(council, "plan-tariff", source, as_kind="plan-tariff-reversed") is not None
    assert await ledger.reverse(council, "plan-tariff", source, as_kind="plan-tariff-reversed") is None
    assert await ledger.reverse(council, "never-posted", source, as_kind="x") is None
    assert await ledger.balance(council, Purpose.ACCRUED, organisation) == 0


@pytest.mark.parametrize("change", ["UPDATE ledger_lines SET amount_pence = 1", "DELETE FROM ledger_entries"])
async def test_entries_and_lines_stay_as_they_are(db: AsyncSession, change: str) -> None:
    council = await make_council(db)
    await LedgerService(db).post(
        council.id, "plan-tariff", new_id(), [debit(Purpose.PLAN_SPEND, 7), credit(Purpose.ACCRUED, 7)]
    )
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.begin_nested():
            await db.execute(text(change))


async def test_balances_cannot_be_written_by_the_application(db: AsyncSession) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.begin_nested():
            await db.execute(text("UPDATE ledger_accounts SET balance_pence = 1000000"))


async def test_another_councils_entries_are_out_of_reach(db: AsyncSession, maker: SessionMaker) -> None:
    mine, other = await make_council(db), await make_council(db)
    await LedgerService(db).post(
        mine.id, "plan-tariff", new_id(), [debit(Purpose.PLAN_SPEND, 7), credit(Purpose.ACCRUED, 7)]
    )
    await db.flush()
    async with transaction(maker, [other.id]) as own:
        assert await count(own, "ledger_entries") == 0
    async with transaction(maker) as own:
        assert await count(own, "ledger_entries") == 0
    async with transaction(maker, [mine.id]) as own:
        assert await count(own, "ledger_entries") == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=6))
async def test_balances_equal_the_sum_of_lines_whatever_is_posted(db: AsyncSession, amounts: list[int]) -> None:
    council, person, organisation = (await make_council(db)).id, new_id(), new_id()
    ledger = LedgerService(db)
    for amount in amounts:
        await ledger.post(
            council,
            "direct-payment-funding",
            new_id(),
            [debit(Purpose.DIRECT_PAYMENT_SPEND, amount), credit(Purpose.DIRECT_PAYMENT, amount, person)],
        )
        await ledger.post(
            council,
            "visit-approved",
            new_id(),
            [
                debit(Purpose.DIRECT_PAYMENT, (amount + 1) // 2, person),
                credit(Purpose.ACCRUED, (amount + 1) // 2, organisation),
            ],
        )
    repository = LedgerRepository(db)
    account = await repository.find_account(council, Purpose.DIRECT_PAYMENT, person)
    assert account is not None
    tomorrow = today(clock_of(db)).replace(year=2028)
    assert account.balance_pence == await repository.sum_before(account, tomorrow) == sum(a // 2 for a in amounts)
    rows = await repository.trial_balance(council)
    assert sum(row.debit_pence for row in rows) == sum(row.credit_pence for row in rows)


async def test_many_entries_are_posted_as_each_would_be_and_once(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketplace.ledger.service.AT_ONCE", 3)
    council, owners = (await make_council(db)).id, [new_id() for _ in range(4)]
    ledger = LedgerService(db)
    postings = [
        Posting(
            new_id(), (debit(Purpose.PAYABLE, pence, owners[(pence - 1) % 4]), credit(Purpose.BANK_CLEARING, pence))
        )
        for pence in range(1, 11)
    ]
    first = postings[0]
    await ledger.post(council, "payment-run-line", first.source_id, list(first.lines))
    assert await ledger.post_many(council, "payment-run-line", postings, memo="Run") == 9
    assert await ledger.post_many(council, "payment-run-line", postings) == 0
    await db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    assert await count(db, "ledger_entries") == 10
    assert await count(db, "ledger_accounts") == 5
    balances = await ledger.balances(council, Purpose.PAYABLE, owners)
    assert list(balances.values()) == [-(1 + 5 + 9), -(2 + 6 + 10), -(3 + 7), -(4 + 8)]
    await db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    assert await ledger.reverse(council, "payment-run-line", first.source_id, as_kind="payment-returned")
    assert await ledger.balance(council, Purpose.PAYABLE, owners[0]) == -(5 + 9)


async def test_one_of_many_that_does_not_balance_posts_none_of_its_batch(db: AsyncSession) -> None:
    council, owner = (await make_council(db)).id, new_id()
    good = Posting(new_id(), (debit(Purpose.PAYABLE, 5, owner), credit(Purpose.BANK_CLEARING, 5)))
    for lines in (
        (debit(Purpose.PAYABLE, 5, owner), credit(Purpose.BANK_CLEARING, 4)),
        (debit(Purpose.PAYABLE, 0, owner), credit(Purpose.BANK_CLEARING, 0)),
        (debit(Purpose.PAYABLE, 5, owner),),
    ):
        with pytest.raises(Unbalanced):
            await LedgerService(db).post_many(council, "payment-run-line", [good, Posting(new_id(), lines)])
    assert await count(db, "ledger_entries") == 0


async def test_many_entries_stop_at_a_floor(db: AsyncSession) -> None:
    council, person = (await make_council(db)).id, new_id()
    drawn = [
        Posting(new_id(), (debit(Purpose.DIRECT_PAYMENT, 5, person), credit(Purpose.ACCRUED, 5, new_id())))
        for _ in range(2)
    ]
    with pytest.raises(NotEnoughMoney):
        await LedgerService(db).post_many(council, "visit-approved", drawn)
