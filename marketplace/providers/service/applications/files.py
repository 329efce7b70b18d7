"""Files with the answers of an application: added and taken back while it is a draft, opened by who reads it."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.kinds import FileRefused, GivenFile
from marketplace.core.files.store import FileStore
from marketplace.core.ids import new_id
from marketplace.core.models import StoredFile
from marketplace.providers.errors import DeclareFirst, HasInterest
from marketplace.providers.models import Application, ApplicationAnswer, ApplicationFile, Criterion
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.service.applications.drafts import NOT_A_DRAFT, ApplicationService
from marketplace.providers.service.applications.opened import Opened, open_application
from marketplace.providers.service.evaluation.fairness import DECLARED, has_declared
from marketplace.providers.states import ApplicationStatus, EvaluationStatus

MOST_FILES: Final = 5
"""With one answer."""
FIELD: Final = "files"


async def record_refused_file(
    principal: Principal, opened: Opened, error: FileRefused, given: Sequence[GivenFile]
) -> None:
    """Write down that a file was not taken, in a transaction of its own. Neither the file nor its name is kept."""
    await audit.record_refusal(
        principal,
        "providers.refuse_application_file",
        council_id=opened.application.council_id,
        subject_kind="application",
        subject_id=opened.application.id,
        why=error.reason,
        detail={"files": [{"sha256": one.sha256, "size": len(one.content)} for one in given[: 2 * MOST_FILES]]},
    )


class AnswerFileService:
    """Links files to answers."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.applications = ApplicationRepository(db)
        self.store = FileStore(db)

    async def of(self, opened: Opened, criterion: Criterion) -> list[StoredFile]:
        """Return the files of one answer, the oldest first."""
        answer = opened.answer(criterion)
        return (await self.applications.files(opened.application.id)).get(answer.id, []) if answer else []

    async def attach(
        self, principal: Principal, application_id: UUID, criterion_id: UUID, checked: Sequence[CheckedFile]
    ) -> None:
        """Keep files with an answer. Where there is no answer yet an unfinished one is begun.

        Raises:
            NotFound: Not theirs, or no such question.
            InvalidInput: There would be too many.
            StepRefused: It has been sent.
        """
        opened, criterion = await self._to_change(principal, application_id, criterion_id)
        before = len(await self.of(opened, criterion))
        if before + len(checked) > MOST_FILES:
            raise InvalidInput({FIELD: f"There can be {MOST_FILES} files with an answer. There are {before} already"})
        application, now = opened.application, clock_of(self.db).now()
        answer = opened.answer(criterion)
        if answer is None:
            answer = ApplicationAnswer(
                id=new_id(),
                council_id=application.council_id,
                application_id=application.id,
                criterion_id=criterion.id,
                updated_by_user_id=principal.user_id,
                updated_at=now,
            )
            self.db.add(answer)
            await self.db.flush()
        application.updated_at = now
        for file in checked:
            stored = await self.store.keep_checked(file, by_user_id=principal.user_id)
            self.db.add(ApplicationFile(council_id=application.council_id, file_id=stored.id, answer_id=answer.id))
            await self.db.flush()
            self._record(principal, "providers.give_application_file", application, criterion.key, stored)

    async def remove(self, principal: Principal, application_id: UUID, criterion_id: UUID, file_id: UUID) -> None:
        """Take a file back. Its content is deleted.

        Raises:
            NotFound: Not theirs.
            StepRefused: It has been sent.
        """
        opened, criterion = await self._to_change(principal, application_id, criterion_id)
        await self._one(opened, criterion, file_id)
        stored = await self.store.remove(file_id)
        self._record(principal, "providers.remove_application_file", opened.application, criterion.key, stored)

    async def open_own(
        self, principal: Principal, application_id: UUID, criterion_id: UUID, file_id: UUID
    ) -> tuple[StoredFile, bytes]:
        """Return a file of the own organisation's application.

        Raises:
            NotFound: Not theirs.
            NotReady: The virus scanner has not looked at it yet.
        """
        opened = await open_application(self.db, principal, application_id)
        criterion = ApplicationService.question(opened, criterion_id)
        await self._one(opened, criterion, file_id)
        stored, content = await self.store.open(file_id)
        self._record(principal, "providers.open_application_file", opened.application, criterion.key, stored)
        return stored, content

    async def open_as_council(
        self, principal: Principal, application_id: UUID, file_id: UUID
    ) -> tuple[StoredFile, bytes]:
        """Return a file of an application that was sent to the user's council.

        Who may read applications may open it, and so may who scores this one and has no interest in it.

        Raises:
            Forbidden: The role neither reads nor scores applications.
            NotFound: It is a draft, another council's, or not this user's to score.
            DeclareFirst: They were asked to score it and have not declared their interests.
            HasInterest: They declared one.
            NotReady: The virus scanner has not looked at it yet.
        """
        principal.require(Permission.APPLICATIONS_SCORE)
        application = await self.applications.find(principal.council_id, application_id)
        if application.status is ApplicationStatus.DRAFT:
            raise NotFound
        own = await self.applications.evaluation_of(application.id, principal.user_id)
        may_read = principal.may(Permission.APPLICATIONS_READ)
        if own is not None and own.status is EvaluationStatus.ASSIGNED:
            raise DeclareFirst(own.id)
        if may_read and own is not None and has_declared(own):
            raise HasInterest(DECLARED)
        if not may_read and (own is None or own.status not in (EvaluationStatus.SCORING, EvaluationStatus.SUBMITTED)):
            raise NotFound
        files = await self.applications.files(application.id)
        if all(stored.id != file_id for kept in files.values() for stored in kept):
            raise NotFound
        stored, content = await self.store.open(file_id)
        self._record(principal, "providers.open_application_file", application, "", stored)
        return stored, content

    async def _to_change(
        self, principal: Principal, application_id: UUID, criterion_id: UUID
    ) -> tuple[Opened, Criterion]:
        opened = await open_application(self.db, principal, application_id, locked=True)
        criterion = ApplicationService.question(opened, criterion_id)
        if not opened.is_draft:
            raise StepRefused(NOT_A_DRAFT)
        return opened, criterion

    async def _one(self, opened: Opened, criterion: Criterion, file_id: UUID) -> None:
        if all(stored.id != file_id for stored in await self.of(opened, criterion)):
            raise NotFound

    def _record(
        self, principal: Principal, action: str, application: Application, key: str, stored: StoredFile
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            after={
                "criterion": key,
                "file_id": stored.id,
                "sha256": stored.sha256.hex(),
                "size": stored.size,
                "media_type": stored.media_type,
            },
        )
