"""The table of services, the site map, the words for crawlers, the preview picture and the page that explains them."""

import csv
import io
import re
import struct
import zlib
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest
from litestar import Litestar

from marketplace.core.ids import new_id
from marketplace.providers.models import ListingCategory, OrganisationKind, PriceUnit
from marketplace.providers.service import open_data
from marketplace.providers.service.open_data import COLUMNS, robots_words
from marketplace.providers.service.social_image import social_image
from tests.browser import Browser
from tests.factories import make_listing, make_organisation, make_worker
from tests.factories_market import make_location

XMLNS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


async def table(browser: Browser) -> list[dict[str, str]]:
    """The downloaded table by row."""
    page = await browser.get("/market/services.csv")
    headers = page.response.headers
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in headers["content-disposition"]
    assert headers["access-control-allow-origin"] == "*"
    return list(csv.DictReader(io.StringIO(page.response.content.decode("utf-8"), newline="")))


async def addresses(browser: Browser, path: str) -> list[tuple[str, str | None]]:
    """Address and day of change of each line of a part of the site map."""
    page = await browser.get(path)
    assert page.response.headers["content-type"].startswith("application/xml")
    root = ElementTree.fromstring(page.text)  # noqa: S314 - our own answer
    return [
        (item.findtext(f"{XMLNS}loc", ""), item.findtext(f"{XMLNS}lastmod"))
        for item in (*root.iter(f"{XMLNS}url"), *root.iter(f"{XMLNS}sitemap"))
    ]


async def test_the_table_holds_every_public_service(browser: Browser, db: Any) -> None:
    organisation = await make_organisation(
        db, name="Green, “gym”\nand café", kind=OrganisationKind.COMMUNITY, phone="+44 1772 000111",
        website="https://green.example",
    )  # fmt: skip
    club = await make_listing(
        db, organisation, category=ListingCategory.COMMUNITY, title="Green gym", price_pence=850,
        price_unit=PriceUnit.SESSION, suits=["older", "dementia"], interests=["gardening"],
    )  # fmt: skip
    club_id = str(club.id)
    rows = await table(browser)
    assert len(rows) == 1
    assert tuple(rows[0]) == COLUMNS
    expected = {
        "id": club_id, "name": "Green gym", "organisation": "Green, “gym”\nand café",
        "kind": "Community groups and activities", "run_by": "A community group",
        "who_it_suits": "Older people; Dementia", "interests": "Gardening", "price_pounds": "8.50",
        "price_per": "session", "phone": "'+44 1772 000111", "website": "https://green.example",
        "page": f"http://testserver/market/{club_id}", "last_changed": "2027-03-03",
    }  # fmt: skip
    assert {name: rows[0][name] for name in expected} == expected


async def test_the_table_holds_one_person_only_with_consent_and_never_their_number(browser: Browser, db: Any) -> None:
    organisation = await make_organisation(db, kind=OrganisationKind.SOLE_PA, phone="07700 900123", email="a@b.example")
    worker = await make_worker(db, organisation, name="Dana Kestrel")
    await make_listing(db, organisation, worker_id=worker.id, title="Without consent")
    await make_listing(db, organisation, worker_id=worker.id, title="With consent", is_open_data=True)
    rows = await table(browser)
    assert [(row["name"], row["phone"], row["email"]) for row in rows] == [("With consent", "", "")]


async def test_the_table_comes_in_batches(browser: Browser, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_data, "BATCH", 3)
    organisation = await make_organisation(db)
    made = [(await make_listing(db, organisation, title=f"Offer {number}")).title for number in range(7)]
    assert [row["name"] for row in await table(browser)] == made


async def test_an_empty_table_has_its_headings(browser: Browser) -> None:
    page = await browser.get("/market/services.csv")
    assert page.text == ",".join(COLUMNS) + "\r\n"


async def test_the_site_map_names_what_may_be_kept_with_its_day(
    browser: Browser, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_data, "PART", 2)
    organisation = await make_organisation(db)
    worker = await make_worker(db, organisation)
    shown = [str((await make_listing(db, organisation)).id) for _ in range(3)]
    await make_listing(db, organisation, worker_id=worker.id)
    await make_listing(db, organisation, is_published=False)
    place = await make_location(db)
    await make_location(db, is_registered=False)
    location_id = place.location_id
    parts = [address for address, _ in await addresses(browser, "/sitemap.xml")]
    assert parts == [
        f"http://testserver/sitemaps/{name}.xml" for name in ("pages", "offers-1", "offers-2", "register-1")
    ]
    found = [line for part in parts[1:] for line in await addresses(browser, part.removeprefix("http://testserver"))]
    day = date(2027, 3, 3).isoformat()
    expected = [f"market/{key}" for key in shown] + [f"market/register/{location_id}"]
    assert found == [(f"http://testserver/{path}", day) for path in expected]


