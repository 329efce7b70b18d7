"""How a person wants to be told things: the form, what it may hold, and keeping it."""

import re
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.forms import FormReader
from marketplace.messaging.models import Channel, ContactPreference
from marketplace.messaging.repository_contact import ContactRepository
from marketplace.messaging.routing import digits
from marketplace.messaging.service import MessagingService

CHANNELS: Final[dict[Channel, str]] = {
    Channel.EMAIL: "E-mail",
    Channel.TEXT: "Text message",
    Channel.LETTER: "Letter",
    Channel.CALL: "Phone call",
}
URGENT_CHANNELS: Final = (Channel.CALL, Channel.TEXT, Channel.EMAIL)
"""A letter comes too late when a worker does not come today."""

FORMATS: Final[dict[str, str]] = {
    "": "Ordinary print",
    "large_print": "Large print",
    "easy_read": "Easy Read",
    "braille": "Braille",
    "audio": "Audio",
    "bsl": "British Sign Language",
    "interpreter": "Another language",
}
"""Members of `accounts.words.COMMUNICATION_NEEDS` that say how the words themselves are made."""
MADE_BY_HAND: Final = frozenset({"easy_read", "braille", "audio", "bsl", "interpreter"})
"""Formats that the platform cannot make: somebody at the council has them made."""

LONGEST_ADDRESS: Final = 300
_MOBILE = re.compile(r"^(07\d{9}|447\d{9})$")


class ContactChangedMeanwhile(Conflict):
    """Somebody else saved it since the form was drawn."""

    code = "contact-changed"
    title = "This has changed since you opened it"


class ContactForm(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants to be told things."""

    channel: Channel
    urgent_channel: Channel
    format: str
    email: str
    phone: str
    address: str
    quiet_from_hour: int
    quiet_until_hour: int
    version: int
    """0 where nothing was kept before."""

    @classmethod
    def read(cls, data: dict[str, Any]) -> "ContactForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        channel = form.choice("channel", "how you want to be told things", Channel)
        urgent = form.choice("urgent_channel", "what we do when it cannot wait", Channel)
        if urgent is Channel.LETTER:
            form.wrong("urgent_channel", "A letter is too slow. Select another way for what cannot wait")
        made_as = form.option("format", "the format", FORMATS, required=False)
        if made_as in MADE_BY_HAND and channel in (Channel.EMAIL, Channel.TEXT):
            form.wrong(
                "format", f"Select a letter or a phone call above: {FORMATS[made_as]} cannot go by e-mail or text"
            )
        used = {channel, urgent}
        email = form.email("email", "the e-mail address", required=Channel.EMAIL in used)
        phone = form.text("phone", "the phone number", required=bool({Channel.TEXT, Channel.CALL} & used), longest=40)
        if phone and not 7 <= len(digits(phone)) <= 15:
            form.wrong("phone", "Enter a phone number, like 01772 900123 or 07700 900123")
        elif phone and Channel.TEXT in used and not _MOBILE.match(digits(phone)):
            form.wrong("phone", "Enter a UK mobile number for text messages, like 07700 900123")
        address = form.text("address", "the address", required=channel is Channel.LETTER, longest=LONGEST_ADDRESS)
        found = cls(
            channel=channel or Channel.EMAIL,
            urgent_channel=urgent or Channel.EMAIL,
            format=made_as,
            email=email,
            phone=phone,
            address=address,
            quiet_from_hour=form.number("quiet_from_hour", "when the quiet hours begin", least=0, most=23),
            quiet_until_hour=form.number("quiet_until_hour", "when the quiet hours end", least=0, most=23),
            version=form.number("version", "the version", least=0, most=1_000_000, required=False),
        )
        form.done()
        return found


class ContactService:
    """Keeps how people want to be told things. Whether there is such a person is asked before, by `people`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.contacts = ContactRepository(db)

    async def save(self, principal: Principal, person_id: UUID, form: ContactForm) -> bool:
        """Keep it. Where somebody else changes it, the person is told by the way that counted until now.

        Returns:
            Whether anything changed.

        Raises:
            Forbidden: Neither oneself, nor somebody who keeps the council's records.
            InvalidInput: Texts for somebody who cannot sign in to read what they tell of.
            ContactChangedMeanwhile: Somebody else saved it since the form was drawn.
        """
        is_own = principal.may(Permission.PROFILE_OWN) and principal.person_id == person_id
        if not is_own:
            principal.require(Permission.PEOPLE_RECORD)
        row = await self.contacts.of_person(principal.council_id, person_id, locked=True)
        if (row.version if row else 0) != form.version:
            raise ContactChangedMeanwhile("Open the page again, look at what has changed, then make your change.")
        owner = await self.contacts.own_user(principal.council_id, person_id)
        if owner is None:
            _no_texts(form)
        values = {name: getattr(form, name) for name in form.__struct_fields__ if name != "version"}
        changed = sorted(name for name, value in values.items() if row is None or getattr(row, name) != value)
        if not changed:
            return False
        if principal.role is not Role.PERSON:
            await MessagingService(self.db).tell(
                principal.council_id, "contact_changed", {}, person_id=person_id, role=Role.PERSON
            )
        values["updated_at"] = clock_of(self.db).now()
        if row is None:
            row = ContactPreference(council_id=principal.council_id, person_id=person_id, **values)
            self.db.add(row)
        else:
            for name, value in values.items():
                setattr(row, name, value)
        await self.db.flush()
        # The log names the fields and never repeats what they say: it outlives the record's erasure.
        audit.record(
            self.db,
            principal,
            "messaging.set_contact",
            council_id=principal.council_id,
            subject_kind="person",
            subject_id=person_id,
            after={"changed": changed, "channel": row.channel, "urgent_channel": row.urgent_channel},
        )
        return True


def _no_texts(form: ContactForm) -> None:
    words = "They cannot sign in, so a text would tell them nothing. Select another way"
    wrong = {name: words for name in ("channel", "urgent_channel") if getattr(form, name) is Channel.TEXT}
    if wrong:
        raise InvalidInput(wrong)
