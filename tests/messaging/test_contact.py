"""People are told things their own way: which way, what a text says, quiet hours, and what no carrier takes."""

from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of, scope_to
from marketplace.core.queue import deliver as deliver_one
from marketplace.core.settings import Settings
from marketplace.messaging import MessagingService, delivery, tasks
from marketplace.messaging.delivery import DeliveryRefused, Envelope, FileOutbox
from marketplace.messaging.models import Channel, ContactPreference, Message, MessageStatus
from marketplace.messaging.quiet import quiet_until
from marketplace.messaging.routing import LONGEST_TEXT, text_words, without_links
from tests.factories import make_council, make_member, make_person, make_person_member

WORDS = {"forgotten_link": "http://testserver/forgotten-password"}


class Carrier:
    """A carrier that refuses some channels, as a mail server does."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refuses: set[Channel] = set()

    async def send(self, envelope: Envelope) -> None:
        """Keep it, or refuse it."""
        if envelope.channel in self.refuses:
            raise DeliveryRefused("not here")
        self.envelopes.append(envelope)


@pytest.fixture
def mailbox(settings: Settings) -> Generator[Carrier, None, None]:
    made = Carrier()
    delivery.use_settings(settings, made)
    yield made
    delivery.use_settings(None)


async def relay(db: AsyncSession) -> None:
    await db.flush()
    while deliveries := await outbox.relay(db):
        for item in deliveries:
            await deliver_one(item)
    await scope_to(db, "every")


async def prefer(db: AsyncSession, person: Any, channel: Channel, **given: Any) -> ContactPreference:
    values: dict[str, Any] = {
        "council_id": person.council_id,
        "person_id": person.id,
        "channel": channel,
        "urgent_channel": Channel.CALL,
        "email": "own@people.example",
        "phone": "07700 900123",
        "address": "7 Hidden Lane\nPR1 2AB",
        "quiet_from_hour": 21,
        "quiet_until_hour": 8,
        "updated_at": clock_of(db).now(),
    }
    row = ContactPreference(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


async def tell(db: AsyncSession, council: Council, person_id: UUID, **given: Any) -> int:
    return await MessagingService(db).tell(council.id, "password_changed", WORDS, person_id=person_id, **given)


async def messages(db: AsyncSession, person_id: UUID) -> list[Message]:
    question = select(Message).where(Message.person_id == person_id).order_by(Message.created_at, Message.id)
    return list((await db.scalars(question.execution_options(populate_existing=True))).all())


async def test_without_a_preference_all_goes_by_email_as_before(db: AsyncSession, mailbox: Carrier) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    assert await tell(db, council, person.id) == 1
    await relay(db)
    assert [envelope.to_address for envelope in mailbox.envelopes] == [member.user.email]
    assert await tell(db, council, (await make_person(db, council)).id) == 0


async def test_a_person_gets_an_email_where_they_asked_and_their_representative_their_own(
    db: AsyncSession, mailbox: Carrier
) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    helper = await make_member(db, Role.REPRESENTATIVE, council, person_id=person.id)
    await prefer(db, person, Channel.EMAIL)
    assert await tell(db, council, person.id) == 2
    await relay(db)
    assert {envelope.to_address for envelope in mailbox.envelopes} == {"own@people.example", helper.user.email}


async def test_representatives_keep_email_when_the_person_wants_letters(db: AsyncSession, mailbox: Carrier) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    helper = await make_member(db, Role.REPRESENTATIVE, council, person_id=person.id)
    await prefer(db, person, Channel.LETTER, format="large_print")
    assert await tell(db, council, person.id) == 2
    assert await tell(db, council, person.id, role=Role.REPRESENTATIVE) == 1
    await relay(db)
    assert {envelope.to_address for envelope in mailbox.envelopes} == {helper.user.email}
    [letter] = await messages(db, person.id)
    assert (letter.channel, letter.status, letter.format) == (Channel.LETTER, MessageStatus.QUEUED, "large_print")
    assert letter.to_address.startswith("7 Hidden Lane")
    assert f"Hello {person.name}" in letter.body


async def test_letters_and_calls_hold_no_links(db: AsyncSession, mailbox: Carrier, settings: Settings) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    await prefer(db, person, Channel.CALL)
    await tell(db, council, person.id)
    [call] = await messages(db, person.id)
    assert "/forgotten-password" not in call.body
    assert settings.public_url in call.body
    assert without_links("Go to https://a.example/secret/abc.\nNow", "https://a.example") == (
        "Go to https://a.example\nNow"
    )


async def test_a_text_says_where_to_read_and_nothing_else(
    db: AsyncSession, mailbox: Carrier, settings: Settings
) -> None:
    council = await make_council(db, short_name="Derby", contact_phone="01332 000000")
    person, member = await make_person_member(db, council)
    await prefer(db, person, Channel.TEXT)
    await tell(db, council, person.id)
    await relay(db)
    [envelope] = mailbox.envelopes
    assert (envelope.channel, envelope.to_address, envelope.subject) == (Channel.TEXT, "07700 900123", "")
    assert envelope.body == f"Derby: you have a new message. Read it at {settings.public_url} or call 01332 000000."
    assert person.given_name not in envelope.body
    assert "password" not in envelope.body
    assert member.user.email not in envelope.body


@pytest.mark.parametrize("is_urgent", [True, False])
@pytest.mark.parametrize("long", [10, 150, 400])
def test_a_text_fits_into_two(is_urgent: bool, long: int) -> None:
    council = Council(name="N" * long, short_name="Ä’" * long, contact_phone="01332 000000")
    words = text_words(council, "https://care.example.gov.uk", is_urgent=is_urgent)
    assert len(words) <= LONGEST_TEXT
    assert words.isascii()
    assert "https://care.example.gov.uk" in words


async def test_somebody_who_cannot_sign_in_is_rung_not_texted(db: AsyncSession, mailbox: Carrier) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    await prefer(db, person, Channel.TEXT)
    assert await tell(db, council, person.id) == 1
    [message] = await messages(db, person.id)
    assert (message.channel, message.to_address) == (Channel.CALL, "07700 900123")


@pytest.mark.parametrize(
    ("given", "channel"),
    [
        ({"email": ""}, Channel.CALL),
        ({"email": "", "phone": ""}, Channel.LETTER),
        ({"email": "", "phone": "", "address": ""}, Channel.CALL),
    ],
)
async def test_nothing_is_lost_where_an_address_is_missing(
    db: AsyncSession, mailbox: Carrier, given: dict[str, str], channel: Channel
) -> None:
    council = await make_council(db)
    person = await make_person(db, council)
    await prefer(db, person, Channel.EMAIL, **given)
    await tell(db, council, person.id)
    [message] = await messages(db, person.id)
    assert message.channel is channel


async def test_what_cannot_wait_goes_the_urgent_way_and_brokers_hear_of_a_call(
    db: AsyncSession, mailbox: Carrier
) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    broker = await make_member(db, Role.BROKER, council)
    await prefer(db, person, Channel.EMAIL)
    await tell(db, council, person.id, urgent=True)
    await relay(db)
    [call] = await messages(db, person.id)
    assert (call.channel, call.is_urgent, call.status) == (Channel.CALL, True, MessageStatus.QUEUED)
    [mail] = mailbox.envelopes
    assert mail.to_address == broker.user.email
    assert f"/to-send/{call.id}" in mail.body
    assert person.given_name not in mail.subject + mail.body


async def test_a_text_without_a_carrier_becomes_an_email(db: AsyncSession, mailbox: Carrier) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    await prefer(db, person, Channel.TEXT)
    mailbox.refuses = {Channel.TEXT}
    await tell(db, council, person.id)
    await relay(db)
    [message] = await messages(db, person.id)
    assert (message.channel, message.status) == (Channel.EMAIL, MessageStatus.SENT)
    [envelope] = mailbox.envelopes
    assert envelope.to_address == "own@people.example"
    assert "/forgotten-password" in envelope.body


async def test_what_no_carrier_takes_stands_on_the_list(db: AsyncSession, mailbox: Carrier) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    await make_member(db, Role.BROKER, council)
    await prefer(db, person, Channel.TEXT, urgent_channel=Channel.TEXT)
    mailbox.refuses = {Channel.TEXT, Channel.EMAIL}
    await tell(db, council, person.id, urgent=True)
    await relay(db)
    [message] = await messages(db, person.id)
    assert (message.channel, message.status, message.to_address) == (Channel.CALL, MessageStatus.QUEUED, "07700 900123")
    assert "/forgotten-password" not in message.body
    told = (await db.scalars(select(Message.template).where(Message.person_id.is_(None)))).all()
    assert told == ["call_now"]


async def test_a_text_that_can_wait_waits_for_the_morning(
    db: AsyncSession, mailbox: Carrier, clock: FixedClock
) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    await prefer(db, person, Channel.TEXT, urgent_channel=Channel.TEXT)
    clock.move_to(datetime(2027, 3, 3, 22, 0, tzinfo=UTC))
    await tell(db, council, person.id)
    await relay(db)
    assert mailbox.envelopes == []
    clock.move_to(datetime(2027, 3, 4, 7, 59, tzinfo=UTC))
    await tasks.send_held()
    await relay(db)
    assert mailbox.envelopes == []
    clock.move_to(datetime(2027, 3, 4, 8, 0, tzinfo=UTC))
    await tasks.send_held()
    await relay(db)
    await tasks.send_held()
    await relay(db)
    assert len(mailbox.envelopes) == 1
    [message] = await messages(db, person.id)
    assert (message.status, message.not_before) == (MessageStatus.SENT, None)


async def test_a_text_that_cannot_wait_goes_at_night(db: AsyncSession, mailbox: Carrier, clock: FixedClock) -> None:
    council = await make_council(db)
    person, _ = await make_person_member(db, council)
    await prefer(db, person, Channel.EMAIL, urgent_channel=Channel.TEXT)
    clock.move_to(datetime(2027, 3, 3, 23, 0, tzinfo=UTC))
    await tell(db, council, person.id, urgent=True)
    await relay(db)
    [envelope] = mailbox.envelopes
    assert "cannot wait" in envelope.body


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        ("2027-03-03T22:00", (21, 8), "2027-03-04T08:00"),
        ("2027-03-03T07:59", (21, 8), "2027-03-03T08:00"),
        ("2027-03-03T08:00", (21, 8), None),
        ("2027-03-03T20:59", (21, 8), None),
        ("2027-03-03T13:30", (13, 15), "2027-03-03T15:00"),
        ("2027-03-03T15:00", (13, 15), None),
        ("2027-03-03T03:00", (8, 8), None),
        # Clocks go forward on 28 March 2027 at 01:00 UTC: eight on the wall is seven in UTC.
        ("2027-03-27T22:00", (21, 8), "2027-03-28T07:00"),
        # Half past midnight, quiet until one, an hour that night leaves out: two on the wall.
        ("2027-03-28T00:30", (22, 1), "2027-03-28T01:00"),
        ("2027-03-28T01:00", (22, 1), None),
        # Clocks go back on 31 October 2027 at 01:00 UTC: eight on the wall is eight in UTC again.
        ("2027-10-30T21:00", (21, 8), "2027-10-31T08:00"),
        # The second 01:30 of that night is still quiet until two, and no longer when quiet ended at the first one.
        ("2027-10-31T01:30", (22, 2), "2027-10-31T02:00"),
        ("2027-10-31T01:30", (22, 1), None),
    ],
)
def test_quiet_hours_are_those_of_the_wall(now: str, hours: tuple[int, int], until: str | None) -> None:
    found = quiet_until(datetime.fromisoformat(now).replace(tzinfo=UTC), *hours)
    assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)


def test_quiet_hours_always_end_later() -> None:
    for start in (datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 10, 30, tzinfo=UTC)):
        for quarter in range(4 * 24 * 3):
            now = start + timedelta(minutes=15 * quarter)
            for begin in range(24):
                for end in range(24):
                    found = quiet_until(now, begin, end)
                    assert found is None or now < found <= now + timedelta(hours=25)


async def test_nobody_writes_to_somebody_who_has_died(db: AsyncSession, mailbox: Carrier) -> None:
    council = await make_council(db)
    person = await make_person(db, council, died_on=date(2027, 3, 1))
    await prefer(db, person, Channel.LETTER)
    assert await tell(db, council, person.id) == 0


async def test_a_text_is_kept_as_a_file_where_there_is_no_mail_server(db: AsyncSession, tmp_path: Any) -> None:
    envelope = Envelope(
        message_id=UUID("0195f000-0000-7000-8000-000000000009"),
        channel=Channel.TEXT,
        to_address="+44 7700 900123",
        subject="",
        body="Derby: you have a new message.",
        created_at=datetime(2027, 3, 3, 10, 0, tzinfo=UTC),
    )
    await FileOutbox(tmp_path, "no-reply@care.example").send(envelope)
    [path] = tmp_path.iterdir()
    assert b"X-Channel: text" in path.read_bytes()
    assert b"To: 447700900123@text.invalid" in path.read_bytes()
