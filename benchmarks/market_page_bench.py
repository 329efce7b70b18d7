"""Measure the results page: pages a second through the whole application, in one process.

    python -m benchmarks.market_page_bench --listings 5000 --pages 300

Made-up offers go into an embedded PostgreSQL and an embedded index; pages of 20 results with facets are asked for at
the application itself, one after the other, so that the figure is the work of a page and not of a network. With
`--against REVISION` (by default the first working version, where the history is there) the same is measured on that
version's code, and the ratio printed. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
FIRST_VERSION = "9b06f1c"
TARGET_RATIO = 2.0

TOWNS = (
    ("Preston", "PR1", 53.763, -2.703), ("Lancaster", "LA1", 54.047, -2.801), ("Blackburn", "BB1", 53.748, -2.482),
    ("Burnley", "BB11", 53.789, -2.248), ("Chorley", "PR7", 53.653, -2.632), ("Blackpool", "FY1", 53.814, -3.053),
)  # fmt: skip
CATEGORIES = (
    "home_care", "personal_assistant", "community", "day_opportunity", "gardening", "shopping", "transport", "advice",
    "equipment", "telecare", "support_planning", "money_management",
)  # fmt: skip
UNITS = ("hour", "hour", "hour", "visit", "session", "week", "free")
WORDS = ["football", "swimming", "cooking", "shopping", "dementia", "autism", "company", "walking", "garden", "choir", "music", "art", "club", "support", "friendly", "morning", "evening", "wheelchair", "hoist", "meals", "cleaning", "memory", "cafe", "dance", "gym", "lunch", "visits", "trained", "local", "careful"]
SUITS = ("older", "dementia", "physical", "learning", "autism", "mental_health", "carer")
LANGUAGES = ("English", "Polish", "Urdu", "Gujarati", "British Sign Language", "Punjabi")
QUESTIONS = (
    "q=football&postcode=PR1+2HE", "q=carer&postcode=PR1+2HE&radius_miles=25", "q=gardening", "postcode=PR1+2HE",
    "q=dementia+support&postcode=PR1+2HE", "category=personal_assistant&postcode=PR1+2HE", "q=choir&sort=price",
    "q=shopping+company&postcode=PR1+2HE&sort=distance", "q=swimming&languages=Polish", "q=meals&page=2",
    "category=community&category=gardening", "q=memory+cafe&postcode=PR1+2HE", "suits=Dementia&postcode=PR1+2HE",
)  # fmt: skip


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listings", type=int, default=5_000)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--against", default=FIRST_VERSION)
    parser.add_argument("--measure", action="store_true", help="measure the code on the path and print the figure")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asyncio.run(_measured(options.listings, options.pages))))
        return
    now = _run(ROOT, options)
    result: dict[str, Any] = {"listings": options.listings, **now}
    with tempfile.TemporaryDirectory(prefix="first-version-") as folder:
        before = _checkout(options.against, Path(folder) / "code")
        if before is not None:
            try:
                then = _run(before, options)
            finally:
                subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", before], check=False)  # noqa: S603, S607
            ratio = now["pages_a_second"] / then["pages_a_second"]
            result |= {
                "first_version": then,
                "ratio": round(ratio, 2),
                "target_ratio": TARGET_RATIO,
                "is_reached": ratio >= TARGET_RATIO,
            }
    print(json.dumps(result))


def _checkout(revision: str, folder: Path) -> Path | None:
    """Lay out another version's files; None without the history."""
    made = subprocess.run(  # noqa: S603
        ["git", "-C", ROOT, "worktree", "add", "--detach", folder, revision],  # noqa: S607
        capture_output=True,
        check=False,
    )
    return folder if made.returncode == 0 else None


def _run(code: Path, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", "--listings", str(options.listings), "--pages",
               str(options.pages)]  # fmt: skip
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, "PYTHONPATH": str(code)}, cwd=code, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3_000:])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


