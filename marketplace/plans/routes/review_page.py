"""One review as staff see it, and what they do with it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.permissions import ROLE_LABELS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date, uk_datetime
from marketplace.core.web import FormData
from marketplace.people import note_view
from marketplace.plans import policies
from marketplace.plans.dates import is_overdue, warning_on
from marketplace.plans.models import AskedBy, NoteKind, Progress, Review, ReviewNote, ReviewOutcome
from marketplace.plans.repository import PlanRepository, ReviewLine, ReviewRepository
from marketplace.plans.repository.review_holders import HolderRepository
from marketplace.plans.review_forms import AskForm, BookForm, HandOnForm, HoldForm, NoteForm, SignForm
from marketplace.plans.routes.common import attempt, cost_change, id_of, typed
from marketplace.plans.schemas import ReasonForm
from marketplace.plans.service import ReviewDeskService, ReviewService
from marketplace.plans.states import ReviewStatus
from marketplace.plans.words import (
    ASKED_BY_LABELS,
    NOTE_LABELS,
    OUTCOME_LABELS,
    PROGRESS_LABELS,
    REVIEW_LABELS,
    review_state,
)

STEPS = {
    ReviewStatus.DUE.value: "Review set",
    ReviewStatus.BOOKED.value: "Date booked",
    ReviewStatus.HELD.value: "Review held",
    ReviewStatus.SIGNED.value: "Signed by both sides",
    ReviewStatus.CANCELLED.value: "Review cancelled",
}
NOBODY = "nobody"

Verb = Callable[[ReviewLine], Awaitable[str]]


class ReviewPageController(Controller):
    """One review."""

    @get("/reviews/{review_id:str}", permission=Permission.REVIEWS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], review_id: FromPath[str]
    ) -> Template:
        """Show one review with what its facilitator can do now."""
        return await _page(db, principal, id_of(review_id), {}, {})

    @post("/reviews/{review_id:str}/book", permission=Permission.REVIEWS_READ)
    async def book(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Book a day."""

        async def book(line: ReviewLine) -> str:
            form = BookForm.read(data)
            await ReviewService(db).book(principal, line.review.id, form)
            return f"Review booked for {uk_date(form.booked_on)}"

        return await _do(request, db, principal, review_id, data, book, as_facilitator=True)

    @post("/reviews/{review_id:str}/hold", permission=Permission.REVIEWS_READ)
    async def hold(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record what the review found, or put the record right."""

        async def hold(line: ReviewLine) -> str:
            reviews = ReviewRepository(db)
            outcomes = await reviews.outcomes(line.review.plan_id)
            invited = {row.id: row.name for row in await reviews.invites(line.review.id)}
            await ReviewService(db).hold(principal, line.review.id, HoldForm.read(data, outcomes, invited))
            return "Review recorded. Both sides sign it now"

        return await _do(request, db, principal, review_id, data, hold, as_facilitator=True)

    @post("/reviews/{review_id:str}/sign", permission=Permission.REVIEWS_READ)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Sign for the council."""

        async def sign(line: ReviewLine) -> str:
            await ReviewService(db).sign(principal, line.review.id, SignForm.read(data).expected)
            return "You have signed the review"

        return await _do(request, db, principal, review_id, data, sign)

    @post("/reviews/{review_id:str}/sign-for-person", permission=Permission.REVIEWS_HOLD)
    async def sign_for_person(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record a signature on paper, or why there can be none."""

        async def sign(line: ReviewLine) -> str:
            form = ReasonForm.read(data, "paper", "how the person signed, or why nobody can")
            await ReviewService(db).sign_for_person(principal, line.review.id, form.why, form.expected)
            return "The person’s signature is recorded"

        return await _do(request, db, principal, review_id, data, sign)

    @post("/reviews/{review_id:str}/notes", permission=Permission.REVIEWS_READ)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a line that somebody said."""

        async def write(line: ReviewLine) -> str:
            await ReviewDeskService(db).write(principal, line.review.id, NoteForm.read(data))
            return "Added"

        return await _do(request, db, principal, review_id, data, write, as_facilitator=True)

    @post("/reviews/{review_id:str}/hand-on", permission=Permission.REVIEWS_HOLD)
    async def hand_on(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Give the review to somebody else."""

        async def hand_on(line: ReviewLine) -> str:
            form = HandOnForm.read(data, await _choices(db, line.review))
            await ReviewDeskService(db).hand_on(principal, line.review.id, form)
            return "The review has been handed on"

        return await _do(request, db, principal, review_id, data, hand_on)

    @get("/plans/{plan_id:str}/ask-review", permission=Permission.REVIEWS_READ)
    async def show_ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Ask why a review is needed now."""
        return await _ask_page(db, principal, id_of(plan_id), {}, {})

    @post("/plans/{plan_id:str}/ask-review", permission=Permission.REVIEWS_READ)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a review that somebody asked for."""
        wanted = id_of(plan_id)

        async def ask() -> str:
            await PlanRepository(db).detail(policies.plans_scope(principal), wanted)
            review_id = await ReviewDeskService(db).ask(principal, wanted, AskForm.read(data))
            flash(request, "Review added. Book a date for it")
            return f"/reviews/{review_id}"

        try:
            return await attempt(request, db, principal, data, ask)
        except InvalidInput as error:
            return await _ask_page(db, principal, wanted, typed(data), error.fields)


async def _do(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    review_id: str,
    data: FormData,
    verb: Verb,
    *,
    as_facilitator: bool = False,
) -> Redirect | Template:
    """Do something with a review that the reader reaches, and say so; or show the page again with what is wrong."""
    wanted = id_of(review_id)
    line = await ReviewRepository(db).detail(policies.reviews_scope(principal), wanted)
    if not principal.may(Permission.PLANS_WRITE):
        principal.require(Permission.REVIEWS_HOLD)
    if as_facilitator:
        policies.need_facilitator(principal, line.review)

    async def act() -> str:
        flash(request, await verb(line))
        return f"/reviews/{wanted}"

    try:
        return await attempt(request, db, principal, data, act)
    except InvalidInput as error:
        return await _page(db, principal, wanted, typed(data), error.fields)


async def _choices(db: AsyncSession, review: Review) -> dict[str, str]:
    found = await HolderRepository(db).may_hold(review.council_id, today(clock_of(db)))
    return {choice.value: f"{choice.name}, {ROLE_LABELS[choice.role].lower()}" for choice in found} | {
        NOBODY: "Nobody yet"
    }


async def _ask_page(
    db: AsyncSession, principal: Principal, plan_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    detail = await PlanRepository(db).detail(policies.plans_scope(principal), plan_id)
    context = {
        "plan": detail.plan,
        "person": detail.person,
        "asked_by": [(kind.value, ASKED_BY_LABELS[kind]) for kind in AskedBy],
        "values": values,
        "errors": errors,
    }
    return Template("plans/ask_review.html", context=context, status_code=422 if errors else 200)


async def _page(
    db: AsyncSession, principal: Principal, review_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    reviews, day = ReviewRepository(db), today(clock_of(db))
    line = await reviews.detail(policies.reviews_scope(principal), review_id)
    review = line.review
    await note_view(db, principal, review.person_id, "review")
    warned_from = warning_on(review, await ReviewService(db).warning_day(review.council_id))
    steps = await reviews.timeline(review_id)
    signers = {key for key in (review.signed_by_user_id, review.person_signed_by_user_id) if key}
    names = await AccountRepository(db).names({key for step in steps if (key := step.by_user_id)} | signers)
    is_facilitator, is_held = policies.is_facilitator(principal, review), review.status is ReviewStatus.HELD
    may_hold, is_open = principal.may(Permission.REVIEWS_HOLD), review.status in (ReviewStatus.DUE, ReviewStatus.BOOKED)
    may_record = is_facilitator and (review.status is ReviewStatus.BOOKED or is_held)
    results, invites = await reviews.results(review_id), await reviews.invites(review_id)
    context = {
        "line": line,
        "review": review,
        "name": REVIEW_LABELS[review.kind],
        "state": review_state(review, day),
        "is_overdue": is_overdue(review, day),
        "is_open": is_open,
        "is_held": is_held,
        "is_done": is_held or review.status is ReviewStatus.SIGNED,
        "may_facilitate": policies.may_facilitate(principal, review),
        "may_record": may_record,
        "may_sign": is_held and review.signed_at is None and (is_facilitator or may_hold),
        "may_sign_for_person": is_held
        and review.person_signed_at is None
        and may_hold
        and not is_facilitator
        and review.signed_by_user_id != principal.user_id,
        "may_hand_on": is_open and may_hold,
        "choices": list((await _choices(db, review)).items()) if is_open and may_hold else [],
        "names": names,
        "asked_by": ASKED_BY_LABELS[review.asked_by] if review.asked_by else "",
        "cost_change": await cost_change(db, review.plan_id, review.changes_from is not None),
        "outcome": OUTCOME_LABELS[review.outcome] if review.outcome else "",
        "outcomes": [(kind.value, OUTCOME_LABELS[kind]) for kind in ReviewOutcome],
        "progress": [(kind.value, PROGRESS_LABELS[kind]) for kind in Progress],
        "progress_labels": PROGRESS_LABELS,
        "goals": await reviews.outcomes(review.plan_id) if may_record else {},
        "results": results,
        "invites": invites,
        "invite_options": [(str(row.id), row.name) for row in invites],
        "notes": by_list(await reviews.notes(review_id), principal, review),
        "note_kinds": [(kind.value, NOTE_LABELS[kind]) for kind in NoteKind],
        "warned_from": warned_from,
        "is_late": warned_from is not None and review.booked_on is not None and review.booked_on > warned_from,
        "is_booked_outside": review.booked_on is not None
        and not review.window_starts_on <= review.booked_on <= review.window_ends_on,
        "values": {**_record(review, results, day), **values},
        "errors": errors,
        "history": [
            {
                "title": STEPS.get(step.to_status, step.to_status),
                "when": uk_datetime(step.at),
                "at": step.at.isoformat(),
                "by": names.get(step.by_user_id, "") if step.by_user_id else "",
                "text": step.why,
            }
            for step in steps
        ],
    }
    return Template("plans/review.html", context=context, status_code=422 if errors else 200)


def by_list(notes: Any, principal: Principal, review: Review) -> list[tuple[str, list[ReviewNote]]]:
    """Return the three lists as staff read them: until the person sends theirs, only what the reader wrote (T14)."""
    shown = [row for row in notes if review.self_review_at is not None or row.by_user_id == principal.user_id]
    return [(label, [row for row in shown if row.kind is kind]) for kind, label in NOTE_LABELS.items()]


def _record(review: Review, results: Any, day: date) -> Mapping[str, Any]:
    """Return what the form of the record holds at first: what stands there, else the booked day."""
    if review.held_on is None:
        return _day_fields("held_on", review.booked_on if review.booked_on and review.booked_on <= day else None)
    found: dict[str, Any] = {
        **_day_fields("held_on", review.held_on),
        **_day_fields("changes_from", review.changes_from),
        "working": review.working,
        "not_working": review.not_working,
        "outcome": review.outcome.value if review.outcome else "",
        "changes": review.changes,
    }
    for row in results:
        found |= {f"progress-{row.position}": row.progress.value, f"words-{row.position}": row.words}
    return found


def _day_fields(name: str, day: date | None) -> dict[str, str]:
    return {f"{name}-{part}": str(getattr(day, part)) for part in ("day", "month", "year")} if day else {}
