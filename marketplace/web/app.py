"""The application: routes of all packages under one guard, one error handler, one set of headers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache
from litestar import Litestar, Request, Router
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import ASGIApp, Method
from litestar.types.internal_types import PathParameterDefinition
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from marketplace.accounts import Principal
from marketplace.core import log
from marketplace.core.clock import Clock, SystemClock
from marketplace.core.database import (
    SessionMaker,
    make_engine,
    make_session_maker,
    session_maker,
    transaction,
    use_session_maker,
)
from marketplace.core.errors import SignInNeeded
from marketplace.core.settings import Settings, read_settings
from marketplace.messaging import delivery
from marketplace.web.context import PagesEngine, principal_of
from marketplace.web.errors import handle
from marketplace.web.guards import guard
from marketplace.web.middleware import DEADLINE_SECONDS, Surround
from marketplace.web.pages import create_environment, load_manifest
from marketplace.web.parts import open_parts, weekly_budget

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
BUILT_ASSETS = ROOT / "build" / "static"

LARGEST_BODY = 1_000_000
"""Bytes of a form or JSON body; uploads have their own limit."""

_FOR_EVER = CacheControlHeader(public=True, max_age=31_536_000, immutable=True)

PACKAGES = (
    "accounts",
    "people",
    "providers",
    "matching",
    "plans",
    "bookings",
    "payments",
    "quality",
    "reporting",
    "web",
)
"""Packages with pages. Each has `ROUTES` in its `routes` module or package."""


async def provide_visitor(request: Request[Any, Any, Any]) -> Principal | None:
    """Give a handler who is signed in, or None."""
    return principal_of(request)


async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Give a handler who is signed in.

    Raises:
        SignInNeeded: Nobody is.
    """
    principal = principal_of(request)
    if principal is None:
        raise SignInNeeded
    return principal


async def provide_db(request: Request[Any, Any, Any]) -> AsyncGenerator[AsyncSession, None]:
    """Give a handler its transaction, limited to the councils of who is signed in. It ends before the answer leaves."""
    principal = principal_of(request)
    councils = principal.councils if principal else ()
    async with transaction(session_maker(), councils, checks_early=request.method != "GET") as db:
        yield db


def routes() -> list[Any]:
    """Collect the routes of all packages."""
    found: list[Any] = []
    for package in PACKAGES:
        try:
            module = import_module(f"marketplace.{package}.routes")
        except ModuleNotFoundError as error:
            if error.name != f"marketplace.{package}.routes":
                raise
            continue
        found.extend(module.ROUTES)
    return found


def operation_id(handler: HTTPRouteHandler, method: Method, parts: list[str | PathParameterDefinition]) -> str:
    """Name an operation by its method and whole path: `/money-audits` and `/money/audits` are two operations."""
    return ".".join([method.lower(), *(part if isinstance(part, str) else f"{{{part.name}}}" for part in parts)])


def build_app(
    settings: Settings,
    *,
    maker: SessionMaker | None = None,
    clock: Clock | None = None,
    manifest: dict[str, str] | None = None,
    state: dict[str, Any] | None = None,
    compiled_templates: Path | None = None,
) -> Litestar:
    """Build the application.

    Args:
        settings: What the installation sets.
        maker: Sessions to use; without, a pool is opened from the settings while the application runs.
        clock: Where the time comes from.
        manifest: Hashed asset names; None leaves names plain.
        state: More things for `app.state`, such as the search index.
        compiled_templates: Folder that keeps compiled templates; with it all are made ready before the first request.
    """
    the_clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None, None]:
        engine: AsyncEngine | None = None
        if maker is None:
            if settings.database_url is None:
                raise RuntimeError("DATABASE_URL is not set and no embedded database was started")
            engine = make_engine(settings.database_url, command_seconds=4)
            use_session_maker(make_session_maker(engine, the_clock))
        try:
            if compiled_templates is not None:
                await asyncio.to_thread(_compile, environment, compiled_templates)
            yield
        finally:
            if engine is not None:
                await engine.dispose()

    if maker is not None:
        use_session_maker(maker)
    environment = create_environment(TEMPLATES, manifest)
    return Litestar(
        route_handlers=[
            *routes(),
            create_static_files_router(
                path="/static",
                directories=[BUILT_ASSETS],
                cache_control=_FOR_EVER,
                opt={"permission": None},
                include_in_schema=False,
                name="static",
            ),
        ],
        guards=[guard],
        dependencies={
            "db": Provide(provide_db),
            "principal": Provide(provide_principal),
            "visitor": Provide(provide_visitor),
        },
        exception_handlers={Exception: handle},
        template_config=TemplateConfig(instance=PagesEngine(environment)),
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(
            title="Care Marketplace",
            version="1",
            render_plugins=[JsonRenderPlugin()],
            operation_id_creator=operation_id,
            # The guard refuses routes that name no permission; the description is for everybody.
            openapi_router=Router("/schema", route_handlers=[], opt={"permission": None}),
        ),
        request_max_body_size=LARGEST_BODY,
        state=state_of(settings, the_clock, state),
    )


def state_of(settings: Settings, clock: Clock, parts: dict[str, Any] | None = None) -> State:
    """Return what handlers find in `app.state`: nothing else of an application depends on what it was built with."""
    return State({"settings": settings, "clock": clock, "weekly_budget": weekly_budget, **(parts or {})})


def _compile(environment: Environment, folder: Path) -> None:
    """Compile every template now, so that nobody's first page waits for it; later starts read them from the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    environment.bytecode_cache = FileSystemBytecodeCache(str(folder))
    for name in environment.list_templates(extensions=["html"]):
        if not name.startswith("govuk_frontend_jinja/"):
            environment.get_template(name)


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Make the ASGI application of a web process (the target of the server)."""
    found = settings or read_settings()
    log.configure()
    delivery.use_settings(found)  # Some pages write messages with links.
    app = build_app(
        found,
        manifest=load_manifest(BUILT_ASSETS),
        state=open_parts(found),
        compiled_templates=found.data_dir / "cache" / "templates",
    )
    return surround(app, found)


def surround(app: Litestar, settings: Settings, deadline_seconds: float = DEADLINE_SECONDS) -> ASGIApp:
    """Put the middleware around an application, outside its routing, so that every answer is dressed."""
    wrapped: ASGIApp = Surround(app, settings, deadline_seconds)
    return wrapped
