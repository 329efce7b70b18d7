"""Questions about assessments of needs and of what somebody can pay."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import exists, func, or_, select, tuple_

from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.people.models import (
    AssessedNeed,
    Assessment,
    AssessmentKind,
    Budget,
    BudgetKind,
    BudgetStatus,
    FinancialAssessment,
    Person,
)
from marketplace.people.states import AssessmentStatus

FOR_PLANS = (AssessmentKind.ADULT, AssessmentKind.CARER_STAGE_2, AssessmentKind.EQUIPMENT)
"""Kinds that a plan can rest on; the first stage of a carer only says whether there is a second."""


class AssessmentRepository(Repository[Assessment]):
    """Assessments of a council."""

    model_type = Assessment

    async def of_person(self, council_id: UUID, person_id: UUID, limit: int = 200) -> Sequence[Assessment]:
        """Return a person's assessments, newest first."""
        question = self.of(council_id).where(Assessment.person_id == person_id)
        return await self.every(question.order_by(Assessment.created_at.desc(), Assessment.id.desc()).limit(limit))

    async def in_person(
        self, council_id: UUID, person_id: UUID, assessment_id: UUID, *, locked: bool = False
    ) -> Assessment:
        """Return one assessment of a person.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        return await self.one(
            self.of(council_id).where(Assessment.person_id == person_id, Assessment.id == assessment_id), locked=locked
        )

    async def completed(
        self, council_id: UUID, person_id: UUID, kinds: Sequence[AssessmentKind], *, locked: bool = False
    ) -> Assessment | None:
        """Return the completed assessment of some kinds that counts now: the first kind named, then the newest."""
        rows = await self.every(
            self.of(council_id)
            .where(
                Assessment.person_id == person_id,
                Assessment.status == AssessmentStatus.COMPLETED,
                Assessment.kind.in_(kinds),
            )
            .order_by(Assessment.completed_at.desc(), Assessment.id.desc())
            .limit(20)
        )
        found = min(rows, key=lambda row: list(kinds).index(row.kind), default=None)
        return await self.find(council_id, found.id, locked=True) if found is not None and locked else found

    async def draft(self, council_id: UUID, person_id: UUID, kind: AssessmentKind) -> Assessment | None:
        """Return the unfinished assessment of a kind."""
        return await self.maybe(
            self.of(council_id).where(
                Assessment.person_id == person_id,
                Assessment.kind == kind,
                Assessment.status == AssessmentStatus.DRAFT,
            )
        )

    async def carers_of(self, council_id: UUID, person_id: UUID) -> Sequence[Person]:
        """Return who said in an assessment that counts, or is being written, that they care for somebody."""
        is_carer = exists().where(
            Assessment.person_id == Person.id,
            Assessment.cares_for_person_id == person_id,
            Assessment.status != AssessmentStatus.SUPERSEDED,
        )
        question = select(Person).where(Person.council_id == council_id, is_carer)
        return (await self.db.scalars(question.order_by(Person.family_name, Person.id).limit(20))).all()

    async def needs(self, row: Assessment) -> Sequence[AssessedNeed]:
        """Return the needs that an assessment found, in order."""
        question = select(AssessedNeed).where(
            AssessedNeed.council_id == row.council_id, AssessedNeed.assessment_id == row.id
        )
        return (await self.db.scalars(question.order_by(AssessedNeed.position))).all()

    async def last_position(self, row: Assessment) -> int:
        """Return the place of the last need; 0 when there is none."""
        question = select(func.max(AssessedNeed.position)).where(
            AssessedNeed.council_id == row.council_id, AssessedNeed.assessment_id == row.id
        )
        return await self.db.scalar(question) or 0


class ChargeRepository(Repository[FinancialAssessment]):
    """Financial assessments of a council."""

    model_type = FinancialAssessment

    async def of_person(self, council_id: UUID, person_id: UUID, limit: int = 100) -> Sequence[FinancialAssessment]:
        """Return a person's financial assessments, newest first."""
        question = self.of(council_id).where(FinancialAssessment.person_id == person_id)
        return await self.every(question.order_by(FinancialAssessment.starts_on.desc()).limit(limit))

    async def on(self, council_id: UUID, person_id: UUID, day: date) -> FinancialAssessment | None:
        """Return the one that counts on a day."""
        return await self.maybe(
            self.of(council_id)
            .where(
                FinancialAssessment.person_id == person_id,
                FinancialAssessment.starts_on <= day,
                or_(FinancialAssessment.ends_on.is_(None), FinancialAssessment.ends_on > day),
            )
            .order_by(FinancialAssessment.starts_on.desc())
        )

    async def missing(self, council_id: UUID, day: date, *, after: UUID | None, limit: int) -> Sequence[Person]:
        """Return people with a budget for support and nothing decided on what they pay, by family name."""
        decided = exists().where(
            FinancialAssessment.person_id == Person.id,
            or_(FinancialAssessment.ends_on.is_(None), FinancialAssessment.ends_on > day),
        )
        has_budget = exists().where(
            Budget.person_id == Person.id,
            Budget.kind == BudgetKind.SUPPORT,
            Budget.status != BudgetStatus.ENDED,
            or_(Budget.ends_on.is_(None), Budget.ends_on > day),
        )
        question = select(Person).where(Person.council_id == council_id, Person.died_on.is_(None), has_budget, ~decided)
        if after is not None:
            last = await self.db.scalar(select(Person).where(Person.council_id == council_id, Person.id == after))
            if last is None:
                raise NotFound
            question = question.where(tuple_(Person.family_name, Person.id) > (last.family_name, last.id))
        return (await self.db.scalars(question.order_by(Person.family_name, Person.id).limit(limit))).all()
