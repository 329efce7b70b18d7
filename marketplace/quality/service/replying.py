"""What providers do: reply once to each piece of published feedback."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select

from marketplace.accounts import Permission, Principal, Role
from marketplace.core.errors import NotFound
from marketplace.core.outbox import publish
from marketplace.quality.errors import ReplyStands
from marketplace.quality.events import FeedbackReplied
from marketplace.quality.models import Feedback
from marketplace.quality.schemas import ReplyForm
from marketplace.quality.service.steps import FeedbackSteps, event_ids

REPLY_WITHIN: Final = timedelta(days=7)
"""How long a reply can be changed after it was first given."""


class FeedbackReplyService(FeedbackSteps):
    """The provider's side: published feedback on the own organisation, or on a personal assistant alone."""

    def of_provider(self, principal: Principal) -> Select[Feedback]:
        """Start a question about published feedback."""
        principal.require(Permission.FEEDBACK_REPLY)
        organisation_id = principal.need_organisation()
        if principal.role is not Role.PA:
            return self.feedback.of_provider(principal.councils, organisation_id)
        if principal.worker_id is None:
            raise NotFound
        return self.feedback.of_provider(principal.councils, organisation_id, principal.worker_id)

    def may_reply(self, feedback: Feedback) -> bool:
        """Whether there is no reply yet, or it is young enough to be changed."""
        return feedback.replied_at is None or self.clock.now() < feedback.replied_at + REPLY_WITHIN

    async def reply(self, principal: Principal, feedback_id: UUID, form: ReplyForm) -> Feedback:
        """Reply, or change the reply in its first days.

        Raises:
            NotFound: Not the provider's, or not published.
            FeedbackChanged: It is not what the page showed.
            ReplyStands: The reply is too old to be changed.
        """
        feedback = await self.feedback.one(self.of_provider(principal).where(Feedback.id == feedback_id), locked=True)
        self._need_version(feedback, form.version)
        if not self.may_reply(feedback):
            raise ReplyStands(f"A reply can be changed for {REPLY_WITHIN.days} days.")
        is_first = feedback.replied_at is None
        feedback.reply = form.reply
        feedback.replied_by_user_id = principal.user_id
        # The days run from the first reply, so that changing it again and again does not make them longer.
        feedback.replied_at = feedback.replied_at or self.clock.now()
        self._audit(principal, feedback, "quality.reply_to_feedback", after={"is_first": is_first})
        await self.db.flush()
        await self.public.reply(feedback.id, feedback.reply, feedback.replied_at)
        if is_first:
            publish(self.db, FeedbackReplied(**event_ids(feedback)))
        return feedback
