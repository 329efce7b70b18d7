"""Questions asked of links to the regulator's register, and of the register by id."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import aliased

from marketplace.accounts.models import AuditEntry
from marketplace.core.repository import Repository
from marketplace.providers.directory import NoteKind
from marketplace.providers.directory.rows import NOT_SOCIAL_CARE, NOT_SOCIAL_CARE_PROVIDER
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    DirectoryImport,
    DirectoryImportNote,
    Organisation,
    RegulatorLink,
    RegulatorLocation,
    RegulatorProvider,
)
from marketplace.providers.states import RegulatorLinkStatus

PAGE = 50
RECENT_IMPORTS = 10
"""Imports whose reports are asked about a number that the register's tables do not hold."""

LIVE = (RegulatorLinkStatus.MATCHED, RegulatorLinkStatus.CONFIRMED)
HELD = (*LIVE, RegulatorLinkStatus.IN_REVIEW)

CHANGE: Final = "register_change"
"""`subject_kind` of the audit rows that tell a council what the register changed for an organisation."""


class Holder(NamedTuple):
    """An organisation here that stands for an entry of the register, or for its provider."""

    organisation: Organisation
    is_same: bool
    """It stands for this very entry."""
    is_settled: bool
    """Its link counts, or a council noted its number; not one that is still looked at."""

    @property
    def is_sure(self) -> bool:
        """Whether the number is taken."""
        return self.is_same and self.is_settled


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

    async def held(self, *, only_changed: bool = False) -> Sequence[RegulatorLink]:
        """Return all links that are neither refused nor ended, locked, in the order of their ids.

        Args:
            only_changed: Leave out those whose entry was not written since the link was read.
        """
        question = select(RegulatorLink).where(RegulatorLink.status.in_(HELD))
        if only_changed:
            own = or_(
                RegulatorLocation.location_id == RegulatorLink.location_id,
                RegulatorLocation.provider_id == RegulatorLink.provider_id,
            )
            written = exists().where(own, RegulatorLocation.updated_at >= RegulatorLink.read_at)
            renamed = exists().where(
                RegulatorProvider.provider_id == RegulatorLink.provider_id,
                RegulatorProvider.updated_at >= RegulatorLink.read_at,
            )
            question = question.where(or_(written, renamed, ~exists().where(own)))
        return await self.every(question.order_by(RegulatorLink.id).with_for_update())

    async def mark_read(self, at: datetime) -> None:
        """Note that the register was compared with every link that is neither refused nor ended."""
        await self.db.execute(
            update(RegulatorLink)
            .where(RegulatorLink.status.in_(HELD), RegulatorLink.read_at < at)
            .values(read_at=at)
            .execution_options(synchronize_session=False)
        )

    async def noted(self) -> Sequence[UUID]:
        """Return organisations that a council added with their number and that have no link of their own."""
        linked = exists().where(RegulatorLink.organisation_id == Organisation.id, RegulatorLink.status.in_(HELD))
        question = (
            select(Organisation.id)
            .where(Organisation.cqc_provider_id.is_not(None), Organisation.merged_into_id.is_(None), ~linked)
            .order_by(Organisation.id)
        )
        return (await self.db.scalars(question)).all()

    async def holders(self, organisation_id: UUID, provider_id: str | None, location_id: str | None) -> list[Holder]:
        """Return other organisations that stand for an entry or its provider, the surest first.

        The transaction must reach every council: an organisation keeps its link in its home council.

        Args:
            organisation_id: Who asks.
            provider_id: Of the entry.
            location_id: None when the entry is a provider.
        """
        found: list[Holder] = []
        same = [RegulatorLink.location_id == location_id] if location_id else []
        if provider_id:
            same.append(RegulatorLink.provider_id == provider_id)
        links = await self.db.execute(
            select(RegulatorLink, Organisation)
            .join(Organisation, Organisation.id == RegulatorLink.organisation_id)
            .where(
                RegulatorLink.organisation_id != organisation_id,
                RegulatorLink.status.in_(HELD),
                Organisation.merged_into_id.is_(None),
                or_(*same),
            )
            .order_by(RegulatorLink.id)
            .limit(20)
        )
        for link, organisation in links:
            found.append(Holder(organisation, link.location_id == location_id, link.status in LIVE))
        if provider_id:
            noted = await self.db.scalars(
                select(Organisation).where(
                    Organisation.cqc_provider_id == provider_id,
                    Organisation.id != organisation_id,
                    Organisation.merged_into_id.is_(None),
                )
            )
            known = {holder.organisation.id for holder in found}
            found += [Holder(row, location_id is None, True) for row in noted if row.id not in known]
        return sorted(found, key=lambda holder: (not holder.is_sure, not holder.is_settled))

    async def councils_concerned(self, organisation: Organisation) -> list[UUID]:
        """Return the councils that have to do with an organisation: of its base, its accreditations and its links.

        The transaction must reach every council.
        """
        accredited = select(Accreditation.council_id).where(
            Accreditation.organisation_id == organisation.id, Accreditation.status != AccreditationStatus.REMOVED
        )
        linked = select(RegulatorLink.council_id).where(
            RegulatorLink.organisation_id == organisation.id, RegulatorLink.status != RegulatorLinkStatus.REFUSED
        )
        found = set(await self.db.scalars(accredited.union(linked)))
        if organisation.home_council_id is not None:
            found.add(organisation.home_council_id)
        return sorted(found)

    async def changes(
        self, council_id: UUID, *, import_id: UUID | None, before: int | None
    ) -> list[tuple[AuditEntry, Organisation]]:
        """Return changes of the register that a council was told of, newest first, one more than a page.

        Args:
            council_id: Whose.
            import_id: Only those that one import brought.
            before: Only those with a lower number.
        """
        question = (
            select(AuditEntry, Organisation)
            .join(Organisation, Organisation.id == AuditEntry.subject_id)
            .where(AuditEntry.council_id == council_id, AuditEntry.subject_kind == CHANGE)
            .order_by(AuditEntry.number.desc())
            .limit(PAGE + 1)
        )
        if import_id is not None:
            question = question.where(AuditEntry.after["import_id"].astext == str(import_id))
        if before is not None:
            question = question.where(AuditEntry.number < before)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

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

    async def has_locations(self, provider_id: str) -> bool:
        """Whether the register names a place of a provider, closed and replaced ones too."""
        return bool(await self.db.scalar(select(exists().where(RegulatorLocation.provider_id == provider_id))))

    async def successors_of_provider(self, provider_id: str) -> list[tuple[str, str]]:
        """Return providers that took over a provider's places, by number and name; three at most."""
        old, new = aliased(RegulatorLocation), aliased(RegulatorLocation)
        rows = await self.db.execute(
            select(new.provider_id, func.max(func.coalesce(RegulatorProvider.name, new.provider_name)))
            .join(old, new.location_id == func.coalesce(old.superseded_by, old.successor_id))
            .outerjoin(RegulatorProvider, RegulatorProvider.provider_id == new.provider_id)
            .where(old.provider_id == provider_id, new.provider_id != provider_id, new.is_registered)
            .group_by(new.provider_id)
            .order_by(new.provider_id)
            .limit(3)
        )
        return [(str(row[0]), row[1]) for row in rows]

    async def other_kind(self, number: str) -> str | None:
        """Return what the last imports said of a number that is not social care ("Dentist"), None when nothing."""
        recent = select(DirectoryImport.id).order_by(DirectoryImport.id.desc()).limit(RECENT_IMPORTS)
        found: str | None = await self.db.scalar(
            select(DirectoryImportNote.value)
            .where(
                DirectoryImportNote.import_id.in_(recent),
                DirectoryImportNote.location_id == number,
                DirectoryImportNote.kind == NoteKind.SKIPPED.value,
                DirectoryImportNote.message.in_((NOT_SOCIAL_CARE, NOT_SOCIAL_CARE_PROVIDER)),
            )
            .limit(1)
        )
        return found
