"""Measure bookings: lives of visits a second against bare inserts, the request under mixed load, weekly planning.

    python -m benchmarks.bookings_bench --lives 150 --agreements 1000 --seconds 8

All on one embedded PostgreSQL that keeps its promises (fsync on). A life is request, acceptance, claim and approval of
a visit through the services, each in its own transaction, with the exclusion constraint, audit, outbox and ledger. The
bare yardstick is pgbench's own transaction (updates, a select, an insert) over the plain driver with as many
connections, in the same run. `ratio` compares transactions with transactions, `ratio_lives` whole lives with them.
The mixed load is 50 actions a second on a timetable of their own: one request of a visit among four pages' worth of
reading; an action that had to wait counts its wait. Prints one line of JSON for each figure.
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service import BookingService, purse_of
from marketplace.bookings.service.planning.plan import Planner
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.errors import PlatformError
from marketplace.core.migrate import upgrade
from marketplace.web.embedded import EmbeddedPostgres
from tests.factories import make_council, make_person_member
from tests.factories_agreements import make_agreement
from tests.factories_bookings import Scene, make_scene

NOW = datetime(2027, 3, 3, 10, tzinfo=UTC)
FIRST_DAY = date(2027, 3, 8)
CONNECTIONS = 8
ACTIONS_A_SECOND = 50
GOAL = 0.30
PEOPLE_A_BATCH = 50


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lives", type=int, default=150)
    parser.add_argument("--agreements", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="bookings-bench-"))
    server = EmbeddedPostgres(folder, durable=True, database="bench")
    server.start()
    try:
        asyncio.run(_measure(str(server.socket_dir), options))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(sockets: str, options: argparse.Namespace) -> None:
    address = f"postgresql+asyncpg://postgres@/bench?host={sockets}"
    await asyncio.to_thread(upgrade, address)
    engine = make_engine(address, pool_size=CONNECTIONS)
    clock = FixedClock(NOW)
    maker = make_session_maker(engine, clock)
    async with transaction(maker, "every") as db:
        council = await make_council(db)
        scenes = [await make_scene(db, council=council, balance_pence=50_000_000) for _ in range(CONNECTIONS)]
    bare = await _bare(sockets, 3.0)
    took = await _lives(maker, clock, scenes, options.lives)
    lives = options.lives / took
    _print(
        "lives",
        lives_a_second=round(lives, 1),
        transactions_a_second=round(lives * 4, 1),
        bare_a_second=round(bare, 1),
        ratio=round(lives * 4 / bare, 3),
        ratio_lives=round(lives / bare, 3),
        goal=GOAL,
    )
    clock.move_to(NOW)
    _print("mixed-load", **await _mixed(maker, scenes, options.seconds))
    _print("planning", **await _planning(maker, scenes[0], options.agreements))
    await engine.dispose()


async def _bare(sockets: str, seconds: float) -> float:
    """Run pgbench's transaction over plain connections; returns how many a second."""
    pool = await asyncpg.create_pool(
        host=sockets, user="postgres", database="bench", min_size=CONNECTIONS, max_size=CONNECTIONS
    )
    await pool.execute("CREATE TABLE bare_accounts (id int PRIMARY KEY, balance bigint NOT NULL)")
    await pool.execute("INSERT INTO bare_accounts SELECT n, 0 FROM generate_series(1, 10000) n")
    await pool.execute("CREATE TABLE bare_tellers (id int PRIMARY KEY, balance bigint NOT NULL)")
    await pool.execute("INSERT INTO bare_tellers SELECT n, 0 FROM generate_series(1, 100) n")
    await pool.execute("CREATE TABLE bare_history (teller int, account int, pence bigint, at timestamptz)")
    until, dice, done = time.perf_counter() + seconds, random.Random(1), 0  # noqa: S311

    async def run() -> None:
        nonlocal done
        async with pool.acquire() as connection:
            while time.perf_counter() < until:
                account, teller, pence = dice.randint(1, 10_000), dice.randint(1, 100), dice.randint(1, 5_000)
                async with connection.transaction():
                    await connection.execute(
                        "UPDATE bare_accounts SET balance = balance + $1 WHERE id = $2", pence, account
                    )
                    await connection.fetchval("SELECT balance FROM bare_accounts WHERE id = $1", account)
                    await connection.execute(
                        "UPDATE bare_tellers SET balance = balance + $1 WHERE id = $2", pence, teller
                    )
                    await connection.execute(
                        "INSERT INTO bare_history VALUES ($1, $2, $3, now())", teller, account, pence
                    )
                done += 1

    await asyncio.gather(*(run() for _ in range(CONNECTIONS)))
    await pool.close()
    return done / seconds


