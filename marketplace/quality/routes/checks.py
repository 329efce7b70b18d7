"""Pages where a council looks at feedback before others read it."""

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
from marketplace.quality.schemas import REFUSAL_LABELS, RefusalForm, ReplyForm, version_of
from marketplace.quality.service import FeedbackCheckService
from marketplace.quality.states import FeedbackStatus

BASE: Final = "/feedback-checks"
VIEWS: Final = {
    "published": FeedbackStatus.PUBLISHED,
    "refused": FeedbackStatus.REFUSED,
}
"""Lists beside the one that waits, by the `view` of their address."""


class FeedbackCheckController(Controller):
    """Feedback of the own council."""

    path = BASE

    @get("/", permission=Permission.FEEDBACK_CHECK)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what waits, oldest first and whatever its stars; or what was decided, newest first."""
        service = FeedbackCheckService(db)
        status = VIEWS.get(view or "", FeedbackStatus.WAITING)
        question = service.own(principal, status)
        is_waiting = status is FeedbackStatus.WAITING
        cursor = await cursor_of(service, question, after)
        rows = await service.feedback.page(question, cursor, oldest_first=is_waiting)
        context = {
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1].feedback.id if len(rows) > PAGE else None,
            "view": status.value,
        }
        return Template("quality/checks.html", context=context)

    @get("/{feedback_id:str}", permission=Permission.FEEDBACK_CHECK)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], feedback_id: FromPath[str]
    ) -> Template:
        """Show one and ask for the decision."""
        return await _page(db, principal, feedback_id, {}, {})

    @post("/{feedback_id:str}/publish", permission=Permission.FEEDBACK_CHECK)
    async def publish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        feedback_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Publish it."""
        wanted = id_of(feedback_id)
        try:
            version = version_of(data)
        except InvalidInput as error:
            return await _page(db, principal, feedback_id, typed(data), error.fields)

        async def act() -> str:
            await FeedbackCheckService(db).publish(principal, wanted, version)
            flash(request, "It is published. Search shows it within a minute")
            return BASE

        return await submit(request, db, principal.actor, data, act)

    @post("/{feedback_id:str}/refuse", permission=Permission.FEEDBACK_CHECK)
    async def refuse(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        feedback_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Refuse it for one of the reasons there are."""
        wanted = id_of(feedback_id)
        try:
            form = RefusalForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, feedback_id, typed(data), error.fields)

        async def act() -> str:
            await FeedbackCheckService(db).refuse(principal, wanted, form)
            flash(request, "It is not published. We tell the writer why")
            return BASE

        return await submit(request, db, principal.actor, data, act)

    @post("/{feedback_id:str}/remove-reply", permission=Permission.FEEDBACK_CHECK)
    async def remove_reply(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        feedback_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the provider's reply off the page."""
        wanted = id_of(feedback_id)
        try:
            form = ReplyForm.read(data, "why the reply must go")
        except InvalidInput as error:
            return await _page(db, principal, feedback_id, typed(data), error.fields)

        async def act() -> str:
            await FeedbackCheckService(db).remove_reply(principal, wanted, form)
            flash(request, "The reply is off the page")
            return f"{BASE}/{wanted}"

        return await submit(request, db, principal.actor, data, act)


async def _page(
    db: AsyncSession, principal: Principal, feedback_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    service = FeedbackCheckService(db)
    view = await service.feedback.view(service.own(principal).where(Feedback.id == id_of(feedback_id)))
    if view is None:
        raise NotFound
    context = {
        "view": view,
        "stars": STAR_WORDS[view.feedback.stars],
        "reasons": [(reason.value, words) for reason, words in REFUSAL_LABELS.items()],
        "values": values,
        "errors": errors,
    }
    return Template("quality/check_one.html", context=context, status_code=422 if errors else 200)