async def _measured(listings: int, pages: int) -> dict[str, Any]:
    """Measure the code that is on the path: the names below are those that both versions have."""
    import structlog

    from marketplace.core.database import make_engine, make_session_maker
    from marketplace.core.migrate import upgrade
    from marketplace.core.settings import Settings
    from marketplace.providers.service.market_index import rebuild_index
    from marketplace.web.app import build_app, surround
    from marketplace.web.embedded import EmbeddedPostgres
    from search import AsyncSearch
    from search.tantivy_backend import TantivySearch

    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = Path(tempfile.mkdtemp(prefix="market-bench-"))
    server = EmbeddedPostgres(folder, durable=False, database="market")
    await asyncio.to_thread(server.start)
    try:
        address = f"postgresql+asyncpg://postgres@/market?host={server.socket_dir}"
        await asyncio.to_thread(upgrade, address)
        await _fill(make_engine(address, app_role=False, pool_size=1), listings)
        engine = make_engine(address, pool_size=4)
        maker = make_session_maker(engine)
        search = AsyncSearch(TantivySearch(folder / "index"))
        await rebuild_index(search.backend, maker)
        settings = Settings(data_dir=folder, secret_key="a key of the benchmark, long enough", public_url="http://bench")  # noqa: S106
        app = build_app(settings, maker=maker, state={"search": search})
        asgi = surround(app, settings)
        for query in QUESTIONS * 2:
            status, size = await _page(asgi, query)
            if status != 200:
                raise SystemExit(f"{query}: {status}")
        took = []
        sizes = 0
        for number in range(pages):
            started = time.perf_counter()
            _, size = await _page(asgi, QUESTIONS[number % len(QUESTIONS)])
            took.append(time.perf_counter() - started)
            sizes += size
        await search.close()
        await engine.dispose()
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(folder, ignore_errors=True)
    took.sort()
    return {
        "pages_a_second": round(pages / sum(took), 1),
        "p50_ms": round(took[pages // 2] * 1000, 2),
        "p95_ms": round(took[int(pages * 0.95)] * 1000, 2),
        "bytes_a_page": sizes // pages,
    }


async def _page(asgi: Any, query: str) -> tuple[int, int]:
    """Ask the application itself for a page; returns the status and the number of bytes."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/market", "raw_path": b"/market", "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"bench"), (b"accept", b"text/html")], "client": ("127.0.0.1", 1), "server": ("bench", 80),
    }  # fmt: skip
    status = size = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, size
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            size += len(message.get("body", b""))

    await asgi(scope, receive, send)
    return status, size


async def _fill(engine: Any, listings: int) -> None:
    """Put made-up rows in, with the columns that every version has; newer ones keep what the database gives them."""
    from sqlalchemy import text

    chance = random.Random(5)  # noqa: S311
    made = "2026-01-01T00:00:00+00:00"

    def new_id() -> str:
        return str(UUID(int=chance.getrandbits(128), version=4))

    council = new_id()
    organisations = [new_id() for _ in range(max(listings // 10, 1))]
    workers: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for number in range(listings):
        town, area, lat, lon = chance.choice(TOWNS)
        category, unit = chance.choice(CATEGORIES), chance.choice(UNITS)
        organisation = chance.choice(organisations)
        worker = None
        if category == "personal_assistant":
            worker = new_id()
            workers.append({"id": worker, "organisation_id": organisation, "gender": chance.choice(["female", "male"])})
        words = chance.sample(WORDS, 12)
        rows.append(
            {
                "id": new_id(), "organisation_id": organisation, "worker_id": worker, "category": category,
                "title": f"{words[0].title()} {words[1]} {number}", "summary": " ".join(words[2:8]).capitalize() + ".",
                "body": " ".join(chance.choices(WORDS, k=60)), "price_pence": 0 if unit == "free" else chance.randrange(500, 4_000),
                "price_unit": unit, "suits": chance.sample(SUITS, 2), "languages": ["English", chance.choice(LANGUAGES[1:])],
                "town": town, "area": area, "lat": lat + chance.gauss(0, 0.05), "lon": lon + chance.gauss(0, 0.08),
                "radius": chance.choice([8_000, 16_000, 32_000]),
            }
        )  # fmt: skip
    import json as _json

    async with engine.begin() as db:

        async def put(statement: str, values: list[dict[str, Any]]) -> None:
            for start in range(0, len(values), 1_000):
                await db.execute(text(statement), {"rows": _json.dumps(values[start : start + 1_000]), "made": made, "council": council})

        await db.execute(text("SELECT set_config('app.councils', '*', false)"))
        columns = await db.execute(text(
            "SELECT column_name, is_nullable, column_default, data_type FROM information_schema.columns "
            "WHERE table_name = 'councils'"
        ))
        given = {"id": council, "slug": "ribbleshire", "name": "Ribbleshire County Council", "short_name": "Ribbleshire",
                 "created_at": made, "district_codes": "{E07000123}"}
        blank = {"text": "", "ARRAY": "{}", "jsonb": "{}", "boolean": "false", "integer": "0", "bigint": "0",
                 "timestamp with time zone": made, "date": made[:10], "character varying": "teal"}
        values = {
            name: given.get(name, blank.get(kind, ""))
            for name, nullable, default, kind in columns
            if name in given or (nullable == "NO" and default is None)
        }  # fmt: skip
        names = ", ".join(values)
        literals = ", ".join(f"'{value}'" for value in values.values())
        await db.execute(text(f"INSERT INTO councils ({names}) VALUES ({literals})"))
        await put(
            "INSERT INTO organisations (id, name, kind, summary, address_line, town, postcode, phone, email, website, "
            "is_example, created_at) SELECT CAST(r->>'id' AS uuid), r->>'name', 'third_sector', '', '', 'Preston', '', '', '', "
            "'', true, CAST(CAST(:made AS text) AS timestamptz) FROM jsonb_array_elements(CAST(:rows AS jsonb)) r "
            "WHERE :council <> ''",
            [{"id": one, "name": f"Helping Hands {number}"} for number, one in enumerate(organisations)],
        )
        await put(
            "INSERT INTO accreditations (id, council_id, organisation_id, service_line, status, live_from, live_until, "
            "reason, decided_at) SELECT gen_random_uuid(), CAST(:council AS uuid), CAST(r->>'id' AS uuid), "
            "'community_support', 'live', '2026-01-01', '2036-01-01', '', CAST(CAST(:made AS text) AS timestamptz) "
            "FROM jsonb_array_elements(CAST(:rows AS jsonb)) r",
            [{"id": one} for one in organisations[::2]],
        )
        await put(
            "INSERT INTO workers (id, organisation_id, kind, name, gender, languages, specialisms, interests, postcode, town, "
            "radius_metres, fte_percent, bio, starts_on, created_at) SELECT CAST(r->>'id' AS uuid), "
            "CAST(r->>'organisation_id' AS uuid), 'pa', 'Somebody', r->>'gender', '{}', '{}', '{}', '', '', 20000, 100, '', "
            "'2026-01-01', CAST(CAST(:made AS text) AS timestamptz) FROM jsonb_array_elements(CAST(:rows AS jsonb)) r "
            "WHERE :council <> ''",
            workers,
        )
        await put(
            "INSERT INTO worker_hours (id, worker_id, weekday, starts_local, ends_local) SELECT gen_random_uuid(), "
            "CAST(r->>'id' AS uuid), d, '09:00', '17:00' FROM jsonb_array_elements(CAST(:rows AS jsonb)) r, "
            "generate_series(0, 4) d WHERE :council <> '' AND :made <> ''",
            workers,
        )
        await put(
            "INSERT INTO listings (id, organisation_id, worker_id, category, title, summary, body, price_pence, price_unit, "
            "suits, languages, interests, town, postcode_area, lat, lon, radius_metres, is_nationwide, district_codes, "
            "takes_bookings, least_minutes, is_published, created_at, updated_at, version) "
            "SELECT CAST(r->>'id' AS uuid), CAST(r->>'organisation_id' AS uuid), CAST(r->>'worker_id' AS uuid), r->>'category', "
            "r->>'title', r->>'summary', r->>'body', CAST(r->>'price_pence' AS bigint), r->>'price_unit', "
            "ARRAY(SELECT jsonb_array_elements_text(r->'suits')), ARRAY(SELECT jsonb_array_elements_text(r->'languages')), "
            "'{}', r->>'town', r->>'area', CAST(r->>'lat' AS float8), CAST(r->>'lon' AS float8), CAST(r->>'radius' AS integer), "
            "false, '{}', true, 30, true, CAST(CAST(:made AS text) AS timestamptz), CAST(CAST(:made AS text) AS timestamptz), 1 "
            "FROM jsonb_array_elements(CAST(:rows AS jsonb)) r WHERE :council <> ''",
            rows,
        )
        await db.execute(
            text("INSERT INTO postcodes (postcode, lat, lon, lad_code) VALUES ('PR1 2HE', 53.7593, -2.6993, 'E07000123')")
        )
    async with engine.connect() as db:
        await (await db.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
    await engine.dispose()


if __name__ == "__main__":
    main()
