"""What holds for every answer: headers, HEAD, error pages and problems, odd addresses."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from marketplace.core.database import use_session_maker
from marketplace.core.settings import Settings
from marketplace.web.app import build_app
from marketplace.web.middleware import security_headers
from tests.browser import Browser

OPEN_BY_DESIGN = ("/static", "/schema")


async def test_every_route_declares_a_permission(settings: Settings, maker: Any) -> None:
    app = build_app(settings, maker=maker)
    silent = [
        (route.path, handler.handler_name)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if "permission" not in handler.opt and "OPTIONS" not in handler.http_methods
        if not route.path.startswith(OPEN_BY_DESIGN)
    ]
    assert silent == []


async def test_every_answer_carries_the_security_headers(browser: Browser) -> None:
    for path, status in (("/", 200), ("/nowhere", 404), ("/account", 303), ("/health", 200)):
        page = await browser.get(path, expect=status)
        policy = page.response.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "unsafe-eval" not in policy
        assert "default-src 'none'" in policy
        assert page.response.headers["x-content-type-options"] == "nosniff"
        assert page.response.headers["x-frame-options"] == "DENY"


async def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_machines(browser: Browser) -> None:
    page = await browser.get("/nowhere", expect=404)
    page.check()
    problem = await browser.get("/api/v1/nowhere", expect=404)
    assert problem.response.headers["content-type"] == "application/problem+json"
    assert problem.json()["type"] == "/problems/not-found"
    assert problem.json()["status"] == 404


async def test_head_is_get_without_a_body(browser: Browser) -> None:
    response = await browser.client.head("/")
    assert response.status_code == 200
    assert response.text == ""


@pytest.mark.parametrize("path", ["/%00", "/audit?before=%00", "/?q=a%00b"])
async def test_a_nul_byte_is_a_bad_request(browser: Browser, path: str) -> None:
    page = await browser.get(path, expect=400)
    page.check()


@pytest.mark.parametrize("before", ["99999999999999999999999", "-1", "0", "x"])
async def test_numbers_in_addresses_are_bounded(browser: Browser, db: Any, before: str) -> None:
    from marketplace.accounts.permissions import Role
    from tests.factories import make_member

    signed_in = await browser.signed_in(await make_member(db, Role.ADMIN))
    page = await signed_in.get(f"/audit?before={before}", expect=400)
    page.check()


async def test_a_dead_database_is_a_503_page_and_health_still_answers(browser: Browser, settings: Settings) -> None:
    class Broken:
        def __call__(self) -> Any:
            raise ConnectionRefusedError("nobody there")

    use_session_maker(Broken())  # type: ignore[arg-type]  # stands for a maker whose server is gone
    response = await browser.client.get("/sign-in")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "nobody there" not in response.text
    assert (await browser.client.get("/health")).status_code == 200
    assert (await browser.client.get("/ready")).status_code == 503


async def test_metrics_name_routes_and_never_ids(browser: Browser) -> None:
    await browser.get("/how-it-works")
    page = await browser.get("/metrics")
    assert 'route="/how-it-works"' in page.text
    assert "marketplace_outbox_waiting" in page.text


async def test_a_route_that_declares_nothing_is_never_served(settings: Settings, maker: Callable[..., Any]) -> None:
    import httpx
    from litestar import get

    from marketplace.web.app import surround

    @get("/undeclared")
    async def undeclared() -> str:
        return "secret"

    app = build_app(settings, maker=maker)  # type: ignore[arg-type]  # the fixture is a session maker
    app.register(undeclared)
    transport = httpx.ASGITransport(app=surround(app, settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        response = await client.get("/undeclared")
    assert response.status_code == 500
    assert "secret" not in response.text


def test_forms_may_lead_to_the_hosted_card_pages_and_nowhere_else(settings: Settings) -> None:
    """Browsers apply form-action to redirects: without the origin of the card page nobody could pay."""

    def targets(**changes: Any) -> str:
        headers = dict(security_headers(msgspec.structs.replace(settings, **changes)))
        return headers[b"content-security-policy"].decode().partition("form-action ")[2]

    assert targets() == "'self' https://checkout.stripe.com"
    sandbox = {"stripe_api_base": "http://127.0.0.1:8420", "card_pages_url": "http://localhost:8420"}
    assert targets(**sandbox) == "'self' http://localhost:8420"
