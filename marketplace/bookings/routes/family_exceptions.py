"""Pages for managers who decide whether a relative may be paid."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.bookings.service.employment.family import RELATION_LABELS, DecisionForm, FamilyService
from marketplace.bookings.service.employment.forms import hours_text
from marketplace.bookings.states import ExceptionStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed

TAGS = {
    ExceptionStatus.ASKED: ("waiting", "Waits for a decision"),
    ExceptionStatus.ALLOWED: ("approved", "Allowed"),
    ExceptionStatus.REFUSED: ("refused", "Not allowed"),
    ExceptionStatus.WITHDRAWN: ("withdrawn", "Taken back"),
}


class FamilyExceptionController(Controller):
    """What people asked, and the decisions."""

    path = "/family-exceptions"

    @get("/", permission=Permission.EXCEPTIONS_DECIDE)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what waits and what was decided."""
        service = FamilyService(db)
        context = {
            "waiting": await service.waiting(principal),
            "settled": await service.settled(principal),
            "relations": RELATION_LABELS,
            "tags": TAGS,
        }
        return Template("bookings/employer/exceptions.html", context=context)

    @get("/{exception_id:str}", permission=Permission.EXCEPTIONS_DECIDE)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        exception_id: FromPath[str],
    ) -> Template:
        """Show one question and the form for the decision."""
        return await _show(db, principal, _id(exception_id), {}, {})

    @post("/{exception_id:str}", permission=Permission.EXCEPTIONS_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        exception_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Decide, or take leave back."""
        wanted = _id(exception_id)
        try:
            form = DecisionForm.read(data, today(clock_of(db)))
        except InvalidInput as error:
            return await _show(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await FamilyService(db).decide(principal, wanted, form)
            flash(request, "Your decision is saved, and the person is told")
            return "/family-exceptions"

        return await submit(request, db, principal.actor, data, act)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _show(
    db: AsyncSession, principal: Principal, exception_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    found = await FamilyService(db).show(principal, exception_id)
    row = found.row
    names = await AccountRepository(db).names({one for one in (row.asked_by_user_id, row.decided_by_user_id) if one})
    context = {
        "found": found,
        "relation": RELATION_LABELS[found.employment.relation],
        "hours": hours_text(found.employment.weekly_minutes),
        "tag": TAGS[row.status],
        "names": names,
        "is_own": row.asked_by_user_id == principal.user_id,
        "is_open": row.status is ExceptionStatus.ASKED,
        "may_take_back": row.status is ExceptionStatus.ALLOWED,
        "values": values,
        "errors": errors,
    }
    return Template("bookings/employer/exception.html", context=context, status_code=422 if errors else 200)
