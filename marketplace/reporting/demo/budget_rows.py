"""Rows that the stories of budgets share: somebody new, an assessment with its needs, a charge, a budget."""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts.law import LawBook
from marketplace.accounts.permissions import Role
from marketplace.accounts.words import ETHNIC_GROUPS, Gender
from marketplace.people.charges_rules import Means, contribution
from marketplace.people.models import (
    AssessedNeed,
    Assessment,
    AssessmentKind,
    Budget,
    BudgetKind,
    BudgetStatus,
    FinancialAssessment,
    FundingRoute,
    MetBy,
    Person,
)
from marketplace.people.states import AssessmentStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.people import FAMILY, GIVEN, IMPORTANT, STREETS, SUPPORT
from marketplace.reporting.demo.world import Council, World

NEEDS_BY_GROUP: Final = (("older", "physical"), ("physical",), ("older", "dementia"), ("learning",), ("mental_health",))
OUTCOMES: Final = {
    "washing": ("hygiene", "Cannot wash and dress without help."),
    "eating": ("nutrition", "Cannot shop and cook alone."),
    "home": ("home", "Cannot clean and do the laundry."),
    "getting_about": ("community", "Does not go out without somebody."),
    "people": ("relationships", "Sees friends less than they want to."),
    "day": ("work", "Has little to do in the week."),
    "safe": ("home_safety", "Falls, and forgets tablets."),
    "caring": ("child_care", "Looks after a grandchild and gets tired."),
}
_LATER: Final = ("assessment_id", "ras_version_id", "financial_assessment_id", "indicative_id")
"""What is named when those rows stand: tables point at each other."""


def make_person(world: World, council: Council, rng: random.Random, number: int, on: date) -> tuple[UUID, UUID, str]:
    """Keep somebody who came after the history. Returns the ids of person and user, and the given name."""
    gender = rng.choices((Gender.FEMALE, Gender.MALE), (55, 45))[0]
    given = rng.choice(GIVEN["male" if gender is Gender.MALE else "female"])
    family = rng.choice(FAMILY)
    needs = NEEDS_BY_GROUP[number % len(NEEDS_BY_GROUP)]
    age = rng.randint(66, 93) if "older" in needs else rng.randint(22, 64)
    spot = world.spots.take(council.text.districts[0].code)
    at = world.at(on, 9)
    reference = f"P-{number:06}"
    email = f"{given}.{family}.{number}@people.{council.text.slug}.example".lower()
    person_id = world.book.add(
        Person,
        at,
        council_id=council.id,
        reference=reference,
        given_name=given,
        family_name=family,
        born_on=on - timedelta(days=age * 365 + rng.randint(20, 340)),
        gender=gender,
        ethnicity=rng.choices(("", *ETHNIC_GROUPS), (10, 22, 9, 4, 50, 2))[0],
        address_line=f"{rng.randint(1, 140)} {rng.choice(STREETS)}",
        town=spot.town,
        postcode=spot.postcode,
        lat=spot.lat,
        lon=spot.lon,
        lad_code=spot.lad_code,
        phone=f"07700 900{rng.randint(0, 999):03}",
        email=email,
        languages=["English"],
        interests=[],
        needs=list(needs),
        communication_needs=[],
        appreciated="",
        important_to_me=rng.choice(IMPORTANT),
        how_to_support_me=rng.choice(SUPPORT),
        is_example=True,
        created_at=at,
        version=1,
    )
    user_id = world.user(email, f"{given} {family}", at)
    world.member(user_id, council.id, Role.PERSON, at, person_id=person_id)
    by = (council.recorders[0], Role.SOCIAL_WORKER.value)
    world.book.audit(council.id, at, "people.record_person", "person", person_id, by, after={"reference": reference})
    return person_id, user_id, given


