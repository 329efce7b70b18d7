"""What counts how much: the version in force, drafts, and publishing (matching.md 3.1: weights are policy)."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.matching import engine
from marketplace.matching.engine import Weights
from marketplace.matching.models import WeightPurpose, WeightSet
from marketplace.matching.repository import WeightRepository


def weights_of(published: Mapping[str, Any]) -> Weights:
    """Return the weights a council published; the engine's own for what it does not name."""
    return msgspec.convert({**msgspec.to_builtins(engine.DEFAULT_WEIGHTS), **published}, Weights)


def weights_in(row: WeightSet) -> Weights:
    """Return a row's weights under the version people quote, such as "2027-04-01/planning-2"."""
    return weights_of({**row.values, "version": version_of(row)})


def version_of(row: WeightSet) -> str:
    """Return the version of a row: its first day, purpose and number; a draft has no day."""
    day = row.starts_on.isoformat() if row.starts_on else "draft"
    return f"{day}/{row.purpose.value}-{row.number}"


class WeightService:
    """Weights of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.weights = WeightRepository(db)

    async def in_force(self, council_id: UUID, purpose: WeightPurpose, on: date) -> tuple[Weights, WeightSet | None]:
        """Return the weights that count on a day and the version they come from.

        Without a published version the council's setting counts, and without that the engine's own: both without a row.
        """
        row = await self.weights.in_force(council_id, purpose, on)
        if row is not None:
            return weights_in(row), row
        return weights_of(await setting(self.db, council_id, "matching.weights", on)), None
