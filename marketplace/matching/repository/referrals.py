"""Questions about referrals, shortlists, offers and places."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Row, delete, func, not_, select, text, tuple_

from marketplace.accounts.models import User
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.matching.models import CapacityReservation, Offer, Referral, Shortlist, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.people.models import Person
from marketplace.providers.models import ServiceLine
from marketplace.providers.repository.accreditations import is_accredited

NEWEST_FIRST = frozenset({ReferralStatus.MATCHED, ReferralStatus.CLOSED})
"""States whose list begins with the latest; the others begin with what is due first."""


class ReferralRepository(Repository[Referral]):
    """Referrals of a council."""

    model_type = Referral

    async def queue(
        self,
        council_id: UUID,
        status: ReferralStatus,
        *,
        urgency: Urgency | None = None,
        reference: str = "",
        after: UUID | None = None,
        limit: int = 25,
    ) -> Sequence[Row[Referral, Person]]:
        """Return referrals in one state with their people, by the day the plan is due, from after one of them on."""
        question = (
            select(Referral, Person)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.council_id == council_id)
        )
        if reference:
            question = question.where(Referral.reference.icontains(reference, autoescape=True))
        else:
            question = question.where(Referral.status == status)
        if urgency is not None:
            question = question.where(Referral.urgency == urgency)
        key = tuple_(Referral.due_on, Referral.id)
        newest_first = status in NEWEST_FIRST and not reference
        if after is not None:
            last = await self.find(council_id, after)
            here = (last.due_on, last.id)
            question = question.where(key < here if newest_first else key > here)
        order = (Referral.due_on.desc(), Referral.id.desc()) if newest_first else (Referral.due_on, Referral.id)
        return (await self.db.execute(question.order_by(*order).limit(limit))).all()

    async def counts(self, council_id: UUID) -> dict[ReferralStatus, int]:
        """Return how many referrals are in each state."""
        rows = await self.db.execute(
            select(Referral.status, func.count()).where(Referral.council_id == council_id).group_by(Referral.status)
        )
        return {row[0]: row[1] for row in rows}

    async def overdue(self, council_id: UUID, today: date) -> int:
        """Return how many referrals still wait after the day their plan was due."""
        waiting = (ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.OFFERED)
        found = await self.db.scalar(
            select(func.count()).where(
                Referral.council_id == council_id, Referral.status.in_(waiting), Referral.due_on < today
            )
        )
        return found or 0

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[Referral]:
        """Return a person's referrals, newest first."""
        question = self.of(council_id).where(Referral.person_id == person_id)
        return await self.every(question.order_by(Referral.received_at.desc(), Referral.id.desc()).limit(50))

    async def next_reference(self, council_id: UUID, year: int) -> str:
        """Return the next reference of a council's year, "R-2027-00012".

        Waits for whoever else is taking one; theirs is known once their transaction has ended. The unique key on
        council and reference stands behind it.
        """
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('referral-reference'), hashtext(:council))"),
            {"council": str(council_id)},
        )
        last = await self.db.scalar(
            select(func.max(Referral.reference)).where(
                Referral.council_id == council_id, Referral.reference.regexp_match(f"^R-{year}-[0-9]{{5}}$")
            )
        )
        return f"R-{year}-{int(last[-5:]) + 1 if last else 1:05}"

    async def steps(self, council_id: UUID, subject_ids: Iterable[UUID]) -> tuple[Sequence[Step], dict[UUID, str]]:
        """Return the steps of rows, oldest first, and the names of who took them, by user id."""
        rows = (
            await self.db.execute(
                select(Step, User.name)
                .outerjoin(User, User.id == Step.by_user_id)
                .where(Step.council_id == council_id, Step.subject_id.in_(list(subject_ids)))
                .order_by(Step.at, Step.id)
                .limit(200)
            )
        ).all()
        users = {row[0].by_user_id: str(row[1]) for row in rows if row[0].by_user_id is not None}
        return [row[0] for row in rows], users


class ShortlistRepository(Repository[Shortlist]):
    """Stored rankings of a council."""

    model_type = Shortlist

    async def of_referral(self, council_id: UUID, referral_id: UUID) -> Sequence[Row[UUID, datetime, str]]:
        """Return id, time and fingerprint of a referral's stored rankings, newest first (not their large bodies)."""
        rows = await self.db.execute(
            select(Shortlist.id, Shortlist.made_at, Shortlist.fingerprint)
            .where(Shortlist.council_id == council_id, Shortlist.referral_id == referral_id)
            .order_by(Shortlist.made_at.desc(), Shortlist.id.desc())
            .limit(50)
        )
        return rows.all()


