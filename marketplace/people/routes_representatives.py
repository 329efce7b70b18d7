"""Pages on which people keep who acts for them, who was asked answers, and the council looks at papers."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.errors import AddressTaken
from marketplace.accounts.models import Representation
from marketplace.accounts.permissions import NEEDS_PAPERS, SCOPES_OF, RepresentativeKind, Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to, session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.files.checking import CheckedFile, check_all
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.files.kinds import FileRefused
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.errors import AskDead, NotTheOneAsked
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_representatives import OPEN, RepresentationRepository
from marketplace.people.representatives import (
    ASKED_BY_PERSON,
    KIND_HINTS,
    KINDS,
    MOST,
    SCOPES,
    AskForm,
    ChangeForm,
    RepresentativeService,
)

PAGE: Final = 25
SEEN: Final = 30
PRIVATE: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
STATUS_WORDS: Final = {
    RepresentationStatus.INVITED: "Asked, no answer yet",
    RepresentationStatus.TO_CHECK: "The council looks at the papers",
    RepresentationStatus.LIVE: "Acts for you",
    RepresentationStatus.DECLINED: "Said no",
    RepresentationStatus.REFUSED: "Not accepted by the council",
    RepresentationStatus.REVOKED: "Ended by you",
    RepresentationStatus.ENDED: "Over",
}


COUNCIL_WORDS: Final = {
    RepresentationStatus.INVITED: "asked, no answer yet",
    RepresentationStatus.TO_CHECK: "papers to look at",
    RepresentationStatus.LIVE: "acts for them",
}


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
            "standing": [_facts(row) for row in standing],
            "past": [
                _facts(row)
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
        return _ask_page("/representatives", ASKED_BY_PERSON, {"kind": RepresentativeKind.HELPER.value}, {})

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
            return _ask_page("/representatives", ASKED_BY_PERSON, data, error.fields)

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


class ActForController(Controller):
    """The link of who was asked."""

    path = "/act-for"

    @get("/{secret:str}", permission=None, visitor_form=True)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        secret: FromPath[str],
    ) -> Template:
        """Say who asks for what, and ask for what is still needed."""
        return await _asked_page(request, db, visitor, secret, {})

    @post("/{secret:str}", permission=None, visitor_form=True)
    async def accept(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        secret: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Say yes."""
        await scope_to(db, "every")
        service = _service(request, db)
        try:
            async with db.begin_nested():
                if visitor is not None:
                    await service.accept_signed_in(visitor, secret)
                else:
                    await service.accept_new(secret, data)
        except InvalidInput as error:
            return await _asked_page(request, db, visitor, secret, error.fields)
        except (AddressTaken, NotTheOneAsked):
            return await _asked_page(request, db, visitor, secret, {})
        except AskDead as error:
            return _dead(error)
        if visitor is not None:
            flash(request, "You can act for them now. Change to it here")
            return Redirect("/account", status_code=303)
        flash(request, "Your account is ready. Sign in with your e-mail address and password")
        return Redirect("/sign-in", status_code=303)

    @post("/{secret:str}/no", permission=None, visitor_form=True)
    async def decline(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], secret: FromPath[str]
    ) -> Template:
        """Say no."""
        await scope_to(db, "every")
        try:
            await _service(request, db).decline(secret)
        except AskDead as error:
            return _dead(error)
        return Template("people/representatives/declined.html")


class ActingController(Controller):
    """What who acts for somebody sees of that."""

    path = "/acting"

    @get("/", permission=Permission.SIGNED_IN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Say what one may do for whom."""
        return await _acting_page(db, principal, {}, {})

    @post("/papers", permission=Permission.SIGNED_IN, **UPLOAD)
    async def papers(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]
    ) -> Redirect | Template:
        """Hand in the papers. The file is looked at before the transaction begins."""
        async with transaction(session_maker(), principal.councils) as db:
            if (await RepresentativeService(db).mine(principal)).status is not RepresentationStatus.TO_CHECK:
                raise NotFound
        given = await FileForm.read(request)
        form = FormReader(given.values)
        note = form.text("note", "the number of the order or power", longest=200)
        errors, checked = dict(form.errors), list[CheckedFile]()
        try:
            checked = await check_all(given.files.get("file", []), field="file", most=1)
        except FileRefused as error:
            errors |= error.fields
        if not checked and "file" not in errors:
            errors["file"] = "Choose a copy of the order or power"
        async with transaction(session_maker(), principal.councils) as db:
            if errors:
                return await _acting_page(db, principal, given.values, errors)

            async def act() -> str:
                await RepresentativeService(db).give_papers(principal, note, checked)
                return "/acting"

            answer = await submit(request, db, principal.actor, given.content, act)
        flash(request, "Thank you. The council looks at it and tells you")
        return answer

    @post("/stop", permission=Permission.SIGNED_IN)
    async def stop(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Stop acting for the person."""

        async def act() -> str:
            await RepresentativeService(db).give_up(principal)
            flash(request, f"You no longer act for {principal.acting_for}")
            return "/sign-in"

        return await submit(request, db, principal.actor, data, act)


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
            "rows": [(_facts(row), person.name) for row, person in found[:PAGE]],
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
        found = await PeopleRepository(db).find(principal.council_id, _id(person or ""))
        values = {"kind": RepresentativeKind.DEPUTY.value}
        return _ask_page(f"/representations/new?person={found.id}", tuple(KINDS), values, {}, person=found.name)

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
        found = await PeopleRepository(db).find(principal.council_id, _id(person or ""))
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
            return _ask_page(address, tuple(KINDS), data, error.fields, person=found.name)

    @get("/{row_id:str}", permission=Permission.REPRESENTATIVES_CHECK)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], row_id: FromPath[str]
    ) -> Template:
        """Show one, to decide on."""
        return await _check_page(db, principal, _id(row_id), {}, {})

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
        wanted, service = _id(row_id), RepresentativeService(db)
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
        return file_answer(*await RepresentativeService(db).open_papers(principal, _id(row_id)))


