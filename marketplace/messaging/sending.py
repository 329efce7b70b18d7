"""Handing a stored message to the carrier, and e-mail that holds a secret."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import structlog

from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.messaging import delivery
from marketplace.messaging.delivery import DeliveryRefused, Envelope
from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.service import write

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
    """Return a message as it is handed over, with a body."""
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
