"""Handing one message to the carrier, once, and writing down how it went."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.messaging import delivery
from marketplace.messaging.delivery import DeliveryRefused, Envelope
from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.service import write

log = structlog.get_logger(__name__)

NOT_KEPT = "(The link was sent to you. It is not kept here.)"


async def send_link(
    council_id: UUID, message_id: UUID, to_address: str, template: str, context: Mapping[str, Any], link: str
) -> None:
    """Send a message with a secret link to somebody who may have no account. What is kept does not hold the link.

    Args:
        council_id: Among whose messages it is kept.
        message_id: Its id: one message, however often this runs.
        to_address: E-mail address.
        template: Name of the template, which writes the link as `link`.
        context: What else it needs.
        link: The whole address.
    """
    async with transaction(session_maker(), [council_id]) as db:
        message = await db.get(Message, message_id)
        if message is None:
            subject, body = write(template, {**context, "link": NOT_KEPT})
            message = Message(
                id=message_id,
                council_id=council_id,
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
        envelope = envelope_of(message, write(template, {**context, "link": link})[1])
    await send_and_note(envelope, council_id)


def envelope_of(message: Message, body: str) -> Envelope:
    """Return what the carrier needs of a message, with the body that is really sent."""
    return Envelope(
        message_id=message.id,
        channel=message.channel,
        to_address=message.to_address,
        subject=message.subject,
        body=body,
        created_at=message.created_at,
    )


async def send_and_note(envelope: Envelope, council_id: UUID) -> None:
    """Send outside any transaction, then write down how it went."""
    outcome = MessageStatus.SENT
    try:
        await delivery.carrier().send(envelope)
    except DeliveryRefused as error:
        log.warning("message-refused", message_id=str(envelope.message_id), reason=str(error))
        outcome = MessageStatus.FAILED
    async with transaction(session_maker(), [council_id]) as db:
        message = await MessageRepository(db).find(council_id, envelope.message_id, locked=True)
        if message.status is MessageStatus.QUEUED:
            message.status = outcome
            if outcome is MessageStatus.SENT:
                message.sent_at = clock_of(db).now()
