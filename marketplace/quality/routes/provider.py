"""Pages where providers read what people say of them, and reply."""

from typing import Any, Final

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.repository.feedback import STAR_WORDS
from marketplace.quality.models import Feedback
from marketplace.quality.repository.feedback import PAGE
from marketplace.quality.routes.person import cursor_of, id_of
from marketplace.quality.schemas import ReplyForm
from marketplace.quality.service import REPLY_WITHIN, FeedbackReplyService

BASE: Final = "/provider/feedback"


class ProviderFeedbackController(Controller):
    """Published feedback on the organisation, or on the personal assistant alone."""

    path = BASE

    @get("/", permission=Permission.FEEDBACK_REPLY)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List it, newest first."""
        service = FeedbackReplyService(db)
        ours = service.of_provider(principal)
        rows = await service.feedback.page(ours, await cursor_of(service, ours, after), oldest_first=False)
        context = {
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1].feedback.id if len(rows) > PAGE else None,
            "star_words": STAR_WORDS,
        }
        return Template("quality/provider_index.html", context=context)

    @get("/{feedback_id:str}", permission=Permission.FEEDBACK_REPLY)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], feedback_id: FromPath[str]
    ) -> Template:
        """Show one, with the reply or the form for it."""
        return await _page(db, principal, feedback_id, None, {})

    @post("/{feedback_id:str}/reply", permission=Permission.FEEDBACK_REPLY)
    async def reply(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        feedback_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Reply, or change the reply."""
        wanted = id_of(feedback_id)
        try:
            form = ReplyForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, feedback_id, typed(data), error.fields)

        async def act() -> str:
            await FeedbackReplyService(db).reply(principal, wanted, form)
            flash(request, "Your reply stands with the feedback")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)


async def _page(
    db: AsyncSession, principal: Principal, feedback_id: str, values: FormData | None, errors: dict[str, str]
) -> Template:
    service = FeedbackReplyService(db)
    view = await service.feedback.view(service.of_provider(principal).where(Feedback.id == id_of(feedback_id)))
    if view is None:
        raise NotFound
    feedback = view.feedback
    context = {
        "view": view,
        "stars": STAR_WORDS[feedback.stars],
        "may_reply": service.may_reply(feedback),
        "until": feedback.replied_at + REPLY_WITHIN if feedback.replied_at else None,
        "values": {"reply": feedback.reply} if values is None else values,
        "errors": errors,
    }
    return Template("quality/provider_show.html", context=context, status_code=422 if errors else 200)
