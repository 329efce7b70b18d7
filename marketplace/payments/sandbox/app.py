"""Puts the sandbox together as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import httpx
from litestar import Litestar, Request, route
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.response import Response

from marketplace.payments.sandbox import control, control_page, pages
from marketplace.payments.sandbox.api import ApiRequest, answer_call, dump
from marketplace.payments.sandbox.checkout import expire_due_sessions
from marketplace.payments.sandbox.config import SandboxConfig, check_config
from marketplace.payments.sandbox.state import Sandbox

SWEEP_SECONDS = 5
MAX_BODY_BYTES = 1_000_000


def create_sandbox(
    config: SandboxConfig,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    webhook_transport: httpx.AsyncBaseTransport | None = None,
) -> Litestar:
    """Make the sandbox application.

    It has to run in exactly one process: objects live in its memory. Events
    are delivered, and sessions expire by themselves, while its lifespan runs.

    Args:
        config: See `SandboxConfig`.
        clock: What the sandbox takes as the time (aware).
        webhook_transport: Carries events instead of the network, in tests.

    Raises:
        SandboxRefused: A live key or a configuration that cannot work.
    """
    check_config(config)
    sandbox = Sandbox(config, clock, webhook_transport)
    app = Litestar(
        route_handlers=[
            _api,
            pages.show_payment,
            pages.take_payment,
            pages.show_confirmation,
            pages.take_confirmation,
            pages.show_onboarding,
            pages.take_onboarding,
            pages.show_stylesheet,
            control.show_faults,
            control.add_faults,
            control.clear_faults,
            control.show_deliveries,
            control.show_health,
            control.order_dispute,
            control.order_refund,
            control.order_account,
            control_page.show_control,
            control_page.take_control,
        ],
        lifespan=[_background],
        exception_handlers={HTTPException: _error_page},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=MAX_BODY_BYTES,
    )
    app.state.sandbox = sandbox
    return app


@route("/v1/{path:path}", http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.DELETE])
async def _api(request: Request[Any, Any, Any]) -> Response[bytes]:
    answer = await answer_call(
        pages.sandbox_of(request),
        ApiRequest(
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            body=await request.body(),
            headers={name.lower(): value for name, value in request.headers.items()},
        ),
    )
    return Response(dump(answer.body), status_code=answer.status, headers=answer.headers, media_type="application/json")


@asynccontextmanager
async def _background(app: Litestar) -> AsyncGenerator[None, None]:
    sandbox: Sandbox = app.state.sandbox
    sandbox.deliveries.resume()
    tasks = [asyncio.create_task(sandbox.deliveries.run()), asyncio.create_task(_expire_for_ever(sandbox))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        sandbox.store.close()


async def _expire_for_ever(sandbox: Sandbox) -> None:
    while True:
        expire_due_sessions(sandbox)
        sandbox.store.commit()
        await asyncio.sleep(SWEEP_SECONDS)


def _error_page(_request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    if error.status_code == 404:
        return pages.message_page("Page not found", "Check the address of this page.", status=404)
    return pages.message_page("This did not work", "Go back and try again.", status=error.status_code)
