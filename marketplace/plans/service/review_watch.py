"""Reviews that follow from what happens elsewhere: a direct payment, a facilitator who leaves, a death."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.outbox import publish
from marketplace.plans.dates import direct_payment_review
from marketplace.plans.events import ReviewHandedOn
from marketplace.plans.models import ReviewKind
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.repository.review_watch import PaidPerson, ReviewWatchRepository
from marketplace.plans.service.review_rows import add_review, note, touch
from marketplace.plans.states import REVIEW, ReviewStatus

DIED = "The person has died"
PAYMENT_ENDED = "The direct payment has ended"


class ReviewWatchService:
    """What the daily look and events of other packages do to reviews. Nobody asks for it, so no principal."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.reviews = ReviewRepository(db)
        self.watch = ReviewWatchRepository(db)

    async def set_direct_payment_reviews(self, limit: int) -> int:
        """Set the next review for people whose direct payment has none to come. Returns how many."""
        day = today(self.clock)
        found = await self.watch.paid_without_review(day, limit)
        for paid in found:
            await self._set_for(paid, day)
        return len(found)

    async def end_direct_payment_reviews(self, limit: int) -> int:
        """Cancel reviews of direct payments that have ended. Returns how many."""
        found = await self.watch.without_payment(today(self.clock), limit)
        for review in found:
            REVIEW.move(self.db, review, ReviewStatus.CANCELLED, by=None, why=PAYMENT_ENDED)
        await self.db.flush()
        return len(found)

    async def free_reviews(self, limit: int) -> int:
        """Take reviews to come from facilitators who left, with the reason (L16). Returns how many."""
        found = await self.watch.held_by_leavers(today(self.clock), limit)
        for review, name in found:
            before = {"worker_id": review.facilitator_id, "user_id": review.facilitator_user_id}
            review.facilitator_id = review.facilitator_user_id = None
            review.facilitator_reason = f"{name} has left"
            touch(review)
            await self.db.flush()
            note(self.db, None, review, "plans.free_review", before=before, after={})
            publish(
                self.db, ReviewHandedOn(council_id=review.council_id, review_id=review.id, person_id=review.person_id)
            )
        return len(found)

    async def stop_for_death(self, council_id: UUID, person_id: UUID) -> None:
        """Cancel the reviews to come of somebody who has died: nobody is reminded of them."""
        for review in await self.watch.open_of_person(council_id, person_id):
            REVIEW.move(self.db, review, ReviewStatus.CANCELLED, by=None, why=DIED)
        await self.db.flush()

    async def undo_death(self, council_id: UUID, person_id: UUID) -> None:
        """Set the reviews again that a death recorded by mistake had cancelled; their day is booked anew."""
        for review in await self.watch.cancelled_of_person(council_id, person_id, DIED):
            REVIEW.move(self.db, review, ReviewStatus.DUE, by=None, why="The death was recorded by mistake")
            review.booked_on, review.booked_at_time = None, ""
        await self.db.flush()

    async def _set_for(self, paid: PaidPerson, day: date) -> None:
        months: Mapping[str, int] = await setting(
            self.db, paid.plan.council_id, "plans.direct_payment_review_months", day
        )
        dates = direct_payment_review(paid.started_on, paid.last_held_on, months, day)
        began = f"The direct payment began on {uk_date(paid.started_on)}"
        await add_review(
            self.db, paid.plan, ReviewKind.DIRECT_PAYMENT, dates, in_place_on=paid.started_on, by=None, why=began
        )
