"""Reminding organisations of evidence that ends, when an officer wants it, beside the reminders of the calendar."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.outbox import publish
from marketplace.providers.events import EvidenceEnding
from marketplace.providers.repository.evidence import EvidenceRepository

MOST = 100
"""Pieces of evidence in one go."""


class EvidenceReminderService:
    """Sends reminders by hand."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.evidence = EvidenceRepository(db)

    async def remind(self, principal: Principal, evidence_ids: Sequence[UUID]) -> int:
        """Remind the organisations of several pieces of evidence that end. All or none.

        Raises:
            NotFound: One of them is no concern of this council.
            InvalidInput: None or too many were chosen, or one has no end.
        """
        principal.require(Permission.EVIDENCE_SEE)
        wanted = sorted(set(evidence_ids))
        if not wanted:
            raise InvalidInput({"evidence": "Choose at least one piece of evidence"})
        if len(wanted) > MOST:
            raise InvalidInput({"evidence": f"Choose at most {MOST} at a time"})
        day = today(clock_of(self.db))
        for evidence_id in wanted:
            row, organisation = await self.evidence.find(principal.council_id, evidence_id)
            if row.expires_on is None:
                raise InvalidInput({"evidence": f"That of {organisation.name} has no last day"})
            days_left = max((row.expires_on - day).days, 0)
            publish(
                self.db,
                EvidenceEnding(
                    council_id=principal.council_id,
                    evidence_id=row.id,
                    organisation_id=organisation.id,
                    days_left=days_left,
                ),
            )
            audit.record(
                self.db,
                principal,
                "providers.remind_of_evidence",
                council_id=principal.council_id,
                subject_kind="evidence",
                subject_id=row.id,
                after={"organisation_id": organisation.id, "days_left": days_left},
            )
        return len(wanted)
