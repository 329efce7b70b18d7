"""Questions asked for the fairness report: referrals of a period, with who took them and when."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.models import Offer, Referral, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.people.models import Person
from marketplace.providers.models import Organisation, Worker

MOST_REFERRALS: Final = 50_000
"""The newest so many of a period; a county has some thousands in a year."""
NEVER_IN_THE_NETWORK: Final = (ReferralStatus.RETAINED, ReferralStatus.INCOMPLETE)


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A referral, who it is about as far as equality reports ask, and the planner who took it."""

    received_at: datetime
    status: ReferralStatus
    urgency: Urgency
    lad_code: str
    born_on: date | None
    ethnicity: str
    needs: list[str]
    asked_for_gender: bool
    asked_for_language: bool
    lat: float | None
    lon: float | None
    accepted_at: datetime | None
    organisation_id: UUID | None
    score: int | None
    rank: int | None
    planner_lat: float | None
    planner_lon: float | None


class FairnessRepository:
    """Reads referrals with what became of them. Every question names the council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def served(self, council_id: UUID, from_at: datetime, until_at: datetime) -> list[Served]:
        """Return referrals received in a half-open time that went to the network, each with its first acceptance."""
        first = (
            select(Offer)
            .where(
                Offer.council_id == council_id,
                Offer.answered_at.is_not(None),
                (Offer.status == OfferStatus.ACCEPTED) | Offer.handed_back_at.is_not(None),
            )
            .ext(distinct_on(Offer.referral_id))
            .order_by(Offer.referral_id, Offer.answered_at)
            .subquery()
        )
        rows = await self.db.execute(
            select(
                Referral.received_at,
                Referral.status,
                Referral.urgency,
                Person.lad_code,
                Person.born_on,
                Person.ethnicity,
                Referral.needs,
                Referral.required_gender.is_not(None),
                Referral.essential_language.is_not(None),
                Person.lat,
                Person.lon,
                first.c.answered_at,
                first.c.organisation_id,
                first.c.score,
                first.c.rank,
                Worker.lat,
                Worker.lon,
            )
            .join(Person, Person.id == Referral.person_id)
            .outerjoin(first, first.c.referral_id == Referral.id)
            .outerjoin(Worker, Worker.id == first.c.worker_id)
            .where(
                Referral.council_id == council_id,
                Referral.received_at >= from_at,
                Referral.received_at < until_at,
                Referral.status.not_in(NEVER_IN_THE_NETWORK),
            )
            .order_by(Referral.received_at.desc(), Referral.id.desc())
            .limit(MOST_REFERRALS)
        )
        names = Served.__struct_fields__
        return [Served(**dict(zip(names, row, strict=True))) for row in rows]

    async def answers(self, council_id: UUID, from_at: datetime, until_at: datetime) -> Sequence[tuple[UUID, str, int]]:
        """Return how many offers of a time each organisation had, by what became of them."""
        rows: Any = await self.db.execute(
            select(Offer.organisation_id, Offer.status, func.count())
            .where(Offer.council_id == council_id, Offer.offered_at >= from_at, Offer.offered_at < until_at)
            .group_by(Offer.organisation_id, Offer.status)
        )
        return [(row[0], row[1].value, row[2]) for row in rows]

    async def names(self, organisation_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return names of organisations."""
        rows = await self.db.execute(
            select(Organisation.id, Organisation.name).where(Organisation.id.in_(organisation_ids))
        )
        return {row[0]: row[1] for row in rows}
