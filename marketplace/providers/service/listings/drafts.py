"""What providers do with drafts: begin, answer step by step, send or publish, take back, throw away."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import Conflict, InvalidInput, NotFound, broken_constraint
from marketplace.core.ids import parse_id
from marketplace.core.outbox import publish
from marketplace.core.places.districts import DISTRICT_NAMES
from marketplace.providers.events import DraftSubmitted
from marketplace.providers.models import (
    HiddenWhy,
    Listing,
    ListingDraft,
    Organisation,
    RegulatedBasis,
)
from marketplace.providers.repository.drafts import DraftRepository
from marketplace.providers.repository.listings import ListingRepository
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.service.listings.answers import answers_of, base_of, read_draft
from marketplace.providers.service.listings.facts import ListingFacts
from marketplace.providers.service.listings.forms import kept, read_step
from marketplace.providers.service.listings.publish import facts_now, put_on_market
from marketplace.providers.service.listings.steps import BY_NAME, DraftContext, steps_for
from marketplace.providers.states import DRAFT, DraftStatus

CHANGED_MEANWHILE = "Somebody else changed this draft. Open it again to see what it says now."


class OpenDraft(msgspec.Struct, frozen=True):
    """A draft with what its answers are read against."""

    draft: ListingDraft
    context: DraftContext

    @property
    def content(self) -> Mapping[str, Any]:
        """Answers by step."""
        return self.draft.content

    @property
    def may_change(self) -> bool:
        """Whether its answers can be changed now."""
        return self.draft.status in (DraftStatus.OPEN, DraftStatus.RETURNED)

    @property
    def title(self) -> str:
        """Its title, or what it is called before it has one."""
        return draft_title(self.draft)


class DraftService:
    """Writes the drafts of the user's own organisation; a worker's role sees and writes those of its own listings."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.drafts = DraftRepository(db)
        self.listings = ListingRepository(db)

    async def organisation(self, principal: Principal) -> Organisation:
        """Return the user's organisation and reach its home council, where its drafts are checked."""
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await self.listings.organisation(principal.need_organisation())
        home = organisation.home_council_id
        if home is not None and home not in principal.councils:
            await scope_to(self.db, [*principal.councils, home])
        return organisation

    async def live(self, principal: Principal) -> list[ListingDraft]:
        """Return the drafts that are still going somewhere, newest first."""
        organisation = await self.organisation(principal)
        return [row for row in await self.drafts.live(organisation.id) if _is_own(principal, row)]

    async def find(self, principal: Principal, draft_id: UUID, *, locked: bool = False) -> OpenDraft:
        """Return one of them.

        Raises:
            NotFound: Not theirs.
        """
        organisation = await self.organisation(principal)
        draft = await self.drafts.own(organisation.id, draft_id, locked=locked)
        if not _is_own(principal, draft):
            raise NotFound
        return await open_draft(self.db, draft, organisation, chooses_worker=principal.worker_id is None)

    async def begin(self, principal: Principal) -> ListingDraft:
        """Begin a new listing."""
        organisation = await self.organisation(principal)
        content: dict[str, Any] = {}
        if principal.worker_id is not None:
            content["worker"] = str(principal.worker_id)
        return await self._add(principal, organisation, None, content)

    async def begin_change(self, principal: Principal, listing_id: UUID) -> ListingDraft:
        """Begin changes to a listing, or go on with those begun.

        Raises:
            NotFound: Not theirs.
        """
        organisation = await self.organisation(principal)
        listing = await self.listings.find(organisation.id, listing_id, locked=True)
        if principal.worker_id is not None and listing.worker_id != principal.worker_id:
            raise NotFound
        begun = await self.drafts.of_listing(organisation.id, listing.id)
        if begun is not None:
            return begun
        worker_id = str(listing.worker_id) if listing.worker_id else None
        content = answers_of(await facts_now(self.db, listing), worker_id)
        if worker_id:
            content["worker"] = worker_id
        try:
            async with self.db.begin_nested():
                return await self._add(principal, organisation, listing.id, content)
        except IntegrityError as error:
            found = await self.drafts.of_listing(organisation.id, listing.id)
            if broken_constraint(error) == "uq_listing_drafts_live" and found is not None:
                return found
            raise

    async def _add(
        self, principal: Principal, organisation: Organisation, listing_id: UUID | None, content: dict[str, Any]
    ) -> ListingDraft:
        now = clock_of(self.db).now()
        draft = ListingDraft(
            council_id=organisation.home_council_id or principal.council_id,
            organisation_id=organisation.id,
            listing_id=listing_id,
            status=DraftStatus.OPEN,
            content=content,
            created_by_user_id=principal.user_id,
            created_at=now,
            updated_at=now,
        )
        self.db.add(draft)
        await self.db.flush()
        DRAFT.begin(self.db, draft, by=principal.user_id)
        self._record(principal, draft, "providers.begin_draft", {"listing_id": listing_id})
        return draft

    async def answer(
        self, principal: Principal, draft_id: UUID, version: int, step: str, data: Mapping[str, Any]
    ) -> ListingDraft:
        """Take the answers of a step.

        Raises:
            NotFound: Not theirs, or no such step.
            InvalidInput: With all messages.
            Conflict: Somebody changed it since the page was opened, or it is with the council.
        """
        opened = await self._to_change(principal, draft_id, version)
        if step not in BY_NAME or BY_NAME[step] not in steps_for(opened.context, opened.content):
            raise NotFound
        answers = kept(step, data)
        facts = read_step(step, answers, opened.content, opened.context)
        if step == "area":
            await base_of(self.db, answers, facts, opened.context)
        return await self._write(principal, opened.draft, step, answers)

    async def _to_change(self, principal: Principal, draft_id: UUID, version: int) -> OpenDraft:
        opened = await self.find(principal, draft_id, locked=True)
        if not opened.may_change:
            raise Conflict("The council is looking at this. Take it back first if you want to change it.")
        if opened.draft.version != version:
            raise Conflict(CHANGED_MEANWHILE)
        return opened

    async def _write(
        self, principal: Principal, draft: ListingDraft, step: str, answers: dict[str, Any]
    ) -> ListingDraft:
        content = {**draft.content, step: answers}
        if step == "kind" and principal.worker_id is None and draft.listing_id is None:
            content.pop("worker", None)
            if answers.get("worker"):
                content["worker"] = answers["worker"]
        if content != draft.content:
            draft.content = content
            draft.updated_at = clock_of(self.db).now()
            await self.db.flush()
            self._record(principal, draft, "providers.change_draft", {"step": step})
        return draft

    async def finish(self, principal: Principal, draft_id: UUID, version: int) -> tuple[ListingDraft, Listing | None]:
        """Publish a draft, or send it to the council where that looks first.

        Returns:
            The draft, and the listing when it is on the market now.

        Raises:
            NotFound: Not theirs.
            InvalidInput: By step: what is missing or no longer right.
            Conflict: Somebody changed it since the page was opened, or it is with the council.
        """
        opened = await self._to_change(principal, draft_id, version)
        draft = opened.draft
        facts, room = await read_draft(self.db, opened.content, opened.context)
        if not await self.needs_check(opened, facts):
            worker = opened.context.worker
            worker_id = worker.id if worker else None
            listing = await put_on_market(self.db, principal, draft, facts, room, worker_id, is_council=False)
            return draft, listing
        draft.submitted_at = draft.updated_at = clock_of(self.db).now()
        draft.reason = ""
        DRAFT.move(self.db, draft, DraftStatus.SUBMITTED, by=principal.user_id)
        await self.db.flush()
        self._record(principal, draft, "providers.submit_draft", {"status": draft.status})
        publish(
            self.db,
            DraftSubmitted(council_id=draft.council_id, draft_id=draft.id, organisation_id=draft.organisation_id),
        )
        return draft, None

    async def needs_check(self, opened: OpenDraft, facts: ListingFacts) -> bool:
        """Whether the council looks at a draft before it is on the market.

        With "first" changes go live at once, unless they make another offer of the listing: another kind of offer,
        personal care that was not there before, or one that the council took off the market.
        """
        on = opened.context.day
        rule = await setting(self.db, opened.draft.council_id, "providers.listing_check", on)
        listing = opened.context.listing
        if rule == "never":
            return False
        if rule == "always" or listing is None:
            return True
        is_new_care = (
            facts.regulated_basis is not listing.regulated_basis
            and facts.regulated_basis is not RegulatedBasis.NOT_REGULATED
        )
        return facts.category is not listing.category or is_new_care or listing.hidden_why is HiddenWhy.COUNCIL

    async def take_back(self, principal: Principal, draft_id: UUID) -> ListingDraft:
        """Take a draft back from the council, to change it.

        Raises:
            NotFound: Not theirs.
            StepRefused: It is not with the council.
        """
        draft = (await self.find(principal, draft_id, locked=True)).draft
        DRAFT.move(self.db, draft, DraftStatus.OPEN, by=principal.user_id)
        draft.submitted_at = None
        draft.updated_at = clock_of(self.db).now()
        await self.db.flush()
        self._record(principal, draft, "providers.take_draft_back", {"status": draft.status})
        return draft

    async def discard(self, principal: Principal, draft_id: UUID) -> ListingDraft:
        """Throw a draft away; a listing that it was to change stays as it is.

        Raises:
            NotFound: Not theirs.
            StepRefused: It is with the council, or done with.
        """
        draft = (await self.find(principal, draft_id, locked=True)).draft
        DRAFT.move(self.db, draft, DraftStatus.DISCARDED, by=principal.user_id)
        draft.updated_at = clock_of(self.db).now()
        await self.db.flush()
        self._record(principal, draft, "providers.discard_draft", {"status": draft.status})
        return draft

    def _record(self, principal: Principal, draft: ListingDraft, action: str, after: dict[str, Any]) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=draft.council_id,
            subject_kind="listing_draft",
            subject_id=draft.id,
            after=after,
        )