async def test_every_page_of_the_site_map_opens_and_may_be_kept(browser: Browser) -> None:
    for address, _ in await addresses(browser, "/sitemaps/pages.xml"):
        page = await browser.open(address.removeprefix("http://testserver"))
        assert 'content="noindex"' not in page.text


@pytest.mark.parametrize(
    "name", ["offers-1.xml", "offers-0.xml", "offers--1.xml", "offers-x.xml", "people-1.xml", "pages", "pages.txt",
             "offers-99999999999.xml", "offers-%C2%B2.xml", ".xml"],
)  # fmt: skip
async def test_parts_that_are_not_there_are_not_found(browser: Browser, name: str) -> None:
    await browser.get(f"/sitemaps/{name}", expect=404)


def may_read(path: str, words: str) -> bool:
    """Apply the rules as RFC 9309 says: the longest rule that fits wins, and allowing wins a tie."""
    best = (-1, True)
    for line in words.splitlines():
        name, _, rule = line.partition(": ")
        if name in ("Allow", "Disallow"):
            pattern = re.escape(rule).replace(r"\$", "$").replace(r"\*", ".*")
            if re.match(pattern, path):
                best = max(best, (len(rule), name == "Allow"))
    return best[1]


async def test_crawlers_may_read_the_market_and_no_page_of_a_person(browser: Browser) -> None:
    words = (await browser.get("/robots.txt")).text
    assert words == robots_words("http://testserver")
    assert "\nSitemap: http://testserver/sitemap.xml\n" in words
    for path in (
        "/", "/market", f"/market/{new_id()}", "/market/register/1-123", "/market/services.csv", "/open-data",
        "/open-referral/services", "/sitemap.xml", "/sitemaps/offers-1.xml", "/static/app.css", "/social-preview.png",
        "/how-it-works",
    ):  # fmt: skip
        assert may_read(path, words), path
    for path in (
        "/market?q=dementia&postcode=PR1", "/market/compare?ids=1", "/market/suggestions?q=de", "/market/places?q=pr",
        "/sign-in", "/bookings/new?listing=1", "/people",
        "/shortlists/add?found=1", "/enquiries/new", "/home", "/api/v1/listings?q=a", "/?x=1",
    ):  # fmt: skip
        assert not may_read(path, words), path


async def test_no_page_that_asks_for_a_permission_is_open_to_crawlers(browser: Browser) -> None:
    words = robots_words("http://testserver")
    app: Litestar = browser.litestar
    private = [
        route.path
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if handler.opt.get("permission") is not None and may_read(route.path, words)
    ]
    assert private == []


async def test_the_preview_picture_is_a_whole_png(browser: Browser) -> None:
    page = await browser.get("/social-preview.png")
    body = page.response.content
    assert page.response.headers["content-type"] == "image/png"
    assert page.response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert body == social_image()
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    at, pixels = 8, b""
    while at < len(body):
        (length,) = struct.unpack(">I", body[at : at + 4])
        name, data = body[at + 4 : at + 8], body[at + 8 : at + 8 + length]
        assert struct.unpack(">I", body[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + data)
        if name == b"IHDR":
            assert struct.unpack(">II", data[:8]) == (1200, 630)
        pixels += data if name == b"IDAT" else b""
        at += 12 + length
    assert len(zlib.decompress(pixels)) == 630 * (1 + 1200 * 3)


async def test_the_page_explains_feed_table_and_licence(browser: Browser) -> None:
    page = await browser.open("/open-data")
    for words in (
        "Open Referral UK", "http://testserver/open-referral/services", "Open Government Licence v3.0",
        "Contains public sector information licensed under the Open Government Licence v3.0", "only if they agreed",
    ):  # fmt: skip
        assert words in page.words, words
    assert "/market/services.csv" in page.links()
    market = await browser.open("/market")
    assert {"/market/services.csv", "/open-data"} <= set(market.links())
