"""From the request on: the answer, the visit, its approval, cancelling, and what card payments bring about."""

from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit, setting
from marketplace.bookings.errors import CancelTermsChanged, NotEnoughLeft, NotYet, TakesNoNewVisits
from marketplace.bookings.events import (
    BookingAccepted,
    BookingApproved,
    BookingCalledOff,
    BookingCancelled,
    BookingClaimed,
    BookingDeclined,
    BookingDisputed,
    BookingFunded,
    BookingRestApproved,
)
from marketplace.bookings.models import Booking, CalledOffBy, CallOffReason, Funding, SupportAgreement
from marketplace.bookings.policies import (
    CLAIMABLE,
    CONFIRMABLE,
    Cancelling,
    CancelTerms,
    agreed_cancel_terms,
    cancel_terms,
    may_claim,
    may_confirm,
)
from marketplace.bookings.repository import BookingRepository
from marketplace.bookings.repository_day import DayRepository
from marketplace.bookings.service.agreements.prices import owed_if_called_off
from marketplace.bookings.service.claims import asked_pence, terms_of, write_claim
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.service.requests import publish_requested
from marketplace.bookings.service.settlement import REST, direct_part, settle
from marketplace.bookings.service.steps import ids_of, move, note
from marketplace.bookings.service.travel import try_travel
from marketplace.bookings.states import TO_COME, BookingStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound, StepRefused
from marketplace.core.formats import pounds

NOT_PAID_IN_TIME = "The card payment was not made in time."
NOT_ANSWERED = "The provider did not answer before the visit was due."
TAKES_NO_NEW_VISITS = "The provider takes no new visits at present. Visits that are agreed go on."
MONEY_GIVEN_BACK = "The card payment was given back."


