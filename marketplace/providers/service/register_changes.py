"""What the register changed for an organisation: noted for each council concerned, and told.

Each change is an audit row of each council that has to do with the organisation: its base, those that accredited it,
the one that keeps its link. The page of changes reads those rows, so it shows nothing that a council may not see.
"""

from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.outbox import publish
from marketplace.providers.events import EVERYWHERE, RegistrationChanged
from marketplace.providers.models import Organisation, RegulatorLink
from marketplace.providers.repository.registration import CHANGE, RegulatorLinkRepository
from marketplace.providers.service.register_entries import CLOSED, REGISTERED, Entry

CLAIMED: Final = "The organisation named its entry in the register."
CONFIRMED: Final = "The council confirmed the entry."
TAKEN_BACK: Final = "The organisation took it back."


class RegisterChange(msgspec.Struct, frozen=True):
    """One thing that is other than when the register was read before."""

    what: str
    """"registration", "name", "rating" or "place"."""
    about: str
    """Name of the entry or of the place."""
    number: str
    before: dict[str, Any]
    after: dict[str, Any]


def compare(link: RegulatorLink, entry: Entry | None) -> list[RegisterChange]:
    """Compare what a link keeps with what the register says now; `entry` is None when it says nothing any more."""
    number = link.location_id or link.provider_id or ""
    status = entry.status if entry else CLOSED
    if entry is None or status != REGISTERED:
        after: dict[str, Any] = {"status": status}
        if entry and entry.successors:
            after["successors"] = [successor.words for successor in entry.successors]
        return [RegisterChange("registration", link.register_name, number, {"status": link.register_status}, after)]
    found = []
    if link.register_status != status:
        before = {"status": link.register_status}
        found.append(RegisterChange("registration", entry.name, number, before, {"status": status}))
    if link.register_name != entry.name:
        found.append(RegisterChange("name", entry.name, number, {"name": link.register_name}, {"name": entry.name}))
    old = {str(place["location_id"]): place for place in link.locations}
    new = {str(place["location_id"]): place for place in entry.locations}
    for place_id, place in new.items():
        known = old.get(place_id)
        if known is None:
            found.append(RegisterChange("place", place["name"], place_id, {}, {"status": REGISTERED}))
        elif (known["rating"], known["rated_on"]) != (place["rating"], place["rated_on"]):
            found.append(RegisterChange("rating", place["name"], place_id, _rated(known), _rated(place)))
    found += [
        RegisterChange("place", place["name"], place_id, {"status": REGISTERED}, {"status": CLOSED})
        for place_id, place in old.items()
        if place_id not in new
    ]
    return found


class RegisterChanges:
    """Writes changes down and tells of a registration that ended or came."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.links = RegulatorLinkRepository(db)

    async def note(
        self, organisation: Organisation, link: RegulatorLink, changes: list[RegisterChange], import_id: UUID | None
    ) -> None:
        """Write changes into the log of each council concerned. The transaction reaches every council."""
        if not changes:
            return
        for council_id in await self.links.councils_concerned(organisation):
            for change in changes:
                audit.record(
                    self.db,
                    None,
                    f"providers.note_register_{change.what}",
                    council_id=council_id,
                    subject_kind=CHANGE,
                    subject_id=organisation.id,
                    before=change.before,
                    after={
                        **change.after,
                        "about": change.about,
                        "number": change.number,
                        "link_id": link.id,
                        "import_id": import_id,
                    },
                )

    async def tell(self, organisation: Organisation, *, is_registered: bool, why: str) -> None:
        """Tell that an organisation's registration counts from now on, or no longer does; once for each council."""
        for council_id in await self.links.councils_concerned(organisation) or [EVERYWHERE]:
            publish(
                self.db,
                RegistrationChanged(
                    council_id=council_id, organisation_id=organisation.id, is_registered=is_registered, why=why
                ),
            )


def _rated(place: dict[str, Any]) -> dict[str, Any]:
    return {"rating": place["rating"], "rated_on": place["rated_on"]}
