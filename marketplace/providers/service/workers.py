"""What workers say about their own time: usual hours, how far they travel, days away."""

import re
from collections.abc import Sequence
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import uk_time
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.core.places import METRES_PER_MILE
from marketplace.providers.events import ListingChanged, WorkerTimeChanged
from marketplace.providers.models import Worker, WorkerAbsence, WorkerHours
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.service.times import WEEKDAYS

MOST_MILES: Final = 100
LONGEST_ABSENCE: Final = timedelta(days=366)
_RANGES = re.compile(r"\s*(?:,|;|\band\b)\s*", re.IGNORECASE)
_TO = re.compile(r"\s*(?:\bto\b|[-–—])\s*", re.IGNORECASE)
_WORDS = {"midday": "12:00pm", "noon": "12:00pm", "midnight": "11:59pm"}

Range = tuple[time, time]


class HoursForm(msgspec.Struct, frozen=True):
    """Usual hours by weekday, and how far the worker travels."""

    hours: dict[int, list[Range]]
    radius_metres: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "HoursForm":
        """Read one field a day: "9am to 5pm", "9am to midday, 2pm to 6pm", or nothing.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        hours = {day: read_ranges(form, f"day{day}", name) for day, name in enumerate(WEEKDAYS)}
        distance = form.number("radius_miles", "how many miles you travel", least=1, most=MOST_MILES)
        form.done()
        return cls({day: ranges for day, ranges in hours.items() if ranges}, round(distance * METRES_PER_MILE))


class AbsenceForm(msgspec.Struct, frozen=True):
    """Days away, half-open."""

    starts_on: date
    ends_on: date

    @classmethod
    def read(cls, data: dict[str, Any], day: date) -> "AbsenceForm":
        """Read the first and the last day away.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        first = form.day("first_day", "the first day away")
        last = form.day("last_away", "the last day away")
        if first and last and last < first:
            form.wrong("last_away", "The last day away must be the same as or after the first")
        elif last and last < day:
            form.wrong("last_away", "The last day away must be today or later")
        elif first and last and last - first > LONGEST_ABSENCE:
            form.wrong("last_away", "Days away must be within one year")
        form.done()
        if first is None or last is None:
            raise AssertionError("done() refuses a form without these")
        return cls(first, last + timedelta(days=1))


class HasHours(Protocol):
    """Hours on a weekday, of a worker or of an offer."""

    @property
    def weekday(self) -> int:
        """0 is Monday."""
        ...

    @property
    def starts_local(self) -> time:
        """Wall clock."""
        ...

    @property
    def ends_local(self) -> time:
        """Wall clock."""
        ...


def hours_values(hours: Sequence[HasHours]) -> dict[str, str]:
    """Write usual hours as the form's fields: `day0` is Monday."""
    return {
        f"day{day}": ", ".join(
            f"{uk_time(row.starts_local)} to {uk_time(row.ends_local)}" for row in hours if row.weekday == day
        )
        for day in range(7)
    }


