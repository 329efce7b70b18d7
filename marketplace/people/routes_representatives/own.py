"""The person's own pages: who acts for them."""

from datetime import timedelta
from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.models import Representation
from marketplace.accounts.permissions import SCOPES_OF, RepresentativeKind
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit, typed
from marketplace.people.repository_representatives import OPEN, RepresentationRepository
from marketplace.people.representatives import ASKED_BY_PERSON, MOST, SCOPES, AskForm, ChangeForm, RepresentativeService
from marketplace.people.routes_representatives.shared import ask_page, facts_of, read_id

SEEN: Final = 30


class RepresentativesController(Controller):
    """The person's own page: who acts for me."""

    path = "/representatives"

    @get("/", permission=Permission.REPRESENTATIVES_OWN)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List who acts for the person, who did, and what they did."""
        rows, person_id = RepresentationRepository(db), principal.need_person()
        standing = await rows.of_person(principal.council_id, person_id, OPEN)
        done = await rows.done_for(principal.council_id, person_id, SEEN)
        names = await AccountRepository(db).names({entry.user_id for entry in done if entry.user_id})
        context = {
            "standing": [facts_of(row) for row in standing],
            "past": [
                facts_of(row)
                for row in await rows.of_person(principal.council_id, person_id, set(RepresentationStatus) - OPEN)
            ],
            "may_ask": len(standing) < MOST,
            "most": MOST,
            "done": [
                (entry.at, names.get(entry.user_id, "Somebody") if entry.user_id else "", _words(entry.action))
                for entry in done
            ],
        }
        return Template("people/representatives/index.html", context=context)

    @get("/new", permission=Permission.REPRESENTATIVES_OWN)
    async def new(self) -> Template:
        """Show the form that asks somebody."""
        return ask_page("/representatives", ASKED_BY_PERSON, {"kind": RepresentativeKind.HELPER.value}, {})

    @post("/new", permission=Permission.REPRESENTATIVES_OWN)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask somebody."""
        try:
            form = AskForm.read(data, ASKED_BY_PERSON, today(clock_of(db)))

            async def act() -> str:
                await RepresentativeService(db).ask(principal, form)
                flash(request, f"We have asked {form.name}. They get an e-mail with a link")
                return "/representatives"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return ask_page("/representatives", ASKED_BY_PERSON, data, error.fields)

    @get("/{row_id:str}", permission=Permission.REPRESENTATIVES_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], row_id: FromPath[str]
    ) -> Template:
        """Show what somebody may do, to change or end it."""
        row = await _own(db, principal, row_id)
        last = row.ends_on - timedelta(days=1) if row.ends_on else None
        values: FormData = {"scopes": list(row.scopes)}
        if last is not None:
            parts = (("day", last.day), ("month", last.month), ("year", last.year))
            values |= {f"last_on-{name}": str(number) for name, number in parts}
        return _change_page(row, values, {})

    @post("/{row_id:str}", permission=Permission.REPRESENTATIVES_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        row_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change what somebody may do."""
        row = await _theirs(db, principal, row_id)
        try:
            form = ChangeForm.read(data, row.kind, today(clock_of(db)))

            async def act() -> str:
                _need_open(row)
                await RepresentativeService(db).change(principal, row.id, form)
                flash(request, f"Changed. It counts for {row.name} from now on")
                return "/representatives"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return _change_page(row, data, error.fields)

    @post("/{row_id:str}/end", permission=Permission.REPRESENTATIVES_OWN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        row_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End it at once."""
        row = await _theirs(db, principal, row_id)

        async def act() -> str:
            _need_open(row)
            await RepresentativeService(db).revoke(principal, row.id, str(data.get("reason") or "")[:500])
            flash(request, f"{row.name} can do nothing for you any more")
            return "/representatives"

        return await submit(request, db, principal.actor, data, act)


async def _own(db: AsyncSession, principal: Principal, row_id: str) -> Representation:
    row = await _theirs(db, principal, row_id)
    _need_open(row)
    return row


async def _theirs(db: AsyncSession, principal: Principal, row_id: str) -> Representation:
    """One of the person's, over or not: what ended it may come a second time and gets its first answer."""
    row = await RepresentationRepository(db).find(principal.council_id, read_id(row_id))
    if row.person_id != principal.need_person():
        raise NotFound
    return row


def _need_open(row: Representation) -> None:
    if row.status not in OPEN:
        raise NotFound


def _change_page(row: Representation, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "row": facts_of(row),
        "scopes": [(scope.value, words) for scope, words in SCOPES.items() if scope in SCOPES_OF[row.kind]],
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/change.html", context=context, status_code=422 if errors else 200)


def _words(action: str) -> str:
    """Say an audit action in words: "bookings.approve_booking" becomes "approve booking"."""
    return action.partition(".")[2].replace("_", " ").capitalize()
