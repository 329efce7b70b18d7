"""Questions about the hours of care that organisations have free."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.models import CareHours, Requirement, RequirementAward, RequirementOffer, RequirementVisit
from marketplace.matching.states import RequirementOfferStatus
from marketplace.providers.models import Organisation, ServiceLine


class CareHoursRepository:
    """Free hours. They belong to the organisation, which is shared by all councils."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def lock(self, organisation_id: UUID) -> None:
        """Wait for whoever else is writing hours of the organisation, and let nobody else until the end."""
        await self.db.execute(
            select(Organisation.id).where(Organisation.id == organisation_id).with_for_update(key_share=True)
        )

    async def said(self, organisation_id: UUID, service: ServiceLine) -> Sequence[CareHours]:
        """Return what an organisation said last for a service, by weekday and band; nothing when it never said."""
        question = (
            select(CareHours)
            .where(CareHours.organisation_id == organisation_id, CareHours.service_line == service)
            .order_by(CareHours.weekday, CareHours.band)
        )
        return (await self.db.scalars(question.execution_options(populate_existing=True))).all()

    async def of_services(
        self, organisation_ids: Iterable[UUID], services: Iterable[ServiceLine]
    ) -> Sequence[CareHours]:
        """Return what organisations said for some services."""
        rows = await self.db.scalars(
            select(CareHours).where(
                CareHours.organisation_id.in_(list(organisation_ids)), CareHours.service_line.in_(list(services))
            )
        )
        return rows.all()

    async def forget(self, organisation_id: UUID, service: ServiceLine) -> None:
        """Take away what an organisation said, before it says it anew."""
        await self.db.execute(
            delete(CareHours).where(CareHours.organisation_id == organisation_id, CareHours.service_line == service)
        )

    async def awarded_visits(
        self, organisation_id: UUID, service: ServiceLine, since: datetime
    ) -> list[RequirementVisit]:
        """Return the visits of the week that were awarded to an organisation after an instant and still stand.

        The transaction must reach every council that may have awarded something.
        """
        awards = await self.db.scalars(
            select(RequirementAward)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
            .where(
                RequirementAward.organisation_id == organisation_id,
                RequirementAward.awarded_at > since,
                Requirement.service_line == service,
                RequirementOffer.status == RequirementOfferStatus.WON,
            )
        )
        visit_ids = [UUID(item) for award in awards for item in award.visit_ids]
        if not visit_ids:
            return []
        return list(await self.db.scalars(select(RequirementVisit).where(RequirementVisit.id.in_(visit_ids))))

    async def service_of(self, council_id: UUID, requirement_id: UUID) -> ServiceLine | None:
        """Return which service a requirement asks for."""
        return await self.db.scalar(
            select(Requirement.service_line).where(
                Requirement.council_id == council_id, Requirement.id == requirement_id
            )
        )
