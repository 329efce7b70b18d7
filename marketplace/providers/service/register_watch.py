"""Reads every link to the register again after an import, and brings listings in line with what it says (V3)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import RegulatorLinkDecided
from marketplace.providers.models import Organisation, RegulatorLink
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import RegulatorLinkRepository
from marketplace.providers.service.register_changes import RegisterChanges, compare
from marketplace.providers.service.register_entries import (
    CLOSED,
    REGISTERED,
    Entry,
    differences,
    is_registered,
    read_entry,
    write_entry,
)
from marketplace.providers.service.registration import RegistrationService, end_link
from marketplace.providers.states import REGULATOR_LINK, RegulatorLinkStatus


class RegisterWatch:
    """Runs in a transaction with scope `every`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.links = RegulatorLinkRepository(db)
        self.changes = RegisterChanges(db)
        self.registrations = RegistrationService(db)

    async def read_again(self, import_id: UUID | None = None) -> int:
        """Read again what the register wrote since each link was read. Returns how many links ended.

        New differences go to the council and take nothing off; an entry that is gone, closed or dormant ends the link
        and takes regulated listings off the market. A number that a council noted gets its link here.
        """
        ended = 0
        for link in await self.links.held(only_changed=True):
            ended += await self._read(link, import_id)
        for organisation_id in await self.links.noted():
            await self._read_noted(await OrganisationRepository(self.db).find(organisation_id))
        await self.links.mark_read(self.clock.now())
        return ended

    async def _read(self, link: RegulatorLink, import_id: UUID | None) -> bool:
        """Read one link again. Returns whether it ended."""
        organisation = await OrganisationRepository(self.db).find(link.organisation_id)
        counted = await is_registered(self.db, organisation.id)
        entry = await read_entry(self.links, link.location_id or link.provider_id or "")
        await self.changes.note(organisation, link, compare(link, entry), import_id)
        link.read_at = self.clock.now()
        is_ended = entry is None or entry.status != REGISTERED
        if entry is None or is_ended:
            await self._end(organisation, link, entry)
        else:
            known = link.register_name
            write_entry(link, entry)
            found = differences(organisation, entry, is_held_by_another=False)
            if found and entry.name != known and link.status is not RegulatorLinkStatus.IN_REVIEW:
                link.differences = found
                REGULATOR_LINK.move(
                    self.db, link, RegulatorLinkStatus.IN_REVIEW, by=None, why="The register changed its name."
                )
        await self.db.flush()
        await self.registrations.apply(organisation.id)
        if is_ended and counted:
            await self.changes.tell(organisation, is_registered=False, why=link.reason)
        return is_ended

    async def _end(self, organisation: Organisation, link: RegulatorLink, entry: Entry | None) -> None:
        link.register_status = entry.status if entry else CLOSED
        why = f"The register has it as {link.register_status}."
        if entry and entry.successors:
            newer = "; ".join(successor.words for successor in entry.successors)
            why = f"{why} A newer registration took its place: {newer}. If that is yours, give its number."
        end_link(self.db, organisation, link, by=None, why=why)
        await self.db.flush()
        self._record("providers.end_registration", link)
        publish(
            self.db,
            RegulatorLinkDecided(
                council_id=link.council_id,
                link_id=link.id,
                organisation_id=link.organisation_id,
                status=link.status.value,
            ),
        )

    async def _read_noted(self, organisation: Organisation) -> None:
        """Link an organisation by the number its council noted, so that changes of its entry are seen from now on."""
        entry = await read_entry(self.links, organisation.cqc_provider_id or "")
        councils = await self.links.councils_concerned(organisation)
        if entry is not None and entry.status == REGISTERED and councils:
            found = differences(organisation, entry, is_held_by_another=False)
            home = organisation.home_council_id
            link = RegulatorLink(
                id=new_id(),
                council_id=home or councils[0],
                organisation_id=organisation.id,
                status=RegulatorLinkStatus.CONFIRMED if found else RegulatorLinkStatus.MATCHED,
                differences=found,
                reason="The council added the organisation with this number.",
                read_at=self.clock.now(),
            )
            write_entry(link, entry)
            self.db.add(link)
            await self.db.flush()
            REGULATOR_LINK.begin(self.db, link, by=None)
            self._record("providers.note_registration", link)
        if await self.registrations.apply(organisation.id):
            counts = await is_registered(self.db, organisation.id)
            status = entry.status if entry else "unknown"
            await self.changes.tell(organisation, is_registered=counts, why=f"The register has it as {status}.")

    def _record(self, action: str, link: RegulatorLink) -> None:
        audit.record(
            self.db,
            None,
            action,
            council_id=link.council_id,
            subject_kind="regulator_link",
            subject_id=link.id,
            after={"status": link.status, "organisation_id": link.organisation_id},
            why=link.reason,
        )