def draft_title(draft: ListingDraft) -> str:
    """Return what a draft is called: its title, as far as it has one."""
    return str(draft.content.get("what", {}).get("title") or "") or "New listing without a title"


def _is_own(principal: Principal, draft: ListingDraft) -> bool:
    return principal.worker_id is None or draft.content.get("worker") == str(principal.worker_id)


async def open_draft(
    db: AsyncSession, draft: ListingDraft, organisation: Organisation, *, chooses_worker: bool = False
) -> OpenDraft:
    """Return a draft with what its answers are read against."""
    drafts = DraftRepository(db)
    worker_id = parse_id(str(draft.content.get("worker") or ""))
    worker = await drafts.worker(worker_id) if worker_id else None
    if worker is not None and worker.organisation_id != organisation.id:
        raise InvalidInput({"worker": "Select whose listing it is from the list"})
    provider_ids = await drafts.register_ids(organisation)
    locations = await drafts.locations(provider_ids)
    may_choose = chooses_worker and draft.listing_id is None
    context = DraftContext(
        organisation=organisation,
        worker=worker,
        workers=await drafts.assistants(organisation.id) if may_choose else [],
        listing=await drafts.listing(draft.listing_id) if draft.listing_id else None,
        is_registered=bool(provider_ids),
        locations=locations,
        districts=districts_to_choose(await MarketRepository(db).councils(), draft.content),
        day=today(clock_of(db)),
    )
    return OpenDraft(draft, context)


def districts_to_choose(councils: Sequence[Council], content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the districts of the installation's councils, then the others that we can name, each group by name.

    A council's district without a name of its own is called by the council; codes chosen before stay.
    """
    named: dict[str, str] = {}
    for council in councils:
        for code in council.district_codes:
            alone = len(council.district_codes) == 1
            named[code] = DISTRICT_NAMES.get(code) or (council.short_name if alone else f"{council.short_name}, {code}")
    chosen = content.get("area", {}).get("districts") or []
    others = {code: DISTRICT_NAMES.get(code, code) for code in [*DISTRICT_NAMES, *chosen] if code not in named}

    def by_name(names: Mapping[str, str]) -> list[tuple[str, str]]:
        return sorted(names.items(), key=lambda item: item[1])

    return by_name(named) + by_name(others)
