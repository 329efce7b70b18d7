"""What happens around every request: who it is, headers of every answer, a deadline, a log line, figures."""

import asyncio
import time
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Litestar
from litestar.connection import Request
from litestar.datastructures import MutableScopeHeaders

from marketplace.accounts import AccountService, Principal, audit
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import BadRequest, Unavailable
from marketplace.core.flash import STATE
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from marketplace.web import metrics
from marketplace.web.context import FLASH_COOKIE, SEED_COOKIE, SESSION_COOKIE, cookie_name, sign
from marketplace.web.errors import handle

log = structlog.get_logger("marketplace.requests")

DEADLINE_SECONDS = 4.5
"""No page takes longer: a stalled database becomes a 503 page within five seconds."""
UPLOAD_SECONDS = 120.0
"""A form with files may take this long to arrive: 12 MB over a slow telephone."""
LOOKING_SECONDS = 90.0
"""And this long to be answered once it has arrived: its files are opened one by one, after those that came before."""
SLOW_PATHS = ("/exports/", "/static/", "/market/services.csv", "/sitemaps/")
OPEN_PATHS = ("/open-referral", "/market/services.csv")
"""Open data: programs on other sites may read every answer there, errors too (compliance rule of Open Referral UK)."""
OPEN_HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
    "access-control-expose-headers": "ETag, Last-Modified",
    "cross-origin-resource-policy": "cross-origin",
}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'; form-action 'self' {card_pages}"
)


def security_headers(settings: Settings) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer carries."""
    # Browsers check the address that a form's answer redirects to, too: the hosted card page must be named.
    card_pages = settings.card_pages_url or settings.stripe_api_base or "https://checkout.stripe.com"
    headers = {
        "content-security-policy": POLICY.format(card_pages=card_pages),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "x-frame-options": "DENY",
    }
    if settings.is_https:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class Surround:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Litestar, settings: Settings, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.app = app
        self.deadline_seconds = deadline_seconds
        self.settings = settings
        self.headers = security_headers(settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        state: dict[str, Any] = {"request_id": new_id().hex}
        scope[STATE] = state
        scope["app"] = scope["litestar_app"] = self.app
        is_head = scope["method"] == "HEAD"
        if is_head:
            # Routes are declared for GET; HEAD is the same without a body.
            scope["method"] = "GET"
        status = 0
        has_started = False

        async def dress(message: Any) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                status, has_started = int(message["status"]), True
                self._dress(scope, message, state)
            if is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            async with asyncio.timeout(self._seconds(scope)) as deadline:
                if b"\x00" in scope["raw_path"] or b"%00" in scope["raw_path"] or b"%00" in scope["query_string"]:
                    raise BadRequest
                if not scope["path"].startswith(("/static/", "/health", "/metrics", "/ready")):
                    await self._find_principal(scope, state)
                await self.app(scope, _patient(receive, deadline) if _is_upload(scope) else receive, dress)
                if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and (principal := state.get("principal")):
                    await _note_too_large(scope, principal)
        except Exception as error:
            if has_started:
                raise
            request: Request[Any, Any, Any] = Request(scope, receive=receive, send=send)
            cause = Unavailable() if isinstance(error, TimeoutError) else error
            response = handle(request, cause)
            await response.to_asgi_response(app=None, request=request)(scope, receive, dress)
        finally:
            seconds = time.monotonic() - started
            route = scope.get("path_template") or "none"
            metrics.observe(scope["method"], str(route), status, seconds)
            if not scope["path"].startswith(("/static/", "/health", "/ready")):
                log.info(
                    "request",
                    request_id=state["request_id"],
                    method="HEAD" if is_head else scope["method"],
                    route=route,
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )

    def _seconds(self, scope: Any) -> float | None:
        if scope["path"].startswith(SLOW_PATHS):
            return None
        return UPLOAD_SECONDS if _is_upload(scope) else self.deadline_seconds

    async def _find_principal(self, scope: Any, state: dict[str, Any]) -> None:
        request: Request[Any, Any, Any] = Request(scope)
        token = request.cookies.get(cookie_name(SESSION_COOKIE, self.settings))
        if not token:
            return
        if len(token) > 100:
            state["drop_session"] = True
            return
        async with transaction(session_maker(), "every", checks_early=False) as db:
            found = await AccountService(db).principal_of(token)
            state["principal"] = found
            state["drop_session"] = found is None

    def _dress(self, scope: Any, message: Any, state: dict[str, Any]) -> None:
        headers = MutableScopeHeaders.from_message(message)
        if scope["path"].startswith(OPEN_PATHS):
            headers.update(OPEN_HEADERS)
        for name, value in self.headers:
            headers.setdefault(name.decode(), value.decode())
        headers["x-request-id"] = state["request_id"]
        if not scope["path"].startswith("/static/"):
            headers.setdefault("cache-control", "no-store" if state.get("principal") else "private, no-cache")
        attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.settings.is_https else "")

        def put(name: str, value: str, more: str = "") -> None:
            headers.add("set-cookie", f"{cookie_name(name, self.settings)}={value}{attributes}{more}")

        if "new_session" in state:
            put(SESSION_COOKIE, state["new_session"])
        elif state.get("drop_session") or state.get("end_session"):
            put(SESSION_COOKIE, "", "; Max-Age=0")
        if "new_seed" in state:
            put(SEED_COOKIE, state["new_seed"], "; Max-Age=7200")
        if "flash_next" in state:
            put(FLASH_COOKIE, sign(self.settings.secret_key, state["flash_next"]), "; Max-Age=120")
        elif state.get("flash_shown"):
            put(FLASH_COOKIE, "", "; Max-Age=0")


async def _note_too_large(scope: Any, principal: Principal) -> None:
    """Write down who sent more than we take; the body was never read, so nothing else is known of it."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    detail = {
        "route": str(scope.get("path_template") or ""),
        "bytes": int(announced) if announced.isdigit() and len(announced) < 16 else None,
    }
    try:
        await audit.record_refusal(
            principal,
            "web.refuse_large_upload",
            council_id=principal.council_id,
            subject_kind="organisation" if principal.organisation_id else "user",
            subject_id=principal.organisation_id or principal.user_id,
            why="More was sent than we take at once",
            detail=detail,
        )
    except Exception as error:
        # The answer has left; a database that is away must not turn it into a broken one.
        log.warning("refusal-not-noted", cause=type(error).__name__)


def _is_upload(scope: Any) -> bool:
    if scope["method"] != "POST":
        return False
    return any(name == b"content-type" and value.startswith(b"multipart/form-data") for name, value in scope["headers"])


def _patient(receive: Any, deadline: asyncio.Timeout) -> Any:
    """Start the clock anew when the whole form has arrived. No transaction is open until then."""

    async def arriving() -> Any:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            deadline.reschedule(asyncio.get_running_loop().time() + LOOKING_SECONDS)
        return message

    return arriving
