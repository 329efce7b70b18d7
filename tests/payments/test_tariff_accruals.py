"""What each kind of event earns, by which book, and that it earns once (C3, D11, D13, L19, L22)."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import SessionMaker
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments import tasks, tasks_tariffs  # noqa: F401 - register the tasks
from marketplace.payments.errors import NoTariff
from marketplace.payments.models import Accrual, AccrualKind, BudgetTeam, BudgetTeamPerson, TariffEvent, VatTreatment
from marketplace.payments.rules import StageAt, stage_source
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.earning import Earning, earn, spent_from
from marketplace.payments.service.tariffs import rule_on
from marketplace.payments.service.teams import team_of
from marketplace.plans.models import ReviewKind
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import count
from tests.factories import make_council, make_organisation
from tests.factories_payments import balance, handled, make_money, make_signed_plan, make_tariff
from tests.factories_tariffs import (
    STAGES,
    flat,
    make_complex,
    make_framework_book,
    make_held_review,
    make_next_version,
    make_rule,
    make_setting,
    move_to,
    submitted,
)

DAY = date(2027, 2, 20)


async def rows(db: AsyncSession) -> list[tuple[AccrualKind, int]]:
    """Kind and pence of every earning, oldest first."""
    found = await db.execute(select(Accrual.kind, Accrual.amount_pence).order_by(Accrual.earned_on, Accrual.id))
    return [(row[0], row[1]) for row in found]


async def test_a_framework_with_a_book_of_its_own_has_that_and_others_the_councils(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000)
    other = await make_organisation(db)
    await make_framework_book(db, money.council, other, 12_345, starts_on=date(2027, 1, 10))
    accruals = AccrualService(db)
    for organisation in (money.organisation, other):
        await accruals.accrue_plan(await make_signed_plan(db, money.council, organisation, completed_on=DAY))
    # Before the framework had a book, the council's counted for it, too.
    early = await make_signed_plan(db, money.council, other, completed_on=date(2027, 1, 9))
    await accruals.accrue_plan(early)
    assert await rows(db) == [
        (AccrualKind.PLAN, 7_500),
        (AccrualKind.PLAN, 7_500),
        (AccrualKind.PLAN, 12_345),
    ]
    # What a framework's book leaves out is not paid under it.
    asked = (db, money.council.id, other.id, TariffEvent.REVIEW_HELD)
    assert await rule_on(*asked, DAY) is None
    assert await rule_on(*asked, date(2027, 1, 9)) is not None
    assert await rule_on(db, (await make_council(db)).id, other.id, TariffEvent.PLAN_COMPLETED, DAY) is None


async def test_uplifts_follow_the_case_and_the_councils_map(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    uplifts = [{"if": "complex", "percent": 25}, {"if": "rural", "percent": 10}]
    await make_tariff(db, money.council, uplifts=uplifts)
    await make_setting(db, money.council, "payments.rural_areas", {"rural": ["BB7"], "very_rural": []})
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
    await make_complex(db, event)
    await move_to(db, event, "BB7 2DE")
    await AccrualService(db).accrue_plan(event)
    accrual = (await db.scalars(select(Accrual))).one()
    assert accrual.amount_pence == 10_125
    assert accrual.working == [
        {"words": "Fee", "pence": 7_500},
        {"words": "Complex case: 25% more", "pence": 1_875},
        {"words": "Rural area: 10% more", "pence": 750},
    ]
    assert (accrual.minutes, accrual.person_id, accrual.service_line) == (
        200,
        event.person_id,
        ServiceLine.SUPPORT_PLANNING,
    )


async def test_vat_comes_on_top_for_a_registered_supplier_whose_treatment_was_agreed(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db, vat_number="GB123456789")
    await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 45_000, vat_on_top=True)
    treatment = VatTreatment(
        council_id=money.council.id,
        organisation_id=money.organisation.id,
        service_line=ServiceLine.SUPPORT_PLANNING,
        category=VatCategory.STANDARD,
        rate=2_000,
        starts_on=date(2026, 1, 1),
        stated_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    await db.execute(delete(VatTreatment))  # what the factory states for suppliers with a VAT number
    db.add(treatment)
    for agreed in (False, True):
        if agreed:
            treatment.agreed_at = datetime(2026, 1, 2, tzinfo=UTC)
            treatment.agreed_by_user_id = money.finance.user.id
        await db.flush()
        event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
        await AccrualService(db).accrue_plan(event)
    assert [pence for _, pence in await rows(db)] == [45_000, 54_000]


async def test_stages_are_on_account_and_the_sign_offs_day_decides_the_whole(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    old = await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 10_000, stages=STAGES)
    old.ends_on = date(2027, 2, 15)
    await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 20_000, stages=STAGES, starts_on=date(2027, 2, 15))
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
    first = submitted(event, date(2027, 2, 10))
    for message, task in ((first, "payments.accrue_submitted"), (event, "payments.accrue_plan")):
        for _ in range(2):
            outbox.publish(db, message)
            await db.flush()
            for item in await outbox.relay(db):
                if item.task == task:
                    await handled(db, item)
    # £30 on account at £100, then 80 per cent of £200 less that; £40 is left for when the plan is in place.
    assert await rows(db) == [(AccrualKind.PLAN_STAGE, 3_000), (AccrualKind.PLAN_STAGE, 13_000)]
    last = (await db.scalars(select(Accrual).where(Accrual.earned_on == DAY))).one()
    assert last.source_id == stage_source(event.plan_version_id, StageAt.SIGNED_OFF)
    assert [line["pence"] for line in last.working] == [20_000, -4_000, -3_000]
    assert await balance(db, money.council.id, Purpose.ACCRUED, money.organisation.id) == 16_000
    assert await count(db, "ledger_entries", "kind = 'plan-stage-tariff'") == 2


async def test_a_stage_without_a_rule_or_after_the_sign_off_earns_nothing(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    accruals = AccrualService(db)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
    assert not await accruals.accrue_submitted(submitted(event, DAY))
    await make_tariff(db, money.council)
    assert not await accruals.accrue_submitted(submitted(event, DAY))
    assert await accruals.accrue_plan(event)
    await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 100, stages=STAGES, starts_on=date(2027, 2, 1))
    assert not await accruals.accrue_submitted(submitted(event, DAY))
    assert not await accruals.accrue_plan(event)
    assert await rows(db) == [(AccrualKind.PLAN, 7_500)]


async def test_a_review_earns_once_for_a_person_in_twelve_months(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000, once_months=12)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2025, 1, 5))
    accruals = AccrualService(db)
    for day, is_paid in (
        (date(2027, 1, 5), True),
        (date(2028, 1, 4), False),
        (date(2028, 1, 5), True),
        # A message that comes late is held against what came after it, too.
        (date(2026, 1, 6), False),
        (date(2026, 12, 31), False),
    ):
        review = await make_held_review(db, event, day)
        assert await accruals.accrue_review(review) is is_paid, day
        assert not await accruals.accrue_review(review)
    assert [pence for _, pence in await rows(db)] == [20_000, 20_000]
    assert await count(db, "audit_entries", "action = 'payments.review_paid_before'") >= 3
    assert await count(db, "ledger_entries", "kind = 'review-tariff'") == 2


async def test_a_first_review_earns_only_where_the_council_counts_it(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000, once_months=12)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2027, 1, 5))
    review = await make_held_review(db, event, DAY, ReviewKind.WELFARE_CHECK)
    assert not await AccrualService(db).accrue_review(review)
    await make_setting(db, money.council, "payments.first_review_earns", True)
    assert await AccrualService(db).accrue_review(review)


async def test_no_review_is_paid_where_the_book_has_no_price_for_it(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2026, 2, 1))
    assert not await AccrualService(db).accrue_review(await make_held_review(db, event, DAY))


async def test_a_changed_plan_earns_as_a_re_plan_unless_a_paid_review_covers_it(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    await make_tariff(db, money.council)
    accruals = AccrualService(db)
    first = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2026, 6, 1))
    assert await accruals.accrue_plan(first)
    second = await make_next_version(db, first, date(2026, 9, 1))
    assert await accruals.accrue_plan(second)
    await make_rule(db, money.council, TariffEvent.REPLAN, 4_000)
    third = await make_next_version(db, second, date(2026, 10, 1))
    assert await accruals.accrue_plan(third)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000)
    await make_held_review(db, first, date(2027, 1, 20))
    fourth = await make_next_version(db, third, DAY)
    assert not await accruals.accrue_plan(fourth)
    assert await count(db, "audit_entries", "action = 'payments.plan_in_review'") == 1
    assert [pence for _, pence in await rows(db)] == [7_500, 7_500, 4_000]
    with pytest.raises(NoTariff):
        await accruals.accrue_plan(
            await make_signed_plan(db, money.council, money.organisation, completed_on=date(2026, 3, 31))
        )


async def test_an_earning_is_posted_once_and_knows_where_it_was_spent_from(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    earning = Earning(
        council_id=money.council.id,
        organisation_id=money.organisation.id,
        kind=AccrualKind.CLAIM,
        source_id=new_id(),
        amount_pence=500,
        earned_on=DAY,
        description="Grant",
        spend=Purpose.GRANT_SPEND,
    )
    assert await earn(db, earning) is not None
    assert await earn(db, earning) is None
    assert await count(db, "ledger_lines") == 2
    accrual = (await db.scalars(select(Accrual))).one()
    assert await spent_from(db, accrual) == (Purpose.GRANT_SPEND, None)


async def test_a_visit_was_spent_from_the_persons_direct_payment(db: AsyncSession, maker: SessionMaker) -> None:
    money = await make_money(db)
    person_id, visit = new_id(), new_id()
    ledger, council_id = LedgerService(db), money.council.id
    lines = [debit(Purpose.DIRECT_PAYMENT_SPEND, 900), credit(Purpose.DIRECT_PAYMENT, 900, person_id)]
    await ledger.post(council_id, "direct-payment", person_id, lines)
    lines = [debit(Purpose.DIRECT_PAYMENT, 900, person_id), credit(Purpose.ACCRUED, 900, money.organisation.id)]
    await ledger.post(council_id, "visit-approved", visit, lines)
    await earn(
        db,
        Earning(
            council_id=council_id,
            organisation_id=money.organisation.id,
            kind=AccrualKind.VISIT,
            source_id=visit,
            amount_pence=900,
            earned_on=DAY,
            description="Visit",
        ),
    )
    accrual = (await db.scalars(select(Accrual))).one()
    assert await spent_from(db, accrual) == (Purpose.DIRECT_PAYMENT, person_id)
    assert await count(db, "ledger_entries") == 2


async def test_the_team_of_a_person_goes_before_their_area_and_that_before_the_default(
    db: AsyncSession, maker: SessionMaker
) -> None:
    money = await make_money(db)
    event = await make_signed_plan(db, money.council, money.organisation, completed_on=DAY)
    await move_to(db, event, "PR1 2HE")
    council_id, person_id = money.council.id, event.person_id
    assert await team_of(db, council_id, person_id, DAY) is None

    async def team(name: str, **given: object) -> BudgetTeam:
        values = {"council_id": council_id, "name": name, "cost_centre": name, "created_at": datetime.now(UTC)}
        row = BudgetTeam(**{**values, **given})
        db.add(row)
        await db.flush()
        return row

    default = await team("A default", is_default=True)
    assert await team_of(db, council_id, person_id, DAY) == default.id
    area = await team("Preston", outwards=["PR1", "PR2"])
    assert await team_of(db, council_id, person_id, DAY) == area.id
    own = await team("Transitions")
    db.add(BudgetTeamPerson(council_id=council_id, team_id=own.id, person_id=person_id, starts_on=date(2027, 2, 10)))
    await db.flush()
    assert await team_of(db, council_id, person_id, date(2027, 2, 9)) == area.id
    assert await team_of(db, council_id, person_id, DAY) == own.id
    own.closed_on = date(2027, 2, 15)
    await db.flush()
    assert await team_of(db, council_id, person_id, DAY) == area.id
    assert await team_of(db, council_id, None, DAY) == default.id
    await make_tariff(db, money.council, bands=flat(7_500))
    await AccrualService(db).accrue_plan(event)
    assert await count(db, "accruals", f"team_id = '{area.id}'") == 1
