"""Two sides write to each other about one thing, such as an agreement; the council reads only what was reported.

Who may see the thing is asked before, by the package that owns it: it hands over a `Subject`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.store import FileStore
from marketplace.core.forms import FormReader
from marketplace.core.models import ScanState, StoredFile
from marketplace.core.outbox import publish
from marketplace.core.web import FormData
from marketplace.messaging.errors import TooManyMessages
from marketplace.messaging.events import ThreadReported, ThreadWritten
from marketplace.messaging.models import Thread, ThreadFile, ThreadMessage
from marketplace.messaging.repository_threads import ThreadRepository

LONGEST_WORDS: Final = 4_000
MOST_A_DAY: Final = 100
"""Messages that one user writes in one thread within 24 hours."""
MOST_FILES: Final = 3
FIELD: Final = "files"
OPEN_FOR: Final = timedelta(hours=1)
"""How long a reason opens a reported thread for who gave it."""
OPENED: Final = "messaging.read_thread"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a thread is about, and whose it is."""

    kind: str
    id: UUID
    council_id: UUID
    person_id: UUID
    organisation_id: UUID
    worker_id: UUID | None = None
    """The one worker who sees it, where it is with a personal assistant."""


def read_words(data: FormData, label: str, *, name: str = "words", longest: int = LONGEST_WORDS) -> str:
    """Read a form that holds words alone.

    Raises:
        InvalidInput: There are none, or too many.
    """
    form = FormReader(data)
    words = form.text(name, label, longest=longest)
    form.done()
    return words


class ThreadService:
    """Writing, reading and reporting."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.threads = ThreadRepository(db)
        self.store = FileStore(db)

    async def find(self, subject: Subject) -> Thread | None:
        """Return the thread about something, or None where nobody has written yet."""
        return await self.threads.about(subject.council_id, subject.kind, subject.id)

    async def write(
        self,
        principal: Principal,
        subject: Subject,
        words: str,
        checked: Sequence[CheckedFile],
        *,
        is_providers: bool,
    ) -> ThreadMessage:
        """Add a message, with files if any.

        Raises:
            Forbidden: The role does not write to this side.
            TooManyMessages: More than a day's share.
        """
        principal.require(Permission.ENQUIRIES_ANSWER if is_providers else Permission.ENQUIRIES_OWN)
        now = self.clock.now()
        values = {"subject_kind": subject.kind, "subject_id": subject.id, "created_at": now, "updated_at": now}
        for name in ("council_id", "person_id", "organisation_id", "worker_id"):
            values[name] = getattr(subject, name)
        thread = await self.threads.make(values)
        if await self.threads.written_since(thread.id, principal.user_id, now - timedelta(days=1)) >= MOST_A_DAY:
            raise TooManyMessages(f"You can write {MOST_A_DAY} messages a day here. Try again tomorrow.")
        if len(checked) > MOST_FILES:
            raise InvalidInput({FIELD: f"There can be {MOST_FILES} files with a message"})
        # Of two at one instant the later one is later: what a side has seen is an instant, and nothing hides behind it.
        newest = await self.threads.newest_at(thread.id)
        written_at = now if newest is None else max(now, newest + timedelta(microseconds=1))
        message = ThreadMessage(
            council_id=thread.council_id,
            thread_id=thread.id,
            is_providers=is_providers,
            written_by_user_id=principal.user_id,
            acting_for="" if is_providers else principal.acting_for or "",
            words=words,
            written_at=written_at,
        )
        self.db.add(message)
        thread.updated_at = written_at
        await self.db.flush()
        kept = []
        for file in checked:
            stored = await self.store.keep_checked(file, by_user_id=principal.user_id)
            self.db.add(ThreadFile(file_id=stored.id, council_id=thread.council_id, message_id=message.id))
            kept.append({"file_id": stored.id, "sha256": stored.sha256.hex(), "size": stored.size})
        await self.db.flush()
        # What was written stands in the message alone, which export and erasure find.
        after: dict[str, object] = {"message_id": message.id, "is_providers": is_providers, "files": kept}
        self.audit(principal, "messaging.write_thread", thread, after=after)
        publish(
            self.db,
            ThreadWritten(
                council_id=thread.council_id,
                thread_id=thread.id,
                message_id=message.id,
                subject_kind=thread.subject_kind,
                subject_id=thread.subject_id,
                for_provider=not is_providers,
            ),
        )
        return message

    async def note_read(self, thread: Thread, newest: ThreadMessage, *, is_provider: bool) -> None:
        """Note that one side has seen what was written up to a message: the newest one its page showed."""
        before = thread.provider_read_at if is_provider else thread.person_read_at
        if before is not None and before >= newest.written_at:
            return
        if is_provider:
            thread.provider_read_at = newest.written_at
        else:
            thread.person_read_at = newest.written_at
        await self.db.flush()

    async def report(
        self, principal: Principal, thread: Thread, message_id: UUID, why: str, *, is_provider: bool
    ) -> None:
        """Tell the council about a message of the other side. Reporting it again while that waits changes nothing.

        Raises:
            NotFound: It is not in the thread, or it is the reader's own side's.
        """
        message = await self.reportable(thread, message_id, is_provider=is_provider)
        if message.reported_because and message.report_settled_at is None:
            return
        message.reported_because = why
        message.reported_at, message.report_settled_at = self.clock.now(), None
        await self.db.flush()
        self.audit(principal, "messaging.report_message", thread, after={"message_id": message.id})
        publish(self.db, ThreadReported(council_id=thread.council_id, thread_id=thread.id, message_id=message.id))

    async def reportable(self, thread: Thread, message_id: UUID, *, is_provider: bool) -> ThreadMessage:
        """Return a message of the other side.

        Raises:
            NotFound: It is not in the thread, or it is the reader's own side's.
        """
        message = await self.threads.message(thread, message_id)
        if message is None or message.is_providers == is_provider:
            raise NotFound
        return message

    async def open_file(self, principal: Principal, thread: Thread, file_id: UUID) -> tuple[StoredFile, bytes]:
        """Return a file of a thread that the reader may see; who opened it is written down.

        Raises:
            NotFound: It came with no message of this thread.
            NotReady: The virus scanner has not looked at it yet.
        """
        if not await self.threads.has_file(thread.id, file_id):
            raise NotFound
        stored, content = await self.store.open(file_id)
        self.audit(principal, "messaging.open_thread_file", thread, after={"file_id": stored.id})
        return stored, content

    async def note_infected(self, file_id: UUID) -> ThreadMessage | None:
        """Write down that a file was deleted for a virus. Returns what it came with, or None for other files."""
        found = await self.threads.message_of_file(file_id)
        if found is None:
            return None
        message, stored = found
        audit.record(
            self.db,
            None,
            "messaging.delete_infected_file",
            council_id=message.council_id,
            subject_kind="thread",
            subject_id=message.thread_id,
            before={"file_id": stored.id, "scan": ScanState.WAITING},
            after={"scan": stored.scan, "message_id": message.id},
        )
        return message

    def audit(
        self,
        principal: Principal,
        action: str,
        thread: Thread,
        *,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
        why: str = "",
    ) -> None:
        """Leave a row in the audit log of the thread's council."""
        audit.record(
            self.db,
            principal,
            action,
            council_id=thread.council_id,
            subject_kind="thread",
            subject_id=thread.id,
            before=before,
            after=after,
            why=why,
        )