def _form(scene: Scene, number: int, first: int = 0) -> BookingForm:
    """One of four hours of a working day with an hour between them, from a Monday on."""
    days, slot = divmod(first + number, 4)
    day = FIRST_DAY + timedelta(days=days // 5 * 7 + days % 5)
    return BookingForm.read(scene.form(on=day, starts_local=f"{9 + slot * 2:02}:00"), scene.listing.id, 30)


async def _lives(maker: SessionMaker, clock: FixedClock, scenes: list[Scene], lives: int) -> float:
    """Take visits through their life; returns seconds."""
    each = lives // len(scenes)
    spent = 0.0

    async def begin(scene: Scene, number: int) -> UUID:
        councils = [scene.council.id]
        async with transaction(maker, councils) as db:
            booking_id = (await BookingService(db).request(scene.member.principal, _form(scene, number))).id
        async with transaction(maker, councils) as db:
            await BookingService(db).accept(scene.provider.principal, booking_id)
        return booking_id

    async def finish(scene: Scene, booking_id: UUID) -> None:
        councils = [scene.council.id]
        async with transaction(maker, councils) as db:
            await BookingService(db).claim(scene.provider.principal, booking_id)
        async with transaction(maker, councils) as db:
            await BookingService(db).approve(scene.member.principal, booking_id)

    async def first_half(scene: Scene) -> list[UUID]:
        return [await begin(scene, number) for number in range(each)]

    async def second_half(scene: Scene, ids: list[UUID]) -> None:
        for booking_id in ids:
            await finish(scene, booking_id)

    started = time.perf_counter()
    made = await asyncio.gather(*(first_half(scene) for scene in scenes))
    spent += time.perf_counter() - started
    clock.move_to(NOW + timedelta(weeks=20))
    started = time.perf_counter()
    await asyncio.gather(*(second_half(scene, ids) for scene, ids in zip(scenes, made, strict=True)))
    return (spent + time.perf_counter() - started) * lives / (each * len(scenes))


async def _mixed(maker: SessionMaker, scenes: list[Scene], seconds: float) -> dict[str, Any]:
    """Ask for visits among reading, on a timetable; returns times of the requests in milliseconds."""
    waits: list[float] = []
    refused = 0
    gate = asyncio.Semaphore(CONNECTIONS)
    started = time.perf_counter()

    async def act(number: int) -> None:
        nonlocal refused
        due = started + number / ACTIONS_A_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        scene = scenes[number % len(scenes)]
        async with gate, transaction(maker, [scene.council.id]) as db:
            if number % 5:
                await purse_of(db, scene.council.id, scene.person.id)
                await BookingService(db).offer(scene.member.principal, scene.listing.id)
                return
            try:
                await BookingService(db).request(scene.member.principal, _form(scene, number // len(scenes), 200))
            except PlatformError:
                refused += 1
        waits.append(time.perf_counter() - due)

    await asyncio.gather(*(act(number) for number in range(int(seconds * ACTIONS_A_SECOND))))
    waits.sort()
    return {
        "actions_a_second": ACTIONS_A_SECOND,
        "requests": len(waits),
        "refused": refused,
        "p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "p99_ms": round(waits[min(len(waits) - 1, int(len(waits) * 0.99))] * 1000, 1),
    }


async def _planning(maker: SessionMaker, scene: Scene, agreements: int) -> dict[str, Any]:
    """Plan eight weeks of weekly visits of many people; then once more, with nothing to write."""
    people = []
    async with transaction(maker, "every") as db:
        for number in range(agreements):
            person, _ = await make_person_member(db, scene.council)
            one = Scene(
                council=scene.council, person=person, member=scene.member, organisation=scene.organisation,
                worker=scene.worker, listing=scene.listing, provider=scene.provider, budget=None,
            )  # fmt: skip
            patterns = [
                {
                    "weekday": (number + step) % 7,
                    "starts_local": wall(8 + number % 10),
                    "minutes": 60,
                    "worker_id": None,
                }
                for step in (0, 2)
            ]
            await make_agreement(db, one, patterns=patterns, funding="card")
            people.append(person.id)
    people.sort()
    found = {}
    for name in ("seconds", "seconds_again"):
        written, started = 0, time.perf_counter()
        for first in range(0, len(people), PEOPLE_A_BATCH):
            async with transaction(maker, [scene.council.id]) as db:
                written += (await Planner(db).plan(scene.council.id, people[first : first + PEOPLE_A_BATCH])).written
        found[name] = round(time.perf_counter() - started, 2)
        found.setdefault("visits", written)
    async with transaction(maker, "every") as db:
        assert await db.scalar(text("SELECT count(*) FROM bookings WHERE pattern_id IS NOT NULL")) == found["visits"]  # noqa: S101
    return {"agreements": agreements, "weeks": 8, **found}


def _print(figure: str, **values: Any) -> None:
    sys.stdout.write(json.dumps({"figure": figure, **values}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
