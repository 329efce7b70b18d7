"""The link of who was asked to act for somebody."""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.accounts.errors import AddressTaken
from marketplace.accounts.permissions import NEEDS_PAPERS
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.people.errors import AskDead, NotTheOneAsked
from marketplace.people.representatives import AskedService
from marketplace.people.routes_representatives.shared import facts_of

PRIVATE: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


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
        "row": facts_of(asked.row),
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


def _dead(error: AskDead) -> Template:
    return Template("people/representatives/dead.html", context={"why": str(error)}, status_code=404)


def _service(request: Request[Any, Any, Any], db: AsyncSession) -> AskedService:
    return AskedService(db, request.app.state.settings.secret_key)
