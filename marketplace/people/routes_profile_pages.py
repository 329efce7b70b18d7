"""A whole profile to read and print: one page, Easy Read, and what the council sees of it."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.words import COMMUNICATION_NEEDS
from marketplace.core.errors import NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.ids import parse_id
from marketplace.people.models import Person, ProfileEntry, ProfileTool
from marketplace.people.profile import ProfileService
from marketplace.people.profile_view import circle_context, sections, week_rows
from marketplace.people.profile_words import WEEKDAYS
from marketplace.people.repository import PeopleRepository


@get("/profile/page", permission=Permission.PROFILE_OWN)
async def one_page(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show one's profile on one page, to read and to print."""
    return await _own_page(db, principal, "people/profile/page.html")


@get("/profile/easy-read", permission=Permission.PROFILE_OWN)
async def easy_read(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show one's profile with a picture beside each line, in large letters."""
    return await _own_page(db, principal, "people/profile/easy_read.html")


@get("/profile/pictures/{entry_id:str}", permission=Permission.PROFILE_OWN)
async def own_picture(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], entry_id: FromPath[str]
) -> Response[bytes]:
    """Hand out a picture of one's own profile."""
    return file_answer(*await ProfileService(db).own_picture(principal, _id(entry_id)))


@get("/people/{person_id:str}/profile", permission=Permission.PEOPLE_READ)
async def council_page(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
) -> Template:
    """Show the council what a person shares of their profile."""
    person, entries = await ProfileService(db).seen_by_council(principal, _id(person_id))
    context = {**_context(person, list(entries)), "pictures": f"/people/{person.id}/profile/pictures"}
    return Template("people/profile/council.html", context=context)


@get("/people/{person_id:str}/profile/pictures/{entry_id:str}", permission=Permission.PEOPLE_READ)
async def shared_picture(
    db: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    person_id: FromPath[str],
    entry_id: FromPath[str],
) -> Response[bytes]:
    """Hand out a picture of a person's profile to council staff."""
    return file_answer(*await ProfileService(db).shared_picture(principal, _id(person_id), _id(entry_id)))


HANDLERS = [one_page, easy_read, own_picture, council_page, shared_picture]


async def _own_page(db: AsyncSession, principal: Principal, template: str) -> Template:
    person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
    shared = [entry for entry in await ProfileService(db).own(principal) if not entry.is_private]
    return Template(template, context={**_context(person, shared), "pictures": "/profile/pictures"})


def _context(person: Person, entries: list[ProfileEntry]) -> dict[str, Any]:
    found = sections(person, entries)
    return {
        "person": person,
        "sections": found,
        "written": [section for section in found if not section.is_empty],
        "circles": circle_context(entries) if any(entry.tool is ProfileTool.PEOPLE for entry in entries) else None,
        "week": week_rows(entries) if any(entry.tool is ProfileTool.WEEK for entry in entries) else None,
        "week_words": WEEKDAYS,
        "communication": [COMMUNICATION_NEEDS.get(code, code) for code in person.communication_needs],
        "languages": person.languages,
    }


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
