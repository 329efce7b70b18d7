"""What all verbs of feedback share: moving it, keeping who did it, and the copy on the listing's page."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.bookings import Booking
from marketplace.core.database import clock_of
from marketplace.providers.service.feedback import PublicFeedback, PublishedFeedbackService
from marketplace.quality.errors import FeedbackChanged
from marketplace.quality.models import Feedback
from marketplace.quality.repository.feedback import FeedbackRepository
from marketplace.quality.states import FEEDBACK, FeedbackStatus


class FeedbackSteps:
    """Base of the services."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.feedback = FeedbackRepository(db)
        self.public = PublishedFeedbackService(db)

    def _need_version(self, feedback: Feedback, version: int) -> None:
        if feedback.version != version:
            raise FeedbackChanged("Read it again, then decide.")

    async def _move(
        self,
        principal: Principal | None,
        feedback: Feedback,
        to: FeedbackStatus,
        action: str,
        booking: Booking | None = None,
        *,
        why: str = "",
    ) -> None:
        """Move a locked row and bring the listing's page up to date. Publishing needs the visit."""
        before = feedback.status
        FEEDBACK.move(self.db, feedback, to, by=principal.user_id if principal else None)
        self._audit(principal, feedback, action, before={"status": before}, after={"status": to}, why=why)
        await self.db.flush()
        if to is FeedbackStatus.PUBLISHED and booking is not None:
            await self.public.publish(
                feedback.council_id,
                PublicFeedback(
                    feedback_id=feedback.id,
                    listing_id=feedback.listing_id,
                    stars=feedback.stars,
                    words=feedback.words,
                    signed=feedback.signed,
                    visit_on=booking.visit_on,
                    published_at=self.clock.now(),
                    reply=feedback.reply,
                    replied_at=feedback.replied_at,
                ),
            )
        elif before is FeedbackStatus.PUBLISHED:
            await self.public.withdraw(feedback.council_id, feedback.id, feedback.listing_id)

    def _audit(
        self,
        principal: Principal | None,
        feedback: Feedback,
        action: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=feedback.council_id,
            subject_kind="feedback",
            subject_id=feedback.id,
            before=before,
            after=after,
            why=why,
        )


def event_ids(feedback: Feedback) -> dict[str, Any]:
    """Fields that every event of feedback carries."""
    return {
        "council_id": feedback.council_id,
        "feedback_id": feedback.id,
        "organisation_id": feedback.organisation_id,
        "listing_id": feedback.listing_id,
    }
