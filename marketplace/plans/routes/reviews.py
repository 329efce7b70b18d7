"""Reviews: the list and the month."""

import re
from calendar import monthcalendar
from datetime import date, datetime

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, NotFound
from marketplace.plans import policies
from marketplace.plans.calendar_file import Meeting, calendar_file
from marketplace.plans.dates import add_months
from marketplace.plans.repository import ReviewLine, ReviewRepository
from marketplace.plans.repository.reviews import ReviewShow
from marketplace.plans.routes.common import PAGE, id_of, key_of
from marketplace.plans.words import REVIEW_LABELS, review_state

LISTS: dict[ReviewShow, str] = {
    ReviewShow.OPEN: "All open reviews",
    ReviewShow.SOON: "Due soon",
    ReviewShow.OVERDUE: "Overdue",
    ReviewShow.BOOKED: "Booked",
    ReviewShow.HELD: "Waiting to be signed",
    ReviewShow.SIGNED: "Signed",
    ReviewShow.MINE: "Held by me",
    ReviewShow.NOBODY: "Nobody holds it yet",
}
OF_COUNCIL = (ReviewShow.MINE, ReviewShow.NOBODY)
"""Lists that say nothing to a planner, who sees their own alone."""
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
            "lists": [
                (item.value, title, counts[item])
                for item, title in LISTS.items()
                if item not in OF_COUNCIL or scope.worker_id is None
            ],
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

    @get("/reviews/calendar.ics", permission=Permission.REVIEWS_READ)
    async def calendar_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Response[bytes]:
        """Give the booked reviews to come as a calendar file."""
        scope, clock = policies.reviews_scope(principal), clock_of(db)
        lines = await ReviewRepository(db).lines(
            scope, ReviewShow.BOOKED, today(clock), after=None, limit=MOST_IN_MONTH
        )
        return as_file([Meeting(line.review, f"Review {line.reference}") for line in lines], clock.now())

    @get("/reviews/{review_id:str}/review.ics", permission=Permission.REVIEWS_READ)
    async def review_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], review_id: FromPath[str]
    ) -> Response[bytes]:
        """Give one booked review as a calendar file."""
        line = await ReviewRepository(db).detail(policies.reviews_scope(principal), id_of(review_id))
        if line.review.booked_on is None:
            raise NotFound
        return as_file([Meeting(line.review, f"Review {line.reference}")], clock_of(db).now())


def as_file(meetings: list[Meeting], made_at: datetime) -> Response[bytes]:
    """Answer with a calendar file."""
    headers = {"Content-Disposition": 'attachment; filename="reviews.ics"', "Cache-Control": "private, no-store"}
    return Response(calendar_file(meetings, made_at), media_type="text/calendar; charset=utf-8", headers=headers)
