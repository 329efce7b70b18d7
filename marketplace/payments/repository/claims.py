"""Questions about claims for tariffs."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.payments.models import Accrual, AccrualKind, TariffClaim, TariffEvent
from marketplace.payments.states import ClaimStatus
from marketplace.people.models import Person
from marketplace.plans.models import Activity, ActivityTime, Plan
from marketplace.providers.models import Organisation

MOST_PLANS = 200


class ClaimRepository(Repository[TariffClaim]):
    """Claims."""

    model_type = TariffClaim

    def of_organisation(self, organisation_id: UUID, councils: Iterable[UUID]) -> Select[TariffClaim]:
        """Start a question that cannot leave an organisation and its councils."""
        return select(TariffClaim).where(
            TariffClaim.organisation_id == organisation_id, TariffClaim.council_id.in_(list(councils))
        )

    async def own(
        self, organisation_id: UUID, councils: Iterable[UUID], *, before: UUID | None, limit: int
    ) -> list[tuple[TariffClaim, str | None, int | None]]:
        """Return an organisation's claims, newest first: (claim, reference of the case, pence earned)."""
        question = (
            self.of_organisation(organisation_id, councils)
            .add_columns(Referral.reference, Accrual.amount_pence)
            .outerjoin(Plan, Plan.id == TariffClaim.plan_id)
            .outerjoin(Referral, Referral.id == Plan.referral_id)
            .outerjoin(Accrual, (Accrual.source_id == TariffClaim.id) & (Accrual.kind == AccrualKind.CLAIM))
            .order_by(TariffClaim.asked_at.desc(), TariffClaim.id.desc())
            .limit(limit)
        )
        return await self._page(question, before)

    async def of_council(
        self, council_id: UUID, status: ClaimStatus, *, before: UUID | None, limit: int
    ) -> list[tuple[Any, ...]]:
        """Return a council's claims in a state, newest first: (claim, organisation, reference of the case)."""
        question = (
            self.of(council_id)
            .add_columns(Organisation.name, Referral.reference)
            .join(Organisation, Organisation.id == TariffClaim.organisation_id)
            .outerjoin(Plan, Plan.id == TariffClaim.plan_id)
            .outerjoin(Referral, Referral.id == Plan.referral_id)
            .where(TariffClaim.status == status)
            .order_by(TariffClaim.asked_at.desc(), TariffClaim.id.desc())
            .limit(limit)
        )
        return await self._page(question, before)

    async def _page(self, question: Any, before: UUID | None) -> list[Any]:
        if before is not None:
            last = await self.db.scalar(select(TariffClaim.asked_at).where(TariffClaim.id == before))
            question = question.where(tuple_(TariffClaim.asked_at, TariffClaim.id) < (last, before))
        return [tuple(row) for row in await self.db.execute(question)]

    async def counts(self, council_id: UUID) -> dict[ClaimStatus, int]:
        """Return how many claims are in each state."""
        rows = await self.db.execute(
            select(TariffClaim.status, func.count())
            .where(TariffClaim.council_id == council_id)
            .group_by(TariffClaim.status)
        )
        return {row[0]: row[1] for row in rows}

    async def plans_of(
        self, organisation_id: UUID, councils: Iterable[UUID], worker_id: UUID | None
    ) -> list[tuple[UUID, str, str]]:
        """Return the plans that an organisation may claim for, newest first: (plan, case reference, person's name).

        A planner sees their own alone.
        """
        question = (
            select(Plan.id, Referral.reference, func.trim(Person.given_name + " " + Person.family_name))
            .join(Referral, Referral.id == Plan.referral_id)
            .join(Person, Person.id == Plan.person_id)
            .where(Plan.organisation_id == organisation_id, Plan.council_id.in_(list(councils)))
            .order_by(Plan.created_at.desc(), Plan.id.desc())
            .limit(MOST_PLANS)
        )
        if worker_id is not None:
            question = question.where(Plan.worker_id == worker_id)
        return [(row[0], row[1], row[2]) for row in await self.db.execute(question)]

    async def plan(self, plan_id: UUID, organisation_id: UUID, councils: Iterable[UUID]) -> Plan | None:
        """Return a plan of an organisation, locked, so that two claims for it come one after the other."""
        plan: Plan | None = await self.db.scalar(
            select(Plan)
            .where(Plan.id == plan_id, Plan.organisation_id == organisation_id, Plan.council_id.in_(list(councils)))
            .with_for_update()
        )
        return plan

    async def open_for(self, plan_id: UUID, events: Iterable[TariffEvent], since: date | None = None) -> bool:
        """Whether a claim of a plan for some events stands that was not refused, for a day since one."""
        question = select(TariffClaim.id).where(
            TariffClaim.plan_id == plan_id,
            TariffClaim.event.in_(list(events)),
            TariffClaim.status != ClaimStatus.REFUSED,
        )
        if since is not None:
            question = question.where(TariffClaim.happened_on >= since)
        return await self.db.scalar(question.limit(1)) is not None

    async def recorded_minutes(self, plan_id: UUID) -> int:
        """Return the time with the person that was recorded for a plan."""
        return int(
            await self.db.scalar(
                select(func.coalesce(func.sum(ActivityTime.minutes), 0)).where(
                    ActivityTime.plan_id == plan_id, ActivityTime.activity == Activity.VISITING
                )
            )
            or 0
        )

    async def councils(self, council_ids: Iterable[UUID]) -> Sequence[tuple[UUID, str]]:
        """Return councils by name."""
        rows = await self.db.execute(
            select(Council.id, Council.name).where(Council.id.in_(list(council_ids))).order_by(Council.name)
        )
        return [(row[0], row[1]) for row in rows]

    async def context(self, claim: TariffClaim) -> tuple[str, str | None, str | None]:
        """Return (organisation, case reference, person's name) of a claim."""
        row = (
            await self.db.execute(
                select(Organisation.name, Referral.reference, func.trim(Person.given_name + " " + Person.family_name))
                .select_from(TariffClaim)
                .join(Organisation, Organisation.id == TariffClaim.organisation_id)
                .outerjoin(Plan, Plan.id == TariffClaim.plan_id)
                .outerjoin(Referral, Referral.id == Plan.referral_id)
                .outerjoin(Person, Person.id == TariffClaim.person_id)
                .where(TariffClaim.id == claim.id)
            )
        ).one()
        return row[0], row[1], row[2]

    async def earned(self, claim_id: UUID) -> Accrual | None:
        """Return what an agreed claim has earned."""
        found: Accrual | None = await self.db.scalar(
            select(Accrual).where(Accrual.kind == AccrualKind.CLAIM, Accrual.source_id == claim_id)
        )
        return found
