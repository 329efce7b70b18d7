"""What every verb of acting for somebody needs: the link, the steps, the log and the message."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.accounts.models import Membership, Representation
from marketplace.accounts.service import link_secret
from marketplace.accounts.states import REPRESENTATION, RepresentationStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.people.events import RepresentationMoved
from marketplace.people.repository_representatives import RepresentationRepository

PURPOSE: Final = "act-for"


class RepresentationSteps:
    """Moves of a representation; each is noted and told."""

    def __init__(self, db: AsyncSession, secret_key: str = "") -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = RepresentationRepository(db)
        self.secret_key = secret_key

    def secret(self, row: Representation) -> str:
        """Return the secret of the link; it follows from the row and is kept nowhere."""
        return link_secret(self.secret_key, PURPOSE, row.id)

    async def _membership(self, row: Representation) -> Membership | None:
        return await self.db.get_one(Membership, row.membership_id) if row.membership_id else None

    async def _end(self, principal: Principal | None, row: Representation, to: RepresentationStatus, why: str) -> None:
        membership = await self._membership(row)
        if membership is not None:
            membership.ends_on = today(self.clock)
            await self.rows.end_sessions(membership.id)
        row.ended_at, row.reason = self.clock.now(), why
        row.ended_by_user_id = principal.user_id if principal else None
        await self._move(principal, row, to, "people.end_representation")

    async def _move(
        self,
        principal: Principal | None,
        row: Representation,
        to: RepresentationStatus,
        action: str,
        *,
        by: UUID | None = None,
    ) -> None:
        before = row.status
        REPRESENTATION.move(self.db, row, to, by=principal.user_id if principal else by)
        await self.db.flush()
        self._note(principal, row, action, before={"status": before}, after={"status": to})
        self._publish(row)

    def _publish(self, row: Representation) -> None:
        event = RepresentationMoved(
            council_id=row.council_id, representation_id=row.id, person_id=row.person_id, status=row.status.value
        )
        outbox.publish(self.db, event)

    def _note(
        self,
        principal: Principal | None,
        row: Representation,
        action: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="representation",
            subject_id=row.id,
            before=before,
            after=after,
        )
