"""Calendars of visits, their secret addresses, and visits that need somebody else."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.repository_photos import PhotoRepository
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.planning.calendars import Calendars
from marketplace.bookings.service.planning.feeds import Feeds
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit

FURTHEST_DAYS = 3_660
PRIVATE = {"cache-control": "private, no-store", "x-robots-tag": "noindex", "referrer-policy": "no-referrer"}
MOST_REPLACED = 200


async def _page(
    db: AsyncSession, principal: Principal, path: str, view: str | None, on: str | None, worker: str | None = None
) -> Template:
    first = today(clock_of(db))
    day = parse_day(on or "") or first
    if abs((day - first).days) > FURTHEST_DAYS:
        day = first
    worker_id = parse_id(worker or "")
    page = await Calendars(db).page(principal, "month" if view == "month" else "week", day, worker_id=worker_id)
    people = VisitReader(db)
    workers = (
        await people.workers(principal.organisation_id)
        if principal.organisation_id is not None and principal.worker_id is None
        else []
    )
    is_person = principal.person_id is not None
    shown = [row.booking for one in page.days for row in one.visits] if is_person else []
    context = {
        "faces": await PhotoRepository(db).faces(shown),
        "page": page,
        "path": path,
        "day": day,
        "today": first,
        "is_person": is_person,
        "links_to": "/bookings" if is_person else "/provider/bookings",
        "has_links": is_person or principal.may(Permission.BOOKINGS_ANSWER),
        "has_feeds": is_person or principal.worker_id is not None,
        "workers": workers,
        "worker": str(worker_id) if worker_id else "",
    }
    return Template("bookings/visits/calendar.html", context=context)


class CalendarController(Controller):
    """Calendars; the secret address is public."""

    @get("/calendar", permission=Permission.SIGNED_IN)
    async def own(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        on: FromQuery[str | None] = None,
    ) -> Template:
        """Show the visits of a week or month: a person's, or a worker's own."""
        delivers = principal.worker_id is not None and principal.may(Permission.VISITS_DELIVER)
        if principal.person_id is None and not delivers:
            raise NotFound
        return await _page(db, principal, "/calendar", view, on)

    @get("/provider/calendar", permission=Permission.BOOKINGS_ANSWER)
    async def of_provider(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        on: FromQuery[str | None] = None,
        worker: FromQuery[str | None] = None,
    ) -> Template:
        """Show an organisation's visits of a week or month, or one worker's."""
        return await _page(db, principal, "/provider/calendar", view, on, worker)

    @get("/calendar/feeds", permission=Permission.SIGNED_IN)
    async def feeds(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List secret addresses for calendar programs."""
        return Template("bookings/visits/feeds.html", context={"feeds": await Feeds(db).of(principal), "address": ""})

    @post("/calendar/feeds", permission=Permission.SIGNED_IN, status_code=200)
    async def make(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Make an address, or a new one for an old one; it is shown on this page alone."""
        service, old = Feeds(db), parse_id(str(data.get("feed") or ""))
        secret = await (service.rotate(principal, old) if old else service.make(principal))
        site = request.app.state.settings.public_url.rstrip("/")
        context = {"feeds": await service.of(principal), "address": f"{site}/calendar/{secret}.ics"}
        return Template("bookings/visits/feeds.html", context=context, headers=PRIVATE)

    @post("/calendar/feeds/{feed_id:str}/end", permission=Permission.SIGNED_IN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        feed_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End an address."""
        wanted = parse_id(feed_id)
        if wanted is None:
            raise NotFound
        found: UUID = wanted

        async def act() -> str:
            await Feeds(db).end(principal, found)
            flash(request, "The address no longer works")
            return "/calendar/feeds"

        return await submit(request, db, principal.actor, data, act)

    @get("/calendar/{name:str}", permission=None)
    async def read(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], name: FromPath[str]
    ) -> Response[bytes]:
        """The calendar under a secret, for programs; nothing in it says who or why."""
        if not name.endswith(".ics"):
            raise NotFound
        site = request.app.state.settings.public_url.rstrip("/")
        content = await Feeds(db).read(name.removesuffix(".ics"), site)
        headers = PRIVATE | {"content-disposition": 'inline; filename="visits.ics"'}
        return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)

    @get("/visits-to-replace", permission=Permission.REQUIREMENTS_WRITE)
    async def to_replace(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List visits to come that need somebody else because a provider's agreement ends: for brokers."""
        rows = await VisitReader(db).taken_away([principal.council_id], today(clock_of(db)), MOST_REPLACED + 1)
        people: dict[UUID, list[Any]] = {}
        for row in rows[:MOST_REPLACED]:
            people.setdefault(row.booking.person_id, []).append(row)
        context = {"people": list(people.values()), "has_more": len(rows) > MOST_REPLACED}
        return Template("bookings/visits/to_replace.html", context=context)
