"""Background tasks of messaging: sending what waits, and telling people about their password."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.accounts.council_settings.table import ENTRIES
from marketplace.accounts.events import CouncilSettingDecided, PasswordChanged, PasswordResetRequested
from marketplace.accounts.models import PasswordReset, User
from marketplace.accounts.permissions import Role
from marketplace.accounts.service import reset_token
from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.schedule import every
from marketplace.messaging import delivery
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.messaging.quiet import quiet_until
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.repository_contact import ContactRepository
from marketplace.messaging.routing import BY_HAND
from marketplace.messaging.sending import envelope_of, send_and_note, send_secret
from marketplace.messaging.service import MessagingService


@outbox.task("messaging.deliver", on=MessageQueued)
async def deliver(message_id: UUID, event: MessageQueued) -> None:
    """Send a message that waits. It calls out, so it claims nothing: a message that is sent is left alone."""
    async with transaction(session_maker(), [event.council_id]) as db:
        messages = MessageRepository(db)
        message = await messages.maybe(messages.of(event.council_id).where(Message.id == event.message_id))
        if message is None or message.status is not MessageStatus.QUEUED:
            return
        if message.channel in BY_HAND or await _is_held(db, message):
            return
        envelope = envelope_of(message, message.body)
    await send_and_note(envelope, event.council_id)


async def _is_held(db: AsyncSession, message: Message) -> bool:
    """Whether a text that can wait arrives in its reader's quiet hours, asked when it would leave: it may be late."""
    if message.channel is not Channel.TEXT or message.is_urgent or message.person_id is None:
        return False
    preference = await ContactRepository(db).of_person(message.council_id, message.person_id)
    if preference is None:
        return False
    message.not_before = quiet_until(clock_of(db).now(), preference.quiet_from_hour, preference.quiet_until_hour)
    return message.not_before is not None


@every(timedelta(minutes=5), "messaging.send_held")
async def send_held() -> None:
    """Send the texts whose reader's quiet hours are over."""
    async with transaction(session_maker(), "every") as db:
        for message in await MessageRepository(db).held_until(clock_of(db).now()):
            message.not_before = None
            outbox.publish(db, MessageQueued(council_id=message.council_id, message_id=message.id))


@outbox.task("messaging.send_reset_link", on=PasswordResetRequested)
async def send_reset_link(message_id: UUID, event: PasswordResetRequested) -> None:
    """Send the link to choose a new password. What is kept of the message does not hold the link, which is a secret."""
    settings = delivery.settings()
    async with transaction(session_maker(), [event.council_id]) as db:
        now = clock_of(db).now()
        reset = await db.get(PasswordReset, event.reset_id)
        if reset is None or reset.used_at is not None or reset.expires_at <= now:
            return
        user = await db.get(User, reset.user_id)
        if user is None:
            return
        context = {"reader_name": user.name, "expires_at": reset.expires_at}
        to_address, user_id = user.email, user.id
    link = f"{settings.public_url}/new-password/{reset_token(settings.secret_key, event.reset_id)}"
    await send_secret(
        event.reset_id, event.council_id, to_address, "password_reset", context, {"reset_link": link}, user_id=user_id
    )


@outbox.task("messaging.tell_password_changed", on=PasswordChanged)
async def tell_password_changed(message_id: UUID, event: PasswordChanged) -> None:
    """Tell somebody that their password was changed, so that a thief does not go unnoticed."""
    context = {"forgotten_link": f"{delivery.settings().public_url}/forgotten-password"}
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "messaging.tell_password_changed", message_id):
            await MessagingService(db).tell(event.council_id, "password_changed", context, user_id=event.user_id)


@outbox.task("messaging.tell_setting_decided", on=CouncilSettingDecided)
async def tell_setting_decided(message_id: UUID, event: CouncilSettingDecided) -> None:
    """Managers hear what an administrator decided; of what concerns payments, those who release them, too."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "messaging.tell_setting_decided", message_id):
            return
        names = await AccountRepository(db).names({event.user_id})
        context = {
            "name": ENTRIES[event.key].name,
            "before": event.before,
            "after": event.after,
            "starts_on": event.starts_on,
            "why": event.why,
            "by": names.get(event.user_id, "An administrator"),
        }
        readers = [Role.MANAGER, Role.FINANCE_CHECKER] if event.key.startswith("payments.") else [Role.MANAGER]
        for role in readers:
            await MessagingService(db).tell(event.council_id, "setting_decided", context, role=role)
