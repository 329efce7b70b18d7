"""Telling people about feedback and monitoring: what waits for them, and what became of it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.providers.service.telling import tell_organisation
from marketplace.quality.events import FeedbackDecided, FeedbackEvent, FeedbackGiven, FeedbackReplied, ReturnMoved
from marketplace.quality.models import Feedback, MonitoringReturn
from marketplace.quality.repository.feedback import FeedbackRepository, FeedbackView
from marketplace.quality.service.monitoring import MonitoringService, quarter_words
from marketplace.quality.states import FeedbackStatus, ReturnStatus


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


@every(timedelta(hours=6), "quality.open_returns")
async def open_returns() -> None:
    """Open the monitoring returns of the quarter that ended, and remind of those that are due soon."""
    async with transaction(session_maker(), "every") as db:
        service = MonitoringService(db)
        await service.open_quarter()
        await service.remind()


@task("quality.tell_return", on=ReturnMoved)
async def tell_return(message_id: UUID, event: ReturnMoved) -> None:
    """Tell an organisation that a return waits for it, was reviewed or queried. Councils look at their list."""
    if event.status == ReturnStatus.SENT:
        return
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "quality.tell_return", message_id):
            return
        row = await db.get(MonitoringReturn, event.return_id)
        if row is None:
            return
        context = {
            "quarter": quarter_words(row.from_day),
            "status": event.status,
            "due_on": row.due_on,
            "is_reminder": row.reminded_at is not None,
            "review": row.review,
            "link": f"{delivery.settings().public_url}/provider/monitoring/{row.id}",
        }
        await tell_organisation(db, row.organisation_id, "monitoring_return", context)


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
