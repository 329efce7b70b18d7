"""Questions about late news, and about offers that a planner holds."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Row, case, exists, func, select, tuple_

from marketplace.core.repository import Repository
from marketplace.matching.models import CapacityReservation, Offer, Referral, RematchAlert, RematchCause, Requirement
from marketplace.matching.states import AlertStatus, OfferStatus, ReferralStatus
from marketplace.people.models import Person
from marketplace.providers.models import Worker

HELD = (OfferStatus.OFFERED, OfferStatus.ACCEPTED)


class AlertRepository(Repository[RematchAlert]):
    """Late news of a council."""

    model_type = RematchAlert

    async def listed(
        self, council_id: UUID, *, is_open: bool, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[RematchAlert, Referral | None, Person, Worker | None, Requirement | None]]:
        """Return alerts about referrals and requirements, newest first, with the planner who is proposed."""
        question = (
            select(RematchAlert, Referral, Person, Worker, Requirement)
            .outerjoin(Referral, Referral.id == RematchAlert.referral_id)
            .outerjoin(Requirement, Requirement.id == RematchAlert.requirement_id)
            .join(Person, Person.id == func.coalesce(Referral.person_id, Requirement.person_id))
            .outerjoin(Worker, Worker.id == RematchAlert.proposed_worker_id)
            .where(
                RematchAlert.council_id == council_id,
                RematchAlert.status == AlertStatus.OPEN if is_open else RematchAlert.status != AlertStatus.OPEN,
            )
            .order_by(RematchAlert.noticed_at.desc(), RematchAlert.id.desc())
            .limit(limit)
        )
        if after is not None:
            last = await self.find(council_id, after)
            question = question.where(tuple_(RematchAlert.noticed_at, RematchAlert.id) < (last.noticed_at, last.id))
        return (await self.db.execute(question)).all()

    async def open_of(self, council_id: UUID, referral_id: UUID) -> Sequence[RematchAlert]:
        """Return the open alerts of a referral, locked."""
        question = self.of(council_id).where(
            RematchAlert.referral_id == referral_id, RematchAlert.status == AlertStatus.OPEN
        )
        return await self.every(
            question.order_by(RematchAlert.id).with_for_update().execution_options(populate_existing=True)
        )

    async def open_of_requirement(self, council_id: UUID, requirement_id: UUID) -> Sequence[RematchAlert]:
        """Return the open alerts of a requirement for care, locked."""
        question = self.of(council_id).where(
            RematchAlert.requirement_id == requirement_id, RematchAlert.status == AlertStatus.OPEN
        )
        return await self.every(
            question.order_by(RematchAlert.id).with_for_update().execution_options(populate_existing=True)
        )

    async def open_requirements(self, council_id: UUID) -> Sequence[UUID]:
        """Return requirements for care with an open alert."""
        rows = await self.db.scalars(
            select(RematchAlert.requirement_id)
            .where(RematchAlert.council_id == council_id, RematchAlert.status == AlertStatus.OPEN)
            .where(RematchAlert.requirement_id.is_not(None))
            .distinct()
            .order_by(RematchAlert.requirement_id)
        )
        return [row for row in rows if row is not None]

    async def is_requirement_settled(self, requirement_id: UUID, cause: RematchCause, since: datetime) -> bool:
        """Whether a broker dealt with this cause for a requirement lately and left things as they are."""
        return bool(
            await self.db.scalar(
                select(
                    exists().where(
                        RematchAlert.requirement_id == requirement_id,
                        RematchAlert.cause == cause,
                        RematchAlert.status == AlertStatus.HANDLED,
                        RematchAlert.handled_at >= since,
                    )
                )
            )
        )

    async def open_ids(self, council_id: UUID, after: UUID | None = None, limit: int = 200) -> Sequence[UUID]:
        """Return referrals with an open alert by id, from after one of them on."""
        question = (
            select(RematchAlert.referral_id)
            .where(
                RematchAlert.council_id == council_id,
                RematchAlert.status == AlertStatus.OPEN,
                RematchAlert.referral_id.is_not(None),
            )
            .distinct()
            .order_by(RematchAlert.referral_id)
            .limit(limit)
        )
        if after is not None:
            question = question.where(RematchAlert.referral_id > after)
        return [row for row in await self.db.scalars(question) if row is not None]

    async def is_settled(self, offer_id: UUID, cause: RematchCause, since: datetime) -> bool:
        """Whether a broker dealt with this cause for an offer lately: a decision to keep it is not asked for again."""
        return bool(
            await self.db.scalar(
                select(
                    exists().where(
                        RematchAlert.offer_id == offer_id,
                        RematchAlert.cause == cause,
                        RematchAlert.status == AlertStatus.HANDLED,
                        RematchAlert.handled_at >= since,
                    )
                )
            )
        )

    async def counts(self, council_id: UUID) -> tuple[int, int]:
        """Return how many alerts are open and how many are not."""
        is_open = case((RematchAlert.status == AlertStatus.OPEN, 1), else_=0)
        row = (
            await self.db.execute(
                select(func.coalesce(func.sum(is_open), 0), func.count()).where(RematchAlert.council_id == council_id)
            )
        ).one()
        return int(row[0]), int(row[1]) - int(row[0])

    async def handed_back(self, council_id: UUID, since: datetime) -> int:
        """Return how many accepted offers were handed back or taken back since (L26)."""
        found = await self.db.scalar(
            select(func.count()).where(Offer.council_id == council_id, Offer.handed_back_at >= since)
        )
        return found or 0


class HeldOfferRepository(Repository[Offer]):
    """Offers that hold a place and whose plan is not finished: what late news may hit."""

    model_type = Offer

    async def councils_of_worker(self, worker_id: UUID) -> Sequence[UUID]:
        """Return the councils for which a worker holds offers, or has alerts that may have gone."""
        rows = await self.db.scalars(
            select(Offer.council_id)
            .where(Offer.worker_id == worker_id, Offer.status.in_(HELD))
            .distinct()
            .order_by(Offer.council_id)
        )
        return rows.all()

    async def held(
        self,
        council_id: UUID,
        *,
        worker_id: UUID | None = None,
        organisation_id: UUID | None = None,
        referral_ids: Collection[UUID] | None = None,
        after: UUID | None = None,
        limit: int = 200,
    ) -> Sequence[Row[Offer, Referral, date | None, int | None]]:
        """Return held offers with referral, Monday and number of the place, by id."""
        question = (
            select(Offer, Referral, CapacityReservation.week_on, CapacityReservation.place)
            .join(Referral, Referral.id == Offer.referral_id)
            .outerjoin(CapacityReservation, CapacityReservation.offer_id == Offer.id)
            .where(
                Offer.council_id == council_id,
                Offer.status.in_(HELD),
                Referral.planned_at.is_(None),
                Referral.status.in_((ReferralStatus.OFFERED, ReferralStatus.MATCHED)),
            )
            .order_by(Offer.id)
            .limit(limit)
        )
        if worker_id is not None:
            question = question.where(Offer.worker_id == worker_id)
        if organisation_id is not None:
            question = question.where(Offer.organisation_id == organisation_id)
        if referral_ids is not None:
            question = question.where(Offer.referral_id.in_(list(referral_ids)))
        if after is not None:
            question = question.where(Offer.id > after)
        return (await self.db.execute(question)).all()

    async def councils(self) -> Sequence[UUID]:
        """Return every council with held offers or open alerts."""
        held = select(Offer.council_id).where(Offer.status.in_(HELD))
        alerts = select(RematchAlert.council_id).where(RematchAlert.status == AlertStatus.OPEN)
        union = held.union(alerts).subquery()
        return (await self.db.scalars(select(union.c.council_id).order_by(union.c.council_id))).all()
