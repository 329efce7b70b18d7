"""An organisation's link to its entry in the regulator's register: claimed, compared, looked at, read again (V3).

Nothing is asked of the regulator's own site: the entry is read from the tables that the last import of its directory
filled, so a link always says on which day it was read.
"""

import re
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.directory import place_key
from marketplace.providers.events import RegulatorLinkDecided, RegulatorLinkMade
from marketplace.providers.models import HiddenWhy, Organisation, RegulatedBasis, RegulatorLink, RegulatorLocation
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import LIVE, RegulatorLinkRepository
from marketplace.providers.service.cover import CoverService
from marketplace.providers.states import REGULATOR_LINK, RegulatorLinkStatus

REGISTERED: Final = "registered"
CLOSED: Final = "closed"
DORMANT: Final = "dormant"
REFUSALS: Final = {
    CLOSED: "The register says that {name} has closed. Give the number of the registration that you have now",
    DORMANT: "The register says that {name} is dormant: it gives no care at present. Tell the regulator when you start "
    "again, then come back",
}
UNKNOWN: Final = (
    "We cannot find this number in the register. Check it on your certificate: it looks like 1-1234567890. "
    "A new registration can take some weeks to reach us"
)
_IN_ADDRESS = re.compile(r"(?:location|provider)s?/([A-Za-z0-9-]{3,20})")
_NUMBER = re.compile(r"^[A-Z0-9-]{3,20}$")
_LEGAL_FORM = re.compile(r"(limited|ltd|plc|llp|cic|communityinterestcompany)$")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the register as it stands in our tables: a provider with its locations, or one location."""

    provider_id: str | None
    location_id: str | None
    name: str
    names: tuple[str, ...]
    """Every name by which the register knows it."""
    status: str
    """"registered", "closed" or "dormant"."""
    rating: str
    """Of the location, or of a provider's only one; empty is "not rated"."""
    rated_on: date | None
    company_number: str
    postcodes: tuple[str, ...]
    locations: tuple[dict[str, Any], ...]


class LinkDecision(StrEnum):
    """What a council says to a claim whose facts differ."""

    CONFIRM = "confirm"
    REFUSE = "refuse"


class LinkDecisionForm(msgspec.Struct, frozen=True):
    """A decision about a link, with its reason."""

    decision: LinkDecision
    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "LinkDecisionForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        decision = form.choice("decision", "what you decide", LinkDecision)
        reason = form.text("reason", "the reason", longest=500)
        form.done()
        if decision is None:
            raise AssertionError("done() refuses a form without it")
        return cls(decision, reason)


def read_number(data: dict[str, Any]) -> str:
    """Read the number of a provider or location, or the address of its page on the regulator's site.

    Raises:
        InvalidInput: On the field `number`.
    """
    form = FormReader(data)
    text = form.text("number", "the number from your certificate", longest=200)
    found = _IN_ADDRESS.search(text)
    number = (found.group(1) if found else text).upper().replace(" ", "").replace("–", "-")
    if text and not _NUMBER.match(number):
        form.wrong("number", "Enter the number from your certificate, like 1-1234567890")
    form.done()
    return number


def differences(organisation: Organisation, entry: Entry, *, is_held_by_another: bool) -> list[str]:
    """Say in plain words what does not agree between an organisation and an entry; empty when all does.

    Names agree without case, marks and legal form ("Ltd"); the postcode must be that of a location. What the
    organisation did not give is no difference.
    """
    found = []
    if _core(organisation.name) not in {_core(name) for name in entry.names}:
        found.append(f"The name here is “{organisation.name}”. The register says “{entry.name}”.")
    if organisation.postcode and entry.postcodes and organisation.postcode not in entry.postcodes:
        places = ", ".join(entry.postcodes[:5])
        found.append(f"The postcode here is {organisation.postcode}. The register has {places}.")
    ours = (organisation.company_number or "").lstrip("0").upper()
    theirs = entry.company_number.lstrip("0").upper()
    if ours and theirs and ours != theirs:
        found.append(
            f"The company number here is {organisation.company_number}. The register has {entry.company_number}."
        )
    if is_held_by_another:
        found.append("Another organisation here already uses this entry of the register.")
    return found


async def is_registered(db: AsyncSession, organisation_id: UUID) -> bool:
    """Whether an organisation is tied to a live entry of the register, so that it may offer regulated care.

    It is by a link that matched or was confirmed; and, for one that a council added with its number, while the register
    has a registered location of that number. A claim that is still looked at does not count.
    """
    links = RegulatorLinkRepository(db)
    if await links.has_live(organisation_id):
        return True
    organisation = await OrganisationRepository(db).find(organisation_id)
    if not organisation.cqc_provider_id:
        return False
    entry = await read_entry(links, organisation.cqc_provider_id)
    return entry is not None and entry.status == REGISTERED


