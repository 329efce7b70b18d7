"""What the council does: look at drafts, let them onto the market or send them back, take listings off."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.law import least_wage
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.providers.events import DraftDecided, ListingChanged, ListingTakenOff
from marketplace.providers.models import (
    HiddenWhy,
    Listing,
    ListingCategory,
    ListingDraft,
    Organisation,
    OrganisationKind,
    PriceUnit,
    RegulatedBasis,
    VatCategory,
)
from marketplace.providers.repository.drafts import DraftRepository
from marketplace.providers.repository.listings import ListingRepository
from marketplace.providers.service.listings.answers import read_draft
from marketplace.providers.service.listings.drafts import CHANGED_MEANWHILE, OpenDraft, open_draft
from marketplace.providers.service.listings.facts import ListingFacts
from marketplace.providers.service.listings.publish import put_on_market
from marketplace.providers.service.listings.writing import care_words, contacts
from marketplace.providers.states import DRAFT, DraftStatus

PAID_BY_THE_HOUR = frozenset({ListingCategory.HOME_CARE, ListingCategory.PERSONAL_ASSISTANT})
_MAY_EXEMPT = frozenset(
    {
        OrganisationKind.THIRD_SECTOR,
        OrganisationKind.COMMUNITY,
        OrganisationKind.COUNCIL,
    }
)
"""Bodies that may be charities or public bodies, whose welfare services can be exempt from VAT (domain.md 4.5)."""


class Decision(StrEnum):
    """What the council says to a draft."""

    PUBLISH = "publish"
    RETURN = "return"


class DecisionForm(msgspec.Struct, frozen=True):
    """A decision about a draft, with words for the provider."""

    decision: Decision
    reason: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "DecisionForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        decision = form.choice("decision", "what should happen", Decision)
        is_back = decision is Decision.RETURN
        reason = form.text("reason", "what should change", required=is_back, longest=1_000)
        version = form.number("version", "the version", least=1, most=1_000_000)
        form.done()
        if decision is None:
            raise InvalidInput(form.errors)
        return cls(decision, reason, version)


def read_reason(data: Mapping[str, Any]) -> str:
    """Read why a listing is taken off the market or put back.

    Raises:
        InvalidInput: It is missing or too long.
    """
    form = FormReader(data)
    reason = form.text("reason", "the reason", longest=500)
    form.done()
    return reason


async def warnings_about(db: AsyncSession, council_id: UUID, facts: ListingFacts, opened: OpenDraft) -> list[str]:
    """Say what somebody should look at twice before a listing is on the market. Nothing here stops it."""
    found = []
    text = f"{facts.title} {facts.summary} {facts.body}"
    sounds = care_words(text)
    if facts.regulated_basis is RegulatedBasis.NOT_REGULATED and sounds:
        words = ", ".join(f"“{word}”" for word in sounds[:4])
        found.append(
            f"The text says {words}, which sounds like personal care, but the answer was that there is none. "
            "Personal care by an organisation is a regulated activity."
        )
    if facts.regulated_basis is RegulatedBasis.DIRECTLY_ENGAGED:
        found.append(
            "Personal care without registration: an individual confirmed that the person hires, pays and directs them "
            "and that no agency stands between."
        )
    wage = await least_wage(db, council_id, today(clock_of(db)))
    if facts.price_unit is PriceUnit.HOUR and facts.category in PAID_BY_THE_HOUR and facts.price_pence < wage:
        found.append(
            f"{pounds(facts.price_pence)} an hour is below the legal minimum wage of {pounds(wage)} from the age of 21."
        )
    organisation = opened.context.organisation
    may_exempt = organisation.kind in _MAY_EXEMPT or opened.context.is_registered
    if facts.vat_category is VatCategory.EXEMPT_WELFARE and not may_exempt:
        found.append(
            "VAT: welfare services are exempt only from a charity, a public body or a registered service. "
            f"The reason given is: {facts.vat_reason}"
        )
    if contacts(text):
        found.append("The text holds a telephone number, an e-mail or a web address.")
    return found


class CheckService:
    """Decides about the listings of the council that the user works for."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.drafts = DraftRepository(db)
        self.listings = ListingRepository(db)

    async def find(self, principal: Principal, draft_id: UUID, *, locked: bool = False) -> OpenDraft:
        """Return a draft of the own council.

        Raises:
            NotFound: There is none, or it belongs to another council.
        """
        principal.require(Permission.LISTINGS_CHECK)
        draft = await self.drafts.find(principal.council_id, draft_id, locked=locked)
        return await open_draft(self.db, draft, await self.listings.organisation(draft.organisation_id))

    async def decide(self, principal: Principal, draft_id: UUID, form: DecisionForm) -> ListingDraft:
        """Let a draft onto the market, or send it back with a reason.

        Raises:
            NotFound: There is none, or it belongs to another council.
            StepRefused: It does not wait for a check.
            Conflict: It changed since the page was opened.
            InvalidInput: It may not be published, by step: what is no longer right.
        """
        opened = await self.find(principal, draft_id, locked=True)
        draft = opened.draft
        if draft.version != form.version:
            raise Conflict(CHANGED_MEANWHILE)
        is_published = form.decision is Decision.PUBLISH
        if is_published:
            if draft.status is not DraftStatus.SUBMITTED:
                raise Conflict("This draft does not wait for a check any more.")
            facts, room = await read_draft(self.db, opened.content, opened.context)
            worker = opened.context.worker
            draft.reason = ""
            await put_on_market(
                self.db,
                principal,
                draft,
                facts,
                room,
                worker.id if worker else None,
                is_council=True,
                why=form.reason,
            )
        else:
            now = clock_of(self.db).now()
            DRAFT.move(self.db, draft, DraftStatus.RETURNED, by=principal.user_id, why=form.reason)
            draft.reason, draft.decided_by_user_id, draft.decided_at = form.reason, principal.user_id, now
            draft.updated_at = now
            await self.db.flush()
            audit.record(
                self.db,
                principal,
                "providers.return_draft",
                council_id=draft.council_id,
                subject_kind="listing_draft",
                subject_id=draft.id,
                after={"status": draft.status},
                why=form.reason,
            )
        publish(
            self.db,
            DraftDecided(
                council_id=draft.council_id,
                draft_id=draft.id,
                organisation_id=draft.organisation_id,
                is_published=is_published,
            ),
        )
        return draft

    async def listing(
        self, principal: Principal, listing_id: UUID, *, locked: bool = False
    ) -> tuple[Listing, Organisation]:
        """Return a listing that the own council looks after.

        Raises:
            NotFound: There is none, or another council looks after it.
        """
        principal.require(Permission.LISTINGS_CHECK)
        return await self.listings.of_council(principal.council_id, listing_id, locked=locked)

    async def take_off(self, principal: Principal, listing_id: UUID, reason: str) -> Listing:
        """Take a listing off the market. Bookings already made stay.

        Raises:
            NotFound: There is none, or another council looks after it.
            Conflict: It is off already.
        """
        listing, _ = await self.listing(principal, listing_id, locked=True)
        if listing.hidden_why is HiddenWhy.COUNCIL:
            raise Conflict("This listing is off the market already.")
        return await self._set(principal, listing, HiddenWhy.COUNCIL, reason)

    async def put_back(self, principal: Principal, listing_id: UUID, reason: str) -> Listing:
        """Put a listing back that the council took off.

        Raises:
            NotFound: There is none, or another council looks after it.
            Conflict: The council did not take it off.
        """
        listing, _ = await self.listing(principal, listing_id, locked=True)
        if listing.hidden_why is not HiddenWhy.COUNCIL:
            raise Conflict("This listing is not off the market by the council's decision.")
        return await self._set(principal, listing, None, reason)

    async def _set(self, principal: Principal, listing: Listing, hidden: HiddenWhy | None, reason: str) -> Listing:
        before = {"hidden_why": listing.hidden_why}
        listing.hidden_why = hidden
        listing.hidden_reason = reason if hidden else ""
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.hide_listing" if hidden else "providers.show_listing",
            council_id=principal.council_id,
            subject_kind="listing",
            subject_id=listing.id,
            before=before,
            after={"hidden_why": hidden},
            why=reason,
        )
        publish(self.db, ListingChanged(council_id=principal.council_id, listing_id=listing.id))
        publish(
            self.db,
            ListingTakenOff(
                council_id=principal.council_id,
                listing_id=listing.id,
                organisation_id=listing.organisation_id,
                is_off=hidden is not None,
                reason=reason,
            ),
        )
        return listing
