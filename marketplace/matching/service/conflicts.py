"""Conflicts of interest: declared by name, with an end; rankings follow them at once."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.matching.errors import ConflictEnded
from marketplace.matching.forms import ConflictForm
from marketplace.matching.models import Conflict
from marketplace.matching.repository import ConflictRepository


class ConflictService:
    """Declared conflicts of interest of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.conflicts = ConflictRepository(db)

    async def declare(self, principal: Principal, form: ConflictForm) -> Conflict:
        """Record that somebody must not plan or care for a person, or for anybody of the council."""
        principal.require(Permission.REFERRALS_MATCH)
        conflict = Conflict(
            council_id=principal.council_id,
            person_id=form.person_id,
            worker_id=form.worker_id,
            organisation_id=form.organisation_id,
            kind=form.kind,
            note=form.note,
            declared_by_user_id=principal.user_id,
            declared_at=clock_of(self.db).now(),
        )
        self.db.add(conflict)
        await self.db.flush()
        self._note(principal, "matching.declare_conflict", conflict)
        return conflict

    async def end(self, principal: Principal, conflict_id: UUID, why: str) -> Conflict:
        """End a conflict, with the reason.

        Raises:
            ConflictEnded: Somebody else was quicker.
        """
        principal.require(Permission.REFERRALS_MATCH)
        conflict = await self.conflicts.find(principal.council_id, conflict_id, locked=True)
        if conflict.ended_at is not None:
            raise ConflictEnded
        conflict.ended_at = clock_of(self.db).now()
        conflict.ended_by_user_id = principal.user_id
        conflict.ended_why = why
        self._note(principal, "matching.end_conflict", conflict, why=why)
        return conflict

    def _note(self, principal: Principal, action: str, conflict: Conflict, why: str = "") -> None:
        # The note stays out of the log: it is about people, and the log outlives erasure.
        audit.record(
            self.db,
            principal,
            action,
            council_id=conflict.council_id,
            subject_kind="conflict",
            subject_id=conflict.id,
            after={
                "kind": conflict.kind,
                "worker_id": conflict.worker_id,
                "organisation_id": conflict.organisation_id,
                "person_id": conflict.person_id,
                "is_ended": conflict.ended_at is not None,
            },
            why=why,
        )
