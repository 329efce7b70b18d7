"""Questions asked of threads: what was written, what is new, what was reported."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.models import AuditEntry, User
from marketplace.core.ids import new_id
from marketplace.core.models import StoredFile
from marketplace.core.repository import Repository
from marketplace.messaging.models import Thread, ThreadFile, ThreadMessage

PAGE: Final = 20


class Written(NamedTuple):
    """A message with the name of who wrote it."""

    message: ThreadMessage
    writer: str


class ThreadRepository(Repository[Thread]):
    """Threads, their messages and files."""

    model_type = Thread

    async def about(self, council_id: UUID, kind: str, subject_id: UUID) -> Thread | None:
        """Return the thread about something, or None where nobody has written yet."""
        return await self.maybe(self.of(council_id).where(Thread.subject_kind == kind, Thread.subject_id == subject_id))

    async def make(self, values: dict[str, object]) -> Thread:
        """Return the thread about something, locked; a new one where there is none. Two at once get the same."""
        statement = insert(Thread).values(id=new_id(), **values)
        await self.db.execute(statement.on_conflict_do_nothing(index_elements=["subject_kind", "subject_id"]))
        return await self.one(
            select(Thread).where(
                Thread.council_id == values["council_id"],
                Thread.subject_kind == values["subject_kind"],
                Thread.subject_id == values["subject_id"],
            ),
            locked=True,
        )

    async def messages(self, thread: Thread, before: UUID | None) -> list[Written]:
        """Return what was written, the newest first, one more than a page."""
        question = (
            select(ThreadMessage, User.name)
            .join(User, User.id == ThreadMessage.written_by_user_id)
            .where(ThreadMessage.council_id == thread.council_id, ThreadMessage.thread_id == thread.id)
        )
        if before is not None:
            place = select(ThreadMessage.written_at, ThreadMessage.id).where(
                ThreadMessage.thread_id == thread.id, ThreadMessage.id == before
            )
            last = (await self.db.execute(place)).first()
            if last is not None:
                question = question.where(tuple_(ThreadMessage.written_at, ThreadMessage.id) < tuple_(last[0], last[1]))
        question = question.order_by(ThreadMessage.written_at.desc(), ThreadMessage.id.desc()).limit(PAGE + 1)
        return [Written(*row) for row in await self.db.execute(question)]

    async def message(self, thread: Thread, message_id: UUID) -> ThreadMessage | None:
        """Return one message of a thread, locked."""
        found: ThreadMessage | None = await self.db.scalar(
            select(ThreadMessage)
            .where(ThreadMessage.thread_id == thread.id, ThreadMessage.id == message_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found

    async def written_since(self, thread_id: UUID, user_id: UUID, since: datetime) -> int:
        """Count what a user has written in a thread that is locked."""
        question = select(func.count()).where(
            ThreadMessage.thread_id == thread_id,
            ThreadMessage.written_by_user_id == user_id,
            ThreadMessage.written_at > since,
        )
        return int(await self.db.scalar(question) or 0)

    async def newest_at(self, thread_id: UUID) -> datetime | None:
        """Return when the last message of a thread was written; None where there is none."""
        question = select(func.max(ThreadMessage.written_at)).where(ThreadMessage.thread_id == thread_id)
        found: datetime | None = await self.db.scalar(question)
        return found

    async def unread(self, thread_ids: Collection[UUID], *, for_provider: bool) -> dict[UUID, int]:
        """Count what the other side wrote and this side has not seen, by thread; threads without it are left out."""
        read_at = Thread.provider_read_at if for_provider else Thread.person_read_at
        question = (
            select(ThreadMessage.thread_id, func.count())
            .join(Thread, Thread.id == ThreadMessage.thread_id)
            .where(
                ThreadMessage.thread_id.in_(thread_ids),
                ThreadMessage.is_providers.is_not(for_provider),
                or_(read_at.is_(None), ThreadMessage.written_at > read_at),
            )
            .group_by(ThreadMessage.thread_id)
        )
        return {row[0]: row[1] for row in await self.db.execute(question)}

    async def was_told(self, thread: Thread, message: ThreadMessage, since: datetime) -> bool:
        """Whether the other side was told of an earlier message since an instant and has not read that one yet."""
        read_at = thread.person_read_at if message.is_providers else thread.provider_read_at
        question = exists().where(
            ThreadMessage.thread_id == thread.id,
            ThreadMessage.is_providers.is_(message.is_providers),
            tuple_(ThreadMessage.written_at, ThreadMessage.id) < tuple_(message.written_at, message.id),
            ThreadMessage.written_at > (max(since, read_at) if read_at else since),
        )
        return bool(await self.db.scalar(select(question)))

    async def files(self, message_ids: Collection[UUID]) -> dict[UUID, list[StoredFile]]:
        """Return the files that came with messages, the oldest first, without their content."""
        question = (
            select(ThreadFile.message_id, StoredFile)
            .join(StoredFile, StoredFile.id == ThreadFile.file_id)
            .where(ThreadFile.message_id.in_(message_ids), StoredFile.removed_at.is_(None))
            .order_by(StoredFile.stored_at, StoredFile.id)
        )
        found: dict[UUID, list[StoredFile]] = {}
        for message_id, row in await self.db.execute(question):
            found.setdefault(message_id, []).append(row)
        return found

    async def has_file(self, thread_id: UUID, file_id: UUID) -> bool:
        """Whether a file came with a message of a thread."""
        question = (
            select(ThreadFile.file_id)
            .join(ThreadMessage, ThreadMessage.id == ThreadFile.message_id)
            .where(ThreadFile.file_id == file_id, ThreadMessage.thread_id == thread_id)
        )
        return await self.db.scalar(question) is not None

    async def message_of_file(self, file_id: UUID) -> tuple[ThreadMessage, StoredFile] | None:
        """Return what a file came with; None for other files."""
        row = (
            await self.db.execute(
                select(ThreadMessage, StoredFile)
                .join(ThreadFile, ThreadFile.message_id == ThreadMessage.id)
                .join(StoredFile, StoredFile.id == ThreadFile.file_id)
                .where(ThreadFile.file_id == file_id)
            )
        ).first()
        return (row[0], row[1]) if row else None

    def reported(self, council_id: UUID) -> Select[Thread]:
        """Start a question about the threads of a council with a report that nobody has settled."""
        return self.of(council_id).where(
            exists().where(
                ThreadMessage.thread_id == Thread.id,
                ThreadMessage.reported_because != "",
                ThreadMessage.report_settled_at.is_(None),
            )
        )

    async def reports(self, thread_ids: Collection[UUID]) -> dict[UUID, list[ThreadMessage]]:
        """Return reported messages that nobody has settled by thread, oldest first."""
        question = (
            select(ThreadMessage)
            .where(
                ThreadMessage.thread_id.in_(thread_ids),
                ThreadMessage.reported_because != "",
                ThreadMessage.report_settled_at.is_(None),
            )
            .order_by(ThreadMessage.written_at, ThreadMessage.id)
        )
        found: dict[UUID, list[ThreadMessage]] = {}
        for row in await self.db.scalars(question):
            found.setdefault(row.thread_id, []).append(row)
        return found

    async def has_opened(self, council_id: UUID, user_id: UUID, thread_id: UUID, action: str, since: datetime) -> bool:
        """Whether a user has given a reason for reading a thread since an instant: the audit log knows."""
        question = exists().where(
            AuditEntry.council_id == council_id,
            AuditEntry.subject_kind == "thread",
            AuditEntry.subject_id == thread_id,
            AuditEntry.user_id == user_id,
            AuditEntry.action == action,
            AuditEntry.at > since,
        )
        return bool(await self.db.scalar(select(question)))
