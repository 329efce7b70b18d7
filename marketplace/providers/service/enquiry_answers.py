"""What providers do with enquiries: answer, propose a time, agree to one, decline, call off."""

from uuid import UUID

from marketplace.accounts import Principal
from marketplace.core.errors import Conflict, StepRefused
from marketplace.providers.errors import TimeGone
from marketplace.providers.models import EnquiryKind
from marketplace.providers.service.enquiries import RUNNING, EnquirySteps
from marketplace.providers.service.enquiry_forms import ChoiceForm, ProposalForm, StepForm, wish_instant
from marketplace.providers.states import EnquiryStatus


class EnquiryAnswerService(EnquirySteps):
    """The provider's side."""

    async def answer(self, principal: Principal, enquiry_id: UUID, words: str) -> None:
        """Answer, or write once more.

        Raises:
            NotFound: Not the provider's.
            Conflict: The thread has ended; only the person can open a closed one again.
        """
        enquiry = await self._locked(self.of_provider(principal), enquiry_id)
        if enquiry.status not in RUNNING:
            raise Conflict("This conversation has ended. Only the person can open it again.")
        await self._write(principal, enquiry, words, is_providers=True)
        to = None if enquiry.status is EnquiryStatus.AGREED else EnquiryStatus.ANSWERED
        self._step(principal, enquiry, "providers.answer_enquiry", to, for_provider=False)

    async def propose(self, principal: Principal, enquiry_id: UUID, form: ProposalForm) -> None:
        """Propose another time for a first meeting.

        Raises:
            NotFound: Not the provider's.
            ThreadChanged: Something is new.
            Conflict: It is a question, or its time is agreed, or it has ended.
        """
        enquiry = await self._locked(self.of_provider(principal), enquiry_id, form.version)
        if enquiry.kind is not EnquiryKind.MEETING:
            raise Conflict("This is a question, not the wish for a meeting.")
        if enquiry.status not in (EnquiryStatus.OPEN, EnquiryStatus.ANSWERED):
            raise StepRefused("A time can be proposed while none is agreed.")
        enquiry.proposed_at = form.starts_at
        if form.words:
            await self._write(principal, enquiry, form.words, is_providers=True)
        self._step(
            principal,
            enquiry,
            "providers.propose_meeting",
            EnquiryStatus.ANSWERED,
            at=form.starts_at,
            for_provider=False,
        )

    async def agree(self, principal: Principal, enquiry_id: UUID, form: ChoiceForm) -> None:
        """Agree to one of the times that the person can do.

        Raises:
            NotFound: Not the provider's.
            ThreadChanged: Something is new.
            TimeGone: The time has passed.
            StepRefused: A time is agreed, or the thread has ended.
        """
        enquiry = await self._locked(self.of_provider(principal), enquiry_id, form.version)
        if enquiry.kind is not EnquiryKind.MEETING or form.wish not in enquiry.wishes:
            raise Conflict("This is none of the times that the person can do.")
        starts_at = wish_instant(form.wish)
        if starts_at <= self.clock.now():
            raise TimeGone("Propose another time.")
        enquiry.agreed_at = starts_at
        self._step(
            principal, enquiry, "providers.agree_meeting", EnquiryStatus.AGREED, at=starts_at, for_provider=False
        )

    async def decline(self, principal: Principal, enquiry_id: UUID, form: StepForm) -> None:
        """Say no, with words that the person reads.

        Raises:
            NotFound: Not the provider's.
            ThreadChanged: Something is new.
            StepRefused: It was answered before.
        """
        enquiry = await self._locked(self.of_provider(principal), enquiry_id, form.version)
        self._step(principal, enquiry, "providers.decline_enquiry", EnquiryStatus.DECLINED, for_provider=False)
        await self._write(principal, enquiry, form.words, is_providers=True)

    async def call_off(self, principal: Principal, enquiry_id: UUID, form: StepForm) -> None:
        """Call off a meeting that was proposed or agreed, with words that the person reads.

        Raises:
            NotFound: Not the provider's.
            ThreadChanged: Something is new.
            StepRefused: It has not been answered, or has ended.
        """
        enquiry = await self._locked(self.of_provider(principal), enquiry_id, form.version)
        if enquiry.status is EnquiryStatus.OPEN:
            raise StepRefused("Nothing is agreed yet. Decline it instead.")
        self._step(principal, enquiry, "providers.call_off_enquiry", EnquiryStatus.CANCELLED, for_provider=False)
        await self._write(principal, enquiry, form.words, is_providers=True)
