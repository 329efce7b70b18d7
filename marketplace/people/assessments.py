"""What an assessment found, for plans and all that follows: told once, used everywhere (B3)."""

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import local
from marketplace.people.models import AssessmentKind, MetBy
from marketplace.people.repository_assessments import FOR_PLANS, AssessmentRepository
from marketplace.people.words_assessments import outcomes_of


class NeedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One need that was found."""

    outcome: str
    """Key of `CARE_ACT_OUTCOMES`."""
    outcome_words: str
    words: str
    is_eligible: bool
    met_by: MetBy
    how: str


class AssessedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan takes over from the assessment that counts (Care Act s.25; domain.md 4.1)."""

    assessment_id: UUID
    kind: AssessmentKind
    completed_on: date
    held_on: date | None
    needs: tuple[NeedFacts, ...]
    is_eligible: bool
    rationale: str
    in_my_words: str
    agreed_outcomes: tuple[str, ...]
    """What should change, one each, in the order they were agreed."""
    has_substantial_difficulty: bool
    supported_by: str
    points: int | None

    @property
    def eligible_needs(self) -> tuple[NeedFacts, ...]:
        """Needs that meet the criteria."""
        return tuple(need for need in self.needs if need.is_eligible)

    def met_by(self, who: MetBy) -> tuple[NeedFacts, ...]:
        """Needs that somebody meets."""
        return tuple(need for need in self.needs if need.met_by is who)


async def assessment_for_plan(db: AsyncSession, council_id: UUID, person_id: UUID) -> AssessedFacts | None:
    """Return what the completed assessment of a person says; None where there is none.

    An adult's own needs come before a carer's, and those before equipment alone. Reading is noted by the page that
    shows it (`note_view`).
    """
    repository = AssessmentRepository(db)
    row = await repository.completed(council_id, person_id, FOR_PLANS)
    if row is None or row.completed_at is None:
        return None
    outcomes = outcomes_of(row.kind)
    return AssessedFacts(
        assessment_id=row.id,
        kind=row.kind,
        completed_on=local(row.completed_at).date(),
        held_on=row.held_on,
        needs=tuple(
            NeedFacts(
                outcome=need.outcome,
                outcome_words=outcomes.get(need.outcome, need.outcome),
                words=need.words,
                is_eligible=need.is_eligible,
                met_by=need.met_by,
                how=need.how,
            )
            for need in await repository.needs(row)
        ),
        is_eligible=bool(row.is_eligible),
        rationale=row.rationale,
        in_my_words=row.in_my_words,
        agreed_outcomes=tuple(line.strip() for line in row.agreed_outcomes.splitlines() if line.strip()),
        has_substantial_difficulty=row.has_substantial_difficulty,
        supported_by=row.supported_by,
        points=row.points,
    )
