"""One handler for everything that goes wrong: a page for a browser, problem+json (RFC 9457) for everyone else."""

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import structlog
from litestar import Response
from litestar.connection import Request
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Redirect, Template
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from marketplace.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PlatformError,
    SignInNeeded,
    Unavailable,
)
from marketplace.web.context import state_of
from marketplace.web.pages import error_template

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = "5"


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an error."""
    if isinstance(error, HTTPException) and not isinstance(error, ValidationException) and error.status_code < 500:
        return _answer(request, HTTPStatus(error.status_code), _code(error.status_code), None, "", {}, error.headers)
    known = _known(error)
    if known is None:
        log.exception("unexpected-error", path_kind=_route(request), request_id=state_of(request).get("request_id"))
        return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "error", None, "", {})
    if isinstance(known, SignInNeeded | Forbidden) and state_of(request).get("kept_words") and _wants_page(request):
        words = {"words": state_of(request)["kept_words"], "next": quote(_way_back(request))}
        return Template("errors/kept_words.html", context=words, status_code=HTTPStatus.FORBIDDEN)
    if isinstance(known, SignInNeeded) and _wants_page(request):
        return Redirect(f"/sign-in?next={quote(_way_back(request))}", status_code=303)
    if isinstance(known, Unavailable):
        log.warning("unavailable", cause=type(error).__name__, request_id=state_of(request).get("request_id"))
    fields = known.fields if isinstance(known, InvalidInput) else {}
    return _answer(request, known.status, known.code, known.title, known.detail, fields)


def _known(error: Exception) -> PlatformError | None:
    """Put an error of a library into our words, where it has some."""
    if isinstance(error, PlatformError):
        return error
    if isinstance(error, ValidationException):
        return BadRequest()
    if isinstance(error, StaleDataError):
        return Conflict()
    if isinstance(error, PoolTimeout | OperationalError | InterfaceError | ConnectionError | asyncio.TimeoutError):
        return Unavailable()
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        if isinstance(cause, asyncpg.DataError | asyncpg.CharacterNotInRepertoireError):
            return BadRequest()
        if error.connection_invalidated or isinstance(cause, _DATABASE_AWAY):
            return Unavailable()
        return None
    if isinstance(error, _DATABASE_AWAY):
        return Unavailable()
    # A file that is missing has a name; a socket that nobody listens on has none.
    if isinstance(error, OSError) and error.filename is None:
        return Unavailable()
    return None


_DATABASE_AWAY = (
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ConnectionFailureError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)


def _answer(
    request: Request[Any, Any, Any],
    status: HTTPStatus,
    code: str,
    title: str | None,
    detail: str,
    fields: dict[str, str],
    headers: Any = None,
) -> Response[Any]:
    reference = state_of(request).get("request_id")
    extra = {"Retry-After": RETRY_AFTER_SECONDS} if status in _RETRY else {}
    if headers and (allow := headers.get("Allow")):
        extra["Allow"] = allow
    shown = detail if detail and detail != title else ""
    if _wants_page(request):
        context = {
            "problem_title": title,
            "problem_detail": shown,
            "reference": reference if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None,
        }
        page = Template(error_template(status), context=context, status_code=status, headers=extra)
        if request.scope.get("route_handler") is None:
            return _bare(request, page, status, extra)
        return page
    problem: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": title or status.phrase,
        "status": int(status),
        "instance": reference,
    }
    if shown:
        problem["detail"] = shown
    if fields:
        problem["errors"] = [{"field": name, "detail": message} for name, message in fields.items()]
    return Response(problem, status_code=status, media_type="application/problem+json", headers=extra)


_RETRY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


def _bare(request: Request[Any, Any, Any], page: Template, status: int, headers: dict[str, str]) -> Response[Any]:
    """Render at once: outside a route there is no handler to resolve templates for."""
    engine = request.app.template_engine
    if engine is None or page.template_name is None:
        return Response("", status_code=status)
    text = engine.get_template(page.template_name).render({**page.context, "request": request})
    return Response(text, status_code=status, media_type="text/html", headers=headers)


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    path = request.scope["path"]
    if path.startswith(("/api/", "/webhooks/", "/open-referral", "/schema")):
        return False
    accept = request.headers.get("accept", "*/*")
    return "text/html" in accept or ("application/json" not in accept and "*/*" in accept)


def _way_back(request: Request[Any, Any, Any]) -> str:
    """Return the page to go to after signing in: this one, or for a form the page it stood on."""
    if request.method in ("GET", "HEAD"):
        query = request.scope.get("query_string", b"").decode("latin-1")
        return f"{request.url.path}?{query}" if query else request.url.path
    came_from = urlsplit(request.headers.get("referer", ""))
    return came_from.path if came_from.netloc == request.headers.get("host") else "/"


def _route(request: Request[Any, Any, Any]) -> str:
    handler = request.scope.get("route_handler")
    return str(handler) if handler is not None else "none"


def _code(status: int) -> str:
    return {404: NotFound.code, 405: "method-not-allowed", 413: "too-large"}.get(status, f"http-{status}")
