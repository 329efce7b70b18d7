"""The council's pages: it records representatives and looks at their papers."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.permissions import RepresentativeKind
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.files.answers import file_answer
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_representatives import OPEN, RepresentationRepository
from marketplace.people.representatives import KINDS, AskForm, CheckingService, RepresentativeService
from marketplace.people.routes_representatives.shared import ask_page, facts_of, read_id

PAGE: Final = 25
COUNCIL_WORDS: Final = {
    RepresentationStatus.INVITED: "asked, no answer yet",
    RepresentationStatus.TO_CHECK: "papers to look at",
    RepresentationStatus.LIVE: "acts for them",
}


class CheckingController(Controller):
    """The council's look at papers."""

    path = "/representations"

    @get("/", permission=Permission.REPRESENTATIVES_CHECK)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List whose papers wait."""
        rows, council_id = RepresentationRepository(db), principal.council_id
        cursor_id = parse_id(after or "")
        cursor = await rows.find(council_id, cursor_id) if cursor_id else None
        found = await rows.page(rows.to_check(council_id), after=cursor, limit=PAGE + 1)
        context = {
            "rows": [(facts_of(row), person.name) for row, person in found[:PAGE]],
            "more": found[PAGE - 1][0].id if len(found) > PAGE else None,
            "is_first": cursor is None,
        }
        return Template("people/representatives/to_check.html", context=context)

    @get("/new", permission=Permission.REPRESENTATIVES_CHECK)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form that records somebody for a person."""
        found = await PeopleRepository(db).find(principal.council_id, read_id(person or ""))
        values = {"kind": RepresentativeKind.DEPUTY.value}
        return ask_page(f"/representations/new?person={found.id}", tuple(KINDS), values, {}, person=found.name)

    @post("/new", permission=Permission.REPRESENTATIVES_CHECK)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
        person: FromQuery[str | None] = None,
    ) -> Redirect | Template:
        """Record somebody for a person; they get a link."""
        found = await PeopleRepository(db).find(principal.council_id, read_id(person or ""))
        try:
            form = AskForm.read(data, tuple(KINDS), today(clock_of(db)))

            async def act() -> str:
                await RepresentativeService(db).ask_for(principal, found.id, form)
                flash(request, f"{form.name} gets an e-mail with a link")
                return f"/people/{found.id}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            address = f"/representations/new?person={found.id}"
            return ask_page(address, tuple(KINDS), data, error.fields, person=found.name)

    @get("/{row_id:str}", permission=Permission.REPRESENTATIVES_CHECK)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], row_id: FromPath[str]
    ) -> Template:
        """Show one, to decide on."""
        return await _check_page(db, principal, read_id(row_id), {}, {})

    @post("/{row_id:str}", permission=Permission.REPRESENTATIVES_CHECK)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        row_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Allow, refuse or end it."""
        wanted, service = read_id(row_id), CheckingService(db)
        form = FormReader(data)
        decision = form.option("decision", "what you decide", ("allow", "refuse", "end"))
        reason = form.text("reason", "the reason", required=decision in ("refuse", "end"), longest=1_000)
        try:
            form.done()

            async def act() -> str:
                if decision == "allow":
                    await service.allow(principal, wanted)
                elif decision == "refuse":
                    await service.refuse(principal, wanted, reason)
                else:
                    await service.end_for_council(principal, wanted, reason)
                flash(request, "Decided. Both are told")
                return "/representations"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _check_page(db, principal, wanted, data, error.fields)

    @get("/{row_id:str}/papers", permission=Permission.REPRESENTATIVES_CHECK)
    async def papers(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], row_id: FromPath[str]
    ) -> Response[bytes]:
        """Hand the papers out."""
        return file_answer(*await CheckingService(db).open_papers(principal, read_id(row_id)))


async def representatives_of(db: AsyncSession, council_id: UUID, person_id: UUID) -> list[dict[str, Any]]:
    """Return who acts for a person, for the council's page of them: id, name, words."""
    rows = await RepresentationRepository(db).of_person(council_id, person_id, OPEN)
    return [
        {"id": row.id, "name": row.name, "words": f"{KINDS[row.kind].lower()}, {COUNCIL_WORDS[row.status]}"}
        for row in rows
    ]


async def _check_page(
    db: AsyncSession, principal: Principal, row_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    row, person = await CheckingService(db).find(principal, row_id)
    names = await AccountRepository(db).names({row.asked_by_user_id})
    context = {
        "row": facts_of(row),
        "email": row.email,
        "person": person,
        "asked_by": names.get(row.asked_by_user_id, ""),
        "is_to_check": row.status is RepresentationStatus.TO_CHECK,
        "is_open": row.status in OPEN,
        "is_own": row.asked_by_user_id == principal.user_id,
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/check.html", context=context, status_code=422 if errors else 200)
