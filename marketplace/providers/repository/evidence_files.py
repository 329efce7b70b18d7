"""Questions asked of the files of evidence."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.models import StoredFile
from marketplace.providers.models import Evidence, EvidenceFile, Organisation


class EvidenceFileRepository:
    """Reads which file shows which piece of evidence. Ask for the evidence first: that is where rights are decided."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of_evidence(self, evidence_ids: Collection[UUID]) -> dict[UUID, list[StoredFile]]:
        """Return the files of some pieces of evidence that are there, the oldest first, without their content."""
        question = (
            select(EvidenceFile.evidence_id, StoredFile)
            .join(StoredFile, StoredFile.id == EvidenceFile.file_id)
            .where(EvidenceFile.evidence_id.in_(evidence_ids), StoredFile.removed_at.is_(None))
            .order_by(StoredFile.stored_at, StoredFile.id)
        )
        found: dict[UUID, list[StoredFile]] = {}
        for evidence_id, row in await self.db.execute(question):
            found.setdefault(evidence_id, []).append(row)
        return found

    async def number(self, evidence_id: UUID) -> int:
        """Return how many files a piece of evidence has."""
        question = (
            select(func.count())
            .select_from(EvidenceFile)
            .join(StoredFile, StoredFile.id == EvidenceFile.file_id)
            .where(EvidenceFile.evidence_id == evidence_id, StoredFile.removed_at.is_(None))
        )
        return int(await self.db.scalar(question) or 0)

    async def belongs(self, evidence_id: UUID, file_id: UUID) -> bool:
        """Whether a file shows a piece of evidence."""
        question = select(EvidenceFile.file_id).where(
            EvidenceFile.evidence_id == evidence_id, EvidenceFile.file_id == file_id
        )
        return await self.db.scalar(question) is not None

    async def locked_evidence(self, organisation_id: UUID, evidence_id: UUID) -> Evidence | None:
        """Return a piece of evidence of an organisation, locked."""
        question = (
            select(Evidence)
            .where(Evidence.organisation_id == organisation_id, Evidence.id == evidence_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.db.scalars(question)).first()

    async def evidence_of_file(self, file_id: UUID) -> tuple[Evidence, Organisation, StoredFile] | None:
        """Return what a file shows, and whose it is."""
        question = (
            select(Evidence, Organisation, StoredFile)
            .join(EvidenceFile, EvidenceFile.evidence_id == Evidence.id)
            .join(StoredFile, StoredFile.id == EvidenceFile.file_id)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(EvidenceFile.file_id == file_id)
        )
        found = (await self.db.execute(question)).first()
        return (found[0], found[1], found[2]) if found is not None else None
