"""What people do: say how a confirmed visit was, once for each, and take it back.

Good and bad go the same way, nothing is offered for it, and only a visit that the person confirmed can be spoken
about (domain.md 4.9; Digital Markets, Competition and Consumers Act 2024, schedule 20).
"""

from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError

from marketplace.accounts import Permission, Principal, Role, setting
from marketplace.bookings import FEEDBACK_WITHIN, Booking, BookingRepository, BookingStatus
from marketplace.core.clock import today
from marketplace.core.errors import NotFound, broken_constraint
from marketplace.core.formats import uk_date
from marketplace.core.outbox import publish
from marketplace.quality.errors import AlreadyGiven, NotToBeRated
from marketplace.quality.events import FeedbackDecided, FeedbackGiven
from marketplace.quality.models import Feedback
from marketplace.quality.repository.feedback import VisitView
from marketplace.quality.schemas import RELATIVE, FeedbackForm, Signing
from marketplace.quality.service.steps import FeedbackSteps, event_ids
from marketplace.quality.states import FEEDBACK, FeedbackStatus

VISITS_SHOWN = 10


class FeedbackService(FeedbackSteps):
    """The writer's side: the person, and who acts for them."""

    def of_person(self, principal: Principal) -> Select[Feedback]:
        """Start a question about what was said by, or for, who is signed in or acted for."""
        principal.require(Permission.FEEDBACK_GIVE)
        return self.feedback.of_person(principal.council_id, principal.need_person())

    async def unrated(self, principal: Principal) -> list[VisitView]:
        """Return the newest visits about which something may be said."""
        since = today(self.clock) - FEEDBACK_WITHIN
        return await self.feedback.unrated(self._visits(principal), since, VISITS_SHOWN)

    async def visit(self, principal: Principal, booking_id: UUID) -> VisitView:
        """Return a visit about which something may be said.

        Raises:
            NotFound: Not theirs.
            NotToBeRated: It was not confirmed, or is too long ago.
        """
        view = await self.feedback.visit(self._visits(principal).where(Booking.id == booking_id))
        if view is None:
            raise NotFound
        if view.booking.status is not BookingStatus.APPROVED:
            raise NotToBeRated("You can say how a visit was when you have confirmed that it took place.")
        if view.booking.visit_on < today(self.clock) - FEEDBACK_WITHIN:
            day = uk_date(view.booking.visit_on)
            raise NotToBeRated(f"This visit was on {day}. You can say how a visit was for {FEEDBACK_WITHIN.days} days.")
        return view

    async def said(self, principal: Principal, booking_id: UUID) -> Feedback | None:
        """Return what was said about a visit."""
        principal.require(Permission.FEEDBACK_GIVE)
        question = self.of_person(principal).where(Feedback.booking_id == booking_id)
        return await self.feedback.maybe(question)

    async def give(self, principal: Principal, form: FeedbackForm) -> Feedback:
        """Say how a visit was. What the council refused may be written anew; it is then looked at again.

        Raises:
            NotFound, NotToBeRated: As `visit`.
            AlreadyGiven: It was said before and not refused.
        """
        view = await self.visit(principal, form.booking_id)
        booking = view.booking
        earlier = await self.feedback.of_booking(principal.council_id, booking.id, locked=True)
        if earlier is not None:
            return self._write_anew(principal, earlier, form)
        feedback = Feedback(
            council_id=booking.council_id,
            booking_id=booking.id,
            person_id=booking.person_id,
            listing_id=booking.listing_id,
            organisation_id=booking.organisation_id,
            worker_id=booking.worker_id,
            status=FeedbackStatus.WAITING,
            stars=form.stars,
            words=form.words,
            signed=signed(principal, form.signing),
            given_by_user_id=principal.user_id,
            given_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(feedback)
        except IntegrityError as error:
            if broken_constraint(error) == "ix_feedback_booking_id":
                raise AlreadyGiven from error
            raise
        FEEDBACK.begin(self.db, feedback, by=principal.user_id)
        self._audit(
            principal,
            feedback,
            "quality.give_feedback",
            after={"status": feedback.status, "booking_id": booking.id, "stars": form.stars, "is_own": True},
        )
        publish(self.db, FeedbackGiven(**event_ids(feedback)))
        if not await setting(self.db, booking.council_id, "quality.check_feedback", today(self.clock)):
            feedback.decided_at = self.clock.now()
            await self._move(None, feedback, FeedbackStatus.PUBLISHED, "quality.publish_feedback", booking)
            publish(self.db, FeedbackDecided(**event_ids(feedback), status=feedback.status.value))
        return feedback

    async def withdraw(self, principal: Principal, feedback_id: UUID) -> Feedback:
        """Take it back. It leaves the listing's page at once and cannot be written again.

        Raises:
            NotFound: Not theirs.
            StepRefused: It was taken back before.
        """
        feedback = await self.feedback.one(self.of_person(principal).where(Feedback.id == feedback_id), locked=True)
        await self._move(principal, feedback, FeedbackStatus.WITHDRAWN, "quality.withdraw_feedback")
        return feedback

    def _write_anew(self, principal: Principal, feedback: Feedback, form: FeedbackForm) -> Feedback:
        if feedback.status is not FeedbackStatus.REFUSED:
            raise AlreadyGiven
        # What was refused once is looked at, whatever the council's setting.
        FEEDBACK.move(self.db, feedback, FeedbackStatus.WAITING, by=principal.user_id)
        feedback.stars, feedback.words = form.stars, form.words
        feedback.signed = signed(principal, form.signing)
        feedback.given_by_user_id, feedback.given_at = principal.user_id, self.clock.now()
        feedback.reason, feedback.decided_by_user_id, feedback.decided_at = "", None, None
        self._audit(
            principal,
            feedback,
            "quality.give_feedback",
            before={"status": FeedbackStatus.REFUSED},
            after={"status": feedback.status, "stars": form.stars, "is_own": True},
        )
        publish(self.db, FeedbackGiven(**event_ids(feedback)))
        return feedback

    def _visits(self, principal: Principal) -> Select[Booking]:
        principal.require(Permission.FEEDBACK_GIVE)
        return BookingRepository(self.db).of_person(principal.council_id, principal.need_person())


def signed(principal: Principal, signing: Signing) -> str:
    """Write how somebody is named in public; empty names nobody."""
    if signing is Signing.FIRST_NAME:
        return principal.name.split()[0] if principal.name.split() else ""
    return RELATIVE if signing is Signing.RELATIVE else ""


def is_representative(principal: Principal) -> bool:
    """Whether somebody writes for another person."""
    return principal.role is Role.REPRESENTATIVE
