"""Questions asked of letters and calls: what waits for somebody at the council, and what was done."""

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.messaging.models import Message, MessageStatus
from marketplace.messaging.routing import BY_HAND
from marketplace.people.models import Person

PAGE: Final = 25


class ToSend(NamedTuple):
    """A letter or a call, and whom it is for."""

    message: Message
    person: Person


class ToSendRepository:
    """Letters and calls of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    def of(self, council_id: UUID) -> Select[Message, Person]:
        """Start a question that cannot leave the council."""
        return (
            select(Message, Person)
            .join(Person, and_(Person.id == Message.person_id, Person.council_id == Message.council_id))
            .where(Message.council_id == council_id, Message.channel.in_(BY_HAND))
        )

    async def waiting(self, council_id: UUID, after: UUID | None) -> list[ToSend]:
        """Return what waits, urgent things first, then the oldest; one more than a page."""
        question = self.of(council_id).where(Message.status == MessageStatus.QUEUED)
        last = await self._message(council_id, after)
        if last is not None:
            later = and_(
                Message.is_urgent == last.is_urgent,
                tuple_(Message.created_at, Message.id) > tuple_(last.created_at, last.id),
            )
            question = question.where(or_(later, Message.is_urgent.is_(False)) if last.is_urgent else later)
        question = question.order_by(Message.is_urgent.desc(), Message.created_at, Message.id).limit(PAGE + 1)
        return [ToSend(row[0], row[1]) for row in await self.db.execute(question)]

    async def done(self, council_id: UUID, after: UUID | None) -> list[ToSend]:
        """Return what was done, or given up, the newest message first; one more than a page."""
        question = self.of(council_id).where(Message.status != MessageStatus.QUEUED)
        last = await self._message(council_id, after)
        if last is not None:
            question = question.where(tuple_(Message.created_at, Message.id) < tuple_(last.created_at, last.id))
        question = question.order_by(Message.created_at.desc(), Message.id.desc()).limit(PAGE + 1)
        return [ToSend(row[0], row[1]) for row in await self.db.execute(question)]

    async def find(self, council_id: UUID, message_id: UUID, *, locked: bool = False) -> ToSend:
        """Return one letter or call.

        Raises:
            NotFound: There is none in the council.
        """
        question = self.of(council_id).where(Message.id == message_id)
        if locked:
            question = question.with_for_update(of=Message).execution_options(populate_existing=True)
        row = (await self.db.execute(question)).first()
        if row is None:
            raise NotFound
        return ToSend(row[0], row[1])

    async def _message(self, council_id: UUID, message_id: UUID | None) -> Message | None:
        if message_id is None:
            return None
        found: Message | None = await self.db.scalar(
            select(Message).where(Message.council_id == council_id, Message.id == message_id)
        )
        return found
