"""Pages of a move: the council that is left, the person, and the new council."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.people import PeopleRepository
from marketplace.plans.models import CouncilMove, IncomingCase
from marketplace.plans.moving_words import ELSEWHERE, SHARED, SUPPORT, AnswerForm
from marketplace.plans.repository.moving import MoveRepository
from marketplace.plans.routes.common import attempt, id_of, typed
from marketplace.plans.schemas import read_expected
from marketplace.plans.service.incoming import IncomingService
from marketplace.plans.service.moving import MoveService


class MoveController(Controller):
    """A person's move, as staff of the council that is left record it."""

    path = "/people/{person_id:str}/move"

    @get(permission=Permission.PEOPLE_RECORD)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show the move, or ask for it."""
        return await _staff_page(db, principal, id_of(person_id), {}, {})

    @post(permission=Permission.PEOPLE_RECORD)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record that somebody moves away."""
        wanted = id_of(person_id)
        await PeopleRepository(db).find(principal.council_id, wanted)

        async def record() -> str:
            await MoveService(db).record(principal, wanted, data)
            flash(request, "The move is recorded. The person is asked what may be passed on")
            return f"/people/{wanted}/move"

        try:
            return await attempt(request, db, principal, data, record)
        except InvalidInput as error:
            return await _staff_page(db, principal, wanted, typed(data), error.fields)

    @post("/answer", permission=Permission.PEOPLE_RECORD)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write down what the person said by word of mouth or letter."""
        wanted = id_of(person_id)
        await PeopleRepository(db).find(principal.council_id, wanted)

        async def answer() -> str:
            await MoveService(db).answer(principal, wanted, AnswerForm.read(data, by_staff=True))
            flash(request, "The answer is written down")
            return f"/people/{wanted}/move"

        try:
            return await attempt(request, db, principal, data, answer)
        except InvalidInput as error:
            return await _staff_page(db, principal, wanted, typed(data), error.fields)

    @post("/cancel", permission=Permission.PEOPLE_RECORD)
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Call the move off."""
        wanted = id_of(person_id)
        await PeopleRepository(db).find(principal.council_id, wanted)

        async def cancel() -> str:
            await MoveService(db).cancel(principal, wanted, read_expected(FormReader(data)))
            flash(request, "The move is called off. What was passed on is taken back")
            return f"/people/{wanted}/move"

        return await attempt(request, db, principal, data, cancel)


class MyMoveController(Controller):
    """One's own move."""

    path = "/my-move"

    @get(permission=Permission.PLAN_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask what may be passed on, and show what was decided."""
        return await _own_page(db, principal, {}, {})

    @post(permission=Permission.PLAN_OWN)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take what the person decides."""
        await MoveService(db).own(principal)

        async def answer() -> str:
            await MoveService(db).answer(principal, principal.need_person(), AnswerForm.read(data, by_staff=False))
            flash(request, "Thank you. You can change your mind here")
            return "/my-move"

        try:
            return await attempt(request, db, principal, data, answer)
        except InvalidInput as error:
            return await _own_page(db, principal, typed(data), error.fields)


class IncomingController(Controller):
    """Cases that other councils passed on."""

    path = "/incoming-cases"

    @get(permission=Permission.CONTACTS_TAKE)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them."""
        service = IncomingService(db)
        cases = await service.all(principal)
        context = {"cases": cases, "states": await service.states(principal.council_id, cases)}
        return Template("plans/moving/cases.html", context=context)

    @get("/{case_id:str}", permission=Permission.CONTACTS_TAKE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], case_id: FromPath[str]
    ) -> Template:
        """Show the copy, to read only."""
        case = await IncomingService(db).read(principal, id_of(case_id))
        return await _case_page(db, case, {}, {})

    @post("/{case_id:str}", permission=Permission.CONTACTS_TAKE)
    async def start(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        case_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Start: a record here, and a contact that goes to assessment."""
        wanted = id_of(case_id)
        await IncomingService(db).read(principal, wanted)

        async def start() -> str:
            case = await IncomingService(db).start(principal, wanted, read_expected(FormReader(data)), data)
            flash(request, "The person’s record is here, and the contact is passed on to assessment")
            return f"/people/{case.person_id}"

        try:
            return await attempt(request, db, principal, data, start)
        except InvalidInput as error:
            case = await IncomingService(db).read(principal, wanted)
            return await _case_page(db, case, typed(data), error.fields)


ROUTES = [MoveController, MyMoveController, IncomingController]


async def _case_page(db: AsyncSession, case: IncomingCase, values: dict[str, Any], errors: dict[str, str]) -> Template:
    state = (await IncomingService(db).states(case.council_id, [case]))[case.id]
    context = {"case": case, "copy": case.extract, "state": state, "values": values, "errors": errors}
    return Template("plans/moving/case.html", context=context, status_code=422 if errors else 200)


async def _staff_page(
    db: AsyncSession, principal: Principal, person_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    moves = MoveRepository(db)
    person = await PeopleRepository(db).find(principal.council_id, person_id)
    move = await moves.open_of(principal.council_id, person_id)
    others = await moves.others(principal.council_id)
    names = {one.id: one.name for one in others}
    context = {
        "person": person,
        "move": move,
        "destination": _destination(move, names),
        "has_come": move is not None and move.moves_on <= today(clock_of(db)),
        "choices": [*((str(key), name) for key, name in names.items()), (ELSEWHERE, "Another council")],
        "shared": list(SHARED.items()),
        "support": list(SUPPORT.items()),
        "words": SHARED | SUPPORT,
        "shared_words": ", ".join(SHARED[key] for key in move.shared) if move is not None else "",
        "values": values or _answered(move),
        "errors": errors,
    }
    return Template("plans/moving/move.html", context=context, status_code=422 if errors else 200)


async def _own_page(db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str]) -> Template:
    move = await MoveService(db).own(principal)
    names = {one.id: one.name for one in await MoveRepository(db).others(principal.council_id)}
    context = {
        "move": move,
        "destination": _destination(move, names),
        "has_come": move is not None and move.moves_on <= today(clock_of(db)),
        "shared": list(SHARED.items()),
        "support": list(SUPPORT.items()),
        "words": SHARED | SUPPORT,
        "values": values or _answered(move),
        "errors": errors,
    }
    return Template("plans/moving/mine.html", context=context, status_code=422 if errors else 200)


def _destination(move: CouncilMove | None, names: dict[UUID, str]) -> str:
    if move is None:
        return ""
    return names.get(move.to_council_id, "") if move.to_council_id is not None else move.to_name


def _answered(move: CouncilMove | None) -> dict[str, Any]:
    """Return what was answered as the values of the form."""
    if move is None or move.consent == "asked":
        return {}
    return {"consent": move.consent, "shared": move.shared, "support": move.support, "words": move.consent_words}
