"""A form that is clicked twice, sent from two tabs, or sent again with other content: what tests of forms share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.service import AccountService
from marketplace.core.clock import Clock
from marketplace.core.database import SessionMaker, scope_to, transaction
from marketplace.core.settings import Settings
from marketplace.web.context import csrf_token
from tests.browser import Browser
from tests.factories import Member

NOT_COUNTED = ("idempotency_keys", "sessions", "alembic_version")
"""A refused or repeated form may touch these."""

PRINTS = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
"""


@dataclass
class Try:
    """A form that is ready to be sent by somebody, and what sending it once comes to."""

    who: Member
    path: str
    form: dict[str, Any]
    effect: tuple[str, str]
    """Table, and which of its rows are the effect."""
    other: dict[str, Any] = field(default_factory=dict)
    """Fields with which the same page would ask for something else; none when there is nothing else to ask."""
    tab: int = 409
    """The answer to a second tab: 409 or 422 when it is refused, 303 when it is a wish of its own, or the same one."""
    is_same: bool = False
    """Whether a second tab that is taken changes nothing."""
    effects: int = 1
    """How many rows the first one makes; each further one that is taken as many again."""


Prepare = Callable[[AsyncSession, Any], Awaitable[Try]]


async def prints(db: AsyncSession) -> dict[str, str]:
    """A print of every table's content."""
    await scope_to(db, "every")
    names = [name for name in await db.scalars(text(PRINTS)) if name not in NOT_COUNTED]
    parts = (f"SELECT '{name}', md5(string_agg(x::text, '|' ORDER BY x::text)) FROM {name} x" for name in names)
    return {name: found or "" for name, found in await db.execute(text(" UNION ALL ".join(parts)))}


async def count(db: AsyncSession, effect: tuple[str, str]) -> int:
    """How often something has happened."""
    return int(await db.scalar(text(f"SELECT count(*) FROM {effect[0]} WHERE {effect[1]}")) or 0)


async def sent_again(browser: Browser, db: AsyncSession, one: Try) -> None:
    """Send a form twice, then with other content, then from a second tab."""
    mine = await browser.signed_in(one.who)
    before = await count(db, one.effect)
    form = {**one.form, "form_id": "a" * 32}
    first = await mine.post(one.path, form)
    assert await count(db, one.effect) == before + one.effects
    after = await prints(db)
    again = await mine.post(one.path, form)
    assert again.location == first.location
    assert await prints(db) == after
    if one.other:
        refused = await mine.post(one.path, {**form, **one.other}, expect=409)
        assert "changed" in refused.title or "form" in refused.title
        assert await prints(db) == after
    await mine.post(one.path, {**one.form, "form_id": "b" * 32}, expect=one.tab)
    if one.tab == 303 and not one.is_same:
        assert await count(db, one.effect) == before + 2 * one.effects
    else:
        assert await prints(db) == after


async def sent_at_once(app: Any, maker: SessionMaker, settings: Settings, clock: Clock, one: Try) -> None:
    """Send a form from two tabs at the same instant, each clicked twice, on real connections."""
    async with transaction(maker, "every") as db:
        before = await count(db, one.effect)
        opened = await AccountService(db)._open(one.who.user, one.who.membership, one.who.council, clock.now())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://testserver",
        headers={"accept": "text/html", "cookie": f"session={opened.token}"},
    ) as client:
        token = csrf_token(settings.secret_key, opened.token)

        async def send(tab: str) -> httpx.Response:
            data = {**one.form, "csrf_token": token, "form_id": tab * 32}
            return await client.post(one.path, data=data)

        answers = await asyncio.gather(*(send(tab) for tab in "abab"))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(303) == (4 if one.tab == 303 else 2), (one.path, statuses)
    wins = 2 if one.tab == 303 and not one.is_same else 1
    assert max(statuses) < 500
    async with transaction(maker, "every") as db:
        assert await count(db, one.effect) == before + wins * one.effects
