"""Pages for who was invited to an organisation, or holds a letter with a code."""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal, Role
from marketplace.accounts.errors import AddressTaken
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.providers.errors import InvitationDead, OtherAddress
from marketplace.providers.service.invitations import ROLES, InvitationService

DEAD: Final = {
    "used": "It was used already. A link works once. If it was you, sign in.",
    "revoked": "It was taken back, or a newer one was sent. Look for the newest message.",
    "expired": "It is too old: an invitation works for 14 days. Ask for a new one.",
    "unknown": "We do not know it. Check that you have the whole link or code.",
}
PRIVATE: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class InvitationController(Controller):
    """Taking an invitation, signed in or not."""

    path = "/invitations"

    @get("/", permission=None, visitor_form=True)
    async def code(self) -> Template:
        """Ask for the code of a letter."""
        return Template("providers/invitations/code.html", context={"values": {}, "errors": {}})

    @post("/", permission=None, visitor_form=True)
    async def open_code(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], data: URLEncodedBody[FormData]
    ) -> Template | Redirect:
        """Lead from the code to its invitation; tries are counted."""
        await scope_to(db, "every")
        service = _service(request, db)
        await service.count_try(_address(request))
        form = FormReader(data)
        code = form.text("code", "the code from your letter", longest=40)
        try:
            form.done()
            try:
                await service.opened(code)
            except InvitationDead as error:
                raise InvalidInput({"code": DEAD[error.why]}) from error
        except InvalidInput as error:
            context = {"values": data, "errors": error.fields}
            return Template("providers/invitations/code.html", context=context, status_code=422)
        plain = "".join(char for char in code.upper() if char.isalnum())
        return Redirect(f"/invitations/{plain}", status_code=303)

    @get("/sent", permission=None)
    async def sent(self) -> Template:
        """Say that the link is on its way."""
        return Template("providers/invitations/sent.html")

    @get("/{secret:str}", permission=None, visitor_form=True)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        secret: FromPath[str],
    ) -> Template:
        """Say who invites, and ask for what is still needed."""
        return await _page(request, db, visitor, secret, {}, {})

    @post("/{secret:str}", permission=None, visitor_form=True)
    async def accept(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        secret: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Take the invitation."""
        await scope_to(db, "every")
        service = _service(request, db)
        try:
            opened = await service.opened(secret)
            if not opened.invitation.email:
                await service.send_to(secret, data, _address(request))
                return Redirect("/invitations/sent", status_code=303)
            async with db.begin_nested():
                if visitor is not None:
                    await service.accept_signed_in(visitor, secret)
                else:
                    await service.accept_new(secret, data)
        except InvalidInput as error:
            return await _page(request, db, visitor, secret, data, error.fields)
        except (AddressTaken, OtherAddress):
            return await _page(request, db, visitor, secret, {}, {})
        except InvitationDead as error:
            return _dead(error)
        if visitor is not None:
            flash(request, "You can act for the organisation now. Change to it here")
            return Redirect("/account", status_code=303)
        flash(request, "Your account is ready. Sign in with your e-mail address and password")
        return Redirect("/sign-in", status_code=303)


async def _page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    visitor: Principal | None,
    secret: str,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    await scope_to(db, "every")
    try:
        opened = await _service(request, db).opened(secret)
    except InvitationDead as error:
        return _dead(error)
    user = await AccountRepository(db).user(visitor.user_id) if visitor is not None else None
    email = opened.invitation.email
    context = {
        "secret": secret,
        "organisation": opened.organisation.name,
        "invited_by": opened.invited_by,
        "role_words": ROLES[Role(opened.invitation.role)],
        "email": email,
        "is_letter": not email,
        "is_known": opened.is_known,
        "is_own": user is not None and user.email == email,
        "is_other": user is not None and bool(email) and user.email != email,
        "values": {name: value for name, value in values.items() if name != "password"},
        "errors": errors,
    }
    return Template(
        "providers/invitations/show.html", context=context, status_code=422 if errors else 200, headers=PRIVATE
    )


def _dead(error: InvitationDead) -> Template:
    context = {"why": DEAD[error.why]}
    return Template("providers/invitations/dead.html", context=context, status_code=404)


def _service(request: Request[Any, Any, Any], db: AsyncSession) -> InvitationService:
    return InvitationService(db, request.app.state.settings.secret_key)


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client else "unknown"