async def read_entry(links: RegulatorLinkRepository, number: str) -> Entry | None:
    """Read a provider or a location of the register by its number; None when the register has neither."""
    provider = await links.register_provider(number)
    if provider is not None:
        places = await links.locations_of(number)
        live = [place for place in places if place.is_registered and not place.is_dormant]
        only = live[0] if len(live) == 1 else None
        return Entry(
            provider_id=number,
            location_id=None,
            name=provider.name,
            names=tuple(filter(None, (provider.name, provider.brand_name, *(place.name for place in live)))),
            status=_status(places),
            rating=only.rating_overall if only else "",
            rated_on=only.rated_on if only else None,
            company_number=provider.company_number,
            postcodes=tuple(dict.fromkeys(place.postcode for place in live if place.postcode)),
            locations=tuple(_location(place) for place in live),
        )
    place = await links.register_location(number)
    if place is None:
        return None
    owner = await links.register_provider(place.provider_id) if place.provider_id else None
    return Entry(
        provider_id=place.provider_id,
        location_id=place.location_id,
        name=place.name,
        names=tuple(filter(None, (place.name, place.also_known_as, place.provider_name, owner.name if owner else ""))),
        status=_status([place]),
        rating=place.rating_overall,
        rated_on=place.rated_on,
        company_number=owner.company_number if owner else "",
        postcodes=(place.postcode,) if place.postcode else (),
        locations=(_location(place),),
    )