class VisitSteps:
    """The verbs after the request. Each locks the booking before it moves."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.bookings = BookingRepository(db)

    def of_person(self, principal: Principal) -> Select[Booking]:
        """Start a question about the bookings of who is signed in, or acted for."""
        return self.bookings.of_person(principal.council_id, principal.need_person())

    def of_provider(self, principal: Principal) -> Select[Booking]:
        """Start a question about a provider's bookings; a personal assistant sees their own.

        A visit of their agreement is theirs, too, when it was planned without them because they were not free then.
        """
        question = self.bookings.of_organisation(principal.councils, principal.need_organisation())
        if principal.role is Role.PA and principal.worker_id:
            agreed = select(SupportAgreement.id).where(SupportAgreement.worker_id == principal.worker_id)
            unnamed = and_(Booking.worker_id.is_(None), Booking.agreement_id.in_(agreed))
            question = question.where(or_(Booking.worker_id == principal.worker_id, unnamed))
        return question

    async def terms(self, booking: Booking) -> CancelTerms:
        """Say what cancelling means now: by the agreement's terms, else by the council's setting."""
        now = self.clock.now()
        view = await terms_of(self.db, booking)
        if view is not None:
            owed = owed_if_called_off(view, booking.starts_at, now, booking.cost_pence)
            return agreed_cancel_terms(booking, now, view.terms.free_cancel_hours, owed)
        hours = int(await setting(self.db, booking.council_id, "bookings.free_cancellation_hours", today(self.clock)))
        return cancel_terms(booking, now, hours)

    async def accept(self, principal: Principal, booking_id: UUID) -> Booking:
        """Agree to a visit. The provider sees the address from now on.

        Raises:
            NotFound: Not the provider's.
            NotYet: The visit should have begun already.
            TakesNoNewVisits: The organisation does not count any more, so this would be new work (invariant 6).
            StepRefused: It is not a request any more.
        """
        booking = await self._of_provider(principal, booking_id)
        if booking.status is BookingStatus.PLANNED:
            # Its agreement said yes to it; it becomes accepted when the provider names who comes.
            raise StepRefused("This visit is agreed. Say who comes instead.")
        if self.clock.now() >= booking.starts_at and booking.status is BookingStatus.REQUESTED:
            raise NotYet("The time of this visit has come, so it can no longer be accepted.")
        if await self._is_stopped(booking):
            raise TakesNoNewVisits(
                "The council does not pay your organisation for new visits of this kind at present, or your listing is "
                "off the market. Visits that you have agreed go on."
            )
        self._move(principal, booking, BookingStatus.ACCEPTED, "bookings.accept_booking")
        await DayRepository(self.db).confirm_holds(booking.id, self.clock.now())
        if booking.worker_id is not None:
            await try_travel(self.db, booking, [booking.worker_id])
        outbox.publish(self.db, BookingAccepted(**ids_of(booking)))
        return booking

    async def decline(self, principal: Principal, booking_id: UUID, reason: str) -> Booking:
        """Say no to a visit. The time is free again; a card payment is given back."""
        booking = await self._of_provider(principal, booking_id)
        self._move(principal, booking, BookingStatus.DECLINED, "bookings.decline_booking", reason)
        outbox.publish(self.db, BookingDeclined(**ids_of(booking)))
        return booking

    async def decline_stopped(self, booking_id: UUID) -> bool:
        """Close a request whose organisation may not take it on any more. Returns whether there was one to close.

        The person is told without a word on why: that is between the council and the organisation.
        """
        booking = await self.bookings.locked(booking_id)
        if booking is None or not await self._is_stopped(booking):
            return False
        self._move(None, booking, BookingStatus.DECLINED, "bookings.decline_booking", TAKES_NO_NEW_VISITS)
        outbox.publish(self.db, BookingDeclined(**ids_of(booking)))
        return True

    async def _is_stopped(self, booking: Booking) -> bool:
        if booking.status is not BookingStatus.REQUESTED:
            return False
        on = today(self.clock)
        return bool(await self.bookings.stopped(on, booking.organisation_id, booking_id=booking.id))

    async def claim(self, principal: Principal, booking_id: UUID) -> Booking:
        """Say that a visit took place.

        Raises:
            NotYet: It has not begun.
        """
        booking = await self._of_provider(principal, booking_id)
        self._need_start(booking)
        await self.take_claim(principal, booking)
        return booking

    async def take_claim(self, principal: Principal | None, booking: Booking) -> None:
        """Note what is asked for a locked visit, by its times and terms, and ask the person."""
        self._move(principal, booking, BookingStatus.CLAIMED, "bookings.claim_booking")
        await write_claim(self.db, booking)
        outbox.publish(self.db, BookingClaimed(**ids_of(booking)))

    async def let_go(self, principal: Principal, booking_id: UUID, reason: str) -> Booking:
        """Cancel an agreed or disputed visit for the provider. A card payment is given back."""
        booking = await self._of_provider(principal, booking_id)
        if booking.status is BookingStatus.REQUESTED:
            raise NotYet("Decline the request instead.")
        self._cancel(principal, booking, reason, refund_pence=_all_of_card(booking))
        return booking

    async def cancel(
        self, principal: Principal, booking_id: UUID, reason: str, *, shown: str | None = None
    ) -> Cancelling:
        """Cancel a visit for the person, on the terms of `terms`.

        Args:
            principal: The person, or who acts for them.
            booking_id: The visit.
            reason: In the person's words; may be empty.
            shown: `CancelTerms.shown` of the page; None when no page told any.

        Returns:
            What it came to.

        Raises:
            NotYet: The visit has begun.
            CancelTermsChanged: The terms are others than those shown.
            StepRefused: It is over or was cancelled before.
        """
        booking = await self._of_person(principal, Permission.BOOKINGS_REQUEST, booking_id)
        terms = await self.terms(booking)
        if terms.kind is Cancelling.TOO_LATE:
            raise NotYet("The visit has started. You can approve it or say what was wrong when its time is over.")
        if terms.kind is Cancelling.NOT_POSSIBLE:
            raise StepRefused("This visit cannot be cancelled any more.")
        if shown is not None and shown != terms.shown:
            raise CancelTermsChanged
        if booking.agreement_id is not None:
            booking.called_off_by, booking.call_off_reason = CalledOffBy.PERSON, CallOffReason.CHANGED_MIND
            booking.called_off_at = self.clock.now()
        if terms.kind is Cancelling.LATE_AGREED:
            before, booking.cost_pence = booking.cost_pence, terms.owed_pence
            booking.top_up_pence = min(booking.top_up_pence, terms.owed_pence)
            booking.reason = reason or "Called off late."
            costs = ({"cost_pence": before}, {"cost_pence": booking.cost_pence})
            note(self.db, principal, booking, "bookings.call_off_booking", before=costs[0], after=costs[1], why=reason)
            outbox.publish(self.db, BookingCalledOff(**ids_of(booking)))
        elif terms.kind is Cancelling.LATE_DIRECT_PAYMENT:
            audit.record(
                self.db,
                principal,
                "bookings.call_off_booking",
                council_id=booking.council_id,
                subject_kind="booking",
                subject_id=booking.id,
                why=reason,
            )
            booking.reason = reason or "Called off late."
            outbox.publish(self.db, BookingCalledOff(**ids_of(booking)))
        else:
            self._cancel(principal, booking, reason, refund_pence=terms.refund_pence)
        return terms.kind

    async def approve(self, principal: Principal, booking_id: UUID, *, shown_pence: int | None = None) -> Booking:
        """Confirm that a visit took place and pay all that is asked. A direct payment moves in this transaction.

        Args:
            principal: The person, or who acts for them.
            booking_id: The visit. What had been held back of a part-approved one is paid now.
            shown_pence: The amount that the page named; None when it named none.

        Raises:
            NotYet: Its time is not over, or the amount has changed since the page was drawn.
            NotEnoughLeft: More than the plan is asked, and the direct payment does not hold it.
            StepRefused: It was never agreed, or is approved already.
        """
        booking = await self._of_person(principal, Permission.BOOKINGS_APPROVE, booking_id)
        return await self.approve_locked(principal, booking, shown_pence=shown_pence)

    async def approve_locked(
        self, principal: Principal, booking: Booking, *, shown_pence: int | None = None, reason: str = ""
    ) -> Booking:
        """Pay all that is asked for a locked visit; who may say so was asked before. Raises what `approve` does."""
        self._need_end(booking)
        pence = asked_pence(booking)
        if shown_pence is not None and shown_pence != pence:
            raise NotYet(
                f"The provider now asks {pounds(pence)} for this visit. Look at it again before you approve it."
            )
        if booking.status is BookingStatus.PART_APPROVED:
            return await self._approve_rest(principal, booking)
        return await self.pay(principal, booking, pence, BookingStatus.APPROVED, reason=reason)

    async def pay(
        self, principal: Principal | None, booking: Booking, pence: int, to: BookingStatus, *, reason: str = ""
    ) -> Booking:
        """Approve a locked visit, whole or in part, and settle it. Without a principal: the person's rule does."""
        if pence > booking.cost_pence:
            pence = await self._beyond_plan(booking, pence)
        self._move(principal, booking, to, "bookings.approve_booking", reason)
        booking.approved_at, booking.ask_again_at = self.clock.now(), None
        booking.is_approved_by_rule = principal is None
        settlement = await settle(self.db, principal, booking, pence)
        booking.approved_pence = pence
        outbox.publish(
            self.db,
            BookingApproved(
                **ids_of(booking),
                cost_pence=pence,
                funding=booking.funding.value,
                visit_on=booking.visit_on,
                accrued_pence=settlement.accrued_pence,
            ),
        )
        return booking

    async def _approve_rest(self, principal: Principal, booking: Booking) -> Booking:
        rest = min(asked_pence(booking), booking.cost_pence) - (booking.approved_pence or 0)
        before = booking.approved_pence or 0
        # What went back to a card of it is paid by card again, not from the direct payment.
        direct = direct_part(booking, before + max(0, rest)) - direct_part(booking, before)
        if direct > 0:
            await self._need_free(booking, direct)
        self._move(principal, booking, BookingStatus.APPROVED, "bookings.approve_rest")
        settlement = await settle(self.db, principal, booking, max(0, rest), kind=REST)
        booking.approved_pence = (booking.approved_pence or 0) + max(0, rest)
        outbox.publish(
            self.db,
            BookingRestApproved(
                **ids_of(booking),
                pence=max(0, rest),
                funding=booking.funding.value,
                visit_on=booking.visit_on,
                accrued_pence=settlement.accrued_pence,
            ),
        )
        return booking

    async def _beyond_plan(self, booking: Booking, pence: int) -> int:
        """Make room for more than was promised, where it is there; a card was charged for the plan and no more."""
        if booking.funding is Funding.CARD:
            return booking.cost_pence
        await self._need_free(booking, pence - booking.cost_pence)
        booking.cost_pence = pence
        return pence

    async def _need_free(self, booking: Booking, pence: int) -> None:
        purse = await purse_of(self.db, booking.council_id, booking.person_id, locked=True)
        free = purse.free_pence if purse else 0
        if pence > free:
            raise NotEnoughLeft(
                {"funding": f"That is {pounds(pence)} more than was set aside, and {pounds(free)} is free to spend"},
                short_pence=pence - free,
                affordable_minutes=0,
            )

    async def dispute(self, principal: Principal, booking_id: UUID, reason: str) -> Booking:
        """Say that something was wrong with a visit. Its money stays promised until both sides agree.

        Raises:
            NotYet: Its time is not over.
            StepRefused: It was never agreed, or is settled already.
        """
        booking = await self._of_person(principal, Permission.BOOKINGS_APPROVE, booking_id)
        self.dispute_locked(principal, booking, reason)
        return booking

    def dispute_locked(self, principal: Principal, booking: Booking, reason: str) -> None:
        """Dispute a locked visit; who may say so was asked before. Raises what `dispute` does."""
        if booking.status not in CONFIRMABLE:
            # Of a visit to which nobody came its provider says so (`contest`), if the money is still there.
            raise StepRefused("This visit cannot be disputed now.")
        self._need_end(booking)
        self._move(principal, booking, BookingStatus.DISPUTED, "bookings.dispute_booking", reason)
        booking.ask_again_at = None
        outbox.publish(self.db, BookingDisputed(**ids_of(booking)))

    async def mark_funded(self, booking_id: UUID) -> bool:
        """The card payment has come: send the request to the provider. For `payments`, which holds no principal.

        A visit inside an agreement needs no further answer: it is planned.

        Returns:
            False when the booking did not wait for money any more, so that the payment has to be given back.
        """
        booking = await self.bookings.locked(booking_id)
        if booking is None or booking.status is not BookingStatus.AWAITING_PAYMENT:
            return False
        if booking.agreement_id is not None:
            self._move(None, booking, BookingStatus.PLANNED, "bookings.fund_booking")
            outbox.publish(self.db, BookingFunded(**ids_of(booking)))
            return True
        self._move(None, booking, BookingStatus.REQUESTED, "bookings.fund_booking")
        if booking.workers_needed == 0:
            # A place at an activity is agreed once it is paid: there is nobody to ask.
            self._move(None, booking, BookingStatus.ACCEPTED, "bookings.accept_booking")
            outbox.publish(self.db, BookingAccepted(**ids_of(booking)))
            return True
        publish_requested(self.db, booking)
        return True

    async def release_unpaid(self, booking_id: UUID) -> None:
        """The card payment will not come: free the time. Does nothing when the booking is past that."""
        booking = await self.bookings.locked(booking_id)
        if booking is not None and booking.status is BookingStatus.AWAITING_PAYMENT:
            self._cancel(None, booking, NOT_PAID_IN_TIME, refund_pence=0)

    async def end_refunded(self, booking_id: UUID) -> None:
        """The whole card payment was given back: a visit that nobody pays for does not take place."""
        booking = await self.bookings.locked(booking_id)
        waiting = TO_COME | {BookingStatus.AWAITING_PAYMENT}
        if booking is not None and booking.status in waiting and self.clock.now() < booking.ends_at:
            self._cancel(None, booking, MONEY_GIVEN_BACK, refund_pence=0)

    async def close_unanswered(self, booking_id: UUID) -> None:
        """Cancel a request that nobody answered before its start. All money is given back."""
        booking = await self.bookings.locked(booking_id)
        now = self.clock.now()
        if booking is not None and booking.status is BookingStatus.REQUESTED and booking.starts_at <= now:
            self._cancel(None, booking, NOT_ANSWERED, refund_pence=_all_of_card(booking))

    def _need_start(self, booking: Booking) -> None:
        if booking.status in CLAIMABLE and not may_claim(booking, self.clock.now()):
            raise NotYet("You can mark a visit as delivered once it has started.")

    def _need_end(self, booking: Booking) -> None:
        if booking.status in CONFIRMABLE and not may_confirm(booking, self.clock.now()):
            raise NotYet("You can say how the visit went when its time is over.")

    async def _of_person(self, principal: Principal, permission: Permission, booking_id: UUID) -> Booking:
        principal.require(permission)
        return await self.bookings.one(self.of_person(principal).where(Booking.id == booking_id), locked=True)

    async def _of_provider(self, principal: Principal, booking_id: UUID) -> Booking:
        principal.require(Permission.BOOKINGS_ANSWER)
        found = await self.bookings.maybe(self.of_provider(principal).where(Booking.id == booking_id), locked=True)
        if found is None:
            raise NotFound
        return found

    def _cancel(self, principal: Principal | None, booking: Booking, reason: str, *, refund_pence: int) -> None:
        self._move(principal, booking, BookingStatus.CANCELLED, "bookings.cancel_booking", reason)
        outbox.publish(self.db, BookingCancelled(**ids_of(booking), refund_pence=refund_pence))

    def _move(
        self, principal: Principal | None, booking: Booking, to: BookingStatus, action: str, reason: str = ""
    ) -> None:
        move(self.db, principal, booking, to, action, reason)


def _all_of_card(booking: Booking) -> int:
    return booking.cost_pence if booking.funding is Funding.CARD else booking.top_up_pence
