"""Signing in and out, sessions, limits, new passwords."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.accounts.service import SIGN_INS_PER_ACCOUNT, hash_password, reset_token
from marketplace.core.clock import FixedClock, SystemClock
from tests.browser import Browser, application, count, events
from tests.factories import Member, make_member

PASSWORD = "three random words"


@pytest.fixture
async def broker(db: AsyncSession) -> Member:
    member = await make_member(db, Role.BROKER, email="broker@test.example")
    member.user.password_hash = await hash_password(PASSWORD)
    return member


async def sign_in(browser: Browser, **given: Any) -> Any:
    await browser.open("/sign-in")
    form = {"email": "Broker@Test.Example", "password": PASSWORD, "next": "", **given}
    return await browser.post("/sign-in", form, expect=None)


async def test_signing_in_gives_a_fresh_session_and_leads_on(browser: Browser, broker: Member) -> None:
    browser.client.cookies.set("session", "attacker-fixed")
    page = await sign_in(browser, next="/account")
    assert (page.status, page.location) == (303, "/account")
    cookie = page.response.headers.get_list("set-cookie")[0]
    assert cookie.startswith("session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "attacker-fixed" not in cookie


async def test_a_wrong_password_keeps_the_address_and_says_the_same_as_an_unknown_one(
    browser: Browser, broker: Member, db: AsyncSession
) -> None:
    wrong = await sign_in(browser, password="not this one")
    unknown = await sign_in(browser, email="nobody@test.example")
    assert wrong.status == unknown.status == 422
    assert wrong.errors() == unknown.errors() == {"email": "Check your e-mail address and password"}
    assert wrong.title.startswith("Error: Sign in")
    assert wrong.field("email") == "Broker@Test.Example"
    assert await count(db, "sessions") == 0
    assert await count(db, "attempts") == 4


async def test_missing_fields_are_named_each(browser: Browser, broker: Member) -> None:
    page = await sign_in(browser, email="", password="")
    assert page.errors() == {"email": "Enter your e-mail address", "password": "Enter your password"}


async def test_ten_wrong_passwords_close_the_door_for_five_minutes(
    browser: Browser, broker: Member, clock: FixedClock
) -> None:
    for _ in range(SIGN_INS_PER_ACCOUNT):
        assert (await sign_in(browser, password="not this one")).status == 422
    assert (await sign_in(browser)).status == 429
    clock.advance(timedelta(minutes=6))
    assert (await sign_in(browser)).status == 303


async def test_signing_out_ends_the_session_on_the_server(browser: Browser, broker: Member, db: AsyncSession) -> None:
    signed_in = await browser.signed_in(broker)
    await signed_in.open("/account")
    await signed_in.post("/sign-out")
    assert await count(db, "sessions") == 0
    again = await signed_in.get("/account", expect=303)
    assert again.location == "/sign-in?next=/account"


async def test_an_idle_session_leads_to_signing_in_and_back(
    browser: Browser, broker: Member, clock: FixedClock
) -> None:
    signed_in = await browser.signed_in(broker)
    clock.advance(timedelta(minutes=31))
    page = await signed_in.get("/audit?before=7", expect=303)
    assert page.location == "/sign-in?next=/audit%3Fbefore%3D7"


async def test_the_way_on_never_leaves_the_site(browser: Browser, broker: Member) -> None:
    for bad in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert (await sign_in(browser, next=bad)).location == "/home"
        browser.client.cookies.clear()


async def test_a_form_without_its_token_is_refused(browser: Browser, broker: Member, db: AsyncSession) -> None:
    signed_in = await browser.signed_in(broker)
    page = await signed_in.post("/sign-out", {"csrf_token": "0" * 64}, expect=403)
    page.check()
    assert await count(db, "sessions") == 1
    headers = {"sec-fetch-site": "cross-site"}
    await signed_in.post("/sign-out", headers=headers, expect=403)


async def test_readers_without_an_account_get_no_cookie_and_no_session(browser: Browser, db: AsyncSession) -> None:
    for path in ("/", "/how-it-works", "/accessibility", "/cookies", "/privacy"):
        page = await browser.open(path)
        assert "set-cookie" not in page.response.headers
    assert await count(db, "sessions") == 0


async def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(
    browser: Browser, broker: Member, db: AsyncSession, settings: Any
) -> None:
    await browser.open("/forgotten-password")
    page = await browser.post("/forgotten-password", {"email": "broker@test.example"})
    assert page.location == "/forgotten-password/sent"
    assert await events(db) == ["PasswordResetRequested"]
    reset_id = await db.scalar(text("SELECT id FROM password_resets"))
    link = f"/new-password/{reset_token(settings.secret_key, reset_id)}"
    await browser.open(link)
    short = await browser.post(link, {"password": "short"}, expect=422)
    assert short.errors() == {"password": "Your password must be between 10 and 200 characters"}
    await browser.post(link, {"password": "another three words"})
    await browser.post(link, {"password": "yet another three"}, expect=404)
    assert (await sign_in(browser)).status == 422
    assert (await sign_in(browser, password="another three words")).status == 303


async def test_a_reset_for_an_unknown_address_looks_the_same_and_sends_nothing(
    browser: Browser, db: AsyncSession
) -> None:
    page = await browser.post("/forgotten-password", {"email": "nobody@test.example"})
    assert page.location == "/forgotten-password/sent"
    assert await events(db) == []
    assert await count(db, "password_resets") == 0


async def test_the_audit_log_shows_who_signed_in(browser: Browser, db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER, name="Mary Manager")
    signed_in = await browser.signed_in(manager)
    page = await signed_in.open("/audit")
    assert "Mary Manager Sign in" in page.words


async def test_a_role_without_the_permission_is_refused(browser: Browser, broker: Member) -> None:
    signed_in = await browser.signed_in(broker)
    page = await signed_in.get("/audit", expect=403)
    page.check()


async def test_over_tls_cookies_are_bound_to_the_host_and_marked_secure(
    db: AsyncSession, maker: Any, settings: Any, broker: Member
) -> None:
    secure = msgspec.structs.replace(settings, public_url="https://care.test.example")
    async with Browser(*application(secure, maker, SystemClock()), db, secure) as browser:
        response = await browser.client.get("/sign-in")
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("__Host-seed=")
        assert "Secure" in cookie
        assert "max-age=31536000" in response.headers["strict-transport-security"]
        # A form of a session that has ended leads to signing in, not to a refusal.
        browser.client.cookies.set("__Host-session", "ended", domain="testserver.local")
        answer = await browser.client.post("/sign-out", data={"csrf_token": "old"})
        assert answer.headers["location"].startswith("/sign-in")
