"""Rows for tests of the one page profile."""

from itertools import count as counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.people.models import Person, ProfileEntry, ProfileTool

_place = counter(1)


async def make_entry(
    db: AsyncSession, person: Person, tool: ProfileTool = ProfileTool.IMPORTANT, words: str = "My dog", **given: Any
) -> ProfileEntry:
    """One entry of a person's profile."""
    now = clock_of(db).now()
    values = {
        "council_id": person.council_id,
        "person_id": person.id,
        "tool": tool,
        "position": next(_place),
        "words": words,
        "created_at": now,
        "updated_at": now,
    }
    row = ProfileEntry(**{**values, **given})
    db.add(row)
    await db.flush()
    return row
