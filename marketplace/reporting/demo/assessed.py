"""People of Derby who were assessed with points: estimates, agreed budgets, charges, protection and the months since.

Their mean is 46 where the sample had 42.5: the case that the worked example warns of (domain.md 4.7). They come beside
the people of the history, who had their budgets before there were points.
"""

import random
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.accounts.council_settings import DEFAULTS
from marketplace.accounts.law import LawBook
from marketplace.people.budget_parts import months_on
from marketplace.people.charges_rules import Means
from marketplace.people.models import (
    AssessmentKind,
    BudgetStatus,
    Protection,
    RasMonth,
    RasVersion,
)
from marketplace.people.ras.engine import a_year, worth
from marketplace.people.ras.repository import Standing
from marketplace.people.ras.starting import STARTING_DOMAINS
from marketplace.people.ras.watching import judge
from marketplace.people.states import RasStatus
from marketplace.reporting.demo.budget_rows import add_assessment, add_budget, add_charge, add_needs, make_person
from marketplace.reporting.demo.points import draw_levels
from marketplace.reporting.demo.world import Council, World, working_day

PEOPLE: Final = 25
MEAN_POINTS: Final = 46
FIRST_NUMBER: Final = 901
"""Of their references, beyond those of the history."""
DAYS_BETWEEN: Final = 6
LATEST_DAYS: Final = 4
AGREED_AFTER: Final = timedelta(days=28)
PROTECTED: Final = {2: 1_800, 7: 2_600, 15: 3_400, 21: 1_200}
"""Whose support cost more before than the points come to, and by how much, pence a week."""
CHARGED: Final = 3
"""Every third pays something."""
FACTORS: Final = (
    (100, ""),
    (104, "Two people help at bedtime now; the plan names the hours."),
    (97, "A neighbour does the shopping, so fewer hours are needed."),
    (100, ""),
    (108, "Day care near home costs more than the points allow."),
)
"""What an agreed budget came to, per cent of its points, and why."""


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with points."""

    person_id: UUID
    user_id: UUID
    given_name: str
    assessment_id: UUID
    budget_id: UUID
    points: int
    annual_pence: int
    """What the points come to."""
    weekly_pence: int
    """The estimate, with what is protected."""
    from_day: date
    final_weekly_pence: int | None = None
    final_from: date | None = None
    protected_annual_pence: int = 0


def make_assessed(world: World, council: Council, law: LawBook) -> list[Assessed]:
    """Keep the people of a council that works with points, and what each month's end showed; others have none."""
    found = [row for row in world.book.of(RasVersion) if row["council_id"] == council.id and row["number"] == 1]
    if not found:
        return []
    version = RasVersion(**{**found[0], "starts_on": world.starts_on.replace(day=1), "status": RasStatus.PUBLISHED})
    rng = random.Random(f"{council.text.slug} assessed")  # noqa: S311 - repeatable on purpose
    people = [
        _one(world, council, law, version, rng, number, levels)
        for number, levels in enumerate(draw_levels(rng, PEOPLE, PEOPLE * MEAN_POINTS))
    ]
    _months(world, council, version, people)
    return people


