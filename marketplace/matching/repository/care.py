"""Questions about requirements for care, who was asked, offers, awards and unmet need."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, delete, func, or_, select, text, tuple_

from marketplace.accounts.models import Council
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.matching.models import (
    CareHours,
    Conflict,
    OfferedVisit,
    Preference,
    Requirement,
    RequirementAward,
    RequirementInvitation,
    RequirementOffer,
    RequirementVisit,
    UnmetRequirement,
    Urgency,
)
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.people.models import Person
from marketplace.providers.models import Organisation, ServiceLine

LIVE_OFFERS = (RequirementOfferStatus.SUBMITTED, RequirementOfferStatus.SHORTLISTED, RequirementOfferStatus.WON)
"""Offers that stand: sent, and neither lost nor taken back."""
URGENCY_ORDER = (Urgency.CRISIS, Urgency.URGENT, Urgency.STANDARD)


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


class InvitationRepository(Repository[RequirementInvitation]):
    """Who was asked: of a council, or of an organisation in every council."""

    model_type = RequirementInvitation

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID
    ) -> Sequence[Row[RequirementInvitation, Organisation]]:
        """Return who was asked, by their place in the ranking."""
        rows = await self.db.execute(
            select(RequirementInvitation, Organisation)
            .join(Organisation, Organisation.id == RequirementInvitation.organisation_id)
            .where(
                RequirementInvitation.council_id == council_id, RequirementInvitation.requirement_id == requirement_id
            )
            .order_by(RequirementInvitation.rank.nulls_last(), Organisation.name)
        )
        return rows.all()

    async def own(self, organisation_id: UUID, requirement_id: UUID) -> RequirementInvitation:
        """Return an organisation's invitation in whatever council; the transaction must reach that council.

        Raises:
            NotFound: It was not asked.
        """
        return await self.one(
            select(RequirementInvitation).where(
                RequirementInvitation.organisation_id == organisation_id,
                RequirementInvitation.requirement_id == requirement_id,
            )
        )

    async def inbox(
        self, organisation_id: UUID, tab: str, now: datetime, *, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[RequirementInvitation, Requirement, Council, RequirementOffer]]:
        """Return what an organisation was asked in every council, newest first, with its live or last offer.

        Args:
            organisation_id: Who was asked.
            tab: "open" (an answer is wanted), "answered" (the clock runs on, or the award is out), "past".
            now: The present.
            after: Id of the last invitation of the page before.
            limit: Most rows.
        """
        newest = (
            select(RequirementOffer.id)
            .where(
                RequirementOffer.requirement_id == RequirementInvitation.requirement_id,
                RequirementOffer.organisation_id == organisation_id,
            )
            .order_by(RequirementOffer.made_at.desc(), RequirementOffer.id.desc())
            .limit(1)
            .correlate(RequirementInvitation)
            .scalar_subquery()
        )
        question = (
            select(RequirementInvitation, Requirement, Council, RequirementOffer)
            .join(Requirement, Requirement.id == RequirementInvitation.requirement_id)
            .join(Council, Council.id == RequirementInvitation.council_id)
            .outerjoin(RequirementOffer, RequirementOffer.id == newest)
            .where(RequirementInvitation.organisation_id == organisation_id)
        )
        has_offer = func.coalesce(RequirementOffer.status.in_(LIVE_OFFERS), False)
        this_round = RequirementInvitation.round == Requirement.round
        is_open = and_(
            Requirement.status == RequirementStatus.OPEN,
            Requirement.answer_by > now,
            this_round,
            RequirementInvitation.declined_at.is_(None),
        )
        running = Requirement.status.in_([RequirementStatus.OPEN, RequirementStatus.CLOSED])
        answered = and_(running, has_offer)
        if tab == "open":
            question = question.where(is_open, ~has_offer).order_by(Requirement.answer_by, RequirementInvitation.id)
            return (await self.db.execute(question.limit(100))).all()
        question = question.where(answered) if tab == "answered" else question.where(~answered, ~is_open)
        if after is not None:
            question = question.where(RequirementInvitation.id < after)
        return (await self.db.execute(question.order_by(RequirementInvitation.id.desc()).limit(limit))).all()

    async def to_remind(self, now: datetime, until: datetime, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return council and id of invitations of every council that were not answered and end soon."""
        answered = (
            select(RequirementOffer.id)
            .where(
                RequirementOffer.requirement_id == RequirementInvitation.requirement_id,
                RequirementOffer.organisation_id == RequirementInvitation.organisation_id,
                RequirementOffer.status.in_(LIVE_OFFERS),
            )
            .correlate(RequirementInvitation)
            .exists()
        )
        rows = await self.db.execute(
            select(RequirementInvitation.council_id, RequirementInvitation.id)
            .join(Requirement, Requirement.id == RequirementInvitation.requirement_id)
            .where(
                Requirement.status == RequirementStatus.OPEN,
                Requirement.answer_by > now,
                Requirement.answer_by <= until,
                RequirementInvitation.round == Requirement.round,
                RequirementInvitation.declined_at.is_(None),
                RequirementInvitation.reminded_at.is_(None),
                ~answered,
            )
            .order_by(RequirementInvitation.id)
            .limit(limit)
        )
        return rows.all()


