"""Who may do what for which council on a day (invariant 6)."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.core.repository import Repository
from marketplace.providers.models import Accreditation, AccreditationStatus, ServiceLine


def live_on(day: date) -> ColumnElement[bool]:
    """Condition: the accreditation counts on that day. The one place that says so."""
    return and_(
        Accreditation.status == AccreditationStatus.LIVE,
        Accreditation.live_from <= day,
        Accreditation.live_until > day,
    )


def is_accredited(
    organisation_id: "InstrumentedAttribute[UUID] | UUID", council_id: UUID, service: ServiceLine, day: date
) -> ColumnElement[bool]:
    """Condition: an organisation is accredited by a council for a service on a day."""
    return exists(
        select(Accreditation.id).where(
            Accreditation.organisation_id == organisation_id,
            Accreditation.council_id == council_id,
            Accreditation.service_line == service,
            live_on(day),
        )
    )


class AccreditationRepository(Repository[Accreditation]):
    """Accreditations; readable by everybody, since the register is public."""

    model_type = Accreditation

    async def is_live(self, organisation_id: UUID, council_id: UUID, service: ServiceLine, day: date) -> bool:
        """Whether an organisation is accredited by a council for a service on a day."""
        return bool(await self.db.scalar(select(is_accredited(organisation_id, council_id, service, day))))

    async def of_organisations(self, organisation_ids: Iterable[UUID]) -> dict[UUID, list[Accreditation]]:
        """Return accreditations by organisation, newest first."""
        found: dict[UUID, list[Accreditation]] = {}
        rows = await self.db.scalars(
            select(Accreditation)
            .where(Accreditation.organisation_id.in_(list(organisation_ids)))
            .order_by(Accreditation.live_until.desc(), Accreditation.id)
        )
        for row in rows:
            found.setdefault(row.organisation_id, []).append(row)
        return found
