"""The permission table, walked: every route × every role, in one council and with ids of nobody."""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountService, Principal
from marketplace.accounts.permissions import GRANTS, PROVIDER_ROLES, Permission, Role
from marketplace.core.flash import STATE
from marketplace.web.context import csrf_token
from tests.browser import Browser
from tests.factories import Member, make_council, make_member, make_organisation, make_person, make_worker

OPEN_BY_DESIGN = ("/static", "/schema")
PERSONS = frozenset({Role.PERSON, Role.REPRESENTATIVE})
FORM_TYPE = "application/x-www-form-urlencoded"
ANSWERS_WHEN_ALLOWED = frozenset({200, 303, 307, 400, 404, 409, 422, 503})
"""With an id of nobody an allowed request finds nothing, or its form is wrong; it never fails and is never refused."""


def routes_of(app: Litestar) -> list[tuple[str, str, Permission | None]]:
    """Every (method, address, permission) with ids of nobody filled in."""
    found = []
    for route in app.routes:
        if route.path.startswith(OPEN_BY_DESIGN):
            continue
        address = re.sub(r"\{[^}]*:int\}", "1", re.sub(r"\{[^}]*:(str|uuid|path)\}", str(uuid4()), route.path_format))
        address = re.sub(r"\{[^}]*\}", str(uuid4()), address)
        for handler in getattr(route, "route_handlers", []):
            if "permission" in handler.opt:
                methods = sorted(handler.http_methods - {"OPTIONS", "HEAD"})
                found.extend((str(method), address, handler.opt["permission"]) for method in methods)
    return found


async def somebody(db: AsyncSession, role: Role) -> Member:
    """A user in a role, with the organisation, worker or person that the role acts for."""
    council = await make_council(db)
    if role in PROVIDER_ROLES:
        organisation = await make_organisation(db)
        worker = await make_worker(db, organisation)
        return await make_member(db, role, council, organisation_id=organisation.id, worker_id=worker.id)
    if role in PERSONS:
        person = await make_person(db, council)
        return await make_member(db, role, council, person_id=person.id)
    return await make_member(db, role, council)


async def status_for(
    app: Litestar, principal: Principal | None, method: str, address: str, headers: dict[str, str], body: bytes
) -> int:
    """Ask as a program does, with a form that is in order, and return the status of the answer.

    Who it is stands in the request already, as the middleware leaves it: some ten thousand refusals need neither look
    the same session up again nor be written as pages.
    """
    found: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body if method != "GET" else b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
        "path": address,
        "raw_path": address.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        STATE: {"principal": principal},
    }
    await app(scope, receive, send)
    return found[0]


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_reaches_what_it_is_granted_and_nothing_else(
    browser: Browser, db: AsyncSession, role: Role
) -> None:
    signed_in = await browser.signed_in(await somebody(db, role))
    token = str(signed_in.token)
    principal = await AccountService(db).principal_of(token)
    form = {"csrf_token": csrf_token(browser.settings.secret_key, token), "form_id": uuid4().hex}
    asked = {"cookie": f"session={token}", "accept": "application/json", "content-type": FORM_TYPE}
    wrong: list[Any] = []
    for method, address, permission in routes_of(browser.litestar):
        if address in ("/sign-out", "/acting/stop", "/webhooks/stripe"):
            continue
        if permission is None or permission in GRANTS[role]:
            ask = signed_in.get if method == "GET" else signed_in.post
            status = (await ask(address, expect=None)).status
            is_right = status in ANSWERS_WHEN_ALLOWED
        else:
            status = await status_for(browser.litestar, principal, method, address, asked, urlencode(form).encode())
            is_right = status == HTTPStatus.FORBIDDEN
        if not is_right:
            wrong.append((method, address, permission, status))
    assert wrong == []


async def test_a_refusal_is_a_page_for_a_browser(browser: Browser, db: AsyncSession) -> None:
    signed_in = await browser.signed_in(await somebody(db, Role.PERSON))
    page = await signed_in.open("/accreditation/frameworks", expect=403)
    assert page.heading


async def test_nobody_signed_in_is_led_to_signing_in(browser: Browser) -> None:
    wrong: list[Any] = []
    for method, address, permission in routes_of(browser.litestar):
        if permission is None:
            continue
        page = await (browser.get(address, expect=None) if method == "GET" else browser.post(address, expect=None))
        if page.status != 303 or not page.location.startswith("/sign-in?next="):
            wrong.append((method, address, page.status))
    assert wrong == []


async def test_the_short_way_refuses_for_want_of_the_permission_and_nothing_else(
    browser: Browser, db: AsyncSession
) -> None:
    for role, is_refused in ((Role.BROKER, False), (Role.PERSON, True)):
        signed_in = await browser.signed_in(await somebody(db, role))
        token = str(signed_in.token)
        principal = await AccountService(db).principal_of(token)
        form = urlencode({"csrf_token": csrf_token(browser.settings.secret_key, token), "form_id": uuid4().hex})
        asked = {"cookie": f"session={token}", "accept": "application/json", "content-type": FORM_TYPE}
        status = await status_for(browser.litestar, principal, "POST", "/referrals/new", asked, form.encode())
        assert (status == HTTPStatus.FORBIDDEN) is is_refused, (role, status)