class OfferRepository(Repository[Offer]):
    """Offers: a council's, or a planner's from every council."""

    model_type = Offer

    async def of_referral(self, council_id: UUID, referral_id: UUID) -> Sequence[Offer]:
        """Return a referral's offers, newest first."""
        question = self.of(council_id).where(Offer.referral_id == referral_id)
        return await self.every(question.order_by(Offer.offered_at.desc(), Offer.id.desc()).limit(100))

    async def open_of(self, council_id: UUID, referral_id: UUID, *, locked: bool = False) -> Offer | None:
        """Return the offer of a referral that waits for its answer."""
        question = self.of(council_id).where(Offer.referral_id == referral_id, Offer.status == OfferStatus.OFFERED)
        return await self.maybe(question, locked=locked)

    async def held_of(self, council_id: UUID, referral_id: UUID) -> Offer | None:
        """Return the offer by which a planner was asked for a referral, or holds it, locked."""
        held = (OfferStatus.OFFERED, OfferStatus.ACCEPTED)
        question = self.of(council_id).where(Offer.referral_id == referral_id, Offer.status.in_(held))
        return await self.maybe(question, locked=True)

    async def of_worker(
        self, worker_id: UUID, councils: Sequence[UUID], *, is_open: bool, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[Offer, Referral]]:
        """Return a planner's offers with their referrals: open ones by their deadline, others newest first."""
        question = (
            select(Offer, Referral)
            .join(Referral, Referral.id == Offer.referral_id)
            .where(Offer.worker_id == worker_id, Offer.council_id.in_(councils))
            .limit(limit)
        )
        if is_open:
            question = question.where(Offer.status == OfferStatus.OFFERED).order_by(Offer.answer_by, Offer.id)
        else:
            question = question.where(Offer.status != OfferStatus.OFFERED).order_by(Offer.id.desc())
            if after is not None:
                question = question.where(Offer.id < after)
        return (await self.db.execute(question)).all()

    async def for_worker(
        self, offer_id: UUID, worker_id: UUID, councils: Sequence[UUID], *, locked: bool = False
    ) -> Offer:
        """Return one offer of a planner.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = select(Offer).where(
            Offer.id == offer_id, Offer.worker_id == worker_id, Offer.council_id.in_(councils)
        )
        return await self.one(question, locked=locked)

    async def previous_planner(self, council_id: UUID, person_id: UUID) -> UUID | None:
        """Return the planner who last accepted a referral of the person (continuity, L16)."""
        found: UUID | None = await self.db.scalar(
            select(Offer.worker_id)
            .join(Referral, Referral.id == Offer.referral_id)
            .where(
                Offer.council_id == council_id,
                Referral.person_id == person_id,
                Offer.status == OfferStatus.ACCEPTED,
            )
            .order_by(Offer.answered_at.desc())
            .limit(1)
        )
        return found

    async def overdue(self, now: datetime, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return council and id of open offers whose time to answer has ended."""
        rows = await self.db.execute(
            select(Offer.council_id, Offer.id)
            .where(Offer.status == OfferStatus.OFFERED, Offer.answer_by <= now)
            .order_by(Offer.answer_by)
            .limit(limit)
        )
        return rows.all()

    async def stopped(self, council_id: UUID, organisation_id: UUID, on: date) -> Sequence[UUID]:
        """Return a council's open offers to an organisation that may not plan for it on a day, by id."""
        question = (
            select(Offer.id)
            .where(
                Offer.council_id == council_id,
                Offer.organisation_id == organisation_id,
                Offer.status == OfferStatus.OFFERED,
                not_(is_accredited(Offer.organisation_id, Offer.council_id, ServiceLine.SUPPORT_PLANNING, on)),
            )
            .order_by(Offer.id)
            .limit(1_000)
        )
        return (await self.db.scalars(question)).all()

    async def place_of(self, council_id: UUID, offer_ids: Iterable[UUID]) -> dict[UUID, date]:
        """Return by offer the Monday of the week whose place it holds."""
        rows = await self.db.execute(
            select(CapacityReservation.offer_id, CapacityReservation.week_on).where(
                CapacityReservation.council_id == council_id, CapacityReservation.offer_id.in_(list(offer_ids))
            )
        )
        return {row[0]: row[1] for row in rows}

    async def free_place(self, council_id: UUID, offer_id: UUID) -> None:
        """Give an offer's place back."""
        await self.db.execute(
            delete(CapacityReservation).where(
                CapacityReservation.council_id == council_id, CapacityReservation.offer_id == offer_id
            )
        )
