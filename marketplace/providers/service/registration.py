"""An organisation's link to its entry in the regulator's register: claimed, compared, looked at (V3).

Nothing is asked of the regulator's own site: the entry is read from the tables that the last import of its directory
filled, so a link always says on which day it was read.
"""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import NumberTaken
from marketplace.providers.events import RegulatorLinkDecided, RegulatorLinkMade
from marketplace.providers.models import HiddenWhy, Organisation, RegulatedBasis, RegulatorLink
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import LIVE, Holder, RegulatorLinkRepository
from marketplace.providers.service.cover import CoverService
from marketplace.providers.service.register_changes import CLAIMED, CONFIRMED, TAKEN_BACK, RegisterChanges
from marketplace.providers.service.register_entries import (
    CLOSED,
    DORMANT,
    WITHOUT_PLACES,
    Entry,
    differences,
    is_registered,
    read_entry,
    write_entry,
)
from marketplace.providers.service.register_numbers import read_number, unknown_words
from marketplace.providers.states import REGULATOR_LINK, RegulatorLinkStatus

__all__ = [
    "LinkDecision",
    "LinkDecisionForm",
    "RegistrationService",
    "end_link",
    "is_registered",
    "read_number",
]

REFUSALS: Final = {
    CLOSED: "The register says that {name} has closed.",
    DORMANT: "The register says that {name} is dormant: it gives no care at present. Tell the regulator when you start "
    "again, then come back",
    WITHOUT_PLACES: "The register has {name}, but no place of it that gives adult social care. If you run one, give "
    "the number of that place (a location)",
}
MAX_TYPED: Final = 60
"""Characters of a refused number that the log keeps."""

GIVE_YOUR_OWN: Final = "Give the number of the registration that you have now"
TAKEN_OVER: Final = "A newer registration took its place: {newer}. Give that number if it is yours"
OTHER_CARE: Final = (
    "This number is in the register, but not for adult social care{kind}. Give the number of the place that gives care"
)
TAKEN: Final = "{name} is on this site with this number already. If you work for it, ask to join it"


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


class RegistrationService:
    """Makes and judges links."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.links = RegulatorLinkRepository(db)

    async def claim(self, principal: Principal, number: str) -> RegulatorLink:
        """Tie the own organisation to an entry. What agrees counts at once, what differs is looked at by the council.

        Raises:
            InvalidInput: Unknown, of another kind of care, closed or dormant, with words; on the field `number`.
            NumberTaken: Another organisation here stands for this entry: the user may ask to join it.
            NotFound: The user keeps no organisation.
        """
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).lock(principal.need_organisation())
        entry = await self._usable(organisation, number)
        holders = await self._holders(principal, organisation, entry)
        if holders and holders[0].is_sure:
            raise NumberTaken(TAKEN.format(name=holders[0].organisation.name), holders[0].organisation.id)
        found = differences(organisation, entry, is_held_by_another=bool(holders))
        counted = await is_registered(self.db, organisation.id)
        old = await self.links.current(organisation.id, locked=True)
        if old is not None and old.status in LIVE and found:
            # A slip of the pen must not cost the registration that counts now.
            words = f"You are linked to {old.register_name}, and this entry differs. {found[0]} Ask your council"
            raise InvalidInput({"number": words})
        if old is not None:
            end_link(self.db, organisation, old, by=principal.user_id, why="Another entry took its place.")
        home = organisation.home_council_id
        link = RegulatorLink(
            id=new_id(),
            council_id=home if home in principal.councils else principal.council_id,
            organisation_id=organisation.id,
            status=RegulatorLinkStatus.IN_REVIEW if found else RegulatorLinkStatus.MATCHED,
            differences=found,
            read_at=self.clock.now(),
        )
        write_entry(link, entry)
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
        await self._tell_change(organisation, counted, CLAIMED)
        return link

    def note_refusal(self, principal: Principal, typed: str, error: InvalidInput) -> None:
        """Write into the council's log that a claim was refused. What the claim itself wrote is rolled back before."""
        organisation_id = principal.need_organisation()
        after: dict[str, Any] = {"typed": typed.strip()[:MAX_TYPED]}
        if isinstance(error, NumberTaken):
            after["held_by_organisation_id"] = error.organisation_id
        audit.record(
            self.db,
            principal,
            "providers.refuse_registration_number",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=organisation_id,
            after=after,
            why=error.fields.get("number", ""),
        )

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
        before, counted = link.status, await is_registered(self.db, organisation.id)
        end_link(self.db, organisation, link, by=principal.user_id, why=TAKEN_BACK)
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
        await self._tell_change(organisation, counted, TAKEN_BACK)
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
        before, counted = link.status, await is_registered(self.db, organisation.id)
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
        await self._tell_change(organisation, counted, CONFIRMED if to in LIVE else form.reason)
        return link

    async def apply(self, organisation_id: UUID) -> int:
        """Take regulated listings off the market while there is no registration, and put them back when there is one.

        Returns how many of them people could see, or can see again. A link that goes back to the council because the
        register changed a name takes nothing off meanwhile.
        """
        held = await self.links.current(organisation_id)
        is_kept = held is not None and held.decided_by_user_id is not None
        counts = is_kept or await is_registered(self.db, organisation_id)
        return await CoverService(self.db).apply(
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

    async def _usable(self, organisation: Organisation, number: str) -> Entry:
        """Read the entry of a number; one that cannot be linked is refused with words.

        Raises:
            InvalidInput: On the field `number`.
        """
        entry = await read_entry(self.links, number)
        if entry is None:
            kind = await self.links.other_kind(number)
            if kind is not None:
                words = OTHER_CARE.format(kind=f" ({kind[:80]})" if kind else "")
            else:
                words = unknown_words(
                    number,
                    company_number=organisation.company_number,
                    charity_number=organisation.charity_number,
                )
            raise InvalidInput({"number": words})
        if entry.status in REFUSALS:
            words = REFUSALS[entry.status].format(name=entry.name)
            if entry.status == CLOSED:
                newer = "; ".join(successor.words for successor in entry.successors)
                words = f"{words} {TAKEN_OVER.format(newer=newer) if newer else GIVE_YOUR_OWN}"
            raise InvalidInput({"number": words})
        return entry

    async def _holders(self, principal: Principal, organisation: Organisation, entry: Entry) -> list[Holder]:
        """Find who else stands for an entry, in whatever council: each keeps its link in its own."""
        await scope_to(self.db, "every")
        try:
            return await self.links.holders(organisation.id, entry.provider_id, entry.location_id)
        finally:
            await scope_to(self.db, principal.councils)

    async def _tell_change(self, organisation: Organisation, counted: bool, why: str) -> None:
        """Tell the councils concerned when the registration started or stopped to count."""
        counts = await is_registered(self.db, organisation.id)
        if counts is not counted:
            await RegisterChanges(self.db).tell(organisation, is_registered=counts, why=why)

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


def end_link(db: AsyncSession, organisation: Organisation, link: RegulatorLink, *, by: UUID | None, why: str) -> None:
    """End a link and take its number from the organisation."""
    REGULATOR_LINK.move(db, link, RegulatorLinkStatus.ENDED, by=by, why=why)
    link.reason = why
    _let_go(organisation, link)


def _let_go(organisation: Organisation, link: RegulatorLink) -> None:
    if link.provider_id and organisation.cqc_provider_id == link.provider_id:
        organisation.cqc_provider_id = None
