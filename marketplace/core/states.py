"""Life cycles: which step may follow which, and the row each step leaves behind."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.core.errors import StepRefused
from marketplace.core.ids import new_id
from marketplace.core.models import Step

S = TypeVar("S", bound=StrEnum)


class HasStatus(Protocol):
    """A row with a life cycle."""

    id: Any
    council_id: Any
    status: Any


class Lifecycle(Generic[S]):
    """The steps a kind of row may take.

    Args:
        kind: Name of the kind of row in the `steps` table, such as "booking".
        table: Name of its table, for `marketplace check`.
        steps: `steps[now]` is the set of states that may follow; every state stands as a key.
    """

    def __init__(self, kind: str, table: str, steps: Mapping[S, frozenset[S]]) -> None:
        self.kind = kind
        self.table = table
        self.steps = steps
        LIFECYCLES[kind] = self

    def allows(self, now: S, to: S) -> bool:
        """Whether a row may go from `now` to `to`."""
        return to in self.steps[now]

    def begin(self, db: AsyncSession, row: HasStatus, *, by: UUID | None, why: str = "") -> None:
        """Record the first state of a new row."""
        db.add(_step(self.kind, row, None, str(row.status), by, why, db))

    def move(self, db: AsyncSession, row: HasStatus, to: S, *, by: UUID | None, why: str = "") -> None:
        """Take one step. The caller has locked the row.

        Raises:
            StepRefused: The life cycle has no such step.
        """
        now: S = row.status
        if not self.allows(now, to):
            words = (str(now).replace("_", " "), str(to).replace("_", " "))
            raise StepRefused(f"It is {words[0]} now, so it cannot become {words[1]}.")
        row.status = to
        db.add(_step(self.kind, row, str(now), str(to), by, why, db))


LIFECYCLES: dict[str, Lifecycle[Any]] = {}
"""Every life cycle by kind, filled as packages are imported; `marketplace check` walks it."""


def _step(
    kind: str, row: HasStatus, before: str | None, after: str, by: UUID | None, why: str, db: AsyncSession
) -> Step:
    return Step(
        id=new_id(),
        council_id=row.council_id,
        subject_kind=kind,
        subject_id=row.id,
        from_status=before,
        to_status=after,
        at=clock_of(db).now(),
        by_user_id=by,
        why=why,
    )
