"""Base of the packages' repositories: every question starts from a council."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import Base
from marketplace.core.errors import NotFound

R = TypeVar("R", bound=Base)


class Repository(SQLAlchemyAsyncRepository[R]):
    """Questions asked of one kind of row."""

    def __init__(self, db: AsyncSession) -> None:
        super().__init__(session=db)
        self.db = db

    def of(self, council_id: UUID) -> Select[R]:
        """Start a question that cannot leave the council."""
        model: Any = self.model_type
        return select(self.model_type).where(model.council_id == council_id)

    async def one(self, question: Select[R], *, locked: bool = False) -> R:
        """Return the one row of a question.

        Raises:
            NotFound: There is none, or it is not for this reader.
        """
        found = await self.maybe(question, locked=locked)
        if found is None:
            raise NotFound
        return found

    async def maybe(self, question: Select[R], *, locked: bool = False) -> R | None:
        """Return the first row of a question, or None. Locked rows are read afresh."""
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        row: R | None = (await self.db.scalars(question.limit(1))).first()
        return row

    async def every(self, question: Select[R]) -> Sequence[R]:
        """Return all rows of a question that is bounded by itself."""
        return (await self.db.scalars(question)).all()

    async def find(self, council_id: UUID, row_id: UUID, *, locked: bool = False) -> R:
        """Return a council's row by id.

        Raises:
            NotFound: There is none, or it belongs to another council.
        """
        model: Any = self.model_type
        return await self.one(self.of(council_id).where(model.id == row_id), locked=locked)
