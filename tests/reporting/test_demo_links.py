"""No page of the demo offers a link that its reader is then refused: each role follows every kind of link there is."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.browser import Browser
from tests.reporting.conftest import Loaded
from tests.reporting.test_home import ROLES, member

_ID = re.compile(r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|/\d{4}-\d\d-\d\d|/\d+")
MOST_PAGES = 400


def kind_of(address: str) -> str:
    """Return an address without what differs from row to row: one link of a kind is followed."""
    return _ID.sub("/*", urlsplit(address).path)


async def refused(browser: Browser, start: str) -> list[str]:
    """Follow every kind of link from a page on; returns what was not answered, each with the page that offers it."""
    seen, waiting, found = {kind_of(start)}, [(start, "")], []
    while waiting:
        assert len(seen) <= MOST_PAGES
        address, offered_on = waiting.pop(0)
        page = await browser.get(address, expect=None)
        if page.status in (302, 303, 307):
            waiting.append((urljoin(address, page.location), offered_on))
            continue
        if page.status not in (200, 422):  # a draft's preview says what is still missing
            found.append(f"{page.status} {address}, offered on {offered_on}")
        elif "text/html" in page.response.headers["content-type"]:
            for link in page.links():
                target = urljoin(address, link)
                if target.startswith("/") and kind_of(target) not in seen and not target.startswith("/sign-out"):
                    seen.add(kind_of(target))
                    waiting.append((target, address))
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_no_page_offers_a_link_that_leads_to_a_refusal(
    demo: Loaded, browser: Browser, db: AsyncSession, role: str
) -> None:
    reader = await browser.signed_in(await member(db, f"{role}@lancashire.example"))
    assert await refused(reader, "/home") == []