def _one(
    world: World,
    council: Council,
    law: LawBook,
    version: RasVersion,
    rng: random.Random,
    place: int,
    levels: list[int],
) -> Assessed:
    day = working_day(world.today - timedelta(days=LATEST_DAYS + place * DAYS_BETWEEN))
    person_id, user_id, given = make_person(world, council, rng, FIRST_NUMBER + place, day - timedelta(days=9))
    answered = list(zip(STARTING_DOMAINS, levels, strict=True))
    points = sum(int(domain["answers"][level]["points"]) for domain, level in answered)
    indicative = worth(points, version.point_value_pence, version.weeks)
    extra = PROTECTED.get(place, 0)
    previous = indicative.weekly_pence + extra if extra else None
    assessment_id = add_assessment(
        world,
        council,
        person_id,
        day,
        AssessmentKind.ADULT,
        ras_version_id=version.id,
        answers={domain["key"]: domain["answers"][level]["key"] for domain, level in answered},
        points=points,
        previous_weekly_pence=previous,
    )
    heaviest = sorted(answered, key=lambda pair: -int(pair[0]["answers"][pair[1]]["points"]))[:3]
    add_needs(world, council, assessment_id, day, [domain["key"] for domain, _ in heaviest])
    weekly = indicative.weekly_pence + extra
    basis: dict[str, Any] = {
        "assessment_id": assessment_id,
        "ras_version_id": version.id,
        "points": points,
        "point_value_pence": version.point_value_pence,
        "annual_pence": indicative.annual_pence,
    }
    own = 0
    if place % CHARGED == 0:
        means = Means(
            capital_pence=(0, 1_500_000, 1_910_000)[place // CHARGED % 3],
            income_weekly_pence=25_000 + place * 75,
            expenses_weekly_pence=1_200,
            protected_weekly_pence=22_870,
        )
        basis["financial_assessment_id"], most = add_charge(world, council, law, person_id, day, means)
        own = min(most, weekly)
    budget_id = add_budget(
        world, council, person_id, day, BudgetStatus.INDICATIVE, weekly, own_weekly_pence=own, **basis
    )
    if extra:
        _protect(world, council, version, person_id, budget_id, day, indicative.annual_pence, weekly)
    person = Assessed(
        person_id=person_id,
        user_id=user_id,
        given_name=given,
        assessment_id=assessment_id,
        budget_id=budget_id,
        points=points,
        annual_pence=indicative.annual_pence,
        weekly_pence=weekly,
        from_day=day,
        protected_annual_pence=max(1, a_year(weekly, version.weeks) - indicative.annual_pence) if extra else 0,
    )
    agreed_on = day + AGREED_AFTER
    if extra or agreed_on >= world.today:
        return person
    percent, why = FACTORS[place % len(FACTORS)]
    final = weekly * percent // 100
    add_budget(
        world,
        council,
        person_id,
        agreed_on,
        BudgetStatus.FINAL,
        final,
        own_weekly_pence=min(own, final),
        indicative_id=budget_id,
        variance_reason=why,
        **basis,
    )
    return msgspec.structs.replace(person, final_weekly_pence=final, final_from=agreed_on)


def _protect(
    world: World,
    council: Council,
    version: RasVersion,
    person_id: UUID,
    budget_id: UUID,
    day: date,
    annual: int,
    weekly: int,
) -> None:
    previous = a_year(weekly, version.weeks)
    at = world.at(day, 15)
    world.book.add(
        Protection,
        at,
        council_id=council.id,
        person_id=person_id,
        budget_id=budget_id,
        ras_version_id=version.id,
        annual_pence=max(1, previous - annual),
        previous_annual_pence=previous,
        review_on=months_on(day, int(DEFAULTS["people.protection_review_months"])),
        ended_on=None,
        reason="Support cost more before than the points come to",
        agreed_by_user_id=council.recorders[0],
        created_at=at,
    )


def _months(world: World, council: Council, version: RasVersion, people: list[Assessed]) -> None:
    """Keep what each month's end showed, up to the last whole month."""
    first = version.starts_on
    last = world.today.replace(day=1)
    while first is not None and first < last:
        following = months_on(first, 1)
        day = following - timedelta(days=1)
        here = [one for one in people if one.from_day <= day]
        agreed = [one for one in here if one.final_from is not None and one.final_from <= day]
        standing = Standing(
            people=len(here),
            points=sum(one.points for one in here),
            indicative_annual_pence=sum(one.annual_pence for one in here),
            final_weekly_pence=sum(one.final_weekly_pence or 0 for one in agreed),
            answered_annual_pence=sum(one.annual_pence for one in agreed),
            protection_annual_pence=sum(one.protected_annual_pence for one in here),
        )
        watch = judge(version, standing, DEFAULTS["people.ras_alarms"])
        at = world.at(following, 2)
        world.book.add(
            RasMonth,
            at,
            council_id=council.id,
            ras_version_id=version.id,
            month=first,
            people=standing.people,
            points=standing.points,
            indicative_annual_pence=standing.indicative_annual_pence,
            final_annual_pence=watch.final_annual_pence,
            answered_annual_pence=standing.answered_annual_pence,
            protection_annual_pence=standing.protection_annual_pence,
            alarms=watch.alarms,
            made_at=at,
        )
        first = following
