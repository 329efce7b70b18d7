"""The right to reply to a suspension or removal (C2), and the council's answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.providers.errors import ReplyClosed
from marketplace.providers.events import ReplyGiven
from marketplace.providers.models import AccreditationAction, OrganisationKind
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.service.reach import reach_every_council

LONGEST_REPLY = 5_000


def read_words(data: dict[str, Any], name: str, label: str) -> str:
    """Read a reply or an answer.

    Raises:
        InvalidInput: It is empty or too long.
    """
    form = FormReader(data)
    words = form.text(name, label, longest=LONGEST_REPLY)
    form.done()
    return words


class ReplyService:
    """What the two sides say about a decision."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.standing = StandingRepository(db)

    async def own(self, principal: Principal, action_id: UUID) -> AccreditationAction:
        """Return a decision about the own organisation, locked.

        Raises:
            NotFound: The decision is about somebody else, or the user does not speak for the organisation.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        organisation = await OrganisationRepository(self.db).find(organisation_id)
        if principal.role is Role.PA and organisation.kind is not OrganisationKind.SOLE_PA:
            raise NotFound
        # The decision may be another council's: the question names the organisation.
        await reach_every_council(self.db)
        return await self.standing.action(action_id, organisation_id=organisation_id)

    async def reply(self, principal: Principal, action_id: UUID, words: str) -> AccreditationAction:
        """Reply to a decision against the own organisation, once, until its last day.

        Raises:
            NotFound: As `own`.
            ReplyClosed: There is nothing to reply to, it is too late, or the reply was given.
        """
        action = await self.own(principal, action_id)
        if action.replied_at is not None:
            raise ReplyClosed("Your organisation has replied already. The council answers here.")
        if action.reply_until is None or action.reply_until < today(self.clock):
            last = f" The last day was {uk_date(action.reply_until)}." if action.reply_until else ""
            raise ReplyClosed(f"This decision can no longer be replied to here.{last} Call the council.")
        action.reply, action.replied_at, action.replied_by_user_id = words, self.clock.now(), principal.user_id
        await self.db.flush()
        self._tell(principal, action, "providers.reply_to_decision", is_answer=False)
        return action

    async def of_council(self, principal: Principal, action_id: UUID) -> AccreditationAction:
        """Return a decision of the own council, locked.

        Raises:
            NotFound: Not this council's.
        """
        principal.require(Permission.ACCREDITATION_DECIDE)
        return await self.standing.action(action_id, council_id=principal.council_id)

    async def answer(self, principal: Principal, action_id: UUID, words: str) -> AccreditationAction:
        """Answer a provider's reply, once.

        Raises:
            NotFound: As `of_council`.
            ReplyClosed: There is no reply, or somebody answered.
        """
        action = await self.of_council(principal, action_id)
        if action.replied_at is None:
            raise ReplyClosed("There is no reply to answer.")
        if action.answered_at is not None:
            raise ReplyClosed("A colleague has answered this reply. Go back and look at it again.")
        action.answer, action.answered_at, action.answered_by_user_id = words, self.clock.now(), principal.user_id
        await self.db.flush()
        self._tell(principal, action, "providers.answer_reply", is_answer=True)
        return action

    def _tell(self, principal: Principal, action: AccreditationAction, name: str, *, is_answer: bool) -> None:
        audit.record(
            self.db,
            principal,
            name,
            council_id=action.council_id,
            subject_kind="accreditation_action",
            subject_id=action.id,
            after={"accreditation_id": action.accreditation_id, "organisation_id": action.organisation_id},
        )
        publish(
            self.db,
            ReplyGiven(
                council_id=action.council_id,
                action_id=action.id,
                organisation_id=action.organisation_id,
                is_answer=is_answer,
            ),
        )