class CareOfferRepository(Repository[RequirementOffer]):
    """Offers for requirements: a council's, or an organisation's in every council."""

    model_type = RequirementOffer

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID, *, live: bool = True, locked: bool = False
    ) -> Sequence[RequirementOffer]:
        """Return the offers for a requirement in the order in which they were made."""
        question = self.of(council_id).where(RequirementOffer.requirement_id == requirement_id)
        if live:
            question = question.where(RequirementOffer.status.in_(LIVE_OFFERS))
        question = question.order_by(RequirementOffer.id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.every(question)

    async def own(
        self, organisation_id: UUID, requirement_id: UUID, *, locked: bool = False
    ) -> RequirementOffer | None:
        """Return an organisation's newest offer for a requirement, in whatever council."""
        question = (
            select(RequirementOffer)
            .where(
                RequirementOffer.organisation_id == organisation_id, RequirementOffer.requirement_id == requirement_id
            )
            .order_by(RequirementOffer.made_at.desc(), RequirementOffer.id.desc())
        )
        return await self.maybe(question, locked=locked)

    async def visit_ids(self, offer_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
        """Return by offer the visits it covers; an offer that is not named covers them all."""
        found: dict[UUID, set[UUID]] = {}
        rows = await self.db.execute(
            select(OfferedVisit.offer_id, OfferedVisit.visit_id).where(OfferedVisit.offer_id.in_(list(offer_ids)))
        )
        for offer_id, visit_id in rows:
            found.setdefault(offer_id, set()).add(visit_id)
        return found

    async def clear_visits(self, offer_id: UUID) -> None:
        """Forget which visits an offer covers, before they are written anew."""
        await self.db.execute(delete(OfferedVisit).where(OfferedVisit.offer_id == offer_id))

    async def count_live(self, council_id: UUID, requirement_id: UUID) -> int:
        """Return how many offers stand: all that anybody sees of them before the clock has ended."""
        found = await self.db.scalar(
            select(func.count()).where(
                RequirementOffer.council_id == council_id,
                RequirementOffer.requirement_id == requirement_id,
                RequirementOffer.status.in_(LIVE_OFFERS),
            )
        )
        return found or 0


class AwardRepository(Repository[RequirementAward]):
    """Awards of a council."""

    model_type = RequirementAward

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID, *, in_force: bool = True, locked: bool = False
    ) -> Sequence[RequirementAward]:
        """Return the awards of a requirement that are in force, or those that were taken back, too."""
        question = self.of(council_id).where(RequirementAward.requirement_id == requirement_id)
        if in_force:
            question = question.where(RequirementAward.taken_back_at.is_(None))
        question = question.order_by(RequirementAward.id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.every(question)

    async def of_person(
        self, council_id: UUID, person_id: UUID
    ) -> Sequence[Row[RequirementAward, Requirement, RequirementOffer, Preference]]:
        """Return a person's awards, newest first: with requirement, offer, and what they had said before."""
        rows = await self.db.execute(
            select(RequirementAward, Requirement, RequirementOffer, Preference)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
            .join(Preference, Preference.id == RequirementAward.preference_id)
            .where(RequirementAward.council_id == council_id, Requirement.person_id == person_id)
            .order_by(RequirementAward.awarded_at.desc(), RequirementAward.id.desc())
            .limit(20)
        )
        return rows.all()

    async def last_taken_back(self, council_id: UUID, requirement_id: UUID) -> datetime | None:
        """Return when an award of a requirement was last taken back."""
        return await self.db.scalar(
            select(func.max(RequirementAward.taken_back_at)).where(
                RequirementAward.council_id == council_id, RequirementAward.requirement_id == requirement_id
            )
        )

    async def own_taken_back(self, organisation_id: UUID, offer_id: UUID) -> RequirementAward | None:
        """Return an organisation's award for an offer if it was taken back."""
        return await self.maybe(
            select(RequirementAward).where(
                RequirementAward.offer_id == offer_id,
                RequirementAward.organisation_id == organisation_id,
                RequirementAward.taken_back_at.is_not(None),
            )
        )

    async def to_start(self, council_id: UUID, on: date, organisation_id: UUID | None = None) -> Sequence[UUID]:
        """Return requirements with an award in force whose first day is not behind us."""
        question = (
            select(RequirementAward.requirement_id)
            .where(
                RequirementAward.council_id == council_id,
                RequirementAward.taken_back_at.is_(None),
                RequirementAward.starts_on >= on,
            )
            .distinct()
        )
        if organisation_id is not None:
            question = question.where(RequirementAward.organisation_id == organisation_id)
        return (await self.db.scalars(question.order_by(RequirementAward.requirement_id))).all()

    async def councils_to_start(self, on: date) -> Sequence[UUID]:
        """Return the councils with an award in force whose first day is not behind us."""
        question = select(RequirementAward.council_id).where(
            RequirementAward.taken_back_at.is_(None), RequirementAward.starts_on >= on
        )
        return (await self.db.scalars(question.distinct().order_by(RequirementAward.council_id))).all()

    async def totals(self, offer_ids: Iterable[UUID]) -> list[int]:
        """Return the points of offers, without whose they are."""
        rows = await self.db.scalars(
            select(RequirementOffer.total).where(
                RequirementOffer.id.in_(list(offer_ids)), RequirementOffer.total.is_not(None)
            )
        )
        return [int(row) for row in rows if row is not None]


class UnmetRepository(Repository[UnmetRequirement]):
    """Needs that the market of a council did not meet. No row says whose."""

    model_type = UnmetRequirement

    async def since(self, council_id: UUID, first: datetime) -> Sequence[UnmetRequirement]:
        """Return what was logged from an instant on."""
        question = self.of(council_id).where(UnmetRequirement.logged_at >= first)
        return await self.every(question.order_by(UnmetRequirement.logged_at.desc()).limit(20_000))

    async def page(
        self, council_id: UUID, *, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[UnmetRequirement, str]]:
        """Return rows with the reference of their requirement, newest first."""
        question = (
            select(UnmetRequirement, Requirement.reference)
            .join(Requirement, Requirement.id == UnmetRequirement.requirement_id)
            .where(UnmetRequirement.council_id == council_id)
            .order_by(UnmetRequirement.id.desc())
            .limit(limit)
        )
        if after is not None:
            question = question.where(UnmetRequirement.id < after)
        return (await self.db.execute(question)).all()

    async def of_requirement(
        self, council_id: UUID, requirement_id: UUID, *, locked: bool = False
    ) -> UnmetRequirement | None:
        """Return what was logged last for a requirement."""
        question = self.of(council_id).where(UnmetRequirement.requirement_id == requirement_id)
        return await self.maybe(question.order_by(UnmetRequirement.round.desc()), locked=locked)
