"""The open data of the whole demo: each service fits the published schemas, and nothing of a person is in any of it."""

import importlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Text, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import APP_ROLE
from marketplace.core.tables import METADATA
from tests.browser import Browser
from tests.shared_data import shared_file

SCHEMAS = "openreferral/uk_profile_3.0/schema"
CANARY = "canarybird"


def validator(name: str) -> Any:
    """Check against a published schema; formats (ids, addresses, instants) are checked too."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema (extra dev) checks the feed")
    schema = published(name)
    # The schema of a taxonomy names that of its terms by file.
    term = importlib.import_module("referencing.jsonschema").DRAFT202012.create_resource(published("taxonomy_term"))
    registry = importlib.import_module("referencing").Registry().with_resource("taxonomy_term.json", term)
    checker = jsonschema.Draft202012Validator
    return checker(schema, format_checker=checker.FORMAT_CHECKER, registry=registry)


def published(name: str) -> Any:
    """Read a published schema."""
    return json.loads(shared_file(f"{SCHEMAS}/{name}.json").read_text(encoding="utf-8"))


async def every(browser: Browser, path: str) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    number = 1
    while True:
        page = (await browser.get(f"/open-referral{path}page={number}")).json()
        found += page["contents"]
        if page["last_page"]:
            assert len(found) == page["total_items"]
            return found
        number += 1


def faults(checker: Any, items: list[Any]) -> list[str]:
    """What is wrong with some documents."""
    return [
        f"{item['id']}: {error.json_path}: {error.message}" for item in items for error in checker.iter_errors(item)
    ]


@pytest.mark.shared
async def test_every_service_of_the_demo_fits_the_published_schemas(browser: Browser) -> None:
    whole, short = validator("compiled/service"), validator("compiled/service_list")
    services = await every(browser, "/services?full=true&")
    assert len(services) > 80
    assert faults(whole, services) == []
    assert faults(short, await every(browser, "/services?")) == []
    alone = [(await browser.get(f"/open-referral/services/{item['id']}")).json() for item in services[::10]]
    assert alone == services[::10]


@pytest.mark.shared
async def test_every_place_and_term_of_the_demo_fits_the_published_schemas(browser: Browser) -> None:
    whole, short = validator("compiled/service_at_location"), validator("compiled/service_at_location_list")
    places = await every(browser, "/service_at_locations?full=true&")
    assert len(places) > 40
    assert faults(whole, places) == []
    assert faults(short, await every(browser, "/service_at_locations?")) == []
    terms, taxonomies = validator("taxonomy_term"), await every(browser, "/taxonomies?")
    assert faults(terms, await every(browser, "/taxonomy_terms?")) == []
    full = [(await browser.get(urlsplit(item["uri"]).path)).json() for item in taxonomies]
    assert faults(validator("taxonomy"), [*taxonomies, *full]) == []


@pytest.mark.shared
def test_the_checker_finds_what_is_wrong() -> None:
    broken = {"id": "1", "name": "x", "status": "open", "email": "nobody", "url": "no address"}
    assert len(faults(validator("compiled/service"), [broken])) >= 4


@pytest.mark.shared
async def test_the_page_around_the_items_is_as_the_standard_describes_it(browser: Browser) -> None:
    described = json.loads(shared_file(f"{SCHEMAS}/openapi.json").read_text(encoding="utf-8"))
    fields = described["components"]["schemas"]["Page"]["properties"]
    kinds = {"integer": int, "boolean": bool}
    for path, methods in described["paths"].items():
        if "{" in path or path == "/":
            continue
        page = (await browser.get(f"/open-referral{path}")).json()
        assert set(page) == {*fields, "contents"}
        assert all(type(page[name]) is kinds[field["type"]] for name, field in fields.items())
        for parameter in methods["get"]["parameters"]:
            name = parameter["$ref"].rpartition("/")[2]
            # Every parameter of the standard is known: one that makes no sense is named in the answer.
            refused = await browser.get(f"/open-referral{path}?{name}={'x' * 300}", expect=422)
            assert [error["field"] for error in refused.json()["errors"]] == [name], (path, name)


DIGITS_ONLY = {"bank_accounts.sort_code", "bank_accounts.account_number", "bank_accounts.service_user_number"}
"""Personal columns that hold nothing but digits."""


async def mark_personal_columns(db: AsyncSession) -> int:
    """Write a mark into every personal text of every row, as the owner and past every trigger; undone with the test.

    What tells how somebody who works alone is reached counts as personal, too.
    """
    columns = [
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if column.info.get("personal") and isinstance(column.type, Text)
    ]
    await db.execute(text("SET ROLE NONE"))
    await db.execute(text("SET LOCAL session_replication_role = replica"))
    rows, refused = 0, set()
    alone = [("organisations", name) for name in ("phone", "email", "website", "address_line", "postcode")]
    for table, column in [*columns, *alone]:
        which = "kind = 'sole_pa'" if (table, column) in alone else "true"
        mark = f"'https://{CANARY}' || md5('{column}' || {table}::text) || '@x.example'"
        question = text(f"UPDATE {table} SET {column} = {mark} WHERE {column} IS NOT NULL AND {which}")
        try:
            async with db.begin_nested():
                rows += (await db.execute(question)).rowcount
        except IntegrityError:
            refused.add(f"{table}.{column}")
    assert refused <= DIGITS_ONLY, refused
    await db.execute(text("SET LOCAL session_replication_role = origin"))
    await db.execute(text(f"SET ROLE {APP_ROLE}"))
    assert len(columns) > 50
    return rows


async def test_nothing_personal_reaches_what_machines_read(browser: Browser, db: AsyncSession) -> None:
    assert await mark_personal_columns(db) > 1_000
    await db.execute(text("UPDATE listings SET is_open_data = true"))
    texts = {}
    for path in ("/services?full=true", "/services", "/service_at_locations?full=true", "/taxonomy_terms"):
        address, number = f"/open-referral{path}{'&' if '?' in path else '?'}page=", 1
        while True:
            page = await browser.get(f"{address}{number}")
            texts[f"{address}{number}"] = page.text
            if page.json()["last_page"]:
                break
            number += 1
    table = (await browser.get("/market/services.csv")).text
    texts["table"] = table
    for address in re.findall("<loc>[^<]*(/sitemaps/[^<]*)</loc>", (await browser.get("/sitemap.xml")).text):
        texts[address] = (await browser.get(address)).text
    listings = re.findall(r"/market/([0-9a-f-]{36})", texts["/sitemaps/offers-1.xml"])
    assert len(listings) == len(table.splitlines()) - 1 > 90
    # Pages alone show the name under which somebody chose to publish what they say; feeds and files do not.
    await db.execute(text("UPDATE listing_feedback SET signed = ''"))
    for listing_id in listings:
        page = (await browser.get(f"/market/{listing_id}")).text
        texts[listing_id] = page
        assert "application/ld+json" in page
    assert [name for name, found in texts.items() if CANARY in found] == []
    homes = await db.execute(text("SELECT lat::text, lon::text FROM workers WHERE lat IS NOT NULL"))
    # Five decimals and more: corners of an area around a town have four, and now and then are a home's by chance.
    exact = {figure for row in homes for figure in row if len(figure.partition(".")[2]) > 4}
    rows = await db.execute(text("SELECT lat::text, lon::text FROM listings WHERE worker_id IS NULL"))
    places = {figure for row in rows for figure in row}
    assert len(exact) > 20
    # Whole figures: a short one is also how a longer one begins.
    figures = {name: set(re.findall(r"-?\d+\.\d+", found)) for name, found in texts.items()}
    assert [(name, found & exact - places) for name, found in figures.items() if found & exact - places] == []
