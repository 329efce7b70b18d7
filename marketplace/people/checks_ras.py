"""Invariants of points and budgets, for `marketplace check`: (name, ok, how many were looked at, detail)."""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import InvalidInput
from marketplace.people.ras.fingerprint import rerun
from marketplace.people.ras.repository import RasRepository

EXAMPLES = 5
Answer = tuple[str, bool, int, str]


async def published_points_repeat_to_the_penny(db: AsyncSession) -> Answer:
    """Every published version, worked out again from its stored sample, gives the same figures and fingerprint (C4)."""
    repository = RasRepository(db)
    versions = await repository.every_published()
    broken = []
    for version in versions:
        try:
            again = rerun(version, await repository.cases(version))
        except InvalidInput:
            broken.append(f"{version.id} (nothing to work out)")
            continue
        if again.differences:
            broken.append(f"{version.id} ({', '.join(what for what, _, _ in again.differences)})")
    detail = f"{len(broken)} wrong: {', '.join(broken[:EXAMPLES])}" if broken else ""
    return "Published points repeat to the penny", not broken, len(versions), detail


CHECKS = (published_points_repeat_to_the_penny,)
