"""What people do with enquiries: ask, write again, agree to a time, call off, close, say their name, report.

A provider learns a town and what is written, nothing else, until the person says more. Each write locks the thread
first. A step that only makes sense for what the page showed names the version it saw.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.outbox import publish
from marketplace.core.places import Postcode
from marketplace.providers.errors import CannotBeAsked, ThreadChanged, ThreadFull, TimeGone, TooManyEnquiries
from marketplace.providers.events import EnquiryChanged, EnquiryReported
from marketplace.providers.models import Enquiry, EnquiryKind, EnquiryMessage
from marketplace.providers.repository.enquiries import EnquiryRepository
from marketplace.providers.repository.market import ListingRow, MarketRepository
from marketplace.providers.service.enquiry_forms import AskForm, StepForm
from marketplace.providers.states import ENQUIRY, EnquiryStatus

MOST_A_DAY: Final = 20
MOST_MESSAGES: Final = 200
MEETING_MINUTES: Final = 30
"""How long a first meeting stands in a calendar."""

WRITABLE: Final = frozenset({EnquiryStatus.OPEN, EnquiryStatus.ANSWERED, EnquiryStatus.AGREED, EnquiryStatus.CLOSED})
"""States in which the person may write; a closed thread opens again."""
STAYS: Final = frozenset({EnquiryStatus.OPEN, EnquiryStatus.ANSWERED})
"""States in which more of the same changes nothing; to end twice is refused."""
RUNNING: Final = frozenset({EnquiryStatus.OPEN, EnquiryStatus.ANSWERED, EnquiryStatus.AGREED})


class EnquirySteps:
    """What both sides share."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.enquiries = EnquiryRepository(db)

    def of_person(self, principal: Principal) -> Select[Enquiry]:
        """Start a question about the threads of who is signed in, or acted for."""
        principal.require(Permission.ENQUIRIES_OWN)
        return self.enquiries.of_person(principal.council_id, principal.need_person())

    def of_provider(self, principal: Principal) -> Select[Enquiry]:
        """Start a question about a provider's threads; a personal assistant sees those of their own listings."""
        principal.require(Permission.ENQUIRIES_ANSWER)
        organisation_id = principal.need_organisation()
        if principal.role is not Role.PA:
            return self.enquiries.of_provider(principal.councils, organisation_id)
        if principal.worker_id is None:
            raise NotFound
        return self.enquiries.of_provider(principal.councils, organisation_id, principal.worker_id)

    async def report(self, principal: Principal, enquiry: Enquiry, message_id: UUID, why: str) -> None:
        """Tell the council about a message of the other side. Reporting it again changes nothing.

        Raises:
            NotFound: It is not in the thread, or it is the reader's own side's.
        """
        is_provider = principal.may(Permission.ENQUIRIES_ANSWER)
        message = await self.enquiries.message(enquiry, message_id)
        if message is None or message.is_providers == is_provider:
            raise NotFound
        if message.reported_because:
            return
        message.reported_because = why
        # What was written stands in the message alone, which export and erasure find.
        self._audit(principal, enquiry, "providers.report_message", after={"message_id": message.id})
        publish(self.db, EnquiryReported(council_id=enquiry.council_id, enquiry_id=enquiry.id, message_id=message.id))

    async def _locked(self, question: Select[Enquiry], enquiry_id: UUID, version: int | None = None) -> Enquiry:
        enquiry = await self.enquiries.one(question.where(Enquiry.id == enquiry_id), locked=True)
        if version is not None and enquiry.version != version:
            raise ThreadChanged("Read what is new, then decide again.")
        return enquiry

    async def _write(self, principal: Principal, enquiry: Enquiry, words: str, *, is_providers: bool) -> None:
        """Add a message to a thread that is locked."""
        if await self.enquiries.message_count(enquiry.id) >= MOST_MESSAGES:
            raise ThreadFull(f"A conversation holds {MOST_MESSAGES} messages. Start a new one from the offer’s page.")
        message = EnquiryMessage(
            council_id=enquiry.council_id,
            enquiry_id=enquiry.id,
            is_providers=is_providers,
            written_by_user_id=principal.user_id,
            words=words,
            written_at=self.clock.now(),
        )
        self.db.add(message)
        await self.db.flush()

    def _step(
        self,
        principal: Principal,
        enquiry: Enquiry,
        action: str,
        to: EnquiryStatus | None = None,
        *,
        at: datetime | None = None,
        for_provider: bool,
    ) -> None:
        """Move a locked thread, keep who did it, and tell the other side. Without `to` the state stays."""
        before = enquiry.status
        if to is not None and not (to is before and to in STAYS):
            ENQUIRY.move(self.db, enquiry, to, by=principal.user_id)
        enquiry.updated_at = self.clock.now()
        after: dict[str, object] = {"status": enquiry.status}
        if at is not None:
            after["at"] = at
        self._audit(principal, enquiry, action, before={"status": before}, after=after)
        publish(
            self.db,
            EnquiryChanged(
                council_id=enquiry.council_id,
                enquiry_id=enquiry.id,
                organisation_id=enquiry.organisation_id,
                listing_id=enquiry.listing_id,
                status=enquiry.status.value,
                for_provider=for_provider,
            ),
        )

    def _audit(
        self,
        principal: Principal,
        enquiry: Enquiry,
        action: str,
        *,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=enquiry.council_id,
            subject_kind="enquiry",
            subject_id=enquiry.id,
            before=before,
            after=after,
            why=why,
        )


