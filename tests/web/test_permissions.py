"""The permission table, walked: every route × every role, in one council and with ids of nobody."""

import re
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import GRANTS, PROVIDER_ROLES, Permission, Role
from marketplace.web.context import csrf_token
from tests.browser import Browser
from tests.factories import Member, make_council, make_member, make_organisation, make_person, make_worker

OPEN_BY_DESIGN = ("/static", "/schema")
PERSONS = frozenset({Role.PERSON, Role.REPRESENTATIVE})
AS_A_PROGRAM = {"accept": "application/json"}
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


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_reaches_what_it_is_granted_and_nothing_else(
    browser: Browser, db: AsyncSession, role: Role
) -> None:
    signed_in = await browser.signed_in(await somebody(db, role))
    form = {"csrf_token": csrf_token(browser.settings.secret_key, str(signed_in.token)), "form_id": uuid4().hex}
    wrong: list[Any] = []
    for method, address, permission in routes_of(browser.litestar):
        if address in ("/sign-out", "/acting/stop", "/webhooks/stripe"):
            continue
        if permission is None or permission in GRANTS[role]:
            ask = signed_in.get if method == "GET" else signed_in.post
            status = (await ask(address, expect=None)).status
            is_right = status in ANSWERS_WHEN_ALLOWED
        else:
            # As a program asks: the refusal is the same, and some four thousand pages that say so need not be written.
            asked = signed_in.client.request(
                method, address, headers=AS_A_PROGRAM, data=form if method != "GET" else None
            )
            status = (await asked).status_code
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
