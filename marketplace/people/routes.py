"""Pages about people: the council's records and the person's own profile.

The page of one person (`/people/{id}`) also lists their referrals, so `matching` serves it.
"""

import re
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.words import COMMUNICATION_NEEDS, ETHNIC_GROUPS, GENDER_LABELS, INTERESTS, LANGUAGES, NEEDS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, local_path, submit, typed
from marketplace.people.forms import PersonForm, ProfileForm, person_values
from marketplace.people.models import Person
from marketplace.people.profile import ProfileService
from marketplace.people.profile_view import tool_list
from marketplace.people.repository import PeopleRepository
from marketplace.people.routes_ask import ROUTES as ASK
from marketplace.people.routes_assessments import ROUTES as ASSESSMENTS
from marketplace.people.routes_budgets import ROUTES as BUDGETS
from marketplace.people.routes_charges import ROUTES as CHARGES
from marketplace.people.routes_contact import ROUTES as CONTACT
from marketplace.people.routes_my_budget import ROUTES as MY_BUDGET
from marketplace.people.routes_profile import HANDLERS as PROFILE_TOOLS
from marketplace.people.routes_profile_pages import HANDLERS as PROFILE_PAGES
from marketplace.people.routes_protections import ROUTES as PROTECTIONS
from marketplace.people.routes_ras import ROUTES as RAS
from marketplace.people.routes_ras_watch import ROUTES as RAS_WATCH
from marketplace.people.routes_representatives import ROUTES as REPRESENTATIVES
from marketplace.people.routes_stages import ROUTES as STAGES
from marketplace.people.routes_to_send import ROUTES as TO_SEND
from marketplace.people.routes_views import ROUTES as VIEWS
from marketplace.people.service import PeopleService

PEOPLE_PAGE = 25
NEW_FOR = ("/referrals/new", "/contacts/new")
"""Pages that send somebody to record a person and go on with them."""
CONTACT_PAGE = re.compile(r"^/contacts/[0-9a-f-]{36}$")
"""Page of a contact, which goes on to a new record, too."""
VOCABULARY: dict[str, Any] = {
    "genders": [(gender.value, label) for gender, label in GENDER_LABELS.items()],
    "ethnic_groups": [("", "Not said"), *ETHNIC_GROUPS.items()],
    "languages": [(language, language) for language in LANGUAGES],
    "interests": list(INTERESTS.items()),
    "needs": list(NEEDS.items()),
    "communication_needs": list(COMMUNICATION_NEEDS.items()),
}
"""Choices of the forms."""


async def search_people(db: AsyncSession, principal: Principal, words: str, after: UUID | None) -> dict[str, Any]:
    """Return one page of people for a template: `people`, `words` and `after`, the key of the next page."""
    found = await PeopleRepository(db).page(principal.council_id, words, after=after, limit=PEOPLE_PAGE + 1)
    shown = found[:PEOPLE_PAGE]
    return {"people": shown, "words": words, "after": shown[-1].id if len(found) > PEOPLE_PAGE else None}


def search_words(data: FormData) -> tuple[str, UUID | None]:
    """Read the words and the key of a search that was sent as a form, so that no name stands in an address."""
    form = FormReader(data)
    return form.text("q", "a name or reference", required=False, longest=100)[:100], parse_id(form.raw("after"))


