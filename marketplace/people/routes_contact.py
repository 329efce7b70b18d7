"""Pages on which people, or council staff for them, say how they want to be told things."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.outbox import publish
from marketplace.core.web import FormData, submit, typed
from marketplace.messaging.contact import CHANNELS, FORMATS, MADE_BY_HAND, URGENT_CHANNELS, ContactForm, ContactService
from marketplace.messaging.models import Channel, ContactPreference
from marketplace.people.events import ContactChanged
from marketplace.people.models import Person
from marketplace.people.repository import PeopleRepository
from marketplace.people.service import PeopleService

HOURS: Final = [
    (
        str(hour),
        "midnight" if hour == 0 else "midday" if hour == 12 else f"{hour % 12 or 12}{'am' if hour < 12 else 'pm'}",
    )
    for hour in range(24)
]


class ContactController(Controller):
    """How one is told things."""

    path = "/contact"

    @get("/", permission=Permission.PROFILE_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what is kept, ready to change."""
        person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
        return await _page(db, person, "/contact", None, {})

    @post("/", permission=Permission.PROFILE_OWN)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep it."""
        person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
        return await _save(request, db, principal, person, "/contact", data)


class PersonContactController(Controller):
    """How somebody is told things, as the council's staff keep it: for people who are offline above all."""

    path = "/people/{person_id:str}/contact"

    @get("/", permission=Permission.PEOPLE_RECORD)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show what is kept, ready to change."""
        person = await PeopleService(db).read(principal, _id(person_id), why="To see how they want to be told things")
        return await _page(db, person, f"/people/{person.id}/contact", None, {})

    @post("/", permission=Permission.PEOPLE_RECORD)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep it."""
        person = await PeopleRepository(db).find(principal.council_id, _id(person_id))
        return await _save(request, db, principal, person, f"/people/{person.id}/contact", data)


ROUTES = [ContactController, PersonContactController]


async def _save(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    person: Person,
    address: str,
    data: FormData,
) -> Redirect | Template:
    async def act() -> str:
        if await ContactService(db).save(principal, person.id, ContactForm.read(data)):
            publish(db, ContactChanged(council_id=person.council_id, person_id=person.id))
        flash(request, "How we tell things is saved")
        return address if principal.person_id == person.id else f"/people/{person.id}"

    try:
        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await _page(db, person, address, data, error.fields)


async def _page(
    db: AsyncSession, person: Person, address: str, data: FormData | None, errors: dict[str, str]
) -> Template:
    contacts = ContactService(db).contacts
    owner = await contacts.own_user(person.council_id, person.id)
    row = await contacts.of_person(person.council_id, person.id) if data is None else None
    values = typed(data) if data is not None else _values(row) if row else _guess(person, owner.email if owner else "")
    # A text only says that there is something to read on the site.
    texts = owner is not None
    context = {
        "person": person,
        "address": address,
        "is_own": address == "/contact",
        "can_sign_in": texts,
        "channels": [(one.value, words) for one, words in CHANNELS.items() if texts or one is not Channel.TEXT],
        "urgent_channels": [(one.value, CHANNELS[one]) for one in URGENT_CHANNELS if texts or one is not Channel.TEXT],
        "formats": list(FORMATS.items()),
        "hours": HOURS,
        "values": values,
        "errors": errors,
    }
    return Template("people/contact/form.html", context=context, status_code=422 if errors else 200)


def _values(row: ContactPreference) -> FormData:
    names = ("format", "email", "phone", "address", "quiet_from_hour", "quiet_until_hour", "version")
    values = {name: str(getattr(row, name)) for name in names}
    return values | {"channel": row.channel.value, "urgent_channel": row.urgent_channel.value}


def _guess(person: Person, account_email: str) -> FormData:
    """Fill the form from the person's record, where nothing was kept before."""
    made_as = next((need for need in person.communication_needs if need in FORMATS), "")
    email = person.email or account_email
    channel = Channel.EMAIL if email else Channel.LETTER
    if "phone" in person.communication_needs:
        channel = Channel.CALL
    elif made_as in MADE_BY_HAND:
        channel = Channel.LETTER
    return {
        "channel": channel.value,
        "urgent_channel": (Channel.CALL if person.phone else Channel.EMAIL).value,
        "format": made_as,
        "email": email,
        "phone": person.phone,
        "address": "\n".join(filter(None, (person.address_line, person.town, person.postcode))),
        "quiet_from_hour": "21",
        "quiet_until_hour": "8",
        "version": "0",
    }


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
