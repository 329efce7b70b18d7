"""Somebody at a browser: signs in, opens pages, fills forms by their labels; axe looks at every page on the way."""

import os
import re
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.compiled_templates import FOLDER as RUN_FOLDER
from tests.web.page_checks import axe_faults, inks_of

PASSWORD = "demo-password"
PATIENCE_MS = 20_000
SEEN_SECONDS = 120
"""Longest wait for what is done behind a page: on a busy machine all recurring work may come first."""
REPLACED = ("htmx:sendAbort", "htmx:afterRequest")
NO_LINE = "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"
"""What the browser says of a request while a journey has taken its line away."""

LEAVES = """(element, scripts) => {
  const one = element.closest('a[href], button, input[type=submit], input[type=image], summary')
  if (!one || one.target) return false
  if (one.tagName === 'A') return !one.hasAttribute('download') && !one.getAttribute('href').startsWith('#')
  if (one.type !== 'submit' || !one.form) return false
  return !scripts || !one.form.matches('[hx-get], [hx-post], [data-visit-press]')
}"""
"""Whether a click on something leads to another page; without scripts, every form does."""


class Faultless:
    """What axe found nothing in: known to all workers of a run, and where there is no run, to one."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __contains__(self, what: str) -> bool:
        name = sha256(what.encode()).hexdigest()
        return name in self._known or (RUN_FOLDER in os.environ and self._shared(name).exists())

    def add(self, what: str) -> None:
        """Keep it: an empty file whose name tells it."""
        name = sha256(what.encode()).hexdigest()
        self._known.add(name)
        if RUN_FOLDER in os.environ:
            self._shared(name).touch()

    def _shared(self, name: str) -> Path:
        return Path(os.environ[RUN_FOLDER]) / f"axe-{name}"


_FAULTLESS = Faultless()
"""Builds of pages, and kinds of text by what its contrast depends on."""


def build_of(html: str) -> str:
    """Return what axe judges of a page: every element with its attributes, and where there is text, but not which.

    Numbers, ids, addresses and what fields hold are left out, so that two pages of the same build are equal.
    """
    without_values = re.sub(r'\s(value|href|action|content|src)="[^"]+"', r" \1", html)
    without_numbers = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d+", "0", without_values)
    return re.sub(r">[^<>]*[^<>\s][^<>]*<", ">text<", without_numbers)


class Walker:
    """One person in a browser of their own."""

    def __init__(self, chromium: Browser, address: str, *, scripts: bool, width: int = 1280) -> None:
        self.scripts = scripts
        self.width = width
        self.address = address
        self.context: BrowserContext = chromium.new_context(
            java_script_enabled=scripts, viewport={"width": width, "height": 900}, locale="en-GB"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.seen: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        # The browser reports every answer of 400 and more as a console error; pages with errors are meant here. htmx
        # reports a request that a newer one replaced: leaving a field and pressing the button are two questions.
        is_meant = "the server responded with a status of" in message.text or message.text.startswith(
            (*REPLACED, NO_LINE)
        )
        if message.type == "error" and not is_meant:
            self.complaints.append(message.text)

    def close(self) -> None:
        """Leave; nothing may have been refused by the page's own policy."""
        self.context.close()
        assert self.complaints == [], self.complaints

    def sign_in(self, who: str) -> None:
        """Sign in as one of the demo's users."""
        self.context.clear_cookies()
        self.open("/sign-in")
        self.page.get_by_label("E-mail address").fill(who)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.press("Sign in")
        expect(self.page).to_have_url(re.compile("/home$"))
        self.look()

    def open(self, path: str, status: int = 200) -> None:
        """Open an address and look at the page."""
        response = self.page.goto(f"{self.address}{path}")
        assert response is not None
        assert response.status == status, f"{path}: {response.status}"
        self.look()

    def look(self) -> None:
        """Check the page with axe, once for each kind of page. Axe is a script, so only where scripts run."""
        kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d", "_", self.page.url.partition("?")[0])
        if self.scripts and kind not in self.seen:
            self.seen.add(kind)
            # Somebody else may have stood before the same page, such as the one for signing in.
            build = f"{self.width} {build_of(self.page.content())}"
            if build not in _FAULTLESS:
                inks = [ink for ink in inks_of(self.page) if ink not in _FAULTLESS]
                faults = axe_faults(self.page, with_contrast=bool(inks))
                assert faults == [], f"{kind}: {faults}"
                for faultless in (build, *inks):
                    _FAULTLESS.add(faultless)

    def click(self, target: Locator) -> None:
        """Click; what leads to another page has led there before this returns.

        The browser says that it was clicked before it sends a form: who went on at once would sometimes take it back.
        """
        if not target.evaluate(LEAVES, self.scripts):
            target.click()
            return
        with self.page.expect_navigation(wait_until="load"):
            target.click()

    def press(self, name: str) -> None:
        """Press a button."""
        self.click(self.page.get_by_role("button", name=name, exact=True).first)

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow a link and look at where it leads."""
        self.click(self.page.get_by_role("link", name=name).first)
        self.look()

    def fill(self, **fields: str) -> None:
        """Fill fields by their names."""
        for name, value in fields.items():
            self.page.locator(f"[name='{name.replace('__', '-')}']").first.fill(value)

    def choose(self, name: str, value: str) -> None:
        """Choose a radio button or tick a box."""
        self.page.locator(f"input[name='{name}'][value='{value}']").check()

    def date(self, name: str, day: Any) -> None:
        """Fill the three fields of a date."""
        self.fill(**{f"{name}__day": str(day.day), f"{name}__month": str(day.month), f"{name}__year": str(day.year)})

    @property
    def text(self) -> str:
        """Words of the main part, in one line."""
        return " ".join(self.page.locator("main").inner_text().split())

    def sees(self, words: str) -> None:
        """Wait until the page says something; reload while work goes on behind it."""
        deadline = time.monotonic() + SEEN_SECONDS
        while True:
            if words in self.text:
                return
            if time.monotonic() > deadline:
                break
            self.page.wait_for_timeout(200)
            self.page.reload()
        raise AssertionError(f"{words!r} is not in: {self.text}")
