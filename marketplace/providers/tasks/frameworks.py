"""Telling organisations of rounds, and both sides of questions."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts.permissions import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.providers.events import FrameworkQuestionChanged, RoundAnnounced
from marketplace.providers.repository.engagement import EngagementRepository, QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.round_writing import RoundService
from marketplace.providers.service.frameworks.rounds import round_state
from marketplace.providers.service.telling import tell_organisation


@every(timedelta(minutes=5), "providers.announce_rounds")
async def announce_rounds() -> None:
    """Announce rounds that have opened or close within seven days; each of these once."""
    async with transaction(session_maker(), "every") as db:
        await RoundService(db).announce_due()


@task("providers.tell_round", on=RoundAnnounced)
async def tell_round(message_id: UUID, event: RoundAnnounced) -> None:
    """Tell organisations that are interested, accredited or applying of a round."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_round", message_id):
            return
        repository, entries = FrameworkRepository(db), EngagementRepository(db)
        row = await repository.round(event.round_id)
        if event.what != "cancelled" and round_state(row, clock_of(db).now()) != "open":
            # It was cancelled, or closed, before this was delivered: what it would say is no longer true.
            return
        framework = await repository.framework(row.framework_id)
        council = await repository.council(row.council_id)
        lots = await repository.lots(row.version_id)
        sent = await entries.sent(row.id)
        context = {
            "what": event.what,
            "framework": framework.name,
            "council": council.name,
            "round": row.name,
            "closes_at": row.closes_at,
            "questions_until": row.questions_until,
            "decides_on": row.decides_on,
            "because": row.cancelled_because,
            "link": f"{site_address()}/frameworks/{council.slug}/{framework.slug}",
        }
        services = {lot.service_line for lot in lots}
        for organisation_id in await entries.audience(row, services, today(clock_of(db))):
            is_sent = organisation_id in sent
            if event.what == "closing" and is_sent:
                continue
            await tell_organisation(db, organisation_id, "round_announced", {**context, "is_sent": is_sent})


@task("providers.tell_framework_question", on=FrameworkQuestionChanged)
async def tell_framework_question(message_id: UUID, event: FrameworkQuestionChanged) -> None:
    """Tell the council that a question waits, or whoever asked that the answer is there."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_framework_question", message_id):
            return
        repository = FrameworkRepository(db)
        question = await QuestionRepository(db).find(event.council_id, event.question_id)
        row = await repository.round(event.round_id)
        framework = await repository.framework(row.framework_id)
        council = await repository.council(row.council_id)
        context = {"framework": framework.name, "round": row.name, "council": council.name}
        if not event.is_answered:
            link = f"{site_address()}/accreditation/questions/{question.id}"
            told = {**context, "link": link}
            await MessagingService(db).tell(event.council_id, "framework_question", told, role=Role.ACCREDITOR)
        elif question.organisation_id is not None:
            link = f"{site_address()}/frameworks/{council.slug}/{framework.slug}"
            told = {**context, "question": question.published_question, "answer": question.answer, "link": link}
            await tell_organisation(db, question.organisation_id, "framework_answer", told)
