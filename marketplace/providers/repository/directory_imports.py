"""Questions asked of the log of directory imports."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import DirectoryImport

FAILED = "failed"
"""Key of `counts` that holds the reason, where a file could not be read; such a row changed nothing."""


class ImportState(NamedTuple):
    """Where the register stands."""

    good: DirectoryImport | None
    """The last import that went well."""
    failed: DirectoryImport | None
    """The last try that failed, unless something was read after it."""


class DirectoryImportRepository:
    """The log of imports; it belongs to the whole installation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def newest(self) -> DirectoryImport | None:
        """Return the last import or try."""
        return (
            await self.db.scalars(select(DirectoryImport).order_by(DirectoryImport.id.desc()).limit(1))
        ).one_or_none()

    async def state(self) -> ImportState:
        """Return the last good import, and the last failure when it is newer."""
        newest = await self.newest()
        if newest is None:
            return ImportState(None, None)
        good = (
            await self.db.scalars(
                select(DirectoryImport)
                .where(DirectoryImport.counts[FAILED].astext.is_(None))
                .order_by(DirectoryImport.id.desc())
                .limit(1)
            )
        ).one_or_none()
        return ImportState(good, newest if FAILED in newest.counts else None)
