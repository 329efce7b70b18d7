"""Messages shown once, on the page after a form: "Booking requested"."""

from typing import Any, cast

from litestar.connection import ASGIConnection, Request

FLASH_KEY = "flash"
STATE = "marketplace"
"""Key of our own dictionary in the ASGI scope."""


def request_state(connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
    """Return our dictionary of a request: what the middleware found and what it is to do with the answer."""
    scope = cast("dict[str, Any]", connection.scope)
    found: dict[str, Any] = scope.setdefault(STATE, {})
    return found


def flash(request: Request[Any, Any, Any], text: str, *, kind: str = "success", heading: str | None = None) -> None:
    """Show a message on the next page. `kind` is "success" or "information"; no personal data."""
    message = {"kind": kind, "text": text}
    if heading:
        message["heading"] = heading
    request_state(request).setdefault("flash_next", []).append(message)
