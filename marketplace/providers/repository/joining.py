"""Questions asked of registrations on their way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import Joining, Organisation

ENTERED = 50


class JoiningRepository:
    """Finds registrations. They belong to no council: only the secret of their browser or link leads to one."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def by_secret(self, secret_hash: bytes, since: datetime) -> Joining | None:
        """Return the registration that a browser has under way and touched since a moment."""
        question = select(Joining).where(Joining.secret_hash == secret_hash, Joining.updated_at > since)
        return (await self.db.scalars(question)).first()

    async def locked(self, joining_id: UUID) -> Joining | None:
        """Return a registration, locked."""
        question = (
            select(Joining).where(Joining.id == joining_id).with_for_update().execution_options(populate_existing=True)
        )
        return (await self.db.scalars(question)).first()

    async def entered(self, council_id: UUID) -> list[tuple[Joining, Organisation | None]]:
        """Return what officers of a council enter or entered: drafts first, then the newest that are done."""
        question = (
            select(Joining, Organisation)
            .outerjoin(Organisation, Organisation.id == Joining.organisation_id)
            .where(Joining.entered_council_id == council_id)
            .order_by(Joining.confirmed_at.desc().nulls_first(), Joining.updated_at.desc(), Joining.id)
            .limit(ENTERED)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def forget(self, before: datetime) -> int:
        """Delete registrations that nobody confirmed and nobody touched since a moment. Returns how many."""
        gone = await self.db.scalars(
            delete(Joining).where(Joining.confirmed_at.is_(None), Joining.updated_at < before).returning(Joining.id)
        )
        return len(gone.all())
