"""Writing messages: rows in the caller's transaction, delivered after it commits."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import formats, outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, Message
from marketplace.messaging.repository import MessageRepository

EMAILS = Path(__file__).resolve().parents[2] / "templates" / "emails"


@cache
def _environment() -> Environment:
    """Plain-text templates: the first line is the subject, the body follows after an empty line."""
    environment = Environment(
        loader=FileSystemLoader(EMAILS),
        autoescape=False,  # noqa: S701 - the result is plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        pounds=formats.pounds,
        uk_date=formats.uk_date,
        uk_datetime=formats.uk_datetime,
        uk_deadline=formats.uk_deadline,
        uk_time=formats.uk_time,
    )
    return environment


def write(template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Render an e-mail; returns subject and body. Header injection is impossible: the subject is one line."""
    whole = _environment().get_template(f"{template}.txt").render(context)
    subject, _, body = whole.partition("\n")
    return subject.strip(), body.strip() + "\n"


class MessagingService:
    """Telling people things."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.messages = MessageRepository(db)

    async def tell(
        self,
        council_id: UUID,
        template: str,
        context: Mapping[str, Any],
        *,
        user_id: UUID | None = None,
        person_id: UUID | None = None,
        organisation_id: UUID | None = None,
        worker_id: UUID | None = None,
        role: Role | None = None,
    ) -> int:
        """Queue an e-mail from `templates/emails/{template}.txt` to those concerned.

        Readers are users with a role in the council that fits every filter given: the person (and who acts for them),
        an organisation's people, one worker, or everybody in a role. The transaction must reach the council.

        Returns:
            How many messages were queued; 0 when nobody fits.
        """
        if not any((user_id, person_id, organisation_id, worker_id, role)):
            raise ValueError("A message needs a reader")
        clock = clock_of(self.db)
        readers = await self.messages.readers(
            council_id,
            today(clock),
            user_id=user_id,
            person_id=person_id,
            organisation_id=organisation_id,
            worker_id=worker_id,
            role=role,
        )
        for reader in readers:
            subject, body = write(template, {**context, "reader_name": reader.name})
            message = Message(
                council_id=council_id,
                user_id=reader.id,
                channel=Channel.EMAIL,
                to_address=reader.email,
                template=template,
                subject=subject,
                body=body,
                created_at=clock.now(),
            )
            self.db.add(message)
            await self.db.flush()
            outbox.publish(self.db, MessageQueued(council_id=council_id, message_id=message.id))
        return len(readers)
