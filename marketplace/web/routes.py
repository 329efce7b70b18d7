"""Pages that belong to no package: start, how it works, legal pages; and the addresses that machines ask."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.web import metrics
from marketplace.web.navigation import HINTS, entries
from marketplace.web.operations import OperationsController


@get("/", permission=None)
async def start(visitor: NamedDependency[Principal | None]) -> Template | Redirect:
    """The start page: search first, signed in or not."""
    if visitor is not None:
        return Redirect("/home", status_code=303)
    return Template("web/start.html")


def _static_page(path: str, template: str) -> Any:
    @get(path, permission=None, name=template)
    async def page() -> Template:
        return Template(template)

    return page


@get("/feedback", permission=None)
async def feedback(db: NamedDependency[AsyncSession]) -> Template:
    """How to reach the councils that run this installation."""
    return Template("web/feedback.html", context={"councils": await AccountRepository(db).councils()})


@get("/more", permission=Permission.SIGNED_IN)
async def more(principal: NamedDependency[Principal]) -> Template:
    """What the menu of this role has no room for."""
    folded = entries(principal)[1]
    return Template("web/more.html", context={"folded": [(*item, HINTS[item[1]]) for item in folded]})


@get("/health", permission=None)
async def health() -> dict[str, str]:
    """Whether this process is alive."""
    return {"status": "ok"}


@get("/ready", permission=None)
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Whether what we lean on answers: the database (needed), the queue and the index (work goes on without)."""
    parts: dict[str, str] = {}
    try:
        async with transaction(session_maker()) as db:
            await db.execute(text("SELECT 1"))
        parts["database"] = "ok"
    except Exception as error:
        parts["database"] = type(error).__name__
    url = request.app.state.settings.redis_url
    if url:
        client = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        try:
            await client.ping()
            parts["queue"] = "ok"
        except Exception as error:
            parts["queue"] = type(error).__name__
        finally:
            await client.aclose()
    is_ready = parts["database"] == "ok"
    return Response({"status": "ready" if is_ready else "waiting", **parts}, status_code=200 if is_ready else 503)


@get("/metrics", permission=None, media_type="text/plain")
async def figures(db: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Figures for Prometheus."""
    row = (
        await db.execute(
            text(
                "SELECT (SELECT count(*) FROM outbox_messages WHERE relayed_at IS NULL),"
                " count(*) FILTER (WHERE parked_at IS NULL), count(parked_at)"
                " FROM outbox_deliveries WHERE handled_at IS NULL"
            )
        )
    ).one()
    metrics.OUTBOX_WAITING.set(row[0])
    metrics.OUTBOX_OPEN.set(row[1])
    metrics.OUTBOX_PARKED.set(row[2])
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE_LATEST)


@get("/.well-known/security.txt", permission=None, media_type="text/plain")
async def security_txt(request: Request[Any, Any, Any]) -> str:
    """How to report a weakness (RFC 9116)."""
    base = request.app.state.settings.public_url
    expires = datetime(request.app.state.clock.now().year + 1, 1, 1, tzinfo=UTC)
    return f"Contact: {base}/feedback\nExpires: {expires.isoformat()}\nPreferred-Languages: en\n"


ROUTES = [
    start,
    feedback,
    more,
    health,
    ready,
    figures,
    security_txt,
    OperationsController,
    _static_page("/how-it-works", "static_pages/how_it_works.html"),
    _static_page("/accessibility", "static_pages/accessibility.html"),
    _static_page("/cookies", "static_pages/cookies.html"),
    _static_page("/privacy", "static_pages/privacy.html"),
]
