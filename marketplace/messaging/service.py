"""Writing messages: rows in the caller's transaction, delivered after it commits."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import User
from marketplace.accounts.permissions import Role
from marketplace.core import formats, outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.messaging import delivery
from marketplace.messaging.events import MessageQueued
from marketplace.messaging.models import Channel, ContactPreference, Message
from marketplace.messaging.repository import MessageRepository
from marketplace.messaging.repository_contact import ContactRepository
from marketplace.messaging.routing import BY_HAND, Way, text_words, way_for, without_links

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
        urgent: bool = False,
    ) -> int:
        """Queue a message from `templates/emails/{template}.txt` to those concerned. The transaction must reach the
        council.

        Readers are users with a role in the council that fits every filter given: the person (and who acts for them),
        an organisation's people, one worker, or everybody in a role. They get an e-mail. What goes to a person by
        `person_id` goes the way they asked for (`ContactPreference`), also to somebody without an account.

        Args:
            council_id: Whose message it is.
            template: Name of the template.
            context: Its values. No secrets: `send_secret` is for those.
            user_id: One user.
            person_id: A person and who acts for them.
            organisation_id: An organisation's people.
            worker_id: One worker.
            role: Everybody in a role.
            urgent: It cannot wait: the person's way for urgent things, quiet hours or not.

        Returns:
            How many messages were queued or put on the council's list; 0 when nobody fits.
        """
        if not any((user_id, person_id, organisation_id, worker_id, role)):
            raise ValueError("A message needs a reader")
        clock = clock_of(self.db)
        readers = list(
            await self.messages.readers(
                council_id,
                today(clock),
                user_id=user_id,
                person_id=person_id,
                organisation_id=organisation_id,
                worker_id=worker_id,
                role=role,
            )
        )
        told = 0
        is_own = person_id is not None and user_id is None and organisation_id is None and worker_id is None
        if is_own and person_id is not None and role in (None, Role.PERSON):
            contacts = ContactRepository(self.db)
            preference = await contacts.of_person(council_id, person_id)
            if preference is not None:
                owner = await contacts.own_user(council_id, person_id)
                readers = [reader for reader in readers if owner is None or reader.id != owner.id]
                told += await self._tell_person(preference, owner, template, context, urgent)
        for reader in readers:
            subject, body = write(template, {**context, "reader_name": reader.name})
            await self._queue(
                Message(
                    council_id=council_id,
                    user_id=reader.id,
                    channel=Channel.EMAIL,
                    to_address=reader.email,
                    template=template,
                    subject=subject,
                    body=body,
                    is_urgent=urgent,
                    created_at=clock.now(),
                )
            )
        return told + len(readers)

    async def write_to(
        self, council_id: UUID, template: str, context: Mapping[str, Any], *, address: str, reader_name: str
    ) -> None:
        """Queue an e-mail to an address that no account stands for, such as an organisation's office. Nobody with an
        account is told this way: they have `tell`.
        """
        subject, body = write(template, {**context, "reader_name": reader_name})
        await self._queue(
            Message(
                council_id=council_id,
                channel=Channel.EMAIL,
                to_address=address,
                template=template,
                subject=subject,
                body=body,
                created_at=clock_of(self.db).now(),
            )
        )

    async def _tell_person(
        self,
        preference: ContactPreference,
        owner: User | None,
        template: str,
        context: Mapping[str, Any],
        is_urgent: bool,
    ) -> int:
        """Queue a person's own message the way they asked for. Returns 1, or 0 for somebody who has died."""
        council_id, person_id, clock = preference.council_id, preference.person_id, clock_of(self.db)
        contacts = ContactRepository(self.db)
        addressed = await contacts.addressed(council_id, person_id)
        if addressed is None or (addressed.died_on is not None and addressed.died_on <= today(clock)):
            return 0
        way: Way = way_for(preference, owner.email if owner else "", is_urgent=is_urgent)
        subject, body = write(template, {**context, "reader_name": owner.name if owner else addressed.name})
        site = delivery.settings().public_url
        short_words = ""
        if way.channel is Channel.TEXT:
            short_words = text_words(await contacts.council(council_id), site, is_urgent=is_urgent)
        elif way.channel in BY_HAND:
            body = without_links(body, site)
        message = Message(
            council_id=council_id,
            user_id=owner.id if owner else None,
            person_id=person_id,
            format=preference.format,
            channel=way.channel,
            to_address=way.to_address,
            template=template,
            subject=subject,
            body=body,
            short_words=short_words,
            is_urgent=is_urgent,
            created_at=clock.now(),
        )
        await self._queue(message)
        return 1

    async def _queue(self, message: Message) -> None:
        """Keep a message: a carrier takes it, or somebody at the council does."""
        self.db.add(message)
        await self.db.flush()
        if message.channel not in BY_HAND:
            outbox.publish(self.db, MessageQueued(council_id=message.council_id, message_id=message.id))
        elif message.is_urgent:
            await self.tell_by_hand_now(message)

    async def tell_by_hand_now(self, message: Message) -> None:
        """Tell the council's brokers that somebody must be rung now: a list that nobody opens helps nobody."""
        context = {"link": f"{delivery.settings().public_url}/to-send/{message.id}"}
        await self.tell(message.council_id, "call_now", context, role=Role.BROKER)
