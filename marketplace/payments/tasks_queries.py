"""Background work of suppliers' questions: both sides hear of them by e-mail."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.messaging import MessagingService
from marketplace.payments.events import PaymentQueryAnswered, PaymentQueryAsked
from marketplace.payments.repository.queries import QueryRepository
from marketplace.payments.states import PaymentQueryStatus


@outbox.task("payments.tell_query_asked", on=PaymentQueryAsked)
async def tell_query_asked(message_id: UUID, event: PaymentQueryAsked) -> None:
    """Finance hears of a supplier's question, or that one is chased."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_query_asked", message_id):
            return
        context, status = await _context(db, event)
        if status is not PaymentQueryStatus.OPEN:
            return  # Answered or closed while the message waited.
        template = "payment_query_chased" if event.is_chase else "payment_query_asked"
        await MessagingService(db).tell(event.council_id, template, context, role=Role.FINANCE)


@outbox.task("payments.tell_query_answered", on=PaymentQueryAnswered)
async def tell_query_answered(message_id: UUID, event: PaymentQueryAnswered) -> None:
    """The organisation hears that there is an answer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_query_answered", message_id):
            return
        context, _ = await _context(db, event)
        await MessagingService(db).tell(
            event.council_id, "payment_query_answered", context, organisation_id=event.organisation_id
        )


async def _context(
    db: AsyncSession, event: PaymentQueryAsked | PaymentQueryAnswered
) -> tuple[dict[str, object], PaymentQueryStatus]:
    query, organisation, council, number, _ = await QueryRepository(db).one_row(event.query_id, [event.council_id])
    # Questions may name a person, so the words stay on the page behind the sign-in.
    context: dict[str, object] = {
        "organisation_name": organisation,
        "council_name": council,
        "number": number or "",
        "answer_by": query.answer_by,
        "chase_count": query.chase_count,
    }
    return context, query.status
