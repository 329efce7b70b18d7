"""Questions asked of feedback: by its writer, by the council, by the provider it is about."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, not_, select, tuple_

from marketplace.bookings import Booking, BookingStatus
from marketplace.core.repository import Repository
from marketplace.providers.models import Listing, Organisation, Worker
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus

PAGE: Final = 20


class FeedbackView(NamedTuple):
    """Feedback with what it is about."""

    feedback: Feedback
    booking: Booking
    listing: Listing
    organisation: Organisation
    worker_name: str


class VisitView(NamedTuple):
    """A visit that may be spoken about."""

    booking: Booking
    listing_title: str
    organisation_name: str
    worker_name: str


class FeedbackRepository(Repository[Feedback]):
    """Feedback."""

    model_type = Feedback

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[Feedback]:
        """Start a question about what one person said, or what was said for them."""
        return self.of(council_id).where(Feedback.person_id == person_id)

    def of_provider(
        self, councils: Sequence[UUID], organisation_id: UUID, worker_id: UUID | None = None
    ) -> Select[Feedback]:
        """Start a question about published feedback on an organisation, or on one of its workers."""
        question = select(Feedback).where(
            Feedback.council_id.in_(councils),
            Feedback.organisation_id == organisation_id,
            Feedback.status == FeedbackStatus.PUBLISHED,
        )
        return question if worker_id is None else question.where(Feedback.worker_id == worker_id)

    async def of_booking(self, council_id: UUID, booking_id: UUID, *, locked: bool = False) -> Feedback | None:
        """Return what was said about a visit."""
        return await self.maybe(self.of(council_id).where(Feedback.booking_id == booking_id), locked=locked)

    async def view(self, question: Select[Feedback]) -> FeedbackView | None:
        """Return one piece of feedback with what it is about."""
        row = (await self.db.execute(_with_names(question).limit(1))).first()
        return FeedbackView(*row) if row else None

    async def page(
        self, question: Select[Feedback], after: Feedback | None, *, oldest_first: bool
    ) -> list[FeedbackView]:
        """Return feedback by when it was given, one more than a page."""
        place = tuple_(Feedback.given_at, Feedback.id)
        if after is not None:
            mark = tuple_(after.given_at, after.id)
            question = question.where(place > mark if oldest_first else place < mark)
        if oldest_first:
            question = question.order_by(Feedback.given_at, Feedback.id)
        else:
            question = question.order_by(Feedback.given_at.desc(), Feedback.id.desc())
        return [FeedbackView(*row) for row in await self.db.execute(_with_names(question.limit(PAGE + 1)))]

    async def visit(self, question: Select[Booking]) -> VisitView | None:
        """Return one visit with its names."""
        row = (await self.db.execute(_visit_names(question).limit(1))).first()
        return VisitView(*row) if row else None

    async def unrated(self, question: Select[Booking], since: date, limit: int) -> list[VisitView]:
        """Return confirmed visits from a day on about which nothing was said, the newest first."""
        said = exists().where(Feedback.booking_id == Booking.id)
        question = (
            question.where(Booking.status == BookingStatus.APPROVED, Booking.visit_on >= since, not_(said))
            .order_by(Booking.starts_at.desc(), Booking.id.desc())
            .limit(limit)
        )
        return [VisitView(*row) for row in await self.db.execute(_visit_names(question))]


def _with_names(question: Select[Feedback]) -> Any:
    return (
        question.join(Booking, Booking.id == Feedback.booking_id)
        .join(Listing, Listing.id == Feedback.listing_id)
        .join(Organisation, Organisation.id == Feedback.organisation_id)
        .join(Worker, Worker.id == Feedback.worker_id)
        .add_columns(Booking, Listing, Organisation, Worker.name)
    )


def _visit_names(question: Select[Booking]) -> Any:
    return (
        question.join(Listing, Listing.id == Booking.listing_id)
        .join(Organisation, Organisation.id == Booking.organisation_id)
        .join(Worker, Worker.id == Booking.worker_id)
        .add_columns(Listing.title, Organisation.name, Worker.name)
    )
