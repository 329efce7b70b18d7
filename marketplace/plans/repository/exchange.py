"""Questions of the exchange with the case system."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.accounts.models import User
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.people.models import Budget, BudgetKind, BudgetStatus, Person
from marketplace.plans.models import ExchangeRun, OutcomeResult, Plan, PlanItem, PlanVersion, Review
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import Organisation

RUNS_SHOWN: Final = 50


class ExchangeRepository(Repository[ExchangeRun]):
    """Hand-overs of a council, and what is handed over."""

    model_type = ExchangeRun

    async def latest(self, council_id: UUID) -> Sequence[ExchangeRun]:
        """Return the latest hand-overs."""
        newest = (ExchangeRun.started_at.desc(), ExchangeRun.id.desc())
        return await self.every(self.of(council_id).order_by(*newest).limit(RUNS_SHOWN))

    async def content(self, council_id: UUID, run_id: UUID) -> bytes | None:
        """Return the file of a run whose rows are not all taken."""
        found: bytes | None = await self.db.scalar(
            select(ExchangeRun.content).where(ExchangeRun.council_id == council_id, ExchangeRun.id == run_id)
        )
        return found

    async def email_of(self, user_id: UUID) -> str:
        """Return the address under which somebody signs in."""
        return await self.db.scalar(select(User.email).where(User.id == user_id)) or ""

    async def referral(self, council_id: UUID, reference: str) -> Referral | None:
        """Return the referral with a reference, however its letters are written."""
        found: Referral | None = await self.db.scalar(
            select(Referral)
            .where(Referral.council_id == council_id, func.lower(Referral.reference) == reference.lower())
            .limit(1)
        )
        return found

    async def indicative(self, council_id: UUID, person_id: UUID) -> Budget | None:
        """Return somebody's newest indicative budget for support."""
        found: Budget | None = await self.db.scalar(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.kind == BudgetKind.SUPPORT,
                Budget.status == BudgetStatus.INDICATIVE,
            )
            .order_by(Budget.starts_on.desc(), Budget.id.desc())
            .limit(1)
        )
        return found

    async def plans(self, council_id: UUID) -> Sequence[Row[PlanVersion, Plan, str, str, str | None]]:
        """Return versions that are in place: (version, plan, person's and referral's reference, organisation)."""
        question = (
            select(PlanVersion, Plan, Person.reference, Referral.reference, Organisation.name)
            .join(Plan, Plan.id == PlanVersion.plan_id)
            .join(Person, Person.id == Plan.person_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .outerjoin(Organisation, Organisation.id == Plan.organisation_id)
            .where(PlanVersion.council_id == council_id, PlanVersion.status == PlanStatus.SIGNED_OFF)
            .order_by(Person.reference, Referral.reference, PlanVersion.number)
        )
        return (await self.db.execute(question)).all()

    async def items(self, council_id: UUID) -> Sequence[PlanItem]:
        """Return items of the versions that are in place."""
        question = (
            select(PlanItem)
            .join(PlanVersion, PlanVersion.id == PlanItem.plan_version_id)
            .where(PlanItem.council_id == council_id, PlanVersion.status == PlanStatus.SIGNED_OFF)
            .order_by(PlanItem.plan_version_id, PlanItem.position)
        )
        return (await self.db.scalars(question)).all()

    async def outcomes(self, council_id: UUID) -> Sequence[Row[OutcomeResult, Review, str, str]]:
        """Return what reviews that were held found: (result, review, person's and referral's reference)."""
        question = (
            select(OutcomeResult, Review, Person.reference, Referral.reference)
            .join(Review, Review.id == OutcomeResult.review_id)
            .join(Plan, Plan.id == Review.plan_id)
            .join(Person, Person.id == Review.person_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .where(OutcomeResult.council_id == council_id, Review.held_on.is_not(None))
            .order_by(Person.reference, Review.held_on, Review.id, OutcomeResult.position)
        )
        return (await self.db.execute(question)).all()
