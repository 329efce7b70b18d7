"""What pricing needs to know of plans and reviews."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking
from marketplace.bookings.policies import service_of
from marketplace.core.clock import local
from marketplace.core.models import Step
from marketplace.matching.models import Complexity, Referral
from marketplace.payments.models import Accrual, AccrualKind, TariffClaim, TariffEvent
from marketplace.payments.rules import Circumstance, StageAt, stage_source
from marketplace.payments.states import ClaimStatus
from marketplace.people.models import Person
from marketplace.plans.models import Plan, PlanVersion, Review, ReviewKind
from marketplace.plans.states import PLAN, PlanStatus, ReviewStatus
from marketplace.providers.models import Listing, ServiceLine


class Case(NamedTuple):
    """A version of a plan as its price depends on it."""

    council_id: UUID
    plan_id: UUID
    version_id: UUID
    number: int
    person_id: UUID
    organisation_id: UUID
    visit_minutes: int
    is_complex: bool
    postcode: str

    @property
    def outward(self) -> str:
        """The first half of the person's postcode."""
        return self.postcode.split(" ")[0]

    def circumstances(self, rural: dict[str, list[str]]) -> frozenset[Circumstance]:
        """Say what makes the case cost more. `rural` is the council's setting: postcode areas by "rural"."""
        found = {one for one in (Circumstance.RURAL, Circumstance.VERY_RURAL) if self.outward in rural.get(one, ())}
        return frozenset(found | {Circumstance.COMPLEX}) if self.is_complex else frozenset(found)


def cases() -> Select[*tuple[Any, ...]]:
    """Start a question for cases."""
    question: Select[*tuple[Any, ...]] = (
        select(
            Plan.council_id,
            Plan.id,
            PlanVersion.id,
            PlanVersion.number,
            Plan.person_id,
            Plan.organisation_id,
            PlanVersion.visit_minutes,
            Referral.complexity,
            Person.postcode,
        )
        .select_from(PlanVersion)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .join(Referral, Referral.id == Plan.referral_id)
        .join(Person, Person.id == Plan.person_id)
    )
    return question


class Visited(NamedTuple):
    """A visit as an earning shows it."""

    person_id: UUID
    service_line: ServiceLine
    minutes: int


class EarningFacts:
    """Facts of other packages, read for pricing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def case(self, council_id: UUID, version_id: UUID) -> Case | None:
        """Return a version's case."""
        row = (
            await self.db.execute(cases().where(Plan.council_id == council_id, PlanVersion.id == version_id))
        ).first()
        return _case(row) if row else None

    async def newest_case(self, council_id: UUID, plan_id: UUID) -> Case | None:
        """Return the case of a plan's newest version."""
        question = cases().where(Plan.council_id == council_id, Plan.id == plan_id).order_by(PlanVersion.number.desc())
        row = (await self.db.execute(question.limit(1))).first()
        return _case(row) if row else None

    async def completed_case(self, council_id: UUID, plan_id: UUID) -> tuple[Case, date] | None:
        """Return the case of a plan's newest version that was signed off, and the day."""
        question = (
            cases()
            .add_columns(PlanVersion.signed_off_at)
            .where(
                Plan.council_id == council_id,
                Plan.id == plan_id,
                PlanVersion.signed_off_at.is_not(None),
                PlanVersion.status.in_((PlanStatus.SIGNED_OFF, PlanStatus.SUPERSEDED)),
            )
            .order_by(PlanVersion.number.desc())
            .limit(1)
        )
        row = (await self.db.execute(question)).first()
        return (_case(row[:9]), local(row[9]).date()) if row else None

    async def began_on(self, version_id: UUID) -> date | None:
        """Return the day on which a version was begun."""
        at = await self.db.scalar(
            select(func.min(Step.at)).where(Step.subject_kind == PLAN.kind, Step.subject_id == version_id)
        )
        return local(at).date() if at else None

    async def held_review(self, plan_id: UUID, since: date, until: date) -> UUID | None:
        """Return a review of a plan that was held in [since, until], signed or still to be signed: it earns then."""
        return await self.db.scalar(
            select(Review.id)
            .where(
                Review.plan_id == plan_id,
                Review.status.in_((ReviewStatus.HELD, ReviewStatus.SIGNED)),
                Review.held_on >= since,
                Review.held_on <= until,
            )
            .limit(1)
        )

    async def review_kind(self, council_id: UUID, review_id: UUID) -> ReviewKind | None:
        """Return which review it is."""
        return await self.db.scalar(select(Review.kind).where(Review.council_id == council_id, Review.id == review_id))

    async def earned_before(self, version_id: UUID, plan_id: UUID) -> int:
        """Return what was earned for a version already: its stages, and what was paid when the plan was given up."""
        sources = [stage_source(version_id, stage) for stage in StageAt]
        stages = select(func.coalesce(func.sum(Accrual.amount_pence), 0)).where(
            Accrual.kind.in_((AccrualKind.PLAN, AccrualKind.PLAN_STAGE)),
            Accrual.source_id.in_([version_id, *sources]),
        )
        ended = (
            select(func.coalesce(func.sum(Accrual.amount_pence), 0))
            .join(TariffClaim, TariffClaim.id == Accrual.source_id)
            .where(
                Accrual.kind == AccrualKind.CLAIM,
                TariffClaim.plan_id == plan_id,
                TariffClaim.status == ClaimStatus.AGREED,
                TariffClaim.event.in_((TariffEvent.ABANDONED, TariffEvent.DECEASED)),
            )
        )
        return int(await self.db.scalar(stages) or 0) + int(await self.db.scalar(ended) or 0)

    async def last_review_earned(self, council_id: UUID, person_id: UUID, before: date) -> date | None:
        """Return the day of the last review of a person that earned something, up to a day."""
        return await self.db.scalar(
            select(func.max(Accrual.earned_on)).where(
                Accrual.council_id == council_id,
                Accrual.person_id == person_id,
                Accrual.kind == AccrualKind.REVIEW,
                Accrual.earned_on <= before,
            )
        )

    async def next_review_earned(self, council_id: UUID, person_id: UUID, after: date) -> date | None:
        """Return the day of the next review of a person that earned something, after a day."""
        return await self.db.scalar(
            select(func.min(Accrual.earned_on)).where(
                Accrual.council_id == council_id,
                Accrual.person_id == person_id,
                Accrual.kind == AccrualKind.REVIEW,
                Accrual.earned_on > after,
            )
        )

    async def hold_person(self, person_id: UUID) -> None:
        """Let nobody else count a person's reviews until the transaction ends."""
        await self.db.execute(
            select(func.pg_advisory_xact_lock(func.hashtext("payments.once"), func.hashtext(str(person_id))))
        )

    async def visit(self, council_id: UUID, booking_id: UUID) -> Visited | None:
        """Return whose a visit was, what it was for, and how long it took."""
        row = (
            await self.db.execute(
                select(Booking.person_id, Listing.category, func.coalesce(Booking.claimed_minutes, Booking.minutes))
                .join(Listing, Listing.id == Booking.listing_id)
                .where(Booking.council_id == council_id, Booking.id == booking_id)
            )
        ).first()
        return Visited(row[0], service_of(row[1]), int(row[2])) if row else None


def _case(row: Sequence[Any]) -> Case:
    return Case._make((*row[:7], row[7] is Complexity.COMPLEX, row[8] or ""))
