"""Rows of assessments and charges for tests."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock, today
from marketplace.core.database import clock_of
from marketplace.people.models import (
    AssessedNeed,
    Assessment,
    AssessmentKind,
    Crisis,
    FinancialAssessment,
    MetBy,
    Person,
)
from marketplace.people.states import ASSESSMENT, AssessmentStatus
from tests.factories import Member

SIXTY = {"washing": "much", "people": "rarely"}
"""Answers that come to 60 points in the versions of `make_ras_version`."""

NEEDS: tuple[dict[str, Any], ...] = (
    {"outcome": "hygiene", "words": "I need help to wash.", "met_by": MetBy.COUNCIL, "how": ""},
    {"outcome": "clothing", "words": "I need help with buttons.", "met_by": MetBy.INFORMAL, "how": "My sister comes."},
)


async def make_assessment(
    db: AsyncSession,
    person: Person,
    *,
    is_complete: bool = True,
    needs: tuple[dict[str, Any], ...] = NEEDS,
    **given: Any,
) -> Assessment:
    """An adult's assessment with two eligible needs, complete unless said otherwise."""
    now = clock_of(db).now()
    values: dict[str, Any] = {
        "kind": AssessmentKind.ADULT,
        "is_eligible": True,
        "rationale": "Two outcomes cannot be achieved, and this affects wellbeing.",
        "in_my_words": "I want to see my friends again.",
        "agreed_outcomes": "Be ready by nine\nSee friends on Saturdays",
        "held_on": date(2027, 3, 1),
        "completed_at": now if is_complete else None,
        "created_at": now,
        "answers": {},
    }
    row = Assessment(
        council_id=person.council_id, person_id=person.id, status=AssessmentStatus.DRAFT, **{**values, **given}
    )
    db.add(row)
    await db.flush()
    ASSESSMENT.begin(db, row, by=None)
    db.add_all(
        AssessedNeed(
            council_id=person.council_id, assessment_id=row.id, position=place, **{"is_eligible": True, **need}
        )
        for place, need in enumerate(needs, start=1)
    )
    if is_complete:
        ASSESSMENT.move(db, row, AssessmentStatus.COMPLETED, by=None)
    await db.flush()
    return row


async def make_charge(db: AsyncSession, person: Person, decided_by: Member, **given: Any) -> FinancialAssessment:
    """Somebody pays up to £20 a week."""
    values: dict[str, Any] = {
        "starts_on": date(2027, 1, 1),
        "capital_pence": 0,
        "income_weekly_pence": 20_000,
        "tariff_income_weekly_pence": 0,
        "contribution_weekly_pence": 2_000,
        "is_full_cost": False,
        "decided_by_user_id": decided_by.user.id,
        "created_at": clock_of(db).now(),
    }
    row = FinancialAssessment(council_id=person.council_id, person_id=person.id, **{**values, **given})
    db.add(row)
    await db.flush()
    return row


async def fall_into_crisis(db: AsyncSession, person: Person, worker: Member, clock: FixedClock) -> None:
    """A crisis of today, to be looked at in a week."""
    row = Crisis(
        council_id=person.council_id,
        person_id=person.id,
        reason="A fall",
        started_on=today(clock),
        look_again_on=today(clock) + timedelta(days=7),
        started_by_user_id=worker.user.id,
    )
    db.add(row)
    await db.flush()
