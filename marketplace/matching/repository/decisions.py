"""Questions round a decision: what people said, what they contest, who must not act for whom."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from marketplace.core.repository import Repository
from marketplace.matching.models import (
    Conflict,
    Contest,
    Offer,
    Preference,
    Referral,
    Requirement,
    RequirementAward,
)
from marketplace.matching.states import ContestStatus, OfferStatus, RequirementStatus
from marketplace.people.models import Person


class PreferenceRepository(Repository[Preference]):
    """What people said they want."""

    model_type = Preference

    async def latest(
        self, council_id: UUID, *, referral_id: UUID | None = None, requirement_id: UUID | None = None
    ) -> Preference | None:
        """Return what was said last about a referral or a requirement."""
        return await self.maybe(self._about(council_id, referral_id, requirement_id))

    async def about(
        self, council_id: UUID, *, referral_id: UUID | None = None, requirement_id: UUID | None = None
    ) -> Sequence[Preference]:
        """Return what was said about a referral or a requirement, newest first."""
        return await self.every(self._about(council_id, referral_id, requirement_id).limit(50))

    async def latest_of(self, council_id: UUID, referral_ids: Collection[UUID]) -> dict[UUID, Preference]:
        """Return by referral what was said last."""
        rows = await self.every(
            self.of(council_id)
            .where(Preference.referral_id.in_(list(referral_ids)))
            .ext(distinct_on(Preference.referral_id))
            .order_by(Preference.referral_id, Preference.heard_at.desc(), Preference.id.desc())
        )
        return {row.referral_id: row for row in rows if row.referral_id is not None}

    def _about(self, council_id: UUID, referral_id: UUID | None, requirement_id: UUID | None) -> Select[Preference]:
        """Start the question of what was said about one of them, newest first."""
        question = self.of(council_id).order_by(Preference.heard_at.desc(), Preference.id.desc())
        if referral_id is not None:
            return question.where(Preference.referral_id == referral_id)
        return question.where(Preference.requirement_id == requirement_id)


class ContestRepository(Repository[Contest]):
    """What people contest."""

    model_type = Contest

    async def open_of(self, council_id: UUID, referral_id: UUID, *, locked: bool = False) -> Contest | None:
        """Return the contest of a referral that waits for its answer."""
        question = self.of(council_id).where(Contest.referral_id == referral_id, Contest.status == ContestStatus.OPEN)
        return await self.maybe(question, locked=locked)

    async def of_referral(self, council_id: UUID, referral_id: UUID) -> Sequence[Contest]:
        """Return a referral's contests, newest first."""
        question = self.of(council_id).where(Contest.referral_id == referral_id)
        return await self.every(question.order_by(Contest.made_at.desc(), Contest.id.desc()).limit(50))

    async def listed(
        self, council_id: UUID, *, is_open: bool, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[Contest, Person, Referral | None]]:
        """Return contests with their people: open ones by the day of their answer, answered ones newest first."""
        question = (
            select(Contest, Person, Referral)
            .join(Person, Person.id == Contest.person_id)
            .outerjoin(Referral, Referral.id == Contest.referral_id)
            .where(Contest.council_id == council_id)
            .limit(limit)
        )
        if is_open:
            question = question.where(Contest.status == ContestStatus.OPEN).order_by(Contest.answer_by, Contest.id)
        else:
            question = question.where(Contest.status != ContestStatus.OPEN).order_by(Contest.id.desc())
            if after is not None:
                question = question.where(Contest.id < after)
        return (await self.db.execute(question)).all()

    async def late(self, on: date, limit: int) -> Sequence[Contest]:
        """Return open contests of every council whose day of answer is before `on`."""
        question = (
            select(Contest)
            .where(Contest.status == ContestStatus.OPEN, Contest.answer_by < on)
            .order_by(Contest.answer_by, Contest.id)
            .limit(limit)
        )
        return (await self.db.scalars(question)).all()


class ConflictRepository(Repository[Conflict]):
    """Declared conflicts of interest, and what they may touch."""

    model_type = Conflict

    async def live(self, council_id: UUID) -> Sequence[Conflict]:
        """Return the conflicts that count."""
        question = self.of(council_id).where(Conflict.ended_at.is_(None))
        return await self.every(question.order_by(Conflict.declared_at.desc(), Conflict.id.desc()).limit(2_000))

    async def ended(self, council_id: UUID, *, after: UUID | None = None, limit: int = 25) -> Sequence[Conflict]:
        """Return the conflicts that have ended, newest first."""
        question = self.of(council_id).where(Conflict.ended_at.is_not(None))
        if after is not None:
            question = question.where(Conflict.id < after)
        return await self.every(question.order_by(Conflict.id.desc()).limit(limit))

    async def sellers(self, council_id: UUID, person_ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Return by person the organisations that were awarded their care."""
        rows = await self.db.execute(
            select(Requirement.person_id, RequirementAward.organisation_id)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .where(
                RequirementAward.council_id == council_id,
                Requirement.status == RequirementStatus.AWARDED,
                Requirement.person_id.in_(list(person_ids)),
            )
        )
        found: dict[UUID, set[UUID]] = {}
        for person_id, organisation_id in rows:
            found.setdefault(person_id, set()).add(organisation_id)
        return {person_id: frozenset(ids) for person_id, ids in found.items()}

    async def offers_in(self, conflict: Conflict) -> Sequence[Row[Offer, Referral]]:
        """Return open and accepted offers that a conflict touches, with their referrals."""
        question = (
            select(Offer, Referral)
            .join(Referral, Referral.id == Offer.referral_id)
            .where(
                Offer.council_id == conflict.council_id,
                Offer.status.in_((OfferStatus.OFFERED, OfferStatus.ACCEPTED)),
                or_(Offer.worker_id == conflict.worker_id, Offer.organisation_id == conflict.organisation_id),
            )
            .order_by(Offer.offered_at.desc(), Offer.id)
            .limit(200)
        )
        if conflict.person_id is not None:
            question = question.where(Referral.person_id == conflict.person_id)
        return (await self.db.execute(question)).all()
