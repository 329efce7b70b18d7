"""Rows and a search engine for tests of the market."""

from itertools import count as counter
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import SessionMaker, clock_of
from marketplace.core.models import PostcodeRow
from marketplace.core.settings import Settings
from marketplace.providers.directory import place_key
from marketplace.providers.models import RegulatorLocation
from marketplace.providers.service.market_index import rebuild_index
from search import AsyncSearch
from search.tantivy_backend import TantivySearch
from tests.browser import Browser, application

_number = counter(1)
PRESTON_POSTCODE = "PR1 2HE"


async def make_postcode(db: AsyncSession, postcode: str = PRESTON_POSTCODE, **given: Any) -> PostcodeRow:
    """A postcode in the middle of Preston."""
    values = {"postcode": postcode, "lat": 53.7593, "lon": -2.6993, "lad_code": "E07000123"}
    row = PostcodeRow(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


async def make_location(db: AsyncSession, **given: Any) -> RegulatorLocation:
    """A registered home care agency in Preston."""
    n = next(_number)
    name = given.get("name", f"Ribble Care {n}")
    values = {
        "location_id": f"1-{9_000_000 + n}",
        "name": name,
        "name_key": place_key(name) if callable(place_key) else name,
        "provider_name": "Ribble Care Limited",
        "is_care_home": False,
        "service_types": ["Domiciliary care service"],
        "specialisms": ["Dementia", "Caring for adults over 65 yrs"],
        "town": "Preston",
        "postcode": "PR1 3AA",
        "lat": 53.765,
        "lon": -2.70,
        "rating_overall": "Good",
        "is_registered": True,
        "content_hash": b"-",
        "as_of": "2027-02-01",
        "updated_at": clock_of(db).now(),
    }
    row = RegulatorLocation(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


def open_index(folder: Path) -> AsyncSearch:
    """An embedded index that is not built yet."""
    return AsyncSearch(TantivySearch(folder / "index"))


async def searching(browser: Browser, maker: SessionMaker, settings: Settings, search: AsyncSearch) -> Browser:
    """Return a browser of an application whose index holds what the database holds now."""
    await browser.db.flush()
    await rebuild_index(search.backend, maker)
    return with_search(browser, maker, settings, search)


def with_search(browser: Browser, maker: SessionMaker, settings: Settings, search: AsyncSearch) -> Browser:
    """Return a browser of an application with this engine, in whatever state it is."""
    app, litestar = application(settings, maker, clock_of(browser.db), search=search)
    return Browser(app, litestar, browser.db, settings)
