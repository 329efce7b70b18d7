"""Files of evidence: given with it or after it, taken back until a council has seen it, opened by who may see it.

Each opening leaves an audit row. A DBS certificate is never kept: its level, date and outcome are (domain.md 4.3).
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.kinds import FileRefused, GivenFile
from marketplace.core.files.store import FileStore
from marketplace.core.models import ScanState, StoredFile
from marketplace.providers.models import Evidence, EvidenceFile, EvidenceKind
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.evidence_files import EvidenceFileRepository
from marketplace.providers.service.evidence import INSURANCE, EvidenceService

MOST_FILES: Final = 5
FIELD: Final = "files"
NO_CERTIFICATE: Final = "Do not send the certificate: we keep its level, date and outcome only"


def takes_files(kind: EvidenceKind) -> bool:
    """Whether files may be given for a kind of evidence."""
    return kind is not EvidenceKind.DBS


def refuse_certificate(kind: EvidenceKind, given: Sequence[GivenFile]) -> None:
    """Refuse files where none may be kept; before anything looks at them.

    Raises:
        FileRefused: There is one.
    """
    if given and not takes_files(kind):
        raise FileRefused("certificate", NO_CERTIFICATE, "form")  # Its page has no field for files.


async def record_refused_upload(
    principal: Principal, kind: EvidenceKind, error: FileRefused, given: Sequence[GivenFile]
) -> None:
    """Write down that a file was not taken, in a transaction of its own. Neither the file nor its name is kept."""
    await audit.record_refusal(
        principal,
        "providers.refuse_evidence_file",
        council_id=principal.council_id,
        subject_kind="organisation",
        subject_id=principal.need_organisation(),
        why=error.reason,
        detail={
            "kind": kind,
            "files": [{"sha256": file.sha256, "size": len(file.content)} for file in given[: 2 * MOST_FILES]],
        },
    )


class OwnEvidence(NamedTuple):
    """A piece of evidence as somebody of its organisation sees it."""

    row: Evidence
    is_theirs: bool
    """Whether they gave it or may: a worker among several changes only what is about them."""

    @property
    def may_change(self) -> bool:
        """Whether its files may change: until a council decides."""
        row = self.row
        return self.is_theirs and row.seen_at is None and not row.refused_because and takes_files(row.kind)


class EvidenceFileService:
    """Links files to evidence."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.files = EvidenceFileRepository(db)
        self.store = FileStore(db)

    async def of_evidence(self, evidence_ids: Collection[UUID]) -> dict[UUID, list[StoredFile]]:
        """Return the files of pieces of evidence that the caller may see."""
        return await self.files.of_evidence(evidence_ids) if evidence_ids else {}

    # The provider

    async def find_own(self, principal: Principal, evidence_id: UUID) -> OwnEvidence:
        """Return a piece of evidence of the own organisation.

        Raises:
            NotFound: There is none, or it is about another worker.
        """
        service = EvidenceService(self.db)
        organisation, rows = await service.own(principal)
        for row in rows:
            if row.id == evidence_id:
                speaks_for_all = set(service.kinds_for(principal, organisation)) >= INSURANCE
                return OwnEvidence(row, speaks_for_all or row.worker_id == principal.worker_id)
        raise NotFound

    async def attach(self, principal: Principal, evidence_id: UUID, checked: Sequence[CheckedFile]) -> list[StoredFile]:
        """Keep files with a piece of evidence.

        Raises:
            NotFound: It is not this user's.
            InvalidInput: There would be too many, or this kind takes none.
            StepRefused: A council has decided about it.
        """
        row = await self._changeable(principal, evidence_id)
        before = await self.files.number(row.id)
        if before + len(checked) > MOST_FILES:
            raise InvalidInput({FIELD: f"There can be {MOST_FILES} files with this. There are {before} already"})
        kept: list[StoredFile] = []
        for file in checked:
            stored = await self.store.keep_checked(file, by_user_id=principal.user_id)
            self.db.add(EvidenceFile(evidence_id=row.id, file_id=stored.id))
            kept.append(stored)
        await self.db.flush()
        for stored in kept:
            self._record(principal, "providers.give_evidence_file", row, stored)
        return kept

    async def remove(self, principal: Principal, evidence_id: UUID, file_id: UUID) -> None:
        """Take a file back. Its content is deleted.

        Raises:
            NotFound: It is not this user's.
            StepRefused: A council has decided about the evidence.
        """
        row = await self._changeable(principal, evidence_id)
        if not await self.files.belongs(row.id, file_id):
            raise NotFound
        self._record(principal, "providers.remove_evidence_file", row, await self.store.remove(file_id))

    async def open_own(self, principal: Principal, evidence_id: UUID, file_id: UUID) -> tuple[StoredFile, bytes]:
        """Return a file of the own organisation.

        Raises:
            NotFound: It is not this user's.
            NotReady: The virus scanner has not looked at it yet.
        """
        return await self._open(principal, (await self.find_own(principal, evidence_id)).row, file_id)

    # The council

    async def open_as_council(self, principal: Principal, evidence_id: UUID, file_id: UUID) -> tuple[StoredFile, bytes]:
        """Return a file of evidence that the council looks at.

        Raises:
            Forbidden: The role does not look at evidence.
            NotFound: No concern of this council.
            NotReady: The virus scanner has not looked at it yet.
        """
        principal.require(Permission.EVIDENCE_SEE)
        row, _ = await EvidenceRepository(self.db).find(principal.council_id, evidence_id)
        return await self._open(principal, row, file_id)

    # The scanner

    async def note_infected(self, file_id: UUID) -> Evidence | None:
        """Write down that a file of evidence was deleted for a virus. Returns the evidence, or None for other files."""
        found = await self.files.evidence_of_file(file_id)
        if found is None:
            return None
        row, organisation, stored = found
        if organisation.home_council_id is not None:
            audit.record(
                self.db,
                None,
                "providers.delete_infected_file",
                council_id=organisation.home_council_id,
                subject_kind="evidence",
                subject_id=row.id,
                before={"file_id": stored.id, "scan": ScanState.WAITING},
                after={"scan": stored.scan, "organisation_id": organisation.id},
            )
        return row

    async def _changeable(self, principal: Principal, evidence_id: UUID) -> Evidence:
        own = await self.find_own(principal, evidence_id)
        row = await self.files.locked_evidence(principal.need_organisation(), evidence_id)
        if row is None:
            raise NotFound
        if not takes_files(row.kind):
            raise InvalidInput({FIELD: NO_CERTIFICATE})
        if row.seen_at is not None or row.refused_because:
            raise StepRefused("The council has decided about this. Give it again if something has changed.")
        if not own.is_theirs:
            raise NotFound
        return row

    async def _open(self, principal: Principal, row: Evidence, file_id: UUID) -> tuple[StoredFile, bytes]:
        if not await self.files.belongs(row.id, file_id):
            raise NotFound
        stored, content = await self.store.open(file_id)
        self._record(principal, "providers.open_evidence_file", row, stored)
        return stored, content

    def _record(self, principal: Principal, action: str, row: Evidence, stored: StoredFile) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="evidence",
            subject_id=row.id,
            after={
                "file_id": stored.id,
                "sha256": stored.sha256.hex(),
                "size": stored.size,
                "media_type": stored.media_type,
                "organisation_id": row.organisation_id,
            },
        )
