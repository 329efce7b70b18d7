"""Claims: what only people can see is asked by one side, decided by the other, and earns once (D11, B18, 4.8)."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import SessionMaker
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.ledger import Purpose
from marketplace.payments import tasks_tariffs  # noqa: F401 - registers the tasks
from marketplace.payments.errors import OwnClaim
from marketplace.payments.models import Accrual, AccrualKind, TariffClaim, TariffEvent
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.claims import ClaimService
from marketplace.payments.tariff_forms import ClaimForm
from marketplace.plans.events import PlanSignedOff
from tests.browser import Browser, count, events
from tests.factories import Member, make_member
from tests.factories_payments import (
    Money,
    balance,
    handled,
    make_money,
    make_signed_plan,
    make_tariff,
    reload,
)
from tests.factories_tariffs import STAGES, make_draft_plan, make_rule, submitted

DAY = date(2027, 2, 25)
SIGNED = date(2027, 2, 20)


def claim_form(event: TariffEvent, plan: PlanSignedOff | None, **given: Any) -> ClaimForm:
    values = {
        "event": event,
        "plan_id": plan.plan_id if plan else None,
        "council_id": None,
        "happened_on": DAY,
        "minutes": 0,
        "note": "Set up the bills",
        "amount_pence": None,
    }
    return ClaimForm(**{**values, **given})


async def broker_of(db: AsyncSession, money: Money) -> Member:
    return await make_member(db, Role.BROKER, money.council, name="Bea Broker")


async def earned(db: AsyncSession) -> list[tuple[AccrualKind, int]]:
    rows = await db.execute(select(Accrual.kind, Accrual.amount_pence).order_by(Accrual.created_at, Accrual.id))
    return [(row[0], row[1]) for row in rows]


async def test_help_to_put_a_plan_into_practice_earns_the_plans_last_stage(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 45_000, stages=STAGES)
    plan = await make_signed_plan(db, money.council, money.organisation, completed_on=SIGNED)
    await AccrualService(db).accrue_submitted(submitted(plan, date(2027, 2, 10)))
    await AccrualService(db).accrue_plan(plan)
    service, broker = ClaimService(db), await broker_of(db, money)
    claim = await service.ask(money.provider.principal, claim_form(TariffEvent.PLAN_IMPLEMENTED, plan))
    await service.decide(broker.principal, claim.id, agree=True, reason="")
    assert await earned(db) == [
        (AccrualKind.PLAN_STAGE, 13_500),
        (AccrualKind.PLAN_STAGE, 22_500),
        (AccrualKind.CLAIM, 9_000),
    ]
    assert await balance(db, money.council.id, Purpose.ACCRUED, money.organisation.id) == 45_000
    with pytest.raises(InvalidInput, match="claimed for the plan before"):
        await service.ask(money.provider.principal, claim_form(TariffEvent.PLAN_IMPLEMENTED, plan))
    with pytest.raises(StepRefused):
        await service.decide(broker.principal, claim.id, agree=True, reason="")


async def test_help_has_a_price_of_its_own_where_the_plan_has_no_stage_for_it(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    plan = await make_signed_plan(db, money.council, money.organisation, completed_on=SIGNED)
    service, broker = ClaimService(db), await broker_of(db, money)
    claim = await service.ask(money.provider.principal, claim_form(TariffEvent.PLAN_IMPLEMENTED, plan))
    with pytest.raises(InvalidInput, match="No price covers this on 25 February 2027"):
        async with db.begin_nested():
            await service.decide(broker.principal, claim.id, agree=True, reason="")
    await make_rule(db, money.council, TariffEvent.PLAN_IMPLEMENTED, 6_000)
    await db.refresh(claim)
    await service.decide(broker.principal, claim.id, agree=True, reason="")
    assert await earned(db) == [(AccrualKind.CLAIM, 6_000)]


async def test_what_was_paid_when_work_ended_is_taken_off_a_plan_that_is_finished_after_all(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    bands = [{"up_to_minutes": 120, "pence": 2_500}, {"up_to_minutes": None, "pence": 4_000}]
    await make_rule(db, money.council, TariffEvent.ABANDONED, 0, bands=bands)
    plan = await make_draft_plan(db, money.council, money.organisation)
    service, broker = ClaimService(db), await broker_of(db, money)
    claim = await service.ask(money.provider.principal, claim_form(TariffEvent.ABANDONED, plan, minutes=121))
    await service.decide(broker.principal, claim.id, agree=True, reason="")
    for event in (TariffEvent.ABANDONED, TariffEvent.DECEASED):
        with pytest.raises(InvalidInput, match="claimed before"):
            await service.ask(money.provider.principal, claim_form(event, plan))
    await AccrualService(db).accrue_plan(plan)
    assert await earned(db) == [(AccrualKind.CLAIM, 4_000), (AccrualKind.PLAN, 3_500)]


async def test_a_signed_plan_did_not_end_early_and_an_unsigned_one_was_not_put_into_practice(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    service, provider = ClaimService(db), money.provider.principal
    signed = await make_signed_plan(db, money.council, money.organisation, completed_on=SIGNED)
    drafted = await make_draft_plan(db, money.council, money.organisation)
    for event, plan, words in (
        (TariffEvent.ABANDONED, signed, "never signed off"),
        (TariffEvent.DECEASED, signed, "never signed off"),
        (TariffEvent.PLAN_IMPLEMENTED, drafted, "signed off"),
    ):
        with pytest.raises(InvalidInput, match=words):
            await service.ask(provider, claim_form(event, plan))
    for given, words in (
        ({"happened_on": date(2027, 3, 4)}, "in the past"),
        ({"happened_on": date(2026, 2, 1)}, "more than a year ago"),
        ({"happened_on": date(2027, 2, 19)}, "20 February 2027 or later"),
    ):
        with pytest.raises(InvalidInput, match=words):
            await service.ask(provider, claim_form(TariffEvent.PLAN_IMPLEMENTED, signed, **given))
    assert await count(db, "tariff_claims") == 0


async def test_a_grant_is_agreed_at_another_sum_up_to_the_most_and_spent_from_its_own_account(
    browser: Browser, db: AsyncSession
) -> None:
    money = await make_money(db)
    council_id = money.council.id
    await make_rule(db, money.council, TariffEvent.GRANT, 200_000)
    provider = await browser.signed_in(money.provider)
    form = {
        "event": "grant",
        "happened_on-day": "25",
        "happened_on-month": "2",
        "happened_on-year": "2027",
        "amount": "2500",
        "note": "Training for five new planners",
    }
    await provider.post("/earnings/claims", form)
    assert "Waiting for an answer" in (await provider.open("/earnings/claims")).words
    await reload(db)
    broker = await browser.signed_in(await broker_of(db, money))
    page = await broker.open("/tariff-claims")
    path = page.link(r"/tariff-claims/[0-9a-f-]{36}")
    page = await broker.open(path)
    assert "At most £2,000.00" in page.words
    page = await broker.post(path, {"decision": "agree", "amount": "2500"}, expect=422)
    page.check()
    assert "£2,000.00 or less" in page.errors()["amount"]
    page = await broker.post(path, {"decision": "refuse"}, expect=422)
    assert set(page.errors()) == {"reason"}
    page = await broker.post(path, {}, expect=422)
    assert set(page.errors()) == {"decision"}
    decided = {"decision": "agree", "amount": "1,800.50", "reason": "For four planners", "form_id": "once"}
    await broker.post(path, decided)
    await broker.post(path, decided)
    assert "Earned: £1,800.50" in (await broker.open(path)).words
    assert "£1,800.50" in (await provider.open("/earnings/claims")).words
    assert await balance(db, council_id, Purpose.GRANT_SPEND) == -180_050
    assert await count(db, "accruals", "kind = 'claim' AND amount_pence = 180050") == 1
    assert (await events(db)).count("TariffClaimDecided") == 1
    await broker.open("/tariff-claims?state=agreed")
    await broker.get("/tariff-claims?state=odd", expect=400)


async def test_both_sides_are_told(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_rule(db, money.council, TariffEvent.GRANT, 200_000)
    broker = await broker_of(db, money)
    service = ClaimService(db)
    given = {"council_id": money.council.id, "amount_pence": 500}
    first = await service.ask(money.provider.principal, claim_form(TariffEvent.GRANT, None, **given))
    second = await service.ask(money.provider.principal, claim_form(TariffEvent.GRANT, None, **given))
    await service.decide(broker.principal, first.id, agree=True, reason="")
    await service.decide(broker.principal, second.id, agree=False, reason="Paid last year")
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
    rows = await db.execute(select(TariffClaim.status))
    assert sorted(row[0] for row in rows) == ["agreed", "refused"]
    assert await count(db, "messages", "template = 'claim_asked'") == 2
    assert await count(db, "messages", "template = 'claim_agreed'") == 1
    assert await count(db, "messages", "template = 'claim_refused' AND body LIKE '%Paid last year%'") == 1


async def test_the_form_says_everything_that_is_wrong_and_keeps_it(browser: Browser, db: AsyncSession) -> None:
    money = await make_money(db)
    await make_signed_plan(db, money.council, money.organisation, completed_on=SIGNED)
    provider = await browser.signed_in(money.provider)
    await provider.open("/earnings/claims/new")
    page = await provider.post("/earnings/claims", {"event": "abandoned", "hours": "-3"}, expect=422)
    page.check()
    assert set(page.errors()) == {"happened_on", "note", "plan", "hours"}
    assert page.field("hours") == "-3"
    page = await provider.post("/earnings/claims", {"event": "plan_completed"}, expect=422)
    assert "event" in page.errors()
    page = await provider.post("/earnings/claims", {"event": "grant", "amount": "1e9"}, expect=422)
    assert "amount" in page.errors()


async def test_nobody_claims_for_others_or_decides_on_other_councils_claims_or_on_their_own(
    browser: Browser, db: AsyncSession
) -> None:
    money, stranger = await make_money(db), await make_money(db)
    await make_rule(db, money.council, TariffEvent.GRANT, 200_000)
    theirs = await make_signed_plan(db, stranger.council, stranger.organisation, completed_on=SIGNED)
    service = ClaimService(db)
    with pytest.raises(NotFound):
        await service.ask(money.provider.principal, claim_form(TariffEvent.PLAN_IMPLEMENTED, theirs))
    planner = await make_member(
        db, Role.PLANNER, money.council, organisation_id=money.organisation.id, worker_id=theirs.worker_id
    )
    plan = await make_signed_plan(db, money.council, money.organisation, completed_on=SIGNED)
    with pytest.raises(NotFound):
        await service.ask(planner.principal, claim_form(TariffEvent.PLAN_IMPLEMENTED, plan))
    given = {"council_id": money.council.id, "amount_pence": 500}
    claim = await service.ask(money.provider.principal, claim_form(TariffEvent.GRANT, None, **given))
    elsewhere = {"council_id": stranger.council.id, "amount_pence": 500}
    with pytest.raises(NotFound):
        await service.ask(money.provider.principal, claim_form(TariffEvent.GRANT, None, **elsewhere))
    broker = await broker_of(db, money)
    claim.asked_by_user_id = broker.user.id
    await db.flush()
    with pytest.raises(OwnClaim):
        await service.decide(broker.principal, claim.id, agree=True, reason="")
    path = f"/tariff-claims/{claim.id}"
    other = await browser.signed_in(await broker_of(db, stranger))
    await other.get(path, expect=404)
    await other.post(path, {"decision": "agree"}, expect=404)
    await reload(db)
    for member in (money.finance, money.provider):
        reader = await browser.signed_in(member)
        await reader.get(path, expect=403)
        await reader.post(path, {"decision": "agree"}, expect=403)
        await reload(db)
    await (await browser.signed_in(money.finance)).get("/earnings/claims", expect=403)
    assert await count(db, "accruals") == 0
