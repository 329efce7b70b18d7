"""What the council does: publish feedback, or refuse it for one of a few reasons. That it is bad is none of them."""

from uuid import UUID

from sqlalchemy import Select

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import Conflict
from marketplace.core.outbox import publish
from marketplace.quality.events import FeedbackDecided
from marketplace.quality.models import Feedback
from marketplace.quality.repository.feedback import FeedbackView
from marketplace.quality.schemas import RefusalForm, ReplyForm
from marketplace.quality.service.steps import FeedbackSteps, event_ids
from marketplace.quality.states import FeedbackStatus


class FeedbackCheckService(FeedbackSteps):
    """The council's side: its own feedback alone."""

    def own(self, principal: Principal, status: FeedbackStatus | None = None) -> Select[Feedback]:
        """Start a question about the council's feedback. What was taken back is its writer's own business."""
        principal.require(Permission.FEEDBACK_CHECK)
        question = self.feedback.of(principal.council_id).where(Feedback.status != FeedbackStatus.WITHDRAWN)
        return question if status is None else question.where(Feedback.status == status)

    async def publish(self, principal: Principal, feedback_id: UUID, version: int) -> Feedback:
        """Put it on the listing's page.

        Raises:
            NotFound: Another council's, or taken back.
            FeedbackChanged: It is not what the page showed.
            StepRefused: It is published.
        """
        view = await self._locked(principal, feedback_id, version)
        feedback = view.feedback
        self._decide(principal, feedback, "")
        await self._move(principal, feedback, FeedbackStatus.PUBLISHED, "quality.publish_feedback", view.booking)
        publish(self.db, FeedbackDecided(**event_ids(feedback), status=feedback.status.value))
        return feedback

    async def refuse(self, principal: Principal, feedback_id: UUID, form: RefusalForm) -> Feedback:
        """Keep it off the page, or take it off; the writer reads why and may write anew.

        Raises:
            NotFound: Another council's, or taken back.
            FeedbackChanged: It is not what the page showed.
            StepRefused: It is refused.
        """
        feedback = (await self._locked(principal, feedback_id, form.version)).feedback
        self._decide(principal, feedback, form.reason)
        await self._move(principal, feedback, FeedbackStatus.REFUSED, "quality.refuse_feedback", why=form.reason)
        publish(self.db, FeedbackDecided(**event_ids(feedback), status=feedback.status.value))
        return feedback

    async def remove_reply(self, principal: Principal, feedback_id: UUID, form: ReplyForm) -> Feedback:
        """Take a provider's reply off the page, such as one that names the person. They may reply anew.

        Raises:
            NotFound: Another council's, or taken back.
            FeedbackChanged: It is not what the page showed.
            Conflict: There is no reply.
        """
        feedback = (await self._locked(principal, feedback_id, form.version)).feedback
        if not feedback.reply:
            raise Conflict("There is no reply.")
        feedback.reply, feedback.replied_at, feedback.replied_by_user_id = "", None, None
        self._audit(principal, feedback, "quality.remove_reply", why=form.reply)
        await self.public.reply(feedback.id, "", None)
        return feedback

    async def _locked(self, principal: Principal, feedback_id: UUID, version: int) -> FeedbackView:
        question = self.own(principal).where(Feedback.id == feedback_id)
        feedback = await self.feedback.one(question, locked=True)
        self._need_version(feedback, version)
        view = await self.feedback.view(question)
        assert view is not None  # noqa: S101 - it is locked, and nothing it leans on is ever deleted
        return view

    def _decide(self, principal: Principal, feedback: Feedback, reason: str) -> None:
        feedback.reason = reason
        feedback.decided_by_user_id = principal.user_id
        feedback.decided_at = self.clock.now()
