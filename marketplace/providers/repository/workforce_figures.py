"""Facts about the size of organisations over time, for the council's figures on its workforce (R25)."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Date, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.models import PostcodeRow
from marketplace.providers.models import Accreditation, Organisation, OrganisationKind, Worker


class Business(NamedTuple):
    """An organisation of a council's market."""

    id: UUID
    kind: OrganisationKind
    since: date
    """The day it was recorded here."""
    lad_code: str
    """District of its base; empty when the postcode is not known."""


class Employed(NamedTuple):
    """Days, half-open, on which somebody works for an organisation."""

    organisation_id: UUID
    starts_on: date
    ends_on: date | None


class WorkforceFiguresRepository:
    """Reads organisations and how long their workers have been there."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def businesses(self, council_id: UUID) -> list[Business]:
        """Return organisations that are at home with a council or were accredited by it; no merged one, no council."""
        of_council = or_(
            Organisation.home_council_id == council_id,
            exists().where(Accreditation.organisation_id == Organisation.id, Accreditation.council_id == council_id),
        )
        rows = await self.db.execute(
            select(
                Organisation.id,
                Organisation.kind,
                cast(func.timezone("Europe/London", Organisation.created_at), Date),
                func.coalesce(PostcodeRow.lad_code, ""),
            )
            .outerjoin(PostcodeRow, PostcodeRow.postcode == Organisation.postcode)
            .where(of_council, Organisation.merged_into_id.is_(None), Organisation.kind != OrganisationKind.COUNCIL)
            .order_by(Organisation.id)
        )
        return [Business(*row) for row in rows]

    async def employed(self, organisation_ids: Sequence[UUID]) -> list[Employed]:
        """Return when the workers of some organisations began and left."""
        rows = await self.db.execute(
            select(Worker.organisation_id, Worker.starts_on, Worker.ends_on).where(
                Worker.organisation_id.in_(list(organisation_ids))
            )
        )
        return [Employed(*row) for row in rows]
