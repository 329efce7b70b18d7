"""Pages to sign in, sign out and choose a new password."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.errors import SignInRefused
from marketplace.accounts.models import Council, Membership, User
from marketplace.accounts.permissions import ROLE_LABELS, Permission
from marketplace.accounts.principal import Principal
from marketplace.accounts.repository import AccountRepository
from marketplace.accounts.routes_settings import CouncilSettingsController
from marketplace.accounts.schemas import NewPasswordForm, ResetRequestForm, SignInForm, read_password
from marketplace.accounts.service import AccountService, SignedIn
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to, session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash, request_state
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, local_path

AUDIT_PAGE = 50


class SignInController(Controller):
    """Signing in and out."""

    @get("/sign-in", permission=None, visitor_form=True)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        next: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show the form; on a demo also the sign-ins."""
        if visitor is not None:
            return Redirect(local_path(next, "/home"), status_code=303)
        return await self._page(request, db, {"next": next or ""}, {})

    @post("/sign-in", permission=None, visitor_form=True)
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Check the password and open a session with a fresh id."""
        address = request.client.host if request.client else "unknown"
        try:
            form = SignInForm.read(data)
        except InvalidInput as error:
            return await self._page(request, db, data, error.fields)
        try:
            await scope_to(db, "every")
            signed_in = await AccountService(db).sign_in(form.email, form.password, address)
        except SignInRefused as error:
            async with transaction(session_maker()) as own:
                await AccountService(own).note_failed_sign_in(form.email, address)
            return await self._page(request, db, data, error.fields)
        _remember(request, signed_in)
        return Redirect(local_path(str(data.get("next") or ""), "/home"), status_code=303)

    @post("/sign-out", permission=Permission.SIGNED_IN)
    async def sign_out(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Redirect:
        """End the session."""
        await AccountService(db).sign_out(principal)
        request_state(request)["end_session"] = True
        flash(request, "You have signed out")
        return Redirect("/", status_code=303)

    @get("/account", permission=Permission.SIGNED_IN)
    async def account(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show who is signed in and the other roles they hold."""
        await scope_to(db, "every")
        accounts = AccountRepository(db)
        roles = await accounts.memberships(principal.user_id, today(clock_of(db)))
        held = [membership.organisation_id for membership, _ in roles if membership.organisation_id]
        names = await accounts.organisation_names(set(held)) if len(set(held)) > 1 else {}
        items = [
            {
                "id": membership.id,
                "role": ROLE_LABELS[membership.role],
                "council": council.name,
                # Named only where somebody acts for more than one.
                "organisation": names.get(membership.organisation_id, "") if membership.organisation_id else "",
                "is_current": membership.role is principal.role
                and council.id == principal.council_id
                and membership.person_id == principal.person_id
                and membership.organisation_id == principal.organisation_id,
            }
            for membership, council in roles
        ]
        return Template("accounts/account.html", context={"roles": items})

    @post("/account/roles/{membership_id:str}", permission=Permission.SIGNED_IN)
    async def switch(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        membership_id: FromPath[str],
    ) -> Redirect:
        """Change to another role."""
        wanted = parse_id(membership_id)
        if wanted is None:
            raise NotFound
        await scope_to(db, "every")
        _remember(request, await AccountService(db).switch(principal, wanted))
        return Redirect("/home", status_code=303)

    async def _page(
        self, request: Request[Any, Any, Any], db: AsyncSession, values: FormData, errors: dict[str, str]
    ) -> Template:
        sign_ins = []
        if request.app.state.settings.demo:
            await scope_to(db, "every")
            sign_ins = [_sign_in_of(row) for row in await AccountRepository(db).demo_sign_ins()]
        kept = {name: value for name, value in values.items() if name in {"email", "next"}}
        context = {"values": kept, "errors": errors, "sign_ins": sign_ins}
        return Template("accounts/sign_in.html", context=context, status_code=422 if errors else 200)


