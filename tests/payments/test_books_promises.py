"""Commitments for what goes on: weekly visits, reviews, re-plans and blocks, up to the year's end (D17)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.bookings.models import Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.payments.checks_books import commitments_are_never_negative
from marketplace.payments.models import AccrualKind, TariffEvent
from marketplace.payments.repository.books import BooksRepository
from marketplace.payments.service.books.promises import BLOCKS, REPLANS, REVIEWS, VISITS, PromiseService
from marketplace.payments.tasks_books import keep_promises
from marketplace.people.models import Holding
from marketplace.plans.models import Plan, PlanVersion, ReviewKind
from marketplace.plans.states import PlanStatus, ReviewStatus
from tests.browser import Browser, count
from tests.factories_account import make_self_held
from tests.factories_agreements import MadeAgreement, make_agreement, make_terms
from tests.factories_bookings import Scene, make_booking, make_scene
from tests.factories_payments import Money, make_accrual, make_money, make_signed_plan
from tests.factories_plans import make_review
from tests.factories_tariffs import make_rule
from tests.payments.test_blocks import make_own_block
from tests.payments.test_books import make_block, make_team

# Today is Wednesday 3 March 2027; the financial year ends with 31 March.
WRITTEN_UNTIL = date(2027, 3, 18)


async def agreed(db: AsyncSession, scene: Scene | None = None, **given: Any) -> tuple[Scene, MadeAgreement]:
    """An agreement at £70 a week whose visits are written up to 17 March: one of £16 on Friday."""
    scene = scene or await make_scene(db)
    given = {"planned_until": WRITTEN_UNTIL, "terms": {"weekly_pence": 7_000}, **given}
    made = await make_agreement(db, scene, **given)
    await make_booking(db, scene, BookingStatus.PLANNED, agreement_id=made.agreement.id)
    return scene, made


async def promised(db: AsyncSession, council_id: UUID, kind: str = VISITS) -> dict[UUID | None, int]:
    """Bring the ledger up to date and return what it has committed, by team; nothing where it is nothing."""
    await db.flush()
    await PromiseService(db).keep(council_id)
    found = await BooksRepository(db).committed(council_id, date(2030, 1, 1))
    assert (await commitments_are_never_negative(db)).ok
    return {team_id: kinds[kind] for team_id, kinds in found.items() if kinds.get(kind)}


async def test_weekly_visits_are_committed_to_the_years_end_and_once(db: AsyncSession) -> None:
    scene, _ = await agreed(db)
    # £16 as written, and 14 days from 18 to 31 March at £70 a week.
    assert await promised(db, scene.council.id) == {None: 1_600 + 14_000}
    assert await PromiseService(db).keep(scene.council.id) == 0
    assert await count(db, "ledger_entries", f"kind = '{VISITS}'") == 1


CHANGES = {
    "UPDATE bookings SET status = 'approved'": 14_000,
    "UPDATE bookings SET status = 'cancelled'": 14_000,
    "UPDATE support_agreements SET ends_on = '2027-03-25'": 1_600 + 7_000,
    "UPDATE support_agreements SET ends_on = '2027-03-04'": 0,
    "UPDATE support_agreements SET status = 'ended', ends_on = '2027-03-04'": 0,
    "UPDATE budgets SET ends_on = '2027-03-25'": 1_600 + 7_000,
    "UPDATE budgets SET ends_on = '2027-03-01'": 0,
    "UPDATE people SET died_on = '2027-03-02'": 0,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_accrues_changes_or_falls_away_is_adjusted(db: AsyncSession, clock: FixedClock, change: str) -> None:
    scene, _ = await agreed(db)
    await promised(db, scene.council.id)
    await db.execute(text(change))
    clock.advance(timedelta(hours=4))
    left = await promised(db, scene.council.id)
    assert left == ({None: CHANGES[change]} if CHANGES[change] else {})
    assert await PromiseService(db).keep(scene.council.id) == 0


async def test_new_terms_count_for_the_weeks_that_are_not_written_yet(db: AsyncSession, clock: FixedClock) -> None:
    scene, made = await agreed(db)
    await promised(db, scene.council.id)
    await make_terms(db, scene, made.agreement, number=2, starts_on=date(2027, 3, 10), weekly_pence=14_000)
    clock.advance(timedelta(hours=4))
    assert await promised(db, scene.council.id) == {None: 1_600 + 28_000}


async def test_a_new_financial_year_is_promised_anew(db: AsyncSession, clock: FixedClock) -> None:
    scene, _ = await agreed(db)
    await set_setting(
        db, None, scene.council.id, "payments.year_starts", "03-11", starts_on=date(2020, 1, 1), source="Test"
    )
    assert await promised(db, scene.council.id) == {None: 1_600}
    clock.advance(timedelta(days=9))
    # 365 days to 10 March 2028, of which 7 are over or written; the visit of 5 March waits for approval.
    assert await promised(db, scene.council.id) == {None: 1_600 + (366 - 7) * 1_000}


async def test_only_what_the_council_would_pay_is_promised(db: AsyncSession) -> None:
    held = await make_self_held(db, Holding.OWN_ACCOUNT)
    await agreed(db, held)
    assert await promised(db, held.council.id) == {}
    by_card, _ = await agreed(db, funding=Funding.CARD)
    assert await promised(db, by_card.council.id) == {}
    in_block, _ = await agreed(db)
    await make_own_block(db, in_block)
    assert await promised(db, in_block.council.id) == {}
    assert await promised(db, in_block.council.id, BLOCKS) == {None: 3_000 * 31 // 7 + 1}


async def test_commitments_go_with_the_person_to_another_team(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    scene, _ = await agreed(db)
    money = await make_money(db, council=scene.council)
    everybody = (await make_team(db, money, "Everybody", is_default=True, yearly_pence=10_000)).id
    area = (await make_team(db, money, "Area", outwards=["ZZ9"])).id
    assert await promised(db, scene.council.id) == {everybody: 15_600}
    finance = await browser.signed_in(money.finance)
    assert "over its budget by £56.00" in (await finance.open("/books")).words
    page = await finance.open(f"/books/teams/{everybody}")
    assert "Agreed weekly visits£156.00" in page.words.replace(" £", "£")
    await db.execute(text("UPDATE people SET postcode = 'ZZ9 1AA' WHERE id = :id"), {"id": scene.person.id})
    clock.advance(timedelta(hours=4))
    assert await promised(db, scene.council.id) == {area: 15_600}


async def with_plan(db: AsyncSession) -> tuple[Money, Plan]:
    """A plan that was signed off, in a council that pays £200 for a review once in twelve months."""
    money = await make_money(db)
    await make_rule(db, money.council, TariffEvent.REVIEW_HELD, 20_000, once_months=12)
    signed = await make_signed_plan(db, money.council, money.organisation, completed_on=date(2026, 3, 10))
    return money, await db.get_one(Plan, signed.plan_id)


async def test_reviews_to_be_held_this_year_are_committed_once_for_a_person(
    db: AsyncSession, clock: FixedClock
) -> None:
    money, plan = await with_plan(db)
    await make_review(db, plan, date(2026, 3, 10), ReviewKind.ANNUAL)
    # A second one within twelve months earns nothing, nor does a first review unless the council counts it.
    await make_review(db, plan, date(2026, 3, 12), ReviewKind.ANNUAL)
    await make_review(db, plan, date(2027, 1, 10), ReviewKind.WELFARE_CHECK)
    assert await promised(db, money.council.id, REVIEWS) == {None: 20_000}
    await db.execute(text("UPDATE reviews SET status = 'cancelled'"))
    clock.advance(timedelta(hours=4))
    assert await promised(db, money.council.id, REVIEWS) == {}


async def test_a_review_after_the_years_end_or_too_near_a_paid_one_is_not_committed(db: AsyncSession) -> None:
    money, plan = await with_plan(db)
    await make_review(db, plan, date(2026, 6, 1), ReviewKind.ANNUAL)
    assert await promised(db, money.council.id, REVIEWS) == {}
    await make_review(db, plan, date(2026, 3, 10), ReviewKind.ANNUAL)
    await make_accrual(
        db,
        money.council,
        money.organisation,
        kind=AccrualKind.REVIEW,
        person_id=plan.person_id,
        earned_on=date(2026, 9, 1),
    )
    assert await promised(db, money.council.id, REVIEWS) == {}


async def test_a_plan_that_is_written_anew_is_committed_until_it_is_signed_off(
    db: AsyncSession, clock: FixedClock
) -> None:
    money, plan = await with_plan(db)
    await make_rule(db, money.council, TariffEvent.PLAN_COMPLETED, 45_000)
    await make_rule(db, money.council, TariffEvent.REPLAN, 12_000)
    version = PlanVersion(
        council_id=money.council.id,
        plan_id=plan.id,
        number=2,
        status=PlanStatus.DRAFT,
        updated_at=clock.now(),
    )
    db.add(version)
    assert await promised(db, money.council.id, REPLANS) == {None: 12_000}
    # After a review, its fee pays for the update of the plan (D13).
    await make_review(db, plan, date(2026, 3, 10), ReviewKind.ANNUAL, ReviewStatus.HELD, held_on=date(2027, 3, 1))
    clock.advance(timedelta(hours=4))
    assert await promised(db, money.council.id, REPLANS) == {}
    assert await promised(db, money.council.id, REVIEWS) == {None: 20_000}


@pytest.mark.usefixtures("maker")
async def test_the_job_keeps_every_council(db: AsyncSession) -> None:
    scene, _ = await agreed(db)
    money = await make_money(db)
    await make_block(db, money)
    await keep_promises()
    await keep_promises()
    await scope_to(db, "every")
    kinds = await db.execute(text("SELECT council_id, kind FROM ledger_entries WHERE kind LIKE '%-committed'"))
    assert {tuple(row) for row in kinds} == {(scene.council.id, VISITS), (money.council.id, BLOCKS)}


MANY = 2_000


async def test_thousands_of_agreements_take_one_entry(db: AsyncSession) -> None:
    scene, made = await agreed(db)
    values = {"n": MANY, "agreement": made.agreement.id, "person": scene.person.id}
    for table, own, given in (
        ("people", "id", {"id": "md5('p' || i)::uuid", "reference": "'MANY-' || i"}),
        ("budgets", "person_id", {"id": "md5('b' || i)::uuid", "person_id": "md5('p' || i)::uuid"}),
        (
            "support_agreements",
            "id",
            {"id": "md5('a' || i)::uuid", "person_id": "md5('p' || i)::uuid", "reference": "'MANY-' || i"},
        ),
        ("agreement_terms", "agreement_id", {"id": "md5('t' || i)::uuid", "agreement_id": "md5('a' || i)::uuid"}),
    ):
        columns = list(
            await db.scalars(
                text("SELECT column_name FROM information_schema.columns WHERE table_name = :name"), {"name": table}
            )
        )
        chosen = ", ".join(given.get(column, f"x.{column}") for column in columns)
        key = ":agreement" if table in ("support_agreements", "agreement_terms") else ":person"
        await db.execute(
            text(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} "
                f"FROM {table} x, generate_series(2, :n) AS i WHERE x.{own} = {key}"
            ),
            {name: value for name, value in values.items() if name == "n" or f":{name}" == key},
        )
    await db.execute(text("ANALYZE people, budgets, support_agreements, agreement_terms"))
    assert await promised(db, scene.council.id) == {None: 1_600 + MANY * 14_000}
    assert await count(db, "ledger_entries", f"kind = '{VISITS}'") == 1
