"""Secret addresses under which a calendar program reads somebody's visits: no names, no needs, nothing but times."""

from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID

from icalendar import Calendar, Event
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings.models import Booking, CalendarFeed
from marketplace.bookings.repository_visits import FeedReader, VisitReader
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import Conflict, NotFound

MOST_FEEDS = 5
BACK, AHEAD = timedelta(weeks=4), timedelta(weeks=26)
MOST_VISITS = 2_000
UNSURE = frozenset({BookingStatus.REQUESTED, BookingStatus.AWAITING_PAYMENT, BookingStatus.PLANNED})
TITLE = "Visit"


class Feeds:
    """The verbs of calendar feeds."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.feeds = FeedReader(db)

    async def of(self, principal: Principal) -> list[CalendarFeed]:
        """Return the feeds of who is signed in, in the role they are in."""
        membership_id = await self._membership(principal)
        return list(
            await self.feeds.every(self.feeds.of_user(principal.council_id, principal.user_id, [membership_id]))
        )

    async def make(self, principal: Principal) -> str:
        """Make an address; returns its secret, which is shown once and never stored.

        Raises:
            NotFound: The role has no visits of its own.
            Conflict: There are enough of them.
        """
        membership_id = await self._membership(principal)
        if len(await self.of(principal)) >= MOST_FEEDS:
            raise Conflict(f"You have {MOST_FEEDS} calendar addresses. End one before you make another.")
        secret = token_urlsafe(32)
        row = CalendarFeed(
            council_id=principal.council_id,
            user_id=principal.user_id,
            membership_id=membership_id,
            person_id=principal.person_id,
            worker_id=None if principal.person_id else principal.worker_id,
            secret_hash=hash_of(secret),
            created_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, row, "bookings.make_feed")
        return secret

    async def end(self, principal: Principal, feed_id: UUID) -> None:
        """End an address: calendar programs find nothing there any more.

        Raises:
            NotFound: It is not theirs, or ended.
        """
        question = self.feeds.of_user(principal.council_id, principal.user_id, [await self._membership(principal)])
        row = await self.feeds.one(question.where(CalendarFeed.id == feed_id), locked=True)
        row.ended_at = self.clock.now()
        self._note(principal, row, "bookings.end_feed")
        await self.db.flush()

    async def rotate(self, principal: Principal, feed_id: UUID) -> str:
        """End an address and make a new one; returns the new secret."""
        await self.end(principal, feed_id)
        return await self.make(principal)

    async def read(self, secret: str, site: str) -> bytes:
        """Return the calendar under a secret, for anybody who has it. The session's scope is set here.

        Raises:
            NotFound: There is none, it was ended, or the role of who made it is over.
        """
        await scope_to(self.db, "every")
        row = await self.feeds.by_secret(hash_of(secret)) if 20 <= len(secret) <= 100 else None
        if row is None or not await self.feeds.is_live(row.membership_id, today(self.clock)):
            raise NotFound
        now = self.clock.now()
        visits = VisitReader(self.db)
        question = visits.of_calendar(now - BACK, now + AHEAD)
        if row.person_id is not None:
            # One person is one council's; a worker's day may hold visits for several.
            await scope_to(self.db, [row.council_id])
            question = question.where(Booking.council_id == row.council_id, Booking.person_id == row.person_id)
        elif row.worker_id is not None:
            question = visits.of_worker(question, row.worker_id).where(Booking.status != BookingStatus.AWAITING_PAYMENT)
        found = await visits.every(question.order_by(Booking.starts_at, Booking.id).limit(MOST_VISITS))
        await self.feeds.note_read(row.id, now)
        base = f"{site}/bookings" if row.person_id is not None else f"{site}/provider/bookings"
        return calendar_of(list(found), base)

    async def _membership(self, principal: Principal) -> UUID:
        own = Permission.BOOKINGS_OWN if principal.person_id is not None else Permission.VISITS_DELIVER
        if not principal.may(own):
            raise NotFound
        found = await self.feeds.membership(
            principal.user_id, principal.council_id, principal.role, principal.person_id, principal.worker_id
        )
        if found is None or (principal.person_id is None and principal.worker_id is None):
            raise NotFound
        return found

    def _note(self, principal: Principal, row: CalendarFeed, action: str) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="calendar_feed",
            subject_id=row.id,
        )


def hash_of(secret: str) -> bytes:
    """Return what is stored of a secret. It is random and long, so a fast hash is enough."""
    return sha256(secret.encode()).digest()


def calendar_of(visits: list[Booking], base: str) -> bytes:
    """Write visits as a calendar (RFC 5545) with the rules of Europe/London inside.

    A title says that there is a visit and no more: whoever sees the screen learns nothing of care.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Care Marketplace//Visits//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Visits")
    calendar.add("refresh-interval", timedelta(hours=4), parameters={"value": "DURATION"})
    for visit in visits:
        event = Event()
        event.add("uid", f"{visit.id}@visits")
        # When it was made is no matter; the number of changes is what programs compare.
        event.add("dtstamp", visit.requested_at)
        event.add("sequence", visit.version)
        for name, at in (("dtstart", visit.starts_at), ("dtend", visit.ends_at)):
            # In the hour that comes twice only UTC says which one is meant.
            event.add(name, at if local(at).fold else local(at))
        event.add("summary", TITLE)
        event.add("status", "TENTATIVE" if visit.status in UNSURE else "CONFIRMED")
        event.add("url", f"{base}/{visit.id}")
        calendar.add_component(event)
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written
