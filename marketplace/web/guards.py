"""The one guard of all routes: a permission is declared and held, and a form comes from our own page."""

import hmac
from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from marketplace.accounts import Permission
from marketplace.core.errors import Forbidden, SignInNeeded
from marketplace.core.files.forms import FileForm
from marketplace.core.settings import Settings
from marketplace.web.context import SESSION_COOKIE, cookie_name, csrf_holder, csrf_token, principal_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class UndeclaredRoute(RuntimeError):
    """A bug: a route that names no permission is never served."""


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse what the route does not allow.

    Raises:
        UndeclaredRoute: The route declares no permission.
        SignInNeeded: Nobody is signed in.
        Forbidden: The role lacks the permission, or the form is not one of our pages'.
    """
    if connection.scope.get("method") == "OPTIONS" and "permission" not in handler.opt:
        # The framework's own answer, which names the methods of an address and nothing else.
        return
    if "permission" not in handler.opt:
        raise UndeclaredRoute(str(handler))
    permission: Permission | None = handler.opt["permission"]
    if permission is not None:
        principal = principal_of(connection)
        if principal is None:
            raise SignInNeeded
        principal.require(permission)
    if connection.scope.get("method") not in SAFE and handler.opt.get("csrf", True):
        await _check_origin(connection)


async def _check_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    site = connection.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise Forbidden("This form was sent from another site.")
    holder = csrf_holder(connection)
    given = connection.headers.get("x-csrf-token")
    if given is None and isinstance(connection, Request):
        content_type, _ = connection.content_type
        if content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
            given = (await FileForm.read(connection)).values.get("csrf_token")
    settings: Settings = connection.app.state.settings
    secret = settings.secret_key
    if holder is None or not isinstance(given, str) or not hmac.compare_digest(given, csrf_token(secret, holder)):
        if principal_of(connection) is None and connection.cookies.get(cookie_name(SESSION_COOKIE, settings)):
            raise SignInNeeded
        raise Forbidden("This form is too old. Go back, reload the page and send it again.")
