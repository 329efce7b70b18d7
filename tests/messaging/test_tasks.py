"""Messages are sent once and noted; links to choose a password reach their reader and nobody else."""

from collections.abc import Generator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.events import PasswordChanged, PasswordResetRequested
from marketplace.accounts.models import PasswordReset
from marketplace.accounts.permissions import Role
from marketplace.accounts.service import AccountService, reset_token, token_hash
from marketplace.core import ids, outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver as deliver_one
from marketplace.core.settings import Settings
from marketplace.messaging import MessagingService, delivery, tasks
from marketplace.messaging.delivery import DeliveryRefused, Envelope
from marketplace.messaging.models import Message, MessageStatus
from tests.factories import Member, make_member


class Mailbox:
    """A carrier that keeps what it gets, or refuses it."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.error: Exception | None = None

    async def send(self, envelope: Envelope) -> None:
        """Keep it."""
        if self.error is not None:
            raise self.error
        self.envelopes.append(envelope)


@pytest.fixture
def mailbox(settings: Settings) -> Generator[Mailbox, None, None]:
    made = Mailbox()
    delivery.use_settings(settings, made)
    yield made
    delivery.use_settings(None)


async def _relay(db: AsyncSession) -> None:
    """Hand over and handle what waits, as the scheduler and a worker do, until nothing does."""
    await db.flush()
    while deliveries := await outbox.relay(db):
        for item in deliveries:
            await deliver_one(item)
    await scope_to(db, "every")  # The tests' one connection keeps the scope of the transaction before.


async def _queued(db: AsyncSession) -> tuple[Member, Message]:
    member = await make_member(db, Role.BROKER)
    context = {"forgotten_link": "http://testserver/forgotten-password"}
    await MessagingService(db).tell(member.council.id, "password_changed", context, user_id=member.user.id)
    await db.flush()
    message = (await db.scalars(select(Message).where(Message.user_id == member.user.id))).one()
    return member, message


async def test_a_queued_message_is_sent_once_and_noted(db: AsyncSession, mailbox: Mailbox, clock: FixedClock) -> None:
    member, message = await _queued(db)
    event = tasks.MessageQueued(council_id=member.council.id, message_id=message.id)
    await tasks.deliver(ids.new_id(), event)
    await tasks.deliver(ids.new_id(), event)
    [envelope] = mailbox.envelopes
    assert (envelope.message_id, envelope.to_address) == (message.id, member.user.email)
    await db.refresh(message)
    assert (message.status, message.sent_at) == (MessageStatus.SENT, clock.now())


async def test_what_the_carrier_never_takes_is_marked_and_not_tried_again(db: AsyncSession, mailbox: Mailbox) -> None:
    _, message = await _queued(db)
    mailbox.error = DeliveryRefused("no such reader")
    await _relay(db)
    await db.refresh(message)
    assert (message.status, message.sent_at) == (MessageStatus.FAILED, None)


async def test_a_carrier_that_fails_leaves_the_message_waiting_for_the_next_try(
    db: AsyncSession, mailbox: Mailbox, clock: FixedClock
) -> None:
    _, message = await _queued(db)
    mailbox.error = ConnectionError("down")
    await _relay(db)
    await db.refresh(message)
    assert message.status is MessageStatus.QUEUED
    mailbox.error = None
    clock.advance(outbox.RETRY_AFTER + timedelta(seconds=1))
    for item in await outbox.sweep(db):
        await deliver_one(item)
    await scope_to(db, "every")
    await db.refresh(message)
    assert message.status is MessageStatus.SENT
    assert len(mailbox.envelopes) == 1


async def _asked_for_link(db: AsyncSession, settings: Settings) -> tuple[Member, PasswordReset]:
    member = await make_member(db, Role.BROKER)
    await AccountService(db).request_reset(member.user.email, settings.secret_key)
    await db.flush()
    return member, (await db.scalars(select(PasswordReset).where(PasswordReset.user_id == member.user.id))).one()


async def test_a_reset_link_reaches_its_reader_and_is_not_kept(
    db: AsyncSession, mailbox: Mailbox, settings: Settings
) -> None:
    member, reset = await _asked_for_link(db, settings)
    await _relay(db)
    await tasks.send_reset_link(ids.new_id(), PasswordResetRequested(council_id=member.council.id, reset_id=reset.id))
    [envelope] = mailbox.envelopes
    token = reset_token(settings.secret_key, reset.id)
    assert token_hash(token) == reset.token_hash
    assert f"http://testserver/new-password/{token}" in envelope.body
    assert envelope.to_address == member.user.email
    kept = (await db.scalars(select(Message).where(Message.id == reset.id))).one()
    assert token not in kept.body
    assert kept.status is MessageStatus.SENT


async def test_a_link_that_died_meanwhile_is_not_sent(
    db: AsyncSession, mailbox: Mailbox, settings: Settings, clock: FixedClock
) -> None:
    _, reset = await _asked_for_link(db, settings)
    clock.move_to(reset.expires_at)
    await _relay(db)
    assert mailbox.envelopes == []


async def test_the_owner_of_a_changed_password_is_told_once(db: AsyncSession, mailbox: Mailbox) -> None:
    member = await make_member(db, Role.BROKER)
    outbox.publish(db, PasswordChanged(council_id=member.council.id, user_id=member.user.id))
    await _relay(db)
    [envelope] = mailbox.envelopes
    assert envelope.subject == "Your password was changed"
    assert "http://testserver/forgotten-password" in envelope.body
