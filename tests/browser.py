"""A browser for tests that go through HTTP: keeps cookies, fills in tokens, checks every page it opens."""

import re
from typing import Any, Self
from uuid import uuid4
from xml.etree import ElementTree

import httpx
from litestar import Litestar
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.service import AccountService
from marketplace.core.clock import Clock
from marketplace.core.database import SessionMaker, scope_to, use_session_maker
from marketplace.core.settings import Settings
from marketplace.web.app import build_app, state_of, surround
from marketplace.web.context import csrf_token
from tests.compiled_templates import share_templates
from tests.web.page_checks import check_page, parse

MOST_QUERIES = 25
NO_HURRY_SECONDS = 120.0
"""Deadline of a request in tests: a busy machine is no failure. `tests/web/test_faults.py` tests the real one."""


_built: list[Litestar] = []
_lent: list[SessionMaker] = []
"""To whom each of the first of them is lent: the sessions of the test that runs."""


def application(settings: Settings, maker: SessionMaker, clock: Clock, **parts: Any) -> tuple[Any, Litestar]:
    """Lend an application with the test's own settings, sessions, clock and parts; returns it dressed, and bare.

    Building one takes most of a second, and its templates are compiled anew. So a worker builds as many as one test
    uses at once and lends them to each test with a state of its own. Whoever adds routes builds one for itself.
    """
    if _lent and _lent[0] is not maker:
        _lent.clear()  # Another test has begun.
    if len(_lent) == len(_built):
        _built.append(build_app(settings, maker=maker, clock=clock))
        share_templates(_built[-1])
    lent = _built[len(_lent)]
    _lent.append(maker)
    use_session_maker(maker)
    lent.state = state_of(settings, clock, parts)
    return surround(lent, settings, NO_HURRY_SECONDS), lent


class Page:
    """An answer, read as a page."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.text = response.text
        self._tree: Any = None

    @property
    def tree(self) -> Any:
        """The parsed page; strict, so that broken HTML is an error. Parsed once, as parsing costs most."""
        if self._tree is None:
            self._tree = parse(self.text)
        return self._tree

    @property
    def title(self) -> str:
        """Text of the title element."""
        return _words(self.tree.find(".//title"))

    @property
    def heading(self) -> str:
        """Text of the one h1."""
        return _words(self.tree.find(".//h1"))

    @property
    def words(self) -> str:
        """All visible words of the main part, in one line."""
        main = self.tree.find(".//main")
        return _words(main if main is not None else self.tree)

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.response.headers.get("location", "")

    def errors(self) -> dict[str, str]:
        """Messages of the error summary by the field they link to."""
        summary = next((item for item in self.tree.iter("div") if "govuk-error-summary" in _classes(item)), None)
        if summary is None:
            return {}
        return {link.get("href", "").lstrip("#"): _words(link) for link in summary.iter("a")}

    def field(self, name: str) -> str | None:
        """Value of an input, select or textarea by name; None when it is not there."""
        for item in self.tree.iter():
            if item.get("name") == name:
                if item.tag == "textarea":
                    return (item.text or "").strip()
                if item.tag == "select":
                    chosen = [option for option in item.iter("option") if option.get("selected") is not None]
                    return chosen[0].get("value") if chosen else None
                if item.get("type") in ("radio", "checkbox") and item.get("checked") is None:
                    continue
                return item.get("value", "")
        return None

    def links(self) -> list[str]:
        """Addresses of all links."""
        return [item.get("href", "") for item in self.tree.iter("a")]

    def link(self, pattern: str) -> str:
        """The first link whose address fits a pattern."""
        return next(address for address in self.links() if re.search(pattern, address))

    def json(self) -> Any:
        """The answer as JSON."""
        return self.response.json()

    def check(self) -> None:
        """What holds for every page (see `page_checks`)."""
        check_page(self.text, self.tree)


class Browser:
    """Opens pages and sends forms as one person."""

    def __init__(self, app: Any, litestar: Litestar, db: AsyncSession, settings: Settings) -> None:
        self.app, self.litestar, self.db, self.settings = app, litestar, db, settings
        self.client = self._client()
        self.token: str | None = None
        self.queries = 0

    def _client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://testserver", headers={"accept": "text/html"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def signed_in(self, user: Any, *, confirmed: bool = False) -> "Browser":
        """Return a browser in which somebody (a `Member`) is signed in.

        Confirmed: they have just given their password again, as what moves money asks.
        """
        other = Browser(self.app, self.litestar, self.db, self.settings)
        service = AccountService(self.db)
        opened = await service._open(user.user, user.membership, user.council, service.clock.now())
        if confirmed:
            await self.db.execute(
                text("UPDATE sessions SET confirmed_at = :now WHERE id = :id"),
                {"now": service.clock.now(), "id": opened.principal.session_id},
            )
        await self.db.flush()
        other.token = opened.token
        other.client.cookies.set("session", opened.token)
        return other

    def cookie(self, name: str) -> str | None:
        """Value of a cookie, or None."""
        return next((item.value for item in self.client.cookies.jar if item.name == name), None)

    async def get(self, path: str, *, expect: int | None = 200, **options: Any) -> Page:
        """Ask for an address."""
        return await self._ask("GET", path, expect, **options)

    async def open(self, path: str, *, expect: int = 200) -> Page:
        """Open a page and check what holds for every page, the number of its queries included."""
        page = await self._ask("GET", path, expect)
        page.check()
        assert self.queries <= MOST_QUERIES, f"{path}: {self.queries} queries"
        return page

    async def post(
        self, path: str, data: dict[str, Any] | None = None, *, expect: int | None = 303, **options: Any
    ) -> Page:
        """Send a form as one of our pages would: with the token of the session and a fresh one-time id."""
        holder = self.token
        if holder is None:
            holder = self.cookie("seed") or "a-visitor"
            if self.cookie("seed") is None:
                self.client.cookies.set("seed", holder, domain="testserver.local")
        filled = {"csrf_token": csrf_token(self.settings.secret_key, holder), "form_id": uuid4().hex, **(data or {})}
        page = await self._ask("POST", path, expect, data=filled, **options)
        if page.status == 422:
            page.check()
        return page

    async def _ask(self, method: str, path: str, expect: int | None, **options: Any) -> Page:
        counter = {"n": 0}
        bind = self.db.get_bind()

        def count(*_: object) -> None:
            counter["n"] += 1

        event.listen(bind, "before_cursor_execute", count)
        try:
            # What the test holds in its session is written before the application looks.
            await self.db.flush()
            response = await self.client.request(method, path, **options)
        finally:
            event.remove(bind, "before_cursor_execute", count)
            await scope_to(self.db, "every")
            self.db.expire_all()
        self.queries = counter["n"]
        page = Page(response)
        if expect is not None:
            assert page.status == expect, f"{method} {path}: {page.status}, wanted {expect}\n{page.text[:3000]}"
        return page


async def count(db: AsyncSession, table: str, where: str = "true") -> int:
    """Count rows of a table."""
    return int(await db.scalar(text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)


async def events(db: AsyncSession) -> list[str]:
    """Names of events in the outbox, oldest first."""
    return list((await db.scalars(text("SELECT event FROM outbox_messages ORDER BY number"))).all())


def _words(element: Any) -> str:
    if element is None:
        return ""
    return " ".join("".join(element.itertext()).split())


def _classes(element: ElementTree.Element) -> str:
    return element.get("class", "")
