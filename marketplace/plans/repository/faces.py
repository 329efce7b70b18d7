"""Questions of the faces of a plan: a version with everything it says, and the facts behind it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, case, or_, select

from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
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
from marketplace.plans.dates import OPEN
from marketplace.plans.models import (
    DirectPaymentSetup,
    Frequency,
    Plan,
    PlanItem,
    PlannedBy,
    PlanSection,
    PlanVersion,
    Review,
)
from marketplace.plans.repository.plans import PlanDetail, PlanRepository
from marketplace.plans.schemas import Scope
from marketplace.plans.sections import SectionText, texts_of
from marketplace.plans.states import SHOWN_TO_PERSON, PlanStatus, SetupStatus
from marketplace.providers.models import Organisation, Worker

SEEN_BY_PERSON = (*SHOWN_TO_PERSON, PlanStatus.SUPERSEDED)
"""States of versions that lie or lay before the person."""
AGREED = (PlanStatus.SIGNED_OFF, PlanStatus.AWAITING_SIGN_OFF)
"""States of versions that an organisation may read parts of: what is in place, else what the person agreed to."""
BY_WEIGHT = (
    AssessmentKind.ADULT,
    AssessmentKind.CARER_STAGE_2,
    AssessmentKind.CARER_STAGE_1,
    AssessmentKind.EQUIPMENT,
)
"""Kinds of assessments, what a plan rests on first."""
SET_UP = (SetupStatus.DRAFT, SetupStatus.OFFERED, SetupStatus.AGREED, SetupStatus.STARTED)


class FaceSource(NamedTuple):
    """A version of a plan with everything that its faces say."""

    plan: Plan
    version: PlanVersion
    person: Person
    referral: Referral
    planner_name: str
    """Empty while the person plans without one."""
    organisation_name: str
    items: Sequence[PlanItem]
    rows: Mapping[str, PlanSection]

    @property
    def texts(self) -> list[SectionText]:
        """Every section in order, the empty ones, too."""
        return texts_of(self.version, self.rows, self.items)

    @property
    def is_own(self) -> bool:
        """Whether the person writes the plan."""
        return self.plan.planned_by is PlannedBy.PERSON


def source_of(detail: PlanDetail) -> FaceSource:
    """Take what the faces say from a version that a page has read already."""
    return FaceSource(
        detail.plan,
        detail.version,
        detail.person,
        detail.referral,
        detail.planner_name,
        detail.organisation_name,
        detail.items,
        detail.sections,
    )


class MoneyFacts(NamedTuple):
    """What is known of the money of a plan on a day."""

    indicative: Budget | None
    final: Budget | None
    has_charges: bool
    """Whether the council decided what the person pays."""
    setup: DirectPaymentSetup | None


class FaceRepository(Repository[PlanVersion]):
    """Versions of plans as they are read."""

    model_type = PlanVersion

    async def staff_plan(self, scope: Scope, plan_id: UUID) -> Plan:
        """Return a plan that somebody of the council, or its planner, may reach.

        Raises:
            NotFound: There is none in the scope.
        """
        plans = PlanRepository(self.db)
        return await plans.one(plans.within(scope).where(Plan.id == plan_id))

    async def versions(self, plan_id: UUID, *, submitted_only: bool) -> Sequence[PlanVersion]:
        """Return the versions of a plan, the newest first; the council sees those that were submitted (P3)."""
        question = select(PlanVersion).where(PlanVersion.plan_id == plan_id).order_by(PlanVersion.number.desc())
        if submitted_only:
            question = question.where(PlanVersion.submitted_at.is_not(None))
        return await self.every(question)

    async def own_version(self, council_id: UUID, person_id: UUID) -> tuple[Plan, PlanVersion] | None:
        """Return what a person reads first: what waits for them, what is on its way or in place, else their own draft.

        A planner's draft is not theirs to read yet.
        """
        rank = case({status: place for place, status in enumerate(SHOWN_TO_PERSON)}, value=PlanVersion.status, else_=9)
        question = (
            self._of_person(council_id, person_id)
            .where(or_(PlanVersion.status.in_(SHOWN_TO_PERSON), Plan.planned_by == PlannedBy.PERSON))
            .where(PlanVersion.status != PlanStatus.SUPERSEDED)
            .order_by(rank, PlanVersion.submitted_at.desc().nulls_last(), PlanVersion.number.desc())
        )
        return await self._first(question)

    async def own_versions(self, plan: Plan) -> Sequence[PlanVersion]:
        """Return the versions of a plan that its person may read, the newest first."""
        question = select(PlanVersion).where(PlanVersion.plan_id == plan.id).order_by(PlanVersion.number.desc())
        if plan.planned_by is not PlannedBy.PERSON:
            question = question.where(PlanVersion.status.in_(SEEN_BY_PERSON))
        return await self.every(question)

    async def agreed_version(self, council_id: UUID, person_id: UUID) -> tuple[Plan, PlanVersion] | None:
        """Return the version that counts for others: the one in place, else the one the person agreed to."""
        rank = case({status: place for place, status in enumerate(AGREED)}, value=PlanVersion.status)
        question = (
            self._of_person(council_id, person_id)
            .where(PlanVersion.status.in_(AGREED))
            .order_by(rank, PlanVersion.agreed_at.desc().nulls_last(), PlanVersion.number.desc())
        )
        return await self._first(question)

    async def source(self, plan: Plan, version: PlanVersion) -> FaceSource:
        """Return a version with all that its faces say."""
        question = (
            select(Person, Referral, Worker.name, Organisation.name)
            .select_from(Plan)
            .join(Person, Person.id == Plan.person_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .outerjoin(Worker, Worker.id == Plan.worker_id)
            .outerjoin(Organisation, Organisation.id == Plan.organisation_id)
            .where(Plan.id == plan.id)
        )
        row = (await self.db.execute(question)).first()
        if row is None:
            raise NotFound
        items = await PlanRepository(self.db).items(version.id)
        sections = await self.db.scalars(select(PlanSection).where(PlanSection.plan_version_id == version.id))
        return FaceSource(
            plan, version, row[0], row[1], row[2] or "", row[3] or "", items, {row.key: row for row in sections}
        )

    async def assessment(self, council_id: UUID, person_id: UUID) -> tuple[Assessment, Sequence[AssessedNeed]] | None:
        """Return the assessment that counts for a person, with the needs it found in order.

        An adult's own needs come before a carer's, and those before equipment alone, as in `assessment_for_plan`; the
        ids of needs are wanted here, because outcomes of a plan name them.
        """
        rank = case({kind: place for place, kind in enumerate(BY_WEIGHT)}, value=Assessment.kind, else_=9)
        found: Assessment | None = await self.db.scalar(
            select(Assessment)
            .where(
                Assessment.council_id == council_id,
                Assessment.person_id == person_id,
                Assessment.status == AssessmentStatus.COMPLETED,
            )
            .order_by(rank, Assessment.completed_at.desc(), Assessment.id.desc())
            .limit(1)
        )
        if found is None:
            return None
        needs = await self.db.scalars(
            select(AssessedNeed).where(AssessedNeed.assessment_id == found.id).order_by(AssessedNeed.position)
        )
        return found, needs.all()

    async def money(self, council_id: UUID, person_id: UUID, on: date) -> MoneyFacts:
        """Return what is known of a person's money on a day: the newest budget of each kind that has not ended."""
        budgets = await self.db.scalars(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.kind == BudgetKind.SUPPORT,
                Budget.status.in_((BudgetStatus.INDICATIVE, BudgetStatus.FINAL)),
                or_(Budget.ends_on.is_(None), Budget.ends_on > on),
            )
            .order_by(Budget.created_at.desc(), Budget.id.desc())
            .limit(50)
        )
        newest: dict[BudgetStatus, Budget] = {}
        for budget in budgets:
            newest.setdefault(budget.status, budget)
        charges = await self.db.scalar(
            select(FinancialAssessment.id)
            .where(
                FinancialAssessment.council_id == council_id,
                FinancialAssessment.person_id == person_id,
                or_(FinancialAssessment.ends_on.is_(None), FinancialAssessment.ends_on > on),
            )
            .limit(1)
        )
        setup: DirectPaymentSetup | None = await self.db.scalar(
            select(DirectPaymentSetup)
            .where(
                DirectPaymentSetup.council_id == council_id,
                DirectPaymentSetup.person_id == person_id,
                DirectPaymentSetup.status.in_(SET_UP),
            )
            .order_by(DirectPaymentSetup.frequency == Frequency.ONCE, DirectPaymentSetup.created_at.desc())
            .limit(1)
        )
        return MoneyFacts(
            newest.get(BudgetStatus.INDICATIVE), newest.get(BudgetStatus.FINAL), charges is not None, setup
        )

    async def next_review_on(self, plan_id: UUID) -> date | None:
        """Return the day by which the next review of a plan is held."""
        found: date | None = await self.db.scalar(
            select(Review.due_on)
            .where(Review.plan_id == plan_id, Review.status.in_(OPEN))
            .order_by(Review.due_on)
            .limit(1)
        )
        return found

    def _of_person(self, council_id: UUID, person_id: UUID) -> Select[Plan, PlanVersion]:
        return (
            select(Plan, PlanVersion)
            .join(PlanVersion, PlanVersion.plan_id == Plan.id)
            .where(Plan.council_id == council_id, Plan.person_id == person_id)
        )

    async def _first(self, question: Select[Plan, PlanVersion]) -> tuple[Plan, PlanVersion] | None:
        row = (await self.db.execute(question.limit(1))).first()
        return None if row is None else (row[0], row[1])
