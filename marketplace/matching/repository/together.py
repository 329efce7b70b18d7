"""Questions about all requirements of a council that wait, asked at once."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.models import Conflict, Requirement, RequirementAward, RequirementOffer, Urgency
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.people.models import Person
from marketplace.providers.models import Accreditation, Lot, Organisation
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.evidence_rules import there_is

WAITING = (RequirementStatus.DRAFT, RequirementStatus.OPEN, RequirementStatus.NO_OFFERS)
"""States in which nobody has promised the care yet."""


class TogetherRepository:
    """Reads what a plan for all waiting requirements is made from, a query for each kind of row."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def waiting(self, council_id: UUID, limit: int) -> Sequence[Row[Requirement, Person]]:
        """Return requirements that wait with their people: the most urgent first, then the oldest."""
        rows = await self.db.execute(
            select(Requirement, Person)
            .join(Person, Person.id == Requirement.person_id)
            .where(Requirement.council_id == council_id, Requirement.status.in_(WAITING))
            .order_by(
                (Requirement.urgency == Urgency.CRISIS).desc(),
                (Requirement.urgency == Urgency.URGENT).desc(),
                Requirement.created_at,
                Requirement.id,
            )
            .limit(limit)
        )
        return rows.all()

    async def count(self, council_id: UUID) -> int:
        """Return how many requirements wait."""
        found = await self.db.scalar(
            select(func.count()).where(Requirement.council_id == council_id, Requirement.status.in_(WAITING))
        )
        return found or 0

    async def organisations(
        self, council_id: UUID, requirement_ids: Collection[UUID], on: date
    ) -> dict[UUID, list[tuple[Organisation, bool]]]:
        """Return by requirement who was ever accredited for its service and lot, and whether it counts on its start."""
        in_lot = or_(
            Requirement.lot_code == "", Accreditation.lot_id.in_(select(Lot.id).where(Lot.code == Requirement.lot_code))
        )
        known = and_(
            Accreditation.organisation_id == Organisation.id,
            Accreditation.council_id == council_id,
            Accreditation.service_line == Requirement.service_line,
            in_lot,
        )
        live = there_is(Accreditation, known, live_on(Requirement.starts_on, on))
        rows = await self.db.execute(
            select(Requirement.id, Organisation, live)
            .join(Organisation, there_is(Accreditation, known))
            .where(
                Requirement.council_id == council_id,
                Requirement.id.in_(list(requirement_ids)),
                Organisation.merged_into_id.is_(None),
            )
            .order_by(Organisation.name, Organisation.id)
        )
        found: dict[UUID, list[tuple[Organisation, bool]]] = {}
        for requirement_id, organisation, is_live in rows:
            found.setdefault(requirement_id, []).append((organisation, bool(is_live)))
        return found

    async def conflicts(self, council_id: UUID) -> list[tuple[UUID | None, UUID]]:
        """Return live conflicts of interest: a person, or None for everybody, and the organisation."""
        rows = await self.db.execute(
            select(Conflict.person_id, Conflict.organisation_id).where(
                Conflict.council_id == council_id, Conflict.organisation_id.is_not(None), Conflict.ended_at.is_(None)
            )
        )
        return [(person_id, organisation_id) for person_id, organisation_id in rows if organisation_id is not None]

    async def carers(self, council_id: UUID, person_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
        """Return by person the organisations that were awarded care of them before."""
        rows = await self.db.execute(
            select(Requirement.person_id, RequirementAward.organisation_id)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
            .where(
                Requirement.council_id == council_id,
                Requirement.person_id.in_(list(person_ids)),
                RequirementOffer.status == RequirementOfferStatus.WON,
            )
            .distinct()
        )
        found: dict[UUID, set[UUID]] = {}
        for person_id, organisation_id in rows:
            found.setdefault(person_id, set()).add(organisation_id)
        return found
