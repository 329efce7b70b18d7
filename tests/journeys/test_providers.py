"""How a provider comes in and keeps its evidence, walked as people would (V1-V4)."""

import re
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.clock import SystemClock, today
from tests.journeys.conftest import Site
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
SECRET = "three random words"


@pytest.fixture
def walk(site: Site, chromium: Any) -> Generator[Any, None, None]:
    """Make walkers; all leave at the end."""
    walkers: list[Walker] = []

    def make(*, scripts: bool, width: int = 1280) -> Walker:
        made = Walker(chromium, site.address, scripts=scripts, width=width)
        walkers.append(made)
        return made

    yield make
    for walker in walkers:
        walker.close()


def link_for(site: Site, address: str, walker: Walker) -> str:
    """Wait for the message to an address and return the path that it links to."""
    for _ in range(80):
        for message in sorted((site.data_dir / "outbox").glob("**/*")):
            if message.is_file():
                text = message.read_text(errors="replace").replace("=\n", "")
                found = re.search(r"/join/confirm/\w+", text)
                if found and address in text:
                    return found.group()
        walker.page.wait_for_timeout(250)
    raise AssertionError(f"No message to {address}")


@SCRIPTS
def test_a_tiny_group_joins_and_gives_its_insurance(site: Site, walk: Any, scripts: bool) -> None:
    """V1 up to the listing, at a phone's width with scripts; then the council's look at the insurance (V4)."""
    walker = walk(scripts=scripts, width=390 if scripts else 1280)
    address = f"knitters-{'a' if scripts else 'b'}@group.example"
    walker.open("/join")
    walker.press("Start")
    walker.look()
    walker.press("Continue")
    assert "There is a problem" in walker.text
    walker.choose("kind", "community")
    walker.press("Continue")
    for field, value in (
        ("name", f"Knitters {address[9]}"),
        ("postcode", "PR1 2HE"),
        ("contact_name", "Robin Example"),
        ("email", address),
        ("phone", "01632 960 001"),
    ):
        walker.look()
        walker.fill(**{field: value})
        walker.press("Continue")
    walker.look()
    walker.fill(safeguarding_name="Sam Example", safeguarding_contact="07700 900 982")
    walker.press("Continue")
    walker.look()
    walker.fill(password=SECRET)
    walker.press("Continue")
    walker.look()
    assert "PR1 2HE" in walker.text
    walker.press("Send and confirm my e-mail address")
    walker.look()
    assert "Check your e-mail" in walker.text
    walker.open(link_for(site, address, walker))
    walker.press("Confirm my e-mail address")
    walker.page.get_by_label("E-mail address").fill(address)
    walker.page.get_by_label("Password", exact=True).fill(SECRET)
    walker.press("Sign in")
    assert walker.page.url.endswith("/provider/evidence")
    walker.look()
    assert "You cannot send files here yet" in walker.text

    walker.open("/provider/evidence/new?kind=liability_insurance")
    walker.fill(detail="Example Mutual, policy 77", cover="5,000,000")
    walker.date("issued_on", today(SystemClock()) - timedelta(days=10))
    walker.date("last_day", today(SystemClock()) + timedelta(days=300))
    walker.press("Save")
    assert "Waiting for the council" in walker.text

    walker.sign_in("accreditor@lancashire.example")
    walker.open("/evidence")
    walker.page.get_by_role("row", name=re.compile(f"Knitters {address[9]}")).get_by_role("link").click()
    walker.page.wait_for_load_state("load")
    walker.look()
    walker.press("Mark as seen")
    assert "Marked as seen" in walker.text


def test_a_provider_names_its_entry_and_the_council_looks(site: Site, walk: Any) -> None:
    """V3: an unknown number is said to be unknown; a claim in review is decided with a reason."""
    walker = walk(scripts=True)
    walker.sign_in("provider@lancashire.example")
    walker.open("/provider/evidence/registration")
    walker.fill(number="1-0000000000")
    walker.press("Find it")
    walker.look()
    assert "We cannot find this number" in walker.text
    walker.sign_in("accreditor@lancashire.example")
    walker.open("/regulator-links")
    walker.page.locator("main table").get_by_role("link").first.click()
    walker.page.wait_for_load_state("load")
    walker.look()
    assert "What differs" in walker.text
    walker.choose("decision", "confirm")
    walker.fill(reason="The owner showed me the certificate")
    walker.press("Save the decision")
    assert "Confirmed" in walker.text