class WorkerService:
    """Writes a worker's own time. A worker sets their own, the provider role that of any of its workers."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.workers = WorkerRepository(db)

    def worker_id(self, principal: Principal, wanted: UUID | None) -> UUID:
        """Say whose time a user may see and set.

        Raises:
            NotFound: A worker asks for a colleague, or nobody is named.
        """
        if principal.worker_id is not None and wanted not in (None, principal.worker_id):
            raise NotFound
        found = principal.worker_id or wanted
        if found is None:
            raise NotFound
        return found

    async def worker(self, principal: Principal, wanted: UUID | None, *, locked: bool = False) -> Worker:
        """Return the worker whose time is meant.

        Raises:
            NotFound: Not one this user may set.
        """
        principal.require(Permission.CAPACITY_OWN)
        worker_id = self.worker_id(principal, wanted)
        return await self.workers.find(principal.need_organisation(), worker_id, locked=locked)

    async def set_hours(self, principal: Principal, wanted: UUID | None, form: HoursForm) -> Worker:
        """Replace usual hours and the distance.

        Raises:
            NotFound: Not one this user may set.
        """
        worker = await self.worker(principal, wanted, locked=True)
        before = {"hours": hours_values(await self.workers.hours(worker.id)), "radius_metres": worker.radius_metres}
        await self.workers.clear_hours(worker.id)
        rows = [
            WorkerHours(id=new_id(), worker_id=worker.id, weekday=day, starts_local=start, ends_local=end)
            for day, ranges in form.hours.items()
            for start, end in ranges
        ]
        self.db.add_all(rows)
        worker.radius_metres = form.radius_metres
        after = {"hours": hours_values(rows), "radius_metres": form.radius_metres}
        await self.db.flush()
        self._record(principal, worker, "providers.set_hours", before, after)
        await self._tell(principal, worker)
        return worker

    async def add_absence(self, principal: Principal, wanted: UUID | None, form: AbsenceForm) -> Worker:
        """Note days away.

        Raises:
            NotFound: Not one this user may set.
            InvalidInput: Some of the days are noted already.
        """
        worker = await self.worker(principal, wanted, locked=True)
        for other in await self.workers.absences(worker.id, today(clock_of(self.db))):
            if other.starts_on < form.ends_on and form.starts_on < other.ends_on:
                raise InvalidInput({"first_day": "Some of these days are already noted as days away"})
        row = WorkerAbsence(id=new_id(), worker_id=worker.id, starts_on=form.starts_on, ends_on=form.ends_on)
        self.db.add(row)
        await self.db.flush()
        days = {"starts_on": form.starts_on, "ends_on": form.ends_on}
        self._record(principal, worker, "providers.add_absence", None, days)
        await self._tell(principal, worker)
        self._publish_time(principal, worker)
        return worker

    async def remove_absence(self, principal: Principal, wanted: UUID | None, absence_id: UUID) -> Worker:
        """Take days away back.

        Raises:
            NotFound: Not one this user may set.
        """
        worker = await self.worker(principal, wanted, locked=True)
        row = await self.workers.absence(worker.id, absence_id)
        days = {"starts_on": row.starts_on, "ends_on": row.ends_on}
        await self.db.delete(row)
        await self.db.flush()
        self._record(principal, worker, "providers.remove_absence", days, None)
        await self._tell(principal, worker)
        self._publish_time(principal, worker)
        return worker

    def _record(
        self,
        principal: Principal,
        worker: Worker,
        action: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="worker",
            subject_id=worker.id,
            before=before,
            after=after,
        )

    def _publish_time(self, principal: Principal, worker: Worker) -> None:
        publish(
            self.db,
            WorkerTimeChanged(
                council_id=principal.council_id, organisation_id=worker.organisation_id, worker_id=worker.id
            ),
        )

    async def _tell(self, principal: Principal, worker: Worker) -> None:
        for listing_id in await self.workers.listing_ids(worker.id):
            publish(self.db, ListingChanged(council_id=principal.council_id, listing_id=listing_id))


def read_ranges(form: FormReader, name: str, day: str) -> list[Range]:
    """Read the times of one day, in order and apart from each other."""
    text = form.text(name, f"the times on {day}", required=False, longest=80)
    if not text:
        return []
    found: list[Range] = []
    for part in _RANGES.split(text):
        ends = _TO.split(part.strip())
        times = [_time(end) for end in ends]
        if len(times) != 2 or times[0] is None or times[1] is None:
            form.wrong(name, f"{day} must be times like 9am to 5pm, or empty")
            return []
        if times[1] <= times[0]:
            form.wrong(name, f"On {day} the end must be after the start")
            return []
        found.append((times[0], times[1]))
    found.sort()
    if any(later[0] < earlier[1] for earlier, later in pairwise(found)):
        form.wrong(name, f"On {day} two times overlap")
        return []
    return found


def _time(text: str) -> time | None:
    # Midnight as an end is the last minute of the day: hours of a day do not reach into the next.
    reader = FormReader({"time": _WORDS.get(text.strip().casefold(), text)})
    found = reader.clock_time("time", "the time")
    return None if reader.errors else found