class PeopleController(Controller):
    """The council's records of people."""

    @get("/people", permission=Permission.PEOPLE_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str | None, QueryParameter(name="after", max_length=36)] = None,
    ) -> Template:
        """List people by family name."""
        return Template("people/index.html", context=await search_people(db, principal, "", parse_id(after or "")))

    @post("/people", permission=Permission.PEOPLE_READ, status_code=200)
    async def search(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Search by name or reference. A form, because names do not belong into addresses."""
        words, after = search_words(data)
        return Template("people/index.html", context=await search_people(db, principal, words, after))

    @get("/people/new", permission=Permission.PEOPLE_RECORD)
    async def new(self, next: FromQuery[str | None] = None) -> Template:
        """Show the form for a new record."""
        return _form("people/new.html", {"next": local_path(next, ""), "languages": ["English"]}, {})

    @post("/people/new", permission=Permission.PEOPLE_RECORD)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record a person, then go on to where the form was asked for."""

        async def action() -> str:
            form = PersonForm.read(data, today(clock_of(db)))
            person = await PeopleService(db).record(principal, form)
            _say_where(request, person, "The person is recorded")
            way_on = local_path(str(data.get("next") or ""), "")
            goes_on = way_on in NEW_FOR or CONTACT_PAGE.match(way_on)
            return f"{way_on}?person={person.id}" if goes_on else f"/people/{person.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return _form("people/new.html", data, error.fields)

    @get("/people/{person_id:str}/edit", permission=Permission.PEOPLE_RECORD)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
    ) -> Template:
        """Show the form that changes a record."""
        person = await PeopleService(db).read(principal, _id(person_id), why="To change it")
        return _form("people/edit.html", person_values(person), {}, person_id=person.id)

    @post("/people/{person_id:str}/edit", permission=Permission.PEOPLE_RECORD)
    async def update(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Change a record."""
        wanted = _id(person_id)

        async def action() -> str:
            form = PersonForm.read(data, today(clock_of(db)))
            person = await PeopleService(db).update(principal, wanted, form)
            _say_where(request, person, "The record is changed")
            return f"/people/{person.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            await PeopleRepository(db).find(principal.council_id, wanted)
            return _form("people/edit.html", data, error.fields, person_id=wanted)

    @get("/people/{person_id:str}/death", permission=Permission.PEOPLE_RECORD)
    async def ask_of_death(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
    ) -> Template:
        """Ask for the day on which somebody died, and say what follows."""
        person = await PeopleService(db).read(principal, _id(person_id), why="To record a death")
        return _death_page(person, {"version": person.version}, {})

    @post("/people/{person_id:str}/death", permission=Permission.PEOPLE_RECORD)
    async def record_death(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record that somebody has died."""
        wanted = _id(person_id)

        async def action() -> str:
            form = FormReader(data)
            day = form.day("died_on", "the date of death")
            version = form.number("version", "the version", least=0, most=1_000_000_000)
            if not form.ticked("sure"):
                form.wrong("sure", "Confirm that this is the right person")
            form.done()
            if day is None:
                raise InvalidInput(form.errors)
            await PeopleService(db).record_death(principal, wanted, day, version=version)
            flash(request, "The death is recorded. Visits to come are stopped")
            return f"/people/{wanted}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            person = await PeopleRepository(db).find(principal.council_id, wanted)
            return _death_page(person, data, error.fields)

    @post("/people/{person_id:str}/death/undo", permission=Permission.PEOPLE_RECORD)
    async def undo_death(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Say that a death was recorded by mistake."""
        wanted = _id(person_id)

        async def action() -> str:
            form = FormReader(data)
            reason = form.text("reason", "how the mistake came about", longest=1_000)
            version = form.number("version", "the version", least=0, most=1_000_000_000)
            form.done()
            await PeopleService(db).undo_death(principal, wanted, reason, version=version)
            flash(request, "The record is put right. Weekly visits are planned again")
            return f"/people/{wanted}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            person = await PeopleRepository(db).find(principal.council_id, wanted)
            return _death_page(person, data, error.fields)


class ProfileController(Controller):
    """A person's own one page profile."""

    @get("/profile", permission=Permission.PROFILE_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the profile, ready to change."""
        return await _profile_page(db, principal, None, {})

    @post("/profile", permission=Permission.PROFILE_OWN)
    async def update(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep what was written."""

        async def action() -> str:
            await PeopleService(db).update_own(principal, ProfileForm.read(data))
            flash(request, "Your profile is saved")
            return "/profile"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _profile_page(db, principal, data, error.fields)


ROUTES = [
    PeopleController,
    ProfileController,
    *PROFILE_TOOLS,
    *PROFILE_PAGES,
    *REPRESENTATIVES,
    *CONTACT,
    *TO_SEND,
    *PROTECTIONS,
    *RAS,
    *RAS_WATCH,
    *VIEWS,
    *ASSESSMENTS,
    *BUDGETS,
    *MY_BUDGET,
    *CHARGES,
    *ASK,
    *STAGES,
]


async def _profile_page(
    db: AsyncSession, principal: Principal, values: FormData | None, errors: dict[str, str]
) -> Template:
    person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
    tools = tool_list(person, await ProfileService(db).own(principal))
    shown = person_values(person) if values is None else values
    return _form("people/profile.html", shown, errors, person=person, tools=tools)


def _form(template: str, values: FormData, errors: dict[str, str], **more: Any) -> Template:
    context = {"values": typed(values), "errors": errors, **VOCABULARY, **more}
    return Template(template, context=context, status_code=422 if errors else 200)


def _death_page(person: Person, values: FormData, errors: dict[str, str]) -> Template:
    context = {"person": person, "values": typed(values), "errors": errors}
    return Template("people/death.html", context=context, status_code=422 if errors else 200)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _say_where(request: Request[Any, Any, Any], person: Person, done: str) -> None:
    """Say what was done, and when the postcode could not be found."""
    flash(request, done)
    if person.lat is None:
        flash(
            request,
            "We do not know the postcode of this record, so distances cannot be measured. Check the postcode.",
            kind="information",
        )
