"""Questions about cases of the risk panel."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import Role
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.people.models import Person
from marketplace.plans.models import PanelCase, Plan, PlanVersion
from marketplace.plans.states import PanelStatus

OPEN = (PanelStatus.ASKED, PanelStatus.LISTED)


class PanelRepository(Repository[PanelCase]):
    """Cases of a council's risk panel."""

    model_type = PanelCase

    async def newest_of(self, version_id: UUID) -> PanelCase | None:
        """Return the newest case of a version that was not withdrawn."""
        question = select(PanelCase).where(
            PanelCase.plan_version_id == version_id, PanelCase.status != PanelStatus.WITHDRAWN
        )
        return await self.maybe(question.order_by(PanelCase.asked_at.desc(), PanelCase.id.desc()))

    async def line(self, council_id: UUID, case_id: UUID) -> Row[PanelCase, UUID, Person]:
        """Return a case with its plan and person.

        Raises:
            NotFound: None of the council.
        """
        case = await self.find(council_id, case_id)
        return (await self.db.execute(_lines(council_id).where(PanelCase.id == case.id))).one()

    async def social_worker(self, council_id: UUID, plan_id: UUID) -> UUID | None:
        """Return the social worker who recorded the referral that a plan began with."""
        found: UUID | None = await self.db.scalar(
            select(Referral.recorded_by_user_id)
            .join(Plan, Plan.referral_id == Referral.id)
            .join(Membership, Membership.user_id == Referral.recorded_by_user_id)
            .where(
                Plan.council_id == council_id,
                Plan.id == plan_id,
                Membership.council_id == council_id,
                Membership.role == Role.SOCIAL_WORKER,
            )
            .limit(1)
        )
        return found

    async def lines(
        self, council_id: UUID, *, is_open: bool, limit: int = 200
    ) -> Sequence[Row[PanelCase, UUID, Person]]:
        """Return cases that wait, by the day of the panel; or those that were decided, the newest first."""
        question = _lines(council_id)
        if is_open:
            question = question.where(PanelCase.status.in_(OPEN))
            question = question.order_by(PanelCase.panel_on.nulls_last(), PanelCase.asked_at, PanelCase.id)
        else:
            question = question.where(PanelCase.status.not_in(OPEN)).order_by(PanelCase.asked_at.desc(), PanelCase.id)
        return (await self.db.execute(question.limit(limit))).all()


def _lines(council_id: UUID) -> Any:
    return (
        select(PanelCase, Plan.id, Person)
        .join(PlanVersion, PlanVersion.id == PanelCase.plan_version_id)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .join(Person, Person.id == Plan.person_id)
        .where(PanelCase.council_id == council_id)
    )