class EnquiryService(EnquirySteps):
    """The person's side."""

    async def listing(self, principal: Principal, listing_id: UUID) -> ListingRow:
        """Return what somebody may ask about.

        Raises:
            NotFound: It is not on the market now.
        """
        principal.require(Permission.ENQUIRIES_OWN)
        principal.need_person()
        row = (await MarketRepository(self.db).listings([listing_id], today(self.clock))).get(listing_id)
        if row is None:
            raise NotFound
        return row

    async def can_be_asked(self, principal: Principal, row: ListingRow) -> bool:
        """Whether somebody of the provider would read it."""
        return await self.enquiries.can_be_asked(principal.council_id, row.listing, today(self.clock))

    async def ask(self, principal: Principal, form: AskForm) -> Enquiry:
        """Ask a question, or for a first meeting.

        Raises:
            NotFound: The listing is not on the market.
            CannotBeAsked: Nobody of the provider works with the person's council here.
            TooManyEnquiries: More than a day's share.
        """
        row = await self.listing(principal, form.listing_id)
        person_id = principal.need_person()
        if not await self.can_be_asked(principal, row):
            raise CannotBeAsked("Contact them directly.")
        now = self.clock.now()
        asked = await self.enquiries.asked_since(principal.council_id, principal.user_id, now - timedelta(days=1))
        if asked >= MOST_A_DAY:
            raise TooManyEnquiries(f"You can start {MOST_A_DAY} conversations a day. Try again tomorrow.")
        enquiry = Enquiry(
            council_id=principal.council_id,
            organisation_id=row.organisation.id,
            listing_id=row.listing.id,
            worker_id=row.listing.worker_id,
            kind=form.kind,
            status=EnquiryStatus.OPEN,
            asked_by_user_id=principal.user_id,
            person_id=person_id,
            acting_for=principal.acting_for or "",
            shown_as=await self._shown_as(principal, person_id),
            meeting_place=form.place,
            wishes=list(form.wishes),
            created_at=now,
            updated_at=now,
        )
        self.db.add(enquiry)
        await self.db.flush()
        ENQUIRY.begin(self.db, enquiry, by=principal.user_id)
        await self._write(principal, enquiry, form.words, is_providers=False)
        self._audit(
            principal,
            enquiry,
            "providers.ask_provider",
            after={"kind": enquiry.kind, "listing_id": enquiry.listing_id, "organisation_id": enquiry.organisation_id},
        )
        publish(
            self.db,
            EnquiryChanged(
                council_id=enquiry.council_id,
                enquiry_id=enquiry.id,
                organisation_id=enquiry.organisation_id,
                listing_id=enquiry.listing_id,
                status=enquiry.status.value,
                for_provider=True,
            ),
        )
        return enquiry

    async def write(self, principal: Principal, enquiry_id: UUID, words: str) -> None:
        """Write again. A question that was answered or closed waits for the provider once more.

        Raises:
            NotFound: Not theirs.
            Conflict: The thread has ended.
        """
        enquiry = await self._locked(self.of_person(principal), enquiry_id)
        if enquiry.status not in WRITABLE:
            raise Conflict("This conversation has ended. You can ask again from the offer’s page.")
        await self._write(principal, enquiry, words, is_providers=False)
        to = None if enquiry.status is EnquiryStatus.AGREED else EnquiryStatus.OPEN
        self._step(principal, enquiry, "providers.write_enquiry", to, for_provider=True)

    async def choose(self, principal: Principal, enquiry_id: UUID, version: int) -> None:
        """Agree to the time that the provider proposed.

        Raises:
            NotFound: Not theirs.
            ThreadChanged: The provider proposed something else meanwhile.
            TimeGone: The time has passed.
        """
        enquiry = await self._locked(self.of_person(principal), enquiry_id, version)
        if enquiry.kind is not EnquiryKind.MEETING or enquiry.proposed_at is None:
            raise Conflict("The provider has not proposed a time.")
        if enquiry.proposed_at <= self.clock.now():
            raise TimeGone("Write to the provider and ask for another time.")
        enquiry.agreed_at = enquiry.proposed_at
        self._step(
            principal,
            enquiry,
            "providers.agree_meeting",
            EnquiryStatus.AGREED,
            at=enquiry.agreed_at,
            for_provider=True,
        )

    async def call_off(self, principal: Principal, enquiry_id: UUID, form: StepForm) -> None:
        """Take a question back or call a meeting off, with words if any.

        Raises:
            NotFound: Not theirs.
            ThreadChanged: Something is new.
            StepRefused: It has ended already.
        """
        enquiry = await self._locked(self.of_person(principal), enquiry_id, form.version)
        self._step(principal, enquiry, "providers.call_off_enquiry", EnquiryStatus.CANCELLED, for_provider=True)
        if form.words:
            await self._write(principal, enquiry, form.words, is_providers=False)

    async def close(self, principal: Principal, enquiry_id: UUID, version: int) -> None:
        """Say that all is answered. Writing opens the thread again.

        Raises:
            NotFound: Not theirs.
            ThreadChanged: Something is new.
            StepRefused: It has ended already.
        """
        enquiry = await self._locked(self.of_person(principal), enquiry_id, version)
        self._step(principal, enquiry, "providers.close_enquiry", EnquiryStatus.CLOSED, for_provider=True)

    async def tell_name(self, principal: Principal, enquiry_id: UUID) -> None:
        """Let the provider see the name of who is signed in. It cannot be taken back: they have read it.

        Raises:
            NotFound: Not theirs.
            Conflict: The thread has ended.
        """
        enquiry = await self._locked(self.of_person(principal), enquiry_id)
        if enquiry.status not in RUNNING:
            raise Conflict("This conversation has ended.")
        if enquiry.shown_as == principal.name:
            return
        enquiry.shown_as = principal.name
        self._step(principal, enquiry, "providers.tell_name", for_provider=True)

    async def _shown_as(self, principal: Principal, person_id: UUID) -> str:
        town, written = await self.enquiries.area(principal.council_id, person_id)
        postcode = Postcode.parse(written)
        near = town or (postcode.outward if postcode else "")
        return f"Somebody near {near}" if near else f"Somebody in the area of {principal.council_name}"
