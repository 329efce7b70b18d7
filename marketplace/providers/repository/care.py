"""Facts of organisations that may deliver hours of care: where they work, what they charge, what is said of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import Row, Text, and_, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import (
    CATEGORY_SERVICE,
    Accreditation,
    Listing,
    ListingCategory,
    ListingFeedback,
    Lot,
    Organisation,
    RegulatorLocation,
    ServiceLine,
    Worker,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.evidence_rules import there_is
from marketplace.providers.repository.market import on_the_market

BEFORE_REGULATED_CARE = (
    ListingCategory.COMMUNITY,
    ListingCategory.DAY_OPPORTUNITY,
    ListingCategory.EQUIPMENT,
    ListingCategory.TELECARE,
    ListingCategory.SHOPPING,
    ListingCategory.GARDENING,
    ListingCategory.TRANSPORT,
)
"""What is looked at before regulated care (B14)."""


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """What the recorded workers of an organisation bring, all together."""

    languages: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    interests: frozenset[str] = frozenset()
    specialisms: frozenset[str] = frozenset()


class CareFacts:
    """Reads what the ranking of providers for hours of care is made from."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def organisations(
        self, council_id: UUID, service: ServiceLine, starts_on: date, on: date, *, lot_code: str = ""
    ) -> Sequence[Row[Organisation, bool]]:
        """Return who was ever accredited by a council for a service, and whether it counts on a day to come.

        Args:
            council_id: Whose accreditation.
            service: For which service.
            starts_on: First day of the care.
            on: The day of the question.
            lot_code: In which lot; empty: whatever lot.
        """
        known = and_(
            Accreditation.organisation_id == Organisation.id,
            Accreditation.council_id == council_id,
            Accreditation.service_line == service,
        )
        if lot_code:
            known = and_(known, Accreditation.lot_id.in_(select(Lot.id).where(Lot.code == lot_code)))
        live = there_is(Accreditation, known, live_on(starts_on, on))
        question = select(Organisation, live).where(
            there_is(Accreditation, known), Organisation.merged_into_id.is_(None)
        )
        return (await self.db.execute(question.order_by(Organisation.name, Organisation.id))).all()

    async def accredited(self, council_id: UUID, services: Iterable[ServiceLine]) -> list[tuple[UUID, str]]:
        """Return id and name of organisations that a council ever accredited for some services, by name."""
        known = there_is(
            Accreditation,
            Accreditation.organisation_id == Organisation.id,
            Accreditation.council_id == council_id,
            Accreditation.service_line.in_(list(services)),
        )
        rows = await self.db.execute(
            select(Organisation.id, Organisation.name).where(known).order_by(Organisation.name, Organisation.id)
        )
        return [(row[0], row[1]) for row in rows]

    async def lots(self, council_id: UUID) -> list[tuple[str, str]]:
        """Return code and name of the lots in which a council has accredited anybody."""
        rows = await self.db.execute(
            select(Lot.code, func.min(Lot.name))
            .join(Accreditation, Accreditation.lot_id == Lot.id)
            .where(Accreditation.council_id == council_id)
            .group_by(Lot.code)
            .order_by(Lot.code)
        )
        return [(row[0], row[1]) for row in rows]

    async def listings(self, organisation_ids: Iterable[UUID], service: ServiceLine) -> dict[UUID, list[Listing]]:
        """Return published listings of the service's categories, by organisation."""
        named = {line for line in CATEGORY_SERVICE.values() if line is not None}
        categories = [category for category, line in CATEGORY_SERVICE.items() if line is service]
        if service not in named:
            categories = [ListingCategory.COMMUNITY, ListingCategory.DAY_OPPORTUNITY]
        rows = await self.db.scalars(
            select(Listing)
            .where(
                Listing.organisation_id.in_(list(organisation_ids)),
                Listing.category.in_(categories),
                Listing.is_published,
                Listing.hidden_why.is_(None),
            )
            .order_by(Listing.id)
        )
        found: dict[UUID, list[Listing]] = {}
        for row in rows:
            found.setdefault(row.organisation_id, []).append(row)
        return found

    async def teams(self, organisation_ids: Iterable[UUID], day: date) -> dict[UUID, Team]:
        """Return what the workers of organisations bring on a day."""
        rows = await self.db.execute(
            select(Worker.organisation_id, Worker.languages, Worker.skills, Worker.interests, Worker.specialisms).where(
                Worker.organisation_id.in_(list(organisation_ids)),
                or_(Worker.ends_on.is_(None), Worker.ends_on > day),
            )
        )
        found: dict[UUID, Team] = {}
        for organisation_id, languages, skills, interests, specialisms in rows:
            team = found.get(organisation_id, Team())
            found[organisation_id] = Team(
                languages=team.languages | set(languages),
                skills=team.skills | set(skills),
                interests=team.interests | set(interests),
                specialisms=team.specialisms | set(specialisms),
            )
        return found

    async def feedback(self, organisation_ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
        """Return by organisation how many pieces of feedback are published on its listings, and their stars' sum."""
        rows = await self.db.execute(
            select(Listing.organisation_id, func.count(), func.sum(ListingFeedback.stars))
            .join(Listing, Listing.id == ListingFeedback.listing_id)
            .where(Listing.organisation_id.in_(list(organisation_ids)))
            .group_by(Listing.organisation_id)
        )
        return {row[0]: (int(row[1]), int(row[2])) for row in rows}

    async def regulator_ratings(self, organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the regulator's overall rating by organisation, where a listing is linked to a rated location."""
        rows = await self.db.execute(
            select(Listing.organisation_id, func.min(RegulatorLocation.rating_overall))
            .join(RegulatorLocation, RegulatorLocation.location_id == Listing.regulator_location_id)
            .where(Listing.organisation_id.in_(list(organisation_ids)), RegulatorLocation.rating_overall != "")
            .group_by(Listing.organisation_id)
        )
        return {row[0]: row[1] for row in rows}

    async def alternatives(
        self, district_code: str, lat: float, lon: float, day: date, *, suits: Collection[str], limit: int = 6
    ) -> Sequence[Row[Listing, Organisation]]:
        """Return listings other than regulated care that reach a place: what suits the needs first, then the nearest.

        The distance is of degrees made even for the latitude, which orders well enough.
        """
        away = func.power(Listing.lat - lat, 2) + func.power((Listing.lon - lon) * 0.6, 2)
        reaches = or_(
            Listing.is_nationwide,
            type_coerce(Listing.district_codes, ARRAY(Text)).contains([district_code]),
            and_(Listing.radius_metres.is_not(None), away < func.power(Listing.radius_metres / 111_000.0, 2)),
        )
        does_suit = type_coerce(Listing.suits, ARRAY(Text)).overlap(list(suits))
        question = (
            select(Listing, Organisation)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .outerjoin(Worker, Worker.id == Listing.worker_id)
            .where(Listing.category.in_(BEFORE_REGULATED_CARE), on_the_market(day), reaches)
            .order_by(does_suit.desc(), away.nulls_last(), Listing.id)
            .limit(limit)
        )
        return (await self.db.execute(question)).all()

    async def names(self, organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return names of organisations."""
        rows = await self.db.execute(
            select(Organisation.id, Organisation.name).where(Organisation.id.in_(list(organisation_ids)))
        )
        return {row[0]: row[1] for row in rows}
