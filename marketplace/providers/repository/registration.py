"""Questions asked of links to the regulator's register, and of the register by id."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, or_, select

from marketplace.core.repository import Repository
from marketplace.providers.models import Organisation, RegulatorLink, RegulatorLocation, RegulatorProvider
from marketplace.providers.states import RegulatorLinkStatus

PAGE = 50
LIVE = (RegulatorLinkStatus.MATCHED, RegulatorLinkStatus.CONFIRMED)
HELD = (*LIVE, RegulatorLinkStatus.IN_REVIEW)


class RegulatorLinkRepository(Repository[RegulatorLink]):
    """Links, and the entries they name."""

    model_type = RegulatorLink

    async def current(self, organisation_id: UUID, *, locked: bool = False) -> RegulatorLink | None:
        """Return an organisation's link that is neither refused nor ended."""
        return await self.maybe(
            select(RegulatorLink)
            .where(RegulatorLink.organisation_id == organisation_id, RegulatorLink.status.in_(HELD))
            .order_by(RegulatorLink.id.desc()),
            locked=locked,
        )

    async def newest(self, organisation_id: UUID) -> RegulatorLink | None:
        """Return an organisation's newest link, whatever became of it."""
        return await self.maybe(
            select(RegulatorLink)
            .where(RegulatorLink.organisation_id == organisation_id)
            .order_by(RegulatorLink.id.desc())
        )

    async def has_live(self, organisation_id: UUID) -> bool:
        """Whether an organisation has a link that matched or was confirmed, as far as this transaction reaches."""
        question = select(
            exists().where(RegulatorLink.organisation_id == organisation_id, RegulatorLink.status.in_(LIVE))
        )
        return bool(await self.db.scalar(question))

    async def page(
        self, council_id: UUID, *, is_waiting: bool, after: UUID | None
    ) -> Sequence[tuple[RegulatorLink, Organisation]]:
        """Return a council's links that wait (the oldest first) or do not (the newest first), one more than a page."""
        question = (
            select(RegulatorLink, Organisation)
            .join(Organisation, Organisation.id == RegulatorLink.organisation_id)
            .where(RegulatorLink.council_id == council_id)
            .limit(PAGE + 1)
        )
        if is_waiting:
            question = question.where(RegulatorLink.status == RegulatorLinkStatus.IN_REVIEW).order_by(RegulatorLink.id)
            question = question.where(RegulatorLink.id > after) if after else question
        else:
            question = question.where(RegulatorLink.status != RegulatorLinkStatus.IN_REVIEW)
            question = question.order_by(RegulatorLink.id.desc())
            question = question.where(RegulatorLink.id < after) if after else question
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def held(self) -> Sequence[RegulatorLink]:
        """Return all links that are neither refused nor ended, locked, in the order of their ids."""
        return await self.every(
            select(RegulatorLink).where(RegulatorLink.status.in_(HELD)).order_by(RegulatorLink.id).with_for_update()
        )

    async def other_holder(self, organisation_id: UUID, provider_id: str | None, location_id: str | None) -> bool:
        """Whether another organisation here already stands for an entry of the register."""
        same = []
        if location_id is not None:
            same.append(RegulatorLink.location_id == location_id)
        elif provider_id is not None:
            same.append(RegulatorLink.provider_id == provider_id)
        linked = exists().where(
            RegulatorLink.organisation_id != organisation_id, RegulatorLink.status.in_(HELD), or_(*same)
        )
        noted = exists().where(Organisation.id != organisation_id, Organisation.cqc_provider_id == provider_id)
        return bool(await self.db.scalar(select(or_(linked, noted) if provider_id else linked)))

    # The register

    async def register_provider(self, provider_id: str) -> RegulatorProvider | None:
        """Return a provider of the register."""
        return await self.db.get(RegulatorProvider, provider_id, populate_existing=True)

    async def register_location(self, location_id: str) -> RegulatorLocation | None:
        """Return a location of the register."""
        return await self.db.get(RegulatorLocation, location_id, populate_existing=True)

    async def locations_of(self, provider_id: str) -> Sequence[RegulatorLocation]:
        """Return a provider's locations by name, registered ones first; not those that a newer one replaces."""
        return (
            await self.db.scalars(
                select(RegulatorLocation)
                .where(RegulatorLocation.provider_id == provider_id, RegulatorLocation.superseded_by.is_(None))
                .order_by(RegulatorLocation.is_registered.desc(), RegulatorLocation.name, RegulatorLocation.location_id)
                .limit(200)
                .execution_options(populate_existing=True)
            )
        ).all()
