"""Asking the council for help online, without an account: every such contact is recorded, too (T9)."""

from typing import Any
from urllib.parse import urlencode

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, AccountService, Principal
from marketplace.accounts.models import Council
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.web import FormData, submit, typed
from marketplace.people.front_door import FrontDoorService
from marketplace.people.front_door_forms import AskEndForm, AskForm
from marketplace.people.models import ContactAsker, ContactOutcome
from marketplace.people.repository import PeopleRepository
from marketplace.people.words import OTHER_TOPIC, TOPICS

MOST_A_DAY = 20
"""Contacts from one network address in a day: a library's computer serves several people."""
LONGEST_SLUG = 60
ASKERS = [
    (ContactAsker.SELF.value, "Me"),
    (ContactAsker.FAMILY.value, "Someone in my family"),
    (ContactAsker.CARER.value, "Me, because I care for someone"),
    (ContactAsker.OTHER.value, "Someone else"),
]
ANSWERS = [
    ("found", "I have found what I need"),
    ("look", "I will look at what is near me"),
    ("call", "I want the council to call me"),
]
ENDS = {outcome.value for outcome in (ContactOutcome.RESOLVED, ContactOutcome.SIGNPOSTED, ContactOutcome.PASSED_ON)}


class AskController(Controller):
    """Asking for help, as anybody."""

    path = "/ask-for-help"

    @get("/", permission=None, visitor_form=True)
    async def start(self) -> Template:
        """Ask what is hard, for whom, and where."""
        return _start({}, {})

    @post("/", permission=None, visitor_form=True, status_code=200)
    async def advise(
        self,
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Say what there is, and what the council's help costs. Nothing is kept yet."""
        try:
            ask = AskForm.read(data)
            council, _ = await _where(db, ask)
        except InvalidInput as error:
            return _start(data, error.fields)
        return _advice(ask, council, visitor, data, {})

    @post("/send", permission=None, visitor_form=True)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record the contact."""
        try:
            ask = AskForm.read(data)
            council, lad_code = await _where(db, ask)
        except InvalidInput as error:
            return _start(data, error.fields)
        person_id = visitor.person_id if visitor is not None and visitor.council_id == council.id else None

        async def action() -> str:
            end = AskEndForm.read(data, is_known=person_id is not None)
            await AccountService(db).count_visit("ask-for-help", _address(request), MOST_A_DAY)
            await FrontDoorService(db).take_online(council.id, lad_code, person_id, ask, end)
            return f"/ask-for-help/thanks/{council.slug}/{end.outcome.value}"

        await scope_to(db, [council.id])
        actor = visitor.actor if visitor is not None else "visitor"
        try:
            async with db.begin_nested():
                return await submit(request, db, actor, data, action)
        except InvalidInput as error:
            return _advice(ask, council, visitor, data, error.fields)

    @get("/thanks/{slug:str}/{outcome:str}", permission=None)
    async def thanks(self, db: NamedDependency[AsyncSession], slug: FromPath[str], outcome: FromPath[str]) -> Template:
        """Say what happens now."""
        councils = {council.slug: council for council in await AccountRepository(db).councils()}
        if len(slug) > LONGEST_SLUG or slug not in councils or outcome not in ENDS:
            raise NotFound
        context = {"council": councils[slug], "outcome": outcome}
        return Template("people/front_door/thanks.html", context=context)


ROUTES = [AskController]


async def _where(db: AsyncSession, ask: AskForm) -> tuple[Council, str]:
    """Return the council that serves the postcode, and the district.

    Raises:
        InvalidInput: Nobody knows the postcode, or no council here serves it.
    """
    place = await PeopleRepository(db).locate(ask.postcode)
    if place is None:
        raise InvalidInput({"postcode": "We cannot find this postcode. Check it. If it is new, use one close by"})
    council = await AccountRepository(db).council_of_district(place.lad_code)
    if council is None:
        raise InvalidInput({"postcode": "Your council does not use this service. Ring your council"})
    return council, place.lad_code


def _start(values: FormData, errors: dict[str, str]) -> Template:
    context = {"values": typed(values), "errors": errors, "askers": ASKERS, "topics": list(TOPICS.items())}
    return Template("people/front_door/ask.html", context=context, status_code=422 if errors else 200)


def _advice(
    ask: AskForm, council: Council, visitor: Principal | None, data: FormData, errors: dict[str, str]
) -> Template:
    words = TOPICS[ask.topic] if ask.topic != OTHER_TOPIC else ""
    context = {
        "ask": ask,
        "council": council,
        "search": "/market?" + urlencode({"q": words, "postcode": ask.postcode}),
        "answers": ANSWERS,
        "is_known": visitor is not None and visitor.person_id is not None and visitor.council_id == council.id,
        "values": typed(data),
        "errors": errors,
    }
    return Template("people/front_door/advice.html", context=context, status_code=422 if errors else 200)


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client else "unknown"