class ConfirmController(Controller):
    """The password again, before something that moves money."""

    path = "/confirm-it-is-you"

    @get("/", permission=Permission.SIGNED_IN)
    async def show(self, next: FromQuery[str | None] = None) -> Template:
        """Ask for it."""
        return _confirm_page(next, {})

    @post("/", permission=Permission.SIGNED_IN)
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Check it, and go back to where it was asked for."""
        asked_by = str(data.get("next") or "")
        try:
            password = read_password(data)
        except InvalidInput as error:
            return _confirm_page(asked_by, error.fields)
        await scope_to(db, "every")
        try:
            await AccountService(db).confirm(principal, password)
        except InvalidInput as error:
            address = request.client.host if request.client else "unknown"
            async with transaction(session_maker(), "every") as own:
                user = await AccountRepository(own).user(principal.user_id)
                await AccountService(own).note_failed_sign_in(user.email if user else "", address)
            return _confirm_page(asked_by, error.fields)
        return Redirect(local_path(asked_by, "/home"), status_code=303)


def _confirm_page(asked_by: str | None, errors: dict[str, str]) -> Template:
    context = {"next": local_path(asked_by, "/home"), "errors": errors}
    return Template("accounts/confirm.html", context=context, status_code=422 if errors else 200)


class PasswordController(Controller):
    """Choosing a new password by a link sent by e-mail."""

    @get("/forgotten-password", permission=None, visitor_form=True)
    async def ask(self) -> Template:
        """Show the form that asks for the address."""
        return Template("accounts/forgotten_password.html", context={"values": {}, "errors": {}})

    @post("/forgotten-password", permission=None, visitor_form=True)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Send the link; the answer is the same whoever asks."""
        try:
            form = ResetRequestForm.read(data)
        except InvalidInput as error:
            context = {"values": data, "errors": error.fields}
            return Template("accounts/forgotten_password.html", context=context, status_code=422)
        await scope_to(db, "every")
        await AccountService(db).request_reset(form.email, request.app.state.settings.secret_key)
        return Redirect("/forgotten-password/sent", status_code=303)

    @get("/forgotten-password/sent", permission=None)
    async def sent(self) -> Template:
        """Say that a link is on its way, if there is an account."""
        return Template("accounts/reset_sent.html")

    @get("/new-password/{token:str}", permission=None, visitor_form=True)
    async def choose(self, db: NamedDependency[AsyncSession], token: FromPath[str]) -> Template:
        """Show the form for a new password."""
        if not await AccountService(db).is_reset_live(token[:200]):
            return Template("accounts/reset_dead.html", status_code=404)
        return Template("accounts/new_password.html", context={"token": token, "values": {}, "errors": {}})

    @post("/new-password/{token:str}", permission=None, visitor_form=True)
    async def set_password(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        token: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Set the new password."""
        try:
            form = NewPasswordForm.read(data)
            await scope_to(db, "every")
            await AccountService(db).reset_password(token[:200], form.password)
        except InvalidInput as error:
            context = {"token": token, "values": {}, "errors": error.fields}
            return Template("accounts/new_password.html", context=context, status_code=422)
        flash(request, "Your password has been changed. Sign in with it now")
        return Redirect("/sign-in", status_code=303)


class AuditController(Controller):
    """The audit log of a council."""

    @get("/audit", permission=Permission.AUDIT_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[int | None, QueryParameter(name="before", ge=1, le=2**62)] = None,
    ) -> Template:
        """Show who changed what, newest first."""
        accounts = AccountRepository(db)
        entries = await accounts.audit_of(principal.council_id, before=before, limit=AUDIT_PAGE + 1)
        shown = entries[:AUDIT_PAGE]
        names = await accounts.names({entry.user_id for entry in shown if entry.user_id})
        context = {
            "entries": shown,
            "names": names,
            "older": shown[-1].number if len(entries) > AUDIT_PAGE else None,
        }
        return Template("accounts/audit.html", context=context)


ROUTES = [SignInController, ConfirmController, PasswordController, AuditController, CouncilSettingsController]


def _remember(request: Request[Any, Any, Any], signed_in: SignedIn) -> None:
    """Hand the new session's secret to the browser."""
    request_state(request)["new_session"] = signed_in.token


def _sign_in_of(row: Any) -> dict[str, str]:
    user: User = row[0]
    membership: Membership = row[1]
    council: Council = row[2]
    return {"email": user.email, "name": user.name, "role": ROLE_LABELS[membership.role], "council": council.short_name}
