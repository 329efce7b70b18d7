"""The one guard of all routes: a permission is declared and held, and a form comes from our own page."""

import hmac
from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from marketplace.accounts import Permission
from marketplace.core.errors import Forbidden, SignInNeeded
from marketplace.core.files.forms import FileForm
from marketplace.core.settings import Settings
from marketplace.web.context import SESSION_COOKIE, cookie_name, csrf_holder, csrf_token, principal_of, state_of

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
        if principal is None or not principal.may(permission):
            await _keep_words(connection, handler)
        if principal is None:
            raise SignInNeeded
        principal.require(permission)
    if connection.scope.get("method") not in SAFE and handler.opt.get("csrf", True):
        await _check_origin(connection)


async def _keep_words(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Remember what somebody wrote who lost their access meanwhile: the page that refuses gives it back to them.

    For routes with `keeps_words` in their options, and forms of our own pages alone: no other site may put its words
    on a page of ours.
    """
    is_form = connection.scope.get("method") not in SAFE and handler.opt.get("keeps_words", False)
    if not is_form or connection.headers.get("sec-fetch-site") not in (None, "same-origin"):
        return
    if isinstance(connection, Request):
        values = (await FileForm.read(connection)).values
        words = [text for name, text in values.items() if name not in _NO_WORDS and isinstance(text, str) and text]
        state_of(connection)["kept_words"] = words[:MOST_KEPT]


_NO_WORDS = frozenset({"csrf_token", "form_id", "action", "version", "seen", "clash", "keep"})
MOST_KEPT = 100


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
