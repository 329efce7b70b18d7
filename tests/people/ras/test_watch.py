"""The monthly watch: sums of people's budgets, alarms once a month, e-mails, and groups of people (C5, R27, R28)."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.people.models import Budget, BudgetStatus, Protection, RasVersion
from marketplace.people.ras.equality import of_people
from marketplace.people.ras.repository import Allocated, RasRepository, Standing
from marketplace.people.ras.watching import judge
from marketplace.people.states import RasStatus
from marketplace.people.tasks_ras import watch_ras
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_budget, make_council, make_member, make_person
from tests.factories_join import run_tasks
from tests.factories_ras import make_ras_version

LIMITS = {"committed": 100, "protection": 40, "variance": 10}
NONE = Standing(
    people=0,
    points=0,
    indicative_annual_pence=0,
    final_weekly_pence=0,
    answered_annual_pence=0,
    protection_annual_pence=0,
)


async def advised(db: AsyncSession, council: Council, version: RasVersion, points: int = 60, **given: Any) -> Budget:
    """Somebody with an indicative budget from their points."""
    person = await make_person(db, council, **given)
    return await make_budget(
        db,
        person,
        status=BudgetStatus.INDICATIVE,
        weekly_pence=points * 10_000 // 52,
        points=points,
        annual_pence=points * 10_000,
        ras_version_id=version.id,
        point_value_pence=Decimal(10_000),
    )


async def test_a_true_mean_of_46_raises_the_alarms_of_the_worked_example(db: AsyncSession) -> None:
    version = await make_ras_version(db, await make_council(db))
    found = judge(version, Standing(
        people=100,
        points=4_600,
        indicative_annual_pence=46_000_000,
        final_weekly_pence=0,
        answered_annual_pence=0,
        protection_annual_pence=0,
    ), LIMITS)  # fmt: skip
    assert found.expected_pence == 920_000_000
    assert found.expected_over_pence == 70_000_000
    assert found.pot_percent == Decimal("46.7")
    assert found.alarms == ["expected", "protection"]


async def test_few_people_say_nothing_of_the_others_and_nobody_raises_no_alarm(db: AsyncSession) -> None:
    version = await make_ras_version(db, await make_council(db))
    few = Standing(
        people=19,
        points=19 * 90,
        indicative_annual_pence=19 * 900_000,
        final_weekly_pence=0,
        answered_annual_pence=0,
        protection_annual_pence=0,
    )
    assert judge(version, few, LIMITS).alarms == []
    assert judge(version, NONE, LIMITS).alarms == []
    assert judge(version, NONE, LIMITS).mean_points is None


async def test_each_person_counts_once_with_the_points_behind_the_budget_that_counts(db: AsyncSession) -> None:
    council = await make_council(db)
    version = await make_ras_version(db, council)
    await advised(db, council, version, 40)
    advice = await advised(db, council, version, 60)
    # Agreed above the points; the advice behind it still stands in the books.
    final = {"person_id": advice.person_id, "weekly_pence": 13_000, "indicative_id": advice.id}
    db.add(
        Budget(
            council_id=council.id,
            status=BudgetStatus.FINAL,
            route=advice.route,
            starts_on=date(2027, 2, 1),
            created_at=clock_of(db).now(),
            **final,
        )
    )
    gone = await advised(db, council, version, 50, died_on=date(2027, 2, 10))
    db.add(
        Protection(
            council_id=council.id,
            person_id=advice.person_id,
            budget_id=advice.id,
            ras_version_id=version.id,
            annual_pence=70_000,
            previous_annual_pence=670_000,
            review_on=date(2028, 3, 1),
            created_at=clock_of(db).now(),
        )
    )
    await db.flush()
    assert gone.points == 50
    assert await RasRepository(db).standing(version, date(2027, 3, 3)) == Standing(
        people=2,
        points=100,
        indicative_annual_pence=1_000_000,
        final_weekly_pence=13_000,
        answered_annual_pence=600_000,
        protection_annual_pence=70_000,
    )
    earlier = await RasRepository(db).standing(version, date(2027, 1, 31))
    assert (earlier.people, earlier.points, earlier.final_weekly_pence) == (3, 150, 0)
    assert earlier.protection_annual_pence == 0


async def test_a_month_is_put_on_record_once_and_its_alarm_told_to_managers_and_finance(
    browser: Browser, db: AsyncSession, mailbox: Mailbox
) -> None:
    manager = await make_member(db, Role.MANAGER)
    council = manager.council
    finance = await make_member(db, Role.FINANCE, council)
    await make_member(db, Role.BROKER, council)
    version = await make_ras_version(db, council, people_count=1)
    for points in (60, 60):
        await advised(db, council, version, points)
    told, wanted, at_work = {manager.user.email, finance.user.email}, version.id, await browser.signed_in(manager)
    await watch_ras()
    await watch_ras()
    assert await count(db, "ras_months", f"ras_version_id = '{wanted}'") == 1
    row = (await db.execute(text("SELECT month, people, points, alarms FROM ras_months"))).one()
    assert (str(row.month), row.people, row.points, row.alarms) == ("2027-02-01", 2, 120, ["people"])
    await run_tasks({"people.tell_ras_alarm", "messaging.deliver"})
    sent = [one for one in mailbox.envelopes if "Points and budgets" in one.subject]
    assert {one.to_address for one in sent} == told
    assert "More people have points than the version reckoned with." in sent[0].body
    page = await at_work.open("/ras/watch")
    for words in ("February 2027", "More people have points", "£12,000.00", "Today"):
        assert words in page.words, words


async def test_versions_that_wait_are_told_to_finance_and_published_ones_to_those_who_use_them(
    browser: Browser, db: AsyncSession, mailbox: Mailbox
) -> None:
    manager = await make_member(db, Role.MANAGER)
    finance = await make_member(db, Role.FINANCE, manager.council)
    version = await make_ras_version(db, manager.council, status=RasStatus.DRAFT, starts_on=None)
    path, number, address = f"/ras/{version.id}", version.version, finance.user.email
    at_work, in_finance = await browser.signed_in(manager), await browser.signed_in(finance)
    await at_work.post(f"{path}/propose", {"version": number})
    await run_tasks({"people.tell_ras_proposed", "messaging.deliver"})
    assert [one.to_address for one in mailbox.envelopes] == [address]
    assert "£100.00 a year" in mailbox.envelopes[0].body
    form = {"version": number + 1, "starts_on-day": "1", "starts_on-month": "4", "starts_on-year": "2027"}
    await in_finance.post(f"{path}/publish", form)
    await run_tasks({"people.tell_ras_published", "messaging.deliver"})
    assert "1 April 2027" in mailbox.envelopes[-1].body


async def test_watch_and_equality_without_a_version_say_what_to_do(browser: Browser, db: AsyncSession) -> None:
    at_work = await browser.signed_in(await make_member(db, Role.FINANCE))
    for path in ("/ras/watch", "/ras/equality"):
        assert "No version is published" in (await at_work.open(path)).words
    await at_work.get("/ras/watch?version=nonsense", expect=404)


def people(**counts: int) -> list[Allocated]:
    return [
        Allocated(annual_pence=500_000 + 10_000 * at, born_on=None, gender=gender, ethnicity="", needs=[])
        for gender, many in counts.items()
        for at in range(many)
    ]


def test_a_small_group_takes_the_next_smallest_with_it() -> None:
    page = of_people(people(female=20, male=12, other=2), date(2027, 3, 3), 5)
    gender = next(one for one in page.spreads if one.key == "gender")
    shown = {row.label: (row.people, row.mean) for row in gender.rows}
    assert shown["Other"] == ("fewer than 5", "held back")
    assert shown["Male"] == ("held back", "held back"), "else the rest would give the small group away"
    assert shown["Female"][0] == "20"
    assert page.people == "about 35"


def test_too_few_people_show_nothing() -> None:
    page = of_people(people(female=3), date(2027, 3, 3), 5)
    assert (page.people, list(page.spreads)) == ("fewer than 5", [])


async def test_the_equality_page_shows_groups_of_people_and_of_the_sample(browser: Browser, db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER)
    version = await make_ras_version(db, manager.council)
    for at in range(14):
        born_on, ethnicity = date(1940 if at % 2 else 1970, 5, 1), "white" if at else "asian"
        await advised(db, manager.council, version, 40 + at, born_on=born_on, ethnicity=ethnicity)
    page = await (await browser.signed_in(manager)).open("/ras/equality")
    for words in ("85 and over", "50 to 64", "White", "held back", "fewer than 5"):
        assert words in page.words, words
    stranger = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER))
    await stranger.get("/ras/equality", expect=403)
