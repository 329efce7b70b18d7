"""Handing a stored message to the carrier, and e-mail that holds a secret."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.messaging import delivery
from marketplace.messaging.delivery import DeliveryRefused, Envelope
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.repository_contact import ContactRepository
from marketplace.messaging.routing import BY_HAND, way_after_refusal, without_links
from marketplace.messaging.service import MessagingService, write

log = structlog.get_logger(__name__)

NOT_KEPT: Final = "(The link was sent to you. It is not kept here.)"


async def send_secret(
    message_id: UUID,
    council_id: UUID,
    to_address: str,
    template: str,
    context: Mapping[str, Any],
    secrets: Mapping[str, str],
    *,
    user_id: UUID | None = None,
) -> None:
    """Send an e-mail with a secret in it, to any address. What is kept of the message does not hold the secret.

    It calls out, so it claims nothing: the message id comes from the row that the secret belongs to, and a message that
    is sent is left alone. Runs in transactions of its own.

    Args:
        message_id: One message for a secret, however often this runs.
        council_id: Whose message it is.
        to_address: E-mail address of the reader, who need not have an account.
        template: Name in `templates/emails`.
        context: Its values.
        secrets: More values, kept nowhere.
        user_id: The reader, where it is a user.
    """
    async with transaction(session_maker(), [council_id]) as db:
        messages = MessageRepository(db)
        message = await messages.maybe(messages.of(council_id).where(Message.id == message_id))
        if message is None:
            subject, body = write(template, {**context, **dict.fromkeys(secrets, NOT_KEPT)})
            message = Message(
                id=message_id,
                council_id=council_id,
                user_id=user_id,
                channel=Channel.EMAIL,
                to_address=to_address,
                template=template,
                subject=subject,
                body=body,
                status=MessageStatus.QUEUED,
                created_at=clock_of(db).now(),
            )
            db.add(message)
        elif message.status is not MessageStatus.QUEUED:
            return
        envelope = envelope_of(message, write(template, {**context, **secrets})[1])
    await send_and_note(envelope, council_id)


def envelope_of(message: Message, body: str) -> Envelope:
    """Return a message as it is handed over, with a body. A text carries its own short words and no subject."""
    is_text = message.channel is Channel.TEXT
    return Envelope(
        message_id=message.id,
        channel=message.channel,
        to_address=message.to_address,
        subject="" if is_text else message.subject,
        body=message.short_words if is_text else body,
        created_at=message.created_at,
    )


async def send_and_note(envelope: Envelope, council_id: UUID) -> None:
    """Send outside any transaction, then write down how it went. What a person's carrier refuses goes another way."""
    is_refused = False
    try:
        await delivery.carrier().send(envelope)
    except DeliveryRefused as error:
        log.warning("message-refused", message_id=str(envelope.message_id), reason=str(error))
        is_refused = True
    async with transaction(session_maker(), [council_id]) as db:
        message = await MessageRepository(db).find(council_id, envelope.message_id, locked=True)
        if message.status is not MessageStatus.QUEUED or message.channel is not envelope.channel:
            return  # Another try has written it down already.
        if not is_refused:
            message.status, message.sent_at = MessageStatus.SENT, clock_of(db).now()
        elif message.person_id is not None:
            await send_another_way(db, message, message.person_id)
        else:
            message.status = MessageStatus.FAILED


async def send_another_way(db: AsyncSession, message: Message, person_id: UUID) -> None:
    """Turn a person's message that no carrier takes to the next way: e-mail after a text, then the council's list."""
    contacts = ContactRepository(db)
    preference = await contacts.of_person(message.council_id, person_id)
    owner = await contacts.own_user(message.council_id, person_id)
    way = way_after_refusal(message.channel, preference, owner.email if owner else "")
    message.channel, message.to_address, message.not_before = way.channel, way.to_address, None
    message.short_words = ""
    await db.flush()
    if way.channel not in BY_HAND:
        outbox.publish(db, MessageQueued(council_id=message.council_id, message_id=message.id))
        return
    message.body = without_links(message.body, delivery.settings().public_url)
    if message.is_urgent:
        await MessagingService(db).tell_by_hand_now(message)
