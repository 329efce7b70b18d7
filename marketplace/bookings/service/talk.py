"""What a person, or who acts for them, and their provider write to each other about an agreement."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.bookings.models import SupportAgreement
from marketplace.bookings.repository_talk import AGREEMENT, TalkRepository, TalkRow
from marketplace.bookings.states import AgreementStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.files.checking import CheckedFile
from marketplace.messaging.errors import NobodyReads, ThreadClosed
from marketplace.messaging.models import Thread
from marketplace.messaging.threads import Subject, ThreadService

WRITES_AFTER_END: Final = timedelta(days=90)
"""How long after an agreement ends both sides may still write: the last bill comes later."""
KNOWS_NAME: Final = frozenset({AgreementStatus.AGREED, AgreementStatus.ENDED})
"""States in which the provider was told whom they support."""


class TalkService:
    """Talk about agreements, from either side."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.talk = TalkRepository(db)
        self.threads = ThreadService(db)

    def own(self, principal: Principal, *, is_provider: bool) -> Select[SupportAgreement]:
        """Start a question about the agreements that one side may write about; a personal assistant's own alone.

        Raises:
            Forbidden: The role writes nothing to that side.
            NotFound: The role belongs to nobody.
        """
        if not is_provider:
            principal.require(Permission.ENQUIRIES_OWN)
            return self.talk.of_person(principal.council_id, principal.need_person())
        principal.require(Permission.ENQUIRIES_ANSWER)
        organisation_id = principal.need_organisation()
        if principal.role is not Role.PA:
            return self.talk.of_provider(principal.councils, organisation_id)
        if principal.worker_id is None:
            raise NotFound
        return self.talk.of_provider(principal.councils, organisation_id, principal.worker_id)

    async def find(self, principal: Principal, agreement_id: UUID, *, is_provider: bool) -> TalkRow:
        """Return an agreement of one's side.

        Raises:
            NotFound: Not theirs.
        """
        question = self.own(principal, is_provider=is_provider).where(SupportAgreement.id == agreement_id)
        row = await self.talk.row(question)
        if row is None:
            raise NotFound
        return row

    async def thread(self, principal: Principal, agreement_id: UUID, *, is_provider: bool) -> Thread:
        """Return the thread about an agreement of one's side.

        Raises:
            NotFound: Not theirs, or nobody has written yet.
        """
        row = await self.find(principal, agreement_id, is_provider=is_provider)
        if row.thread is None:
            raise NotFound
        return row.thread

    def is_writable(self, agreement: SupportAgreement) -> bool:
        """Whether both sides may write: while it is offered or runs, and for 90 days after its end."""
        if agreement.status in (AgreementStatus.DECLINED, AgreementStatus.WITHDRAWN, AgreementStatus.DRAFT):
            return False
        if agreement.ends_on is None:
            return agreement.status is not AgreementStatus.ENDED
        return today(self.clock) < agreement.ends_on + WRITES_AFTER_END

    async def write(
        self,
        principal: Principal,
        agreement_id: UUID,
        words: str,
        checked: Sequence[CheckedFile],
        *,
        is_provider: bool,
    ) -> None:
        """Write to the other side.

        Raises:
            NotFound: Not theirs.
            ThreadClosed: The agreement ended too long ago, or never began.
            NobodyReads: Nobody on the person's side could read it.
            TooManyMessages: More than a day's share.
        """
        row = await self.find(principal, agreement_id, is_provider=is_provider)
        if not self.is_writable(row.agreement):
            raise ThreadClosed("You can still read what was written.")
        if is_provider and not await self.talk.is_read(row.agreement):
            raise NobodyReads("This person does not use the site. Ring them or write to them.")
        agreement = row.agreement
        subject = Subject(
            kind=AGREEMENT,
            id=agreement.id,
            council_id=agreement.council_id,
            person_id=agreement.person_id,
            organisation_id=agreement.organisation_id,
            worker_id=agreement.worker_id,
        )
        await self.threads.write(principal, subject, words, checked, is_providers=is_provider)


def person_name(row: TalkRow) -> str:
    """Return what the provider calls the person: by name once both have agreed."""
    return row.person.name if row.agreement.status in KNOWS_NAME else "The person"
