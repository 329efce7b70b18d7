"""Reads what is known of organisations that could deliver care, and ranks them for a requirement."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.matching.bands import slot
from marketplace.matching.care.scoring import Quality
from marketplace.matching.models import Requirement, RequirementVisit, WeightPurpose
from marketplace.matching.repository import WeightRepository
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.service.care.ranking import Market, RankedProviders, need_place_and_week, rank_in
from marketplace.matching.service.weights import weights_in, weights_of
from marketplace.people.models import Person
from marketplace.providers.models import ServiceLine
from marketplace.providers.repository.care import CareFacts


class CareRankingService:
    """Rankings of organisations for requirements."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.facts = CareFacts(db)
        self.requirements = RequirementRepository(db)

    async def rank(
        self,
        requirement: Requirement,
        visits: Sequence[RequirementVisit],
        person: Person,
        council_name: str,
        *,
        with_hours: bool = True,
    ) -> RankedProviders:
        """Rank who could deliver a requirement, as things stand now.

        Args:
            requirement: What is needed.
            visits: Its week.
            person: Whose care it is.
            council_name: As the reasons call the council.
            with_hours: Whether too few free hours leave a provider out. Splitting a week asks that for itself.

        Raises:
            CannotRank: Nobody knows where the person lives, or the week has no visit.
        """
        need_place_and_week(visits, person)
        council_id, on = requirement.council_id, today(clock_of(self.db))
        rows = await self.facts.organisations(
            council_id, requirement.service_line, requirement.starts_on, on, lot_code=requirement.lot_code
        )
        market = await self.market(
            council_id, council_name, requirement.service_line, {row[0].id for row in rows}, requirement.starts_on
        )
        conflicts = set(await self.requirements.conflicts(council_id, person.id))
        known = await known_carers(self.requirements, requirement)
        organisations = [(row[0], bool(row[1])) for row in rows]
        return rank_in(
            market, requirement, visits, person, organisations, conflicts=conflicts, known=known, with_hours=with_hours
        )

    async def market(
        self, council_id: UUID, council_name: str, service: ServiceLine, organisation_ids: set[UUID], day: date
    ) -> Market:
        """Read what rankings for one service need to know of organisations.

        Args:
            council_id: Whose weights and settings count.
            council_name: As the reasons call the council.
            service: What is bought.
            organisation_ids: Of whom.
            day: Workers who have left by then do not count.
        """
        on = today(clock_of(self.db))
        settings = await settings_of(self.db, council_id, on)
        published = await WeightRepository(self.db).in_force(council_id, WeightPurpose.CARE, on)
        ids = sorted(organisation_ids)
        return Market(
            council_name=council_name,
            settings=settings,
            weights=weights_in(published) if published else weights_of(settings["matching.weights"]),
            listings=await self.facts.listings(ids, service),
            teams=await self.facts.teams(ids, day),
            hours=await self._hours(ids, service),
            quality=await quality_of(self.facts, ids),
        )

    async def _hours(self, organisation_ids: Sequence[UUID], service: ServiceLine) -> dict[UUID, dict[int, int]]:
        """Return free quarter hours by organisation and slot, for those that said how many they have."""
        found: dict[UUID, dict[int, int]] = {}
        for row in await self.requirements.free_hours(organisation_ids, service):
            found.setdefault(row.organisation_id, {})[slot(row.weekday, row.band)] = row.left_quarters
        return found


async def quality_of(facts: CareFacts, organisation_ids: Sequence[UUID]) -> dict[UUID, Quality]:
    """Return what is known about the quality of organisations; those of whom nothing is known are left out."""
    feedback = await facts.feedback(organisation_ids)
    ratings = await facts.regulator_ratings(organisation_ids)
    return {
        item: Quality(
            feedback=feedback.get(item, (0, 0))[0], stars=feedback.get(item, (0, 0))[1], regulator=ratings.get(item, "")
        )
        for item in {*feedback, *ratings}
    }


async def known_carers(requirements: RequirementRepository, requirement: Requirement) -> set[UUID]:
    """Return who cares for the person already: what the broker wrote down, and earlier awards."""
    said = {UUID(item) for item in requirement.known_organisation_ids}
    return said | await requirements.carers(requirement.council_id, requirement.person_id)
