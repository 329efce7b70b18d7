"""Telling people about feedback: the council that some waits, the writer and the provider what became of it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.quality.events import FeedbackDecided, FeedbackEvent, FeedbackGiven, FeedbackReplied
from marketplace.quality.models import Feedback
from marketplace.quality.repository import FeedbackRepository, FeedbackView
from marketplace.quality.states import FeedbackStatus


@task("quality.tell_given", on=FeedbackGiven)
async def tell_given(message_id: UUID, event: FeedbackGiven) -> None:
    """Tell the council's accreditors that feedback waits for them. Nothing to tell where it was published at once."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "quality.tell_given", message_id):
            return
        feedback = (await _view(db, event)).feedback
        if feedback.status is FeedbackStatus.WAITING:
            link = f"{delivery.settings().public_url}/feedback-checks/{feedback.id}"
            messages = MessagingService(db)
            await messages.tell(event.council_id, "feedback_waits", {"link": link}, role=Role.ACCREDITOR)


@task("quality.tell_decided", on=FeedbackDecided)
async def tell_decided(message_id: UUID, event: FeedbackDecided) -> None:
    """Tell the writer what became of it, and the provider of what is now public."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "quality.tell_decided", message_id):
            return
        view = await _view(db, event)
        feedback, base, messages = view.feedback, delivery.settings().public_url, MessagingService(db)
        context = {"organisation": view.organisation.name, "listing": view.listing.title}
        is_published = event.status == FeedbackStatus.PUBLISHED
        await messages.tell(
            event.council_id,
            "feedback_published" if is_published else "feedback_refused",
            {**context, "link": f"{base}/feedback/{feedback.id}"},
            person_id=feedback.person_id,
        )
        if is_published:
            await _tell_provider(db, feedback, {**context, "link": f"{base}/provider/feedback/{feedback.id}"})


@task("quality.tell_replied", on=FeedbackReplied)
async def tell_replied(message_id: UUID, event: FeedbackReplied) -> None:
    """Tell the writer that the provider replied."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "quality.tell_replied", message_id):
            return
        view = await _view(db, event)
        context = {
            "organisation": view.organisation.name,
            "link": f"{delivery.settings().public_url}/feedback/{view.feedback.id}",
        }
        person_id = view.feedback.person_id
        await MessagingService(db).tell(event.council_id, "feedback_replied", context, person_id=person_id)


async def _tell_provider(db: AsyncSession, feedback: Feedback, context: dict[str, str]) -> None:
    """Tell those who may reply: the organisation's people, and the personal assistant who made the visit."""
    messages = MessagingService(db)
    organisation_id, council_id = feedback.organisation_id, feedback.council_id
    await messages.tell(
        council_id, "feedback_published_provider", context, organisation_id=organisation_id, role=Role.PROVIDER
    )
    await messages.tell(council_id, "feedback_published_provider", context, worker_id=feedback.worker_id, role=Role.PA)


async def _view(db: AsyncSession, event: FeedbackEvent) -> FeedbackView:
    rows = FeedbackRepository(db)
    view = await rows.view(rows.of(event.council_id).where(Feedback.id == event.feedback_id))
    if view is None:
        raise LookupError(f"Feedback {event.feedback_id} is gone")
    return view