ROUTES = [RepresentativesController, ActForController, ActingController, CheckingController]


async def representatives_of(db: AsyncSession, council_id: UUID, person_id: UUID) -> list[dict[str, Any]]:
    """Return who acts for a person, for the council's page of them: id, name, words."""
    rows = await RepresentationRepository(db).of_person(council_id, person_id, OPEN)
    return [
        {"id": row.id, "name": row.name, "words": f"{KINDS[row.kind].lower()}, {COUNCIL_WORDS[row.status]}"}
        for row in rows
    ]


async def _own(db: AsyncSession, principal: Principal, row_id: str) -> Representation:
    row = await _theirs(db, principal, row_id)
    _need_open(row)
    return row


async def _theirs(db: AsyncSession, principal: Principal, row_id: str) -> Representation:
    """One of the person's, over or not: what ended it may come a second time and gets its first answer."""
    row = await RepresentationRepository(db).find(principal.council_id, _id(row_id))
    if row.person_id != principal.need_person():
        raise NotFound
    return row


def _need_open(row: Representation) -> None:
    if row.status not in OPEN:
        raise NotFound


def _facts(row: Representation) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "relationship": row.relationship,
        "kind": KINDS[row.kind],
        "status": row.status.value,
        "status_words": STATUS_WORDS[row.status],
        "scopes": [SCOPES[Scope(scope)] for scope in row.scopes],
        "asked_at": row.asked_at,
        "last_on": row.ends_on - timedelta(days=1) if row.ends_on else None,
        "reason": row.reason,
        "ended_at": row.ended_at,
        "note": row.evidence_note,
        "has_file": row.file_id is not None,
    }


def _ask_page(
    address: str, kinds: tuple[RepresentativeKind, ...], values: FormData, errors: dict[str, str], person: str = ""
) -> Template:
    context = {
        "action": address if "?" in address else f"{address}/new",
        "person": person,
        "kinds": [(kind.value, KINDS[kind], KIND_HINTS[kind]) for kind in kinds],
        "scopes": [(scope.value, words) for scope, words in SCOPES.items()],
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/ask.html", context=context, status_code=422 if errors else 200)


def _change_page(row: Representation, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "row": _facts(row),
        "scopes": [(scope.value, words) for scope, words in SCOPES.items() if scope in SCOPES_OF[row.kind]],
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/change.html", context=context, status_code=422 if errors else 200)


async def _asked_page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    visitor: Principal | None,
    secret: str,
    errors: dict[str, str],
) -> Template:
    await scope_to(db, "every")
    try:
        asked = await _service(request, db).opened(secret)
    except AskDead as error:
        return _dead(error)
    user = await AccountRepository(db).user(visitor.user_id) if visitor is not None else None
    context = {
        "secret": secret,
        "row": _facts(asked.row),
        "person": asked.person.name,
        "council": asked.council_name,
        "email": asked.row.email,
        "needs_papers": asked.row.kind in NEEDS_PAPERS,
        "is_known": asked.is_known,
        "is_own": user is not None and user.email == asked.row.email,
        "is_other": user is not None and user.email != asked.row.email,
        "errors": errors,
    }
    code = 422 if errors else 200
    return Template("people/representatives/asked.html", context=context, status_code=code, headers=PRIVATE)


async def _acting_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    row = await RepresentativeService(db).mine(principal)
    context = {
        "row": _facts(row),
        "person": principal.acting_for,
        "is_to_check": row.status is RepresentationStatus.TO_CHECK,
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/acting.html", context=context, status_code=422 if errors else 200)


async def _check_page(
    db: AsyncSession, principal: Principal, row_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    row, person = await RepresentativeService(db).find(principal, row_id)
    names = await AccountRepository(db).names({row.asked_by_user_id})
    context = {
        "row": _facts(row),
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


def _dead(error: AskDead) -> Template:
    return Template("people/representatives/dead.html", context={"why": str(error)}, status_code=404)


def _service(request: Request[Any, Any, Any], db: AsyncSession) -> RepresentativeService:
    return RepresentativeService(db, request.app.state.settings.secret_key)


def _words(action: str) -> str:
    """Say an audit action in words: "bookings.approve_booking" becomes "approve booking"."""
    return action.partition(".")[2].replace("_", " ").capitalize()


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