def add_assessment(
    world: World, council: Council, person_id: UUID, day: date, kind: AssessmentKind, /, **values: Any
) -> UUID:
    """Keep a complete assessment that found somebody eligible. `values` put fields in the place of the usual ones."""
    worker, at = council.recorders[0], world.at(day, 14)
    begun_at = at - timedelta(hours=3)
    row: dict[str, Any] = {
        "council_id": council.id,
        "person_id": person_id,
        "cares_for_person_id": None,
        "kind": kind,
        "status": AssessmentStatus.COMPLETED,
        "ras_version_id": None,
        "answers": {},
        "points": None,
        "is_eligible": True,
        "rationale": "Cannot achieve two or more outcomes without help, and it tells on their wellbeing every day.",
        "in_my_words": "I want to stay in my own home and see my friends.",
        "agreed_outcomes": "Start the day washed and dressed\nGo out once a week",
        "previous_weekly_pence": None,
        "has_substantial_difficulty": False,
        "supported_by": "",
        "assessed_by_user_id": worker,
        "held_on": begun_at.date(),
        "completed_at": at,
        "created_at": begun_at,
        "version": 2,
    }
    row_id = world.book.add(Assessment, begun_at, **row | values)
    moves: list[Move] = [
        (AssessmentStatus.DRAFT, begun_at, worker, ""),
        (AssessmentStatus.COMPLETED, at, worker, ""),
    ]
    world.book.steps("assessment", council.id, row_id, moves)
    by = (worker, Role.SOCIAL_WORKER.value)
    world.book.audit(council.id, at, "people.complete_assessment", "assessment", row_id, by)
    return row_id


def add_needs(world: World, council: Council, assessment_id: UUID, day: date, domains: Iterable[str]) -> None:
    """Keep what an assessment found, one need for each domain; the last is met by family."""
    keys = list(domains)
    for position, key in enumerate(keys, start=1):
        outcome, words = OUTCOMES[key]
        is_last = position == len(keys) and position > 2
        world.book.add(
            AssessedNeed,
            world.at(day, 13),
            council_id=council.id,
            assessment_id=assessment_id,
            position=position,
            outcome=outcome,
            words=words,
            is_eligible=not is_last,
            met_by=MetBy.INFORMAL if is_last else MetBy.COUNCIL,
            how="A daughter comes on Sundays." if is_last else "",
        )


def add_budget(
    world: World, council: Council, person_id: UUID, day: date, status: BudgetStatus, weekly: int, /, **values: Any
) -> UUID:
    """Keep a budget. What it rests on is named afterwards, when those rows stand."""
    later = {name: values.pop(name) for name in _LATER if name in values}
    at = world.at(day, 15)
    row: dict[str, Any] = {
        "council_id": council.id,
        "person_id": person_id,
        "status": status,
        "route": FundingRoute.COUNCIL_MANAGED,
        "weekly_pence": weekly,
        "own_weekly_pence": 0,
        "starts_on": day,
        "ends_on": None,
        "created_at": at,
        "kind": BudgetKind.SUPPORT,
        "one_off_pence": 0,
        "points": None,
        "point_value_pence": None,
        "annual_pence": None,
        "may_change_on": day + timedelta(days=84) if status is BudgetStatus.INDICATIVE else None,
        "variance_reason": "",
        "decided_by_user_id": council.recorders[0],
    }
    row_id = world.book.add(Budget, at, **row | values)
    if later:
        world.book.afterwards(Budget, row_id, **later)
    action = "people.set_indicative_budget" if status is BudgetStatus.INDICATIVE else "people.make_final_budget"
    by = (council.recorders[0], Role.SOCIAL_WORKER.value)
    world.book.audit(council.id, at, action, "budget", row_id, by, after={"weekly_pence": weekly})
    return row_id


def add_charge(
    world: World, council: Council, law: LawBook, person_id: UUID, day: date, means: Means
) -> tuple[UUID, int]:
    """Keep what finance decided somebody pays. Returns its id and the most they pay a week, pence."""
    found = contribution(law, means)
    finance, at = council.staff["finance"], world.at(day, 12)
    row_id = world.book.add(
        FinancialAssessment,
        at,
        council_id=council.id,
        person_id=person_id,
        starts_on=day,
        ends_on=None,
        capital_pence=means.capital_pence,
        income_weekly_pence=means.income_weekly_pence,
        disregarded_weekly_pence=means.disregarded_weekly_pence,
        expenses_weekly_pence=means.expenses_weekly_pence,
        protected_weekly_pence=means.protected_weekly_pence,
        tariff_income_weekly_pence=found.tariff_income_weekly_pence,
        contribution_weekly_pence=found.contribution_weekly_pence,
        is_full_cost=found.is_full_cost,
        is_light_touch=False,
        reason="Worked out from the papers that were sent in.",
        decided_by_user_id=finance,
        created_at=at,
    )
    by = (finance, Role.FINANCE.value)
    world.book.audit(council.id, at, "people.decide_charge", "financial_assessment", row_id, by)
    return row_id, found.contribution_weekly_pence
