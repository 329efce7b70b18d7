"""Pages where people say how a visit was, see it before it is sent, and take it back."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.repository.feedback import STAR_WORDS
from marketplace.quality.models import Feedback
from marketplace.quality.repository.feedback import PAGE, FeedbackView
from marketplace.quality.schemas import RELATIVE, FeedbackForm, Signing
from marketplace.quality.service import FeedbackService
from marketplace.quality.service.giving import is_representative, signed
from marketplace.quality.states import FeedbackStatus


class FeedbackController(Controller):
    """The person's own feedback, or that of the person acted for. `/feedback` itself is about this site."""

    path = "/feedback"

    @get("/mine", permission=Permission.FEEDBACK_GIVE)
    async def mine(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what was said, and visits about which something may be said."""
        service = FeedbackService(db)
        own = service.of_person(principal)
        cursor = await cursor_of(service, own, after)
        rows = await service.feedback.page(own, cursor, oldest_first=False)
        context = {
            "rows": rows[:PAGE],
            "more": rows[PAGE - 1].feedback.id if len(rows) > PAGE else None,
            "visits": [] if cursor else await service.unrated(principal),
            "star_words": STAR_WORDS,
        }
        return Template("quality/mine.html", context=context)

    @get("/new", permission=Permission.FEEDBACK_GIVE)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        booking: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show the form; what was said before leads there instead, unless it was refused."""
        wanted = id_of(booking or "")
        earlier = await FeedbackService(db).said(principal, wanted)
        if earlier is None:
            return await _form(db, principal, wanted, {}, {})
        if earlier.status is not FeedbackStatus.REFUSED:
            return Redirect(f"/feedback/{earlier.id}", status_code=303)
        values = {"stars": str(earlier.stars), "words": earlier.words}
        return await _form(db, principal, wanted, values, {}, reason=earlier.reason)

    @post("/new", permission=Permission.FEEDBACK_GIVE)
    async def give(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show it as others will see it; send it from there."""
        wanted = id_of(str(data.get("booking", "")))
        try:
            form = FeedbackForm.read(data, is_representative=is_representative(principal))
        except InvalidInput as error:
            return await _form(db, principal, wanted, typed(data), error.fields)
        if data.get("action") == "change":
            return await _form(db, principal, wanted, typed(data), {})
        if data.get("action") != "send":
            return await _check(db, principal, form)

        async def act() -> str:
            feedback = await FeedbackService(db).give(principal, form)
            is_public = feedback.status is FeedbackStatus.PUBLISHED
            flash(
                request,
                "Thank you. Others can now read it" if is_public else "Thank you. Your council looks at it first",
            )
            return f"/feedback/{feedback.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{feedback_id:str}", permission=Permission.FEEDBACK_GIVE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], feedback_id: FromPath[str]
    ) -> Template:
        """Show what was said and what became of it."""
        view = await _view(db, principal, id_of(feedback_id))
        return Template("quality/show.html", context={"view": view, "star_words": STAR_WORDS})

    @post("/{feedback_id:str}/withdraw", permission=Permission.FEEDBACK_GIVE)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        feedback_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take it back."""
        wanted = id_of(feedback_id)

        async def act() -> str:
            await FeedbackService(db).withdraw(principal, wanted)
            flash(request, "You took it back. Nobody can read it any more")
            return f"/feedback/{wanted}"

        return await submit(request, db, principal.actor, data, act)


def id_of(text: str) -> UUID:
    """Read an id of an address or a hidden field.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def cursor_of(service: Any, question: Any, text: str | None) -> Feedback | None:
    """Return the row that a list goes on from; an unknown one starts the list again."""
    row_id = parse_id(text or "")
    found: Feedback | None = await service.feedback.maybe(question.where(Feedback.id == row_id)) if row_id else None
    return found


def _signings(principal: Principal) -> list[tuple[str, str]]:
    first = signed(principal, Signing.FIRST_NAME)
    options = [(Signing.FIRST_NAME.value, f"My first name: {first}")] if first else []
    if is_representative(principal):
        options.append((Signing.RELATIVE.value, RELATIVE))
    return [*options, (Signing.NOBODY.value, "No name: “A person who had this support”")]


async def _form(
    db: AsyncSession,
    principal: Principal,
    booking_id: UUID,
    values: FormData,
    errors: dict[str, str],
    *,
    reason: str = "",
) -> Template:
    context = {
        "visit": await FeedbackService(db).visit(principal, booking_id),
        "stars": [(str(stars), words) for stars, words in STAR_WORDS.items()],
        "signings": _signings(principal),
        "reason": reason,
        "values": values,
        "errors": errors,
    }
    return Template("quality/new.html", context=context, status_code=422 if errors else 200)


async def _check(db: AsyncSession, principal: Principal, form: FeedbackForm) -> Template:
    context = {
        "visit": await FeedbackService(db).visit(principal, form.booking_id),
        "form": form,
        "stars": STAR_WORDS[form.stars],
        "signed": signed(principal, form.signing),
    }
    return Template("quality/check.html", context=context)


async def _view(db: AsyncSession, principal: Principal, feedback_id: UUID) -> FeedbackView:
    service = FeedbackService(db)
    view = await service.feedback.view(service.of_person(principal).where(Feedback.id == feedback_id))
    if view is None:
        raise NotFound
    return view
