"""A person's own reviews: who comes, what they want to say, and their signature."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.plans.calendar_file import Meeting
from marketplace.plans.dates import OPEN
from marketplace.plans.models import AskedBy, NoteKind, ReviewKind
from marketplace.plans.repository import ReviewLine, ReviewRepository
from marketplace.plans.review_forms import AskForm, InviteForm, NoteForm, SignForm
from marketplace.plans.routes.common import attempt, cost_change, id_of, typed
from marketplace.plans.routes.reviews import as_file
from marketplace.plans.schemas import ReasonForm
from marketplace.plans.service import MyReviewService, ReviewService
from marketplace.plans.states import SHOWN_TO_PERSON, ReviewStatus
from marketplace.plans.words import NOTE_LABELS, OUTCOME_LABELS, PROGRESS_LABELS

NAMES = {
    ReviewKind.WELFARE_CHECK: "First look at my plan",
    ReviewKind.ANNUAL: "Yearly review",
    ReviewKind.DIRECT_PAYMENT: "Review of my direct payment",
    ReviewKind.UNSCHEDULED: "Review that I or others asked for",
}

ASKED_WORDS = {
    AskedBy.FAMILY: "your family or who acts for you",
    AskedBy.PROVIDER: "somebody who supports you",
    AskedBy.COUNCIL: "the council",
    AskedBy.PLANNER: "your planner",
}

Verb = Callable[[], Awaitable[str]]


class MyReviewController(Controller):
    """Reviews, for the person or somebody who acts for them."""

    @get("/my-reviews", permission=Permission.PLANS_AGREE)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what comes, what waits for a signature, and what was."""
        return await _list_page(db, principal, {}, {})

    @post("/my-reviews/ask", permission=Permission.PLANS_AGREE)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask for a review out of turn."""
        if await ReviewRepository(db).plan_in_place(principal.council_id, principal.need_person()) is None:
            raise NotFound

        async def ask() -> str:
            form = AskForm.read(data, AskedBy.PERSON)
            review_id = await MyReviewService(db).ask(principal, form)
            flash(request, "Thank you. We tell you the day of your review within two weeks")
            return f"/my-reviews/{review_id}"

        try:
            return await attempt(request, db, principal, data, ask)
        except InvalidInput as error:
            return await _list_page(db, principal, typed(data), error.fields)

    @get("/my-reviews/{review_id:str}", permission=Permission.PLANS_AGREE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], review_id: FromPath[str]
    ) -> Template:
        """Show one review."""
        return await _page(db, principal, id_of(review_id), {}, {})

    @get("/my-reviews/{review_id:str}/review.ics", permission=Permission.PLANS_AGREE)
    async def calendar_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], review_id: FromPath[str]
    ) -> Response[bytes]:
        """Give the booked day as a calendar file."""
        review = await ReviewRepository(db).own(principal.council_id, principal.need_person(), id_of(review_id))
        if review.booked_on is None:
            raise NotFound
        return as_file([Meeting(review, NAMES[review.kind])], clock_of(db).now())

    @post("/my-reviews/{review_id:str}/invite", permission=Permission.PLANS_AGREE)
    async def invite(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add somebody who should come."""

        async def invite() -> str:
            form = InviteForm.read(data)
            await MyReviewService(db).invite(principal, id_of(review_id), form)
            return f"{form.name} is on your list"

        return await _do(request, db, principal, review_id, data, invite)

    @post("/my-reviews/{review_id:str}/invite/{invite_id:str}/remove", permission=Permission.PLANS_AGREE)
    async def uninvite(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        invite_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take somebody off the list."""

        async def uninvite() -> str:
            await MyReviewService(db).uninvite(principal, id_of(review_id), id_of(invite_id))
            return "Taken off your list"

        return await _do(request, db, principal, review_id, data, uninvite)

    @post("/my-reviews/{review_id:str}/notes", permission=Permission.PLANS_AGREE)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a line to one of the lists."""

        async def write() -> str:
            await MyReviewService(db).write(principal, id_of(review_id), NoteForm.read(data))
            return "Added"

        return await _do(request, db, principal, review_id, data, write)

    @post("/my-reviews/{review_id:str}/notes/{note_id:str}/remove", permission=Permission.PLANS_AGREE)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        note_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take a line back."""

        async def take_back() -> str:
            await MyReviewService(db).take_back(principal, id_of(review_id), id_of(note_id))
            return "Taken back"

        return await _do(request, db, principal, review_id, data, take_back)

    @post("/my-reviews/{review_id:str}/send", permission=Permission.PLANS_AGREE)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send what was written ahead of the meeting."""

        async def send() -> str:
            await MyReviewService(db).send(principal, id_of(review_id))
            return "Sent. The person you meet can read it now"

        return await _do(request, db, principal, review_id, data, send)

    @post("/my-reviews/{review_id:str}/sign", permission=Permission.PLANS_AGREE)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the person's signature."""

        async def sign() -> str:
            await ReviewService(db).sign_own(principal, id_of(review_id), SignForm.read(data).expected)
            return "Thank you. You have signed your review"

        return await _do(request, db, principal, review_id, data, sign)

    @post("/my-reviews/{review_id:str}/question", permission=Permission.PLANS_AGREE)
    async def question(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take what is not right about the record."""

        async def question() -> str:
            form = ReasonForm.read(data, "wrong", "what is not right")
            await ReviewService(db).question(principal, id_of(review_id), form.why, form.expected)
            return "Thank you. We put it right, and ask you to read it again"

        return await _do(request, db, principal, review_id, data, question)


async def _do(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, review_id: str, data: FormData, verb: Verb
) -> Redirect | Template:
    """Do something with one's own review and say so; or show its page again with what is wrong."""
    wanted = id_of(review_id)
    await ReviewRepository(db).own(principal.council_id, principal.need_person(), wanted)

    async def act() -> str:
        flash(request, await verb())
        return f"/my-reviews/{wanted}"

    try:
        return await attempt(request, db, principal, data, act)
    except InvalidInput as error:
        return await _page(db, principal, wanted, typed(data), error.fields)


async def _list_page(
    db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    reviews, person_id = ReviewRepository(db), principal.need_person()
    lines = await reviews.of_person(principal.council_id, person_id)
    coming = [line for line in lines if line.review.status in OPEN]
    context = {
        "names": NAMES,
        "waiting": [line for line in lines if line.review.status is ReviewStatus.HELD],
        "coming": coming[::-1],
        "past": [line for line in lines if line.review.status is ReviewStatus.SIGNED],
        "may_ask": await reviews.plan_in_place(principal.council_id, person_id) is not None
        and all(line.review.kind is not ReviewKind.UNSCHEDULED for line in coming),
        "values": values,
        "errors": errors,
    }
    return Template("plans/my_reviews.html", context=context, status_code=422 if errors else 200)


async def _page(
    db: AsyncSession, principal: Principal, review_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    reviews = ReviewRepository(db)
    line: ReviewLine = await reviews.of_person_one(principal.council_id, principal.need_person(), review_id)
    review = line.review
    notes = await reviews.notes(review_id)
    context = {
        "line": line,
        "review": review,
        "name": NAMES[review.kind],
        "is_open": review.status in OPEN,
        "is_over": review.window_ends_on < today(clock_of(db)),
        "is_held": review.status is ReviewStatus.HELD,
        "is_signed": review.status is ReviewStatus.SIGNED,
        "is_cancelled": review.status is ReviewStatus.CANCELLED,
        "invites": await reviews.invites(review_id),
        "lists": [(label, [row for row in notes if row.kind is kind]) for kind, label in NOTE_LABELS.items()],
        "has_notes": bool(notes),
        "note_kinds": [(kind.value, NOTE_LABELS[kind]) for kind in NoteKind],
        "own_id": principal.user_id,
        "results": [
            (row.outcome, PROGRESS_LABELS[row.progress], row.words) for row in await reviews.results(review_id)
        ],
        "asked_by": ASKED_WORDS.get(review.asked_by, "") if review.asked_by else "",
        "cost_change": await cost_change(db, review.plan_id, review.changes_from is not None, SHOWN_TO_PERSON),
        "outcome": OUTCOME_LABELS[review.outcome] if review.outcome else "",
        "values": values,
        "errors": errors,
    }
    return Template("plans/my_review.html", context=context, status_code=422 if errors else 200)
