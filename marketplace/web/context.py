"""What every page knows: who is signed in, tokens for its forms, the menu, messages to show once."""

import hashlib
import hmac
import json
import secrets
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from litestar.connection import ASGIConnection, Request
from litestar.plugins.jinja import JinjaTemplateEngine

from marketplace.accounts import Principal
from marketplace.core.flash import FLASH_KEY, request_state
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from marketplace.web.navigation import navigation

SESSION_COOKIE = "session"
SEED_COOKIE = "seed"
"""Random value of a visitor who is about to send a form without being signed in."""
FLASH_COOKIE = "flash"


def cookie_name(name: str, settings: Settings) -> str:
    """Over TLS a cookie's name promises Secure, the whole site and no other host."""
    return f"__Host-{name}" if settings.is_https else name


def state_of(connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
    """Return our dictionary of a request."""
    return request_state(connection)


def principal_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Principal | None:
    """Return who is signed in, or None."""
    principal: Principal | None = state_of(connection).get("principal")
    return principal


def csrf_token(secret_key: str, holder: str) -> str:
    """Return the token that forms of one session (or one visitor's seed) carry."""
    return hmac.new(secret_key.encode(), f"csrf:{holder}".encode(), hashlib.sha256).hexdigest()


def csrf_holder(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return what the token is bound to: the session's secret, or the visitor's seed; None without either."""
    settings: Settings = connection.app.state.settings
    session = connection.cookies.get(cookie_name(SESSION_COOKIE, settings))
    if session and principal_of(connection) is not None:
        return session
    state = state_of(connection)
    return connection.cookies.get(cookie_name(SEED_COOKIE, settings)) or state.get("new_seed")


def sign(secret_key: str, value: Any) -> str:
    """Pack a small value with a mark that only we can make."""
    packed = urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")
    mark = hmac.new(secret_key.encode(), f"cookie:{packed}".encode(), hashlib.sha256).hexdigest()[:32]
    return f"{packed}.{mark}"


def unsign(secret_key: str, text: str) -> Any:
    """Unpack a value of `sign`; None when it was not made by us."""
    packed, _, mark = text.partition(".")
    right = hmac.new(secret_key.encode(), f"cookie:{packed}".encode(), hashlib.sha256).hexdigest()[:32]
    if not hmac.compare_digest(mark, right):
        return None
    try:
        return json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except ValueError:
        return None


def page_context(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return what the layout needs, for one request."""
    settings: Settings = request.app.state.settings
    state = state_of(request)
    principal = principal_of(request)
    handler = request.scope.get("route_handler")
    options: Mapping[str, Any] = handler.opt if handler is not None else {}
    if principal is None and options.get("visitor_form") and csrf_holder(request) is None:
        state["new_seed"] = secrets.token_urlsafe(24)
    holder = csrf_holder(request)
    flash = state.get(FLASH_KEY) or unsign(
        settings.secret_key, request.cookies.get(cookie_name(FLASH_COOKIE, settings), "")
    )
    if flash:
        state["flash_shown"] = True
    return {
        "principal": principal,
        "acting_for": principal.acting_for if principal else None,
        "csrf_token": csrf_token(settings.secret_key, holder) if holder else None,
        "form_id": new_id().hex,
        "request_path": request.url.path,
        "navigation": navigation(principal, request.url.path),
        "flash": flash or [],
        "theme": principal.theme if principal else "teal",
        "is_demo": settings.demo,
    }


def printable(value: Any) -> Any:
    """Return what was typed without control characters, which no page may hold; lists item by item."""
    if isinstance(value, str):
        return "".join(char for char in value if char in "\n\t\r" or unicodedata.category(char) not in ("Cc", "Cs"))
    return [printable(item) for item in value] if isinstance(value, list) else value


class _WithContext:
    """A template that is rendered with the page's context around its own."""

    def __init__(self, template: Any) -> None:
        self.template = template

    def render(self, *args: Any, **kwargs: Any) -> str:
        given: dict[str, Any] = dict(*args, **kwargs)
        request = given.get("request")
        around = page_context(request) if isinstance(request, Request) else {}
        if isinstance(given.get("values"), Mapping):
            given["values"] = {name: printable(value) for name, value in given["values"].items()}
        text: str = self.template.render({**around, **given, "request": None})
        return text


class PagesEngine(JinjaTemplateEngine):
    """Jinja for pages."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(engine_instance=environment)
        # Litestar registers a callable of that name; ours is a plain text in the context of each page.
        environment.globals.pop("csrf_token", None)

    def get_template(self, template_name: str) -> Any:
        """Return a template by its path."""
        return _WithContext(super().get_template(template_name))
