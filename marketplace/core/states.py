"""Life cycles: which step may follow which, and the row each step leaves behind."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import insert, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.core.errors import StepRefused
from marketplace.core.ids import new_id
from marketplace.core.models import Step

S = TypeVar("S", bound=StrEnum)

AT_ONCE = 2_000
"""Rows that one statement moves: below the driver's limit of parameters, and little to hold in memory."""


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
            raise _refused(now, to)
        row.status = to
        db.add(_step(self.kind, row, str(now), str(to), by, why, db))

    async def move_many(
        self,
        db: AsyncSession,
        model: Any,
        ids: Collection[UUID],
        to: S,
        *,
        by: UUID | None,
        why: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the same step with many rows, in few statements. Rows are locked in the order of their ids.

        Rows of the session are brought up to date; what the caller changed on them before must have been flushed.

        Args:
            db: The transaction; it must reach the rows' councils.
            model: The rows' class.
            ids: Which rows.
            to: Where they go.
            by: Who takes the step.
            why: Recorded with each step.
            values: Further columns to set on each.

        Raises:
            StepRefused: The life cycle has no such step from where one of them is, or one is not there.
        """
        await db.flush()
        version = inspect(model).version_id_col
        more = {**(values or {}), **({version.name: version + 1} if version is not None else {})}
        ordered = iter(sorted(ids))
        at = clock_of(db).now()
        while batch := list(islice(ordered, AT_ONCE)):
            chosen = model.id.in_(batch)
            found = (
                await db.execute(
                    select(model.id, model.council_id, model.status).where(chosen).order_by(model.id).with_for_update()
                )
            ).all()
            for row in found:
                if not self.allows(row.status, to):
                    raise _refused(row.status, to)
            if len(found) != len(batch):
                raise StepRefused("A row is no longer there.")
            await db.execute(
                update(model).where(chosen).values(status=to, **more).execution_options(synchronize_session="fetch")
            )
            await db.execute(
                insert(Step),
                [
                    {
                        "id": new_id(),
                        "council_id": row.council_id,
                        "subject_kind": self.kind,
                        "subject_id": row.id,
                        "from_status": str(row.status),
                        "to_status": str(to),
                        "at": at,
                        "by_user_id": by,
                        "why": why,
                    }
                    for row in found
                ],
            )


LIFECYCLES: dict[str, Lifecycle[Any]] = {}
"""Every life cycle by kind, filled as packages are imported; `marketplace check` walks it."""


def _refused(now: StrEnum, to: StrEnum) -> StepRefused:
    words = (str(now).replace("_", " "), str(to).replace("_", " "))
    return StepRefused(f"It is {words[0]} now, so it cannot become {words[1]}.")


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