class ThreadReportService(ThreadService):
    """The council's side. A thread that nobody reported cannot be reached at all."""

    def reported(self, principal: Principal) -> Select[Thread]:
        """Start a question about the reported threads of the own council."""
        principal.require(Permission.ENQUIRIES_READ)
        return self.threads.reported(principal.council_id)

    async def reported_one(self, principal: Principal, thread_id: UUID, *, locked: bool = False) -> Thread:
        """Return a reported thread.

        Raises:
            NotFound: Nobody reported it, it is settled, or it is another council's.
        """
        return await self.threads.one(self.reported(principal).where(Thread.id == thread_id), locked=locked)

    async def is_open(self, principal: Principal, thread_id: UUID) -> bool:
        """Whether this reader gave a reason within the last hour."""
        since = self.clock.now() - OPEN_FOR
        return await self.threads.has_opened(principal.council_id, principal.user_id, thread_id, OPENED, since)

    async def open(self, principal: Principal, thread_id: UUID, why: str) -> None:
        """Give the reason for reading a thread; the audit log keeps it.

        Raises:
            NotFound: Nobody reported it.
        """
        self.audit(principal, OPENED, await self.reported_one(principal, thread_id), why=why)

    async def open_one(self, principal: Principal, thread_id: UUID) -> Thread:
        """Return a reported thread that this reader gave a reason for.

        Raises:
            NotFound: Nobody reported it, or no reason was given.
        """
        thread = await self.reported_one(principal, thread_id)
        if not await self.is_open(principal, thread_id):
            raise NotFound
        return thread

    async def settle(self, principal: Principal, thread_id: UUID, done: str) -> None:
        """Say what was done about the reported messages; they leave the list and may be reported anew.

        Raises:
            NotFound: Nobody reported it, or this reader has not opened it.
        """
        thread = await self.reported_one(principal, thread_id, locked=True)
        if not await self.is_open(principal, thread_id):
            raise NotFound
        messages = (await self.threads.reports([thread.id])).get(thread.id, [])
        for message in messages:
            message.report_settled_at = self.clock.now()
        await self.db.flush()
        ids: dict[str, object] = {"message_ids": [message.id for message in messages]}
        self.audit(principal, "messaging.settle_report", thread, before=ids, why=done)
