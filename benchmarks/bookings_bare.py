"""The yardstick of bookings: pgbench's own transaction, and visits with their money, both as plain statements."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from marketplace.core.database import APP_ROLE
from marketplace.core.ids import new_id

BARE = (
    "CREATE TABLE bare_accounts (id int PRIMARY KEY, balance bigint NOT NULL)",
    "INSERT INTO bare_accounts SELECT n, 0 FROM generate_series(1, 100000) n",
    "CREATE TABLE bare_tellers (id int PRIMARY KEY, balance bigint NOT NULL)",
    "INSERT INTO bare_tellers SELECT n, 0 FROM generate_series(1, 100) n",
    "CREATE TABLE bare_branches (id int PRIMARY KEY, balance bigint NOT NULL)",
    "INSERT INTO bare_branches SELECT n, 0 FROM generate_series(1, 10) n",
    "CREATE TABLE bare_history (teller int, branch int, account int, pence bigint, at timestamptz)",
)
"""Ten branches, as `pgbench -s 10` has them, with fewer accounts so that they are there at once."""

EXAMPLES = """
SELECT DISTINCT ON (b.worker_id) b.council_id, to_jsonb(b) AS visit, to_jsonb(e) AS entry,
    (SELECT jsonb_agg(to_jsonb(l)) FROM ledger_lines l WHERE l.entry_id = e.id) AS lines
FROM bookings b JOIN ledger_entries e ON e.source_id = b.id WHERE b.status = 'approved' ORDER BY b.worker_id, b.id
"""
"""An approved visit of each worker with its posting, to be written again at other times."""

SCOPE = "SELECT set_config('app.councils', $1, true)"
FIRST = datetime(2030, 1, 7, 9, tzinfo=UTC)


class Yardstick:
    """Writes as fast as the database lets it, over `connections` of the plain driver."""

    def __init__(self, sockets: str, database: str, connections: int) -> None:
        self.sockets, self.database, self.connections = sockets, database, connections
        self.bare_pool: asyncpg.Pool[Any]
        self.app_pool: asyncpg.Pool[Any]
        self.examples: list[Any] = []
        self.written = [0] * connections

    async def open(self) -> None:
        """Connect, make the bare tables, and read what a visit looks like."""
        where = {"host": self.sockets, "user": "postgres", "database": self.database}
        size = {"min_size": self.connections, "max_size": self.connections}
        self.bare_pool = await asyncpg.create_pool(**where, **size)
        self.app_pool = await asyncpg.create_pool(**where, **size, server_settings={"role": APP_ROLE})
        for statement in BARE:
            await self.bare_pool.execute(statement)
        self.examples = await self.bare_pool.fetch(EXAMPLES)
        if len(self.examples) < self.connections:
            raise SystemExit("Each connection needs an approved visit of its own worker to copy")

    async def close(self) -> None:
        """Close the connections."""
        await self.bare_pool.close()
        await self.app_pool.close()

    async def bare(self, seconds: float) -> float:
        """Run pgbench's transaction; returns how many a second."""
        dice = random.Random(1)  # noqa: S311 - a load, no secret

        async def one(connection: Any, _: int) -> None:
            account, teller, branch = dice.randint(1, 100_000), dice.randint(1, 100), dice.randint(1, 10)
            pence = dice.randint(1, 5_000)
            await connection.execute("UPDATE bare_accounts SET balance = balance + $1 WHERE id = $2", pence, account)
            await connection.fetchval("SELECT balance FROM bare_accounts WHERE id = $1", account)
            await connection.execute("UPDATE bare_tellers SET balance = balance + $1 WHERE id = $2", pence, teller)
            await connection.execute("UPDATE bare_branches SET balance = balance + $1 WHERE id = $2", pence, branch)
            await connection.execute(
                "INSERT INTO bare_history VALUES ($1, $2, $3, $4, now())", teller, branch, account, pence
            )

        return await self._run(self.bare_pool, seconds, one)

    async def bookings(self, seconds: float) -> float:
        """Write visits with their money; returns how many a second. Each worker's visits are two hours apart."""

        async def one(connection: Any, place: int) -> None:
            example = self.examples[place]
            number = self.written[place]
            self.written[place] += 1
            starts_at = FIRST + timedelta(hours=2 * number)
            booking_id, entry_id = new_id(), new_id()
            await connection.execute(SCOPE, str(example["council_id"]))
            await connection.execute(
                "INSERT INTO bookings SELECT * FROM jsonb_populate_record(NULL::bookings, $1::jsonb)",
                _with(
                    example["visit"], id=booking_id, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1),
                    visit_on=starts_at.date(), starts_local=starts_at.time(),
                ),
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO ledger_entries SELECT * FROM jsonb_populate_record(NULL::ledger_entries, $1::jsonb)",
                _with(example["entry"], id=entry_id, source_id=booking_id),
            )
            lines = [{**line, "id": str(new_id()), "entry_id": str(entry_id)} for line in json.loads(example["lines"])]
            await connection.execute(
                "INSERT INTO ledger_lines SELECT * FROM jsonb_populate_recordset(NULL::ledger_lines, $1::jsonb)",
                json.dumps(lines),
            )

        return await self._run(self.app_pool, seconds, one)

    async def _run(
        self, pool: "asyncpg.Pool[Any]", seconds: float, one: Callable[[Any, int], Awaitable[None]]
    ) -> float:
        """Do a transaction again and again on every connection."""
        started = time.perf_counter()
        done = 0

        async def again(place: int) -> None:
            nonlocal done
            async with pool.acquire() as connection:
                while time.perf_counter() < started + seconds:
                    async with connection.transaction():
                        await one(connection, place)
                    done += 1

        await asyncio.gather(*(again(place) for place in range(self.connections)))
        return done / (time.perf_counter() - started)


def _with(row: str, **given: UUID | object) -> str:
    """Change columns of a row that came as JSON."""
    return json.dumps({**json.loads(row), **{name: str(value) for name, value in given.items()}})
