"""Who and what is free while visits are planned: workers' time and the places of activities, in memory."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from marketplace.bookings.calendar import Span, WorkerCalendar
from marketplace.core.clock import local


class Diary:
    """Workers' time that is taken, by all councils, and days on which they are away.

    Working hours are not asked: a provider who agreed to a weekly visit has its own view of who works when.
    """

    def __init__(self, calendars: Mapping[UUID, WorkerCalendar]) -> None:
        self._calendars = calendars
        self._taken: dict[UUID, list[Span]] = {worker: list(found.busy) for worker, found in calendars.items()}

    def is_free(self, worker_id: UUID, visit: Span, travel_minutes: int) -> bool:
        """Whether a worker could take a visit and the way to the next."""
        found = self._calendars.get(worker_id)
        if found is None or found.is_away(local(visit.starts_at).date()):
            return False
        until = visit.ends_at + timedelta(minutes=travel_minutes)
        return not any(span.starts_at < until and visit.starts_at < span.ends_at for span in self._taken[worker_id])

    def take(self, worker_id: UUID, visit: Span, travel_minutes: int) -> None:
        """Write a visit down."""
        self._taken[worker_id].append(Span(visit.starts_at, visit.ends_at + timedelta(minutes=travel_minutes)))

    def release(self, worker_id: UUID, taken: Span) -> None:
        """Forget a stretch: a visit that is about to move does not stand in its own way."""
        spans = self._taken.get(worker_id, [])
        if taken in spans:
            spans.remove(taken)


class Places:
    """Places of activities that are taken: (listing, place, time)."""

    def __init__(self, taken: Iterable[tuple[UUID, int, Span]]) -> None:
        self._taken: dict[UUID, list[tuple[int, Span]]] = {}
        for listing_id, place, span in taken:
            self._taken.setdefault(listing_id, []).append((place, span))

    def take(self, listing_id: UUID, most: int, session: Span) -> int | None:
        """Take the lowest free place of a session; None when all `most` are taken."""
        rows = self._taken.setdefault(listing_id, [])
        gone = {place for place, span in rows if span.starts_at < session.ends_at and session.starts_at < span.ends_at}
        place = next((number for number in range(1, most + 1) if number not in gone), None)
        if place is not None:
            rows.append((place, session))
        return place
