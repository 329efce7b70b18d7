"""Questions about organisations that may be one and the same."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Organisation,
    RegulatorLink,
    RegulatorLocation,
    RegulatorProvider,
)
from marketplace.providers.states import RegulatorLinkStatus

_HELD = (RegulatorLinkStatus.MATCHED, RegulatorLinkStatus.CONFIRMED)
MOST_COMPARED = 20_000


class DuplicateRepository:
    """Finds organisations by what makes them one. They are shared by all councils; links are read in scope `every`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def with_number(self, numbers: Mapping[str, str], without: UUID | None = None) -> Organisation | None:
        """Return an organisation that has one of some numbers, by column; what was merged counts, too."""
        tests = [getattr(Organisation, column) == number for column, number in numbers.items()]
        cqc = numbers.get("cqc_provider_id")
        if cqc:
            tests.append(
                exists().where(
                    RegulatorLink.organisation_id == Organisation.id,
                    RegulatorLink.status.in_(_HELD),
                    or_(RegulatorLink.provider_id == cqc, RegulatorLink.location_id == cqc),
                )
            )
        if not tests:
            return None
        question = select(Organisation).where(or_(*tests)).order_by(Organisation.id).limit(1)
        if without is not None:
            question = question.where(Organisation.id != without)
        return (await self.db.scalars(question)).first()

    async def at_postcode(self, postcode: str, without: UUID | None = None) -> Sequence[Organisation]:
        """Return organisations with their base at a postcode ("PR1 2HE")."""
        question = select(Organisation).where(Organisation.postcode == postcode).order_by(Organisation.id).limit(200)
        if without is not None:
            question = question.where(Organisation.id != without)
        return (await self.db.scalars(question)).all()

    async def standing_for(self, organisation: Organisation) -> Organisation:
        """Return the organisation that took the place of one, or the one itself where it was never merged."""
        seen = {organisation.id}
        while organisation.merged_into_id is not None and organisation.merged_into_id not in seen:
            seen.add(organisation.merged_into_id)
            following = await self.db.get(Organisation, organisation.merged_into_id)
            if following is None:
                break
            organisation = following
        return organisation

    async def register_knows(self, number: str) -> bool | None:
        """Whether the regulator's register has a number; None where no register was read in yet."""
        known = exists().where(RegulatorLocation.location_id == number)
        provider = exists().where(RegulatorProvider.provider_id == number)
        by_location = exists().where(RegulatorLocation.provider_id == number)
        if await self.db.scalar(select(or_(known, provider, by_location))):
            return True
        return False if await self.db.scalar(select(exists().select_from(RegulatorLocation))) else None

    async def one_at_a_time(self, key: str) -> None:
        """Wait for others that register something alike in this moment; until the transaction ends."""
        await self.db.execute(text("SELECT pg_advisory_xact_lock(hashtext('join'), hashtext(:key))"), {"key": key})

    async def all_unmerged(self) -> Sequence[Organisation]:
        """Return every organisation that stands for itself, in the order of ids."""
        question = select(Organisation).where(Organisation.merged_into_id.is_(None))
        return (await self.db.scalars(question.order_by(Organisation.id).limit(MOST_COMPARED))).all()

    async def of_concern(self, council_id: UUID) -> set[UUID]:
        """Return the organisations that a council is home to, accredits, or in which somebody acts there."""
        accredited = exists().where(
            Accreditation.organisation_id == Organisation.id,
            Accreditation.council_id == council_id,
            Accreditation.status != AccreditationStatus.REMOVED,
        )
        question = select(Organisation.id).where(or_(Organisation.home_council_id == council_id, accredited))
        return set(await self.db.scalars(question))
