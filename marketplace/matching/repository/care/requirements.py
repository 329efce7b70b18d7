"""Questions about requirements for care, their visits, and who delivered care before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, text, tuple_

from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.matching.models import (
    CareHours,
    Conflict,
    Requirement,
    RequirementAward,
    RequirementInvitation,
    RequirementOffer,
    RequirementVisit,
    Urgency,
)
from marketplace.matching.repository.care.offers import LIVE_OFFERS
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.people.models import Person
from marketplace.providers.models import ServiceLine


class RequirementRepository(Repository[Requirement]):
    """Requirements of a council."""

    model_type = Requirement

    async def queue(
        self,
        council_id: UUID,
        status: RequirementStatus,
        *,
        urgency: Urgency | None = None,
        reference: str = "",
        after: UUID | None = None,
        limit: int = 25,
    ) -> Sequence[Row[Requirement, Person, int, int]]:
        """Return requirements in one state, newest first, with their people and how many were asked and offered."""
        asked = (
            select(func.count())
            .where(
                RequirementInvitation.requirement_id == Requirement.id,
                RequirementInvitation.round == Requirement.round,
            )
            .correlate(Requirement)
            .scalar_subquery()
        )
        offered = (
            select(func.count())
            .where(RequirementOffer.requirement_id == Requirement.id, RequirementOffer.status.in_(LIVE_OFFERS))
            .correlate(Requirement)
            .scalar_subquery()
        )
        question = (
            select(Requirement, Person, asked, offered)
            .join(Person, Person.id == Requirement.person_id)
            .where(Requirement.council_id == council_id)
        )
        if reference:
            question = question.where(Requirement.reference.icontains(reference, autoescape=True))
        else:
            question = question.where(Requirement.status == status)
        if urgency is not None:
            question = question.where(Requirement.urgency == urgency)
        if after is not None:
            last = await self.find(council_id, after)
            question = question.where(tuple_(Requirement.created_at, Requirement.id) < tuple_(last.created_at, last.id))
        question = question.order_by(Requirement.created_at.desc(), Requirement.id.desc()).limit(limit)
        return (await self.db.execute(question)).all()

    async def counts(self, council_id: UUID) -> dict[RequirementStatus, int]:
        """Return how many requirements are in each state."""
        rows = await self.db.execute(
            select(Requirement.status, func.count())
            .where(Requirement.council_id == council_id)
            .group_by(Requirement.status)
        )
        return {row[0]: row[1] for row in rows}

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[Requirement]:
        """Return a person's requirements, newest first."""
        question = self.of(council_id).where(Requirement.person_id == person_id)
        return await self.every(question.order_by(Requirement.created_at.desc(), Requirement.id.desc()).limit(50))

    async def next_reference(self, council_id: UUID, year: int) -> str:
        """Return the next reference of a council's year, "C-2027-00012". Waits for whoever else is taking one."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('requirement-reference'), hashtext(:council))"),
            {"council": str(council_id)},
        )
        last = await self.db.scalar(
            select(func.max(Requirement.reference)).where(
                Requirement.council_id == council_id, Requirement.reference.regexp_match(f"^C-{year}-[0-9]{{5}}$")
            )
        )
        return f"C-{year}-{int(last[-5:]) + 1 if last else 1:05}"

    async def ranking(self, council_id: UUID, requirement_id: UUID) -> dict[str, Any] | None:
        """Return the ranking that a requirement's last round was opened with; it is not read with the row."""
        return await self.db.scalar(
            select(Requirement.ranking).where(Requirement.council_id == council_id, Requirement.id == requirement_id)
        )

    async def has_ranking(self, council_id: UUID, requirement_id: UUID) -> bool:
        """Say whether a requirement's last round was opened with a ranking."""
        has = select(Requirement.ranking.is_not(None))
        return bool(
            await self.db.scalar(has.where(Requirement.council_id == council_id, Requirement.id == requirement_id))
        )

    async def visits(self, council_id: UUID, requirement_id: UUID) -> Sequence[RequirementVisit]:
        """Return the visits of the week, from Monday morning on."""
        rows = await self.db.scalars(
            select(RequirementVisit)
            .where(RequirementVisit.council_id == council_id, RequirementVisit.requirement_id == requirement_id)
            .order_by(RequirementVisit.weekday, RequirementVisit.starts_local)
        )
        return rows.all()

    async def visits_of(self, requirement_ids: Iterable[UUID]) -> dict[UUID, list[RequirementVisit]]:
        """Return visits by requirement."""
        found: dict[UUID, list[RequirementVisit]] = {}
        rows = await self.db.scalars(
            select(RequirementVisit)
            .where(RequirementVisit.requirement_id.in_(list(requirement_ids)))
            .order_by(RequirementVisit.weekday, RequirementVisit.starts_local)
        )
        for row in rows:
            found.setdefault(row.requirement_id, []).append(row)
        return found

    async def ended(self, now: datetime, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return council and id of open requirements of every council whose clock has ended."""
        rows = await self.db.execute(
            select(Requirement.council_id, Requirement.id)
            .where(Requirement.status == RequirementStatus.OPEN, Requirement.answer_by <= now)
            .order_by(Requirement.answer_by)
            .limit(limit)
        )
        return rows.all()

    async def conflicts(self, council_id: UUID, person_id: UUID) -> dict[UUID, Conflict]:
        """Return live conflicts of interest of organisations with a person, or with everybody of the council."""
        rows = await self.db.scalars(
            select(Conflict).where(
                Conflict.council_id == council_id,
                Conflict.organisation_id.is_not(None),
                or_(Conflict.person_id.is_(None), Conflict.person_id == person_id),
                Conflict.ended_at.is_(None),
            )
        )
        return {row.organisation_id: row for row in rows if row.organisation_id is not None}

    async def carers(self, council_id: UUID, person_id: UUID) -> set[UUID]:
        """Return organisations that were awarded care of a person before (continuity)."""
        rows = await self.db.scalars(
            select(RequirementAward.organisation_id)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
            .where(
                Requirement.council_id == council_id,
                Requirement.person_id == person_id,
                RequirementOffer.status == RequirementOfferStatus.WON,
            )
            .distinct()
        )
        return set(rows)

    async def free_hours(self, organisation_ids: Iterable[UUID], service: ServiceLine) -> Sequence[CareHours]:
        """Return the free hours that organisations said they have for a service."""
        rows = await self.db.scalars(
            select(CareHours).where(
                CareHours.organisation_id.in_(list(organisation_ids)), CareHours.service_line == service
            )
        )
        return rows.all()

    async def steps(self, council_id: UUID, subject_ids: Iterable[UUID]) -> Sequence[Step]:
        """Return the steps of rows, newest first."""
        rows = await self.db.scalars(
            select(Step)
            .where(Step.council_id == council_id, Step.subject_id.in_(list(subject_ids)))
            .order_by(Step.at.desc(), Step.id.desc())
            .limit(100)
        )
        return rows.all()
