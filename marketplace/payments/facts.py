"""The answer to a question about facts that must hold, and how it is asked."""

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


class Fact(NamedTuple):
    """The answer to one question."""

    name: str
    ok: bool
    checked: int
    """How many rows were looked at."""
    detail: str
    """What is wrong, by number or id; empty when all is well."""


async def fact_of(db: AsyncSession, name: str, count_sql: str, broken_sql: str) -> Fact:
    """Count what is looked at, and list at most five of what is wrong. `broken_sql` returns one text a row."""
    checked = int(await db.scalar(text(count_sql)) or 0)
    broken = list(await db.scalars(text(broken_sql)))
    shown = ", ".join(str(item) for item in broken[:5])
    detail = f"{len(broken)} wrong: {shown}" if broken else ""
    return Fact(name, not broken, checked, detail)
