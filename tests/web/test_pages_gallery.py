"""All components on one page: valid HTML, and in headless Chromium axe, narrow screens, no scripts and our own policy.

With `PAGE_SHOTS=folder` the browser tests also leave screenshots there, for a look by eye.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from marketplace.web import pages
from marketplace.web.assets import build as assets
from tests.chromium import CHROMIUM, FLAGS
from tests.web.page_checks import axe_faults, check_page, inks_of

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "http://marketplace.test"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

SIGNED_IN: dict[str, Any] = {
    "principal": SimpleNamespace(name="Ada Example", role_label="Care Navigation broker", council_name="Doncaster"),
    "csrf_token": "token",
    "form_id": "one-time",
    "navigation": [
        ("Home", "/", False),
        ("Referrals", "/referrals", False),
        ("Search", "/search", True),
        ("Bookings", "/bookings", False),
        ("Messages", "/messages", False),
        ("Money", "/money", False),
    ],
    "theme": "plum",
}
FILLED: dict[str, Any] = {
    **SIGNED_IN,
    "acting_for": "Bo Example",
    "flash": [{"kind": "success", "text": "Your request was sent to Riverside Home Care"}],
    "values": {"q": "help at home", "near": "DN1 3BU", "radius": "5", "category": ["home", "pa"], "help": ["other"]},
    "errors": {},
}
# Every field of the gallery refused, so that every component is seen with its message.
REFUSED: dict[str, Any] = {
    **SIGNED_IN,
    "theme": "forest",
    "values": {"visit_on-day": "31", "visit_on-month": "2", "payer": "self", "about": "Two\nlines"},
    "errors": {
        name: f"Enter the {name.replace('_', ' ')}"
        for name in (
            *("q", "near", "radius", "category", "hours", "rate", "visit_on", "born_on", "starts_local", "payer"),
            *("payer_name", "often", "help", "help_other", "about", "note", "email", "phone", "code", "password"),
            *("evidence", "agree"),
        )
    },
}
STATES = {"filled": FILLED, "refused": REFUSED, "blank": {"csrf_token": "token"}}


def gallery(context: dict[str, Any], manifest: dict[str, str] | None = None) -> str:
    environment = pages.create_environment([ROOT / "templates", Path(__file__).parent], manifest)
    return environment.get_template("gallery.html").render(**context)


@pytest.mark.parametrize("state", STATES)
def test_the_gallery_is_valid_html(state: str) -> None:
    check_page(gallery(STATES[state]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def static() -> Path:
    try:
        assets.build(install=False)
    except assets.BuildFailed as error:
        pytest.skip(f"assets cannot be built here: {error}")
    return assets.DEFAULT_OUT


class Visitor:
    """One browser window that is served from memory under our content security policy, and what it complained about."""

    def __init__(self, browser: Browser, static: Path, html: str, width: int, *, scripts: bool = True) -> None:
        self.static, self.html = static, html
        self.complaints: list[str] = []
        self.refused_addresses: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, reduced_motion="reduce"
        )
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/*", self._answer)
        self.page.goto(f"{ORIGIN}/gallery", wait_until="load")

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _answer(self, route: Route) -> None:
        address = route.request.url
        if not address.startswith(ORIGIN):
            self.refused_addresses.append(address)
            route.abort()
        elif "/static/" in address:
            path = self.static / address.rsplit("/", 1)[1]
            route.fulfill(body=path.read_bytes(), content_type=TYPES[path.suffix])
        else:
            route.fulfill(
                body=self.html,
                content_type="text/html; charset=utf-8",
                headers={"content-security-policy": POLICY},
            )

    def shoot(self, name: str) -> None:
        if folder := os.environ.get("PAGE_SHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def close(self) -> None:
        self.page.context.close()


@pytest.fixture
def visit(browser: Browser, static: Path) -> Iterator[Any]:
    visitors: list[Visitor] = []

    def _visit(state: str, width: int, *, scripts: bool = True, html: str = "") -> Visitor:
        html = html or gallery(STATES[state], pages.load_manifest(static))
        visitors.append(Visitor(browser, static, html, width, scripts=scripts))
        return visitors[-1]

    yield _visit
    for visitor in visitors:
        visitor.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "width"), [("filled", 320), ("filled", 1280), ("refused", 375), ("refused", 1280), ("blank", 320)]
)
def test_no_accessibility_fault_is_found(visit: Any, state: str, width: int) -> None:
    visitor = visit(state, width)
    visitor.shoot(f"{state}-{width}")
    # axe runs in the page without going through the policy: the browser's own evaluate is not a script of the page.
    assert axe_faults(visitor.page) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert visitor.complaints == []
    assert visitor.refused_addresses == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("theme", pages.THEMES)
def test_pages_of_plain_text_have_no_fault_in_any_theme(visit: Any, static: Path, theme: str) -> None:
    environment = pages.create_environment(ROOT / "templates", pages.load_manifest(static))
    names = {
        "teal": "static_pages/accessibility.html",
        "plum": "static_pages/cookies.html",
        "forest": "static_pages/privacy.html",
        "indigo": "static_pages/how_it_works.html",
        "bronze": "errors/503.html",
    }
    html = environment.get_template(names[theme]).render(**{**SIGNED_IN, "theme": theme})
    visitor = visit("", 320, html=html)
    assert axe_faults(visitor.page) == []
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert visitor.complaints == []


@pytest.mark.browser
def test_a_fault_is_found_and_named_with_its_elements(visit: Any, static: Path) -> None:
    html = gallery(STATES["filled"], pages.load_manifest(static)).replace("</main>", '<img src="/none.svg"></main>')
    faults = dict(axe_faults(visit("", 1280, html=html).page))
    assert list(faults) == ["image-alt"]
    assert [node.startswith("<img") for node in faults["image-alt"]] == [True]


@pytest.mark.browser
def test_pale_text_is_a_kind_of_text_of_its_own_and_a_fault(visit: Any, static: Path) -> None:
    html = gallery(STATES["filled"], pages.load_manifest(static))
    page = visit("", 1280, html=html).page
    usual = inks_of(page)
    page.evaluate("""const line = document.createElement('p')
        line.textContent = 'Pale words'
        line.style.color = '#ccc'
        document.querySelector('main h1').after(line)""")
    assert len(inks_of(page) - usual) == 1
    assert [rule for rule, _ in axe_faults(page)] == ["color-contrast"]
    assert axe_faults(page, with_contrast=False) == []
    page.evaluate("""const line = document.querySelector('main h1 + p')
        line.replaceWith(line.cloneNode(true))
        document.querySelector('main h1 + p').style.backgroundColor = '#000'""")
    assert len(inks_of(page) - usual) == 1


@pytest.mark.browser
def test_everything_shows_without_scripts(visit: Any) -> None:
    visitor = visit("filled", 375, scripts=False)
    visitor.shoot("no-scripts-375")
    page = visitor.page
    assert page.get_by_role("link", name="Bookings", exact=True).first.is_visible(), "the navigation is not folded away"
    assert page.get_by_label("What else?").is_visible(), "fields that depend on an answer are shown"
    assert page.get_by_role("button", name="Send request").is_visible()
    assert not page.get_by_role("button", name="Print this page").is_visible()


@pytest.mark.browser
def test_scripts_enhance_the_page_under_the_policy(visit: Any) -> None:
    visitor = visit("refused", 375)
    page = visitor.page
    assert page.evaluate("document.body.className").split()[-2:] == ["js-enabled", "govuk-frontend-supported"]
    assert page.evaluate("document.activeElement.className") == "govuk-error-summary", "the cursor goes to the errors"
    page.get_by_role("link", name="Enter the visit on").click()
    assert page.evaluate("document.activeElement.name") == "visit_on-day"
    page.get_by_role("link", name="Enter the category").click()
    assert page.evaluate("document.activeElement.name") == "category"
    assert page.evaluate("htmx.config.allowEval") is False
    assert page.evaluate("htmx.config.selfRequestsOnly") is True
    assert page.get_by_role("button", name="Print this page").is_visible()
    menu = page.get_by_role("button", name="Menu")
    assert menu.get_attribute("aria-expanded") == "false"
    menu.click()
    assert page.get_by_role("link", name="Money").is_visible()
    assert visitor.complaints == []


@pytest.mark.browser
def test_a_swapped_fragment_is_enhanced_and_announced(visit: Any) -> None:
    visitor = visit("filled", 1280)
    page = visitor.page
    fragment = (
        '<div id="found" data-announce="3 results"><div class="govuk-form-group govuk-character-count" '
        'data-module="govuk-character-count" data-maxlength="9"><label for="fresh">Fresh</label>'
        '<textarea class="govuk-js-character-count" id="fresh"></textarea>'
        '<div id="fresh-info" class="govuk-hint govuk-character-count__message">9 characters</div></div></div>'
    )
    page.route(f"{ORIGIN}/fragment", lambda route: route.fulfill(status=422, body=fragment, content_type="text/html"))
    page.evaluate("htmx.ajax('GET', '/fragment', {target: '.cm-empty', swap: 'outerHTML'})")
    expect(page.locator("#announcer")).to_have_text("3 results")
    assert page.locator("#fresh").is_visible(), "refused forms (422) are swapped in"
    assert page.locator(".govuk-character-count__status").count() == 2
    # The browser itself notes every 422; nothing else may be said.
    assert [text for text in visitor.complaints if "422" not in text] == []


@pytest.mark.browser
def test_a_failed_refresh_goes_to_the_whole_page(visit: Any) -> None:
    visitor = visit("filled", 1280)
    page = visitor.page
    page.route(f"{ORIGIN}/results?page=2", lambda route: route.fulfill(status=500, body="<h1>Sorry</h1>"))
    with page.expect_navigation(url=f"{ORIGIN}/results?page=2"):
        page.evaluate("htmx.ajax('GET', '/results?page=2', {target: '.cm-results', swap: 'outerHTML'})")


@pytest.mark.browser
def test_print_keeps_the_content_and_drops_the_buttons(visit: Any) -> None:
    visitor = visit("filled", 1280)
    visitor.page.emulate_media(media="print")
    visitor.shoot("print")
    page = visitor.page
    assert page.get_by_role("heading", name="51 results").is_visible()
    for name in (".govuk-service-navigation", ".govuk-button", ".cm-filter", ".govuk-phase-banner"):
        assert not page.locator(name).first.is_visible(), name
