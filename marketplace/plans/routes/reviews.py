"""Reviews: the list, the month, booking a day and recording what was found."""

import re
from calendar import monthcalendar
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date, uk_datetime
from marketplace.core.web import FormData
from marketplace.plans import policies
from marketplace.plans.dates import add_months, is_overdue, warning_on
from marketplace.plans.repository import ReviewLine, ReviewRepository
from marketplace.plans.repository.reviews import ReviewShow
from marketplace.plans.routes.common import PAGE, attempt, id_of, key_of, typed
from marketplace.plans.schemas import BookForm, HoldForm
from marketplace.plans.service import ReviewService
from marketplace.plans.states import ReviewStatus
from marketplace.plans.words import REVIEW_LABELS, review_state

LISTS: dict[ReviewShow, str] = {
    ReviewShow.OPEN: "All open reviews",
    ReviewShow.SOON: "Due soon",
    ReviewShow.OVERDUE: "Overdue",
    ReviewShow.BOOKED: "Booked",
    ReviewShow.HELD: "Held",
}
STEPS = {
    ReviewStatus.DUE.value: "Review set",
    ReviewStatus.BOOKED.value: "Date booked",
    ReviewStatus.HELD.value: "Review held",
    ReviewStatus.CANCELLED.value: "Review cancelled",
}
MOST_IN_MONTH = 500
"""Reviews shown in a month's calendar."""

_MONTH = re.compile(r"^(20\d\d)-(0[1-9]|1[0-2])$")


class ReviewController(Controller):
    """Reviews of plans."""

    @get("/reviews", permission=Permission.REVIEWS_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List reviews by the day they are due: a planner's own, or those of a council."""
        scope = policies.reviews_scope(principal)
        if show is not None and show not in {item.value for item in ReviewShow}:
            raise BadRequest
        shown, day = ReviewShow(show or ReviewShow.OPEN), today(clock_of(db))
        reviews = ReviewRepository(db)
        lines = await reviews.lines(scope, shown, day, after=key_of(after), limit=PAGE + 1)
        last = lines[PAGE - 1].review if len(lines) > PAGE else None
        counts = await reviews.counts(scope, day)
        context = {
            "lines": [(line, *review_state(line.review, day)) for line in lines[:PAGE]],
            "labels": REVIEW_LABELS,
            "shown": shown.value,
            "shown_title": LISTS[shown],
            "lists": [(item.value, title, counts[item]) for item, title in LISTS.items()],
            "is_planner": scope.worker_id is not None,
            "first_href": f"/reviews?show={shown.value}" if after else "",
            "next_href": f"/reviews?show={shown.value}&after={last.due_on}_{last.id}" if last else "",
        }
        return Template("plans/reviews.html", context=context)

    @get("/reviews/calendar", permission=Permission.REVIEWS_READ)
    async def calendar(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: FromQuery[str | None] = None,
    ) -> Template:
        """Show a month: each review on the day it is booked for, or else due, and the same as a list."""
        scope, day = policies.reviews_scope(principal), today(clock_of(db))
        first = day.replace(day=1)
        if month:
            found = _MONTH.match(month)
            if found is None:
                raise BadRequest
            first = date(int(found.group(1)), int(found.group(2)), 1)
        lines = await ReviewRepository(db).of_month(scope, first, add_months(first, 1), MOST_IN_MONTH)
        by_day: dict[int, list[ReviewLine]] = {}
        for line in lines:
            by_day.setdefault((line.review.booked_on or line.review.due_on).day, []).append(line)
        context = {
            "first": first,
            "weeks": [
                [(number, by_day.get(number, [])) for number in week] for week in monthcalendar(first.year, first.month)
            ],
            "lines": [(line, *review_state(line.review, day)) for line in lines],
            "labels": REVIEW_LABELS,
            "is_cut": len(lines) == MOST_IN_MONTH,
            "today": day,
            "previous": f"{add_months(first, -1):%Y-%m}" if first.year > 2000 else "",
            "next": f"{add_months(first, 1):%Y-%m}" if first.year < 2099 else "",
        }
        return Template("plans/calendar.html", context=context)

    @get("/reviews/{review_id:str}", permission=Permission.REVIEWS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], review_id: FromPath[str]
    ) -> Template:
        """Show one review with what its facilitator can do now."""
        return await _page(db, principal, id_of(review_id), {}, {})

    @post("/reviews/{review_id:str}/book", permission=Permission.PLANS_WRITE)
    async def book(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Book a day."""
        wanted = id_of(review_id)

        async def book() -> str:
            form = BookForm.read(data)
            await ReviewService(db).book(principal, wanted, form)
            flash(request, f"Review booked for {uk_date(form.booked_on)}")
            return f"/reviews/{wanted}"

        try:
            return await attempt(request, db, principal, data, book)
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)

    @post("/reviews/{review_id:str}/hold", permission=Permission.PLANS_WRITE)
    async def hold(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        review_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record what the review found."""
        wanted = id_of(review_id)

        async def hold() -> str:
            await ReviewService(db).hold(principal, wanted, HoldForm.read(data))
            flash(request, "Review recorded")
            return f"/reviews/{wanted}"

        try:
            return await attempt(request, db, principal, data, hold)
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)


async def _page(
    db: AsyncSession, principal: Principal, review_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    reviews, day = ReviewRepository(db), today(clock_of(db))
    line = await reviews.detail(policies.reviews_scope(principal), review_id)
    review = line.review
    warned_from = warning_on(review, await ReviewService(db).warning_day(review.council_id))
    steps = await reviews.timeline(review_id)
    names = await AccountRepository(db).names({step.by_user_id for step in steps if step.by_user_id})
    context = {
        "line": line,
        "review": review,
        "name": REVIEW_LABELS[review.kind],
        "state": review_state(review, day),
        "is_overdue": is_overdue(review, day),
        "is_open": review.status in (ReviewStatus.DUE, ReviewStatus.BOOKED),
        "may_facilitate": policies.may_facilitate(principal, review),
        "warned_from": warned_from,
        "is_late": warned_from is not None and review.booked_on is not None and review.booked_on > warned_from,
        "is_booked_outside": review.booked_on is not None
        and not review.window_starts_on <= review.booked_on <= review.window_ends_on,
        "values": {
            **_day_fields("held_on", review.booked_on if review.booked_on and review.booked_on <= day else None),
            **values,
        },
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


def _day_fields(name: str, day: date | None) -> dict[str, str]:
    return {f"{name}-{part}": str(getattr(day, part)) for part in ("day", "month", "year")} if day else {}