class RegistrationService:
    """Makes, judges and renews links."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.links = RegulatorLinkRepository(db)

    async def claim(self, principal: Principal, number: str) -> RegulatorLink:
        """Tie the own organisation to an entry. What agrees counts at once, what differs is looked at by the council.

        Raises:
            InvalidInput: Unknown, closed or dormant, with words; on the field `number`.
            NotFound: The user keeps no organisation.
        """
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).lock(principal.need_organisation())
        entry = await read_entry(self.links, number)
        if entry is None:
            raise InvalidInput({"number": UNKNOWN})
        if entry.status in REFUSALS:
            raise InvalidInput({"number": REFUSALS[entry.status].format(name=entry.name)})
        held = await self.links.other_holder(organisation.id, entry.provider_id, entry.location_id)
        found = differences(organisation, entry, is_held_by_another=held)
        old = await self.links.current(organisation.id, locked=True)
        if old is not None and old.status in LIVE and found:
            # A slip of the pen must not cost the registration that counts now.
            words = f"You are linked to {old.register_name}, and this entry differs. {found[0]} Ask your council"
            raise InvalidInput({"number": words})
        if old is not None:
            self._end(organisation, old, by=principal.user_id, why="Another entry took its place.")
        home = organisation.home_council_id
        link = RegulatorLink(
            id=new_id(),
            council_id=home if home in principal.councils else principal.council_id,
            organisation_id=organisation.id,
            status=RegulatorLinkStatus.IN_REVIEW if found else RegulatorLinkStatus.MATCHED,
            differences=found,
            read_at=self.clock.now(),
        )
        _write(link, entry)
        self.db.add(link)
        await self.db.flush()
        REGULATOR_LINK.begin(self.db, link, by=principal.user_id)
        if not found:
            await self._hold(organisation, link)
        self._record(principal, "providers.claim_registration", link, after={"status": link.status, "number": number})
        publish(
            self.db,
            RegulatorLinkMade(
                council_id=link.council_id,
                link_id=link.id,
                organisation_id=organisation.id,
                status=link.status.value,
            ),
        )
        await self.apply(organisation.id)
        return link

    async def take_back(self, principal: Principal) -> RegulatorLink:
        """End the own organisation's link: a wrong number, or an entry that is no longer theirs.

        Regulated listings go off the market when it was the registration that counted.

        Raises:
            NotFound: There is no link to take back.
        """
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).lock(principal.need_organisation())
        link = await self.links.current(organisation.id, locked=True)
        if link is None:
            raise NotFound
        before = link.status
        self._end(organisation, link, by=principal.user_id, why="The organisation took it back.")
        await self.db.flush()
        self._record(
            principal,
            "providers.take_back_registration",
            link,
            before={"status": before},
            after={"status": link.status},
            why=link.reason,
        )
        await self.apply(organisation.id)
        return link

    async def decide(self, principal: Principal, link_id: UUID, form: LinkDecisionForm) -> RegulatorLink:
        """Confirm or refuse a claim whose facts differ.

        Raises:
            NotFound: None of this council's.
            StepRefused: Nobody waits for this decision any more.
        """
        principal.require(Permission.EVIDENCE_SEE)
        link = await self.links.find(principal.council_id, link_id, locked=True)
        organisation = await OrganisationRepository(self.db).find(link.organisation_id)
        before = link.status
        to = RegulatorLinkStatus.CONFIRMED if form.decision is LinkDecision.CONFIRM else RegulatorLinkStatus.REFUSED
        REGULATOR_LINK.move(self.db, link, to, by=principal.user_id, why=form.reason)
        link.decided_by_user_id, link.reason = principal.user_id, form.reason
        if to is RegulatorLinkStatus.CONFIRMED:
            await self._hold(organisation, link)
        else:
            _let_go(organisation, link)
        await self.db.flush()
        self._record(
            principal,
            f"providers.{form.decision.value}_registration",
            link,
            before={"status": before},
            after={"status": link.status},
            why=form.reason,
        )
        self._tell(link)
        await self.apply(organisation.id)
        return link

    async def read_again(self) -> int:
        """Read every linked entry again, after an import. Returns how many links ended.

        Runs in a transaction with scope `every`. New differences go to the council and take nothing off; an entry that
        is gone, closed or dormant ends the link and takes regulated listings off the market.
        """
        ended = 0
        for link in await self.links.held():
            organisation = await OrganisationRepository(self.db).find(link.organisation_id)
            entry = await read_entry(self.links, link.location_id or link.provider_id or "")
            if entry is None or entry.status != REGISTERED:
                link.register_status = entry.status if entry else CLOSED
                self._end(organisation, link, by=None, why=f"The register has it as {link.register_status}.")
                await self.db.flush()
                self._record(None, "providers.end_registration", link, after={"status": link.status}, why=link.reason)
                self._tell(link)
                ended += 1
            else:
                known = link.register_name
                _write(link, entry)
                found = differences(organisation, entry, is_held_by_another=False)
                if found and entry.name != known and link.status is not RegulatorLinkStatus.IN_REVIEW:
                    link.differences = found
                    REGULATOR_LINK.move(
                        self.db, link, RegulatorLinkStatus.IN_REVIEW, by=None, why="The register changed its name."
                    )
            link.read_at = self.clock.now()
            await self.db.flush()
            await self.apply(organisation.id)
        return ended

    async def apply(self, organisation_id: UUID) -> None:
        """Take regulated listings off the market while there is no registration, and put them back when there is one.

        A link that goes back to the council because the register changed a name takes nothing off meanwhile.
        """
        held = await self.links.current(organisation_id)
        is_kept = held is not None and held.decided_by_user_id is not None
        counts = is_kept or await is_registered(self.db, organisation_id)
        await CoverService(self.db).apply(
            organisation_id,
            HiddenWhy.REGISTER,
            lambda row: not counts and row.regulated_basis is RegulatedBasis.REGISTERED,
        )

    async def _hold(self, organisation: Organisation, link: RegulatorLink) -> None:
        """Note the register's number with the organisation, unless another one has it."""
        if link.provider_id and organisation.cqc_provider_id is None:
            other = await OrganisationRepository(self.db).same_number("cqc_provider_id", link.provider_id)
            if other is None:
                organisation.cqc_provider_id = link.provider_id
                await self.db.flush()

    def _end(self, organisation: Organisation, link: RegulatorLink, *, by: UUID | None, why: str) -> None:
        REGULATOR_LINK.move(self.db, link, RegulatorLinkStatus.ENDED, by=by, why=why)
        link.reason = why
        _let_go(organisation, link)

    def _tell(self, link: RegulatorLink) -> None:
        publish(
            self.db,
            RegulatorLinkDecided(
                council_id=link.council_id,
                link_id=link.id,
                organisation_id=link.organisation_id,
                status=link.status.value,
            ),
        )

    def _record(
        self,
        principal: Principal | None,
        action: str,
        link: RegulatorLink,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any],
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=link.council_id,
            subject_kind="regulator_link",
            subject_id=link.id,
            before=before,
            after={**after, "organisation_id": link.organisation_id},
            why=why,
        )


def _let_go(organisation: Organisation, link: RegulatorLink) -> None:
    if link.provider_id and organisation.cqc_provider_id == link.provider_id:
        organisation.cqc_provider_id = None


def _write(link: RegulatorLink, entry: Entry) -> None:
    link.provider_id = entry.provider_id
    link.location_id = entry.location_id
    link.register_name = entry.name
    link.register_status = entry.status
    link.rating = entry.rating
    link.rated_on = entry.rated_on
    link.locations = list(entry.locations)


def _status(places: Sequence[RegulatorLocation]) -> str:
    if any(place.is_registered and not place.is_dormant for place in places):
        return REGISTERED
    return DORMANT if any(place.is_registered for place in places) else CLOSED


def _location(place: RegulatorLocation) -> dict[str, Any]:
    return {
        "location_id": place.location_id,
        "name": place.name,
        "town": place.town,
        "rating": place.rating_overall,
        "rated_on": place.rated_on.isoformat() if place.rated_on else None,
    }


def _core(name: str) -> str:
    """Bring a name to what is compared: without case, marks, spaces and legal form."""
    return _LEGAL_FORM.sub("", place_key(name))
