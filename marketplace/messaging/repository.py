"""Who is to be told."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select

from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.repository import Repository
from marketplace.messaging.models import Message, MessageStatus

HELD_BATCH: Final = 200


class MessageRepository(Repository[Message]):
    """Messages and their readers."""

    model_type = Message

    async def readers(
        self,
        council_id: UUID,
        on: date,
        *,
        user_id: UUID | None = None,
        person_id: UUID | None = None,
        organisation_id: UUID | None = None,
        worker_id: UUID | None = None,
        role: Role | None = None,
    ) -> Sequence[User]:
        """Return the users who hold a matching role in the council on a day."""
        question = (
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.council_id == council_id,
                Membership.starts_on <= on,
                or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                User.is_active,
            )
        )
        if user_id is not None:
            question = question.where(User.id == user_id)
        if person_id is not None:
            question = question.where(Membership.person_id == person_id)
        if worker_id is not None:
            question = question.where(Membership.worker_id == worker_id)
        elif organisation_id is not None:
            question = question.where(Membership.organisation_id == organisation_id)
        if role is not None:
            question = question.where(Membership.role == role)
        return (await self.db.scalars(question.distinct().order_by(User.id).limit(50))).all()

    async def held_until(self, now: datetime) -> Sequence[Message]:
        """Return messages whose quiet hours are over, of the councils in reach, locked; those of another worker not."""
        question = (
            select(Message)
            .where(Message.not_before <= now, Message.status == MessageStatus.QUEUED)
            .order_by(Message.not_before, Message.id)
            .limit(HELD_BATCH)
            .with_for_update(skip_locked=True)
        )
        return (await self.db.scalars(question)).all()
