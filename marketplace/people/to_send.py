"""Letters to post and calls to make: somebody at the council does what no computer can."""

from enum import StrEnum
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.messaging.models import Message, MessageStatus
from marketplace.people.repository_to_send import ToSend, ToSendRepository


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    """The letter was posted, or the words were read out."""
    NOT_POSSIBLE = "not_possible"


class OutcomeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a letter or a call."""

    outcome: Outcome
    note: str

    @classmethod
    def read(cls, data: FormData) -> "OutcomeForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        outcome = form.choice("outcome", "what came of it", Outcome) or Outcome.DONE
        note = form.text("note", "why it was not possible", required=outcome is Outcome.NOT_POSSIBLE, longest=500)
        form.done()
        return cls(outcome=outcome, note=note)


class ToSendService:
    """The council's list of letters and calls."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = ToSendRepository(db)

    async def waiting(self, principal: Principal, after: UUID | None) -> list[ToSend]:
        """Return a page of what waits, without its words, and one more.

        Raises:
            Forbidden: The role keeps no records of people.
        """
        principal.require(Permission.PEOPLE_RECORD)
        return await self.rows.waiting(principal.council_id, after)

    async def done(self, principal: Principal, after: UUID | None) -> list[ToSend]:
        """Return a page of what was done, and one more.

        Raises:
            Forbidden: The role keeps no records of people.
        """
        principal.require(Permission.PEOPLE_RECORD)
        return await self.rows.done(principal.council_id, after)

    async def read(self, principal: Principal, message_id: UUID) -> ToSend:
        """Return a letter or a call with its words; who read it is written down.

        Raises:
            NotFound: There is none in the council.
        """
        principal.require(Permission.PEOPLE_RECORD)
        found = await self.rows.find(principal.council_id, message_id)
        self._audit(principal, "messaging.read_by_hand", found.message)
        return found

    async def settle(self, principal: Principal, message_id: UUID, form: OutcomeForm) -> ToSend:
        """Write down that it was posted or read out, by whom and when; or that it was not possible, and why.

        Raises:
            NotFound: There is none in the council.
            StepRefused: Somebody else has done it meanwhile.
        """
        principal.require(Permission.PEOPLE_RECORD)
        found = await self.rows.find(principal.council_id, message_id, locked=True)
        message = found.message
        if message.status is not MessageStatus.QUEUED:
            raise StepRefused("Somebody has written down already what came of this. Do not post it or ring again.")
        is_done = form.outcome is Outcome.DONE
        message.status = MessageStatus.SENT if is_done else MessageStatus.FAILED
        message.done_by_user_id = principal.user_id
        message.sent_at = clock_of(self.db).now() if is_done else None
        await self.db.flush()
        self._audit(
            principal,
            "messaging.send_by_hand" if is_done else "messaging.give_up_by_hand",
            message,
            before=MessageStatus.QUEUED,
            why=form.note,
        )
        return found

    def _audit(
        self, principal: Principal, action: str, message: Message, *, before: str | None = None, why: str = ""
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=message.council_id,
            subject_kind="message",
            subject_id=message.id,
            before={"status": before} if before else None,
            after={"status": message.status, "channel": message.channel, "person_id": message.person_id},
            why=why,
        )
